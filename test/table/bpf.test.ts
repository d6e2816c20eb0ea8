/** Every row of the eBPF table encodes, decodes, prints, assembles, and agrees with LLVM's disassembler. */

import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { InputError } from "../../formats/error.ts";
import { assemble, BPF, decode, encode, type Insn, print, slots, targetSlot } from "../../formats/isa/bpf.ts";
import { bpfDocs } from "../../scripts/docs.ts";
import { CODE, makeObject } from "../elf-object.ts";
import { samples } from "./bpf-samples.ts";

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const bytesOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex.replaceAll(" ", ""), "hex"));

describe("every row", () => {
  test.each(BPF.map((row) => [row.name, row] as const))("%s", (_, row) => {
    for (const insn of samples(row)) {
      const bytes = encode([insn]);
      expect(decode(bytes, "test")).toEqual([insn]);
      expect(hexOf(assemble(print(insn))), print(insn)).toBe(hexOf(bytes));
    }
  });

  test("names are unique and opcodes are told apart by one field", () => {
    expect(new Set(BPF.map((row) => row.name)).size).toBe(BPF.length);
    const keys = BPF.map(({ opcode, match }) => `${opcode} ${JSON.stringify(match)}`);
    expect(new Set(keys).size).toBe(BPF.length);
  });
});

/** Bytes from RFC 9669's examples and clang's output. */
const KNOWN: [text: string, bytes: string][] = [
  ["w1 += w2", "0c21000000000000"],
  ["r10 -= 0x1", "170a000001000000"],
  ["w3 s/= -0x2", "34030100feffffff"],
  ["r3 s%= r4", "9f43010000000000"],
  ["w1 = -w1", "8401000000000000"],
  ["w0 = (s8)w1", "bc10080000000000"],
  ["r0 = (s32)r1", "bf10200000000000"],
  ["r1 = be16 r1", "dc01000010000000"],
  ["r1 = bswap32 r1", "d701000020000000"],
  ["r0 = *(u64 *)(r1 + 0x4)", "7910040000000000"],
  ["r0 = *(s16 *)(r1 - 0x8)", "8910f8ff00000000"],
  ["*(u8 *)(r10 - 0x1) = 0xff", "720affffff000000"],
  ["lock *(u64 *)(r1 + 0x0) += r2", "db21000000000000"],
  ["r2 = atomic_fetch_or((u64 *)(r1 + 0x0), r2)", "db21000041000000"],
  ["r0 = cmpxchg_64(r1 + 0x0, r0, r2)", "db210000f1000000"],
  ["w2 = xchg32_32(r1 + 0x0, w2)", "c3210000e1000000"],
  ["if w1 s<= -0x1 goto +0x3", "d6010300ffffffff"],
  ["goto -0x1", "0500ffff00000000"],
  ["gotol +0x10000", "0600000000000100"],
  ["call 0x6", "8500000006000000"],
  ["call local +0x2", "8510000002000000"],
  ["callx r3", "8d03000000000000"],
  ["exit", "9500000000000000"],
  ["r1 = 0x123456789 ll", "18010000896745230000000001000000"],
  ["r0 = *(u16 *)skb[r3]", "4830000000000000"],
];

test.each(KNOWN)("%s", (text, bytes) => {
  expect(hexOf(assemble(text))).toBe(bytes);
  expect(print(decode(bytesOf(bytes), "test")[0])).toBe(text);
});

