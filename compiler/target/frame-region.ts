/**
 * Where a function's frame may stand (shrink-wrapping; Chow 1988): a block in no loop and all that it dominates. Requires
 * machine code without critical edges; guarantees that control comes into the region through its first block alone,
 * that it leaves it on edges from blocks with one successor, and that some way returns without the frame.
 */

import { dominatorTree } from "../ir/dominators.ts";
import type { Node } from "../ir/flow.ts";
import type { MBlock } from "./mir.ts";

export interface FrameRegion {
  start: number;
  /** By block: 1 = the frame is there. */
  inside: Uint8Array;
}

/** A block of machine code, with those that it leads to and comes from themselves. */
interface Place extends Node<Place> {}

/** The smallest region with all blocks that `needs` marks; undefined where it would have to be the whole function. */
export function frameRegion(blocks: readonly MBlock[], needs: Uint8Array): FrameRegion | undefined {
  if (needs[0] === 1 || !needs.includes(1)) return undefined;
  const places = blocks.map(({ index }): Place => ({ id: index, successors: [], predecessors: [] }));
  for (const { index, successors, predecessors } of blocks) {
    places[index].successors = successors.map((b) => places[b]);
    places[index].predecessors = predecessors.map((b) => places[b]);
  }
  const { order, idom, meet } = dominatorTree({ blocks: places, nextBlock: blocks.length });
  const needing = order.filter(({ id }) => needs[id] === 1);
  if (needing.length === 0) return undefined;
  let at = needing.reduce(meet);
  // An edge that leads back from what it dominates: a cycle, which loops that are none leave without a depth.
  const comesBack = (to: Place) =>
    to.predecessors.some((from) => idom[from.id] !== undefined && meet(from, to) === to);
  while (at.id !== 0 && (blocks[at.id].depth > 0 || comesBack(at))) at = idom[at.id];
  const start = at.id;
  if (start === 0) return undefined;
  const inside = new Uint8Array(blocks.length);
  for (const { id } of order) inside[id] = id === start || (id !== 0 && inside[idom[id].id] === 1) ? 1 : 0;
  const leavesSplit = order.every(
    ({ id, successors }) =>
      inside[id] === 0 || successors.length < 2 || successors.every((next) => inside[next.id] === 1),
  );
  const returns = order.some(({ id }) => inside[id] === 0 && blocks[id].insts.at(-1)?.frame === "gone");
  return leavesSplit && returns ? { start, inside } : undefined;
}
