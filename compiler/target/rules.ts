/** Selection rules that targets share: leaves, calls, the ends of blocks, and tables by operation. */

import { bug } from "../../formats/error.ts";
import { isConst, isZero } from "../ir/fold.ts";
import type { Block, Value } from "../ir/ir.ts";
import { COND, EQ, NE, type Op, op } from "../ir/ops.ts";
import type { Lowering } from "./lower.ts";
import type { MFn, MInst } from "./mir.ts";

/** Kinds of machine instructions that every target has, by its own numbers. */
export interface SharedKinds {
  const: number;
  /** def = memory operand's address. */
  lea: number;
  code: number;
  rodata: number;
  load: number;
  kernel: number;
  callSlot: number;
  call: number;
  callRegister: number;
  tailSlot: number;
  tailCall: number;
  tailRegister: number;
  jump: number;
  /** def = address of the block's table. */
  table: number;
  /** def = where entry uses[1] of the table uses[0] leads. */
  entry: number;
  /** To uses[0]. */
  jumpRegister: number;
  ret: number;
  trap: number;
  /** What makes the frame, and what gives it up without touching registers r for which aux has bit r. */
  enter: number;
  leave: number;
}

/** A calling convention, in real registers. */
export interface Convention {
  /** r1 … r5 and the import table. */
  arguments: readonly number[];
  result: number;
  /** Where the target of an indirect call must be, and that of one from which nothing returns here; -1 = anywhere. */
  target: number;
  tailTarget: number;
  /** Bit r: a call overwrites register r. */
  clobbers: number;
}

/** By operation of a load: bits that are extended, negative = with zeros; 64 = all. */
export const LOAD_BITS: ReadonlyMap<Op, number> = new Map<Op, number>([
  [op.load8, -8],
  [op.load16, -16],
  [op.load32, -32],
  [op.load64, 64],
  [op.load8s, 8],
  [op.load16s, 16],
  [op.load32s, 32],
]);

/** By operation of an extension: as LOAD_BITS. */
export const EXTEND_BITS: ReadonlyMap<Op, number> = new Map<Op, number>([
  [op.sext8, 8],
  [op.sext16, 16],
  [op.sext32, 32],
  [op.zext, -32],
]);

/** Bits of a division's `aux`. */
export const SIGNED = 1,
  MODULO = 2; // prettier-ignore
export const DIVISION: ReadonlyMap<Op, number> = new Map<Op, number>([
  [op.udiv, 0],
  [op.sdiv, SIGNED],
  [op.umod, MODULO],
  [op.smod, SIGNED | MODULO],
]);

/** Indexes into a target's list of shl, lshr, ashr, and rotations. */
export const SHIFT_INDEX: ReadonlyMap<Op, number> = new Map<Op, number>([
  [op.shl, 0],
  [op.lshr, 1],
  [op.ashr, 2],
  [op.rotl, 3],
  [op.rotr, 4],
]);

/** Two bytes from memory, with nothing above them. */
export const loadsHalf = (v: Value): boolean => (v.op === op.zext ? v.args[0] : v).op === op.load16;

/** Two bytes swapped only to be stored. */
export const swapsHalf = (l: Lowering, store: Op, value: Value): boolean =>
  store === op.store16 && value.op === op.bswap16 && l.useCount[value.id] === 1;

/** v = the upper half of high:low << by, 0 < by < width, in shifts that nothing else needs; + and ^ do what | does. */
export function readFunnel(l: Lowering, v: Value): { high: Value; low: Value; by: number } | undefined {
  if (v.op !== op.or && v.op !== op.add && v.op !== op.xor) return undefined;
  const isPart = ({ op: row, id, args }: Value, of: Op) =>
    row === of && isConst(args[1]) && l.useCount[id] === 1;
  for (const [left, right] of [v.args, v.args.toReversed()]) {
    if (!isPart(left, op.shl) || !isPart(right, op.lshr)) continue;
    const [by, back] = [left.args[1].lo & (v.type - 1), right.args[1].lo & (v.type - 1)];
    if (by !== 0 && by + back === v.type) return { high: left.args[0], low: right.args[0], by };
  }
  return undefined;
}

/** What a shift is by, without masks: it looks at no more bits. */
export function distance(b: Value, width: number): Value {
  let v = b;
  for (;;) {
    const mask = v.op === op.and && isConst(v.args[1]) ? v.args[1].lo : 0;
    if (v.op !== op.zext && v.op !== op.trunc && (mask & (width - 1)) !== width - 1) return v;
    v = v.args[0];
  }
}

