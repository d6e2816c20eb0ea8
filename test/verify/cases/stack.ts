/** The stack: bounds, alignment, what was written, spilled pointers, variable offsets. */

import { table } from "../program.ts";

const { cases, ok, no } = table("args");
export const STACK = cases;

// Bounds.
ok("the highest slot", "u64[r10-8] = 1; r0 = u64[r10-8]");
ok("the lowest slot", "u64[r10-512] = 1; r0 = u64[r10-512]");
ok("the highest byte", "u8[r10-1] = 1; r0 = u8[r10-1]");
ok("the lowest byte", "u8[r10-512] = 1; r0 = u8[r10-512]");
no("stack-bounds", "below the lowest slot", "!u64[r10-520] = 1");
no("stack-bounds", "below the lowest byte", "!u8[r10-513] = 1");
no("stack-bounds", "above the highest slot", "!u64[r10+0] = 1");
no("stack-bounds", "above the highest byte", "!u8[r10+0] = 1");
no("stack-bounds", "a load above the frame", "!r0 = u64[r10+8]");
no("stack-bounds", "a load below the frame", "!r0 = u64[r10-520]");
no(["stack-bounds", "stack-alignment"], "across the upper end", "!u64[r10-4] = 1");
no(["stack-bounds", "stack-alignment"], "across the lower end", "!u64[r10-516] = 1");
ok("through a copy", "r2 = r10; u64[r2-8] = 1; r0 = u64[r10-8]");
ok("through a sum", "r2 = r10; r2 += -512; u64[r2+504] = 1; r0 = u64[r10-8]");
no("stack-bounds", "through a sum, above", "r2 = r10; r2 += -512; !u64[r2+512] = 1");
no("stack-bounds", "through a sum, below", "r2 = r10; r2 += -512; !u64[r2-8] = 1");
ok("through a sum outside of the frame", "r2 = r10; r2 += 8; u64[r2-16] = 1; r0 = u64[r10-8]");
ok("through a difference", "r2 = r10; r2 -= 16; u64[r2+0] = 1; r0 = u64[r10-16]");
ok("through a sum with a register", "r2 = r10; r3 = -8; r2 += r3; u64[r2+0] = 1; r0 = u64[r10-8]");
ok("the number first", "r2 = -8; r2 += r10; u64[r2+0] = 1; r0 = u64[r10-8]");
ok("through a 64-bit immediate", "r2 = r10; r3 = 0xfffffffffffffff8 ll; r2 += r3; u64[r2+0] = 1");
no(
  ["stack-bounds", "pointer-arithmetic"],
  "a 32-bit offset is not negative",
  "r2 = r10; w3 = -8; r2 += r3; u64[r2+0] = 1",
);
no(
  ["stack-bounds", "pointer-arithmetic"],
  "around 32 bits",
  "r2 = r10; r3 = 0x7fffffff; r2 += r3; r2 += r3; r2 += 2; u64[r2-8] = 1",
);
no(
  ["stack-bounds", "pointer-arithmetic"],
  "far above",
  "r2 = r10; r3 = 0x7ffffffffffffff8 ll; r2 += r3; u64[r2+0] = 1",
);
no(
  ["stack-bounds", "pointer-arithmetic"],
  "far below",
  "r2 = r10; r3 = 0x8000000000000000 ll; r2 += r3; u64[r2-8] = 1",
);
no(
  ["stack-bounds", "pointer-arithmetic"],
  "at 2^32",
  "r2 = r10; r3 = 0x100000000 ll; r2 += r3; u64[r2-8] = 1",
);

// Alignment (decided: accesses are aligned to their size).
ok(
  "aligned accesses of each size",
  "u8[r10-1] = 1; u16[r10-4] = 1; u32[r10-8] = 1; r0 = u32[r10-8]; r0 = u16[r10-4]; r0 = u8[r10-1]",
);
no("stack-alignment", "8 bytes at 12", "!u64[r10-12] = 1");
no("stack-alignment", "8 bytes at 9", "!u64[r10-9] = 1");
no("stack-alignment", "4 bytes at 6", "!u32[r10-6] = 1");
no("stack-alignment", "2 bytes at 3", "!u16[r10-3] = 1");
no("stack-alignment", "a load of 4 bytes at 7", "u64[r10-8] = 1; !r0 = u32[r10-7]");
no("stack-alignment", "a load of 8 bytes at 12", "u64[r10-8] = 1; u64[r10-16] = 1; !r0 = u64[r10-12]");
ok("alignment counts from r10", "r2 = r10; r2 += -4; u64[r2-4] = 1; r0 = u64[r10-8]");
no("stack-alignment", "alignment through a sum", "r2 = r10; r2 += -4; !u64[r2-8] = 1");

