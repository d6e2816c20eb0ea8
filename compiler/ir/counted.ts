/** Loops of one block that count: which values grow by a constant each round, and how many rounds there are. */

import { holdsOn } from "./flow.ts";
import { type Emit, isConst, isSmall } from "./fold.ts";
import type { Block, Fn, Value } from "./ir.ts";
import { COND, NE, op, SLE, SLT, UGE, ULE, ULT } from "./ops.ts";

/** How far an address may be computed from a counter. */
const MOST_DEPTH = 100;

const isPower = (n: number): boolean => n > 0 && (n & (n - 1)) === 0;

export class CountedLoop {
  readonly block: Block;
  /** Where control comes from, and its place among the predecessors. */
  readonly from: Block;
  readonly entry: number;
  readonly latch: number;
  readonly exit: Block;
  private readonly strides = new Map<Value, number | undefined>();
  private readonly starts = new Map<Value, Value>();
  private depth = 0;

  /** Extensions of 32-bit counters that are taken not to overflow, with their steps: who asks for them must check. */
  readonly assumed = new Map<Value, number>();
  private readonly assumes: boolean;

  private constructor(block: Block, from: Block, exit: Block, assumes: boolean) {
    this.block = block;
    this.from = from;
    this.exit = exit;
    this.latch = block.predecessors.indexOf(block);
    this.entry = 1 - this.latch;
    this.assumes = assumes;
  }

  /** A block that leads to itself and to one other place; undefined: it is no such loop. */
  static at(block: Block, assumes = false): CountedLoop | undefined {
    if (block.end !== "branch" || block.predecessors.length !== 2 || !block.successors.includes(block))
      return undefined;
    const exit = block.successors.find((next) => next !== block);
    const from = block.predecessors.find((before) => before !== block);
    return exit && from && new CountedLoop(block, from, exit, assumes);
  }

  isInvariant(v: Value): boolean {
    return v.block !== this.block || v.args.length === 0;
  }

  /** Invariant, or the low half of what is. */
  private isFixed(v: Value): boolean {
    return this.isInvariant(v) || (v.op === op.trunc && this.isInvariant(v.args[0]));
  }

  /** By how much a 64-bit value grows each round; undefined where that is no constant. */
  stride(v: Value): number | undefined {
    if (this.isInvariant(v)) return 0;
    if (this.strides.has(v)) return this.strides.get(v);
    this.strides.set(v, undefined); // while it is looked at: a cycle that is no induction
    if (this.depth === MOST_DEPTH) return undefined;
    this.depth++;
    const found = this.findStride(v);
    this.depth--;
    this.strides.set(v, found);
    return found;
  }

  private findStride(v: Value): number | undefined {
    const [a, b] = v.args;
    if (v.type !== 64) return undefined;
    if (v.op === op.phi) return this.step(v);
    if (v.op === op.add || v.op === op.sub) {
      const [x, y] = [this.stride(a), this.stride(b)];
      if (x === undefined || y === undefined) return undefined;
      return v.op === op.add ? x + y : x - y;
    }
    if (this.assumes && (v.op === op.zext || v.op === op.sext32)) {
      const step = this.wrappingStep(a, 8);
      if (step === undefined || !isPower(Math.abs(step))) return undefined;
      this.assumed.set(v, step);
      return step;
    }
    const x = b !== undefined && isConst(b) ? this.stride(a) : undefined;
    if (x === undefined || b === undefined) return undefined;
    if (v.op === op.shl && b.lo < 8) return x * 2 ** b.lo;
    return undefined;
  }

  /** By how much a 32-bit value grows each round, modulo its width. */
  private wrappingStep(v: Value, depth: number): number | undefined {
    const [a, b] = v.args;
    if (this.isInvariant(v)) return 0;
    if (v.op === op.phi) return this.step(v);
    if (v.op === op.trunc) return this.stride(a);
    if (depth === 0 || (v.op !== op.add && v.op !== op.sub)) return undefined;
    const [x, y] = [this.wrappingStep(a, depth - 1), this.wrappingStep(b, depth - 1)];
    if (x === undefined || y === undefined) return undefined;
    return v.op === op.add ? x + y : x - y;
  }

  /** The same for a 32-bit counter, which counts like a wider one up to its bound. */
  private narrowStride(v: Value): number | undefined {
    const x = v.op === op.zext ? v.args[0] : v;
    if (x.type !== 32) return undefined;
    if (x.op === op.trunc) return this.stride(x.args[0]);
    if (x.op === op.phi) return this.step(x);
    return x.op === op.add && isConst(x.args[1]) && x.args[0].op === op.phi
      ? this.step(x.args[0])
      : undefined;
  }

  /** The step of an induction variable: phi(init, phi + step). */
  step(phi: Value): number | undefined {
    const next = phi.args[this.latch];
    if (phi.block !== this.block || phi.op !== op.phi || next.op !== op.add || next.args[0] !== phi)
      return undefined;
    const by = next.args[1];
    return isSmall(by) && Math.abs(by.lo) < 2 ** 20 ? by.lo : undefined;
  }

