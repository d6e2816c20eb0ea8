/** x86-64 operands: addressing modes, and operations that read or write memory themselves. */

import { fitsInt32 } from "../../../formats/int64.ts";
import { isConst, isSmall } from "../../ir/fold.ts";
import type { Value } from "../../ir/ir.ts";
import { type Op, op } from "../../ir/ops.ts";
import type { Lowering } from "../lower.ts";
import type { MInst } from "../mir.ts";
import { K } from "./kinds.ts";

export const ALU_INDEX = new Map<Op, number>([
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

/** Adds the memory operand [address + disp] to `inst`. */
export function address(l: Lowering, inst: MInst, base: Value, disp: number): void {
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
export function scaleOf(v: Value): number {
  return v.op === op.shl && isConst(v.args[1]) && v.args[1].lo >= 1 && v.args[1].lo <= 3 ? v.args[1].lo : 0;
}

/** Small multiples that only one sum needs are part of it. */
export const isScaled = (l: Lowering, v: Value): boolean => scaleOf(v) > 0 && l.useCount[v.id] === 1;

/** The operand that can stay in memory: its load is of the operation's width and nobody else's. */
const foldable = (l: Lowering, v: Value, load: Value): boolean =>
  (load.op === op.load64 ? v.type === 64 : load.op === op.load32 && v.type === 32) && l.canFold(load, v);

/** v = x op [memory], where one of the operands is such a load. */
export function withLoad(l: Lowering, v: Value): boolean {
  const [a, b] = v.args;
  const [x, load] = foldable(l, v, b) ? [a, b] : v.op.commutative && foldable(l, v, a) ? [b, a] : [];
  if (x === undefined || load === undefined || isConst(x)) return false;
  const inst = tied(l, v.op === op.mul ? K.mulLoad : K.aluLoad, v, [x]);
  inst.aux = ALU_INDEX.get(v.op) ?? 0;
  address(l, inst, load.args[0], load.aux);
  return true;
}

/** [memory] = [memory] op x: a load, an operation and a store of one place. */
export function inMemory(l: Lowering, store: Value): boolean {
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

export function tied(l: Lowering, kind: number, v: Value, uses: Value[]): MInst {
  const inst = l.emitValue(kind, v, uses);
  inst.tied = true;
  return inst;
}
