/** Indices that become pointers: which do, which stay, and that loops on arm64 do what the interpreter does. */

import { describe, expect, it } from "vitest";
import { has, TARGETS } from "../device-tools.ts";
import { lines } from "./listing.ts";
import { apart, differencesOnArm64 } from "./loop-runs.ts";
import type { Loop } from "./vector-loops.ts";

/** r2 counts down, r6 is the index; `body` accesses memory at r4 = r1 + r6. */
const loop = (body: string, more: { change?: string; after?: string } = {}): string =>
  `r0 = 0
r6 = 0
again:
r4 = r1
r4 += r6
${body}
${more.change ?? ""}
r6 += 3
r2 += -1
if r2 != 0 goto again
${more.after ?? ""}
exit`;

const TWO = "r3 = *(u8 *)(r4 + 5)\nr0 += r3\nr3 = *(u8 *)(r4 + 9)\nr0 ^= r3";
const PAIR = "w3 = *(u32 *)(r4 + 4)\nr0 += r3\nw3 = *(u32 *)(r4 + 8)\nr0 ^= r3";
const ONE = "r3 = *(u8 *)(r4 + 5)\nr0 += r3";

/** Additions of something to r1, in the loop or in front of it. */
const sums = (source: string, target: "arm64" | "x64" = "arm64"): number =>
  lines(source, { target, without: ["unroll-counted", "vectorise", "unroll-shifts"] }).filter((line) =>
    / = add (r1, v|v\d+, r1)/.test(line),
  ).length;

/** Indices whose last value counts, on ways out of several kinds. */
const LOOPS: Loop[] = [
  ["", "r6 += 1\nif r6 < r5 goto loop"],
  ["", "r6 += 1\nr5 += -1\nif r5 != 0 goto loop"],
  ["if r7 == 77 goto out\n", "r6 += 1\nr5 += -1\nif r5 != 0 goto loop"],
  ["if r7 == 77 goto more\nr9 ^= r7\nmore:\n", "r6 += 1\nr5 += -1\nif r5 != 0 goto loop\nr6 *= 3"],
].map(([middle, end], k) => ({
  name: `${k}`,
  body: `r8 = r3\nr8 += r6\nr7 = *(u8 *)(r8 + 1)\n${middle}r0 += r7\nr7 = *(u8 *)(r8 + 3)\nr0 *= 31\nr0 ^= r7\n*(u8 *)(r8 + 2) = r0`,
  steps: [0, 0],
  kernel: undefined,
  end,
  after: "r0 ^= r9",
}));

const arm64 = TARGETS.find(({ arch }) => arch === "arm64")!;
const isMissing = [arm64.cc, ...arm64.runner.slice(0, 1)].some((tool) => !has(tool));

describe("walking-pointers", () => {
  it.each([
    ["two displacements", loop(TWO), 0],
    ["a pair", loop(PAIR), 0],
    ["one displacement", loop(ONE), 0],
    ["an index that counts in the end", loop(TWO, { after: "r0 += r6" }), 0],
    ["no displacement: an operand", loop("r3 = *(u8 *)(r4 + 0)\nr0 += r3"), 1],
    ["an index that is used", loop(TWO, { change: "r0 += r6" }), 1],
    ["an address that is returned", loop("r3 = *(u8 *)(r4 + 0)\nr0 += r3", { after: "r0 = r4" }), 1],
    ["an address that is kept", loop(`${TWO}\n*(u64 *)(r5 + 0) = r4`), 1],
  ])("%s", (_, source, left) => expect(sums(source)).toBe(left));

  it("not where base, index and displacement are an operand", () => expect(sums(loop(TWO), "x64")).toBe(1));

  it.skipIf(isMissing && !process.env.CI)("loops do what they did", () => {
    const jobs = LOOPS.map((of) => ({ loop: of, runs: apart(true) }));
    expect(differencesOnArm64(jobs, 4096)).toEqual([]);
  });
});
