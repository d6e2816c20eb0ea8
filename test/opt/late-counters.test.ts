/** Tests of counters that look ahead: they start from the next round's counter. */

import { describe, expect, it } from "vitest";
import { lines as linesOf } from "./listing.ts";

const lines = (source: string): string[] => linesOf(source, { without: ["unroll-counted"] });

const loop = (step: number, ahead: number, test = "if r3 < r2 goto again"): string =>
  `r6 = 0
r0 = 0
again:
r3 = *(u8 *)(r1 + 0)
r0 += r3
*(u8 *)(r1 + 0) = r0
r3 = r6
r3 += ${ahead}
r6 += ${step}
${test}
r0 += r6
exit`;

describe("late-counters", () => {
  it("a test ahead of the counter", () => {
    const text = lines(loop(1, 5));
    const next = text.find((line) => /= add v\d+, 1$/.test(line))?.split(":")[0];
    expect(next).toBeDefined();
    expect(text.some((line) => line.endsWith(`= add ${next}, 4`))).toBe(true);
    expect(text.some((line) => / 5$/.test(line))).toBe(false);
  });
  it("not one that has another use", () => {
    const text = lines(loop(1, 5, "r0 += r3\nif r3 < r2 goto again"));
    expect(text.some((line) => line.endsWith(", 5"))).toBe(true);
  });
});
