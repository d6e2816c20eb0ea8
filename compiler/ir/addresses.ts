/** Addresses as a sum of values and a constant, so that neighbours are seen however the sum was written. */

import * as i64 from "../../formats/int64.ts";
import type { Value } from "./ir.ts";
import { op } from "./ops.ts";

/** Additions that one address may consist of. */
const MOST = 4;

/** How many low bits of this value are known to be clear. */
function lowZeros(v: Value, depth = 4): number {
  const [a, b] = v.args;
  if (v.op === op.const) return i64.ctz(v.lo, v.hi);
  if (depth === 0 || a === undefined) return 0;
  switch (v.op) {
    case op.shl:
      return b.op === op.const ? lowZeros(a, depth - 1) + (b.lo & (v.type - 1)) : 0;
    case op.zext:
    case op.trunc:
    case op.sext32:
      return lowZeros(a, depth - 1);
    case op.and:
      return Math.max(lowZeros(a, depth - 1), lowZeros(b, depth - 1));
    case op.mul:
      return lowZeros(a, depth - 1) + lowZeros(b, depth - 1);
    case op.add:
    case op.sub:
    case op.or:
    case op.xor:
      return Math.min(lowZeros(a, depth - 1), lowZeros(b, depth - 1));
    default:
      return 0;
  }
}

/** `v` is its first argument plus a constant that it brings into bits which are clear: nothing carries. */
export const setsClearBits = ({ op: row, args: [a, b] }: Value): boolean =>
  row === op.or && b.op === op.const && b.hi === 0 && b.lo > 0 && b.lo < 2 ** Math.min(lowZeros(a), 31);

export interface Place {
  /** Equal for addresses that differ by a constant only. */
  base: string;
  offset: number;
}

/** Offsets up to here stay 32-bit ones when a neighbour's takes their place. */
export const FAR = 2 ** 30;

/** Where a load or store accesses; undefined where the constant is out of the ordinary. */
export function placeOf(access: Value): Place | undefined {
  // An extended value's number is the value's own, inverted.
  const terms: number[] = [];
  const work = [access.args[0]];
  let offset = access.aux;
  for (let left = MOST; work.length > 0; ) {
    const v = work.pop()!;
    if (v.op === op.const && v.hi === v.lo >> 31) offset += v.lo;
    else if (v.op === op.add && left-- > 0) work.push(...v.args);
    else if (setsClearBits(v) && left-- > 0) work.push(...v.args);
    else if (v.op === op.zext && setsClearBits(v.args[0])) {
      offset += v.args[0].args[1].lo;
      terms.push(~v.args[0].args[0].id);
    } else terms.push(v.op === op.zext ? ~v.args[0].id : v.id);
  }
  if (Math.abs(offset) > FAR || Math.abs(access.aux) > FAR) return undefined;
  return { base: terms.sort((a, b) => a - b).join(" "), offset };
}
