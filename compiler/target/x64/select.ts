/** x86-64 instruction selection: SSA values to the kinds of kinds.ts, with addressing modes and immediates. */

import { bug } from "../../../formats/error.ts";
import { X64 } from "../../../formats/isa/x64.ts";
import { isConst, isZero } from "../../ir/fold.ts";
import type { Block, Value } from "../../ir/ir.ts";
import { COND, EQ, NE, type Op, op, SLT, UGE, UGT, ULE, ULT } from "../../ir/ops.ts";
import type { Lowering, Selection } from "../lower.ts";
import type { MInst } from "../mir.ts";
import {
  type Comparison,
  type Convention,
  DIVISION,
  EXTEND_BITS,
  fitsInt32,
  isSmall,
  LOAD_BITS,
  MODULO,
  readCondition,
  SHIFT_INDEX,
  selectCall,
  selectEnd,
  selectLeaf,
} from "../rules.ts";
import * as kinds from "./kinds.ts";
import { K } from "./kinds.ts";

const mask = (...registers: number[]) => registers.reduce((bits, r) => bits | (1 << r), 0);

/** System V. */
const CONVENTION: Convention = {
  arguments: [X64.rdi, X64.rsi, X64.rdx, X64.rcx, X64.r8, X64.r9],
  result: X64.rax,
  target: -1,
  tailTarget: X64.rax,
  clobbers: mask(X64.rax, X64.rcx, X64.rdx, X64.rsi, X64.rdi, X64.r8, X64.r9, X64.r10, X64.r11),
};

const ALU_INDEX = new Map<Op, number>([
  [op.add, 0],
  [op.or, 1],
  [op.and, 2],
  [op.sub, 3],
  [op.xor, 4],
  [op.aadd, 0],
  [op.aor, 1],
  [op.aand, 2],
  [op.axor, 4],
  [op.for, 1],
  [op.fand, 2],
  [op.fxor, 4],
]); // prettier-ignore
export const x64Selection: Selection = {
  argumentRegisters: CONVENTION.arguments,
  keptLeaves: 4,
  isCostly: (l, v) =>
    (l.context.small && l.usesInBlock(v) > 1) ||
    v.op === op.data ||
    v.op === op.map ||
    (isConst(v) && v.type === 64 && v.hi !== 0 && v.hi !== -1),
  leaf: (l, v, register) => selectLeaf(l, K, v, register),
  value: selectValue,
  end: (l, block) => selectEnd(l, K, CONVENTION, block, (l, condition) => branch(l, condition, block)),
};

/** Adds the memory operand [address + disp] to `inst`. */
function address(l: Lowering, inst: MInst, base: Value, disp: number): void {
  inst.disp = disp;
  if (base.op === op.frame) inst.memory = "frame";
  else if (base.op === op.rodata && !(l.context.small && l.useCount[base.id] > 2)) {
    inst.memory = "rodata";
    inst.disp = base.aux + disp;
  } else if (base.op === op.data && fitsInt32(base.lo + disp)) {
    inst.memory = "base";
    inst.disp = base.lo + disp;
    inst.uses.push(l.register(l.fn.leaf(op.data, 64, base.aux)));
  } else if (base.op === op.add && l.isAddress(base) && !isConst(base.args[1])) indexed(l, inst, base);
  else {
    inst.memory = "base";
    inst.uses.push(l.register(base));
  }
}

function indexed(l: Lowering, inst: MInst, { args: [a, b] }: Value): void {
  const swap = (scaleOf(b) === 0 && scaleOf(a) > 0) || frameOffset(b) !== undefined;
  const [x, y] = swap ? [b, a] : [a, b];
  const scale = scaleOf(y);
  const index = l.register(scale === 0 ? y : y.args[0]);
  inst.scale = 1 << scale;
  const offset = frameOffset(x);
  if (offset !== undefined && fitsInt32(inst.disp + offset)) {
    inst.memory = "frame-index";
    inst.disp += offset;
    inst.uses.push(index);
  } else {
    inst.memory = "index";
    inst.uses.push(l.register(x), index);
  }
}

