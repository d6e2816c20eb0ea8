/** Neighbouring loads and stores: what becomes one, what must not, and that both do the same. */

import { describe, expect, it } from "vitest";
import { assemble } from "../../formats/isa/bpf.ts";
import { difference } from "../diff/compare.ts";
import { random } from "../mutate.ts";
import { accesses } from "./listing.ts";

/** r0 |= byte `offset` of r1 << shift; the first one sets r0. */
const sum = (...bytes: [offset: number, shift: number, kind?: string][]): string =>
  bytes
    .flatMap(([offset, shift, kind = "u8"], i) => [
      `r${i === 0 ? 0 : 3} = *(${kind} *)(r1 + ${offset})`,
      ...(shift > 0 ? [`r${i === 0 ? 0 : 3} <<= ${shift}`] : []),
      ...(i > 0 ? ["r0 |= r3"] : []),
    ])
    .join("\n");

const all = (count: number, order: (k: number) => number): string =>
  sum(...Array.from({ length: count }, (_, k): [number, number] => [order(k), 8 * k]));

interface Case {
  name: string;
  source: string;
  gives: string[];
}

const LOADS: Case[] = [
  { name: "2 little-endian", source: all(2, (k) => k), gives: ["load16 [r1]"] },
  { name: "4 little-endian", source: all(4, (k) => 7 + k), gives: ["load32 [r1 + 7]"] },
  { name: "8 little-endian", source: all(8, (k) => k), gives: ["load64 [r1]"] },
  { name: "2 big-endian", source: all(2, (k) => 1 - k), gives: ["load16 [r1]", "bswap16"] },
  { name: "4 big-endian", source: all(4, (k) => 3 - k), gives: ["load32 [r1]", "bswap"] },
  { name: "8 big-endian", source: all(8, (k) => 9 - k), gives: ["load64 [r1 + 2]", "bswap"] },
  { name: "3 bytes: 2 + 1", source: all(3, (k) => k), gives: ["load16 [r1]", "load8 [r1 + 2]"] },
  {
    name: "6 bytes big-endian: 4 + 2",
    source: all(6, (k) => 5 - k),
    gives: ["load32 [r1 + 2]", "load16 [r1]", "bswap", "bswap16"],
  },
  { name: "halves", source: sum([0, 0, "u16"], [2, 16, "u16"]), gives: ["load32 [r1]"] },
  { name: "words", source: sum([4, 32, "u32"], [0, 0, "u32"]), gives: ["load64 [r1]"] },
  { name: "bytes and a half", source: sum([2, 16, "u16"], [1, 8], [0, 0]), gives: ["load32 [r1]"] },
  { name: "not from bit 0", source: sum([4, 24], [5, 32]), gives: ["load16 [r1 + 4]"] },
  {
    name: "halves that were swapped",
    source: `r0 = *(u16 *)(r1 + 0)\nr0 = be16 r0\nr0 <<= 16\nr3 = *(u16 *)(r1 + 2)\nr3 = be16 r3\nr0 |= r3`,
    gives: ["load32 [r1]", "bswap"],
  },
  {
    name: "joined by + and ^",
    source:
      "r0 = *(u8 *)(r1 + 0)\nr3 = *(u8 *)(r1 + 1)\nr3 <<= 8\nr0 += r3\nr3 = *(u16 *)(r1 + 2)\nr3 <<= 16\nr0 ^= r3",
    gives: ["load32 [r1]"],
  },
  {
    name: "32-bit arithmetic",
    source: "w0 = *(u8 *)(r1 + 0)\nw0 <<= 8\nw3 = *(u8 *)(r1 + 1)\nw0 |= w3",
    gives: ["load16 [r1]", "bswap16"],
  },
  { name: "added to something else", source: `${all(2, (k) => k)}\nr0 |= r2`, gives: ["load16 [r1]"] },
  {
    name: "an address with an index in between",
    source:
      "r4 = r2\nr4 += 1\nr3 = r1\nr3 += r4\nr0 = *(u8 *)(r3 + 0)\nr0 <<= 8\nr3 = r1\nr3 += r2\nr3 = *(u8 *)(r3 + 0)\nr0 |= r3",
    gives: ["load16 [v]"],
  },
  // What must stay.
  { name: "a gap", source: sum([0, 0], [2, 8]), gives: ["load8 [r1]", "load8 [r1 + 2]"] },
  { name: "a byte twice", source: sum([0, 0], [0, 8]), gives: ["load8 [r1]"] },
  { name: "overlapping bits", source: sum([0, 0], [1, 4]), gives: ["load8 [r1]", "load8 [r1 + 1]"] },
  { name: "bits that fall off", source: sum([0, 56], [1, 60]), gives: ["load8 [r1]", "load8 [r1 + 1]"] },
  {
    name: "bits that 32-bit shifts drop",
    source: "w0 = *(u16 *)(r1 + 0)\nw0 <<= 24\nw3 = *(u8 *)(r1 + 2)\nw3 <<= 16\nw0 |= w3",
    gives: ["load16 [r1]", "load8 [r1 + 2]"],
  },
  {
    name: "a write in between",
    source: "r0 = *(u8 *)(r1 + 0)\n*(u8 *)(r2 + 0) = 1\nr3 = *(u8 *)(r1 + 1)\nr3 <<= 8\nr0 |= r3",
    gives: ["load8 [r1]", "store8 [r2], 1", "load8 [r1 + 1]"],
  },
  {
    name: "a load with another use",
    source: `${all(2, (k) => k)}\nr0 += r3`,
    gives: ["load8 [r1]", "load8 [r1 + 1]"],
  },
  {
    name: "different bases",
    source: "r0 = *(u8 *)(r1 + 0)\nr3 = *(u8 *)(r2 + 1)\nr3 <<= 8\nr0 |= r3",
    gives: ["load8 [r1]", "load8 [r2 + 1]"],
  },
  {
    name: "loads in different blocks",
    source:
      "r0 = *(u8 *)(r1 + 0)\nif r2 == 0 goto out\nr3 = *(u8 *)(r1 + 1)\n*(u8 *)(r1 + 9) = 1\nr3 <<= 8\nr0 |= r3\nout:",
    gives: ["load8 [r1]", "load8 [r1 + 1]", "store8 [r1 + 9], 1"],
  },
];

