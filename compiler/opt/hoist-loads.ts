/**
 * Loads that give the same in each round of a loop stand in front of it: of the frame, if nobody else has its address and
 * nothing in the loop writes there, and of what nobody writes. Such a load cannot fail where its place is known; others
 * must be what the first round does in any case. What others may write stays: the loop may be waiting for it.
 */

import { splitEdge } from "../ir/flow.ts";
import type { Block, Fn, Value } from "../ir/ir.ts";
import { entryOf, findLoops, isInside, type Loop, type LoopNest } from "../ir/loop-nest.ts";
import { LoopWrites } from "../ir/loop-writes.ts";
import { hasCycle } from "../ir/loops.ts";
import { isReadOnly, Memory } from "../ir/memory.ts";
import { op } from "../ir/ops.ts";

export function hoistLoads(fn: Fn): void {
  const hasLoad = fn.blocks.some(({ body }) => body.some(mayMove));
  if (hasLoad && hasCycle(fn)) new Hoisting(fn).run();
}

/** It can be loaded at any time. */
const isSafe = (load: Value): boolean => isReadOnly(load) || load.args[0].op === op.frame;

const isLoad = ({ op: row }: Value): boolean => row.bytes > 0 && row.reads;

/** A load from a known place, or from the frame and an index. */
const mayMove = (v: Value): boolean =>
  isLoad(v) && (isSafe(v) || (v.args[0].op === op.add && v.args[0].args.some((arg) => arg.op === op.frame)));

class Hoisting {
  private readonly fn: Fn;
  private readonly nest: LoopNest;
  private readonly writes: LoopWrites;

  constructor(fn: Fn) {
    this.fn = fn;
    this.nest = findLoops(fn);
    this.writes = new LoopWrites(this.nest.loops, new Memory(fn));
  }

  /** Inner loops come first: what leaves them may go on. */
  run(): void {
    for (const loop of this.nest.loops) {
      const moved: Value[] = [];
      let certain: Set<Block> | undefined;
      for (const block of loop.own)
        for (const v of block.body) {
          if (!mayMove(v) || !this.isOutside(v.args[0], loop) || !this.writes.keeps(loop, v)) continue;
          certain ??= this.certain(loop);
          if (certain.has(block) || isSafe(v)) moved.push(v);
        }
      if (moved.length > 0) this.move(moved, loop);
    }
  }

  private isOutside({ args, block }: Value, loop: Loop): boolean {
    return args.length === 0 || !isInside(this.nest.of, block, loop);
  }

  /** Blocks that the first round passes, whatever happens: up to the first branch that may lead out. */
  private certain(loop: Loop): Set<Block> {
    const found = new Set<Block>();
    for (let block = loop.header; !found.has(block); [block] = block.successors) {
      found.add(block);
      if (block.successors.length !== 1 || !isInside(this.nest.of, block.successors[0], loop)) break;
    }
    return found;
  }

  private move(loads: Value[], loop: Loop): void {
    const { header, parent } = loop;
    let before = entryOf(loop);
    if (before === undefined) return;
    if (before.end !== "jump") {
      before = splitEdge(this.fn, before, header);
      parent?.own.push(before);
      this.nest.of[before.id] = parent;
    }
    const gone = new Set(loads);
    for (const block of new Set(loads.map((v) => v.block)))
      block.body = block.body.filter((v) => !gone.has(v));
    for (const v of loads) v.block = before;
    before.body.push(...loads);
  }
}
