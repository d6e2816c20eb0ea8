/** What is known of numbers: each case computes r1, which is then an index of data; one byte less is refused. */

import { type More, table } from "../program.ts";

const { cases, ok, no } = table("args");
export const NUMBERS = cases;

const access = (code: string, at: number) =>
  `${code}; r6 = data+${at}; r6 += r1; !r0 = u8[r6+0]; out: r0 = 0; exit`;

/** r1 … r5 are unknown; r1 takes every bound that is given, and the verifier must know it exactly. */
function range(name: string, min: number, max: number, code: string, more: More = {}): void {
  const dataSize = max - min + 1;
  ok(`${name}: ${min} … ${max}`, access(code, -min), { ...more, dataSize });
  no("memory-bounds", `${name}: up to ${max}`, access(code, -min), { ...more, dataSize: dataSize - 1 });
  no("memory-bounds", `${name}: from ${min}`, access(code, -min - 1), { ...more, dataSize });
}

/** r1 may be something outside of `min` … `max`; how much the verifier knows is left open. */
function beyond(name: string, min: number, max: number, code: string): void {
  no("memory-bounds", name, access(code, -min), { dataSize: max - min + 1 });
}

// Masks.
range("and", 0, 63, "r1 &= 63");
range("and in 32 bits", 0, 63, "w1 &= 63");
range("and with a register", 0, 31, "r2 = 31; r1 &= r2");
range("and of two bounded numbers", 0, 60, "r1 &= 255; r2 &= 0x3c; r1 &= r2");
range("and with a negative immediate", 0, 248, "r1 &= 255; r1 &= -8");
range("and in 32 bits clears the upper half", 0, 63, "w1 &= -1; r1 >>= 26");
beyond("and with a negative immediate keeps the upper half", 0, 63, "r1 &= -4; r1 >>= 26");
beyond("and of a byte with all ones or none", 0, 63, "r2 s>>= 63; r1 &= 255; r1 &= r2; r1 += 1");
range("or", 32, 47, "r1 &= 15; r1 |= 32");
range("or fills holes", 3, 15, "r1 &= 12; r1 |= 3");
range("or of two", 0, 31, "r1 &= 15; r2 &= 16; r1 |= r2");
range("xor", 0, 15, "r1 &= 15; r1 ^= 15");
range("xor sets a bit", 16, 31, "r1 &= 15; r1 ^= 16");
range("xor of a register with itself", 0, 0, "r1 ^= r1");
range("sub of a register from itself", 0, 0, "r1 -= r1");

// Shifts.
range("right shift", 0, 63, "r1 >>= 58");
range("right shift in 32 bits", 0, 63, "w1 >>= 26");
range("signed right shift", -32, 31, "r1 s>>= 58");
range("signed right shift in 32 bits, extended", -32, 31, "w1 s>>= 26; r1 <<= 32; r1 s>>= 32");
beyond("signed right shift in 32 bits is zero-extended", -32, 31, "w1 s>>= 26");
range("left shift", 0, 48, "r1 &= 3; r1 <<= 4");
range("left shift by a register", 1, 8, "r2 &= 3; r1 = 1; r1 <<= r2");
range("left shift by 65 in a register", 2, 2, "r2 = 65; r1 = 1; r1 <<= r2");
range("left shift by 33 in a register, 32 bits", 2, 2, "r2 = 33; w1 = 1; w1 <<= w2");
range("left shift in 32 bits drops what leaves", 0, 0, "w1 <<= 31; w1 <<= 1");
range("right shift by a bounded register", 0, 15, "r2 &= 3; r2 += 60; r1 >>= r2");
beyond("right shift by an unknown register", 0, 63, "r1 >>= r2");
beyond("right shift by a register that may be 0 modulo 64", 0, 1, "r2 &= 64; r1 &= 3; r1 >>= r2");
range("left shift wraps", 0, 0, "r1 &= 1; r1 <<= 63; r1 <<= 1");
range("arithmetic shift of a negative range", -4, 3, "r1 &= 15; r1 -= 8; r1 s>>= 1");
range("shift left and right extends zeros", 0, 63, "r1 <<= 58; r1 >>= 58");
range("shift left and right extends signs", -32, 31, "r1 <<= 58; r1 s>>= 58");

