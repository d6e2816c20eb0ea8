/** How much of its frame a function gets: enough for whatever may touch it, and no more than is known to be touched. */

import { describe, expect, test } from "vitest";
import { type CompileOptions, compile } from "../../compiler/compile.ts";
import type { Fn } from "../../compiler/ir/ir.ts";
import { assemble } from "../../formats/isa/bpf.ts";
import { Runtime } from "../../runtime/index.ts";
import { random } from "../mutate.ts";

/** Bytes of the first function's frame. */
function frameOf(source: string, options: CompileOptions): number {
  let first: Fn | undefined;
  const onPass = (_: string, fn: Fn) => {
    if (fn.index === 0) first = fn;
  };
  compile(assemble(source), { raw: true, name: "test", ctx: "mem:64", onPass, ...options });
  return first!.stack;
}

/** Fills the places from r10 - bytes to r10 - 1, one by one, with what memory says: 1, which nobody can prove. */
const filled = (bytes: number): string =>
  `r2 = *(u8 *)(r1 + 63)
r2 &= 2
r2 |= 1
r3 = r10
r3 += -${bytes}
again:
*(u8 *)(r3 + 0) = r2
r3 += 1
if r3 != r10 goto again`;
const index = (mask: number): string => `r4 = *(u8 *)(r1 + 0)\nr4 &= ${mask}`;
const volatile = "r5 = 1\nlock *(u64 *)(r10 - 8) += r5\n";
/** A function of its own that stores at 20 places, from an address on. */
const below = (step: number): string => `f:
r3 = 20
down:
*(u8 *)(r1 + 0) = r2
r1 += ${step}
r3 += -1
if r3 != 0 goto down
r0 = 0
exit`;
const calls = (sub: string): string =>
  `*(u64 *)(r10 - 8) = 7
r6 = r1
r1 = r10
r1 += -8
r2 = 1
call f
r1 = r10
r1 += -8
r2 = *(u8 *)(r6 + 0)
call f
r0 = *(u64 *)(r10 - 8)
exit
${sub}`;

/** Bytes without and with a proof, and what comes out. */
const CASES: [name: string, source: string, without: number, proven: number, r0: bigint][] = [
  ["nothing", "r0 = 0\nexit", 0, 0, 0n],
  ["a place", `*(u64 *)(r10 - 8) = 0\n${volatile}r0 = *(u64 *)(r10 - 8)\nexit`, 8, 8, 1n],
  [
    "an index with bounds, upwards",
    `${filled(64)}\n${index(31)}\nr5 = r10\nr5 += r4\nr0 = *(u8 *)(r5 - 64)\nexit`,
    64,
    64,
    1n,
  ],
  [
    "an index with bounds, downwards",
    `${filled(64)}\n${index(31)}\nr5 = r10\nr5 += -8\nr5 -= r4\nr0 = *(u8 *)(r5 + 0)\nexit`,
    512,
    64,
    1n,
  ],
  [
    "a pointer that goes up",
    `${filled(48)}\nr3 = r10\nr3 += -48\nr0 = 0\nsum:\nr2 = *(u8 *)(r3 + 0)\nr0 += r2\nr3 += 1\nif r3 != r10 goto sum\nexit`,
    48,
    48,
    48n,
  ],
  [
    "a pointer that goes down",
    `${filled(48)}\nr3 = r10\nr3 += -1\nr4 = 20\nr0 = 0\nsum:\nr2 = *(u8 *)(r3 + 0)\nr0 += r2\nr3 += -1\nr4 += -1\nif r4 != 0 goto sum\nexit`,
    512,
    48,
    20n,
  ],
  [
    "nothing but what is proven to be there",
    "r3 = r10\nr3 += -8\nagain:\n*(u8 *)(r3 + 0) = 3\nr3 += 1\nif r3 != r10 goto again\nr0 = *(u8 *)(r10 - 5)\nexit",
    8,
    0,
    3n,
  ],
  ["others, from an address up", calls(below(0)), 8, 8, 77n],
  ["others, down from an address", calls(below(-1)), 8, 27, 77n],
];

