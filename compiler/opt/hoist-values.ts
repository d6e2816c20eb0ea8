/**
 * What a loop computes alike in every round stands in front of it. Compilers for eBPF have moved what they saw: this is
 * for what passes before this one left, such as the half of a bound. Requires that what is nowhere needed is gone.
 */

import { reversePostorder } from "../ir/flow.ts";
import type { Block, Fn, Value } from "../ir/ir.ts";
import { entryOf, type Loop, loopNest } from "../ir/loop-nest.ts";
import { hasCycle } from "../ir/loops.ts";
import { op } from "../ir/ops.ts";

/** Values that leave a loop, at most: each takes a register in it. */
const MOST = 4;
/** Loops around a block that are looked at. */
const MOST_LOOPS = 8;

export function hoistValues(fn: Fn): void {
  if (!hasCycle(fn)) return;
  const order = reversePostorder(fn);
  const { loops, of } = loopNest(fn, order);
  const isInside = (block: Block, loop: Loop): boolean => {
    let at = of[block.id];
    for (let left = MOST_LOOPS; at !== undefined && at !== loop && left > 0; left--) at = at.parent;
    return at === loop;
  };
  // Inner loops come first: what leaves them may go on.
  for (const loop of loops) {
    const before = entryOf(loop);
    if (before === undefined) continue;
    const isFixed = (v: Value) => v.args.length === 0 || !isInside(v.block, loop);
    let left = MOST;
    for (const block of loop.own) {
      const moved = block.body.filter((v) => {
        if (left === 0 || !v.op.pure || v.op === op.icmp || !v.args.every(isFixed)) return false;
        if (v.op !== op.trunc && v.op !== op.zext) left--;
        v.block = before;
        before.body.push(v);
        return true;
      });
      if (moved.length > 0) block.body = block.body.filter((v) => !moved.includes(v));
    }
  }
}