// Reading what was not written.
no("uninitialised-stack", "a load of nothing", "!r0 = u64[r10-8]");
no("uninitialised-stack", "a load of a byte of nothing", "!r0 = u8[r10-8]");
no("uninitialised-stack", "a load next to a store", "u64[r10-16] = 1; !r0 = u64[r10-8]");
no("uninitialised-stack", "a load of more than was stored", "u32[r10-8] = 1; !r0 = u64[r10-8]");
no(
  "uninitialised-stack",
  "seven of eight bytes",
  "u32[r10-8] = 1; u16[r10-4] = 1; u8[r10-2] = 1; !r0 = u64[r10-8]",
);
ok("eight of eight bytes", "u32[r10-8] = 1; u16[r10-4] = 1; u8[r10-2] = 1; u8[r10-1] = 1; r0 = u64[r10-8]");
no("uninitialised-stack", "the next byte", "u8[r10-8] = 1; !r0 = u8[r10-7]");
no("uninitialised-stack", "the byte before", "u8[r10-8] = 1; !r0 = u8[r10-9]");
no("uninitialised-stack", "written on one path", "if r1 == 0 goto a; u64[r10-8] = 1; a: !r0 = u64[r10-8]");
ok(
  "written on both paths",
  "if r1 == 0 goto a; u64[r10-8] = 1; goto b; a: u64[r10-8] = 2; b: r0 = u64[r10-8]",
);
ok(
  "written and read on one path",
  "r2 = r1; if r1 == 0 goto a; u64[r10-8] = 1; a: if r2 == 0 goto out; r0 = u64[r10-8]; out:",
);
no(
  "uninitialised-stack",
  "half written on each path",
  "if r1 == 0 goto a; u32[r10-8] = 1; goto b; a: u32[r10-4] = 2; b: !r0 = u64[r10-8]",
);
ok("rewritten by less", "u64[r10-8] = -1; u8[r10-8] = 0; r0 = u64[r10-8]");
ok("a store of an unknown number", "u64[r10-8] = r1; r0 = u64[r10-8]");
no("uninitialised-register", "a store of an uninitialised register", "!u64[r10-8] = r6");
no("uninitialised-register", "a store of a byte of an uninitialised register", "!u8[r10-8] = r6");

// Spilled pointers.
const spill = table("mem:64");
spill.ok("a pointer there and back", "u64[r10-8] = r1; r3 = u64[r10-8]; r0 = u64[r3+56]");
spill.no(
  "memory-bounds",
  "a pointer there and back keeps its bounds",
  "u64[r10-8] = r1; r3 = u64[r10-8]; !r0 = u64[r3+57]",
);
spill.ok("a pointer with an offset", "r1 += 8; u64[r10-8] = r1; r3 = u64[r10-8]; r0 = u64[r3+48]");
spill.no(
  "memory-bounds",
  "a pointer with an offset keeps it",
  "r1 += 8; u64[r10-8] = r1; r3 = u64[r10-8]; !r0 = u64[r3+49]",
);
spill.ok("a stack pointer", "u64[r10-8] = r10; r3 = u64[r10-8]; u64[r3-16] = 1; r0 = u64[r10-16]");
spill.ok(
  "two pointers",
  "u64[r10-8] = r1; u64[r10-16] = r10; r3 = u64[r10-8]; r4 = u64[r10-16]; u64[r4-24] = 0; r0 = u8[r3+63]",
);
for (const [bits, at] of [
  [8, 8],
  [8, 1],
  [16, 4],
  [32, 8],
  [32, 4],
])
  spill.no(
    "spilled-pointer",
    `${bits} bits stored over a pointer at ${at}`,
    `u64[r10-8] = r1; u${bits}[r10-${at}] = 0; !r3 = u64[r10-8]`,
  );
for (const [bits, at] of [
  [8, 8],
  [8, 1],
  [16, 4],
  [32, 8],
  [32, 4],
])
  spill.no(
    "spilled-pointer",
    `${bits} bits loaded of a pointer at ${at}`,
    `u64[r10-8] = r1; !r3 = u${bits}[r10-${at}]`,
  );
