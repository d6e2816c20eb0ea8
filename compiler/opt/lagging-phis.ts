/**
 * A phi that is what another one was a round before, where that one counts: i - 16 in place of a variable of its own.
 * Compilers for eBPF write loops whose test looks ahead so.
 */

import * as i64 from "../../formats/int64.ts";
import { Replacements } from "../ir/flow.ts";
import { isConst } from "../ir/fold.ts";
import type { Fn, Value } from "../ir/ir.ts";
import { type Op, op, type Type } from "../ir/ops.ts";

export function laggingPhis(fn: Fn): void {
  const replaced = new Replacements(fn);
  for (const block of fn.blocks) {
    if (block.predecessors.length < 2) continue;
    const made: Value[] = [];
    const make = (row: Op, type: Type, args: Value[], at: number): Value => {
      const value = fn.value(row, type, args, block, at);
      made.push(value);
      return value;
    };
    for (const phi of block.phis) {
      const ahead = aheadOf(phi);
      const step = ahead && stepOf(ahead);
      if (step === undefined || !phi.args.every((arg, k) => isBehind(arg, ahead!, k, step))) continue;
      const { type } = ahead!;
      const back = fn.const(type, i64.sub(0, 0, step.lo, step.hi), type === 64 ? i64.high : undefined);
      const sum = make(op.add, type, [ahead!, back], phi.at);
      replaced.set(phi, type === phi.type ? sum : make(op.zext, 64, [sum], phi.at));
    }
    block.body.unshift(...made);
  }
  if (replaced.count > 0) replaced.apply(fn);
}

/** The other phi of the block that is one of this phi's arguments, or whose extension is. */
function aheadOf(phi: Value): Value | undefined {
  for (const arg of phi.args) {
    const x = arg.op === op.zext ? arg.args[0] : arg;
    if (x !== phi && x.op === op.phi && x.block === phi.block) return x;
  }
  return undefined;
}

/** What is added to the phi in every round. */
const stepOf = (phi: Value): Value | undefined => phi.args.find((arg) => isNext(arg, phi))?.args[1];

/** The phi and a constant; narrow phis have just been put in place of wide ones, and read through them. */
function isNext(v: Value, phi: Value): boolean {
  if (v.op !== op.add || !isConst(v.args[1])) return false;
  const [x] = v.args;
  return x === phi || (x.op === op.trunc && x.args[0].op === op.zext && x.args[0].args[0] === phi);
}

/** On way k: `arg` is what `ahead` was, extended if that is narrower, or a constant that is a step less than that one's. */
function isBehind(arg: Value, ahead: Value, k: number, step: Value): boolean {
  const next = ahead.args[k];
  const isSame = arg === ahead || (arg.op === op.zext && arg.args[0] === ahead);
  if (isSame) return isNext(next, ahead) && next.args[1] === step;
  if (!isConst(arg) || !isConst(next)) return false;
  const lo = i64.add(arg.lo, arg.hi, step.lo, step.hi);
  return next.lo === lo && (ahead.type === 64 ? next.hi === i64.high : arg.type === 32 || arg.hi === 0);
}
