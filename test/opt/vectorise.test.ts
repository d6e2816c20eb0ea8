/** Loops over arrays on vectors: which become kernels, which must not, and that all do what the interpreter does. */

import { describe, expect, it } from "vitest";
import type { CompileOptions } from "../../compiler/compile.ts";
import { random } from "../mutate.ts";
import { optimised } from "./listing.ts";
import { apart, kernelOf, many, overlapping, Pair, type Run, randomRuns } from "./loop-runs.ts";
import {
  HEADER,
  LOOPS,
  type Loop,
  PLAIN,
  REFUSED,
  RICH,
  randomLoop,
  STORING,
  SUMS,
  source,
} from "./vector-loops.ts";

const ROUNDS = Number(process.env.RUNBPF_ROUNDS ?? 400);

function agree(loop: Loop, runs: readonly Run[], size?: number, more?: CompileOptions): void {
  using pair = new Pair(loop, size, more);
  for (const run of runs) {
    const failure = pair.run(run);
    if (failure) expect(`${failure}\n${loop.body}`).toBeUndefined();
  }
}

describe.skipIf(process.arch !== "x64")("vectorise", () => {
  it.each(LOOPS)("$name", (loop) => {
    if (loop.kernel === undefined) expect(kernelOf(loop)).toBeUndefined();
    else expect(kernelOf(loop)).toContain(loop.kernel);
    agree(loop, apart(loop.down));
  });

  it.each(STORING)("$name, overlapping", (loop) => agree(loop, overlapping()));

  it.each(PLAIN)("$name, many", (loop) => agree(loop, many(), 16384));

  it("random loops", () => {
    const rng = random(20_261_122);
    let kernels = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const loop = randomLoop(rng);
      if (kernelOf(loop) === undefined) continue;
      kernels++;
      agree(loop, randomRuns(rng));
    }
    expect(kernels).toBeGreaterThan(ROUNDS / 10);
  });

  it.each([...REFUSED, ...RICH])("stays: $name", (loop) => {
    expect(kernelOf(loop)).toBeUndefined();
  });

  it("a 32-bit index on its way down may reach zero, and faults below it", () => {
    const body = "w8 = 39\nw8 -= w6\nr8 += r1\nr7 = *(u8 *)(r8 + 16)\nr0 += r7";
    const loop: Loop = { name: "an index", body, steps: [0, 0], kernel: "kernel" };
    expect(kernelOf(loop)).toContain("load8");
    agree(loop, [{ from: HEADER, to: HEADER, count: 40 }]);
    expect(() => agree(loop, [{ from: HEADER, to: HEADER, count: 41 }])).toThrow("SIGSEGV");
  });

  it("an array of the frame in place, all rounds: no loop is left", () => {
    const [text] = optimised(`
      r2 = *(u64 *)(r1 + 0)
      r3 = 0
    fill:
      r4 = r10
      r4 += r3
      *(u32 *)(r4 - 256) = r2
      r3 += 4
      if r3 != 256 goto fill
      r3 = 0
    loop:
      r4 = r10
      r4 += r3
      r5 = *(u32 *)(r4 - 256)
      w5 ^= w2
      *(u32 *)(r4 - 256) = r5
      r3 += 4
      if r3 != 256 goto loop
      r2 &= 63
      r2 <<= 2
      r4 = r10
      r4 += r2
      r0 = *(u32 *)(r4 - 256)
      exit`).values();
    expect(text.match(/kernel 4 /g)).toHaveLength(2);
    expect(text).not.toContain("branch");
  });

  it("a copy into the frame asks for no distance, one within the memory does", () => {
    const copy = (to: string) => `
      r3 = 0
      r6 = ${to}
      r6 += -256
    loop:
      r4 = r1
      r4 += r3
      r5 = *(u32 *)(r4 + 0)
      r4 = r6
      r4 += r3
      *(u32 *)(r4 + 0) = r5
      r3 += 4
      if r3 != 256 goto loop
      r2 &= 63
      r6 += r2
      r0 = *(u8 *)(r6 + 0)
      exit`;
    const branches = (to: string) => {
      const [text] = optimised(copy(to)).values();
      expect(text).toContain("kernel 4 ");
      return text.match(/branch/g)?.length ?? 0;
    };
    expect(branches("r10")).toBe(0);
    expect(branches("r2")).toBeGreaterThan(0);
  });

  it.each([
    { optimize: 1 },
    { optimize: 2, cpu: ["no-simd"] },
    { optimize: 2, cpu: ["no-simd"], target: "arm64" },
  ] as CompileOptions[])("not with %o", (more) => {
    const [text] = optimised(source(SUMS[0]), more).values();
    expect(text).not.toContain("kernel");
  });
});

describe.skipIf(process.arch !== "x64")("vectorise for size", () => {
  const SMALL: CompileOptions = { optimize: "s" };

  it.each(LOOPS.filter((loop) => kernelOf(loop, SMALL) !== undefined))("$name", (loop) => {
    expect(kernelOf(loop, SMALL)).toContain(" one by one {");
    agree(loop, apart(true), undefined, SMALL);
  });

  it.each(STORING.filter((loop) => kernelOf(loop, SMALL) !== undefined))("$name, overlapping", (loop) =>
    agree(loop, overlapping(true), undefined, SMALL),
  );

  it.each([
    ["r0 += u8", "kernel 16"],
    ["r0 += u64", undefined],
    ["if w0 > u32", "kernel 4"],
    ["difference of u8, in place", "kernel 16"],
    ["product of u32, in place", "kernel 4"],
    ["a sum of clamped numbers", undefined],
    ["a copy of u32", undefined],
    ["u32 filled", undefined],
    ["bits counted", undefined],
    ["differences of bytes, w7 ^= w8\nw7 -= w8", "kernel 16"],
  ])("%s: %s", (name, expected) => {
    const found = kernelOf(LOOPS.find((loop) => loop.name === name)!, SMALL);
    if (expected === undefined) expect(found).toBeUndefined();
    else expect(found).toContain(expected);
  });

  it("random loops", () => {
    const rng = random(20_261_124);
    let kernels = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const loop = randomLoop(rng);
      if (kernelOf(loop, SMALL) === undefined) continue;
      kernels++;
      agree(loop, randomRuns(rng), undefined, SMALL);
    }
    expect(kernels).toBeGreaterThan(ROUNDS / 20);
  });
});
