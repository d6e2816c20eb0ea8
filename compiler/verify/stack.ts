/** Loads from and stores to stack frames: what each byte holds, and the values of stores that are still whole. */

import { FRAME_SIZE } from "../../formats/isa/bpf.ts";
import { constant, equal, fromUnsigned } from "./number.ts";
import { alu, extendSign, truncate } from "./number-alu.ts";
import { refuse } from "./rules.ts";
import type { Frame, Part, Slot, State } from "./state.ts";
import { article, isConst, isPointer, number, type Value } from "./value.ts";

type Bytes = 1 | 2 | 4 | 8;

const EMPTY: Slot = { init: 0, poison: 0, parts: [] };
const bitsOf = (at: number, bytes: number): number => ((1 << bytes) - 1) << at;

/** "r10 - 8" for an offset from the lowest byte of a frame. */
export const placeName = (offset: number): string =>
  offset < FRAME_SIZE ? `r10 - ${FRAME_SIZE - offset}` : `r10 + ${offset - FRAME_SIZE}`;

/** Numbers of 1, 2 and 4 bytes that nothing is known of. */
const WIDE: Record<number, Value> = {
  1: number(fromUnsigned(0n, 0xffn)),
  2: number(fromUnsigned(0n, 0xffffn)),
  4: number(fromUnsigned(0n, 0xffffffffn)),
  8: number(fromUnsigned(0n, 0xffffffffffffffffn)),
};
export const unknownOf = (bytes: Bytes): Value => WIDE[bytes];

/** The low bytes of a number; the same value, links and all, when it fits. */
export function truncated(v: Value, bytes: Bytes): Value {
  if (bytes === 8) return v;
  const num = truncate(v.num, bytes);
  return num === v.num ? v : number(num);
}

export function signExtended(v: Value, bytes: 1 | 2 | 4): Value {
  const num = extendSign(v.num, bytes, 64);
  return equal(num, v.num) ? v : number(num);
}

/** What a store of `bytes` at `at` leaves of a slot's old contents. */
function cut(slot: Slot, at: number, bytes: number): { poison: number; parts: Part[] } {
  let poison = slot.poison;
  const parts: Part[] = [];
  const mask = bitsOf(at, bytes);
  for (const part of slot.parts) {
    const of = bitsOf(part.at, part.bytes);
    if ((of & mask) === 0) parts.push(part);
    else if (isPointer(part.value)) poison |= of;
  }
  return { poison: poison & ~mask, parts };
}

function dropStrings(frame: Frame, from: number, to: number): void {
  if (frame.strings.length > 0) frame.strings = frame.strings.filter(([a, b]) => b <= from || a >= to);
}

/** Stores the low bytes of `v` at a constant offset that was checked. */
export function storeSlot(state: State, index: number, offset: number, bytes: Bytes, v: Value): void {
  const frame = state.own(index);
  const s = offset >> 3;
  const at = offset & 7;
  const slot = frame.slots[s] ?? EMPTY;
  dropStrings(frame, offset, offset + bytes);
  const { poison, parts } = bytes === 8 ? { poison: 0, parts: [] as Part[] } : cut(slot, at, bytes);
  parts.push({ at, bytes, value: isPointer(v) ? v : truncated(v, bytes) });
  frame.slots[s] = { init: slot.init | bitsOf(at, bytes), poison, parts };
}

/** Bytes [from, to) hold unknown numbers now; `write`: they are written, otherwise they may have been. */
export function scribble(state: State, index: number, from: number, to: number, write: boolean): void {
  const frame = state.own(index);
  dropStrings(frame, from, to);
  for (let s = from >> 3; s * 8 < to; s++) {
    const at = Math.max(from - s * 8, 0);
    const bytes = Math.min(to - s * 8, 8) - at;
    const slot = frame.slots[s];
    if (slot === undefined && !write) continue;
    const { poison, parts } = cut(slot ?? EMPTY, at, bytes);
    const mask = bitsOf(at, bytes);
    if (write) frame.slots[s] = { init: (slot?.init ?? 0) | mask, poison, parts };
    else {
      // What may be overwritten is a pointer no longer, but its bytes may still be there.
      const pointers = slot!.parts.filter((p) => isPointer(p.value) && (bitsOf(p.at, p.bytes) & mask) !== 0);
      const kept = pointers.reduce((bits, p) => bits | bitsOf(p.at, p.bytes), slot!.poison);
      frame.slots[s] = { init: slot!.init, poison: kept, parts };
    }
  }
}

