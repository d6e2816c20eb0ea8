/**
 * Makes the parts of a number agree: takes any sound parts, deduces each from the others, and returns the Num, or
 * undefined when no value has all of them. Nothing else makes a Num, so that all have one hidden class.
 */

import type { Num } from "./number.ts";

export const U64 = 0xffffffffffffffffn;
export const S64MIN = -0x8000000000000000n;
export const S64MAX = 0x7fffffffffffffffn;
export const U32 = 0xffffffff;
export const S32MIN = -0x80000000;
export const S32MAX = 0x7fffffff;

export const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);
export const most = (a: bigint, b: bigint): bigint => (a > b ? a : b);

// The 64-bit parts at work are halves in memory, seen as BigInt only on the way in and out: an operation on the bits
// of a BigInt costs 15 ns, a round of deductions has about a hundred of them.
const big = new BigInt64Array(6);
const bigUnsigned = new BigUint64Array(big.buffer);
const word = new Int32Array(big.buffer);
big[0] = 1n;
const [LOW, HIGH] = word[0] === 1 ? [0, 1] : [1, 0];
const VALUE = 0;
const MASK = 2;
const UMIN = 4;
const UMAX = 6;
const SMIN = 8;
const SMAX = 10;
// Those of the low half.
let u32min = 0;
let u32max = 0;
let s32min = 0;
let s32max = 0;
/** A deduction has taught something new. */
let changed = false;
/** No value has all parts. */
let empty = false;

const cell = new BigInt64Array(1);
const cellWord = new Int32Array(cell.buffer);

/** The low half of a 64-bit number, as a signed number. */
export function low(x: bigint): number {
  cell[0] = x;
  return cellWord[LOW];
}

/** A Num of parts that agree already. */
export function make(
  value: bigint,
  mask: bigint,
  umin: bigint,
  umax: bigint,
  smin: bigint,
  smax: bigint,
  u32min: number,
  u32max: number,
  s32min: number,
  s32max: number,
): Num {
  return { value, mask, umin, umax, smin, smax, u32min, u32max, s32min, s32max };
}

export const UNKNOWN: Num = make(0n, U64, 0n, U64, S64MIN, S64MAX, 0, U32, S32MIN, S32MAX);

const CACHED = 1024;
const cache: (Num | undefined)[] = new Array(2 * CACHED).fill(undefined);

function makeConstant(x: bigint): Num {
  const bits = BigInt.asUintN(64, x);
  const signed = BigInt.asIntN(64, x);
  const half = low(x);
  return make(bits, 0n, bits, bits, signed, signed, half >>> 0, half >>> 0, half, half);
}

/** Exactly `x` modulo 2^64. */
export function constant(x: bigint): Num {
  cell[0] = x;
  const near = cellWord[LOW];
  if (cellWord[HIGH] === near >> 31 && near >= -CACHED && near < CACHED)
    return (cache[near + CACHED] ??= makeConstant(x));
  return makeConstant(x);
}

/** No 32-bit number: there is no member of the tnum that far up (and -1 for that far down). */
const PAST = 0x100000000;

/** The least member ≥ `from` of a 32-bit tnum, or PAST; `from` and the result are unsigned. */
function memberUp(from: number, v: number, m: number): number {
  const wrong = (from ^ v) & ~m;
  if (wrong === 0) return from;
  const bit = 31 - Math.clz32(wrong);
  const above = bit === 31 ? 0 : -2 << bit;
  if ((v >>> bit) & 1) return ((from & above) | (v & ~above)) >>> 0;
  // The bit must go from 1 to 0, which is up only if a free bit above it goes from 0 to 1.
  const free = m & ~from & above;
  if (free === 0) return PAST;
  const step = free & -free;
  return ((from & ~(step | (step - 1))) | step | (v & (step - 1))) >>> 0;
}

/** The greatest member ≤ `from`, or -1: memberUp in the mirror. */
const memberDown = (from: number, v: number, m: number): number => U32 - memberUp(~from >>> 0, ~v & ~m, m);

let memberLow = 0;

