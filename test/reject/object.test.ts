/** Damaged and hostile objects end in an InputError that says where, what was expected and what was found. */

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { link } from "../../compiler/link.ts";
import { load } from "../../compiler/load.ts";
import type { Program } from "../../compiler/program.ts";
import { InputError } from "../../formats/error.ts";
import { assemble } from "../../formats/isa/bpf.ts";
import {
  BSS,
  CODE,
  DATA,
  makeObject,
  type ObjectSpec,
  type SectionSpec,
  type SymbolSpec,
} from "../elf-object.ts";

const HELPERS = { puts: 51, printf: 50, map_lookup_elem: 1 };
const linkBytes = (bytes: Uint8Array): Program =>
  link(load(bytes, "t.o"), {
    helperByName: (name) => HELPERS[name as keyof typeof HELPERS],
    helperNames: Object.keys(HELPERS),
  });

/** The code and message of the refusal, or what came instead. */
function refusal(bytes: Uint8Array): string {
  try {
    linkBytes(bytes);
  } catch (error) {
    if (error instanceof InputError) return `${error.code}: ${error.message}`;
    return `not an InputError: ${error}`;
  }
  return "accepted";
}

const code = (text: string) => ({ ...CODE, data: assemble(text) });
const prog: SymbolSpec = { name: "prog", section: "xdp", type: "FUNC" };
const words = (...values: number[]): Uint8Array => new Uint8Array(new Uint32Array(values).buffer);

/** The bytes of a sound object, with one field of its header changed. */
function withHeader(change: (view: DataView, headers: number) => void): Uint8Array {
  const bytes = makeObject({ sections: [{ name: "xdp", ...code("r0 = 0\nexit") }], symbols: [prog] });
  const view = new DataView(bytes.buffer);
  change(view, view.getUint32(40, true));
  return bytes;
}

