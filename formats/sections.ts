/** The sections of spf, one row each: number, whether a loader may skip it, how its payload is written, read and checked. */

import { hex, Reader, type Writer } from "./bytes.ts";
import {
  contractOf,
  DATA_LIMIT,
  flagsOf,
  HELPER_IDS,
  readRelocations,
  stackUnits,
  trimData,
  writeRelocations,
} from "./common.ts";
import type { Container, Import, MapDefinition } from "./container.ts";
import { readDebug, writeDebug } from "./debug.ts";
import { bug } from "./error.ts";
import { type Field, fieldsSize, readFields, writeFields } from "./fields.ts";
import type { Strings } from "./strings.ts";

/** What a payload writer may refer to. */
export interface WriteContext {
  container: Container;
  strings: { bytes: Uint8Array; offsets: Map<string, number> };
  where: string;
}

/** What a payload reader fills in; sections are read in the order of SECTIONS. */
export interface ReadContext {
  container: Container;
  strings: Strings;
}

export interface Section {
  type: number;
  name: string;
  critical: boolean;
  doc: string;
  /** The payload, or undefined when the container has nothing to put there. */
  write?: (out: Writer, from: WriteContext) => void;
  read?: (payload: Reader, to: ReadContext) => void;
}

export const PROGRAM = [
  { name: "offset", size: 4, doc: "offset of its entry in the code" },
  { name: "name", size: 4, doc: "string: name of the function" },
  {
    name: "hook",
    size: 4,
    doc: "string: the section it came from, `xdp`, `tcmd/hello`, `.spf.event/load`, …",
  },
  { name: "flags", size: 1, doc: "bit 0: verified; bit 1: every loop is bounded; other bits are 0" },
  { name: "context", size: 1, doc: "context kind: what r1 … r5 are" },
  { name: "memory", size: 2, doc: "bytes that r1 must at least point to" },
  { name: "stack", size: 2, doc: "bytes of stack that the program needs / 16; 0 = unknown" },
  { name: "zero", size: 2, doc: "0" },
] as const satisfies readonly Field[];

export const IMPORT = [
  { name: "kind", size: 1, doc: "0 helper, 1 helper by name, 2 data block, 3 map, 4 function" },
  { name: "zero", size: 1, doc: "0" },
  { name: "hash", size: 2, doc: "kinds 0 and 1: 10-bit hash of the prototype, 0 = no claim; else 0" },
  {
    name: "value",
    size: 4,
    doc: "helper: its id; by name: string; data block: 0; map: its index; function: its offset in the code",
  },
] as const satisfies readonly Field[];

export const MAP = [
  { name: "name", size: 4, doc: "string: name of the map" },
  { name: "type", size: 4, doc: "Linux's `enum bpf_map_type`" },
  { name: "keySize", size: 4, doc: "bytes of a key" },
  { name: "valueSize", size: 4, doc: "bytes of a value" },
  { name: "maxEntries", size: 4, doc: "most entries" },
  { name: "flags", size: 4, doc: "Linux's map flags" },
  { name: "inner", size: 4, doc: "map of maps: index of the inner map's definition; else ffffffff" },
  { name: "initial", size: 4, doc: "number of initial entries, 8 bytes each, that follow this record" },
] as const satisfies readonly Field[];

export const INITIAL = [
  { name: "index", size: 4, doc: "index in the map" },
  { name: "target", size: 4, doc: "bit 31 = 1: bits 0–30 number a program, else a map" },
] as const satisfies readonly Field[];

export const SYMBOL = [
  { name: "name", size: 4, doc: "string: name of the variable" },
  { name: "offset", size: 4, doc: "offset in its block" },
  {
    name: "size",
    size: 4,
    doc: "bits 0–30: bytes; bit 31 = 1: in the read-only data of the code, else in the data block",
  },
] as const satisfies readonly Field[];

export const DATA = [
  { name: "size", size: 4, doc: "bytes of the data block in memory: a multiple of 8 below 2^31, at least 8" },
  { name: "zero", size: 4, doc: "0" },
] as const satisfies readonly Field[];

