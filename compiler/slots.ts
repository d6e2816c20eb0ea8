/**
 * Gives the imports that survived optimisation their final slots: helpers by first use, then maps, data, and last what
 * no code reads.
 */

import type { Import } from "../formats/container.ts";
import type { Imports } from "./build/imports.ts";
import type { Fn, Value } from "./ir/ir.ts";
import { op } from "./ir/ops.ts";

const RANK: Record<Import["kind"], number> = { helper: 0, named: 0, map: 1, function: 2, data: 3 };
const UNUSED = 4;

/** Rewrites the slots in all functions; returns the imports in their final order. */
export function assignSlots(fns: Fn[], { list: imports, kept }: Imports): Import[] {
  const used = new Set<number>();
  const leaves = new Set<Value>();
  const see = (v: Value | null) => {
    if (v === null || (v.op !== op.data && v.op !== op.map)) return;
    used.add(v.aux);
    leaves.add(v);
  };
  const calls: Value[] = [];
  for (const fn of fns) {
    for (const block of fn.blocks) {
      for (const v of block.phis) v.args.forEach(see);
      for (const v of block.body) {
        v.args.forEach(see);
        if (v.op !== op.helper) continue;
        used.add(v.aux);
        calls.push(v);
      }
      see(block.control);
    }
  }
  const rank = (slot: number) => (used.has(slot) ? RANK[imports[slot].kind] : UNUSED);
  const order = [...new Set([...used, ...kept])].sort((a, b) => rank(a) - rank(b));
  const slot = new Map(order.map((old, i) => [old, i]));
  for (const v of [...calls, ...leaves]) v.aux = slot.get(v.aux)!;
  return order.map((old) => imports[old]);
}
