/** Addresses as a sum of values and a constant, so that neighbours are seen however the sum was written. */

import type { Value } from "./ir.ts";
import { op } from "./ops.ts";

/** Additions that one address may consist of. */
const MOST = 4;

export interface Place {
  /** Equal for addresses that differ by a constant only. */
  base: string;
  offset: number;
}

/** Offsets up to here stay 32-bit ones when a neighbour's takes their place. */
const FAR = 2 ** 30;

/** Where a load or store accesses; undefined where the constant is out of the ordinary. */
export function placeOf(access: Value): Place | undefined {
  const terms: number[] = [];
  const work = [access.args[0]];
  let offset = access.aux;
  for (let left = MOST; work.length > 0; ) {
    const v = work.pop()!;
    if (v.op === op.const && v.hi === v.lo >> 31) offset += v.lo;
    else if (v.op === op.add && left-- > 0) work.push(...v.args);
    else terms.push(v.id);
  }
  if (Math.abs(offset) > FAR || Math.abs(access.aux) > FAR) return undefined;
  return { base: terms.sort((a, b) => a - b).join(" "), offset };
}
