/** What a comparison of one value says about another one: sums and products that wrap, values that only look alike. */

import { lookup, table, value } from "../program.ts";

const args = table("args");
const mem = table("mem");
const cmd = table("cmd");
const xdp = table("xdp");
const OUT = "; out: r0 = 0; exit";

// Memory of r2 bytes at r1; r3 is a 64-bit, a 32-bit or an 8-bit number of it.
const WIDE = "if r2 < 8 goto out; r3 = u64[r1+0]";
const HALF = "if r2 < 8 goto out; r3 = u32[r1+0]";
const BYTE = "if r2 < 8 goto out; r3 = u8[r1+0]";
const AT = "r1 += r3; !r0 = u8[r1+0]";
const good = (name: string, code: string) => mem.ok(name, `${code}${OUT}`);
const wrong = (name: string, code: string) => mem.no("memory-bounds", name, `${code}${OUT}`);

wrong("a product that wraps, below the length", `${WIDE}; r4 = r3; r4 *= 8; if r4 >= r2 goto out; ${AT}`);
wrong(
  "a shifted index that wraps, below the length",
  `${WIDE}; r4 = r3; r4 <<= 1; if r4 >= r2 goto out; ${AT}`,
);
wrong(
  "an index added to itself, below the length",
  `${WIDE}; r4 = r3; r4 += r3; if r4 >= r2 goto out; ${AT}`,
);
good(
  "a product that cannot wrap, below the length",
  `${BYTE}; r4 = r3; r4 *= 8; if r4 >= r2 goto out; r1 += r4; r0 = u8[r1+0]`,
);
wrong(
  "a product below the length, one byte more",
  `${BYTE}; r4 = r3; r4 *= 8; if r4 >= r2 goto out; r1 += r4; !r0 = u8[r1+1]`,
);
wrong(
  "an index less another, below the length",
  `${WIDE}; r5 = u8[r1+1]; r4 = r3; r4 -= r5; if r4 >= r2 goto out; ${AT}`,
);
wrong(
  "an index plus another that wraps, below the length",
  `${WIDE}; r5 = u64[r1+0]; r4 = r3; r4 += r5; if r4 >= r2 goto out; ${AT}`,
);
good(
  "an index plus another, below the length",
  `${BYTE}; r5 = u8[r1+1]; r4 = r3; r4 += r5; if r4 >= r2 goto out; r1 += r3; r1 += r5; r0 = u8[r1+0]`,
);
wrong(
  "an index plus another, below the length, one byte more",
  `${BYTE}; r5 = u8[r1+1]; r4 = r3; r4 += r5; if r4 >= r2 goto out; r1 += r3; r1 += r5; !r0 = u8[r1+1]`,
);
wrong(
  "an index plus another that was loaded again",
  `${BYTE}; r5 = u8[r1+1]; r4 = r3; r4 += r5; if r4 >= r2 goto out; r5 = u8[r1+1]; r1 += r3; r1 += r5; !r0 = u8[r1+0]`,
);
wrong(
  "a pointer that may wrap, below the end",
  `${WIDE}; r4 = r1; r4 += r3; r5 = r1; r5 += r2; if r4 >= r5 goto out; !r0 = u8[r4+0]`,
);
good(
  "a pointer that cannot wrap, below the end",
  `${HALF}; r4 = r1; r4 += r3; r5 = r1; r5 += r2; if r4 >= r5 goto out; r0 = u8[r4+0]`,
);
wrong(
  "a pointer with a negative offset, below the end",
  `if r2 < 8 goto out; r3 = s8[r1+0]; r4 = r1; r4 += r3; r5 = r1; r5 += r2; if r4 >= r5 goto out; !r0 = u8[r4+0]`,
);
wrong("what remains, unsigned", `${BYTE}; r4 = r2; r4 -= r3; if r4 < 4 goto out; r1 += r3; !r0 = u32[r1+0]`);
good("what remains, signed", `${BYTE}; r4 = r2; r4 -= r3; if r4 s< 4 goto out; r1 += r3; r0 = u32[r1+0]`);
wrong(
  "what remains, signed, one byte more",
  `${BYTE}; r4 = r2; r4 -= r3; if r4 s< 4 goto out; r1 += r3; !r0 = u32[r1+1]`,
);
wrong(
  "what remains, signed, of a wide index",
  `${WIDE}; r4 = r2; r4 -= r3; if r4 s< 4 goto out; r1 += r3; !r0 = u32[r1+0]`,
);
wrong(
  "the length less 4 may wrap",
  "r3 = 0; if r2 == 0 goto out; r3 = u8[r1+0]; r4 = r2; r4 -= 4; if r3 > r4 goto out; r1 += r3; !r0 = u32[r1+0]",
);
good(
  "the length less 4, of 8 at least",
  `${BYTE}; r4 = r2; r4 -= 4; if r3 > r4 goto out; r1 += r3; r0 = u32[r1+0]`,
);
good(
  "the length less 4, signed",
  "if r2 == 0 goto out; r3 = u8[r1+0]; r4 = r2; r4 -= 4; if r3 s> r4 goto out; r1 += r3; r0 = u32[r1+0]",
);
wrong(
  "the length less 4, one byte more",
  `${BYTE}; r4 = r2; r4 -= 4; if r3 > r4 goto out; r1 += r3; !r0 = u32[r1+1]`,
);
good(
  "half the length",
  `${BYTE}; r4 = r2; r4 >>= 1; if r3 >= r4 goto out; r3 <<= 1; r1 += r3; r0 = u16[r1+0]`,
);
wrong(
  "half the length, one byte more",
  `${BYTE}; r4 = r2; r4 >>= 1; if r3 >= r4 goto out; r3 <<= 1; r1 += r3; !r0 = u16[r1+1]`,
);
wrong("twice the length", `${BYTE}; r4 = r2; r4 <<= 1; if r3 >= r4 goto out; ${AT}`);
wrong("the length and something", `${BYTE}; r4 = r2; r4 |= 255; if r3 >= r4 goto out; ${AT}`);
wrong(
  "a sum in 32 bits that wraps",
  `${HALF}; w4 = w3; w4 += 4; if w4 > w2 goto out; r1 += r3; !r0 = u32[r1+0]`,
);
good(
  "a sum in 32 bits that cannot wrap",
  `${HALF}; if r3 > 0xffff goto out; w4 = w3; w4 += 4; if w4 > w2 goto out; r1 += r3; r0 = u32[r1+0]`,
);
wrong("a wide index cut to 32 bits", `${WIDE}; w4 = w3; if r4 >= r2 goto out; ${AT}`);
good(
  "a wide index cut to 32 bits, and the cut one used",
  `${WIDE}; w4 = w3; if r4 >= r2 goto out; r1 += r4; r0 = u8[r1+0]`,
);
wrong(
  "a wide index masked, and the wide one used",
  `${WIDE}; r4 = r3; r4 &= 0xff; if r4 >= r2 goto out; ${AT}`,
);
wrong(
  "a wide index with its sign, and the wide one used",
  `${WIDE}; r4 = (s32)r3; if r4 s< 0 goto out; if r4 s>= r2 goto out; ${AT}`,
);
good(
  "a 32-bit index with its sign",
  `${HALF}; r4 = (s32)r3; if r4 s< 0 goto out; if r4 s>= r2 goto out; r1 += r4; r0 = u8[r1+0]`,
);
wrong(
  "the index of the round before",
  `${BYTE}; r4 = 0; loop: r5 = r1; r5 += r3; !r0 = u8[r5+0]; r3 = r4; r4 += 1; if r4 < 300 goto loop`,
);
wrong(
  "the index that was checked, plus one",
  `r4 = 0; loop: if r4 >= r2 goto out; r4 += 1; r5 = r1; r5 += r4; !r0 = u8[r5+0]; goto loop`,
);
good(
  "the index that was checked, less one",
  `r4 = 1; loop: if r4 > r2 goto out; r5 = r1; r5 += r4; r0 = u8[r5-1]; r4 += 1; goto loop`,
);
wrong("the other of two indexes", `${BYTE}; r4 = u8[r1+1]; if r4 >= r2 goto out; ${AT}`);
wrong(
  "two indexes that change places",
  `${BYTE}; r4 = u8[r1+1]; if r4 >= r2 goto out; r6 = 0; loop: r5 = r1; r5 += r4; !r0 = u8[r5+0]; r5 = r3; r3 = r4; r4 = r5; r6 += 1; if r6 < 10 goto loop`,
);
wrong(
  "a check that held for another length",
  `${BYTE}; if r3 >= r2 goto out; r6 = r3; r3 = u8[r1+1]; r5 = r1; r5 += r3; !r0 = u8[r5+0]`,
);

