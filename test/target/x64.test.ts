/** x86-64 code: what a rule of selection, allocation or emission makes of a program, and where it must not. */

import { describe, expect, it } from "vitest";
import { native } from "./native.ts";

interface Case {
  name: string;
  source: string;
  level?: 2 | "s";
  gives: string[];
}

const exchange = (other: string): string =>
  `r0 = r2\nr0 = cmpxchg_64(r1 + 0, r0, r3)\nif r0 == ${other} goto out\n*(u64 *)(r1 + 8) = r0\nout:\nr0 = 0\nexit`;

const CASES: Case[] = [
  // Comparisons.
  {
    name: "> -1 is >= 0",
    source: "r0 = 1\nif w1 s> -1 goto out\nr0 = r2\nout:\nexit",
    level: "s",
    gives: ["push 1", "pop rax", "test edi, edi", "cmovge rsi, rax", "mov rax, rsi", "ret"],
  },
  {
    name: "a swapped half and a constant",
    source: "r1 = *(u16 *)(r1 + 2)\nr1 = be16 r1\nr0 = r2\nif r1 == 0x800 goto out\nr0 = r3\nout:\nexit",
    gives: ["movzx eax, word ptr [rdi + 2]", "cmp eax, 8", "cmove rdx, rsi", "mov rax, rdx", "ret"],
  },
  {
    name: "a swapped word and a constant",
    source: "w1 = *(u32 *)(r1 + 2)\nr1 = be32 r1\nr0 = r2\nif w1 == 0x7f000001 goto out\nr0 = r3\nout:\nexit",
    gives: ["mov eax, dword ptr [rdi + 2]", "cmp eax, 0x100007f", "cmove rdx, rsi", "mov rax, rdx", "ret"],
  },
  {
    name: "a flag, in a register that is cleared before the comparison",
    source: "r0 = 1\nif r1 > r2 goto out\nr0 = 0\nout:\nexit",
    gives: ["xor eax, eax", "cmp rdi, rsi", "seta al", "ret"],
  },
  {
    name: "what a loop keeps stays in its register rather than in the result's",
    source:
      "r0 = 0\nr3 = *(u64 *)(r1 + 0)\nagain:\nr4 = r3\nr4 >>= 7\nr4 ^= r3\nr0 += r4\nr3 = r4\nr3 *= 9\nr2 += -1\nif r2 != 0 goto again\nexit",
    level: "s",
    gives: [
      "mov rax, qword ptr [rdi]",
      "xor ecx, ecx",
      "mov rdx, rax",
      "shr rdx, 7",
      "xor rdx, rax",
      "add rcx, rdx",
      "lea rax, [rdx + rdx*8]",
      "dec rsi",
      "jne …",
      "mov rax, rcx",
      "ret",
    ],
  },
  {
    name: "a shift whose count is masked as the processor does",
    source: "r0 = r1\nr2 &= 63\nr0 <<= r2\nexit",
    gives: ["mov ecx, esi", "mov rax, rdi", "shl rax, cl", "ret"],
  },
  {
    name: "a count with fewer bits",
    source: "r0 = r1\nr2 &= 31\nr0 <<= r2\nexit",
    gives: ["mov ecx, esi", "and ecx, 0x1f", "mov rax, rdi", "shl rax, cl", "ret"],
  },
  {
    name: "all bits but one",
    source: "w0 = 1\nw0 <<= w2\nw0 ^= -1\nw0 &= w1\nexit",
    gives: ["mov eax, 0xfffffffe", "mov ecx, esi", "rol eax, cl", "and eax, edi", "ret"],
  },
  {
    name: "a bit of a variable number",
    source: "r0 = r1\nr0 >>= r2\nr0 &= 1\nexit",
    gives: ["xor eax, eax", "bt rdi, rsi", "setb al", "ret"],
  },
  {
    name: "a sum with such a bit",
    source: "r0 = r3\nr1 >>= r2\nr1 &= 1\nr0 += r1\nexit",
    gives: ["mov rax, rdx", "bt rdi, rsi", "adc rax, 0", "ret"],
  },
  {
    name: "half of a difference from it",
    source: "w0 = w3\nr1 >>= r2\nw1 &= 1\nw0 -= w1\nexit",
    gives: ["mov eax, edx", "bt rdi, rsi", "sbb eax, 0", "ret"],
  },
  {
    name: "what such a bit is reduced by",
    source: "r1 >>= r2\nr1 &= 1\nr1 -= r3\nr0 = r1\nexit",
    gives: ["xor eax, eax", "bt rdi, rsi", "setb al", "sub rax, rdx", "ret"],
  },
  {
    name: "two bits",
    source: "r0 = r1\nr0 >>= r2\nr0 &= 3\nexit",
    level: "s",
    gives: ["mov ecx, esi", "shr rdi, cl", "mov eax, edi", "and eax, 3", "ret"],
  },
  // Atomics.
  {
    name: "an atomic sum with a constant",
    source: "r2 = 1\nlock *(u64 *)(r1 + 8) += r2\nr2 = 300\nlock *(u32 *)(r1 + 0) |= w2\nr0 = 0\nexit",
    gives: ["lock inc qword ptr [rdi + 8]", "lock or dword ptr [rdi], 0x12c", "xor eax, eax", "ret"],
  },
  {
    name: "an atomic or of nothing needs no loop",
    source: "r0 = 0\nr0 = atomic_fetch_or((u64 *)(r1 + 0), r0)\nexit",
    gives: ["xor eax, eax", "lock xadd qword ptr [rdi], rax", "ret"],
  },
  {
    name: "an atomic and with all bits adds nothing",
    source: "r0 = -1\nr0 = atomic_fetch_and((u64 *)(r1 + 0), r0)\nexit",
    gives: ["xor eax, eax", "lock xadd qword ptr [rdi], rax", "ret"],
  },
  {
    name: "an exchange that is compared with what it expected",
    source: exchange("r2"),
    gives: [
      "mov rax, rsi",
      "lock cmpxchg qword ptr [rdi], rdx",
      "je …",
      "mov qword ptr [rdi + 8], rax",
      "xor eax, eax",
      "ret",
    ],
  },
  {
    name: "an exchange that is compared with something else",
    source: exchange("r4"),
    gives: [
      "mov rax, rsi",
      "lock cmpxchg qword ptr [rdi], rdx",
      "cmp rax, rcx",
      "je …",
      "mov qword ptr [rdi + 8], rax",
      "xor eax, eax",
      "ret",
    ],
  },
  // Calls.
  {
    name: "a call whose result is returned",
    source: "call f\nexit\nf:\nif r1 == 0 goto out\nr1 -= 1\ncall f\nexit\nout:\nr0 = r2\nexit",
    gives: ["jmp …", "test rdi, rdi", "je …", "dec rdi", "jmp …", "mov rax, rsi", "ret"],
  },
  {
    name: "not from a function with a frame, nor beside other calls",
    source:
      "r2 = r10\nr2 += -8\n*(u64 *)(r10 - 8) = r1\nr1 = r2\ncall f\nexit\n" +
      "f:\nr2 = *(u64 *)(r1 + 0)\nif r2 == 0 goto out\nr1 = r2\ncall f\nout:\nr0 = 1\nexit",
    gives: [
      "push rax",
      "mov rax, rsp",
      "mov qword ptr [rsp], rdi",
      "mov rdi, rax",
      "call 0x12",
      "pop rcx",
      "ret",
      "mov rdi, qword ptr [rdi]",
      "test rdi, rdi",
      "je …",
      "push rax",
      "call 0x12",
      "pop rcx",
      "mov eax, 1",
      "ret",
    ],
  },
  {
    name: "an indirect call, by the register in which the target is",
    source: "r2 = *(u64 *)(r1 + 8)\ncallx r2\nr0 += 1\nexit",
    gives: [
      "push rax",
      "mov rax, qword ptr [rdi + 8]",
      "mov rsi, rax",
      "call rax",
      "inc rax",
      "pop rcx",
      "ret",
    ],
  },
  // Constants.
  {
    name: "zeros at -Os, in one register for both widths",
    source: "*(u64 *)(r1 + 0) = 0\n*(u32 *)(r1 + 16) = 0\nr0 = r2\nexit",
    level: "s",
    gives: [
      "xor eax, eax",
      "mov qword ptr [rdi], rax",
      "mov dword ptr [rdi + 0x10], eax",
      "mov rax, rsi",
      "ret",
    ],
  },
  {
    name: "zeros at -O2",
    source: "*(u64 *)(r1 + 0) = 0\n*(u32 *)(r1 + 16) = 0\nr0 = r2\nexit",
    gives: ["mov qword ptr [rdi], 0", "mov dword ptr [rdi + 0x10], 0", "mov rax, rsi", "ret"],
  },
  {
    name: "one of two neighbours at -Os",
    source: "r0 = 2\nif w1 == 9 goto out\nr0 = 1\nout:\nexit",
    level: "s",
    gives: ["cmp edi, 9", "sete dil", "movzx edi, dil", "lea rax, [rdi + 1]", "ret"],
  },
  // Moves.
  {
    name: "a move of 32 bits",
    source: "w6 = w1\nw6 >>= 3\nr0 = *(u32 *)(r2 + 0)\nif w6 == 7 goto out\nr0 = r6\nout:\nexit",
    gives: ["shr edi, 3", "mov eax, dword ptr [rsi]", "cmp edi, 7", "cmove edi, eax", "mov eax, edi", "ret"],
  },
  // Ends that are equal.
  {
    name: "what two ways do before they meet is made once",
    source:
      "if r1 == 0 goto a\nr2 += 5\n*(u64 *)(r3 + 0) = r2\n*(u64 *)(r3 + 8) = r4\nr0 = 7\nexit\n" +
      "a:\nr2 *= 9\n*(u64 *)(r3 + 0) = r2\n*(u64 *)(r3 + 8) = r4\nr0 = 7\nexit",
    level: "s",
    gives: [
      "test rdi, rdi",
      "je …",
      "add rsi, 5",
      "jmp …",
      "imul rsi, rsi, 9",
      "mov qword ptr [rdx], rsi",
      "mov qword ptr [rdx + 8], rcx",
      "push 7",
      "pop rax",
      "ret",
    ],
  },
  {
    name: "a comparison with memory on its left",
    source: "r0 = 1\nr3 = *(u64 *)(r1 + 8)\nif r3 > r2 goto out\n*(u64 *)(r1 + 0) = r2\nr0 = 2\nout:\nexit",
    gives: [
      "cmp rsi, qword ptr [rdi + 8]",
      "jb …",
      "mov qword ptr [rdi], rsi",
      "mov eax, 2",
      "ret",
      "mov eax, 1",
      "ret",
    ],
  },
  {
    name: "a bit that comes in below",
    source: "r0 = r1\nr0 <<= 1\nr2 &= 1\nr0 |= r2\nexit",
    gives: ["and esi, 1", "lea rax, [rsi + rdi*2]", "ret"],
  },
  {
    name: "bits that are apart",
    source: "r0 = r1\nr0 &= 0x33333333\nr0 <<= 2\nr2 >>= 2\nr2 &= 0x33333333\nr0 |= r2\nexit",
    gives: ["and edi, 0x33333333", "shr rsi, 2", "and esi, 0x33333333", "lea rax, [rsi + rdi*4]", "ret"],
  },
  {
    name: "bits that may meet",
    source: "r0 = r1\nr0 <<= 1\nr2 &= 3\nr0 |= r2\nexit",
    gives: ["shl rdi, 1", "and esi, 3", "mov rax, rdi", "or rax, rsi", "ret"],
  },
  {
    name: "a field at the end of the lower half",
    source: "r0 = r1\nr0 >>= 18\nr0 &= 0x3fff\nexit",
    gives: ["mov eax, edi", "shr eax, 0x12", "ret"],
  },
  {
    name: "one that ends before it",
    source: "r0 = r1\nr0 >>= 18\nr0 &= 0x1fff\nexit",
    gives: ["shr rdi, 0x12", "mov eax, edi", "and eax, 0x1fff", "ret"],
  },
  {
    name: "a choice of constants that is compared is its condition",
    source:
      "r3 = 1\nif r1 == 0 goto one\nr3 = 0\none:\nr0 = r2\nr0 *= 3\nif r3 != 1 goto out\n*(u64 *)(r4 + 0) = r0\nout:\nexit",
    gives: ["lea rax, [rsi + rsi*2]", "test rdi, rdi", "jne …", "mov qword ptr [rcx], rax", "ret"],
  },
];

describe("x86-64", () => {
  it.each(CASES)("$name", ({ source, level, gives }) =>
    expect(native(source, "x64", level ?? 2)).toEqual(gives),
  );
});
