/**
 * Local rules: constants, identities, canonical forms. `fold` looks at one value whose arguments are final and
 * returns what to use instead, or the value itself (perhaps changed in place). Used while building and by passes.
 */

import * as i64 from "../../formats/int64.ts";
import { FAR, setsClearBits } from "./addresses.ts";
import type { Fn, Value } from "./ir.ts";
import { COND, EQ, NE, type Op, op, SGE, SGT, SLE, SLT, type Type, UGE, UGT, ULE, ULT } from "./ops.ts";

/** Makes a value in front of the one being folded, folded itself. */
export type Emit = (row: Op, type: Type, args: Value[], aux?: number) => Value;

export const isConst = (v: Value): boolean => v.op === op.const;
export const isZero = (v: Value): boolean => v.op === op.const && v.lo === 0 && v.hi === 0;
/** The constant n. */
export const isInt = (v: Value, n: number): boolean =>
  v.op === op.const && v.lo === n && (v.type === 32 || v.hi === n >> 31);

/** A constant whose value is its low word, sign-extended. */
export const isSmall = (v: Value): boolean => isConst(v) && (v.type === 32 || v.hi === v.lo >> 31);

/** The upper half of this 64-bit value is known to be zero. */
export function upperZero(v: Value, depth = 4): boolean {
  switch (v.op) {
    case op.zext:
      return true;
    case op.const:
      return v.hi === 0;
    case op.undef:
      return true;
    case op.and:
      return depth > 0 && (upperZero(v.args[0], depth - 1) || upperZero(v.args[1], depth - 1));
    case op.or:
    case op.xor:
    case op.udiv:
    case op.umod:
      return depth > 0 && upperZero(v.args[0], depth - 1) && upperZero(v.args[1], depth - 1);
    case op.lshr:
      return (
        isConst(v.args[1]) && ((v.args[1].lo & 63) >= 32 || (depth > 0 && upperZero(v.args[0], depth - 1)))
      );
    default:
      return false;
  }
}

/** 8 or 16 where `and` with `mask` leaves just so many low bits, else 0. */
export const maskedBits = (mask: Value): 0 | 8 | 16 => (isInt(mask, 0xff) ? 8 : isInt(mask, 0xffff) ? 16 : 0);

/** A mask that leaves nothing of what the extension put above its field. */
const isBelowSign = ({ op: row }: Value, { type, lo, hi }: Value): boolean =>
  (type === 32 || hi === 0) && lo >>> 0 <= (row === op.sext8 ? 0xff : row === op.sext16 ? 0xffff : -1);

/** How many low bits of this value may be set, as far as its operation tells. */
function bitsOf(v: Value): number {
  if (v.op === op.zext) return Math.min(bitsOf(v.args[0]), 32);
  if (v.op === op.load8) return 8;
  if (v.op === op.load16 || v.op === op.bswap16) return 16;
  return v.type;
}

function ones(n: number): number {
  let count = 0;
  for (let left = n; left !== 0; left &= left - 1) count++;
  return count;
}

