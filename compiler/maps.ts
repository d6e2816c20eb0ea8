/**
 * Map definitions of an object: `maps` and `maps/NAME` (words: type, key size, value size, entries, flags) and
 * `.maps` (BTF types). Guarantees that inner maps and initial entries name maps and functions of the object.
 */

import { type Btf, type BtfMember, membersOf, resolveType, sizeOf, typeOf } from "../formats/btf.ts";
import { hex } from "../formats/bytes.ts";
import { type ElfRelocation, type ElfSymbol, type Section, STT } from "../formats/elf.ts";
import { InputError } from "../formats/error.ts";
import { isMapSection, lowerBound, type ObjectMap, type RawObject } from "./object.ts";

const MIN_DEFINITION = 20;
/** Bounds on what a small file can ask for. */
const MAX_MAPS = 4096;
const MAX_MEMBERS = 32;
const ARRAY_OF_MAPS = 12;
const HASH_OF_MAPS = 13;
/** A prog array, and maps of maps, hold 32-bit ids: what their value is when the definition does not say. */
const ID_SIZE = 4;

function refuse(where: string, expected: string, got: string, hint?: string): never {
  throw new InputError("ERR_RUNBPF_ELF", { where, expected, got, hint });
}

/** Definitions of a `maps` or `maps/NAME` section: of one size, a symbol each. */
function readWords(file: string, section: Section, symbols: ElfSymbol[]): ObjectMap[] {
  const where = `${file}: ${section.name}`;
  const count = symbols.length === 0 && section.name !== "maps" ? 1 : symbols.length;
  const size = section.data.length / count;
  if (count === 0) refuse(where, "a symbol for each map", "none");
  if (!Number.isInteger(size) || size < MIN_DEFINITION || size % 4 !== 0)
    refuse(
      where,
      `${count} definitions of ${MIN_DEFINITION} or more bytes`,
      `${section.data.length} bytes in all`,
    );
  const view = new DataView(section.data.buffer, section.data.byteOffset, section.data.byteLength);
  const named = symbols.length > 0 ? symbols : [{ name: section.name.slice("maps/".length), value: 0 }];
  return named.map(({ name, value }, i) => {
    if (value !== i * size) refuse(`${where}+${hex(value)}`, `map ${name} at ${hex(i * size)}`, hex(value));
    const [type, keySize, valueSize, maxEntries, flags] = [0, 4, 8, 12, 16].map((at) =>
      view.getUint32(value + at, true),
    );
    const place = { section: section.index, offset: value };
    return { name, type, keySize, valueSize, maxEntries, flags, inner: -1, initial: [], ...place };
  });
}

/**
 * Inner maps of `maps` definitions, in the two layouts that have them: 28 bytes (word 5 is the index of the inner map)
 * and 36 bytes (iproute2: word 5 is a map's id, word 7 the id of its inner map).
 */
function linkInner(section: Section, maps: ObjectMap[]): void {
  const size = section.data.length / maps.length;
  const view = new DataView(section.data.buffer, section.data.byteOffset, section.data.byteLength);
  const word = (m: ObjectMap, n: number) => view.getUint32(m.offset + n * 4, true);
  const byId = new Map(size === 36 ? maps.map((m, i) => [word(m, 5), i]) : []);
  for (const map of maps) {
    if (map.type !== ARRAY_OF_MAPS && map.type !== HASH_OF_MAPS) continue;
    if (size === 28 && word(map, 5) < maps.length) map.inner = word(map, 5);
    if (size === 36 && word(map, 7) !== 0) map.inner = byId.get(word(map, 7)) ?? -1;
  }
}

/** __uint(name, value) is a pointer to an array of that many. */
function uintOf(btf: Btf, { name, type }: BtfMember, where: string): number {
  const pointer = resolveType(btf, type);
  const array = pointer.kind === "ptr" ? resolveType(btf, pointer.type) : pointer;
  if (pointer.kind !== "ptr" || array.kind !== "array")
    refuse(where, `__uint(${name}, …)`, `a member of kind ${pointer.kind}`);
  return array.count;
}

/** __type(name, T) is a pointer to T. */
function sizeOfPointee(btf: Btf, { name, type }: BtfMember, where: string): number {
  const pointer = resolveType(btf, type);
  if (pointer.kind !== "ptr") refuse(where, `__type(${name}, …)`, `a member of kind ${pointer.kind}`);
  return sizeOf(btf, pointer.type);
}

/** A BTF definition, and where its `values` start (bytes from the start of the variable; -1 = none). */
interface Definition {
  map: ObjectMap;
  inner: ObjectMap | undefined;
  valuesAt: number;
}

/** The inner definition of __array(values, T): an array of pointers to a struct; prog arrays have functions. */
function readInner(btf: Btf, { type }: BtfMember, name: string, where: string): ObjectMap | undefined {
  const array = resolveType(btf, type);
  const pointer = array.kind === "array" ? resolveType(btf, array.type) : array;
  if (array.kind !== "array" || pointer.kind !== "ptr")
    refuse(where, "__array(values, …)", `kind ${array.kind}`);
  const element = resolveType(btf, pointer.type);
  if (element.kind !== "struct") return undefined;
  return readDefinition(btf, element.id, `${name}.inner`, where, false).map;
}

