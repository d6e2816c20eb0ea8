/** Damaged and hostile containers: each refusal with its message, and mutations that end in an InputError or a container. */

import { describe, expect, test } from "vitest";
import { writeBare } from "../../formats/bare.ts";
import { fileChecksum } from "../../formats/common.ts";
import type { Container } from "../../formats/container.ts";
import { InputError } from "../../formats/error.ts";
import { readContainer } from "../../formats/read.ts";
import { SECTIONS } from "../../formats/sections.ts";
import { readSpf, writeSpf } from "../../formats/spf.ts";
import { mutate, random, SLOW } from "../mutate.ts";

const words = (...values: number[]): Uint8Array => {
  const out = new Uint8Array(8 * values.length);
  values.forEach((value, i) => void new DataView(out.buffer).setBigUint64(8 * i, BigInt(value), true));
  return out;
};

const BARE: Container = {
  format: "bare",
  arch: "x64",
  code: new Uint8Array(16).fill(0x90),
  imports: [{ kind: "helper", id: 1_000_051, hash: 0x206 }, { kind: "data" }],
  data: words(3, 16, 8),
  dataSize: 64,
  relocations: [
    { at: 8, block: "code" },
    { at: 16, block: "data" },
  ],
  programs: [
    {
      name: "",
      hook: "",
      offset: 0,
      contract: { verified: true, bounded: true, context: 2, memory: 0, stack: 16 },
    },
  ],
  maps: [],
  symbols: [],
};

const SPF: Container = {
  ...BARE,
  format: "spf",
  programs: [{ ...BARE.programs[0], name: "main", hook: "tcmd/main" }],
  imports: [
    ...BARE.imports,
    { kind: "named", name: "my_helper", hash: 0 },
    { kind: "map", index: 0 },
    { kind: "function", offset: 8 },
  ],
  maps: [
    { name: "m", type: 1, keySize: 4, valueSize: 8, maxEntries: 16, flags: 0, inner: -1, initial: [] },
    {
      name: "o",
      type: 13,
      keySize: 4,
      valueSize: 4,
      maxEntries: 2,
      flags: 0,
      inner: 0,
      initial: [{ index: 1, kind: "map", target: 0 }],
    },
  ],
  symbols: [{ block: "data", name: "x", offset: 8, size: 8 }],
  debug: {
    functions: [{ name: "main", start: 0, end: 16 }],
    files: ["a.c"],
    lines: [
      { offset: 0, file: 0, line: 3 },
      { offset: 8, file: 0, line: 5 },
    ],
  },
};

/** The same file with a right checksum. */
function seal(file: Uint8Array): Uint8Array {
  if (file.length >= 16)
    new DataView(file.buffer, file.byteOffset).setUint32(12, fileChecksum(file, 12), true);
  return file;
}

type Change = (file: Uint8Array) => Uint8Array;
const set =
  (at: number, ...bytes: number[]): Change =>
  (file) => {
    file.set(bytes, at);
    return seal(file);
  };
const raw =
  (at: number, ...bytes: number[]): Change =>
  (file) => {
    file.set(bytes, at);
    return file;
  };

/** Where things are in the two files. */
const CODE_END = 32 + 16;
const HELPER = CODE_END;
const RELOCATION = HELPER + 4;
const INITIAL = RELOCATION + 8;

