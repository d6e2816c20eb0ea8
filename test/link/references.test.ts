/** Every form of reference that objects contain, one small object each. */

import { describe, expect, test } from "vitest";
import { type LinkOptions, link, linkRaw } from "../../compiler/link.ts";
import { load } from "../../compiler/load.ts";
import { distance, nearest } from "../../compiler/nearest.ts";
import type { Program } from "../../compiler/program.ts";
import { assemble } from "../../formats/isa/bpf.ts";
import { BSS, CODE, DATA, makeObject, type ObjectSpec, RODATA, type SymbolSpec } from "../elf-object.ts";
import { describeFunctions, describePointers } from "./describe.ts";

const words = (...values: number[]): Uint8Array => new Uint8Array(new Uint32Array(values).buffer);
const code = (text: string) => ({ ...CODE, data: assemble(text) });
const func = (name: string, section: string, value = 0, size = 0): SymbolSpec => ({
  name,
  section,
  value,
  size,
  type: "FUNC",
});
const local = (symbol: SymbolSpec): SymbolSpec => ({ ...symbol, bind: "LOCAL" });
const sectionSymbol = (section: string): SymbolSpec => ({
  name: section,
  section,
  type: "SECTION",
  bind: "LOCAL",
});

const HELPERS = { puts: 51, printf: 50 };
const linkSpec = (spec: ObjectSpec, options: Partial<LinkOptions> = {}): Program =>
  link(load(makeObject(spec), "t.o"), {
    helperByName: (name) => HELPERS[name as keyof typeof HELPERS],
    helperNames: Object.keys(HELPERS),
    ...options,
  });

const TWO = "r0 = 1\nexit\nr0 = 2\nexit"; // functions at 0 and 16