/** v = frame + offset. */
function frameOffset(v: Value): number | undefined {
  if (v.op === op.frame) return 0;
  return v.op === op.add && v.args[0].op === op.frame && isSmall(v.args[1]) ? v.args[1].lo : undefined;
}

/** 1, 2 or 3 where v is x << that, else 0. */
function scaleOf(v: Value): number {
  return v.op === op.shl && isConst(v.args[1]) && v.args[1].lo >= 1 && v.args[1].lo <= 3 ? v.args[1].lo : 0;
}

/** Small multiples that only one sum needs are part of it. */
const isScaled = (l: Lowering, v: Value): boolean => scaleOf(v) > 0 && l.useCount[v.id] === 1;

function selectValue(l: Lowering, v: Value): void {
  const { op: row } = v;
  if (LOAD_BITS.has(row)) {
    const inst = l.emit(K.load, l.register(v), []);
    inst.aux = LOAD_BITS.get(row)!;
    address(l, inst, v.args[0], v.aux);
  } else if (row.bytes > 0) store(l, v);
  else if (row === op.call || row === op.calli || row === op.helper) call(l, v);
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

function store(l: Lowering, v: Value): void {
  if (inMemory(l, v)) return;
  const value = v.args[1];
  // A constant that is made in a register first is shorter; zero always, others if there is more than one use.
  const shorter = l.context.small && v.op.bytes >= 4 && (isZero(value) || l.usesInBlock(value) > 1);
  const immediate = isSmall(value) && !shorter;
  const inst = immediate ? l.emit(K.storeImm, -1, []) : l.emit(K.store, -1, [l.register(value)]);
  inst.lo = value.lo;
  inst.aux = v.op.bytes * 8;
  address(l, inst, v.args[0], v.aux);
}

/** The operand that can stay in memory: its load is of the operation's width and nobody else's. */
const foldable = (l: Lowering, v: Value, load: Value): boolean =>
  (load.op === op.load64 ? v.type === 64 : load.op === op.load32 && v.type === 32) && l.canFold(load, v);

/** v = x op [memory], where one of the operands is such a load. */
function withLoad(l: Lowering, v: Value): boolean {
  const [a, b] = v.args;
  const [x, load] = foldable(l, v, b) ? [a, b] : v.op.commutative && foldable(l, v, a) ? [b, a] : [];
  if (x === undefined || load === undefined || isConst(x)) return false;
  const inst = tied(l, v.op === op.mul ? K.mulLoad : K.aluLoad, v, [x]);
  inst.aux = ALU_INDEX.get(v.op) ?? 0;
  address(l, inst, load.args[0], load.aux);
  return true;
}

/** [memory] = [memory] op x: a load, an operation and a store of one place. */
function inMemory(l: Lowering, store: Value): boolean {
  const [base, v] = store.args;
  const index = ALU_INDEX.get(v.op);
  const pure = v.op.pure && index !== undefined && v.args.length === 2;
  if (!pure || l.useCount[v.id] !== 1 || v.block !== store.block) return false;
  const [a, b] = v.args;
  const isPlace = (load: Value) =>
    load.args[0] === base &&
    load.aux === store.aux &&
    load.op.bytes === store.op.bytes &&
    foldable(l, v, load);
  const other = isPlace(a) ? b : v.op.commutative && isPlace(b) ? a : undefined;
  if (other === undefined || !l.canFold(other === b ? a : b, store)) return false;
  const immediate = isSmall(other);
  const inst = l.emit(immediate ? K.aluStoreImm : K.aluStore, -1, immediate ? [] : [l.register(other)]);
  inst.aux = index;
  inst.lo = other.lo;
  inst.width = v.type;
  address(l, inst, base, store.aux);
  return true;
}

function tied(l: Lowering, kind: number, v: Value, uses: Value[]): MInst {
  const inst = l.emit(
    kind,
    l.register(v),
    uses.map((use) => l.register(use)),
  ); // prettier-ignore
  inst.tied = true;
  inst.width = v.type;
  return inst;
}

function arithmetic(l: Lowering, v: Value): void {
  const [a, b] = v.args;
  switch (v.op) {
    case op.add:
      if (!withFlag(l, v)) add(l, v);
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
      tied(l, K.bswap, v, [a]);
      return;
    case op.bswap16:
      tied(l, K.bswap16, v, [a]);
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

/** x + 1 or x - 1 where one unsigned number is below another, or is not: with the carry of their comparison. */
function withFlag(l: Lowering, v: Value): boolean {
  const isFlag = (f: Value) =>
    f.op === op.select &&
    f.block === v.block &&
    l.useCount[f.id] === 1 &&
    ((isOne(f.args[1]) && isZero(f.args[2])) || (isZero(f.args[1]) && isOne(f.args[2])));
  const [a, b] = v.args;
  const [x, flag] = isFlag(b) ? [a, b] : v.op === op.add && isFlag(a) ? [b, a] : [];
  if (x === undefined || flag === undefined || isConst(x)) return false;
  const [condition, yes] = flag.args;
  const read = asCarry(readTest(l, condition));
  if (read === undefined) return false;
  const inst = tied(l, v.op === op.add ? K.addFlag : K.subFlag, v, [x]);
  inst.disp = v.type;
  place(l, inst, read.limit === undefined ? [read.a, read.b] : [read.a]);
  inst.aux = read.isBit ? kinds.BIT : read.limit === undefined ? kinds.COMPARE : kinds.COMPARE_IMM;
  inst.lo = read.limit ?? 0;
  inst.cond = isOne(yes) ? read.cond : COND[read.cond].not;
  inst.width = read.a.type;
  return true;
}

/** The condition as "below" or "not below", of two registers or of one and a constant; undefined where it is neither. */
function asCarry(read: ReturnType<typeof readTest>): (typeof read & { limit?: number }) | undefined {
  const { a, b, cond, isTest } = read;
  if (isTest) return undefined;
  if (!isImmediate(b)) {
    if (cond === ULT || cond === UGE) return read;
    return cond === UGT || cond === ULE ? { ...read, a: b, b: a, cond: COND[cond].swap } : undefined;
  }
  const limit = cond === ULT || cond === UGE ? b.lo : b.lo + 1;
  // Zero alone is below 1; what is at most n is below n + 1, but for the greatest number.
  if (limit <= 0 || !fitsInt32(limit)) return undefined;
  if (cond === ULT || cond === ULE || (cond === EQ && b.lo === 0)) return { ...read, cond: ULT, limit };
  return cond === UGE || cond === UGT || (cond === NE && b.lo === 0)
    ? { ...read, cond: UGE, limit }
    : undefined;
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
    const inst = l.emit(K.lea, l.register(v), [l.register(x), l.register(y.args[0])]);
    inst.memory = "index";
    inst.scale = 1 << scaleOf(y);
    inst.width = v.type;
    return;
  }
  const immediate = isSmall(b);
  if (!immediate && withLoad(l, v)) return;
  const uses = immediate ? [l.register(a)] : [l.register(a), l.register(b)];
  const inst = l.emit(immediate ? K.addImm : K.add, l.register(v), uses);
  inst.lo = b.lo;
  inst.width = v.type;
}

function logic(l: Lowering, v: Value): void {
  const [a, b] = v.args;
  if (v.op === op.and && isConst(b) && (b.lo === 0xff || b.lo === 0xffff) && (v.type === 32 || b.hi === 0)) {
    const inst = l.emit(K.extend, l.register(v), [l.register(a)]);
    inst.aux = b.lo === 0xff ? -8 : -16;
    return;
  }
  if (v.op === op.xor && isConst(b) && b.lo === -1 && (v.type === 32 || b.hi === -1)) {
    tied(l, K.not, v, [a]);
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

function shift(l: Lowering, v: Value): void {
  const [a, b] = v.args;
  const constant = isConst(b);
  const inst = tied(l, constant ? K.shiftImm : K.shiftCl, v, constant ? [a] : [a, b]);
  inst.aux = SHIFT_INDEX.get(v.op)!;
  inst.lo = b.lo;
  if (!constant) inst.pins = [-1, X64.rcx];
}

function divide(l: Lowering, v: Value): void {
  const [a, b] = v.args;
  const inst = l.emit(K.divide, l.register(v), [l.register(a), l.register(b)]);
  inst.pins = [X64.rax, -1];
  inst.late = true;
  inst.clobbers = mask(X64.rax, X64.rdx);
  inst.aux = DIVISION.get(v.op)!;
  if (isConst(b) && !isZero(b)) inst.aux |= kinds.NONZERO;
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
  const def = l.useCount[v.id] > 0 ? l.register(v) : -1;
  const inst = l.emit(
    K.kernel,
    def,
    v.args.map((arg) => l.register(arg)),
  ); // prettier-ignore
  inst.pins = [X64.rcx, ...v.args.slice(1).map(() => -1)];
  inst.late = true;
  inst.clobbers = mask(X64.rax, X64.rcx);
  if (def >= 0) inst.pinnedDef = X64.rax;
  inst.width = v.type;
  inst.aux = v.aux;
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

function branch(l: Lowering, condition: Value, block: Block): void {
  const { a, b } = readTest(l, condition);
  if (compareMemory(l, condition, block)) return;
  if (afterExchange(l, condition, block)) {
    const inst = l.emit(K.branch, -1, []);
    inst.aux = kinds.COMPARED;
    inst.cond = condition.aux;
    return;
  }
  const inst = l.emit(K.branch, -1, isImmediate(b) ? [l.register(a)] : [l.register(a), l.register(b)]);
  compared(l, inst, condition);
}

const KEEPS_FLAGS = new Set<Op>([op.icmp, op.trunc, op.zext, op.sext32]);

/** A branch on whether the compare-and-exchange before it found what it expected, which the zero flag tells. */
function afterExchange(l: Lowering, { op: row, aux, args: [a, b] }: Value, { body }: Block): boolean {
  let k = body.length - 1;
  while (k >= 0 && KEEPS_FLAGS.has(body[k].op)) k--;
  const exchange = body[k];
  if (row !== op.icmp || exchange?.op !== op.cmpxchg || (aux !== EQ && COND[aux].not !== EQ)) return false;
  const expected = a === exchange ? b : b === exchange ? a : undefined;
  return expected !== undefined && l.root(expected) === l.root(exchange.args[2]);
}

/** A branch on what stands in memory: compared there with a constant, or with a register. */
function compareMemory(l: Lowering, condition: Value, block: Block): boolean {
  const { a, b, cond, isTest, isBit } = readTest(l, condition);
  if (isTest || isBit || condition.block !== block || l.useCount[condition.id] !== 1) return false;
  const isByte = a.op === op.load8 && isConst(b) && b.lo >= 0 && b.lo < 256 && cond < SLT;
  const whole = (load: Value) =>
    load.op === op.load64 ? a.type === 64 : load.op === op.load32 && a.type === 32;
  if ((isByte || (whole(a) && isSmall(b))) && l.canFold(a, block)) {
    const inst = l.emit(K.branch, -1, []);
    inst.aux = kinds.COMPARE_LOAD_IMM;
    inst.lo = b.lo;
    inst.cond = cond;
    inst.width = isByte ? 8 : a.type;
    address(l, inst, a.args[0], a.aux);
    return true;
  }
  if (!whole(b) || isConst(a) || !l.canFold(b, block)) return false;
  const inst = l.emit(K.branch, -1, [l.register(a)]);
  inst.aux = kinds.COMPARE_LOAD;
  inst.cond = cond;
  inst.width = a.type;
  address(l, inst, b.args[0], b.aux);
  return true;
}

const isOne = (v: Value): boolean => isConst(v) && v.lo === 1 && v.hi === 0;

/** What a condition compares; isBit: bit b of a, clear (UGE) or set (ULT), as the carry flag tells it. */
function readTest(l: Lowering, condition: Value): Comparison & { isBit: boolean } {
  const read = readCondition(l, condition);
  if (!read.isTest) return { ...read, isBit: false };
  const { a, b, cond } = read;
  const bit = (x: Value, count: Value) => ({
    ...{ a: x, b: count, isTest: false, isBit: true },
    cond: cond === NE ? ULT : UGE,
  });
  const isShift = (v: Value) => l.useCount[v.id] === 1 && !isConst(v.args[1]);
  if (isOne(b) && (a.op === op.lshr || a.op === op.ashr) && isShift(a)) return bit(a.args[0], a.args[1]);
  for (const [x, one] of [
    [a, b],
    [b, a],
  ])
    if (one.op === op.shl && isOne(one.args[0]) && isShift(one)) return bit(x, one.args[1]);
  return { ...read, isBit: false };
}

const isImmediate = (b: Value): boolean => isSmall(b) || b.op === op.undef;

/** Adds what a tied instruction compares. It is often one of its operands, and then need not live on behind its place. */
function place(l: Lowering, inst: MInst, operands: Value[]): void {
  const places = operands.map((operand) => {
    const known = inst.uses.indexOf(l.register(operand));
    return known >= 0 ? known : inst.uses.push(l.register(operand)) - 1;
  });
  inst.hi = places[0] | ((places[1] ?? 0) << 4);
}

function choose(l: Lowering, v: Value): void {
  const [condition, yes, no] = v.args;
  const { a, b } = readTest(l, condition);
  if (
    isConst(yes) &&
    isConst(no) &&
    yes.hi === 0 &&
    no.hi === 0 &&
    yes.lo + no.lo === 1 &&
    yes.lo * no.lo === 0
  ) {
    const inst = l.emit(
      K.set,
      l.register(v),
      isImmediate(b) ? [l.register(a)] : [l.register(a), l.register(b)],
    );
    compared(l, inst, condition);
    if (yes.lo === 0) inst.cond = COND[inst.cond].not;
    return;
  }
  if (l.context.small && differsByOne(yes, no)) {
    chooseNext(l, v, condition);
    return;
  }
  const inst = tied(l, K.select, v, [no, yes]);
  place(l, inst, isImmediate(b) ? [a] : [a, b]);
  compared(l, inst, condition);
  inst.commutative = true;
  inst.disp = v.type;
}

/** One constant is the other plus one. */
const differsByOne = (x: Value, y: Value): boolean => isSmall(x) && isSmall(y) && Math.abs(x.lo - y.lo) === 1;

/** One of two neighbouring constants: the lower one plus what a comparison gives. */
function chooseNext(l: Lowering, v: Value, condition: Value): void {
  const [, yes, no] = v.args;
  const { a, b } = readTest(l, condition);
  const flag = l.fresh();
  const inst = l.emit(K.set, flag, isImmediate(b) ? [l.register(a)] : [l.register(a), l.register(b)]);
  compared(l, inst, condition);
  if (yes.lo < no.lo) inst.cond = COND[inst.cond].not;
  const sum = l.emit(K.addImm, l.register(v), [flag]);
  sum.lo = Math.min(yes.lo, no.lo);
  sum.width = v.type;
}

/** What an instruction compares, and how. */
function compared(l: Lowering, inst: MInst, condition: Value): void {
  const { a, b, cond, isTest, isBit } = readTest(l, condition);
  const immediate = isImmediate(b);
  if (isBit) inst.aux = kinds.BIT;
  else if (isTest) inst.aux = immediate ? kinds.TEST_IMM : kinds.TEST;
  else inst.aux = immediate ? kinds.COMPARE_IMM : kinds.COMPARE;
  inst.lo = b.lo;
  inst.cond = cond;
  inst.width = a.type;
  // Comparing with zero, unsigned: folded away before, except "at most 0".
  if (!isTest && immediate && b.lo === 0 && cond === ULE) inst.cond = EQ;
}
