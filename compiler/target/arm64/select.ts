/** AArch64 instruction selection: SSA values to the kinds of kinds.ts. */

import { bug } from "../../../formats/error.ts";
import * as i64 from "../../../formats/int64.ts";
import { bitmaskImmediate } from "../../../formats/isa/arm64.ts";
import { isConst, isInt, isSmall, isZero, maskedBits } from "../../ir/fold.ts";
import type { Value } from "../../ir/ir.ts";
import { CALLS, COND, type Op, op } from "../../ir/ops.ts";
import type { Lowering, Selection } from "../lower.ts";
import type { MInst } from "../mir.ts";
import {
  type Convention,
  DIVISION,
  distance,
  EXTEND_BITS,
  LOAD_BITS,
  loadsHalf,
  readCondition,
  readFunnel,
  SHIFT_INDEX,
  selectCall,
  selectEnd,
  selectKernel,
  selectLeaf,
  swapsHalf,
} from "../rules.ts";
import { kernelClobbers } from "./kernel-places.ts";
import * as kinds from "./kinds.ts";
import { K } from "./kinds.ts";

/** AAPCS64: x0 … x17 belong to the callee; x16 and x17 are the encoder's own, x18 the platform's. */
export const CONVENTION: Convention = {
  arguments: [0, 1, 2, 3, 4, 5],
  result: 0,
  target: 9,
  tailTarget: 9,
  clobbers: 0xffff,
};
/** Accesses to an element on the stack that each take its index. */
const MOST_ACCESSES = 3;

/** Registers that atomic loops overwrite. */
export const OLD = 14,
  STATUS = 15; // prettier-ignore

const ALU_INDEX = new Map<Op, number>([
  [op.add, 0],
  [op.sub, 1],
  [op.and, 2],
  [op.or, 3],
  [op.xor, 4],
]); // prettier-ignore
const ATOMIC_INDEX = new Map<Op, number>([
  [op.aadd, 0],
  [op.aor, 1],
  [op.aand, 2],
  [op.axor, 3],
  [op.fadd, 0],
  [op.for, 1],
  [op.fand, 2],
  [op.fxor, 3],
  [op.xchg, 4],
]); // prettier-ignore
/** n fits an add or sub immediate: 12 bits, or 12 bits shifted by 12. */
export const fitsAdd = (n: number): boolean => {
  const size = Math.abs(n);
  return size < 4096 || (size < 4096 * 4096 && size % 4096 === 0);
};

/** A constant that add, sub and cmp take as an immediate. */
const isAddImmediate = (v: Value): boolean => isSmall(v) && fitsAdd(v.lo);

/** The bitmask immediate of a constant, or -1. */
const bitmask = (v: Value): number => (isConst(v) ? bitmaskImmediate(v.lo, v.type === 64 ? v.hi : v.lo) : -1);

export const arm64Selection: Selection = {
  argumentRegisters: CONVENTION.arguments,
  keptLeaves: 8,
  staysInLoops: (v) => v.op === op.frame || isConst(v),
  isCostly: (l, v) =>
    v.op === op.frame ||
    v.op === op.data ||
    v.op === op.map ||
    l.usesInBlock(v) > 1 ||
    (isConst(v) && v.lo !== 0 && (v.lo >>> 16 !== 0 || v.hi !== 0)),
  leaf: (l, v, register) => selectLeaf(l, K, v, register),
  value: selectValue,
  end: (l, block) => selectEnd(l, K, CONVENTION, block, branch),
};

/** A number of elements as one of bytes. */
const isScaled = (v: Value, bytes: number): boolean =>
  bytes > 1 && v.op === op.shl && isConst(v.args[1]) && v.args[1].lo === Math.log2(bytes);

function indexed(l: Lowering, inst: MInst, base: Value, index: Value, bytes: number): void {
  const scales = isScaled(index, bytes);
  inst.memory = "index";
  inst.disp = 0;
  inst.scale = scales ? bytes : 1;
  inst.uses.push(l.register(base), l.register(scales ? index.args[0] : index));
}

