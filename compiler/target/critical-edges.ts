/** Splits edges from a block with several successors to one with several predecessors, for the moves of phis. */

import { splitEdge } from "../ir/flow.ts";
import type { Block, Fn } from "../ir/ir.ts";
import { loopDepths } from "../ir/loops.ts";

/** `small`: bytes count more than time. */
export function splitCriticalEdges(fn: Fn, small: boolean): void {
  const place = new Int32Array(fn.nextBlock);
  for (let i = 0; i < fn.blocks.length; i++) place[fn.blocks[i].id] = i;
  const depths = loopDepths(fn);
  const after = new Map<Block, Block[]>();
  const before = new Map<Block, Block[]>();
  const order = [...fn.blocks];
  for (const block of order) {
    if (block.successors.length < 2) continue;
    for (const next of [...block.successors]) {
      if (next.predecessors.length < 2) continue;
      const middle = splitEdge(fn, block, next);
      // What is done on the way out of a loop stands behind the loop, and what nothing else falls into needs no jump.
      const at = place[next.id];
      const forward = at > place[block.id];
      const leaves = depths[next.id] < depths[block.id];
      const isFree = forward && !order[at - 1].successors.includes(next);
      // A check that fails returns: what is expected goes on without a jump.
      const fails = forward && !small && next.end === "return" && next !== order[place[block.id] + 1];
      const [where, key] =
        forward && (leaves || isFree) ? [before, next] : fails ? [after, next] : [after, block];
      where.set(key, [...(where.get(key) ?? []), middle]);
    }
  }
  if (before.size + after.size === 0) return;
  fn.blocks = order.flatMap((block) => [...(before.get(block) ?? []), block, ...(after.get(block) ?? [])]);
}
