/** The order of blocks: each stores its number. */

import { describe, expect, it } from "vitest";
import type { CompileOptions } from "../../compiler/compile.ts";
import { optimised } from "./listing.ts";

/** The numbers in the order of the blocks. */
const order = (source: string, more: CompileOptions = {}): number[] => {
  const without = ["if-convert", "unroll-counted", "vectorise", "thread-jumps"];
  const [text] = optimised(source.replace(/mark (\d+)/g, "*(u8 *)(r1 + $1) = $1"), {
    without,
    ...more,
  }).values();
  return [...text.matchAll(/store8 \[[^\]]*\], (\d+)/g)].map(([, number]) => Number(number));
};
const NEXT = "r3 = *(u64 *)(r2 + 0)\nr2 += 8";

const MOVED: [name: string, source: string, gives: number[]][] = [
  [
    "what leaves a loop stands behind it",
    `r0 = 0\nagain:\n${NEXT}\nif r3 != 1 goto fine\nmark 9\nexit\nfine:\nmark 2\nif r3 != 0 goto again\nmark 3\nexit`,
    [2, 3, 9],
  ],
  [
    "a part of a loop stands in it",
    `r0 = 0\nagain:\n${NEXT}\nif r3 == 1 goto odd\nmark 2\nback:\nmark 3\nif r3 != 0 goto again\nmark 9\nexit\nodd:\nmark 4\ngoto back`,
    [2, 4, 3, 9],
  ],
  [
    "a block comes before those that it leads to",
    "r0 = 0\nif r2 == 7 goto rare\nback:\nmark 2\nr0 += r2\nexit\nrare:\nmark 9\ngoto back",
    [9, 2],
  ],
  [
    "an inner loop in one piece, what leaves both behind both",
    `r0 = 0\nouter:\n${NEXT}\ninner:\nmark 1\nr4 = *(u64 *)(r2 + 0)\nif r4 != 5 goto on\nmark 9\nexit\non:\nmark 2\nif r4 != r3 goto inner\nmark 3\nif r3 != 0 goto outer\nmark 8\nexit`,
    [1, 2, 3, 8, 9],
  ],
  [
    "what ends a search, behind the rounds that go on early",
    `r0 = 0\nouter:\n${NEXT}\ninner:\nmark 1\nr2 += 8\nr4 = *(u64 *)(r2 + 0)\nif r4 == 1 goto on\nmark 2\nif r4 == 2 goto on\nmark 8\ngoto found\non:\nmark 3\nif r4 != r3 goto inner\nmark 7\nfound:\nif r3 != 0 goto outer\nmark 9\nexit`,
    [1, 2, 3, 8, 7, 9],
  ],
];

const SAME: [name: string, source: string, gives: number[]][] = [
  [
    "one way and the other",
    "r0 = 0\nif r2 == 7 goto a\nmark 1\ngoto out\na:\nmark 2\nout:\nmark 3\nexit",
    [1, 2, 3],
  ],
  [
    "loops that follow each other",
    `r0 = 0\nr3 = r2\na:\nmark 1\nr3 -= 1\nif r3 != 0 goto a\nmark 2\nb:\nmark 3\nr2 -= 1\nif r2 != 0 goto b\nmark 4\nexit`,
    [1, 2, 3, 4],
  ],
  [
    "ways out of the function",
    "r0 = 0\nif r2 == 7 goto a\nmark 1\nexit\na:\nmark 2\nif r2 == r3 goto b\nmark 3\nexit\nb:\nmark 4\nexit",
    [1, 2, 3, 4],
  ],
];

describe("layout", () => {
  it.each(MOVED)("%s", (_, source, gives) => {
    expect(order(source)).toEqual(gives);
    expect(order(source, { without: ["layout"] })).not.toEqual(gives);
  });
  it.each(SAME)("stay: %s", (_, source, gives) => expect(order(source)).toEqual(gives));
});
