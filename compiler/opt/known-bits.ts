/**
 * Which bits of each value may be set, around loops too: masks and extensions that change nothing go, comparisons whose
 * outcome is sure become constants, what is signed of what is never negative unsigned, divisions of halves short.
 * What is proven of values counts; it must run before anything is moved then.
 */

import { ult } from "../../formats/int64.ts";
import { replaceEach } from "../ir/emit.ts";
import { Replacements } from "../ir/flow.ts";
import { type Emit, isConst, isZero } from "../ir/fold.ts";
import { blockOrder } from "../ir/graph.ts";
import type { Fn, Value } from "../ir/ir.ts";
import { EQ, NE, type Op, op, SLT, UGT, ULE, ULT } from "../ir/ops.ts";

/** After so many rounds a phi that still grows may have any bit: counters would grow by a bit a round. */
const PATIENCE = 4;

export function knownBits(fn: Fn): void {
  const bits = new Bits(fn);
  fn.promised.clear();
  const zeros = new Replacements(fn);
  for (const { phis } of fn.blocks)
    for (const phi of phis) if (bits.isZero(phi)) zeros.set(phi, fn.const(phi.type, 0));
  replaceEach(fn, (v, emit) => simpler(fn, v, bits, emit));
  zeros.apply(fn);
}

/** What treats values without a sign alike. */
const UNSIGNED = new Map<Op, Op>([
  [op.ashr, op.lshr],
  [op.sdiv, op.udiv],
  [op.smod, op.umod],
]);

/** What stands for `v`, whose arguments may have the given bits. */
function simpler(fn: Fn, v: Value, bits: Bits, emit: Emit): Value | undefined {
  if (!v.op.pure || v.args.length === 0) return undefined;
  if (v.op === op.icmp) return comparison(fn, v, bits);
  if (bits.isZero(v)) return fn.const(v.type, 0);
  const [a, b] = v.args;
  const unsigned = UNSIGNED.get(v.op);
  if (unsigned !== undefined && bits.isPositive(a) && (v.op === op.ashr || bits.isPositive(b)))
    v.op = unsigned;
  if ((v.op === op.udiv || v.op === op.umod) && v.type === 64 && bits.isLow(a) && bits.isLow(b)) {
    const halves = v.args.map((arg) => emit(op.trunc, 32, [arg]));
    return emit(op.zext, 64, [emit(v.op, 32, halves)]);
  }
  if (v.op === op.and && isConst(b) && bits.within(a, b.lo, b.hi)) return a;
  // Bits that were set and are subtracted again.
  if (v.op === op.add && a.op === op.or && isConst(b) && isConst(a.args[1]) && bits.undoes(a, b))
    return a.args[0];
  if (v.op === op.zext && a.op === op.trunc && bits.isLow(a.args[0])) return a.args[0];
  if (v.op === op.sext32 && a.op === op.trunc && bits.within(a.args[0], 0x7fffffff, 0)) return a.args[0];
  if (a.type !== v.type) return undefined;
  if (v.op === op.sext8 && bits.within(a, 0x7f, 0)) return a;
  if (v.op === op.sext16 && bits.within(a, 0x7fff, 0)) return a;
  return undefined;
}

function comparison(fn: Fn, v: Value, bits: Bits): Value | undefined {
  const [a, b] = v.args;
  if (v.aux >= SLT && bits.isPositive(a) && bits.isPositive(b)) v.aux += ULT - SLT;
  if (!isConst(b) || v.aux >= SLT) return undefined;
  const sure = (truth: boolean) => fn.const(1, truth ? 1 : 0);
  const never = !bits.covers(a, b);
  if (v.aux === EQ || v.aux === NE) return never ? sure(v.aux === NE) : undefined;
  const [lo, hi] = bits.most(a);
  const bh = b.type === 64 ? b.hi : 0;
  const below = ult(lo, hi, b.lo, bh);
  if (below) return sure(v.aux === ULT || v.aux === ULE);
  if (lo === b.lo && hi === bh && (v.aux === ULE || v.aux === UGT)) return sure(v.aux === ULE);
  return undefined;
}

/** By value: the bits that may be set; what goes round loops is assumed clear until shown otherwise. */
class Bits {
  private readonly lo: Int32Array;
  private readonly hi: Int32Array;
  /** Bits that a proof leaves. */
  private readonly promisedLo: Int32Array;
  private readonly promisedHi: Int32Array;

  constructor(fn: Fn) {
    this.lo = new Int32Array(fn.nextValue);
    this.hi = new Int32Array(fn.nextValue);
    this.promisedLo = new Int32Array(fn.nextValue).fill(-1);
    this.promisedHi = new Int32Array(fn.nextValue).fill(-1);
    for (const [{ id }, [lo, hi]] of fn.promised) {
      this.promisedLo[id] = lo;
      this.promisedHi[id] = hi;
    }
    for (const leaf of fn.leaves) this.set(leaf, ...leafBits(leaf));
    const order = blockOrder(fn);
    for (let round = 0, changed = true; changed; round++) {
      changed = false;
      for (const { phis, body } of order) {
        for (const phi of phis) {
          const grew = this.visit(phi);
          if (grew && round >= PATIENCE) this.set(phi, -1, -1);
          changed = changed || grew;
        }
        for (const v of body) if (this.visit(v)) changed = true;
      }
    }
  }