/** Calls: what the object has, and what the functions then refer to. */
const CALLS: [what: string, spec: ObjectSpec, functions: Record<string, string[]>][] = [
  [
    "by a FUNC symbol",
    {
      sections: [
        { name: ".text", ...code(TWO) },
        { name: "xdp", ...code("call -1\nexit"), relocations: [{ offset: 0, type: "64_32", symbol: "g" }] },
      ],
      symbols: [func("f", ".text", 0, 16), func("g", ".text", 16, 16), func("prog", "xdp")],
    },
    { prog: ["g"], g: [] },
  ],
  [
    "by a section symbol and an addend in the immediate",
    {
      sections: [
        { name: ".text", ...code(TWO) },
        {
          name: "xdp",
          ...code("call local +1\nexit"),
          relocations: [{ offset: 0, type: "64_32", symbol: ".text" }],
        },
      ],
      symbols: [
        sectionSymbol(".text"),
        local(func("f", ".text", 0, 16)),
        local(func("g", ".text", 16, 16)),
        func("prog", "xdp"),
      ],
    },
    { prog: ["g"], g: [] },
  ],
  [
    "with an explicit addend (RELA)",
    {
      sections: [
        { name: ".text", ...code(TWO) },
        {
          name: "xdp",
          ...code("call -1\nexit"),
          relocations: [{ offset: 0, type: "64_32", symbol: ".text", addend: 16 }],
        },
      ],
      symbols: [sectionSymbol(".text"), local(func("g", ".text", 16, 16)), func("prog", "xdp")],
    },
    { prog: ["g"], g: [] },
  ],
  [
    "by a distance without relocation",
    {
      sections: [{ name: "xdp", ...code("call g\nexit\ng: r0 = 2\nexit") }],
      symbols: [func("prog", "xdp", 0, 16), local(func("g", "xdp", 16, 16))],
    },
    { prog: ["g"], g: [] },
  ],
  [
    "in code without FUNC symbols",
    {
      sections: [{ name: "xdp", ...code("goto l\nl: call g\nexit\ng: r0 = 2\nexit") }],
      symbols: [local({ name: "LBB0_1", section: "xdp", value: 8 })],
    },
    { xdp: ["xdp+0x18"], "xdp+0x18": [] },
  ],
  [
    "to a label without type in another section",
    {
      sections: [
        { name: ".text", ...code(TWO) },
        { name: "xdp", ...code("call -1\nexit"), relocations: [{ offset: 0, type: "64_32", symbol: "asm" }] },
      ],
      symbols: [{ name: "asm", section: ".text", value: 16 }, func("prog", "xdp")],
    },
    { prog: ["asm"], asm: [] },
  ],
  [
    "of an old compiler: EM_NONE, relocations of type 0",
    {
      machine: 0,
      sections: [
        { name: "maps", ...DATA, data: words(1, 4, 8, 1, 0) },
        {
          name: "xdp",
          ...code("r1 = 0 ll\ncall -1\nexit"),
          relocations: [
            { offset: 0, type: 0, symbol: "m" },
            { offset: 16, type: 0, symbol: "puts" },
          ],
        },
      ],
      symbols: [
        { name: "m", section: "maps" },
        { name: "puts", section: "undefined" },
      ],
    },
    { xdp: ["map m", "helper 51"] },
  ],
  [
    "by a forward declaration",
    {
      sections: [
        { name: ".text", ...code(TWO) },
        { name: "xdp", ...code("call -1\nexit"), relocations: [{ offset: 0, type: "64_32", symbol: 1 }] },
      ],
      symbols: [{ name: "g", section: "undefined" }, func("g", ".text", 16, 16), func("prog", "xdp")],
    },
    { prog: ["g"], g: [] },
  ],
  [
    "of undefined functions, by name",
    {
      sections: [
        {
          name: "xdp",
          ...code("call -1\ncall -1\ncall 7\nexit"),
          relocations: [
            { offset: 0, type: "64_32", symbol: "printf" },
            { offset: 8, type: "64_32", symbol: "mine" },
          ],
        },
      ],
      symbols: [
        { name: "printf", section: "undefined" },
        { name: "mine", section: "undefined" },
        func("prog", "xdp"),
      ],
    },
    { prog: ["helper 50", "helper 2000001", "helper 7"] },
  ],
  [
    "as function pointers",
    {
      sections: [
        { name: ".text", ...code(TWO) },
        {
          name: "xdp",
          ...code("r1 = 16 ll\nld_pseudo r2, 4, 0\nr3 = g ll\nexit\ng: exit"),
          relocations: [
            { offset: 0, symbol: ".text" },
            { offset: 16, symbol: "f" },
          ],
        },
      ],
      symbols: [
        sectionSymbol(".text"),
        ...[func("f", ".text", 0, 16), local(func("h", ".text", 16, 16))],
        ...[func("prog", "xdp", 0, 56), local(func("g", "xdp", 56, 8))],
      ],
    },
    { prog: ["h", "f", "g"], h: [], f: [], g: [] },
  ],
];

test.each(CALLS)("calls %s", (_, spec, functions) => {
  expect(describeFunctions(linkSpec(spec, { externs: { mine: 2000001 } }))).toEqual(functions);
});

test("a weak definition loses to a global one of its name", () => {
  const { functions } = linkSpec({
    sections: [
      { name: ".text", ...code(TWO) },
      { name: "xdp", ...code("call -1\nexit"), relocations: [{ offset: 0, type: "64_32", symbol: 1 }] },
    ],
    symbols: [
      { ...func("f", ".text", 0, 16), bind: "WEAK" },
      func("f", ".text", 16, 16),
      func("prog", "xdp"),
    ],
  });
  expect(functions.map((f) => [f.name, f.offset])).toEqual([
    ["prog", 0],
    ["f", 16],
  ]);
});

/** Loads of one 64-bit immediate: symbol, text, and what it refers to. */
const LOADS: [what: string, symbol: string, text: string, reference: string][] = [
  ["a variable", "b", "r1 = 0 ll", "data+16"],
  ["a place in a section", ".data", "r1 = 4 ll", "data+12"],
  ["the last byte before a section", ".data", "r1 = -1 ll", "data+7"],
  ["zeros", "z", "r1 = 0 ll", "data+24"],
  ["a common variable", "common", "r1 = 0 ll", "data+40"],
  ["a constant", ".rodata", "r1 = 3 ll", "rodata+3"],
  ["a string", ".rodata.str1.1", "r1 = 1 ll", "rodata+9"],
  ["a map", "m2", "r1 = 0 ll", "map m2"],
  ["a map by its section", "maps", "r1 = 20 ll", "map m2"],
  ["a map with its pseudo register", "m1", "ld_pseudo r1, 1, 0", "map m1"],
  ["a map's value", "m1", "ld_pseudo r1, 2, 0 + 4", "map m1+4"],
];

