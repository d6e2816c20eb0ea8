/** What the rounds of loops write to the frame: gathered from inner loops outwards, so that each block is looked at once. */

import type { Value } from "./ir.ts";
import type { Loop } from "./loop-nest.ts";
import { isReadOnly, type Memory } from "./memory.ts";

/** Writes that are told apart. */
const MOST_WRITES = 16;

export class LoopWrites {
  private readonly memory: Memory;
  private readonly found = new Map<Loop, Value[]>();

  /** `loops`: inner ones come first. */
  constructor(loops: readonly Loop[], memory: Memory) {
    this.memory = memory;
    for (const loop of loops) this.found.set(loop, []);
    for (const loop of loops) {
      const writes = this.found.get(loop)!;
      for (const { body } of loop.own)
        for (const v of body) if (v.op.writes && memory.takesFrame(v)) add(writes, v);
      const around = loop.parent && this.found.get(loop.parent)!;
      if (around !== undefined) for (const v of writes) add(around, v);
    }
  }

  /**
   * What the access reads in front of the loop it reads in each round. Memory that others see is never taken for that:
   * they may change it, and the loop may be waiting for it.
   */
  keeps(loop: Loop, access: Value): boolean {
    if (isReadOnly(access)) return true;
    if (!this.memory.isPrivate(access)) return false;
    const writes = this.found.get(loop)!;
    return writes.length <= MOST_WRITES && !writes.some((v) => this.memory.mayChange(v, access));
  }
}

/** One more than are told apart says that there are too many. */
function add(list: Value[], v: Value): void {
  if (list.length <= MOST_WRITES) list.push(v);
}
