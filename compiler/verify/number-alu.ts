/** What the arithmetic instructions compute (RFC 9669 sections 4.1 and 4.2), for numbers of which parts are known. */

import { bug } from "../../formats/error.ts";
import type { Num } from "./number.ts";
import { clear, LOW, out } from "./number-low.ts";
import {
  constant,
  low,
  normal,
  normalLow,
  S32MAX,
  S32MIN,
  S64MAX,
  S64MIN,
  U32,
  U64,
  UNKNOWN,
} from "./number-normal.ts";
import { clearWide, WIDE, wide } from "./number-wide.ts";

const MODULAR = new Set(["add", "sub", "mul", "and", "or", "xor"]);

/** Whether the low half of the 64-bit result depends on the low halves only, and is what 32 bits make of them. */
const isModular = (op: string, b: Num): boolean => MODULAR.has(op) || (op === "lsh" && b.u32max < 32);

const shifts = (b: Num): boolean => b.u32max < 32;

/** For zero-extended operands: whether the 64-bit result is the zero-extended 32-bit one, which is three times as fast. */
const FITS: Readonly<Record<string, (a: Num, b: Num) => boolean>> = {
  add: (a, b) => a.u32max + b.u32max <= U32,
  sub: (a, b) => a.u32min >= b.u32max,
  mul: (a, b) => a.u32max * b.u32max <= U32,
  div: () => true,
  mod: () => true,
  and: () => true,
  or: () => true,
  xor: () => true,
  sdiv: (a, b) => a.u32max <= S32MAX && b.u32max <= S32MAX,
  smod: (a, b) => a.u32max <= S32MAX && b.u32max <= S32MAX,
  lsh: (a, b) => shifts(b) && a.u32max * 2 ** b.u32max <= U32,
  rsh: (_, b) => shifts(b),
  arsh: (a, b) => shifts(b) && a.u32max <= S32MAX,
};
const BIG_U32 = BigInt(U32);
const fits = (op: string, a: Num, b: Num): boolean =>
  a.umax <= BIG_U32 && b.umax <= BIG_U32 && FITS[op](a, b);

/** The result for constants, to be cut to 64 bits; operands unsigned of `width`. */
function compute(op: string, width: 32 | 64, x: bigint, y: bigint): bigint {
  const places = y & BigInt(width - 1);
  const signed = (n: bigint): bigint => BigInt.asIntN(width, n);
  switch (op) {
    case "add":
      return x + y;
    case "sub":
      return x - y;
    case "mul":
      return x * y;
    case "div":
      return y === 0n ? 0n : x / y;
    case "sdiv":
      return y === 0n ? 0n : signed(x) / signed(y);
    case "mod":
      return y === 0n ? x : x % y;
    case "smod":
      return y === 0n ? x : signed(x) % signed(y);
    case "and":
      return x & y;
    case "or":
      return x | y;
    case "xor":
      return x ^ y;
    case "lsh":
      return x << places;
    case "rsh":
      return x >> places;
    case "arsh":
      return signed(x) >> places;
    default:
      return bug(`no arithmetic "${op}"`);
  }
}

/** A contradiction among operands (a path that is impossible without our knowing) allows any result. */
const lowResult = (): Num =>
  normalLow(out.value, out.mask, out.umin, out.umax, out.smin, out.smax) ?? UNKNOWN;

function alu32(op: string, a: Num, b: Num): Num {
  clear();
  LOW[op](a, b);
  return lowResult();
}

function alu64(op: string, a: Num, b: Num): Num {
  clear();
  if (isModular(op, b)) LOW[op](a, b);
  clearWide();
  WIDE[op](a, b);
  const { value, mask, umin, umax, smin, smax } = wide;
  return normal(value, mask, umin, umax, smin, smax, out.umin, out.umax, out.smin, out.smax) ?? UNKNOWN;
}

const ZERO = constant(0n);

/** `a op b`, of 32 bits zero-extended; neg takes `a`, mov takes `b`. */
export function alu(op: string, width: 32 | 64, a: Num, b: Num): Num {
  if (op === "mov") return width === 64 ? b : truncate(b, 4);
  if (op === "neg") return alu("sub", width, ZERO, a);
  if (a.mask === 0n && b.mask === 0n) {
    if (width === 64) return constant(compute(op, 64, a.value, b.value));
    const result = compute(op, 32, BigInt(a.u32min), BigInt(b.u32min));
    return constant(BigInt.asUintN(32, result));
  }
  if (LOW[op] === undefined) bug(`no arithmetic "${op}"`);
  return width === 32 || fits(op, a, b) ? alu32(op, a, b) : alu64(op, a, b);
}

/** The low bytes, zero-extended: what a store keeps and a load of it yields. */
export function truncate(a: Num, bytes: 1 | 2 | 4): Num {
  if (bytes === 4) {
    if (a.umax <= BIG_U32) return a;
    return normalLow(low(a.value), low(a.mask), a.u32min, a.u32max, a.s32min, a.s32max) ?? UNKNOWN;
  }
  const most = bytes === 1 ? 0xff : 0xffff;
  if (a.umax <= BigInt(most)) return a;
  const fits = (a.u32min & ~most) === (a.u32max & ~most);
  const [min, max] = fits ? [a.u32min & most, a.u32max & most] : [0, most];
  return normalLow(low(a.value) & most, low(a.mask) & most, min, max, S32MIN, S32MAX) ?? UNKNOWN;
}

/** The low bytes, sign-extended to `width`, of 32 bits zero-extended from there. */
export function extendSign(a: Num, bytes: 1 | 2 | 4, width: 32 | 64): Num {
  const free = 32 - 8 * bytes;
  const value = (low(a.value) << free) >> free;
  const mask = (low(a.mask) << free) >> free;
  const most = S32MAX >> free;
  let [min, max] = [-most - 1, most];
  if (a.s32min >= min && a.s32max <= max) [min, max] = [a.s32min, a.s32max];
  else {
    const cut = truncate(a, bytes);
    if (cut.u32max <= most) [min, max] = [cut.u32min, cut.u32max];
    else if (cut.u32min > most) [min, max] = [cut.u32min - 2 * most - 2, cut.u32max - 2 * most - 2];
  }
  if (width === 32) return normalLow(value, mask, 0, U32, min, max) ?? UNKNOWN;
  const [bits, unknown] = [BigInt.asUintN(64, BigInt(value)), BigInt.asUintN(64, BigInt(mask))];
  return normal(bits, unknown, 0n, U64, BigInt(min), BigInt(max), 0, U32, min, max) ?? UNKNOWN;
}

function swapBytes(x: bigint, width: 16 | 32 | 64): bigint {
  let result = 0n;
  for (let bit = 0; bit < width; bit += 8) result = (result << 8n) | ((x >> BigInt(bit)) & 0xffn);
  return result;
}

/** The low `width` bits, in the byte order that `op` asks for on a little-endian machine, zero-extended. */
export function byteOrder(op: "le" | "be" | "bswap", width: 16 | 32 | 64, a: Num): Num {
  if (op === "le") return width === 64 ? a : truncate(a, (width / 8) as 2 | 4);
  const [value, mask] = [swapBytes(a.value, width), swapBytes(a.mask, width)];
  return normal(value, mask, 0n, U64, S64MIN, S64MAX, 0, U32, S32MIN, S32MAX) ?? UNKNOWN;
}
