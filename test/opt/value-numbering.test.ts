/** Computations that are made twice: which become one, and which must be made again. */

import { describe, expect, it } from "vitest";
import { operations } from "./listing.ts";

const count = (source: string, name: RegExp): number =>
  operations(`${source}\nexit`, { without: ["if-convert", "thread-jumps"] }).filter((made) => name.test(made))
    .length;

/** Both results are stored. */
const twice = (first: string, second: string, between = ""): string =>
  `r3 = r1\n${first}\n*(u64 *)(r2 + 0) = r3\n${between}\nr3 = r1\n${second}\n*(u64 *)(r2 + 8) = r3\nr0 = 0`;

describe("value-numbering", () => {
  it.each<[name: string, source: string, made: RegExp]>([
    ["a product", twice("r3 *= r4", "r3 *= r4"), /mul/],
    ["with its arguments the other way round", twice("r3 *= r4", "r3 = r4\nr3 *= r1"), /mul/],
    ["a division across a store", twice("r3 /= r4", "r3 /= r4", "*(u64 *)(r1 + 0) = r5"), /udiv/],
    ["a chain", twice("r3 *= r4\nr3 ^= r5\nr3 *= r3", "r3 *= r4\nr3 ^= r5\nr3 *= r3"), /xor/],
    [
      "in a block that comes after",
      "r3 = r1\nr3 *= r4\n*(u64 *)(r2 + 0) = r3\nif r5 == 0 goto out\nr1 *= r4\n*(u64 *)(r2 + 8) = r1\nout:\nr0 = 0",
      /mul/,
    ],
    [
      "phis that the same comes back to, and what is made of them",
      "r0 = 0\nr3 = 0\nagain:\nr6 = r0\nr6 /= r5\nr7 = r3\nr7 /= r5\n*(u64 *)(r2 + 0) = r6\n*(u64 *)(r2 + 8) = r7\n" +
        "r4 = *(u64 *)(r1 + 0)\nr0 = r4\nr0 *= r5\nr3 = r5\nr3 *= r4\nr1 += 8\nif r4 != 0 goto again",
      /udiv/,
    ],
  ])("%s", (_, source, made) => expect(count(source, made)).toBe(1));

  it.each<[name: string, source: string, made: RegExp]>([
    ["a quotient the other way round", twice("r3 /= r4", "r3 = r4\nr3 /= r1"), /udiv/],
    ["another width", twice("r3 /= r4", "w3 /= w4"), /udiv/],
    ["another sign", twice("r3 /= r4", "r3 s/= r4"), /[us]div/],
    ["another argument", twice("r3 *= r4", "r3 *= r5"), /mul/],
    ["another shift", twice("r3 >>= r4", "r3 s>>= r4"), /shr/],
    [
      "loads with a store between",
      twice("r3 = *(u64 *)(r1 + 0)", "r3 = *(u64 *)(r1 + 0)", "*(u64 *)(r2 + 0) = r4"),
      /load64/,
    ],
    ["atomic sums", "r3 = 1\nlock *(u64 *)(r1 + 0) += r3\nlock *(u64 *)(r1 + 0) += r3\nr0 = 0", /add/],
    ["calls", "call 5\nr6 = r0\ncall 5\nr0 += r6", /helper/],
    [
      "in blocks of which none comes after the other",
      "if r5 == 0 goto other\nr1 *= r4\n*(u64 *)(r2 + 0) = r1\nr0 = 1\nexit\nother:\nr1 *= r4\n*(u64 *)(r2 + 8) = r1\nr0 = 2",
      /mul/,
    ],
    [
      "phis that begin differently",
      "r0 = 0\nr3 = 1\nagain:\nr6 = r0\nr6 /= r5\nr7 = r3\nr7 /= r5\n*(u64 *)(r2 + 0) = r6\n*(u64 *)(r2 + 8) = r7\n" +
        "r4 = *(u64 *)(r1 + 0)\nr0 = r4\nr0 *= r5\nr3 = r5\nr3 *= r4\nr1 += 8\nif r4 != 0 goto again",
      /udiv/,
    ],
  ])("not %s", (_, source, made) => expect(count(source, made)).toBe(2));
});
