/** spf.c: sessions with their exact output, each refusal, damaged files under sanitizers, instances that replace themselves. */

import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { fileChecksum } from "../../formats/common.ts";
import type { Container, MapDefinition } from "../../formats/container.ts";
import { readSpf, writeSpf } from "../../formats/spf.ts";
import { helperById, prototypeHash } from "../../helpers/table.ts";
import { bpfObject } from "../compile/agree.ts";
import {
  bareContainer,
  DEVICE,
  make,
  run,
  scratchFile,
  skip,
  TARGETS,
  type Target,
} from "../device-tools.ts";
import { mutate, random, SLOW } from "../mutate.ts";

const source = (name: string): string => readFileSync(join(DEVICE, name), "utf8");
const example = (name: string): string => new URL(`../../examples/${name}`, import.meta.url).pathname;
const program = (name: string): string => new URL(`../runtime/programs/${name}`, import.meta.url).pathname;

describe("source", () => {
  test("spf.h and spf.c, without the part about maps, are fewer than 500 lines together", () => {
    expect(`${source("spf.h")}${source("spf.c")}`.split("\n").length - 1).toBeLessThan(500);
  });

  test.skipIf(skip("gcc"))("the README's host compiles without a warning", () => {
    const blocks = [...source("README.md").matchAll(/```c\n([\s\S]*?)```/g)].map(([, code]) => code);
    const code = blocks.find((text) => text.includes("spf_load")) ?? "";
    const flags = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic", "-ffreestanding", "-fsyntax-only"];
    execFileSync("gcc", [...flags, "-I", DEVICE, scratchFile("readme.c", code)], { stdio: "pipe" });
    expect(code).toContain("spf_replace");
  });

  test("the map library's helpers have the prototype hashes of helpers/table.ts", () => {
    const rows = [...source("spf_maps.c").matchAll(/ROW\((SYS \+ )?(\d+), (0x[0-9a-f]+), \w+\)/g)];
    const found = rows.map(([, sys, id, hash]) => [Number(id) + (sys ? 1_000_000 : 0), Number(hash)]);
    expect(found.length).toBe(22);
    expect(found).toEqual(found.map(([id]) => [id, prototypeHash(helperById(id)!)]));
  });

  test.skipIf(skip("gcc"))(
    "freestanding: no warning, no data but constants, nothing of a library but the maps",
    () => {
      const object = scratchFile("spf.o", "");
      const flags = ["-std=c11", "-pedantic", "-Wall", "-Wextra", "-Werror", "-ffreestanding"];
      for (const level of ["-Os", "-O2", "-O3"]) {
        execFileSync("gcc", [...flags, level, "-c", join(DEVICE, "spf.c"), "-o", object], { stdio: "pipe" });
        const undefinedNames = [...`${execFileSync("nm", ["-u", object])}`.matchAll(/U (\w+)/g)].map(
          ([, name]) => name,
        );
        const isMaps = /^(map_|ringbuf_|spin_|perf_event_output$|for_each_elem$|loop$|tail_target$|_GLOBAL_)/;
        expect(undefinedNames.filter((name) => !isMaps.test(name))).toEqual([]);
        expect(`${execFileSync("nm", [object])}`).not.toMatch(/ [bBdDC] (?!library)/);
      }
    },
  );
});

const build = (path: string, flags: string[], target: Target): Uint8Array =>
  compile(bpfObject("clang-19", path, ["-mcpu=v3", "-O2", ...flags]), { name: path, target: target.arch })
    .container;
const objectOf = (name: string, target: Target): Uint8Array =>
  compile(readFileSync(example(name)), { name, target: target.arch }).container;

interface Session {
  name: string;
  options?: string[];
  script: string;
  stdout: string;
  stderr?: string;
}

