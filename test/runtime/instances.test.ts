/** Names, replacing, sharing an image, data of its own, and nothing left behind. */

import { describe, expect, it } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { assemble } from "../../formats/isa/bpf.ts";
import { InputError, Runtime } from "../../runtime/index.ts";
import { makeCounter } from "./objects.ts";

const code = (text: string) =>
  compile(assemble(text), { raw: true, name: "test", ctx: "args", verify: false }).container;
const one = code("r0 = 1\nexit");
const two = code("r0 = 2\nexit");

describe("named instances", () => {
  it("load, replace, unload", () => {
    const runtime = new Runtime();
    expect(runtime.load("a", one).run()).toBe(1n);
    expect(runtime.load("b", two).run()).toBe(2n);
    expect(runtime.replace("a", two).run()).toBe(2n);
    expect([...runtime.instances.keys()]).toEqual(["a", "b"]);
    runtime.unload("a");
    expect([...runtime.instances.keys()]).toEqual(["b"]);
    runtime.unloadAll();
    expect(runtime.instances.size).toBe(0);
  });

  it("refuse a taken name, an unknown name and a run after unloading", () => {
    const runtime = new Runtime();
    const instance = runtime.load("a", one);
    expect(() => runtime.load("a", one)).toThrow(/a: expected a name that is free/);
    expect(() => runtime.unload("b")).toThrow(/b: expected an instance \(a\)/);
    expect(() => runtime.replace("b", one)).toThrow(InputError);
    runtime.unload("a");
    expect(() => instance.run()).toThrow(/expected a loaded instance/);
  });

  it("keep the old version when the new one cannot be loaded", () => {
    const runtime = new Runtime();
    runtime.load("a", one);
    expect(() => runtime.replace("a", two.subarray(0, 20))).toThrow(InputError);
    expect(runtime.instances.get("a")!.run()).toBe(1n);
  });

  it("may be replaced by a helper that they called: the running call ends in the old version", () => {
    const runtime = new Runtime();
    const caller = code("call 3000001\nr0 = 10\nexit");
    const first = runtime.load("a", caller, { helpers: { 3000001: () => void runtime.replace("a", two) } });
    expect(first.run()).toBe(10n);
    expect(first.loaded).toBe(false);
    expect(runtime.instances.get("a")!.run()).toBe(2n);
  });

  it("are disposed of at the end of a block", () => {
    const runtime = new Runtime();
    {
      using instance = runtime.load("a", one);
      expect(instance.run()).toBe(1n);
    }
    expect(runtime.instances.size).toBe(0);
  });
});

describe("instances of one image", () => {
  it("share code and have data of their own", () => {
    const runtime = new Runtime();
    const image = runtime.image(makeCounter());
    const a = runtime.load("a", image);
    const b = runtime.load("b", image);
    expect([a.run(), a.run(), b.run(), a.run()]).toEqual([101n, 102n, 101n, 103n]);
    image[Symbol.dispose]();
    expect(b.run()).toBe(102n);
    expect(new DataView(b.data.buffer, b.data.byteOffset).getUint32(0, true)).toBe(102);
    runtime.unloadAll();
  });
});

describe("calls", () => {
  it("take numbers, bigints and bytes", () => {
    const runtime = new Runtime();
    const sum = runtime.load("sum", code("r0 = r1\nr0 += r2\nr0 += r3\nr0 += r4\nr0 += r5\nexit"));
    expect(sum.run(1, 2n, 3, 4, 5)).toBe(15n);
    expect(sum.run(-1)).toBe(2n ** 64n - 1n);
    expect(sum.run(2n ** 64n - 1n, 2)).toBe(1n);
    expect(sum.run(2 ** 53, 1)).toBe(2n ** 53n + 1n);
    const first = runtime.load("first", code("r0 = *(u8 *)(r1 + 0)\nr2 = 9\n*(u8 *)(r1 + 1) = r2\nexit"));
    const bytes = Uint8Array.of(7, 0);
    expect(first.run(bytes, 2)).toBe(7n);
    expect([...bytes]).toEqual([7, 9]);
  });

  it("pass a command its arguments", () => {
    const runtime = new Runtime();
    const command = compile(
      assemble("r0 = *(u64 *)(r2 + 8)\nr0 = *(u8 *)(r0 + 1)\nr0 <<= 8\nr0 |= r1\nexit"),
      { raw: true, name: "c", ctx: "cmd", verify: false },
    );
    expect(runtime.load("c", command.container).runCommand(["name", "xyz"])).toBe((121n << 8n) | 2n);
  });
});

describe("what an instance had", () => {
  it("is free again: 20 000 loads and unloads need no more memory than the first ones", () => {
    const runtime = new Runtime({ output: () => {} });
    const container = makeCounter();
    const cycle = (times: number) => {
      for (let i = 0; i < times; i++) {
        runtime.load("a", container).run();
        runtime.unload("a");
      }
    };
    cycle(2000);
    const before = process.memoryUsage().rss;
    cycle(20_000);
    // A leak of one page each would be 80 MB.
    expect(process.memoryUsage().rss - before).toBeLessThan(40e6);
  });
});
