/**
 * The memory of maps: blocks that instances, threads and processes share. A store is a set of blocks with names, and a
 * table of the threads that use them: a thread's place in it is the number of its value in per-cpu maps.
 */

import { MAP_TYPE } from "../../formats/container.ts";
import { InputError } from "../../formats/error.ts";
import type { Definition } from "./library.ts";

/** Threads that may use a store at once. */
export const MOST_CPUS = 64;

/** One map's memory. `isNew`: it was made by this store, not found. */
export interface Block {
  readonly name: string;
  readonly is: Definition;
  readonly bytes: Uint8Array;
  readonly isNew: boolean;
}

export interface MapStore {
  /** Values of per-cpu maps: threads at most. */
  readonly cpus: number;
  /** The block of a map; `create` makes the map in zeros where there is none. Throws where another map has the name. */
  block(name: string, is: Definition, size: number, create: (bytes: Uint8Array) => void): Block;
  /** All blocks, as they were made. */
  readonly blocks: readonly Block[];
  /** Gives thread `owner` a number below `cpus`; the same one each time. Throws where all are taken. */
  join(owner: number, isAlive: (owner: number) => boolean): number;
  /** A store with the same blocks, for the next version of a program; the two go on apart. */
  keep(): MapStore;
  /** What another thread needs to share the store. */
  handOver(): SharedMaps;
  /** This user of the store is done with it. */
  release(): void;
}

/** Maps as postMessage may carry them: memory that structured cloning shares, or the path of a file. */
export type SharedMaps = MemoryMaps | { path: string };

export interface MemoryMaps {
  cpus: number;
  threads: SharedArrayBuffer;
  blocks: { name: string; is: Definition; memory: SharedArrayBuffer; offset: number }[];
}

const same = (a: Definition, b: Definition): boolean =>
  a.type === b.type &&
  a.keySize === b.keySize &&
  a.valueSize === b.valueSize &&
  a.maxEntries === b.maxEntries &&
  a.flags === b.flags;

export const definitionText = ({ type, keySize, valueSize, maxEntries, flags }: Definition): string =>
  `type ${type}, key ${keySize} B, value ${valueSize} B, max_entries ${maxEntries}, flags 0x${flags.toString(16)}`;

/** Throws ERR_RUNBPF_MAP where a map that is there is another than the one that is wanted. */
export function checkSame(where: string, there: Definition, wanted: Definition): void {
  if (same(there, wanted)) return;
  throw new InputError("ERR_RUNBPF_MAP", {
    where,
    expected: definitionText(there),
    got: definitionText(wanted),
    hint: "give the map another name, or start with new maps",
  });
}

/** A number for `owner` in a table of 32-bit words, one a number. Throws ERR_RUNBPF_MAP where all are taken. */
export function claim(
  threads: Int32Array,
  cpus: number,
  owner: number,
  isAlive: (owner: number) => boolean,
  where: string,
): number {
  for (let k = 0; k < cpus; k++) if (Atomics.load(threads, k) === owner) return k;
  for (let k = 0; k < cpus; k++) {
    const holder = Atomics.load(threads, k);
    if (holder !== 0 && isAlive(holder)) continue;
    if (Atomics.compareExchange(threads, k, holder, owner) === holder) return k;
  }
  throw new InputError("ERR_RUNBPF_MAP", {
    where,
    expected: `at most ${cpus} threads at once`,
    got: "one more",
    hint: "end one, or make the maps with more (cpus)",
  });
}

export function unclaim(threads: Int32Array, cpus: number, owner: number): void {
  for (let k = 0; k < cpus; k++) Atomics.compareExchange(threads, k, owner, 0);
}

/** Maps of numbers of programs and maps, which mean something else in the next version: it gets its own. */
const HOLDERS: readonly number[] = [MAP_TYPE.prog_array, MAP_TYPE.array_of_maps, MAP_TYPE.hash_of_maps];

const LINE = 64;

/** Maps in memory of this process, which its threads may share. */
export class MemoryStore implements MapStore {
  readonly cpus: number;
  readonly blocks: Block[] = [];
  private readonly threads: Int32Array;
  private readonly shared: MemoryMaps;
  private readonly addressOf: (bytes: Uint8Array) => number;

  /** `addressOf` tells where bytes lie, where the processor cares. */
  constructor(from: number | MemoryMaps, addressOf: (bytes: Uint8Array) => number = () => 0) {
    this.addressOf = addressOf;
    if (typeof from === "number")
      this.shared = { cpus: from, threads: new SharedArrayBuffer(4 * MOST_CPUS), blocks: [] };
    else this.shared = from;
    this.cpus = this.shared.cpus;
    this.threads = new Int32Array(this.shared.threads);
    if (typeof from === "number") return;
    for (const { name, is, memory, offset } of from.blocks)
      this.blocks.push({ name, is, bytes: new Uint8Array(memory, offset), isNew: false });
  }

  block(name: string, is: Definition, size: number, create: (bytes: Uint8Array) => void): Block {
    const found = this.blocks.find((block) => block.name === name);
    if (found !== undefined) {
      checkSame(`map ${name}`, found.is, is);
      return found;
    }
    const memory = new SharedArrayBuffer(size + LINE);
    const offset = -this.addressOf(new Uint8Array(memory)) & (LINE - 1);
    const made = { name, is, bytes: new Uint8Array(memory, offset, size), isNew: true };
    create(made.bytes);
    this.blocks.push(made);
    this.shared.blocks.push({ name, is, memory, offset });
    return made;
  }

  join(owner: number, isAlive: (owner: number) => boolean): number {
    return claim(this.threads, this.cpus, owner, isAlive, "maps");
  }

  handOver(): MemoryMaps {
    return { ...this.shared, blocks: [...this.shared.blocks] };
  }

  keep(): MapStore {
    const shared = this.handOver();
    const blocks = shared.blocks.filter(({ is }) => !HOLDERS.includes(is.type));
    return new MemoryStore({ ...shared, blocks }, this.addressOf);
  }

  release(): void {}
}