/** The constant result of `v`, whose arguments are all constants; undefined where there is no rule. */
function constant(fn: Fn, v: Value): Value | undefined {
  const [a, b] = v.args;
  const wide = v.type === 64;
  const give = (lo: number, hi: number) => fn.const(v.type, lo, hi);
  const { lo: al, hi: ah } = a;
  switch (v.op) {
    case op.trunc:
      return fn.const(32, al);
    case op.zext:
      return fn.const(64, al, 0);
    case op.sext32:
      return fn.const(64, al);
    case op.sext8:
      return fn.const(v.type, (al << 24) >> 24);
    case op.sext16:
      return fn.const(v.type, (al << 16) >> 16);
    case op.bswap16:
      return fn.const(v.type, ((al & 255) << 8) | ((al >> 8) & 255), 0);
    case op.clz:
      return give(wide && ah === 0 ? 32 + Math.clz32(al) : Math.clz32(wide ? ah : al), 0);
    case op.ctz:
      return give(Math.min(v.type, i64.ctz(al, ah)), 0);
    case op.popcount:
      return give(ones(al) + (wide ? ones(ah) : 0), 0);
    case op.bswap: {
      const swap = (n: number) => (n << 24) | ((n & 0xff00) << 8) | ((n >>> 8) & 0xff00) | (n >>> 24);
      return wide ? give(swap(ah), swap(al)) : give(swap(al), 0);
    }
  }
  if (b === undefined) return undefined;
  const { lo: bl, hi: bh } = b;
  switch (v.op) {
    case op.add:
      return wide ? give(i64.add(al, ah, bl, bh), i64.high) : give((al + bl) | 0, 0);
    case op.sub:
      return wide ? give(i64.sub(al, ah, bl, bh), i64.high) : give((al - bl) | 0, 0);
    case op.and:
      return give(al & bl, ah & bh);
    case op.or:
      return give(al | bl, ah | bh);
    case op.xor:
      return give(al ^ bl, ah ^ bh);
    case op.shl:
      return wide ? give(i64.shl(al, ah, bl), i64.high) : give(al << bl, 0);
    case op.lshr:
      return wide ? give(i64.lshr(al, ah, bl), i64.high) : give((al >>> (bl & 31)) | 0, 0);
    case op.ashr:
      return wide ? give(i64.ashr(al, ah, bl), i64.high) : give(al >> (bl & 31), 0);
    case op.mul:
    case op.udiv:
    case op.sdiv:
    case op.umod:
    case op.smod: {
      const result = divide(v.op, widen(v.type, a), widen(v.type, b), v.type);
      return give(i64.fromBig(result), i64.high);
    }
    case op.icmp:
      return fn.const(1, compare(v.aux, a, b) ? 1 : 0);
  }
  return undefined;
}

const widen = (type: Type, v: Value): bigint => (type === 64 ? i64.toBig(v.lo, v.hi) : BigInt(v.lo));

/** RFC 9669 section 4.1: x / 0 = 0, x % 0 = x; results wrap. a and b are signed. */
function divide(row: Op, a: bigint, b: bigint, type: Type): bigint {
  if (row === op.mul) return a * b;
  const signed = row === op.sdiv || row === op.smod;
  const bits = type === 64 ? 64 : 32;
  const x = signed ? a : BigInt.asUintN(bits, a);
  const y = signed ? b : BigInt.asUintN(bits, b);
  const division = row === op.udiv || row === op.sdiv;
  if (y === 0n) return division ? 0n : x;
  return division ? x / y : x % y;
}

/** Condition `cond` on two constants of the same width. */
export function compare(cond: number, a: Value, b: Value): boolean {
  const wide = a.type === 64;
  const [ah, bh] = wide ? [a.hi, b.hi] : [0, 0];
  const less = (signed: boolean, x: Value, xh: number, y: Value, yh: number) =>
    signed ? (wide ? i64.slt(x.lo, xh, y.lo, yh) : x.lo < y.lo) : i64.ult(x.lo, xh, y.lo, yh);
  if (cond === EQ || cond === NE) return (a.lo === b.lo && ah === bh) === (cond === EQ);
  const signed = cond >= 6;
  switch (cond) {
    case ULT:
    case 6:
      return less(signed, a, ah, b, bh);
    case UGE:
    case 9:
      return !less(signed, a, ah, b, bh);
    case UGT:
    case 8:
      return less(signed, b, bh, a, ah);
    default:
      return !less(signed, b, bh, a, ah);
  }
}