// Numbers: r1 is unknown, data has 64 bytes.
const index = (check: string, register = "r1") =>
  `${check}; r6 = data; r6 += ${register}; !r0 = u8[r6+0]${OUT}`;
for (const [name, check] of [
  ["be16", "r4 = r1; r4 = be16 r4; if r4 > 63 goto out"],
  ["a remainder", "r4 = r1; r4 %= 64; if r4 > 63 goto out"],
  ["a signed quotient", "r4 = r1; r4 s/= 2; if r4 > 31 goto out"],
  ["a quotient in 32 bits", "w4 = w1; w4 /= 2; if w4 > 31 goto out"],
  ["a right shift in 32 bits", "w4 = w1; w4 >>= 1; if w4 > 31 goto out"],
  ["a left shift by 32", "r4 = r1; r4 <<= 32; r3 = 0x3f00000000 ll; if r4 > r3 goto out"],
  ["the low byte", "r4 = r1; r4 &= 255; if r4 > 63 goto out"],
  ["the sign of a byte", "r4 = (s8)r1; if r4 s< 0 goto out; if r4 s> 63 goto out"],
  ["a negation, one side", "r4 = r1; r4 = -r4; if r4 s> 0 goto out"],
  ["a negation in 32 bits", "r4 = r1; w4 = -w4; if w4 s> 0 goto out; if w4 s< -63 goto out"],
  ["64 minus it", "r4 = 64; r4 -= r1; if r4 > 64 goto out"],
  ["a sum with an unknown number", "r4 = r1; r4 += r2; if r4 > 63 goto out; if r2 > 63 goto out"],
  ["an and with an unknown number", "r4 = r1; r4 &= r2; if r4 > 63 goto out"],
  ["a product with an unknown number", "r4 = r1; r4 *= r2; if r4 > 63 goto out; if r2 == 0 goto out"],
  ["a product of 3 that wraps", "r4 = r1; r4 *= 3; if r4 > 189 goto out"],
  ["a copy of a copy that changed", "r4 = r1; r5 = r4; r4 += r2; if r4 > 63 goto out"],
  ["a 32-bit sum of a wide number", "r4 = r1; w4 += 0; if r4 > 63 goto out"],
] as const)
  args.no(["memory-bounds"], `${name} is compared`, index(check));
