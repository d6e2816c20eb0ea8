/**
 * What 32-bit arithmetic does to the low halves of numbers, in plain numbers: each operation leaves in `out` known
 * bits and ranges that hold for the result (modulo 2^32), not yet agreed with each other.
 */

import type { Num } from "./number.ts";
import { low, S32MAX, S32MIN, U32 } from "./number-normal.ts";

/** The result; known bits as signed 32-bit numbers. */
export const out = { value: 0, mask: -1, umin: 0, umax: U32, smin: S32MIN, smax: S32MAX };

const TWO32 = 0x100000000;
const EXACT = Number.MAX_SAFE_INTEGER;

export function clear(): void {
  out.value = 0;
  out.mask = -1;
  out.umin = 0;
  out.umax = U32;
  out.smin = S32MIN;
  out.smax = S32MAX;
}

/** The integers from `min` to `max`, modulo 2^32: a range of the result unless they wrap in between. */
function unsigned(min: number, max: number): void {
  const turn = Math.floor(min / TWO32) * TWO32;
  if (max - turn > U32) return;
  out.umin = min - turn;
  out.umax = max - turn;
}

function signed(min: number, max: number): void {
  const turn = Math.floor((min - S32MIN) / TWO32) * TWO32;
  if (max - turn > S32MAX) return;
  out.smin = min - turn;
  out.smax = max - turn;
}

function bits(value: number, mask: number): void {
  out.value = value & ~mask;
  out.mask = mask | 0;
}

/** Trailing zeros. */
const zeros = (x: number): number => (x === 0 ? 32 : 31 - Math.clz32(x & -x));
/** The `n` lowest bits are unknown, or all from bit `n` on. */
const from = (n: number): number => (n >= 32 ? 0 : -1 << n);

function add(a: Num, b: Num): void {
  const [av, am, bv, bm] = [low(a.value), low(a.mask), low(b.value), low(b.mask)];
  // A bit is known when it is in both and the carry into it is the same in the least and in the greatest sum.
  const least = (av + bv) | 0;
  bits(least, (least ^ (least + am + bm)) | am | bm);
  unsigned(a.u32min + b.u32min, a.u32max + b.u32max);
  signed(a.s32min + b.s32min, a.s32max + b.s32max);
}

function sub(a: Num, b: Num): void {
  const [av, am, bv, bm] = [low(a.value), low(a.mask), low(b.value), low(b.mask)];
  const middle = (av - bv) | 0;
  bits(middle, ((middle + am) ^ (middle - bm)) | am | bm);
  unsigned(a.u32min - b.u32max, a.u32max - b.u32min);
  signed(a.s32min - b.s32max, a.s32max - b.s32min);
}

function mul(a: Num, b: Num): void {
  const [av, am, bv, bm] = [low(a.value), low(a.mask), low(b.value), low(b.mask)];
  // (A + x·2^i)(B + y·2^j) with A a multiple of 2^k and B of 2^l is AB up to bit min(i + l, j + k).
  const known = Math.min(zeros(am) + zeros(bv | bm), zeros(bm) + zeros(av | am));
  bits(Math.imul(av, bv), from(known));
  if (a.u32max * b.u32max <= EXACT) unsigned(a.u32min * b.u32min, a.u32max * b.u32max);
  const [p, q] = [a.s32min * b.s32min, a.s32min * b.s32max];
  const [r, s] = [a.s32max * b.s32min, a.s32max * b.s32max];
  const [min, max] = [Math.min(p, q, r, s), Math.max(p, q, r, s)];
  if (-min <= EXACT && max <= EXACT) signed(min, max);
}

function div(a: Num, b: Num): void {
  if (b.u32max === 0) {
    unsigned(0, 0);
    return;
  }
  const min = b.u32min === 0 ? 0 : Math.floor(a.u32min / b.u32max);
  unsigned(min, Math.floor(a.u32max / Math.max(b.u32min, 1)));
}

/** x % b is x minus a multiple of b, so it has the low bits of x that b has not (b = 0 included). */
function remainderBits(a: Num, b: Num): void {
  bits(low(a.value), low(a.mask) | from(zeros(low(b.value) | low(b.mask))));
}

function same(a: Num): void {
  bits(low(a.value), low(a.mask));
  unsigned(a.u32min, a.u32max);
  signed(a.s32min, a.s32max);
}

function mod(a: Num, b: Num): void {
  if (b.u32max === 0 || a.u32max < b.u32min) {
    same(a);
    return;
  }
  remainderBits(a, b);
  const quotient = Math.floor(a.u32min / b.u32min);
  if (b.u32min === b.u32max && quotient === Math.floor(a.u32max / b.u32min))
    unsigned(a.u32min - quotient * b.u32min, a.u32max - quotient * b.u32min);
  else unsigned(0, b.u32min === 0 ? a.u32max : Math.min(a.u32max, b.u32max - 1));
}