/** Makes a leaf in `register`: a constant, or an address. */
export function selectLeaf(l: Lowering, kinds: SharedKinds, v: Value, register: number): void {
  switch (v.op) {
    case op.const:
    case op.undef: {
      const inst = l.emit(kinds.const, register, []);
      inst.lo = v.lo;
      inst.hi = v.type === 64 ? v.hi : 0;
      return;
    }
    case op.frame: {
      const inst = l.emit(kinds.lea, register, []);
      inst.memory = "frame";
      inst.disp = v.lo;
      return;
    }
    case op.code:
    case op.rodata:
      l.emit(v.op === op.code ? kinds.code : kinds.rodata, register, []).aux = v.aux;
      return;
    case op.data:
    case op.map: {
      const slot = v.lo === 0 ? register : l.fresh();
      const load = l.emit(kinds.load, slot, [l.got()]);
      load.aux = 64;
      load.memory = "base";
      load.disp = v.aux * 8;
      if (v.lo === 0) return;
      const lea = l.emit(kinds.lea, register, [slot]);
      lea.memory = "base";
      lea.disp = v.lo;
      return;
    }
    default:
      bug(`no leaf ${v.op.name}`);
  }
}

/**
 * A call of any kind: arguments that nobody set are not passed, the import table only where it is needed. The target of
 * an indirect call comes last unless `inMemory`: then the caller adds the operand.
 */
export function selectCall(
  l: Lowering,
  kinds: SharedKinds,
  convention: Convention,
  v: Value,
  inMemory = false,
): MInst {
  const indirect = v.op === op.calli;
  const tail = l.isTail(v);
  const args = indirect ? v.args.slice(1) : v.args;
  const uses: number[] = [];
  const pins: number[] = [];
  const pass = (register: number, real: number) => {
    uses.push(register);
    pins.push(real);
  };
  for (const [k, arg] of args.entries())
    if (arg.op !== op.undef) pass(l.register(arg), convention.arguments[k]);
  if (v.op !== op.call || l.context.needsGot[v.aux]) pass(l.got(), convention.arguments[5]);
  if (indirect && !inMemory) pass(l.register(v.args[0]), tail ? convention.tailTarget : convention.target);
  const [slot, call, register] = tail
    ? [kinds.tailSlot, kinds.tailCall, kinds.tailRegister]
    : [kinds.callSlot, kinds.call, kinds.callRegister];
  const kind = indirect ? register : v.op === op.call ? call : slot;
  const inst = l.emit(kind, l.useCount[v.id] > 0 && !tail ? l.register(v) : -1, uses);
  inst.frame = tail ? "gone" : "needed";
  inst.readsFirst = true;
  inst.pins = pins;
  if (inst.def >= 0) inst.pinnedDef = convention.result;
  inst.clobbers = convention.clobbers;
  inst.aux = v.aux;
  return inst;
}

/** Whether a function calls something that returns to it. */
export const makesCalls = ({ blocks }: MFn): boolean =>
  blocks.some(({ insts }) => insts.some(({ frame }) => frame === "needed"));

/** A loop of its own: its arguments stay, unless it overwrites them. */
export function selectKernel(l: Lowering, kinds: SharedKinds, v: Value, clobbers: number): MInst {
  const def = l.useCount[v.id] > 0 ? l.register(v) : -1;
  const args = v.args.map((arg) => l.register(arg));
  const inst = l.emit(kinds.kernel, def, args);
  inst.late = true;
  inst.clobbers = clobbers;
  inst.width = v.type;
  inst.aux = v.aux;
  return inst;
}

/** The end of a block; `branch` selects a conditional one. */
export function selectEnd(
  l: Lowering,
  kinds: SharedKinds,
  { result }: Convention,
  block: Block,
  branch: (l: Lowering, condition: Value) => void,
): void {
  if (block.end === "jump") l.emit(kinds.jump, -1, []);
  else if (block.end === "return" && l.isTail(block.control!)) return;
  else if (block.end === "return") {
    const ret = l.emit(kinds.ret, -1, [l.register(block.control!)]);
    ret.pins = [result];
    ret.frame = "gone";
  } else if (block.end === "trap") l.emit(kinds.trap, -1, []);
  else if (block.end === "switch") jumpByTable(l, kinds, l.register(block.control!));
  else branch(l, block.control!);
}

function jumpByTable(l: Lowering, kinds: SharedKinds, index: number): void {
  const [table, place] = [l.fresh(), l.fresh()];
  l.emit(kinds.table, table, []);
  l.emit(kinds.entry, place, [table, index]).late = true;
  l.emit(kinds.jumpRegister, -1, [place]);
}

/** What a branch compares. `isTest`: whether a & b has a bit set (ne) or none (eq), else a with b. */
export interface Comparison {
  a: Value;
  b: Value;
  cond: number;
  isTest: boolean;
}

/** Reads a branch's condition: a constant stands on the right, and a mask compared with zero is a test. */
export function readCondition(l: Lowering, condition: Value): Comparison {
  if (condition.op !== op.icmp) bug(`a branch on ${condition.op.name}`);
  let [a, b] = condition.args;
  let cond = condition.aux;
  if (isConst(a)) {
    [a, b] = [b, a];
    cond = COND[cond].swap;
  }
  const isTest = isZero(b) && (cond === EQ || cond === NE) && a.op === op.and && l.useCount[a.id] === 1;
  return isTest ? { a: a.args[0], b: a.args[1], cond, isTest } : { a, b, cond, isTest };
}