/** memberUp in 64 bits: returns the high half, or PAST, and leaves the low half in memberLow. */
function memberUpWide(high: number, lowHalf: number, vh: number, mh: number, vl: number, ml: number): number {
  const same = memberUp(high, vh, mh);
  if (same === high) {
    memberLow = memberUp(lowHalf, vl, ml);
    if (memberLow !== PAST) return high;
  }
  memberLow = vl;
  return same === high ? (high === U32 ? PAST : memberUp(high + 1, vh, mh)) : same;
}

/** Whether the 64-bit part at `a` is below that at `b`; `flip` is S32MIN for unsigned order, 0 for signed order. */
function below(a: number, b: number, flip: number): boolean {
  const [x, y] = [word[a + HIGH] ^ flip, word[b + HIGH] ^ flip];
  return x < y || (x === y && word[a + LOW] >>> 0 < word[b + LOW] >>> 0);
}

/** Moves a lower bound up to high:low, if that is up. */
function raise(at: number, high: number, lowHalf: number, flip: number): void {
  const [x, y] = [word[at + HIGH] ^ flip, high ^ flip];
  if (x > y || (x === y && word[at + LOW] >>> 0 >= lowHalf >>> 0)) return;
  word[at + HIGH] = high;
  word[at + LOW] = lowHalf;
  changed = true;
}

/** Moves an upper bound down to high:low, if that is down. */
function lower(at: number, high: number, lowHalf: number, flip: number): void {
  const [x, y] = [word[at + HIGH] ^ flip, high ^ flip];
  if (x < y || (x === y && word[at + LOW] >>> 0 <= lowHalf >>> 0)) return;
  word[at + HIGH] = high;
  word[at + LOW] = lowHalf;
  changed = true;
}

const raiseTo = (at: number, other: number, flip: number): void =>
  raise(at, word[other + HIGH], word[other + LOW], flip);
const lowerTo = (at: number, other: number, flip: number): void =>
  lower(at, word[other + HIGH], word[other + LOW], flip);

function raiseLow(min: number): void {
  if (min <= u32min) return;
  u32min = min;
  changed = true;
}

function lowerLow(max: number): void {
  if (max >= u32max) return;
  u32max = max;
  changed = true;
}

function raiseLowSigned(min: number): void {
  if (min <= s32min) return;
  s32min = min;
  changed = true;
}

function lowerLowSigned(max: number): void {
  if (max >= s32max) return;
  s32max = max;
  changed = true;
}

/** Bits bound the ranges of the low half. */
function lowFromBits(): void {
  const [v, m] = [word[VALUE + LOW], word[MASK + LOW]];
  if (m === -1) return;
  raiseLow(memberUp(u32min, v, m));
  lowerLow(memberDown(u32max, v, m));
  if (m >= 0) return; // with a known sign, the unsigned range says the same
  raiseLowSigned(memberUp((s32min ^ S32MIN) >>> 0, v, m) + S32MIN);
  lowerLowSigned(memberDown((s32max ^ S32MIN) >>> 0, v, m) + S32MIN);
}

/** A range that does not cross the sign bounds the other; one that does may miss one side of the other. */
function lowFromSigns(): void {
  if ((u32min ^ u32max) >= 0) {
    raiseLowSigned(u32min | 0);
    lowerLowSigned(u32max | 0);
  } else {
    if (s32min > (u32max | 0)) lowerLow(S32MAX);
    if (s32max < (u32min | 0)) raiseLow(-S32MIN);
  }
  if ((s32min ^ s32max) >= 0) {
    raiseLow(s32min >>> 0);
    lowerLow(s32max >>> 0);
  } else {
    if (u32min > s32max) raiseLow(s32min >>> 0);
    if (u32max < s32min >>> 0) lowerLow(s32max);
  }
}

/** The bits that the ends of a range have in common, from the top of this half on, are known. */
function learnBits(half: number, min: number, max: number): void {
  const differ = min ^ max;
  const known = differ === 0 ? -1 : differ < 0 ? 0 : -1 << (32 - Math.clz32(differ));
  const mask = word[MASK + half];
  if (((word[VALUE + half] ^ min) & known & ~mask) !== 0) empty = true;
  const news = known & mask;
  if (news === 0) return;
  word[VALUE + half] |= min & news;
  word[MASK + half] = mask & ~news;
  changed = true;
}