// Decided: overwriting a pointer in part is fine until its bytes are read.
spill.ok("a pointer overwritten in part and not read", "u64[r10-8] = r1; u32[r10-8] = 0");
spill.ok(
  "a pointer overwritten in part, the new part read",
  "u64[r10-8] = r1; u32[r10-8] = 0; r3 = u32[r10-8]",
);
spill.no(
  "spilled-pointer",
  "a pointer overwritten in part, the old part read",
  "u64[r10-8] = r1; u32[r10-8] = 0; !r3 = u32[r10-4]",
);
spill.no(
  "spilled-pointer",
  "a pointer overwritten in part, one old byte read",
  "u64[r10-8] = r1; u32[r10-8] = 0; u16[r10-4] = 0; u8[r10-2] = 0; !r3 = u8[r10-1]",
);
spill.ok(
  "a pointer overwritten in two parts",
  "u64[r10-8] = r1; u32[r10-8] = 0; u32[r10-4] = 0; r0 = u64[r10-8]",
);
spill.ok(
  "a pointer overwritten in part, then whole",
  "u64[r10-8] = r1; u8[r10-8] = 0; u64[r10-8] = r1; r3 = u64[r10-8]; r0 = u8[r3+0]",
);
spill.no(
  "not-a-pointer",
  "a pointer overwritten by a number",
  "u64[r10-8] = r1; u64[r10-8] = 0; r3 = u64[r10-8]; !r0 = u8[r3+0]",
);
spill.no(
  "not-a-pointer",
  "a pointer overwritten by an unknown number",
  "u64[r10-8] = r1; u64[r10-8] = r2; r3 = u64[r10-8]; !r0 = u8[r3+0]",
);
spill.no(
  "not-a-pointer",
  "a pointer on one path",
  "r3 = u8[r1+0]; u64[r10-8] = r1; if r3 == 0 goto a; u64[r10-8] = 4096; a: r3 = u64[r10-8]; !r0 = u8[r3+0]",
);
spill.no("pointer-leak", "half of a pointer stored", "!u32[r10-8] = r1");
spill.no("pointer-leak", "a byte of a pointer stored", "!u8[r10-8] = r1");
spill.no(
  ["spilled-pointer", "uninitialised-stack"],
  "a load of half a pointer and half nothing",
  "u64[r10-16] = r1; r3 = r10; r3 += -16; r4 = u8[r1+0]; r4 &= 8; r3 += r4; r0 = u64[r3+0]",
);
spill.no("spilled-pointer", "a load of a pointer with a sign", "u64[r10-8] = r1; !r3 = s32[r10-8]");

// Variable offsets.
const at = (low: number, mask: number, then: string) =>
  `r1 &= ${mask}; r3 = r10; r3 += ${low}; r3 += r1; ${then}`;
