/** Programs made for Linux's contexts run over ours: packet pointers of 32 bits become 64, other fields move. */

import { describe, expect, test } from "vitest";
import { adapt } from "../../compiler/adapt.ts";
import { compile } from "../../compiler/compile.ts";
import { linkRaw } from "../../compiler/link.ts";
import { verify } from "../../compiler/verify/verify.ts";
import { LAYOUTS } from "../../formats/contexts.ts";
import { assemble, print } from "../../formats/isa/bpf.ts";
import type { EngineInstance } from "../../runtime/engine/engine.ts";
import { Runtime } from "../../runtime/index.ts";

/** What becomes of a program of one context. */
function adapted(ctx: string, text: string): string[] {
  const program = linkRaw(assemble(text), "test");
  const verdicts = verify(program, { ctx });
  expect(verdicts[0].refusal).toBe(undefined);
  return adapt(program, verdicts).functions[0].insns.map((insn) => print(insn));
}

describe("instructions", () => {
  test("xdp: pointers widen, fields move behind our three", () => {
    const text = "r2 = *(u32 *)(r1 + 0)\nr3 = *(u32 *)(r1 + 4)\nr0 = *(u32 *)(r1 + 12)\nr0 &= 1\nexit";
    expect(adapted("xdp", text).slice(0, 3)).toEqual([
      "r2 = *(u64 *)(r1 + 0x0)",
      "r3 = *(u64 *)(r1 + 0x8)",
      "w0 = *(u32 *)(r1 + 0x24)",
    ]);
  });

  test("skb: pointers, parts of a field, stores", () => {
    const text =
      "r2 = *(u32 *)(r1 + 76)\nr3 = *(u32 *)(r1 + 80)\nr0 = *(u8 *)(r1 + 1)\n*(u32 *)(r1 + 8) = r0\nr0 = 0\nexit";
    expect(adapted("skb", text).slice(0, 4)).toEqual([
      "r2 = *(u64 *)(r1 + 0x0)",
      "r3 = *(u64 *)(r1 + 0x8)",
      "w0 = *(u8 *)(r1 + 0x19)",
      "*(u32 *)(r1 + 0x20) = w0",
    ]);
  });

  test("our own layout stays as it is", () => {
    const text = "r2 = *(u64 *)(r1 + 0)\nr3 = *(u64 *)(r1 + 8)\nr0 = 0\nexit";
    expect(adapted("xdp", text)).toEqual(
      linkRaw(assemble(text), "test").functions[0].insns.map((i) => print(i)),
    );
  });

  test("an instruction that accesses the context on one path alone is refused", () => {
    const text =
      "*(u64 *)(r10 - 8) = 0\nr2 = *(u32 *)(r1 + 12)\nif r2 == 0 goto +2\nr1 = r10\nr1 += -8\nr0 = *(u32 *)(r1 + 0)\nr0 = 0\nexit";
    expect(verify(linkRaw(assemble(text), "test"), { ctx: "xdp" })[0].refusal?.rule).toBe("context-pointer");
  });
});

const PARSE = `
  r2 = *(u32 *)(r1 + 0)
  r3 = *(u32 *)(r1 + 4)
  r4 = *(u32 *)(r1 + 16)
  r5 = r2
  r5 += 2
  r0 = 1
  if r5 > r3 goto out
  r0 = *(u8 *)(r2 + 1)
  r0 += r4
  r0 &= 3
out:
  exit`;

describe.each(["native", "interpret"] as const)("%s", (engine) => {
  const target = engine === "native" ? undefined : "bytecode";
  const container = compile(assemble(PARSE), {
    raw: true,
    name: "parse",
    ctx: "xdp",
    ...(target && { target }),
  });

  /** Runs over a packet, as a host of context xdp does. */
  function run(packet: number[], queue: number): bigint {
    using instance = new Runtime({ engine }).load("parse", container.container);
    const { memory } = (instance as unknown as { engine: EngineInstance }).engine;
    const { size } = LAYOUTS.xdp;
    const at = memory.alloc(size + packet.length);
    const bytes = new Uint8Array(size + packet.length);
    const view = new DataView(bytes.buffer);
    view.setBigUint64(0, BigInt(at) + BigInt(size), true);
    view.setBigUint64(8, BigInt(at) + BigInt(bytes.length), true);
    view.setUint32(LAYOUTS.xdp.fields.find(({ name }) => name === "rx_queue_index")!.at, queue, true);
    bytes.set(packet, size);
    memory.write(at, bytes);
    return instance.run(at);
  }

  test("reads the packet and a field", () => {
    expect(run([9, 2], 0)).toBe(2n);
    expect(run([9, 2], 1)).toBe(3n);
    expect(run([9], 0)).toBe(1n);
  });
});
