/** Memory of contexts mem and cmd, the writable and the read-only data. */

import { table } from "../program.ts";

const mem = table("mem");
const fixed = table("mem:64");
const cmd = table("cmd");
const args = table("args");
const OUT = "; out: r0 = 0; exit";

// At least 64 bytes.
for (const [bits, last] of [
  [8, 63],
  [16, 62],
  [32, 60],
  [64, 56],
]) {
  fixed.ok(`${bits} bits at the end`, `r0 = u${bits}[r1+${last}]`);
  fixed.no("memory-bounds", `${bits} bits across the end`, `!r0 = u${bits}[r1+${last + 1}]`);
  fixed.ok(`a store of ${bits} bits at the end`, `u${bits}[r1+${last}] = 1`);
  fixed.no("memory-bounds", `a store of ${bits} bits across the end`, `!u${bits}[r1+${last + 1}] = 1`);
}
fixed.no("memory-bounds", "before the start", "!r0 = u8[r1-1]");
fixed.ok("accesses that are not aligned", "r0 = u64[r1+3]; u32[r1+1] = 0; r0 = u16[r1+61]");
fixed.ok("a moved pointer", "r1 += 64; r0 = u64[r1-64]; r0 = u8[r1-1]");
fixed.no("memory-bounds", "a moved pointer, behind the end", "r1 += 64; !r0 = u8[r1+0]");
fixed.no("memory-bounds", "a moved pointer, before the start", "r1 += 8; !r0 = u8[r1-9]");
fixed.ok("more bytes, after a check", `if r2 < 128 goto out; r0 = u8[r1+127]${OUT}`);
fixed.no(
  "memory-bounds",
  "more bytes, after a check, one too many",
  `if r2 < 128 goto out; !r0 = u8[r1+128]${OUT}`,
);
fixed.ok("a smaller check does not shrink it", `if r2 < 8 goto out; r0 = u8[r1+63]${OUT}`);
fixed.ok("a masked index", "r3 = u64[r1+0]; r3 &= 63; r1 += r3; r0 = u8[r1+0]");
fixed.no("memory-bounds", "a masked index, one looser", "r3 = u64[r1+0]; r3 &= 63; r1 += r3; !r0 = u8[r1+1]");
fixed.no("pointer-leak", "a pointer in the memory", "!u64[r1+0] = r1");
fixed.no("pointer-leak", "a stack pointer in the memory", "!u64[r1+0] = r10");
fixed.no("pointer-leak", "the memory's pointer returned", "r0 = r1; !exit");
fixed.ok("the length returned", "r0 = r2; exit");
fixed.no("not-a-pointer", "a word of the memory is no pointer", "r3 = u64[r1+0]; !r0 = u8[r3+0]");
fixed.no("not-a-pointer", "the length is no pointer", "!r0 = u8[r2+0]");

