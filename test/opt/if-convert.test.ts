/** Branches around little work: which become selects, and which are better guessed. */

import { describe, expect, it } from "vitest";
import { assemble } from "../../formats/isa/bpf.ts";
import { difference } from "../diff/compare.ts";
import { lines as linesOf } from "./listing.ts";

const lines = (source: string): string[] =>
  linesOf(source, { without: ["unroll-counted", "vectorise", "block-loops"] });
const selects = (source: string): number => lines(source).filter((line) => line.includes("= select")).length;

/** A loop over 64-bit words at r1: r3 is the word, r0 goes round. */
const loop = (...body: string[]): string =>
  [
    "r0 = 0",
    "r6 = 0",
    "again:",
    "r3 = *(u64 *)(r1 + 0)",
    ...body,
    "r1 += 8",
    "r6 += 1",
    "if r6 < r2 goto again",
    "exit",
  ].join("\n");
const choice = (test: string, ...then: string[]): string[] => [`if ${test} goto skip`, ...then, "skip:"];

/** Two branches with one short side, which goes on to where both meet. */
const SHARED = `r0 = *(u64 *)(r1 + 0)
r3 = *(u64 *)(r1 + 8)
r4 = *(u64 *)(r1 + 16)
if r3 > 7 goto high
if r2 > 30 goto side
goto out
high:
if r2 > 40 goto side
goto out
side:
r0 += 1
out:
r0 ^= r4
exit`;

describe("if-convert", () => {
  it.each<[name: string, source: string]>([
    ["one of two values", ["r0 = r1", ...choice("r2 > 7", "r0 = r3"), "exit"].join("\n")],
    ["a little work", ["r0 = r1", ...choice("r2 > 7", "r0 ^= r3", "r0 += 5"), "exit"].join("\n")],
    ["a word that is changed", loop(...choice("r3 > 7", "r3 += 9"), "r0 ^= r3")],
    ["the greatest so far", loop(...choice("r0 >= r3", "r0 = r3"))],
    ["where the last one was", loop(...choice("r3 > 7", "r0 = r6"))],
    [
      "a search that goes by what it finds",
      loop(
        "r4 = r1",
        "r4 += r0",
        "r4 = *(u64 *)(r4 + 0)",
        "r5 = r0",
        "r5 += r0",
        ...choice("r4 > 7", "r5 += 3"),
        "r0 = r5",
      ),
    ],
  ])("%s", (_, source) => expect(selects(source)).toBe(1));

  it("a side that two branches share", () => {
    const branches = (text: string[]) => text.filter((line) => line.trim().startsWith("branch")).length;
    expect(branches(lines(SHARED))).toBeLessThan(branches(linesOf(SHARED, { without: ["if-convert"] })) - 1);
    for (const words of [
      [0, 0, 0],
      [5, 8, 1],
      [5, 7, 1],
    ])
      for (const length of [24, 32, 64]) {
        const memory = new Uint8Array(length);
        for (const [k, word] of words.entries()) memory[8 * k] = word;
        expect(difference(assemble(SHARED), memory, [1, 2, "s"], true)).toBeUndefined();
      }
  });

  it("nothing, where both are what is compared", () => {
    const source = ["r0 = r3", ...choice("r3 != r2", "r0 = r2"), "exit"].join("\n");
    expect(selects(source)).toBe(0);
  });

  it("the lesser of two that both go round", () => {
    const subtracting = `r0 = *(u32 *)(r1 + 0)
r3 = *(u32 *)(r1 + 4)
r0 |= 1
r3 |= 1
again:
r4 = r0
if r0 > r3 goto swap
r0 = r3
r3 = r4
swap:
r0 -= r3
if r0 != 0 goto again
r0 = r3
exit`;
    expect(selects(subtracting)).toBe(2);
    for (const [a, b] of [
      [21, 35],
      [99, 1],
      [7, 7],
      [250, 75],
    ]) {
      const memory = Uint8Array.of(a, 0, 0, 0, b, 0, 0, 0);
      expect(difference(assemble(subtracting), memory, [1, 2, "s"], true)).toBeUndefined();
    }
  });

  it("sums of what may be nothing take their turn late", () => {
    const text = lines(loop(...choice("r3 > 7", "r0 += r3")));
    expect(text.find((line) => line.includes("= select"))).toMatch(/, 0$|, 0, v\d+$/);
  });

  it.each<[name: string, source: string]>([
    ["a sum that starts anew: the next round would wait", loop("r0 += r3", ...choice("r0 s> 0", "r0 = 0"))],
    [
      "a product that starts anew",
      loop("r4 = r0", "r4 *= 10", "r4 += r3", ...choice("r3 < 10", "r4 = 0"), "r0 = r4"),
    ],
    ["divisions", ["r0 = r1", ...choice("r2 > 7", "r0 /= r3"), "exit"].join("\n")],
    ["stores", ["r0 = r1", ...choice("r2 > 7", "*(u64 *)(r1 + 0) = r3"), "exit"].join("\n")],
    ["loads", ["r0 = r1", ...choice("r2 > 7", "r0 = *(u64 *)(r1 + 0)"), "exit"].join("\n")],
    [
      "much work",
      ["r0 = r1", ...choice("r2 > 7", "r0 ^= r3", "r0 += r2", "r0 |= r4", "r0 -= r3"), "exit"].join("\n"),
    ],
  ])("not %s", (_, source) => expect(selects(source)).toBe(0));
});
