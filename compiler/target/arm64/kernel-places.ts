/** The places that a kernel's rounds walk over, and the registers that hold them. */

import type { Kernel } from "../../ir/kernel.ts";

/** The encoder's second scratch register: of constants, later of the first place. */
export const TEMP = 17;

/** Places that move along with the rounds: an argument plus an offset, by the bytes of an element. */
export interface Place {
  aux: number;
  lo: number;
  bytes: number;
}

/** Accesses no further apart than this share a register. */
const NEAR = 64;
/** Offset of an access from its place. */
export function placeOf(
  places: Place[],
  aux: number,
  lo: number,
  bytes: number,
): { k: number; offset: number } {
  let k = places.findIndex((p) => p.aux === aux && p.bytes === bytes && Math.abs(p.lo - lo) <= NEAR);
  if (k < 0) k = places.push({ aux, lo, bytes }) - 1;
  return { k, offset: lo - places[k].lo };
}

export function placesOf({ nodes, root, store }: Kernel): Place[] {
  const places: Place[] = [];
  for (const { op, aux, lo, lane } of nodes) if (op === "load") placeOf(places, aux, lo, lane / 8);
  if (store !== undefined) placeOf(places, store.aux, store.offset, nodes[root].lane / 8);
  return places;
}

/** The registers of a kernel's places: the encoder's own scratch register, then from x15 down. */
export const registerOfPlace = (k: number): number => (k === 0 ? TEMP : 16 - k);

/** Bit r: a kernel overwrites register r, beside the encoder's scratch registers. */
export function kernelClobbers(kernel: Kernel): number {
  return placesOf(kernel).reduce((bits, _, k) => (k === 0 ? bits : bits | (1 << registerOfPlace(k))), 0);
}
