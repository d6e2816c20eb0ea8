/** runtime/device: the loader's size, what it runs, what it refuses and how, and its verdicts against the TypeScript reader's. */

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { readBare, writeBare } from "../formats/bare.ts";
import { fileChecksum } from "../formats/common.ts";
import type { Container, Import } from "../formats/container.ts";
import { IMPLEMENTATIONS } from "../helpers/implementations.ts";
import { packet } from "../helpers/packet.ts";
import { helperById, helperByName, prototypeHash } from "../helpers/table.ts";
import { timer } from "../helpers/timer.ts";
import {
  bareContainer,
  DEVICE,
  make,
  nativeCode,
  run,
  scratchFile,
  skip,
  TARGETS,
  type Target,
} from "./device-tools.ts";
import { mutate, random, SLOW } from "./mutate.ts";

const helper = (id: number): Import => ({ kind: "helper", id, hash: prototypeHash(helperById(id)!) });
const PRINTF = helper(1_000_050);
const PUTS = helper(1_000_051);
const DATA: Import = { kind: "data" };

const source = (name: string): string => readFileSync(join(DEVICE, name), "utf8");

describe("size", () => {
  test("bare.h and bare.c are fewer than 100 lines together", () => {
    expect(`${source("bare.h")}${source("bare.c")}`.split("\n").length - 1).toBeLessThan(100);
  });

  test.skipIf(skip("gcc") || process.arch !== "x64")(
    "at most 600 bytes of text at -Os on x86-64, and no library",
    () => {
      const object = scratchFile("bare.o", "");
      const flags = ["-std=c11", "-Os", "-ffreestanding", "-fno-asynchronous-unwind-tables"];
      execFileSync("gcc", [...flags, "-c", join(DEVICE, "bare.c"), "-o", object]);
      const [text, data, bss] = `${execFileSync("size", [object])}`
        .split("\n")[1]
        .trim()
        .split(/\s+/)
        .map(Number);
      expect(text).toBeLessThanOrEqual(600);
      expect([data, bss]).toEqual([0, 0]);
      expect(`${execFileSync("nm", ["-u", object])}`).toBe("");
    },
  );
});

test.skipIf(skip("gcc"))("the README's host compiles without a warning", () => {
  const code = source("README.md").match(/```c\n([\s\S]*?)```/)?.[1] ?? "";
  const file = scratchFile("readme.c", code);
  const flags = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic", "-ffreestanding", "-fsyntax-only"];
  execFileSync("gcc", [...flags, "-I", DEVICE, file], { stdio: "pipe" });
  expect(code).toContain("bare_load");
});

test("helpers_posix.c has the ids and prototype hashes of helpers/table.ts", () => {
  const rows = [...source("helpers_posix.c").matchAll(/ROW\((SYS \+ )?(\d+), (0x[0-9a-f]+), \w+\)/g)];
  const found = rows.map(([, sys, id, hash]) => [Number(id) + (sys ? 1_000_000 : 0), Number(hash)]);
  // Packets that can be moved, and timers, need more of a host than a process has.
  const packetLoad = helperByName("packet_load");
  const others = [...Object.keys(packet), ...Object.keys(timer)]
    .map(Number)
    .filter((id) => id !== packetLoad);
  const ids = [...IMPLEMENTATIONS.keys()].filter((id) => !others.includes(id));
  const expected = ids.map((id) => [id, prototypeHash(helperById(id)!)]);
  expect(found.sort((a, b) => a[0] - b[0])).toEqual(expected.sort((a, b) => a[0] - b[0]));
});

interface Case {
  name: string;
  /** C of `entry`, and of functions behind it. */
  code: string;
  imports?: Import[];
  context?: number;
  memory?: number;
  data?: Uint8Array;
  dataSize?: number;
  relocations?: Container["relocations"];
  args?: string[];
  options?: string[];
  prints: string;
}

const ENTRY = "u64 entry(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, void **got)";
const CALL = (slot: number) => `((fn *)got[${slot}])`;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const words = (...values: number[]): Uint8Array => {
  const out = new Uint8Array(8 * values.length);
  values.forEach((value, i) => {
    new DataView(out.buffer).setBigUint64(8 * i, BigInt(value), true);
  });
  return out;
};

