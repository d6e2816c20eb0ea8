/** Objects that clang 14 and 19 made link to the functions, references, data and maps that their sources say. */

import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { type LinkOptions, link } from "../../compiler/link.ts";
import { load } from "../../compiler/load.ts";
import { lineOf } from "../../compiler/place.ts";
import type { Program } from "../../compiler/program.ts";
import { InputError } from "../../formats/error.ts";
import { describeFunctions, describePointers, variableAt } from "./describe.ts";

const OBJECTS = new URL("../objects/", import.meta.url).pathname;
const OPTIONS: LinkOptions = {
  externs: { my_extern: "name" },
  helperByName: (name) => (name === "puts" ? 51 : undefined),
};
const linkFile = (file: string, options: Partial<LinkOptions> = {}): Program =>
  link(load(readFileSync(file), file.slice(file.lastIndexOf("/") + 1)), { ...OPTIONS, ...options });

const reaches = (program: Program, name: string): string[] => [...describeFunctions(program)[name]].sort();

/** What must hold of each source, however it was compiled. */
const SOURCES: Record<string, (program: Program) => void> = {
  calls(p) {
    expect(p.entries.map((e) => `${e.hook}:${e.name}`)).toEqual(["first:one", "first:two", "third:three"]);
    expect(p.entries.map((e) => e.func)).toEqual([0, 1, 2]);
    expect(p.license).toBe("MIT");
    expect(reaches(p, "one")).toEqual(["elsewhere", "helper 51", "named my_extern", "rodata+0", "weak_one"]);
    expect(reaches(p, "two")).toEqual(["callback", "data+0", "helper 181", "helper 7"]);
    expect(reaches(p, "three")).toEqual(["by_pointer", "by_pointer2"]);
    expect(reaches(p, "elsewhere")).toEqual(["middle"]);
    expect(reaches(p, "middle")).toEqual(["leaf"]);
    expect(p.functions.map((f) => f.name)).not.toContain("unused");
    expect(describePointers(p)).toEqual(["0 → by_pointer", "8 → middle"]);
    expect(p.symbols).toEqual([
      { name: "table", block: "data", offset: 0, size: 16 },
      { name: "counter", block: "data", offset: 16, size: 8 },
    ]);
    expect([Buffer.from(p.rodata).toString(), p.data.length, p.dataSize]).toEqual(["hello\0", 16, 24]);
  },
  data(p) {
    expect(p.entries).toEqual([{ name: "run", hook: "", func: 0 }]);
    const used = p.functions[0].references.flatMap((r) =>
      r?.kind === "data" ? [variableAt(p, r.offset)] : [],
    );
    const variables = new Set(used.map((name) => name.replace(/\+.*/, "")));
    const expected = [
      "chosen",
      "extra",
      "hidden",
      "hidden_initialised",
      "initialised",
      "names",
      "numbers",
      "pointer",
    ];
    expect([...variables].sort()).toEqual([...expected, "tentative", "zeros"]);
    const word = (name: string) => {
      const { offset } = p.symbols.find((s) => s.name === name)!;
      return new DataView(p.data.buffer).getUint32(offset, true);
    };
    expect([word("initialised"), word("extra"), word("numbers")]).toEqual([7, 0x55667788, 10]);
    const pointers = p.pointers.map(({ at, to }) => {
      if (to.kind === "function") return "function";
      const text = Buffer.from(p.rodata.subarray(to.offset)).toString().split("\0")[0];
      return `${variableAt(p, at)} → ${to.kind === "data" ? variableAt(p, to.offset) : text}`;
    });
    const names = ["names+0 → zero", "names+16 → two", "names+8 → one"];
    expect(pointers.sort()).toEqual(["chosen+0 → start", ...names, "pointer+0 → hidden_initialised+4"]);
    const zeros = p.symbols.filter((s) => s.offset >= p.data.length).map((s) => s.name);
    expect(zeros.sort()).toEqual(["hidden", "tentative", "zeros"]);
  },
  "maps-legacy"(p) {
    const map = (name: string, numbers: number[], inner = -1) => {
      const [type, keySize, valueSize, maxEntries, flags] = numbers;
      return { name, type, keySize, valueSize, maxEntries, flags, inner, initial: [] };
    };
    expect(p.maps).toEqual([
      map("counts", [1, 4, 8, 64, 1]),
      map("states", [2, 4, 16, 10, 0]),
      map("outer", [12, 4, 4, 3, 0], 1),
      map("events", [4, 4, 4, 2, 0]),
    ]);
    expect(reaches(p, "prog")).toEqual(["helper 1", "map counts", "map events", "map outer"]);
  },
  "maps-btf"(p) {
    const index = (name: string) => p.maps.findIndex((m) => m.name === name);
    const get = (name: string) => p.maps[index(name)];
    expect(p.maps.map((m) => m.name).sort()).toEqual([
      "hash",
      "inner1",
      "inner2",
      "outer",
      "outer.inner",
      "programs",
    ]);
    expect(get("hash")).toMatchObject({
      type: 1,
      keySize: 4,
      valueSize: 24,
      maxEntries: 1000,
      flags: 1,
      inner: -1,
    });
    expect(get("outer")).toMatchObject({ type: 12, keySize: 4, valueSize: 4, inner: index("outer.inner") });
    expect(get("outer").initial).toEqual([
      { index: 0, kind: "map", target: index("inner2") },
      { index: 2, kind: "map", target: index("inner1") },
    ]);
    expect(get("outer.inner")).toMatchObject({ type: 2, keySize: 4, valueSize: 8, maxEntries: 4 });
    const tail = p.entries.findIndex((e) => e.name === "tail");
    expect(get("programs").initial).toEqual([{ index: 1, kind: "program", target: tail }]);
    expect(reaches(p, "prog")).toEqual(["helper 1", "helper 12", "map hash", "map outer", "map programs"]);
  },
};

