/**
 * How much of its 512 bytes of BPF stack a function touches: requires folded addresses. An access at a constant
 * place outside the frame is refused, verified or not: it would overwrite the caller's.
 */

import { InputError } from "../../formats/error.ts";
import { FRAME_SIZE } from "../../formats/isa/bpf.ts";
import { isConst } from "../ir/fold.ts";
import type { Fn, Value } from "../ir/ir.ts";
import { bytesOf, FAR, isAccess, mostOf, usesFrame } from "../ir/memory.ts";
import { op } from "../ir/ops.ts";

/** Lowest address of a value that is none in the frame. */
const ELSEWHERE = 1;
/** Looks at a function until its lowest addresses are known; those that still sink then sink to the frame's start. */
const ROUNDS = 3;

/**
 * Sets fn.stack. `where(insn)` names an instruction for the message. `used`: what the verifier saw accessed, in bytes;
 * without it, what is handed to others is taken to begin where its address points to.
 */
export function measureFrame(fn: Fn, where: (insn: number) => string, used?: number): void {
  fn.stack = 0;
  if (!usesFrame(fn)) return;
  checkPlaces(fn, where);
  const { low, isExact } = new Lowest(fn);
  fn.stack = used === undefined ? -low : isExact ? Math.min(-low, used) : used;
}

function checkPlaces(fn: Fn, where: (insn: number) => string): void {
  for (const { body } of fn.blocks)
    for (const v of body) {
      if (v.args[0]?.op !== op.frame || !isAccess(v)) continue;
      const [from, bytes] = [v.aux, bytesOf(v)];
      if (from >= -FRAME_SIZE && from + bytes <= 0) continue;
      throw new InputError("ERR_RUNBPF_INSN", {
        where: where(v.at),
        expected: `an access within the ${FRAME_SIZE} bytes below r10`,
        got: `${bytes} bytes at r10${from < 0 ? " - " : " + "}${Math.abs(from)}`,
      });
    }
}

/** The lowest byte that is touched, counted from the frame's end. */
class Lowest {
  low = 0;
  /** All accesses through the frame's address are this function's own. */
  isExact = true;
  /** By value: its lowest address in the frame, or ELSEWHERE. */
  private readonly of: Int16Array;

  constructor(fn: Fn) {
    this.of = new Int16Array(fn.nextValue).fill(ELSEWHERE);
    this.of[fn.leaf(op.frame, 64, 0).id] = 0;
    for (let round = 0; this.follow(fn, round >= ROUNDS); round++);
    for (const { body, control } of fn.blocks) {
      for (const v of body) this.touch(v);
      if (control !== null) this.handOut(control);
    }
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
    if (isConst(index) && index.hi === index.lo >> 31) return Math.max(lowest + index.lo, -FRAME_SIZE);
    return mostOf(index) < FAR ? lowest : -FRAME_SIZE;
  }

  private touch(v: Value): void {
    const [base, ...others] = v.args;
    if (isAccess(v)) {
      const from = this.of[base.id];
      if (from !== ELSEWHERE) this.low = Math.max(Math.min(this.low, from + v.aux), -FRAME_SIZE);
      for (const arg of others) this.handOut(arg);
    } else if (v.op === op.kernel) {
      if (v.args.some((arg) => this.of[arg.id] !== ELSEWHERE)) this.low = -FRAME_SIZE;
    } else if (!v.op.pure) for (const arg of v.args) this.handOut(arg);
  }

  private handOut({ id }: Value): void {
    if (this.of[id] === ELSEWHERE) return;
    this.isExact = false;
    this.low = Math.min(this.low, this.of[id]);
  }
}
