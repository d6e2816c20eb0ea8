/** How much of its frame a function gets: enough for whatever may touch it, and no more than is known to be touched. */

import { describe, expect, test } from "vitest";
import { type CompileOptions, compile } from "../../compiler/compile.ts";
import type { Fn } from "../../compiler/ir/ir.ts";
import { assemble } from "../../formats/isa/bpf.ts";
import { Runtime } from "../../runtime/index.ts";

/** Bytes of the first function's frame. */
function frameOf(source: string, options: CompileOptions): number {
  let first: Fn | undefined;
  const onPass = (_: string, fn: Fn) => {
    if (fn.index === 0) first = fn;
  };
  compile(assemble(source), { raw: true, name: "test", ctx: "mem:64", onPass, ...options });
  return first!.stack;
}

/** Fills the places from r10 - bytes to r10 - 1 with 1, one by one. */
const filled = (bytes: number): string =>
  `r3 = r10
r3 += -${bytes}
again:
*(u8 *)(r3 + 0) = 1
r3 += 1
if r3 != r10 goto again`;
const index = (mask: number): string => `r4 = *(u8 *)(r1 + 0)\nr4 &= ${mask}`;
const volatile = "r5 = 1\nlock *(u64 *)(r10 - 8) += r5\n";
/** A function of its own that stores at 20 places, from an address on. */
const below = (step: number): string => `f:
r3 = 20
down:
*(u8 *)(r1 + 0) = r2
r1 += ${step}
r3 += -1
if r3 != 0 goto down
r0 = 0
exit`;
const calls = (sub: string): string =>
  `*(u64 *)(r10 - 8) = 7
r6 = r1
r1 = r10
r1 += -8
r2 = 1
call f
r1 = r10
r1 += -8
r2 = *(u8 *)(r6 + 0)
call f
r0 = *(u64 *)(r10 - 8)
exit
${sub}`;

/** Bytes without and with a proof, and what comes out. */
const CASES: [name: string, source: string, without: number, proven: number, r0: bigint][] = [
  ["nothing", "r0 = 0\nexit", 0, 0, 0n],
  ["a place", `*(u64 *)(r10 - 8) = 0\n${volatile}r0 = *(u64 *)(r10 - 8)\nexit`, 8, 8, 1n],
  [
    "an index with bounds, upwards",
    `${filled(64)}\n${index(31)}\nr5 = r10\nr5 += r4\nr0 = *(u8 *)(r5 - 64)\nexit`,
    64,
    64,
    1n,
  ],
  [
    "an index with bounds, downwards",
    `${filled(64)}\n${index(31)}\nr5 = r10\nr5 += -8\nr5 -= r4\nr0 = *(u8 *)(r5 + 0)\nexit`,
    512,
    64,
    1n,
  ],
  [
    "a pointer that goes up",
    `${filled(48)}\nr3 = r10\nr3 += -48\nr0 = 0\nsum:\nr2 = *(u8 *)(r3 + 0)\nr0 += r2\nr3 += 1\nif r3 != r10 goto sum\nexit`,
    48,
    48,
    48n,
  ],
  [
    "a pointer that goes down",
    `${filled(48)}\nr3 = r10\nr3 += -1\nr4 = 20\nr0 = 0\nsum:\nr2 = *(u8 *)(r3 + 0)\nr0 += r2\nr3 += -1\nr4 += -1\nif r4 != 0 goto sum\nexit`,
    512,
    48,
    20n,
  ],
  ["others, from an address up", calls(below(0)), 8, 8, 77n],
  ["others, down from an address", calls(below(-1)), 8, 27, 77n],
];

describe("the frame", () => {
  test.each(CASES)("%s, without a proof", (_, source, bytes) => {
    expect(frameOf(source, { verify: false, without: ["vectorise", "block-loops"] })).toBe(bytes);
  });
  test.each(CASES)("%s, with one", (_, source, __, bytes) => {
    expect(frameOf(source, { without: ["vectorise", "block-loops"] })).toBe(bytes);
  });

  test.each(CASES)("%s: nothing else is touched", (_, source, __, ___, r0) => {
    const runtime = new Runtime();
    for (const optimize of [0, 1, 2, "s"] as const) {
      const { container } = compile(assemble(source), { raw: true, name: "test", ctx: "mem:64", optimize });
      using instance = runtime.load("test", container, { timeout: 5000 });
      expect(instance.run(new Uint8Array(64).fill(77), 64), `-O${optimize}`).toBe(r0);
    }
  });
});
