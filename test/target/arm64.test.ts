/** AArch64 code: what selection makes of a program, and where it must not. */

import { describe, expect, it } from "vitest";
import { native } from "./native.ts";

const CASES: [name: string, source: string, gives: string[]][] = [
  // Conditional selects.
  ["1 or 0", "r0 = 1\nif w1 == 9 goto out\nr0 = 0\nout:\nexit", ["cmp w0, #9", "cset x0, eq", "ret"]],
  [
    "0 or x",
    "r0 = 0\nif w1 == 9 goto out\nr0 = r2\nout:\nexit",
    ["cmp w0, #9", "csel x0, xzr, x1, eq", "ret"],
  ],
  [
    "x + 1 or x",
    "r0 = r2\nif r1 > r3 goto out\nr0 += 1\nout:\nexit",
    ["cmp x0, x2", "cinc x0, x1, ls", "ret"],
  ],
  ["~x or x", "r0 = r2\nif r1 > r3 goto out\nr0 ^= -1\nout:\nexit", ["cmp x0, x2", "cinv x0, x1, ls", "ret"]],
  // Bits.
  [
    "one bit",
    "r0 = r2\nr1 &= 32\nif r1 != 0 goto out\n*(u64 *)(r3 + 0) = r2\nout:\nexit",
    ["tbnz w0, #5, …", "str x1, [x2]", "mov x0, x1", "ret"],
  ],
  [
    "two bits",
    "r0 = r2\nr1 &= 33\nif r1 != 0 goto out\n*(u64 *)(r3 + 0) = r2\nout:\nexit",
    ["mov w3, #0x21", "tst x0, x3", "b.ne …", "str x1, [x2]", "mov x0, x1", "ret"],
  ],
  [
    "a high bit",
    "r0 = r2\nr4 = 0x8000000000 ll\nr1 &= r4\nif r1 == 0 goto out\n*(u64 *)(r3 + 0) = r2\nout:\nexit",
    ["tbz x0, #0x27, …", "str x1, [x2]", "mov x0, x1", "ret"],
  ],
  [
    "below zero",
    "r0 = r2\nif r1 s< 0 goto out\n*(u64 *)(r3 + 0) = r2\nout:\nexit",
    ["tbnz x0, #0x3f, …", "str x1, [x2]", "mov x0, x1", "ret"],
  ],
  [
    "below zero, 32 bits",
    "r0 = r2\nif w1 s>= 0 goto out\n*(u64 *)(r3 + 0) = r2\nout:\nexit",
    ["tbz w0, #0x1f, …", "str x1, [x2]", "mov x0, x1", "ret"],
  ],
  [
    "above zero",
    "r0 = r2\nif r1 s> 0 goto out\n*(u64 *)(r3 + 0) = r2\nout:\nexit",
    ["cmp x0, #0", "b.gt …", "str x1, [x2]", "mov x0, x1", "ret"],
  ],
  ["a bit field", "r0 = r1\nr0 >>= 9\nr0 &= 0x7f\nexit", ["ubfx x0, x0, #9, #7", "ret"]],
  [
    "no bit field: other bits",
    "r0 = r1\nr0 >>= 9\nr0 &= 0x7e\nexit",
    ["lsr x0, x0, #9", "and x0, x0, #0x7e", "ret"],
  ],
  // Neighbours in memory.
  [
    "two loads",
    "r0 = *(u64 *)(r1 + 16)\nr2 = *(u64 *)(r1 + 24)\nr0 *= r2\nexit",
    ["ldp x1, x0, [x0, #0x10]", "mul x0, x1, x0", "ret"],
  ],
  [
    "two loads, the higher one first",
    "r0 = *(u64 *)(r1 - 8)\nr2 = *(u64 *)(r1 - 16)\nr0 *= r2\nexit",
    ["ldp x0, x1, [x0, #-0x10]", "mul x0, x1, x0", "ret"],
  ],
  [
    "two words",
    "r0 = *(u32 *)(r1 + 4)\nr2 = *(u32 *)(r1 + 8)\nr0 *= r2\nexit",
    ["ldp w1, w0, [x0, #4]", "mul x0, x1, x0", "ret"],
  ],
  [
    "two loads that are no neighbours",
    "r0 = *(u64 *)(r1 + 0)\nr2 = *(u64 *)(r1 + 16)\nr0 *= r2\nexit",
    ["ldr x1, [x0]", "ldr x0, [x0, #0x10]", "mul x0, x1, x0", "ret"],
  ],
  [
    "two loads beyond what a pair reaches",
    "r0 = *(u64 *)(r1 + 512)\nr2 = *(u64 *)(r1 + 520)\nr0 *= r2\nexit",
    ["ldr x1, [x0, #0x200]", "ldr x0, [x0, #0x208]", "mul x0, x1, x0", "ret"],
  ],
  [
    "two loads between steps of a pair",
    "r0 = *(u64 *)(r1 + 4)\nr2 = *(u64 *)(r1 + 12)\nr0 *= r2\nexit",
    ["ldur x1, [x0, #4]", "ldur x0, [x0, #0xc]", "mul x0, x1, x0", "ret"],
  ],
  [
    "a load from where a load leads",
    "r1 = *(u64 *)(r1 + 8)\nr0 = *(u64 *)(r1 + 0)\nexit",
    ["ldr x0, [x0, #8]", "ldr x0, [x0]", "ret"],
  ],
  [
    "a word beside a double word",
    "r0 = *(u64 *)(r1 + 0)\nr2 = *(u32 *)(r1 + 8)\nr0 *= r2\nexit",
    ["ldr x1, [x0]", "ldr w0, [x0, #8]", "mul x0, x1, x0", "ret"],
  ],
  [
    "two stores",
    "*(u64 *)(r1 + 8) = r2\n*(u64 *)(r1 + 16) = r3\nr0 = r1\nexit",
    ["stp x1, x2, [x0, #8]", "ret"],
  ],
  [
    "two stores of one register, of words",
    "*(u32 *)(r1 + 8) = r2\n*(u32 *)(r1 + 4) = r2\nr0 = r1\nexit",
    ["stp w1, w1, [x0, #4]", "ret"],
  ],
  [
    "three stores",
    "*(u64 *)(r1 + 0) = r2\n*(u64 *)(r1 + 8) = r3\n*(u64 *)(r1 + 16) = r2\nr0 = r1\nexit",
    ["stp x1, x2, [x0]", "str x1, [x0, #0x10]", "ret"],
  ],
  // Operands.
  ["and not", "r2 ^= -1\nr0 = r1\nr0 &= r2\nexit", ["bic x0, x0, x1", "ret"]],
  ["a sum with a shift to the right", "r0 = r1\nr2 >>= 7\nr0 += r2\nexit", ["add x0, x0, x1, lsr #7", "ret"]],
  ["a signed shift", "r0 = r1\nr2 s>>= 7\nr0 -= r2\nexit", ["sub x0, x0, x1, asr #7", "ret"]],
  [
    "a rotation",
    "r0 = r1\nr3 = r2\nr3 <<= 13\nr2 >>= 51\nr3 |= r2\nr0 ^= r3\nexit",
    ["eor x0, x0, x1, ror #51", "ret"],
  ],
  [
    "no rotation in a sum",
    "r0 = r1\nr3 = r2\nr3 <<= 13\nr2 >>= 51\nr3 |= r2\nr0 += r3\nexit",
    ["ror x1, x1, #0x33", "add x0, x0, x1", "ret"],
  ],
  ["a sum with a byte", "r2 &= 255\nr0 = r1\nr0 += r2\nexit", ["add x0, x0, w1, uxtb", "ret"]],
  [
    "a sum with a signed half",
    "r2 <<= 48\nr2 s>>= 48\nr0 = r1\nr0 += r2\nexit",
    ["add x0, x0, w1, sxth", "ret"],
  ],
  ["a difference from a word", "w2 = w2\nr0 = r1\nr0 -= r2\nexit", ["sub x0, x0, w1, uxtw", "ret"]],
  [
    "elements by a signed index",
    "r2 <<= 32\nr2 s>>= 32\nr2 <<= 3\nr0 = r1\nr0 += r2\nexit",
    ["add x0, x0, w1, sxtw #3", "ret"],
  ],
  [
    "elements that are too large",
    "r2 <<= 32\nr2 s>>= 32\nr2 <<= 5\nr0 = r1\nr0 += r2\nexit",
    ["sxtw x1, w1", "add x0, x0, x1, lsl #5", "ret"],
  ],
  ["half of a sum with a byte", "w0 = w1\nr2 &= 255\nw0 += w2\nexit", ["add w0, w0, w1, uxtb", "ret"]],
  [
    "a byte that something else needs",
    "r2 &= 255\nr0 = r1\nr0 += r2\nr0 ^= r2\nexit",
    ["and x1, x1, #0xff", "add x0, x0, x1", "eor x0, x0, x1", "ret"],
  ],
  [
    "what a byte is reduced by",
    "r2 &= 255\nr0 = r1\nr2 -= r0\nr0 = r2\nexit",
    ["and x1, x1, #0xff", "sub x0, x1, x0", "ret"],
  ],
  [
    "one bit as all bits",
    "r0 = r1\nr0 >>= 9\nr0 &= 1\nr0 = -r0\nr0 &= r2\nexit",
    ["sbfx x0, x0, #9, #1", "and x0, x0, x1", "ret"],
  ],
  [
    "two bits, negated",
    "r0 = r1\nr0 &= 3\nr0 = -r0\nr0 &= r2\nexit",
    ["and x0, x0, #3", "neg x0, x0", "and x0, x0, x1", "ret"],
  ],
  [
    "half of a sum with a condition",
    "w3 = 1\nif r1 > r2 goto out\nw3 = 0\nout:\nw0 = w4\nw0 += w3\nexit",
    ["cmp x0, x1", "cinc w0, w3, hi", "ret"],
  ],
  [
    "an address of two accesses",
    "r1 += r2\nr0 = *(u8 *)(r1 + 0)\n*(u8 *)(r1 + 0) = r3\nexit",
    ["ldrb w3, [x0, x1]", "strb w2, [x0, x1]", "mov x0, x3", "ret"],
  ],
  [
    "an address with another one beside it",
    "r1 += r2\nr0 = *(u8 *)(r1 + 0)\n*(u8 *)(r1 + 1) = r3\nexit",
    ["add x0, x0, x1", "ldrb w1, [x0]", "strb w2, [x0, #1]", "mov x0, x1", "ret"],
  ],
  [
    "an address in another block",
    "r1 += r2\nr0 = *(u8 *)(r1 + 0)\nif r0 == 0 goto out\n*(u8 *)(r1 + 0) = r3\nout:\nexit",
    ["add x0, x0, x1", "ldrb w1, [x0]", "cbz w1, …", "strb w2, [x0]", "mov x0, x1", "ret"],
  ],
  [
    "elements on the stack",
    "r2 = r10\nr2 += -64\nr5 = r2\nr2 += r1\nr5 += r4\n*(u8 *)(r2 + 0) = r3\nr0 = *(u8 *)(r5 + 0)\nexit",
    [
      "sub sp, sp, #0x200",
      "add x1, sp, #0x1c0",
      "strb w2, [x1, x0]",
      "ldrb w0, [x1, x3]",
      "add sp, sp, #0x200",
      "ret",
    ],
  ],
  // Comparisons.
  [
    "one for two selections",
    "r0 = r2\nif r1 > r3 goto a\nr0 = r4\na:\nif r1 > r3 goto b\nr5 = r4\nb:\nr0 ^= r5\nexit",
    ["cmp x0, x2", "csel x4, x4, x3, hi", "csel x3, x1, x3, hi", "eor x0, x3, x4", "ret"],
  ],
  [
    "a new one where an operand is another",
    "if r1 > r3 goto a\nr1 = r4\na:\nif r1 > r3 goto b\nr5 = r4\nb:\nr0 = r1\nr0 ^= r5\nexit",
    ["cmp x0, x2", "csel x0, x0, x3, hi", "cmp x0, x2", "csel x3, x4, x3, hi", "eor x0, x0, x3", "ret"],
  ],
  ["a shift by masked bits", "r0 = r1\nw2 &= 63\nr0 <<= r2\nexit", ["lsl x0, x0, x1", "ret"]],
  [
    "a shift by fewer bits",
    "r0 = r1\nw2 &= 31\nr0 <<= r2\nexit",
    ["and w1, w1, #0x1f", "lsl x0, x0, x1", "ret"],
  ],
  // Constants.
  [
    "a constant twice in a block",
    "r0 = r1\nr0 *= 31\nr0 += r2\nr0 *= 31\nexit",
    ["mov w2, #0x1f", "madd x0, x0, x2, x1", "mul x0, x0, x2", "ret"],
  ],
  [
    "a long constant in a loop is made in front of it",
    "r0 = 0\nr4 = 0x123456789abc ll\nagain:\nr0 ^= r1\nr0 *= r4\nr1 -= 1\nif r1 != 0 goto again\nexit",
    [
      "mov x1, #0x9abc",
      "movk x1, #0x5678, lsl #16",
      "movk x1, #0x1234, lsl #32",
      "mov w2, #0",
      "eor x2, x2, x0",
      "mul x2, x2, x1",
      "sub x0, x0, #1",
      "cbnz x0, …",
      "mov x0, x2",
      "ret",
    ],
  ],
  [
    "a product that is added in a loop",
    "r0 = 0\nagain:\nr0 *= 10\nr3 = *(u8 *)(r1 + 0)\nr0 += r3\nr1 += 1\nr2 += -1\nif r2 != 0 goto again\nexit",
    [
      "mov w2, #0xa",
      "mov w3, #0",
      "ldrb w4, [x0]",
      "madd x3, x3, x2, x4",
      "add x0, x0, #1",
      "sub x1, x1, #1",
      "cbnz x1, …",
      "mov x0, x3",
      "ret",
    ],
  ],
  [
    "one by nine",
    "r0 = 0\nagain:\nr0 *= 9\nr3 = *(u8 *)(r1 + 0)\nr0 += r3\nr1 += 1\nr2 += -1\nif r2 != 0 goto again\nexit",
    [
      "mov w2, #0",
      "ldrb w3, [x0]",
      "add x3, x3, x2",
      "add x2, x3, x2, lsl #3",
      "add x0, x0, #1",
      "sub x1, x1, #1",
      "cbnz x1, …",
      "mov x0, x2",
      "ret",
    ],
  ],
  // Carries.
  [
    "a carry",
    "r0 = r1\nr0 += r2\nr3 = 1\nif r0 < r2 goto out\nr3 = 0\nout:\nr0 += r3\nexit",
    ["adds x0, x0, x1", "cinc x0, x0, hs", "ret"],
  ],
  [
    "a carry, asked for the other way round",
    "r0 = r1\nr0 += r2\nr3 = 1\nif r1 > r0 goto out\nr3 = 0\nout:\nr0 += r3\nexit",
    ["adds x1, x0, x1", "cinc x0, x1, hs", "ret"],
  ],
  [
    "a saturating sum of halves",
    "w0 = w1\nw0 += w2\nif w0 >= w1 goto out\nw0 = -1\nout:\nexit",
    ["adds w1, w0, w1", "csinv w0, w1, wzr, lo", "ret"],
  ],
  [
    "a sum and something else",
    "r0 = r1\nr0 += r2\nif r0 < r3 goto out\nr0 = r4\nout:\nexit",
    ["add x0, x0, x1", "cmp x0, x2", "csel x0, x0, x3, lo", "ret"],
  ],
  [
    "a sum of halves, all of it compared",
    "r0 = r1\nw0 += w2\nif r0 < r1 goto out\nr0 = r4\nout:\nexit",
    ["add w1, w0, w1", "cmp x1, x0", "csel x0, x1, x3, lo", "ret"],
  ],
];

describe("AArch64", () => {
  it.each(CASES)("%s", (_, source, gives) => expect(native(source, "arm64", "s")).toEqual(gives));
});
