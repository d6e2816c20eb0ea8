/** Tests of counters that look ahead: they start from the next round's counter. */

import { describe, expect, it } from "vitest";
import { assemble } from "../../formats/isa/bpf.ts";
import { difference } from "../diff/compare.ts";
import { lines as linesOf } from "./listing.ts";

const lines = (source: string): string[] => linesOf(source, { without: ["unroll-counted", "vectorise"] });

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

  const access = (more = ""): string =>
    `r6 = 0
again:
r4 = r1
r4 += r6
r3 = *(u8 *)(r4 + 3)
r3 *= r3
*(u8 *)(r4 + 2) = r3${more}
r3 = r6
r3 += 5
r6 += 1
if r3 < r2 goto again
r0 = 0
exit`;
  it("a counter of addresses alone counts from where the test wants it", () => {
    const text = lines(access());
    expect(text.some((line) => /= phi 4, v\d+$/.test(line))).toBe(true);
    expect(text.filter((line) => line.includes("= add v")).length).toBe(1);
    expect(text.join()).toMatch(/load8 \[v\d+ - 1\].*store8 \[v\d+ - 2\]/);
  });
  it("not one that is stored", () => {
    expect(lines(access("\n*(u64 *)(r1 + 64) = r6")).some((line) => /= phi 0, v\d+$/.test(line))).toBe(true);
  });

  it("sums behind the loop start from the next round's counter", () => {
    const text = lines(`r6 = 0
again:
r3 = *(u8 *)(r1 + 0)
r4 = r6
r6 += 1
r1 += r3
if r3 != 0 goto again
r4 += 11
r0 = r4
exit`);
    const next = text.find((line) => /= add v\d+, 1$/.test(line))?.split(":")[0];
    expect(text.some((line) => line.endsWith(`= add ${next}, 10`))).toBe(true);
  });

  const tested = (more = "", test = "if r2 > r6 goto again"): string =>
    `r6 = 1
r0 = 0
again:
r3 = *(u8 *)(r1 + 0)
r0 += r3
*(u8 *)(r1 + 0) = r0
r1 += 1${more}
r3 = r6
r6 += 1
${test.replace("r6", "r3")}
exit`;
  const starts = (source: string): (string | undefined)[] =>
    lines(source).flatMap((line) => /= phi (\d+|r1), /.exec(line)?.[1] ?? []);
  it("a counter that is tested as it is starts a step earlier", () => {
    expect(starts(tested()).toSorted()).toEqual(["0", "0", "r1"]);
    expect(starts(tested("\nr4 = r6\nr4 += -1\nr0 ^= r4")).toSorted()).toEqual(["0", "0", "r1"]);
  });
  it("not one that is asked for as it is", () => {
    expect(starts(tested("\nr0 ^= r6")).toSorted()).toEqual(["0", "1", "r1"]);
  });

  it.each([
    ["as it is", "r3 = r6\nr6 += -0x80000000"],
    [
      "far ahead",
      "r4 = r1\nr4 += r6\nr5 = *(u8 *)(r4 + 0)\nr0 += r5\nr3 = r6\nr3 += 0x7fffffff\nr6 += -0x80000000",
    ],
    ["a step back", "r3 = r6\nr6 += 0x7fffffff\nr4 = r3\nr4 += -0x7fffffff\nr0 ^= r4"],
  ])("steps as large as they get: a test %s", (_, body) => {
    const source = `r6 = 5\nr0 = 0\nr2 = *(u8 *)(r1 + 0)\nagain:\nr0 += 1\n${body}\nif r2 > r3 goto again\nexit`;
    const memory = Uint8Array.from({ length: 64 }, (_, k) => 100 + k);
    expect(difference(assemble(source), memory, [1, 2, "s"], true)).toBeUndefined();
  });
});