test.each(LOADS)("loads %s", (_, symbol, text, reference) => {
  const all = [".data.first", "z", "common", "b", ".rodata", ".rodata.str1.1", "m1", "m2"]; // everything gets a place
  const program = linkSpec({
    sections: [
      {
        name: "xdp",
        ...code([text, ...all.map(() => "r2 = 0 ll"), "exit"].join("\n")),
        relocations: [symbol, ...all].map((name, i) => ({ offset: i * 16, symbol: name })),
      },
      { name: ".data.first", ...DATA, data: words(1) },
      { name: ".data", ...DATA, data: words(1, 2, 3) },
      { name: ".bss", ...BSS, size: 12 },
      { name: ".rodata", ...RODATA, data: words(4, 5) },
      { name: ".rodata.str1.1", ...RODATA, data: words(6) },
      { name: "maps", ...DATA, data: words(1, 4, 8, 1, 0, 2, 4, 8, 1, 0) },
    ],
    symbols: [
      ...[".data.first", ".data", ".rodata", ".rodata.str1.1", "maps"].map(sectionSymbol),
      { name: "b", section: ".data", value: 8, size: 4, type: "OBJECT" },
      { name: "z", section: ".bss", size: 12, type: "OBJECT" },
      { name: "common", section: "common", value: 8, size: 8, type: "OBJECT" },
      { name: "m1", section: "maps", type: "OBJECT" },
      { name: "m2", section: "maps", value: 20, type: "OBJECT" },
      func("prog", "xdp"),
    ],
  });
  expect(describeFunctions(program).prog[0]).toBe(reference);
  expect([program.data.length, program.dataSize, program.rodata.length, program.rodataAlign]).toEqual([
    17, 48, 12, 1,
  ]);
});

test("a load of an absolute symbol, or of an undefined weak one, is a number", () => {
  const program = linkSpec({
    sections: [
      {
        name: "xdp",
        ...code("r1 = 2 ll\nr1 = 0 ll\nexit"),
        relocations: [
          { offset: 0, symbol: "abs" },
          { offset: 16, symbol: "weak" },
        ],
      },
    ],
    symbols: [
      { name: "abs", section: "absolute", value: 0x500000001 },
      { name: "weak", section: "undefined", bind: "WEAK" },
      func("prog", "xdp"),
    ],
  });
  const [abs, weak] = program.functions[0].insns;
  expect([abs.hi, abs.imm, weak.hi, weak.imm]).toEqual([5, 3, 0, 0]);
  expect(program.functions[0].references.every((r) => r === undefined)).toBe(true);
});

test("pointers in data: to functions, data, constants, by symbol and by section; constants with pointers are writable", () => {
  const program = linkSpec({
    sections: [
      { name: ".text", ...code(TWO) },
      { name: "xdp", ...code("r1 = 0 ll\nexit"), relocations: [{ offset: 0, symbol: ".data" }] },
      {
        name: ".data",
        ...DATA,
        data: words(16, 0, 0, 0, 2, 0, 0, 0, 0, 0),
        relocations: [
          { offset: 0, type: "ABS64", symbol: ".text" },
          { offset: 8, type: "ABS64", symbol: "f" },
          { offset: 16, type: "ABS64", symbol: ".rodata.str1.1" },
          { offset: 24, type: "ABS64", symbol: "table" },
          { offset: 32, type: "ABS64", symbol: "weak" },
        ],
      },
      { name: ".rodata.str1.1", ...RODATA, data: words(0x61626364) },
      {
        name: ".data.rel.ro",
        ...RODATA,
        align: 8,
        data: words(8, 0),
        relocations: [{ offset: 0, type: "ABS64", symbol: ".data" }],
      },
    ],
    symbols: [
      ...[".text", ".data", ".rodata.str1.1"].map(sectionSymbol),
      func("f", ".text", 0, 16),
      local(func("g", ".text", 16, 16)),
      { name: "table", section: ".data.rel.ro", size: 8, type: "OBJECT" },
      { name: "weak", section: "undefined", bind: "WEAK" },
      func("prog", "xdp"),
    ],
  });
  expect(describePointers(program)).toEqual([
    "0 → g",
    "8 → f",
    "16 → rodata+2",
    "24 → data+40",
    "40 → data+8",
  ]);
  expect(program.data).toEqual(new Uint8Array(48));
  expect(program.symbols).toEqual([{ name: "table", block: "data", offset: 40, size: 8 }]);
});

