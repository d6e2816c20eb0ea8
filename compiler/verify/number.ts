/**
 * What is known of a 64-bit value: known bits and ranges, signed and unsigned, of the value and of its low half.
 * A Num stands for at least the values that it should (possibly more), and is immutable; here is the lattice,
 * in number-alu.ts what instructions compute, and in number-compare.ts what branches teach.
 */

import { bug } from "../../formats/error.ts";
import {
  constant,
  least,
  make,
  most,
  normal,
  S32MAX,
  S32MIN,
  S64MAX,
  S64MIN,
  U32,
  U64,
  UNKNOWN,
} from "./number-normal.ts";

export { constant, UNKNOWN };

export interface Num {
  /** The bits that are known, those not in `mask`, are those of `value`; value & mask is 0; both unsigned. */
  readonly value: bigint;
  readonly mask: bigint;
  readonly umin: bigint;
  readonly umax: bigint;
  readonly smin: bigint;
  readonly smax: bigint;
  /** Of the low half. */
  readonly u32min: number;
  readonly u32max: number;
  readonly s32min: number;
  readonly s32max: number;
}

/** Every value from `min` to `max`, unsigned. */
export const fromUnsigned = (min: bigint, max: bigint): Num =>
  normal(0n, U64, min, max, S64MIN, S64MAX, 0, U32, S32MIN, S32MAX) ?? bug(`empty range ${min} … ${max}`);

/** Every value from `min` to `max`, signed. */
export const fromSigned = (min: bigint, max: bigint): Num =>
  normal(0n, U64, 0n, U64, min, max, 0, U32, S32MIN, S32MAX) ?? bug(`empty range ${min} … ${max}`);

/** Every zero-extended 32-bit value. */
export const UNKNOWN32: Num = fromUnsigned(0n, BigInt(U32));

export const isConstant = (a: Num): boolean => a.mask === 0n;

/** Whether the 64-bit value `concrete` (signed or unsigned) is one of `a`. */
export function contains(a: Num, concrete: bigint): boolean {
  const [u, s] = [BigInt.asUintN(64, concrete), BigInt.asIntN(64, concrete)];
  const [u32, s32] = [Number(BigInt.asUintN(32, concrete)), Number(BigInt.asIntN(32, concrete))];
  const wide = u >= a.umin && u <= a.umax && s >= a.smin && s <= a.smax;
  const low = u32 >= a.u32min && u32 <= a.u32max && s32 >= a.s32min && s32 <= a.s32max;
  return wide && low && (u & ~a.mask) === a.value;
}

/** Whether every value of `b` is one of `a`; may be false although it is so. */
export function includes(a: Num, b: Num): boolean {
  if (a === b || a === UNKNOWN) return true;
  if (b.u32min < a.u32min || b.u32max > a.u32max || b.s32min < a.s32min || b.s32max > a.s32max) return false;
  if (b.umin < a.umin || b.umax > a.umax || b.smin < a.smin || b.smax > a.smax) return false;
  return BigInt.asUintN(64, b.mask | (b.value ^ a.value)) === 0n || bitsInclude(a, b);
}

const bitsInclude = (a: Num, b: Num): boolean =>
  BigInt.asUintN(64, BigInt.asUintN(64, b.mask | (b.value ^ a.value)) & BigInt.asUintN(64, ~a.mask)) === 0n;

export const equal = (a: Num, b: Num): boolean =>
  a === b ||
  (a.u32min === b.u32min &&
    a.u32max === b.u32max &&
    a.s32min === b.s32min &&
    a.s32max === b.s32max &&
    a.umin === b.umin &&
    a.umax === b.umax &&
    a.smin === b.smin &&
    a.smax === b.smax &&
    a.value === b.value &&
    a.mask === b.mask);

/** The least Num that includes both: bounds that both have, so parts that agree in each agree in the result. */
export function join(a: Num, b: Num): Num {
  if (includes(a, b)) return a;
  if (includes(b, a)) return b;
  const mask = BigInt.asUintN(64, a.mask | b.mask | (a.value ^ b.value));
  return make(
    BigInt.asUintN(64, a.value & ~mask),
    mask,
    least(a.umin, b.umin),
    most(a.umax, b.umax),
    least(a.smin, b.smin),
    most(a.smax, b.smax),
    Math.min(a.u32min, b.u32min),
    Math.max(a.u32max, b.u32max),
    Math.min(a.s32min, b.s32min),
    Math.max(a.s32max, b.s32max),
  );
}

/** The values of both; undefined when there are none. */
export function meet(a: Num, b: Num): Num | undefined {
  if (a === b || b === UNKNOWN) return a;
  if (a === UNKNOWN) return b;
  if (BigInt.asUintN(64, (a.value ^ b.value) & ~(a.mask | b.mask)) !== 0n) return undefined;
  return normal(
    BigInt.asUintN(64, a.value | b.value),
    BigInt.asUintN(64, a.mask & b.mask),
    most(a.umin, b.umin),
    least(a.umax, b.umax),
    most(a.smin, b.smin),
    least(a.smax, b.smax),
    Math.max(a.u32min, b.u32min),
    Math.min(a.u32max, b.u32max),
    Math.max(a.s32min, b.s32min),
    Math.min(a.s32max, b.s32max),
  );
}

// Where a bound that grows stops on its way to the limit. Few, because every stop may cost the fixpoint a round.
const UP = [-1n, 0n, 1n, 0x10n, 0x100n, 0x1000n, 0x10000n, BigInt(S32MAX), BigInt(U32), S64MAX];
const DOWN = [1n, 0n, -1n, BigInt(S32MIN)];
const LOW_UP = [-1, 0, 0xffff, S32MAX];
const LOW_DOWN = [1, 0, -1];

