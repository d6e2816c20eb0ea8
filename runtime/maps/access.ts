/** One map of one instance: the library's operations on bytes. Results are copies; errors are Linux's numbers, negative. */

import { MAP_TYPE, type MapDefinition } from "../../formats/container.ts";
import { RunError, type Word } from "../../helpers/host.ts";
import {
  type Definition,
  EAGAIN,
  ENOENT,
  ERRNO,
  encodeDefinition,
  encodeLocal,
  HANDLE_SIZE,
  type MapMachine,
} from "./library.ts";
import type { Block, MapStore } from "./store.ts";

const PER_CPU: readonly number[] = [MAP_TYPE.percpu_array, MAP_TYPE.percpu_hash, MAP_TYPE.lru_percpu_hash];
const OF_MAPS: readonly number[] = [MAP_TYPE.array_of_maps, MAP_TYPE.hash_of_maps];
const RINGS: readonly number[] = [MAP_TYPE.ringbuf, MAP_TYPE.perf_event_array];
const LISTS: readonly number[] = [MAP_TYPE.queue, MAP_TYPE.stack];

export const isPerCpu = ({ type }: Definition): boolean => PER_CPU.includes(type);
export const isRing = ({ type }: Definition): boolean => RINGS.includes(type);
/** Queues and stacks: values without keys. */
export const isList = ({ type }: Definition): boolean => LISTS.includes(type);
export const isOfMaps = ({ type }: Definition): boolean => OF_MAPS.includes(type);
export const isOfPrograms = ({ type }: Definition): boolean => type === MAP_TYPE.prog_array;

export const strideOf = ({ valueSize }: Definition): number => Math.ceil(valueSize / 8) * 8;

/** A map's definition as blocks have it: only per-cpu maps have values for several threads. */
export function definitionOf(
  { type, keySize, valueSize, maxEntries, flags }: MapDefinition,
  cpus: number,
): Definition {
  return { type, keySize, valueSize, maxEntries, flags, cpus: PER_CPU.includes(type) ? cpus : 1 };
}

/** What a result below 0 means. */
function failed(name: string, what: string, result: number): never {
  throw new RunError("ERR_RUNBPF_MAP", `map ${name}: ${what}: ${ERRNO.get(-result) ?? `error ${-result}`}`);
}

/** The handle's address, and the memory in which it is. */
export class MapAccess {
  readonly name: string;
  readonly is: Definition;
  readonly block: Block;
  /** What the map's slot holds. */
  readonly address: Word;
  private readonly machine: MapMachine;
  private readonly keyBytes: Uint8Array;
  private readonly valueBytes: Uint8Array;
  private readonly cursorBytes = new Uint8Array(8);
  private readonly keyWord: Word;
  private readonly valueWord: Word;
  private readonly cursorAt: Word;
  private readonly blockAt: Word;
  private readonly targets: BigUint64Array;

  constructor(
    machine: MapMachine,
    store: MapStore,
    map: MapDefinition,
    owner: number,
    cpu: number,
    targets: number,
  ) {
    this.name = map.name;
    this.machine = machine;
    this.is = definitionOf(map, store.cpus);
    const { is } = this;
    const definitionAt = machine.expose(encodeDefinition(is), "definition");
    const size = machine.call("map_size", definitionAt);
    if (size < 0) failed(map.name, "cannot be made", size);
    const expose = (bytes: Uint8Array) => machine.expose(bytes, `map ${map.name}`, true);
    this.block = store.block(map.name, is, size, (bytes) => {
      this.check("cannot be made", machine.call("map_create", expose(bytes), size, definitionAt));
    });
    const at = expose(this.block.bytes);
    this.blockAt = at;
    // The word in front of the table counts tail calls that are under way.
    this.targets = new BigUint64Array(targets + 1);
    const table = machine.expose(new Uint8Array(this.targets.buffer), `targets of ${map.name}`);
    const local = encodeLocal(
      machine.alive,
      targets === 0 ? 0 : BigInt(table) + 8n,
      targets,
      owner,
      isPerCpu(is) ? cpu : 0,
    );
    this.address = machine.expose(new Uint8Array(HANDLE_SIZE), `handle of ${map.name}`);
    const localAt = machine.expose(local, "local");
    this.check("map_attach", machine.call("map_attach", this.address, at, size, definitionAt, localAt));
    this.keyBytes = new Uint8Array(Math.max(is.keySize, 1));
    this.valueBytes = new Uint8Array(Math.max(isPerCpu(is) ? strideOf(is) * is.cpus : is.valueSize, 8));
    this.keyWord = machine.expose(this.keyBytes, "key");
    this.valueWord = machine.expose(this.valueBytes, "value");
    this.cursorAt = machine.expose(this.cursorBytes, "cursor");
  }

