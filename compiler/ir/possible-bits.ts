/** Which bits of a value may be set, as far as what it is computed from tells. */

import * as i64 from "../../formats/int64.ts";
import { isConst } from "./fold.ts";
import type { Value } from "./ir.ts";
import { op } from "./ops.ts";

export interface Bits {
  lo: number;
  hi: number;
}

/** Operations that are looked through. */
const DEPTH = 8;

const widthOf = ({ lo, hi }: Bits): number => (hi !== 0 ? 64 - Math.clz32(hi) : 32 - Math.clz32(lo));

/** The lowest `count` bits; of more than a value has: all of its `type`. */
function lowest(count: number, type: number): Bits {
  const n = Math.min(count, type);
  const half = (bits: number) => (bits >= 32 ? -1 : bits <= 0 ? 0 : 2 ** bits - 1);
  return { lo: half(n), hi: half(n - 32) };
}

/** The bits that may be set; of a 32-bit value `hi` is 0. */
export function possibleBits(v: Value, depth = DEPTH): Bits {
  const { type } = v;
  const [a, b] = v.args;
  if (isConst(v)) return { lo: v.lo, hi: type === 64 ? v.hi : 0 };
  if (depth === 0) return lowest(type, type);
  const of = (x: Value) => possibleBits(x, depth - 1);
  switch (v.op) {
    case op.load8:
      return lowest(8, type);
    case op.load16:
    case op.bswap16:
      return lowest(16, type);
    case op.zext:
    case op.trunc:
      return { lo: of(a).lo, hi: 0 };
    case op.and: {
      const [x, y] = [of(a), of(b)];
      return { lo: x.lo & y.lo, hi: x.hi & y.hi };
    }
    case op.or:
    case op.xor:
    case op.select: {
      const [x, y] = v.op === op.select ? [of(b), of(v.args[2])] : [of(a), of(b)];
      return { lo: x.lo | y.lo, hi: x.hi | y.hi };
    }
    case op.add:
      return lowest(Math.max(widthOf(of(a)), widthOf(of(b))) + 1, type);
    case op.mul:
      return lowest(widthOf(of(a)) + widthOf(of(b)), type);
    case op.shl:
    case op.lshr: {
      if (!isConst(b)) return lowest(type, type);
      const { lo, hi } = of(a);
      const lower = (v.op === op.shl ? i64.shl : i64.lshr)(lo, hi, b.lo & (type - 1));
      return { lo: lower, hi: type === 64 ? i64.high : 0 };
    }
    default:
      return lowest(type, type);
  }
}

/** How many low bits of a value may be set; its upper ones are zero. */
export const bitsOf = (v: Value): number => widthOf(possibleBits(v));

/** No bit may be set in both. */
export function areApart(v: Value, other: Value): boolean {
  const [x, y] = [possibleBits(v), possibleBits(other)];
  return (x.lo & y.lo) === 0 && (x.hi & y.hi) === 0;
}
