/**
 * Products with constants become shifts and sums where two of them do: every target adds a shifted value in one
 * instruction, or makes an address of it, in less time than a multiplication takes.
 */

import * as i64 from "../../formats/int64.ts";
import { replaceEach } from "../ir/emit.ts";
import { countUses } from "../ir/flow.ts";
import { type Emit, isConst } from "../ir/fold.ts";
import type { Fn, Value } from "../ir/ir.ts";
import { loopDepths } from "../ir/loops.ts";
import { op } from "../ir/ops.ts";
import type { PassContext } from "../passes.ts";

/**
 * At -Os only in loops: a multiplication is shorter. In loops, where the constant stays in its register, a product that
 * is added or taken away at once is one instruction on some processors: it stays unless one sum is all that it takes.
 */
export function multiplyConstants(
  fn: Fn,
  { level, features }: Pick<PassContext, "level" | "features">,
): void {
  const depth = level === "s" ? loopDepths(fn) : undefined;
  const joined = features.has("multiply-add") ? joinedProducts(fn) : undefined;
  replaceEach(
    fn,
    (v, emit) => {
      if (v.op !== op.mul || !isConst(v.args[1])) return undefined;
      return joined?.has(v) && !isNextToPower(v.args[1]) ? undefined : multiply(fn, v, emit);
    },
    (block) => depth?.[block.id] !== 0,
  );
}

/** Products in loops of which nothing is needed but their sum with something, or the difference from it. */
function joinedProducts(fn: Fn): Set<Value> {
  const depth = loopDepths(fn);
  const uses = countUses(fn);
  const inLoops = fn.blocks.filter(({ id }) => depth[id] > 0).flatMap(({ body }) => body);
  const parts = inLoops.flatMap(({ op: row, args }) =>
    row === op.add ? args : row === op.sub ? [args[1]] : [],
  );
  return new Set(parts.filter((v) => v.op === op.mul && uses[v.id] === 1));
}

/** 2^k or 2^k + 1: a shift alone, or a sum with a shifted operand. */
const isNextToPower = ({ type, lo, hi }: Value): boolean => {
  const n = BigInt.asUintN(type, type === 64 ? i64.toBig(lo, hi) : BigInt(lo));
  return power(n) >= 0 || power(n - 1n) > 0;
};

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
