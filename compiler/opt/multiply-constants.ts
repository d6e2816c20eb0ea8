/**
 * Products with constants become shifts and sums where two of them do: every target adds a shifted value in one
 * instruction, or makes an address of it, in less time than a multiplication takes.
 */

import * as i64 from "../../formats/int64.ts";
import { replaceEach } from "../ir/emit.ts";
import { type Emit, isConst } from "../ir/fold.ts";
import type { Fn, Value } from "../ir/ir.ts";
import { loopDepths } from "../ir/loops.ts";
import { op } from "../ir/ops.ts";
import type { PassContext } from "../passes.ts";

/** At -Os only in loops: a multiplication is shorter. */
export function multiplyConstants(fn: Fn, { level }: Pick<PassContext, "level">): void {
  const depth = level === "s" ? loopDepths(fn) : undefined;
  replaceEach(
    fn,
    (v, emit) => (v.op === op.mul && isConst(v.args[1]) ? multiply(fn, v, emit) : undefined),
    (block) => depth?.[block.id] !== 0,
  );
}

function multiply(fn: Fn, { type, args: [x, by] }: Value, emit: Emit): Value | undefined {
  const shl = (v: Value, count: number) => (count === 0 ? v : emit(op.shl, type, [v, fn.const(type, count)]));
  const sum = (a: Value, b: Value) => emit(op.add, type, [a, b]);
  let factor = BigInt.asUintN(type, type === 64 ? i64.toBig(by.lo, by.hi) : BigInt(by.lo));
  if (factor === 0n) return undefined;
  let zeros = 0;
  for (; (factor & 1n) === 0n; factor >>= 1n) zeros++;
  const above = power(factor - 1n);
  if (above > 0) return shl(sum(x, shl(x, above)), zeros);
  const below = power(factor + 1n);
  if (below > 0 && below + zeros < type) return shl(emit(op.sub, type, [shl(x, below), x]), zeros);
  for (const first of [1, 2, 3]) {
    const part = 2n ** BigInt(first) + 1n;
    const inner = () => sum(x, shl(x, first));
    for (const second of [1, 2, 3]) {
      const scale = 2n ** BigInt(second);
      if (factor === part * (scale + 1n)) {
        const once = inner();
        return shl(sum(once, shl(once, second)), zeros);
      }
      if (factor === part * scale + 1n) return shl(sum(x, shl(inner(), second)), zeros);
    }
  }
  return undefined;
}

/** The power of two that `n` is, or -1. */
function power(n: bigint): number {
  return i64.log2(i64.fromBig(n), i64.high);
}
