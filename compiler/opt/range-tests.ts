/**
 * Whether a small number lies in a range is a test of its distance from the range's start, (x - c) & m < k. It needs no
 * mask: of what is below c, the distance is more than k either way. Vectors want the mask, so it goes after them.
 */

import { isConst, isSmall } from "../ir/fold.ts";
import type { Fn, Value } from "../ir/ir.ts";
import { op, UGE, UGT, ULE, ULT } from "../ir/ops.ts";
import { possibleBits } from "../ir/possible-bits.ts";

export function rangeTests(fn: Fn): void {
  for (const { body } of fn.blocks)
    for (const v of body) {
      const distance = v.op === op.icmp ? unmasked(v) : undefined;
      if (distance !== undefined) v.args[0] = distance;
    }
}

/** x - c, if the test tells the same of it without its mask. */
function unmasked({ args: [masked, limit], aux: cond }: Value): Value | undefined {
  if (masked.op !== op.and || !isConst(limit) || !isSmall(limit)) return undefined;
  const [distance, mask] = masked.args;
  const start = distance.op === op.add ? distance.args[1] : mask;
  if (start === mask || !isConst(mask) || !isSmall(mask) || !isConst(start) || !isSmall(start))
    return undefined;
  const size = mask.lo + 1;
  if (size < 2 || (size & mask.lo) !== 0) return undefined;
  const c = -start.lo;
  const k = cond === ULT || cond === UGE ? limit.lo : cond === ULE || cond === UGT ? limit.lo + 1 : 0;
  // What wraps around is at least size - c with the mask, and much more without.
  if (c <= 0 || k <= 0 || c + k > size) return undefined;
  const { lo, hi } = possibleBits(distance.args[0]);
  return hi === 0 && (lo & ~mask.lo) === 0 ? distance : undefined;
}