/** x op y where y is a constant: identities and strength. */
function withConstant(fn: Fn, v: Value, emit: Emit): Value {
  const [a, b] = v.args;
  const bits = v.type === 64 ? 64 : 32;
  const zero = isZero(b);
  switch (v.op) {
    case op.add:
      if (zero) return a;
      if (a.op === op.add && isConst(a.args[1])) return combine(fn, v, op.add, a, b);
      break;
    case op.sub:
      if (zero) return a;
      v.op = op.add;
      v.args[1] =
        v.type === 64 ? fn.const(64, i64.sub(0, 0, b.lo, b.hi), i64.high) : fn.const(32, -b.lo | 0, 0);
      return fold(fn, v, emit);
    case op.mul: {
      if (zero) return b;
      const shift = i64.log2(b.lo, v.type === 64 ? b.hi : 0);
      if (shift === 0) return a;
      if (shift > 0) return become(v, op.shl, a, fn.const(v.type, shift));
      break;
    }
    case op.and:
      if (zero) return b;
      if (isInt(b, -1)) return a;
      if ((~b.lo & (2 ** Math.min(bitsOf(a), 32) - 1)) === 0 && bitsOf(a) <= 32) return a;
      if (v.type === 64 && b.lo === -1 && b.hi === 0) return emit(op.zext, 64, [emit(op.trunc, 32, [a])]);
      if (isBelowSign(a, b) && a.args[0].type === v.type) return emit(op.and, v.type, [a.args[0], b]);
      if (a.op === op.and && isConst(a.args[1])) return combine(fn, v, op.and, a, b);
      break;
    case op.or:
      if (zero) return a;
      if (isInt(b, -1)) return b;
      if (a.op === op.or && isConst(a.args[1])) return combine(fn, v, op.or, a, b);
      break;
    case op.xor:
      if (zero) return a;
      if (a.op === op.xor && isConst(a.args[1])) return combine(fn, v, op.xor, a, b);
      break;
    case op.shl:
    case op.lshr:
    case op.ashr:
      return shift(fn, v, emit);
    case op.rotr:
      return become(v, op.rotl, a, fn.const(v.type, -b.lo & (bits - 1)));
    case op.udiv:
    case op.umod: {
      if (zero) return v.op === op.udiv ? b : a;
      const power = i64.log2(b.lo, bits === 64 ? b.hi : 0);
      if (power < 0) break;
      if (v.op === op.udiv) return power === 0 ? a : become(v, op.lshr, a, fn.const(v.type, power));
      const mask = bits === 64 ? fn.const(64, i64.sub(b.lo, b.hi, 1, 0), i64.high) : fn.const(32, b.lo - 1);
      return fold(fn, become(v, op.and, a, mask), emit);
    }
    case op.sdiv:
    case op.smod:
      if (zero) return v.op === op.sdiv ? b : a;
      if (isInt(b, 1)) return v.op === op.sdiv ? a : fn.const(v.type, 0);
      break;
  }
  return v;
}

function become(v: Value, row: Op, a: Value, b: Value): Value {
  v.op = row;
  v.args = [a, b];
  return v;
}

/** (x op c1) op c2 = x op (c1 op c2). */
function combine(fn: Fn, v: Value, row: Op, inner: Value, b: Value): Value {
  const both = fn.value(row, v.type, [inner.args[1], b], v.block);
  return become(v, row, inner.args[0], constant(fn, both)!);
}

