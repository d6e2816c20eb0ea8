/** What verification assumed, the runtime insists on: memory with its length, its least size, proofs that a host requires. */

import { describe, expect, test } from "vitest";
import { type CompileOptions, compile } from "../../compiler/compile.ts";
import { LAYOUTS, parseLayout } from "../../formats/contexts.ts";
import { assemble } from "../../formats/isa/bpf.ts";
import { Runtime } from "../../runtime/index.ts";

const made = (text: string, options: CompileOptions = {}) =>
  compile(assemble(text), { raw: true, name: "test", ...options }).container;

const FIRST = "if r2 == 0 goto +2\nr0 = *(u8 *)(r1 + 0x0)\nexit\nr0 = 0\nexit";
const EIGHT = "r0 = *(u64 *)(r1 + 0x0)\nexit";
const COUNT = "r0 = 0\nr0 += 1\nr1 -= 1\nif r1 != 0 goto -0x3\nexit";

const code = (work: () => unknown): string | undefined => {
  try {
    work();
    return undefined;
  } catch (error) {
    return (error as { code?: string }).code;
  }
};

describe.each(["native", "interpret"] as const)("%s", (engine) => {
  const load = (container: Uint8Array, options = {}) =>
    new Runtime({ engine, ...options }).load("test", container);
  const build = (text: string, options = {}) =>
    engine === "native"
      ? made(text, options)
      : compile(assemble(text), { raw: true, name: "test", target: "bytecode", ...options }).container;

  test("memory comes with its length", () => {
    using instance = load(build(FIRST));
    const memory = new Uint8Array([7, 8]);
    expect(instance.run(memory, 2)).toBe(7n);
    expect(instance.runProgram(0, memory, 2n)).toBe(7n);
    for (const wrong of [
      () => instance.run(memory, 3),
      () => instance.run(memory, 1),
      () => instance.run(memory, memory),
      () => instance.run(memory, 2.5),
      () => instance.run(4096, 8),
      () => instance.run(),
      () => instance.runProgram(0, 4096n, 8),
    ])
      expect(code(wrong)).toBe("ERR_RUNBPF_CONTRACT");
  });

  test("without a proof it is the caller's business", () => {
    using instance = load(build(FIRST, { verify: false }));
    expect(instance.run(new Uint8Array([7, 8]), 1)).toBe(7n);
  });

  test("a promised size holds", () => {
    expect(code(() => build(EIGHT))).toBe("ERR_RUNBPF_VERIFY");
    using instance = load(build(EIGHT, { ctx: "mem:8" }));
    expect(instance.run(new Uint8Array(8).fill(1), 8)).toBe(0x0101010101010101n);
    expect(code(() => instance.run(new Uint8Array(7), 7))).toBe("ERR_RUNBPF_CONTRACT");
  });

  test("a command line has argv[0], and a null behind its last argument", () => {
    const second = "r0 = *(u64 *)(r2 + 0x8)\nif r0 == 0 goto +1\nr0 = *(u8 *)(r0 + 0x0)\nexit";
    using instance = load(build(second, { ctx: "cmd" }));
    expect(instance.runCommand(["name", "A"])).toBe(65n);
    expect(instance.runCommand(["name"])).toBe(0n);
    for (const wrong of [
      () => instance.runCommand([]),
      () => instance.run(),
      () => instance.run(1),
      () => instance.run(-1, 4096),
      () => instance.run(Number.NaN, 4096),
      () => instance.run(1, new Uint8Array(15)),
    ])
      expect(code(wrong)).toBe("ERR_RUNBPF_CONTRACT");
    expect(instance.run(1, new Uint8Array(16))).toBe(0n);
  });

  test("a context has its size, and a packet the bytes that it can have", () => {
    using instance = load(build("r0 = *(u32 *)(r1 + 0xc)\nr0 &= 3\nexit", { ctx: "xdp" }));
    const { size } = LAYOUTS.xdp;
    const context = (data: number, end: number, meta = data) => {
      const bytes = new Uint8Array(size);
      for (const [k, address] of [data, end, meta].entries())
        new DataView(bytes.buffer).setBigUint64(8 * k, BigInt(address), true);
      bytes[24 + 12] = 2;
      return bytes;
    };
    expect(instance.run(context(4096, 4096 + 65_535))).toBe(2n);
    for (const wrong of [
      () => instance.run(),
      () => instance.run(new Uint8Array(size - 1)),
      () => instance.run(context(4096, 4096 + 65_536)),
      () => instance.run(context(4096, 4095)),
      () => instance.run(context(4096, 4097, 4097)),
    ])
      expect(code(wrong)).toBe("ERR_RUNBPF_CONTRACT");
  });

  test("an embedder's context has its size", () => {
    const field = { name: "value", offset: 8, size: 8 };
    const layouts = [parseLayout({ name: "sensor", kind: 200, size: 16, fields: [field] }, "sensor")];
    const options = { ctx: "sensor", limits: { layouts } };
    using instance = load(build("r0 = *(u64 *)(r1 + 0x8)\nexit", options));
    expect(instance.programs[0].contract).toMatchObject({ context: 200, memory: 16 });
    expect(instance.run(new Uint8Array(16).fill(1))).toBe(0x0101010101010101n);
    expect(code(() => instance.run(new Uint8Array(15)))).toBe("ERR_RUNBPF_CONTRACT");
    expect(code(() => instance.run())).toBe("ERR_RUNBPF_CONTRACT");
  });

  test("proofs that a host requires", () => {
    const bounded = build("r0 = 0\nexit", { ctx: "args" });
    const unbounded = build(COUNT, { ctx: "args" });
    const unverified = build("r0 = 0\nexit", { ctx: "args", verify: false });
    const verdicts = (options: object) =>
      [bounded, unbounded, unverified].map((container) =>
        code(() => load(container, options)[Symbol.dispose]()),
      );
    const refused = "ERR_RUNBPF_CONTRACT";
    expect(verdicts({})).toEqual([undefined, undefined, undefined]);
    expect(verdicts({ requireVerified: true })).toEqual([undefined, undefined, refused]);
    expect(verdicts({ requireBounded: true })).toEqual([undefined, refused, refused]);
  });
});
