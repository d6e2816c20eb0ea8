/** What a register or a stack slot holds: a kind, a number or an offset, and how it is linked to other values. */

import { FRAME_SIZE } from "../../formats/isa/bpf.ts";
import { constant, format, type Num, UNKNOWN } from "./number.ts";

export type Kind =
  | "none" // never written, or not usable any more
  | "number"
  | "context"
  | "stack" // offset from the lowest byte of a frame: r10 is 512
  | "map" // the map itself
  | "map-value"
  | "packet"
  | "packet-meta"
  | "packet-end"
  | "memory" // an object: the memory of context mem, the heap, a record, what a helper returned
  | "argv" // an array of strings with a null pointer behind the last
  | "string" // bytes up to and with a NUL
  | "data"
  | "rodata"
  | "function"
  | "released"; // a reference after its release

/**
 * `num` is the number, or for pointers the offset from the start of what they point to. When `id` is not 0, it is
 * also scale * s + delta modulo 2^64, for the unknown s with that id; with `low`, modulo 2^32.
 */
export interface Value {
  readonly kind: Kind;
  /** stack: the frame; map and map-value: the map; function: its index; objects: the object; otherwise 0. */
  readonly of: number;
  readonly num: Num;
  readonly id: number;
  readonly scale: number;
  readonly delta: number;
  readonly low: boolean;
  /** The pointer may be null: a number that copies of it share. 0: it is not null. */
  readonly nullable: number;
  /** The reference that must be released, or 0. */
  readonly ref: number;
  readonly from: Source | undefined;
}

/** A number shifted left: what it was, and by how many bits. A string of argv: where in argv it stands. */
export interface Source {
  readonly value: Value;
  readonly places: number;
}

export const make = (
  kind: Kind,
  of: number,
  num: Num,
  id = 0,
  scale = 0,
  delta = 0,
  low = false,
  nullable = 0,
  ref = 0,
  from: Source | undefined = undefined,
): Value => ({ kind, of, num, id, scale, delta, low, nullable, ref, from });

export const ZERO = constant(0n);
export const NONE = make("none", 0, UNKNOWN);
export const ANY = make("number", 0, UNKNOWN);

export const number = (num: Num): Value => make("number", 0, num);
export const pointer = (kind: Kind, of: number, offset = 0): Value =>
  make(kind, of, offset === 0 ? ZERO : constant(BigInt(offset)));

/** The same value with more known of its number. */
export const withNum = (v: Value, num: Num): Value =>
  num === v.num ? v : make(v.kind, v.of, num, v.id, v.scale, v.delta, v.low, v.nullable, v.ref, v.from);

export const withLink = (v: Value, id: number, scale: number, delta: number, low = false): Value =>
  make(v.kind, v.of, v.num, id, scale, delta, low, v.nullable, v.ref, v.from);

export const withNullable = (v: Value, nullable: number): Value =>
  make(v.kind, v.of, v.num, v.id, v.scale, v.delta, v.low, nullable, v.ref, v.from);

export const isPointer = (v: Value): boolean => v.kind !== "number" && v.kind !== "none";
export const isConst = (v: Value): boolean => v.num.mask === 0n;

/** The constant as a double: exact up to 2^53, and large beyond. */
export const constOf = (v: Value): number => Number(v.num.smin);

/** Kinds whose size is not a constant: bounds come from comparisons, as rooms (rooms.ts). */
export const hasRoom = (kind: Kind): boolean =>
  kind === "memory" || kind === "packet" || kind === "packet-meta" || kind === "argv" || kind === "string";

const NAMES: Record<Kind, string> = {
  none: "nothing",
  number: "a number",
  context: "the context",
  stack: "a stack pointer",
  map: "a map",
  "map-value": "a pointer to a map value",
  packet: "a packet pointer",
  "packet-meta": "a pointer to packet metadata",
  "packet-end": "the packet's end",
  memory: "a pointer to memory",
  argv: "a pointer to the arguments",
  string: "a string",
  data: "a pointer to data",
  rodata: "a pointer to read-only data",
  function: "a function",
  released: "a pointer to released memory",
};

/** "a packet pointer + 14", "a number (0 … 255)": for messages. */
export function describe(v: Value): string {
  const name = v.nullable !== 0 ? `${NAMES[v.kind]} that may be null` : NAMES[v.kind];
  if (v.kind === "number") return isConst(v) ? format(v.num) : `${name} (${format(v.num)})`;
  if (v.kind === "none" || v.kind === "function" || v.kind === "map" || v.kind === "packet-end") return name;
  if (!isConst(v)) return `${name} + (${format(v.num)})`;
  const at = v.kind === "stack" ? constOf(v) - FRAME_SIZE : constOf(v);
  const base = v.kind === "stack" ? "r10" : name;
  return at === 0 ? base : `${base} ${at < 0 ? "-" : "+"} ${Math.abs(at)}`;
}

export const article = (kind: Kind): string => NAMES[kind];

/** Whether offsets of the two count from the same place. */
export const sameObject = (a: Value, b: Value): boolean =>
  a.kind === b.kind && a.of === b.of && (a.kind !== "map-value" || (a.ref === b.ref && a.ref !== 0));
