/** Operations on phis: which move to the ways in. */

import { describe, expect, it } from "vitest";
import { assemble } from "../../formats/isa/bpf.ts";
import { difference } from "../diff/compare.ts";
import { lines } from "./listing.ts";

/** r3 is `a` where r2 is 0, else what is stored at r1; stores keep the branch a branch. */
const joined = (a: string, after: string): string =>
  `r3 = ${a}
if r2 == 0 goto join
r3 = *(u64 *)(r1 + 0)
*(u64 *)(r1 + 8) = r3
join:
${after}
exit`;

const body = (source: string): string[] =>
  lines(source).filter((line) => !/branch|load|store|icmp/.test(line));

describe("sink-phis", () => {
  it("an addition that one way does not need", () => {
    expect(body(joined("0", "r0 = r3\nr0 += r4"))).toEqual([
      "v2: i64 = add v1, r4",
      "v3: i64 = phi r4, v2",
      "return v3",
    ]);
  });
  it("a constant on one way", () => {
    expect(body(joined("4", "r0 = r3\nr0 ^= 1\nr0 -= 7"))).toContain("v4: i64 = phi -2, v3");
  });
  it.each<[name: string, source: string, op: string]>([
    ["where both ways would do it", joined("1", "r0 = r3\nr0 += r4"), "add"],
    ["where the phi is needed too", joined("0", "*(u64 *)(r1 + 16) = r3\nr0 = r3\nr0 += r4"), "add"],
    ["with what is made after the phi", joined("0", "r4 = *(u64 *)(r1 + 32)\nr0 = r3\nr0 += r4"), "add"],
    ["divisions", joined("0", "r0 = r3\nr0 /= r4"), "udiv"],
  ])("not %s", (_, source, op) => {
    const list = body(source);
    const phi = list.findIndex((line) => line.includes("= phi"));
    expect(list.findIndex((line) => line.includes(`= ${op} `))).toBeGreaterThan(phi);
    expect(phi).toBeGreaterThanOrEqual(0);
  });

  it("twice in a row: the phi in between is gone for good", () => {
    const source = `r3 = *(u64 *)(r1 + 16)
r2 = *(u64 *)(r1 + 0)
r5 = -0x76fc3551
r4 = 0x7ffffffffeb66ae6 ll
r0 = (s32)r3
if r2 <= r0 goto a
r0 = -0x25306f18
goto b
a:
if r3 == 0 goto c
w5 >>= w4
c:
w5 &= w4
b:
w5 %= 0x7fffffff
r0 += r5
exit`;
    for (const first of [0, 255]) {
      const memory = new Uint8Array(32).fill(1);
      memory.fill(first, 0, 8);
      expect(difference(assemble(source), memory, [1, 2], true)).toBeUndefined();
    }
  });
});
