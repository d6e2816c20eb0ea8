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
const SIGN = 0x8000000000000000n;
const HALF = 0x100000000n;
const BIG_U32 = 0xffffffffn;
const MAX_ROUNDS = 2;

// The parts at work. BigInt operations wrapped in asUintN(64) are machine instructions in V8, bare ones are calls.
const u64 = (x: bigint): bigint => BigInt.asUintN(64, x);
export const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);
export const most = (a: bigint, b: bigint): bigint => (a > b ? a : b);

let value = 0n;
let mask = 0n;
let umin = 0n;
let umax = 0n;
let smin = 0n;
let smax = 0n;
let u32min = 0;
let u32max = 0;
let s32min = 0;
let s32max = 0;
/** The known bits of the low half, as signed 32-bit numbers. */
let lowValue = 0;
let lowMask = 0;
let changed = false;
/** No value has all parts. */
let empty = false;

// Reading the halves of a 64-bit BigInt through memory is ten times as fast as Number(BigInt.asUintN(32, x)).
const cell = new BigInt64Array(1);
const halves = new Int32Array(cell.buffer);
cell[0] = 1n;
const LOW = halves[0] === 1 ? 0 : 1;
const HIGH = 1 - LOW;

/** The low half of a 64-bit number, as a signed number. */
export function low(x: bigint): number {
  cell[0] = x;
  return halves[LOW];
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
  const word = u64(x);
  const signed = BigInt.asIntN(64, x);
  const half = low(signed);
  return make(word, 0n, word, word, signed, signed, half >>> 0, half >>> 0, half, half);
}

/** Exactly `x` modulo 2^64. */
export function constant(x: bigint): Num {
  cell[0] = x;
  const near = halves[LOW];
  if (halves[HIGH] === near >> 31 && near >= -CACHED && near < CACHED)
    return (cache[near + CACHED] ??= makeConstant(x));
  return makeConstant(x);
}

const PAST32 = 0x100000000;

/** The least member ≥ `from` of the 32-bit tnum, or PAST32; `from` is unsigned. */
function memberUp(from: number, v: number, m: number): number {
  const wrong = (from ^ v) & ~m;
  if (wrong === 0) return from;
  const bit = 31 - Math.clz32(wrong);
  const above = bit === 31 ? 0 : -2 << bit;
  if ((v >>> bit) & 1) return ((from & above) | (v & ~above)) >>> 0;
  // The bit must go from 1 to 0, which is up only if a free bit above it goes from 0 to 1.
  const free = m & ~from & above;
  if (free === 0) return PAST32;
  const step = free & -free;
  return ((from & ~(step | (step - 1))) | step | (v & (step - 1))) >>> 0;
}

/** The greatest member ≤ `from`, or -1: memberUp in the mirror. */
const memberDown = (from: number, v: number, m: number): number => U32 - memberUp(~from >>> 0, ~v & ~m, m);

function topBit(x: bigint): bigint {
  cell[0] = x;
  return BigInt(halves[HIGH] === 0 ? 31 - Math.clz32(halves[LOW]) : 63 - Math.clz32(halves[HIGH]));
}

/** memberUp in 64 bits; past is 2^64. */
function memberUp64(from: bigint, v: bigint, m: bigint): bigint {
  const wrong = u64(u64(from ^ v) & u64(~m));
  if (wrong === 0n) return from;
  const bit = u64(1n << topBit(wrong));
  const above = u64(-u64(bit + bit));
  if (u64(v & bit) !== 0n) return u64(u64(from & above) | u64(v & ~above));
  const free = u64(u64(m & ~from) & above);
  if (free === 0n) return U64 + 1n;
  const step = u64(free & -free);
  return u64(u64(from & ~u64(step | (step - 1n))) | step | u64(v & (step - 1n)));
}

const memberDown64 = (from: bigint, v: bigint, m: bigint): bigint =>
  U64 - memberUp64(u64(~from), u64(~v & ~m), m);

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

