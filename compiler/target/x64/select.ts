/** x86-64 instruction selection: SSA values to the kinds of kinds.ts. */

import { bug } from "../../../formats/error.ts";
import { X64 } from "../../../formats/isa/x64.ts";
import { isNonZeroAt } from "../../ir/flow.ts";
import { isConst, isInt, isSmall, isZero, maskedBits } from "../../ir/fold.ts";
import type { Value } from "../../ir/ir.ts";
import { CALLS, type Op, op } from "../../ir/ops.ts";
import { areApart } from "../../ir/possible-bits.ts";
import type { Lowering, Selection } from "../lower.ts";
import type { MInst } from "../mir.ts";
import {
  type Convention,
  DIVISION,
  distance,
  EXTEND_BITS,
  LOAD_BITS,
  loadsHalf,
  MODULO,
  readFunnel,
  SHIFT_INDEX,
  selectCall,
  selectEnd,
  selectKernel,
  selectLeaf,
  swapsHalf,
} from "../rules.ts";
import { BMI, bmiLogic, bmiShift, loadSwapped, storeSwapped } from "./bmi.ts";
import { branch, choose, oneBit, withFlag } from "./conditions.ts";
import * as kinds from "./kinds.ts";
import { K } from "./kinds.ts";
import { ALU_INDEX, address, inMemory, isScaled, scaleOf, tied, withLoad } from "./operands.ts";

const mask = (...registers: number[]) => registers.reduce((bits, r) => bits | (1 << r), 0);

/** Uses of a zero in a block, from which on it has a register there: stack memory is cleared in many stores. */
const FREQUENT = 3;

/** System V. */
const CONVENTION: Convention = {
  arguments: [X64.rdi, X64.rsi, X64.rdx, X64.rcx, X64.r8, X64.r9],
  result: X64.rax,
  target: -1,
  tailTarget: X64.rax,
  clobbers: mask(X64.rax, X64.rcx, X64.rdx, X64.rsi, X64.rdi, X64.r8, X64.r9, X64.r10, X64.r11),
};

export const x64Selection: Selection = {
  argumentRegisters: CONVENTION.arguments,
  keptLeaves: 4,
  isCostly: (l, v) =>
    isFrequent(l, v) ||
    v.op === op.data ||
    v.op === op.map ||
    (isConst(v) && v.type === 64 && v.hi !== 0 && v.hi !== -1),
  leaf: (l, v, register) => selectLeaf(l, K, v, register),
  value: selectValue,
  end: (l, block) => selectEnd(l, K, CONVENTION, block, (l, condition) => branch(l, condition, block)),
};

function selectValue(l: Lowering, v: Value): void {
  const { op: row } = v;
  if (LOAD_BITS.has(row)) {
    const inst = l.emit(K.load, l.register(v), []);
    inst.aux = LOAD_BITS.get(row)!;
    address(l, inst, v.args[0], v.aux);
  } else if (row.bytes > 0) store(l, v);
  else if (CALLS.has(row)) call(l, v);
  else if (row === op.copy || row === op.fill) block(l, v);
  else if (row === op.kernel) kernel(l, v);
  else if (row.writes) atomic(l, v);
  else arithmetic(l, v);
}

/** The target of an indirect call may come from memory. */
function call(l: Lowering, v: Value): void {
  const [target] = v.args;
  const inMemory = v.op === op.calli && target.op === op.load64 && l.canFold(target, v) && !l.isTail(v);
  const inst = selectCall(l, K, CONVENTION, v, inMemory);
  if (inMemory) address(l, inst, target.args[0], target.aux);
}

/** A constant that is worth a register for the length of its block. */
const isFrequent = (l: Lowering, v: Value): boolean =>
  l.usesInBlock(v) > (l.context.small ? 1 : FREQUENT) && (l.context.small || isZero(v));

