/**
 * Small counted loops are unrolled: a loop of several rounds without tests in between runs first, what is left is the
 * loop's as it was. Sums and the like get a variable for each copy, so that rounds do not wait for each other.
 */

import { CountedLoop } from "../ir/counted.ts";
import { emitter } from "../ir/emit.ts";
import { type Emit, fold } from "../ir/fold.ts";
import type { Block, Fn, Value } from "../ir/ir.ts";
import { latency } from "../ir/latency.ts";
import { CALLS, NE, type Op, op, UGE } from "../ir/ops.ts";
import type { PassContext } from "../passes.ts";

/** Operations of a round: of loops with more the test is a small part, which is sooner so where it is one operation. */
const MOST_OPERATIONS = 12;
const MOST_BESIDE_TEST = 10;
/** Copies of a round: fewer of longer ones. */
const COPIES = 4;
const COPIES_OF_LONG = 2;
/** Rounds of so many operations at most wait for their sums: a variable for each copy helps. */
const SHORT = 5;
/** Instructions that start in a cycle, about, and those that count rounds. */
const WIDTH = 4;
const COUNTING = 3;
const FREE = new Set<Op>([op.zext, op.trunc, op.icmp]);

export function unrollCounted(fn: Fn, { features }: Pick<PassContext, "features">): void {
  const isJoined = !features.has("branch-on-zero");
  for (const block of [...fn.blocks]) {
    const loop = CountedLoop.at(block);
    if (loop === undefined || !pays(loop, isJoined)) continue;
    const unrolling = new Unrolling(fn, loop);
    if (!unrolling.waits()) unrolling.run();
  }
}

/** `isJoined`: a comparison and its branch are one operation. */
function pays({ block, latch }: CountedLoop, isJoined: boolean): boolean {
  const work = block.body.filter((v) => !FREE.has(v.op));
  if (work.length > (isJoined ? MOST_BESIDE_TEST : MOST_OPERATIONS)) return false;
  // Beside them so little counts for nothing.
  if (isJoined && work.some((v) => v.op === op.udiv || v.op === op.umod)) return false;
  if (work.some((v) => CALLS.has(v.op) || v.op === op.copy || v.op === op.fill)) return false;
  return block.phis.every((phi) => phi.args[latch] !== phi);
}

/** Operations whose order does not matter, with what changes nothing. */
const IDENTITY = new Map<Op, number>([
  [op.add, 0],
  [op.xor, 0],
  [op.or, 0],
  [op.and, -1],
]); // prettier-ignore

/** How values of several copies become one. */
interface Gathering {
  /** What a copy but the first starts with. */
  start: Value;
  join(a: Value, b: Value): Value;
}

class Unrolling {
  private readonly fn: Fn;
  private readonly loop: CountedLoop;
  /** Operations of a round. */
  private readonly work: number;
  private readonly copyCount: number;
  private readonly emit: Emit;
  block: Block;
  at = -1;

  constructor(fn: Fn, loop: CountedLoop) {
    this.fn = fn;
    this.loop = loop;
    this.block = loop.from;
    this.emit = emitter(fn, this);
    this.work = loop.block.body.filter((v) => !FREE.has(v.op)).length;
    this.copyCount = this.work > SHORT ? COPIES_OF_LONG : COPIES;
  }

  /** A round waits for the one before it for longer than its instructions take: the test costs nothing. */
  waits(): boolean {
    const { block, latch } = this.loop;
    const cycles = (this.work + COUNTING) / WIDTH;
    return block.phis.some((phi) => {
      if (this.loop.step(phi) !== undefined || this.accumulates(phi) !== undefined) return false;
      const ready = new Map<Value, number>([[phi, 0]]);
      for (const v of block.body) {
        const known = v.args.flatMap((arg) => ready.get(arg) ?? []);
        if (known.length === 0) continue;
        ready.set(v, Math.max(...known) + latency(v));
      }
      return (ready.get(phi.args[latch]) ?? 0) >= cycles;
    });
  }

  run(): void {
    const { fn, loop, emit } = this;
    const { block, from, entry } = loop;
    const check = fn.block();
    this.at = block.at;
    check.at = block.at;
    this.block = check;
    const rounds = loop.roundsBeforeLast(fn, emit);
    if (rounds === undefined || rounds.op === op.const) {
      fn.blocks.pop();
      return;
    }
    const enough = emit(op.icmp, 1, [rounds, fn.const(64, this.copyCount)], UGE);
    const many = fn.block();
    const body = fn.block();
    const after = fn.block();
    for (const made of [many, body, after]) made.at = block.at;
    from.successors[from.successors.indexOf(block)] = check;
    check.predecessors = [from];
    block.predecessors[entry] = check;
    Object.assign(check, { end: "branch", control: enough, successors: [many, block] });
    many.predecessors = [check];
    this.block = many;
    const times = emit(op.lshr, 64, [rounds, fn.const(64, Math.log2(this.copyCount))]);
    Object.assign(many, { end: "jump", successors: [body] });
    const ends = this.copies(body, times);
    this.block = after;
    Object.assign(after, { end: "jump", successors: [block], predecessors: [body] });
    Object.assign(body, { successors: [body, after] });
    body.predecessors = [many, body];
    block.predecessors.push(after);
    for (const [i, phi] of block.phis.entries()) phi.args.push(ends[i]());
  }

