/** Loops whose phis hand values on: what becomes of one, and that many of them do not take for ever. */

import { describe, expect, it } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { assemble } from "../../formats/isa/bpf.ts";
import { difference } from "../diff/compare.ts";

/** Fibonacci numbers, in so many loops one after the other; later ones go on with what earlier ones left. */
function loops(count: number): Uint8Array {
  const lines = ["r5 = *(u8 *)(r1 + 0)", "r0 = 0", "r4 = 1"];
  for (let k = 0; k < count; k++)
    lines.push("r2 = 0", `l${k}:`, "r3 = r0", "r0 += r4", "r4 = r3", "r2 += 1", `if r2 < r5 goto l${k}`);
  return assemble([...lines, "r0 ^= r4", "r0 ^= r2", "exit"].join("\n"));
}

describe("unroll-shifts", () => {
  it.each([1, 2, 5])("%i loops", (count) => {
    for (let rounds = 0; rounds < 12; rounds++) {
      const memory = new Uint8Array(8).fill(rounds);
      expect(difference(loops(count), memory, [1, 2], true)).toBeUndefined();
    }
  });
  it("time grows with the number of loops", () => {
    const cost = (count: number): number => {
      const code = loops(count);
      const before = process.cpuUsage();
      compile(code, { raw: true, name: "loops", verify: false });
      return process.cpuUsage(before).user;
    };
    cost(300); // warm
    // Four times as much would be 4 times the time, or 16 if it were the square.
    expect(cost(800) / cost(200)).toBeLessThan(10);
  }, 60_000);
});
