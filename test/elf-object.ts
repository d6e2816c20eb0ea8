/** Writes small ELF objects for tests: sections, symbols and relocations as given, right or wrong. */

import { Writer } from "../formats/bytes.ts";
import { R_BPF, SHF, SHN, SHT, STB, STT } from "../formats/elf.ts";

export interface SectionSpec {
  name: string;
  type?: number;
  flags?: number;
  data?: Uint8Array;
  /** For NOBITS; the length of `data` elsewhere. */
  size?: number;
  align?: number;
  /** For tables: the section that they are about. */
  info?: number;
  relocations?: {
    offset: number;
    type?: keyof typeof R_BPF | number;
    symbol: string | number;
    addend?: number;
  }[];
}

export interface SymbolSpec {
  name: string;
  /** Name of a section, "undefined", "common", or "absolute". */
  section: string;
  value?: number;
  size?: number;
  type?: keyof typeof STT;
  bind?: keyof typeof STB;
}

export interface ObjectSpec {
  machine?: number;
  sections: SectionSpec[];
  symbols?: SymbolSpec[];
}

export const CODE = { flags: SHF.ALLOC | SHF.EXEC, align: 8 };
export const DATA = { flags: SHF.ALLOC | SHF.WRITE, align: 8 };
export const RODATA = { flags: SHF.ALLOC, align: 1 };
export const BSS = { type: SHT.NOBITS, flags: SHF.ALLOC | SHF.WRITE, align: 8 };

class Strings {
  readonly writer = new Writer();
  constructor() {
    this.writer.u8(0);
  }
  add(text: string): number {
    if (text === "") return 0;
    const at = this.writer.size;
    this.writer.bytes(new TextEncoder().encode(`${text}\0`));
    return at;
  }
}

const u64 = (w: Writer, value: number): void => {
  w.u32(value >>> 0);
  w.u32(Math.floor(value / 2 ** 32));
};

function writeSymbols(symbols: SymbolSpec[], names: string[], strings: Strings): Uint8Array {
  const special: Record<string, number> = { undefined: SHN.UNDEF, common: SHN.COMMON, absolute: SHN.ABS };
  const w = new Writer();
  w.bytes(new Uint8Array(24));
  for (const { name, section, value = 0, size = 0, type = "NOTYPE", bind = "GLOBAL" } of symbols) {
    w.u32(strings.add(name));
    w.u8((STB[bind] << 4) | STT[type]);
    w.u8(0);
    w.u16(special[section] ?? names.indexOf(section) + 1);
    u64(w, value);
    u64(w, size);
  }
  return w.finish();
}

function writeRelocations(list: NonNullable<SectionSpec["relocations"]>, symbols: SymbolSpec[]): Uint8Array {
  const w = new Writer();
  for (const { offset, type = "64_64", symbol, addend } of list) {
    u64(w, offset);
    w.u32(typeof type === "number" ? type : R_BPF[type]);
    w.u32(typeof symbol === "number" ? symbol : symbols.findIndex((s) => s.name === symbol) + 1);
    if (addend !== undefined) u64(w, addend);
  }
  return w.finish();
}

/** The bytes of an object: its sections in the order given, then relocations, symbols and strings. */
export function makeObject({ machine = 247, sections, symbols = [] }: ObjectSpec): Uint8Array {
  const strings = new Strings();
  const names = sections.map((s) => s.name);
  const tables = sections.flatMap((s, i) => {
    if (!s.relocations) return [];
    const explicit = s.relocations.some((r) => r.addend !== undefined);
    const type = explicit ? SHT.RELA : SHT.REL;
    const data = writeRelocations(s.relocations, symbols);
    return [{ name: `.rel${s.name}`, type, data, info: i + 1, entry: explicit ? 24 : 16 }];
  });
  const symtab = 1 + sections.length + tables.length;
  const all: (SectionSpec & { link?: number; entry?: number })[] = [
    { name: "", type: 0 },
    ...sections,
    ...tables.map((t) => ({ ...t, link: symtab, align: 8 })),
    {
      name: ".symtab",
      type: SHT.SYMTAB,
      data: writeSymbols(symbols, names, strings),
      link: symtab + 1,
      entry: 24,
    },
    { name: ".strtab", type: 3 },
  ];
  const headers = all.map((s) => ({ ...s, nameAt: strings.add(s.name) }));
  headers[headers.length - 1].data = strings.writer.finish();
  const w = new Writer();
  w.bytes(new Uint8Array([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
  for (const half of [1, machine]) w.u16(half);
  w.u32(1);
  for (let i = 0; i < 3; i++) u64(w, 0);
  w.u32(0);
  for (const half of [64, 0, 0, 64, headers.length, headers.length - 1]) w.u16(half);
  const places = headers.map(({ data }) => {
    w.align(8);
    const at = w.size;
    if (data) w.bytes(data);
    return at;
  });
  w.align(8);
  w.patch32(40, w.size);
  headers.forEach(
    ({ nameAt, type = SHT.PROGBITS, flags = 0, data, size, link = 0, info = 0, align = 1, entry = 0 }, i) => {
      w.u32(nameAt);
      w.u32(type);
      for (const value of [flags, 0, places[i], size ?? data?.length ?? 0]) u64(w, value);
      w.u32(link);
      w.u32(info);
      u64(w, align);
      u64(w, entry);
    },
  );
  return w.finish();
}
