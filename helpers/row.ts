/** Words that the rows of rows-*.ts are written in: arguments, results, one row. Types are those of table.ts. */

import { type ContextName, MAP_TYPE } from "../formats/container.ts";
import type {
  Argument,
  Effect,
  HelperRow,
  MemoryArgument,
  NumberResult,
  Reference,
  Result,
  Size,
} from "./table.ts";

/** First id of the sys range. */
export const SYS = 1_000_000;

export const num: Argument = { kind: "number" };
export const any: Argument = { kind: "any" };
export const ctx: Argument = { kind: "context" };
export const key: Argument = { kind: "key", access: "read", orNull: false };
export const keyOrNull: Argument = { kind: "key", access: "read", orNull: true };
export const keyOut: Argument = { kind: "key", access: "write", orNull: false };
export const value: Argument = { kind: "value", access: "read" };
export const valueOut: Argument = { kind: "value", access: "write" };
export const str: Argument = { kind: "string", orNull: false };
export const format: Argument = { kind: "format" };
export const rest: Argument = { kind: "rest" };
export const lock: Argument = { kind: "lock" };
export const timer: Argument = { kind: "timer" };

type MapType = keyof typeof MAP_TYPE;
const numbers = (types: readonly MapType[]): number[] => types.map((type) => MAP_TYPE[type]);
/** A map of one of these types. */
export const map = (...types: MapType[]): Argument => ({ kind: "map", types: numbers(types) });
/** Memory that receives a value, and that these types of map read before. */
export const valueOutReadBy = (...types: MapType[]): Argument => ({
  kind: "value",
  access: "write",
  readBy: numbers(types),
});

/** Types of map whose elements have keys and values of the program's own. */
export const KEYED = [
  "hash",
  "array",
  "percpu_hash",
  "percpu_array",
  "lru_hash",
  "lru_percpu_hash",
  "lpm_trie",
] as const;

/** Types that can be looked up: maps of maps yield maps; what the others yield is read-only. */
export const LOOKED_UP = [
  ...KEYED,
  "array_of_maps",
  "hash_of_maps",
  "devmap",
  "devmap_hash",
  "xskmap",
] as const;

export const of = (argument: number): Size => ({ argument, zero: false });
export const ofOrZero = (argument: number): Size => ({ argument, zero: true });
export const bytes = (count: number): Size => ({ bytes: count });

const memory =
  (access: MemoryArgument["access"]) =>
  (size: Size, orNull = false): Argument => ({ kind: "memory", access, size, orNull });
export const read = memory("read");
export const write = memory("write");
export const update = memory("read-write");
/** An array of u64 that a format asks for: numbers, and pointers that are printed. */
export const formatted = (size: Size): Argument => ({
  kind: "memory",
  access: "read",
  size,
  orNull: true,
  pointers: true,
});
export const releases = (what: Reference, orNull = false): Argument => ({
  kind: "reference",
  of: what,
  releases: true,
  orNull,
});

export const u64: NumberResult = { kind: "number", bits: 64, signed: false };
export const i64: NumberResult = { kind: "number", bits: 64, signed: true };
export const u32: NumberResult = { kind: "number", bits: 32, signed: false };
export const i32: NumberResult = { kind: "number", bits: 32, signed: true };

/** Error numbers lie in -4095 … -1. */
const LEAST_ERROR = -4095;
/** 0, or a negative error number. */
export const status: NumberResult = { ...i64, min: LEAST_ERROR, max: 0 };
/** A number of at most `max`, or a negative error number. */
export const upToOrError = (max: number): NumberResult => ({ ...i64, min: LEAST_ERROR, max });
/** At most what that argument was, or a negative error number. */
export const lengthOrError = (argument: number): NumberResult => ({
  ...i64,
  min: LEAST_ERROR,
  upTo: argument,
});
/** -1, 0 or 1. */
export const order = (type: NumberResult): NumberResult => ({ ...type, min: -1, max: 1 });

export const nothing: Result = { kind: "void" };
export const valueOrNull: Result = { kind: "value" };
export const stringOrNull: Result = { kind: "string" };
export const first: Result = { kind: "argument", argument: 1 };
export const acquires = (what: Reference, size: Size): Result => ({ kind: "memory", size, acquires: what });

export const row = (
  id: number,
  name: string,
  ret: Result,
  args: Argument[],
  doc: string,
  more: { effects?: Effect[]; aliases?: string[]; contexts?: readonly ContextName[] } = {},
): HelperRow => ({
  ...{ id, name, aliases: more.aliases ?? [], ret, args, effects: more.effects ?? [] },
  ...(more.contexts && { contexts: more.contexts }),
  doc,
});