/** FILE names in scripts are those of `files` below. */
const SESSIONS: Session[] = [
  {
    name: "commands that count words in a map",
    script: `load file words counter
testcmd apple pear apple
testcmd pear quince
map dump words counts
map delete words counts 70 65 61 72 00000000 0000000000000000
map update words counts key hex 66 69 67 0 0 0 0 0 0 0 0 0 0 0 0 0 value hex 0a 0 0 0 0 0 0 0
testcmd fig
map lookup words counts 66696700000000000000000000000000
show
unload all
show`,
    stdout: `words count: r0 = 2 (0x2)
words count: r0 = 1 (0x1)
key: 61 70 70 6c 65 00 00 00 00 00 00 00 00 00 00 00  value: 02 00 00 00 00 00 00 00
key: 70 65 61 72 00 00 00 00 00 00 00 00 00 00 00 00  value: 02 00 00 00 00 00 00 00
key: 71 75 69 6e 63 65 00 00 00 00 00 00 00 00 00 00  value: 01 00 00 00 00 00 00 00
Found 3 elements
words count: r0 = 0 (0x0)
key: 66 69 67 00 00 00 00 00 00 00 00 00 00 00 00 00  value: 0b 00 00 00 00 00 00 00
name   programs  hooks       maps    runs  bytes
words  count     tcmd/count  counts     3    {counter}
nothing is loaded
`,
  },
  {
    name: "events and a replacement that keeps its map",
    script: `load file greeter greet1
load file words counter
testcmd
testcmd
replace greeter greet2
testcmd
map dump greeter calls
unload instance greeter
quit
testcmd`,
    stdout: `version 1 starts
hello, call 1
greeter greet: r0 = 1 (0x1)
words count: r0 = 0 (0x0)
hello, call 2
greeter greet: r0 = 1 (0x1)
words count: r0 = 0 (0x0)
version 2 starts
version 1 ends
good day, this is call 3
greeter greet: r0 = 2 (0x2)
words count: r0 = 0 (0x0)
key: 00 00 00 00  value: 03 00 00 00 00 00 00 00
Found 1 element
version 2 ends
`,
  },
  {
    name: "a replacement that never keeps maps",
    options: ["--keep-maps=never"],
    script: "load file greeter greet1\ntestcmd\nreplace greeter greet2\ntestcmd",
    stdout: `version 1 starts
hello, call 1
greeter greet: r0 = 1 (0x1)
version 2 starts
version 1 ends
good day, this is call 1
greeter greet: r0 = 2 (0x2)
version 2 ends
`,
  },
  {
    name: "tail calls through a map that the host changes",
    script: `load file filter tail
map dump filter parsers
run filter --program parse --mem hex:${"00".repeat(23)}06${"00".repeat(13)}17
run filter --program parse --mem hex:${"00".repeat(23)}11${"00".repeat(13)}17
run filter --program parse --mem hex:${"00".repeat(23)}11${"00".repeat(13)}35
map update filter parsers 06000000 value udp
run filter --program parse --mem hex:${"00".repeat(23)}06${"00".repeat(13)}35
map delete filter parsers 06000000
run filter --program parse --mem hex:${"00".repeat(23)}06${"00".repeat(13)}17
map dump filter parsers`,
    stdout: `key: 06 00 00 00  value: tcp
key: 11 00 00 00  value: udp
Found 2 elements
r0 = 1 (0x1)
r0 = 1 (0x1)
r0 = 2 (0x2)
r0 = 2 (0x2)
r0 = 2 (0x2)
key: 11 00 00 00  value: udp
Found 1 element
`,
  },
  {
    name: "every type of map, callbacks, maps in a map, values of each thread",
    options: ["--cpus", "2"],
    script: `load file m maps
run m --program add 7 5
run m --program add 8 6
run m --program total 0
run m --program rounds 10
run m --program bump 1
run m --program bump 1
map dump m each
run m --program cpu
map dump m outer
run m --program inside 0 1
run m --program inside 1 1
run m --program inside 2 1
map update m outer 02000000 value blue
run m --program inside 2 1
map dump m red
map update m queue value 09000000
run m --program move
map dump m stack
run m --program settings`,
    stdout: `r0 = 5 (0x5)
r0 = 6 (0x6)
r0 = 2818 (0xb02)
r0 = 2949130 (0x2d000a)
r0 = 1 (0x1)
r0 = 2 (0x2)
key:
00 00 00 00
value (CPU 00): 00 00 00 00
value (CPU 01): 00 00 00 00
key:
01 00 00 00
value (CPU 00): 02 00 00 00
value (CPU 01): 00 00 00 00
Found 2 elements
r0 = 0 (0x0)
key: 00 00 00 00  value: red
key: 01 00 00 00  value: blue
Found 2 elements
r0 = 1 (0x1)
r0 = 1 (0x1)
r0 = 404 (0x194)
r0 = 2 (0x2)
key: 00 00 00 00  value: 00 00 00 00 00 00 00 00
key: 01 00 00 00  value: 01 00 00 00 00 00 00 00
Found 2 elements
r0 = 9 (0x9)
value: 09 00 00 00
Found 1 element
r0 = 5007000 (0x4c6698)
`,
  },
  {
    name: "replacements that are refused leave the old version in service",
    script: `load file x v1
run x --program count 7
replace x v2larger
replace x v2fails
replace x nothing
run x --program count 7
replace x v2
run x --program count 7
run x --program more 1`,
    stdout: `load 1
r0 = 1 (0x1)
load 2
r0 = 2 (0x2)
load 2
unload 1
r0 = 3 (0x3)
r0 = 2001 (0x7d1)
unload 2
`,
    stderr: `spf-interactive: {v2larger}: map kept: expected type 1, key 4 B, value 8 B, max_entries 8, flags 0x0, got type 1, key 4 B, value 8 B, max_entries 16, flags 0x0
spf-interactive: {v2fails}: start: expected 0 or more, got -1
spf-interactive: nothing: expected a readable file, got No such file or directory
`,
  },
  {
    name: "mistakes",
    script: `load file
load file x counter
load file x counter
load file y elf
load file y cut
run y
run x --program nobody
run x one
unload instance y
replace y counter
map dump x nothing
map lookup x counts 00
map lookup x counts ${"00".repeat(16)}
map update x counts ${"00".repeat(16)}
unload all
testcmd
what`,
    stdout: "r0 = 1 (0x1)\n",
    stderr: `usage: load file NAME FILE            loads an spf file as instance NAME
spf-interactive: {counter}: expected a name that is free, got that of a loaded instance, x
spf-interactive: {elf}: expected magic "spf", got others at 0x0
spf-interactive: {cut}: expected an spf file of the size that it says, got others at 0x8
spf-interactive: y: expected a loaded instance, got a name that nothing is loaded under
spf-interactive: x: expected a program of this instance, got nobody
spf-interactive: y: expected a loaded instance, got a name that nothing is loaded under
spf-interactive: y: expected a loaded instance, got a name that nothing is loaded under
spf-interactive: x: expected a map of this instance, got nothing
spf-interactive: x: expected as many bytes in hex as the key has, got others
spf-interactive: x: expected a key that is in the map, got another
usage: map update NAME MAP hex... value hex...    sets an element
spf-interactive: testcmd: expected a loaded program with hook tcmd, got none
spf-interactive: what: expected load file, unload, replace, show, run, testcmd, map, help or quit, got another command
`,
  },
];