/** Elements of an array on the stack: its address is made once, in front of a loop. */
function inFrame(l: Lowering, inst: MInst, base: Value, disp: number, bytes: number): boolean {
  const at = base.args.findIndex((v) => v.op === op.frame);
  if (base.op !== op.add || at < 0 || isConst(base.args[1 - at])) return false;
  // More accesses share the sum, for other elements of a record perhaps.
  if (!l.isAddress(base) || l.useCount[base.id] > MOST_ACCESSES) return false;
  indexed(l, inst, l.fn.leaf(op.frame, 64, 0, base.args[at].lo + disp), base.args[1 - at], bytes);
  return true;
}

/** Adds the memory operand [address + disp] of an access of `bytes` bytes to `inst`. */
function address(l: Lowering, inst: MInst, base: Value, disp: number, bytes: number): void {
  inst.disp = disp;
  if (base.op === op.frame) {
    inst.memory = "frame";
    return;
  }
  if (base.op === op.data && i64.fitsInt32(base.lo + disp)) {
    inst.memory = "base";
    inst.disp = base.lo + disp;
    inst.uses.push(l.register(l.fn.leaf(op.data, 64, base.aux)));
    return;
  }
  if (bytes > 0 && inFrame(l, inst, base, disp, bytes)) return;
  const isOnly = disp === 0 && l.useCount[base.id] === 1;
  if (bytes > 0 && base.op === op.add && (isOnly || l.isPlainAddress(base)) && !isConst(base.args[1])) {
    const [x, y] = isScaled(base.args[0], bytes) ? [base.args[1], base.args[0]] : base.args;
    indexed(l, inst, x, y, bytes);
    return;
  }
  inst.memory = "base";
  inst.uses.push(l.register(base));
}

/** The register of what is stored; of what is swapped only for that, no more than two bytes count. */
function stored(l: Lowering, { op: row, args: [, value] }: Value): number {
  if (!swapsHalf(l, row, value)) return l.register(value);
  const swapped = l.fresh();
  l.emit(K.rev16, swapped, [l.register(value.args[0])]).aux = 1;
  return swapped;
}

function selectValue(l: Lowering, v: Value): void {
  const { op: row } = v;
  if (LOAD_BITS.has(row)) {
    const inst = l.emit(K.load, l.register(v), []);
    inst.aux = LOAD_BITS.get(row)!;
    address(l, inst, v.args[0], v.aux, row.bytes);
  } else if (row.bytes > 0) {
    const value = v.args[1];
    const zero = isZero(value) || (value.op === op.const && value.lo === 0 && value.type === 32);
    const inst = zero ? l.emit(K.storeZero, -1, []) : l.emit(K.store, -1, [stored(l, v)]);
    inst.aux = row.bytes * 8;
    address(l, inst, v.args[0], v.aux, row.bytes);
  } else if (CALLS.has(row)) selectCall(l, K, CONVENTION, v);
  else if (row === op.kernel) selectKernel(l, K, v, kernelClobbers(l.fn.kernels[v.aux]));
  else if (row.writes) atomic(l, v);
  else if (row !== op.icmp) arithmetic(l, v);
}

function arithmetic(l: Lowering, v: Value): void {
  const [a, b] = v.args;
  switch (v.op) {
    case op.add:
    case op.sub:
      sum(l, v);
      return;
    case op.and:
    case op.or:
    case op.xor:
      logic(l, v);
      return;
    case op.shl:
    case op.lshr:
    case op.ashr:
    case op.rotl:
    case op.rotr:
      shift(l, v);
      return;
    case op.umulh:
      l.emitValue(K.mulHigh, v, [a, b]);
      return;
    case op.select:
      choose(l, v);
      return;
    case op.mul:
      l.emitValue(K.mul, v, [a, b]);
      return;
    case op.bswap:
      l.emitValue(K.rev, v, [a]);
      return;
    case op.clz:
    case op.ctz:
      l.emitValue(K.clz, v, [a]).aux = v.op === op.ctz ? 1 : 0;
      return;
    case op.popcount:
      l.emitValue(K.popcount, v, [a]);
      return;
    case op.bswap16:
      l.emitValue(K.rev16, v, [a]).aux = loadsHalf(a) ? 1 : 0;
      return;
    case op.sext8:
    case op.sext16:
    case op.sext32:
    case op.zext:
      l.emitValue(K.extend, v, [a]).aux = EXTEND_BITS.get(v.op)!;
      return;
    default:
      if (!DIVISION.has(v.op)) bug(`no selection for ${v.op.name}`);
      l.emitValue(K.divide, v, [a, b]).aux = DIVISION.get(v.op)!;
  }
}

