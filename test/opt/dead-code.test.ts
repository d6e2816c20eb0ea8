/** What nothing needs goes; what has an effect stays, needed or not. */

import { describe, expect, it } from "vitest";
import { operations } from "./listing.ts";

const left = (source: string): string[] =>
  operations(`${source}\nexit`, {
    without: ["if-convert", "unroll-counted", "vectorise", "inline-functions"],
  });

describe("dead-code", () => {
  it.each<[name: string, source: string]>([
    ["arithmetic", "r3 = r1\nr3 *= r2\nr0 = r2"],
    ["a chain of it", "r3 = r1\nr3 *= r2\nr4 = r3\nr4 ^= r1\nr4 /= r3\nr0 = r2"],
    ["a load", "r3 = *(u64 *)(r1 + 0)\nr0 = r2"],
    ["a load and what was made of it", "r3 = *(u8 *)(r1 + 0)\nr3 <<= r2\nr0 = r2"],
    ["addresses of the frame", "r3 = r10\nr3 += -8\nr0 = r2"],
  ])("%s", (_, source) => expect(left(source)).toEqual(["return"]));

  it("variables of a loop that only they themselves use", () => {
    const source =
      "r0 = r2\nr3 = 1\nr4 = 2\nagain:\nr3 *= r4\nr4 ^= r3\n*(u64 *)(r1 + 0) = r0\nr0 += -1\nif r0 != 0 goto again";
    expect(left(source).filter((name) => /^(phi|mul|xor)$/.test(name))).toEqual(["phi"]);
  });

  it.each<[name: string, source: string, what: RegExp]>([
    ["stores", "*(u8 *)(r1 + 0) = 1\nr0 = r2", /^store8$/],
    ["atomic sums", "lock *(u64 *)(r1 + 0) += r2\nr0 = r2", /add$/],
    [
      "atomic sums whose old value nobody looks at",
      "r3 = 1\nr3 = atomic_fetch_add((u64 *)(r1 + 0), r3)\nr0 = r2",
      /add$/,
    ],
    ["exchanges", "r3 = 1\nr3 = xchg_64(r1 + 0, r3)\nr0 = r2", /xchg/],
    ["calls of helpers", "r6 = r2\ncall 5\nr0 = r6", /^helper$/],
    [
      "calls",
      "r6 = r2\ncall f\nr0 = r6\nexit\nf:\nr3 = *(u64 *)(r1 + 0)\n*(u64 *)(r1 + 8) = r3\nr0 = 0",
      /^call$/,
    ],
    ["loads that a store needs", "r3 = *(u8 *)(r1 + 0)\n*(u8 *)(r1 + 9) = r3\nr0 = r2", /^load8$/],
    [
      "comparisons that branches need",
      "r3 = r2\nr3 *= r2\nr0 = 1\nif r3 != 9 goto out\n*(u8 *)(r1 + 0) = 1\nout:",
      /^mul$/,
    ],
  ])("not %s", (_, source, what) => expect(left(source).filter((name) => what.test(name))).toHaveLength(1));
});
