/** Which functions are put into their callers, which are not, and which get no code. */

import { describe, expect, it } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { assemble } from "../../formats/isa/bpf.ts";
import { difference } from "../diff/compare.ts";
import { optimised } from "./listing.ts";

/** Two parameters, and as many operations as asked for. */
const long = (name: string, count: number): string =>
  [
    `${name}:`,
    "r0 = r1",
    ...Array.from({ length: count }, (_, k) => (k & 1 ? "r0 ^= r2" : "r0 *= r1")),
    "exit",
  ].join("\n");

/** r0 = the sum of `count` calls of f(r1, r2), on top of r6. */
const calls = (count: number, name = "f"): string =>
  Array.from({ length: count }, () => `r1 = r7\nr2 = r8\ncall ${name}\nr6 += r0`).join("\n");

const start = "r6 = 0\nr7 = *(u64 *)(r1 + 0)\nr8 = r2";
const end = "r0 = r6\nexit";

interface Case {
  name: string;
  source: string;
  /** Functions that have code afterwards, besides the first. */
  left: number;
  /** Calls in all of them. */
  calls: number;
  /** The same at -Os; as at -O2 unless given. */
  small?: { left: number; calls: number };
}

const CASES: Case[] = [
  {
    name: "a small function with one call",
    source: `${start}\n${calls(1)}\n${end}\n${long("f", 4)}`,
    left: 0,
    calls: 0,
  },
  {
    name: "a large function with one call",
    source: `${start}\n${calls(1)}\n${end}\n${long("f", 200)}`,
    left: 0,
    calls: 0,
  },
  {
    name: "a small function with three calls",
    source: `${start}\n${calls(3)}\n${end}\n${long("f", 4)}`,
    left: 0,
    calls: 0,
    small: { left: 1, calls: 3 },
  },
  {
    name: "a large function with two calls",
    source: `${start}\n${calls(2)}\n${end}\n${long("f", 40)}`,
    left: 1,
    calls: 2,
  },
  {
    name: "a chain",
    source: `${start}\n${calls(1)}\n${end}\nf:\nr6 = r1\ncall g\nr0 += r6\nexit\n${long("g", 30)}`,
    left: 0,
    calls: 0,
  },
  {
    name: "several ways out",
    source: `${start}\n${calls(1)}\n${end}\nf:\nif r1 > r2 goto a\nif r1 == 7 goto b\nr0 = 1\nexit\na:\nr0 = r2\nexit\nb:\nr0 = r1\nexit`,
    left: 0,
    calls: 0,
  },
  {
    name: "a loop with one call",
    source: `${start}\n${calls(1)}\n${end}\nf:\nr0 = 0\nr1 &= 15\nl:\nr0 += r1\nr1 += 1\nif r1 < 30 goto l\nexit`,
    left: 0,
    calls: 0,
  },
  {
    name: "a loop with two calls",
    source: `${start}\n${calls(2)}\n${end}\nf:\nr0 = 0\nr1 &= 15\nl:\nr0 += r1\nr1 += 1\nif r1 < 30 goto l\nexit`,
    left: 1,
    calls: 2,
  },
  {
    name: "one call in a loop",
    source: `${start}\nr9 = 5\nl:\n${calls(1)}\nr9 += -1\nif r9 != 0 goto l\n${end}\n${long("f", 6)}`,
    left: 0,
    calls: 0,
  },
  {
    name: "a slot that the caller passes",
    source: `*(u64 *)(r10 - 8) = r2\nr1 = r10\nr1 += -8\ncall f\nexit\nf:\nr0 = *(u64 *)(r1 + 0)\nexit`,
    left: 0,
    calls: 0,
  },
  {
    name: "an array in its own frame",
    source: `${start}\n${calls(1)}\n${end}\nf:\nr1 &= 7\nr3 = r10\nr3 += r1\n*(u64 *)(r10 - 8) = r2\n*(u64 *)(r10 - 16) = r2\nr0 = *(u8 *)(r3 - 16)\nexit`,
    left: 1,
    calls: 1,
  },
  {
    name: "recursion",
    source: `r1 = *(u64 *)(r1 + 0)\nr1 &= 7\ncall f\nexit\nf:\nif r1 == 0 goto out\nr1 += -1\ncall f\nr0 += 3\nexit\nout:\nr0 = 1\nexit`,
    left: 1,
    calls: 2,
  },
  {
    name: "two that call each other",
    source: `r1 = *(u64 *)(r1 + 0)\nr1 &= 7\ncall f\nexit\nf:\nif r1 == 0 goto out\nr1 += -1\ncall g\nexit\nout:\nr0 = 1\nexit\ng:\nif r1 == 0 goto no\nr1 += -1\ncall f\nr0 += 2\nexit\nno:\nr0 = 5\nexit`,
    left: 1,
    calls: 2,
  },
  {
    name: "a function whose address is taken",
    source: `r1 = f ll\n*(u64 *)(r10 - 8) = r1\nr1 = 3\nr2 = 4\ncall f\nr6 = r0\nr0 = *(u64 *)(r10 - 8)\nr0 &= 0\nr0 += r6\nexit\n${long("f", 30)}`,
    left: 1,
    calls: 1,
  },
];

describe("inline-functions", () => {
  const found = (source: string, optimize: 0 | 2 | "s") => {
    const texts = optimised(source, { optimize });
    const count = [...texts.values()].join("").match(/\bcall f\d/g)?.length ?? 0;
    return { left: texts.size - 1, calls: count };
  };

  it.each(CASES)("$name", ({ source, left, calls, small }) => {
    expect(found(source, 2)).toEqual({ left, calls });
    expect(found(source, "s")).toEqual(small ?? { left, calls });
  });

  it.each(CASES)("$name: does what the interpreter does", ({ source }) =>
    expect(difference(assemble(source), new Uint8Array(64).fill(3), [0, 1, 2, "s"], true)).toBeUndefined(),
  );

  it("not at -O0", () => expect(found(CASES[0].source, 0)).toEqual({ left: 1, calls: 1 }));

  it("functions without code are not listed", () => {
    const { debug } = compile(assemble(CASES[1].source), { raw: true, ctx: "args", verify: false });
    expect(debug.functions.map(({ name }) => name)).toEqual(["main"]);
  });

  it("bounds growth: 20 000 calls of a small function, each in one place of a chain", () => {
    const many = `${start}\n${calls(20_000)}\n${end}\n${long("f", 16)}`;
    const { report } = compile(assemble(many), { raw: true, ctx: "args", verify: false });
    expect(report.bytes.code).toBeLessThan(20_000 * 40);
    const inlining = report.times.find(([step]) => step === "inline-functions")![1];
    expect(inlining).toBeLessThan(1000);
  });
});
