/** Loops with two tests of their counter: which become one test, which must not, and that all count as before. */

import { describe, expect, it } from "vitest";
import { assemble } from "../../formats/isa/bpf.ts";
import { difference } from "../diff/compare.ts";
import { lines } from "./listing.ts";

/** r0 gathers what is written; r2 is the counter, r3 and r4 bounds from memory, r1 the memory. */
const loop = (first: string, second: string, { between = "", step = "r2 += 1", out = "" } = {}): string =>
  `r3 = *(u64 *)(r1 + 0)
r4 = *(u32 *)(r1 + 8)
r3 &= 31
r4 &= 31
r2 = 0
r0 = 0
again:
r0 += r2
*(u64 *)(r1 + 16) = r0
${step}
if ${first} goto out
${between}
if ${second} goto again
${out}
out:
r0 += r2
exit`;

const branches = (source: string): number =>
  lines(source, { without: ["unroll-counted"] }).filter((line) => line.startsWith("branch")).length;
const selects = (source: string): number =>
  lines(source, { without: ["unroll-counted"] }).filter((line) => line.includes("= select ")).length;

describe("merge-exits", () => {
  const MERGED: [name: string, source: string][] = [
    ["two variables", loop("r2 >= r3", "r2 < r4")],
    ["a variable and a constant", loop("r2 >= r3", "r2 < 20")],
    ["a constant and a variable", loop("r2 >= 20", "r2 < r3")],
    ["bounds that are reached", loop("r2 > r3", "r2 <= r4")],
    ["below one bound and up to a constant", loop("r2 >= r3", "r2 <= 20")],
    ["up to a constant, with a sign", loop("r2 s> 20", "r2 s< r3")],
    ["with a sign", loop("r2 s>= r3", "r2 s< r4")],
    ["bounds on the left", loop("r3 <= r2", "r4 > r2")],
    [
      "something computed between",
      loop("r2 >= r3", "r2 < r4", { between: "r5 = r2\nr5 *= 3\nr5 += r0\nr5 = 0" }),
    ],
    ["steps of two", loop("r2 >= r3", "r2 < r4", { step: "r2 += 2" })],
  ];
  it.each(MERGED)("%s", (_, source) => {
    expect(branches(source)).toBe(1);
    expect(selects(source)).toBe(1);
  });

  const STAYS: [name: string, source: string][] = [
    ["another counter", loop("r2 >= r3", "r0 < r4")],
    ["up to one bound and below the other", loop("r2 > r3", "r2 < r4")],
    ["with a sign and without", loop("r2 s>= r3", "r2 < r4")],
    ["the low half and all", loop("w2 >= w3", "r2 < r4")],
    ["another way out", loop("r2 >= r3", "r2 < r4", { out: "r0 *= 5" })],
    ["a store between", loop("r2 >= r3", "r2 < r4", { between: "*(u64 *)(r1 + 24) = r2" })],
    ["a load between", loop("r2 >= r3", "r2 < r4", { between: "r5 = *(u64 *)(r1 + 32)\nr0 ^= r5" })],
    ["a bound that changes", loop("r2 >= r3", "r2 < r4", { step: "r2 += 1\nr4 ^= 1" })],
    ["up to the greatest small number", loop("r2 >= r3", "r2 <= 0x7fffffff")],
    ["a test for equality", loop("r2 == r3", "r2 < r4")],
  ];
  it.each(STAYS)("not %s", (_, source) => expect(branches(source)).toBe(2));

  it("all give the same", () => {
    for (const [name, source] of [...MERGED, ...STAYS]) {
      const code = assemble(source);
      for (const [x, y] of [
        [0, 0],
        [0, 9],
        [9, 0],
        [7, 7],
        [7, 8],
        [19, 20],
        [20, 19],
        [31, 21],
        [30, 31],
      ]) {
        const memory = Uint8Array.from({ length: 64 }, (_, k) => 3 * k);
        memory[0] = x;
        memory[8] = y;
        expect(difference(code, memory, [1, 2, "s"], true), `${name}, ${x}, ${y}`).toBeUndefined();
      }
    }
  });
});