describe("the assembler", () => {
  const same: [text: string, as: string][] = [
    ["r1 = 16 ; comment", "r1 = 0x10"],
    ["  R: r1=5 # label and comment", "r1 = 0x5"],
    ["r1 = *(u32 *)(r2)", "w1 = *(u32 *)(r2 + 0x0)"],
    ["*(u8 *)(r2+4) = r1", "*(u8 *)(r2 + 0x4) = w1"],
    ["lock *(u32 *)(r1 + 0) += r2", "lock *(u32 *)(r1 + 0x0) += w2"],
    ["r1 = 0xffffffff", "r1 = -0x1"],
    ["r1 = 18446744073709551615 ll", "r1 = -0x1 ll"],
    ["goto +1 <main+0x10>", "goto +0x1"],
    ["a: b: goto a", "goto -0x1"],
    ["if r1 > r2 goto end\nr0 = 0\nend: exit", "if r1 > r2 goto +0x1\nr0 = 0x0\nexit"],
    ["gotol far\nr1 = 1 ll\nfar: exit", "gotol +0x2\nr1 = 0x1 ll\nexit"],
    ["call f\nexit\nf: exit", "call local +0x1\nexit\nexit"],
    ["r1 = f ll\nexit\nf: exit", "ld_pseudo r1, 0x4, 0x2\nexit\nexit"],
  ];
  test.each(same)("%s", (text, as) => {
    expect(hexOf(assemble(text))).toBe(hexOf(assemble(as)));
  });

  const wrong: [text: string, message: string][] = [
    ["r1 = r2 +", `line 1: expected an eBPF instruction in LLVM's syntax, got "r1 = r2 +"`],
    ["exit\nr11 = 1", "line 2: expected a register r0 … r10, got r11"],
    ["r1 = be16 r2", `line 1: expected an eBPF instruction in LLVM's syntax, got "r1 = be16 r2"`],
    ["r1 = 4294967296", "line 1: expected a number from -2147483648 to 4294967295, got 4294967296"],
    ["r1 = *(u8 *)(r2 + 32768)", "line 1: expected an offset from -32768 to 32767, got 32768"],
    ["goto nowhere", `line 1: expected a label or an instruction, got "nowhere"`],
    ["a:\na: exit", `line 2: expected a new label, got "a" for the second time`],
    ["exit: exit", `line 1: expected a name for a label, got "exit", a word of the syntax`],
  ];
  test.each(wrong)("refuses %s", (text, message) => {
    expect(() => assemble(text)).toThrow(new InputError("ERR_RUNBPF_INSN", part(message)));
  });
});

/** Splits "where: expected A, got B" for an InputError. */
function part(message: string): { where: string; expected: string; got: string } {
  const [, where, expected, got] = /^(.*?): expected (.*), got (.*)$/.exec(message)!;
  return { where, expected, got };
}

