/**
 * Loop rotation: what ends a loop's round comes to stand in front of the loop's start and falls to it, so that a round
 * jumps once less. It begins where nothing falls into it, or else at the loop's end, if some round jumps there early,
 * or else with the moves on the way back, if there are any.
 * Requires allocated code, with a block of its own on each edge from a branch to where ways meet; changes nothing but
 * the order of blocks.
 */

import { type Allocation, copyBlock, type MBlock, type MFn } from "./mir.ts";

/** Sets where loops end, in the order that blocks have. */
export function findLoops({ blocks }: MFn): void {
  for (const block of blocks) {
    const last = Math.max(-1, ...block.predecessors);
    block.last = last >= block.index ? last : -1;
  }
}

export function rotateLoops(
  fn: MFn,
  allocation: Allocation,
  jump: number,
): { fn: MFn; allocation: Allocation } {
  const { blocks } = fn;
  const isEdge = ({ insts, predecessors }: MBlock) =>
    insts.length === 1 && insts[0].kind === jump && predecessors.length === 1;
  /** By the index of a loop's start: what comes to stand in front of it. */
  const front = new Map<number, number[]>();
  const moved = new Set<number>();
  for (const end of blocks) {
    const back = end.successors.find((b) => isEdge(blocks[b]) && blocks[b].successors[0] <= end.index);
    if (end.successors.length !== 2 || back === undefined) continue;
    const start = blocks[blocks[back].successors[0]];
    if (start.index === 0 || front.has(start.index) || !isWhole(blocks, start, end)) continue;
    const moves = allocation.moves[back][0].length > 0 ? [] : undefined;
    const before = cut(blocks, start, end, isEdge) ?? early(blocks, start, end, isEdge) ?? moves;
    if (before === undefined || before.some((b) => moved.has(b))) continue;
    const list = [...before, back];
    front.set(start.index, list);
    for (const b of list) moved.add(b);
  }
  if (moved.size === 0) return { fn, allocation };
  const order: number[] = [];
  const place = (b: number): void => {
    front.get(b)?.forEach(place);
    order.push(b);
  };
  for (const { index } of blocks) if (!moved.has(index)) place(index);
  return reordered(fn, allocation, order, front);
}

/** The last blocks of the loop from one on into which the block before does not fall. */
function cut(
  blocks: readonly MBlock[],
  start: MBlock,
  end: MBlock,
  isEdge: (block: MBlock) => boolean,
): number[] | undefined {
  const final = (b: number): number => (isEdge(blocks[b]) ? blocks[b].successors[0] : b);
  for (let at = end.index; at > start.index; at--) {
    const code = final(at);
    if ((code !== at && code !== at + 1) || blocks[at].depth !== end.depth) continue;
    let before = at - 1;
    while (before > start.index && isEdge(blocks[before]) && blocks[before].successors[0] !== at) before--;
    if (!blocks[before].successors.some((b) => final(b) === code))
      return Array.from({ length: end.index + 1 - at }, (_, i) => at + i);
  }
  return undefined;
}

/** The loop's end, behind an edge that leads to it over other blocks. */
function early(
  blocks: readonly MBlock[],
  start: MBlock,
  end: MBlock,
  isEdge: (block: MBlock) => boolean,
): number[] | undefined {
  const edge = end.predecessors.find((b) => isEdge(blocks[b]) && jumpsTo(blocks, b, start, end, isEdge));
  return edge === undefined ? undefined : [edge, end.index];
}

/** Between its start and its end lies the loop alone. */
const isWhole = (blocks: readonly MBlock[], start: MBlock, end: MBlock): boolean =>
  start.depth === end.depth &&
  end.depth > 0 &&
  blocks.slice(start.index, end.index).every(({ depth }) => depth >= end.depth);

/** The edge leads from within the loop to its end, over blocks that stand between. */
function jumpsTo(
  blocks: readonly MBlock[],
  edge: number,
  start: MBlock,
  end: MBlock,
  isEdge: (block: MBlock) => boolean,
): boolean {
  const [from] = blocks[edge].predecessors;
  if (blocks[from].successors.length !== 2 || from < start.index || from >= end.index) return false;
  return blocks.slice(from + 1, end.index).some((block) => !isEdge(block));
}

const largest = (list: Int32Array): number => list.reduce((a, b) => Math.max(a, b), -1);

function reordered(
  fn: MFn,
  allocation: Allocation,
  order: readonly number[],
  front: ReadonlyMap<number, readonly number[]>,
): { fn: MFn; allocation: Allocation } {
  const place = new Int32Array(order.length);
  for (const [i, b] of order.entries()) place[b] = i;
  const blocks = order.map((b, i) => {
    const from = fn.blocks[b];
    return copyBlock(from, {
      index: i,
      last: -1,
      successors: from.successors.map((next) => place[next]),
      predecessors: from.predecessors.map((before) => place[before]),
    });
  });
  for (const { index, last } of fn.blocks) {
    if (last < 0) continue;
    const list = front.get(index) ?? [];
    const first = list.length > 0 ? list[0] : index;
    const loop = place.subarray(index, last + 1);
    blocks[place[first]].last = list.reduce((most, b) => Math.max(most, place[b]), largest(loop));
  }
  const moves = order.map((b) => allocation.moves[b]);
  const liveIn = Int32Array.from(order, (b) => allocation.liveIn[b]);
  return { fn: { ...fn, blocks }, allocation: { ...allocation, moves, liveIn } };
}