function store(l: Lowering, v: Value): void {
  if (inMemory(l, v) || storeSwapped(l, v)) return;
  const value = v.args[1];
  // A constant that is made in a register first is shorter; at -Os zero always.
  const shorter = v.op.bytes >= 4 && ((l.context.small && isZero(value)) || isFrequent(l, value));
  const immediate = isSmall(value) && !shorter;
  const inst = immediate ? l.emit(K.storeImm, -1, []) : l.emit(K.store, -1, [stored(l, v)]);
  inst.lo = value.lo;
  inst.aux = v.op.bytes * 8;
  address(l, inst, v.args[0], v.aux);
}

/** The register of what is stored; of what is swapped only for that, no more than two bytes count. */
function stored(l: Lowering, { op: row, args: [, value] }: Value): number {
  if (!swapsHalf(l, row, value)) return l.register(value);
  const swapped = l.fresh();
  const inst = l.emit(K.bswap16, swapped, [l.register(value.args[0])]);
  inst.tied = true;
  inst.aux = kinds.CLEAR;
  return swapped;
}

function arithmetic(l: Lowering, v: Value): void {
  const [a, b] = v.args;
  switch (v.op) {
    case op.add:
      if (!withFlag(l, v) && !funnel(l, v)) add(l, v);
      return;
    case op.sub:
      if (withFlag(l, v)) return;
      if (isZero(a)) tied(l, K.neg, v, [b]);
      else if (!withLoad(l, v)) tied(l, K.alu, v, [a, b]).aux = 3;
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
    case op.mul: {
      if (isSmall(b)) {
        const inst = l.emit(K.mulImm, l.register(v), [l.register(a)]);
        inst.lo = b.lo;
        inst.width = v.type;
      } else if (!withLoad(l, v)) tied(l, K.mul, v, [a, b]).commutative = true;
      return;
    }
    case op.umulh: {
      if (l.context.features.has(BMI)) {
        l.emit(K.mulx, l.register(v), [l.register(a), l.register(b)]).pins = [X64.rdx, -1];
        return;
      }
      const inst = l.emit(K.mulHigh, l.register(v), [l.register(a), l.register(b)]);
      inst.pins = [X64.rax, -1];
      inst.late = true;
      inst.clobbers = mask(X64.rax, X64.rdx);
      inst.pinnedDef = X64.rdx;
      return;
    }
    case op.select:
      choose(l, v);
      return;
    case op.bswap:
      if (!loadSwapped(l, v)) tied(l, K.bswap, v, [a]);
      return;
    case op.clz:
    case op.ctz:
    case op.popcount:
      count(l, v);
      return;
    case op.bswap16:
      swapHalf(l, v);
      return;
    case op.sext8:
    case op.sext16:
    case op.sext32:
    case op.zext: {
      const inst = l.emit(K.extend, l.register(v), [l.register(a)]);
      inst.aux = EXTEND_BITS.get(v.op)!;
      inst.width = v.type;
      return;
    }
    case op.icmp:
      return; // made where it is branched on
    default:
      if (!DIVISION.has(v.op)) bug(`no selection for ${v.op.name}`);
      divide(l, v);
  }
}

function add(l: Lowering, v: Value): void {
  const [a, b] = v.args;
  if (a.op === op.frame && isSmall(b)) {
    const inst = l.emit(K.lea, l.register(v), []);
    inst.memory = "frame";
    inst.disp = b.lo;
    return;
  }
  const [x, y] = isScaled(l, a) && !isConst(b) ? [b, a] : [a, b];
  if (isScaled(l, y)) {
    addScaled(l, v, x, y);
    return;
  }
  const immediate = isSmall(b);
  if (!immediate && withLoad(l, v)) return;
  const uses = immediate ? [l.register(a)] : [l.register(a), l.register(b)];
  const inst = l.emit(immediate ? K.addImm : K.add, l.register(v), uses);
  inst.lo = b.lo;
  inst.width = v.type;
}

/** x + (y << 1 … 3). */
function addScaled(l: Lowering, v: Value, x: Value, y: Value): void {
  const inst = l.emit(K.lea, l.register(v), [l.register(x), l.register(y.args[0])]);
  inst.memory = "index";
  inst.scale = 1 << scaleOf(y);
  inst.width = v.type;
}

