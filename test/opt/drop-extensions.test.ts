/** Extensions from 32 bits: which change nothing or nobody sees, and which must stay. */

import { describe, expect, it } from "vitest";
import { assemble } from "../../formats/isa/bpf.ts";
import { difference } from "../diff/compare.ts";
import { lines, operations } from "./listing.ts";

const HEAD = "r2 = *(u64 *)(r1 + 0)\nr3 = *(u64 *)(r1 + 8)\nr0 = r2\nr0 ^= r3";
const CUT = `${HEAD}\nw0 = w0`;
const SIGNED = `${HEAD}\nr0 <<= 32\nr0 s>>= 32`;
/** Only the low half of r0 is kept. */
const LOW = "*(u32 *)(r1 + 16) = r0\nr0 = 0\nexit";

const extensions = (source: string): number =>
  operations(source, { without: ["known-bits", "narrow-phis", "vectorise", "unroll-counted"] }).filter(
    (name) => /^(zext|sext32)$/.test(name),
  ).length;

const DROPPED: [name: string, source: string][] = [
  ["under a shift to the left, of which half is stored", `${CUT}\nr0 <<= 3\n${LOW}`],
  ["a sign under a product, of which half is stored", `${SIGNED}\nr0 *= r3\n${LOW}`],
  ["under a chain", `${CUT}\nr0 *= r3\nr0 -= r2\nr0 |= 9\nr0 += r3\nr0 &= r2\n${LOW}`],
  ["of half a byte", `${CUT}\nr0 += r2\n*(u8 *)(r1 + 16) = r0\nr0 = 0\nexit`],
  [
    "through a loop",
    `${CUT}\nr4 = 3\nagain:\nr0 += r2\nr4 -= 1\nr5 = r4\nr5 *= r4\n*(u64 *)(r1 + 24) = r5\nif r4 != 0 goto again\n${LOW}`,
  ],
];

const KEPT: [name: string, source: string][] = [
  ["under a shift to the right", `${CUT}\nr0 >>= 3\n${LOW}`],
  ["under a division", `${CUT}\nr0 /= r3\n${LOW}`],
  ["of what is returned", `${CUT}\nr0 += r3\nexit`],
  ["of what is stored as a whole", `${CUT}\nr0 += r3\n*(u64 *)(r1 + 16) = r0\nr0 = 0\nexit`],
  [
    "of what is compared as a whole",
    `${CUT}\nr0 += r3\nr4 = 0\nif r0 < r2 goto out\nr4 = 1\n*(u64 *)(r1 + 16) = r3\nout:\nr0 = r4\nexit`,
  ],
  ["of what one of two uses sees", `${CUT}\nr0 += r3\n*(u32 *)(r1 + 16) = r0\nexit`],
  [
    "a sign under a comparison",
    `${SIGNED}\nr4 = 0\nif r0 s< r2 goto out\nr4 = 1\n*(u64 *)(r1 + 16) = r3\nout:\nr0 = r4\nexit`,
  ],
  [
    "of a phi that begins with more",
    "r3 = *(u64 *)(r1 + 0)\nr3 >>= 24\nagain:\nr3 >>= 1\nw0 = w3\n*(u64 *)(r1 + 16) = r0\nr4 = r3\nr4 *= r3\n*(u64 *)(r1 + 24) = r4\nif r3 != 0 goto again\nexit",
  ],
];

const AROUND =
  "r3 = *(u32 *)(r1 + 4)\nagain:\nw0 = w3\n*(u64 *)(r1 + 16) = r0\nw3 >>= 1\nr4 = r3\nr4 *= r3\n" +
  "*(u64 *)(r1 + 24) = r4\nif r3 != 0 goto again\nexit";

const CONSTANTS: [name: string, source: string, gives: string][] = [
  ["of a product, of which half is stored", `${HEAD}\nr4 = 0xffffffff00004650 ll\nr0 *= r4\n${LOW}`, "18000"],
  ["of a sum", `${HEAD}\nr4 = 0x7fffffff0 ll\nr0 += r4\nr0 *= r3\n${LOW}`, "-16"],
  [
    "of a choice",
    `${HEAD}\nr4 = 0xfffffff8 ll\nif r2 > r3 goto other\nr4 = r0\nother:\nr0 = r4\n${LOW}`,
    "-8",
  ],
  [
    "not of a product that is returned",
    `${HEAD}\nr4 = 0xffffffff00004650 ll\nr0 *= r4\nexit`,
    "0xffffffff00004650",
  ],
];

describe("drop-extensions", () => {
  it.each(CONSTANTS)("a constant %s", (_, source, gives) =>
    expect(lines(source).some((line) => new RegExp(`[ ,]${gives}(,|$)`).test(line))).toBe(true),
  );
  it.each(DROPPED)("%s", (_, source) => expect(extensions(source)).toBe(0));
  it.each(KEPT)("not %s", (_, source) => expect(extensions(source)).toBe(1));

  it("of a phi whose values are all extended: theirs are left", () => expect(extensions(AROUND)).toBe(2));

  it("results stay", () => {
    const numbers = [0n, 1n, 0x80000000n, 0xffffffffn, 0x7fffffff00000001n, -1n, 1n << 63n];
    for (const [, source] of [...DROPPED, ...KEPT, ...CONSTANTS, ["", AROUND]])
      for (const [a, b] of numbers.flatMap((n) => [
        [n, 3n],
        [n, -2n],
        [0x180000001n, n],
      ])) {
        const words = [a, b, 0n, 0n].map((n) => BigInt.asUintN(64, n));
        const memory = new Uint8Array(BigUint64Array.from(words).buffer);
        expect(difference(assemble(source), memory, [2], true), source).toBeUndefined();
      }
  });
});
