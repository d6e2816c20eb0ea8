/** Small counted loops: which run several rounds at once, which stay, and that all numbers of rounds do as before. */

import { describe, expect, it } from "vitest";
import type { CompileOptions } from "../../compiler/compile.ts";
import { accesses } from "./listing.ts";
import { Pair } from "./loop-runs.ts";
import { type Loop, source } from "./vector-loops.ts";

const loop = (body: string, more: Partial<Loop> = {}): Loop => ({
  ...{ name: body.replaceAll("\n", "; "), body, steps: [8, 8], kernel: undefined },
  ...more,
});
const WORD = "r7 = *(u64 *)(r3 + 0)";
const SUM = `${WORD}\nr0 += r7`;

const MIX = "r7 ^= r0\nr7 += r6\nr7 ^= r5\nr7 += r0\nr7 ^= r6\n";

const options: CompileOptions = { optimize: 2, without: ["vectorise", "block-loops"] };
/** Rounds that the loop makes at once: each has one access of its array. */
const rounds = (of: Loop, more: CompileOptions = {}): number =>
  accesses(source(of), { ...options, ...more }).filter((access) => access.startsWith("load64 [v")).length;

const UNROLLED: [name: string, loop: Loop, rounds: number][] = [
  ["a sum", loop(SUM), 4],
  ["a sum of 32 bits", loop(SUM.replace("r0 += r7", "w0 += w7")), 4],
  ["other sums", loop(`${WORD}\nr0 ^= r7\nr9 |= r7`, { after: "r0 += r9" }), 2],
  ["the largest", loop(`${WORD}\nif r7 < r0 goto keep\nr0 = r7\nkeep:`), 4],
  [
    "the least with a sign, of which the last one counts",
    loop(`${WORD}\nif r7 s> r0 goto keep\nr0 = r7\nkeep:`),
    4,
  ],
  ["a store", loop(`${WORD}\nr7 += r0\n*(u64 *)(r3 + 8) = r7`, { steps: [16, 0] }), 4],
  ["a store elsewhere", loop(`${WORD}\nr7 += r0\n*(u64 *)(r4 + 0) = r7`), 2],
  ["ten operations, two rounds at once", loop(`${WORD}\n${MIX}*(u64 *)(r4 + 0) = r7`), 2],
  ["down to zero", loop(SUM, { end: "r5 += -1\nif r5 != 0 goto loop" }), 4],
  ["by twos", loop(SUM, { end: "r6 += 2\nif r6 < r5 goto loop" }), 4],
  ["up to the bound and one more", loop(SUM, { end: "r6 += 1\nif r6 <= r5 goto loop" }), 4],
  ["a signed end", loop(SUM, { end: "r6 += 1\nif r6 s< r5 goto loop" }), 4],
  ["down to a bound", loop(SUM, { end: "r5 += -1\nif r5 > 3 goto loop" }), 4],
  ["with a 32-bit counter", loop(SUM, { end: "w6 += 1\nif w6 < w5 goto loop" }), 4],
];

const ELEVEN = `${WORD}\n${MIX}r7 ^= r3\n*(u64 *)(r4 + 0) = r7`;
const THIRTEEN = `${WORD}\n${MIX}r7 ^= r3\nr7 += r5\nr7 ^= r5\n*(u64 *)(r4 + 0) = r7`;
const DIVISION = `${WORD}\nr7 /= r5\n*(u64 *)(r4 + 0) = r7`;
const STAY: [name: string, loop: Loop, more?: CompileOptions][] = [
  ["eleven operations", loop(ELEVEN)],
  ["thirteen operations on arm64", loop(THIRTEEN), { target: "arm64" }],
  ["a division", loop(DIVISION)],
  ["rounds that wait for each other", loop(`${WORD}\nr0 ^= r7\nr0 *= 1000003`)],
  [
    "a call",
    loop("r7 = *(u64 *)(r8 + 0)\ncall 5\nr0 += r7\nr8 += 8", {
      before: "r8 = r3\nr9 = r5",
      end: "r6 += 1\nif r6 < r9 goto loop",
    }),
  ],
  ["an end that is found on the way", loop(SUM, { end: "if r7 != 0 goto loop" })],
  ["an end that steps of 3 might miss", loop(SUM, { end: "r5 += -3\nif r5 != 0 goto loop" })],
  ["a bound that changes", loop(SUM, { end: "r6 += 1\nr5 ^= r7\nif r6 < r5 goto loop" })],
  ["a number of rounds that is known", loop(SUM, { before: "r5 = 40" })],
  ["at -O1", loop(SUM), { optimize: 1 }],
  ["at -Os", loop(SUM), { optimize: "s" }],
];

describe("unroll-counted", () => {
  it.each(UNROLLED)("%s", (_, of, times) => expect(rounds(of)).toBe(times + 1));
  it.each([
    ["eleven operations", ELEVEN],
    ["a division", DIVISION],
  ])("%s, where a comparison is an operation of its own", (_, body) =>
    expect(rounds(loop(body), { target: "arm64" })).toBeGreaterThan(1),
  );
  it.each(STAY)("not %s", (_, of, more) => expect(rounds(of, more)).toBe(1));

  it.skipIf(process.arch !== "x64").each(UNROLLED)("%s: any number of rounds", (_, of) => {
    using pair = new Pair(of, 4096, options);
    for (let count = 0; count < 40; count++)
      for (const [start, distance] of [
        [0n, 1000],
        [1n << 63n, 1000],
        [-1n, 8],
        [0x80000000n, 0],
        [5n, -8],
        [7n, 3],
      ] as const)
        expect(
          pair.run({ from: 1024, to: 1024 + distance, count, start: BigInt.asUintN(64, start) }),
        ).toBeUndefined();
  });
});