/** One round over the low half. */
function lowRound(): void {
  lowFromBits();
  lowFromSigns();
  if (u32min > u32max || s32min > s32max) empty = true;
  else learnBits(LOW, u32min | 0, u32max | 0);
}

/** Bits bound a range; flipping the sign (S32MIN) makes unsigned order of signed. */
function wideFromBits(min: number, max: number, sign: number): void {
  const [vl, ml, mh] = [word[VALUE + LOW], word[MASK + LOW], word[MASK + HIGH]];
  const vh = (word[VALUE + HIGH] ^ sign) & ~mh;
  const up = memberUpWide((word[min + HIGH] ^ sign) >>> 0, word[min + LOW] >>> 0, vh, mh, vl, ml);
  if (up === PAST) empty = true;
  else raise(min, up ^ sign, memberLow, sign ^ S32MIN);
  const [fromHigh, fromLow] = [~(word[max + HIGH] ^ sign) >>> 0, ~word[max + LOW] >>> 0];
  const down = memberUpWide(fromHigh, fromLow, ~vh & ~mh, mh, ~vl & ~ml, ml);
  if (down === PAST) empty = true;
  else lower(max, ~down ^ sign, ~memberLow, sign ^ S32MIN);
}

/** lowFromSigns in 64 bits. */
function wideFromSigns(): void {
  if ((word[UMIN + HIGH] ^ word[UMAX + HIGH]) >= 0) {
    raiseTo(SMIN, UMIN, 0);
    lowerTo(SMAX, UMAX, 0);
  } else {
    if (below(UMAX, SMIN, 0)) lower(UMAX, S32MAX, -1, S32MIN);
    if (below(SMAX, UMIN, 0)) raise(UMIN, S32MIN, 0, S32MIN);
  }
  if ((word[SMIN + HIGH] ^ word[SMAX + HIGH]) >= 0) {
    raiseTo(UMIN, SMIN, S32MIN);
    lowerTo(UMAX, SMAX, S32MIN);
  } else {
    if (below(SMAX, UMIN, S32MIN)) raiseTo(UMIN, SMIN, S32MIN);
    if (below(UMAX, SMIN, S32MIN)) lowerTo(UMAX, SMAX, S32MIN);
  }
}

/** A range of less than 2^32 numbers bounds the low half when that does not wrap. */
function lowFromRange(min: number, max: number): void {
  const turns = (word[max + HIGH] - word[min + HIGH]) | 0;
  const [from, to] = [word[min + LOW], word[max + LOW]];
  if (turns !== 0 && !(turns === 1 && to >>> 0 < from >>> 0)) return;
  if (turns === 0) {
    raiseLow(from >>> 0);
    lowerLow(to >>> 0);
  }
  if (from <= to) {
    raiseLowSigned(from);
    lowerLowSigned(to);
  }
}

/** The ends of a range move inwards to the next number whose low half is possible (wrapping, they do not move). */
function wideFromLow(min: number, max: number, flip: number): void {
  if (u32min > 0 || u32max < U32) {
    const [from, to] = [word[min + LOW] >>> 0, word[max + LOW] >>> 0];
    if (from < u32min) raise(min, word[min + HIGH], u32min | 0, flip);
    else if (from > u32max) raise(min, (word[min + HIGH] + 1) | 0, u32min | 0, flip);
    if (to > u32max) lower(max, word[max + HIGH], u32max | 0, flip);
    else if (to < u32min) lower(max, (word[max + HIGH] - 1) | 0, u32max | 0, flip);
  }
  if (s32min >= 0 || s32max < 0 || (s32min === S32MIN && s32max === S32MAX)) return;
  // Signed low halves count from the nearest multiple of 2^32: a negative one from the next.
  const [from, to] = [word[min + LOW], word[max + LOW]];
  const [base, end] = [word[min + HIGH] - (from >> 31), word[max + HIGH] - (to >> 31)];
  if (from < s32min) raise(min, (base - 1) | 0, s32min, flip);
  else if (from > s32max) raise(min, base | 0, s32min, flip);
  if (to > s32max) lower(max, end | 0, s32max, flip);
  else if (to < s32min) lower(max, (end - 1) | 0, s32max, flip);
}