/** Reads a struct with the members that __uint, __type and __array declare. */
function readDefinition(btf: Btf, id: number, name: string, where: string, outer: boolean): Definition {
  const struct = resolveType(btf, id);
  if (struct.kind !== "struct") refuse(where, "a map definition (a struct)", `a ${struct.kind}`);
  if (struct.members > MAX_MEMBERS) refuse(where, `at most ${MAX_MEMBERS} members`, `${struct.members}`);
  const map: ObjectMap = {
    ...{ name, type: 0, keySize: 0, valueSize: 0, maxEntries: 0, flags: 0, inner: -1, initial: [] },
    ...{ section: -1, offset: -1 },
  };
  const found: Definition = { map, inner: undefined, valuesAt: -1 };
  for (const member of membersOf(btf, struct)) {
    if (member.name === "type") map.type = uintOf(btf, member, where);
    else if (member.name === "max_entries") map.maxEntries = uintOf(btf, member, where);
    else if (member.name === "map_flags") map.flags = uintOf(btf, member, where);
    else if (member.name === "key_size") map.keySize = uintOf(btf, member, where);
    else if (member.name === "value_size") map.valueSize = uintOf(btf, member, where);
    else if (member.name === "key") map.keySize = sizeOfPointee(btf, member, where);
    else if (member.name === "value") map.valueSize = sizeOfPointee(btf, member, where);
    else if (member.name === "values" && outer) {
      found.inner = readInner(btf, member, name, where);
      found.valuesAt = Math.floor(member.offset / 8);
      map.valueSize ||= ID_SIZE;
    }
  }
  return found;
}

/** Initial entries: relocations inside the variable, 8 bytes apart from `valuesAt`. */
function readInitial(found: Definition, size: number, relocations: ElfRelocation[], where: string): void {
  const { map, valuesAt } = found;
  for (let i = lowerBound(relocations, map.offset, (r) => r.offset); i < relocations.length; i++) {
    const relocation = relocations[i];
    const at = relocation.offset - map.offset;
    if (at >= size) break;
    if (valuesAt < 0 || at < valuesAt || (at - valuesAt) % 8 !== 0)
      refuse(
        `${where}+${hex(relocation.offset)}`,
        `an entry of the values of ${map.name}`,
        "a relocation elsewhere",
      );
    map.initial.push({ index: (at - valuesAt) / 8, relocation });
  }
}

/** Definitions of a .maps section: the variables of its BTF data section; their places come from the symbols. */
function readTyped(
  raw: RawObject,
  section: Section,
  symbols: ElfSymbol[],
  btf: Btf | undefined,
): ObjectMap[] {
  const where = `${raw.name}: ${section.name}`;
  if (!btf) refuse(where, "a .BTF section that describes the maps", "none", "compile with -g");
  const types = btf.types.find((t) => t.kind === "datasec" && t.name === section.name);
  if (!types) refuse(where, `a data section ${section.name} in .BTF`, "none", "compile with -g");
  if (types.members > MAX_MAPS) refuse(where, `at most ${MAX_MAPS} maps`, `${types.members}`);
  const byName = new Map(symbols.map((s) => [s.name, s]));
  const relocations = raw.relocations.get(section.index) ?? [];
  const [maps, inner]: [ObjectMap[], [ObjectMap, ObjectMap][]] = [[], []];
  for (const variable of membersOf(btf, types)) {
    const place = `${where}: ${variable.name}`;
    const found = readDefinition(btf, typeOf(btf, variable.type).type, variable.name, place, true);
    const symbol = byName.get(variable.name);
    if (!symbol) refuse(place, "a symbol", "none");
    Object.assign(found.map, { section: section.index, offset: symbol.value });
    readInitial(found, symbol.size, relocations, where);
    maps.push(found.map);
    if (found.inner) inner.push([found.map, found.inner]);
  }
  for (const [map, definition] of inner) {
    map.inner = maps.length;
    maps.push(definition);
  }
  return maps;
}

/** Reads every map definition of an object. Throws ERR_RUNBPF_ELF or ERR_RUNBPF_BTF. */
export function readMaps(raw: RawObject, btf: Btf | undefined): ObjectMap[] {
  const found: ObjectMap[] = [];
  for (const section of raw.sections) {
    if (!isMapSection(section) || section.size === 0) continue;
    if (section.data.length === 0)
      refuse(`${raw.name}: ${section.name}`, "definitions", "a section without bytes");
    const all = raw.symbolsOf.get(section.index) ?? [];
    const symbols = all.filter((s) => s.type === STT.OBJECT || s.type === STT.NOTYPE);
    symbols.sort((a, b) => a.value - b.value);
    const typed = section.name === ".maps";
    const maps = typed ? readTyped(raw, section, symbols, btf) : readWords(raw.name, section, symbols);
    if (!typed) linkInner(section, maps);
    for (const map of maps) if (map.inner >= 0) map.inner += found.length;
    for (const map of maps) found.push(map);
    if (found.length > MAX_MAPS) refuse(raw.name, `at most ${MAX_MAPS} maps`, `${found.length}`);
  }
  return found;
}
