/** Branches that an earlier branch or the way to them decides. */

import { describe, expect, it } from "vitest";
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
});