const [X64] = TARGETS;
const SAN: Target = { ...X64, build: "build/san" };
const more = (target: Target): string[] => (target === SAN ? ["SANITIZE=1"] : []);

for (const target of process.arch === "x64" ? [...TARGETS, SAN] : TARGETS)
  describe.skipIf(skip("clang-19", target.cc, "make", ...target.runner.slice(0, 1)))(
    `spf-interactive on ${target.arch}${target === SAN ? " with sanitizers" : ""}`,
    () => {
      const files: Record<string, string> = {};
      const sizes: Record<string, number> = {};
      beforeAll(() => {
        make(target, more(target));
        const versions = program("versions.c");
        const made: Record<string, Uint8Array> = {
          counter: objectOf("10-counter/prog.o", target),
          greet1: objectOf("15-hot-replace/prog.o", target),
          greet2: objectOf("15-hot-replace/next.o", target),
          tail: objectOf("13-tail-calls/prog.o", target),
          maps: build(program("maps.c"), [], target),
          v1: build(versions, ["-DVERSION=1", "-DSIZE=8", "-DFAIL=0"], target),
          v2: build(versions, ["-DVERSION=2", "-DSIZE=8", "-DFAIL=0"], target),
          v2larger: build(versions, ["-DVERSION=2", "-DSIZE=16", "-DFAIL=0"], target),
          v2fails: build(versions, ["-DVERSION=2", "-DSIZE=8", "-DFAIL=1"], target),
          elf: readFileSync(example("10-counter/prog.o")),
        };
        made.cut = made.counter.subarray(0, 100);
        for (const [name, bytes] of Object.entries(made)) {
          files[name] = scratchFile(name, bytes);
          sizes[name] = bytes.length;
        }
      });

      test.each(SESSIONS)("$name", ({ options = [], script, stdout, stderr = "" }) => {
        const input = script.replace(
          /^((?:load file|replace) \w+ )(\w+)$/gm,
          (_, start, name) => start + (files[name] ?? name),
        );
        const result = run(target, "spf-interactive", options, `${input}\n`);
        const shown = (text: string, of: Record<string, string | number>) =>
          text.replace(/\{(\w+)\}/g, (_, name) => String(of[name]));
        expect({ stdout: result.stdout, stderr: result.stderr }).toEqual({
          stdout: shown(stdout, sizes),
          stderr: shown(stderr, files),
        });
        expect(result.status).toBe(stderr === "" ? 0 : 1);
      });
    },
  );

