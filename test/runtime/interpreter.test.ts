/** The interpreter's own manners: exact bounds, faults that name the region, fuel, hostile bytecode. */

import { describe, expect, it } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { writeBare } from "../../formats/bare.ts";
import { assemble } from "../../formats/isa/bpf.ts";
import { readContainer } from "../../formats/read.ts";
import { Fault, InputError, type LoadOptions, Runtime } from "../../runtime/index.ts";

const bytecode = (text: string) =>
  compile(assemble(text), { raw: true, name: "test", target: "bytecode", ctx: "args", verify: false });

function load(text: string, options: LoadOptions = {}, maxInstructions?: number) {
  const runtime = new Runtime({ engine: "interpret", maxInstructions, output: () => {} });
  const { container, debug } = bytecode(text);
  return runtime.load("test", container, { debug, ...options });
}

function failure(run: () => unknown): Error & { code?: string } {
  try {
    run();
  } catch (error) {
    return error as Error;
  }
  throw new Error("it returned");
}

describe("every access is checked", () => {
  const memory = (text: string) => () => load(text).run(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), 8);
  const cases: [name: string, code: string, text: RegExp][] = [
    [
      "a null pointer",
      "r1 = 0\nr0 = *(u8 *)(r1 + 0)\nexit",
      /a read of 1 byte at address 0x0, where no memory is$/,
    ],
    [
      "one byte past the memory",
      "r0 = *(u8 *)(r1 + 8)\nexit",
      /a read of 1 byte at memory \+ 8, which has 8 bytes$/,
    ],
    [
      "the last byte of eight past the memory",
      "r0 = *(u64 *)(r1 + 1)\nexit",
      /a read of 8 bytes at memory \+ 1/,
    ],
    ["one byte before the memory", "r0 = *(u8 *)(r1 - 1)\nexit", /a read of 1 byte at/],
    [
      "the stack's end",
      "*(u8 *)(r10 + 0) = 1\nr0 = 0\nexit",
      /instruction|a write of 1 byte at stack \+ 512, which has 512 bytes$/,
    ],
    ["below the stack", "r2 = r10\nr2 += -513\n*(u8 *)(r2 + 0) = 1\nr0 = 0\nexit", /a write of 1 byte/],
    [
      "a caller's frame by arithmetic",
      "call f\nexit\nf:\nr2 = r10\nr2 += 8\n*(u64 *)(r2 + 0) = 1\nr0 = 0\nexit",
      /stack of call 1 \+ 520, which has 512 bytes$/,
    ],
    [
      "an atomic past the memory",
      "r2 = 1\nlock *(u64 *)(r1 + 4) += r2\nr0 = 0\nexit",
      /a write of 8 bytes at memory \+ 4/,
    ],
    [
      "a wild call",
      "r2 = 0x123456789000 ll\ncallx r2\nexit",
      /a call of address 0x123456789000, where no function begins$/,
    ],
    [
      "a helper's argument",
      "r1 = 16\ncall 1000051\nexit",
      /a read of 0 bytes at address 0x10, where no memory is$/,
    ],
  ]; // prettier-ignore

  it.each(cases)("%s", (_, code, text) => {
    const error = failure(memory(code));
    expect(error).toBeInstanceOf(Fault);
    expect(error.code).toBe("ERR_RUNBPF_FAULT");
    expect(error.message).toMatch(/^test in \S+ at code\+0x/);
    expect(error.message).toMatch(text);
  });

  it("and pointers that leave a region and come back are fine", () => {
    const code = "r1 += -16\nr0 = *(u8 *)(r1 + 18)\nr1 += 100\nr2 = *(u8 *)(r1 - 84)\nr0 += r2\nexit";
    expect(memory(code)()).toBe(4n);
  });
});

describe("limits", () => {
  it("of instructions", () => {
    const error = failure(() => load("l:\nr1 += 1\ngoto l\nexit", {}, 1000).run());
    expect(error.code).toBe("ERR_RUNBPF_TIMEOUT");
    expect(error.message).toMatch(/the limit of instructions is reached$/);
    expect(load("r0 = 3\nexit", {}, 2).run()).toBe(3n);
  });

  it("of time", () => {
    expect(failure(() => load("l:\nr1 += 1\ngoto l\nexit", { timeout: 30 }).run()).code).toBe(
      "ERR_RUNBPF_TIMEOUT",
    );
  });

  it("of calls", () => {
    expect(failure(() => load("call f\nexit\nf:\ncall f\nexit").run()).code).toBe("ERR_RUNBPF_STACK");
  });
});