// Unknown length: every shape of its check.
mem.no("memory-bounds", "no check", "!r0 = u8[r1+0]");
mem.no("memory-bounds", "no check, a store", "!u8[r1+0] = 1");
const CHECKS: [shape: string, check: string, bytes: number][] = [
  ["len < 8", "if r2 < 8 goto out", 8],
  ["len <= 7", "if r2 <= 7 goto out", 8],
  ["len > 7 taken", "if r2 > 7 goto in; goto out; in:", 8],
  ["len >= 8 taken", "if r2 >= 8 goto in; goto out; in:", 8],
  ["len != 8", "if r2 != 8 goto out", 8],
  ["len == 8 taken", "if r2 == 8 goto in; goto out; in:", 8],
  ["len == 0", "if r2 == 0 goto out", 1],
  ["len != 0 taken", "if r2 != 0 goto in; goto out; in:", 1],
  // Decided: the length is at most 2^31 - 1.
  ["signed len < 8", "if r2 s< 8 goto out", 8],
  ["signed len > 7 taken", "if r2 s> 7 goto in; goto out; in:", 8],
  ["32-bit len < 8", "if w2 < 8 goto out", 8],
  ["32-bit signed len < 8", "if w2 s< 8 goto out", 8],
  ["32-bit len != 0", "if w2 == 0 goto out", 1],
  ["8 > len", "r3 = 8; if r3 > r2 goto out", 8],
  ["7 >= len", "r3 = 7; if r3 >= r2 goto out", 8],
  ["a copy of len", "r3 = r2; if r3 < 8 goto out", 8],
  ["a 32-bit copy of len", "w3 = w2; if w3 < 8 goto out", 8],
  ["a spill of len", "u64[r10-8] = r2; r3 = u64[r10-8]; if r3 < 8 goto out", 8],
  ["a spill of 32 bits of len", "u32[r10-8] = w2; w3 = u32[r10-8]; if w3 < 8 goto out", 8],
  ["shifts of len", "r3 = r2; r3 <<= 32; r3 >>= 32; if r3 < 8 goto out", 8],
  ["len - 8 < 0", "r3 = r2; r3 -= 8; if r3 s< 0 goto out", 8],
  ["len - 8 > 1000", "r3 = r2; r3 += -8; if r3 > 1000 goto out", 8],
  ["len + 1 < 9", "r2 += 1; if r2 < 9 goto out", 8],
  ["p + 8 > end", "r3 = r1; r3 += r2; r4 = r1; r4 += 8; if r4 > r3 goto out", 8],
  ["end < p + 8", "r3 = r1; r3 += r2; r4 = r1; r4 += 8; if r3 < r4 goto out", 8],
  ["p >= end", "r3 = r1; r3 += r2; if r1 >= r3 goto out", 1],
  ["p == end", "r3 = r1; r3 += r2; if r1 == r3 goto out", 1],
  ["end - p < 8", "r3 = r1; r3 += r2; r3 -= r1; if r3 < 8 goto out", 8],
  ["two checks", "if r2 < 4 goto out; if r2 < 8 goto out", 8],
];
for (const [shape, check, bytes] of CHECKS) {
  mem.ok(`${shape}: the last byte`, `${check}; r0 = u8[r1+${bytes - 1}]${OUT}`);
  mem.no("memory-bounds", `${shape}: one byte more`, `${check}; !r0 = u8[r1+${bytes}]${OUT}`);
}
const WRONG: [shape: string, check: string][] = [
  ["len > 8", "if r2 > 8 goto out"],
  ["len >= 8", "if r2 >= 8 goto out"],
  ["len < 8 taken", "if r2 < 8 goto in; goto out; in:"],
  ["len == 8", "if r2 == 8 goto out"],
  ["another number", "r3 = 100; if r3 < 8 goto out"],
  ["a number written to the length's register", "r2 = 100; if r2 < 8 goto out"],
  ["the length plus something", "r2 += 8; if r2 < 8 goto out"],
  ["p > end", "r3 = r1; r3 += r2; if r1 > r3 goto out"],
  ["end > p", "r3 = r1; r3 += r2; if r3 > r1 goto out"],
  ["p + 8 > end the wrong way", "r3 = r1; r3 += r2; r4 = r1; r4 += 8; if r4 <= r3 goto out"],
  ["a 32-bit comparison of pointers", "r3 = r1; r3 += r2; r4 = r1; r4 += 8; if w4 > w3 goto out"],
  ["an end that is too far", "r3 = r1; r3 += r2; r3 += 8; r4 = r1; r4 += 8; if r4 > r3 goto out"],
];
for (const [shape, check] of WRONG)
  mem.no(
    ["memory-bounds", "pointer-arithmetic", "pointer-leak"],
    `${shape}: proves nothing`,
    `${check}; r0 = u8[r1+0]${OUT}`,
  );

