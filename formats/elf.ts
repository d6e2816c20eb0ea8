/**
 * ELF64 little-endian relocatable objects for BPF: sections, symbols and relocations, as typed records over the
 * caller's bytes (section data is never copied). Every offset, size and index is checked before it is used.
 */

import { hex, Reader } from "./bytes.ts";
import { InputError } from "./error.ts";

/** Section types, flags and special section indexes (System V ABI, chapter 4). */
export const SHT = { PROGBITS: 1, SYMTAB: 2, RELA: 4, NOBITS: 8, REL: 9 } as const;
export const SHF = { WRITE: 1, ALLOC: 2, EXEC: 4 } as const;
export const SHN = { UNDEF: 0, RESERVED: 0xff00, ABS: 0xfff1, COMMON: 0xfff2, XINDEX: 0xffff } as const;
/** Symbol types and bindings. */
export const STT = { NOTYPE: 0, OBJECT: 1, FUNC: 2, SECTION: 3, FILE: 4, COMMON: 5 } as const;
export const STB = { LOCAL: 0, GLOBAL: 1, WEAK: 2 } as const;
/** BPF relocation types; 0 is what old compilers wrote for all of them. */
export const R_BPF = { NONE: 0, "64_64": 1, ABS64: 2, ABS32: 3, NODYLD32: 4, "64_32": 10 } as const;

export interface Section {
  index: number;
  name: string;
  type: number;
  flags: number;
  size: number;
  link: number;
  info: number;
  /** A power of two, at least 1. */
  align: number;
  entrySize: number;
  /** `size` bytes of the file; empty for NOBITS. */
  data: Uint8Array;
}

export interface ElfSymbol {
  index: number;
  name: string;
  type: number;
  bind: number;
  /** An index into the sections, or one of SHN. */
  section: number;
  value: number;
  size: number;
}

export interface ElfRelocation {
  /** Byte offset in the section that is relocated. */
  offset: number;
  type: number;
  symbol: ElfSymbol;
  /** undefined (REL): the addend is in the relocated place itself. */
  addend: number | undefined;
}

export interface Elf {
  name: string;
  sections: Section[];
  symbols: ElfSymbol[];
}

const CODE = "ERR_RUNBPF_ELF";
const MAX_ALIGN = 4096;

/**
 * Reads NUL-terminated strings of a table, each offset once; a tab (BTF has source lines) becomes
 * blanks, other control characters "?". Names may share their
 * tails, as linkers have them do, but not without end: many names in one endless string would cost quadratic time.
 */
export function stringTable(data: Uint8Array, reader: Reader): (offset: number, what: string) => string {
  const known = new Map<number, string>();
  const decoder = new TextDecoder();
  const limit = 16 * data.length + 65536;
  let budget = limit;
  return (offset, what) => {
    const found = known.get(offset);
    if (found !== undefined) return found;
    if (offset >= data.length && offset !== 0)
      reader.fail(0, `${what} inside a string table of ${data.length} bytes`, `offset ${hex(offset)}`);
    const end = data.indexOf(0, offset);
    if (end < 0 && data.length > 0)
      reader.fail(0, `${what} that ends with a NUL`, "the end of the string table");
    budget -= end - offset;
    if (budget < 0) reader.fail(0, `names of at most ${limit} bytes in all`, "more");
    // Tabs stay: columns of source lines count them as one.
    const text = decoder.decode(data.subarray(offset, end)).replace(/[^\P{Cc}\t]/gu, "?");
    known.set(offset, text);
    return text;
  };
}

const EMPTY = new Uint8Array(0);

interface Header {
  at: number;
  count: number;
  names: number;
}

function readHeader(r: Reader): Header {
  const magic = r.size < 4 ? "no magic number" : hex(r.u32(0, "magic"));
  if (magic !== "0x464c457f")
    r.fail(0, "an ELF object (0x464c457f)", magic, "clang -target bpf -c makes one");
  const [cls, order] = [r.u8(4, "class"), r.u8(5, "byte order")];
  if (cls !== 2) r.fail(4, "a 64-bit object (class 2)", `class ${cls}`);
  if (order !== 1) r.fail(5, "a little-endian object", `byte order ${order}`, "use -target bpfel");
  const [type, machine] = [r.u16(16, "type"), r.u16(18, "machine")];
  if (type !== 1) r.fail(16, "a relocatable object (type 1)", `type ${type}`);
  if (machine !== 247 && machine !== 0)
    r.fail(18, "machine 247 (BPF)", `${machine}`, "compile with -target bpf");
  const at = r.u64(40, "offset of the section headers");
  const entry = r.u16(58, "size of a section header");
  if (entry !== 64) r.fail(58, "section headers of 64 bytes", `${entry}`);
  let [count, names] = [r.u16(60, "number of sections"), r.u16(62, "section of names")];
  if (count === 0 && at !== 0) count = r.u64(at + 32, "number of sections");
  if (names === SHN.XINDEX) names = r.u32(at + 40, "section of names");
  if (at + count * 64 > r.size)
    r.fail(40, `${count} section headers inside the file`, `${r.size} bytes in all`);
  if (count === 0) r.fail(60, "sections", "none");
  return { at, count, names };
}

