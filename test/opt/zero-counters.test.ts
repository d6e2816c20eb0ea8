/** Counters that end at zero, for processors that branch on it. */

import { describe, expect, it } from "vitest";
import { assemble } from "../../formats/isa/bpf.ts";
import { ENGINES, skipped } from "../run/engines.ts";
import { lines as linesOf } from "./listing.ts";

const lines = (source: string, target: "arm64" | "x64" = "arm64"): string =>
  linesOf(source, { target, optimize: 2, without: ["unroll-counted", "vectorise"] }).join("\n");

interface Case {
  guard?: string;
  body?: string;
  step?: number;
  test?: string;
  after?: string;
}

const loop = ({
  guard = "if r2 == 0 goto out",
  body = "",
  step = 1,
  test = "if r3 < r2 goto again",
  after = "",
}: Case) => `
  r0 = 7
  r3 = 0
  ${guard}
again:
  r4 = r1
  r4 += r3
  r5 = *(u8 *)(r4 + 0)
  r0 *= 31
  r0 += r5
  ${body}
  r3 += ${step}
  ${test}
  ${after}
out:
  exit`;

/** Elements of a word each. */
const elements = (array: string) => `r4 = r3\nr4 <<= 2\nr4 += ${array}\nr5 = *(u32 *)(r4 + 0)\nr0 += r5`;
/** Other arrays in the memory, which they must not leave: as many words as fit. */
const OTHERS = "r2 >>= 3\nr6 = r1\nr6 += r2\nr7 = r6\nr7 += r2\nif r2 == 0 goto out";

/** Counts from -n up to 0. */
const counts = (source: string, target?: "x64"): boolean => {
  const text = lines(source, target);
  return /= sub 0, (r2|v\d+)$/m.test(text) && /icmp.* 0$/m.test(text);
};

const CASES: [name: string, source: Case, changes: boolean][] = [
  ["a loop up to a number that is not zero", {}, true],
  ["one that ends where it meets it, from anywhere", { guard: "", test: "if r3 != r2 goto again" }, true],
  ["in steps", { guard: "", step: 4, test: "if r3 != r2 goto again" }, true],
  ["up to what may be zero: once", { guard: "if r2 == 1 goto out" }, false],
  [
    "up to the lesser of a number that is not zero and a constant",
    {
      guard: "r6 = r2\nif r2 < 50 goto less\nr6 = 50\nless:\nif r2 == 0 goto out",
      test: "if r3 < r6 goto again",
    },
    true,
  ],
  ["in steps that may go too far", { step: 4 }, false],
  ["a counter that something else looks at", { body: "r0 ^= r3" }, false],
  ["a counter that is needed behind the loop", { after: "r0 ^= r3" }, false],
  ["an end that changes", { body: "r2 -= 1" }, false],
  ["an array that changes", { body: "r1 += 1" }, false],
  ["three arrays", { body: ["r6", "r7"].map(elements).join("\n"), guard: OTHERS }, false],
  ["two arrays", { body: elements("r6"), guard: OTHERS }, true],
]; // prettier-ignore

describe("zero-counters", () => {
  it.each(CASES)("%s", (_, source, changes) => expect(counts(loop(source))).toBe(changes));
  // Under emulation where there is no such machine.
  const [interpreter, arm64] = [ENGINES[0], ENGINES.find(({ name }) => name.startsWith("arm64 -O2"))!];
  it.skipIf(skipped(arm64)).each(CASES)("%s: does the same", (_, source) => {
    const step = source.step ?? 1;
    if (source.body?.includes("r2 -=") || source.body?.includes("r1 +=")) return;
    const sizes = [1, 2, 3, 4, 5, 8, 12, 16, 31, 32, 40, 64].map((n) => n * step);
    const calls = sizes.map((n) => ({ memory: Uint8Array.from({ length: n }, (_, k) => k * 37 + 5) }));
    const jobs = [{ code: assemble(loop(source)), calls }];
    expect(arm64.run(jobs)).toEqual(interpreter.run(jobs));
  });

  it("not where a comparison costs nothing", () => expect(counts(loop({}), "x64")).toBe(false));
});