args.ok("63 minus it is compared", index("r4 = 63; r4 -= r1; if r4 > 63 goto out"));
args.ok("a difference that stays", index("r4 = r1; r4 -= 8; if r4 > 55 goto out"));
args.ok("a copy of a copy", index("r4 = r1; r5 = r4; if r5 > 63 goto out"));
args.ok(
  "a sum there and back",
  index("r4 = r1; r4 += 100; if r4 < 100 goto out; if r4 > 163 goto out; r4 -= 100", "r4"),
);

// Where states are joined, a low half must not become the whole.
const NEGATED =
  "r9 = r1; r9 s>>= 20; r8 = r9; if r2 == 0 goto a; r9 = -r9; a: w5 = w9; r4 = 1; loop: r4 += 1; if r4 s< 63 goto loop";
args.no(
  "memory-bounds",
  "the low half of one of two numbers",
  `${NEGATED}; if r5 > 63 goto out; r6 = data; r6 += r9; !r0 = u8[r6+0]${OUT}`,
);
args.ok(
  "the low half of one of two numbers is used",
  `${NEGATED}; if r5 > 63 goto out; r6 = data; r6 += r5; r0 = u8[r6+0]${OUT}`,
);

// Slots that change through other names.
const slot = (change: string) =>
  `u64[r10-8] = 5; r9 = r10; r9 += -8; ${change}; r1 = u64[r10-8]; r6 = data; r6 += r1; !r0 = u8[r6+0]${OUT}`;
