/**
 * The first step of a compilation: from the bytes of an ELF object to its functions, relocations, maps and debug
 * information, each checked against the sections that it names. Nothing is resolved yet; see link.ts.
 */

import { type BtfSection, readBtf, readBtfExt } from "../formats/btf.ts";
import { hex } from "../formats/bytes.ts";
import {
  type ElfRelocation,
  type ElfSymbol,
  readElf,
  readRelocations,
  type Section,
  SHF,
  SHN,
  SHT,
  STT,
} from "../formats/elf.ts";
import { InputError } from "../formats/error.ts";
import { findFunctions } from "./functions.ts";
import { readMaps } from "./maps.ts";
import type { ObjectFile } from "./object.ts";

function refuse(where: string, expected: string, got: string, hint?: string): never {
  throw new InputError("ERR_RUNBPF_ELF", { where, expected, got, hint });
}

/** Debug sections have relocations of their own, of no interest here: told by their target, not by type. */
const isSkipped = (s: Section): boolean =>
  (s.flags & SHF.ALLOC) === 0 || /^\.(debug|BTF|eh_frame)/.test(s.name);

/** Gives COMMON symbols ("int x;" of old compilers) a place in a .bss of their own. */
function placeCommons(sections: Section[], symbols: ElfSymbol[]): void {
  const commons = symbols.filter((s) => s.section === SHN.COMMON);
  if (commons.length === 0) return;
  let [size, align] = [0, 1];
  for (const symbol of commons) {
    const step = Math.min(Math.max(1, symbol.value), 4096);
    align = Math.max(align, step);
    symbol.value = Math.ceil(size / step) * step;
    symbol.section = sections.length;
    symbol.type = STT.OBJECT;
    size = symbol.value + symbol.size;
  }
  const flags = SHF.ALLOC | SHF.WRITE;
  const rest = { link: 0, info: 0, entrySize: 0, data: new Uint8Array(0) };
  sections.push({ index: sections.length, name: "COMMON", type: SHT.NOBITS, flags, size, align, ...rest });
}

function bySection(symbols: ElfSymbol[]): Map<number, ElfSymbol[]> {
  const map = new Map<number, ElfSymbol[]>();
  for (const symbol of symbols) {
    const list = map.get(symbol.section);
    if (list) list.push(symbol);
    else map.set(symbol.section, [symbol]);
  }
  return map;
}

/** Functions and variables must lie inside their sections, and loaded sections must be of a sane size. */
function checkSymbols(name: string, sections: Section[], symbols: ElfSymbol[]): void {
  for (const { name: symbol, type, section, value, size } of symbols) {
    const home = sections[section];
    if ((type !== STT.FUNC && type !== STT.OBJECT) || section === SHN.UNDEF || !home) continue;
    if (value + size > home.size)
      refuse(
        `${name}: ${home.name}`,
        `${symbol} inside ${home.size} bytes`,
        `${hex(value)} … ${hex(value + size)}`,
      );
  }
}

function readAllRelocations(
  name: string,
  sections: Section[],
  symbols: ElfSymbol[],
): ObjectFile["relocations"] {
  const all = new Map<number, ElfRelocation[]>();
  for (const table of sections) {
    if (table.type !== SHT.REL && table.type !== SHT.RELA) continue;
    const target = sections[table.info];
    if (target && isSkipped(target)) continue;
    if (all.has(table.info))
      refuse(`${name}: ${target.name}`, "one section of relocations", `${table.name} as well`);
    all.set(table.info, readRelocations({ name, sections, symbols }, table));
  }
  return all;
}

function readDebug(name: string, sections: Section[]): Pick<ObjectFile, "btf" | "debug"> {
  const find = (wanted: string) => sections.find((s) => s.name === wanted && s.data.length > 0);
  const [types, ext] = [find(".BTF"), find(".BTF.ext")];
  if (!types) return { btf: undefined, debug: new Map() };
  const btf = readBtf(types.data, `${name}: .BTF`);
  const debug = ext ? readBtfExt(ext.data, btf, `${name}: .BTF.ext`) : new Map<string, BtfSection>();
  for (const { lines, core } of debug.values()) {
    lines.sort((a, b) => a.offset - b.offset);
    core.sort((a, b) => a - b);
  }
  return { btf, debug };
}

function readLicense(sections: Section[]): string {
  const data = sections.find((s) => s.name === "license")?.data ?? new Uint8Array(0);
  const end = data.indexOf(0);
  return new TextDecoder().decode(end < 0 ? data : data.subarray(0, end)).replace(/\p{Cc}/gu, "?");
}

/** Reads an object that clang (or GCC) made for BPF; `name` opens messages. Throws InputError. */
export function load(bytes: Uint8Array, name: string): ObjectFile {
  const { sections, symbols } = readElf(bytes, name);
  placeCommons(sections, symbols);
  checkSymbols(name, sections, symbols);
  const relocations = readAllRelocations(name, sections, symbols);
  const raw = { name, sections, symbols, symbolsOf: bySection(symbols), relocations };
  const { btf, debug } = readDebug(name, sections);
  const functions = findFunctions(raw);
  return { ...raw, functions, maps: readMaps(raw, btf), license: readLicense(sections), btf, debug };
}

/** Raw bytecode as an object with one section and no names: its first function is "main". */
export function loadRaw(bytes: Uint8Array, name: string): ObjectFile {
  const flags = SHF.ALLOC | SHF.EXEC;
  const rest = { link: 0, info: 0, entrySize: 0, align: 8 };
  const code = { index: 0, name: "", type: SHT.PROGBITS, flags, size: bytes.length, data: bytes, ...rest };
  const raw = { name, sections: [code], symbols: [], symbolsOf: new Map(), relocations: new Map() };
  if (bytes.length === 0) refuse(name, "bytecode", "an empty file");
  return { ...raw, functions: findFunctions(raw), maps: [], license: "", btf: undefined, debug: new Map() };
}
