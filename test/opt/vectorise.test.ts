/** Loops over arrays on vectors: which become kernels, which must not, and that all do what the interpreter does. */

import { describe, expect, it } from "vitest";
import type { CompileOptions } from "../../compiler/compile.ts";
import { random } from "../mutate.ts";
import { optimised } from "./listing.ts";
import { apart, kernelOf, many, overlapping, Pair, type Run, randomRuns } from "./loop-runs.ts";
import { LOOPS, type Loop, PLAIN, REFUSED, RICH, randomLoop, STORING, SUMS, source } from "./vector-loops.ts";

const ROUNDS = Number(process.env.RUNBPF_ROUNDS ?? 400);

function agree(loop: Loop, runs: readonly Run[], size?: number): void {
  using pair = new Pair(loop, size);
  for (const run of runs) {
    const failure = pair.run(run);
    if (failure) expect(`${failure}\n${loop.body}`).toBeUndefined();
  }
}

describe.skipIf(process.arch !== "x64")("vectorise", () => {
  it.each(LOOPS)("$name", (loop) => {
    if (loop.kernel === undefined) expect(kernelOf(loop)).toBeUndefined();
    else expect(kernelOf(loop)).toContain(loop.kernel);
    agree(loop, apart());
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

  it.each([
    { optimize: 1 },
    { optimize: "s" },
    { optimize: 2, cpu: ["no-simd"] },
    { optimize: 2, cpu: ["no-simd"], target: "arm64" },
  ] as CompileOptions[])("not with %o", (more) => {
    const [text] = optimised(source(SUMS[0]), more).values();
    expect(text).not.toContain("kernel");
  });
});
