/**
 * Constants that need a register are made in front of the loops that use them. Requires that blocks are asked
 * for in reverse postorder, last one first; guarantees that the block where one is made dominates all that use it.
 */

import { dominators } from "../ir/dominators.ts";
import type { Block, Fn, Value } from "../ir/ir.ts";
import { CALLS } from "../ir/ops.ts";

/** More than this would need the registers that the loop itself wants. */
const MOST = 10;

export class LoopConstants {
  private readonly depths: Int32Array;
  private readonly fn: Fn;
  private dominates: ((a: Block, b: Block) => boolean) | undefined;
  private readonly enabled: boolean;
  private readonly wanted = new Map<Value, { register: number; blocks: Set<Block> }>();

  /** Not in functions with calls, over which few registers keep what they hold. */
  constructor(fn: Fn, depths: Int32Array) {
    this.fn = fn;
    this.depths = depths;
    const calls = fn.blocks.some(({ body }) => body.some((v) => CALLS.has(v.op)));
    this.enabled = !calls && depths[fn.blocks[0].id] === 0 && depths.some((depth) => depth > 0);
  }

  /** The register of a constant for a block in a loop; undefined: it is made there. */
  register(leaf: Value, block: Block, fresh: () => number): number | undefined {
    if (!this.enabled || this.depths[block.id] === 0) return undefined;
    let known = this.wanted.get(leaf);
    if (known === undefined) {
      if (this.wanted.size === MOST) return undefined;
      known = { register: fresh(), blocks: new Set() };
      this.wanted.set(leaf, known);
    }
    known.blocks.add(block);
    return known.register;
  }

  /** What `block` makes for loops behind it. */
  take(block: Block): { leaf: Value; register: number }[] {
    if (this.wanted.size === 0 || this.depths[block.id] > 0) return [];
    this.dominates ??= dominators(this.fn);
    const { dominates } = this;
    const made: { leaf: Value; register: number }[] = [];
    for (const [leaf, { register, blocks }] of this.wanted) {
      if (![...blocks].every((user) => dominates(block, user))) continue;
      made.push({ leaf, register });
      this.wanted.delete(leaf);
    }
    return made;
  }
}
