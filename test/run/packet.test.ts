/** LD_ABS and LD_IND on every engine and in bare-cmd: a program builds the xdp context of its memory and loads from it. */

import { beforeAll, describe, expect, it } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { assemble } from "../../formats/isa/bpf.ts";
import { make, run, scratchFile, skip, TARGETS } from "../device-tools.ts";
import { ENGINES, skipped } from "./engines.ts";

/** r6 = a context on the stack: the first byte of memory, and the one behind the last. r7 = 1 survives a load. */
const CONTEXT = `
r2 += r1
*(u64 *)(r10 - 16) = r1
*(u64 *)(r10 - 8) = r2
r6 = r10
r6 += -16
r7 = 1
`;

interface Case {
  name: string;
  code: string;
  result: bigint;
  packet?: number[];
}

const PACKET = [0x80, 0x12, 0x34, 0xff, 0xfe, 0xfd, 0xfc];
/** r0 = 5 shows that the program ended early, with 0, and not by itself. */
const MARK = "r0 = 5\nexit";

const CASES: Case[] = [
  { name: "abs, a byte", code: "r0 = *(u8 *)skb[0]\nexit", result: 0x80n },
  { name: "abs, two bytes in network order", code: "r0 = *(u16 *)skb[1]\nexit", result: 0x1234n },
  { name: "abs, four bytes, not sign-extended", code: "r0 = *(u32 *)skb[3]\nexit", result: 0xfffefdfcn },
  { name: "abs, the last byte", code: "r0 = *(u8 *)skb[6]\nexit", result: 0xfcn },
  { name: "ind", code: "r3 = 2\nr0 = *(u16 *)skb[r3 + 3]\nexit", result: 0xfdfcn },
  { name: "ind, a byte", code: "r3 = 2\nr0 = *(u8 *)skb[r3 + 0]\nexit", result: 0x34n },
  { name: "ind, a negative register", code: "r3 = -1\nr0 = *(u32 *)skb[r3 + 1]\nexit", result: 0x801234ffn },
  { name: "ind, a negative immediate", code: "r3 = 7\nr0 = *(u16 *)skb[r3 - 2]\nexit", result: 0xfdfcn },
  { name: "ind through r0", code: "r0 = *(u8 *)skb[1]\nr0 = *(u8 *)skb[r0 - 17]\nexit", result: 0x12n },
  {
    name: "r7 and the context survive, loads follow each other",
    code: "r0 = *(u8 *)skb[0]\nr7 += r0\nr0 = *(u16 *)skb[1]\nr7 += r0\nr0 = r7\nexit",
    result: 1n + 0x80n + 0x1234n,
  },
  {
    name: "in a loop",
    code: "r7 = 0\nr8 = 0\nl:\nr0 = *(u8 *)skb[r8 + 0]\nr7 += r0\nr8 += 1\nif r8 != 7 goto l\nr0 = r7\nexit",
    result: BigInt(PACKET.reduce((sum, byte) => sum + byte, 0)),
  },
  {
    name: "behind a branch",
    code: "r0 = *(u8 *)skb[0]\nif r0 == 0x80 goto l\nr0 = 1\nexit\nl:\nr0 = *(u8 *)skb[1]\nexit",
    result: 0x12n,
  },
  { name: "one byte past the end", code: `r0 = *(u8 *)skb[7]\n${MARK}`, result: 0n },
  { name: "the last of two bytes past the end", code: `r0 = *(u16 *)skb[6]\n${MARK}`, result: 0n },
  { name: "the last of four bytes past the end", code: `r0 = *(u32 *)skb[4]\n${MARK}`, result: 0n },
  { name: "before the start", code: `r0 = *(u8 *)skb[-1]\n${MARK}`, result: 0n },
  { name: "ind before the start", code: `r3 = 0\nr0 = *(u32 *)skb[r3 - 4]\n${MARK}`, result: 0n },
  { name: "an offset that wraps", code: `r3 = -1\nr0 = *(u8 *)skb[r3 + 0]\n${MARK}`, result: 0n },
  {
    name: "an offset at the edge",
    code: `r3 = 0x7fffffffffffffff ll\nr0 = *(u32 *)skb[r3 + 0]\n${MARK}`,
    result: 0n,
  },
  {
    name: "an offset above 32 bits",
    code: `r3 = 0x100000000 ll\nr0 = *(u8 *)skb[r3 + 0]\n${MARK}`,
    result: 0n,
  },
  { name: "an empty packet", code: `r0 = *(u8 *)skb[0]\n${MARK}`, result: 0n, packet: [] },
  {
    name: "a packet shorter than the load",
    code: `r0 = *(u32 *)skb[0]\n${MARK}`,
    result: 0n,
    packet: [1, 2],
  },
  {
    name: "an end before the start",
    code: `r1 += -1\n*(u64 *)(r10 - 8) = r1\nr0 = *(u8 *)skb[0]\n${MARK}`,
    result: 0n,
  },
  {
    name: "in a sub-program, which returns 0 to its caller",
    code: "r1 = r6\ncall f\nr0 += 9\nexit\nf:\nr6 = r1\nr0 = *(u8 *)skb[100]\nr0 = 5\nexit",
    result: 9n,
  },
];

const bytecode = ({ code }: Case) => assemble(CONTEXT + code);

describe.each(ENGINES)("$name", (engine) => {
  it.skipIf(skipped(engine))("runs every case", () => {
    const jobs = CASES.map((one) => {
      const memory = Uint8Array.from(one.packet ?? PACKET);
      return { name: one.name, code: bytecode(one), calls: [memory.length > 0 ? { memory } : {}] };
    });
    const got = engine.run(jobs).map(([{ r0 }], k) => `${CASES[k].name}: 0x${r0.toString(16)}`);
    expect(got).toEqual(CASES.map(({ name, result }) => `${name}: 0x${result.toString(16)}`));
  });
});

const [X64] = TARGETS;

describe.skipIf(skip("gcc", "make") || process.arch !== "x64")("bare-cmd", () => {
  beforeAll(() => {
    make(X64);
  });

  it.each(CASES)("$name", (one) => {
    const { container } = compile(bytecode(one), {
      raw: true,
      format: "bare",
      name: one.name,
      verify: false,
    });
    const hex = Buffer.from(one.packet ?? PACKET).toString("hex");
    const result = run(X64, "bare-cmd", ["--mem", `hex:${hex}`, scratchFile("packet.bare", container)]);
    expect(result.stderr).toBe("");
    expect(result.stdout).toBe(`r0 = ${one.result} (0x${one.result.toString(16)})\n`);
  });
});
