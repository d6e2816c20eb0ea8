/** What only one way out of a branch needs: where it is computed. */

import { describe, expect, it } from "vitest";
import { optimised } from "./listing.ts";

/** The block, from the start, in which an operation stands: 0 is the entry. */
function placeOf(source: string, what: RegExp): number {
  const [text] = optimised(source, { without: ["if-convert", "unroll-counted", "vectorise"] }).values();
  const blocks = text.split(/\nb\d+:/).slice(1);
  return blocks.findIndex((block) => what.test(block));
}

const branch = (before: string, onYes: string, after = ""): string =>
  `${before}
r0 = r1
if r2 == 7 goto yes
*(u64 *)(r1 + 0) = r2
goto out
yes:
${onYes}
*(u64 *)(r1 + 8) = r3
out:
${after}
exit`;

describe("sink", () => {
  it("to the way that needs it", () => {
    expect(placeOf(branch("r3 = r4\nr3 *= r5", "r3 += 1"), /= mul/)).toBeGreaterThan(0);
  });
  it("with what only it needs", () => {
    const source = branch("r3 = r4\nr3 *= r5\nr3 ^= r2\nr3 *= r3", "r3 += 1");
    expect(placeOf(source, /= mul/)).toBeGreaterThan(0);
    expect(placeOf(source, /= xor/)).toBeGreaterThan(0);
  });
  it.each([
    ["one operation for a negative number", "if r3 s< 0 goto out", true],
    ["not one for any other", "if r3 < 5 goto out", false],
  ])("%s", (_, test, sinks) => {
    const source = `r3 = *(u64 *)(r1 + 0)\nr0 = r3\nr0 *= r4\n${test}\nr0 = r3\n*(u64 *)(r1 + 0) = r0\nout:\nexit`;
    expect(placeOf(source, /= mul/) > 0).toBe(sinks);
  });
  it("out of a loop", () => {
    const source = `r0 = 0
again:
r3 = *(u64 *)(r1 + 0)
r0 += r3
r4 = r0
r4 *= 1000003
r4 ^= r3
r1 += r3
if r3 != 0 goto again
r0 = r4
exit`;
    expect(placeOf(source, /= mul/)).toBeGreaterThan(placeOf(source, /= load64/));
  });
  it.each<[name: string, source: string, what: RegExp]>([
    ["what both ways need", branch("r3 = r4\nr3 *= r5", "r3 += 1", "r0 = r3"), /= mul/],
    ["loads", branch("r3 = *(u64 *)(r1 + 64)", "r3 += 1"), /= load64/],
    [
      "into a loop",
      "r0 = r4\nr0 *= r5\nr3 = 0\nif r2 == 7 goto out\nagain:\n*(u64 *)(r1 + 0) = r0\nr1 += 8\nr3 += 1\nif r3 != r2 goto again\nout:\nr0 = 0\nexit",
      /= mul/,
    ],
  ])("not %s", (_, source, what) => {
    const stores = source.includes("again") ? placeOf(source, /store64/) : 1;
    expect(placeOf(source, what)).toBeLessThan(stores);
  });

  it("one operation is not worth a block of its own", () => {
    const source = "r0 = r4\nr0 *= r5\nif r2 == 7 goto out\n*(u64 *)(r1 + 0) = r2\nr0 = 3\nout:\nexit";
    expect(placeOf(source, /= mul/)).toBe(0);
    const two = source.replace("r0 *= r5", "r0 *= r5\nr0 ^= r4");
    expect(placeOf(two, /= mul/)).toBeGreaterThan(0);
  });
});
