/** Tests of ranges: which lose their mask, which keep it, and that every byte falls on the side where it belongs. */

import { describe, expect, it } from "vitest";
import { assemble } from "../../formats/isa/bpf.ts";
import { difference } from "../diff/compare.ts";
import { lines } from "./listing.ts";

/** r3 is a byte or more of memory, its distance from a start is masked and compared. */
const test = (start: number, mask: number, condition: string, load = "u8"): string =>
  `r3 = *(${load} *)(r1 + 0)
r0 = 0
w3 += ${-start}
w3 &= ${mask}
if w3 ${condition} goto out
r0 = *(u64 *)(r1 + 8)
out:
exit`;
const masks = (source: string): number => lines(source).filter((line) => line.includes("= and ")).length;

describe("range-tests", () => {
  const UNMASKED: [name: string, source: string][] = [
    ["a letter", test(97, 255, "< 26")],
    ["no letter", test(97, 255, ">= 26")],
    ["a digit", test(48, 255, "<= 9")],
    ["no digit", test(48, 255, "> 9")],
    ["all from the start on", test(200, 255, "< 56")],
    ["the last two", test(254, 255, "< 2")],
    ["with a sign, which none has", test(97, 255, "s< 26")],
    ["a port", test(1024, 65535, "< 4000", "u16")],
  ];
  const MASKED: [name: string, source: string][] = [
    ["a range that begins again at zero", test(200, 255, "< 57")],
    ["the same, the other way", test(200, 255, "> 56")],
    ["more bits than the mask", test(97, 255, "< 26", "u16")],
    ["a mask with gaps", test(97, 0xf7, "< 26")],
    ["another direction", test(-97, 255, "< 26")],
  ];
  it.each(UNMASKED)("%s", (_, source) => expect(masks(source)).toBe(0));
  it.each(MASKED)("not %s", (_, source) => expect(masks(source)).toBe(1));

  it("every byte is on its side", () => {
    for (const [name, source] of [...UNMASKED, ...MASKED]) {
      const code = assemble(source);
      for (let byte = 0; byte < 256; byte += 1 + (byte % 3)) {
        const memory = Uint8Array.of(byte, byte % 7, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8);
        expect(difference(code, memory, [2], true), `${name}: ${byte}`).toBeUndefined();
      }
    }
  });
});
