/**
 * Indirect calls whose target is known become direct: a function's address, or a number below the end of the
 * helper ranges, which is how compilers call helpers through pointers (`callx` on a helper id).
 */

import { RANGES } from "../../helpers/table.ts";
import { helperArguments } from "../build/flow.ts";
import type { Imports } from "../build/imports.ts";
import type { Fn } from "../ir/ir.ts";
import { op } from "../ir/ops.ts";

export function directCalls(
  fn: Fn,
  { imports, params }: { imports: Imports; params: readonly number[] },
): void {
  const undef = fn.leaf(op.undef, 64, 0);
  for (const block of fn.blocks) {
    for (const v of block.body) {
      if (v.op !== op.calli) continue;
      const [target, ...args] = v.args;
      if (target.op === op.code) {
        v.op = op.call;
        v.aux = target.aux;
        v.args = args.map((arg, k) => ((params[target.aux] >> k) & 1 ? arg : undef));
      } else if (target.op === op.const && target.hi === 0 && target.lo > 0 && target.lo < RANGES.temp.end) {
        v.op = op.helper;
        v.aux = imports.helper(target.lo);
        v.args = args.slice(0, helperArguments({ kind: "helper", id: target.lo }));
      }
    }
  }
}
