/** Maps as JavaScript sees them: like Map, over the memory that programs use at the same time. */

import { MAP_TYPE } from "../../formats/container.ts";
import { InputError } from "../../formats/error.ts";
import type { Types, ValueType } from "../../formats/value-types.ts";
import { isList, isOfMaps, isOfPrograms, isPerCpu, isRing, type MapAccess, strideOf } from "./access.ts";
import { type Data, decode, encode, type Form, plainType } from "./codec.ts";
import { type EventOptions, records } from "./events.ts";
import type { Definition } from "./library.ts";

/** When an update may happen: always, only for a new key, or only for one that is there. */
export type When = "any" | "noexist" | "exist";
const FLAGS: Record<When, number> = { any: 0, noexist: 1, exist: 2 };

/** The names and numbers that stand for maps and programs in maps of maps and prog arrays. */
export interface Targets {
  /** The number of a map that `outer` may hold, or of a program; undefined: there is none. */
  numberOf(outer: GuestMap, target: GuestMap | string | number): number | undefined;
  targetOf(outer: GuestMap, number: number): GuestMap | string | undefined;
}

export type MapValue = Data | GuestMap;

const typeNames = new Map(Object.entries(MAP_TYPE).map(([name, number]) => [number as number, name]));

export class GuestMap implements Iterable<[Data, MapValue]> {
  readonly name: string;
  readonly definition: Readonly<Definition>;
  private readonly access: MapAccess;
  private readonly types: Types;
  private readonly targets: Targets;
  private readonly keyType: ValueType;
  private readonly valueType: ValueType;
  private readonly isLoaded: () => boolean;
  private readonly typed: boolean;

  /** Made by the runtime: instance.maps. */
  constructor(
    access: MapAccess,
    types: Types,
    targets: Targets,
    isLoaded: () => boolean,
    forms: { key?: Form; value?: Form } = {},
  ) {
    this.access = access;
    this.types = types;
    this.targets = targets;
    this.isLoaded = isLoaded;
    this.name = access.name;
    this.definition = access.is;
    const { key, value } = types.ofMap(access.name);
    const { keySize, valueSize } = access.is;
    this.typed = key?.size === keySize && value?.size === valueSize;
    this.keyType = choose(forms.key, key, keySize);
    this.valueType = choose(forms.value, value, valueSize);
  }

  /** Linux's name of its type: "hash", "percpu_array", … */
  get type(): string {
    return typeNames.get(this.definition.type) ?? `type ${this.definition.type}`;
  }

  /** The same map with its keys and values in another form. */
  as(forms: { key?: Form; value?: Form }): GuestMap {
    return new GuestMap(this.access, this.types, this.targets, this.isLoaded, forms);
  }

  private live(): MapAccess {
    if (!this.isLoaded())
      throw new InputError("ERR_RUNBPF_ARGUMENT", {
        where: `map ${this.name}`,
        expected: "a loaded instance",
        got: "one that was unloaded",
      });
    return this.access;
  }

  private unsupported(expected: string): never {
    throw new InputError("ERR_RUNBPF_ARGUMENT", {
      where: `map ${this.name}`,
      expected,
      got: `a map of type ${this.type}`,
    });
  }

  private keyed(): MapAccess {
    if (isList(this.definition) || isRing(this.definition) || this.isBloom)
      this.unsupported("a map with keys");
    return this.live();
  }

  private get isBloom(): boolean {
    return this.definition.type === MAP_TYPE.bloom_filter;
  }

  /** The key as programs have it. Throws ERR_RUNBPF_ARGUMENT. */
  keyBytes(key: Data): Uint8Array {
    return encode(this.keyType, key, `key of map ${this.name}`);
  }

  private show(bytes: Uint8Array): MapValue {
    if (isOfMaps(this.definition) || isOfPrograms(this.definition)) {
      const number = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
      return this.targets.targetOf(this, number) ?? number;
    }
    if (!isPerCpu(this.definition)) return decode(this.valueType, bytes);
    const stride = strideOf(this.definition);
    return Array.from({ length: this.definition.cpus }, (_, cpu) =>
      decode(this.valueType, bytes.subarray(cpu * stride)),
    );
  }

  private bytesOf(value: MapValue): Uint8Array {
    const where = `value of map ${this.name}`;
    if (isOfMaps(this.definition) || isOfPrograms(this.definition)) return this.targetBytes(value, where);
    if (!isPerCpu(this.definition)) return encode(this.valueType, value as Data, where);
    const { cpus } = this.definition;
    const stride = strideOf(this.definition);
    // One value is everyone's; bytes of all values are taken as they are.
    if (value instanceof Uint8Array && value.length === cpus * stride) return value;
    const each = Array.isArray(value) && this.valueType.kind !== "array" ? value : undefined;
    const list = each ?? (isListOfLists(value, cpus) ? value : new Array<Data>(cpus).fill(value as Data));
    if (list.length !== cpus)
      throw new InputError("ERR_RUNBPF_ARGUMENT", {
        where,
        expected: `${cpus} values, or one for all`,
        got: `${list.length}`,
      });
    const all = new Uint8Array(cpus * stride);
    for (const [cpu, item] of list.entries())
      all.set(encode(this.valueType, item, `${where} [${cpu}]`), cpu * stride);
    return all;
  }