// Sums, differences, products.
range("add", 8, 23, "r1 &= 15; r1 += 8");
range("add of a negative immediate", -8, 7, "r1 &= 15; r1 += -8");
range("sub", -8, 7, "r1 &= 15; r1 -= 8");
range("add of two", 0, 14, "r1 &= 7; r2 &= 7; r1 += r2");
range("sub of two", -7, 7, "r1 &= 7; r2 &= 7; r1 -= r2");
range("sub wraps below zero", -64, -1, "r1 &= 63; r1 += -64");
range("mul", 0, 45, "r1 &= 15; r1 *= 3");
range("mul of two", 0, 49, "r1 &= 7; r2 &= 7; r1 *= r2");
range("mul by a negative number", -45, 0, "r1 &= 15; r1 *= -3");
beyond("mul wraps", 0, 63, "r1 &= 1; r2 = 0x4000000000000010 ll; r1 *= r2; r1 *= 4; r1 += 1");
range("neg", -15, 0, "r1 &= 15; r1 = -r1");
range("neg in 32 bits is zero-extended", 0, 15, "w1 &= 1; w1 = -w1; r1 >>= 28");
range("add in 32 bits is zero-extended", 63, 63, "r1 = -1; w1 += 0; r1 >>= 26");
range("add in 32 bits wraps", 0, 0, "w1 = -1; w1 += 1");
range("sub in 32 bits wraps", 15, 15, "r1 &= 15; w1 -= 16; r1 >>= 28");
range("mul in 32 bits wraps", 0, 0, "w1 = 0x10000; w1 *= 0x10000");
range("constants", 50, 50, "r1 = 10; r1 *= 7; r1 -= 20");
range("constants in 32 bits", 6, 6, "w1 = 10; w1 ^= 3; w1 -= 3");
range("carries between known bits", 16, 256, "r1 &= 0xf0; r1 |= 15; r1 += 1");
beyond("add of an unknown number", 0, 63, "r1 &= 7; r1 += r2");
beyond("add of 32 unknown bits wraps", 0, 63, "w1 = w1; w2 = w2; r1 += r2; w1 += 0; r1 >>= 20");

// Division.
range("div", 0, 31, "r1 &= 255; r1 /= 8");
range("div by an unknown number", 0, 63, "r1 &= 63; r1 /= r2");
range("div in 32 bits", 0, 63, "w1 /= 0x4000000");
range("mod", 0, 16, "r1 %= 17");
range("mod in 32 bits", 0, 16, "w1 %= 17");
range("mod by an unknown number", 0, 31, "r1 &= 31; r1 %= r2");
range("mod by a bounded number that is not 0", 0, 15, "r2 &= 15; r2 += 1; r1 %= r2");
beyond("mod by what may be 0 is the dividend", 0, 63, "r2 &= 63; r1 %= r2");
beyond("mod by what may be 0 in 32 bits", 0, 63, "r2 &= 63; w1 %= w2");
range("mod by 0 in a register", 0, 63, "r2 = 0; r1 &= 63; r1 %= r2");
range("div by 0 in a register", 0, 0, "r2 = 0; r1 /= r2");
range("div by a multiple of 2^32 in 32 bits is 0", 0, 0, "r2 = 0x100000000 ll; w1 /= w2");
range(
  "mod by a multiple of 2^32 in 32 bits is the dividend",
  0,
  63,
  "r2 = 0x100000000 ll; w1 &= 63; w1 %= w2",
);
beyond(
  "mod by an unknown multiple of 2^32 in 32 bits",
  0,
  62,
  "r2 <<= 32; r2 |= 64; r2 -= 64; w1 &= 63; w1 %= w2",
);
beyond("mod by a negative immediate is unsigned", 0, 63, "r1 %= -1; r1 += 64");
range("div by a negative immediate is unsigned", 0, 1, "r1 /= -1");
range("div by a negative immediate in 32 bits", 0, 1, "w1 /= -1");
range("signed div by a negative number", -31, 0, "r1 &= 63; r1 s/= -2");
range("signed div of a range around 0", -4, 3, "r1 &= 15; r1 -= 8; r1 s/= 2");
range("signed div rounds to zero", -2, 2, "r1 &= 15; r1 -= 8; r1 s/= 3");
beyond("signed div by what may be negative", 0, 15, "r1 &= 15; r2 &= 3; r2 -= 2; r1 s/= r2");
beyond("signed div by what may be 1", -7, 7, "r1 &= 15; r2 &= 3; r2 -= 2; r1 s/= r2");
range(
  "signed div of the least number by -1",
  2,
  2,
  "r1 = 0x8000000000000000 ll; r2 = -1; r1 s/= r2; r1 >>= 62",
);
range("signed div of the least 32-bit number by -1", 2, 2, "w1 = 0x80000000; r2 = -1; w1 s/= w2; r1 >>= 30");
range("signed mod", -4, 4, "r1 s%= 5");
range("signed mod by a negative number", -4, 4, "r1 s%= -5");
range("signed mod of what is not negative", 0, 4, "r1 &= 255; r1 s%= -5");
range("signed mod by -1", 0, 0, "r1 s%= -1");
beyond("signed mod takes the dividend's sign", 0, 4, "r1 &= 255; r1 -= 128; r1 s%= 5");
beyond("signed mod by what may be 0", -4, 4, "r2 &= 3; r1 s%= r2");