const CAN_SANITIZE = !skip("gcc", "make") && process.arch === "x64";

/** A new checksum, and the right size, for a changed file. */
function seal(file: Uint8Array, keepSize = false): Uint8Array {
  const out = file.slice();
  const view = new DataView(out.buffer);
  if (!keepSize) view.setUint32(8, out.length, true);
  view.setUint32(12, fileChecksum(out, 12), true);
  return out;
}

const map = (name: string, type: number, more: Partial<MapDefinition> = {}): MapDefinition => ({
  ...{ name, type, keySize: 4, valueSize: 4, maxEntries: 4, flags: 0, inner: -1, initial: [] },
  ...more,
});

/** A file with every section that the loader reads. */
const FULL: Container = bareContainer(new Uint8Array(40).fill(0x90), {
  format: "spf",
  data: new Uint8Array(32).fill(0),
  dataSize: 64,
  relocations: [
    { at: 0, block: "data" },
    { at: 8, block: "code" },
  ],
  programs: [
    { name: "one", hook: "xdp/one", offset: 0, contract: contract() },
    { name: "two", hook: "tcmd", offset: 16, contract: contract() },
  ],
  maps: [
    map("counts", 1),
    map("each", 6),
    map("programs", 3, { initial: [{ index: 1, kind: "program", target: 1 }] }),
    map("inner", 2, { valueSize: 8 }),
    map("red", 2, { valueSize: 8 }),
    map("outer", 12, { inner: 3, initial: [{ index: 0, kind: "map", target: 4 }] }),
  ],
  imports: [
    { kind: "helper", id: 1, hash: prototypeHash(helperById(1)!) },
    { kind: "helper", id: 1_000_051, hash: 0 },
    { kind: "named", name: "sensor", hash: 0 },
    { kind: "data" },
    { kind: "map", index: 0 },
    { kind: "map", index: 5 },
    { kind: "function", offset: 16 },
  ],
});

