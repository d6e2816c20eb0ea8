/** Loop depth of each block, by block id: how many natural loops it lies in. Irreducible cycles count as none. */

import { dominators } from "./dominators.ts";
import type { Block, Fn } from "./ir.ts";

export function loopDepths(fn: Fn): Int32Array {
  const depth = new Int32Array(fn.nextBlock);
  const position = new Map(fn.blocks.map((block, i) => [block, i]));
  const backwards = fn.blocks.some((b) => b.successors.some((s) => position.get(s)! <= position.get(b)!));
  if (!backwards) return depth;
  const dominates = dominators(fn);
  const tails = new Map<Block, Block[]>();
  for (const block of fn.blocks)
    for (const next of block.successors)
      if (dominates(next, block)) tails.set(next, [...(tails.get(next) ?? []), block]);
  const seen = new Int32Array(fn.nextBlock);
  let loop = 0;
  for (const [head, ends] of tails) {
    loop++;
    seen[head.id] = loop;
    depth[head.id]++;
    const work = [...ends];
    while (work.length > 0) {
      const block = work.pop()!;
      if (seen[block.id] === loop) continue;
      seen[block.id] = loop;
      depth[block.id]++;
      work.push(...block.predecessors);
    }
  }
  return depth;
}