const RUNS: Case[] = [
  { name: "a number", code: `${ENTRY} { return 6; }`, prints: "r0 = 6 (0x6)\n" },
  {
    name: "five numbers",
    code: `${ENTRY} { return r1 + 10 * r2 + 100 * r3 + 1000 * r4 + r5; }`,
    args: ["1", "2", "0x3", "4", "-1"],
    prints: "r0 = 4320 (0x10e0)\n",
  },
  {
    name: "r0 is unsigned",
    code: `${ENTRY} { return -1; }`,
    prints: "r0 = 18446744073709551615 (0xffffffffffffffff)\n",
  },
  {
    name: "a helper",
    code: `${ENTRY} { return ${CALL(0)}((u64)got[1], 0, 0, 0, 0, got); }`,
    imports: [PUTS, DATA],
    data: bytes("Hello\0"),
    dataSize: 16,
    prints: "Hello\nr0 = 6 (0x6)\n",
  },
  {
    name: "a command line",
    code: `${ENTRY} { for (u64 i = 1; i < r1; i++) ${CALL(0)}(((u64 *)r2)[i], 0, 0, 0, 0, got); return r1; }`,
    imports: [PUTS],
    context: 2,
    args: ["one", "two words"],
    prints: "one\ntwo words\nr0 = 3 (0x3)\n",
  },
  {
    name: "memory",
    code: `${ENTRY} { return r2 << 8 | ((uint8_t *)r1)[2]; }`,
    context: 1,
    memory: 3,
    options: ["--mem", "hex:0a0B0c"],
    prints: "r0 = 780 (0x30c)\n",
  },
  { name: "no memory", code: `${ENTRY} { return r1 + r2; }`, context: 1, prints: "r0 = 0 (0x0)\n" },
  {
    name: "data behind the initial bytes is zero, and is written",
    code: `${ENTRY} { u64 *d = got[0]; u64 sum = 0; for (int i = 0; i < 8; i++) sum += d[i]; d[7] = sum; return d[7]; }`,
    imports: [DATA],
    data: words(5, 7),
    dataSize: 64,
    prints: "r0 = 12 (0xc)\n",
  },
  {
    name: "pointers in initial data: to data, to its end, to code",
    code: `${ENTRY} { u64 *d = got[0]; if (r1 == 7) return 4; return (d[0] == (u64)&d[2]) + 2 * (d[1] == (u64)(d + 4)) + ((fn *)d[2])(7, 0, 0, 0, 0, got); }`,
    imports: [DATA],
    data: words(16, 32, 0),
    dataSize: 32,
    relocations: [
      { at: 0, block: "data" },
      { at: 8, block: "data" },
      { at: 16, block: "code" },
    ],
    prints: "r0 = 7 (0x7)\n",
  },
  {
    name: "printf",
    code: `${ENTRY} { return ${CALL(0)}((u64)got[1], -5, (u64)got[1], 0xabc, 'x', got); }`,
    imports: [PRINTF, DATA],
    data: bytes("%4d|%.2s|%#lX|%c\n\0"),
    dataSize: 24,
    prints: "  -5|%4|0XABC|x\nr0 = 16 (0x10)\n",
  },
  {
    name: "printf that lacks an argument prints nothing",
    code: `${ENTRY} { return ${CALL(0)}((u64)got[1], 1, 2, 3, 4, got); }`,
    imports: [PRINTF, DATA],
    data: bytes("%d%d%d%d%d\0"),
    dataSize: 16,
    prints: "r0 = 18446744073709551594 (0xffffffffffffffea)\n",
  },
  {
    name: "exit ends the program",
    code: `${ENTRY} { ${CALL(0)}(-3, 0, 0, 0, 0, got); return 1; }`,
    imports: [helper(1_000_105)],
    prints: "r0 = 18446744073709551613 (0xfffffffffffffffd)\n",
  },
  {
    name: "a bad address is found by probe_read",
    code: `${ENTRY} { u64 x = 9, y = 3; u64 a = ${CALL(0)}((u64)&x, 8, (u64)&y, 0, 0, got) + x; return a * 1000 - ${CALL(0)}((u64)&x, 8, 16, 0, 0, got) + x; }`,
    imports: [helper(4)],
    prints: "r0 = 3014 (0xbc6)\n",
  },
];

function pack(target: Target, item: Partial<Case> & { code: string }): Uint8Array {
  const {
    imports = [],
    data = new Uint8Array(0),
    dataSize = 0,
    relocations = [],
    context = 0,
    memory = 0,
  } = item;
  const container = bareContainer(nativeCode(target, item.code), {
    arch: target.arch,
    imports,
    data,
    dataSize,
    relocations,
  });
  Object.assign(container.programs[0].contract, { context, memory });
  return writeBare(container);
}

for (const target of TARGETS)
  describe.skipIf(skip(target.cc, "make", ...target.runner.slice(0, 1)))(`bare-cmd on ${target.arch}`, () => {
    beforeAll(() => {
      make(target);
    });

    test.each(RUNS)("$name", (item) => {
      const file = scratchFile("program.bare", pack(target, item));
      const result = run(target, "bare-cmd", [...(item.options ?? []), file, ...(item.args ?? [])]);
      expect(result).toEqual({ status: 0, stdout: item.prints, stderr: "" });
    });
  });