function readSection(r: Reader, index: number, at: number): Omit<Section, "name"> & { nameAt: number } {
  const type = r.u32(at + 4, "section type");
  const offset = r.u64(at + 24, "section offset");
  const size = r.u64(at + 32, "section size");
  const align = r.u64(at + 48, "section alignment") || 1;
  const empty = type === SHT.NOBITS || type === 0;
  if (!empty && offset + size > r.size)
    r.fail(
      at + 24,
      `section ${index} inside the file (${r.size} bytes)`,
      `${hex(offset)} … ${hex(offset + size)}`,
    );
  if (align > MAX_ALIGN || !Number.isInteger(Math.log2(align)))
    r.fail(at + 48, `an alignment of section ${index} that is a power of two up to ${MAX_ALIGN}`, `${align}`);
  return {
    ...{ index, type, size, align, nameAt: r.u32(at, "section name") },
    ...{ flags: r.u32(at + 8, "section flags"), link: r.u32(at + 40, "link"), info: r.u32(at + 44, "info") },
    ...{ entrySize: r.u64(at + 56, "entry size"), data: empty ? EMPTY : r.slice(offset, size, "section") },
  };
}

function readSections(r: Reader): Section[] {
  const { at, count, names } = readHeader(r);
  const raw = Array.from({ length: count }, (_, i) => readSection(r, i, at + i * 64));
  // Sections that overlap would let a small file cost a lot of time.
  const total = raw.reduce((sum, s) => sum + s.data.length, 0);
  if (total > r.size) r.fail(at, `sections of at most ${r.size} bytes in all (the file)`, `${total}`);
  if (names >= count) r.fail(62, `a section of names below ${count}`, `${names}`);
  const name = stringTable(raw[names].data, r);
  return raw.map(({ nameAt, ...section }) => ({
    ...section,
    name: name(nameAt, `the name of section ${section.index}`),
  }));
}

function readSymbols(sections: Section[], file: string): ElfSymbol[] {
  const table = sections.find((s) => s.type === SHT.SYMTAB);
  if (!table) return [];
  const r = new Reader(table.data, `${file}: ${table.name}`, CODE);
  if (table.entrySize !== 24 || table.size % 24 !== 0)
    r.fail(0, "a symbol table of 24-byte entries", `${table.size} bytes, ${table.entrySize} each`);
  if (table.link >= sections.length)
    r.fail(0, `a string table below section ${sections.length}`, `${table.link}`);
  const name = stringTable(sections[table.link].data, r);
  const symbols: ElfSymbol[] = [];
  for (let at = 0; at < table.size; at += 24) {
    const info = r.u8(at + 4, "symbol info");
    const section = r.u16(at + 6, "symbol section");
    if (section >= sections.length && (section < SHN.RESERVED || section === SHN.XINDEX))
      r.fail(at + 6, `a section below ${sections.length}`, `${section}`);
    const type = info & 15;
    const nameAt = r.u32(at, "symbol name");
    symbols.push({
      ...{ index: at / 24, type, bind: info >> 4, section },
      name:
        type === STT.SECTION && nameAt === 0
          ? (sections[section]?.name ?? "")
          : name(nameAt, "a symbol's name"),
      ...{ value: r.u64(at + 8, "symbol value"), size: r.u64(at + 16, "symbol size") },
    });
  }
  return symbols;
}

/** Reads an object; `name` opens messages. Throws ERR_RUNBPF_ELF. */
export function readElf(bytes: Uint8Array, name: string): Elf {
  const sections = readSections(new Reader(bytes, name, CODE));
  return { name, sections, symbols: readSymbols(sections, name) };
}

/**
 * The relocations in `table` (a REL or RELA section) of the section that it names, sorted by offset, at most one for
 * each place.
 */
export function readRelocations(elf: Elf, table: Section): ElfRelocation[] {
  const r = new Reader(table.data, `${elf.name}: ${table.name}`, CODE);
  const target = elf.sections[table.info];
  const entry = table.type === SHT.RELA ? 24 : 16;
  if (!target) r.fail(0, `relocations of a section below ${elf.sections.length}`, `${table.info}`);
  if (table.size % entry !== 0) r.fail(0, `entries of ${entry} bytes`, `${table.size} bytes in all`);
  const relocations: ElfRelocation[] = [];
  let sorted = true;
  for (let at = 0; at < table.size; at += entry) {
    const offset = r.u64(at, "relocation offset");
    const index = r.u32(at + 12, "relocation symbol");
    if (offset >= target.size) r.fail(at, `a place in ${target.name} (${target.size} bytes)`, hex(offset));
    if (index >= elf.symbols.length) r.fail(at + 12, `a symbol below ${elf.symbols.length}`, `${index}`);
    const symbol = elf.symbols[index];
    const addend = entry === 24 ? r.i32(at + 20, "addend") * 2 ** 32 + r.u32(at + 16, "addend") : undefined;
    if (addend !== undefined && !Number.isSafeInteger(addend))
      r.fail(at + 16, "an addend below 2^53", `${addend}`);
    if (relocations.length > 0 && relocations[relocations.length - 1].offset >= offset) sorted = false;
    relocations.push({ offset, type: r.u32(at + 8, "relocation type"), symbol, addend });
  }
  if (sorted) return relocations;
  relocations.sort((a, b) => a.offset - b.offset);
  for (let i = 1; i < relocations.length; i++) {
    const { offset } = relocations[i];
    if (relocations[i - 1].offset === offset)
      throw new InputError(CODE, {
        ...{ where: `${elf.name}: ${target.name}+${hex(offset)}`, expected: "one relocation", got: "two" },
      });
  }
  return relocations;
}