describe("helpers", () => {
  it("may call back, throw, and exit", () => {
    const helpers = {
      3000001: (ctx: { call(fn: unknown, a: number): bigint }, fn: unknown) => ctx.call(fn, 20) + 1n,
    };
    const callback = "ld_pseudo r1, 0x4, 0x3\ncall 3000001\nexit\nf:\nr0 = r1\nr0 += r0\nexit";
    expect(load(callback, { helpers: helpers as never }).run()).toBe(41n);
    const mine = new TypeError("mine");
    const throwing = {
      3000001: () => {
        throw mine;
      },
    }; // prettier-ignore
    const program = load("call 3000001\nexit", { helpers: throwing });
    expect(failure(() => program.run())).toBe(mine);
    expect(failure(() => program.run())).toBe(mine);
    expect(load("r1 = 9\ncall 1000105\nr0 = 1\nexit").run()).toBe(9n);
  });

  it("allocate memory with bounds", () => {
    const write = (off: number) =>
      `r1 = 8\ncall 1000001\n*(u8 *)(r0 + ${off}) = 5\nr0 = *(u8 *)(r0 + ${off})\nexit`;
    expect(load(write(7)).run()).toBe(5n);
    expect(failure(() => load(write(8)).run()).message).toMatch(/allocated memory \+ 8, which has 8 bytes$/);
    const freed = "r1 = 8\ncall 1000001\nr6 = r0\nr1 = r0\ncall 1000002\nr0 = *(u8 *)(r6 + 0)\nexit";
    expect(failure(() => load(freed).run()).message).toMatch(/where no memory is$/);
  });
});

describe("hostile bytecode", () => {
  const runtime = new Runtime({ engine: "interpret" });
  const patched = (text: string, patch: (code: Uint8Array) => void) => {
    const made = readContainer(bytecode(text).container, "x");
    const code = made.code.slice();
    patch(code);
    const programs = [{ ...made.programs[0], name: "", hook: "" }];
    return writeBare({ ...made, format: "bare", code, programs, symbols: [], debug: undefined });
  };
  const cases: [name: string, file: Uint8Array, text: RegExp][] = [
    [
      "falls off the end",
      patched("r0 = 1\nexit", (c) => (c[8] = 0xb7)),
      /expected an instruction, got the end of the code/,
    ],
    [
      "jumps out",
      patched("goto a\na:\nexit", (c) => (c[2] = 50)),
      /expected an instruction, got the end of the code/,
    ],
    ["an unknown opcode", patched("r0 = 1\nexit", (c) => (c[0] = 0xff)), /expected an eBPF instruction/],
    [
      "calls what it does not import",
      patched("call 7\nexit", (c) => (c[4] = 5)),
      /expected a call of a helper of the import list, got helper 5/,
    ],
    [
      "data that is not there",
      patched("r1 = 5 ll\nexit", (c) => (c[1] = 0x61)),
      /expected the slot of the data block/,
    ],
    [
      "a map",
      patched("r1 = 5 ll\nexit", (c) => (c[1] = 0x11)),
      /expected a constant, data, a map or a function/,
    ],
  ]; // prettier-ignore

  it.each(cases)("%s", (_, file, text) => {
    const error = failure(() => runtime.load("x", file));
    expect(error).toBeInstanceOf(InputError);
    expect(error.message).toMatch(text);
  });

  it("random code ends in an error or returns", () => {
    let seed = 12345;
    const next = () => (seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff) >> 8;
    const limited = new Runtime({ engine: "interpret", maxInstructions: 10_000, output: () => {} });
    for (let i = 0; i < 2000; i++) {
      const file = patched("r0 = 1\nr1 = 2\nr2 = 3\nr3 = 4\nr4 = 5\nr5 = 6\nr6 = 7\nexit", (code) => {
        for (let k = 0; k < 6; k++) code[next() % (code.length - 8)] = next();
      });
      try {
        using instance = limited.load("random", file);
        instance.run(Uint8Array.of(1, 2, 3, 4));
      } catch (error) {
        if (!(error instanceof InputError || error instanceof Fault)) throw error;
      }
    }
  });
});
