/** The local rules: what each makes of an expression, where it must not apply, and that values stay. */

import { describe, expect, it } from "vitest";
import { assemble } from "../../formats/isa/bpf.ts";
import { difference } from "../diff/compare.ts";
import { EDGES } from "../run/model.ts";
import { lines } from "./listing.ts";

/** Passes that find more than a local rule does. */
const without = [
  "known-bits",
  "drop-extensions",
  "extend-loads",
  "multiply-constants",
  "divide-constants",
  "if-convert",
];

/** r0, in terms of r1 and r2, as lines. */
const given = (source: string): string[] => lines(`${source}\nexit`, { optimize: 1, without });
/** What is chosen by a comparison. */
const test = (condition: string, before = ""): string =>
  `${before}\nr0 = 1\nif ${condition} goto yes\nr0 = 0\nyes:`;
const compared = (condition: string, before = ""): string =>
  given(test(condition, before))
    .find((line) => line.includes("icmp"))
    ?.replace(/.*= /, "") ?? "constant";

const RULES: [source: string, gives: string[]][] = [
  // Constants.
  ["r0 = 6\nr0 *= 7", ["return 42"]],
  ["r0 = 7\nr3 = 0\nr0 /= r3", ["return 0"]],
  ["r0 = 7\nr3 = 0\nr0 %= r3", ["return 7"]],
  ["r0 = -7\nr0 s/= 2", ["return -3"]],
  ["r0 = 1\nr0 <<= 63\nr3 = -1\nr0 s/= r3", ["return 0x8000000000000000"]],
  ["w0 = -1\nr0 += 1", ["return 0x100000000"]],
  ["r0 = 0x8081\nr0 = be16 r0", ["return 33152"]],
  // What changes nothing, and what is known.
  ["r0 = r1\nr0 += 0", ["return r1"]],
  ["r0 = r1\nr0 *= 1", ["return r1"]],
  ["r0 = r1\nr0 *= 0", ["return 0"]],
  ["r0 = r1\nr0 &= -1", ["return r1"]],
  ["r0 = r1\nr0 &= 0", ["return 0"]],
  ["r0 = r1\nr0 |= -1", ["return -1"]],
  ["r0 = r1\nr0 ^= r1", ["return 0"]],
  ["r0 = r1\nr0 -= r1", ["return 0"]],
  ["r0 = r1\nr0 |= r1", ["return r1"]],
  ["r0 = r1\nr0 /= 1", ["return r1"]],
  ["r0 = r1\nr0 s%= 1", ["return 0"]],
  ["r0 = r1\nr0 <<= 0", ["return r1"]],
  // Two constants become one.
  ["r0 = r1\nr0 += 5\nr0 -= 7", ["v0: i64 = add r1, -2", "return v0"]],
  ["r0 = r1\nr0 &= 0xff\nr0 &= 0x1f0", ["v0: i64 = and r1, 240", "return v0"]],
  ["r0 = r1\nr0 <<= 56\nr0 s>>= 56\nr0 &= 127", ["v0: i64 = and r1, 127", "return v0"]],
  ["r0 = r1\nr0 <<= 48\nr0 s>>= 48\nr0 &= 0xffff", ["v0: i64 = and r1, 65535", "return v0"]],
  [
    "r0 = r1\nr0 <<= 56\nr0 s>>= 56\nr0 &= 0x1ff",
    ["v0: i64 = sext8 r1", "v1: i64 = and v0, 511", "return v1"],
  ],
  ["r0 = r1\nr0 ^= 5\nr0 ^= 5", ["return r1"]],
  ["r0 = r1\nr0 <<= 3\nr0 <<= 4", ["v0: i64 = shl r1, 7", "return v0"]],
  ["r0 = r1\nr0 >>= 40\nr0 >>= 40", ["return 0"]],
  ["r0 = r1\nr0 s>>= 40\nr0 s>>= 40", ["v0: i64 = ashr r1, 63", "return v0"]],
  // Powers of two.
  ["r0 = r1\nr0 *= 8", ["v0: i64 = shl r1, 3", "return v0"]],
  ["r0 = r1\nr0 /= 8", ["v0: i64 = lshr r1, 3", "return v0"]],
  ["r0 = r1\nr0 %= 8", ["v0: i64 = and r1, 7", "return v0"]],
  // Pairs of shifts extend.
  // Only the low bits of a count count.
  ["r0 = r1\nr3 = 0x2b89000000000003 ll\nr0 <<= r3", ["v0: i64 = shl r1, 3", "return v0"]],
  ["r0 = r1\nr3 = 0x2b89000000000043 ll\nr0 s>>= r3", ["v0: i64 = ashr r1, 3", "return v0"]],
  ["r0 = r1\nr3 = 0x100000040 ll\nr0 >>= r3", ["return r1"]],
  ["r0 = r1\nr0 <<= 32\nr0 >>= 32", ["v0: i32 = trunc r1", "v1: i64 = zext v0", "return v1"]],
  ["r0 = r1\nr0 <<= 32\nr0 s>>= 32", ["v0: i32 = trunc r1", "v1: i64 = sext32 v0", "return v1"]],
  ["r0 = r1\nr0 <<= 56\nr0 s>>= 56", ["v0: i64 = sext8 r1", "return v0"]],
  ["r0 = r1\nr0 <<= 48\nr0 >>= 48", ["v0: i64 = and r1, 65535", "return v0"]],
  ["r3 = 0xffffffff ll\nr0 = r1\nr0 &= r3", ["v0: i32 = trunc r1", "v1: i64 = zext v0", "return v1"]],
  ["w0 = w1\nw0 = w0", ["v0: i32 = trunc r1", "v1: i64 = zext v0", "return v1"]],
  // Constants go into addresses.
  ["r1 += 8\nr0 = *(u64 *)(r1 - 4)", ["v0: i64 = load64 [r1 + 4]", "return v0"]],
  ["r0 = *(u8 *)(r1 + 0)\nr0 &= 255", ["v0: i32 = load8 [r1]", "v1: i64 = zext v0", "return v1"]],
];

