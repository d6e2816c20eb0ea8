/**
 * What 64-bit arithmetic does to numbers: each operation leaves in `wide` known bits and ranges that hold for the
 * result, not yet agreed with each other. The counterpart of number-low.ts, which has the reasons.
 */

import type { Num } from "./number.ts";
import { count, countPlaces, type Transfer } from "./number-low.ts";
import { least, most, S64MAX, S64MIN, U64 } from "./number-normal.ts";

export const wide = { value: 0n, mask: U64, umin: 0n, umax: U64, smin: S64MIN, smax: S64MAX };

export function clearWide(): void {
  wide.value = 0n;
  wide.mask = U64;
  wide.umin = 0n;
  wide.umax = U64;
  wide.smin = S64MIN;
  wide.smax = S64MAX;
}

const u64 = (x: bigint): bigint => BigInt.asUintN(64, x);
const s64 = (x: bigint): bigint => BigInt.asIntN(64, x);

/** The integers from `min` to `max`, modulo 2^64: a range of the result unless they wrap in between. */
function unsigned(min: bigint, max: bigint): void {
  if (min >> 64n !== max >> 64n) return;
  wide.umin = u64(min);
  wide.umax = u64(max);
}

function signed(min: bigint, max: bigint): void {
  if ((min - S64MIN) >> 64n !== (max - S64MIN) >> 64n) return;
  wide.smin = s64(min);
  wide.smax = s64(max);
}

function bits(value: bigint, mask: bigint): void {
  wide.mask = u64(mask);
  wide.value = u64(u64(value) & u64(~mask));
}

/** All bits from the lowest one of `x` on; 0 for 0. */
const fromLowest = (x: bigint): bigint => u64(x | -x);

function add(a: Num, b: Num): void {
  const sum = u64(a.value + b.value);
  bits(sum, u64(sum ^ u64(u64(sum + a.mask) + b.mask)) | a.mask | b.mask);
  unsigned(a.umin + b.umin, a.umax + b.umax);
  signed(a.smin + b.smin, a.smax + b.smax);
}

function sub(a: Num, b: Num): void {
  const middle = u64(a.value - b.value);
  bits(middle, u64(u64(middle + a.mask) ^ u64(middle - b.mask)) | a.mask | b.mask);
  unsigned(a.umin - b.umax, a.umax - b.umin);
  signed(a.smin - b.smax, a.smax - b.smin);
}

function mul(a: Num, b: Num): void {
  // The lowest unknown bits, and the lowest bits that may be set: their products bound what is known.
  const [au, bu] = [a.mask & -a.mask, b.mask & -b.mask];
  const [as, bs] = [a.value | a.mask, b.value | b.mask];
  bits(a.value * b.value, fromLowest(u64(au * (bs & -bs))) | fromLowest(u64(bu * (as & -as))));
  const max = a.umax * b.umax;
  if (max <= U64) unsigned(a.umin * b.umin, max);
  const [p, q, r, s] = [a.smin * b.smin, a.smin * b.smax, a.smax * b.smin, a.smax * b.smax];
  signed(least(least(p, q), least(r, s)), most(most(p, q), most(r, s)));
}

function div(a: Num, b: Num): void {
  if (b.umax === 0n) {
    unsigned(0n, 0n);
    return;
  }
  const min = b.umin === 0n ? 0n : a.umin / b.umax;
  unsigned(min, a.umax / most(b.umin, 1n));
}

function remainderBits(a: Num, b: Num): void {
  bits(a.value, a.mask | fromLowest(b.value | b.mask));
}

function same(a: Num): void {
  bits(a.value, a.mask);
  unsigned(a.umin, a.umax);
  signed(a.smin, a.smax);
}

function mod(a: Num, b: Num): void {
  if (b.umax === 0n || a.umax < b.umin) {
    same(a);
    return;
  }
  remainderBits(a, b);
  if (b.umin === 0n) {
    unsigned(0n, a.umax);
    return;
  }
  const quotient = a.umin / b.umin;
  if (b.umin === b.umax && quotient === a.umax / b.umin)
    unsigned(a.umin - quotient * b.umin, a.umax - quotient * b.umin);
  else unsigned(0n, least(a.umax, b.umax - 1n));
}

