/** Rotations that were written as shifts: which are found, near misses, and all counts of both widths. */

import { describe, expect, it } from "vitest";
import { assemble } from "../../formats/isa/bpf.ts";
import { difference } from "../diff/compare.ts";
import { operations } from "./listing.ts";

/** r0 << up, r0 >> down, joined; "w" in place of "r" computes in 32 bits. */
const joined = (up: number | string, down: number | string, by = "|=", kind = "r", right = ">>="): string =>
  `${kind}3 = ${kind}2\n${kind}3 <<= ${up}\n${kind}0 = ${kind}2\n${kind}0 ${right} ${down}\n${kind}0 ${by} ${kind}3`;

/** By r4 or w4, whose counterpart is made in r5. */
const variable = (other: string, by = "|=", kind = "r"): string =>
  `${other}\n${joined(`${kind}4`, `${kind}5`, by, kind)}`;

const rotations = (source: string): number =>
  operations(`${source}\nexit`, { optimize: "s" }).filter((name) => name.startsWith("rot")).length;

describe("rotates", () => {
  it.each<[name: string, source: string]>([
    ["64 bits", joined(13, 51)],
    ["joined by +", joined(13, 51, "+=")],
    ["joined by ^", joined(51, 13, "^=")],
    ["32 bits", joined(13, 19, "|=", "w")],
    ["the right part first", "r0 = r2\nr2 >>= 1\nr0 <<= 63\nr2 |= r0\nr0 = r2"],
    ["by 64 - n", variable("r5 = 64\nr5 -= r4")],
    ["by -n", variable("r5 = r4\nr5 = -r5")],
    ["by ~n + 1", variable("r5 = r4\nr5 ^= -1\nr5 += 1")],
    ["by masked counts", variable("r5 = r4\nr5 = -r5\nr5 &= 63\nr4 &= 63")],
    ["by 32 - n", variable("w5 = 32\nw5 -= w4", "|=", "w")],
    ["down by n", "r5 = r4\nr5 = -r5\nr0 = r2\nr0 >>= r4\nr2 <<= r5\nr0 |= r2"],
  ])("%s", (_, source) => expect(rotations(source)).toBe(1));

  it.each<[name: string, source: string]>([
    ["counts that make 63", joined(13, 50)],
    ["the lower half's bits to the right", joined(40, 24).replace("r0 = r2", "w0 = w2")],
    ["counts that make 64 of 32 bits", joined(30, 34).replace(/^r3/, "w3").replace("= r2", "= w2")],
    ["two values", joined(13, 51).replace("r0 = r2", "r0 = r1")],
    ["the sign shifted in", joined(13, 51, "|=", "r", "s>>=")],
    ["joined by &", joined(13, 51, "&=")],
    ["joined by -", joined(13, 51, "-=")],
    ["a sum by a variable, which doubles what stays where it is", variable("r5 = r4\nr5 = -r5", "+=")],
    [
      "an exclusive or by what turns out to be zero",
      "*(u64 *)(r10 - 8) = 0\nr4 = *(s16 *)(r10 - 8)\n" + variable("r5 = r4\nr5 = -r5", "^="),
    ],
    ["by n on both sides", joined("r4", "r4")],
    ["by 32 - n of 64 bits", variable("r5 = 32\nr5 -= r4")],
    ["by 63 - n", variable("r5 = 63\nr5 -= r4")],
    ["by ~n", variable("r5 = r4\nr5 ^= -1")],
    ["a mask that cuts the count", variable("r5 = r4\nr5 = -r5\nr4 &= 31")],
    ["both to the left", "r0 = r2\nr0 <<= 13\nr2 <<= 51\nr0 |= r2"],
  ])("not %s", (_, source) => expect(rotations(source)).toBe(0));

  it("by every constant", () => {
    const memory = Uint8Array.from({ length: 8 }, (_, k) => 0x83 + 37 * k);
    for (const [kind, width] of [
      ["r", 64],
      ["w", 32],
    ] as const) {
      const steps = Array.from({ length: width - 1 }, (_, k) =>
        ["|=", "+=", "^="].map((by) => `${joined(k + 1, width - 1 - k, by, kind)}\nr6 *= 31\nr6 ^= r0`),
      );
      const source = `r2 = *(u64 *)(r1 + 0)\nr6 = 1\n${steps.flat().join("\n")}\nr0 = r6\nexit`;
      // Equal ones are one.
      expect(rotations(source.replace(/\nexit$/, ""))).toBe(width - 1);
      expect(difference(assemble(source), memory, [1, 2, "s"], true)).toBeUndefined();
    }
  });

  it("by every variable", () => {
    const body = [
      ...["r5 = 64\nr5 -= r4", "r5 = r4\nr5 = -r5", "r5 = r4\nr5 ^= 63\nr5 += 1"].flatMap((other) =>
        ["|=", "+=", "^="].map((by) => variable(other, by)),
      ),
      ...["w5 = 32\nw5 -= w4", "w5 = w4\nw5 = -w5", "w5 = w4\nw5 ^= 31\nw5 += 1"].flatMap((other) =>
        ["|=", "+=", "^="].map((by) => variable(other, by, "w")),
      ),
    ].map((source) => `${source}\nr6 *= 31\nr6 ^= r0`);
    const source = `r2 = *(u64 *)(r1 + 0)\nr6 = 1\nr4 = -130\nagain:\n${body.join("\n")}
r4 += 1\nif r4 != 130 goto again\nr0 = r6\nexit`;
    expect(rotations(source.replace(/\nexit$/, ""))).toBe(2);
    const memory = Uint8Array.from({ length: 8 }, (_, k) => 0x83 + 37 * k);
    expect(difference(assemble(source), memory, [1, 2, "s"], true)).toBeUndefined();
  });
});
