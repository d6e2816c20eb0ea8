/** Membership in sets of constants: what becomes a look into a mask, and that all answers are right. */

import { describe, expect, it } from "vitest";
import { assemble } from "../../formats/isa/bpf.ts";
import { difference } from "../diff/compare.ts";
import { lines } from "./listing.ts";

/** r0 = 1 where r2 is one of the members, else 0. */
const membership = (members: number[], [hit, miss] = [1, 0]): string =>
  [
    `r0 = ${hit}`,
    ...members.map((member) => `if r2 == ${member} goto out`),
    `r0 = ${miss}`,
    "out:",
    "exit",
  ].join("\n");
const masks = (source: string): string[] => lines(source).filter((line) => line.includes("= lshr"));

describe("bit-tests", () => {
  it.each<[members: number[], mask: number]>([
    [[9, 10, 32], 0x800003],
    [[0, 5, 31], 0x80000021 | 0],
    [[1, 3, 5, 11], 0x82a],
    [[100, 110, 131], 0x80000401 | 0],
  ])("%j", (members, mask) => expect(masks(membership(members))[0]).toContain(`lshr ${mask}`));

  it.each<[string, number[]]>([
    ["two", [9, 32]],
    ["far apart", [9, 10, 50]],
    ["negative", [-1, 2, 3]],
    ["two of three the same", [9, 10, 10]],
  ])("not %s", (_, members) => expect(masks(membership(members))).toEqual([]));

  it("every value in and around the set", () => {
    const sets = [
      [9, 10, 32],
      [0, 5, 31],
      [100, 110, 131],
      [3, 4, 5, 6],
    ];
    for (const members of sets) {
      for (const answers of [
        [1, 0],
        [0, 1],
      ]) {
        const body = membership(members, answers as [number, number]).replace("\nexit", "");
        const source = `r6 = 0
r7 = 1
again:
r2 = r6
${body}
r7 *= 3
r7 += r0
r6 += 1
if r6 != 300 goto again
r2 = -1
r0 = r7
exit`;
        expect(difference(assemble(source), new Uint8Array(16), [1, 2], true)).toBeUndefined();
      }
    }
  });
});
