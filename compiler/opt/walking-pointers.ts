/**
 * Where an access has a base and an index or a displacement but not all three, an index that only tells one place, which
 * is accessed at displacements, is a pointer that walks: phi(i) + p, in a loop that does not change p, is phi(p + i).
 */

import { dominators } from "../ir/dominators.ts";
import { emitter } from "../ir/emit.ts";
import { splitEdge } from "../ir/flow.ts";
import { isConst } from "../ir/fold.ts";
import type { Block, Fn, Value } from "../ir/ir.ts";
import { entryOf, isInside, type Loop, loopNest } from "../ir/loop-nest.ts";
import { hasCycle } from "../ir/loops.ts";
import { op } from "../ir/ops.ts";
import { type Use, usesOf } from "../ir/repair.ts";
import type { PassContext } from "../passes.ts";

interface Index {
  phi: Value;
  next: Value;
  sum: Value;
  base: Value;
}

export function walkingPointers(fn: Fn, { features }: Pick<PassContext, "features">): void {
  if (!features.has("index-or-displacement") || !hasCycle(fn)) return;
  const { loops, of } = loopNest(fn);
  const dominates = dominators(fn);
  let users: Use[][] | undefined;
  for (const loop of loops) {
    const before = entryOf(loop);
    if (before === undefined || loop.latches.length !== 1) continue;
    for (const phi of loop.header.phis) {
      users ??= usesOf(fn);
      const index = indexOf(phi, loop.latches[0], users);
      const isFixed = (v: Value) => v.args.length === 0 || dominates(v.block, before);
      if (index === undefined || index.base.op === op.frame || !isFixed(index.base)) continue;
      const isOutside = (block: Block) => !isInside(of, block, loop);
      if (!users[index.next.id].every((use) => use.user === phi || leaves(use, isOutside))) continue;
      walk(fn, loop, before, index, users);
      users = undefined;
    }
  }
}

/** Addends of the index's only sum besides its next value, whose users are accesses that gain. */
function indexOf(phi: Value, latch: Block, users: Use[][]): Index | undefined {
  const next = phi.args[phi.block.predecessors.indexOf(latch)];
  if (phi.type !== 64 || next.op !== op.add || next.args[0] !== phi || !isConst(next.args[1]))
    return undefined;
  const uses = users[phi.id];
  const sum = uses.find(({ user }) => user !== next)?.user;
  if (uses.length !== 2 || sum?.op !== op.add || sum.args[0] === sum.args[1]) return undefined;
  const accesses = users[sum.id];
  const isAddress = ({ user }: Use) =>
    user !== undefined && user.op.bytes > 0 && user.args.lastIndexOf(sum) === 0;
  const gains = () => accesses.length > 1 || accesses.some(({ user }) => user!.aux !== 0);
  if (!accesses.every(isAddress) || !gains()) return undefined;
  return { phi, next, sum, base: sum.args[sum.args[0] === phi ? 1 : 0] };
}

/** Uses the last index behind the loop. */
const leaves = ({ user, block }: Use, isOutside: (block: Block) => boolean): boolean =>
  user !== undefined && isOutside(block);

function walk(
  fn: Fn,
  { header }: Loop,
  before: Block,
  { phi, next, sum, base }: Index,
  users: Use[][],
): void {
  const entry = header.predecessors.indexOf(before);
  const emit = emitter(fn, { block: before, at: phi.at });
  phi.args[entry] = emit(op.add, 64, [base, phi.args[entry]]);
  for (const { user } of users[sum.id]) user!.args[0] = phi;
  sum.block.body.splice(sum.block.body.indexOf(sum), 1);
  const found = new Map<Block, Value>();
  /** The index again, in a block behind the loop: first there, or last. */
  const again = (block: Block, first: boolean): Value => {
    const known = found.get(block);
    if (known !== undefined) return known;
    const made = fn.value(op.sub, 64, [next, base], block, next.at);
    if (first) block.body.unshift(made);
    else block.body.push(made);
    found.set(block, made);
    return made;
  };
  const uses = users[next.id].filter(({ user }) => user !== phi);
  // What stands first in a block serves its end too.
  for (const { user, block } of uses)
    if (user!.op !== op.phi) user!.args = user!.args.map((arg) => (arg === next ? again(block, true) : arg));
  for (const { user, block } of uses)
    if (user!.op === op.phi)
      for (const [k, arg] of user!.args.entries()) {
        if (arg !== next) continue;
        const from = block.predecessors[k];
        user!.args[k] = again(from.successors.length > 1 ? splitEdge(fn, from, block) : from, false);
      }
}