// Moves, extensions, byte order.
range("a 32-bit move clears the upper half", 0, 63, "w1 = w2; r1 >>= 26");
range("a 32-bit move of a register to itself clears the upper half", 0, 63, "w1 = w1; r1 >>= 26");
range("a 32-bit move of a constant register to itself", 15, 15, "r1 = -1; w1 = w1; r1 >>= 28");
range("a 32-bit immediate is zero-extended", 63, 63, "w1 = -1; r1 >>= 26");
range("a 64-bit immediate is sign-extended", -1, -1, "r1 = -1");
range("a 64-bit immediate has 64 bits", 63, 63, "r1 = 0xffffffff ll; r1 >>= 26");
range("a byte with its sign", -128, 127, "r1 = (s8)r1");
range("a byte with its sign that has none", 0, 127, "r1 &= 127; r1 = (s8)r1");
range("a byte with its sign in 32 bits, extended", -128, 127, "w1 = (s8)w1; r1 <<= 32; r1 s>>= 32");
beyond("a byte with its sign in 32 bits is zero-extended", -128, 127, "w1 = (s8)w1");
range("16 bits with their sign", -128, 127, "r1 = (s16)r1; r1 s>>= 8");
range("32 bits with their sign", -64, 63, "r1 = (s32)r1; r1 s>>= 25");
beyond("a byte with its sign is not the byte", 0, 255, "r1 &= 255; r1 = (s8)r1");
range("a constant with its sign", -128, -128, "r1 = 0x180; r1 = (s8)r1");
range("be16", 0, 63, "r1 = be16 r1; r1 >>= 10");
range("be16 of a byte", 0, 255, "r1 &= 255; r1 = be16 r1; r1 >>= 8");
beyond("be16 of a byte is not a byte", 0, 255, "r1 &= 255; r1 = be16 r1");
range("le16", 0, 63, "r1 = le16 r1; r1 >>= 10");
range("le32 clears the upper half", 0, 63, "r1 = le32 r1; r1 >>= 26");
range("bswap32", 0, 63, "r1 = bswap32 r1; r1 >>= 26");
range("bswap64 of a few bits", 0, 63, "r1 &= 63; r1 = bswap64 r1; r1 >>= 56");

// Comparisons with immediates.
range("jgt", 0, 63, "if r1 > 63 goto out");
range("jge", 0, 63, "if r1 >= 64 goto out");
range("jlt", 0, 63, "if r1 < 64 goto in; goto out; in:");
range("jle", 0, 63, "if r1 <= 63 goto in; goto out; in:");
range("signed comparisons", 0, 63, "if r1 s< 0 goto out; if r1 s> 63 goto out");
range("signed comparisons around 0", -8, 7, "if r1 s< -8 goto out; if r1 s>= 8 goto out");
range(
  "signed comparisons, taken",
  -8,
  7,
  "if r1 s>= -8 goto a; goto out; a: if r1 s<= 7 goto in; goto out; in:",
);
beyond("a signed upper bound alone", 0, 63, "if r1 s> 63 goto out");
beyond("a signed lower bound alone", 0, 63, "if r1 s< 0 goto out");
beyond("an unsigned lower bound alone", 0, 63, "if r1 < 8 goto out");
range("an unsigned comparison with a negative immediate", -16, -1, "if r1 < -16 goto out");
range("a sum, then an unsigned bound", 0, 15, "r1 += 8; if r1 > 15 goto out");
range("jeq", 5, 5, "if r1 == 5 goto in; goto out; in:");
range("jne", 5, 5, "if r1 != 5 goto out");
range("jeq with a negative immediate", -5, -5, "if r1 != -5 goto out");
range("jne at the upper end", 0, 62, "r1 &= 63; if r1 == 63 goto out");
range("jne at the lower end", 1, 63, "r1 &= 63; if r1 == 0 goto out");
range("jset, not taken", 0, 63, "if r1 & -64 goto out");
range("jset, taken", 64, 127, "r1 &= 127; if r1 & 64 goto in; goto out; in:");
beyond("jset of several bits, taken", 96, 127, "r1 &= 127; if r1 & 96 goto in; goto out; in:");
beyond("jset, the wrong way", 0, 63, "if r1 & -64 goto in; goto out; in:");
beyond("jgt, the wrong way", 0, 63, "if r1 > 63 goto in; goto out; in:");
beyond("jne, the wrong way", 5, 5, "r1 &= 7; if r1 == 5 goto out");

