/** Loop rotation: the end of a round stands in front of the start, where a round then jumps once less. */

import { describe, expect, it } from "vitest";
import { native } from "./native.ts";

const loop = (body: string): string => `r3 = 0
again:
r4 = *(u64 *)(r1 + 0)
${body}
next:
r3 += 1
*(u64 *)(r1 + 40) = r3
*(u64 *)(r1 + 48) = r2
*(u64 *)(r1 + 56) = r1
if r3 < r2 goto again
r0 = r3
exit`;
const early = loop("if r4 == 7 goto next\n*(u64 *)(r1 + 8) = r3");
const either = loop(
  "if r4 == 7 goto other\n*(u64 *)(r1 + 8) = r4\ngoto next\nother:\n*(u32 *)(r1 + 16) = r4\n*(u64 *)(r1 + 24) = r4",
);
const straight = loop("*(u64 *)(r1 + 8) = r4");

/** A jump by table: nothing falls from its cases to the way that the other values take. */
const cases = loop(
  [
    ...Array.from({ length: 12 }, (_, k) => `if r4 == ${k} goto c${k}`),
    "*(u64 *)(r1 + 8) = r3\ngoto next",
    ...Array.from(
      { length: 12 },
      (_, k) => `c${k}:\n*(u64 *)(r1 + ${64 + 8 * k}) = r${2 + (k & 1)}\ngoto next`,
    ),
  ].join("\n"),
);

/** Loads, stores and jumps, in their order in the code. */
const shape = (source: string, level: 2 | "s"): string =>
  native(source, "x64", level)
    .flatMap((line) => {
      if (line.startsWith("j")) return [line.split(" ")[0]];
      const stored = /^mov \w+ ptr \[rdi \+ (\w+)\]/.exec(line);
      return stored !== null ? [String(Number(stored[1]))] : line.includes("[rdi]") ? ["load"] : [];
    })
    .join(" ");

describe.each([2, "s"] as const)("rotate-loops at -O%s", (level) => {
  it.each([
    ["a round that ends early", early, "jmp 40 48 56 jae load je 8 jmp"],
    ["two ways", either, "jmp 16 24 40 48 56 jae load je 8 jmp"],
  ])("%s", (_, source, expected) => expect(shape(source, level)).toBe(expected));
  it("the cases of a switch", () =>
    expect(shape(cases, level)).toMatch(/^jmp 8 40 48 56 jae load ja jmp (\d+ jmp ?){12}$/));
  it("not where there is nothing to gain", () => expect(shape(straight, level)).toMatch(/56 jb$/));
});
