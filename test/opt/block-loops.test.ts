/** Loops that copy or fill: which become one operation, which stay, and that lengths and overlaps come out as before. */

import { describe, expect, it } from "vitest";
import type { CompileOptions } from "../../compiler/compile.ts";
import { operations } from "./listing.ts";
import { Pair, type Run } from "./loop-runs.ts";
import { type Loop, source } from "./vector-loops.ts";

const SIZES = { u8: 1, u16: 2, u32: 4, u64: 8 } as const;
const KINDS = Object.keys(SIZES) as (keyof typeof SIZES)[];

const loop = (body: string, steps: [number, number], more: Partial<Loop> = {}): Loop => ({
  ...{ name: body.replaceAll("\n", "; "), body, steps, kernel: undefined },
  ...more,
});
const copyOf = (kind: keyof typeof SIZES, more: Partial<Loop> = {}): Loop =>
  loop(`r7 = *(${kind} *)(r3 + 0)\n*(${kind} *)(r4 + 0) = r7`, [SIZES[kind], SIZES[kind]], more);
const fillOf = (kind: keyof typeof SIZES, more: Partial<Loop> = {}): Loop =>
  loop(`*(${kind} *)(r4 + 0) = ${kind === "u64" ? "r0" : "w0"}`, [0, SIZES[kind]], more);

const ENDS = [
  "r5 += -1\nif r5 != 0 goto loop",
  "r6 += 1\nif r5 > r6 goto loop",
  "r6 += 1\nif r6 <= r5 goto loop",
  "r6 += 2\nif r6 < r5 goto loop",
  "w6 += 1\nif w6 < w5 goto loop",
  "w5 += -1\nif w5 != 0 goto loop",
  "r6 += 1\nif r6 s< r5 goto loop",
  "r5 += -1\nif w5 s> 0 goto loop",
  "r5 += -1\nif r5 > 2 goto loop",
];

const BECOME: [name: string, loop: Loop, gives: string][] = [
  ...KINDS.map((kind): [string, Loop, string] => [`a copy of ${kind}`, copyOf(kind), "copy"]),
  ...KINDS.map((kind): [string, Loop, string] => [`${kind} filled`, fillOf(kind), "fill"]),
  ...ENDS.map((end): [string, Loop, string] => [end.replace("\n", "; "), copyOf("u16", { end }), "copy"]),
  ["bytes loaded with their sign", loop("r7 = *(s8 *)(r3 + 0)\n*(u8 *)(r4 + 0) = r7", [1, 1]), "copy"],
  ["places beside", loop("r7 = *(u32 *)(r3 - 4)\n*(u32 *)(r4 + 8) = w7", [4, 4]), "copy"],
  ["constants", loop("*(u32 *)(r4 + 0) = -3", [0, 4]), "fill"],
];

const STAY: [name: string, loop: Loop][] = [
  ["two stores", loop("*(u8 *)(r4 + 0) = r0\n*(u8 *)(r4 + 1) = r0", [0, 2])],
  ["gaps", loop("*(u8 *)(r4 + 0) = r0", [0, 2])],
  ["the same place again and again", loop("*(u8 *)(r4 + 0) = r0", [0, 0])],
  ["downwards", loop("*(u8 *)(r4 + 0) = r0", [0, -1])],
  ["a copy with gaps in what is read", loop("r7 = *(u8 *)(r3 + 0)\n*(u8 *)(r4 + 0) = r7", [2, 1])],
  ["one element copied to all places", loop("r7 = *(u8 *)(r3 + 0)\n*(u8 *)(r4 + 0) = r7", [0, 1])],
  ["bytes to halves", loop("r7 = *(u8 *)(r3 + 0)\n*(u16 *)(r4 + 0) = r7", [1, 2])],
  ["halves to bytes", loop("r7 = *(u16 *)(r3 + 0)\n*(u8 *)(r4 + 0) = r7", [2, 1])],
  ["changed elements", loop("r7 = *(u8 *)(r3 + 0)\nr7 += 1\n*(u8 *)(r4 + 0) = r7", [1, 1])],
  ["swapped elements", loop("r7 = *(u16 *)(r3 + 0)\nr7 = be16 r7\n*(u16 *)(r4 + 0) = r7", [2, 2])],
  ["a value that counts", loop("*(u8 *)(r4 + 0) = r6", [0, 1])],
  ["a sum beside", loop("r7 = *(u8 *)(r3 + 0)\n*(u8 *)(r4 + 0) = r7\nr0 += r7", [1, 1])],
  ["an end that the elements tell", copyOf("u8", { end: "if r7 != 0 goto loop" })],
  ["an end that steps of 3 might miss", copyOf("u8", { end: "r5 += -3\nif r5 != 0 goto loop" })],
  ["an atomic sum", loop("lock *(u64 *)(r4 + 0) += r0", [0, 8])],
];

const blocks = (of: Loop, more: CompileOptions = {}): string[] =>
  operations(source(of), { optimize: "s", target: "x64", ...more }).filter((name) =>
    /^(copy|fill)$/.test(name),
  );

describe("block-loops", () => {
  it.each(BECOME)("%s", (_, of, gives) => expect(blocks(of)).toEqual([gives]));
  it.each(STAY)("not %s", (_, of) => expect(blocks(of)).toEqual([]));
  it.each([{ optimize: 0 }, { target: "arm64" }] as CompileOptions[])("not with %o", (more) =>
    expect(blocks(copyOf("u8"), more)).toEqual([]),
  );

  const COUNTS = Array.from({ length: 71 }, (_, k) => k);
  const apart = COUNTS.map((count): Run => ({ from: 21, to: 2050, count }));
  const overlapping = [1, 7, 8, 9, 16, 17, 32, 33, 34, 63, 64, 65, 66, 70].flatMap((count) =>
    Array.from({ length: 145 }, (_, k): Run => ({ from: 1024, to: 1024 + k - 72, count })),
  );
  it.skipIf(process.arch !== "x64").each(BECOME)(
    "%s: lengths from 0 on, overlaps in both directions",
    (_, of) => {
      using pair = new Pair(of, 4096, { optimize: "s" });
      for (const run of [...apart, ...overlapping]) expect(pair.run(run)).toBeUndefined();
    },
  );
});