  private check(what: string, result: number): number {
    if (result < 0) failed(this.name, what, result);
    return result;
  }

  /** Bytes of a value as read and write have it: all cpus' in per-cpu maps. */
  get valueSize(): number {
    const { is } = this;
    return isPerCpu(is) ? strideOf(is) * is.cpus : isOfMaps(is) || isOfPrograms(is) ? 4 : is.valueSize;
  }

  /** What stands for number `n` in a map of maps or a prog array. */
  setTarget(n: number, address: Word): void {
    this.targets[n + 1] = BigInt(address);
  }

  /** Forgets the tail calls of a run that did not end. */
  resetTailCalls(): void {
    this.targets[0] = 0n;
  }

  private value(): Uint8Array {
    return this.valueBytes.slice(0, this.valueSize);
  }

  read(key: Uint8Array): Uint8Array | undefined {
    this.keyBytes.set(key);
    return this.found("read", this.machine.call("map_read", this.address, this.keyWord, this.valueWord));
  }

  private found(what: string, result: number): Uint8Array | undefined {
    if (result === ENOENT) return undefined;
    this.check(what, result);
    return this.value();
  }

  write(key: Uint8Array, value: Uint8Array, flags: number): void {
    this.keyBytes.set(key);
    this.valueBytes.set(value);
    const { address, keyWord, valueWord } = this;
    this.check("update", this.machine.call("map_write", address, keyWord, valueWord, flags));
  }

  /** False where there was no such key. */
  remove(key: Uint8Array): boolean {
    this.keyBytes.set(key);
    const result = this.machine.call("map_delete", this.address, this.keyWord);
    if (result === ENOENT) return false;
    this.check("delete", result);
    return true;
  }

  /** Reads and deletes in one step. */
  take(key: Uint8Array): Uint8Array | undefined {
    this.keyBytes.set(key);
    return this.found("take", this.machine.call("map_take", this.address, this.keyWord, this.valueWord));
  }

  /** Elements one after the other; those that stay in the map all the while come exactly once. */
  *walk(): Generator<[key: Uint8Array, value: Uint8Array]> {
    let cursor = new Uint8Array(8);
    for (;;) {
      this.cursorBytes.set(cursor);
      const { machine, address, cursorAt, keyWord, valueWord } = this;
      const result = machine.call("map_walk", address, cursorAt, keyWord, valueWord);
      if (result === ENOENT) return;
      this.check("walk", result);
      cursor = this.cursorBytes.slice();
      yield [this.keyBytes.slice(0, this.is.keySize), this.value()];
    }
  }

  count(): number {
    return this.check("count", this.machine.call("map_count", this.address));
  }

  clear(): void {
    this.check("clear", this.machine.call("map_clear", this.address));
  }

  push(value: Uint8Array, flags: number): void {
    this.valueBytes.set(value);
    this.check("push", this.machine.call("map_push", this.address, this.valueWord, flags));
  }

  pop(): Uint8Array | undefined {
    return this.found("pop", this.machine.call("map_pop", this.address, this.valueWord));
  }

  peek(): Uint8Array | undefined {
    return this.found("peek", this.machine.call("map_peek", this.address, this.valueWord));
  }

  /** Whether a bloom filter may hold the value. */
  mayHold(value: Uint8Array): boolean {
    this.valueBytes.set(value);
    const result = this.machine.call("map_peek", this.address, this.valueWord);
    if (result === ENOENT) return false;
    this.check("peek", result);
    return true;
  }

  /** Where the value of a key lies for programs on this thread; undefined: nowhere. */
  valueAt(key: Uint8Array): bigint | undefined {
    this.keyBytes.set(key);
    const at = this.machine.call("map_lookup", this.address, this.keyWord);
    return at === 0 ? undefined : BigInt(at);
  }

  /** The key of the element whose value an address lies in; it looks at all of them. */
  keyAt(address: bigint): Uint8Array | undefined {
    for (const [key] of this.walk()) {
      const at = this.valueAt(key);
      if (at !== undefined && address >= at && address < at + BigInt(this.is.valueSize)) return key;
    }
    return undefined;
  }

  /** The oldest record of a ring buffer, which is then taken out; undefined: there is none yet. */
  next(): Uint8Array | undefined {
    const { machine, address } = this;
    const size = machine.call("ringbuf_peek", address, this.cursorAt);
    if (size === EAGAIN) return undefined;
    this.check("read", size);
    const at = new DataView(this.cursorBytes.buffer).getBigUint64(0, true);
    const start = Number(at - BigInt(this.blockAt));
    const record = this.block.bytes.slice(start, start + size);
    this.check("read", machine.call("ringbuf_release", address));
    return record;
  }

  /** Records that found no room. */
  lost(): number {
    return this.check("lost", this.machine.call("ringbuf_lost", this.address));
  }
}
