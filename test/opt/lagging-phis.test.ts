/** Phis that are what a counter was a round before. */

import { describe, expect, it } from "vitest";
import { assemble } from "../../formats/isa/bpf.ts";
import { difference } from "../diff/compare.ts";
import { lines } from "./listing.ts";

/** r5 follows r6; what is stored keeps the loop from vectors. */
const loop = (first: number, start: number, step: number, next = "r5 = r6"): string =>
  `r5 = ${first}
r6 = ${start}
r0 = 0
again:
r3 = r1
r3 += r5
r3 = *(u8 *)(r3 + 0)
r0 += r3
r0 *= 3
*(u64 *)(r1 + 64) = r0
${next}
r6 += ${step}
if r6 < 60 goto again
exit`;

const phis = (source: string): number =>
  lines(source, { without: ["unroll-counted", "unroll-shifts"] }).filter((line) => line.includes("= phi "))
    .length;

describe("lagging-phis", () => {
  it.each([
    [0, 4, 4],
    [-2, 5, 7],
    [8, 8, 1],
  ])("%i, %i, by %i", (first, start, step) => {
    // The sum and the counter; one that does not follow from the start has a variable of its own.
    expect(phis(loop(first, start, step))).toBe(start - first === step ? 2 : 3);
  });
  it("not one that follows something else", () => {
    expect(phis(loop(0, 4, 4, "r5 = r6\nr5 ^= 1"))).toBe(3);
  });
  it("results stay", () => {
    const memory = Uint8Array.from({ length: 80 }, (_, k) => 37 * k);
    for (const [first, start, step] of [
      [0, 4, 4],
      [0, 16, 16],
      [8, 8, 1],
      [3, 4, 1],
    ])
      expect(difference(assemble(loop(first, start, step)), memory, [1, 2, "s"], true)).toBeUndefined();
  });
  it.each([
    [1, 2, 1],
    [0, 2, 1],
  ])("of 64 bits behind one of 32: %i, %i, by %i", (first, start, step) => {
    const source = loop(first, start, step).replaceAll("r6", "w6").replace("r5 = w6", "w5 = w6");
    expect(phis(source)).toBe(start - first === step ? 2 : 3);
    const memory = Uint8Array.from({ length: 80 }, (_, k) => (k * 91) & 255);
    expect(difference(assemble(source), memory, [1, 2, "s"], true)).toBeUndefined();
  });
});
