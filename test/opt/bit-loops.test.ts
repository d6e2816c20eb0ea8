/** Loops that clear a lowest bit each round: which are counts, and that they count right on every target. */

import { describe, expect, it } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { assemble } from "../../formats/isa/bpf.ts";
import { TARGETS } from "../device-tools.ts";
import { runBatch } from "../run/engines.ts";
import { operations } from "./listing.ts";

/** r0 and r4 count the bits of x, from 5 and 6 on. */
const counted = (x: "r" | "w", n: "r" | "w", guard: string, step = 1): string => `
r2 = *(u64 *)(r1 + 0)
r0 = 5
r4 = 6
${guard}
again:
${x}3 = ${x}2
${x}3 += -1
${x}2 &= ${x}3
${n}0 += ${step}
r4 += -3
if ${x}2 != 0 goto again
r0 ^= r2
out:
r4 <<= 40
r0 ^= r4
exit`;

const GUARDS = ["", "if r2 == 0 goto out", "if w2 == 0 goto out"];
const COUNTS: [name: string, source: string][] = (["r", "w"] as const).flatMap((x) =>
  (["r", "w"] as const).flatMap((n) =>
    GUARDS.flatMap((guard) =>
      [1, 7].map((step): [string, string] => [
        `${x}2, ${n}0 += ${step}, ${guard}`,
        counted(x, n, guard, step),
      ]),
    ),
  ),
);

const plain = counted("r", "r", "");
/** A second loop goes on from what the first one counted. */
const twice = (constant: string) => `
r2 = *(u64 *)(r1 + 0)
w2 &= 0xd1123
w0 = 0x378bf512
again:
w3 = w2
w3 += -1
w2 &= w3
w0 += 1
if w2 != 0 goto again
${constant}
more:
w3 = w2
w3 += -1
w2 &= w3
w0 += -5
if w2 != 0 goto more
exit`;
COUNTS.push(["one after the other, of a constant", twice("w2 = 0xe9eb475")]);
COUNTS.push(["one after the other, of what was loaded", twice("r2 = *(u32 *)(r1 + 4)")]);
COUNTS.push(["one after the other, with a sum between", twice("r2 = *(u32 *)(r1 + 4)\nw0 += 3")]);

const OTHERS: [name: string, source: string][] = [
  ["another constant", plain.replace("r3 += -1", "r3 += -2")],
  ["or", plain.replace("r2 &= r3", "r2 |= r3")],
  ["a counter that is no sum", plain.replace("r0 += 1", "r0 *= 3")],
  ["more work in the loop", plain.replace("r4 += -3", "r4 += r2")],
  ["a store in the loop", plain.replace("r4 += -3", "*(u64 *)(r1 + 8) = r4")],
  [
    "what the last round began with",
    plain.replace("r3 += -1", "r5 = r2\nr3 += -1").replace("r0 ^= r2", "r0 ^= r5"),
  ],
  ["another end", plain.replace("if r2 != 0 goto", "if r2 s> 0 goto")],
  ["another bound", plain.replace("if r2 != 0 goto", "if r2 != 4 goto")],
];

const cpu = ["x86-64-v2"];
const finds = (source: string, options = {}) =>
  operations(source, { target: "x64", cpu, ...options }).includes("popcount");

describe("bit-loops", () => {
  it.each(COUNTS)("%s", (_, source) => expect(finds(source)).toBe(true));
  it.each(OTHERS)("not %s", (_, source) => expect(finds(source)).toBe(false));
  it("nothing is asked of zero that the count tells", () => {
    const source =
      "r2 = *(u64 *)(r1 + 0)\nr0 = 0\nif r2 == 0 goto out\nagain:\nr3 = r2\nr3 += -1\nr2 &= r3\nr0 += 1\nif r2 != 0 goto again\nout:\nexit";
    expect(operations(source, { target: "x64", cpu })).toEqual(["load64", "popcount", "return"]);
  });

  it("only where bits are counted by an instruction", () => {
    expect(finds(plain, { cpu: [] })).toBe(false);
    expect(finds(plain, { cpu: [], target: "arm64" })).toBe(true);
    expect(finds(plain, { cpu: ["no-simd"], target: "arm64" })).toBe(false);
  });

  it.each(TARGETS)("right results: $name", (target) => {
    const values = [0n, 1n, 2n, 3n, 0x80n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 63n, 2n ** 64n - 1n];
    const all = [...COUNTS, ...OTHERS.filter(([name]) => name !== "or" && !name.startsWith("another"))];
    for (const [name, source] of all)
      for (const optimize of [1, 2, "s"] as const) {
        const files = [undefined, 0 as const].map((level) => ({
          file: compile(assemble(source), {
            ...{ raw: true, name: "test", format: "bare", verify: false, check: true, target: target.arch },
            ...{ optimize: level ?? optimize, cpu: target.arch === "x64" ? cpu : [] },
          } as const).container,
          calls: values.map((v) => ({ memory: new Uint8Array(BigUint64Array.of(v, 0n).buffer) })),
        }));
        const [got, expected] = runBatch(target, files).map((list) => list.map(({ r0 }) => r0));
        expect(got, `${name} -O${optimize}`).toEqual(expected);
      }
  });
});
