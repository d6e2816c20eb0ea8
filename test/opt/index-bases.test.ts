/** Accesses with a base, an index and a displacement in loops, for processors that have no room for all three. */

import { describe, expect, it } from "vitest";
import { lines } from "./listing.ts";

/** r2 counts down, r6 is the index; `body` accesses memory at r4 = r1 + r6. */
const loop = (body: string, change = ""): string =>
  `r0 = 0
r6 = 0
again:
r4 = r1
r4 += r6
${body}
${change}
r6 += 1
r6 *= 3
r2 += -1
if r2 != 0 goto again
exit`;

const addresses = (source: string, target: "arm64" | "x64" = "arm64"): string[] =>
  lines(source, { target, without: ["unroll-counted", "vectorise"] }).flatMap(
    (line) => /(?:load|store)\d+s? \[([^\]]*)\]/.exec(line)?.[1].replace(/v\d+/, "v") ?? [],
  );

describe("index-bases", () => {
  it("one displacement", () => {
    const source = loop("r3 = *(u8 *)(r4 + 5)\nr0 += r3");
    expect(addresses(source)).toEqual(["v"]);
    expect(lines(source, { target: "arm64" }).filter((line) => line.endsWith("= add r1, 5"))).toHaveLength(1);
  });
  it("two of them, one in another block", () => {
    const body = "r3 = *(u8 *)(r4 + 0)\nif r3 > r0 goto big\n*(u8 *)(r4 + 7) = r0\nbig:\nr0 += r3";
    expect(addresses(loop(body))).toEqual(["v", "v"]);
  });
  it.each([
    [
      "three",
      "r3 = *(u8 *)(r4 + 1)\nr0 += r3\nr3 = *(u8 *)(r4 + 4)\nr0 ^= r3\nr3 = *(u8 *)(r4 + 9)\nr0 += r3",
    ],
    ["words that make a pair", "w3 = *(u32 *)(r4 + 4)\nr0 += r3\nw3 = *(u32 *)(r4 + 8)\nr0 ^= r3"],
    ["an address that is kept", "r3 = *(u8 *)(r4 + 5)\n*(u64 *)(r5 + 0) = r4\nr0 += r3"],
  ])("not %s", (_, body) => expect(addresses(loop(body)).some((place) => place.includes(" + "))).toBe(true));
  it("not where the base changes", () =>
    expect(addresses(loop("r3 = *(u8 *)(r4 + 5)\nr0 += r3", "r1 ^= r3"))).toEqual(["v + 5"]));
  it("not where all three are an operand", () =>
    expect(addresses(loop("r3 = *(u8 *)(r4 + 5)\nr0 += r3"), "x64")).toEqual(["v + 5"]));
});