function raise(min: bigint): void {
  if (min <= umin) return;
  umin = min;
  changed = true;
}

function lower(max: bigint): void {
  if (max >= umax) return;
  umax = max;
  changed = true;
}

function raiseSigned(min: bigint): void {
  if (min <= smin) return;
  smin = min;
  changed = true;
}

function lowerSigned(max: bigint): void {
  if (max >= smax) return;
  smax = max;
  changed = true;
}

/** Bits bound the ranges of the low half. */
function lowFromBits(): void {
  raiseLow(memberUp(u32min, lowValue, lowMask));
  lowerLow(memberDown(u32max, lowValue, lowMask));
  if (lowMask >= 0) return; // with a known sign, the unsigned range says the same
  raiseLowSigned(memberUp((s32min ^ S32MIN) >>> 0, lowValue, lowMask) + S32MIN);
  lowerLowSigned(memberDown((s32max ^ S32MIN) >>> 0, lowValue, lowMask) + S32MIN);
}

/** A range that does not cross the sign bounds the other; one that does may miss one part of the other. */
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

/** Bits that the ends of a range have in common, from the top, are known. */
function lowBits(): void {
  const differ = u32min ^ u32max;
  const known = differ === 0 ? -1 : differ < 0 ? 0 : -1 << (32 - Math.clz32(differ));
  if (((lowValue ^ u32min) & known & ~lowMask) !== 0) empty = true;
  const news = known & lowMask;
  if (news === 0) return;
  lowValue |= u32min & news;
  lowMask &= ~news;
  changed = true;
}

/** One round over the low half. */
function lowRound(): void {
  lowFromBits();
  lowFromSigns();
  if (u32min > u32max || s32min > s32max) empty = true;
  else lowBits();
}

function wideFromBits(): void {
  raise(memberUp64(umin, value, mask));
  lower(memberDown64(umax, value, mask));
  if (mask < SIGN) return;
  raiseSigned(BigInt.asIntN(64, memberUp64(u64(smin ^ SIGN), value, mask) ^ SIGN));
  lowerSigned(BigInt.asIntN(64, memberDown64(u64(smax ^ SIGN), value, mask) ^ SIGN));
}

function wideFromSigns(): void {
  if (umax < SIGN || umin >= SIGN) {
    raiseSigned(BigInt.asIntN(64, umin));
    lowerSigned(BigInt.asIntN(64, umax));
  } else {
    if (smin > BigInt.asIntN(64, umax)) lower(S64MAX);
    if (smax < BigInt.asIntN(64, umin)) raise(SIGN);
  }
  if (smin >= 0n || smax < 0n) {
    raise(u64(smin));
    lower(u64(smax));
  } else {
    if (umin > smax) raise(u64(smin));
    if (umax < u64(smin)) lower(smax);
  }
}

/** A range shorter than 2^32 bounds the low half when that does not wrap. */
function lowFromRange(min: bigint, max: bigint): void {
  if (u64(max - min) >= HALF) return;
  const from = low(min);
  const to = low(max);
  if (from >>> 0 <= to >>> 0) {
    raiseLow(from >>> 0);
    lowerLow(to >>> 0);
  }
  if (from <= to) {
    raiseLowSigned(from);
    lowerLowSigned(to);
  }
}

/** The ends of the ranges move inwards to the next number whose low half is possible. */
function wideFromLow(): void {
  if (u32max - u32min < U32) {
    const from = low(umin) >>> 0;
    if (from < u32min) raise(umin + BigInt(u32min - from));
    else if (from > u32max) raise(umin + BigInt(u32min - from + PAST32));
    const to = low(umax) >>> 0;
    if (to > u32max) lower(umax - BigInt(to - u32max));
    else if (to < u32min) lower(umax - BigInt(to - u32max + PAST32));
  }
  if (s32max - s32min < U32) {
    const from = low(smin);
    if (from < s32min) raiseSigned(smin + BigInt(s32min - from));
    else if (from > s32max) raiseSigned(smin + BigInt(s32min - from + PAST32));
    const to = low(smax);
    if (to > s32max) lowerSigned(smax - BigInt(to - s32max));
    else if (to < s32min) lowerSigned(smax - BigInt(to - s32max + PAST32));
  }
}