/** A program that fills and changes `size` bytes of its frame in all ways, and gives a number of what is there then. */
function randomProgram(rng: (below: number) => number): { source: string; calls: boolean } {
  const size = 32 + 8 * rng(60);
  const lines = [
    "r6 = r1",
    `r3 = r10\nr3 += -${size}\nfill:\n*(u8 *)(r3 + 0) = 5\nr3 += 1\nif r3 != r10 goto fill`,
  ];
  let [calls, labels] = [false, 0];
  for (let n = 2 + rng(6); n > 0; n--) {
    const value = rng(256);
    const index = 1 << rng(5);
    const at = 1 + rng(size - 2 * index);
    const byIndex = `r4 = *(u8 *)(r6 + ${rng(64)})\nr4 &= ${index - 1}\nr5 = r10`;
    switch (rng(6)) {
      case 0:
        lines.push(`*(u8 *)(r10 - ${at}) = ${value}`);
        break;
      case 1:
        lines.push(`${byIndex}\nr5 += r4\n*(u8 *)(r5 - ${at + index}) = ${value}`);
        break;
      case 2:
        lines.push(`${byIndex}\nr5 += -${at}\nr5 -= r4\n*(u8 *)(r5 + 0) = ${value}`);
        break;
      case 3:
        lines.push(`${byIndex}\nr4 = -r4\nr5 += r4\n*(u8 *)(r5 - ${at}) = ${value}`);
        break;
      case 4: {
        const down = `down${labels++}`;
        lines.push(
          `r3 = r10\nr3 += -${at}\nr4 = ${index}\n${down}:\n*(u8 *)(r3 + 0) = ${value}\nr3 += -1\nr4 += -1\nif r4 != 0 goto ${down}`,
        );
        break;
      }
      default:
        calls = true;
        lines.push(`r1 = r10\nr1 += -${at}\nr2 = ${rng(2) * (at - 1) - rng(size - at)}\ncall f`);
    }
  }
  const sum = `r3 = r10\nr3 += -${size}\nr0 = 0\nsum:\nr4 = *(u8 *)(r3 + 0)\nr0 *= 31\nr0 += r4\nr3 += 1\nif r3 != r10 goto sum`;
  const f = calls
    ? ["f:\nr1 += r2\n*(u8 *)(r1 + 0) = 9\nr3 = 3\nagain:\nr3 += -1\nif r3 != 0 goto again\nr0 = 0\nexit"]
    : [];
  return { source: [...lines, sum, "exit", ...f].join("\n"), calls };
}

/** Random programs, each compiled up to nine times. */
const PROGRAMS = process.env.RUNBPF_SLOW ? 400 : 50;

describe("the frame", () => {
  test.each(CASES)("%s, without a proof", (_, source, bytes) => {
    expect(frameOf(source, { verify: false, without: ["vectorise", "block-loops"] })).toBe(bytes);
  });
  test.each(CASES)("%s, with one", (_, source, __, bytes) => {
    expect(frameOf(source, { without: ["vectorise", "block-loops"] })).toBe(bytes);
  });

  test("what a helper of the host may write", () => {
    const source = "r1 = r10\nr1 += -64\ncall 2000001\nr0 = 0\nexit";
    for (const verify of [false, true]) expect(frameOf(source, { verify })).toBe(64);
  });

  test.each(CASES)("%s: nothing else is touched", (_, source, __, ___, r0) => {
    const runtime = new Runtime();
    for (const optimize of [0, 1, 2, "s"] as const) {
      const { container } = compile(assemble(source), { raw: true, name: "test", ctx: "mem:64", optimize });
      using instance = runtime.load("test", container, { timeout: 5000 });
      expect(instance.run(new Uint8Array(64).fill(77), 64), `-O${optimize}`).toBe(r0);
    }
  });

  test("random programs find in it what they put there", () => {
    const [native, interpreter] = [new Runtime(), new Runtime({ engine: "interpret" })];
    for (let seed = 1; seed <= PROGRAMS; seed++) {
      const rng = random(seed);
      const { source, calls } = randomProgram(rng);
      const memory = Uint8Array.from({ length: 64 }, () => rng(256));
      const run = (runtime: Runtime, options: CompileOptions): string => {
        const made = compile(assemble(source), { raw: true, name: "test", ctx: "mem:64", ...options });
        using instance = runtime.load("test", made.container, { timeout: 5000 });
        return String(instance.run(memory.slice(), memory.length));
      };
      const expected = run(interpreter, { target: "bytecode" });
      for (const optimize of [0, 1, 2, "s"] as const)
        for (const verify of calls ? [true] : [true, false])
          expect(run(native, { optimize, verify }), `seed ${seed} at -O${optimize}`).toBe(expected);
    }
  });
});