const NOT: [source: string, gives: string[]][] = [
  ["r0 = r1\nr0 s/= 8", ["v0: i64 = sdiv r1, 8", "return v0"]],
  ["r0 = r1\nr0 s%= 8", ["v0: i64 = smod r1, 8", "return v0"]],
  ["r0 = r1\nr0 /= r1", ["v0: i64 = udiv r1, r1", "return v0"]],
  ["r0 = r1\nr0 %= r1", ["v0: i64 = umod r1, r1", "return v0"]],
  ["r0 = r1\nr0 += r1", ["v0: i64 = add r1, r1", "return v0"]],
  ["r0 = r1\nr0 *= 9", ["v0: i64 = mul r1, 9", "return v0"]],
  ["r0 = r1\nr0 &= 5\nr0 |= 5", ["v0: i64 = and r1, 5", "v1: i64 = or v0, 5", "return v1"]],
  ["r0 = r1\nr0 <<= 8\nr0 >>= 4", ["v0: i64 = shl r1, 8", "v1: i64 = lshr v0, 4", "return v1"]],
  ["r0 = r1\nr0 >>= 8\nr0 <<= 8", ["v0: i64 = lshr r1, 8", "v1: i64 = shl v0, 8", "return v1"]],
  ["r0 = r1\nr0 >>= 8\nr0 s>>= 8", ["v0: i64 = lshr r1, 8", "v1: i64 = ashr v0, 8", "return v1"]],
  ["r0 = r1\nr0 <<= 40\nr0 s>>= 40", ["v0: i64 = shl r1, 40", "v1: i64 = ashr v0, 40", "return v1"]],
  ["w0 = w1", ["v0: i32 = trunc r1", "v1: i64 = zext v0", "return v1"]],
  [
    "r0 = *(u8 *)(r1 + 0)\nr0 &= 127",
    ["v0: i32 = load8 [r1]", "v1: i64 = zext v0", "v2: i64 = and v1, 127", "return v2"],
  ],
  [
    "r3 = 0x7fffffff ll\nr1 += r3\nr0 = *(u8 *)(r1 + 1)",
    ["v0: i64 = add r1, 2147483647", "v1: i32 = load8 [v0 + 1]", "v2: i64 = zext v1", "return v2"],
  ],
];

