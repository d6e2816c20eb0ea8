/** A load that is only used sign-extended becomes a sign-extending load, in its place. */

import { countUses, Replacements } from "../ir/flow.ts";
import type { Fn, Value } from "../ir/ir.ts";
import { type Op, op } from "../ir/ops.ts";

const SIGNED = new Map<Op, { load: Op; by: Op }>([
  [op.load8, { load: op.load8s, by: op.sext8 }],
  [op.load16, { load: op.load16s, by: op.sext16 }],
  [op.load32, { load: op.load32s, by: op.sext32 }],
]);

export function extendLoads(fn: Fn): void {
  const uses = countUses(fn);
  const replaced = new Replacements(fn);
  const dead = new Set<Value>();
  for (const block of fn.blocks) {
    for (const v of block.body) {
      const load = loadUnder(v, uses);
      if (load === undefined || v.type !== 64) continue;
      for (let at = v; at !== load; at = at.args[0]) dead.add(at);
      load.op = SIGNED.get(load.op)!.load;
      load.type = 64;
      replaced.set(v, load);
    }
  }
  if (dead.size === 0) return;
  for (const block of fn.blocks) block.body = block.body.filter((v) => !dead.has(v));
  replaced.apply(fn);
}

/** The load that `v` sign-extends, directly or through a zero-extension, where nobody else uses it. */
function loadUnder(v: Value, uses: Int32Array): Value | undefined {
  if (v.op !== op.sext8 && v.op !== op.sext16 && v.op !== op.sext32) return undefined;
  let at = v.args[0];
  while ((at.op === op.zext || at.op === op.trunc) && uses[at.id] === 1) at = at.args[0];
  return SIGNED.get(at.op)?.by === v.op && uses[at.id] === 1 ? at : undefined;
}