/** Header fields: offsets from ELF64's layout; section 1 is the code, 2 the symbols, 3 the strings. */
const HEADERS: [what: string, bytes: Uint8Array, message: string][] = [
  [
    "an empty file",
    new Uint8Array(0),
    "ELF: t.o+0x0: expected an ELF object (0x464c457f), got no magic number (clang -target bpf -c makes one)",
  ],
  [
    "text",
    new TextEncoder().encode("int main() {}"),
    "ELF: t.o+0x0: expected an ELF object (0x464c457f), got 0x20746e69 (clang -target bpf -c makes one)",
  ],
  [
    "a truncated header",
    withHeader(() => {}).subarray(0, 40),
    "ELF: t.o+0x28: expected 8 bytes (offset of the section headers), got 0 left",
  ],
  [
    "32 bits",
    withHeader((v) => v.setUint8(4, 1)),
    "ELF: t.o+0x4: expected a 64-bit object (class 2), got class 1",
  ],
  [
    "big-endian",
    withHeader((v) => v.setUint8(5, 2)),
    "ELF: t.o+0x5: expected a little-endian object, got byte order 2 (use -target bpfel)",
  ],
  [
    "an executable",
    withHeader((v) => v.setUint16(16, 2, true)),
    "ELF: t.o+0x10: expected a relocatable object (type 1), got type 2",
  ],
  [
    "an x86 object",
    withHeader((v) => v.setUint16(18, 62, true)),
    "ELF: t.o+0x12: expected machine 247 (BPF), got 62 (compile with -target bpf)",
  ],
  [
    "section headers past the end",
    withHeader((v) => v.setUint32(40, 0x7fffffff, true)),
    "ELF: t.o+0x28: expected 4 section headers inside the file, got 416 bytes in all",
  ],
  [
    "an offset that overflows",
    withHeader((v) => v.setUint32(44, 0xffffffff, true)),
    "ELF: t.o+0x28: expected offset of the section headers below 2^53, got about 1.845e+19",
  ],
  [
    "odd section headers",
    withHeader((v) => v.setUint16(58, 40, true)),
    "ELF: t.o+0x3a: expected section headers of 64 bytes, got 40",
  ],
  [
    "no sections",
    withHeader((v) => {
      v.setUint16(60, 0, true);
      v.setUint32(40, 0, true);
    }),
    "ELF: t.o+0x3c: expected sections, got none",
  ],
  [
    "a section past the end",
    withHeader((v, h) => v.setUint32(h + 64 + 24, 0x10000, true)),
    "ELF: t.o+0xf8: expected section 1 inside the file (416 bytes), got 0x10000 … 0x10010",
  ],
  [
    "offset + size that overflows",
    withHeader((v, h) => {
      v.setUint32(h + 64 + 28, 0x1fffff, true);
      v.setUint32(h + 64 + 36, 0x1fffff, true);
    }),
    "ELF: t.o+0xf8: expected section 1 inside the file (416 bytes), got 0x1fffff00000040 … 0x3ffffe00000050",
  ],
  [
    "an odd alignment",
    withHeader((v, h) => v.setUint32(h + 64 + 48, 24, true)),
    "ELF: t.o+0x110: expected an alignment of section 1 that is a power of two up to 4096, got 24",
  ],
  [
    "a name outside the strings",
    withHeader((v, h) => v.setUint32(h + 64, 0x999, true)),
    "ELF: t.o+0x0: expected the name of section 1 inside a string table of 26 bytes, got offset 0x999",
  ],
  [
    "no names",
    withHeader((v) => v.setUint16(62, 9, true)),
    "ELF: t.o+0x3e: expected a section of names below 4, got 9",
  ],
  [
    "sections that overlap",
    withHeader((v, h) => {
      for (const s of [1, 2]) {
        v.setUint32(h + s * 64 + 24, 0, true);
        v.setUint32(h + s * 64 + 32, 400, true);
      }
    }),
    "ELF: t.o+0xa0: expected sections of at most 416 bytes in all (the file), got 826",
  ],
  [
    "symbols of an odd size",
    withHeader((v, h) => v.setUint32(h + 2 * 64 + 32, 40, true)),
    "ELF: t.o: .symtab+0x0: expected a symbol table of 24-byte entries, got 40 bytes, 24 each",
  ],
  [
    "symbols without strings",
    withHeader((v, h) => v.setUint32(h + 2 * 64 + 40, 77, true)),
    "ELF: t.o: .symtab+0x0: expected a string table below section 4, got 77",
  ],
  [
    "a symbol in no section",
    withHeader((v) => v.setUint16(0x50 + 24 + 6, 99, true)),
    "ELF: t.o: .symtab+0x1e: expected a section below 4, got 99",
  ],
];

describe("damaged headers", () => {
  test.each(HEADERS)("%s", (_, bytes, message) => {
    expect(refusal(bytes)).toBe(`ERR_RUNBPF_${message}`);
  });
});

type Case = [what: string, section: Partial<SectionSpec>, symbols: SymbolSpec[], message: string];
const undefinedSymbol = (name: string): SymbolSpec => ({ name, section: "undefined" });
const data: SymbolSpec = { name: "data", section: ".data", size: 8, type: "OBJECT" };
const map: SymbolSpec = { name: "map", section: "maps", type: "OBJECT" };
const f = (name: string, value: number, size: number): SymbolSpec => ({ ...prog, name, value, size });