ok("a store at a variable offset", at(-16, 7, "u8[r3+0] = 1"));
ok("a store at a variable offset, the whole frame", at(-512, 511, "u8[r3+0] = 1"));
no("stack-bounds", "a store at a variable offset, above", at(-511, 511, "!u8[r3+0] = 1"));
no("stack-bounds", "a store at a variable offset, below", at(-513, 511, "!u8[r3+0] = 1"));
no("stack-bounds", "a store at a variable offset, above by its size", at(-512, 508, "!u32[r3+4] = 1"));
no(
  ["stack-bounds", "pointer-arithmetic"],
  "a store at an offset without bounds",
  "r3 = r10; r3 += r1; u8[r3-8] = 1",
);
no(
  ["stack-bounds", "pointer-arithmetic"],
  "a store at an offset with a signed upper bound",
  "if r1 s> -8 goto out; r3 = r10; r3 += r1; u8[r3+0] = 1; out:",
);
no(
  ["stack-bounds", "pointer-arithmetic"],
  "a store at an offset with a 32-bit bound",
  "if w1 > 7 goto out; r3 = r10; r3 += r1; u8[r3-8] = 1; out:",
);
ok("a store below r10 by a bounded number", "r1 &= 511; r1 += 1; r3 = r10; r3 -= r1; u8[r3+0] = 1");
no(
  "stack-bounds",
  "a store below r10 by one too many",
  "r1 &= 511; r1 += 2; r3 = r10; r3 -= r1; !u8[r3+0] = 1",
);
ok(
  "signed bounds of an offset",
  "if r1 s> -1 goto out; if r1 s< -512 goto out; r3 = r10; r3 += r1; u8[r3+0] = 1; out:",
);
no(
  "stack-bounds",
  "signed bounds of an offset, one looser above",
  "if r1 s> 0 goto out; if r1 s< -512 goto out; r3 = r10; r3 += r1; !u8[r3+0] = 1; out:",
);
no(
  "stack-bounds",
  "signed bounds of an offset, one looser below",
  "if r1 s> -1 goto out; if r1 s< -513 goto out; r3 = r10; r3 += r1; !u8[r3+0] = 1; out:",
);
ok("4 bytes at a variable multiple of 4", at(-16, 12, "u32[r3+0] = 1"));
no("stack-alignment", "4 bytes at a variable offset", at(-16, 7, "!u32[r3+0] = 1"));
no("stack-alignment", "8 bytes at a variable multiple of 4", at(-16, 4, "!u64[r3+0] = 1"));
ok("a load at a variable offset", `u64[r10-16] = 1; ${at(-16, 7, "r0 = u8[r3+0]")}`);
ok(
  "a load at a variable offset, two slots",
  `u64[r10-16] = 1; u64[r10-8] = 1; ${at(-16, 15, "r0 = u8[r3+0]")}`,
);
no(
  "uninitialised-stack",
  "a load at a variable offset, one byte not written",
  `u64[r10-16] = 1; u32[r10-8] = 1; u16[r10-4] = 1; u8[r10-2] = 1; ${at(-16, 15, "!r0 = u8[r3+0]")}`,
);
no("uninitialised-stack", "a load at a variable offset of nothing", at(-16, 7, "!r0 = u8[r3+0]"));
no(
  "uninitialised-stack",
  "a store at a variable offset does not write everything",
  at(-16, 7, "u8[r3+0] = 1; !r0 = u64[r10-16]"),
);
no(
  "uninitialised-stack",
  "a store at a variable offset does not write one byte",
  at(-16, 7, "u8[r3+0] = 1; !r0 = u8[r10-16]"),
);
no(
  "memory-bounds",
  "a store at a variable offset changes a constant",
  `u64[r10-8] = 5; ${at(-8, 7, "u8[r3+0] = 99; r1 = u64[r10-8]; r6 = data; r6 += r1; !r0 = u8[r6+0]")}`,
  { dataSize: 6 },
);
no(
  "memory-bounds",
  "a store at a variable slot changes a bounded number",
  `u64[r10-8] = 5; u64[r10-16] = 5; ${at(-16, 8, "u64[r3+0] = 99; r1 = u64[r10-16]; r6 = data; r6 += r1; !r0 = u8[r6+0]")}`,
  { dataSize: 64 },
);
ok(
  "a store at a variable offset leaves the rest",
  `u64[r10-24] = 5; ${at(-16, 15, "u8[r3+0] = 99; r1 = u64[r10-24]; r6 = data; r6 += r1; r0 = u8[r6+0]")}`,
  { dataSize: 6 },
);
no(
  ["spilled-pointer", "not-a-pointer"],
  "a store at a variable offset destroys a pointer",
  "u64[r10-16] = r10; r1 &= 7; r3 = r10; r3 += -16; r3 += r1; u8[r3+0] = 0; r4 = u64[r10-16]; u64[r4-8] = 1",
);
no(
  ["spilled-pointer", "not-a-pointer", "pointer-leak"],
  "a store at a variable slot destroys a pointer",
  "u64[r10-16] = r10; u64[r10-8] = 0; r1 &= 8; r3 = r10; r3 += -16; r3 += r1; u64[r3+0] = 4096; r4 = u64[r10-16]; u64[r4-8] = 1",
);
no(
  ["spilled-pointer", "pointer-leak", "not-a-pointer"],
  "a load at a variable slot of a pointer and a number",
  "u64[r10-16] = r10; u64[r10-8] = 0; r1 &= 8; r3 = r10; r3 += -16; r3 += r1; r4 = u64[r3+0]; u64[r4-8] = 1",
);
ok(
  "copies of a number learn at a variable offset",
  "u64[r10-16] = 0; u64[r10-8] = 0; r3 = r10; r3 += -16; if r1 > 15 goto out; r3 += r1; r0 = u8[r3+0]; out:",
);
ok(
  "memcpy of a word by bytes",
  "u64[r10-8] = r1; r2 = u8[r10-8]; u8[r10-16] = r2; r2 = u8[r10-7]; u8[r10-15] = r2; r0 = u16[r10-16]",
);
cases.push(...spill.cases);
