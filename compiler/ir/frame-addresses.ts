/** How far below its frame's end each value of a function may point: a lower bound, also around loops. */

import { FRAME_SIZE } from "../../formats/isa/bpf.ts";
import { isSmall } from "./fold.ts";
import type { Fn, Value } from "./ir.ts";
import { FAR, mostOf } from "./memory.ts";
import { op } from "./ops.ts";

/** Lowest address of a value that is none in the frame. */
const ELSEWHERE = 1;
/** Looks at a function until its lowest addresses are known; those that still sink then sink to the frame's start. */
const ROUNDS = 3;

export class FrameAddresses {
  /** By value: its lowest address in the frame, or ELSEWHERE. */
  private readonly of: Int16Array;

  constructor(fn: Fn) {
    this.of = new Int16Array(fn.nextValue).fill(ELSEWHERE);
    this.of[fn.leaf(op.frame, 64, 0).id] = 0;
    for (let round = 0; this.follow(fn, round >= ROUNDS); round++);
  }

  /** From -512 to 0, counted from the frame's end; undefined for what is computed from no address in the frame. */
  lowest({ id }: Value): number | undefined {
    const low = this.of[id];
    return low === ELSEWHERE ? undefined : low;
  }

  /** Whether anything changed. */
  private follow(fn: Fn, sinks: boolean): boolean {
    const { of } = this;
    let changed = false;
    for (const { phis, body } of fn.blocks)
      for (const list of [phis, body])
        for (const v of list) {
          if (!v.op.pure) continue;
          const low = this.lowestOf(v);
          if (low >= of[v.id]) continue;
          of[v.id] = sinks ? -FRAME_SIZE : low;
          changed = true;
        }
    return changed;
  }

  private lowestOf(v: Value): number {
    const { of } = this;
    const [a, b] = v.args;
    const lowest = v.args.reduce((low, arg) => Math.min(low, of[arg.id]), ELSEWHERE);
    if (lowest === ELSEWHERE || v.op === op.icmp) return ELSEWHERE;
    if (v.op === op.phi || v.op === op.select) return lowest;
    if (v.op !== op.add || (of[a.id] !== ELSEWHERE && of[b.id] !== ELSEWHERE)) return -FRAME_SIZE;
    const index = of[a.id] === ELSEWHERE ? a : b;
    const from = isSmall(index) ? index.lo : startOf(index);
    if (from !== undefined) return Math.max(Math.min(lowest + from, 0), -FRAME_SIZE);
    return mostOf(index) < FAR ? lowest : -FRAME_SIZE;
  }
}

/** Counters with no greater steps than this are never so far that they start again from below. */
const MOST_STEP = 4096;

/** The least constant from which a 64-bit counter starts that only goes up. */
function startOf(v: Value): number | undefined {
  if (v.op !== op.phi || v.type !== 64) return undefined;
  let start = Number.POSITIVE_INFINITY;
  for (const arg of v.args) {
    const isNext = arg.op === op.add && arg.args[0] === v && isSmall(arg.args[1]);
    if (isSmall(arg)) start = Math.min(start, arg.lo);
    else if (!isNext || arg.args[1].lo < 0 || arg.args[1].lo > MOST_STEP) return undefined;
  }
  return Number.isFinite(start) ? start : undefined;
}
