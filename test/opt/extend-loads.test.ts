/** Loads that are extended with their sign: which become sign-extending loads, and which stay. */

import { describe, expect, it } from "vitest";
import { assemble } from "../../formats/isa/bpf.ts";
import { difference } from "../diff/compare.ts";
import { accesses, operations } from "./listing.ts";

const shifted = (kind: string, by: number, between = ""): string =>
  `r2 = *(${kind} *)(r1 + 4)\n${between}\nr2 <<= ${by}\nr2 s>>= ${by}\nr0 = r2\nexit`;
const moved = (kind: string, by: string, between = "", after = ""): string =>
  `r2 = *(${kind} *)(r1 + 4)\n${between}\nr0 = (${by})r2\n${after}\nexit`;

const BECOME: [name: string, source: string, gives: string[]][] = [
  ["u8, shifted", shifted("u8", 56), ["load8s [r1 + 4]"]],
  ["u16, shifted", shifted("u16", 48), ["load16s [r1 + 4]"]],
  ["u32, shifted", shifted("u32", 32), ["load32s [r1 + 4]"]],
  ["u8, moved", moved("u8", "s8"), ["load8s [r1 + 4]"]],
  ["u32, moved", moved("u32", "s32"), ["load32s [r1 + 4]"]],
  ["half of a u64", "r0 = *(u64 *)(r1 + 4)\nw0 = w0\nr0 = (s32)r0\nexit", ["load32s [r1 + 4]"]],
  ["a byte of u16, shifted", shifted("u16", 56), ["load8s [r1 + 4]"]],
  ["an extension to 32 bits", moved("u8", "s8").replace("r0 = (s8)r2", "w0 = (s8)w2"), ["load8s [r1 + 4]"]],
  [
    "in the load's place",
    moved("u16", "s16", "*(u16 *)(r1 + 4) = 7"),
    ["load16s [r1 + 4]", "store16 [r1 + 4], 7"],
  ],
];

const STAY: [name: string, source: string, gives: string[]][] = [
  ["a narrower load, whose sign bit is 0", shifted("u8", 32), ["load8 [r1 + 4]"]],
  ["one that is also used as it is", moved("u8", "s8", "", "r0 ^= r2"), ["load8 [r1 + 4]"]],
  [
    "one that is stored as it is",
    moved("u16", "s16", "*(u32 *)(r1 + 0) = r2"),
    ["load16 [r1 + 4]", "store32 [r1], v"],
  ],
  ["one that is changed before", moved("u8", "s8", "r2 += 1"), ["load8 [r1 + 4]"]],
];

const masked = (kind: string, mask: number, after = "r0 = r2"): string =>
  `r0 = *(${kind} *)(r1 + 4)\nr2 = r0\nr2 &= ${mask}\n${after}\nexit`;
/** Loads of which a mask lets only low bytes through. */
const NARROW: [name: string, source: string, gives: string[]][] = [
  ["u32 & 0xff", masked("u32", 0xff), ["load8 [r1 + 4]"]],
  ["u32 & 0xffff", masked("u32", 0xffff), ["load16 [r1 + 4]"]],
  ["u16 & 0xff", masked("u16", 0xff), ["load8 [r1 + 4]"]],
  ["u32 & 0xfff: more than a byte, less than two", masked("u32", 0xfff), ["load32 [r1 + 4]"]],
  ["u32 & 0xff, and all of it", masked("u32", 0xff, "r0 ^= r2"), ["load32 [r1 + 4]"]],
];

describe("extend-loads", () => {
  it.each(NARROW)("%s", (_, source, gives) => expect(accesses(source)).toEqual(gives));
  it.each(BECOME)("%s", (_, source, gives) => {
    expect(accesses(source)).toEqual(gives);
    expect(operations(source).join()).not.toContain("sext");
  });
  it.each(STAY)("not %s", (_, source, gives) => expect(accesses(source)).toEqual(gives));

  it("results stay", () => {
    for (const [, source] of [...BECOME, ...STAY, ...NARROW])
      for (const byte of [0, 1, 0x7f, 0x80, 0xff])
        for (const rest of [0, 0x7f, 0x80, 0xff]) {
          const memory = Uint8Array.from({ length: 12 }, (_, k) => (k === 4 ? byte : rest));
          expect(difference(assemble(source), memory, [1, 2, "s"], true), source).toBeUndefined();
        }
  });
});