/** Objects with one code section `xdp`, .data, .bss and maps. */
const CODE_CASES: Case[] = [
  [
    "a relocation past the section",
    { relocations: [{ offset: 800, symbol: "map" }] },
    [prog, map],
    "ELF: t.o: .relxdp+0x0: expected a place in xdp (16 bytes), got 0x320",
  ],
  [
    "a symbol index past the table",
    { relocations: [{ offset: 0, symbol: 99 }] },
    [prog],
    "ELF: t.o: .relxdp+0xc: expected a symbol below 2, got 99",
  ],
  [
    "a relocation in the middle of an instruction",
    { ...code("r1 = 0 ll\nexit"), relocations: [{ offset: 4, symbol: "map" }] },
    [prog, map],
    "LINK: t.o: xdp+0x4: expected a call or a 64-bit load to relocate, got lddw",
  ],
  [
    "a relocation of another instruction",
    { ...code("r1 = 0\nexit"), relocations: [{ offset: 0, symbol: "map" }] },
    [prog, map],
    "LINK: t.o: xdp+0x0: expected a call or a 64-bit load to relocate, got mov64.imm",
  ],
  [
    "two relocations of one place",
    {
      ...code("r1 = 0 ll\nr2 = 0 ll\nexit"),
      relocations: [
        { offset: 16, symbol: "map" },
        { offset: 0, symbol: "map" },
        { offset: 0, symbol: "map" },
      ],
    },
    [prog, map],
    "ELF: t.o: xdp+0x0: expected one relocation, got two",
  ],
  [
    "a call relocation of a load",
    { ...code("r1 = 0 ll\nexit"), relocations: [{ offset: 0, type: "64_32", symbol: "map" }] },
    [prog, map],
    "LINK: t.o: xdp+0x0: expected a relocation R_BPF_64_64, got R_BPF_64_32",
  ],
  [
    "a data relocation of a call",
    { ...code("call -1\nexit"), relocations: [{ offset: 0, type: "ABS64", symbol: "prog" }] },
    [prog],
    "LINK: t.o: xdp+0x0: expected a relocation R_BPF_64_32, got R_BPF_ABS64",
  ],
  [
    "a call of data",
    { ...code("call -1\nexit"), relocations: [{ offset: 0, type: "64_32", symbol: "data" }] },
    [prog, data],
    "LINK: t.o: xdp+0x0: expected a call of a function, got data, which is data",
  ],
  [
    "a call into the middle of a function that goes on there",
    { ...code("call local +0\nr0 = 0\nexit") },
    [prog],
    "INSN: t.o: xdp+0x0: expected exit or a jump as the last instruction of prog, got call.local",
  ],
  [
    "a call out of the section",
    { ...code("call local +100\nexit") },
    [prog],
    "LINK: t.o: xdp+0x0: expected the start of a function, got t.o: xdp+0x328",
  ],
  [
    "a call that lost its relocation",
    { ...code("call -1\nexit") },
    [prog],
    "LINK: t.o: xdp+0x0: expected the id of a helper, got -1 (its relocation may have been stripped)",
  ],
  [
    "a kernel function",
    { ...code("call kfunc 12\nexit") },
    [prog],
    "UNSUPPORTED: t.o: xdp+0x0: expected a call of a helper or a function, got kernel function 12 (there is no kernel to call)",
  ],
  [
    "an unknown function",
    { ...code("call -1\nexit"), relocations: [{ offset: 0, type: "64_32", symbol: "prinft" }] },
    [prog, undefinedSymbol("prinft")],
    "LINK: t.o: xdp+0x0: expected a function that is defined or a known helper, got prinft, called by prog (did you mean printf?)",
  ],
  [
    "an unknown function like no other",
    { ...code("call -1\nexit"), relocations: [{ offset: 0, type: "64_32", symbol: "zzz" }] },
    [prog, undefinedSymbol("zzz")],
    "LINK: t.o: xdp+0x0: expected a function that is defined or a known helper, got zzz, called by prog",
  ],
  [
    "the address of an undefined symbol",
    { ...code("r1 = 0 ll\nexit"), relocations: [{ offset: 0, symbol: "jiffies" }] },
    [prog, undefinedSymbol("jiffies")],
    "LINK: t.o: xdp+0x0: expected a definition of jiffies, got an undefined symbol (a helper can be called, but has no address)",
  ],
  [
    "the middle of a map definition",
    { ...code("r1 = 4 ll\nexit"), relocations: [{ offset: 0, symbol: "map" }] },
    [prog, map],
    "LINK: t.o: xdp+0x0: expected the start of a map definition, got t.o: maps+0x4",
  ],
  [
    "a map load of a variable",
    { ...code("ld_pseudo r1, 1, 0\nexit"), relocations: [{ offset: 0, symbol: "data" }] },
    [prog, data],
    "LINK: t.o: xdp+0x0: expected a map (lddw.map_fd), got data, something else",
  ],
  [
    "a function load of a variable",
    { ...code("ld_pseudo r1, 4, 0\nexit"), relocations: [{ offset: 0, symbol: "data" }] },
    [prog, data],
    "LINK: t.o: xdp+0x0: expected a function (lddw.func), got data, something else",
  ],
  [
    "a map by descriptor",
    { ...code("ld_pseudo r1, 1, 5\nexit") },
    [prog],
    "LINK: t.o: xdp+0x0: expected a relocation to a map, got map descriptor 5",
  ],
  [
    "a map by an index that is none",
    { ...code("ld_pseudo r1, 5, 7\nexit") },
    [prog, map],
    "LINK: t.o: xdp+0x0: expected a map below 1, got 7",
  ],
  [
    "a kernel variable",
    { ...code("ld_pseudo r1, 3, 7\nexit") },
    [prog],
    "UNSUPPORTED: t.o: xdp+0x0: expected data of the object, got kernel variable 7",
  ],
  [
    "source 15 in a load",
    { data: new Uint8Array([0x18, 0xf1, ...new Array(14).fill(0), 0x95, ...new Array(7).fill(0)]) },
    [prog],
    "INSN: t.o: xdp+0x0: expected src 0, 1, 2, 3, 4, 5, 6 in lddw, got 15",
  ],
  [
    "an unknown opcode",
    { data: words(0xff, 0, 0x95, 0) },
    [prog],
    "INSN: t.o: xdp+0x0: expected an eBPF instruction, got opcode 0xff",
  ],
  [
    "half an instruction",
    { data: words(0x95, 0, 0) },
    [prog],
    "INSN: t.o: xdp+0x0: expected a multiple of 8 bytes of code, got 12 (an instruction takes 8 bytes)",
  ],
  [
    "overlapping functions",
    { ...code("r0 = 0\nr0 = 1\nexit") },
    [f("a", 0, 16), f("b", 8, 16)],
    "ELF: t.o: xdp+0x8: expected b after the end of a (0x10), got an overlap",
  ],
  [
    "functions of one place and two sizes",
    { ...code("r0 = 0\nr0 = 1\nexit") },
    [f("a", 0, 24), f("b", 0, 16)],
    "ELF: t.o: xdp+0x0: expected b with the 24 bytes of a, got 16 bytes",
  ],
  [
    "a function past the section",
    { ...code("exit") },
    [f("a", 0, 1 << 20)],
    "ELF: t.o: xdp: expected a inside 8 bytes, got 0x0 … 0x100000",
  ],
  [
    "a function at the end of the section",
    { ...code("exit") },
    [f("a", 8, 0)],
    "ELF: t.o: xdp+0x8: expected code of a, got the end of the section",
  ],
  [
    "a function off instruction boundaries",
    { ...code("r0 = 0\nexit") },
    [f("a", 4, 8)],
    "ELF: t.o: xdp+0x4: expected a on instruction boundaries (8 bytes), got 0x4, 8 bytes",
  ],
  [
    "a size off instruction boundaries",
    { ...code("r0 = 0\nexit") },
    [f("a", 0, 9)],
    "ELF: t.o: xdp+0x0: expected a on instruction boundaries (8 bytes), got 0x0, 9 bytes",
  ],
  [
    "a bad size of a variable",
    { ...code("exit") },
    [prog, { ...data, size: 4096 }],
    "ELF: t.o: .data: expected data inside 8 bytes, got 0x0 … 0x1000",
  ],
  [
    "falling off the end",
    { ...code("r0 = 0\nif r0 == 0 goto -1") },
    [prog],
    "INSN: t.o: xdp+0x8: expected exit or a jump as the last instruction of prog, got jeq64.imm",
  ],
  [
    "a jump past the function",
    { ...code("goto +1\nexit") },
    [prog],
    "INSN: t.o: xdp+0x0: expected a jump to an instruction of prog (0x0 … 0x10), got t.o: xdp+0x10",
  ],
  [
    "a jump before the function",
    { ...code("goto -9\nexit") },
    [prog],
    "INSN: t.o: xdp+0x0: expected a jump to an instruction of prog (0x0 … 0x10), got 64 bytes before xdp",
  ],
  [
    "a jump into the next function",
    { ...code("goto +1\nexit\nexit") },
    [f("a", 0, 16), f("b", 16, 8)],
    "INSN: t.o: xdp+0x0: expected a jump to an instruction of a (0x0 … 0x10), got t.o: xdp+0x10",
  ],
  [
    "a jump into a 64-bit load",
    { ...code("goto +1\nr1 = 0 ll\nexit") },
    [prog],
    "INSN: t.o: xdp+0x0: expected a jump to an instruction of prog (0x0 … 0x20), got t.o: xdp+0x10, the second half of a 64-bit load",
  ],
];

