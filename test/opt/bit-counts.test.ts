/** Counts of bits that were written out: which are found, and that all are right on every target. */

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { assemble } from "../../formats/isa/bpf.ts";
import { scratchFile, skip, TARGETS } from "../device-tools.ts";
import { runBatch } from "../run/engines.ts";
import { lines } from "./listing.ts";

type Width = 32 | 64;
const r = (width: Width) => (width === 64 ? "r" : "w");
const repeated = (width: Width, byte: string) =>
  width === 64 ? `0x${byte.repeat(8)} ll` : `0x${byte.repeat(4)}`;

/** The set bits of r1 in r0, as clang writes it; r3 and r4 are lost. */
function population(width: Width): string {
  const w = r(width);
  return `${w}3 = ${w}1
${w}3 >>= 1
${w}4 = ${repeated(width, "55")}
${w}3 &= ${w}4
${w}1 -= ${w}3
${w}4 = ${repeated(width, "33")}
${w}3 = ${w}1
${w}3 &= ${w}4
${w}1 >>= 2
${w}1 &= ${w}4
${w}3 += ${w}1
${w}0 = ${w}3
${w}0 >>= 4
${w}3 += ${w}0
${w}4 = ${repeated(width, "0f")}
${w}3 &= ${w}4
${w}4 = ${repeated(width, "01")}
${w}3 *= ${w}4
${w}3 >>= ${width - 8}
${w}0 = ${w}3`;
}

/** All bits below the highest one of r1 are set, then turned. */
function smear(width: Width): string {
  const w = r(width);
  const steps = [1, 2, 4, 8, 16, 32].filter((by) => by < width);
  return `${steps.map((by) => `${w}2 = ${w}1\n${w}2 >>= ${by}\n${w}1 |= ${w}2`).join("\n")}\n${w}1 ^= -1`;
}

const below = (width: Width): string => {
  const w = r(width);
  return `${w}2 = ${w}1\n${w}2 ^= -1\n${w}1 += -1\n${w}1 &= ${w}2`;
};

const kinds = {
  popcount: () => "",
  clz: smear,
  ctz: below,
} as const;
type Kind = keyof typeof kinds;

const source = (kind: Kind, width: Width, before = "", after = ""): string =>
  [`${r(width)}1 = *(u${width} *)(r1 + 0)`, before, kinds[kind](width), population(width), after, "exit"]
    .filter((line) => line !== "")
    .join("\n");

const WIDTHS: Width[] = [32, 64];
const CASES = WIDTHS.flatMap((width) =>
  (["clz", "ctz", "popcount"] as const).map((kind) => [kind, width] as const),
);

const operations = (text: string | Uint8Array, cpu: string[] = []) =>
  lines(text, { cpu }).flatMap((line) => / = (clz|ctz|popcount|mul|lshr) /.exec(line)?.[1] ?? []);

