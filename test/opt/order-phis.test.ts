/** What becomes the next value of a phi comes after the phi's other uses, where the program allows it. */

import { describe, expect, it } from "vitest";
import { optimised } from "./listing.ts";

const loop = (...body: string[]): string =>
  `r6 = 0
r0 = 1
r3 = 2
r4 = 3
r5 = 4
again:
${body.join("\n")}
r6 += 1
if r6 != r2 goto again
r0 += r3
r0 += r4
r0 += r5
exit`;

/** How many uses of phis come after what the phi becomes next. */
function late(source: string, without: string[] = ["unroll-counted"]): number {
  const [text] = optimised(source, { without }).values();
  const lines = text.split("\n");
  const place = new Map<string, number>();
  for (const [i, line] of lines.entries()) {
    const name = /^ {2}(v\d+): (?!.*= phi)/.exec(line)?.[1];
    if (name !== undefined) place.set(name, i);
  }
  let count = 0;
  for (const [, phi, next] of text.matchAll(/(v\d+): i64 = phi [^,]+, (v\d+)/g))
    for (const [i, line] of lines.entries())
      if (i > (place.get(next) ?? Infinity) && !line.includes("= phi"))
        count += new RegExp(`= .*\\b${phi}\\b`).test(line) ? 1 : 0;
  return count;
}

describe("order-phis", () => {
  // r0' looks at r3, r3' at r4 … but r5' is made first of all.
  const chain = ["r7 = r5", "r7 += 9", "r8 = r5", "r5 = r7", "r8 ^= r4", "r4 = r8", "r3 += r0", "r0 = r4"];
  it("a next value waits for the last look", () => {
    expect(late(loop(...chain), ["unroll-counted", "order-phis"])).toBe(2);
    expect(late(loop(...chain))).toBe(0);
  });
  it("not where the look needs the next value", () => {
    expect(late(loop("r7 = r3", "r3 += 1", "r7 ^= r3", "r0 += r7"))).toBe(1);
  });
  it("not across a store to what is looked at", () => {
    const source = loop("r3 += 1", "*(u64 *)(r1 + 0) = r3", "r7 = *(u64 *)(r1 + 8)", "r3 = r7", "r0 += r7");
    expect(late(source)).toBe(0);
    expect([...optimised(source).values()][0]).toMatch(/store64[\s\S]*load64/);
  });
});
