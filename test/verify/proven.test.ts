/** Numbers that the verifier proves: which operations they spare, and where they must not. */

import { describe, expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { assemble } from "../../formats/isa/bpf.ts";
import { Runtime } from "../../runtime/index.ts";

/** The IR after all passes. */
function compiled(source: string, verify: boolean, optimize: 0 | 2 = 2): string {
  const texts = new Map<string, string>();
  compile(assemble(source), {
    ...{ raw: true, name: "test", format: "bare", check: true, ctx: "mem:64", verify, optimize },
    onPass: (_pass, fn, print) => texts.set(fn.name, print()),
  });
  return [...texts.values()].join("\n");
}

/** r3 is below 100 where `after` begins; what it leaves in r0 is the result. */
const below = (after: string): string =>
  `r3 = *(u64 *)(r1 + 0)
r4 = *(u64 *)(r1 + 8)
r0 = 0
if r3 > 99 goto out
${after}
out:
exit`;

describe("proven numbers", () => {
  test.each([
    ["a mask of what a branch bounds", below("r0 = r3\nr0 += 5\nr0 &= 127"), /= and /],
    ["an extension of what a branch bounds", below("r0 = r3\nr0 *= 3\nw0 = w0"), /= trunc/],
    [
      "a mask of what is read back from the stack",
      below(
        "*(u64 *)(r10 - 8) = r3\nr5 = r10\nr5 += -16\nr4 &= 8\nr5 += r4\nr0 = *(u64 *)(r10 - 8)\nr0 += 1\n*(u64 *)(r5 + 0) = r0\nr0 &= 127",
      ),
      /= and .* 127/,
    ],
    [
      "a signed shift of what has no sign",
      below("r0 = r3\nr0 -= 100\nr0 += 100\nr0 *= r0\nr0 s>>= 3"),
      /= ashr/,
    ],
    ["a signed division", below("r0 = r3\nr0 += 1\nr4 &= 7\nr4 += 1\nr0 s/= r4"), /= sdiv/],
    ["a wide division", below("r0 = r3\nr0 += 1\nr4 &= 7\nr4 += 1\nr0 /= r4"), /: i64 = udiv /],
    [
      "what is the same on all paths",
      "r3 = *(u64 *)(r1 + 0)\nr0 = 3\nif r3 != 7 goto out\nr0 = r3\nr0 += 1\nout:\nexit",
      /= add/,
    ],
  ])("%s", (_, source, operation) => {
    expect(compiled(source, true)).not.toMatch(operation);
    expect(compiled(source, false)).toMatch(operation);
    expect(compiled(source, true, 0)).toMatch(operation);
  });

  test("a value that is bounded on one way only keeps its mask on the other", () => {
    const source =
      "r3 = *(u64 *)(r1 + 0)\nr0 = r3\nr0 += 1\nif r3 > 99 goto out\nr0 = r3\nr0 += 1\nr0 &= 127\nexit\nout:\nr0 &= 127\nexit";
    const { container } = compile(assemble(source), { raw: true, name: "test", ctx: "mem:64" });
    using instance = new Runtime().load("test", container);
    for (const [given, result] of [
      [5, 6n],
      [99, 100n],
      [200, 73n],
      [255, 0n],
    ] as const) {
      const memory = new Uint8Array(64);
      memory[0] = given;
      expect(instance.run(memory, 64)).toBe(result);
    }
  });
});
