/** What BMI1, BMI2 and movbe have one instruction for: results in registers of their own, bytes swapped on the way. */

import { isConst, isInt } from "../../ir/fold.ts";
import type { Value } from "../../ir/ir.ts";
import { op } from "../../ir/ops.ts";
import type { Lowering } from "../lower.ts";
import { distance, SHIFT_INDEX } from "../rules.ts";
import { K } from "./kinds.ts";
import { address } from "./operands.ts";

/** The feature that stands for all of them. */
export const BMI = "bmi";

const isNot = (l: Lowering, v: Value): boolean =>
  v.op === op.xor && isInt(v.args[1], -1) && l.useCount[v.id] === 1;

/** x - 1 and -x, where nothing else needs them. */
const isBelow = (l: Lowering, v: Value, x: Value): boolean =>
  v.op === op.add && v.args[0] === x && isInt(v.args[1], -1) && l.useCount[v.id] === 1;
const isNegative = (l: Lowering, v: Value, x: Value): boolean =>
  v.op === op.sub && v.args[1] === x && isInt(v.args[0], 0) && l.useCount[v.id] === 1;

/** v = x & ~y, x & (x - 1), x ^ (x - 1), x & -x. */
export function bmiLogic(l: Lowering, v: Value): boolean {
  if (!l.context.features.has(BMI) || v.op === op.or) return false;
  for (const [x, y] of [v.args, v.args.toReversed()]) {
    if (v.op === op.and && isNot(l, y) && !isConst(x)) l.emitValue(K.andNot, v, [y.args[0], x]);
    else if (isBelow(l, y, x)) l.emitValue(K.lowest, v, [x]).aux = v.op === op.and ? 0 : 1;
    else if (v.op === op.and && isNegative(l, y, x)) l.emitValue(K.lowest, v, [x]).aux = 2;
    else continue;
    return true;
  }
  return false;
}

/** Shifts by what a register holds, and rotations by a constant, of what need not go away. */
export function bmiShift(l: Lowering, v: Value): boolean {
  const [x, count] = v.args;
  const rotates = v.op === op.rotl || v.op === op.rotr;
  if (!l.context.features.has(BMI) || rotates !== isConst(count)) return false;
  const inst = l.emitValue(rotates ? K.rotate : K.shiftBy, v, rotates ? [x] : [x, distance(count, v.type)]);
  inst.aux = SHIFT_INDEX.get(v.op)!;
  inst.lo = count.lo & (v.type - 1);
  return true;
}

/** What is loaded to be swapped at once, by nobody else. */
export function loadSwapped(l: Lowering, v: Value): boolean {
  const [load] = v.args;
  const isWhole = load.op === (v.type === 64 ? op.load64 : op.load32);
  if (!l.context.features.has(BMI) || !isWhole || !l.canFold(load, v)) return false;
  const inst = l.emit(K.loadSwapped, l.register(v), []);
  inst.aux = v.type;
  address(l, inst, load.args[0], load.aux);
  return true;
}

/** What is swapped only to be stored. */
export function storeSwapped(l: Lowering, store: Value): boolean {
  const [base, v] = store.args;
  const bits = v.op === op.bswap ? v.type : v.op === op.bswap16 ? 16 : 0;
  if (!l.context.features.has(BMI) || bits !== 8 * store.op.bytes || l.useCount[v.id] !== 1) return false;
  const inst = l.emit(K.storeSwapped, -1, [l.register(v.args[0])]);
  inst.aux = bits;
  address(l, inst, base, store.aux);
  return true;
}