function objectWith(
  section: Partial<SectionSpec>,
  symbols: SymbolSpec[],
  more: SectionSpec[] = [],
): ObjectSpec {
  const maps = { name: "maps", ...DATA, data: words(1, 4, 8, 1, 0) };
  const sections = [
    { name: "xdp", ...code("r1 = 0 ll"), ...CODE, ...section },
    { name: ".data", ...DATA, data: words(1, 2) },
  ];
  const withMap = symbols.includes(map) ? [maps] : [];
  return { sections: [...sections, ...withMap, ...more], symbols };
}

describe("damaged code", () => {
  test.each(CODE_CASES)("%s", (_, section, symbols, message) => {
    expect(refusal(makeObject(objectWith(section, symbols)))).toBe(`ERR_RUNBPF_${message}`);
  });
});

/** A program that loads the address of `symbol`. */
const loads = (symbol: string): Partial<SectionSpec> => ({
  ...code("r1 = 0 ll\nexit"),
  relocations: [{ offset: 0, symbol }],
});
const pointerTo = (symbol: string, offset: number, type: "ABS64" | "ABS32" = "ABS64"): SectionSpec[] => [
  { name: ".data.p", ...DATA, data: words(0, 0, 0, 0), relocations: [{ offset, type, symbol }] },
];
const p: SymbolSpec = { name: "p", section: ".data.p", size: 8, type: "OBJECT" };

