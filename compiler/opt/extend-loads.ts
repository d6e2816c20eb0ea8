/**
 * A load that is only used sign-extended becomes a sign-extending load, in its place; one of which only low bytes are
 * used loads just those.
 */

import { countUses, Replacements } from "../ir/flow.ts";
import { maskedBits } from "../ir/fold.ts";
import type { Fn, Value } from "../ir/ir.ts";
import { type Op, op } from "../ir/ops.ts";

/** By extension: the load that does it too. */
const SIGNED = new Map<Op, Op>([
  [op.sext8, op.load8s],
  [op.sext16, op.load16s],
  [op.sext32, op.load32s],
]);
const UNSIGNED = new Set<Op>([op.load8, op.load16, op.load32, op.load64]);

export function extendLoads(fn: Fn): void {
  const uses = countUses(fn);
  const replaced = new Replacements(fn);
  const dead = new Set<Value>();
  for (const block of fn.blocks) {
    for (const v of block.body) {
      if (v.op === op.and) narrow(v, uses);
      const load = loadUnder(v, uses);
      if (load === undefined) continue;
      for (let at = v.type === 64 ? v : v.args[0]; at !== load; at = at.args[0]) dead.add(at);
      load.op = SIGNED.get(v.op)!;
      load.type = 64;
      if (v.type === 64) replaced.set(v, load);
      else [v.op, v.args] = [op.trunc, [load]];
    }
  }
  if (dead.size === 0) return;
  for (const block of fn.blocks) block.body = block.body.filter((v) => !dead.has(v));
  replaced.apply(fn);
}

/** By bits. */
const NARROW = new Map<number, Op>([
  [8, op.load8],
  [16, op.load16],
]);

/** Of load & mask the load takes all that the mask lets through, and the mask is left for other rules. */
function narrow({ args: [masked, mask] }: Value, uses: Int32Array): void {
  const at = halfOf(masked, uses);
  const by = NARROW.get(maskedBits(mask));
  // Of 32-bit values, as the load that comes instead is.
  const isWide = by !== undefined && (at.op === op.load16 || at.op === op.load32) && at.op.bytes > by.bytes;
  if (isWide && uses[at.id] === 1) at.op = by;
}

/** The load of which `v` sign-extends low bytes, directly or through another extension, where nobody else uses it. */
function loadUnder(v: Value, uses: Int32Array): Value | undefined {
  const extending = SIGNED.get(v.op);
  const at = extending && halfOf(v.args[0], uses);
  const isWide = at !== undefined && UNSIGNED.has(at.op) && at.op.bytes >= extending!.bytes;
  return isWide && uses[at.id] === 1 ? at : undefined;
}

/** What low halves and zero-extensions are of, as far as only they use it. */
function halfOf(v: Value, uses: Int32Array): Value {
  let at = v;
  while ((at.op === op.zext || at.op === op.trunc) && uses[at.id] === 1) at = at.args[0];
  return at;
}
