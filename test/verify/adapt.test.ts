/** Programs made for Linux's contexts run over ours: packet pointers of 32 bits become 64, other fields move. */

import { describe, expect, test } from "vitest";
import { hostArch } from "../../cli/open.ts";
import { adapt } from "../../compiler/adapt.ts";
import { compile } from "../../compiler/compile.ts";
import { linkRaw } from "../../compiler/link.ts";
import { verify } from "../../compiler/verify/verify.ts";
import { LAYOUTS } from "../../formats/contexts.ts";
import { assemble, print } from "../../formats/isa/bpf.ts";
import type { EngineInstance } from "../../runtime/engine/engine.ts";
import { Runtime } from "../../runtime/index.ts";
import { bpfObject } from "../compile/agree.ts";
import { scratchFile, skip } from "../device-tools.ts";

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

const HEADER = `
typedef unsigned char u8; typedef unsigned int u32;
#define SEC(name) __attribute__((section(name), used))
struct xdp_md { u32 data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex; };
struct __sk_buff { u32 len, pkt_type, mark, queue_mapping, protocol; };
static __attribute__((noinline)) u32 third(u32 *words) { return words[4]; }
`;
const XDP = `SEC("xdp/x") int x(struct xdp_md *ctx) { return third((u32 *)ctx) & 3; }\n`;
const SKB = `SEC("tc/s") int s(struct __sk_buff *ctx) { return third((u32 *)ctx) & 3; }\n`;
const ARGS = `SEC("test/a") int a(u32 n) { u32 words[5] = { 1, 2, 3, 4, n }; return third(words); }\n`;

describe.skipIf(skip("clang-19"))("a function of several programs", () => {
  const objectOf = (text: string) => bpfObject("clang-19", scratchFile("shared.c", HEADER + text), ["-O2"]);
  const programs = (text: string, program?: string) =>
    compile(objectOf(text), { program, name: "shared.o", target: "bytecode" }).report.programs.map(
      ({ name }) => name,
    );

  test("whose contexts have the field at one place", () => {
    expect(programs(XDP + SKB)).toEqual(["x", "s"]);
  });

  test("of which one has no context there", () => {
    expect(() => programs(XDP + ARGS)).toThrow("programs with different contexts share");
    expect(() => programs(ARGS + XDP)).toThrow("programs with different contexts share");
    expect(programs(XDP + ARGS, "x")).toEqual(["x"]);
    expect(programs(XDP + ARGS, "a")).toEqual(["a"]);
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

/** The same in C, as a program for Linux has it. */
const PARSE_C = `
SEC("xdp") int parse(struct xdp_md *ctx)
{
	u8 *data = (u8 *)(long)ctx->data, *end = (u8 *)(long)ctx->data_end;
	return data + 2 > end ? 1 : data[1] + ctx->rx_queue_index & 3;
}`;

/** Runs over a packet, as a host of context xdp does. */
function runPacket(
  engine: "native" | "interpret",
  container: Uint8Array,
  packet: number[],
  queue: number,
): bigint {
  using instance = new Runtime({ engine }).load("parse", container);
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

describe.each(["native", "interpret"] as const)("%s", (engine) => {
  const target = engine === "native" ? hostArch() : "bytecode";

  const check = (container: Uint8Array) => {
    expect(runPacket(engine, container, [9, 2], 0)).toBe(2n);
    expect(runPacket(engine, container, [9, 2], 1)).toBe(3n);
    expect(runPacket(engine, container, [9], 0)).toBe(1n);
  };

  test("reads the packet and a field", () => {
    check(compile(assemble(PARSE), { raw: true, name: "parse", ctx: "xdp", target }).container);
  });

  test.skipIf(skip("clang-19"))("the same from C", () => {
    for (const level of ["-O1", "-O2"]) {
      const object = bpfObject("clang-19", scratchFile("parse.c", HEADER + PARSE_C), [level]);
      check(compile(object, { name: "parse.o", target }).container);
    }
  });
});
