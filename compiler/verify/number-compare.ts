/** What a conditional jump teaches of both operands, on either way (RFC 9669 section 4.3). */

import { bug } from "../../formats/error.ts";
import { meet, type Num } from "./number.ts";
import { least, most, normal, S32MAX, S32MIN, S64MAX, S64MIN, U32, U64 } from "./number-normal.ts";

export type Pair = [Num, Num];

const u64 = (x: bigint): bigint => BigInt.asUintN(64, x);

/** The values of `a` within these ranges; `a` itself when it is. */
function within(a: Num, umin: bigint, umax: bigint, smin: bigint, smax: bigint): Num | undefined {
  if (a.umin >= umin && a.umax <= umax && a.smin >= smin && a.smax <= smax) return a;
  const [min, max] = [most(a.umin, umin), least(a.umax, umax)];
  const [from, to] = [most(a.smin, smin), least(a.smax, smax)];
  if (min > max || from > to) return undefined;
  return normal(a.value, a.mask, min, max, from, to, a.u32min, a.u32max, a.s32min, a.s32max);
}

const unsigned = (a: Num, min: bigint, max: bigint): Num | undefined => within(a, min, max, S64MIN, S64MAX);
const signed = (a: Num, min: bigint, max: bigint): Num | undefined => within(a, 0n, U64, min, max);

/** The values of `a` whose low half is within these ranges. */
function lowWithin(a: Num, umin: number, umax: number, smin: number, smax: number): Num | undefined {
  if (a.u32min >= umin && a.u32max <= umax && a.s32min >= smin && a.s32max <= smax) return a;
  const [min, max] = [Math.max(a.u32min, umin), Math.min(a.u32max, umax)];
  const [from, to] = [Math.max(a.s32min, smin), Math.min(a.s32max, smax)];
  if (min > max || from > to) return undefined;
  return normal(a.value, a.mask, a.umin, a.umax, a.smin, a.smax, min, max, from, to);
}

const lowUnsigned = (a: Num, min: number, max: number): Num | undefined =>
  lowWithin(a, min, max, S32MIN, S32MAX);
const lowSigned = (a: Num, min: number, max: number): Num | undefined => lowWithin(a, 0, U32, min, max);

/** The values of `a` with `bits` set, or with `bits` clear. */
function withBits(a: Num, bits: bigint, set: boolean): Num | undefined {
  if ((set ? bits & ~(a.value | a.mask) : bits & a.value) !== 0n) return undefined;
  if ((bits & a.mask) === 0n) return a;
  const value = set ? a.value | bits : a.value;
  const { umin, umax, smin, smax, u32min, u32max, s32min, s32max } = a;
  return normal(u64(value), u64(a.mask & ~bits), umin, umax, smin, smax, u32min, u32max, s32min, s32max);
}

const both = (a: Num | undefined, b: Num | undefined): Pair | undefined =>
  a === undefined || b === undefined ? undefined : [a, b];

/** `a` without the value `x`, which moves a bound when it stands there. */
function without(a: Num, x: bigint): Num | undefined {
  const s = BigInt.asIntN(64, x);
  const [umin, umax] = [a.umin === x ? x + 1n : a.umin, a.umax === x ? x - 1n : a.umax];
  const [smin, smax] = [a.smin === s ? s + 1n : a.smin, a.smax === s ? s - 1n : a.smax];
  return within(a, umin, umax, smin, smax);
}

function lowWithout(a: Num, x: number): Num | undefined {
  const s = x | 0;
  const [umin, umax] = [a.u32min === x ? x + 1 : a.u32min, a.u32max === x ? x - 1 : a.u32max];
  const [smin, smax] = [a.s32min === s ? s + 1 : a.s32min, a.s32max === s ? s - 1 : a.s32max];
  return lowWithin(a, umin, umax, smin, smax);
}

type Assume = (a: Num, b: Num) => Pair | undefined;

function equals(a: Num, b: Num): Pair | undefined {
  const m = meet(a, b);
  return m && [m, m];
}

function differs(a: Num, b: Num): Pair | undefined {
  const x = b.mask === 0n ? without(a, b.value) : a;
  return both(x, a.mask === 0n ? without(b, a.value) : b);
}

const LOW_BITS = BigInt(U32);

/** What `b` knows of its low half holds for that of `a`. */
export function meetLow(a: Num, b: Num): Num | undefined {
  if (((a.value ^ b.value) & ~(a.mask | b.mask) & LOW_BITS) !== 0n) return undefined;
  const known = ~b.mask & LOW_BITS;
  const [min, max] = [Math.max(a.u32min, b.u32min), Math.min(a.u32max, b.u32max)];
  const [from, to] = [Math.max(a.s32min, b.s32min), Math.min(a.s32max, b.s32max)];
  if (min > max || from > to) return undefined;
  const { umin, umax, smin, smax } = a;
  return normal(a.value | (b.value & known), a.mask & ~known, umin, umax, smin, smax, min, max, from, to);
}

