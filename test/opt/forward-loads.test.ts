/** Loads of what is known: which go, which must stay, and that programs do the same. */

import { describe, expect, it } from "vitest";
import { assemble } from "../../formats/isa/bpf.ts";
import { difference } from "../diff/compare.ts";
import { random, SLOW } from "../mutate.ts";
import { accesses } from "./listing.ts";
import { memoryProgram } from "./memory-programs.ts";

interface Case {
  name: string;
  source: string;
  gives: string[];
}

/** An access at a variable place keeps the bytes from r10 - 16 to r10 - 8 in memory. */
const variable = "r8 = r4\nr8 &= 7\nr8 += r10\n";
const read = `${variable}r5 = *(u8 *)(r8 - 16)\nr0 += r5`;
const write = `${variable}*(u8 *)(r8 - 16) = 3`;
const TIME = "r6 = r1\nr7 = r2\nr9 = r4\ncall 5\nr1 = r6\nr2 = r7\nr4 = r9";

const KNOWN: Case[] = [
  {
    name: "what was stored",
    source: "*(u64 *)(r1 + 8) = r2\nr0 = *(u64 *)(r1 + 8)",
    gives: ["store64 [r1 + 8], r2"],
  },
  {
    name: "a byte that was stored",
    source: "*(u8 *)(r1 + 8) = r2\nr0 = *(u8 *)(r1 + 8)",
    gives: ["store8 [r1 + 8], v"],
  },
  {
    name: "sign-extended",
    source: "*(u16 *)(r1 + 8) = r2\nr0 = *(s16 *)(r1 + 8)",
    gives: ["store16 [r1 + 8], v"],
  },
  {
    name: "the low half",
    source: "*(u64 *)(r1 + 8) = r2\nr0 = *(u32 *)(r1 + 8)",
    gives: ["store64 [r1 + 8], r2"],
  },
  {
    name: "the upper half",
    source: "*(u64 *)(r1 + 8) = r2\nr0 = *(u32 *)(r1 + 12)",
    gives: ["store64 [r1 + 8], r2"],
  },
  {
    name: "the middle of a constant",
    source: "*(u64 *)(r1 + 8) = 70000\nr0 = *(u8 *)(r1 + 9)",
    gives: ["store64 [r1 + 8], 70000"],
  },
  {
    name: "what was loaded",
    source: "r0 = *(u32 *)(r1 + 4)\nr3 = *(u32 *)(r1 + 4)\nr0 *= r3",
    gives: ["load32 [r1 + 4]"],
  },
  {
    name: "other bytes with the same base are stored in between",
    source: "*(u64 *)(r1 + 8) = r2\n*(u32 *)(r1 + 16) = 7\nr0 = *(u64 *)(r1 + 8)",
    gives: ["store64 [r1 + 8], r2", "store32 [r1 + 16], 7"],
  },
  {
    name: "on both ways, different",
    source:
      "if r2 == 0 goto else\n*(u64 *)(r1 + 0) = r3\n*(u8 *)(r1 + 9) = 1\ngoto end\nelse:\n*(u64 *)(r1 + 0) = r4\nend:\nr0 = *(u64 *)(r1 + 0)",
    gives: ["store64 [r1], r3", "store8 [r1 + 9], 1", "store64 [r1], r4"],
  },
  {
    name: "bytes of the frame are written at a place with bounds",
    source: `*(u64 *)(r10 - 24) = r2\nr0 = r10\nr0 += r4\n*(u8 *)(r0 - 400) = 1\nr0 = *(u64 *)(r10 - 24)\n${write}`,
    gives: ["store64 [frame - 24], r2", "store8 [v - 400], 1", "load64 [frame - 24]"],
  },
  {
    name: "a call does not know the frame's address",
    source: `*(u64 *)(r10 - 16) = r2\n${TIME}\nr3 = *(u64 *)(r10 - 16)\nr0 += r3\n${read}`,
    gives: ["store64 [frame - 16], r2", "load8 [v - 16]"],
  },
  {
    name: "into a loop, of the frame",
    source: `*(u64 *)(r10 - 16) = r2\nr0 = 0\n${read}\nagain:\nr3 = *(u64 *)(r10 - 16)\nr0 += r3\n*(u64 *)(r1 + 0) = r0\nr1 += 8\nif r0 > r1 goto again`,
    gives: ["store64 [frame - 16], r2", "load8 [v - 16]", "store64 [v], v"],
  },
];

