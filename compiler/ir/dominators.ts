/** Dominators by the iterative scheme over reverse postorder; two blocks are compared in constant time. */

import { type Graph, type Node, reversePostorder } from "./flow.ts";
import { once } from "./graph.ts";
import type { Block, Fn } from "./ir.ts";

export interface DominatorTree<B> {
  /** What control can reach, in reverse postorder. */
  order: readonly B[];
  /** By block: its immediate dominator; the entry is its own. */
  idom: readonly B[];
  /** The last block that dominates both. */
  meet(a: B, b: B): B;
}

export function dominatorTree<B extends Node<B>>(graph: Graph<B>): DominatorTree<B> {
  const order = reversePostorder(graph);
  const number = new Int32Array(graph.nextBlock);
  for (const [i, block] of order.entries()) number[block.id] = i;
  const idom: B[] = [];
  idom[order[0].id] = order[0];
  const meet = (a: B, b: B): B => {
    let [x, y] = [a, b];
    while (x !== y) {
      while (number[x.id] > number[y.id]) x = idom[x.id];
      while (number[y.id] > number[x.id]) y = idom[y.id];
    }
    return x;
  };
  for (let changed = true; changed; ) {
    changed = false;
    for (const block of order.slice(1)) {
      let best: B | undefined;
      for (const before of block.predecessors)
        if (idom[before.id] !== undefined) best = best === undefined ? before : meet(best, before);
      if (best !== idom[block.id]) {
        idom[block.id] = best!;
        changed = true;
      }
    }
  }
  return { order, idom, meet };
}

/** idom[block.id]; the entry is its own. */
export const immediateDominators = once((fn: Fn): readonly Block[] => dominatorTree(fn).idom);

/** A test whether one block dominates another. */
export const dominators = once((fn: Fn): ((a: Block, b: Block) => boolean) => {
  const idom = immediateDominators(fn);
  const children: Block[][] = new Array(fn.nextBlock);
  for (const block of fn.blocks) {
    const parent = idom[block.id];
    if (parent === undefined || parent === block) continue;
    (children[parent.id] ??= []).push(block);
  }
  const first = new Int32Array(fn.nextBlock);
  const last = new Int32Array(fn.nextBlock);
  let clock = 0;
  const work: { block: Block; next: number }[] = [{ block: fn.blocks[0], next: 0 }];
  first[fn.blocks[0].id] = ++clock;
  while (work.length > 0) {
    const top = work[work.length - 1];
    const child = children[top.block.id]?.[top.next++];
    if (child === undefined) {
      last[top.block.id] = ++clock;
      work.pop();
    } else {
      first[child.id] = ++clock;
      work.push({ block: child, next: 0 });
    }
  }
  return (a, b) => first[a.id] <= first[b.id] && last[b.id] <= last[a.id];
});
