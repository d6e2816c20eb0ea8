/**
 * Counts of bits that were written as sums of neighbouring fields, which is all that eBPF has: of set bits, of zeros in
 * front of the highest one (all bits below it set, turned) and behind the lowest (those below it).
 */

import { isInt, isZero } from "../ir/fold.ts";
import type { Block, Fn, Value } from "../ir/ir.ts";
import { EQ, NE, op } from "../ir/ops.ts";
import type { PassContext } from "../passes.ts";

export function bitCounts(fn: Fn, { features }: Pick<PassContext, "features">): void {
  for (const block of fn.blocks) {
    for (const v of block.body) {
      const counted = v.op === op.lshr ? population(v) : undefined;
      if (counted === undefined) continue;
      const [front, behind] = [aboveHighest(counted), belowLowest(counted)];
      const of = front ?? behind;
      if (of === undefined && !features.has("popcount")) continue;
      v.op = front !== undefined ? op.clz : behind !== undefined ? op.ctz : op.popcount;
      v.args = [of ?? counted];
      v.aux = of !== undefined && isNonZero(of, block) ? 1 : 0;
    }
  }
}

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
  v.op === op.lshr && v.args[0] === x && isInt(v.args[1], by);

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

/** x where low = pairs & 0x33…, high = pairs >> 2 & 0x33…, pairs = x - (x >> 1 & 0x55…). */
function pairs(low: Value, high: Value): Value | undefined {
  const [twos, shifted] = [masked(low, 0x33333333), masked(high, 0x33333333)];
  if (twos?.op !== op.sub || shifted === undefined || !isShifted(shifted, twos, 2)) return undefined;
  const [x, odd] = twos.args;
  const half = masked(odd, 0x55555555);
  return half !== undefined && isShifted(half, x, 1) ? x : undefined;
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
  const is = (less: Value, not: Value) =>
    less.op === op.add && isInt(less.args[1], -1) && turned(not) === less.args[0];
  return is(a, b) ? a.args[0] : is(b, a) ? b.args[0] : undefined;
}

/** The block is reached only where x has a bit. */
function isNonZero(x: Value, block: Block): boolean {
  const [from] = block.predecessors;
  if (block.predecessors.length !== 1 || from.end !== "branch" || from.successors[0] === from.successors[1])
    return false;
  const { op: row, aux, args } = from.control!;
  const onTrue = from.successors[0] === block;
  return row === op.icmp && args[0] === x && isZero(args[1]) && aux === (onTrue ? NE : EQ);
}
