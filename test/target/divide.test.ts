/** Divisors that are known not to be zero, and counts of what is not: what x86-64 code tests, and what it need not. */

import { describe, expect, it } from "vitest";
import { assemble } from "../../formats/isa/bpf.ts";
import { difference } from "../diff/compare.ts";
import { native } from "./native.ts";

const remainder = (guard: string): string => `r3 = *(u32 *)(r1 + 0)\nr4 = *(u32 *)(r1 + 4)\n${guard}`;
const EUCLID = remainder(`r0 = r3
if w4 == 0 goto out
again:
r0 = r4
w3 %= w4
r4 = r3
r3 = r0
if w4 != 0 goto again
out:
exit`);

/** Tests of a register for zero. */
const tests = (source: string): number =>
  native(source, "x64", 2).filter((line) => /^test (\w+), \1$/.test(line)).length;

describe("division", () => {
  it.each<[name: string, source: string, tests: number]>([
    ["by what a branch compared", remainder("r0 = 0\nif w4 == 0 goto out\nr0 = r3\nw0 /= w4\nout:\nexit"), 1],
    ["by what has a bit set", remainder("r4 |= 1\nr0 = r3\nr0 /= r4\nexit"), 0],
    ["by the last remainder, two rounds at once", EUCLID, 3],
    ["by what may be zero", remainder("r0 = r3\nr0 /= r4\nexit"), 1],
    [
      "by the lower half of what is not zero",
      "r4 = *(u64 *)(r1 + 8)\nr0 = 7\nif r4 == 0 goto out\nw0 /= w4\nout:\nexit",
      2,
    ],
    [
      "where one way in compares and the other does not",
      remainder("r0 = r3\nif r3 > 9 goto big\nif w4 == 0 goto out\nbig:\nw0 /= w4\nout:\nexit"),
      2,
    ],
  ])("%s", (_, source, count) => {
    expect(tests(source)).toBe(count);
    for (const [a, b] of [
      [12, 18],
      [17, 5],
      [0, 4],
      [9, 0],
      [0, 0],
      [3, 0xffff],
    ]) {
      const memory = new Uint8Array(16);
      new DataView(memory.buffer).setUint32(0, a, true);
      new DataView(memory.buffer).setUint32(4, b, true);
      new DataView(memory.buffer).setUint32(12, 1, true);
      expect(difference(assemble(source), memory, [1, 2, "s"], true)).toBeUndefined();
    }
  });
});