/** Where bounds stop when they are widened: ascending for upper bounds, descending for lower ones. */
export interface Stops {
  up: readonly bigint[];
  down: readonly bigint[];
  lowUp: readonly number[];
  lowDown: readonly number[];
}
const STOPS: Stops = { up: UP, down: DOWN, lowUp: LOW_UP, lowDown: LOW_DOWN };

/** Fewer of them, for numbers that keep growing. */
export const FEW_STOPS: Stops = {
  up: [BigInt(S32MAX), BigInt(U32), S64MAX],
  down: [0n, BigInt(S32MIN)],
  lowUp: [S32MAX],
  lowDown: [0],
};

/** Stops at and beside the given numbers, which a loop compares with, and few others. */
export function stopsFor(landmarks: Iterable<number>): Stops {
  const all = [...landmarks].flatMap((x) => [x - 1, x, x + 1]);
  const sorted = <T extends number | bigint>(list: T[]): T[] =>
    [...new Set(list)].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const wide = all.map(BigInt);
  const small = all.filter((x) => x >= S32MIN && x <= S32MAX);
  return {
    up: sorted([...FEW_STOPS.up, ...wide]),
    down: sorted([...FEW_STOPS.down, ...wide]).reverse(),
    lowUp: sorted([...FEW_STOPS.lowUp, ...small]),
    lowDown: sorted([...FEW_STOPS.lowDown, ...small]).reverse(),
  };
}

/** Masks of the low bits that may stay known when others change, which is what alignment is made of. */
const ALIGNED = [12n, 3n, 2n, 1n].map((bits) => BigInt.asUintN(64, -1n << bits));

const stop = <T>(stops: readonly T[], limit: T, fits: (at: T) => boolean): T => stops.find(fits) ?? limit;

/** Includes `old` and `next`, and grows so fast that a chain of it ends after few steps. */
export function widen(old: Num, next: Num, stops: Stops = STOPS): Num {
  if (includes(old, next)) return old;
  const to = join(old, next);
  const sameBits = to.mask === old.mask;
  const mask = sameBits ? to.mask : stop(ALIGNED, U64, (m) => (to.mask & ~m) === 0n);
  const wide = normal(
    to.value,
    mask,
    to.umin === old.umin ? to.umin : stop(stops.down, 0n, (at) => at <= to.umin),
    to.umax === old.umax ? to.umax : stop(stops.up, U64, (at) => at >= to.umax),
    to.smin === old.smin ? to.smin : stop(stops.down, S64MIN, (at) => at <= to.smin),
    to.smax === old.smax ? to.smax : stop(stops.up, S64MAX, (at) => at >= to.smax),
    to.u32min === old.u32min ? to.u32min : stop(stops.lowDown, 0, (at) => at <= to.u32min),
    to.u32max === old.u32max ? to.u32max : stop(stops.lowUp, U32, (at) => at >= to.u32max),
    to.s32min === old.s32min ? to.s32min : stop(stops.lowDown, S32MIN, (at) => at <= to.s32min),
    to.s32max === old.s32max ? to.s32max : stop(stops.lowUp, S32MAX, (at) => at >= to.s32max),
  );
  return wide ?? UNKNOWN;
}

/** Decimal as far as people read it, and multiples of 1000 with their neighbours, which bounds of loops are. */
function literal(x: bigint): string {
  const size = x < 0n ? -x : x;
  const decimal = size < 10_000n || (size < 1_000_000_000n && (size + 1n) % 1000n < 3n);
  return (x < 0n ? "-" : "") + (decimal ? String(size) : "0x" + size.toString(16));
}

/** "0 … 9", or one-sided where the other end is that of the type. */
function range(min: bigint, max: bigint): string {
  if (max === U64) return min === 1n ? "not 0" : `${literal(min)} or more`;
  if (min === S64MIN && max !== -1n) return `${literal(max)} or less, signed`;
  if (min < 0n && max === S64MAX) return `${literal(min)} or more, signed`;
  return min === max ? literal(min) : `${literal(min)} … ${literal(max)}`;
}

/** What the known bits tell below the top bit of `differ`, in which the ends of a range first differ. */
function bitsNote(a: Num, differ: bigint): string {
  const open = differ === 0n ? 0n : (1n << BigInt(differ.toString(2).length)) - 1n;
  const known = ~a.mask & open;
  if (known === 0n) return "";
  if ((a.value & known) !== 0n)
    return ` (bits 0x${known.toString(16)} are 0x${(a.value & known).toString(16)})`;
  if ((known & (known + 1n)) === 0n) return ` (multiple of ${literal(known + 1n)})`;
  return ` (only bits of 0x${(a.mask & open).toString(16)})`;
}

/** Short and for people: "5", "0 … 255", "-8 … 7", "0 … 0xfffc (multiple of 4)", "any number". */
export function format(a: Num): string {
  if (isConstant(a)) return literal(a.smin > -0x100000000n ? a.smin : a.value);
  const lowSigned = a.s32max - a.s32min < a.u32max - a.u32min;
  const [from, to] = lowSigned ? [a.s32min, a.s32max] : [a.u32min, a.u32max];
  const low = range(BigInt(from), BigInt(to));
  const lowNote = bitsNote(a, BigInt((from ^ to) >>> 0));
  if (lowSigned && a.umax <= BigInt(U32)) return `${low} in 32 bits${lowNote}`;
  const signed = a.smax < 0n || a.smax - a.smin < a.umax - a.umin;
  const [min, max] = signed ? [a.smin, a.smax] : [a.umin, a.umax];
  if (max - min >= S64MAX && to - from < S32MAX) return `low half ${low}${lowNote}`;
  const note = bitsNote(a, BigInt.asUintN(64, min ^ max));
  return (max - min === U64 ? "any number" : range(min, max)) + note;
}