describe("programs", () => {
  const many: ObjectSpec = {
    sections: [
      { name: ".text", ...code(TWO) },
      { name: "xdp", ...code(TWO) },
      { name: "tc", ...code(TWO) },
      { name: "license", ...DATA, data: new TextEncoder().encode("GPL\0junk") },
    ],
    symbols: [
      func("helper", ".text"),
      ...[func("a", "xdp", 0, 16), func("b", "xdp", 16, 16)],
      ...[func("alias", "tc", 0, 16), func("c", "tc", 0, 16), local(func("hidden", "tc", 16, 16))],
    ],
  };
  const names = (p: Program) => p.entries.map((e) => `${e.hook}:${e.name}`);

  test("are the global functions outside .text, under all their names", () => {
    const program = linkSpec(many);
    expect(names(program)).toEqual(["xdp:a", "xdp:b", "tc:alias", "tc:c"]);
    expect(program.entries.map((e) => e.func)).toEqual([0, 1, 2, 2]);
    expect(program.functions.map((f) => f.name)).toEqual(["a", "b", "alias"]);
    expect(program.license).toBe("GPL");
  });

  test.each([
    ["b", ["xdp:b"]],
    ["c", ["tc:c"]],
    ["hidden", ["tc:hidden"]],
    ["helper", [":helper"]],
    ["xdp", ["xdp:a", "xdp:b"]],
  ])("can be chosen: %s", (program, entries) => {
    expect(names(linkSpec(many, { program }))).toEqual(entries);
  });

  test("are those of .text when there is nothing else", () => {
    const symbols = [func("f", ".text", 0, 16), local(func("g", ".text", 16, 16))];
    expect(names(linkSpec({ sections: [{ name: ".text", ...code(TWO) }], symbols }))).toEqual([":f"]);
  });

  test("are the whole section where it has no functions", () => {
    const program = linkSpec({ sections: [{ name: "xdp", ...code("r0 = 1\nexit") }] });
    expect(names(program)).toEqual(["xdp:xdp"]);
  });
});

describe("raw bytecode", () => {
  test("is one program with its functions", () => {
    const program = linkRaw(
      assemble("call f\ngoto end\nend: exit\nf: r1 = g ll\ncallx r1\nexit\ng: r0 = 3\nexit"),
      "t.bin",
    );
    expect(program.entries).toEqual([{ name: "main", hook: "", func: 0 }]);
    expect(describeFunctions(program)).toEqual({
      main: ["main+0x18"],
      "main+0x18": ["main+0x38"],
      "main+0x38": [],
    });
    expect([...program.functions[0].targets]).toEqual([-1, 2, -1]);
  });

  test.each([
    ["r0 = 0", "t.bin+0x0: expected exit or a jump as the last instruction of main, got mov64.imm"],
    ["ld_pseudo r1, 1, 3\nexit", "t.bin+0x0: expected a relocation to a map, got map descriptor 3"],
    [
      "call kfunc 5\nexit",
      "t.bin+0x0: expected a call of a helper or a function, got kernel function 5 (there is no kernel to call)",
    ],
  ])("is checked: %s", (text, message) => {
    expect(() => linkRaw(assemble(text), "t.bin")).toThrow(message);
  });
});

test("the nearest name", () => {
  expect([distance("kitten", "sitting"), distance("", "abc"), distance("a", "a")]).toEqual([3, 3, 0]);
  expect(nearest("printg", ["puts", "printf", "fprintf"])).toBe("printf");
  expect(nearest("completely_other", ["puts", "printf"])).toBeUndefined();
});
