/** bare and spf: what is written is read back, the same bytes for the same container, sizes, targets, and the pages that specify them. */

import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BARE_HEADER, readBare, writeBare } from "../formats/bare.ts";
import { crc32 } from "../formats/bytes.ts";
import { ARCHES, type Arch, CONTEXTS, type Container, type Import } from "../formats/container.ts";
import { DEBUG, FUNCTION } from "../formats/debug.ts";
import { fieldsSize, fieldTable } from "../formats/fields.ts";
import { PIN_ENTRY, PIN_HEADER } from "../formats/pin.ts";
import { containerFormat, readContainer } from "../formats/read.ts";
import { DATA, IMPORT, INITIAL, MAP, PROGRAM, SECTIONS, SYMBOL } from "../formats/sections.ts";
import { readSpf, SECTION_HEADER, SPF_HEADER, spfTargets, writeSpf } from "../formats/spf.ts";
import { IMPLEMENTATIONS } from "../helpers/implementations.ts";
import { LIBRARY_HELPERS } from "../helpers/library.ts";
import { HELPERS, prototypeHash, prototypeText } from "../helpers/table.ts";

const arch = fc.constantFrom(...(Object.keys(ARCHES) as Arch[]));
const name = fc.string({ unit: "grapheme", maxLength: 12 }).map((text) => text.replaceAll("\0", ""));
const u32 = fc.nat(0xffff_ffff);

const contract = fc.record({
  verified: fc.boolean(),
  bounded: fc.boolean(),
  context: fc.nat(255),
  memory: fc.nat(65535),
  stack: fc.nat(65535).map((units) => units * 16),
});

const helperImport = fc.record({
  kind: fc.constant("helper" as const),
  id: fc.nat(3_999_999),
  hash: fc.nat(1023),
});

/** Code, a data block with initial bytes, and pointers in them that lead somewhere. */
const blocks = fc
  .record({
    code: fc.uint8Array({ minLength: 4, maxLength: 64 }),
    words: fc.array(
      fc.record({
        value: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        pointer: fc.constantFrom("", "code", "data"),
      }),
      { maxLength: 6 },
    ),
    more: fc.nat(5),
  })
  .map(({ code, words, more }) => {
    const dataSize = 8 * (words.length + more);
    const data = new Uint8Array(8 * words.length);
    const view = new DataView(data.buffer);
    const relocations: Container["relocations"] = [];
    words.forEach(({ value, pointer }, i) => {
      const limit = BigInt(pointer === "code" ? code.length : dataSize);
      view.setBigUint64(8 * i, pointer === "" ? value : value % (limit + 1n), true);
      if (pointer !== "") relocations.push({ at: 8 * i, block: pointer as "code" | "data" });
    });
    return { code, data, dataSize, relocations };
  });

const bare: fc.Arbitrary<Container> = fc
  .record({ arch, blocks, contract, helpers: fc.array(helperImport, { maxLength: 5 }) })
  .map(({ arch, blocks, contract, helpers }) => ({
    format: "bare",
    arch,
    ...blocks,
    imports: blocks.dataSize > 0 ? [...helpers, { kind: "data" as const }] : helpers,
    programs: [{ name: "", hook: "", offset: 0, contract }],
    maps: [],
    symbols: [],
  }));

const map = fc
  .record({ name, type: u32, keySize: u32, valueSize: u32, maxEntries: u32, flags: u32 })
  .map((numbers) => ({ ...numbers, inner: -1, initial: [] }));

const spf: fc.Arbitrary<Container> = fc
  .record({
    arch,
    blocks,
    programs: fc.array(fc.record({ name, hook: name, offset: fc.nat(3), contract }), {
      minLength: 1,
      maxLength: 4,
    }),
    maps: fc.array(map, { maxLength: 3 }),
    helpers: fc.array(helperImport, { maxLength: 4 }),
    named: fc.array(
      fc.record({
        kind: fc.constant("named" as const),
        name: name.filter((text) => text !== ""),
        hash: fc.nat(1023),
      }),
      { maxLength: 3 },
    ),
    lines: fc.option(
      fc.array(fc.record({ offset: fc.nat(4), file: fc.nat(1), line: u32 }), { maxLength: 5 }),
    ),
  })
  .map(({ arch, blocks, programs, maps, helpers, named, lines }) => {
    const imports: Import[] = [...named, ...helpers, { kind: "function", offset: 2 }];
    if (blocks.dataSize > 0) imports.splice(1, 0, { kind: "data" });
    for (const [index, map] of maps.entries()) {
      imports.push({ kind: "map", index });
      map.name += index;
    }
    if (maps.length > 1)
      Object.assign(maps[0], {
        inner: 1,
        keySize: 4,
        maxEntries: 9,
        initial: [{ index: 8, kind: "map", target: 1 }],
      });
    if (maps.length > 2)
      Object.assign(maps[2], {
        keySize: 4,
        maxEntries: 1,
        initial: [{ index: 0, kind: "program", target: 0 }],
      });
    const symbols =
      blocks.dataSize > 0
        ? [{ block: "data" as const, name: "counter", offset: 4, size: blocks.dataSize - 4 }]
        : [];
    const container: Container = { format: "spf", arch, ...blocks, imports, programs, maps, symbols };
    if (lines !== null)
      container.debug = {
        functions: [
          { name: "f", start: 0, end: 3 },
          { name: "f", start: 3, end: 4 },
        ],
        files: ["a.c", "dir/a.c"],
        lines: lines.sort((a, b) => a.offset - b.offset),
      };
    return container;
  });

