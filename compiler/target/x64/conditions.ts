/** x86-64 comparisons and what is made of them: branches, selects, flags as numbers, sums with the carry. */

import { fitsInt32 } from "../../../formats/int64.ts";
import { isConst, isInt, isSmall, isZero } from "../../ir/fold.ts";
import type { Block, Value } from "../../ir/ir.ts";
import { COND, EQ, NE, type Op, op, SLT, UGE, UGT, ULE, ULT } from "../../ir/ops.ts";
import type { Lowering } from "../lower.ts";
import type { MInst } from "../mir.ts";
import { type Comparison, readCondition } from "../rules.ts";
import * as kinds from "./kinds.ts";
import { K } from "./kinds.ts";
import { address, tied } from "./operands.ts";

export function branch(l: Lowering, condition: Value, block: Block): void {
  const read = readTest(l, condition);
  const { a, b } = read;
  if (compareMemory(l, condition, read, block)) return;
  if (afterExchange(l, condition, block)) {
    const inst = l.emit(K.branch, -1, []);
    inst.aux = kinds.COMPARED;
    inst.cond = condition.aux;
    return;
  }
  const inst = l.emit(K.branch, -1, isImmediate(b) ? [l.register(a)] : [l.register(a), l.register(b)]);
  compared(inst, read);
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
function compareMemory(l: Lowering, condition: Value, read: Test, block: Block): boolean {
  const { a, b, cond, isTest, isBit } = read;
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
  const isLoad = (v: Value, other: Value) => whole(v) && !isConst(other) && l.canFold(v, block);
  const [x, load] = isLoad(b, a) ? [a, b] : [b, a];
  if (load === a && !isLoad(a, b)) return false;
  const inst = l.emit(K.branch, -1, [l.register(x)]);
  inst.aux = kinds.COMPARE_LOAD;
  inst.cond = load === b ? cond : COND[cond].swap;
  inst.width = x.type;
  address(l, inst, load.args[0], load.aux);
  return true;
}

/** isBit: bit b of a, clear (UGE) or set (ULT), as the carry flag tells it. */
type Test = Comparison & { isBit: boolean };

/** What a condition compares. */
function readTest(l: Lowering, condition: Value): Test {
  const { a, b, cond, isTest } = readCondition(l, condition);
  if (!isTest) return { a, b, cond, isTest, isBit: false };
  const bit = (x: Value, count: Value) => ({
    ...{ a: x, b: count, isTest: false, isBit: true },
    cond: cond === NE ? ULT : UGE,
  });
  const isShift = (v: Value) => l.useCount[v.id] === 1 && !isConst(v.args[1]);
  if (isInt(b, 1) && (a.op === op.lshr || a.op === op.ashr) && isShift(a)) return bit(a.args[0], a.args[1]);
  for (const [x, one] of [
    [a, b],
    [b, a],
  ])
    if (one.op === op.shl && isInt(one.args[0], 1) && isShift(one)) return bit(x, one.args[1]);
  return { a, b, cond, isTest, isBit: false };
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

export function choose(l: Lowering, v: Value): void {
  const [condition, yes, no] = v.args;
  const read = readTest(l, condition);
  const { a, b } = read;
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
    inst.late = true;
    compared(inst, read);
    if (yes.lo === 0) inst.cond = COND[inst.cond].not;
    return;
  }
  if (l.context.small && differsByOne(yes, no)) {
    chooseNext(l, v, condition);
    return;
  }
  const inst = tied(l, K.select, v, [no, yes]);
  place(l, inst, isImmediate(b) ? [a] : [a, b]);
  compared(inst, read);
  inst.commutative = true;
  inst.disp = v.type;
}

/** One constant is the other plus one. */
const differsByOne = (x: Value, y: Value): boolean => isSmall(x) && isSmall(y) && Math.abs(x.lo - y.lo) === 1;

/** One of two neighbouring constants: the lower one plus what a comparison gives. */
function chooseNext(l: Lowering, v: Value, condition: Value): void {
  const [, yes, no] = v.args;
  const read = readTest(l, condition);
  const { a, b } = read;
  const flag = l.fresh();
  const inst = l.emit(K.set, flag, isImmediate(b) ? [l.register(a)] : [l.register(a), l.register(b)]);
  compared(inst, read);
  if (yes.lo < no.lo) inst.cond = COND[inst.cond].not;
  const sum = l.emit(K.addImm, l.register(v), [flag]);
  sum.lo = Math.min(yes.lo, no.lo);
  sum.width = v.type;
}

/** x and n where `v` is bit n of x, a variable number; or its lower half is. */
function bitOf(l: Lowering, v: Value): [Value, Value] | undefined {
  if (v.op !== op.and || !isInt(v.args[1], 1)) return undefined;
  const [a] = v.args;
  const shift = a.op === op.trunc && l.useCount[a.id] === 1 ? a.args[0] : a;
  const isShift = (shift.op === op.lshr || shift.op === op.ashr) && !isConst(shift.args[1]);
  return isShift && l.useCount[shift.id] === 1 ? [shift.args[0], shift.args[1]] : undefined;
}

/** One bit of a register alone: the carry of its test. */
export function oneBit(l: Lowering, v: Value): boolean {
  const bit = bitOf(l, v);
  if (bit === undefined) return false;
  const [x, n] = bit;
  const inst = l.emit(K.set, l.register(v), [l.register(x), l.register(n)]);
  inst.late = true;
  inst.aux = kinds.BIT;
  inst.cond = ULT;
  inst.width = x.type;
  return true;
}

/** x + bit or x - bit, with the carry of its test. */
function withBit(l: Lowering, v: Value): boolean {
  const own = (f: Value): [Value, Value] | undefined => {
    const bit = l.half(f);
    return l.useCount[bit.id] === 1 && bit.block === v.block ? bitOf(l, bit) : undefined;
  };
  const [a, b] = v.args;
  const second = own(b);
  const bit = second ?? (v.op === op.add ? own(a) : undefined);
  const x = second === undefined ? b : a;
  if (bit === undefined || isConst(x)) return false;
  const inst = tied(l, v.op === op.add ? K.addFlag : K.subFlag, v, [x]);
  inst.disp = v.type;
  place(l, inst, bit);
  inst.aux = kinds.BIT;
  inst.cond = ULT;
  inst.width = bit[0].type;
  return true;
}

/** x + 1 or x - 1 where one unsigned number is below another, or is not: with the carry of their comparison. */
export function withFlag(l: Lowering, v: Value): boolean {
  if (withBit(l, v)) return true;
  const isFlag = (f: Value) =>
    f.op === op.select &&
    f.block === v.block &&
    l.useCount[f.id] === 1 &&
    ((isInt(f.args[1], 1) && isZero(f.args[2])) || (isZero(f.args[1]) && isInt(f.args[2], 1)));
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
  inst.cond = isInt(yes, 1) ? read.cond : COND[read.cond].not;
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

/** What an instruction compares, and how. */
function compared(inst: MInst, { a, b, cond, isTest, isBit }: Test): void {
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
