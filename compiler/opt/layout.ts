/**
 * The order of blocks in the code: a block before those that it leads to, a loop in one piece, ways out of a loop behind
 * it. Register allocation walks in this order too.
 */

import type { Block, Fn } from "../ir/ir.ts";
import { type Loop, loopNest } from "../ir/loop-nest.ts";
import { loopDepths } from "../ir/loops.ts";

export function layout(fn: Fn): void {
  const depth = loopDepths(fn);
  const state = new Uint8Array(fn.nextBlock);
  const done: Block[] = [];
  const work: { block: Block; next: number; to: Block[] }[] = [];
  const enter = (block: Block) => {
    state[block.id] = 1;
    work.push({ block, next: 0, to: waysOut(block, depth) });
  };
  enter(fn.blocks[0]);
  while (work.length > 0) {
    const top = work[work.length - 1];
    const next = top.to[top.next++];
    if (next === undefined) {
      done.push(top.block);
      work.pop();
    } else if (state[next.id] === 0) enter(next);
  }
  // A walk that takes the ways out of loops first ends with them last, but for what leaves a loop late.
  fn.blocks = inOnePiece(fn, done.reverse());
}

/** Each loop's blocks where its first one stands, in their order. */
function inOnePiece(fn: Fn, order: readonly Block[]): Block[] {
  const { loops, of } = loopNest(fn);
  if (loops.length === 0) return [...order];
  const pieces = new Map<Loop | undefined, (Block | Loop)[]>([[undefined, []]]);
  const pieceOf = (loop: Loop | undefined): (Block | Loop)[] => {
    const known = pieces.get(loop);
    if (known !== undefined) return known;
    const made: (Block | Loop)[] = [];
    pieces.set(loop, made);
    pieceOf(loop!.parent).push(loop!);
    return made;
  };
  for (const block of order) pieceOf(of[block.id]).push(block);
  const result: Block[] = [];
  const work: (Block | Loop)[] = [...pieces.get(undefined)!].reverse();
  for (let at = work.pop(); at !== undefined; at = work.pop()) {
    if ("own" in at) for (const part of pieces.get(at)!.toReversed()) work.push(part);
    else result.push(at);
  }
  return result;
}

/** Successors, those that leave the most loops first; of equals the one that the branch falls to comes last. */
const waysOut = ({ successors }: Block, depth: Int32Array): Block[] =>
  successors.length < 2 ? successors : successors.toSorted((a, b) => depth[a.id] - depth[b.id]);