describe("bit-counts", () => {
  it.each(CASES)("%s of %i bits", (kind, width) => {
    expect(operations(source(kind, width), ["x86-64-v2"])).toEqual([kind]);
    if (kind === "popcount") expect(operations(source(kind, width))).toContain("mul");
    else expect(operations(source(kind, width))).toEqual([kind]);
  });

  it.each([
    ["another mask", (text: string) => text.replace("0x33", "0x13")],
    ["another shift", (text: string) => text.replace(">>= 4", ">>= 3")],
    ["other bytes are added up", (text: string) => text.replace(">>= 56", ">>= 48")],
    ["another sum", (text: string) => text.replace("r1 -= r3", "r1 += r3")],
  ])("not: %s", (_, change) => {
    const text = change(source("ctz", 64));
    expect(text).not.toBe(source("ctz", 64));
    expect(operations(text)).toContain("mul");
  });
  it("not zeros where a shift is missing", () => {
    const text = source("clz", 64).replace("r2 >>= 8\n", "r2 >>= 9\n");
    expect(operations(text)).toContain("mul");
  });

  it.each(CASES)("%s of %i bits: all numbers of zeros, on every target", (kind, width) => {
    const top = 1n << BigInt(width);
    const values = [0n, 1n, 0x123456789abcdef0n, -1n];
    for (let k = 0n; k < BigInt(width); k++)
      values.push(1n << k, (1n << k) - 1n, top - (1n << k), (top >> k) | 1n);
    const bits = (v: bigint) => BigInt.asUintN(width, v).toString(2).padStart(width, "0");
    const expected = values.map((v) => {
      const text = bits(v);
      if (kind === "clz") return text.indexOf("1") < 0 ? width : text.indexOf("1");
      if (kind === "ctz") return text.lastIndexOf("1") < 0 ? width : width - 1 - text.lastIndexOf("1");
      return [...text].filter((bit) => bit === "1").length;
    });
    const calls = values.map((v) => ({
      memory: new Uint8Array(new BigUint64Array([BigInt.asUintN(64, v)]).buffer),
    }));
    // Once as it is, once where zero goes another way.
    const guarded = source(
      kind,
      width,
      `if ${r(width)}1 != 0 goto +2\nr0 = ${kind === "popcount" ? 0 : width}\nexit`,
    );
    for (const target of TARGETS) {
      const cpus = target.arch === "x64" ? [[], ["x86-64-v2"], ["x86-64-v3"]] : [[]];
      for (const text of [source(kind, width), guarded])
        for (const cpu of cpus)
          for (const optimize of [2, "s"] as const) {
            const options = { raw: true, name: "test", format: "bare", verify: false, check: true } as const;
            const { container } = compile(assemble(text), { ...options, target: target.arch, optimize, cpu });
            const [results] = runBatch(target, [{ file: container, calls }]);
            expect(results.map(({ r0 }) => Number(r0))).toEqual(expected);
          }
    }
  });

  it("what zero would give does not matter behind a test", () => {
    const code = (before: string) => {
      const text = assemble(source("ctz", 64, before));
      return compile(text, { raw: true, name: "test", verify: false, target: "x64" }).container;
    };
    const width = Buffer.from([64, 0, 0, 0]);
    expect(Buffer.from(code("")).includes(width)).toBe(true);
    expect(Buffer.from(code("if r1 != 0 goto +2\nr0 = 7\nexit")).includes(width)).toBe(false);
  });
});

describe.skipIf(skip("clang-19"))("what clang makes of its builtins", () => {
  /** By name: an expression of x, which is not zero, and what it is for the bits of x. */
  const BUILTINS: [expression: string, width: Width, kind: Kind][] = [
    ["__builtin_ctz((unsigned)x)", 32, "ctz"],
    ["__builtin_ctzll(x)", 64, "ctz"],
    ["__builtin_clz((unsigned)x)", 32, "clz"],
    ["__builtin_clzll(x)", 64, "clz"],
    ["__builtin_clz((unsigned)x | 1)", 32, "clz"],
    ["__builtin_clzll(x | 1)", 64, "clz"],
    ["__builtin_popcount((unsigned)x)", 32, "popcount"],
    ["__builtin_popcountll(x)", 64, "popcount"],
  ];
  it.each(BUILTINS)("%s", (expression, width, kind) => {
    const path = scratchFile(
      "builtin.c",
      `__attribute__((section("mem"))) unsigned long long prog(unsigned long long *p) { unsigned long long x = *p; return ${expression}; }`,
    );
    const out = `${path}.o`;
    execFileSync("clang-19", ["-target", "bpf", "-O2", "-mcpu=v3", "-w", "-c", path, "-o", out]);
    const object = readFileSync(out);
    const options = {
      name: "builtin",
      program: "prog",
      verify: false,
      cpu: ["x86-64-v2"],
      target: "x64",
    } as const;
    expect(operations(object, [...options.cpu])).toContain(kind);
    for (const target of TARGETS) {
      const { container } = compile(object, { ...options, cpu: [], target: target.arch, format: "bare" });
      const values = Array.from(
        { length: width },
        (_, k) => (0x9e3779b97f4a7c15n << BigInt(k)) | (1n << BigInt(k)),
      );
      const calls = values.map((v) => ({
        memory: new Uint8Array(new BigUint64Array([BigInt.asUintN(64, v)]).buffer),
      }));
      const [results] = runBatch(target, [{ file: container, calls }]);
      const expected = values.map((v) => {
        const text = BigInt.asUintN(width, v).toString(2).padStart(width, "0");
        if (kind === "clz") return text.indexOf("1") < 0 ? width - 1 : text.indexOf("1");
        if (kind === "ctz") return width - 1 - text.lastIndexOf("1");
        return [...text].filter((bit) => bit === "1").length;
      });
      expect(results.map(({ r0 }) => Number(r0))).toEqual(expected);
    }
  });
});
