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
    const replaced = new Replacements(fn);
    const known = new Map<number, Group>();
    const visit = (v: Value): void => {
      replaced.renew(v);
      if (!v.op.pure || v.op === op.icmp) return;
      const key = hashOf(v);
      const first = known.get(key);
      let group = first;
      while (group !== undefined && !isSame(group.members[0], v)) group = group.next;
      if (group === undefined) {
        known.set(key, { members: [v], next: first });
        return;
      }
      const others = group.members;
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

/** Values that compute the same, and those whose hash is the same. */
interface Group {
  members: Value[];
  next: Group | undefined;
}

/** Operands of a commutative operation count in the order of their ids. */
const swaps = ({ op: row, args }: Value): boolean => row.commutative && args[0].id > args[1].id;

function hashOf(v: Value): number {
  const { op: row, type, aux, args } = v;
  let hash = row.code ^ (type << 8) ^ Math.imul(aux, 0x9e3779b1);
  if (swaps(v)) return mix(mix(hash, args[1].id), args[0].id);
  for (let k = 0; k < args.length; k++) hash = mix(hash, args[k].id);
  return hash;
}

const mix = (hash: number, n: number): number => Math.imul((hash << 5) ^ (hash >>> 27) ^ n, 0x85ebca6b);

function isSame(a: Value, b: Value): boolean {
  if (a.op !== b.op || a.type !== b.type || a.aux !== b.aux || a.args.length !== b.args.length) return false;
  if (a.op === op.phi && a.block !== b.block) return false;
  const [x, y] = [swaps(a) ? 1 : 0, swaps(b) ? 1 : 0];
  for (let k = 0; k < a.args.length; k++) if (a.args[k ^ x] !== b.args[k ^ y]) return false;
  return true;
}