/** Shifts by a constant; pairs of them are how older BPF extends narrow values. */
function shift(fn: Fn, v: Value, emit: Emit): Value {
  const [a, b] = v.args;
  const bits = v.type === 64 ? 64 : 32;
  const count = b.lo & (bits - 1);
  if (count === 0) return a;
  if (b.lo !== count || b.hi !== 0) v.args[1] = fn.const(v.type, count);
  const inner = a.args.length === 2 && isConst(a.args[1]) ? a.args[1].lo & (bits - 1) : -1;
  if (inner < 0) return v;
  const x = a.args[0];
  if (a.op === v.op) {
    const sum = inner + count;
    if (sum < bits) return become(v, v.op, x, fn.const(v.type, sum));
    if (v.op === op.ashr) return become(v, v.op, x, fn.const(v.type, bits - 1));
    return fn.const(v.type, 0);
  }
  if (a.op !== op.shl || inner !== count || v.op === op.shl) return v;
  const kept = bits - count;
  if (v.op === op.lshr) {
    if (kept === 32) return emit(op.zext, 64, [emit(op.trunc, 32, [x])]);
    if (kept < 32) return emit(op.and, v.type, [x, fn.const(v.type, 2 ** kept - 1, 0)]);
    return v;
  }
  if (kept === 32) return emit(op.sext32, 64, [emit(op.trunc, 32, [x])]);
  if (kept === 16) return emit(op.sext16, v.type, [x]);
  if (kept === 8) return emit(op.sext8, v.type, [x]);
  return v;
}

/** Comparisons with a neighbour of zero, as comparisons with zero, which have shorter forms. */
const BESIDE_ZERO = [
  { cond: ULT, n: 1, zero: EQ },
  { cond: UGE, n: 1, zero: NE },
  { cond: SGT, n: -1, zero: SGE },
  { cond: SLE, n: -1, zero: SLT },
  { cond: SLT, n: 1, zero: SLE },
  { cond: SGE, n: 1, zero: SGT },
] as const;

/** Swapped bytes equal a constant where the bytes equal the constant with its bytes swapped. */
function compareSwapped(fn: Fn, cond: number, a: Value, b: Value, emit: Emit): Value | undefined {
  if (a.op !== op.bswap && a.op !== op.bswap16) return undefined;
  const other = constant(fn, fn.value(a.op, a.type, [b], a.block))!;
  const [from] = a.args;
  if (from.type !== a.type) return undefined;
  if (a.op === op.bswap)
    return a.type === 32 || other.hi === other.lo >> 31 ? emit(op.icmp, 1, [from, other], cond) : undefined;
  if (b.lo >>> 16 !== 0 || (a.type === 64 && b.hi !== 0)) return fn.const(1, cond === NE ? 1 : 0);
  return emit(op.icmp, 1, [emit(op.and, a.type, [from, fn.const(a.type, 0xffff, 0)]), other], cond);
}

/** Whether one of two constants was chosen is what it was chosen by. */
function compareChosen(cond: number, choice: Value, b: Value, emit: Emit): Value | undefined {
  const [condition, yes, no] = choice.args;
  if (!isConst(yes) || !isConst(no) || condition.op !== op.icmp) return undefined;
  const [one, other] = [yes, no].map((chosen) => emit(op.icmp, 1, [chosen, b], cond));
  if (one.lo === other.lo) return one;
  return emit(op.icmp, 1, condition.args, one.lo !== 0 ? condition.aux : COND[condition.aux].not);
}