/** What reading gives back: initial data without trailing zeros, code up to a multiple of 4. */
function normal(container: Container): unknown {
  const least = Math.max(0, ...container.relocations.map((relocation) => relocation.at + 8));
  let end = container.data.length;
  while (end > least && container.data[end - 1] === 0) end--;
  const code = Buffer.from(container.code).toString("hex");
  const padded = container.format === "bare" ? code.padEnd(Math.ceil(code.length / 8) * 8, "0") : code;
  return { ...container, code: padded, data: Buffer.from(container.data.subarray(0, end)).toString("hex") };
}

const RUNS = { numRuns: process.env.RUNBPF_SLOW === "1" ? 5000 : 300, seed: 7 };

describe("round trip", () => {
  test("bare", () => {
    fc.assert(
      fc.property(bare, (container) => {
        const bytes = writeBare(container);
        const back = readContainer(bytes, "x");
        expect(normal(back)).toEqual(normal(container));
        expect(writeBare(back)).toEqual(bytes);
      }),
      RUNS,
    );
  });

  test("spf", () => {
    fc.assert(
      fc.property(spf, (container) => {
        const bytes = writeSpf(container);
        const back = readContainer(bytes, "x");
        expect(normal(back)).toEqual(normal(container));
        expect(writeSpf(back)).toEqual(bytes);
      }),
      RUNS,
    );
  });

  test("spf for several targets", () => {
    fc.assert(
      fc.property(spf, spf, spf, (a, b, c) => {
        const targets: Container[] = [
          { ...c, arch: "riscv64" },
          { ...a, arch: "x64" },
          { ...b, arch: "arm64" },
        ];
        const bytes = writeSpf(targets);
        expect(spfTargets(bytes, "x")).toEqual(["x64", "arm64", "riscv64"]);
        for (const target of targets)
          expect(normal(readSpf(bytes, "x", target.arch))).toEqual(normal(target));
      }),
      { ...RUNS, numRuns: RUNS.numRuns / 5 },
    );
  });
});

const hello = (format: "bare" | "spf", more: Partial<Container> = {}): Container => ({
  format,
  arch: "x64",
  code: new Uint8Array(24).fill(0x90),
  imports: [{ kind: "helper", id: 1_000_051, hash: 0x206 }],
  data: new Uint8Array(0),
  dataSize: 0,
  relocations: [],
  programs: [
    {
      name: format === "bare" ? "" : "hello",
      hook: format === "bare" ? "" : "tcmd/hello",
      offset: 0,
      contract: { verified: false, bounded: true, context: CONTEXTS.cmd, memory: 0, stack: 16 },
    },
  ],
  maps: [],
  symbols: [],
  ...more,
});

describe("sizes", () => {
  test("bare adds 36 bytes to code with one helper", () =>
    expect(writeBare(hello("bare")).length).toBe(24 + 36));

  test("spf takes at most 110 bytes more than bare", () =>
    expect(writeSpf(hello("spf")).length - writeBare(hello("bare")).length).toBeLessThanOrEqual(110));

  test("a section that targets share is stored once", () => {
    const one = writeSpf(hello("spf")).length;
    const two = writeSpf([hello("spf"), hello("spf", { arch: "arm64" })]).length;
    expect(two - one).toBe(8 + 24); // a section header and code
  });

  test("code starts at a multiple of 16 for every target", () => {
    for (const size of [4, 8, 12, 16, 20, 24, 28, 32]) {
      const code = new Uint8Array(size).fill(1);
      const bytes = writeSpf([hello("spf", { code }), hello("spf", { code, arch: "arm64" })]);
      for (const arch of ["x64", "arm64"] as const)
        expect(readSpf(bytes, "x", arch).code.byteOffset % 16).toBe(0);
    }
  });

  test("a large file is read in time that grows with its size", () => {
    const lines = Array.from({ length: 130_000 }, (_, i) => ({ offset: 8 * i, file: 0, line: i % 977 }));
    const functions = Array.from({ length: 20_000 }, (_, i) => ({
      name: `f${i}`,
      start: 52 * i,
      end: 52 * i + 52,
    }));
    const debug = { functions, files: ["a.c"], lines };
    const bytes = writeSpf(hello("spf", { code: new Uint8Array(1_040_000), debug }));
    const start = performance.now();
    expect(readSpf(bytes, "x").debug?.lines.length).toBe(130_000);
    expect(performance.now() - start).toBeLessThan(1000);
  });
});

