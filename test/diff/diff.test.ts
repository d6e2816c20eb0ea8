/** A short run of the differential fuzzer with fixed seeds; `npm run fuzz` runs longer ones. */

import { describe, expect, it } from "vitest";
import { has, TARGETS } from "../device-tools.ts";
import { cpuOf, difference, differencesInBatch, LEVELS } from "./compare.ts";
import { assembleItems, generate, memoryOf } from "./generate.ts";

const SIZE = 40;
const seeds = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i);

describe("random programs", () => {
  it("give the same in the interpreter and in native code, at each level", () => {
    const wrong = seeds(1, 400).flatMap((seed) => {
      const found = difference(
        assembleItems(generate(seed, SIZE)),
        memoryOf(seed),
        LEVELS,
        true,
        cpuOf(seed),
      );
      return found === undefined ? [] : [{ seed, ...found }];
    });
    expect(wrong).toEqual([]);
  });

  it.each(TARGETS)("give the same in bare.c on $arch", (target) => {
    const missing = [target.cc, ...target.runner.slice(0, 1)].some((tool) => !has(tool));
    if (missing && !process.env.CI) return;
    expect(differencesInBatch(target.arch, seeds(1000, 300), 2, SIZE)).toEqual([]);
    expect(differencesInBatch(target.arch, seeds(2000, 100), 0, SIZE)).toEqual([]);
  });

  it("give the same with the atomics of Armv8.1", () => {
    const [, arm64] = TARGETS;
    if (!has(arm64.cc) && !process.env.CI) return;
    expect(differencesInBatch("arm64", seeds(3000, 200), 2, SIZE, ["lse"])).toEqual([]);
  });
});
