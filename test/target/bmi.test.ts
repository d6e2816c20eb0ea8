/** What code for x86-64-v3 has one instruction for, and where it must not; what two shifts become on every target. */

import { describe, expect, it } from "vitest";
import { native } from "./native.ts";

const BMI: [name: string, source: string, gives: string[]][] = [
  ["x & ~y", "r0 = r1\nr2 ^= -1\nr0 &= r2\nexit", ["andn rax, rsi, rdi"]],
  [
    "x & ~y, where ~y is needed",
    "r0 = r1\nr2 ^= -1\nr0 &= r2\nr0 += r2\nexit",
    ["not rsi", "and rdi, rsi", "lea rax, [rdi + rsi]"],
  ],
  ["x & (x - 1)", "r0 = r1\nr0 += -1\nr0 &= r1\nexit", ["blsr rax, rdi"]],
  ["x ^ (x - 1), 32 bits", "w0 = w1\nw0 += -1\nw0 ^= w1\nexit", ["blsmsk eax, edi"]],
  ["x & -x", "r0 = r1\nr0 = -r0\nr0 &= r1\nexit", ["blsi rax, rdi"]],
  ["x & (x - 2)", "r0 = r1\nr0 += -2\nr0 &= r1\nexit", ["lea rax, [rdi - 2]", "and rax, rdi"]],
  ["x & (y - 1)", "r0 = r1\nr0 += -1\nr0 &= r2\nexit", ["dec rdi", "mov rax, rdi", "and rax, rsi"]],
  [
    "what the lowest bit leaves, compared with zero",
    "r0 = 1\nr3 = r1\nr3 += -1\nr1 &= r3\nif r1 == 0 goto out\n*(u64 *)(r2 + 0) = r1\nr0 = 2\nout:\nexit",
    ["blsr rdi, rdi", "je …", "mov qword ptr [rsi], rdi", "mov eax, 2", "ret", "mov eax, 1"],
  ],
  [
    "a rotation of what is needed",
    "r0 = r1\nr0 <<= 7\nr2 = r1\nr2 >>= 57\nr0 |= r2\nr0 ^= r1\nexit",
    ["rorx rax, rdi, 0x39", "xor rax, rdi"],
  ],
  [
    "a rotation in its place",
    "r0 = *(u64 *)(r1 + 0)\nr2 = r0\nr0 <<= 7\nr2 >>= 57\nr0 |= r2\nexit",
    ["mov rax, qword ptr [rdi]", "rol rax, 7"],
  ],
  ["a shift by a register", "r0 = r1\nr0 s>>= r2\nexit", ["sarx rax, rdi, rsi"]],
  ["a shift of a half", "w0 = w1\nw0 <<= w2\nexit", ["shlx eax, edi, esi"]],
  [
    "a rotation by a register",
    "r0 = r1\nr0 <<= r2\nr2 = -r2\nr1 >>= r2\nr0 |= r1\nexit",
    ["mov ecx, esi", "mov rax, rdi", "rol rax, cl"],
  ],
  [
    "bytes swapped as they come",
    "r0 = *(u64 *)(r1 + 8)\nr0 = be64 r0\nexit",
    ["movbe rax, qword ptr [rdi + 8]"],
  ],
  [
    "bytes swapped, and as they came",
    "r0 = *(u64 *)(r1 + 8)\nr2 = r0\nr0 = be64 r0\nr0 += r2\nexit",
    ["mov rax, qword ptr [rdi + 8]", "mov rcx, rax", "bswap rcx", "add rax, rcx"],
  ],
  [
    "bytes swapped as they go",
    "r2 = be32 r2\n*(u32 *)(r1 + 4) = r2\nr3 = be16 r3\n*(u16 *)(r1 + 8) = r3\nr0 = 0\nexit",
    ["movbe dword ptr [rdi + 4], esi", "movbe word ptr [rdi + 8], dx", "xor eax, eax"],
  ],
  [
    "a product's upper half",
    "r0 = r1\nr0 /= 10\nexit",
    ["movabs rax, 0xcccccccccccccccd", "mov rdx, rdi", "mulx rax, rax, rax", "shr rax, 3"],
  ],
];

describe("x86-64-v3", () => {
  it.each(BMI)("%s", (_, source, gives) =>
    expect(native(source, "x64", 2, ["x86-64-v3"]).slice(0, gives.length)).toEqual(gives),
  );
});

const FUNNELS: [name: string, source: string, x64: string[], arm64: string[]][] = [
  [
    "two shifts that meet",
    "r0 = r1\nr0 <<= 7\nr2 >>= 57\nr0 |= r2\nexit",
    ["mov rax, rdi", "shld rax, rsi, 7", "ret"],
    ["extr x0, x0, x1, #0x39", "ret"],
  ],
  [
    "of halves, as a sum",
    "w0 = w1\nw0 >>= 25\nw2 <<= 7\nw0 += w2\nexit",
    ["mov eax, esi", "shld eax, edi, 7", "ret"],
    ["extr w0, w1, w0, #0x19", "ret"],
  ],
  [
    "two shifts that overlap",
    "r0 = r1\nr0 <<= 7\nr2 >>= 56\nr0 |= r2\nexit",
    ["shl rdi, 7", "shr rsi, 0x38", "mov rax, rdi", "or rax, rsi", "ret"],
    ["lsl x0, x0, #7", "orr x0, x0, x1, lsr #56", "ret"],
  ],
];

describe("shifts of two values", () => {
  it.each(FUNNELS)("%s", (_, source, x64, arm64) => {
    expect(native(source, "x64", "s")).toEqual(x64);
    expect(native(source, "arm64", 2)).toEqual(arm64);
  });

  it("are slow in one instruction on many processors, and stay two at -O2", () =>
    expect(native(FUNNELS[0][1], "x64", 2)).toContain("shl rdi, 7"));
});

describe("two bytes swapped to be stored", () => {
  const source = "r2 = be16 r2\n*(u16 *)(r1 + 8) = r2\nr0 = 0\nexit";
  it("on x86-64", () => expect(native(source, "x64", 2)[0]).toBe("rol si, 8"));
  it("on AArch64", () => expect(native(source, "arm64", 2)[0]).toBe("rev16 w1, w1"));
  it("and needed elsewhere", () => {
    const both = source.replace("r0 = 0", "r0 = r2");
    expect(native(both, "x64", 2).slice(0, 3)).toEqual(["mov eax, esi", "rol ax, 8", "movzx eax, ax"]);
    expect(native(both, "arm64", 2).slice(0, 2)).toEqual(["rev w1, w1", "lsr w1, w1, #0x10"]);
  });
});