// 32-bit comparisons.
beyond("a 32-bit comparison does not bound 64 bits", 0, 63, "if w1 > 63 goto out");
beyond("a 32-bit jeq is not 64 bits", 5, 5, "if w1 != 5 goto out");
beyond("a 32-bit jset does not bound 64 bits", 0, 63, "if w1 & -64 goto out");
beyond("32-bit signed comparisons do not bound 64 bits", 0, 63, "if w1 s< 0 goto out; if w1 s> 63 goto out");
beyond("64-bit signed comparisons do not bound the low half", 0, 63, "if r1 s> 63 goto out; w1 = w1");
beyond("a 32-bit signed upper bound alone", 0, 63, "if w1 s> 63 goto out; w1 = w1");
beyond("a 32-bit comparison with 0", 0, 63, "if w1 != 0 goto out; r1 >>= 16");
range("a 32-bit comparison bounds the low half", 0, 63, "if w1 > 63 goto out; w1 = w1");
range(
  "32-bit signed comparisons bound the low half",
  0,
  63,
  "if w1 s< 0 goto out; if w1 s> 63 goto out; w1 = w1",
);
range(
  "32-bit signed comparisons around 0, extended",
  -8,
  7,
  "if w1 s< -8 goto out; if w1 s> 7 goto out; r1 = (s32)r1",
);
range("a 32-bit jset bounds the low half", 0, 63, "if w1 & -64 goto out; w1 = w1");
range("a 32-bit jne sets the low half", 5, 5, "if w1 != 5 goto out; w1 = w1");
range("a 32-bit comparison of a 32-bit number", 0, 63, "r1 >>= 32; if w1 > 63 goto out");
range("a 32-bit signed comparison of a 31-bit number", 0, 63, "r1 >>= 33; if w1 s> 63 goto out");
range("a 64-bit comparison bounds the low half", 0, 63, "if r1 > 63 goto out; w1 += 0");
range("a 64-bit signed comparison of 32 bits", 0, 63, "w1 = w1; if r1 s> 63 goto out");
beyond("a 32-bit signed comparison of 32 bits", 0, 63, "w1 = w1; if w1 s> 63 goto out");
range("a 32-bit comparison with a negative immediate", 0, 15, "if w1 < -16 goto out; w1 += 16");

// Comparisons with registers.
range("jgt with a constant", 0, 63, "r2 = 63; if r1 > r2 goto out");
range("jgt with a constant on the other side", 0, 63, "r2 = 64; if r2 <= r1 goto out");
range("jge with a bounded number", 0, 62, "r2 &= 63; if r1 >= r2 goto out");
range("jgt with a bounded number", 0, 63, "r2 &= 63; if r1 > r2 goto out");
range("jlt with a bounded number on the other side", 0, 62, "r2 &= 63; if r1 < r2 goto in; goto out; in:");
range("jgt with a range", 0, 23, "r2 &= 15; r2 += 8; if r1 > r2 goto out");
range("jeq with a bounded number", 0, 31, "r2 &= 31; if r1 != r2 goto out");
range("signed with bounded numbers", -8, 7, "r2 &= 15; r2 -= 8; if r1 s> r2 goto out; if r1 s< -8 goto out");
beyond("jgt with an unknown number", 0, 63, "if r1 > r2 goto out");
beyond("jgt with a number that may be negative", 0, 63, "r2 &= 63; r2 -= 1; if r1 > r2 goto out");
beyond("signed jgt with a bounded number", 0, 63, "r2 &= 63; if r1 s> r2 goto out");

