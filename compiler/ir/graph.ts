/** What many passes ask of the control-flow graph, computed once while it stays as it is. */

import { reversePostorder } from "./flow.ts";
import type { Block, Fn } from "./ir.ts";

interface Known {
  /** The graph in numbers: blocks in their order with their successors and predecessors. */
  shape: Int32Array;
  answers: Map<(fn: Fn) => unknown, unknown>;
}

const known = new WeakMap<Fn, Known>();

/** `compute`, which looks at blocks and edges alone; what it gives is shared and must stay as it is. */
export function once<T>(compute: (fn: Fn) => T): (fn: Fn) => T {
  return (fn) => {
    let found = known.get(fn);
    if (found === undefined || !hasShape(fn, found.shape)) {
      found = { shape: shapeOf(fn), answers: new Map() };
      known.set(fn, found);
    }
    if (!found.answers.has(compute)) found.answers.set(compute, compute(fn));
    return found.answers.get(compute) as T;
  };
}

/** Blocks in reverse postorder. */
export const blockOrder = once((fn: Fn): readonly Block[] => reversePostorder(fn));

function shapeOf({ blocks, nextBlock }: Fn): Int32Array {
  let size = 1;
  for (const { successors, predecessors } of blocks) size += 3 + successors.length + predecessors.length;
  const shape = new Int32Array(size);
  let at = 0;
  shape[at++] = nextBlock;
  for (const { id, successors, predecessors } of blocks) {
    shape[at++] = id;
    shape[at++] = successors.length;
    for (let k = 0; k < successors.length; k++) shape[at++] = successors[k].id;
    shape[at++] = predecessors.length;
    for (let k = 0; k < predecessors.length; k++) shape[at++] = predecessors[k].id;
  }
  return shape;
}

function hasShape({ blocks, nextBlock }: Fn, shape: Int32Array): boolean {
  if (shape[0] !== nextBlock) return false;
  let at = 1;
  for (const { id, successors, predecessors } of blocks) {
    if (shape[at++] !== id || shape[at++] !== successors.length) return false;
    for (let k = 0; k < successors.length; k++) if (shape[at++] !== successors[k].id) return false;
    if (shape[at++] !== predecessors.length) return false;
    for (let k = 0; k < predecessors.length; k++) if (shape[at++] !== predecessors[k].id) return false;
  }
  return at === shape.length;
}