/** Index of "ror" in SHIFT. */
const ROR = 3;

function shift(l: Lowering, v: Value): void {
  const [a, b] = v.args;
  const constant = isConst(b);
  if (constant && v.op === op.rotl) {
    l.emitValue(K.extr, v, [a, a]).lo = b.lo & (v.type - 1);
    return;
  }
  const inst = l.emitValue(constant ? K.shiftImm : K.shift, v, constant ? [a] : [a, distance(b, v.type)]);
  inst.aux = v.op === op.rotr ? ROR : SHIFT_INDEX.get(v.op)!;
  inst.lo = b.lo & (v.type - 1);
}

/** A shift or, where only bits count, a rotation as the last operand of an add, sub, and, or, xor costs nothing. */
function shifted(l: Lowering, v: Value, logic: boolean): { value: Value; by: number; how: number } {
  const how = SHIFT_INDEX.get(v.op);
  if (how === undefined || !isConst(v.args[1]) || l.useCount[v.id] !== 1 || (how === ROR && !logic))
    return { value: v, by: 0, how: 0 };
  const by = v.args[1].lo & (v.type - 1);
  return { value: v.args[0], by: how === ROR ? (v.type - by) & (v.type - 1) : by, how };
}

/** Index in EXTENSION by bits of the field, negative where it is signed. */
const EXTENSIONS = [8, 16, 32, -8, -16, -32];
const MOST_SHIFT = 4;

/** `v`, which nothing else needs, as a field at the bottom of a register, extended and shifted to the left. */
function extended(l: Lowering, v: Value): { value: Value; by: number; how: number } | undefined {
  const isShift = v.op === op.shl && isConst(v.args[1]) && v.args[1].lo >>> 0 <= MOST_SHIFT;
  let field = isShift ? v.args[0] : v;
  if (l.useCount[v.id] !== 1 || l.useCount[field.id] !== 1) return undefined;
  // Of a half only what the sum has as well counts.
  const isHalf = !isShift && (v.op === op.trunc || v.op === op.zext);
  if (isHalf && l.useCount[v.args[0].id] === 1 && (v.op === op.trunc || fieldOf(v.args[0]) > 0))
    field = v.args[0];
  const how = EXTENSIONS.indexOf(fieldOf(field));
  if (how < 0 || (field.op === op.zext && l.root(field) !== field)) return undefined;
  return { value: field.args[0], by: isShift ? v.args[1].lo : 0, how };
}

/** Bits of what `v` extends, negative with a sign; 0: it is no extension. */
function fieldOf({ op: row, args: [, mask] }: Value): number {
  if (row === op.sext8) return -8;
  if (row === op.sext16) return -16;
  if (row === op.sext32) return -32;
  if (row === op.zext) return 32;
  return row === op.and ? maskedBits(mask) : 0;
}

function addExtended(l: Lowering, v: Value, a: Value, b: Value): boolean {
  const found = isZero(a) ? undefined : extended(l, b);
  if (found === undefined) return false;
  const inst = l.emitValue(K.addExtended, v, [a, found.value]);
  inst.aux = ALU_INDEX.get(v.op)!;
  inst.lo = found.by;
  inst.hi = found.how;
  return true;
}

function alu(l: Lowering, v: Value, a: Value, b: Value): void {
  const logic = v.op !== op.add && v.op !== op.sub;
  if (!logic && (addExtended(l, v, a, b) || (v.op === op.add && addExtended(l, v, b, a)))) return;
  const swap = v.op.commutative && shifted(l, a, logic).by > 0 && shifted(l, b, logic).by === 0;
  const [x, y] = swap ? [b, a] : [a, b];
  const { value, by, how } = shifted(l, y, logic);
  const inst = l.emit(K.alu, l.register(v), [operand(l, x), operand(l, value)]);
  inst.width = v.type;
  inst.aux = ALU_INDEX.get(v.op)!;
  inst.lo = by;
  inst.hi = how;
}

