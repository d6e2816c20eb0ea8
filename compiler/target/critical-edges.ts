/** Splits edges from a block with several successors to one with several predecessors, for the moves of phis. */

import { type Block, type Fn, retarget } from "../ir/ir.ts";

export function splitCriticalEdges(fn: Fn): void {
  const laidOut: Block[] = [];
  for (const block of [...fn.blocks]) {
    laidOut.push(block);
    if (block.successors.length < 2) continue;
    for (const next of [...block.successors]) {
      if (next.predecessors.length < 2) continue;
      const middle = fn.block();
      middle.end = "jump";
      middle.at = block.at;
      middle.successors = [next];
      middle.predecessors = [block];
      retarget(block, next, middle);
      next.predecessors[next.predecessors.indexOf(block)] = middle;
      laidOut.push(middle);
    }
  }
  fn.blocks = laidOut;
}
