/** How long operations take, about, on the processors that there are targets for. */

import type { Value } from "./ir.ts";
import { type Op, op } from "./ops.ts";

const LOAD = 5;
const CYCLES = new Map<Op, number>([
  [op.mul, 3],
  [op.umulh, 4],
  [op.udiv, 20],
  [op.umod, 20],
  [op.sdiv, 20],
  [op.smod, 20],
  [op.clz, 3],
  [op.ctz, 3],
  [op.popcount, 3],
  [op.zext, 0],
  [op.trunc, 0],
]);

/** Cycles from the last operand to the result. */
export const latency = ({ op: row }: Value): number =>
  row.reads && !row.writes ? LOAD : (CYCLES.get(row) ?? 1);