const lowDiffers: Assume = (a, b) =>
  both(
    b.u32min === b.u32max ? lowWithout(a, b.u32min) : a,
    a.u32min === a.u32max ? lowWithout(b, a.u32min) : b,
  );

const below: Assume = (a, b) =>
  b.umax === 0n || a.umin === U64
    ? undefined
    : both(unsigned(a, 0n, b.umax - 1n), unsigned(b, a.umin + 1n, U64));
const atMost: Assume = (a, b) => both(unsigned(a, 0n, b.umax), unsigned(b, a.umin, U64));
const less: Assume = (a, b) =>
  b.smax === S64MIN || a.smin === S64MAX
    ? undefined
    : both(signed(a, S64MIN, b.smax - 1n), signed(b, a.smin + 1n, S64MAX));
const lessOrEqual: Assume = (a, b) => both(signed(a, S64MIN, b.smax), signed(b, a.smin, S64MAX));

const lowBelow: Assume = (a, b) => both(lowUnsigned(a, 0, b.u32max - 1), lowUnsigned(b, a.u32min + 1, U32));
const lowAtMost: Assume = (a, b) => both(lowUnsigned(a, 0, b.u32max), lowUnsigned(b, a.u32min, U32));
const lowLess: Assume = (a, b) =>
  both(lowSigned(a, S32MIN, b.s32max - 1), lowSigned(b, a.s32min + 1, S32MAX));
const lowLessOrEqual: Assume = (a, b) => both(lowSigned(a, S32MIN, b.s32max), lowSigned(b, a.s32min, S32MAX));

/** a & b is not 0 within `bits`: neither is 0 there, and the only bit that both may have is set in both. */
function meets(a: Num, b: Num, bits: bigint): Pair | undefined {
  const common = (a.value | a.mask) & (b.value | b.mask) & bits;
  if (common === 0n) return undefined;
  if ((common & (common - 1n)) === 0n) return both(withBits(a, common, true), withBits(b, common, true));
  if (bits === U64) return both(without(a, 0n), without(b, 0n));
  return both(lowWithout(a, 0), lowWithout(b, 0));
}

/** a & b is 0 within `bits`: what one has, the other has not. */
const avoids = (a: Num, b: Num, bits: bigint): Pair | undefined =>
  both(withBits(a, b.value & bits, false), withBits(b, a.value & bits, false));

const swapped =
  (assume: Assume): Assume =>
  (a, b) => {
    const pair = assume(b, a);
    return pair && [pair[1], pair[0]];
  };

/** For 64 and 32 bits: what holds when the jump is taken. */
const TAKEN: Record<64 | 32, Record<string, Assume>> = {
  64: {
    jeq: equals,
    jne: differs,
    jlt: below,
    jle: atMost,
    jgt: swapped(below),
    jge: swapped(atMost),
    jslt: less,
    jsle: lessOrEqual,
    jsgt: swapped(less),
    jsge: swapped(lessOrEqual),
    jset: (a, b) => meets(a, b, U64),
    unset: (a, b) => avoids(a, b, U64),
  },
  32: {
    jeq: (a, b) => both(meetLow(a, b), meetLow(b, a)),
    jne: lowDiffers,
    jlt: lowBelow,
    jle: lowAtMost,
    jgt: swapped(lowBelow),
    jge: swapped(lowAtMost),
    jslt: lowLess,
    jsle: lowLessOrEqual,
    jsgt: swapped(lowLess),
    jsge: swapped(lowLessOrEqual),
    jset: (a, b) => meets(a, b, LOW_BITS),
    unset: (a, b) => avoids(a, b, LOW_BITS),
  },
};

const OPPOSITE: Record<string, string> = {
  ...{ jeq: "jne", jne: "jeq", jlt: "jge", jge: "jlt", jle: "jgt", jgt: "jle" },
  ...{ jslt: "jsge", jsge: "jslt", jsle: "jsgt", jsgt: "jsle", jset: "unset" },
};

/** The operands of `a cond b` when it holds (`yes`) and when it does not; undefined when that cannot be. */
export function refine(
  cond: string,
  width: 32 | 64,
  a: Num,
  b: Num,
): { yes: Pair | undefined; no: Pair | undefined } {
  const rows = TAKEN[width];
  const yes = rows[cond] ?? bug(`no condition "${cond}"`);
  return { yes: yes(a, b), no: rows[OPPOSITE[cond]](a, b) };
}
