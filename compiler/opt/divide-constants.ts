/**
 * Divisions and remainders by constants become multiplications by a reciprocal (Granlund and Montgomery, 1994):
 * n / d = n * m >> p, where m = floor(2^p / d) + 1 and the error m * d - 2^p is small enough for every n.
 */

import * as i64 from "../../formats/int64.ts";
import { replaceEach } from "../ir/emit.ts";
import { type Emit, isConst } from "../ir/fold.ts";
import type { Fn, Value } from "../ir/ir.ts";
import { loopDepths } from "../ir/loops.ts";
import { op } from "../ir/ops.ts";
import type { PassContext } from "../passes.ts";

const DIVISIONS = new Set([op.udiv, op.umod, op.sdiv, op.smod] as (typeof op.udiv)[]);

/** At -Os only in loops: a division is half as long, and ten times as slow. */
export function divideConstants(fn: Fn, { level }: Pick<PassContext, "level">): void {
  const depth = level === "s" ? loopDepths(fn) : undefined;
  replaceEach(
    fn,
    (v, emit) => (DIVISIONS.has(v.op) && isConst(v.args[1]) ? new Division(fn, emit).of(v) : undefined),
    (block) => depth?.[block.id] !== 0,
  );
}

/** The reciprocal of d for dividends below 2^bits: m < 2^most, and p; undefined: m would be larger. */
function reciprocal(
  d: bigint,
  bits: bigint,
  least: bigint,
  most: bigint,
): { m: bigint; p: bigint } | undefined {
  for (let p = least; p <= bits + 64n; p++) {
    const m = (1n << p) / d + 1n;
    if (m >= 1n << most) return undefined;
    if (m * d - (1n << p) <= 1n << (p - bits)) return { m, p };
  }
  return undefined;
}

class Division {
  private readonly fn: Fn;
  private readonly emit: Emit;

  constructor(fn: Fn, emit: Emit) {
    this.fn = fn;
    this.emit = emit;
  }

  /** What stands for the division; undefined where it stays. */
  of(v: Value): Value | undefined {
    const [n, by] = v.args;
    const signed = v.op === op.sdiv || v.op === op.smod;
    const d = v.type === 64 ? i64.toBig(by.lo, by.hi) : BigInt(by.lo);
    const size = signed && d < 0n ? -d : BigInt.asUintN(v.type, d);
    if (size < 2n || (signed && size >= 1n << BigInt(v.type - 1))) return undefined;
    const quotient = signed ? this.signed(n, size, d < 0n) : this.unsigned(n, size);
    if (v.op === op.udiv || v.op === op.sdiv) return quotient;
    return this.emit(op.sub, v.type, [n, this.emit(op.mul, v.type, [quotient, by])]);
  }

  private constant(value: bigint): Value {
    const lo = i64.fromBig(BigInt.asIntN(64, value));
    return this.fn.const(64, lo, i64.high);
  }

  private shift(v: Value, by: bigint): Value {
    return by === 0n ? v : this.emit(op.lshr, v.type, [v, this.fn.const(v.type, Number(by))]);
  }

  private unsigned(n: Value, d: bigint): Value {
    const power = i64.log2(i64.fromBig(d), i64.high);
    if (power >= 0) return this.shift(n, BigInt(power));
    return n.type === 64 ? this.unsigned64(n, d) : this.unsigned32(n, d);
  }

  private unsigned32(n: Value, d: bigint): Value {
    const { emit } = this;
    const wide = emit(op.zext, 64, [n]);
    const found = reciprocal(d, 32n, 32n, 32n);
    const product =
      found === undefined
        ? emit(op.umulh, 64, [wide, this.constant((1n << 64n) / d + 1n)])
        : this.shift(emit(op.mul, 64, [wide, this.constant(found.m)]), found.p);
    return emit(op.trunc, 32, [product]);
  }

  private unsigned64(n: Value, d: bigint): Value {
    const { emit } = this;
    const found = reciprocal(d, 64n, 64n, 64n);
    if (found !== undefined)
      return this.shift(emit(op.umulh, 64, [n, this.constant(found.m)]), found.p - 64n);
    let zeros = 0n;
    while (((d >> zeros) & 1n) === 0n) zeros++;
    if (zeros > 0n) {
      // An even divisor: half the dividend by half the divisor leaves room for a larger error.
      const half = reciprocal(d >> zeros, 64n - zeros, 64n, 64n)!;
      const product = emit(op.umulh, 64, [this.shift(n, zeros), this.constant(half.m)]);
      return this.shift(product, half.p - 64n);
    }
    // m has 65 bits: n * m = n * 2^64 + n * (m - 2^64), and the sum is made without its carry.
    const { m, p } = reciprocal(d, 64n, 64n, 65n)!;
    const high = emit(op.umulh, 64, [n, this.constant(m - (1n << 64n))]);
    const rest = this.shift(emit(op.sub, 64, [n, high]), 1n);
    return this.shift(emit(op.add, 64, [rest, high]), p - 65n);
  }

  /** The size of the dividend divided, with its sign (and the divisor's) put back. */
  private signed(n: Value, d: bigint, negative: boolean): Value {
    const { emit, fn } = this;
    const { type } = n;
    const sign = emit(op.ashr, type, [n, fn.const(type, type - 1)]);
    const size = emit(op.sub, type, [emit(op.xor, type, [n, sign]), sign]);
    const quotient = this.unsigned(size, d);
    const side = negative ? emit(op.xor, type, [sign, fn.const(type, -1)]) : sign;
    return emit(op.sub, type, [emit(op.xor, type, [quotient, side]), side]);
  }
}
