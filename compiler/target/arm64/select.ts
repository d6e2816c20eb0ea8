/** AArch64 instruction selection: SSA values to the kinds of kinds.ts. */

import { bug } from "../../../formats/error.ts";
import { bitmaskImmediate } from "../../../formats/isa/arm64.ts";
import { isConst, isZero } from "../../ir/fold.ts";
import type { Value } from "../../ir/ir.ts";
import { type Op, op } from "../../ir/ops.ts";
import type { Lowering, Selection } from "../lower.ts";
import type { MInst } from "../mir.ts";
import {
  type Convention,
  DIVISION,
  EXTEND_BITS,
  fitsInt32,
  isSmall,
  LOAD_BITS,
  readCondition,
  SHIFT_INDEX,
  selectCall,
  selectEnd,
  selectLeaf,
} from "../rules.ts";
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
  isCostly: (_, v) =>
    v.op === op.data || v.op === op.map || (isConst(v) && v.lo !== 0 && (v.lo >>> 16 !== 0 || v.hi !== 0)),
  leaf: (l, v, register) => selectLeaf(l, K, v, register),
  value: selectValue,
  end: (l, block) => selectEnd(l, K, CONVENTION, block, branch),
};

/** Adds the memory operand [address + disp] of an access of `bytes` bytes to `inst`. */
function address(l: Lowering, inst: MInst, base: Value, disp: number, bytes: number): void {
  inst.disp = disp;
  if (base.op === op.frame) {
    inst.memory = "frame";
    return;
  }
  if (base.op === op.data && fitsInt32(base.lo + disp)) {
    inst.memory = "base";
    inst.disp = base.lo + disp;
    inst.uses.push(l.register(l.fn.leaf(op.data, 64, base.aux)));
    return;
  }
  if (bytes > 0 && disp === 0 && base.op === op.add && l.useCount[base.id] === 1 && !isConst(base.args[1])) {
    const scale = Math.log2(bytes);
    const isScaled = (v: Value) =>
      scale > 0 && v.op === op.shl && isConst(v.args[1]) && v.args[1].lo === scale;
    const [x, y] = isScaled(base.args[0]) ? [base.args[1], base.args[0]] : base.args;
    inst.memory = "index";
    inst.scale = isScaled(y) ? bytes : 1;
    inst.uses.push(l.register(x), l.register(isScaled(y) ? y.args[0] : y));
    return;
  }
  inst.memory = "base";
  inst.uses.push(l.register(base));
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
    const inst = zero ? l.emit(K.storeZero, -1, []) : l.emit(K.store, -1, [l.register(value)]);
    inst.aux = row.bytes * 8;
    address(l, inst, v.args[0], v.aux, row.bytes);
  } else if (row === op.call || row === op.calli || row === op.helper) selectCall(l, K, CONVENTION, v);
  else if (row.writes) atomic(l, v);
  else if (row !== op.icmp) arithmetic(l, v);
}

function emit(l: Lowering, kind: number, v: Value, uses: Value[]): MInst {
  const inst = l.emit(
    kind,
    l.register(v),
    uses.map((use) => l.register(use)),
  ); // prettier-ignore
  inst.width = v.type;
  return inst;
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
    case op.ashr: {
      const constant = isConst(b);
      const inst = emit(l, constant ? K.shiftImm : K.shift, v, constant ? [a] : [a, b]);
      inst.aux = SHIFT_INDEX.get(v.op)!;
      inst.lo = b.lo & (v.type - 1);
      return;
    }
    case op.rotl: {
      const inst = emit(l, isConst(b) ? K.rotateImm : K.rotate, v, isConst(b) ? [a] : [a, b]);
      inst.lo = b.lo & (v.type - 1);
      return;
    }
    case op.umulh:
      emit(l, K.mulHigh, v, [a, b]);
      return;
    case op.select:
      choose(l, v);
      return;
    case op.mul:
      emit(l, K.mul, v, [a, b]);
      return;
    case op.bswap:
      emit(l, K.rev, v, [a]);
      return;
    case op.bswap16:
      emit(l, K.rev16, v, [a]);
      return;
    case op.sext8:
    case op.sext16:
    case op.sext32:
    case op.zext:
      emit(l, K.extend, v, [a]).aux = EXTEND_BITS.get(v.op)!;
      return;
    default:
      if (!DIVISION.has(v.op)) bug(`no selection for ${v.op.name}`);
      emit(l, K.divide, v, [a, b]).aux = DIVISION.get(v.op)!;
  }
}

/** x << k as the last operand of an add, sub, and, or, xor costs nothing. */
function shifted(l: Lowering, v: Value): { value: Value; by: number } {
  const folds = v.op === op.shl && isConst(v.args[1]) && l.useCount[v.id] === 1;
  return folds ? { value: v.args[0], by: v.args[1].lo & (v.type - 1) } : { value: v, by: 0 };
}

function alu(l: Lowering, v: Value, a: Value, b: Value): void {
  const swap = v.op.commutative && shifted(l, a).by > 0 && shifted(l, b).by === 0;
  const [x, y] = swap ? [b, a] : [a, b];
  const { value, by } = shifted(l, y);
  const inst = emit(l, K.alu, v, [x, value]);
  inst.aux = ALU_INDEX.get(v.op)!;
  inst.lo = by;
}

function sum(l: Lowering, v: Value): void {
  const [a, b] = v.args;
  if (v.op === op.add && isAddImmediate(b)) {
    if (a.op === op.frame) {
      const inst = emit(l, K.lea, v, []);
      inst.memory = "frame";
      inst.disp = b.lo;
    } else emit(l, K.addImm, v, [a]).lo = b.lo;
    return;
  }
  if (v.op === op.sub && isZero(a)) {
    emit(l, K.neg, v, [b]);
    return;
  }
  const isProduct = (x: Value) => x.op === op.mul && l.useCount[x.id] === 1;
  if (isProduct(b)) emit(l, v.op === op.add ? K.madd : K.msub, v, [b.args[0], b.args[1], a]);
  else if (v.op === op.add && isProduct(a)) emit(l, K.madd, v, [a.args[0], a.args[1], b]);
  else alu(l, v, a, b);
}

function logic(l: Lowering, v: Value): void {
  const [a, b] = v.args;
  if (v.op === op.xor && isConst(b) && b.lo === -1 && (v.type === 32 || b.hi === -1)) {
    emit(l, K.not, v, [a]);
    return;
  }
  const immediate = bitmask(b);
  if (immediate < 0) {
    alu(l, v, a, b);
    return;
  }
  const inst = emit(l, K.logicImm, v, [a]);
  inst.aux = ALU_INDEX.get(v.op)!;
  inst.lo = immediate;
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
  const inst = emit(l, K.select, v, [no, yes, ...comparedValues(l, condition)]);
  compared(l, inst, condition);
  inst.disp = v.type;
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
  inst.cond = cond;
  inst.width = a.type;
}
