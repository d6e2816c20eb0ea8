/** Loops as most passes ask for them: whether there are any, and how deep each block lies. */

import { once } from "./graph.ts";
import type { Fn } from "./ir.ts";
import { loopNest } from "./loop-nest.ts";

/** Whether a block leads back in the layout, as one must in every cycle. */
export function hasCycle(fn: Fn): boolean {
  const seen = new Uint8Array(fn.nextBlock);
  for (const { id, successors } of fn.blocks) {
    seen[id] = 1;
    if (successors.some((next) => seen[next.id] === 1)) return true;
  }
  return false;
}

/** By block: how many natural loops it lies in. Irreducible cycles count as none. */
export const loopDepths = once((fn: Fn): Int32Array => {
  const depths = new Int32Array(fn.nextBlock);
  if (!hasCycle(fn)) return depths;
  // Loops come before those around them.
  for (const { own, parent } of loopNest(fn).loops.toReversed()) {
    const around = parent === undefined ? 0 : depths[parent.header.id];
    for (const block of own) depths[block.id] = around + 1;
  }
  return depths;
});