const DATA_CASES: [what: string, spec: ObjectSpec, message: string][] = [
  [
    "no code",
    { sections: [{ name: ".data", ...DATA, data: words(1) }] },
    "LINK: t.o: expected a program (a global function), got none",
  ],
  [
    "static functions alone",
    {
      sections: [{ name: ".text", ...code("exit") }],
      symbols: [{ ...prog, section: ".text", bind: "LOCAL" }],
    },
    "LINK: t.o: expected a program (a global function), got none",
  ],
  [
    "a huge .bss",
    objectWith(
      loads("z"),
      [prog, { name: "z", section: ".bss", type: "OBJECT" }],
      [{ name: ".bss", ...BSS, size: 2 ** 40 }],
    ),
    "LINK: t.o: .bss: expected at most 2147483647 bytes of data, got 1099511627776",
  ],
  [
    "a pointer off its boundary",
    objectWith(loads("p"), [prog, p], pointerTo("prog", 4)),
    "LINK: t.o: .data.p+0x4: expected a pointer on an 8-byte boundary, got 0x4",
  ],
  [
    "a pointer past the end",
    objectWith(loads("p"), [prog, p], pointerTo("prog", 12)),
    "LINK: t.o: .data.p+0xc: expected a 64-bit pointer, got a shorter one",
  ],
  [
    "a pointer of 32 bits",
    objectWith(loads("p"), [prog, p], pointerTo("prog", 0, "ABS32")),
    "LINK: t.o: .data.p+0x0: expected a 64-bit pointer, got a shorter one",
  ],
  [
    "a pointer to a map",
    objectWith(loads("p"), [prog, p, map], pointerTo("map", 0)),
    "LINK: t.o: .data.p+0x0: expected a pointer to a function or data, got map map",
  ],
  [
    "a pointer to nothing",
    objectWith(loads("p"), [prog, p, undefinedSymbol("x")], pointerTo("x", 8)),
    "LINK: t.o: .data.p+0x8: expected a definition of x, got an undefined symbol (a helper can be called, but has no address)",
  ],
  [
    "a reference to a section that is not loaded",
    objectWith(loads("n"), [prog, { name: "n", section: ".note" }], [{ name: ".note", data: words(1) }]),
    "LINK: t.o: xdp+0x0: expected a reference to code or data, got n in .note",
  ],
  [
    "two sections of relocations",
    {
      sections: [
        { name: "xdp", ...code("exit"), relocations: [] },
        { name: ".rel2", type: 9, data: words(), info: 1 },
      ],
      symbols: [prog],
    },
    "ELF: t.o: xdp: expected one section of relocations, got .relxdp as well",
  ],
  [
    "relocations of an odd size",
    {
      sections: [
        { name: "xdp", ...code("exit") },
        { name: ".rel", type: 9, data: words(1), info: 1 },
      ],
      symbols: [prog],
    },
    "ELF: t.o: .rel+0x0: expected entries of 16 bytes, got 4 bytes in all",
  ],
  [
    "relocations of no section",
    {
      sections: [
        { name: "xdp", ...code("exit") },
        { name: ".rel", type: 9, data: words(), info: 88 },
      ],
      symbols: [prog],
    },
    "ELF: t.o: .rel+0x0: expected relocations of a section below 5, got 88",
  ],
  [
    "maps of an odd size",
    objectWith(
      loads("m"),
      [prog, { ...map, name: "m", section: "maps/m" }],
      [{ name: "maps/m", ...DATA, data: words(1, 2, 3) }],
    ),
    "ELF: t.o: maps/m: expected 1 definitions of 20 or more bytes, got 12 bytes in all",
  ],
  [
    "maps of two sizes",
    {
      sections: [
        { name: "xdp", ...code("exit") },
        { name: "maps", ...DATA, data: new Uint8Array(48) },
      ],
      symbols: [prog, map, { ...map, name: "n", value: 20 }],
    },
    "ELF: t.o: maps+0x14: expected map n at 0x18, got 0x14",
  ],
  [
    "maps without symbols",
    {
      sections: [
        { name: "xdp", ...code("exit") },
        { name: "maps", ...DATA, data: new Uint8Array(20) },
      ],
      symbols: [prog],
    },
    "ELF: t.o: maps: expected a symbol for each map, got none",
  ],
  [
    "maps without bytes",
    {
      sections: [
        { name: "xdp", ...code("exit") },
        { name: "maps", ...BSS, size: 20 },
      ],
      symbols: [prog],
    },
    "ELF: t.o: maps: expected definitions, got a section without bytes",
  ],
  [
    "BTF maps without BTF",
    {
      sections: [
        { name: "xdp", ...code("exit") },
        { name: ".maps", ...DATA, data: new Uint8Array(32) },
      ],
      symbols: [prog],
    },
    "ELF: t.o: .maps: expected a .BTF section that describes the maps, got none (compile with -g)",
  ],
];