function contract() {
  return { verified: false, bounded: false, context: 0, memory: 0, stack: 0 };
}

/** Where the payload of a section starts. */
function payload(file: Uint8Array, type: number): number {
  const view = new DataView(file.buffer, file.byteOffset);
  for (let at = 24; at < file.length; at += 8 + ((view.getUint32(at + 4, true) + 7) & ~7))
    if (file[at] === type) return at + 8;
  throw new Error(`no section ${type}`);
}

const ERRORS = {
  ok: 0,
  size: -1,
  magic: -2,
  version: -3,
  arch: -4,
  checksum: -5,
  layout: -6,
  contract: -7,
  helper: -8,
  memory: -9,
  map: -10,
};

type Edit = [offset: number, value: number];
/** A section (0 = the file), 32-bit words in it to change, what is said; `raw`: without a new checksum. */
const BROKEN: [name: string, section: number, edits: Edit[], error: keyof typeof ERRORS][] = [
  ["nothing", 0, [], "ok"],
  ["magic", 0, [[0, 1]], "magic"],
  ["version", 0, [[4, 0x80002]], "version"],
  ["reserved flags", 0, [[4, 0x80101]], "layout"],
  ["reserved word", 0, [[20, 1]], "layout"],
  ["no architecture", 0, [[16, 0]], "layout"],
  ["another architecture", 0, [[16, 4]], "layout"],
  ["fewer sections", 0, [[4, 0x40001]], "layout"],
  ["more sections", 0, [[4, 0x90001]], "layout"],
  ["a section beyond the end", 7, [[-4, 0x1000]], "layout"],
  ["a section of 2^32 - 1 bytes", 7, [[-4, 0xffff_ffff]], "layout"],
  ["an unknown critical section", 7, [[-8, 0xff_01_20]], "version"],
  ["an unknown section", 7, [[-8, 0xff_00_20]], "ok"],
  ["a known one that is not critical", 7, [[-8, 0xff_00_07]], "layout"],
  ["two of a kind", 7, [[-8, 0xff_01_06]], "layout"],
  ["a critical signature", 7, [[-8, 0xff_01_0a]], "layout"],
  ["a section for an architecture that the file lacks", 7, [[-8, 0x02_01_07]], "layout"],
  ["code for all", 1, [[-8, 0xff_01_01]], "layout"],
  ["reserved byte of a section", 7, [[-8, 0x01ff_01_07]], "layout"],
  ["strings that do not start with NUL", 2, [[0, 0x41414141]], "layout"],
  ["an entry outside", 3, [[0, 40]], "layout"],
  ["a name outside", 3, [[4, 0x1000]], "layout"],
  ["a hook outside", 3, [[8, 0x1000]], "layout"],
  ["program flags", 3, [[12, 4]], "layout"],
  ["reserved of a program", 3, [[16, 0x10000]], "layout"],
  ["data of 0 bytes", 4, [[0, 0]], "layout"],
  ["data of 12 bytes", 4, [[0, 12]], "layout"],
  ["data of 2^31 bytes", 4, [[0, 0x8000_0000]], "layout"],
  ["less data than initial", 4, [[0, 8]], "layout"],
  ["more data than there is memory", 4, [[0, 0x7fff_fff8]], "memory"],
  ["reserved word of data", 4, [[4, 1]], "layout"],
  ["a relocation outside", 5, [[0, 4 << 1]], "layout"],
  ["a relocation twice", 5, [[4, 1]], "layout"],
  ["a relocated word beyond its block", 4, [[8, 65]], "layout"],
  ["a relocated word beyond the code", 4, [[16, 41]], "layout"],
  ["a map's name outside", 6, [[0, 0x1000]], "layout"],
  ["more initial entries than fit", 6, [[28, 0x1000_0000]], "layout"],
  ["two maps of one name", 6, [[32, 1]], "layout"],
  ["a map that cannot be", 6, [[4, 99]], "map"],
  ["keys of 0 bytes", 6, [[8, 0]], "map"],
  ["an inner map that is not there", 6, [[24, 9]], "layout"],
  ["an inner map that is one of maps", 6, [[24, 5]], "layout"],
  ["an entry beyond the map", 6, [[96, 4]], "layout"],
  ["an entry that is no program", 6, [[100, 0x8000_0002]], "layout"],
  ["an entry that is another kind", 6, [[100, 1]], "layout"],
  ["an entry that is not like the inner map", 6, [[204, 0]], "layout"],
  ["import kind", 7, [[0, 5]], "layout"],
  ["reserved byte of an import", 7, [[0, 0x0100]], "layout"],
  ["another prototype", 7, [[0, 0x0001_0000]], "helper"],
  ["a hash of 11 bits", 7, [[0, 0x0400_0000]], "layout"],
  ["a helper that the host lacks", 7, [[12, 77]], "helper"],
  ["no helper id", 7, [[12, 4_000_000]], "layout"],
  ["a name that the host lacks", 7, [[20, 1]], "helper"],
  ["an empty name", 7, [[20, 0]], "layout"],
  ["a value of the data block", 7, [[28, 1]], "layout"],
  ["a map that is not there", 7, [[36, 6]], "layout"],
  ["a function outside", 7, [[52, 40]], "layout"],
];