/** Bits that come in where a shifted value has none are added to it. */
function bitsApart(l: Lowering, v: Value): boolean {
  const [a, b] = v.args;
  for (const [x, y] of [
    [a, b],
    [b, a],
  ]) {
    if (v.op === op.and || isConst(x) || !isScaled(l, y) || !areApart(x, y)) continue;
    addScaled(l, v, x, y);
    return true;
  }
  return false;
}

/** A field that ends where the lower half does: shifted down in that half alone, it has nothing above it. */
function lowField(l: Lowering, v: Value): boolean {
  const [shift, mask] = v.args;
  const [x, by] = shift.args;
  if (v.op !== op.and || v.type !== 64 || shift.op !== op.lshr || !isConst(by) || by.lo <= 0 || by.lo >= 32)
    return false;
  if (!isConst(mask) || mask.hi !== 0 || mask.lo !== -1 >>> by.lo || l.useCount[shift.id] !== 1) return false;
  const inst = tied(l, K.shiftImm, v, [x]);
  inst.aux = SHIFT_INDEX.get(op.lshr)!;
  inst.lo = by.lo;
  inst.width = 32;
  return true;
}

function logic(l: Lowering, v: Value): void {
  const [a, b] = v.args;
  if (oneBit(l, v) || bitsApart(l, v) || funnel(l, v) || bmiLogic(l, v) || lowField(l, v)) return;
  const bits = v.op === op.and ? maskedBits(b) : 0;
  if (bits > 0) {
    const inst = l.emit(K.extend, l.register(v), [l.register(a)]);
    inst.aux = -bits;
    return;
  }
  if (v.op === op.xor && isInt(b, -1)) {
    if (!allButOne(l, v)) tied(l, K.not, v, [a]);
    return;
  }
  // A mask with a clear upper half works on 32 bits.
  const narrow = v.op === op.and && isConst(b) && b.hi === 0 && v.type === 64;
  const immediate = isSmall(b) || narrow;
  if (!immediate && withLoad(l, v)) return;
  const inst = tied(l, immediate ? K.aluImm : K.alu, v, immediate ? [a] : [a, b]);
  inst.aux = ALU_INDEX.get(v.op)!;
  inst.lo = b.lo;
  inst.commutative = !immediate;
  if (narrow) inst.width = 32;
}

/** ~(1 << n) is ~1 rotated by n. */
function allButOne(l: Lowering, v: Value): boolean {
  const [bit] = v.args;
  if (bit.op !== op.shl || !isInt(bit.args[0], 1) || l.useCount[bit.id] !== 1 || isConst(bit.args[1]))
    return false;
  shiftBy(l, v, l.fn.const(v.type, -2), bit.args[1]).aux = kinds.ROTATE;
  return true;
}

/** Short, and slow on many processors. */
function funnel(l: Lowering, v: Value): boolean {
  const found = l.context.small ? readFunnel(l, v) : undefined;
  if (found === undefined) return false;
  tied(l, K.funnel, v, [found.high, found.low]).lo = found.by;
  return true;
}

function shift(l: Lowering, v: Value): void {
  if (bmiShift(l, v)) return;
  const [a, b] = v.args;
  const inst = isConst(b) ? tied(l, K.shiftImm, v, [a]) : shiftBy(l, v, a, b);
  inst.aux = SHIFT_INDEX.get(v.op)!;
  inst.lo = b.lo;
}

/** A shift by what a register holds. */
function shiftBy(l: Lowering, v: Value, x: Value, count: Value): MInst {
  const inst = tied(l, K.shiftCl, v, [x, distance(count, v.type)]);
  inst.pins = [-1, X64.rcx];
  inst.pinsLow = true;
  return inst;
}

/** The processor turns 16 bits at once quicker than it swaps bytes; what was loaded has nothing above them. */
function swapHalf(l: Lowering, v: Value): void {
  const [a] = v.args;
  tied(l, K.bswap16, v, [a]).aux = loadsHalf(a) ? kinds.CLEAR : l.context.small ? kinds.SHORT : 0;
}