/** One round over all parts. */
function wideRound(): void {
  if (word[MASK + HIGH] !== -1 || word[MASK + LOW] !== -1) {
    wideFromBits(UMIN, UMAX, 0);
    if (word[MASK + HIGH] < 0) wideFromBits(SMIN, SMAX, S32MIN);
  }
  wideFromSigns();
  checkWide();
  if (empty) return;
  lowFromRange(UMIN, UMAX);
  lowFromRange(SMIN, SMAX);
  lowRound();
  if (empty) return;
  wideFromLow(UMIN, UMAX, S32MIN);
  wideFromLow(SMIN, SMAX, 0);
  wideFromSigns();
  checkWide();
  learnBits(HIGH, word[UMIN + HIGH], word[UMAX + HIGH]);
}

function checkWide(): void {
  if (below(UMAX, UMIN, S32MIN) || below(SMAX, SMIN, 0)) empty = true;
}

/** A value below 2^32 is its low half. */
function narrow(): Num | undefined {
  if (word[VALUE + HIGH] !== 0 || word[SMIN + HIGH] > 0 || word[SMAX + HIGH] < 0 || word[UMIN + HIGH] !== 0)
    return undefined;
  raiseLow(word[UMIN + LOW] >>> 0);
  lowerLow(word[UMAX + LOW] >>> 0);
  if (word[SMIN + HIGH] === 0) raiseLow(word[SMIN + LOW] >>> 0);
  if (word[SMAX + HIGH] === 0) lowerLow(word[SMAX + LOW] >>> 0);
  return finishLow();
}

const MAX_ROUNDS = 2;

function finishLow(): Num | undefined {
  empty = false;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    changed = false;
    lowRound();
    if (empty) return undefined;
    if (!changed) break;
  }
  const min = BigInt(u32min);
  if (u32min === u32max) return constant(min);
  const max = BigInt(u32max);
  const bits = BigInt(word[VALUE + LOW] >>> 0);
  return make(bits, BigInt(word[MASK + LOW] >>> 0), min, max, min, max, u32min, u32max, s32min, s32max);
}

function finish(): Num | undefined {
  empty = false;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    if (word[UMAX + HIGH] === 0) return narrow();
    changed = false;
    wideRound();
    if (empty) return undefined;
    if (!changed) break;
  }
  if (word[UMAX + HIGH] === 0) return narrow();
  const [umin, umax] = [bigUnsigned[UMIN / 2], bigUnsigned[UMAX / 2]];
  if (umin === umax) return constant(umin);
  const [value, mask] = [bigUnsigned[VALUE / 2], bigUnsigned[MASK / 2]];
  return make(value, mask, umin, umax, big[SMIN / 2], big[SMAX / 2], u32min, u32max, s32min, s32max);
}

/**
 * The Num with these parts: known bits (value & mask need not be 0), ranges of the whole and of the low half.
 * Undefined when no value has them all.
 */
export function normal(
  value: bigint,
  mask: bigint,
  umin: bigint,
  umax: bigint,
  smin: bigint,
  smax: bigint,
  lowMin: number,
  lowMax: number,
  lowSignedMin: number,
  lowSignedMax: number,
): Num | undefined {
  big[VALUE / 2] = value;
  big[MASK / 2] = mask;
  big[UMIN / 2] = umin;
  big[UMAX / 2] = umax;
  big[SMIN / 2] = smin;
  big[SMAX / 2] = smax;
  word[VALUE + LOW] &= ~word[MASK + LOW];
  word[VALUE + HIGH] &= ~word[MASK + HIGH];
  u32min = lowMin;
  u32max = lowMax;
  s32min = lowSignedMin;
  s32max = lowSignedMax;
  return finish();
}

/** The same for a zero-extended 32-bit value; the bits are signed 32-bit numbers. */
export function normalLow(
  value: number,
  mask: number,
  umin: number,
  umax: number,
  smin: number,
  smax: number,
): Num | undefined {
  word[VALUE + LOW] = value & ~mask;
  word[MASK + LOW] = mask;
  u32min = umin;
  u32max = umax;
  s32min = smin;
  s32max = smax;
  return finishLow();
}