test("the example of formats/isa/README.md", () => {
  const readme = readFileSync(new URL("../../formats/isa/README.md", import.meta.url), "utf8");
  const text = /assemble\(`([^`]*)`\)/.exec(readme)![1];
  expect(decode(assemble(text), "example").map((insn) => print(insn))).toEqual([
    ...["r0 = 0x0", "r0 += r1", "r1 -= 0x1", "if r1 != 0x0 goto -0x3", "exit"],
  ]);
});

describe("the decoder refuses", () => {
  const cases: [what: string, bytes: string, message: string][] = [
    ["an unknown opcode", "ff00000000000000", "t+0x0: expected an eBPF instruction, got opcode 0xff"],
    [
      "a part of a slot",
      "9500",
      "t+0x0: expected a multiple of 8 bytes of code, got 2 (an instruction takes 8 bytes)",
    ],
    ["a register past r10", "b70b000000000000", "t+0x0: expected a register r0 … r10 in mov64.imm, got r11"],
    ["a source past r10", "bfb0000000000000", "t+0x0: expected a register r0 … r10 in mov64.reg, got r11"],
    ["a reserved source", "b710000000000000", "t+0x0: expected src 0 in mov64.imm (a reserved field), got 1"],
    ["a reserved offset", "0f21040000000000", "t+0x0: expected off 0 in add64.reg (a reserved field), got 4"],
    [
      "a reserved immediate",
      "0f21000004000000",
      "t+0x0: expected imm 0 in add64.reg (a reserved field), got 4",
    ],
    ["a reserved destination", "9501000000000000", "t+0x0: expected dst 0 in exit (a reserved field), got 1"],
    ["an unknown swap", "dc01000011000000", "t+0x0: expected imm 16, 32, 64 in be16, got 17"],
    [
      "an unknown atomic",
      "db21000002000000",
      "t+0x0: expected imm 0, 1, 64, 65, 80, 81, 160, 161, 225, 241 in atomic.add64, got 2",
    ],
    [
      "an unknown load",
      "18f1000000000000 0000000000000000",
      "t+0x0: expected src 0, 1, 2, 3, 4, 5, 6 in lddw, got 15",
    ],
    ["an unknown call", "8530000001000000", "t+0x0: expected src 0, 1, 2 in call, got 3"],
    [
      "half a load at the end",
      "95000000000000001801000001000000",
      "t+0x8: expected the second half of lddw, got the end of the code",
    ],
    [
      "half a load before code",
      "18010000010000009500000000000000",
      "t+0x8: expected the second half of lddw, an immediate alone, got other fields",
    ],
    [
      "a wide map descriptor",
      "18110000010000000000000001000000",
      "t+0x8: expected imm 0 in the second half of lddw.map_fd, got 1",
    ],
    [
      "an indirect call of nothing",
      "8d00000011000000",
      "t+0x0: expected imm 0 in callx (a reserved field), got 17",
    ],
  ];
  test.each(cases)("%s", (_, bytes, message) => {
    let got = "";
    try {
      decode(bytesOf(bytes), "t");
    } catch (error) {
      got = error instanceof InputError ? error.message : `${error}`;
    }
    expect(got).toBe(message);
  });
});

test("an indirect call names its register in dst or, by older compilers, in imm", () => {
  const [now] = decode(bytesOf("8d05000000000000"), "t");
  const [old] = decode(bytesOf("8d00000005000000"), "t");
  expect(old).toEqual(now);
  expect(print(old)).toBe("callx r5");
});

test("targets of jumps count from the next slot", () => {
  const insns = decode(assemble("r1 = 1 ll\nif r1 == 1 goto +2\ngotol -1\ncall local +0\nexit"), "t");
  expect(insns.map(targetSlot)).toEqual([-1, 5, 3, 5, -1]);
  expect(print(insns[1], (slot) => `L${slot}`)).toBe("if r1 == 0x1 goto +0x2 <L5>");
});

test("docs/isa-bpf.md is up to date (vitest -u writes it)", async () => {
  await expect(bpfDocs()).toMatchFileSnapshot("../../docs/isa-bpf.md");
});

const OBJDUMP = ["/usr/bin/llvm-objdump-19", "/usr/bin/llvm-objdump"].find(existsSync);

/** What LLVM leaves out: the kind of a direct call, the offset of an indirect packet load, the second immediate. */
function asLlvm(insn: Insn): string {
  const text = print(insn);
  if (insn.row.kind === "call") return text.replace(/ (local|kfunc)/, "").replace("+", "");
  return /^ld(_pseudo|ind)/.test(insn.row.kind === "packet" ? insn.row.name : text)
    ? text.replace(/ [+-] 0x\w+/, "")
    : text;
}

test.skipIf(!OBJDUMP && !process.env.CI)("llvm-objdump agrees on every row", () => {
  const insns = BPF.flatMap(samples);
  const dir = mkdtempSync(join(tmpdir(), "runbpf-"));
  const file = join(dir, "table.o");
  writeFileSync(file, makeObject({ sections: [{ name: ".text", ...CODE, data: encode(insns) }] }));
  const out = execFileSync(OBJDUMP ?? "llvm-objdump-19", ["-d", "--mattr=+alu32", file], {
    encoding: "utf8",
  });
  rmSync(dir, { recursive: true });
  const lines = [...out.matchAll(/^\s*(\d+):\t[\da-f ]+\t(.*)$/gm)];
  const theirs = lines.map(
    ([, slot, text]) => `${slot}: ${text.replace(/\s+/g, " ").replace(/ <[^<>]*>$/, "")}`,
  );
  let slot = 0;
  const ours = insns.map((insn) => {
    const line = `${slot}: ${asLlvm(insn)}`;
    slot += slots(insn);
    return line;
  });
  expect(theirs).toEqual(ours);
});
