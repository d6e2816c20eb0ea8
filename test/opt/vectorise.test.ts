/** Loops over arrays on vectors: which become kernels, which must not, and that all do what the interpreter does. */

import { describe, expect, it } from "vitest";
import type { CompileOptions } from "../../compiler/compile.ts";
import { has, TARGETS } from "../device-tools.ts";
import { random } from "../mutate.ts";
import { optimised } from "./listing.ts";
import {
  apart,
  differencesOnArm64,
  kernelOf,
  many,
  overlapping,
  Pair,
  type Run,
  randomRuns,
} from "./loop-runs.ts";
import {
  COPIES,
  EXTREMES,
  FILLS,
  type Loop,
  MAPS,
  NARROW_EXTREMES,
  OTHERS,
  REFUSED,
  randomLoop,
  SUMS,
  source,
} from "./vector-loops.ts";

const LOOPS = [...SUMS, ...EXTREMES, ...NARROW_EXTREMES, ...COPIES, ...FILLS, ...MAPS, ...OTHERS];
const STORING = [...COPIES, ...MAPS, ...OTHERS.filter(({ body }) => body.includes("(r4 + 0) ="))];
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

  it.each([...COPIES, ...FILLS])("$name, many", (loop) => agree(loop, many(), 16384));

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

  it.each(REFUSED)("stays: $name", (loop) => {
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

const { cc, runner } = TARGETS.find(({ arch }) => arch === "arm64")!;
const missing = [cc, ...runner.slice(0, 1)].filter((tool) => !has(tool));
const thin = process.env.RUNBPF_SLOW === undefined;

describe.skipIf(missing.length > 0 && !process.env.CI)("vectorise for arm64", () => {
  it("makes the same kernels", () => {
    for (const loop of LOOPS)
      expect(kernelOf(loop, { target: "arm64" }), loop.name).toBe(kernelOf(loop, { target: "x64" }));
  });

  it.each([
    ["arrays apart", LOOPS, () => apart(thin), 4096],
    ["overlapping arrays", STORING, () => overlapping(thin), 2048],
    ["many elements", [...COPIES, ...FILLS], many, 16384],
  ] as const)("%s", (_, loops, runs, size) => {
    for (let k = 0; k < loops.length; k += 32) {
      const jobs = loops.slice(k, k + 32).map((loop) => ({ loop, runs: runs() }));
      expect(differencesOnArm64(jobs, size)[0]).toBeUndefined();
    }
  });

  it("random loops", () => {
    const rng = random(20_261_123);
    let kernels = 0;
    for (let round = 0; round < ROUNDS; round += 400) {
      const jobs = Array.from({ length: 400 }, () => ({ loop: randomLoop(rng), runs: randomRuns(rng) }));
      const made = jobs.filter(({ loop }) => kernelOf(loop, { target: "arm64" }) !== undefined);
      kernels += made.length;
      expect(differencesOnArm64(made, 4096)[0]).toBeUndefined();
    }
    expect(kernels).toBeGreaterThan(ROUNDS / 10);
  });
});
