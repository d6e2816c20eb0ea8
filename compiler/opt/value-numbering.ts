/**
 * Global value numbering: of values that compute the same from the same, those that a first one dominates go; phis of a
 * block with the same arguments are one. Comparisons stay where they are branched on.
 */

import { dominators } from "../ir/dominators.ts";
import { Replacements } from "../ir/flow.ts";
import { blockOrder } from "../ir/graph.ts";
import type { Fn, Value } from "../ir/ir.ts";
import { op } from "../ir/ops.ts";

/** Phis of loops become equal once what comes back is. */
const ROUNDS = 3;
/** Of the same computation in many places, none of which dominates another, so many are looked at. */
const MOST_OTHERS = 32;

export function valueNumbering(fn: Fn): void {
  const dominates = dominators(fn);
  const order = blockOrder(fn);
  for (let round = 0; round < ROUNDS; round++) {
    const replaced = new Replacements(fn);
    const known = new Groups(fn);
    const visit = (v: Value): void => {
      replaced.renew(v);
      if (!v.op.pure || v.op === op.icmp) return;
      const others = known.find(v);
      if (others === undefined) {
        known.add(v);
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

/** Values that compute the same, by what they compute: a hash table whose entries are chained through the values' ids. */
class Groups {
  private readonly heads: Int32Array;
  private readonly next: Int32Array;
  /** By the id of a group's first value. */
  private readonly members: Value[][];

  constructor({ nextValue }: Fn) {
    this.heads = new Int32Array(2 ** Math.ceil(Math.log2(nextValue + 1))).fill(-1);
    this.next = new Int32Array(nextValue);
    this.members = new Array(nextValue);
  }

  private placeOf(v: Value): number {
    return hashOf(v) & (this.heads.length - 1);
  }

  find(v: Value): Value[] | undefined {
    for (let id = this.heads[this.placeOf(v)]; id >= 0; id = this.next[id])
      if (isSame(this.members[id][0], v)) return this.members[id];
    return undefined;
  }

  add(v: Value): void {
    const place = this.placeOf(v);
    this.members[v.id] = [v];
    this.next[v.id] = this.heads[place];
    this.heads[place] = v.id;
  }
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