/** Bits known from the range and from the low half. */
function wideBits(): void {
  const differ = u64(umin ^ umax);
  const above = differ === 0n ? U64 : u64(-2n << topBit(differ));
  const bits = u64(above | BigInt(~lowMask >>> 0));
  const found = u64(u64(umin & above) | BigInt(lowValue >>> 0));
  if (u64(u64(umin ^ BigInt(lowValue >>> 0)) & u64(above & BigInt(~lowMask >>> 0))) !== 0n) empty = true;
  if (u64(u64(value ^ found) & u64(bits & ~mask)) !== 0n) empty = true;
  const news = u64(bits & mask);
  if (news === 0n) return;
  value = u64(value | (found & news));
  mask = u64(mask & ~news);
  changed = true;
}

/** One round over all parts. */
function wideRound(): void {
  wideFromBits();
  wideFromSigns();
  if (umin > umax || smin > smax) {
    empty = true;
    return;
  }
  lowFromRange(umin, umax);
  lowFromRange(smin, smax);
  lowValue = low(value);
  lowMask = low(mask);
  lowRound();
  if (empty) return;
  wideFromLow();
  wideFromSigns();
  if (umin > umax || smin > smax) empty = true;
  else wideBits();
}

/** A value below 2^32 is its low half. */
function narrow(): Num | undefined {
  if (umin > umax || smin > smax || smax < 0n || value > BIG_U32 || smin > BIG_U32) return undefined;
  lowValue = low(value);
  lowMask = low(mask);
  raiseLow(Number(umin));
  lowerLow(Number(umax));
  if (smin > 0n) raiseLow(Number(smin));
  if (smax < BIG_U32) lowerLow(Number(smax));
  return roundsOfLow();
}

function roundsOfLow(): Num | undefined {
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
  const bits = BigInt(lowValue >>> 0);
  return make(bits, BigInt(lowMask >>> 0), min, max, min, max, u32min, u32max, s32min, s32max);
}

/**
 * The Num with these parts: known bits (value & mask need not be 0), ranges of the whole and of the low half.
 * Undefined when no value has them all.
 */
export function normal(
  bits: bigint,
  unknown: bigint,
  min: bigint,
  max: bigint,
  signedMin: bigint,
  signedMax: bigint,
  lowMin: number,
  lowMax: number,
  lowSignedMin: number,
  lowSignedMax: number,
): Num | undefined {
  value = u64(bits & ~unknown);
  mask = unknown;
  umin = min;
  umax = max;
  smin = signedMin;
  smax = signedMax;
  u32min = lowMin;
  u32max = lowMax;
  s32min = lowSignedMin;
  s32max = lowSignedMax;
  empty = false;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    if (umax <= BIG_U32) return narrow();
    changed = false;
    wideRound();
    if (empty) return undefined;
    if (!changed) break;
  }
  if (umax <= BIG_U32) return narrow();
  if (umin === umax) return constant(umin);
  return make(value, mask, umin, umax, smin, smax, u32min, u32max, s32min, s32max);
}

/** The same for a zero-extended 32-bit value; `bits` and `unknown` are signed 32-bit numbers. */
export function normalLow(
  bits: number,
  unknown: number,
  lowMin: number,
  lowMax: number,
  lowSignedMin: number,
  lowSignedMax: number,
): Num | undefined {
  lowValue = bits & ~unknown;
  lowMask = unknown | 0;
  u32min = lowMin;
  u32max = lowMax;
  s32min = lowSignedMin;
  s32max = lowSignedMax;
  return roundsOfLow();
}