/** Zero needs no register of its own. */
const operand = (l: Lowering, v: Value): number => (isZero(v) ? -1 : l.register(v));

function sum(l: Lowering, v: Value): void {
  const [a, b] = v.args;
  if (v.op === op.add && isAddImmediate(b)) {
    if (a.op === op.frame) {
      const inst = l.emitValue(K.lea, v, []);
      inst.memory = "frame";
      inst.disp = b.lo;
    } else l.emitValue(K.addImm, v, [a]).lo = b.lo;
    return;
  }
  if (v.op === op.sub && isZero(a)) {
    if (!negatedBit(l, v, b)) l.emitValue(K.neg, v, [b]);
    return;
  }
  if (v.op === op.add && (plusCondition(l, v, a, b) || plusCondition(l, v, b, a) || funnel(l, v))) return;
  const isProduct = (x: Value) => x.op === op.mul && l.useCount[x.id] === 1;
  if (isProduct(b)) l.emitValue(v.op === op.add ? K.madd : K.msub, v, [b.args[0], b.args[1], a]);
  else if (v.op === op.add && isProduct(a)) l.emitValue(K.madd, v, [a.args[0], a.args[1], b]);
  else alu(l, v, a, b);
}

/** One bit in all bits. */
function negatedBit(l: Lowering, v: Value, b: Value): boolean {
  const [x, mask] = b.args;
  if (b.op !== op.and || !isInt(mask, 1) || l.useCount[b.id] !== 1) return false;
  const isShift = x.op === op.lshr && isConst(x.args[1]) && l.useCount[x.id] === 1;
  const inst = l.emitValue(K.bitField, v, [isShift ? x.args[0] : x]);
  inst.lo = inst.hi = isShift ? x.args[1].lo & (v.type - 1) : 0;
  inst.aux = 1;
  return true;
}

/** x + (1 if something is so, else 0). */
function plusCondition(l: Lowering, v: Value, x: Value, of: Value): boolean {
  const y = l.half(of);
  const [condition, yes, no] = y.args;
  if (y.op !== op.select || l.useCount[y.id] !== 1 || !isConst(yes) || !isConst(no) || isConst(x))
    return false;
  if (yes.hi !== 0 || no.hi !== 0 || yes.lo + no.lo !== 1 || yes.lo * no.lo !== 0) return false;
  const inst = l.emitValue(K.select, v, [x, x, ...comparedValues(l, condition)]);
  compared(l, inst, condition);
  if (yes.lo === 1) inst.cond = COND[inst.cond].not;
  inst.disp = v.type;
  inst.hi = 1;
  return true;
}

function logic(l: Lowering, v: Value): void {
  const [a, b] = v.args;
  if (v.op === op.xor && isInt(b, -1)) {
    l.emitValue(K.not, v, [a]);
    return;
  }
  if (bitField(l, v) || funnel(l, v)) return;
  const immediate = bitmask(b);
  if (immediate < 0) {
    if (!withNot(l, v, a, b) && !withNot(l, v, b, a)) alu(l, v, a, b);
    return;
  }
  const inst = l.emitValue(K.logicImm, v, [a]);
  inst.aux = ALU_INDEX.get(v.op)!;
  inst.lo = immediate;
}

function funnel(l: Lowering, v: Value): boolean {
  const found = readFunnel(l, v);
  if (found === undefined) return false;
  l.emitValue(K.extr, v, [found.high, found.low]).lo = found.by;
  return true;
}

/** x op ~y. */
function withNot(l: Lowering, v: Value, x: Value, y: Value): boolean {
  const isNot = y.op === op.xor && isInt(y.args[1], -1) && l.useCount[y.id] === 1;
  if (!isNot || isConst(x)) return false;
  l.emitValue(K.alu, v, [x, y.args[0]]).aux = ALU_INDEX.get(v.op)! + WITH_NOT;
  return true;
}

/** From an operation of ALU to the one that turns the bits of the second operand. */
const WITH_NOT = 3;