// Indexes: r3 is a byte of the memory.
const INDEX = "if r2 == 0 goto out; r3 = u8[r1+0]";
mem.ok("an index below the length", `${INDEX}; if r3 >= r2 goto out; r1 += r3; r0 = u8[r1+0]${OUT}`);
mem.no(
  "memory-bounds",
  "an index below the length, one byte more",
  `${INDEX}; if r3 >= r2 goto out; r1 += r3; !r0 = u8[r1+1]${OUT}`,
);
mem.no(
  "memory-bounds",
  "an index up to the length",
  `${INDEX}; if r3 > r2 goto out; r1 += r3; !r0 = u8[r1+0]${OUT}`,
);
mem.ok(
  "an index below the length, the length first",
  `${INDEX}; if r2 <= r3 goto out; r1 += r3; r0 = u8[r1+0]${OUT}`,
);
mem.ok(
  "an index plus 4 up to the length",
  `${INDEX}; r4 = r3; r4 += 4; if r4 > r2 goto out; r1 += r3; r0 = u32[r1+0]${OUT}`,
);
mem.no(
  "memory-bounds",
  "an index plus 4 up to the length, one byte more",
  `${INDEX}; r4 = r3; r4 += 4; if r4 > r2 goto out; r1 += r3; !r0 = u32[r1+1]${OUT}`,
);
mem.ok(
  "an index plus 4 up to the end",
  `${INDEX}; r4 = r1; r4 += r3; r5 = r4; r5 += 4; r2 += r1; if r5 > r2 goto out; r0 = u32[r4+0]${OUT}`,
);
mem.no(
  "memory-bounds",
  "an index plus 4 up to the end, one byte more",
  `${INDEX}; r4 = r1; r4 += r3; r5 = r4; r5 += 4; r2 += r1; if r5 > r2 goto out; !r0 = u32[r4+1]${OUT}`,
);
mem.no(
  "memory-bounds",
  "a 64-bit index plus 4 that may wrap",
  `if r2 < 8 goto out; r3 = u64[r1+0]; r4 = r3; r4 += 4; if r4 > r2 goto out; r1 += r3; r0 = u32[r1+0]${OUT}`,
);
mem.ok(
  "a 64-bit index below the length",
  `if r2 < 8 goto out; r3 = u64[r1+0]; if r3 >= r2 goto out; r1 += r3; r0 = u8[r1+0]${OUT}`,
);
mem.no(
  "memory-bounds",
  "a 64-bit index, signed",
  `if r2 < 8 goto out; r3 = u64[r1+0]; if r3 s>= r2 goto out; r1 += r3; r0 = u8[r1+0]${OUT}`,
);
mem.no(
  "memory-bounds",
  "a 64-bit index, compared in 32 bits",
  `if r2 < 8 goto out; r3 = u64[r1+0]; if w3 >= w2 goto out; r1 += r3; r0 = u8[r1+0]${OUT}`,
);
mem.ok(
  "a 32-bit index, compared in 32 bits",
  `if r2 < 8 goto out; r3 = u32[r1+0]; if w3 >= w2 goto out; r1 += r3; r0 = u8[r1+0]${OUT}`,
);
mem.ok("the last byte by the length", `if r2 == 0 goto out; r1 += r2; r0 = u8[r1-1]${OUT}`);
mem.no("memory-bounds", "the last byte by the length, unchecked", `r1 += r2; !r0 = u8[r1-1]`);
mem.no(
  "memory-bounds",
  "the byte behind the last by the length",
  `if r2 == 0 goto out; r1 += r2; !r0 = u8[r1+0]${OUT}`,
);
mem.no(
  "memory-bounds",
  "the last two bytes by the length of one",
  `if r2 == 0 goto out; r1 += r2; !r0 = u16[r1-2]${OUT}`,
);
mem.ok(
  "a word in an array by its index",
  `if r2 < 64 goto out; r3 = u8[r1+0]; r3 &= 7; r3 <<= 3; r1 += r3; r0 = u64[r1+0]${OUT}`,
);
mem.no(
  "memory-bounds",
  "a word in an array by its index, one byte less",
  `if r2 < 63 goto out; r3 = u8[r1+0]; r3 &= 7; r3 <<= 3; r1 += r3; !r0 = u64[r1+0]${OUT}`,
);

