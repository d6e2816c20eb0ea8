/** Random programs that the verifier accepts never fault, and are never in a state that it did not have. */

import { describe, expect, test } from "vitest";
import { constant } from "../../compiler/verify/number.ts";
import { withNum } from "../../compiler/verify/value.ts";
import { assembleItems } from "../diff/generate.ts";
import { check, memoryFor, run, trace } from "./soundness-check.ts";
import { generateChecked } from "./soundness-generate.ts";

const COUNT = process.env.RUNBPF_SLOW ? 20_000 : 400;
const SIZE = 24;
const FIRST = 20_261_121;

describe("random programs", () => {
  test(`${COUNT} programs`, { timeout: 600_000 }, () => {
    let [accepted, refused, steps] = [0, 0, 0];
    for (let seed = FIRST; seed < FIRST + COUNT; seed++) {
      const { items, promise } = generateChecked(seed, SIZE);
      const outcome = check(items, promise, seed);
      expect(outcome.wrong, `node scripts/run.mjs test/verify/soundness.ts --count 1 --seed ${seed}`).toBe(
        undefined,
      );
      if (outcome.accepted) accepted++;
      else refused++;
      steps += outcome.steps;
    }
    // Programs that do real work, and that are both right and wrong.
    expect(accepted).toBeGreaterThan(COUNT * 0.4);
    expect(refused).toBeGreaterThan(COUNT * 0.02);
    expect(steps).toBeGreaterThan(accepted * 100);
  });

  // The length in a comparison with itself, a half taken for a quarter, sums that shrink round by round, a low half.
  test.each([10_006_801, 11_009_018, 13_089_672, 900_006, 6_041_033, 1_008_356])(
    "seed %i, which found a mistake",
    (seed) => {
      const { items, promise } = generateChecked(seed, SIZE);
      expect(check(items, promise, seed).wrong).toBe(undefined);
    },
  );

  test("a state that is wrong in one register is found", () => {
    let [found, tried] = [0, 0];
    for (let seed = 1; seed <= 40; seed++) {
      const { items, promise } = generateChecked(seed, SIZE);
      const code = assembleItems(items);
      const traced = trace(code, promise);
      if (!traced.verdict.ok) continue;
      tried++;
      const memory = memoryFor(seed, promise);
      expect(run(code, traced, memory).wrong).toBe(undefined);
      const wrong = constant(0x1234_5678_9abc_def0n);
      for (const states of traced.snapshots.flat())
        for (const state of states)
          state.regs = state.regs.map((v, r) => (r === 0 && v.kind === "number" ? withNum(v, wrong) : v));
      if (run(code, traced, memory).wrong !== undefined) found++;
    }
    expect(tried).toBeGreaterThan(20);
    // Programs that never end may never need r0.
    expect(found).toBeGreaterThan(tried * 0.9);
  });
});
