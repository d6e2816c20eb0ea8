/** Products with constants: which become shifts and sums, and that all are right. */

import { describe, expect, it } from "vitest";
import { assemble } from "../../formats/isa/bpf.ts";
import { difference } from "../diff/compare.ts";
import { lines } from "./listing.ts";

const product = (by: number | string, wide = true): string =>
  `${wide ? "r0 = r1" : "w0 = w1"}\n${wide ? "r0" : "w0"} *= ${by}\nexit`;
const operations = (source: string): string[] =>
  lines(source).flatMap((line) => / = (\w+) /.exec(line)?.[1] ?? []);

describe("multiply-constants", () => {
  it.each<[by: number, gives: string[]]>([
    [3, ["shl", "add"]],
    [5, ["shl", "add"]],
    [6, ["shl", "add", "shl"]],
    [7, ["shl", "sub"]],
    [33, ["shl", "add"]],
    [1023, ["shl", "sub"]],
    [40, ["shl", "add", "shl"]],
    [25, ["shl", "add", "shl", "add"]],
    [11, ["shl", "add", "shl", "add"]],
    [45, ["shl", "add", "shl", "add"]],
    // Three steps and more cost what a multiplication does.
    [23, ["mul"]],
    [1_000_003, ["mul"]],
    [-7, ["mul"]],
  ])("x * %i", (by, gives) => expect(operations(product(by))).toEqual(gives));

  it("not for size", () => expect(lines(product(3), { optimize: "s" })[0]).toContain("mul"));
  it("not with a variable", () => expect(operations("r0 = r1\nr0 *= r2\nexit")).toEqual(["mul"]));

  it("all products up to 300 and around powers of two", () => {
    const factors = Array.from({ length: 300 }, (_, k) => k - 20);
    for (let k = 8; k < 31; k++)
      factors.push(2 ** k - 1, 2 ** k, 2 ** k + 1, -(2 ** k) - 1, 5 * 2 ** (k - 3));
    const memory = Uint8Array.from({ length: 16 }, (_, k) => 0x91 + 29 * k);
    for (const wide of [true, false]) {
      const steps = factors.flatMap((by) => [
        wide ? "r3 = r2" : "w3 = w2",
        `${wide ? "r3" : "w3"} *= ${by}`,
        "r0 ^= r3",
        "r0 *= r4",
      ]);
      const source = ["r2 = *(u64 *)(r1 + 0)", "r4 = *(u64 *)(r1 + 8)", "r0 = 1", ...steps, "exit"].join(
        "\n",
      );
      expect(difference(assemble(source), memory, [2], true)).toBeUndefined();
    }
  });
});