  /** The value in the first round, made outside: once, so that later calls are for places behind the first one. */
  atStart(v: Value, emit: Emit): Value {
    if (this.isInvariant(v)) return v;
    if (v.op === op.phi) return v.args[this.entry];
    let found = this.starts.get(v);
    if (found === undefined) {
      const args = v.args.map((arg) => this.atStart(arg, emit));
      found = emit(v.op, v.type, args, v.aux);
      this.starts.set(v, found);
    }
    return found;
  }

  /**
   * The number of rounds after which one more is certain to come: all but the last. Made outside, with `emit`; undefined
   * where the loop's end is not understood.
   */
  roundsBeforeLast(fn: Fn, emit: Emit): Value | undefined {
    const end = this.findEnd(fn, emit);
    if (end === undefined) return undefined;
    const { start, n, cond, step } = end;
    const distance = emit(op.sub, 64, [n, start]);
    const shift = fn.const(64, Math.log2(step));
    // Of a way that the steps never end there is no last round: any number is followed by another one.
    if (cond === NE) return emit(op.lshr, 64, [distance, shift]);
    // x < n: the rounds up to n; x <= n: one more.
    const up = emit(op.add, 64, [distance, fn.const(64, cond === ULT ? step - 1 : step)]);
    const more = emit(op.icmp, 1, [start, n], cond);
    return emit(op.select, 64, [more, emit(op.lshr, 64, [up, shift]), fn.const(64, 0)]);
  }

  /** Whether there are `least` rounds, two or more, before the last one, and how many if so: made later. */
  atLeast(least: number, fn: Fn, emit: Emit): { enough: Value; rounds(): Value } | undefined {
    const end = this.findEnd(fn, emit);
    if (end === undefined) return undefined;
    const { start, n, cond, step } = end;
    const spare = cond === ULT ? step - 1 : step;
    // From a constant on, n alone tells, and what is added to it cannot overflow.
    if (cond !== NE && isConst(start) && start.hi === 0 && start.lo >= spare && start.lo < 2 ** 20) {
      const bound = fn.const(64, start.lo + least * step - spare);
      const rounds = () => {
        const up = emit(op.add, 64, [n, fn.const(64, spare - start.lo)]);
        return emit(op.lshr, 64, [up, fn.const(64, Math.log2(step))]);
      };
      return { enough: emit(op.icmp, 1, [n, bound], UGE), rounds };
    }
    const rounds = this.roundsBeforeLast(fn, emit)!;
    return { enough: emit(op.icmp, 1, [rounds, fn.const(64, least)], UGE), rounds: () => rounds };
  }

  /** The loop goes on for as long as a number that grows from `start` by `step` is in relation `cond` to n. */
  private findEnd(fn: Fn, emit: Emit): { start: Value; n: Value; cond: number; step: number } | undefined {
    const known = holdsOn(this.block, this.block);
    if (known === undefined || this.block.control!.block !== this.block) return undefined;
    let { a: x, b: n, cond } = known;
    if (this.isFixed(x)) {
      [x, n] = [n, x];
      cond = COND[cond].swap;
    }
    if (cond === NE) return this.findMeeting(x, n, fn, emit);
    const step = this.narrowStride(x) ?? this.stride(x);
    if (!this.isFixed(n) || step === undefined || !isPower(Math.abs(step))) return undefined;
    // A way down from x to n is as long as one up from n to x.
    const up = step > 0 ? cond : COND[cond].swap;
    const order = up === SLT ? ULT : up === SLE ? ULE : up;
    if (order !== ULT && order !== ULE) return undefined;
    // With a sign numbers are in the order that those with the first bit turned have without.
    const sign = () => (x.type === 32 ? fn.const(32, 1 << 31) : fn.const(64, 0, 1 << 31));
    const turned = (v: Value) => this.wide(order === up ? v : emit(op.xor, v.type, [v, sign()]), emit);
    const [from, to] = [turned(this.atStart(x, emit)), turned(this.atStart(n, emit))];
    const [start, end] = step > 0 ? [from, to] : [to, from];
    return { start, n: end, cond: order, step: Math.abs(step) };
  }

  /** x meets n, from below or from above, modulo its width: as a way from 0 up to the distance. */
  private findMeeting(x: Value, n: Value, fn: Fn, emit: Emit): ReturnType<CountedLoop["findEnd"]> {
    const step = x.type === 32 ? this.narrowStride(x) : this.stride(x);
    const size = Math.abs(step ?? 0);
    if (!this.isFixed(n) || step === undefined || !isPower(size)) return undefined;
    const [start, end] = [this.atStart(x, emit), this.atStart(n, emit)];
    const way = emit(op.sub, x.type, step > 0 ? [end, start] : [start, end]);
    return { start: fn.const(64, 0), n: this.wide(way, emit), cond: NE, step: size };
  }

  private wide(v: Value, emit: Emit): Value {
    return v.type === 64 ? v : emit(op.zext, 64, [v]);
  }
}