function icmp(fn: Fn, v: Value, emit: Emit): Value {
  let [a, b] = v.args;
  if (isConst(a) && !isConst(b)) {
    [a, b] = v.args = [b, a];
    v.aux = COND[v.aux].swap;
  }
  if (a === b) return fn.const(1, [EQ, ULE, UGE, 7, 9].includes(v.aux) ? 1 : 0);
  const unsigned = v.aux <= UGE;
  // Both sides extend 32-bit values the same way: compare those.
  if (a.op === op.zext && unsigned) {
    if (b.op === op.zext) return emit(op.icmp, 1, [a.args[0], b.args[0]], v.aux);
    if (isConst(b) && b.hi === 0) return emit(op.icmp, 1, [a.args[0], fn.const(32, b.lo)], v.aux);
  }
  if (a.op === op.sext32) {
    if (b.op === op.sext32) return emit(op.icmp, 1, [a.args[0], b.args[0]], v.aux);
    if (isSmall(b)) return emit(op.icmp, 1, [a.args[0], fn.const(32, b.lo)], v.aux);
  }
  const chosen = isConst(b) && a.op === op.select ? compareChosen(v.aux, a, b, emit) : undefined;
  if (chosen !== undefined) return chosen;
  const swapped = isConst(b) && v.aux <= NE ? compareSwapped(fn, v.aux, a, b, emit) : undefined;
  if (swapped !== undefined) return swapped;
  const withZero = BESIDE_ZERO.find((row) => row.cond === v.aux && isInt(b, row.n));
  if (withZero !== undefined) return emit(op.icmp, 1, [a, fn.const(a.type, 0)], withZero.zero);
  // The sign of a narrow value is one of its bits.
  if ((v.aux === SLT || v.aux === SGE) && isZero(b) && (a.op === op.sext8 || a.op === op.sext16)) {
    const [x] = a.args;
    const sign = emit(op.and, x.type, [x, fn.const(x.type, a.op === op.sext8 ? 0x80 : 0x8000, 0)]);
    return emit(op.icmp, 1, [sign, fn.const(x.type, 0)], v.aux === SLT ? NE : EQ);
  }
  if (v.aux === UGT && isZero(b)) v.aux = NE;
  if (v.aux === ULE && isZero(b)) v.aux = EQ;
  if (v.aux === ULT && isZero(b)) return fn.const(1, 0);
  if (v.aux === UGE && isZero(b)) return fn.const(1, 1);
  return v;
}

const LOGIC: ReadonlySet<Op> = new Set([op.and, op.or, op.xor]);

function extension(fn: Fn, v: Value, emit: Emit): Value {
  const a = v.args[0];
  switch (v.op) {
    case op.trunc:
      if (a.op === op.zext || a.op === op.sext32) return a.args[0];
      if (a.op === op.undef) return fn.leaf(op.undef, 32, 0);
      if ((a.op === op.sext8 || a.op === op.sext16) && v.type === 32)
        return emit(a.op, 32, [a.args[0].type === 64 ? emit(op.trunc, 32, [a.args[0]]) : a.args[0]]);
      if (LOGIC.has(a.op) && isConst(a.args[1]))
        return emit(a.op, 32, [emit(op.trunc, 32, [a.args[0]]), fn.const(32, a.args[1].lo)]);
      break;
    case op.zext:
      if (a.op === op.trunc && upperZero(a.args[0])) return a.args[0];
      if (a.op === op.undef) return fn.leaf(op.undef, 64, 0);
      break;
    case op.sext32:
      if (a.op === op.trunc && (a.args[0].op === op.sext32 || isSignedLoad(a.args[0]))) return a.args[0];
      if (a.op === op.trunc && (a.args[0].op === op.sext8 || a.args[0].op === op.sext16)) return a.args[0];
      break;
  }
  return v;
}

const isSignedLoad = (v: Value) => v.op === op.load8s || v.op === op.load16s || v.op === op.load32s;

function phi(v: Value): Value {
  let same: Value | undefined;
  for (const arg of v.args) {
    if (arg === v || arg === same) continue;
    if (same !== undefined) return v;
    same = arg;
  }
  return same ?? v;
}

/** [x + (y + c)] and [x + (y + c << k)]: the constant goes into the access. */
function indexed(v: Value, emit: Emit): Value {
  const [base] = v.args;
  if (setsClearBits(base) && v.aux + base.args[1].lo < FAR) {
    v.aux += base.args[1].lo;
    v.args[0] = base.args[0];
    return v;
  }
  if (base.op !== op.add) return v;
  for (const [k, index] of base.args.entries()) {
    const joined = index.op === op.zext ? index.args[0] : index;
    if (setsClearBits(joined) && v.aux + joined.args[1].lo < FAR) {
      const rest = index.op === op.zext ? emit(op.zext, 64, [joined.args[0]]) : joined.args[0];
      v.args[0] = emit(op.add, 64, [base.args[1 - k], rest]);
      v.aux += joined.args[1].lo;
      return v;
    }
    const scaled = index.op === op.shl && isConst(index.args[1]) && index.args[1].lo <= 3;
    const sum = scaled ? index.args[0] : index;
    if (sum.op !== op.add || !isSmall(sum.args[1])) continue;
    const offset = v.aux + sum.args[1].lo * (scaled ? 2 ** index.args[1].lo : 1);
    if (!i64.fitsInt32(offset)) continue;
    const rest = scaled ? emit(op.shl, 64, [sum.args[0], index.args[1]]) : sum.args[0];
    v.args[0] = emit(op.add, 64, [base.args[1 - k], rest]);
    v.aux = offset;
    return v;
  }
  return v;
}

