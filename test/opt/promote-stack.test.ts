/** Stack slots: which become values, and which must stay in memory because something else may see them. */

import { describe, expect, it } from "vitest";
import { assemble } from "../../formats/isa/bpf.ts";
import { difference } from "../diff/compare.ts";
import { lines } from "./listing.ts";

/** What is left of accesses to the frame; nothing else takes them away. */
const frame = (source: string): string[] =>
  lines(`${source}\nexit`, { without: ["forward-loads", "dead-stores", "merge-stores"] }).flatMap(
    (line) => /(?:\w+ \[frame[^\]]*\]|\w+ frame, .* offset .*)/.exec(line)?.[0] ?? [],
  );

/** r3 = a place up to `mask` bytes behind r10. */
const variable = (mask: number): string => `r3 = r2\nr3 &= ${mask}\nr3 += r10`;
const slots = "*(u64 *)(r10 - 8) = r1\n*(u64 *)(r10 - 16) = r2\n*(u64 *)(r10 - 24) = r4";
const sum = "r0 = *(u64 *)(r10 - 8)\nr4 = *(u64 *)(r10 - 16)\nr0 += r4\nr4 = *(u64 *)(r10 - 24)\nr0 += r4";

const VALUES: [name: string, source: string][] = [
  ["slots of every width", `${slots}\n*(u8 *)(r10 - 25) = r1\n${sum}\nr4 = *(u8 *)(r10 - 25)\nr0 += r4`],
  ["bytes read with a sign", "*(u8 *)(r10 - 1) = r1\nr0 = *(s8 *)(r10 - 1)"],
  [
    "halves and words with a sign",
    "*(u16 *)(r10 - 2) = r1\nr0 = *(s16 *)(r10 - 2)\n*(u32 *)(r10 - 8) = r0\nr0 = *(s32 *)(r10 - 8)",
  ],
  [
    "a slot that is written on two ways",
    "*(u32 *)(r10 - 4) = r1\nif r2 == 0 goto out\n*(u32 *)(r10 - 4) = r2\nout:\nr0 = *(u32 *)(r10 - 4)",
  ],
  [
    "a slot that goes round a loop",
    "*(u64 *)(r10 - 8) = 0\nr2 = 5\nagain:\nr3 = *(u64 *)(r10 - 8)\nr3 += r1\nr3 *= r3\n*(u64 *)(r10 - 8) = r3\nr2 -= 1\nif r2 != 0 goto again\nr0 = *(u64 *)(r10 - 8)",
  ],
  ["through a copy of r10", "r3 = r10\nr3 += -8\n*(u64 *)(r3 + 0) = r1\nr0 = *(u64 *)(r10 - 8)"],
  ["slots beside other memory", "*(u64 *)(r10 - 8) = r2\n*(u64 *)(r1 + 0) = r2\nr0 = *(u64 *)(r10 - 8)"],
];

