/**
 * Counts of bits that were written out, which is all that eBPF has: of set bits as sums of neighbouring fields, of zeros
 * in front of the highest one as that of the bits above it, of those behind the lowest as that of the bits below it, or
 * from a table, by a product that has other top bits for each of them.
 */

import * as i64 from "../../formats/int64.ts";
import { replaceEach } from "../ir/emit.ts";
import { isNonZeroAt } from "../ir/flow.ts";
import { type Emit, isConst, isInt, isZero } from "../ir/fold.ts";
import type { Block, Fn, Value } from "../ir/ir.ts";
import { EQ, op } from "../ir/ops.ts";
import type { PassContext } from "../passes.ts";

export function bitCounts(fn: Fn, { features, rodata }: Pick<PassContext, "features" | "rodata">): void {
  const isChance = (block: Block) => block.body.some((v) => v.op === op.mul && isConst(v.args[1]));
  replaceEach(
    fn,
    (v, emit) => {
      if (v.op === op.load8) return lookedUp(fn, v, rodata, emit);
      if (v.op !== op.lshr) return undefined;
      const counted = population(v);
      if (counted === undefined) return undefined;
      const one = withoutLowest(counted);
      if (one !== undefined) {
        // Bit 0 counts as set: x | 1, which is never zero.
        const x = aboveHighest(one);
        if (x !== undefined) return emit(op.clz, v.type, [emit(op.or, v.type, [x, fn.const(v.type, 1)])], 1);
      }
      const [front, behind] = [aboveHighest(counted), belowLowest(counted)];
      const of = front ?? behind;
      if (of === undefined && !features.has("popcount")) return undefined;
      const row = front !== undefined ? op.clz : behind !== undefined ? op.ctz : op.popcount;
      return emit(row, v.type, [of ?? counted], of !== undefined && isNonZeroAt(of, v.block) ? 1 : 0);
    },
    isChance,
  );
}

/** table[(x & -x) * product >> top], if the table has the number of the bit there. */
function lookedUp(fn: Fn, v: Value, rodata: Uint8Array, emit: Emit): Value | undefined {
  const [address] = v.args;
  const table = address.args.find(({ op: row }) => row === op.rodata);
  if (address.op !== op.add || table === undefined) return undefined;
  const index = besides(address, (b) => b === table)!;
  const shifted = index.op === op.zext ? index.args[0] : index;
  const [product, by] = shifted.args;
  const width = shifted.type === 64 ? 64 : 32;
  if (shifted.op !== op.lshr || product.op !== op.mul || !isInt(by, width === 64 ? 58 : 27)) return undefined;
  const factor = product.args[1];
  const x = lowestOf(product.args[0]);
  const from = table.aux + v.aux;
  if (x === undefined || !isConst(factor) || from < 0 || from + width > rodata.length) return undefined;
  for (let k = 0; k < width; k++) if (rodata[from + topOf(factor, k)] !== k) return undefined;
  const isSure = isNonZeroAt(x, v.block);
  const count = emit(op.ctz, width, [x], isSure ? 1 : 0);
  const low = width === 64 ? emit(op.trunc, 32, [count]) : count;
  if (isSure) return low;
  return emit(op.select, 32, [
    emit(op.icmp, 1, [x, fn.const(width, 0)], EQ),
    fn.const(32, rodata[from]),
    low,
  ]);
}

/** The top bits of the factor after k shifts to the left: as many as a number of a bit has. */
function topOf({ type, lo, hi }: Value, k: number): number {
  if (type === 32) return (lo << k) >>> 27;
  i64.shl(lo, hi, k);
  return i64.high >>> 26;
}

/** x where v = x & -x. */
function lowestOf(v: Value): Value | undefined {
  if (v.op !== op.and) return undefined;
  const [a, b] = v.args;
  const isNegative = (minus: Value, x: Value) =>
    minus.op === op.sub && isZero(minus.args[0]) && isAlike(minus.args[1], x);
  return isNegative(b, a) ? a : isNegative(a, b) ? b : undefined;
}

