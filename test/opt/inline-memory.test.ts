/** memcpy, memmove and memset as helpers: which become loads and stores, and that overlaps come out right. */

import { describe, expect, it } from "vitest";
import { assemble } from "../../formats/isa/bpf.ts";
import { helperByName } from "../../helpers/table.ts";
import { difference } from "../diff/compare.ts";
import { accesses, operations } from "./listing.ts";

const ID = {
  memcpy: helperByName("memcpy"),
  memmove: helperByName("memmove"),
  memset: helperByName("memset"),
  memcmp: helperByName("memcmp"),
};
const call = (name: keyof typeof ID, size: number | string, what = "r2 = r2"): string =>
  `${what}\nr3 = ${size}\ncall ${ID[name]}\nexit`;
const isCall = (source: string): boolean => operations(source).includes("helper");

describe("inline-memory", () => {
  it.each<[name: string, source: string, gives: string[]]>([
    [
      "16 bytes",
      call("memcpy", 16),
      ["load64 [r2]", "load64 [r2 + 8]", "store64 [r1], v", "store64 [r1 + 8], v"],
    ],
    [
      "7 bytes: 4 + 2 + 1",
      call("memcpy", 7),
      [
        "load32 [r2]",
        "load16 [r2 + 4]",
        "load8 [r2 + 6]",
        "store32 [r1], v",
        "store16 [r1 + 4], v",
        "store8 [r1 + 6], v",
      ],
    ],
    [
      "memmove, which reads all before it writes",
      call("memmove", 10),
      ["load64 [r2]", "load16 [r2 + 8]", "store64 [r1], v", "store16 [r1 + 8], v"],
    ],
    [
      "memset",
      call("memset", 12, "r2 = 0x141"),
      ["store64 [r1], 0x4141414141414141", "store32 [r1 + 8], 1094795585"],
    ],
    ["memset to zero", call("memset", 5, "r2 = 0x100"), ["store32 [r1], 0", "store8 [r1 + 4], 0"]],
    ["nothing", call("memcpy", 0), []],
  ])("%s", (_, source, gives) => {
    expect(accesses(source)).toEqual(gives);
    expect(isCall(source)).toBe(false);
  });

  it("gives the first argument", () => {
    for (const name of ["memcpy", "memmove", "memset"] as const)
      expect(operations(call(name, 0, "r2 = 5"))).toEqual(["return"]);
  });

  it.each<[name: string, source: string]>([
    ["33 bytes", call("memcpy", 33)],
    ["a size that is not known", call("memcpy", "r4")],
    ["a size with bits above 32", `r3 = 0x100000004 ll\ncall ${ID.memcpy}\nexit`],
    ["a negative size", call("memcpy", -1)],
    ["memset with a value that is not known", call("memset", 8)],
    ["memcmp", call("memcmp", 8)],
  ])("not %s", (_, source) => expect(isCall(source)).toBe(true));

  it("every size, apart and overlapping", () => {
    const memory = Uint8Array.from({ length: 128 }, (_, k) => k * 7 + 3);
    for (let size = 0; size <= 34; size++)
      for (const distance of [-33, -9, -8, -4, -1, 0, 1, 3, 8, 17, 40]) {
        const copies = `r6 = r1\nr1 += ${50 + distance}\nr2 = r6\nr2 += 50\nr3 = ${size}\ncall ${ID.memmove}\nr0 -= r6`;
        const fills = `r7 = r0\nr1 = r6\nr1 += ${90 + (distance & 3)}\nr2 = ${distance * 3}\nr3 = ${size >> 1}\ncall ${ID.memset}\nr0 -= r6\nr0 ^= r7\nexit`;
        const wrong = difference(assemble(`${copies}\n${fills}`), memory, [2], true);
        expect(wrong, `${size} bytes, ${distance} apart`).toBeUndefined();
      }
  });
});
