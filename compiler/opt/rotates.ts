/**
 * Rotations that were written as shifts: x << c | x >> (width - c), with constants and with counts whose sum is a
 * multiple of the width; + and ^ do what | does there. Counts are taken modulo the width, so masks of them are looked
 * through. A variable count that was made by a negation is one to the other side; some processors only have that to
 * the right.
 */

import { isConst } from "../ir/fold.ts";
import type { Fn, Value } from "../ir/ir.ts";
import { type Op, op } from "../ir/ops.ts";
import type { PassContext } from "../passes.ts";

export function rotates(fn: Fn, { features }: Pick<PassContext, "features">): void {
  const onlyRight = features.has("rotates-right");
  for (const block of fn.blocks) {
    for (let i = 0; i < block.body.length; i++) {
      const v = block.body[i];
      if (v.op !== op.or && v.op !== op.add && v.op !== op.xor) continue;
      const [a, b] = v.args;
      // With equal values + and ^ differ from | where the parts overlap: for a count of 0 both are x.
      const isOr = v.op === op.or;
      const found = match(a, b, isOr, onlyRight) ?? match(b, a, isOr, onlyRight);
      if (found === undefined) continue;
      v.op = found.op;
      v.args = [found.x, found.count];
      v.aux = 0;
    }
  }
}

function match(
  left: Value,
  right: Value,
  isOr: boolean,
  onlyRight: boolean,
): { op: Op; x: Value; count: Value } | undefined {
  if (left.op !== op.shl || right.op !== op.lshr || left.args[0] !== right.args[0]) return undefined;
  const [x, a] = left.args;
  const b = right.args[1];
  const { type } = left;
  if (isConst(a) && isConst(b)) {
    const [up, down] = [a.lo & (type - 1), b.lo & (type - 1)];
    return up + down === type ? { op: op.rotl, x, count: a } : undefined;
  }
  if (!isOr) return undefined;
  const [up, down] = [strip(a, type), strip(b, type)];
  const isLeft = isNegative(down, up, type);
  if (!isLeft && !isNegative(up, down, type)) return undefined;
  if (isLeft && !onlyRight) return { op: op.rotl, x, count: up.type === type ? up : a };
  return { op: op.rotr, x, count: down.type === type ? down : b };
}

/** The count without what does not change it modulo the width. */
function strip(count: Value, width: number): Value {
  let v = count;
  for (;;) {
    if (v.op === op.and && isConst(v.args[1]) && (v.args[1].lo & (width - 1)) === width - 1) v = v.args[0];
    else if (v.op === op.zext || v.op === op.trunc) v = v.args[0];
    else return v;
  }
}

/** a = k * width - b. */
function isNegative(a: Value, b: Value, width: number): boolean {
  if (a.op === op.sub && isConst(a.args[0]) && (a.args[0].lo & (width - 1)) === 0)
    return strip(a.args[1], width) === b;
  // -b as ~b + 1, with further multiples.
  return (
    a.op === op.add &&
    isConst(a.args[1]) &&
    (a.args[1].lo & (width - 1)) === 1 &&
    a.args[0].op === op.xor &&
    isConst(a.args[0].args[1]) &&
    (a.args[0].args[1].lo & (width - 1)) === width - 1 &&
    strip(a.args[0].args[0], width) === b
  );
}