function sdiv(a: Num, b: Num): void {
  const zero = b.s32min <= 0 && b.s32max >= 0;
  let [min, max] = zero ? [0, 0] : [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  const part = (from: number, to: number): void => {
    if (from > to) return;
    for (const x of [a.s32min, a.s32max])
      for (const y of [from, to]) {
        const quotient = Math.trunc(x / y) + 0;
        min = Math.min(min, quotient);
        max = Math.max(max, quotient);
      }
  };
  part(b.s32min, Math.min(b.s32max, -1));
  part(Math.max(b.s32min, 1), b.s32max);
  signed(min, max); // the least number / -1 is 2^31, which wraps here
}

function smod(a: Num, b: Num): void {
  const zero = b.s32min <= 0 && b.s32max >= 0;
  const least = zero ? 0 : b.s32min > 0 ? b.s32min : -b.s32max;
  if ((b.s32min === 0 && b.s32max === 0) || (a.s32min > -least && a.s32max < least)) {
    same(a);
    return;
  }
  remainderBits(a, b);
  const most = zero ? -S32MIN : Math.max(-b.s32min, b.s32max) - 1;
  signed(Math.min(0, Math.max(a.s32min, -most)), Math.max(0, Math.min(a.s32max, most)));
}

/** 2^n - 1 such that both are from -2^n to 2^n - 1: so are their and, or and xor. */
function span(a: Num, b: Num): number {
  const most = (a.s32min ^ (a.s32min >> 31)) | (a.s32max ^ (a.s32max >> 31));
  const more = (b.s32min ^ (b.s32min >> 31)) | (b.s32max ^ (b.s32max >> 31));
  const n = 32 - Math.clz32(most | more);
  return 2 ** n - 1;
}

function and(a: Num, b: Num): void {
  const [av, am, bv, bm] = [low(a.value), low(a.mask), low(b.value), low(b.mask)];
  bits(av & bv, (av | am) & (bv | bm) & ~(av & bv));
  unsigned(0, Math.min(a.u32max, b.u32max));
  const negative = a.s32max < 0 && b.s32max < 0;
  const most = negative ? Math.min(a.s32max, b.s32max) : Math.max(a.s32max, b.s32max, 0);
  signed(-span(a, b) - 1, most);
}

function or(a: Num, b: Num): void {
  const [av, am, bv, bm] = [low(a.value), low(a.mask), low(b.value), low(b.mask)];
  bits(av | bv, (am | bm) & ~(av | bv));
  unsigned(Math.max(a.u32min, b.u32min), Math.min(U32, a.u32max + b.u32max));
  const positive = a.s32min >= 0 && b.s32min >= 0;
  const least = positive ? Math.max(a.s32min, b.s32min) : Math.min(a.s32min, b.s32min, -1);
  signed(least, span(a, b));
}

function xor(a: Num, b: Num): void {
  const mask = low(a.mask) | low(b.mask);
  bits(low(a.value) ^ low(b.value), mask);
  unsigned(0, Math.min(U32, a.u32max + b.u32max));
  const most = span(a, b);
  signed(-most - 1, most);
}

/** The least and the greatest number of places that a shift by `b` moves, in 32 or 64 bits. */
export const count = { min: 0, max: 0 };

/** Sets `count`. The value is cut to 5 or 6 bits (RFC 9669 section 4.1). */
export function countPlaces(b: Num, limit: 31 | 63): void {
  const cut = limit + 1;
  const fits = Math.floor(b.u32min / cut) === Math.floor(b.u32max / cut);
  const [value, mask] = [low(b.value) & limit, low(b.mask) & limit];
  count.min = fits ? b.u32min % cut : value;
  count.max = fits ? b.u32max % cut : value | mask;
}

function lsh(a: Num, b: Num): void {
  countPlaces(b, 31);
  const { min, max } = count;
  const [value, mask] = [low(a.value), low(a.mask)];
  bits(min === max ? value << min : 0, min === max ? mask << min : from(zeros(value | mask) + min));
  const most = 2 ** max;
  // Exact in floating point: 32 significant bits times a power of two.
  if (min === max || a.u32max * most <= U32) unsigned(a.u32min * 2 ** min, a.u32max * most);
  const least = a.s32min * (a.s32min < 0 ? most : 2 ** min);
  const greatest = a.s32max * (a.s32max < 0 ? 2 ** min : most);
  if (min === max || (least >= S32MIN && greatest <= S32MAX)) signed(least, greatest);
}

function rsh(a: Num, b: Num): void {
  countPlaces(b, 31);
  const { min, max } = count;
  if (min === max) bits(low(a.value) >>> min, low(a.mask) >>> min);
  unsigned(a.u32min >>> max, a.u32max >>> min);
}

function arsh(a: Num, b: Num): void {
  countPlaces(b, 31);
  const { min, max } = count;
  if (min === max) bits(low(a.value) >> min, low(a.mask) >> min);
  signed(a.s32min >> (a.s32min < 0 ? min : max), a.s32max >> (a.s32max < 0 ? max : min));
}

export type Transfer = (a: Num, b: Num) => void;

export const LOW: Readonly<Record<string, Transfer>> = {
  ...{ add, sub, mul, div, mod, sdiv, smod, and, or, xor, lsh, rsh, arsh },
};
