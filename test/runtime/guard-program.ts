/** The guard's cases as a program, for a Node of another architecture under emulation: prints one line a case. */

import { compile } from "../../compiler/compile.ts";
import type { Arch } from "../../formats/container.ts";
import { assemble } from "../../formats/isa/bpf.ts";
import { type Helper, type LoadOptions, Runtime } from "../../runtime/index.ts";
import { FAULTS } from "./guard-cases.ts";

const runtime = new Runtime({ output: () => {} });

function load(code: string, options: LoadOptions = {}) {
  const target = process.arch as Arch;
  const { container, debug } = compile(assemble(code), {
    raw: true,
    name: "guard",
    ctx: "args",
    target,
    verify: false,
  });
  return runtime.load(`guard${runtime.instances.size}`, container, { debug, timeout: 500, ...options });
}

function outcome(run: () => bigint): string {
  try {
    return `returned ${run()}`;
  } catch (error) {
    const { code, message } = error as Error & { code?: string };
    return `${code} ${message}`;
  }
}

const say = (name: string, ok: boolean, got: string) => console.log(`${ok ? "ok" : "WRONG"} ${name}: ${got}`);

for (const [name, code, expected, text] of FAULTS) {
  const instance = load(code);
  for (let round = 0; round < 3; round++) {
    const got = outcome(() => instance.run());
    say(name, got.startsWith(expected) && text.test(got), got);
  }
}
const helpers: Record<number, Helper> = {
  3000001: (_, a) => Number(a) * 2,
  3000002: (ctx, fn) => ctx.call(fn, 6, 7),
  3000003: () => {
    throw new TypeError("mine");
  },
};
const results: [string, string, string][] = [
  ["a helper", "r1 = 21\ncall 3000001\nexit", "returned 42"],
  ["a callback", "ld_pseudo r1, 0x4, 0x3\ncall 3000002\nexit\nf:\nr0 = r1\nr0 *= r2\nexit", "returned 42"],
  ["a helper that throws", "call 3000003\nr0 = 1\nexit", "undefined mine"],
  ["exit", "r1 = 7\ncall 1000105\nr0 = 1\nexit", "returned 7"],
  ["missing arguments are 0", "r0 = r1\nr0 += r2\nr0 += r3\nr0 += r4\nr0 += r5\nexit", "returned 0"],
  [
    "memset, memcpy, memcmp",
    "r1 = r10\nr1 += -64\nr2 = 7\nr3 = 40\ncall 1000301\nr1 = r10\nr1 += -120\nr2 = r10\nr2 += -64\nr3 = 40\ncall 1000300\nr1 = r10\nr1 += -120\nr2 = r10\nr2 += -64\nr3 = 40\ncall 1000303\nr1 = *(u8 *)(r10 - 81)\nr0 += r1\nexit",
    "returned 7",
  ],
]; // prettier-ignore
for (const [name, code, expected] of results) {
  const got = outcome(() => load(code, { helpers }).run());
  say(name, got === expected, got);
}