describe("bare", () => {
  /** [what, change, code, the message without the file's name] */
  const rows: [string, Change, string, string][] = [
    [
      "an empty file",
      () => new Uint8Array(0),
      "CONTAINER",
      "+0x0: expected a bare or an spf file, got an empty file",
    ],
    [
      "four bytes",
      (file) => file.slice(0, 4),
      "CONTAINER",
      "+0x0: expected a header of 32 bytes, got 4 bytes",
    ],
    [
      "another magic",
      raw(0, 0x7f, 0x45, 0x4c, 0x46),
      "CONTAINER",
      "+0x0: expected a bare or an spf file, got 7f 45 4c 46 (an ELF object)",
    ],
    ["a later version", raw(4, 2), "VERSION", ": expected bare version 1, got version 2"],
    ["an unknown architecture", raw(5, 9), "ARCH", ": expected an architecture id up to 5, got 9"],
    ["a cut file", (file) => file.slice(0, -1), "CONTAINER", "+0x8: expected file size 83, got 84"],
    [
      "a longer file",
      (file) => Uint8Array.of(...file, 0),
      "CONTAINER",
      "+0x8: expected file size 85, got 84",
    ],
    ["a flipped bit", raw(40, 0x91), "CONTAINER", "+0xc: expected checksum 0x"],
    ["flags", set(6, 4), "CONTAINER", "+0x6: expected flag bits 0 and 1 only, got 0x4"],
    [
      "no code",
      set(16, 0),
      "CONTAINER",
      "+0x10: expected a code size that is a multiple of 4, from 4 to 2^30 - 4, got 0",
    ],
    [
      "odd code",
      set(16, 18),
      "CONTAINER",
      "+0x10: expected a code size that is a multiple of 4, from 4 to 2^30 - 4, got 18",
    ],
    [
      "2^30 code",
      set(19, 0x40),
      "CONTAINER",
      "+0x10: expected a code size that is a multiple of 4, from 4 to 2^30 - 4, got 1073741840",
    ],
    [
      "too much code",
      set(17, 1),
      "CONTAINER",
      "+0x10: expected code, helpers and relocations within 84 bytes, got 316 bytes",
    ],
    [
      "odd data",
      set(20, 63),
      "CONTAINER",
      "+0x14: expected a data size that is a multiple of 8 below 2^31, got 63",
    ],
    [
      "2 GiB of data",
      set(23, 0x80),
      "CONTAINER",
      "+0x14: expected a data size that is a multiple of 8 below 2^31, got 2147483712",
    ],
    [
      "too many helpers",
      set(24, 99),
      "CONTAINER",
      "+0x10: expected code, helpers and relocations within 84 bytes, got 452 bytes",
    ],
    [
      "less data than initial data",
      set(20, 16),
      "CONTAINER",
      "+0x3c: expected at most 16 bytes of initial data, got 24",
    ],
    [
      "a helper id past the ranges",
      set(HELPER, 0, 9, 0x3d, 0),
      "CONTAINER",
      "+0x30: expected a helper id below 4000000, got 4000000",
    ],
    [
      "a relocation outside",
      set(RELOCATION, 6),
      "CONTAINER",
      "+0x34: expected relocation 0 inside 24 bytes of initial data, got offset 24",
    ],
    [
      "a relocation far outside",
      set(RELOCATION, 0xff, 0xff, 0xff, 0xff),
      "CONTAINER",
      "+0x34: expected relocation 0 inside 24 bytes of initial data, got offset 17179869176",
    ],
    [
      "a relocation twice",
      set(RELOCATION + 4, 3),
      "CONTAINER",
      "+0x38: expected one relocation a word, got a second one at 8",
    ],
    [
      "a pointer past the code",
      set(INITIAL + 8, 17),
      "CONTAINER",
      ": data+0x8: expected an offset in the code block (at most 0x10), got 0x11",
    ],
    [
      "a pointer past the data",
      set(INITIAL + 20, 1),
      "CONTAINER",
      ": data+0x10: expected an offset in the data block (at most 0x40), got 0x100000008",
    ],
  ];

  test.each(rows)("%s", (_, change, code, message) => {
    const file = change(writeBare(BARE));
    let error: unknown;
    try {
      readContainer(file, "f");
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(InputError);
    expect((error as InputError).message.slice(0, message.length + 1)).toBe(`f${message}`);
    expect((error as InputError).code).toBe(`ERR_RUNBPF_${code}`);
  });
});

/** Where the payload of a section starts in a file. */
function find(file: Uint8Array, name: string): number {
  const type = SECTIONS.find((section) => section.name === name)!.type;
  const view = new DataView(file.buffer, file.byteOffset);
  for (let at = 24; at < file.length; at += 8 + Math.ceil(view.getUint32(at + 4, true) / 8) * 8)
    if (file[at] === type) return at + 8;
  throw new Error(`no section ${name}`);
}

const inSection =
  (name: string, at: number, ...bytes: number[]): Change =>
  (file) =>
    set(find(file, name) + at, ...bytes)(file);

/** A file with a section more at its end. */
const extra =
  (type: number, flags: number, arch = 0xff, payload: number[] = []): Change =>
  (file) => {
    const body = [...payload, ...new Array((8 - (payload.length % 8)) % 8).fill(0)];
    const out = Uint8Array.of(...file, type, flags, arch, 0, payload.length, 0, 0, 0, ...body);
    const view = new DataView(out.buffer);
    view.setUint16(6, view.getUint16(6, true) + 1, true);
    view.setUint32(8, out.length, true);
    return seal(out);
  };

describe("spf", () => {
  const rows: [string, Change, string, string | RegExp][] = [
    [
      "a short file",
      (file) => file.slice(0, 23),
      "CONTAINER",
      "+0x0: expected a header of 24 bytes, got 23 bytes",
    ],
    ["a later version", raw(4, 2), "VERSION", ": expected spf version 1, got version 2"],
    ["a cut file", (file) => file.slice(0, -8), "CONTAINER", /^\+0x8: expected file size \d+, got \d+$/],
    ["a flipped bit", raw(40, 0x91), "CONTAINER", "+0xc: expected checksum 0x"],
    ["flags", set(5, 1), "CONTAINER", "+0x0: expected reserved fields of 0, got other values"],
    ["a reserved field", set(20, 1), "CONTAINER", "+0x0: expected reserved fields of 0, got other values"],
    ["no architecture", set(16, 0), "CONTAINER", "+0x10: expected at least one architecture, got none"],
    [
      "two architectures, one asked for that is not there",
      set(16, 6),
      "ARCH",
      ": expected one architecture, got x64, arm64",
    ],
    [
      "an unknown architecture",
      (file) => set(16, 0, 4)(set(26, 10)(file)),
      "ARCH",
      ": expected one architecture, got architectures that this version does not know",
    ],
    [
      "a section for another architecture",
      set(26, 2),
      "CONTAINER",
      "+0x18: expected a section for an architecture of this file, got 2",
    ],
    [
      "code for all architectures",
      set(26, 0xff),
      "CONTAINER",
      "+0x18: expected code for one architecture at a multiple of 16, got arch 255 at 0x20",
    ],
    [
      "section flags",
      set(25, 3),
      "CONTAINER",
      "+0x18: expected reserved bits of 0 in a section header, got 0x3",
    ],
    ["a reserved byte in a section header", set(27, 1), "CONTAINER", "+0x18: expected reserved bits of 0"],
    [
      "code that may be skipped",
      set(25, 0),
      "CONTAINER",
      '+0x18: expected a section "code" marked critical, got flags 0',
    ],
    [
      "a section past the end",
      set(30, 1),
      "CONTAINER",
      "+0x20: expected 65552 bytes (section of type 1), got ",
    ],
    [
      "padding",
      (file) => set(find(file, "strings") + file[find(file, "strings") - 4], 1)(file),
      "CONTAINER",
      /expected padding of zeros, got other bytes$/,
    ],
    [
      "more sections than there are",
      set(6, 40),
      "CONTAINER",
      /^\+0x[0-9a-f]+: expected \d bytes \(type\), got 0 left$/,
    ],
    [
      "fewer sections than there are",
      set(6, 2),
      "CONTAINER",
      /expected the end of the file, got \d+ more bytes$/,
    ],
    [
      "an unknown critical section",
      extra(77, 1),
      "VERSION",
      /^\+0x[0-9a-f]+: expected critical sections that this version knows, got type 77 \(made by a newer runbpf\?\)$/,
    ],
    ["a critical signature", extra(10, 1), "VERSION", /got signature \(made by a newer runbpf\?\)$/],
    [
      "debug information that is critical",
      extra(9, 1),
      "CONTAINER",
      /expected a section "debug" not marked critical, got flags 1$/,
    ],
    [
      "a second section of a type",
      extra(8, 0),
      "CONTAINER",
      ': symbols+0x0: expected one section "symbols" for x64, got a second one',
    ],
    [
      "no programs",
      (file) => set(find(file, "programs") - 8, 0, 0)(file),
      "CONTAINER",
      ": expected code and programs for x64, got sections without them",
    ],
    [
      "strings without NUL at the end",
      (file) => set(find(file, "strings") + file[find(file, "strings") - 4] - 1, 65)(file),
      "CONTAINER",
      ": strings+0x0: expected strings that start and end with NUL, got other bytes",
    ],
    [
      "programs of a wrong size",
      (file) => set(find(file, "programs") - 4, 19)(file),
      "CONTAINER",
      ": programs+0x0: expected a multiple of 20 bytes, got 19",
    ],
    [
      "an entry outside the code",
      inSection("programs", 0, 16),
      "CONTAINER",
      ": programs+0x0: expected an entry below 16, got 16",
    ],
    [
      "flags of a program",
      inSection("programs", 12, 8),
      "CONTAINER",
      ": programs+0x0: expected flag bits 0 and 1 only, got 0x8",
    ],
    [
      "a reserved field of a program",
      inSection("programs", 18, 1),
      "CONTAINER",
      ": programs+0x0: expected 0 (reserved), got 0x1",
    ],
    [
      "a name outside the strings",
      inSection("programs", 6, 1),
      "CONTAINER",
      /^: programs\+0x0: expected a string below \d+, got \d+$/,
    ],
    [
      "data without a size",
      inSection("data", 0, 0),
      "CONTAINER",
      ": data+0x0: expected a data size that is a multiple of 8, from 8 to 2^31 - 8, got 0",
    ],
    [
      "less data than initial data",
      inSection("data", 0, 8),
      "CONTAINER",
      ": data+0x0: expected at most 8 bytes of initial data, got 24",
    ],
    [
      "a relocation outside",
      inSection("relocations", 0, 99),
      "CONTAINER",
      ": relocations+0x0: expected relocation 0 inside 24 bytes of initial data, got offset 392",
    ],
    [
      "a pointer outside",
      inSection("data", 16, 17),
      "CONTAINER",
      ": relocations: data+0x8: expected an offset in the code block (at most 0x10), got 0x11",
    ],
    [
      "a map of maps of maps",
      inSection("maps", 32 + 24, 1),
      "CONTAINER",
      ": maps+0x0: expected an inner map for o that is no map of maps, got map 1",
    ],
    [
      "an inner map that does not exist",
      inSection("maps", 24, 9, 0, 0, 0),
      "CONTAINER",
      ": maps+0x0: expected an inner map for m that is no map of maps, got map 9",
    ],
    [
      "more initial entries than fit",
      inSection("maps", 28, 99),
      "CONTAINER",
      ": maps+0x20: expected 99 initial entries, got 40 bytes left",
    ],
    [
      "an initial entry behind the map's end",
      inSection("maps", 64, 2),
      "CONTAINER",
      ": maps+0x0: expected entries of o inside it, with an existing map, got [2] = 0",
    ],
    [
      "an initial entry that does not exist",
      inSection("maps", 68, 1, 0, 0, 0x80),
      "CONTAINER",
      ": maps+0x0: expected entries of o inside it, with an existing program, got [1] = 1",
    ],
    [
      "an unknown import",
      inSection("imports", 0, 5, 0, 0, 0),
      "CONTAINER",
      ": imports+0x0: expected an import kind below 5, got 5",
    ],
    [
      "a reserved byte of an import",
      inSection("imports", 1, 1),
      "CONTAINER",
      ": imports+0x0: expected 0 (reserved), got 0x1",
    ],
    [
      "a hash of 11 bits",
      inSection("imports", 3, 4),
      "CONTAINER",
      ": imports+0x0: expected a prototype hash of 10 bits, got 0x406",
    ],
    [
      "a helper id past the ranges",
      inSection("imports", 7, 1),
      "CONTAINER",
      ": imports+0x0: expected a helper id below 4000000, got 17777267",
    ],
    [
      "the data block with a value",
      inSection("imports", 12, 1),
      "CONTAINER",
      ": imports+0x8: expected 0 (value of the data block), got 0x1",
    ],
    [
      "a helper without a name",
      inSection("imports", 20, 0, 0, 0, 0),
      "CONTAINER",
      ": imports+0x10: expected the name of a helper, got an empty string",
    ],
    [
      "a map that does not exist",
      inSection("imports", 28, 2),
      "CONTAINER",
      ": imports+0x18: expected a map below 2, got 2",
    ],
    [
      "a function outside the code",
      inSection("imports", 36, 16),
      "CONTAINER",
      ": imports+0x20: expected a function below 16, got 16",
    ],
    [
      "a variable outside the data",
      inSection("symbols", 4, 60),
      "CONTAINER",
      ": symbols+0x0: expected a variable inside 64 bytes of data, got 60 + 8",
    ],
    [
      "more debug rows than fit",
      inSection("debug", 8, 99),
      "CONTAINER",
      /^: debug\+0x0: expected at least \d+ bytes, got \d+$/,
    ],
    [
      "a function outside the code, for debugging",
      inSection("debug", 20, 17),
      "CONTAINER",
      ": debug+0xc: expected a function from 0 on inside 16 bytes of code, got 0 … 17",
    ],
    [
      "a line outside the code",
      inSection("debug", 28, 17),
      "CONTAINER",
      ": debug+0x1c: expected a line row inside code and files, got offset 17, file 0, line 3",
    ],
    [
      "a line before the first",
      inSection("debug", 30, 5),
      "CONTAINER",
      ": debug+0x1c: expected a line row inside code and files, got offset 0, file 0, line -3",
    ],
    [
      "a number that does not end",
      inSection("debug", 28, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80),
      "CONTAINER",
      ": debug+0x1c: expected code offset in at most 5 bytes, got a longer number",
    ],
  ];

  test.each(rows)("%s", (_, change, code, message) => {
    const file = change(writeSpf(SPF));
    let error: unknown;
    try {
      readContainer(file, "f");
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(InputError);
    const text = (error as InputError).message;
    if (typeof message === "string") expect(text.slice(0, message.length + 1)).toBe(`f${message}`);
    else expect(text.slice(1)).toMatch(message);
    expect((error as InputError).code).toBe(`ERR_RUNBPF_${code}`);
  });

  test("what may be skipped is skipped: unknown optional sections, a signature, pads", () => {
    const file = [extra(77, 0, 0xff, [1, 2, 3]), extra(77, 0), extra(10, 0, 1), extra(0, 0)].reduce(
      (bytes, change) => change(bytes),
      writeSpf(SPF),
    );
    expect(readContainer(file, "f")).toEqual(readContainer(writeSpf(SPF), "f"));
  });

  test("an architecture that the file does not have", () => {
    expect(() => readSpf(writeSpf(SPF), "f", "arm64")).toThrow("f: expected code for arm64, got x64");
  });

  test("40 000 names inside one long string take no time", () => {
    const programs = Array.from({ length: 40_000 }, () => SPF.programs[0]);
    const file = writeSpf({ ...SPF, programs, imports: [], maps: [], debug: undefined });
    const long = new Uint8Array(1 << 20).fill(65);
    for (let nul = 0; nul < long.length; nul += 1000) long[nul] = 0;
    long[long.length - 1] = 0;
    const at = find(file, "strings") - 8;
    const size = new DataView(file.buffer).getUint32(at + 4, true);
    const behind = file.subarray(at + 8 + Math.ceil(size / 8) * 8);
    const out = new Uint8Array(Buffer.concat([file.subarray(0, at), new Uint8Array(8), long, behind]));
    out.set(file.subarray(at, at + 4), at);
    const view = new DataView(out.buffer);
    view.setUint32(at + 4, long.length, true);
    view.setUint32(8, out.length, true);
    const records = find(out, "programs");
    for (let i = 0; i < programs.length; i++) {
      view.setUint32(records + 20 * i + 4, 1 + 26 * i, true);
      view.setUint32(records + 20 * i + 8, 0, true);
    }
    const start = performance.now();
    const read = () => readContainer(seal(out), "f");
    expect(read().programs.length).toBe(programs.length);
    out.fill(65, find(out, "strings") + 1, find(out, "strings") + 2000);
    expect(read).toThrow("f: programs+0x0: expected a string of at most 1023 bytes, got a longer one");
    expect(performance.now() - start).toBeLessThan(2000);
  });
});

describe("mutations", () => {
  const seeds: [string, Uint8Array][] = [
    ["bare", writeBare(BARE)],
    ["spf", writeSpf(SPF)],
    ["spf of two targets", writeSpf([SPF, { ...SPF, arch: "arm64", code: new Uint8Array(20) }])],
  ];

  test.each(seeds)("%s: a container or an InputError, raw and sealed", (_, seed) => {
    const rng = random(20_261_121 + seed.length);
    let read = 0;
    const messages = new Set<string>();
    for (let i = 0; i < (SLOW ? 10_000 : 500); i++) {
      let file = mutate(seed, rng);
      if (i % 4 > 0 && file.length >= 16) {
        file = file.slice();
        new DataView(file.buffer).setUint32(8, file.length, true);
        seal(file);
      }
      try {
        readContainer(file, "f", "x64");
        read++;
      } catch (error) {
        if (!(error instanceof InputError)) throw new Error(`${Buffer.from(file).toString("hex")}: ${error}`);
        expect(error.code).toMatch(/^ERR_RUNBPF_(CONTAINER|VERSION|ARCH)$/);
        messages.add(error.message.replace(/\d+/g, "n"));
      }
    }
    expect(read).toBeGreaterThan(0);
    expect(messages.size).toBeGreaterThan(15);
  });
});
