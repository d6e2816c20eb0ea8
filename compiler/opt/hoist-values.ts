/**
 * What a loop computes alike in every round stands in front of it. Compilers for eBPF have moved what they saw: this is
 * for what passes before this one left, such as the half of a bound. Requires that what is nowhere needed is gone.
 */

import type { Fn, Value } from "../ir/ir.ts";
import { entryOf, isInside, loopNest } from "../ir/loop-nest.ts";
import { hasCycle } from "../ir/loops.ts";
import { op } from "../ir/ops.ts";

/** Values that leave a loop, at most: each takes a register in it. */
const MOST = 4;

export function hoistValues(fn: Fn): void {
  if (!hasCycle(fn)) return;
  const { loops, of } = loopNest(fn);
  // Inner loops come first: what leaves them may go on.
  for (const loop of loops) {
    const before = entryOf(loop);
    if (before === undefined) continue;
    const isFixed = (v: Value) => v.args.length === 0 || !isInside(of, v.block, loop);
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