// Copies and spills learn together.
range("a copy that is compared", 0, 63, "r2 = r1; if r2 > 63 goto out");
range("a copy of what was compared", 0, 63, "if r2 > 63 goto out; r1 = r2");
range("a sum that is compared", -1, 63, "r2 = r1; r2 += 1; if r2 > 64 goto out");
range(
  "a sum of a small number that is compared",
  0,
  63,
  "r1 &= 0xffff; r2 = r1; r2 += 4; if r2 > 67 goto out",
);
range("a 32-bit copy that is compared", 0, 63, "w2 = w1; if w2 > 63 goto out; w1 = w1");
range("a 32-bit copy of a 32-bit number that is compared", 0, 63, "r1 >>= 32; w2 = w1; if w2 > 63 goto out");
beyond("a 32-bit copy that is compared does not bound 64 bits", 0, 63, "w2 = w1; if w2 > 63 goto out");
range(
  "shifts of a copy that is compared",
  0,
  63,
  "r2 = r1; r2 <<= 32; r2 >>= 32; if r2 > 63 goto out; r1 <<= 32; r1 >>= 32",
);
range(
  "signed shifts of a copy that is compared",
  -8,
  63,
  "r2 = r1; r2 <<= 32; r2 s>>= 32; if r2 s> 63 goto out; if r2 s< -8 goto out; r1 <<= 32; r1 s>>= 32",
);
range(
  "a number in the upper half that is compared",
  0,
  63,
  "r1 <<= 32; r3 = 0x3f00000000 ll; if r1 > r3 goto out; r1 >>= 32",
);
range("a spilled number that is compared", 0, 63, "u64[r10-8] = r1; r2 = u64[r10-8]; if r2 > 63 goto out");
range(
  "a number that is compared after its spill",
  0,
  63,
  "u64[r10-8] = r1; if r1 > 63 goto out; r1 = u64[r10-8]",
);
range("a spill of 32 bits", 0, 63, "if w1 > 63 goto out; u32[r10-8] = w1; r1 = u32[r10-8]");
range("a spill of 16 bits", 0, 63, "if r1 > 63 goto out; u16[r10-8] = w1; r1 = u16[r10-8]");
range("a spill of 8 bits", 0, 63, "if r1 > 63 goto out; u8[r10-8] = w1; r1 = u8[r10-8]");
range(
  "two spills of one number",
  0,
  63,
  "u64[r10-8] = r1; u64[r10-16] = r1; r2 = u64[r10-16]; if r2 > 63 goto out; r1 = u64[r10-8]",
);
beyond("a copy that changed", 0, 63, "r2 = r1; r2 ^= r3; if r2 > 63 goto out");
beyond("a copy whose original changed", 0, 63, "r2 = r1; r1 += r3; if r2 > 63 goto out");
beyond("a copy that was written to", 0, 63, "r2 = r1; r2 = r3; if r2 > 63 goto out");
beyond(
  "a spill that was written to",
  0,
  63,
  "u64[r10-8] = r1; u64[r10-8] = r3; r2 = u64[r10-8]; if r2 > 63 goto out",
);
beyond(
  "a spill that was written to in part",
  0,
  63,
  "if r1 > 63 goto out; u64[r10-8] = r1; u8[r10-7] = 1; r1 = u64[r10-8]",
);
beyond("a product that is compared", 0, 63, "r2 = r1; r2 *= 2; if r2 > 62 goto out");
beyond("a left shift that is compared", 0, 63, "r2 = r1; r2 <<= 1; if r2 > 62 goto out");
beyond("a sum with an unknown number that is compared", 0, 63, "r2 = r1; r2 += r3; if r2 > 63 goto out");
beyond("a difference that is compared", 0, 63, "r2 = 63; r2 -= r1; if r2 s< 0 goto out");
beyond("a sum of an unknown number that is compared", 0, 62, "r2 = r1; r2 += 1; if r2 > 64 goto out");
beyond("a sum in 32 bits that is compared", 0, 63, "r2 = r1; w2 += 1; if w2 > 64 goto out; w1 = w1");

