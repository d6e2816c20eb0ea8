/** Blocks: which go, which are joined, and which must stay apart. */

import { describe, expect, it } from "vitest";
import type { CompileOptions } from "../../compiler/compile.ts";
import { assemble } from "../../formats/isa/bpf.ts";
import { difference } from "../diff/compare.ts";
import { optimised } from "./listing.ts";

const textOf = (source: string, more: CompileOptions = {}): string => {
  const without = ["if-convert", "thread-jumps", "unroll-counted", "vectorise", "tail-returns"];
  const [text] = optimised(`${source}\nexit`, { without, ...more }).values();
  return text;
};
const blocks = (text: string): number => text.match(/^b\d+:/gm)!.length;

const FEWER: [name: string, source: string, left: number][] = [
  ["a branch on constants", "r3 = 5\nr0 = 1\nif r3 > 4 goto a\nr0 = r2\na:", 1],
  ["both ways to the next block", "r0 = r2\nif r0 > 4 goto a\na:", 1],
  ["straight lines", "goto a\nb:\nr0 = r2\ngoto out\na:\nr2 += 1\ngoto b\nout:", 1],
  ["what nothing leads to", "r0 = r2\nexit\nagain:\nr0 += 1\nif r0 != 0 goto again", 1],
  ["a branch that is never taken", "r3 = 5\nr0 = r2\nif r3 > 5 goto a\ngoto out\na:\nr0 = 1\nout:", 1],
  [
    "a loop behind a constant branch, with its phis",
    "r0 = 0\nr3 = 0\nif r3 == 0 goto out\nagain:\nr0 += r2\nr3 -= 1\nif r3 != 0 goto again\nout:",
    1,
  ],
  [
    "ways through nothing",
    "r0 = 0\nif r2 == 0 goto a\n*(u8 *)(r1 + 0) = 1\ngoto out\na:\ngoto b\nb:\ngoto out\nout:\nr0 = r2",
    3,
  ],
];

const STAY: [name: string, source: string, left: number][] = [
  ["a branch on what is not known", "r0 = r2\nif r2 > 5 goto a\n*(u8 *)(r1 + 0) = 1\na:", 3],
  ["an empty block whose value differs", "r0 = 1\nif r2 == 0 goto a\nr0 = 2\na:\nr0 += r2", 3],
  [
    "a loop and what is in front of it",
    "r0 = r2\nagain:\nr0 *= r2\n*(u64 *)(r1 + 0) = r0\nif r0 != r2 goto again",
    3,
  ],
  ["an endless loop", "r0 = r2\nif r2 != 1 goto out\nagain:\n*(u64 *)(r1 + 0) = r2\ngoto again\nout:", 3],
  [
    "where two ways meet",
    "r0 = r2\nif r2 == 0 goto a\n*(u8 *)(r1 + 0) = 1\ngoto out\na:\n*(u8 *)(r1 + 1) = 1\nout:\nr0 *= r2",
    4,
  ],
];

describe("clean-flow", () => {
  it.each(FEWER)("%s", (_, source, left) => {
    const text = textOf(source);
    expect(blocks(text)).toBe(left);
    expect(text).not.toContain("phi");
  });
  it.each(STAY)("not %s", (_, source, left) => expect(blocks(textOf(source))).toBe(left));
  it("no branch on a constant, at -O0 either", () => {
    for (const [name, source] of FEWER.filter(([name]) => /constant|never/.test(name)))
      expect(textOf(source, { optimize: 0 }), name).not.toContain("branch");
  });

  it("results stay", () => {
    for (const [, source] of [...FEWER, ...STAY.filter(([name]) => name !== "an endless loop")])
      for (const n of [0, 2, 5, 6]) {
        // A square of itself ends that loop.
        if (source.includes("!= r2") && n !== 0) continue;
        const code = assemble(`r2 = *(u64 *)(r1 + 8)\n${source}\nexit`);
        const memory = Uint8Array.from({ length: 16 }, (_, k) => (k === 8 ? n : 0));
        expect(difference(code, memory, [0, 1, 2, "s"], true), source).toBeUndefined();
      }
  });
});
