/** What a program does wrong becomes a JavaScript error, and the process goes on. */

import { describe, expect, it } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { assemble } from "../../formats/isa/bpf.ts";
import { Fault, type Helper, InputError, type LoadOptions, RunError, Runtime } from "../../runtime/index.ts";
import { FAULTS } from "./guard-cases.ts";

const runtime = new Runtime({ output: () => {} });
let count = 0;
function program(text: string, options: LoadOptions = {}) {
  const { container, debug } = compile(assemble(text), {
    raw: true,
    name: "guard",
    ctx: "args",
    verify: false,
  });
  return runtime.load(`guard${count++}`, container, { debug, ...options });
}

function failure(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error("it returned");
}

describe("faults", () => {
  it.each(FAULTS)("%s", (_, code, expected, text) => {
    using instance = program(code, { timeout: 40 });
    const error = failure(() => instance.run()) as Fault;
    expect(error).toBeInstanceOf(Fault);
    expect(error.code).toBe(expected);
    expect(error.message).toMatch(text);
    // The same instance can run again, and fails the same way.
    expect((failure(() => instance.run()) as Fault).code).toBe(expected);
  });

  it("tell signal, address and place as data", () => {
    using instance = program("r1 = 64\nr0 = *(u32 *)(r1 + 0)\nexit");
    const error = failure(() => instance.run()) as Fault;
    expect([error.signal, error.address, error.place.function]).toEqual(["SIGSEGV", 64n, "main"]);
    expect(error.place.offset).toBeGreaterThanOrEqual(0);
  });

  it("leave callee-saved registers and the caller's stack as they were", () => {
    using bad = program(
      "r6 = 1\nr7 = 2\nr8 = 3\nr9 = 4\ncall f\nexit\nf:\nr6 = 9\nr7 = 9\nr8 = 9\nr9 = 9\nr1 = 0\nr0 = *(u8 *)(r1 + 0)\nr0 += r6\nr0 += r7\nr0 += r8\nr0 += r9\nexit",
    );
    for (let i = 0; i < 10_000; i++) expect(failure(() => bad.run())).toBeInstanceOf(Fault);
  });

  it("a loop that calls helpers times out too", () => {
    const helper: Helper = () => 1;
    using instance = program("l:\ncall 3000001\nif r0 != 0 goto l\nexit", {
      timeout: 40,
      helpers: { 3000001: helper },
    });
    expect((failure(() => instance.run()) as Fault).code).toBe("ERR_RUNBPF_TIMEOUT");
  });
});

describe("helpers", () => {
  it("get and give 64-bit values", () => {
    const seen: unknown[] = [];
    const helpers = {
      3000001: (_: unknown, a: unknown, b: unknown) => {
        seen.push(a, b);
        return -2n;
      },
    };
    using instance = program("r1 = -1\nr2 = 5\ncall 3000001\nexit", { helpers });
    expect(instance.run()).toBe(2n ** 64n - 2n);
    expect(seen).toEqual([2n ** 64n - 1n, 5]);
  });

  it("that throw end the guest at once; the caller gets the very exception", () => {
    let calls = 0;
    const mine = new TypeError("mine");
    const helpers = {
      3000001: () => {
        calls++;
        throw mine;
      },
    };
    using instance = program("call 3000001\ncall 3000001\nr0 = 1\nexit", { helpers });
    expect(failure(() => instance.run())).toBe(mine);
    expect(calls).toBe(1);
  });

  it("may run other programs, whose failures stay theirs", () => {
    using inner = program("r1 = 0\nr0 = *(u8 *)(r1 + 0)\nexit");
    using outer = program("r6 = 5\ncall 3000001\nr0 += r6\nexit", {
      helpers: {
        3000001: () => {
          expect(failure(() => inner.run())).toBeInstanceOf(Fault);
          return 37;
        },
      },
    });
    expect(outer.run()).toBe(42n);
  });

  it("may call back into the program", () => {
    using instance = program(
      "r1 = f ll\ncall 3000001\nexit\nf:\nr0 = r1\nr0 *= r2\nexit".replace(
        "r1 = f ll",
        "ld_pseudo r1, 0x4, 0x3",
      ),
      {
        helpers: { 3000001: (ctx, fn) => ctx.call(fn, 6, 7) },
      },
    );
    expect(instance.run()).toBe(42n);
  });

  it("see a bad address as an error of the program", () => {
    using instance = program("r1 = 16\ncall 1000051\nexit");
    expect(failure(() => instance.run())).toBeInstanceOf(RunError);
  });

  it("exit ends the program with its result", () => {
    using instance = program("r1 = 7\ncall 1000105\nr0 = 1\nexit");
    expect(instance.run()).toBe(7n);
  });
});

describe("imports", () => {
  const code = compile(assemble("call 2000005\nr1 = 1\ncall 1000051\nexit"), {
    raw: true,
    name: "imports",
    verify: false,
  }).container;
  const helpers = { 2000005: { name: "reading", call: () => 1 } };
  const refused: [string, ConstructorParameters<typeof Runtime>[0], string, RegExp][] = [
    ["a missing helper", {}, "ERR_RUNBPF_HELPER", /helper 2000005, which is missing/],
    [
      "a denied id",
      { helpers, deny: [1000051] },
      "ERR_RUNBPF_DENIED",
      /helper 1000051 \(puts\), which is denied/,
    ],
    ["a denied range", { helpers, deny: ["user"] }, "ERR_RUNBPF_DENIED", /helper 2000005/],
    ["a denied name", { helpers, deny: ["puts"] }, "ERR_RUNBPF_DENIED", /puts/],
    ["what allow leaves out", { helpers, allow: ["user"] }, "ERR_RUNBPF_DENIED", /puts/],
  ];

  it.each(refused)("refuses %s", (_, options, errorCode, text) => {
    const error = failure(() => new Runtime(options).load("x", code)) as InputError;
    expect(error).toBeInstanceOf(InputError);
    expect(error.code).toBe(errorCode);
    expect(error.message).toMatch(text);
  });

  it("takes what is allowed", () => {
    const allowed = new Runtime({ helpers, allow: ["reading", "sys"], output: () => {} });
    expect(allowed.load("x", code).programs.length).toBe(1);
  });
});