function select(fn: Fn, v: Value, emit: Emit): Value {
  const [condition, yes, no] = v.args;
  if (isConst(condition)) return condition.lo === 0 ? no : yes;
  if (yes === no) return yes;
  const isEither = condition.op === op.icmp && condition.args.includes(yes) && condition.args.includes(no);
  if (isEither && condition.aux === EQ) return no;
  if (isEither && condition.aux === NE) return yes;
  const whenZero = condition.op !== op.icmp || !isZero(condition.args[1]) ? -1 : condition.aux;
  if (whenZero === EQ && isZero(yes) && isCountOf(no, condition.args[0])) return no;
  if (whenZero === NE && isZero(no) && isCountOf(yes, condition.args[0])) return yes;
  // Of two values with clear upper halves the lower ones are chosen from.
  const isNarrow = (x: Value) => x.op === op.zext || (isConst(x) && x.hi === 0);
  if (v.type !== 64 || !isNarrow(yes) || !isNarrow(no) || (isConst(yes) && isConst(no))) return v;
  const low = (x: Value) => (isConst(x) ? fn.const(32, x.lo, 0) : x.args[0]);
  return emit(op.zext, 64, [emit(op.select, 32, [condition, low(yes), low(no)])]);
}

/** The number of set bits of x, which for zero is zero. */
function isCountOf(v: Value, x: Value): boolean {
  const count = v.op === op.zext || v.op === op.trunc ? v.args[0] : v;
  return count.op === op.popcount && count.args[0] === x;
}

/** An atomic operation that changes nothing: as a sum it needs no loop. */
const isAtomicLoad = ({ op: row, args }: Value): boolean =>
  ((row === op.for || row === op.fxor) && isZero(args[1])) || (row === op.fand && isInt(args[1], -1));

export function fold(fn: Fn, v: Value, emit: Emit): Value {
  if (v.op === op.phi) return phi(v);
  const [a, b] = v.args;
  if (v.op.bytes > 0) {
    // The address is an argument plus aux: take constants out of it.
    if (a.op === op.add && isSmall(a.args[1])) {
      const offset = v.aux + a.args[1].lo;
      if (i64.fitsInt32(offset)) {
        v.args[0] = a.args[0];
        v.aux = offset;
      }
    }
    return indexed(v, emit);
  }
  if (isAtomicLoad(v)) {
    v.op = op.fadd;
    v.args[1] = fn.const(v.args[1].type, 0);
  }
  if (!v.op.pure || a === undefined) return v;
  if (v.op === op.select) return select(fn, v, emit);
  if (isConst(a) && (b === undefined || isConst(b))) {
    const known = constant(fn, v);
    if (known !== undefined) return known;
  }
  if (b === undefined) return extension(fn, v, emit);
  if (v.op === op.icmp) return icmp(fn, v, emit);
  if (v.op.commutative && isConst(a)) [v.args[0], v.args[1]] = [b, a];
  if (isConst(v.args[1])) return withConstant(fn, v, emit);
  if (v.args[0] === v.args[1]) {
    if (v.op === op.sub || v.op === op.xor) return fn.const(v.type, 0);
    if (v.op === op.and || v.op === op.or) return v.args[0];
  }
  return v;
}
