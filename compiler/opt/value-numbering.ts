/**
 * Global value numbering: of values that compute the same from the same, those that a first one dominates go; phis of a
 * block with the same arguments are one. Comparisons stay where they are branched on.
 */

import { dominators } from "../ir/dominators.ts";
import { Replacements, reversePostorder } from "../ir/flow.ts";
import type { Fn, Value } from "../ir/ir.ts";
import { op } from "../ir/ops.ts";

/** Phis of loops become equal once what comes back is. */
const ROUNDS = 3;
/** Of the same computation in many places, none of which dominates another, so many are looked at. */
const MOST_OTHERS = 32;

export function valueNumbering(fn: Fn): void {
  const dominates = dominators(fn);
  const order = reversePostorder(fn);
  for (let round = 0; round < ROUNDS; round++) {
    const replaced = new Replacements();
    const known = new Map<string, Value[]>();
    const visit = (v: Value): void => {
      for (let i = 0; i < v.args.length; i++) v.args[i] = replaced.get(v.args[i]);
      if (!v.op.pure || v.op === op.icmp) return;
      const key = keyOf(v);
      const others = known.get(key);
      if (others === undefined) {
        known.set(key, [v]);
        return;
      }
      const found = others.find((other) => dominates(other.block, v.block));
      if (found === undefined && others.length === MOST_OTHERS) others.shift();
      if (found === undefined) others.push(v);
      else replaced.set(v, found);
    };
    for (const block of order) {
      block.phis.forEach(visit);
      block.body.forEach(visit);
    }
    if (replaced.count === 0) return;
    replaced.apply(fn);
  }
}

function keyOf({ op: row, type, aux, args, block }: Value): string {
  let key = `${row.code} ${type} ${aux}`;
  if (row === op.phi) key += ` b${block.id}`;
  if (row.commutative && args[0].id > args[1].id) return `${key} ${args[1].id} ${args[0].id}`;
  for (const arg of args) key += ` ${arg.id}`;
  return key;
}
