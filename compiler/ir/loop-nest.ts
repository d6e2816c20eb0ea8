/** The natural loops of a function and how they nest, in nearly linear time. Irreducible cycles are no loops. */

import { dominators } from "./dominators.ts";
import { blockOrder, once } from "./graph.ts";
import type { Block, Fn } from "./ir.ts";

export interface Loop {
  header: Block;
  /** The next loop around it. */
  parent: Loop | undefined;
  /** Blocks that lie in no loop inside it; the header is the first. */
  own: Block[];
  latches: Block[];
  /** Towards the outermost loop that is known yet. */
  top: Loop | undefined;
}

export interface LoopNest {
  /** Inner loops before those around them. */
  loops: Loop[];
  /** By block: the innermost loop that it lies in. */
  of: (Loop | undefined)[];
}

/** The only block from which control comes into the loop; undefined: there are several. */
export function entryOf({ header, latches }: Loop): Block | undefined {
  const entries = header.predecessors.filter((before) => !latches.includes(before));
  return entries.length === 1 ? entries[0] : undefined;
}

/** Loops around a block that are looked at, from the inside. */
const MOST_LOOPS = 8;

/** Whether the block lies in the loop; also where it lies too deep to tell. */
export function isInside(of: LoopNest["of"], block: Block, loop: Loop): boolean {
  let at = of[block.id];
  for (let left = MOST_LOOPS; at !== undefined && at !== loop; at = at.parent) if (left-- === 0) return true;
  return at === loop;
}

export const loopNest = once(findLoops);

/** For those who change the nest as they change the graph. */
export function findLoops(fn: Fn): LoopNest {
  const order = blockOrder(fn);
  const number = new Int32Array(fn.nextBlock).fill(-1);
  for (let i = 0; i < order.length; i++) number[order[i].id] = i;
  const nest: LoopNest = { loops: [], of: [] };
  const isBack = (from: Block, to: Block) => number[from.id] >= number[to.id];
  let dominates: ((a: Block, b: Block) => boolean) | undefined;
  for (let i = order.length - 1; i >= 0; i--) {
    const header = order[i];
    if (!header.predecessors.some((before) => isBack(before, header))) continue;
    dominates ??= dominators(fn);
    const latches = header.predecessors.filter(
      (before) => isBack(before, header) && dominates!(header, before),
    );
    if (latches.length > 0)
      collect(nest, { header, parent: undefined, own: [header], latches, top: undefined });
  }
  return nest;
}

function outermost(from: Loop): Loop {
  let found = from;
  while (found.top !== undefined) {
    if (found.top.top !== undefined) found.top = found.top.top;
    found = found.top;
  }
  return found;
}

/** Finds the blocks of a loop; those inside are known already, and count as their headers. */
function collect({ loops, of }: LoopNest, loop: Loop): void {
  loops.push(loop);
  of[loop.header.id] = loop;
  const work = [...loop.latches];
  while (work.length > 0) {
    const block = work.pop()!;
    const known = of[block.id];
    if (known === undefined) {
      of[block.id] = loop;
      loop.own.push(block);
      work.push(...block.predecessors);
      continue;
    }
    const inner = outermost(known);
    if (inner === loop) continue;
    inner.parent = loop;
    inner.top = loop;
    work.push(...inner.header.predecessors);
  }
}