/** Part of a constant, or of nothing known. */
function piece(part: Part, at: number, bytes: Bytes): Value {
  if (part.bytes === bytes && part.at === at) return part.value;
  if (part.at > at || part.at + part.bytes < at + bytes) return unknownOf(bytes);
  const shift = constant(BigInt((at - part.at) * 8));
  return number(truncate(alu("rsh", 64, part.value.num, shift), bytes as 1 | 2 | 4));
}

/** A number made of several stores that are constants. */
function compose(parts: readonly Part[], at: number, bytes: Bytes): Value {
  let value = 0n;
  let known = 0;
  for (const part of parts) {
    if (!isConst(part.value) || part.at < at || part.at + part.bytes > at + bytes) continue;
    value |= part.value.num.umin << BigInt((part.at - at) * 8);
    known += part.bytes;
  }
  return known === bytes ? number(constant(value)) : unknownOf(bytes);
}

/** Requires that bytes [from, to) of a frame were written, and hold no pointers unless `pointers`. */
export function checkWritten(state: State, index: number, from: number, to: number, pointers: boolean): void {
  const { slots } = state.frames[index];
  for (let s = from >> 3; s * 8 < to; s++) {
    const at = Math.max(from - s * 8, 0);
    const mask = bitsOf(at, Math.min(to - s * 8, 8) - at);
    const slot = slots[s] ?? EMPTY;
    const missing = mask & ~slot.init;
    if (missing !== 0) {
      const first = s * 8 + Math.log2(missing & -missing);
      refuse(
        "uninitialised-stack",
        `${to - from} written bytes at ${placeName(from)}`,
        `nothing written at ${placeName(first)}`,
        "set them first, padding too, for example with memset",
      );
    }
    if ((slot.poison & mask) !== 0)
      refuse(
        "spilled-pointer",
        `${to - from} written bytes at ${placeName(from)}`,
        "what is left of a pointer that was overwritten in part",
      );
    if (pointers) continue;
    for (const part of slot.parts)
      if (isPointer(part.value) && (bitsOf(part.at, part.bytes) & mask) !== 0)
        refuse(
          "pointer-leak",
          `${to - from} bytes of numbers at ${placeName(from)}`,
          article(part.value.kind),
        );
  }
}

/** Loads from a constant offset that was checked. */
export function loadSlot(state: State, index: number, offset: number, bytes: Bytes): Value {
  const s = offset >> 3;
  const at = offset & 7;
  const slot = state.frames[index].slots[s] ?? EMPTY;
  const mask = bitsOf(at, bytes);
  const { parts } = slot;
  checkWritten(state, index, offset, offset + bytes, true);
  let found: Part | undefined;
  for (const part of parts) {
    const bits = bitsOf(part.at, part.bytes);
    if ((bits & mask) === 0) continue;
    if (isPointer(part.value)) {
      if (bits !== mask)
        refuse(
          "spilled-pointer",
          `8 bytes of the pointer at ${placeName(s * 8)}`,
          `${bytes} at ${placeName(offset)}`,
          "a pointer is loaded as a whole",
        );
      return part.value;
    }
    if ((bits & mask) === mask) found = part;
  }
  return found ? piece(found, at, bytes) : compose(parts, at, bytes);
}

/** The byte at an offset when it is known, undefined when not, "unwritten" when nothing is there. */
export function byteAt(frame: Frame, offset: number): number | undefined | "unwritten" {
  const slot = frame.slots[offset >> 3] ?? EMPTY;
  const at = offset & 7;
  if (((slot.init >> at) & 1) === 0 || ((slot.poison >> at) & 1) !== 0) return "unwritten";
  const part = slot.parts.find((p) => p.at <= at && at < p.at + p.bytes);
  if (!part) return undefined;
  if (isPointer(part.value)) return "unwritten";
  const { value, mask } = part.value.num;
  const shift = BigInt((at - part.at) * 8);
  return ((mask >> shift) & 0xffn) === 0n ? Number((value >> shift) & 0xffn) : undefined;
}