// As a helper's memory.
mem.ok("memset of everything", "r3 = r2; r2 = 0; call memset");
mem.no(["memory-bounds", "helper-size"], "memset of one byte more", "r3 = r2; r3 += 1; r2 = 0; call memset");
mem.ok(
  "memset of all but the first byte",
  `if r2 == 0 goto out; r3 = r2; r3 += -1; r1 += 1; r2 = 0; call memset${OUT}`,
);
mem.no(
  ["memory-bounds", "helper-size"],
  "memset of everything, one byte late",
  `if r2 == 0 goto out; r3 = r2; r1 += 1; r2 = 0; call memset${OUT}`,
);
mem.ok("memset of a part", `if r2 < 16 goto out; r2 = 0; r3 = 16; call memset${OUT}`);
mem.no(
  "memory-bounds",
  "memset of a part, one byte more",
  `if r2 < 16 goto out; r2 = 0; r3 = 17; !call memset${OUT}`,
);

// argc and argv.
cmd.ok("argv[0]", "r3 = u64[r2+0]; r0 = u8[r3+0]");
cmd.no("memory-bounds", "the second byte of argv[0]", "r3 = u64[r2+0]; !r0 = u8[r3+1]");
cmd.ok(
  "the second byte of argv[0], after the first",
  `r3 = u64[r2+0]; r4 = u8[r3+0]; if r4 == 0 goto out; r0 = u8[r3+1]${OUT}`,
);
cmd.no(
  "memory-bounds",
  "the third byte of argv[0], after the first",
  `r3 = u64[r2+0]; r4 = u8[r3+0]; if r4 == 0 goto out; !r0 = u8[r3+2]${OUT}`,
);
cmd.no(
  "memory-bounds",
  "the second byte of argv[0], the wrong way",
  `r3 = u64[r2+0]; r4 = u8[r3+0]; if r4 != 0 goto out; !r0 = u8[r3+1]${OUT}`,
);
cmd.no("memory-bounds", "the byte before argv[0]", "r3 = u64[r2+0]; !r0 = u8[r3-1]");
cmd.no("null-pointer", "argv[1] without a check", "r3 = u64[r2+8]; !r0 = u8[r3+0]");
cmd.ok("argv[1] after a null check", `r3 = u64[r2+8]; if r3 == 0 goto out; r0 = u8[r3+0]${OUT}`);
cmd.ok("argv[1] after a check of argc", `if r1 < 2 goto out; r3 = u64[r2+8]; r0 = u8[r3+0]${OUT}`);
cmd.ok("argv[1] after a signed check of argc", `if r1 s<= 1 goto out; r3 = u64[r2+8]; r0 = u8[r3+0]${OUT}`);
cmd.ok(
  "argv[1] after a check of argc in 32 bits",
  `if w1 s< 2 goto out; r3 = u64[r2+8]; r0 = u8[r3+0]${OUT}`,
);
cmd.ok("argv[1] after argc == 2", `if r1 != 2 goto out; r3 = u64[r2+8]; r0 = u8[r3+0]${OUT}`);
cmd.no("memory-bounds", "argv[2] without a check", "!r3 = u64[r2+16]");
cmd.no(
  "null-pointer",
  "argv[2] after a check for one less",
  `if r1 < 2 goto out; r3 = u64[r2+16]; !r0 = u8[r3+0]${OUT}`,
);
cmd.no("memory-bounds", "argv[3] after a check for two", `if r1 < 2 goto out; !r3 = u64[r2+24]${OUT}`);
cmd.no("memory-bounds", "argv[-1]", "!r3 = u64[r2-8]");
cmd.no(["memory-bounds", "spilled-pointer", "pointer-leak"], "across two arguments", "!r3 = u64[r2+4]");
cmd.ok("an argument printed", "r1 = u64[r2+0]; call puts");
cmd.no("null-pointer", "an argument printed that may be null", "r1 = u64[r2+8]; !call puts");
cmd.ok("an argument parsed", `if r1 < 2 goto out; r1 = u64[r2+8]; call atoi${OUT}`);
cmd.ok("argc returned", "r0 = r1; exit");
cmd.no("pointer-leak", "an argument returned", "r0 = u64[r2+0]; !exit");
cmd.ok(
  "every argument by its index",
  `r6 = r1; r7 = r2; r8 = 0; goto c; loop: r3 = r8; r3 <<= 3; r4 = r7; r4 += r3; r1 = u64[r4+0]; call puts; r8 += 1; c: if r8 < r6 goto loop`,
);
cmd.no(
  ["null-pointer", "memory-bounds"],
  "every argument by its index, one more",
  `r6 = r1; r7 = r2; r8 = 0; goto c; loop: r3 = r8; r3 <<= 3; r4 = r7; r4 += r3; r1 = u64[r4+0]; call puts; r8 += 1; c: if r8 <= r6 goto loop`,
);
cmd.ok(
  "characters up to the NUL",
  "r3 = u64[r2+0]; r0 = 0; goto c; loop: r0 += 1; r3 += 1; c: r4 = u8[r3+0]; if r4 != 0 goto loop; exit",
);
cmd.no(
  "memory-bounds",
  "characters beyond the NUL",
  "r3 = u64[r2+0]; r0 = 0; loop: r4 = u8[r3+0]; r3 += 1; r5 = u8[r3+0]; if r4 != 0 goto loop; exit",
);