/** Indexes in COUNT. */
const COUNT_INDEX = new Map<Op, number>([
  [op.popcount, 0],
  [op.clz, 1],
  [op.ctz, 2],
]); // prettier-ignore

function count(l: Lowering, v: Value): void {
  const [x] = v.args;
  // Older processors take tzcnt for bsf, which gives the same but for zero.
  if (l.context.features.has(v.op.name) || (v.op === op.ctz && v.aux === 1)) {
    const inst = l.emit(K.count, l.register(v), [l.register(x)]);
    inst.aux = COUNT_INDEX.get(v.op)!;
    inst.width = v.type;
    return;
  }
  const ofZero = l.fn.const(v.type, v.op === op.clz ? 2 * v.type - 1 : v.type, 0);
  const inst = v.aux === 1 ? l.emit(K.scan, l.register(v), [l.register(x)]) : tied(l, K.scan, v, [ofZero, x]);
  inst.aux = v.op === op.clz ? kinds.BSR : kinds.BSF;
  inst.width = v.type;
}

function divide(l: Lowering, v: Value): void {
  const [a, b] = v.args;
  const inst = l.emit(K.divide, l.register(v), [l.register(a), l.register(b)]);
  inst.pins = [X64.rax, -1];
  inst.late = true;
  inst.clobbers = mask(X64.rax, X64.rdx);
  inst.aux = DIVISION.get(v.op)!;
  if (isNonZeroAt(b, v.block)) inst.aux |= kinds.NONZERO;
  if (isConst(b) && !(b.lo === -1 && (v.type === 32 || b.hi === -1))) inst.aux |= kinds.NOT_MINUS_ONE;
  inst.pinnedDef = (inst.aux & MODULO) !== 0 ? X64.rdx : X64.rax;
  inst.width = v.type;
}

/** String instructions work on registers of their own and use them up. */
function block(l: Lowering, v: Value): void {
  const registers = [X64.rdi, v.op === op.copy ? X64.rsi : X64.rax, X64.rcx];
  const inst = l.emit(
    v.op === op.copy ? K.copy : K.fill,
    -1,
    v.args.map((arg) => l.register(arg)),
  ); // prettier-ignore
  inst.pins = registers;
  inst.clobbers = mask(...registers);
  inst.aux = v.aux;
}

/** Counts rounds down in rcx and elements up in rax; its other arguments stay. */
function kernel(l: Lowering, v: Value): void {
  const inst = selectKernel(l, K, v, mask(X64.rax, X64.rcx));
  inst.pins = [X64.rcx, ...v.args.slice(1).map(() => -1)];
  if (inst.def >= 0) inst.pinnedDef = X64.rax;
}

function atomic(l: Lowering, v: Value): void {
  const value = v.args[1];
  const width = value.type;
  const index = ALU_INDEX.get(v.op) ?? 0;
  let inst: MInst;
  if (v.op === op.cmpxchg) {
    inst = l.emit(K.cmpxchg, l.register(v), [l.register(v.args[2]), l.register(value)]);
    inst.pins = [X64.rax];
    inst.pinnedDef = X64.rax;
    inst.clobbers = mask(X64.rax);
    inst.late = true;
  } else if (v.type === 0 && isSmall(value)) inst = l.emit(K.lockAluImm, -1, []);
  else if (v.type === 0) inst = l.emit(K.lockAlu, -1, [l.register(value)]);
  else if (v.op === op.fadd || v.op === op.xchg) {
    inst = tied(l, v.op === op.fadd ? K.xadd : K.xchg, v, [value]);
  } else {
    inst = l.emit(K.fetchLoop, l.register(v), [l.register(value)]);
    inst.pinnedDef = X64.rax;
    inst.clobbers = mask(X64.rax, X64.rdx);
    inst.late = true;
  }
  inst.width = width;
  inst.aux = index;
  inst.lo = value.lo;
  address(l, inst, v.args[0], v.aux);
}
