/**
 * What only one way out of a branch needs is computed on that way: clang has moved it in front of the branch, for a
 * select that eBPF does not have. Nothing moves into a loop.
 */

import { dominators } from "../ir/dominators.ts";
import { holdsOn, splitEdge } from "../ir/flow.ts";
import { isZero } from "../ir/fold.ts";
import { blockOrder } from "../ir/graph.ts";
import { type Block, type Fn, retarget, type Value } from "../ir/ir.ts";
import { loopDepths } from "../ir/loops.ts";
import { op, SLT } from "../ir/ops.ts";
import { type Use, usesOf } from "../ir/repair.ts";

/** Operations that are worth a block of their own, and its jump. */
const LEAST = 2;
/** Steps of all values together, as a multiple of their number: a long chain of branches is a step each. */
const STEPS = 8;
const FREE = new Set<unknown>([op.zext, op.trunc]);

export function sink(fn: Fn): void {
  const branches = blockOrder(fn).filter(({ end }) => end === "branch");
  if (branches.length === 0) return;
  const dominates = dominators(fn);
  const depths = loopDepths(fn);
  const uses = usesOf(fn);
  let steps = STEPS * fn.nextValue;
  for (const block of branches) {
    const isWay = (next: Block) => depths[next.id] <= depths[block.id] && !dominates(next, block);
    if (block.successors[0] === block.successors[1] || !block.successors.some(isWay)) continue;
    const ways = block.successors
      .filter(isWay)
      .map((next) => (next.predecessors.length === 1 ? next : splitEdge(fn, block, next)));
    for (let i = block.body.length - 1; i >= 0; i--) {
      const v = block.body[i];
      const list = uses[v.id];
      if (!v.op.pure || v.op === op.icmp || list.length === 0) continue;
      steps -= list.length;
      if (steps < 0) break;
      const way = ways.find((way) => list.every((use) => liesOn(way, v, use, dominates)));
      if (way === undefined) continue;
      block.body.splice(i, 1);
      way.body.unshift(v);
      v.block = way;
    }
    for (const way of ways)
      if (
        way.id >= depths.length &&
        way.body.filter((v) => !FREE.has(v.op)).length < (isRare(block, way) ? 1 : LEAST)
      )
        undo(fn, block, way);
  }
}

/** Where control goes with a negative number: most are not. */
function isRare(block: Block, way: Block): boolean {
  const test = holdsOn(block, way);
  return test?.cond === SLT && isZero(test.b);
}

/** Takes such a block away again. */
function undo(fn: Fn, from: Block, middle: Block): void {
  const [to] = middle.successors;
  for (const v of middle.body) v.block = from;
  from.body.push(...middle.body);
  retarget(from, middle, to);
  to.predecessors[to.predecessors.indexOf(middle)] = from;
  fn.blocks.splice(fn.blocks.lastIndexOf(middle), 1);
}

/** Whether control has come through `way` wherever `v` is used so; phis use it at the ends of predecessors. */
function liesOn(
  way: Block,
  v: Value,
  { user, block }: Use,
  dominates: (a: Block, b: Block) => boolean,
): boolean {
  const isBehind = (at: Block) => at === way || dominates(way, at);
  if (user?.op !== op.phi) return isBehind(user?.block ?? block);
  return user.args.every((arg, k) => arg !== v || isBehind(user.block.predecessors[k]));
}
