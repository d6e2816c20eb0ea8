/** Selects by one comparison: which come together, and which stay where they are. */

import { describe, expect, it } from "vitest";
import type { CompileOptions } from "../../compiler/compile.ts";
import { assemble } from "../../formats/isa/bpf.ts";
import { difference } from "../diff/compare.ts";
import { operations } from "./listing.ts";

/** r0 and then r2 are chosen from r3 and r4, with something between. */
const chosen = (first: string, between: string, second: string, no = "r4"): string => `r3 = *(u64 *)(r1 + 0)
r4 = *(u64 *)(r1 + 8)
r0 = r4
if ${first} goto a
r0 = r3
a:
${between}
r2 = r3
if ${second} goto b
r2 = ${no}
b:
r0 -= r2
exit`;
/** r0 is a flag. */
const flagged = (condition: string): string => `r3 = *(u64 *)(r1 + 0)
r4 = *(u64 *)(r1 + 8)
r0 = 0
if r3 ${condition} 7 goto a
r0 = 1
a:
r5 = r4
r5 += r0
r2 = r3
if r3 ${condition} 7 goto b
r2 = r4
b:
r0 = r5
r0 -= r2
exit`;
const STORE = "r5 = r4\nr5 += r3\n*(u64 *)(r1 + 16) = r5";
const stores = (count: number): string =>
  Array.from({ length: count }, (_, k) => `*(u64 *)(r1 + ${8 * k + 16}) = r3`).join("\n");

/** Operations between the two selects. */
const between = (source: string, more: CompileOptions = {}): number => {
  const names = operations(source, { optimize: 1, ...more });
  return names.lastIndexOf("select") - names.indexOf("select") - 1;
};

const PAIRS: [name: string, source: string][] = [
  ["the same comparison", chosen("r3 == 7", STORE, "r3 == 7")],
  ["the opposite one", chosen("r3 > 7", STORE, "r3 <= 7")],
  ["another one of the same numbers", chosen("r3 > r4", STORE, "r3 == r4", "r5")],
  ["across seven others", chosen("r3 == 7", stores(6), "r3 == 7")],
  ["a sum of a carry, which comes behind both", flagged("<")],
];
const APART: [name: string, source: string][] = [
  ["another constant", chosen("r3 == 7", STORE, "r3 == 8")],
  ["other numbers", chosen("r3 == 7", STORE, "r4 == 7")],
  ["half of the numbers", chosen("r3 == 7", STORE, "w3 == 7")],
  ["what is between needs the first one", chosen("r3 == 7", "*(u64 *)(r1 + 16) = r0", "r3 == 7")],
  ["the second needs the first one", chosen("r3 == 7", STORE, "r3 == 7", "r0")],
  ["across eight others", chosen("r3 == 7", stores(7), "r3 == 7")],
  ["a sum of another flag", flagged(">")],
];

describe("pair-selects", () => {
  it.each(PAIRS)("%s", (_, source) => expect(between(source)).toBe(0));
  it.each(APART)("not %s", (_, source) => {
    expect(between(source)).toBeGreaterThan(0);
    expect(between(source)).toBe(between(source, { without: ["pair-selects"] }));
  });

  it("results stay", () => {
    for (const [, source] of [...PAIRS, ...APART])
      for (const [a, b] of [
        [7n, 1n],
        [7n, 7n],
        [8n, 7n],
        [9n, 300n],
        [0x100000007n, 7n],
      ]) {
        const memory = new Uint8Array(BigUint64Array.of(a, b, ...Array(8).fill(0n)).buffer);
        expect(difference(assemble(source), memory, [1, 2, "s"], true), source).toBeUndefined();
      }
  });
});