const MEMORY: [name: string, source: string, left: string[]][] = [
  [
    "a slot whose address is stored",
    `r3 = r10\n*(u64 *)(r1 + 0) = r3\n*(u64 *)(r10 - 8) = r2\nr0 = *(u64 *)(r10 - 8)`,
    ["store64 [frame - 8]", "load64 [frame - 8]"],
  ],
  [
    "a slot whose neighbour's address is given away",
    "r1 = r10\nr1 += -8\n*(u64 *)(r10 - 16) = r2\ncall 1000304\nr0 = *(u64 *)(r10 - 16)",
    ["store64 [frame - 16]", "load64 [frame - 16]"],
  ],
  [
    "a slot that is read as a whole and written by halves",
    "*(u32 *)(r10 - 8) = r1\n*(u32 *)(r10 - 4) = r2\nr0 = *(u64 *)(r10 - 8)",
    ["store32 [frame - 8]", "store32 [frame - 4]", "load64 [frame - 8]"],
  ],
  [
    "slots that overlap",
    "*(u64 *)(r10 - 8) = r1\n*(u64 *)(r10 - 12) = r2\nr0 = *(u64 *)(r10 - 8)",
    ["store64 [frame - 8]", "store64 [frame - 12]", "load64 [frame - 8]"],
  ],
  [
    "a slot with an atomic sum",
    "*(u64 *)(r10 - 8) = r1\nlock *(u64 *)(r10 - 8) += r2\nr0 = *(u64 *)(r10 - 8)",
    ["store64 [frame - 8]", "aadd frame, r2 offset -8", "load64 [frame - 8]"],
  ],
  [
    "what an index reaches, but the rest is values",
    `${slots}\n${variable(7)}\n*(u8 *)(r3 - 24) = r1\n${sum}`,
    ["store64 [frame - 24]", "load64 [frame - 24]"],
  ],
  [
    "what an index reaches by one byte",
    `${slots}\n${variable(8)}\n*(u8 *)(r3 - 24) = r1\n${sum}`,
    ["store64 [frame - 16]", "store64 [frame - 24]", "load64 [frame - 16]", "load64 [frame - 24]"],
  ],
  [
    "what an index reaches that is shifted by a count with upper bits",
    `${slots}\nr3 = r2\nr3 &= 1\nr5 = 0x2b89000000000003 ll\nr3 <<= r5\nr3 += r10\n*(u8 *)(r3 - 24) = r1\n${sum}`,
    ["store64 [frame - 16]", "store64 [frame - 24]", "load64 [frame - 16]", "load64 [frame - 24]"],
  ],
  [
    "what an index reaches that is divided by a number beyond 2^53",
    `${slots}\nr3 = r2\nr3 &= 8\nr5 = 0x20000000000001 ll\nr3 %= r5\nr3 += r10\n*(u8 *)(r3 - 24) = r1\n${sum}`,
    ["store64 [frame - 16]", "store64 [frame - 24]", "load64 [frame - 16]", "load64 [frame - 24]"],
  ],
  [
    "what a wider access reaches",
    `${slots}\n${variable(7)}\n*(u16 *)(r3 - 24) = r1\n${sum}`,
    ["store64 [frame - 16]", "store64 [frame - 24]", "load64 [frame - 16]", "load64 [frame - 24]"],
  ],
  [
    "what an index of 32 bits reaches, but what lies below it is values",
    `r3 = *(u32 *)(r1 + 0)\nr1 = r2\n${slots}\nr3 += r10\n*(u8 *)(r3 - 16) = r2\n${sum}`,
    ["store64 [frame - 8]", "store64 [frame - 16]", "load64 [frame - 8]", "load64 [frame - 16]"],
  ],
  [
    "what one of two places leads to",
    `r3 = *(u32 *)(r1 + 0)\nr1 = r2\n${slots}\nr3 += r10\nr3 += -8\nif r2 s> 0 goto far\nr3 = r2\nr3 &= 7\nr3 += r10\nr3 += -16\nfar:\n*(u8 *)(r3 + 0) = r2\n${sum}`,
    ["store64 [frame - 8]", "store64 [frame - 16]", "load64 [frame - 8]", "load64 [frame - 16]"],
  ],
  [
    "what a counter reaches from below",
    `${slots}\nr3 = -8\nagain:\nr5 = r10\nr5 += r3\n*(u8 *)(r5 + 0) = r2\nr3 += 1\nif r3 != 0 goto again\n${sum}`,
    ["store64 [frame - 8]", "load64 [frame - 8]"],
  ],
  [
    "what a counter goes down to",
    `${slots}\nr3 = 8\nagain:\nr5 = r10\nr5 += r3\n*(u8 *)(r5 - 24) = r2\nr3 += -1\nif r3 s>= 0 goto again\n${sum}`,
    [8, 16, 24].map((n) => `store64 [frame - ${n}]`).concat([8, 16, 24].map((n) => `load64 [frame - ${n}]`)),
  ],
  [
    "a slot that a pointer may lead to",
    "*(u64 *)(r10 - 8) = r2\nr3 = r10\nif r2 != 0 goto out\nr3 = r1\nr3 += 8\nout:\nr0 = *(u64 *)(r3 - 8)",
    ["store64 [frame - 8]"],
  ],
];

describe("promote-stack", () => {
  it.each(VALUES)("%s", (_, source) => expect(frame(source)).toEqual([]));
  it.each(MEMORY)("not %s", (_, source, left) => expect(frame(source)).toEqual(left));
  it("nothing under an index without bounds", () => {
    const any = `${slots}\nr3 = r2\nr3 += r10\n*(u8 *)(r3 - 24) = r1\n${sum}`;
    expect(frame(any)).toHaveLength(6);
  });

  it("results stay", () => {
    for (const [, source] of [...VALUES, ...MEMORY.slice(2)])
      for (const n of [0n, 0x80n, 0x8000n, 0xffffffff80000081n, -1n]) {
        // r1 is a number where it leads nowhere.
        const number = /\(r1 |= r1\nr3 \+=/.test(source) ? "" : "r1 = r2\n";
        const code = assemble(`r2 = *(u64 *)(r1 + 8)\nr4 = 9\n${number}${source}\nexit`);
        const memory = new Uint8Array(BigUint64Array.of(0n, BigInt.asUintN(64, n)).buffer);
        expect(difference(code, memory, [1, 2, "s"], true), source).toBeUndefined();
      }
  });
});