const NONE = 0xffff_ffff;
const NOTHING = new Uint8Array(0);

/** Every string that a container refers to. */
export function* stringsIn(container: Container): Generator<string> {
  for (const { name, hook } of container.programs) yield* [name, hook];
  for (const item of container.imports) if (item.kind === "named") yield item.name;
  for (const { name } of [...container.maps, ...container.symbols]) yield name;
  for (const { name } of container.debug?.functions ?? []) yield name;
  yield* container.debug?.files ?? [];
}

export const stringOffset = (from: WriteContext, text: string): number =>
  from.strings.offsets.get(text) ?? bug(`the string ${JSON.stringify(text)} was not laid out`);

/** How many whole records of `fields` the payload has. */
function countOf(payload: Reader, fields: readonly Field[]): number {
  const size = fieldsSize(fields);
  if (payload.size % size !== 0) payload.fail(0, `a multiple of ${size} bytes`, `${payload.size}`);
  return payload.size / size;
}

function checkZero(payload: Reader, at: number, what: string, value: number): void {
  if (value !== 0) payload.fail(at, `0 (${what})`, hex(value));
}

function writePrograms(out: Writer, from: WriteContext): void {
  for (const { name, hook, offset, contract } of from.container.programs)
    writeFields(out, PROGRAM, {
      offset,
      name: stringOffset(from, name),
      hook: stringOffset(from, hook),
      flags: flagsOf(contract),
      context: contract.context,
      memory: contract.memory,
      stack: stackUnits(contract, `${from.where}: ${name}`),
      zero: 0,
    });
}

function readPrograms(payload: Reader, { container, strings }: ReadContext): void {
  const count = countOf(payload, PROGRAM);
  if (count === 0) payload.fail(0, "at least one program", "none");
  for (let i = 0, at = 0; i < count; i++, at += fieldsSize(PROGRAM)) {
    const record = readFields(payload, at, PROGRAM);
    if (record.offset >= container.code.length)
      payload.fail(at, `an entry below ${container.code.length}`, `${record.offset}`);
    if (record.flags & ~3) payload.fail(at, "flag bits 0 and 1 only", hex(record.flags));
    checkZero(payload, at, "reserved", record.zero);
    container.programs.push({
      name: strings.get(record.name, payload, at),
      hook: strings.get(record.hook, payload, at),
      offset: record.offset,
      contract: contractOf(record.flags, record.context, record.memory, record.stack),
    });
  }
}

/** The kinds of imports by number, IMPORT.kind. */
const KINDS = ["helper", "named", "data", "map", "function"] as const;

function importValue(item: Import, from: WriteContext): number {
  if (item.kind === "helper") return item.id;
  if (item.kind === "named") return stringOffset(from, item.name);
  if (item.kind === "map") return item.index;
  return item.kind === "function" ? item.offset : 0;
}

function writeImports(out: Writer, from: WriteContext): void {
  for (const item of from.container.imports)
    writeFields(out, IMPORT, {
      kind: KINDS.indexOf(item.kind),
      zero: 0,
      hash: "hash" in item ? item.hash : 0,
      value: importValue(item, from),
    });
}

function readImports(payload: Reader, { container, strings }: ReadContext): void {
  const count = countOf(payload, IMPORT);
  for (let i = 0, at = 0; i < count; i++, at += fieldsSize(IMPORT)) {
    const { kind, zero, hash, value } = readFields(payload, at, IMPORT);
    const below = (limit: number, what: string) =>
      value < limit || payload.fail(at, `${what} below ${limit}`, `${value}`);
    checkZero(payload, at, "reserved", zero);
    if (hash > (kind < 2 ? 1023 : 0)) payload.fail(at, "a prototype hash of 10 bits", hex(hash));
    if (kind === 0) {
      below(HELPER_IDS, "a helper id");
      container.imports.push({ kind: "helper", id: value, hash });
    } else if (kind === 1) {
      const name = strings.get(value, payload, at);
      if (name === "") payload.fail(at, "the name of a helper", "an empty string");
      container.imports.push({ kind: "named", name, hash });
    } else if (kind === 2) {
      checkZero(payload, at, "value of the data block", value);
      if (container.dataSize === 0) payload.fail(at, "a file with a data section", "none");
      container.imports.push({ kind: "data" });
    } else if (kind === 3) {
      below(container.maps.length, "a map");
      container.imports.push({ kind: "map", index: value });
    } else if (kind === 4) {
      below(container.code.length, "a function");
      container.imports.push({ kind: "function", offset: value });
    } else payload.fail(at, `an import kind below ${KINDS.length}`, `${kind}`);
  }
}

