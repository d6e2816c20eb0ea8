/** Branches that the verifier decides: which go, which stay, and that no run sees a difference. */

import { describe, expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { assemble } from "../../formats/isa/bpf.ts";
import { Runtime } from "../../runtime/index.ts";
import { assembleItems } from "../diff/generate.ts";
import { memoryFor, trace } from "./soundness-check.ts";
import { generateChecked } from "./soundness-generate.ts";

/** Conditional branches of the IR as it is built. */
function choices(source: string, options: { ctx: string; verify?: boolean; optimize?: 0 | 2 }): number {
  let text = "";
  compile(assemble(source), {
    ...{ raw: true, name: "test", format: "bare", check: true },
    ...options,
    onPass: (pass, _fn, print) => {
      if (pass === "build") text += print();
    },
  });
  return text.match(/^ {2}branch /gm)?.length ?? 0;
}

const checked = (bytes: number): string =>
  `r0 = 0\nif r2 < ${bytes} goto out\nr0 = *(u64 *)(r1 + ${bytes - 8})\nout:\nexit`;
/** The second check is implied by the first one. */
const twice = `r0 = 0
if r2 < 64 goto out
r3 = *(u8 *)(r1 + 0)
r3 &= 31
r4 = r3
r4 += 8
if r4 > r2 goto out
r1 += r3
r0 = *(u64 *)(r1 + 0)
out:
exit`;

describe("decided branches", () => {
  test.each([
    ["a check of what is promised", checked(64), { ctx: "mem:64" }, 0],
    ["a check of more than that", checked(72), { ctx: "mem:64" }, 1],
    ["a check of what nobody promised", checked(64), { ctx: "mem" }, 1],
    ["a check that another one implies", twice, { ctx: "mem" }, 1],
    ["both, with a promise", twice, { ctx: "mem:64" }, 0],
    ["not at -O0", checked(64), { ctx: "mem:64", optimize: 0 }, 1],
    ["not without a proof", checked(64), { ctx: "mem:64", verify: false }, 1],
  ] as const)("%s", (_, source, options, left) => expect(choices(source, options)).toBe(left));

  test("a function that is called twice decides for both calls", () => {
    const f = "f:\nr0 = 1\nif r1 == 3 goto out\nr0 = 2\nout:\nexit";
    expect(choices(`r1 = 3\ncall f\nexit\n${f}`, { ctx: "args" })).toBe(0);
    expect(choices(`r1 = 3\ncall f\nr1 = r0\ncall f\nexit\n${f}`, { ctx: "args" })).toBe(1);
  });

  test("the loader keeps the promise", () => {
    const { container } = compile(assemble(checked(64)), { raw: true, name: "test", ctx: "mem:64" });
    using instance = new Runtime().load("test", container);
    expect(instance.run(new Uint8Array(64).fill(1), 64)).toBe(0x0101_0101_0101_0101n);
    expect(() => instance.run(new Uint8Array(63), 63)).toThrow(/64/);
  });

  test("random programs do the same with and without what the verifier knows", () => {
    const runtime = new Runtime();
    let [compared, shorter] = [0, 0];
    for (let seed = 1; seed <= 300; seed++) {
      const { items, promise } = generateChecked(seed, 24);
      const code = assembleItems(items);
      const { verdict } = trace(code, promise);
      if (!verdict.ok || !verdict.bounded) continue;
      const made = ([true, false] as const).map(
        (verify) => compile(code, { raw: true, name: "test", ctx: `mem:${promise}`, verify }).container,
      );
      if (made[0].length < made[1].length) shorter++;
      for (let k = 0; k < 4; k++) {
        const [first, second] = made.map((container) => {
          using instance = runtime.load("test", container, { timeout: 5000 });
          const memory = memoryFor(seed + 1000 * k, promise);
          return `${instance.run(memory, memory.length)} ${Buffer.from(memory).toString("hex")}`;
        });
        expect(first, `seed ${seed}`).toBe(second);
        compared++;
      }
    }
    expect(compared).toBeGreaterThan(200);
    expect(shorter).toBeGreaterThan(10);
  });
});
