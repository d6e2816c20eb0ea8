/** Branches that an earlier branch or the way to them decides. */

import { describe, expect, it } from "vitest";
import { assemble } from "../../formats/isa/bpf.ts";
import { difference } from "../diff/compare.ts";
import { lines } from "./listing.ts";

const branches = (source: string): number =>
  lines(source, { without: ["if-convert"] }).filter((line) => line.startsWith("branch")).length;

/** A choice, stored, and then a second one. */
const twice = (first: string, second: string): string =>
  `r0 = 1
if ${first} goto a
r0 = 2
*(u64 *)(r1 + 0) = r2
a:
r4 = r0
if ${second} goto b
*(u64 *)(r1 + 8) = r4
b:
exit`;

describe("thread-jumps", () => {
  it.each([
    ["r2 > 7", "r2 > 7"],
    ["r2 > 7", "r2 <= 7"],
    ["r2 s> r3", "r2 s> r3"],
    ["r2 > 7", "r0 == 2"],
  ])("%s decides %s", (first, second) => expect(branches(twice(first, second))).toBe(1));
  it.each([
    ["r2 > 7", "r2 > 8"],
    ["r2 > 7", "r2 s> 7"],
    ["r2 > 7", "r3 > 7"],
    ["r2 > 7", "r0 == r5"],
  ])("%s does not decide %s", (first, second) => expect(branches(twice(first, second))).toBe(2));

  it("what the second branch's block makes for its ways out is made on each of them", () => {
    const source = `r3 = *(u64 *)(r1 + 0)
r4 = 0
if r3 > 7 goto a
r4 = r2
*(u64 *)(r1 + 8) = r2
a:
r5 = r2
r5 += 5
if r3 > 7 goto b
*(u64 *)(r1 + 16) = r4
r5 = 1
b:
r0 = r5
r0 ^= r4
exit`;
    expect(branches(source)).toBe(1);
    const memory = new Uint8Array(24);
    for (const first of [7, 8]) {
      memory[0] = first;
      expect(difference(assemble(source), memory, [0, 1, 2, "s"], true)).toBeUndefined();
    }
  });
});
