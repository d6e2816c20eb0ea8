/** What the shape of a value tells: its bits, its sign, and what it computes in several operations. */

import { isConst } from "./fold.ts";
import type { Value } from "./ir.ts";
import type { Lane } from "./kernel.ts";
import { type Op, op } from "./ops.ts";
import { bitsOf } from "./possible-bits.ts";

export const SIGNED_LOADS = new Set<Op>([op.load8s, op.load16s, op.load32s]);

/** A 64-bit value that is its lower half, sign-extended, as far as selects tell. */
export function isSigned32(v: Value, depth = 4): boolean {
  if (isConst(v)) return v.hi === v.lo >> 31;
  if (v.op === op.select) return depth > 0 && v.args.slice(1).every((arg) => isSigned32(arg, depth - 1));
  return v.op === op.sext32 || SIGNED_LOADS.has(v.op);
}

/** A value that is its low 16 bits, sign-extended. */
export function isSigned16(v: Value): boolean {
  if (v.op === op.trunc || v.op === op.sext32) return isSigned16(v.args[0]);
  return (
    v.op === op.sext16 || v.op === op.load16s || v.op === op.sext8 || v.op === op.load8s || bitsOf(v) <= 15
  );
}

/** (a + b + 1) >> 1 of numbers that a lane holds, where the sum has a bit more. */
export function averaged({ args: [sum, one] }: Value, lane: Lane): [Value, Value] | undefined {
  if (lane > 16 || !isConst(one) || one.lo !== 1) return undefined;
  const terms: Value[] = [];
  const collect = (v: Value, depth: number): void => {
    if (depth > 0 && v.op === op.add) for (const arg of v.args) collect(arg, depth - 1);
    else if (depth > 0 && v.op === op.zext && v.args[0].op === op.add) collect(v.args[0], depth);
    else terms.push(v);
  };
  collect(sum, 2);
  const k = terms.findIndex((v) => isConst(v) && v.lo === 1 && v.hi === 0);
  if (terms.length !== 3 || k < 0) return undefined;
  const [a, b] = terms.filter((_, i) => i !== k);
  return bitsOf(a) <= lane && bitsOf(b) <= lane ? [a, b] : undefined;
}

/** a * b >> 16 of numbers of 16 bits, as far as its low half goes. */
export function upperHalf(v: Value): { name: "mulHigh" | "smulHigh"; a: Value; b: Value } | undefined {
  const [product, by] = v.args;
  if (v.op === op.shl || product.op !== op.mul || !isConst(by) || by.lo !== 16) return undefined;
  const [a, b] = product.args;
  if (bitsOf(a) <= 16 && bitsOf(b) <= 16) return { name: "mulHigh", a, b };
  return isSigned16(a) && isSigned16(b) ? { name: "smulHigh", a, b } : undefined;
}

/** |x - y| of bytes: (d ^ s) - s and (d + s) ^ s with the sign s of d = x - y. */
export function difference(v: Value): [Value, Value] | undefined {
  if (v.op === op.zext) return difference(v.args[0]);
  const [a, s] = v.args;
  const inner = v.op === op.sub ? op.xor : v.op === op.xor ? op.add : undefined;
  if (inner === undefined || a.op !== inner || s.op !== op.ashr || !isConst(s.args[1])) return undefined;
  const [d] = s.args;
  const uses = a.args.includes(d) && a.args.includes(s) && d !== s;
  if (!uses || d.op !== op.sub || s.args[1].lo !== v.type - 1) return undefined;
  const [x, y] = d.args;
  return bitsOf(x) <= 8 && bitsOf(y) <= 8 ? [x, y] : undefined;
}

/** (x & mask) * 0x0101…01 >> 56, where the masked bytes' sum fits a byte: gives x & mask. */
export function sumOfBytes({ args: [product, count] }: Value): Value | undefined {
  if (!isConst(count) || count.lo !== 56 || product.op !== op.mul) return undefined;
  const [x, ones] = product.args;
  if (!isConst(ones) || ones.lo !== 0x01010101 || ones.hi !== 0x01010101) return undefined;
  const mask = x.op === op.and ? x.args[1] : undefined;
  if (mask === undefined || !isConst(mask)) return undefined;
  let most = 0;
  for (const word of [mask.lo, mask.hi]) for (let k = 0; k < 32; k += 8) most += (word >>> k) & 255;
  return most < 256 ? x : undefined;
}