function check(files: Uint8Array[], ...options: string[]): [error: number, at: number][] {
  const input = Buffer.concat(
    files.flatMap((file) => [Buffer.from(Uint32Array.of(file.length).buffer), file]),
  );
  const result = run(SAN, "spf-check", options, input);
  expect(result.stderr).toBe("");
  expect(result.status).toBe(0);
  return result.stdout
    .trimEnd()
    .split("\n")
    .map((line) => line.split(" ").map(Number) as [number, number]);
}

describe.skipIf(!CAN_SANITIZE)("spf.c under sanitizers", () => {
  const good = writeSpf(FULL);
  beforeAll(() => {
    make(SAN, ["SANITIZE=1"]);
  });

  test("each check", () => {
    const files = BROKEN.map(([, section, edits]) => {
      const file = good.slice();
      const base = section === 0 ? 0 : payload(good, section);
      for (const [offset, value] of edits) new DataView(file.buffer).setUint32(base + offset, value, true);
      return seal(file);
    });
    const said = check(files).map(([error], i) => `${BROKEN[i][0]}: ${error}`);
    expect(said).toEqual(BROKEN.map(([name, , , error]) => `${name}: ${ERRORS[error]}`));
  });

  test("size, checksum, architecture, contract", () => {
    const otherArch = writeSpf({ ...FULL, arch: "arm64" });
    const padding = good.slice();
    padding[good.length - 1] = 0;
    const wrong = seal(Uint8Array.of(...good, 0, 0, 0, 0, 0, 0, 0, 0), true);
    const flipped = good.slice();
    flipped[40] ^= 1;
    const event = (context: number) =>
      writeSpf({
        ...FULL,
        programs: [{ name: "e", hook: ".spf.event/load", offset: 0, contract: { ...contract(), context } }],
        maps: [],
        imports: [],
      });
    const files = [
      good,
      good.subarray(0, 20),
      new Uint8Array(0),
      wrong,
      flipped,
      otherArch,
      event(0),
      event(2),
    ];
    expect(check(files).map(([error]) => error)).toEqual([0, -1, -1, -1, -5, -4, 0, -7]);
  });

  test("contracts: flags, stack, and what the hook offers", () => {
    const file = (more: Partial<ReturnType<typeof contract>>, hook = "x") =>
      writeSpf({
        ...FULL,
        maps: [],
        imports: [],
        programs: [{ name: "p", hook, offset: 0, contract: { ...contract(), ...more } }],
      });
    const both = { verified: true, bounded: true };
    const flags = [file({}), file({ verified: true }), file({ bounded: true }), file(both)];
    expect(check(flags, "3").map(([error]) => error)).toEqual([-7, -7, -7, 0]);
    expect(check(flags, "1").map(([error]) => error)).toEqual([-7, 0, -7, 0]);
    const stacks = [0, 16, 512, 528].map((stack) => file({ stack }));
    expect(check(stacks, "0", "512").map(([error]) => error)).toEqual([-7, 0, 0, -7]);
    const frames = [
      file({ context: 1, memory: 64 }, "frame"),
      file({ context: 1, memory: 64 }, "frame/one"),
      file({ context: 1, memory: 65 }, "frame.one"),
      file({ context: 0 }, "frame/one"),
      file({ context: 1, memory: 65 }, "frames"),
    ];
    expect(check(frames).map(([error]) => error)).toEqual([0, 0, -7, -7, 0]);
  });

  test("mutated files: no error of the sanitizers, and the reader's verdict", () => {
    const KNOWN = new Set([1, 1_000_050, 1_000_051]);
    const seeds = [good, writeSpf([FULL, { ...FULL, arch: "arm64" }])];
    const rng = random(20_261_121);
    const files: Uint8Array[] = [...seeds];
    for (let i = 0; i < (SLOW ? 20_000 : 2000); i++) {
      const raw = mutate(seeds[i % seeds.length], rng);
      files.push(raw.length >= 24 ? seal(raw, rng(8) === 0) : raw);
    }
    const said = check(files).map(([error]) => error);
    const differ = files.flatMap((file, i) => {
      let reader = "accept";
      try {
        const container = readSpf(file, "x", "x64");
        for (const item of container.imports)
          if (item.kind === "helper" && !KNOWN.has(item.id)) reader = "unknown";
        if (container.imports.some((item) => "hash" in item && item.hash !== 0)) reader = "unknown";
        if (container.imports.some((item) => item.kind === "named" && item.name !== "sensor"))
          reader = "unknown";
      } catch (error) {
        // What this loader skips.
        reader = /: (symbols|debug|btf)/.test((error as Error).message) ? "unknown" : "refuse";
      }
      // The library, the host and its memory say no to more than the layout does.
      const device = said[i] === 0 ? "accept" : said[i] <= -7 ? "unknown" : "refuse";
      return device === reader || device === "unknown" || reader === "unknown"
        ? []
        : [`${i}: spf.c ${said[i]}, reader ${reader}`];
    });
    expect(said.filter((error) => error === 0).length).toBeGreaterThan(50);
    expect(new Set(said).size).toBeGreaterThan(7);
    expect(differ).toEqual([]);
  });

  test.skipIf(skip("clang-19"))("a program that has itself replaced, then unloaded, runs to its end", () => {
    const file = scratchFile(
      "self.spf",
      compile(bpfObject("clang-19", program("self.c"), ["-mcpu=v3", "-O2"]), { name: "self.o" }).container,
    );
    const tool = scratchFile("self", "");
    const harness = new URL("self.c", import.meta.url).pathname;
    const objects = ["spf.o", "maps.o"].map((name) => join(DEVICE, SAN.build, name));
    execFileSync("gcc", ["-g", "-fsanitize=address,undefined", harness, ...objects, "-o", tool], {
      stdio: "pipe",
    });
    const result = spawnSync(tool, [file], { encoding: "utf8" });
    expect({ stdout: result.stdout, stderr: result.stderr }).toEqual({
      stdout: `load 0
run 1: replace 0, released 1
run 1: replace 0, released 2
run 1: unload 0, released 3, left 0
load 0, event 1: released 4, left 0
`,
      stderr: "",
    });
  });
});
