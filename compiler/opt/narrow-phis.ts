/**
 * 64-bit phis of values whose upper halves are all zero become 32-bit phis: counters and sums of 32-bit variables, and
 * what is chosen between such values and the phi itself.
 */

import { Replacements } from "../ir/flow.ts";
import { isConst } from "../ir/fold.ts";
import type { Fn, Value } from "../ir/ir.ts";
import { op } from "../ir/ops.ts";

export function narrowPhis(fn: Fn): void {
  const replaced = new Replacements();
  for (const block of fn.blocks) {
    for (const [i, phi] of block.phis.entries()) {
      if (phi.type !== 64 || !phi.args.every((arg) => isNarrow(arg, phi))) continue;
      if (!phi.args.some((arg) => arg.op === op.zext || arg.op === op.select)) continue;
      const made = fn.value(op.phi, 32, [], block, phi.at);
      made.args = phi.args.map((arg) => narrow(fn, arg, phi, made));
      const wide = fn.value(op.zext, 64, [made], block, phi.at);
      block.phis[i] = made;
      block.body.unshift(wide);
      replaced.set(phi, wide);
    }
  }
  replaced.apply(fn);
}

/** Nested choices that are looked through. */
const DEPTH = 3;

function isNarrow(v: Value, phi: Value, depth = DEPTH): boolean {
  if (v === phi || v.op === op.zext || v.op === op.undef) return true;
  if (isConst(v)) return v.hi === 0;
  return (
    v.op === op.select &&
    depth > 0 &&
    isNarrow(v.args[1], phi, depth - 1) &&
    isNarrow(v.args[2], phi, depth - 1)
  );
}

/** The lower half; of a choice, made right behind it. */
function narrow(fn: Fn, v: Value, phi: Value, made: Value): Value {
  if (v === phi) return made;
  if (v.op === op.zext) return v.args[0];
  if (v.op === op.undef) return fn.leaf(op.undef, 32, 0);
  if (isConst(v)) return fn.const(32, v.lo, 0);
  const [condition, yes, no] = v.args;
  const low = [narrow(fn, yes, phi, made), narrow(fn, no, phi, made)];
  const choice = fn.value(op.select, 32, [condition, ...low], v.block, v.at);
  v.block.body.splice(v.block.body.indexOf(v) + 1, 0, choice);
  return choice;
}
