/**
 * Where an access has a base and an index or a displacement but not all three, [p + i + 4] in a loop that does not change
 * p is [q + i] with q = p + 4 made in front of it.
 */

import { dominators } from "../ir/dominators.ts";
import { emitter } from "../ir/emit.ts";
import { isConst } from "../ir/fold.ts";
import type { Block, Fn, Value } from "../ir/ir.ts";
import { entryOf, loopNest } from "../ir/loop-nest.ts";
import { hasCycle } from "../ir/loops.ts";
import { op } from "../ir/ops.ts";
import { type Use, usesOf } from "../ir/repair.ts";
import type { PassContext } from "../passes.ts";

/** Bases for one sum, and for all of a function: each takes a register. */
const MOST_OF_SUM = 2;
const MOST = 6;

export function indexBases(fn: Fn, { features }: Pick<PassContext, "features">): void {
  const isCandidate = (v: Value) => v.op.bytes > 0 && v.aux !== 0 && v.args[0].op === op.add;
  if (!features.has("index-or-displacement") || !hasCycle(fn)) return;
  if (!fn.blocks.some(({ body }) => body.some(isCandidate))) return;
  const { of } = loopNest(fn);
  const dominates = dominators(fn);
  const users = usesOf(fn);
  let left = MOST;
  for (const block of fn.blocks) {
    const loop = of[block.id];
    const before = loop && entryOf(loop);
    if (before === undefined) continue;
    const isFixed = (v: Value) => v.args.length === 0 || dominates(v.block, before);
    for (const sum of [...block.body]) {
      // Those made here have no users yet.
      const isSum = sum.op === op.add && sum.type === 64 && sum.id < users.length;
      const fixed = left > 0 && isSum ? sum.args.findIndex(isFixed) : -1;
      const [base, index] = fixed === 1 ? [...sum.args].reverse() : sum.args;
      if (fixed < 0 || isFixed(index) || base.op === op.frame || isConst(base)) continue;
      const places = placesOf(sum, users);
      if (places === undefined || places.size > Math.min(left, MOST_OF_SUM)) continue;
      if (places.size === 1 && places.has(0)) continue;
      for (const [offset, accesses] of places) {
        rebase(fn, before, { base, index, offset }, accesses);
        if (offset !== 0) left--;
      }
    }
  }
}

/** Accesses by their displacements; undefined where the sum has other uses, or two make a pair. */
function placesOf(sum: Value, users: Use[][]): Map<number, Value[]> | undefined {
  const places = new Map<number, Value[]>();
  const sizes = new Set<number>();
  for (const { user } of users[sum.id]) {
    if (user === undefined || user.op.bytes === 0 || user.args.lastIndexOf(sum) !== 0) return undefined;
    places.set(user.aux, [...(places.get(user.aux) ?? []), user]);
    sizes.add(user.op.bytes);
  }
  const [one, other] = [...places.keys()];
  const isPair =
    places.size === 2 && [4, 8].some((size) => sizes.has(size) && Math.abs(one - other) === size);
  return isPair ? undefined : places;
}

interface Place {
  base: Value;
  index: Value;
  offset: number;
}

/** In each block a sum of its own, which its accesses take as their address. */
function rebase(fn: Fn, before: Block, place: Place, accesses: readonly Value[]): void {
  const { base, index, offset } = place;
  const emit = emitter(fn, { block: before, at: before.at });
  const moved = emit(op.add, 64, [base, fn.const(64, offset)]);
  const sums = new Map<Block, Value>();
  for (const access of accesses) {
    const { block } = access;
    let sum = sums.get(block);
    if (sum === undefined) {
      sum = fn.value(op.add, 64, [moved, index], block, access.at);
      sums.set(block, sum);
      const first = block.body.findIndex((v) => accesses.includes(v));
      block.body.splice(first, 0, sum);
    }
    access.args[0] = sum;
    access.aux = 0;
  }
}
