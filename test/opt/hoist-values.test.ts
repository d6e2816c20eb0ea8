/** What a loop computes alike in every round: what leaves it, what stays, and that results do. */

import { describe, expect, it } from "vitest";
import { assemble } from "../../formats/isa/bpf.ts";
import { difference } from "../diff/compare.ts";
import { optimised } from "./listing.ts";

/** r2 counts down from 9, r3 and r4 are what they were in front of the loop; `body` mixes into r0. */
const loop = (body: string): string =>
  `r3 = *(u64 *)(r1 + 0)
r4 = *(u64 *)(r1 + 8)
r2 = 9
r0 = 0
again:
${body}
*(u64 *)(r1 + 16) = r0
r2 += -1
if r2 != 0 goto again
exit`;

/** The operations of the loop: what stands in the block that stores. */
function inside(source: string, without: string[] = []): string[] {
  const [text] = optimised(source, { without: ["unroll-counted", ...without] }).values();
  const block = text.split(/^b\d+:/m).find((part) => part.includes("store64"))!;
  return [...block.matchAll(/= (\w+)/g)].map(([, name]) => name);
}

const HOISTED: [name: string, body: string, operations: string[]][] = [
  ["a product", "r5 = r3\nr5 *= r4\nr0 ^= r5\nr0 *= 31", ["mul"]],
  ["one of another", "r5 = r3\nr5 *= r4\nr5 /= 7\nr0 += r5\nr0 ^= r2", ["mul", "udiv", "umulh"]],
];

const STAYS: [name: string, body: string, operation: string][] = [
  ["what the counter is part of", "r5 = r3\nr5 *= r2\nr0 ^= r5", "mul"],
  ["what is loaded", "r5 = *(u64 *)(r1 + 16)\nr5 *= r4\nr0 += r5", "mul"],
];

/** A product in the outermost of `depth` loops of what the innermost one made last; their counters are in memory. */
function nested(depth: number): string {
  const levels = Array.from({ length: depth }, (_, k) => k);
  const heads = levels.map((k) => `r2 = 2\n*(u64 *)(r1 + ${8 * k}) = r2\nloop${k}:`);
  const tails = levels.map(
    (k) => `r2 = *(u64 *)(r1 + ${8 * k})\nr2 += -1\n*(u64 *)(r1 + ${8 * k}) = r2\nif r2 != 0 goto loop${k}`,
  );
  const [outermost, ...inner] = tails;
  return `r0 = 0
${heads.join("\n")}
r6 = *(u64 *)(r1 + 120)
r6 += 5
*(u64 *)(r1 + 120) = r6
${inner.reverse().join("\n")}
r7 = r6
r7 *= r6
r0 += r7
${outermost}
exit`;
}

describe("hoist-values", () => {
  it.each(HOISTED)("%s", (_, body, operations) => {
    expect(inside(loop(body)).filter((name) => operations.includes(name))).toEqual([]);
    expect(inside(loop(body), ["hoist-values"])).toContain("mul");
  });
  it.each(STAYS)("not %s", (_, body, operation) => expect(inside(loop(body))).toContain(operation));

  it("no more than a loop has registers for", () => {
    const many = Array.from({ length: 9 }, (_, k) => `r5 = r3\nr5 *= r4\nr5 >>= ${k + 1}\nr0 += r5\nr0 *= 3`);
    expect(inside(loop(many.join("\n"))).filter((name) => name === "lshr").length).toBeGreaterThan(4);
  });

  it.each([2, 8, 9, 10, 12])("not what the innermost of %i loops made", (depth) => {
    expect(difference(assemble(nested(depth)), new Uint8Array(128), [1, 2, "s"], true)).toBeUndefined();
  });

  it("all give the same", () => {
    const memory = Uint8Array.from({ length: 64 }, (_, k) => (k * 151 + 7) & 255);
    for (const [name, body] of [...HOISTED, ...STAYS])
      expect(difference(assemble(loop(body)), memory, [1, 2, "s"], true), name).toBeUndefined();
  });
});
