/**
 * 64-bit phis of values whose upper halves are all zero become 32-bit phis: counters and sums of 32-bit variables, and
 * what is chosen between such values and the phi itself. So do those whose lower halves are all that is asked for.
 */

import { Replacements } from "../ir/flow.ts";
import { isConst } from "../ir/fold.ts";
import type { Block, Fn, Value } from "../ir/ir.ts";
import { op } from "../ir/ops.ts";
import type { PassContext } from "../passes.ts";

export function narrowPhis(fn: Fn, { level }: Pick<PassContext, "level">): void {
  const replaced = new Replacements(fn);
  // Another value in front of a loop: worth its bytes only where loops count.
  const wanted = level === 2 ? wantedWhole(fn) : undefined;
  for (const block of fn.blocks) {
    for (const [i, phi] of block.phis.entries()) {
      if (phi.type !== 64) continue;
      if (wanted?.[phi.id] !== 0 && !phi.args.every((arg) => isNarrow(arg, phi))) continue;
      if (!phi.args.some((arg) => arg.op === op.zext || arg.op === op.select)) continue;
      const made = fn.value(op.phi, 32, [], block, phi.at);
      made.args = phi.args.map((arg, k) =>
        isNarrow(arg, phi) ? narrow(fn, arg, phi, made) : lower(fn, arg, block.predecessors[k]),
      );
      const wide = fn.value(op.zext, 64, [made], block, phi.at);
      block.phis[i] = made;
      block.body.unshift(wide);
      replaced.set(phi, wide);
    }
  }
  replaced.apply(fn);
}

/** By value: something but its truncation is asked for. */
function wantedWhole(fn: Fn): Uint8Array {
  const wanted = new Uint8Array(fn.nextValue);
  for (const { phis, body, control } of fn.blocks) {
    for (const phi of phis) for (const arg of phi.args) if (arg !== phi) wanted[arg.id] = 1;
    for (const v of body) if (v.op !== op.trunc) for (const arg of v.args) wanted[arg.id] = 1;
    if (control !== null) wanted[control.id] = 1;
  }
  return wanted;
}

/** The lower half of any value, at the end of a block. */
function lower(fn: Fn, v: Value, block: Block): Value {
  const made = fn.value(op.trunc, 32, [v], block, v.at);
  block.body.push(made);
  return made;
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
