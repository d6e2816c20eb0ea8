/** What kernels gather, as the value that a loop's variable has behind them. Made where `emit` makes it. */

import type { Emit } from "./fold.ts";
import type { Fn, Value } from "./ir.ts";
import type { Kernel, Lane, Reduction } from "./kernel.ts";
import { op, SGT, SLT, UGT, ULT } from "./ops.ts";
import { SUMS, type Sum } from "./vector-plan.ts";

/** The number that no other one is beyond, in a lane. */
const extremeOf = (reduce: Reduction, lane: Lane): number =>
  reduce === "smax"
    ? -(2 ** (lane - 1))
    : reduce === "smin"
      ? 2 ** (lane - 1) - 1
      : reduce === "umax"
        ? 0
        : 255;

/**
 * Says in `made` how it gathers, with `start` in the variable before. `kernel` makes its value, `place` an argument of
 * it.
 */
export function gather(
  fn: Fn,
  emit: Emit,
  { phi, next, reduce, lane, turns, flips }: Sum,
  start: Value,
  made: Kernel,
  kernel: (type: 32 | 64) => Value,
  place: (v: Value) => number,
): Value {
  const type = phi.type as 32 | 64;
  made.reduce = reduce;
  if (reduce === "add") {
    made.lane = made.nodes[made.root].lane;
    return emit(next.op, type, [start, kernel(type)]);
  }
  made.lane = lane;
  /** The low `lane` bits of a value, in as many as the variable has. */
  const extended = (v: Value): Value => {
    const low = lane < 32 ? emit(op.and, 32, [v, fn.const(32, 2 ** lane - 1)]) : v;
    return v.type < type ? emit(op.zext, 64, [low]) : low;
  };
  if (SUMS.has(next.op)) {
    // Bits of narrow lanes are gathered in wider ones, and brought together in the end.
    made.lane = lane === 64 ? 64 : 32;
    if (reduce === "and") made.start = place(fn.const(made.lane, -1));
    let all = kernel(made.lane);
    for (let half = 16; half >= lane; half /= 2)
      all = emit(next.op, 32, [all, emit(op.lshr, 32, [all, fn.const(32, half)])]);
    return emit(next.op, type, [start, extended(all)]);
  }
  const sign = fn.const(32, 1 << (lane - 1));
  const turned = (v: Value) => (turns ? emit(op.xor, 32, [v, sign]) : v);
  if (lane === type) {
    made.start = place(turned(start));
    return turned(kernel(32));
  }
  made.start = place(fn.const(32, extremeOf(reduce, lane)));
  const found = extended(turned(kernel(32)));
  const greater = reduce === "smax" || reduce === "umax";
  const is = emit(op.icmp, 1, [found, start], flips ? (greater ? UGT : ULT) : greater ? SGT : SLT);
  return emit(op.select, type, [is, found, start]);
}