const COMPARISONS: [condition: string, before: string, gives: string][] = [
  ["r1 == r1", "", "constant"],
  ["r1 s< r1", "", "constant"],
  ["r1 >= 0", "", "constant"],
  ["r1 < 0", "", "constant"],
  ["r1 < 1", "", "icmp.eq r1, 0"],
  ["r1 >= 1", "", "icmp.ne r1, 0"],
  ["r1 > 0", "", "icmp.ne r1, 0"],
  ["r1 s> -1", "", "icmp.sge r1, 0"],
  ["r1 s<= -1", "", "icmp.slt r1, 0"],
  ["r3 > r1", "r3 = 9", "icmp.ult r1, 9"],
  ["r1 < r2", "w1 = w1\nw2 = w2", "icmp.ult v0, v1"],
  ["r1 == 5", "r1 = be32 r1", "icmp.eq v0, 83886080"],
  // What must be left.
  ["r1 s< r2", "w1 = w1\nw2 = w2", "icmp.slt v1, v3"],
  ["r1 s> 0", "", "icmp.sgt r1, 0"],
  ["r1 < 2", "", "icmp.ult r1, 2"],
  ["r1 > -1", "w2 = w2", "icmp.ugt r1, -1"],
  ["r1 < 5", "r1 = be32 r1", "icmp.ult v1, 5"],
];

describe("simplify", () => {
  it.each(RULES)("%j", (source, gives) => expect(given(source)).toEqual(gives));
  it.each(NOT)("not %j", (source, gives) => expect(given(source)).toEqual(gives));
  it.each(COMPARISONS)("%s %j", (condition, before, gives) =>
    expect(compared(condition, before)).toBe(gives),
  );

  /** Constants come through the stack, so that only the pass sees them, not what builds the program. */
  it.each(RULES.filter(([source]) => / [^\w\s]+= -?\d/.test(source)))("later: %j", (source, gives) => {
    let slot = 0;
    const late = source.replace(/^(r\d) ([^\w\s]+=) (-?\w+)$/gm, (_, to, operator, by) => {
      slot += 8;
      return `*(u64 *)(r10 - ${slot}) = ${by}\nr5 = *(u64 *)(r10 - ${slot})\n${to} ${operator} r5`;
    });
    expect(given(late)).toEqual(gives);
  });

  it("values stay", () => {
    const number = ([source]: readonly [string, ...unknown[]]): string[] =>
      source.includes("*)(") ? [] : [source];
    const all = [
      ...RULES.flatMap(number),
      ...NOT.flatMap(number),
      ...COMPARISONS.map(([condition, before]) => test(condition, before)),
    ];
    for (const kind of ["r", "w"]) {
      const fits = all.filter((source) => kind === "r" || !/[<>]= (3[2-9]|[4-6]\d)$/m.test(source));
      const steps = fits.map((source, k) => {
        // Byte orders and large constants have 64-bit registers; shifts by more than 31 there are none.
        const narrow = (line: string) => (/be\d|ll$/.test(line) ? line : line.replace(/\br(\d)/g, "w$1"));
        const text = kind === "r" ? source : source.split("\n").map(narrow).join("\n");
        return `r1 = r6\nr2 = r7\n${text.replaceAll("yes", `yes${k}`)}\nr8 *= 31\nr8 ^= r0`;
      });
      const source = `r9 = r1\nr8 = 1\nr6 = *(u64 *)(r9 + 0)\nr7 = *(u64 *)(r9 + 8)\n${steps.join("\n")}\nr0 = r8\nexit`;
      for (const [k, a] of EDGES.entries()) {
        const memory = new Uint8Array(BigUint64Array.of(a, EDGES[(k * 7 + 3) % EDGES.length]).buffer);
        expect(difference(assemble(source), memory, [0, 1], true), `${kind} ${a}`).toBeUndefined();
      }
    }
  });
});