describe("damaged data and maps", () => {
  test.each(DATA_CASES)("%s", (_, spec, message) => {
    expect(refusal(makeObject(spec))).toBe(`ERR_RUNBPF_${message}`);
  });
});

/** .BTF: a header, then `types`, then `strings`. */
function btf(types: number[], strings = "\0int\0m\0.maps\0type\0"): Uint8Array {
  const text = new TextEncoder().encode(strings);
  const header = words(0x0001eb9f, 24, 0, types.length * 4, types.length * 4, text.length);
  return new Uint8Array([...header, ...words(...types), ...text]);
}
const info = (kind: number, members = 0): number => kind * 0x1000000 + members;
const datasec = [7, info(15, 1), 0, 3, 0, 0]; // .maps with the variable of type 3
const BTF_CASES: [what: string, bytes: Uint8Array, message: string][] = [
  [
    "a wrong magic number",
    words(0x0001eb9e, 24, 0, 0, 0, 0),
    "BTF: t.o: .BTF+0x0: expected BTF (0xeb9f), got 0xeb9e",
  ],
  ["another version", words(0x0002eb9f, 24, 0, 0, 0, 0), "BTF: t.o: .BTF+0x2: expected BTF version 1, got 2"],
  [
    "a header past the end",
    words(0x0001eb9f, 99, 0, 0, 0, 0),
    "BTF: t.o: .BTF+0x4: expected a header of 24 … 24 bytes, got 99",
  ],
  [
    "types past the end",
    words(0x0001eb9f, 24, 0, 0xffffffff, 0, 0),
    "BTF: t.o: .BTF+0x18: expected 4294967295 bytes (types), got 0 left",
  ],
  ["an unknown kind", btf([0, info(25), 0]), "BTF: t.o: .BTF+0x1c: expected a kind of type 1 … 19, got 25"],
  [
    "members past the end",
    btf([0, info(4, 9), 0]),
    "BTF: t.o: .BTF+0x18: expected type 1 (struct) inside the types, got 120 bytes at 0x18",
  ],
  [
    "a name outside the strings",
    btf([99, info(2), 0]),
    "BTF: t.o: .BTF+0x0: expected a type's name inside a string table of 18 bytes, got offset 0x63",
  ],
  [
    "no data section for the maps",
    btf([]),
    "ELF: t.o: .maps: expected a data section .maps in .BTF, got none (compile with -g)",
  ],
  [
    "a typedef of itself",
    btf([...datasec, 0, info(8), 2, 5, info(14), 2, 0]),
    "BTF: t.o: .BTF+0x3c: expected type 2 to end in a type, got a chain of typedefs",
  ],
  [
    "a type that is not there",
    btf([...datasec, 0, info(2), 0, 5, info(14), 77, 0]),
    "BTF: t.o: .BTF+0x0: expected a type below 4, got 77",
  ],
  [
    "a map that is a number",
    btf([...datasec, 1, info(1), 4, 0, 5, info(14), 2, 0]),
    "ELF: t.o: .maps: m: expected a map definition (a struct), got a int",
  ],
  [
    "a map type that is a number",
    btf([...datasec, 0, info(4, 1), 8, 13, 4, 0, 5, info(14), 2, 0, 1, info(1), 4, 0]),
    "ELF: t.o: .maps: m: expected __uint(type, …), got a member of kind int",
  ],
];

