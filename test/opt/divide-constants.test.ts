/** Divisions by constants: which become products, which stay, and that all of them are right. */

import { describe, expect, it } from "vitest";
import { assemble } from "../../formats/isa/bpf.ts";
import { difference } from "../diff/compare.ts";
import { operations } from "./listing.ts";

const OPERATORS = ["/=", "%=", "s/=", "s%="];

/** r2 divided by a constant or a register, in r0. */
const division = (operator: string, by: number | bigint | string, kind = "r"): string =>
  typeof by === "bigint"
    ? `r5 = ${by} ll\n${kind}0 = ${kind}2\n${kind}0 ${operator} ${kind}5`
    : `${kind}0 = ${kind}2\n${kind}0 ${operator} ${by}`;

const given = (source: string, optimize: 1 | 2 | "s" = 2): string[] =>
  operations(`${source}\nexit`, { optimize }).filter((name) => !/^(zext|trunc|return)$/.test(name));

describe("divide-constants", () => {
  it.each<[name: string, source: string, gives: string[]]>([
    ["by 10", division("/=", 10), ["umulh", "lshr"]],
    ["by 7: a reciprocal of 65 bits", division("/=", 7), ["umulh", "sub", "lshr", "add", "lshr"]],
    ["by 14: half of it by 7", division("/=", 14), ["lshr", "umulh", "lshr"]],
    ["32 bits by 10", division("/=", 10, "w"), ["mul", "lshr"]],
    ["32 bits by 7", division("/=", 7, "w"), ["umulh"]],
    ["signed by 8", division("s/=", 8), ["ashr", "xor", "sub", "lshr", "xor", "sub"]],
    ["the rest by 10", division("%=", 10), ["umulh", "lshr", "shl", "add", "shl", "sub"]],
  ])("%s", (_, source, gives) => expect(given(source)).toEqual(gives));

  it.each(OPERATORS.flatMap((operator) => ["r", "w"].map((kind) => [operator, kind])))(
    "no division is left: %s on %s",
    (operator, kind) => {
      for (const by of [2, 3, 7, 10, 64, 1000, 0x7fffffff, -1, -3, -2147483648]) {
        const left = given(division(operator, by, kind)).filter((name) => /^[us](div|mod)$/.test(name));
        // x s/ -1 and the least number, whose size has no sign left, stay.
        const stays = operator.startsWith("s") && (by === -1 || (by === -2147483648 && kind === "w"));
        expect(left, `${by}`).toHaveLength(stays ? 1 : 0);
      }
    },
  );

  it.each([
    ["by a variable", division("/=", "r3"), "udiv"],
    ["of a constant", "r0 = 1000\nr0 /= r2", "udiv"],
    ["by a value that is not known to be one constant", "r0 = r2\nr3 &= 7\nr3 |= 1\nr0 %= r3", "umod"],
  ])("not %s", (_, source, left) => expect(given(source)).toContain(left));

  it("for size only in loops", () => {
    expect(given(division("/=", 10), "s")).toEqual(["udiv"]);
    const loop = `r2 = *(u64 *)(r1 + 0)\nagain:\n${division("/=", 10)}\nr2 = r0\nr3 += 1\n*(u64 *)(r3 + 0) = r0\nif r2 != 0 goto again`;
    expect(given(loop, "s")).not.toContain("udiv");
  });

  const divisors = (bits: bigint): bigint[] => {
    const list = Array.from({ length: 300 }, (_, k) => BigInt(k + 1));
    for (let k = 8n; k < bits; k++) list.push((1n << k) - 1n, 1n << k, (1n << k) + 1n);
    list.push(641n, 1_000_000_007n, (1n << bits) / 3n + 1n, ((1n << bits) / 3n) * 2n + 1n);
    return list.flatMap((d) => [d, -d]);
  };

  /** Numbers on both sides of multiples, the last ones above all: there a reciprocal's error is largest. */
  const dividends = (d: bigint, bits: bigint): bigint[] => {
    const size = d < 0n ? -d : d;
    const [top, half] = [1n << bits, 1n << (bits - 1n)].map((end) => (end / size) * size);
    const beside = [top, half, -half, size, -size, 5n * size, 0n].flatMap((n) => [n - 1n, n, n + 1n]);
    return [...beside, 1n << (bits - 1n), 0x123456789abcdef0n, 0xdeadbeef00000000n];
  };

  it.each(["r", "w"])("all up to 300 and around powers of two, of either sign: %s", (kind) => {
    const bits = kind === "r" ? 64n : 32n;
    const all = divisors(bits);
    for (let from = 0; from < all.length; from += 100) {
      const part = all.slice(from, from + 100);
      const rounds = dividends(1n, bits).length;
      const words = Array.from({ length: rounds }, (_, k) => part.map((d) => dividends(d, bits)[k])).flat();
      const memory = new Uint8Array(BigUint64Array.from(words, (n) => BigInt.asUintN(64, n)).buffer);
      const steps = part.flatMap((d, k) => [
        `r2 = *(u64 *)(r1 + ${8 * k})`,
        ...OPERATORS.map(
          (operator) => `${division(operator, BigInt.asIntN(64, d), kind)}\nr6 *= 31\nr6 ^= r0`,
        ),
      ]);
      const source = `r7 = r1\nr7 += r2\nr6 = 1\nagain:\n${steps.join("\n")}
r1 += ${8 * part.length}\nif r1 != r7 goto again\nr0 = r6\nexit`;
      expect(difference(assemble(source), memory, [2], true), `${part}`).toBeUndefined();
    }
  });
});