args.no("memory-bounds", "a slot changed through a pointer", slot("u64[r9+0] = r1"));
args.no("memory-bounds", "a slot changed in part through a pointer", slot("u8[r9+1] = 1"));
args.no(
  "memory-bounds",
  "a slot changed through a spilled pointer",
  slot("u64[r10-16] = r9; r3 = u64[r10-16]; u64[r3+0] = r1"),
);
args.no(
  "memory-bounds",
  "a slot changed through one of two pointers",
  slot("u64[r10-24] = 0; if r1 == 0 goto a; r9 = r10; r9 += -24; a: u64[r9+0] = 64"),
);
args.no(
  "memory-bounds",
  "a slot changed in a loop through a pointer",
  `u64[r10-8] = 0; r9 = r10; r9 += -8; loop: r3 = u64[r10-8]; r6 = data; r6 += r3; !r0 = u8[r6+0]; r3 += 1; u64[r9+0] = r3; r1 += -1; if r1 != 0 goto loop${OUT}`,
);
args.no("memory-bounds", "a slot changed atomically through a pointer", slot("lock u64[r9+0] += r1"));
args.no(
  "memory-bounds",
  "a copy of a slot's number, the slot changed",
  `u64[r10-8] = r1; r3 = u64[r10-8]; u64[r10-8] = r2; r4 = u64[r10-8]; if r4 > 63 goto out; r6 = data; r6 += r3; !r0 = u8[r6+0]${OUT}`,
);

// Values that only look alike.
const TWO = `${value("array")}; r7 = r0; ${value("array")}`;
args.no(
  "memory-bounds",
  "a difference of values of two lookups",
  `${TWO}; r0 -= r7; r6 = data; r6 += r0; !r0 = u8[r6+0]${OUT}`,
  { dataSize: 1 },
);
args.no(
  "memory-bounds",
  "a difference of values of two rounds",
  `r9 = r1; ${value("array")}; r8 = r0; loop: ${value("array")}; r7 = r0; r7 -= r8; r6 = data; r6 += r7; !r1 = u8[r6+0]; r8 = r0; r9 += -1; if r9 != 0 goto loop${OUT}`,
  { dataSize: 1 },
);
args.ok(
  "a difference of one value's pointers",
  `${value("array")}; r7 = r0; r0 += 8; r0 -= r7; r6 = data; r6 += r0; r0 = u8[r6+0]${OUT}`,
  { dataSize: 9 },
);
args.no(
  "null-pointer",
  "a null check of the round before",
  `r9 = r1; r8 = 0; loop: ${lookup("array")}; r7 = r8; r8 = r0; if r7 == 0 goto next; !r1 = u8[r8+0]; next: r9 += -1; if r9 != 0 goto loop`,
);
args.ok(
  "a null check of the round before, for its value",
  `r9 = r1; r8 = 0; loop: ${lookup("array")}; r7 = r8; r8 = r0; if r7 == 0 goto next; r1 = u8[r7+0]; next: r9 += -1; if r9 != 0 goto loop`,
);
args.no(
  ["reference-released", "not-a-pointer", "uninitialised-register", "helper-argument"],
  "memory that was released, and as much again",
  `r1 = 8; call malloc; if r0 == 0 goto out; r6 = r0; r1 = r6; call free; r1 = 8; call malloc; if r0 == 0 goto out; r7 = r0; u8[r6+0] = 1; r1 = r7; call free${OUT}`,
);
args.no(
  ["reference-released", "not-a-pointer", "uninitialised-register", "helper-argument", "reference-leak"],
  "memory of the round before",
  `r9 = r1; r1 = 8; call malloc; if r0 == 0 goto out; r6 = r0; loop: r7 = r6; r1 = r6; call free; r1 = 8; call malloc; if r0 == 0 goto out; r6 = r0; u8[r7+0] = 1; r9 += -1; if r9 != 0 goto loop; r1 = r6; call free${OUT}`,
);
args.ok(
  "memory that is replaced in each round",
  `r9 = r1; r1 = 8; call malloc; if r0 == 0 goto out; r6 = r0; loop: r1 = r6; call free; r1 = 8; call malloc; if r0 == 0 goto out; r6 = r0; u8[r6+0] = 1; r9 += -1; if r9 != 0 goto loop; r1 = r6; call free${OUT}`,
);
args.ok(
  "a null check in a function",
  `${lookup("array")}; r6 = r0; r1 = r0; call f; if r0 == 0 goto out; r0 = u8[r6+0]${OUT}; fn f: r0 = 0; if r1 == 0 goto a; r0 = 1; a: exit`,
);
args.no(
  ["null-pointer", "not-a-pointer"],
  "a null check in a function, the wrong way",
  `${lookup("array")}; r6 = r0; r1 = r0; call f; if r0 != 0 goto out; !r0 = u8[r6+0]${OUT}; fn f: r0 = 0; if r1 == 0 goto a; r0 = 1; a: exit`,
);
cmd.no(
  "memory-bounds",
  "a character of another argument",
  `if r1 < 2 goto out; r3 = u64[r2+0]; r4 = u64[r2+8]; r5 = u8[r3+0]; if r5 == 0 goto out; !r0 = u8[r4+1]${OUT}`,
);
cmd.no(
  "memory-bounds",
  "the third character of an argument, loaded again",
  `r3 = u64[r2+0]; r4 = u64[r2+0]; r5 = u8[r3+0]; if r5 == 0 goto out; !r0 = u8[r4+2]${OUT}`,
);
cmd.no(
  "memory-bounds",
  "a character of the argument before",
  `r6 = r1; r7 = r2; r8 = u64[r2+0]; r3 = 0; loop: r4 = r3; r4 <<= 3; r4 += r7; r9 = u64[r4+0]; r5 = u8[r9+0]; if r5 == 0 goto out; !r0 = u8[r8+1]; r8 = r9; r3 += 1; if r3 < r6 goto loop${OUT}`,
);
cmd.no(
  "null-pointer",
  "an argument that was checked, another one used",
  `if r1 < 2 goto out; r3 = u64[r2+8]; if r3 == 0 goto out; r4 = u64[r2+16]; !r0 = u8[r4+0]${OUT}`,
);

