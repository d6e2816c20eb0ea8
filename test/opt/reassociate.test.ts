/** Sums and products in loops: what goes round comes last, and only there. */

import { describe, expect, it } from "vitest";
import { lines as linesOf } from "./listing.ts";

const lines = (source: string): string[] => linesOf(source, { without: ["unroll-counted"] });

const loop = (...body: string[]): string =>
  ["r0 = 0", "r6 = 0", "again:", ...body, "r6 += 1", "if r6 != r2 goto again", "exit"].join("\n");

/** The operation that gives what goes round, with its operands' names: those of the phi are "phi". */
function last(source: string, name: string): string {
  const text = lines(source);
  const phi = /^(v\d+): i64 = phi 0, (v\d+)/;
  const [, round, back] = phi.exec(text.find((line) => phi.test(line) && !line.endsWith(name)) ?? "") ?? [];
  const found = text.find((line) => line.startsWith(`${back}: `)) ?? "";
  return found.replace(/^v\d+: i64 = /, "").replace(new RegExp(`\\b${round}\\b`), "phi");
}

describe("reassociate", () => {
  it.each<[operation: string, op: string]>([
    ["+", "add"],
    ["^", "xor"],
    ["|", "or"],
    ["*", "mul"],
  ])("%s", (sign, op) => {
    const source = loop(
      "r3 = *(u64 *)(r1 + 0)",
      "r4 = *(u64 *)(r1 + 8)",
      `r0 ${sign}= r3`,
      `r0 ${sign}= r4`,
      `r0 ${sign}= r6`,
    );
    expect(last(source, "none")).toMatch(new RegExp(`^${op} v\\d+, phi$`));
  });

  it("not what is looked at in between", () => {
    const source = loop("r3 = *(u64 *)(r1 + 0)", "r0 += r3", "*(u64 *)(r1 + 8) = r0", "r0 += r6");
    expect(lines(source).filter((line) => line.includes("store64"))).toHaveLength(1);
    expect(last(source, "none")).not.toContain("phi");
  });

  it("not differences", () => {
    const source = loop("r3 = *(u64 *)(r1 + 0)", "r0 -= r3", "r0 -= r6");
    expect(lines(source).filter((line) => line.includes("= sub "))).toHaveLength(2);
  });

  it("not outside loops", () => {
    const source = "r0 = r1\nr0 ^= r2\nr0 ^= r3\nr0 ^= r4\nexit";
    expect(lines(source).slice(0, 3)).toEqual([
      "v0: i64 = xor r1, r2",
      "v1: i64 = xor v0, r3",
      "v2: i64 = xor v1, r4",
    ]);
  });
});
