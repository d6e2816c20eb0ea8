/** The loops of vector-loops.ts on NEON, in bare.c: that they do what the interpreter does. */

import { describe, expect, it } from "vitest";
import type { CompileOptions } from "../../compiler/compile.ts";
import { has, TARGETS } from "../device-tools.ts";
import { random } from "../mutate.ts";
import { apart, differencesOnArm64, kernelOf, many, overlapping, randomRuns } from "./loop-runs.ts";
import { LOOPS, PLAIN, RICH, randomLoop, STORING } from "./vector-loops.ts";

const { cc, runner } = TARGETS.find(({ arch }) => arch === "arm64")!;
const missing = [cc, ...runner.slice(0, 1)].filter((tool) => !has(tool));
const thin = process.env.RUNBPF_SLOW === undefined;
const ROUNDS = Number(process.env.RUNBPF_ROUNDS ?? 200);
const ALL = [...LOOPS, ...RICH];
/** Loops in one process. */
const BATCH = 50;

describe.skipIf(missing.length > 0 && !process.env.CI)("vectorise for arm64", () => {
  it("makes the same kernels", () => {
    for (const loop of ALL) {
      const found = kernelOf(loop, { target: "arm64" });
      if (loop.kernel === undefined) expect(found).toBeUndefined();
      else expect(found, loop.name).toContain(loop.kernel);
    }
  });

  it.each([
    ["arrays apart", ALL, () => apart(thin), 4096],
    ["overlapping arrays", [...STORING, ...RICH], () => overlapping(thin), 2048],
    ["many elements", PLAIN, many, 16384],
  ] as const)("%s", (_, loops, runs, size) => {
    for (let k = 0; k < loops.length; k += BATCH) {
      const jobs = loops.slice(k, k + BATCH).map((loop) => ({ loop, runs: runs() }));
      expect(differencesOnArm64(jobs, size)[0]).toBeUndefined();
    }
  });

  it.each([
    ["apart", ALL, () => apart(true), 4096],
    ["overlapping", STORING, () => overlapping(true), 2048],
  ] as const)("for size, one step at a time, arrays %s", (_, loops, runs, size) => {
    const more: CompileOptions = { target: "arm64", optimize: "s" };
    const small = loops.filter((loop) => kernelOf(loop, more)?.includes(" one by one {"));
    expect(small.length).toBeGreaterThan(loops.length / 3);
    for (let k = 0; k < small.length; k += BATCH) {
      const jobs = small.slice(k, k + BATCH).map((loop) => ({ loop, runs: runs() }));
      expect(differencesOnArm64(jobs, size, "s")[0]).toBeUndefined();
    }
  });

  it("random loops", () => {
    const rng = random(20_261_123);
    let kernels = 0;
    for (let round = 0; round < ROUNDS; round += BATCH) {
      const jobs = Array.from({ length: BATCH }, () => ({ loop: randomLoop(rng), runs: randomRuns(rng) }));
      const made = jobs.filter(({ loop }) => kernelOf(loop, { target: "arm64" }) !== undefined);
      kernels += made.length;
      expect(differencesOnArm64(made, 4096)[0]).toBeUndefined();
    }
    expect(kernels).toBeGreaterThan(ROUNDS / 10);
  });
});
