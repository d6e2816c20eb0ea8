/** What an object holds once it is loaded: sections, symbols, functions, maps; the types that load.ts fills. */

import type { Btf, BtfSection } from "../formats/btf.ts";
import { hex } from "../formats/bytes.ts";
import { type ElfRelocation, type ElfSymbol, type Section, SHF, SHT } from "../formats/elf.ts";
import { SLOT } from "../formats/isa/bpf.ts";

/** An object before its functions and maps are found. */
export interface RawObject {
  /** File name, for messages. */
  name: string;
  sections: Section[];
  symbols: ElfSymbol[];
  /** The same symbols by the index of their section. */
  symbolsOf: Map<number, ElfSymbol[]>;
  /** By the index of the section that they apply to, sorted by offset; those of code, data and maps alone. */
  relocations: Map<number, ElfRelocation[]>;
}

export interface ObjectFile extends RawObject {
  /** By section index and byte offset in the section. */
  functions: Map<number, Map<number, Code>>;
  maps: ObjectMap[];
  /** "" without a license section. */
  license: string;
  btf: Btf | undefined;
  /** .BTF.ext by section name; lines and CO-RE relocations are sorted by offset. */
  debug: Map<string, BtfSection>;
}

/** A function as the object has it. */
export interface Code {
  name: string;
  section: Section;
  /** Byte offset in the section. */
  offset: number;
  size: number;
  /** Names under which it can be a program: its GLOBAL and WEAK symbols, or its section without symbols. */
  exported: string[];
}

/** A map definition; `inner` is an index into the same list, or -1. */
export interface ObjectMap {
  name: string;
  type: number;
  keySize: number;
  valueSize: number;
  maxEntries: number;
  flags: number;
  inner: number;
  /** Initial entries, by relocation: a map or a function. */
  initial: { index: number; relocation: ElfRelocation }[];
  /** Section index and offset that relocations refer to; -1 for an inner map without a symbol. */
  section: number;
  offset: number;
}

/** Opcodes that relocations apply to. */
export const CALL = 0x85;
export const LDDW = 0x18;

/** Byte offset, in the section of its symbol, that a relocation of `section` refers to. */
export function relocationTarget(section: Section, { offset, symbol, addend }: ElfRelocation): number {
  if (addend !== undefined) return symbol.value + addend;
  const { data } = section;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  if (!isCode(section))
    return offset + 8 <= data.length ? symbol.value + view.getInt32(offset, true) : symbol.value;
  if (offset + SLOT > data.length) return symbol.value;
  const imm = view.getInt32(offset + 4, true);
  // A call holds the distance in slots from the next instruction to the symbol; -1 is the symbol itself.
  return symbol.value + (data[offset] === CALL ? (imm + 1) * SLOT : imm);
}

export const isCode = (s: Section): boolean =>
  (s.flags & SHF.EXEC) !== 0 && s.type === SHT.PROGBITS && s.size > 0;
export const isMapSection = (s: Section): boolean => /^(\.maps|maps|maps\/.*)$/.test(s.name);

/** "prog.o: xdp+0x18"; raw bytecode has no section. */
export const placeInSection = (file: string, section: string, offset: number): string =>
  `${sectionPlace(file, section)}+${hex(offset)}`;
export const sectionPlace = (file: string, section: string): string =>
  section === "" ? file : `${file}: ${section}`;

/** Index of the first element of `list` (sorted by `key`) whose key is at least `least`. */
export function lowerBound<T>(list: readonly T[], least: number, key: (item: T) => number): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (key(list[middle]) < least) low = middle + 1;
    else high = middle;
  }
  return low;
}