// Packets: a check of one variable pointer, an access through another.
const START = "r2 = u32[r1+0]; r3 = u32[r1+4]; r4 = r2; r4 += 14; if r4 > r3 goto out";
xdp.ok(
  "a variable pointer that each round checks",
  `${START}; r4 = r2; r9 = 100; loop: r0 = u8[r4+0]; r5 = u8[r2+0]; r4 = r2; r4 += r5; r6 = r4; r6 += 1; if r6 > r3 goto out; r9 += -1; if r9 != 0 goto loop${OUT}`,
);
xdp.no(
  "packet-bounds",
  "a variable pointer, another is checked",
  `${START}; r4 = r2; r9 = 100; loop: !r0 = u8[r4+0]; r5 = u8[r2+0]; r4 = r2; r4 += r5; r5 = u8[r2+1]; r6 = r2; r6 += r5; r6 += 1; if r6 > r3 goto out; r9 += -1; if r9 != 0 goto loop${OUT}`,
);
xdp.no(
  "packet-bounds",
  "a variable pointer, that of the round before is checked",
  `${START}; r4 = r2; r7 = r2; r9 = 100; loop: !r0 = u8[r4+0]; r7 = r4; r5 = u8[r2+0]; r4 = r2; r4 += r5; r6 = r7; r6 += 1; if r6 > r3 goto out; r9 += -1; if r9 != 0 goto loop${OUT}`,
);
xdp.no(
  "packet-bounds",
  "a pointer checked before it moved",
  `${START}; r5 = u8[r2+0]; r4 = r2; r4 += r5; r6 = r4; r6 += 1; if r6 > r3 goto out; r5 = u8[r2+1]; r4 += r5; !r0 = u8[r4+0]${OUT}`,
);
xdp.no(
  "packet-bounds",
  "an offset loaded again after its check",
  `${START}; r5 = u8[r2+0]; r4 = r2; r4 += r5; r6 = r4; r6 += 1; if r6 > r3 goto out; r5 = u8[r2+0]; r2 += r5; !r0 = u8[r2+0]${OUT}`,
);
xdp.no(
  "packet-bounds",
  "a product of the offset",
  `${START}; r5 = u8[r2+0]; r4 = r2; r4 += r5; r6 = r4; r6 += 1; if r6 > r3 goto out; r5 <<= 1; r2 += r5; !r0 = u8[r2+0]${OUT}`,
);
xdp.no(
  "packet-bounds",
  "a length of the packet, masked",
  `${START}; r5 = r3; r5 -= r2; r5 &= 0xff00; if r5 == 0 goto out; r5 = 300; r2 += r5; !r0 = u8[r2+0]${OUT}`,
);
xdp.no(
  ["packet-bounds", "pointer-arithmetic"],
  "what remains, unsigned, in a packet",
  `${START}; r5 = u8[r2+0]; r6 = r3; r6 -= r2; r6 -= r5; if r6 < 4 goto out; r2 += r5; r0 = u32[r2+0]${OUT}`,
);

export const RELATIONS = [args, mem, cmd, xdp].flatMap(({ cases }) => cases);