describe("damaged BTF", () => {
  test.each(BTF_CASES)("%s", (_, bytes, message) => {
    const sections = [
      { name: "xdp", ...code("exit") },
      { name: ".maps", ...DATA, data: new Uint8Array(8) },
      { name: ".BTF", data: bytes },
    ];
    expect(refusal(makeObject({ sections, symbols: [prog, { ...map, section: ".maps", name: "m" }] }))).toBe(
      `ERR_RUNBPF_${message}`,
    );
  });
});

test("names with control characters do not reach the terminal", () => {
  const message = refusal(
    makeObject({ sections: [{ name: "\x1b[31mred", ...code("r0 = 0") }], symbols: [] }),
  );
  expect(message).toContain("?[31mred");
  expect(message).not.toContain("\x1b");
});

describe("what would cost a lot of time or memory", () => {
  test("many names in one endless string", () => {
    const names = Array.from({ length: 2000 }, (_, i) => ({ ...undefinedSymbol(""), value: i }));
    const bytes = makeObject({
      sections: [{ name: "xdp", ...code("exit") }],
      symbols: [undefinedSymbol("x".repeat(100_000)), ...names],
    });
    const view = new DataView(bytes.buffer);
    const symbols = view.getUint32(view.getUint32(40, true) + 2 * 64 + 24, true);
    for (let i = 0; i < names.length; i++) view.setUint32(symbols + (i + 2) * 24, i + 1, true);
    expect(refusal(bytes)).toMatch(
      /^ERR_RUNBPF_ELF: .* expected names of at most \d+ bytes in all, got more$/,
    );
  });

  test("200 000 functions by their calls", () => {
    const call = assemble("call local +0");
    const bytes = new Uint8Array(call.length * 200_000 + 8);
    for (let i = 0; i < 200_000; i++) bytes.set(call, i * call.length);
    bytes.set(assemble("exit"), bytes.length - 8);
    const message = refusal(makeObject({ sections: [{ name: "xdp", ...CODE, data: bytes }] }));
    expect(message).toBe(
      "ERR_RUNBPF_INSN: t.o: xdp+0x0: expected exit or a jump as the last instruction of xdp, got call.local",
    );
  });
});