/** Number of ones where v is that many ones at the lower end, with a zero above; else 0. */
function onesOf(v: Value): number {
  if (!isConst(v)) return 0;
  const above = i64.add(v.lo, v.hi, 1, 0);
  return Math.max(0, i64.log2(above, i64.high));
}

/** (x >> k) & ones: a bit field. */
function bitField(l: Lowering, v: Value): boolean {
  const [a, b] = v.args;
  const count = v.op === op.and ? onesOf(b) : 0;
  if (count === 0 || a.op !== op.lshr || !isConst(a.args[1]) || l.useCount[a.id] !== 1) return false;
  const from = a.args[1].lo & (v.type - 1);
  const inst = l.emitValue(K.bitField, v, [a.args[0]]);
  inst.lo = from;
  inst.hi = Math.min(from + count, v.type) - 1;
  return true;
}

function atomic(l: Lowering, v: Value): void {
  const value = v.args[1];
  let inst: MInst;
  if (v.op === op.cmpxchg)
    inst = l.emit(K.cmpxchg, l.register(v), [l.register(v.args[2]), l.register(value)]);
  else if (v.type === 0) inst = l.emit(K.atomic, -1, [l.register(value)]);
  else inst = l.emit(K.fetch, l.register(v), [l.register(value)]);
  inst.aux = ATOMIC_INDEX.get(v.op) ?? 0;
  inst.late = true;
  inst.clobbers = (1 << OLD) | (1 << STATUS);
  inst.width = value.type;
  address(l, inst, v.args[0], v.aux, 0);
}

function branch(l: Lowering, condition: Value): void {
  const operands = comparedValues(l, condition).map((v) => l.register(v));
  compared(l, l.emit(K.branch, -1, operands), condition);
}

function choose(l: Lowering, v: Value): void {
  const [condition, yes, no] = v.args;
  const [plain, turned] = [elseForm(l, no), elseForm(l, yes)];
  const swap = plain.form === 0 && turned.form > 0;
  const { form, register } = swap ? turned : plain;
  const uses = [
    register,
    operand(l, swap ? no : yes),
    ...comparedValues(l, condition).map((x) => l.register(x)),
  ];
  const inst = l.emit(K.select, l.register(v), uses);
  compared(l, inst, condition);
  if (swap) inst.cond = COND[inst.cond].not;
  inst.disp = v.type;
  inst.hi = form;
}

/** A value as what a conditional select gives where its condition does not hold: index in SELECT, and the operand. */
function elseForm(l: Lowering, v: Value): { form: number; register: number } {
  const [a, b] = v.args;
  if (isConst(v) && v.lo === 1 && (v.type === 32 || v.hi === 0)) return { form: 1, register: -1 };
  if (isInt(v, -1)) return { form: 2, register: -1 };
  const isOf = (row: Op, n: number) =>
    v.op === row && isConst(b) && b.lo === n && (v.type === 32 || b.hi === n >> 31) && l.useCount[v.id] === 1;
  if (isOf(op.add, 1)) return { form: 1, register: l.register(a) };
  if (isOf(op.xor, -1)) return { form: 2, register: l.register(a) };
  return { form: 0, register: operand(l, v) };
}

/** What a comparison needs in registers. */
function comparedValues(l: Lowering, condition: Value): Value[] {
  const { a, b, isTest } = readCondition(l, condition);
  const immediate = isTest ? bitmask(b) >= 0 : isAddImmediate(b) || b.op === op.undef;
  return immediate ? [a] : [a, b];
}

/** What an instruction compares, and how. */
function compared(l: Lowering, inst: MInst, condition: Value): void {
  const { a, b, cond, isTest } = readCondition(l, condition);
  const mask = isTest ? bitmask(b) : -1;
  const immediate = isTest ? mask >= 0 : isAddImmediate(b) || b.op === op.undef;
  if (isTest) inst.aux = immediate ? kinds.TEST_IMM : kinds.TEST;
  else inst.aux = immediate ? kinds.COMPARE_IMM : kinds.COMPARE;
  inst.lo = isTest ? mask : b.lo;
  if (isTest && immediate) inst.hi = i64.log2(b.lo, b.hi) + 1;
  inst.cond = cond;
  inst.width = a.type;
}