  isZero(v: Value): boolean {
    return this.lo[v.id] === 0 && this.hi[v.id] === 0 && v.type > 0;
  }

  /** No bit but those of hi:lo may be set. */
  within(v: Value, lo: number, hi: number): boolean {
    return (this.lo[v.id] & ~lo) === 0 && (v.type !== 64 || (this.hi[v.id] & ~hi) === 0);
  }

  /** The upper half is clear. */
  isLow(v: Value): boolean {
    return this.within(v, -1, 0);
  }

  /** x | c is x + c, and `c` minus that constant. */
  undoes({ args: [x, set], type }: Value, c: Value): boolean {
    return (
      this.within(x, ~set.lo, ~set.hi) &&
      set.lo === -c.lo &&
      (type === 32 || (set.hi === ~c.hi && c.lo !== 0))
    );
  }

  /** The sign bit is clear. */
  isPositive(v: Value): boolean {
    return (v.type === 64 ? this.hi : this.lo)[v.id] >= 0;
  }

  /** `v` may have all bits of the constant `c`. */
  covers(v: Value, c: Value): boolean {
    return (c.lo & ~this.lo[v.id]) === 0 && (v.type !== 64 || (c.hi & ~this.hi[v.id]) === 0);
  }

  /** No value is greater. */
  most(v: Value): [lo: number, hi: number] {
    return [this.lo[v.id], this.hi[v.id]];
  }

  /** Bits are only added: the rounds come to an end. */
  private set(v: Value, lo: number, hi: number): boolean {
    const { id, type } = v;
    const l = this.lo[id] | (lo & (type === 1 ? 1 : this.promisedLo[id]));
    const h = type === 64 ? this.hi[id] | (hi & this.promisedHi[id]) : 0;
    const changed = this.lo[id] !== l || this.hi[id] !== h;
    this.lo[id] = l;
    this.hi[id] = h;
    return changed;
  }

  /** How many low bits may be set. */
  private length({ id }: Value): number {
    return this.hi[id] !== 0 ? 64 - Math.clz32(this.hi[id]) : 32 - Math.clz32(this.lo[id]);
  }

  /** All of the low `count` bits. */
  private low(v: Value, count: number): boolean {
    const lo = count >= 32 ? -1 : 2 ** count - 1;
    const hi = count >= 64 ? -1 : count > 32 ? 2 ** (count - 32) - 1 : 0;
    return this.set(v, lo | 0, hi | 0);
  }

  private visit(v: Value): boolean {
    const { lo, hi } = this;
    const [a, b] = v.args;
    switch (v.op) {
      case op.and:
        return this.set(v, lo[a.id] & lo[b.id], hi[a.id] & hi[b.id]);
      case op.or:
      case op.xor:
        return this.set(v, lo[a.id] | lo[b.id], hi[a.id] | hi[b.id]);
      case op.phi:
        return this.union(v, v.args);
      case op.select:
        return this.union(v, v.args.slice(1));
      case op.add:
        return this.low(v, Math.max(this.length(a), this.length(b)) + 1);
      case op.mul:
        return this.low(v, this.length(a) + this.length(b));
      case op.udiv:
        return this.low(v, this.length(a) - (isConst(b) ? Math.max(this.length(b) - 1, 0) : 0));
      case op.umod:
        return this.low(
          v,
          isConst(b) && !isZero(b) ? Math.min(this.length(a), this.length(b)) : this.length(a),
        );
      case op.shl:
      case op.lshr:
        return isConst(b) ? this.shift(v, a, b.lo) : this.low(v, v.op === op.lshr ? this.length(a) : 64);
      case op.icmp:
        return this.low(v, 1);
      case op.clz:
      case op.ctz:
      case op.popcount:
        return this.low(v, v.aux === 1 ? 6 : 7);
      case op.zext:
      case op.trunc:
        return this.set(v, lo[a.id], 0);
      case op.load8:
        return this.low(v, 8);
      case op.load16:
      case op.bswap16:
        return this.low(v, 16);
      default:
        return this.set(v, -1, -1);
    }
  }

  private union(v: Value, args: readonly Value[]): boolean {
    let [l, h] = [0, 0];
    for (const { id } of args) {
      l |= this.lo[id];
      h |= this.hi[id];
    }
    return this.set(v, l, h);
  }

  private shift(v: Value, { id, type }: Value, count: number): boolean {
    const by = count & (type === 64 ? 63 : 31);
    const [l, h] = [this.lo[id], this.hi[id]];
    if (by === 0) return this.set(v, l, h);
    if (v.op === op.shl)
      return by >= 32 ? this.set(v, 0, l << (by - 32)) : this.set(v, l << by, (h << by) | (l >>> (32 - by)));
    return by >= 32 ? this.set(v, h >>> (by - 32), 0) : this.set(v, (l >>> by) | (h << (32 - by)), h >>> by);
  }
}

function leafBits({ op: row, lo, hi }: Value): [number, number] {
  if (row === op.const) return [lo, hi];
  return row === op.undef ? [0, 0] : [-1, -1];
}