  private targetBytes(value: MapValue, where: string): Uint8Array {
    const isTarget = value instanceof GuestMap || typeof value === "string" || typeof value === "number";
    const number = isTarget ? this.targets.numberOf(this, value) : undefined;
    if (number === undefined)
      throw new InputError("ERR_RUNBPF_ARGUMENT", {
        where,
        expected: isOfMaps(this.definition)
          ? "a map of this instance whose definition is the inner map's"
          : "a program of this instance with the context of the others",
        got: value instanceof GuestMap ? `map ${value.name}` : String(value),
      });
    return new Uint8Array(new Uint32Array([number]).buffer);
  }

  decodeKey(bytes: Uint8Array): Data {
    return decode(this.keyType, bytes);
  }

  /** Its keys and values have types that the program's BTF tells. */
  get isTyped(): boolean {
    return this.typed;
  }

  /** The value of a key (in per-cpu maps: of each thread), or undefined. */
  get(key: Data): MapValue | undefined {
    const bytes = this.keyed().read(this.keyBytes(key));
    return bytes && this.show(bytes);
  }

  /** Sets a value; throws a RunError where the map is full, the index lies outside, or `when` forbids it. */
  set(key: Data, value: MapValue, when: When = "any"): this {
    this.keyed().write(this.keyBytes(key), this.bytesOf(value), FLAGS[when]);
    return this;
  }

  has(key: Data): boolean {
    if (this.isBloom) return this.live().mayHold(this.bytesOf(key));
    return this.keyed().read(this.keyBytes(key)) !== undefined;
  }

  /** False where there was no such key. */
  delete(key: Data): boolean {
    return this.keyed().remove(this.keyBytes(key));
  }

  /** The value, which is deleted in the same step: nobody else's update falls between. */
  take(key: Data): MapValue | undefined {
    const bytes = this.keyed().take(this.keyBytes(key));
    return bytes && this.show(bytes);
  }

  clear(): void {
    this.live().clear();
  }

  /** Elements; of a ring buffer the bytes that wait. */
  get size(): number {
    return this.live().count();
  }

  *entries(): Generator<[Data, MapValue]> {
    for (const [key, value] of this.keyed().walk()) yield [decode(this.keyType, key), this.show(value)];
  }

  *keys(): Generator<Data> {
    for (const [key] of this.entries()) yield key;
  }

  *values(): Generator<MapValue> {
    for (const [, value] of this.entries()) yield value;
  }

  [Symbol.iterator](): Generator<[Data, MapValue]> {
    return this.entries();
  }

  forEach(visit: (value: MapValue, key: Data, map: this) => void): void {
    for (const [key, value] of this.entries()) visit(value, key, this);
  }

  /** Queues and stacks: adds a value; with `replace` the oldest goes where it is full. Bloom filters: adds a value. */
  push(value: Data, { replace = false } = {}): this {
    if (!isList(this.definition) && !this.isBloom) this.unsupported("a queue, a stack or a bloom filter");
    this.live().push(this.bytesOf(value), replace ? FLAGS.exist : FLAGS.any);
    return this;
  }

  /** Queues and stacks: takes the next value out; undefined where it is empty. */
  pop(): MapValue | undefined {
    const bytes = this.list().pop();
    return bytes && this.show(bytes);
  }

  /** Queues and stacks: the next value, which stays. */
  peek(): MapValue | undefined {
    const bytes = this.list().peek();
    return bytes && this.show(bytes);
  }

  private list(): MapAccess {
    if (!isList(this.definition)) this.unsupported("a queue or a stack");
    return this.live();
  }

  private ring(): MapAccess {
    if (!isRing(this.definition)) this.unsupported("a ring buffer or a perf event array");
    return this.live();
  }

  /** Ring buffers: the oldest record, taken out; undefined where none waits. `as`: the name of its struct. */
  next(as?: string): Data | undefined {
    const record = this.ring().next();
    return record && this.record(record, as);
  }

  /**
   * Ring buffers: records as they come, for `for await`. A record is taken when it is asked for, so that a slow reader
   * fills the buffer and programs notice. Ends when the instance is unloaded; an abort is thrown.
   */
  events(options: EventOptions & { as?: string } = {}): AsyncGenerator<Data> {
    const ring = this.ring();
    const next = () => {
      const record = ring.next();
      return record && this.record(record, options.as);
    };
    return records(next, this.isLoaded, options);
  }

  [Symbol.asyncIterator](): AsyncGenerator<Data> {
    return this.events();
  }

  private record(bytes: Uint8Array, as: string | undefined): Data {
    if (as === undefined) return bytes;
    const type = this.types.named(as);
    if (type === undefined || type.size > bytes.length)
      throw new InputError("ERR_RUNBPF_ARGUMENT", {
        where: `map ${this.name}`,
        expected: type === undefined ? "a type that the program's BTF has" : `a record of ${type.size} bytes`,
        got: type === undefined ? as : `${bytes.length}`,
        hint: type === undefined ? "compile with -g, convert with -g" : undefined,
      });
    return decode(type, bytes);
  }

  /** Ring buffers: how many records found no room. */
  get lost(): number {
    return this.ring().lost();
  }
}

const isListOfLists = (value: MapValue, cpus: number): value is Data[] =>
  Array.isArray(value) && value.length === cpus && value.every((item) => Array.isArray(item));

/** The type of keys or values: as asked for, as BTF says where its size agrees, or as the size suggests. */
function choose(form: Form | undefined, known: ValueType | undefined, size: number): ValueType {
  if (form === "bytes") return { kind: "bytes", size };
  if (form === "number" || form === "bigint") return plainType(size);
  return known?.size === size ? known : plainType(size);
}
