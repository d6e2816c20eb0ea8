/** 64-bit phis of values whose upper halves are all zero become 32-bit phis: counters and sums of 32-bit variables. */

import { Replacements } from "../ir/flow.ts";
import { isConst } from "../ir/fold.ts";
import type { Fn, Value } from "../ir/ir.ts";
import { op } from "../ir/ops.ts";

export function narrowPhis(fn: Fn): void {
  const replaced = new Replacements();
  for (const block of fn.blocks) {
    for (const [i, phi] of block.phis.entries()) {
      if (phi.type !== 64 || !phi.args.every(isNarrow) || !phi.args.some((arg) => arg.op === op.zext))
        continue;
      const made = fn.value(
        op.phi,
        32,
        phi.args.map((arg) => narrow(fn, arg)),
        block,
        phi.at,
      ); // prettier-ignore
      const wide = fn.value(op.zext, 64, [made], block, phi.at);
      block.phis[i] = made;
      block.body.unshift(wide);
      replaced.set(phi, wide);
    }
  }
  replaced.apply(fn);
}

const isNarrow = (v: Value): boolean => v.op === op.zext || v.op === op.undef || (isConst(v) && v.hi === 0);

const narrow = (fn: Fn, v: Value): Value =>
  v.op === op.zext ? v.args[0] : v.op === op.undef ? fn.leaf(op.undef, 32, 0) : fn.const(32, v.lo, 0);