describe.each(["14", "19"])("committed objects of clang %s", (version) => {
  test.each(Object.keys(SOURCES))("%s", (name) => {
    SOURCES[name](linkFile(`${OBJECTS}${name}-clang${version}.o`));
  });

  test("line information", () => {
    const { functions } = linkFile(`${OBJECTS}calls-clang${version}.o`);
    const one = functions[0];
    const call = one.references.findIndex((r) => r?.kind === "helper");
    expect(lineOf(one, call)).toMatchObject({ file: "./calls.c", line: 24, text: `  puts("hello");` });
    for (const { lines, insns } of functions) {
      expect(lines.length).toBeGreaterThan(0);
      expect(lines.every((l, i) => l.insn < insns.length && (i === 0 || lines[i - 1].insn <= l.insn))).toBe(
        true,
      );
    }
  });

  test("a choice of programs links what they need and nothing else", () => {
    const file = `${OBJECTS}maps-btf-clang${version}.o`;
    expect(linkFile(file, { program: "other" })).toMatchObject({ maps: [], entries: [{ name: "other" }] });
    const chosen = linkFile(file, { program: "xdp" });
    expect(chosen.entries.map((e) => [e.name, e.func])).toEqual([
      ["prog", 0],
      ["tail", 1],
    ]); // tail: by the prog array
    expect(chosen.maps.find((m) => m.name === "programs")?.initial[0].target).toBe(1);
  });

  test("CO-RE relocations are refused where they are reached, with the line", () => {
    const file = `${OBJECTS}core-clang${version}.o`;
    const message =
      "core.c:9: expected needs_core without CO-RE relocations, got 1 (there is no kernel whose types it could be adapted to)";
    expect(() => linkFile(file)).toThrow(message);
    expect(() => linkFile(file)).toThrow(InputError);
    expect(linkFile(file, { program: "plain" }).functions).toHaveLength(1);
  });
});

/** Compilers, levels and instruction sets; clang 14 has no v4. */
const MATRIX = ["clang-14", "clang-19"].flatMap((clang) =>
  ["-O1", "-O2", "-O3"].flatMap((level) =>
    (clang === "clang-14" ? ["v1", "v2", "v3"] : ["v1", "v2", "v3", "v4"]).map((cpu) => ({
      clang,
      level,
      cpu,
    })),
  ),
);
const dir = mkdtempSync(join(tmpdir(), "runbpf-link-"));
afterAll(() => rmSync(dir, { recursive: true }));

describe.each(["clang-14", "clang-19"])("%s", (clang) => {
  const missing = !existsSync(`/usr/bin/${clang}`) && !process.env.CI;
  const cases = MATRIX.filter((c) => c.clang === clang);
  test.skipIf(missing).each(cases)("$level -mcpu=$cpu", ({ level, cpu }) => {
    for (const [name, check] of Object.entries(SOURCES)) {
      const out = join(dir, `${name}.o`);
      const flags = ["-target", "bpf", level, `-mcpu=${cpu}`, "-g", "-c", `${OBJECTS}${name}.c`, "-o", out];
      execFileSync(clang, flags, { stdio: "pipe" });
      check(linkFile(out));
    }
  });
});