  /** What a phi gathers: used by its own operation alone, whose order does not matter. */
  private accumulates(phi: Value): Gathering | undefined {
    const { block, latch, entry } = this.loop;
    const next = phi.args[latch];
    if (next.block !== block || this.loop.step(phi) !== undefined) return undefined;
    const extreme = this.extreme(phi, next);
    if (this.work > (extreme === undefined ? SHORT : 2 * SHORT)) return undefined;
    const isSum = IDENTITY.has(next.op) && next.args.includes(phi) && next.args[0] !== next.args[1];
    if (!isSum && extreme === undefined) return undefined;
    const own = extreme === undefined ? [next] : [next, extreme.condition];
    const isOwn = (v: Value) => !v.args.includes(phi) || own.includes(v);
    // An extension for those behind the loop is made in the last round, which stays as it was.
    const isLast = (v: Value) => !v.args.includes(next) || (v.op === op.zext && this.isForOthers(v));
    const others = block.phis.some(
      (other) => other !== phi && (other.args.includes(next) || other.args.includes(phi)),
    );
    if (others || !block.body.every((v) => isOwn(v) && isLast(v)) || block.control === next) return undefined;
    if (extreme === undefined) {
      const start = this.fn.const(phi.type, IDENTITY.get(next.op)!);
      return { start, join: (a, b) => this.emit(next.op, phi.type, [a, b]) };
    }
    return { start: phi.args[entry], join: extreme.join };
  }

  /** No operation of the loop uses it. */
  private isForOthers(v: Value): boolean {
    const { block, latch } = this.loop;
    return (
      !block.body.some(({ args }) => args.includes(v)) && !block.phis.some(({ args }) => args[latch] === v)
    );
  }

  /** The largest or least value: select(x > phi, x, phi), any way round. */
  private extreme(phi: Value, next: Value): { condition: Value; join: Gathering["join"] } | undefined {
    if (next.op !== op.select) return undefined;
    const [condition, yes, no] = next.args;
    const x = yes === phi ? no : yes;
    if (condition.op !== op.icmp || condition.block !== this.loop.block || (yes !== phi && no !== phi))
      return undefined;
    const [a, b] = condition.args;
    if (x === phi || !((a === phi && b === x) || (a === x && b === phi)) || condition.aux <= NE)
      return undefined;
    const { emit } = this;
    const join = (one: Value, other: Value) => {
      const of = (v: Value) => (v === phi ? one : other);
      const test = emit(op.icmp, 1, [of(a), of(b)], condition.aux);
      return emit(op.select, phi.type, [test, of(yes), of(no)]);
    };
    return { condition, join };
  }

  /** Fills the unrolled loop; gives, for each phi, what makes its value behind the loop. */
  private copies(body: Block, times: Value): (() => Value)[] {
    const { fn, loop, emit } = this;
    const { block, entry, latch } = loop;
    this.block = body;
    const accumulators = block.phis.map((phi) => this.accumulates(phi));
    const phis = block.phis.map((phi, i) => {
      const count = accumulators[i] === undefined ? 1 : this.copyCount;
      return Array.from({ length: count }, (_, copy) => {
        const made = fn.value(op.phi, phi.type, [], body, phi.at);
        const start = copy === 0 ? phi.args[entry] : accumulators[i]!.start;
        made.args = [start];
        body.phis.push(made);
        return made;
      });
    });
    const counter = fn.value(op.phi, 64, [times], body, block.at);
    body.phis.push(counter);
    const lasts = phis.map((list) => [...list]);
    let names = new Map<Value, Value>();
    for (let copy = 0; copy < this.copyCount; copy++) {
      const now = new Map<Value, Value>();
      for (const [i, phi] of block.phis.entries()) {
        const isSplit = accumulators[i] !== undefined;
        now.set(
          phi,
          isSplit ? phis[i][copy] : copy === 0 ? phis[i][0] : (names.get(phi.args[latch]) ?? phi.args[latch]),
        );
      }
      names = now;
      for (const v of block.body) {
        if (v === block.control) continue;
        this.at = v.at;
        const args = v.args.map((arg) => names.get(arg) ?? arg);
        const made = fn.copy(v, args, body, v.at);
        const result = fold(fn, made, emit);
        if (result === made) body.body.push(made);
        names.set(v, result);
      }
      for (const [i, phi] of block.phis.entries())
        if (accumulators[i] !== undefined) lasts[i][copy] = names.get(phi.args[latch])!;
    }
    this.at = block.at;
    for (const [i, phi] of block.phis.entries()) {
      if (accumulators[i] === undefined) lasts[i][0] = names.get(phi.args[latch]) ?? phi.args[latch];
      for (const [copy, made] of phis[i].entries()) made.args.push(lasts[i][copy]);
    }
    const next = emit(op.add, 64, [counter, fn.const(64, -1)]);
    counter.args.push(next);
    body.end = "branch";
    body.control = emit(op.icmp, 1, [next, fn.const(64, 0)], NE);
    return block.phis.map((_, i) => () => {
      const [first, ...rest] = lasts[i];
      return rest.reduce((sum, part) => accumulators[i]!.join(sum, part), first);
    });
  }
}