function sdiv(a: Num, b: Num): void {
  let [min, max] = b.smin <= 0n && b.smax >= 0n ? [0n, 0n] : [U64, -U64];
  const part = (from: bigint, to: bigint): void => {
    if (from > to) return;
    for (const x of [a.smin, a.smax])
      for (const y of [from, to]) {
        min = least(min, x / y);
        max = most(max, x / y);
      }
  };
  part(b.smin, least(b.smax, -1n));
  part(most(b.smin, 1n), b.smax);
  signed(min, max);
}

function smod(a: Num, b: Num): void {
  const zero = b.smin <= 0n && b.smax >= 0n;
  const size = zero ? 0n : b.smin > 0n ? b.smin : -b.smax;
  if ((b.smin === 0n && b.smax === 0n) || (a.smin > -size && a.smax < size)) {
    same(a);
    return;
  }
  remainderBits(a, b);
  const limit = zero ? -S64MIN : most(-b.smin, b.smax) - 1n;
  signed(least(0n, most(a.smin, -limit)), most(0n, least(a.smax, limit)));
}

/** 2^n - 1 such that both are from -2^n to 2^n - 1. */
function span(a: Num, b: Num): bigint {
  const size = (x: bigint): bigint => (x < 0n ? ~x : x);
  let x = size(a.smin) | size(a.smax) | size(b.smin) | size(b.smax);
  for (const places of [1n, 2n, 4n, 8n, 16n, 32n]) x |= x >> places;
  return x;
}

function and(a: Num, b: Num): void {
  const value = a.value & b.value;
  bits(value, (a.value | a.mask) & (b.value | b.mask) & ~value);
  unsigned(0n, least(a.umax, b.umax));
  const negative = a.smax < 0n && b.smax < 0n;
  signed(-span(a, b) - 1n, negative ? least(a.smax, b.smax) : most(most(a.smax, b.smax), 0n));
}

function or(a: Num, b: Num): void {
  const value = a.value | b.value;
  bits(value, (a.mask | b.mask) & ~value);
  unsigned(most(a.umin, b.umin), least(U64, a.umax + b.umax));
  const positive = a.smin >= 0n && b.smin >= 0n;
  signed(positive ? most(a.smin, b.smin) : least(least(a.smin, b.smin), -1n), span(a, b));
}

function xor(a: Num, b: Num): void {
  bits(a.value ^ b.value, a.mask | b.mask);
  unsigned(0n, least(U64, a.umax + b.umax));
  const max = span(a, b);
  signed(-max - 1n, max);
}

function lsh(a: Num, b: Num): void {
  countPlaces(b, 63);
  const [min, max] = [BigInt(count.min), BigInt(count.max)];
  if (min === max) bits(a.value << min, a.mask << min);
  else bits(0n, fromLowest(u64((a.value | a.mask) << min)));
  // From 32 places on only the low half stays.
  const low = count.min >= 32;
  const [umin, umax] = low ? [BigInt(a.u32min), BigInt(a.u32max)] : [a.umin, a.umax];
  const [smin, smax] = low ? [BigInt(a.s32min), BigInt(a.s32max)] : [a.smin, a.smax];
  if (min === max || umax << max <= U64) unsigned(umin << min, umax << max);
  const from = smin << (smin < 0n ? max : min);
  const to = smax << (smax < 0n ? min : max);
  if (min === max || (from >= S64MIN && to <= S64MAX)) signed(from, to);
}

function rsh(a: Num, b: Num): void {
  countPlaces(b, 63);
  const [min, max] = [BigInt(count.min), BigInt(count.max)];
  if (min === max) bits(a.value >> min, a.mask >> min);
  unsigned(a.umin >> max, a.umax >> min);
}

function arsh(a: Num, b: Num): void {
  countPlaces(b, 63);
  const [min, max] = [BigInt(count.min), BigInt(count.max)];
  if (min === max) bits(s64(a.value) >> min, s64(a.mask) >> min);
  signed(a.smin >> (a.smin < 0n ? min : max), a.smax >> (a.smax < 0n ? max : min));
}

export const WIDE: Readonly<Record<string, Transfer>> = {
  ...{ add, sub, mul, div, mod, sdiv, smod, and, or, xor, lsh, rsh, arsh },
};