// Loads and stores.
range("a byte", 0, 255, "u64[r10-8] = r1; r1 = u8[r10-8]");
range("16 bits, shifted", 0, 63, "u64[r10-8] = r1; r1 = u16[r10-8]; r1 >>= 10");
range("32 bits, shifted", 0, 63, "u64[r10-8] = r1; r1 = u32[r10-8]; r1 >>= 26");
range("a byte with its sign, loaded", -128, 127, "u64[r10-8] = r1; r1 = s8[r10-8]");
range("16 bits with their sign, loaded", -128, 127, "u64[r10-8] = r1; r1 = s16[r10-8]; r1 s>>= 8");
range("32 bits with their sign, loaded", -64, 63, "u64[r10-8] = r1; r1 = s32[r10-8]; r1 s>>= 25");
range("the low half of a spilled number", 0, 63, "if r1 > 63 goto out; u64[r10-8] = r1; r1 = u32[r10-8]");
range("the high half of a spilled number", 0, 0, "if r1 > 63 goto out; u64[r10-8] = r1; r1 = u32[r10-4]");
range("a byte of a stored constant", 3, 3, "r2 = 0x0a0b0c0305 ll; u64[r10-8] = r2; r1 = u8[r10-7]");
range("a stored negative immediate, 64 bits", -1, -1, "u64[r10-8] = -1; r1 = u64[r10-8]");
range("a stored negative immediate, 32 bits", 63, 63, "u32[r10-8] = -1; r1 = u32[r10-8]; r1 >>= 26");
range("a stored negative immediate, 8 bits", 255, 255, "u8[r10-8] = -1; r1 = u8[r10-8]");
range("the high half of a stored negative immediate", 63, 63, "u64[r10-8] = -1; r1 = u32[r10-4]; r1 >>= 26");
range("two stored halves", 5, 5, "u32[r10-8] = 5; u32[r10-4] = 0; r1 = u64[r10-8]");
range("a number stored in a byte is cut", 0, 255, "u8[r10-8] = w1; r1 = u8[r10-8]");
beyond(
  "a number stored in a byte is not the number",
  0,
  255,
  "r2 = r1; u8[r10-8] = w1; r3 = u8[r10-8]; if r3 > 255 goto out; r1 = r2",
);
beyond(
  "a byte comparison does not bound the number",
  0,
  63,
  "u64[r10-8] = r1; r3 = u8[r10-8]; if r3 > 63 goto out; r1 = u64[r10-8]",
);

// Several paths.
range("min", 0, 63, "if r1 < 63 goto in; r1 = 63; in:");
range("min in 32 bits", 0, 63, "w1 = w1; if w1 < 63 goto in; w1 = 63; in:");
beyond("signed min", 0, 63, "if r1 s< 63 goto in; r1 = 63; in:");
range("clamp", 0, 63, "if r1 s> 0 goto a; r1 = 0; a: if r1 s< 63 goto b; r1 = 63; b:");
range("max", 8, 63, "r1 &= 63; if r1 > 8 goto a; r1 = 8; a:");
range("one of two", 0, 15, "r1 &= 7; if r2 == 0 goto a; r1 += 8; a:");
range(
  "the bound on one path, and a flag for it",
  0,
  63,
  "if r2 == 0 goto a; r1 &= 63; r3 = 1; goto b; a: r3 = 0; b: if r3 == 0 goto out",
);
beyond("the bound on one path alone", 0, 63, "if r2 == 0 goto a; r1 &= 63; a:");
range("a branch that cannot be taken", 0, 63, "r3 = 5; r1 &= 63; if r3 == 5 goto in; r1 = r2; in:");
range(
  "a branch that is always taken in 32 bits",
  0,
  63,
  "r3 = 0x100000005 ll; r1 &= 63; if w3 == 5 goto in; r1 = r2; in:",
);
beyond(
  "a branch that 64 bits take",
  0,
  63,
  "r3 = 0x100000005 ll; r1 &= 63; if r3 == 5 goto in; r1 = r2; in:",
);
range("a comparison of a register with itself", 0, 63, "r1 &= 63; if r2 == r2 goto in; r1 = r2; in:");
range(
  "a switch",
  0,
  40,
  "if r1 == 1 goto a; if r1 == 2 goto b; r1 = 0; goto in; a: r1 = 10; goto in; b: r1 = 40; in:",
);

// A register compared with itself: its low half may be 0 when it is not.
no(
  "memory-bounds",
  "a 32-bit jset of a register with itself",
  "r3 = 0x100000000 ll; r2 = data; if w3 & w3 goto out; !r0 = u8[r2+64]; out:",
);
no(
  "memory-bounds",
  "a 64-bit jset of a register with itself",
  "r2 = data; if r1 & r1 goto out; !r0 = u8[r2+64]; out:",
);
ok(
  "a 64-bit jset of a register that is not 0",
  "r3 = 0x100000000 ll; r2 = data; if r3 & r3 goto out; r0 = u8[r2+64]; out:",
);
