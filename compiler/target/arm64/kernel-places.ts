/** The places that a kernel's rounds walk over, and the registers that hold them. */

import { isLoad, type Kernel, type KernelNode } from "../../ir/kernel.ts";

/** The encoder's second scratch register: of constants, later of the first place. */
export const TEMP = 17;

/** Places that move along with the rounds: an argument plus an offset, by the bytes of an element, perhaps down. */
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

/** Of what is read downwards: the end of the element. */
export function placeOfLoad(places: Place[], { op, aux, lo, lane }: Omit<KernelNode, "op"> & { op: string }) {
  const bytes = lane / 8;
  return op === "loadDown" ? placeOf(places, aux, lo + bytes, -bytes) : placeOf(places, aux, lo, bytes);
}

export function placesOf({ nodes, root, store }: Kernel): Place[] {
  const places: Place[] = [];
  for (const node of nodes) if (isLoad(node)) placeOfLoad(places, node);
  if (store !== undefined) placeOf(places, store.aux, store.offset, nodes[root].lane / 8);
  return places;
}

/** The registers of a kernel's places: the encoder's own scratch register, then from x15 down. */
export const registerOfPlace = (k: number): number => (k === 0 ? TEMP : 16 - k);

/** Bit r: a kernel overwrites register r, beside the encoder's scratch registers. */
export function kernelClobbers(kernel: Kernel): number {
  return placesOf(kernel).reduce((bits, _, k) => (k === 0 ? bits : bits | (1 << registerOfPlace(k))), 0);
}