function writeData(out: Writer, { container }: WriteContext): void {
  writeFields(out, DATA, { size: Math.ceil(container.dataSize / 8) * 8, zero: 0 });
  out.bytes(trimData(container.data, container.relocations));
}

function readData(payload: Reader, { container }: ReadContext): void {
  const { size, zero } = readFields(payload, 0, DATA);
  checkZero(payload, 4, "reserved", zero);
  if (size === 0 || size % 8 !== 0 || size >= DATA_LIMIT)
    payload.fail(0, "a data size that is a multiple of 8, from 8 to 2^31 - 8", `${size}`);
  container.data = payload.bytes.subarray(fieldsSize(DATA));
  container.dataSize = size;
  if (container.data.length > size)
    payload.fail(0, `at most ${size} bytes of initial data`, `${container.data.length}`);
}

function writeRelocationSection(out: Writer, { container }: WriteContext): void {
  writeRelocations(out, container.relocations);
}

function readRelocationSection(payload: Reader, { container }: ReadContext): void {
  const count = countOf(payload, [{ name: "word", size: 4, doc: "" }]);
  const data = new Reader(container.data, `${payload.where}: data`, payload.code);
  const sizes = { code: container.code.length, data: container.dataSize };
  container.relocations = readRelocations(payload, 0, count, data, sizes);
}

function writeMaps(out: Writer, from: WriteContext): void {
  for (const map of from.container.maps) {
    writeFields(out, MAP, {
      ...map,
      name: stringOffset(from, map.name),
      inner: map.inner < 0 ? NONE : map.inner,
      initial: map.initial.length,
    });
    for (const { index, kind, target } of map.initial)
      writeFields(out, INITIAL, { index, target: (target | (kind === "program" ? 0x8000_0000 : 0)) >>> 0 });
  }
}

function readMaps(payload: Reader, { container, strings }: ReadContext): void {
  for (let at = 0; at < payload.size; ) {
    const { name, inner, initial, ...numbers } = readFields(payload, at, MAP);
    const map: MapDefinition = {
      name: strings.get(name, payload, at),
      ...numbers,
      inner: inner === NONE ? -1 : inner,
      initial: [],
    };
    at += fieldsSize(MAP);
    if (initial > (payload.size - at) / fieldsSize(INITIAL))
      payload.fail(at, `${initial} initial entries`, `${payload.size - at} bytes left`);
    for (let i = 0; i < initial; i++, at += fieldsSize(INITIAL)) {
      const { index, target } = readFields(payload, at, INITIAL);
      const kind = target >>> 31 === 1 ? "program" : "map";
      map.initial.push({ index, kind, target: target & 0x7fff_ffff });
    }
    container.maps.push(map);
  }
  for (const map of container.maps) checkMap(payload, container, map);
  const names = new Set(container.maps.map(({ name }) => name));
  if (names.size < container.maps.length)
    payload.fail(0, "maps with names of their own", "two with one name");
}

/** What a map refers to exists. */
function checkMap(payload: Reader, container: Container, map: MapDefinition): void {
  if (map.inner >= container.maps.length || container.maps[map.inner]?.inner >= 0)
    payload.fail(0, `an inner map for ${map.name} that is no map of maps`, `map ${map.inner}`);
  if (map.initial.length > 0 && map.keySize !== 4)
    payload.fail(0, `keys of 4 bytes in ${map.name}, which has initial entries`, `${map.keySize}`);
  for (const { index, kind, target } of map.initial) {
    const count = kind === "map" ? container.maps.length : container.programs.length;
    if (target >= count || index >= map.maxEntries)
      payload.fail(0, `entries of ${map.name} inside it, with an existing ${kind}`, `[${index}] = ${target}`);
  }
}

