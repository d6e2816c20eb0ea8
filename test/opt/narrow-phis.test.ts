/** 64-bit phis of which only 32 bits are there or asked for: which become 32-bit phis, and which stay. */

import { describe, expect, it } from "vitest";
import type { CompileOptions } from "../../compiler/compile.ts";
import { assemble } from "../../formats/isa/bpf.ts";
import { difference } from "../diff/compare.ts";
import { lines } from "./listing.ts";

/** r0 goes round while r4 walks over words up to a zero. */
const loop = (start: string, body: string, end = ""): string => `${start}
again:
r4 = *(u64 *)(r1 + 0)
${body}
r1 += 8
if r4 != 0 goto again
${end}
exit`;

/** The types of phis that are no addresses. */
const phis = (source: string, optimize: CompileOptions["optimize"] = 2): string[] =>
  lines(source, { optimize, without: ["vectorise", "unroll-counted"] }).flatMap(
    (line) => /: (i\d+) = phi (?!r1)/.exec(line)?.[1] ?? [],
  );

const NARROW = [
  ["a sum", loop("w0 = 0", "w0 += w4")],
  ["a chain", loop("w0 = w3", "w0 *= w4\nw0 ^= w3")],
  ["the largest", loop("w0 = 0", "if w4 s<= w0 goto keep\nw0 = w4\nkeep:")],
  [
    "choices among choices",
    loop("w0 = 1", "if w4 s<= w0 goto keep\nw0 = w4\nkeep:\nif w0 s< w3 goto low\nw0 = w3\nlow:"),
  ],
  ["a whole value at first, whose upper half nobody asks for", loop("r0 = r3", "w0 += w4")],
  [
    "numbers of two ways",
    "w0 = w3\nif r2 == 9 goto out\n*(u64 *)(r1 + 0) = r3\nw0 = w2\nw0 *= w2\nout:\nexit",
  ],
] as const;

const WIDE = [
  ["a 64-bit sum", loop("r0 = 0", "r0 += r4")],
  ["a constant that is wider", loop("r0 = -1", "*(u64 *)(r1 + 0) = r0\nw0 = w4\nw0 *= w0")],
  [
    "a whole value at first, looked at as such",
    loop("r0 = r3", "r3 = r0\nr3 >>= 8\n*(u64 *)(r1 + 0) = r3\nw0 += w4"),
  ],
  ["numbers with a sign", loop("r0 = 0", "w0 += w4\nr0 <<= 32\nr0 s>>= 32")],
  ["a choice with a whole value", loop("w0 = 0", "if r4 s<= r0 goto keep\nr0 = r4\nkeep:")],
] as const;

describe("narrow-phis", () => {
  it.each(NARROW)("%s", (_, source) => expect(phis(source)).toEqual(["i32"]));
  it.each(WIDE)("not %s", (_, source) => expect(phis(source)).toEqual(["i64"]));
  it("another value in front of the loop not for size", () => {
    expect(phis(NARROW[4][1], "s")).toEqual(["i64"]);
    expect(phis(NARROW[0][1], "s")).toEqual(["i32"]);
  });

  it("results stay", () => {
    const words = [0xffffffffn, 0x80000000n, 0x7fffffff80000001n, 9n, 0xffffffffffffffffn, 1n << 63n, 0n, 0n];
    for (const [, source] of [...NARROW, ...WIDE])
      for (let from = 0; from < words.length - 1; from++) {
        const code = assemble(`r3 = *(u64 *)(r1 + 0)\n${source}`);
        const memory = new Uint8Array(BigUint64Array.from(words.slice(from)).buffer);
        expect(difference(code, memory, [1, 2, "s"], true), source).toBeUndefined();
      }
  });
});
