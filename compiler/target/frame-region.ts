/**
 * Where a function's frame may stand (shrink-wrapping; Chow 1988): a block in no loop and all that it dominates. Requires
 * machine code without critical edges; guarantees that control comes into the region through its first block alone,
 * that it leaves it on edges from blocks with one successor, and that some way returns without the frame.
 */

import type { MBlock } from "./mir.ts";

export interface FrameRegion {
  start: number;
  /** By block: 1 = the frame is there. */
  inside: Uint8Array;
}

/** The smallest region with all blocks that `needs` marks; undefined where it would have to be the whole function. */
export function frameRegion(blocks: readonly MBlock[], needs: Uint8Array): FrameRegion | undefined {
  if (needs[0] === 1 || !needs.includes(1)) return undefined;
  const order = reversePostorder(blocks);
  const number = new Int32Array(blocks.length).fill(-1);
  for (const [i, b] of order.entries()) number[b] = i;
  const idom = immediateDominators(blocks, order, number);
  let start = -1;
  for (const b of order) if (needs[b] === 1) start = start < 0 ? b : meet(start, b, idom, number);
  if (start < 0) return undefined;
  while (start !== 0 && (blocks[start].depth > 0 || comesBack(blocks, start, idom, number)))
    start = idom[start];
  if (start === 0) return undefined;
  const inside = new Uint8Array(blocks.length);
  for (const b of order) inside[b] = b === start || (b !== 0 && inside[idom[b]] === 1) ? 1 : 0;
  const leavesSplit = order.every(
    (b) =>
      inside[b] === 0 ||
      blocks[b].successors.length < 2 ||
      blocks[b].successors.every((s) => inside[s] === 1),
  );
  const returns = order.some((b) => inside[b] === 0 && blocks[b].insts.at(-1)?.frame === "gone");
  return leavesSplit && returns ? { start, inside } : undefined;
}

function reversePostorder(blocks: readonly MBlock[]): number[] {
  const next = new Int32Array(blocks.length).fill(-1);
  const result: number[] = [];
  const work = [0];
  next[0] = 0;
  while (work.length > 0) {
    const b = work[work.length - 1];
    const to = blocks[b].successors[next[b]++];
    if (to === undefined) {
      work.pop();
      result.push(b);
    } else if (next[to] < 0) {
      next[to] = 0;
      work.push(to);
    }
  }
  return result.reverse();
}

/** As ir/dominators.ts, over blocks of machine code. */
function immediateDominators(
  blocks: readonly MBlock[],
  order: readonly number[],
  number: Int32Array,
): Int32Array {
  const idom = new Int32Array(blocks.length).fill(-1);
  idom[0] = 0;
  for (let changed = true; changed; ) {
    changed = false;
    for (const b of order) {
      if (b === 0) continue;
      let best = -1;
      for (const before of blocks[b].predecessors)
        if (idom[before] >= 0) best = best < 0 ? before : meet(best, before, idom, number);
      if (best === idom[b]) continue;
      idom[b] = best;
      changed = true;
    }
  }
  return idom;
}

/** The last block that dominates both. */
function meet(a: number, b: number, idom: Int32Array, number: Int32Array): number {
  let [x, y] = [a, b];
  while (x !== y) {
    while (number[x] > number[y]) x = idom[x];
    while (number[y] > number[x]) y = idom[y];
  }
  return x;
}

/** An edge leads back to `start` from what it dominates: a cycle, which loops that are none leave without a depth. */
const comesBack = (blocks: readonly MBlock[], start: number, idom: Int32Array, number: Int32Array): boolean =>
  blocks[start].predecessors.some(
    (before) => number[before] >= 0 && meet(before, start, idom, number) === start,
  );