const STAY: Case[] = [
  {
    name: "the middle of a value: two operations",
    source: "*(u64 *)(r1 + 8) = r2\nr0 = *(u8 *)(r1 + 10)",
    gives: ["store64 [r1 + 8], r2", "load8 [r1 + 10]"],
  },
  {
    name: "more than was stored",
    source: "*(u32 *)(r1 + 8) = r2\nr0 = *(u64 *)(r1 + 8)",
    gives: ["store32 [r1 + 8], v", "load64 [r1 + 8]"],
  },
  {
    name: "a store through who knows what in between",
    source: "*(u64 *)(r1 + 8) = r2\n*(u8 *)(r3 + 0) = 1\nr0 = *(u64 *)(r1 + 8)",
    gives: ["store64 [r1 + 8], r2", "store8 [r3], 1", "load64 [r1 + 8]"],
  },
  {
    name: "a store of one of its bytes in between",
    source: "*(u64 *)(r1 + 8) = r2\n*(u8 *)(r1 + 15) = 1\nr0 = *(u64 *)(r1 + 8)",
    gives: ["store64 [r1 + 8], r2", "store8 [r1 + 15], 1", "load64 [r1 + 8]"],
  },
  {
    name: "an atomic operation in between",
    source: "*(u64 *)(r1 + 8) = r2\nlock *(u64 *)(r1 + 16) += r2\nr0 = *(u64 *)(r1 + 8)",
    gives: ["store64 [r1 + 8], r2", "load64 [r1 + 8]"],
  },
  {
    name: "a call in between",
    source: `*(u64 *)(r1 + 8) = r2\n${TIME}\nr3 = *(u64 *)(r1 + 8)\nr0 += r3`,
    gives: ["store64 [r1 + 8], r2", "load64 [r1 + 8]"],
  },
  {
    name: "a second look at a counter around what it guards",
    source: "r0 = *(u32 *)(r1 + 0)\nr3 = *(u32 *)(r1 + 8)\nr4 = *(u32 *)(r1 + 0)\nr0 -= r4\nr0 *= r3",
    gives: ["load32 [r1]", "load32 [r1 + 8]", "load32 [r1]"],
  },
  {
    name: "on one way",
    source: "if r2 == 0 goto end\n*(u64 *)(r1 + 0) = r3\n*(u8 *)(r1 + 9) = 1\nend:\nr0 = *(u64 *)(r1 + 0)",
    gives: ["store64 [r1], r3", "store8 [r1 + 9], 1", "load64 [r1]"],
  },
  {
    name: "a loop that waits",
    source:
      "r0 = *(u32 *)(r1 + 0)\nif r0 != 0 goto out\nagain:\nr0 = *(u32 *)(r1 + 0)\nif r0 == 0 goto again\nout:",
    gives: ["load32 [r1]", "load32 [r1]"],
  },
  {
    name: "a loop that waits and counts",
    source:
      "*(u32 *)(r1 + 0) = 0\nr2 = 0\nagain:\n*(u64 *)(r1 + 8) = r2\nr2 += 1\nr0 = *(u32 *)(r1 + 0)\nif r0 == 0 goto again",
    gives: ["store32 [r1], 0", "store64 [r1 + 8], v", "load32 [r1]"],
  },
  {
    name: "a helper has the frame's address",
    source: "*(u64 *)(r10 - 16) = r2\nr1 = r10\nr1 += -16\ncall 1000304\nr0 = *(u64 *)(r10 - 16)",
    gives: ["store64 [frame - 16], r2", "load64 [frame - 16]"],
  },
  {
    name: "a variable place in between",
    source: `*(u64 *)(r10 - 16) = r2\n${write}\nr0 = *(u64 *)(r10 - 16)`,
    gives: ["store64 [frame - 16], r2", "store8 [v - 16], 3", "load64 [frame - 16]"],
  },
  {
    name: "a pointer into the frame or elsewhere",
    source: `*(u64 *)(r10 - 16) = r2\nr8 = r10\nr8 += r4\nif r3 == 0 goto same\nr8 = r1\nsame:\n*(u8 *)(r8 - 16) = 3\nr0 = *(u64 *)(r10 - 16)`,
    gives: ["store64 [frame - 16], r2", "store8 [v - 16], 3", "load64 [frame - 16]"],
  },
];

/** Two bytes of the frame change places; what one of them is then. */
const swap = (second: string, between = "") => `r7 = r3
r7 &= 7
r7 += r10
r8 = r4
r8 &= 7
r8 += r10
*(u64 *)(r10 - 16) = r2
r5 = *(u8 *)(r7 - 16)
${between}
r0 = *(u8 *)(r8 - 16)
*(u8 *)(r7 - 16) = r0
*(u8 *)(r8 - 16) = ${second}
r3 = *(u8 *)(r7 - 16)
r0 *= r3
r6 = r2
r6 &= 7
r6 += r10
r6 = *(u8 *)(r6 - 16)
r0 += r6`;
const looks = (source: string) => accesses(`${source}\nexit`).filter((text) => text.startsWith("load8"));

describe("forward-loads", () => {
  it.each(KNOWN)("$name", ({ source, gives }) => expect(accesses(`${source}\nexit`)).toEqual(gives));
  it.each(STAY)("not: $name", ({ source, gives }) => expect(accesses(`${source}\nexit`)).toEqual(gives));
  it("not at -O0", () => expect(accesses(`${KNOWN[0].source}\nexit`, { optimize: 0 })).toHaveLength(2));

  it("two bytes that change places", () => {
    expect(looks(swap("r5"))).toHaveLength(3);
    expect(looks(swap("r5", "*(u8 *)(r7 - 16) = 9"))).toHaveLength(4);
    // The first byte is not what is stored in the second one's place: it is not looked at, and the result is.
    expect(looks(swap("r4"))).toHaveLength(3);
    expect(looks(swap("r9", "r9 = *(u8 *)(r7 - 15)"))).toHaveLength(4);
  });
});

describe("random accesses", () => {
  it("do what the interpreter does", { timeout: 600_000 }, () => {
    const memory = Uint8Array.from({ length: 64 }, (_, k) => (k * 37 + 11) & 255);
    for (let seed = 0; seed < (SLOW ? 5000 : 200); seed++) {
      const source = memoryProgram(random(seed));
      expect(difference(assemble(source), memory, [2], true), `seed ${seed}\n${source}`).toBeUndefined();
    }
  });
});