/** The same value, or the same half of one: equal values are not one yet. */
const isAlike = (a: Value, b: Value): boolean =>
  a === b || (a.op === b.op && (a.op === op.trunc || a.op === op.zext) && a.args[0] === b.args[0]);

const isSame = (v: Value, lo: number): boolean =>
  v.op === op.const && v.lo === lo && (v.type === 32 || v.hi === lo);

/** The argument of `v` besides one that `is` so. */
function besides({ args: [a, b] }: Value, is: (v: Value) => boolean): Value | undefined {
  return is(b) ? a : is(a) ? b : undefined;
}

/** x where v = x & (mask, again and again). */
const masked = (v: Value, mask: number): Value | undefined =>
  v.op === op.and ? besides(v, (b) => isSame(b, mask)) : undefined;

const isShifted = (v: Value, x: Value, by: number): boolean =>
  v.op === op.lshr && isAlike(v.args[0], x) && isInt(v.args[1], by);

/** What `v` counts the set bits of: fields of 2, 4 and 8 bits are added up, then all of them by a product. */
function population(v: Value): Value | undefined {
  const [product] = v.args;
  if (!isInt(v.args[1], v.type - 8) || product.op !== op.mul) return undefined;
  const bytes = besides(product, (b) => isSame(b, 0x01010101));
  const nibbles = bytes && masked(bytes, 0x0f0f0f0f);
  if (nibbles?.op !== op.add) return undefined;
  const [a, b] = nibbles.args;
  const fours = isShifted(b, a, 4) ? a : isShifted(a, b, 4) ? b : undefined;
  return fours?.op === op.add
    ? (pairs(fours.args[0], fours.args[1]) ?? pairs(fours.args[1], fours.args[0]))
    : undefined;
}

/** x where v = x & ~1. */
const withoutLowest = (v: Value): Value | undefined =>
  v.op === op.and ? besides(v, (b) => isInt(b, -2)) : undefined;

/**
 * x where low = pairs & 0x33…, high = pairs >> 2 & 0x33…, pairs = x - (x >> 1 & 0x55…). What is shifted may have a
 * bit 0 that x has not.
 */
function pairs(low: Value, high: Value): Value | undefined {
  const [twos, shifted] = [masked(low, 0x33333333), masked(high, 0x33333333)];
  if (twos?.op !== op.sub || shifted === undefined || !isShifted(shifted, twos, 2)) return undefined;
  const [x, odd] = twos.args;
  const half = masked(odd, 0x55555555);
  const isHalf = half !== undefined && (isShifted(half, x, 1) || isShifted(half, withoutLowest(x) ?? x, 1));
  return isHalf ? x : undefined;
}

const turned = (v: Value): Value | undefined =>
  v.op === op.xor ? besides(v, (b) => isInt(b, -1)) : undefined;

/** x where v has the bits above the highest one of x. */
function aboveHighest(v: Value): Value | undefined {
  let x = turned(v);
  for (let by = v.type / 2; by >= 1 && x !== undefined; by /= 2) {
    if (x.op !== op.or) return undefined;
    const [a, b]: Value[] = x.args;
    x = isShifted(b, a, by) ? a : isShifted(a, b, by) ? b : undefined;
  }
  return x;
}

/** x where v has the bits below the lowest one of x: ~x & x - 1. */
function belowLowest(v: Value): Value | undefined {
  if (v.op !== op.and) return undefined;
  const [a, b] = v.args;
  const is = (less: Value, not: Value) => {
    const x = turned(not);
    return less.op === op.add && isInt(less.args[1], -1) && x !== undefined && isAlike(x, less.args[0]);
  };
  return is(a, b) ? a.args[0] : is(b, a) ? b.args[0] : undefined;
}