/** Bit of a symbol's size: it lies behind the code. */
const IN_CODE = 0x8000_0000;

function writeSymbols(out: Writer, from: WriteContext): void {
  for (const { name, block, offset, size } of from.container.symbols)
    writeFields(out, SYMBOL, {
      name: stringOffset(from, name),
      offset,
      size: (size | (block === "code" ? IN_CODE : 0)) >>> 0,
    });
}

function readSymbols(payload: Reader, { container, strings }: ReadContext): void {
  const count = countOf(payload, SYMBOL);
  for (let i = 0, at = 0; i < count; i++, at += fieldsSize(SYMBOL)) {
    const record = readFields(payload, at, SYMBOL);
    const { offset } = record;
    const [block, size] = [record.size >>> 31 === 1 ? "code" : "data", record.size & ~IN_CODE] as const;
    const end = block === "code" ? container.code.length : container.dataSize;
    if (offset + size > end)
      payload.fail(at, `a variable inside ${end} bytes of ${block}`, `${offset} + ${size}`);
    container.symbols.push({ name: strings.get(record.name, payload, at), block, offset, size });
  }
}

/** In the order in which they are written and read: a section refers to earlier rows only. */
export const SECTIONS: readonly Section[] = [
  { type: 0, name: "pad", critical: false, doc: "nothing; puts the next payload at a multiple of 16" },
  {
    type: 1,
    name: "code",
    critical: true,
    doc: "machine code, then its read-only data; the payload starts at a multiple of 16 in the file",
    write: (out, { container }) => out.bytes(container.code),
    read: (payload, { container }) => {
      if (payload.size === 0) payload.fail(0, "code", "no bytes");
      container.code = payload.bytes;
    },
  },
  {
    type: 2,
    name: "strings",
    critical: true,
    doc: "NUL-terminated UTF-8; the first is empty; a string is referred to by its offset",
    write: (out, { strings }) => {
      if (strings.offsets.size > 1) out.bytes(strings.bytes);
    },
    read: () => {}, // already behind ReadContext.strings
  },
  {
    type: 3,
    name: "programs",
    critical: true,
    doc: "program records, at least one",
    write: writePrograms,
    read: readPrograms,
  },
  {
    type: 4,
    name: "data",
    critical: true,
    doc: "size of the data block, then its initial bytes; the rest is zero",
    write: (out, from) => {
      if (from.container.dataSize > 0) writeData(out, from);
    },
    read: readData,
  },
  {
    type: 5,
    name: "relocations",
    critical: true,
    doc: "relocation words, as in bare",
    write: writeRelocationSection,
    read: readRelocationSection,
  },
  { type: 6, name: "maps", critical: true, doc: "map records", write: writeMaps, read: readMaps },
  {
    type: 7,
    name: "imports",
    critical: true,
    doc: "import records: slot k of got is record k",
    write: writeImports,
    read: readImports,
  },
  {
    type: 8,
    name: "symbols",
    critical: false,
    doc: "variable records: names for pieces of the data",
    write: writeSymbols,
    read: readSymbols,
  },
  {
    type: 9,
    name: "debug",
    critical: false,
    doc: "functions, files and lines of the code",
    write: (out, from) => {
      const { debug } = from.container;
      if (debug !== undefined) writeDebug(out, debug, (text) => stringOffset(from, text));
    },
    read: (payload, { container, strings }) => {
      container.debug = readDebug(payload, container.code.length, strings);
    },
  },
  {
    type: 11,
    name: "btf",
    critical: false,
    doc: "BTF of the object: types of map keys, values and variables, for hosts that show them; nothing else depends on it",
    write: (out, { container }) => out.bytes(container.btf ?? NOTHING),
    read: (payload, { container }) => {
      container.btf = payload.bytes;
    },
  },
  {
    type: 10,
    name: "signature",
    critical: false,
    doc: "reserved: version 1 makes and checks no signatures; skipped, and refused when marked critical",
  },
];