describe("what bare cannot hold", () => {
  const program = hello("bare").programs[0];
  test.each<[string, Partial<Container>, string]>([
    [
      "maps",
      {
        maps: [
          { name: "m", type: 1, keySize: 4, valueSize: 8, maxEntries: 1, flags: 0, inner: -1, initial: [] },
        ],
      },
      'the map "m"',
    ],
    [
      "a helper without an id",
      { imports: [{ kind: "named", name: "f", hash: 0 }] },
      'the helper "f", which has no id',
    ],
    ["a function import", { imports: [{ kind: "function", offset: 0 }] }, "a function among the imports"],
    ["two programs", { programs: [program, program] }, "2 programs"],
    [
      "a megabyte of stack",
      { programs: [{ ...program, contract: { ...program.contract, stack: 1 << 20 } }] },
      "1048576",
    ],
    [
      "64 KiB of context",
      { programs: [{ ...program, contract: { ...program.contract, memory: 65536 } }] },
      "65536",
    ],
  ])("%s", (_, more, got) => {
    expect(() => writeBare(hello("bare", more), "a.bare")).toThrow(
      expect.objectContaining({ code: "ERR_RUNBPF_UNSUPPORTED", where: "a.bare", got }),
    );
  });

  test("spf: a name of over 1023 bytes", () => {
    const programs = [{ ...hello("spf").programs[0], name: "n".repeat(1024) }];
    expect(() => writeSpf(hello("spf", { programs }))).toThrow(
      "expected names of at most 1023 bytes, got 1024: nnn",
    );
  });
});

test("the magic tells the kind", () => {
  expect(containerFormat(writeBare(hello("bare")))).toBe("bare");
  expect(containerFormat(writeSpf(hello("spf")))).toBe("spf");
  expect(containerFormat(new Uint8Array(3))).toBe(undefined);
  expect(() => readContainer(Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 2), "a.o")).toThrow(
    "a.o+0x0: expected a bare or an spf file, got 7f 45 4c 46 (an ELF object)",
  );
  expect(() => readContainer(new Uint8Array(0), "a.o")).toThrow("got an empty file");
});

/** formats/README.md is a specification: its tables come from the rows that the code uses. */
describe("formats/README.md", () => {
  const page = readFileSync(new URL("../formats/README.md", import.meta.url), "utf8");

  test.each(
    Object.entries({
      BARE_HEADER,
      SPF_HEADER,
      SECTION_HEADER,
      PROGRAM,
      PIN_HEADER,
      PIN_ENTRY,
      IMPORT,
      MAP,
      INITIAL,
      DATA,
      SYMBOL,
      DEBUG,
      FUNCTION,
    }),
  )("the table of %s", (_, fields) => expect(page).toContain(fieldTable(fields)));

  test("the table of sections", () => {
    for (const { type, name, critical, doc } of SECTIONS)
      expect(page).toContain(`| ${type} | ${name} | ${critical ? "yes" : "no"} | ${doc} |`);
  });

  test("architectures and contexts", () => {
    for (const [name, id] of [...Object.entries(ARCHES), ...Object.entries(CONTEXTS)])
      expect(page).toMatch(new RegExp(`\\| ${id} \\| \`?${name}\`? \\|`));
  });

  test("the CRC's test value", () => {
    expect(crc32(new TextEncoder().encode("123456789"))).toBe(0xcbf43926);
    expect(page).toContain("cbf43926");
  });

  test("the hex dump is a file that reads back as the text beside it says", () => {
    const dump = page.match(/```dump\n([\s\S]*?)```/)?.[1] ?? "";
    const bytes = Uint8Array.from(
      [...dump.matchAll(/^[0-9a-f]{4} {2}((?:[0-9a-f]{2} )+)/gm)].flatMap((row) => row[1].trim().split(" ")),
      (byte) => Number.parseInt(byte, 16),
    );
    const container = readBare(bytes, "README");
    expect(writeBare(container)).toEqual(bytes);
    expect(container.imports).toEqual([{ kind: "helper", id: 1_000_051, hash: 0x206 }, { kind: "data" }]);
    expect(container.dataSize).toBe(24);
    expect(container.relocations).toEqual([{ at: 0, block: "data" }]);
  });

  test("headers are 32 and 24 bytes", () => {
    expect(fieldsSize(BARE_HEADER)).toBe(32);
    expect(fieldsSize(SPF_HEADER)).toBe(24);
  });
});

test("helpers/README.md lists every helper with its id, hash and prototype", () => {
  const page = readFileSync(new URL("../helpers/README.md", import.meta.url), "utf8");
  const rows = HELPERS.map((helper) => {
    const names = [helper.name, ...helper.aliases].map((text) => `\`${text}\``).join(", ");
    const hash = prototypeHash(helper).toString(16).padStart(3, "0");
    const has = IMPLEMENTATIONS.has(helper.id) ? "yes" : LIBRARY_HELPERS.has(helper.id) ? "maps" : "";
    return `| ${helper.id} | ${names} | ${hash} | \`${prototypeText(helper)}\` | ${has} | ${helper.doc} |`;
  });
  const found = page.split("\n").filter((line) => /^\| \d+ \| `/.test(line));
  expect(found).toEqual(rows);
});
