/** Branches that bounds and comparisons before them decide, and those that they do not. */

import { describe, expect, it } from "vitest";
import { assemble } from "../../formats/isa/bpf.ts";
import { difference } from "../diff/compare.ts";
import { lines } from "./listing.ts";

/** The second test is made where the first one is true; stores keep what each of them decides. */
const nested = (first: string, second: string): string => `r2 = *(u64 *)(r1 + 0)
r3 = *(u64 *)(r1 + 8)
r4 = r2
r4 &= 15
r0 = 0
if ${first} goto in
*(u8 *)(r1 + 16) = 1
exit
in:
*(u8 *)(r1 + 17) = 2
if ${second} goto both
*(u8 *)(r1 + 18) = 3
exit
both:
*(u8 *)(r1 + 19) = 4
*(u8 *)(r1 + 16) = r2
r0 = r3
exit`;

const branches = (source: string): number =>
  lines(source, { without: ["if-convert"] }).filter((line) => line.startsWith("branch")).length;

const DECIDED = [
  ["r2 > 7", "r2 > 6"],
  ["r2 > 7", "r2 >= 8"],
  ["r2 > 7", "r2 == 7"],
  ["r2 > 7", "r2 != 3"],
  ["r2 <= 7", "r2 < 8"],
  ["r2 <= 7", "r2 s> 9"],
  ["r2 == 7", "r2 > 7"],
  ["w2 < 9", "w2 > 8"],
  ["r2 > r3", "r2 >= r3"],
  ["r2 > r3", "r3 > r2"],
  ["r2 > r3", "r2 == r3"],
  ["r2 s< r3", "r3 s<= r2"],
  ["r2 s< r3", "r2 != r3"],
  ["r2 == r3", "r2 s<= r3"],
  ["r4 != 0", "r4 > 0"],
] as const;

const OPEN = [
  ["r2 > 7", "r2 > 8"],
  ["r2 > 7", "r2 s> 7"],
  ["r2 s> 7", "r2 > 9"],
  ["r2 != 7", "r2 > 7"],
  ["r2 > r3", "r2 s> r3"],
  ["r2 >= r3", "r2 > r3"],
  ["r2 > 7", "r3 > 7"],
  ["w2 > 7", "r2 > 8"],
  ["r2 > -1", "r2 > 0"],
] as const;

const NUMBERS = [
  0n,
  1n,
  6n,
  7n,
  8n,
  9n,
  14n,
  15n,
  16n,
  0x7fffffffn,
  0x80000000n,
  0x100000007n,
  -1n,
  -8n,
  1n << 63n,
];

describe("implied-branches", () => {
  it.each(DECIDED)("%s decides %s", (first, second) =>
    expect(branches(nested(first, second))).toBeLessThan(2),
  );
  it.each(OPEN)("%s does not decide %s", (first, second) => {
    const made = branches(nested(first, second));
    // What is never above the greatest number is no branch at all.
    expect(made).toBe(first === "r2 > -1" ? 0 : 2);
  });

  it("results stay", () => {
    for (const [first, second] of [...DECIDED, ...OPEN]) {
      const code = assemble(nested(first, second));
      for (const a of NUMBERS)
        for (const b of [a, 7n, -1n]) {
          const words = new BigUint64Array([BigInt.asUintN(64, a), BigInt.asUintN(64, b), 0n]);
          expect(difference(code, new Uint8Array(words.buffer), [2]), `${first}, ${second}, ${a}, ${b}`).toBe(
            undefined,
          );
        }
    }
  });
});