/** A new checksum for a changed file. */
function seal(file: Uint8Array): Uint8Array {
  new DataView(file.buffer, file.byteOffset).setUint32(12, fileChecksum(file, 12), true);
  return file;
}

const [X64] = TARGETS;

describe.skipIf(skip("gcc", "make") || process.arch !== "x64")("bare-cmd refuses", () => {
  let good: Uint8Array;
  beforeAll(() => {
    make(X64);
    const data = words(0, 0, 0);
    const relocations = [{ at: 8, block: "code" as const }];
    good = pack(X64, {
      code: `${ENTRY} { return 0; }`,
      imports: [PUTS, DATA],
      data,
      dataSize: 24,
      relocations,
    });
  });

  const set =
    (at: number, ...values: number[]) =>
    (file: Uint8Array) => {
      file.set(values, at);
      return seal(file);
    };
  /** [what, how the file is changed, what the line says behind "expected "] */
  const REFUSALS: [string, (file: Uint8Array) => Uint8Array, RegExp][] = [
    ["an empty file", () => new Uint8Array(0), /^a header of 32 bytes, got 0 bytes$/],
    ["a short file", (file) => file.slice(0, 31), /^a header of 32 bytes, got 31 bytes$/],
    ["a truncated file", (file) => file.slice(0, -1), /^file size \d+, got \d+$/],
    ["a longer file", (file) => Uint8Array.of(...file, 0), /^file size \d+, got \d+$/],
    ["an ELF file", set(0, 0x7f, 0x45, 0x4c, 0x46), /^magic "bare", got 0x464c457f$/],
    ["a later version", set(4, 2), /^bare version 1, got version 2$/],
    ["code for arm64", set(5, 2), /^code for x64, got 2 \(arm64\)$/],
    [
      "a flipped bit",
      (file) => {
        file[32] ^= 1;
        return file;
      },
      /^contents that match their checksum, got others/,
    ],
    ["unknown flags", set(6, 4), /^sizes and relocations inside the file, got others$/],
    ["no code", set(16, 0), /^sizes and relocations/],
    ["code of an odd size", set(16, 2), /^sizes and relocations/],
    ["code past the end", set(18, 1), /^sizes and relocations/],
    ["a data block of an odd size", set(20, 28), /^sizes and relocations/],
    ["a data block of 2 GiB", set(23, 0x80), /^sizes and relocations/],
    ["less data than initial data", set(20, 8), /^sizes and relocations/],
    ["more helpers than fit", set(25, 0xff), /^sizes and relocations/],
    ["a relocation outside initial data", (file) => set(file.length - 20, 6)(file), /^sizes and relocations/],
    ["a pointer outside its block", (file) => set(file.length - 8, 99)(file), /^sizes and relocations/],
    ["another context", set(7, 3), /^context args, mem or cmd, got 3 \(xdp\)$/],
    ["more memory than there is", set(30, 9), /^a program for 0 bytes of memory, got one for at least 9$/],
    [
      "a missing helper",
      (file) => set(file.length - 24, 0x40, 0x42, 0x0f, 0)(file),
      /^helpers that this host has, got helper 1000000;/,
    ],
    [
      "a helper with another prototype",
      (file) => set(file.length - 21, 0x12)(file),
      /^helpers that this host has, got helper 1\d+; it lacks it, or has it with another prototype$/,
    ],
  ];

  test.each(REFUSALS)("%s", (_, change, line) => {
    const path = scratchFile("bad.bare", change(good.slice()));
    const result = run(X64, "bare-cmd", [path]);
    expect(result.status, result.stderr).toBe(1);
    expect(result.stdout).toBe("");
    const start = `bare-cmd: ${path}: expected `;
    expect(result.stderr.startsWith(start)).toBe(true);
    expect(result.stderr.slice(start.length, -1)).toMatch(line);
  });

  test.each([
    ["no file", []],
    ["an unknown option", ["--what"]],
    ["memory that is not hexadecimal", ["--mem", "hex:0g", "x"]],
    ["memory of half a byte", ["--mem", "hex:012", "x"]],
  ])("usage: %s", (_, args) => {
    const result = run(X64, "bare-cmd", args);
    expect(result.status).toBe(2);
    expect(result.stderr).toMatch(/^(usage: |bare-cmd: --mem: expected )/);
  });

  test.each([
    ["a file that does not exist", ["/nonexistent"], 1, "expected a readable file, got: No such file"],
    ["a directory", ["/tmp"], 1, "expected a readable file, got: Is a directory"],
  ])("%s", (_, args, status, text) => {
    const result = run(X64, "bare-cmd", args);
    expect(result.status).toBe(status);
    expect(result.stderr).toContain(text);
  });

  test("arguments that are no numbers, or too many", () => {
    const path = scratchFile("good.bare", good);
    for (const args of [["1x"], ["0x"], [""], ["18446744073709551616"], ["1", "2", "3", "4", "5", "6"]])
      expect(run(X64, "bare-cmd", [path, ...args]).status).toBe(2);
  });
});

