/** Stores to the frame that nobody reads, and slots beside an array: which go, and which must stay. */

import { describe, expect, it } from "vitest";
import { accesses } from "./listing.ts";

const left = (source: string) => accesses(`${source}\nexit`, { without: ["unroll-counted"] });

interface Case {
  name: string;
  source: string;
  gives: string[];
}

/** A read at a variable place of the bytes from r10 - 16 to r10 - 8. */
const read = "r8 = r4\nr8 &= 7\nr8 += r10\nr0 = *(u8 *)(r8 - 16)";

const GO: Case[] = [
  {
    name: "stored again before it is read",
    source: `*(u64 *)(r10 - 16) = r1\n*(u64 *)(r10 - 16) = r2\n${read}`,
    gives: ["store64 [frame - 16], r2", "load8 [v - 16]"],
  },
  {
    name: "covered by a wider store",
    source: `*(u16 *)(r10 - 12) = r1\n*(u64 *)(r10 - 16) = r2\n${read}`,
    gives: ["store64 [frame - 16], r2", "load8 [v - 16]"],
  },
  {
    name: "stored again on both ways",
    source: `*(u64 *)(r10 - 16) = r1\nif r2 == 0 goto else\n*(u64 *)(r10 - 16) = r2\n*(u8 *)(r1 + 9) = 1\ngoto end\nelse:\n*(u64 *)(r10 - 16) = r3\nend:\n${read}`,
    gives: ["store64 [frame - 16], r2", "store8 [r1 + 9], 1", "store64 [frame - 16], r3", "load8 [v - 16]"],
  },
  {
    name: "the function returns",
    source: `*(u64 *)(r10 - 16) = r1\n${read}\n*(u64 *)(r10 - 16) = r2`,
    gives: ["store64 [frame - 16], r1", "load8 [v - 16]"],
  },
  {
    name: "an array that nobody reads",
    source:
      "r8 = r4\nagain:\nr7 = r8\nr7 &= 7\nr7 += r10\n*(u8 *)(r7 - 16) = r1\nr8 += -1\nif r8 != 0 goto again\nr0 = 1",
    gives: [],
  },
  {
    name: "a slot beside what is accessed at a variable place, through a loop",
    source: `*(u64 *)(r10 - 16) = r1\n*(u64 *)(r10 - 24) = r2\nagain:\nr3 = *(u64 *)(r10 - 24)\nr3 *= 3\n*(u64 *)(r10 - 24) = r3\nif r3 > r4 goto again\n${read}\nr0 += r3`,
    gives: ["store64 [frame - 16], r1", "load8 [v - 16]"],
  },
];

const STAY: Case[] = [
  {
    name: "stored again in part",
    source: `*(u64 *)(r10 - 16) = r1\n*(u32 *)(r10 - 16) = r2\n${read}`,
    gives: ["store64 [frame - 16], r1", "store32 [frame - 16], v", "load8 [v - 16]"],
  },
  {
    name: "read in between",
    source: `*(u64 *)(r10 - 16) = r1\n${read}\n*(u64 *)(r10 - 16) = r2\n${read.replaceAll("r0", "r5")}\nr0 += r5`,
    gives: ["store64 [frame - 16], r1", "load8 [v - 16]", "store64 [frame - 16], r2", "load8 [v - 16]"],
  },
  {
    name: "stored again on one way",
    source: `*(u64 *)(r10 - 16) = r1\nif r2 == 0 goto end\n*(u64 *)(r10 - 16) = r2\n*(u8 *)(r1 + 9) = 1\nend:\n${read}`,
    gives: ["store64 [frame - 16], r1", "store64 [frame - 16], r2", "store8 [r1 + 9], 1", "load8 [v - 16]"],
  },
  {
    name: "read in the next round",
    source: `again:\n${read}\n*(u64 *)(r10 - 16) = r1\nr4 += -1\nif r4 != 0 goto again`,
    gives: ["load8 [v - 16]", "store64 [frame - 16], r1"],
  },
  {
    name: "a helper has the frame's address",
    source: "r1 = r10\nr1 += -16\n*(u64 *)(r10 - 16) = r2\ncall 1000304",
    gives: ["store64 [frame - 16], r2"],
  },
  {
    name: "a pointer into the frame or elsewhere reads it",
    source: `*(u64 *)(r10 - 16) = r2\nr8 = r10\nr8 += r4\nif r3 == 0 goto same\nr8 = r1\nsame:\nr0 = *(u8 *)(r8 - 16)`,
    gives: ["store64 [frame - 16], r2", "load8 [v - 16]"],
  },
  {
    name: "memory that others see",
    source: "*(u64 *)(r1 + 0) = r3\n*(u64 *)(r1 + 0) = r2\nr0 = 0",
    gives: ["store64 [r1], r3", "store64 [r1], r2"],
  },
];

describe("dead-stores", () => {
  it.each(GO)("$name", ({ source, gives }) => expect(left(source)).toEqual(gives));
  it.each(STAY)("not: $name", ({ source, gives }) => expect(left(source)).toEqual(gives));
});
