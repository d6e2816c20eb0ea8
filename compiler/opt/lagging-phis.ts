/**
 * A phi that is what another one was a round before, where that one counts: i - 16 in place of a variable of its own.
 * Compilers for eBPF write loops whose test looks ahead so.
 */

import * as i64 from "../../formats/int64.ts";
import { Replacements } from "../ir/flow.ts";
import { isConst } from "../ir/fold.ts";
import type { Fn, Value } from "../ir/ir.ts";
import { op } from "../ir/ops.ts";

export function laggingPhis(fn: Fn): void {
  const replaced = new Replacements(fn);
  for (const block of fn.blocks) {
    if (block.predecessors.length < 2) continue;
    const made: Value[] = [];
    for (const phi of block.phis) {
      const ahead = phi.args.find((arg) => arg !== phi && arg.op === op.phi && arg.block === block);
      const step = ahead && stepOf(ahead);
      if (step === undefined || !phi.args.every((arg, k) => isBehind(arg, ahead!, k, step))) continue;
      const back = fn.const(
        phi.type,
        i64.sub(0, 0, step.lo, step.hi),
        phi.type === 64 ? i64.high : undefined,
      );
      const sum = fn.value(op.add, phi.type, [ahead!, back], block, phi.at);
      made.push(sum);
      replaced.set(phi, sum);
    }
    block.body.unshift(...made);
  }
  if (replaced.count > 0) replaced.apply(fn);
}

/** What is added to the phi in every round. */
function stepOf(phi: Value): Value | undefined {
  const next = phi.args.find((arg) => arg.op === op.add && arg.args[0] === phi && isConst(arg.args[1]));
  return next?.args[1];
}

/** On way k: `arg` is what `ahead` was, or a constant that is a step less than that one's. */
function isBehind(arg: Value, ahead: Value, k: number, step: Value): boolean {
  const next = ahead.args[k];
  if (arg === ahead) return next.op === op.add && next.args[0] === ahead && next.args[1] === step;
  if (!isConst(arg) || !isConst(next)) return false;
  const wide = arg.type === 64;
  const lo = i64.add(arg.lo, arg.hi, step.lo, step.hi);
  return next.lo === lo && (!wide || next.hi === i64.high);
}
