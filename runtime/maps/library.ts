/**
 * The map library as the runtime sees it: its functions by name, the layouts of what it is handed, and its results.
 * helpers/lib/maps.h is where they are declared.
 */

import type { Word } from "../../helpers/host.ts";

/** Functions that hosts call; the others are helpers, which programs call by their ids. */
export type LibraryFunction =
  | "map_size"
  | "map_create"
  | "map_attach"
  | "map_read"
  | "map_write"
  | "map_delete"
  | "map_walk"
  | "map_take"
  | "map_count"
  | "map_clear"
  | "map_push"
  | "map_pop"
  | "map_peek"
  | "map_next_key"
  | "map_lookup"
  | "ringbuf_peek"
  | "ringbuf_release"
  | "ringbuf_lost"
  | "tail_target";

/** Sections of the library's object: "helper/ID" of those that are helpers, "map/NAME" of the others. */
export const sectionOf = (name: LibraryFunction): string => HELPER_SECTIONS[name] ?? `map/${name}`;

const HELPER_SECTIONS: Partial<Record<LibraryFunction, string>> = {
  map_lookup: "helper/1",
  map_delete: "helper/3",
  tail_target: "helper/12",
  map_push: "helper/87",
  map_pop: "helper/88",
  map_peek: "helper/89",
  map_next_key: "helper/1000503",
};

/** What an engine does for maps: memory that its programs can reach, and calls of the library. */
export interface MapMachine {
  /** The address of bytes that stay where they are until the instance is released; other threads may use shared ones. */
  expose(bytes: Uint8Array, name: string, shared?: boolean): Word;
  /** The result, as a signed number. */
  call(name: LibraryFunction, a1: Word, a2?: Word, a3?: Word, a4?: Word, a5?: Word): number;
  /** The address that stands for a program of the container, 0 = none that can be called. */
  entry(program: number): Word;
  /** Asks whether a thread lives: the address of a function for the library, 0 = it asks nobody. */
  readonly alive: Word;
}

/** Bytes of struct map_handle, with room for a library that keeps more in it. */
export const HANDLE_SIZE = 256;

/** struct map_definition: six words. */
export const DEFINITION_SIZE = 24;

export interface Definition {
  type: number;
  keySize: number;
  valueSize: number;
  maxEntries: number;
  flags: number;
  cpus: number;
}

export function encodeDefinition(is: Definition): Uint8Array {
  const { type, keySize, valueSize, maxEntries, flags, cpus } = is;
  return new Uint8Array(new Uint32Array([type, keySize, valueSize, maxEntries, flags, cpus]).buffer);
}

/** struct map_local: alive, targets (u64), count, owner, cpu (u32). */
export function encodeLocal(
  alive: Word,
  targets: Word,
  count: number,
  owner: number,
  cpu: number,
): Uint8Array {
  const view = new DataView(new ArrayBuffer(32));
  view.setBigUint64(0, BigInt(alive), true);
  view.setBigUint64(8, BigInt(targets), true);
  view.setUint32(16, count, true);
  view.setUint32(20, owner, true);
  view.setUint32(24, cpu, true);
  return new Uint8Array(view.buffer);
}

/** Linux's error numbers that the library returns, negative. */
export const ERRNO: ReadonlyMap<number, string> = new Map([
  [2, "ENOENT: no such key"],
  [7, "E2BIG: the map is full, or the index lies outside"],
  [11, "EAGAIN: nothing there yet"],
  [12, "ENOMEM: no memory"],
  [16, "EBUSY: busy"],
  [17, "EEXIST: the key exists"],
  [22, "EINVAL: this map does not do that"],
  [28, "ENOSPC: no room"],
  [95, "EOPNOTSUPP: a map of this type does not do that"],
]);
export const ENOENT = -2;
export const EAGAIN = -11;