const store = (...list: [offset: number, shift: number, kind?: string][]): string =>
  list
    .map(([offset, shift, kind = "u8"]) => `r3 = r2\nr3 >>= ${shift}\n*(${kind} *)(r1 + ${offset}) = r3`)
    .join("\n");

/** Loads of r2 + from, then stores to r1 + to. */
const copy = (...list: [from: number, to: number, kind?: string][]): string =>
  [
    ...list.map(([from, , kind = "u8"], k) => `r${k + 3} = *(${kind} *)(r2 + ${from})`),
    ...list.map(([, to, kind = "u8"], k) => `*(${kind} *)(r1 + ${to}) = r${k + 3}`),
  ].join("\n");

const STORES: Case[] = [
  { name: "2 little-endian", source: store([0, 0], [1, 8]), gives: ["store16 [r1], v"] },
  { name: "2 big-endian", source: store([0, 8], [1, 0]), gives: ["bswap16", "store16 [r1], v"] },
  { name: "4 in any order", source: store([2, 16], [0, 0], [3, 24], [1, 8]), gives: ["store32 [r1], v"] },
  {
    name: "8 big-endian",
    source: store(...Array.from({ length: 8 }, (_, k): [number, number] => [k, 56 - 8 * k])),
    gives: ["bswap", "store64 [r1], v"],
  },
  {
    name: "8 little-endian",
    source: store(...Array.from({ length: 8 }, (_, k): [number, number] => [k, 8 * k])),
    gives: ["store64 [r1], r2"],
  },
  { name: "halves", source: store([0, 0, "u16"], [2, 16, "u16"]), gives: ["store32 [r1], v"] },
  { name: "the middle of a value", source: store([0, 24], [1, 32]), gives: ["store16 [r1], v"] },
  {
    name: "three bytes: 2 + 1",
    source: store([0, 0], [1, 8], [2, 16]),
    gives: ["store16 [r1], v", "store8 [r1 + 2], v"],
  },
  {
    name: "constants",
    source: "*(u8 *)(r1 + 0) = 1\n*(u8 *)(r1 + 1) = -1\n*(u16 *)(r1 + 2) = 0",
    gives: ["store32 [r1], 65281"],
  },
  {
    name: "a load of another byte in between",
    source: "*(u8 *)(r1 + 0) = 1\nr0 = *(u8 *)(r1 + 2)\n*(u8 *)(r1 + 1) = 1",
    gives: ["load8 [r1 + 2]", "store16 [r1], 257"],
  },
  {
    name: "a copy: all loads, then all stores",
    source: copy([0, 8], [1, 9], [2, 10], [3, 11], [4, 12], [5, 13]),
    gives: ["load32 [r2]", "load16 [r2 + 4]", "store32 [r1 + 8], v", "store16 [r1 + 12], v"],
  },
  {
    name: "a copy of words",
    source: copy([0, 8, "u32"], [4, 12, "u32"]),
    gives: ["load64 [r2]", "store64 [r1 + 8], v"],
  },
  // What must stay.
  {
    name: "a copy in another order",
    source: copy([1, 8], [0, 9]),
    gives: ["load8 [r2 + 1]", "load8 [r2]", "store8 [r1 + 8], v", "store8 [r1 + 9], v"],
  },
  {
    name: "a copy, one load behind a store",
    source: "r3 = *(u8 *)(r2 + 0)\n*(u8 *)(r1 + 0) = r3\nr4 = *(u8 *)(r2 + 1)\n*(u8 *)(r1 + 1) = r4",
    gives: ["load8 [r2]", "store8 [r1], v", "load8 [r2 + 1]", "store8 [r1 + 1], v"],
  },
  {
    name: "a copy of bytes into halves",
    source: "r3 = *(u8 *)(r2 + 0)\nr4 = *(u8 *)(r2 + 1)\n*(u16 *)(r1 + 0) = r3\n*(u16 *)(r1 + 2) = r4",
    gives: ["load8 [r2]", "load8 [r2 + 1]", "store16 [r1], v", "store16 [r1 + 2], v"],
  },
  {
    name: "a load of such a byte in between",
    source: "*(u8 *)(r1 + 0) = 1\nr0 = *(u16 *)(r1 - 1)\n*(u8 *)(r1 + 1) = 1",
    gives: ["store8 [r1], 1", "load16 [r1 - 1]", "store8 [r1 + 1], 1"],
  },
  {
    name: "a load from who knows where in between",
    source: "*(u8 *)(r1 + 0) = 1\nr0 = *(u8 *)(r2 + 5)\n*(u8 *)(r1 + 1) = 1",
    gives: ["store8 [r1], 1", "load8 [r2 + 5]", "store8 [r1 + 1], 1"],
  },
  {
    name: "a store to who knows where in between",
    source: "*(u8 *)(r1 + 0) = 1\n*(u8 *)(r2 + 0) = 2\n*(u8 *)(r1 + 1) = 1",
    gives: ["store8 [r1], 1", "store8 [r2], 2", "store8 [r1 + 1], 1"],
  },
  {
    name: "a byte that is stored twice",
    source: "*(u8 *)(r1 + 0) = 1\n*(u8 *)(r1 + 0) = 2\n*(u8 *)(r1 + 3) = 1",
    gives: ["store8 [r1], 1", "store8 [r1], 2", "store8 [r1 + 3], 1"],
  },
  { name: "a gap", source: store([0, 0], [2, 8]), gives: ["store8 [r1], v", "store8 [r1 + 2], v"] },
  {
    name: "bytes in no order",
    source: store([0, 16], [1, 0]),
    gives: ["store8 [r1], v", "store8 [r1 + 1], v"],
  },
  {
    name: "an atomic in between",
    source: "*(u8 *)(r1 + 0) = 1\nlock *(u64 *)(r1 + 8) += r2\n*(u8 *)(r1 + 1) = 1",
    gives: ["store8 [r1], 1", "store8 [r1 + 1], 1"],
  },
];

