/** Which masks, extensions and comparisons go, and which must stay. */

import { describe, expect, it } from "vitest";
import { assemble } from "../../formats/isa/bpf.ts";
import { difference } from "../diff/compare.ts";
import { random } from "../mutate.ts";
import { lines } from "./listing.ts";

const plain = { without: ["unroll-counted", "if-convert"] };
const count = (source: string, what: RegExp): number =>
  lines(`${source}\nexit`, plain).filter((line) => what.test(line)).length;

/** r0 is a byte, another one as long as there are any. */
const bytes = (after: string): string =>
  `r0 = *(u8 *)(r1 + 0)
again:
*(u64 *)(r1 + 8) = r0
r1 += 1
r3 = *(u8 *)(r1 + 0)
if r3 == 7 goto out
r0 = r3
goto again
out:
${after}`;

describe("known-bits", () => {
  it.each<[name: string, source: string, what: RegExp]>([
    ["a mask of a phi of bytes", bytes("r0 &= 255"), /= and /],
    ["a mask of a sum of bytes", "r0 = *(u8 *)(r1 + 0)\nr3 = *(u8 *)(r1 + 1)\nr0 += r3\nr0 &= 511", /= and /],
    ["an extension of a phi of bytes", bytes("w0 = w0"), /= trunc/],
    ["a sign-extension of a phi of bytes", bytes("r0 <<= 32\nr0 s>>= 32"), /= sext32/],
    [
      "a comparison that the mask decides",
      "r2 &= 63\nr0 = 1\nif r2 < 64 goto out\nr0 = *(u64 *)(r1 + 0)\nout:",
      /icmp/,
    ],
    ["bits that are not there", "r2 &= 6\nr0 = 1\nif r2 != 9 goto out\nr0 = *(u64 *)(r1 + 0)\nout:", /icmp/],
    ["a product of halves", "r0 = *(u16 *)(r1 + 0)\nr3 = *(u16 *)(r1 + 2)\nr0 *= r3\nw0 = w0", /= trunc/],
  ])("%s goes", (_, source, what) => expect(count(source, what)).toBe(0));

  it.each<[name: string, source: string, what: RegExp]>([
    ["a mask of a longer sum", "r0 = *(u8 *)(r1 + 0)\nr3 = *(u8 *)(r1 + 1)\nr0 += r3\nr0 &= 255", /= and /],
    ["a mask of a difference", "r0 = *(u8 *)(r1 + 0)\nr3 = *(u8 *)(r1 + 1)\nr0 -= r3\nr0 &= 511", /= and /],
    [
      "a mask of a counter",
      "r0 = 0\nagain:\n*(u64 *)(r1 + 0) = r0\nr0 += 1\nr3 = r0\nr3 &= 1023\nif r3 != 5 goto again",
      /= and /,
    ],
    [
      "a comparison that may fail",
      "r2 &= 64\nr0 = 1\nif r2 < 64 goto out\nr0 = *(u64 *)(r1 + 0)\nout:",
      /icmp/,
    ],
  ])("%s stays", (_, source, what) => expect(count(source, what)).toBeGreaterThan(0));

  it("random masks, shifts and comparisons do what the interpreter does", () => {
    const rng = random(77);
    const memory = Uint8Array.from({ length: 64 }, (_, k) => (k * 57 + 13) & 255);
    for (let round = 0; round < 300; round++) {
      const source: string[] = [
        "r0 = 0",
        "r2 = *(u8 *)(r1 + 3)",
        "r3 = *(u16 *)(r1 + 4)",
        "r4 = *(u32 *)(r1 + 8)",
      ];
      for (let k = 0; k < 12; k++) {
        const [a, b] = [2 + rng(3), 2 + rng(3)];
        const sign = ["+", "-", "*", "&", "|", "^", "<<", ">>", "s>>", "/", "%"][rng(11)];
        const by = [rng(64), 255, 0xffff, 1 << rng(31), -1 - rng(9)][rng(5)];
        const wide = rng(3) > 0 ? "r" : "w";
        if (sign.includes("<") || sign.includes(">"))
          source.push(`${wide}${a} ${sign}= ${rng(wide === "r" ? 64 : 32)}`);
        else source.push(`${wide}${a} ${sign}= ${rng(2) === 0 ? `${wide}${b}` : by}`);
        if (rng(3) === 0)
          source.push(
            `if r${a} ${["<", ">", "s<", "==", "!=", "<="][rng(6)]} ${by} goto l${k}`,
            "r0 += 1",
            `r${b} &= ${by}`,
            `l${k}:`,
          );
      }
      source.push("r0 <<= 8", "r0 ^= r2", "r0 ^= r3", "r0 ^= r4", "exit");
      expect(difference(assemble(source.join("\n")), memory, [2], true), source.join("\n")).toBeUndefined();
    }
  });
});