// Data: 64 bytes that can be written, 32 that cannot.
for (const [name, size] of [
  ["data", 64],
  ["rodata", 32],
] as const) {
  args.ok(`${name}: the last byte`, `r1 = ${name}; r0 = u8[r1+${size - 1}]`);
  args.no("memory-bounds", `${name}: one byte more`, `r1 = ${name}; !r0 = u8[r1+${size}]`);
  args.no("memory-bounds", `${name}: before the start`, `r1 = ${name}; !r0 = u8[r1-1]`);
  args.ok(`${name}: inside`, `r1 = ${name}+8; r0 = u64[r1-8]; r0 = u64[r1+${size - 16}]`);
  args.no("memory-bounds", `${name}: inside, one byte more`, `r1 = ${name}+8; !r0 = u64[r1+${size - 15}]`);
  args.no("memory-bounds", `${name}: inside, before the start`, `r1 = ${name}+8; !r0 = u64[r1-9]`);
  args.ok(`${name}: a masked index`, `r1 &= ${size - 1}; r2 = ${name}; r2 += r1; r0 = u8[r2+0]`);
  args.no(
    "memory-bounds",
    `${name}: a masked index, one byte more`,
    `r1 &= ${size - 1}; r2 = ${name}; r2 += r1; !r0 = u8[r2+1]`,
  );
  args.ok(`${name}: a reference behind the end that is not used`, `r1 = ${name}+${size}; r0 = u8[r1-1]`);
  args.no("pointer-leak", `${name}: a pointer returned`, `r0 = ${name}; !exit`);
  args.no("not-a-pointer", `${name}: a number is no pointer`, `r1 = ${name}; r2 = u64[r1+0]; !r0 = u8[r2+0]`);
  args.no("pointer-arithmetic", `${name}: 32-bit arithmetic`, `r1 = ${name}; !w1 += 1`);
}
args.ok("data: a store", "r2 = data; u64[r2+56] = r1; r0 = u64[r2+56]");
args.no("memory-bounds", "data: a store, one byte more", "r2 = data; !u64[r2+57] = r1");
args.no("pointer-leak", "data: a pointer stored", "r2 = data; !u64[r2+0] = r10");
args.no("read-only", "rodata: a store", "r2 = rodata; !u8[r2+0] = 1");
args.no("read-only", "rodata: a store of a register", "r2 = rodata; !u64[r2+8] = r1");
args.no(["read-only", "atomic"], "rodata: an atomic operation", "r2 = rodata; !lock u64[r2+0] += r1");
args.no("read-only", "rodata: a helper that writes", "r1 = rodata; r2 = 16; !call bpf_get_current_comm");
args.no(
  "read-only",
  "data or rodata: a store",
  "r2 = data; if r1 == 0 goto a; r2 = rodata; a: !u8[r2+0] = 1",
);
args.ok("data or rodata: a load", "r2 = data; if r1 == 0 goto a; r2 = rodata; a: r0 = u8[r2+31]");
args.no(
  "memory-bounds",
  "data or rodata: a load that one has",
  "r2 = data; if r1 == 0 goto a; r2 = rodata; a: !r0 = u8[r2+32]",
);

export const MEMORY = [mem, fixed, cmd, args].flatMap(({ cases }) => cases);