describe("merge-loads", () => {
  it.each(LOADS)("$name", ({ source, gives }) => expect(accesses(`${source}\nexit`)).toEqual(gives));
  it("not at -O0", () => expect(accesses(`${LOADS[0].source}\nexit`, { optimize: 0 })).toHaveLength(2));
});

describe("merge-stores", () => {
  it.each(STORES)("$name", ({ source, gives }) => expect(accesses(`${source}\nexit`)).toEqual(gives));
});

const KINDS = ["u8", "u8", "u8", "u16", "u32"];

/** Bytes in nearly the right places: loads into r0, then parts of it stored. */
function program(rng: (n: number) => number): string {
  const base = 8 + rng(8);
  const reversed = rng(2) === 1;
  const lines = ["r0 = 0", "r5 = r1"];
  const count = 2 + rng(6);
  const at = (k: number) => base + (reversed ? count - 1 - k : k) + (rng(20) === 0 ? 1 : 0);
  for (let k = 0; k < count; k++) {
    const kind = rng(8) === 0 ? KINDS[rng(KINDS.length)] : "u8";
    const narrow = rng(5) === 0;
    lines.push(`r3 = *(${kind} *)(r1 + ${at(k)})`);
    lines.push(narrow ? `w3 <<= ${(8 * k) & 31}` : `r3 <<= ${8 * k + (rng(25) === 0 ? 1 : 0)}`);
    lines.push(`r0 ${["|", "|", "|", "+", "^"][rng(5)]}= r3`);
    if (rng(20) === 0) lines.push(`*(u8 *)(r1 + ${base + rng(8)}) = ${rng(100)}`);
  }
  const stores = 2 + rng(7);
  const order = Array.from({ length: stores }, (_, k) => k).sort(() => rng(3) - 1);
  for (const k of order) {
    const shift = 8 * (rng(2) === 1 ? k : stores - 1 - k);
    if (rng(6) === 0) lines.push(`*(u8 *)(r5 + ${32 + k}) = ${rng(256)}`);
    else lines.push("r3 = r0", `r3 >>= ${reversed ? 8 * k : shift}`, `*(u8 *)(r5 + ${32 + k}) = r3`);
    if (rng(15) === 0) lines.push(`r4 = *(u16 *)(r1 + ${30 + rng(12)})`, "r0 ^= r4");
  }
  return [...lines, "exit"].join("\n");
}

describe("random sums and stores", () => {
  it("do what the interpreter does", () => {
    const rng = random(20_261_121);
    const memory = Uint8Array.from({ length: 64 }, (_, k) => (k * 37 + 11) & 255);
    for (let round = 0; round < 400; round++) {
      const source = program(rng);
      expect(difference(assemble(source), memory, [2], true), source).toBeUndefined();
    }
  });
});