describe.skipIf(skip("gcc", "make") || process.arch !== "x64")("bare-interactive", () => {
  test("a piped session: load, run, replace, refuse, unload", () => {
    make(X64);
    const counter = `${ENTRY} { return ++*(u64 *)got[0]; }`;
    const first = scratchFile("first.bare", pack(X64, { code: counter, imports: [DATA], dataSize: 8 }));
    const second = scratchFile("second.bare", pack(X64, { code: `${ENTRY} { return r1 + r2; }` }));
    const broken = scratchFile("broken.bare", new Uint8Array(40));
    const script = [
      `load a ${first}`,
      `load b ${first}`,
      "run a",
      "run a",
      "run b",
      `load a ${broken}`,
      "run a",
    ];
    script.push(
      `load a ${second}`,
      "run a 40 2",
      "show",
      "unload b",
      "run b",
      "what",
      "run",
      "quit",
      "run a",
    );
    const result = run(X64, "bare-interactive", [], `${script.join("\n")}\n`);
    const sizes = [second, first].map((path) => readFileSync(path).length);
    expect(result.stdout.split("\n")).toEqual([
      ...[1, 2, 1, 3, 42].map((n) => `r0 = ${n} (0x${n.toString(16)})`),
      `a: ${second}, ${sizes[0]} bytes, 1 runs`,
      `b: ${first}, ${sizes[1]} bytes, 1 runs`,
      "",
    ]);
    expect(result.stderr.split("\n").map((line) => line.split(": ").slice(0, 2).join(": "))).toEqual([
      `bare-interactive: ${broken}`,
      "bare-interactive: b",
      "bare-interactive: what",
      "usage: run NAME [args]    runs it with a command line or with numbers",
      "",
    ]);
    expect(result.status).toBe(1);
  });
});

describe.skipIf(skip("gcc", "make") || process.arch !== "x64")("bare.c under sanitizers", () => {
  const SAN: Target = { ...X64, build: "build/san" };
  const HELPERS = new Set([1_000_050, 1_000_051]);

  /** What the TypeScript reader and a host with those two helpers say. */
  function verdict(file: Uint8Array): "accept" | "refuse" {
    try {
      const container = readBare(file, "x");
      if (container.arch !== "x64") return "refuse";
      const known = container.imports.every(
        (item) => item.kind === "data" || (item.kind === "helper" && HELPERS.has(item.id)),
      );
      return known ? "accept" : "refuse";
    } catch {
      return "refuse";
    }
  }

  test("mutated files, raw and with their checksum made right: the same verdict as the reader's", () => {
    make(SAN, ["SANITIZE=1"]);
    const seeds = [
      writeBare(bareContainer(new Uint8Array(24).fill(0x90), { imports: [PUTS] })),
      writeBare(
        bareContainer(new Uint8Array(12), {
          imports: [PUTS, PRINTF, DATA],
          data: words(0, 8, 4, 1),
          dataSize: 64,
          relocations: [
            { at: 8, block: "data" },
            { at: 16, block: "code" },
          ],
        }),
      ),
    ];
    const rng = random(20_261_121);
    const files: Uint8Array[] = [...seeds];
    for (let i = 0; i < (SLOW ? 10_000 : 500); i++) {
      const raw = mutate(seeds[i % seeds.length], rng);
      files.push(raw);
      if (raw.length >= 32) {
        const sealed = raw.slice();
        if (rng(4) > 0) new DataView(sealed.buffer).setUint32(8, sealed.length, true);
        files.push(seal(sealed));
      }
    }
    const input = Buffer.concat(
      files.flatMap((file) => [Buffer.from(Uint32Array.of(file.length).buffer), file]),
    );
    const result = run(SAN, "bare-check", [], input);
    expect(result.stderr).toBe("");
    expect(result.status).toBe(0);
    const said = result.stdout
      .trimEnd()
      .split("\n")
      .map((line) => line.split(" ")[0]);
    // MEMORY (-9): the harness offers 1 MiB; helpers and relocations are checked behind that.
    const device = said.map((code) => (code === "-9" ? "unknown" : code === "0" ? "accept" : "refuse"));
    const reader = files.map(verdict);
    const differ = files.flatMap((file, i) =>
      device[i] === reader[i] || device[i] === "unknown"
        ? []
        : [`${Buffer.from(file).toString("hex")}: bare.c ${said[i]}, reader ${reader[i]}`],
    );
    expect(differ).toEqual([]);
    expect(device.filter((code) => code === "accept").length).toBeGreaterThan(10);
    expect(device.filter((code) => code === "unknown").length).toBeLessThan(device.length / 4);
    expect(new Set(said).size).toBeGreaterThan(5);
  });
});
