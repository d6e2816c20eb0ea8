/** Loads that give the same in each round of a loop: where they stand. */

import { describe, expect, it } from "vitest";
import { optimised } from "./listing.ts";

/** Whether the load of the frame's (or the memory's) word stands in the loop. */
function inLoop(body: string, before = "*(u8 *)(r8 - 16) = 3"): boolean {
  const source = `r8 = r4
r8 &= 7
r8 += r10
${before}
r0 = 0
again:
${body}
r0 += r3
r1 += 8
r2 += -1
if r2 != 0 goto again
exit`;
  const [text] = optimised(source, { without: ["unroll-counted", "vectorise", "if-convert"] }).values();
  const at = text.split(/\nb\d+:/).findIndex((block) => /= load64/.test(block));
  expect(at).toBeGreaterThan(0);
  return text.split(/\nb\d+:/).findIndex((block) => / = phi /.test(block)) <= at;
}

describe("hoist-loads", () => {
  it.each([
    ["of the frame", "r3 = *(u64 *)(r10 - 16)"],
    ["of the frame, where other memory is written", "r3 = *(u64 *)(r10 - 16)\n*(u64 *)(r1 + 0) = r0"],
    ["of the frame, where other bytes of it are written", "r3 = *(u64 *)(r10 - 16)\n*(u8 *)(r8 - 32) = r0"],
    [
      "on one way only",
      "r3 = 1\nif r0 == 9 goto over\nr3 = *(u64 *)(r10 - 16)\n*(u64 *)(r1 + 0) = r0\nover:",
    ],
    ["at a variable place, first of all", "r3 = *(u64 *)(r8 - 16)\n*(u64 *)(r1 + 0) = r0"],
  ])("%s", (_, body) => expect(inLoop(body)).toBe(false));

  it.each([
    ["where its bytes may be written", "r3 = *(u64 *)(r10 - 16)\n*(u8 *)(r8 - 16) = r0"],
    ["on one way only, at a variable place", "if r0 == 77 goto over\nr3 = *(u64 *)(r8 - 16)\nover:"],
    ["of memory that others see", "r3 = *(u64 *)(r5 + 0)\n*(u64 *)(r10 - 40) = r0"],
    ["of what changes", "r3 = *(u64 *)(r1 + 0)"],
  ])("not %s", (_, body) => expect(inLoop(body)).toBe(true));

  it("not where a helper has the frame's address", () => {
    const before =
      "r6 = r2\nr7 = r4\nr1 = r10\nr1 += -16\ncall 1000304\nr2 = r6\nr1 = r7\n*(u64 *)(r10 - 16) = 1";
    expect(inLoop("r3 = *(u64 *)(r10 - 16)", before)).toBe(true);
  });
});