/** xorshift32: the same mutations on every run, for a seed that a failure prints. */
function random(seed: number): (below: number) => number {
  let x = seed | 1;
  return (below) => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) % below;
  };
}

const FILES = ["calls", "data", "maps-legacy", "maps-btf", "core"].flatMap((name) =>
  ["14", "19"].map(
    (v) => new Uint8Array(readFileSync(new URL(`../objects/${name}-clang${v}.o`, import.meta.url))),
  ),
);

/** One file with bytes flipped or set, a part cut off, or a part of another file in its place. */
function mutate(seed: number): Uint8Array {
  const next = random(seed * 2654435761);
  for (let i = 0; i < 4; i++) next(2); // small seeds differ in few bits
  const bytes = FILES[next(FILES.length)].slice();
  const kind = next(4);
  if (kind === 0) return bytes.subarray(0, next(bytes.length));
  if (kind === 1) {
    const other = FILES[next(FILES.length)];
    const [from, at] = [next(other.length), next(bytes.length)];
    bytes.set(other.subarray(from, from + Math.min(next(200), bytes.length - at)), at);
    return bytes;
  }
  for (let i = 1 + next(8); i > 0; i--) {
    // Half of the changes hit the tables that everything else hangs on: the header and the last part of the file.
    const at = next(2) === 0 ? next(bytes.length) : next(2) === 0 ? next(64) : bytes.length - 1 - next(2400);
    bytes[at] = kind === 2 ? bytes[at] ^ (1 << next(8)) : [0, 0xff, 0x7f, 0x80, next(256)][next(5)];
  }
  return bytes;
}

test("mutated objects are refused or accepted, soon, and never end in another error", () => {
  const count = process.env.RUNBPF_SLOW ? 10_000 : 500;
  let refused = 0;
  for (let seed = 1; seed <= count; seed++) {
    const bytes = mutate(seed);
    const start = performance.now();
    const outcome = refusal(bytes);
    const time = performance.now() - start;
    expect(outcome, `seed ${seed}`).not.toMatch(/^not an InputError/);
    expect(time, `seed ${seed}: milliseconds`).toBeLessThan(2000);
    if (outcome !== "accepted") refused++;
  }
  expect(refused).toBeGreaterThan(count / 10);
  expect(refused).toBeLessThan(count);
});
