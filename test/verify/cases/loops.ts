/** Loops: bounded and not, over packets and arrays, as compilers write them. */

import { table, value } from "../program.ts";

const args = table("args");
const mem = table("mem");
const fixed = table("mem:64");
const xdp = table("xdp");
const { ok, no } = args;
const OUT = "; out: r0 = 0; exit";

// Bounds.
ok("counted up", "r1 = 0; loop: r1 += 1; if r1 != 10 goto loop", { bounded: true });
ok("counted up with <", "r1 = 0; loop: r1 += 1; if r1 < 10 goto loop", { bounded: true });
ok("counted up in 32 bits", "w1 = 0; loop: w1 += 1; if w1 != 10 goto loop", { bounded: true });
ok("counted up, signed", "r1 = -5; loop: r1 += 1; if r1 s< 5 goto loop", { bounded: true });
ok("counted down", "r1 = 10; loop: r1 += -1; if r1 != 0 goto loop", { bounded: true });
ok("counted down with >", "r1 = 10; loop: r1 += -1; if r1 s> 0 goto loop", { bounded: true });
ok("tested at the top", "r1 = 0; loop: if r1 >= 10 goto out; r1 += 1; goto loop; out:", { bounded: true });
ok(
  "counted on the stack",
  "u64[r10-8] = 0; loop: r1 = u64[r10-8]; r1 += 1; u64[r10-8] = r1; if r1 < 10 goto loop",
  { bounded: true },
);
ok("doubled", "r1 = 1; loop: r1 <<= 1; if r1 < 1000 goto loop", { bounded: true });
ok("100 000 iterations", "r1 = 0; loop: r1 += 1; if r1 < 100000 goto loop", { bounded: true });
ok(
  "100 000 iterations of some instructions",
  "r1 = 0; r2 = 0; loop: r2 += r1; r2 ^= 7; r1 += 1; if r1 < 100000 goto loop; r0 = r2; exit",
  { bounded: true },
);
ok("nested", "r1 = 0; a: r2 = 0; b: r2 += 1; if r2 < 10 goto b; r1 += 1; if r1 < 10 goto a", {
  bounded: true,
});
ok("one after the other", "r1 = 0; a: r1 += 1; if r1 < 10 goto a; b: r1 += -1; if r1 != 0 goto b", {
  bounded: true,
});
ok("no loop", "if r1 == 0 goto a; r0 = 1; a:", { bounded: true });
ok("a loop that is left at once", "r1 = 10; loop: r1 += 1; if r1 < 10 goto loop", { bounded: true });
ok("infinite", "loop: goto loop", { bounded: false });
ok("infinite, with a body", "r1 = 0; loop: r1 += 1; goto loop", { bounded: false });
ok("infinite on one path", "if r1 == 0 goto loop; r0 = 0; exit; loop: goto loop", { bounded: false });
ok("never left", "r1 = 0; loop: r1 += 1; if r1 != r1 goto out; goto loop; out:", { bounded: false });
ok("until a helper says so", "loop: call bpf_ktime_get_ns; if r0 != 0 goto loop", { bounded: false });
ok("until a random number is small", "loop: call bpf_get_prandom_u32; r0 &= 15; if r0 != 7 goto loop; exit", {
  bounded: false,
});
ok(
  "in a function, bounded",
  "call f; exit; fn f: r1 = 0; loop: r1 += 1; if r1 < 10 goto loop; r0 = 0; exit",
  { bounded: true },
);
ok(
  "in a function, infinite",
  "call f; exit; fn f: call bpf_ktime_get_ns; if r0 == 0 goto a; r0 = 0; exit; a: r1 = 0; loop: r1 += 1; goto loop",
  { bounded: false },
);
ok("around a function", "r6 = 0; loop: call f; r6 += 1; if r6 < 10 goto loop; exit; fn f: r0 = 0; exit", {
  bounded: true,
});
ok(
  "bpf_loop of a constant count",
  "r1 = 10; r2 = fn f; r3 = 0; r4 = 0; call bpf_loop; exit; fn f: r0 = 0; exit",
  { bounded: true },
);
ok("until an unknown number", "r3 = 0; loop: r3 += 1; if r3 != r1 goto loop");
ok("down from an unknown number", "loop: r1 += -1; if r1 != 0 goto loop");
ok("down from a bounded number", "r1 &= 255; loop: if r1 == 0 goto out; r1 += -1; goto loop; out:");
ok("two exits", "r3 = 0; loop: if r3 == r1 goto out; r3 += 1; if r3 < 100 goto loop; out:", {
  bounded: true,
});

// Arrays of 64 bytes of data.
for (const [name, test] of [
  ["!=", "if r1 != 64 goto loop"],
  ["<", "if r1 < 64 goto loop"],
  ["signed <", "if r1 s< 64 goto loop"],
  ["32-bit <", "if w1 < 64 goto loop"],
  ["<=", "if r1 <= 63 goto loop"],
])
  ok(`each byte, ${name}`, `r1 = 0; loop: r2 = data; r2 += r1; r0 = u8[r2+0]; r1 += 1; ${test}`, {
    bounded: true,
  });
no(
  "memory-bounds",
  "each byte, one too many",
  "r1 = 0; loop: r2 = data; r2 += r1; !r0 = u8[r2+0]; r1 += 1; if r1 <= 64 goto loop",
);
no(
  "memory-bounds",
  "each byte, one too many with !=",
  "r1 = 0; loop: r2 = data; r2 += r1; !r0 = u8[r2+0]; r1 += 1; if r1 != 65 goto loop",
);
no(
  "memory-bounds",
  "steps that miss the end",
  "r1 = 0; loop: r2 = data; r2 += r1; !r0 = u8[r2+0]; r1 += 3; if r1 != 64 goto loop",
);
ok(
  "steps that hit the end",
  "r1 = 0; loop: r2 = data; r2 += r1; r0 = u64[r2+0]; r1 += 8; if r1 != 64 goto loop",
  { bounded: true },
);
no(
  "memory-bounds",
  "steps that are too wide",
  "r1 = 0; loop: r2 = data; r2 += r1; !r0 = u64[r2+0]; r1 += 4; if r1 != 64 goto loop",
);
ok(
  "backwards",
  "r1 = 64; r2 = data; loop: r1 += -1; r3 = r2; r3 += r1; r0 = u8[r3+0]; if r1 != 0 goto loop",
  { bounded: true },
);
no(
  "memory-bounds",
  "backwards, one too many",
  "r1 = 64; r2 = data; loop: r1 += -1; r3 = r2; r3 += r1; !r0 = u8[r3+0]; if r1 s>= 0 goto loop",
);
ok("a pointer to its end", "r1 = data; r2 = data+64; loop: r0 = u8[r1+0]; r1 += 1; if r1 != r2 goto loop", {
  bounded: true,
});
ok(
  "a pointer to its end with <",
  "r1 = data; r2 = data+64; loop: r0 = u64[r1+0]; r1 += 8; if r1 < r2 goto loop",
  { bounded: true },
);
no(
  "memory-bounds",
  "a pointer past its end",
  "r1 = data; r2 = data+64; loop: !r0 = u8[r1+0]; r1 += 1; if r1 <= r2 goto loop",
);
ok(
  "the stack is filled",
  "r1 = r10; r1 += -64; r2 = 8; loop: u64[r1+0] = 0; r1 += 8; r2 += -1; if r2 != 0 goto loop; r0 = u64[r10-64]; r0 = u64[r10-8]; exit",
  { bounded: true },
);
no(
  "uninitialised-stack",
  "the stack is filled, but for one word",
  "r1 = r10; r1 += -64; r2 = 7; loop: u64[r1+0] = 0; r1 += 8; r2 += -1; if r2 != 0 goto loop; r0 = u64[r10-64]; !r0 = u64[r10-8]; exit",
);
no(
  "stack-bounds",
  "the stack is overfilled",
  "r1 = r10; r1 += -64; r2 = 9; loop: !u64[r1+0] = 0; r1 += 8; r2 += -1; if r2 != 0 goto loop",
);
ok(
  "a value is filled",
  `${value("array")}; r1 = 0; loop: r2 = r0; r2 += r1; u64[r2+0] = 0; r1 += 8; if r1 != 48 goto loop${OUT}`,
  { bounded: true },
);
no(
  "map-bounds",
  "a value is overfilled",
  `${value("array")}; r1 = 0; loop: r2 = r0; r2 += r1; !u64[r2+0] = 0; r1 += 8; if r1 != 56 goto loop${OUT}`,
);
ok(
  "nested over a table",
  "r1 = 0; a: r2 = 0; b: r3 = r1; r3 <<= 3; r3 += r2; r4 = data; r4 += r3; r0 = u8[r4+0]; r2 += 1; if r2 < 8 goto b; r1 += 1; if r1 < 8 goto a",
  { bounded: true },
);
no(
  "memory-bounds",
  "nested over a table, one row too many",
  "r1 = 0; a: r2 = 0; b: r3 = r1; r3 <<= 3; r3 += r2; r4 = data; r4 += r3; !r0 = u8[r4+0]; r2 += 1; if r2 < 8 goto b; r1 += 1; if r1 <= 8 goto a",
);

// Loops whose count is unknown: what holds in each iteration, and what does not.
ok(
  "an index that is checked in each iteration",
  "r3 = 0; loop: if r3 > 63 goto out; r4 = data; r4 += r3; r0 = u8[r4+0]; r3 += 1; if r3 != r1 goto loop; out:",
);
ok(
  "an index that is masked in each iteration",
  "r3 = 0; loop: r4 = r3; r4 &= 63; r5 = data; r5 += r4; r0 = u8[r5+0]; r3 += 7; if r3 != r1 goto loop",
);
no(
  "memory-bounds",
  "an index that is not checked",
  "r3 = 0; loop: r4 = data; r4 += r3; !r0 = u8[r4+0]; r3 += 1; if r3 != r1 goto loop",
);
no(
  "memory-bounds",
  "a pointer that moves",
  "r4 = data; loop: !r0 = u8[r4+0]; r4 += 1; r1 += -1; if r1 != 0 goto loop",
);
no(
  "memory-bounds",
  "an index after the loop",
  "r3 = 0; loop: r3 += 1; r1 += -1; if r1 != 0 goto loop; r4 = data; r4 += r3; !r0 = u8[r4+0]",
);
no(
  "memory-bounds",
  "an index that is fine the first time",
  "r3 = 0; loop: r4 = data; r4 += r3; !r0 = u8[r4+0]; r3 = 64; r1 += -1; if r1 != 0 goto loop",
);
no(
  "memory-bounds",
  "an index that is fine the first two times",
  "r3 = 0; r5 = 63; loop: r4 = data; r4 += r3; !r0 = u8[r4+0]; r3 = r5; r5 = 64; r1 += -1; if r1 != 0 goto loop",
);
no(
  "memory-bounds",
  "a value handed through four registers",
  "r3 = 0; r4 = 0; r5 = 0; r6 = 64; loop: r7 = data; r7 += r3; !r0 = u8[r7+0]; r3 = r4; r4 = r5; r5 = r6; r1 += -1; if r1 != 0 goto loop",
);
no(
  "memory-bounds",
  "a stack slot that changes",
  "u64[r10-8] = 0; loop: r3 = u64[r10-8]; r4 = data; r4 += r3; !r0 = u8[r4+0]; r3 += 1; u64[r10-8] = r3; r1 += -1; if r1 != 0 goto loop",
);
no(
  "not-a-pointer",
  "a pointer that becomes a number",
  "r3 = data; loop: !r0 = u8[r3+0]; r3 = r2; r1 += -1; if r1 != 0 goto loop",
);
no(
  "uninitialised-register",
  "a register that a call in the loop destroys",
  "r6 = r1; r3 = 1; loop: !r4 = r3; call bpf_ktime_get_ns; r6 += -1; if r6 != 0 goto loop",
);
no(
  "uninitialised-stack",
  "a slot that is written in the loop and read after it",
  "r3 = r1; goto c; loop: u64[r10-8] = 1; r3 += -1; c: if r3 != 0 goto loop; !r0 = u64[r10-8]; exit",
);
ok(
  "a slot that is written in every iteration",
  "r3 = r1; loop: u64[r10-8] = 1; r3 += -1; if r3 != 0 goto loop; r0 = u64[r10-8]; exit",
);
no(
  "memory-bounds",
  "a number that only shrinks",
  "r3 = 63; loop: r4 = data; r4 += r3; !r0 = u8[r4+0]; r3 += -1; r1 += -1; if r1 != 0 goto loop",
);
ok(
  "a number that only shrinks, to 0",
  "r3 = 63; loop: r4 = data; r4 += r3; r0 = u8[r4+0]; if r3 == 0 goto out; r3 += -1; r1 += -1; if r1 != 0 goto loop; out:",
);
ok(
  "a number that stays below its mask",
  "r3 = 0; loop: r4 = data; r4 += r3; r0 = u8[r4+0]; r3 += 1; r3 &= 63; r1 += -1; if r1 != 0 goto loop",
);
ok(
  "a number that is set anew",
  "r3 = 0; loop: r4 = data; r4 += r3; r0 = u8[r4+0]; r3 = r2; r3 &= 63; r1 += -1; if r1 != 0 goto loop",
);
ok("a pointer that does not change", "r3 = data; loop: r0 = u8[r3+63]; r1 += -1; if r1 != 0 goto loop");
ok(
  "two loops that share a variable",
  "r3 = 0; a: r4 = r3; r4 &= 63; r5 = data; r5 += r4; r0 = u8[r5+0]; r3 += 1; if r3 < r1 goto a; b: r3 += -1; if r3 != 0 goto b",
);
// A function's loop must not lose its back edge where the function is inlined.
no(
  "memory-bounds",
  "a loop in a function, its result",
  "r6 = data; call f; r6 += r0; !r0 = u8[r6+0]; exit; fn f: r0 = 0; loop: r0 += 1; r1 += -1; if r1 != 0 goto loop; exit",
);
no(
  "memory-bounds",
  "a loop in a function, called twice",
  "r7 = r1; r1 = 1; call f; r6 = data; r1 = r7; call f; r6 += r0; !r0 = u8[r6+0]; exit; fn f: r0 = 0; loop: r0 += 1; r1 += -1; if r1 != 0 goto loop; exit",
);
ok(
  "a loop in a function, its result masked",
  "r6 = data; call f; r0 &= 63; r6 += r0; r0 = u8[r6+0]; exit; fn f: r0 = 0; loop: r0 += 1; r1 += -1; if r1 != 0 goto loop; exit",
);
no(
  "memory-bounds",
  "a loop in a function called in a loop",
  "r7 = r1; r8 = 0; a: r1 = r7; call f; r8 += r0; r6 = data; r6 += r8; !r0 = u8[r6+0]; r7 += -1; if r7 != 0 goto a; exit; fn f: r0 = 0; loop: r0 += 1; r1 += -1; if r1 != 0 goto loop; exit",
);

// Many paths: 2^30 without joining them.
const diamonds = Array.from(
  { length: 30 },
  (_, i) => `r2 = r1; r2 >>= ${i}; r2 &= 1; if r2 == 0 goto l${i}; r0 += ${i + 1}; l${i}:`,
).join("; ");
ok("thirty branches in a row", `r0 = 0; ${diamonds} exit`);
ok("thirty branches in a loop", `r0 = 0; r9 = 10; loop: ${diamonds} r9 += -1; if r9 != 0 goto loop; exit`);
no(
  "memory-bounds",
  "thirty branches, then an index",
  `r0 = 0; ${diamonds} r3 = data; r3 += r0; !r0 = u8[r3+0]; exit`,
);

// Memory of unknown length: r1, r2 bytes.
mem.ok(
  "each byte by its index",
  "r3 = 0; goto c; loop: r4 = r1; r4 += r3; r0 = u8[r4+0]; r3 += 1; c: if r3 < r2 goto loop",
);
mem.ok(
  "each byte by its index, != at the end",
  "if r2 == 0 goto out; r3 = 0; loop: r4 = r1; r4 += r3; r0 = u8[r4+0]; r3 += 1; if r3 != r2 goto loop; out:",
);
mem.ok(
  "each byte by its index, == at the top",
  "r3 = 0; loop: if r3 == r2 goto out; r4 = r1; r4 += r3; r0 = u8[r4+0]; r3 += 1; goto loop; out:",
);
mem.ok(
  "each byte by a pointer to the end",
  "r3 = r1; r3 += r2; loop: if r1 == r3 goto out; r0 = u8[r1+0]; r1 += 1; goto loop; out:",
);
mem.ok(
  "each byte by a pointer to the end with >=",
  "r3 = r1; r3 += r2; loop: if r1 >= r3 goto out; r0 = u8[r1+0]; r1 += 1; goto loop; out:",
);
mem.ok(
  "each byte by a pointer and a count",
  "loop: if r2 == 0 goto out; r0 = u8[r1+0]; r1 += 1; r2 += -1; goto loop; out:",
);
mem.ok(
  "each byte by a pointer and a count, tested at the end",
  "if r2 == 0 goto out; loop: r0 = u8[r1+0]; r1 += 1; r2 += -1; if r2 != 0 goto loop; out:",
);
mem.ok(
  "each byte by a 32-bit index",
  "w3 = 0; goto c; loop: r4 = r1; r4 += r3; r0 = u8[r4+0]; w3 += 1; c: if w3 < w2 goto loop",
);
mem.ok(
  "each word",
  "r3 = 0; loop: r5 = r3; r5 += 4; if r5 > r2 goto out; r4 = r1; r4 += r3; r0 = u32[r4+0]; r3 += 4; goto loop; out:",
);
mem.ok(
  "each word by a pointer",
  "r3 = r1; r3 += r2; loop: r4 = r1; r4 += 4; if r4 > r3 goto out; r0 = u32[r1+0]; r1 = r4; goto loop; out:",
);
mem.ok(
  "each byte is written",
  "r3 = 0; goto c; loop: r4 = r1; r4 += r3; u8[r4+0] = 0; r3 += 1; c: if r3 < r2 goto loop",
);
mem.ok(
  "at most 16 bytes",
  "r3 = 0; loop: if r3 >= r2 goto out; r4 = r1; r4 += r3; r0 = u8[r4+0]; r3 += 1; if r3 != 16 goto loop; out:",
  { bounded: true },
);
mem.no(
  "memory-bounds",
  "each byte and one more",
  "r3 = 0; goto c; loop: r4 = r1; r4 += r3; !r0 = u8[r4+0]; r3 += 1; c: if r3 <= r2 goto loop",
);
mem.no(
  "memory-bounds",
  "at least one byte",
  "r3 = 0; loop: r4 = r1; r4 += r3; !r0 = u8[r4+0]; r3 += 1; if r3 < r2 goto loop",
);
mem.no(
  "memory-bounds",
  "each byte, and the next one",
  "r3 = 0; goto c; loop: r4 = r1; r4 += r3; !r0 = u8[r4+1]; r3 += 1; c: if r3 < r2 goto loop",
);
mem.no(
  "memory-bounds",
  "a pointer that steps over the end",
  "r3 = r1; r3 += r2; loop: if r1 == r3 goto out; !r0 = u8[r1+0]; r1 += 2; goto loop; out:",
);
mem.no(
  "memory-bounds",
  "a pointer and a count that differ",
  "loop: if r2 == 0 goto out; r0 = u8[r1+0]; r1 += 2; r2 += -1; goto loop; out:",
);
mem.no("memory-bounds", "a count that wraps", "loop: r0 = u8[r1+0]; r1 += 1; r2 += -1; if r2 != 0 goto loop");
mem.no(
  "memory-bounds",
  "each word where a byte is checked",
  "r3 = 0; loop: if r3 >= r2 goto out; r4 = r1; r4 += r3; !r0 = u32[r4+0]; r3 += 4; goto loop; out:",
);
mem.no(
  "memory-bounds",
  "a signed index that starts below 0",
  "r3 = -1; goto c; loop: r4 = r1; r4 += r3; r0 = u8[r4+0]; r3 += 1; c: if r3 s< r2 goto loop",
);
mem.no(
  "memory-bounds",
  "the index after the loop",
  "r3 = 0; goto c; loop: r3 += 1; c: if r3 < r2 goto loop; r4 = r1; r4 += r3; !r0 = u8[r4+0]",
);
mem.no(
  "memory-bounds",
  "a length that changes",
  "r3 = 0; goto c; loop: r4 = r1; r4 += r3; r0 = u8[r4+0]; r3 += 1; r2 += 1; c: if r3 < r2 goto loop",
);
mem.no(
  "memory-bounds",
  "a pointer that moves, and an index",
  "r3 = 0; goto c; loop: r4 = r1; r4 += r3; r0 = u8[r4+0]; r3 += 1; r1 += 1; c: if r3 < r2 goto loop",
);
fixed.ok(
  "each byte of 64",
  "r3 = 0; loop: r4 = r1; r4 += r3; r0 = u8[r4+0]; r3 += 1; if r3 != 64 goto loop",
  { bounded: true },
);
fixed.no(
  "memory-bounds",
  "each byte of 64, and one more",
  "r3 = 0; loop: r4 = r1; r4 += r3; !r0 = u8[r4+0]; r3 += 1; if r3 != 65 goto loop",
);

// Packets: r2 = data, r3 = data_end.
const START = "r2 = u32[r1+0]; r3 = u32[r1+4]";
xdp.ok(
  "each byte of a packet",
  `${START}; loop: r4 = r2; r4 += 1; if r4 > r3 goto out; r0 = u8[r2+0]; r2 = r4; goto loop; out:`,
);
xdp.ok(
  "each byte of a packet, r < end",
  `${START}; loop: if r2 >= r3 goto out; r0 = u8[r2+0]; r2 += 1; goto loop; out:`,
);
xdp.ok(
  "each byte of a packet, tested at the end",
  `${START}; if r2 >= r3 goto out; loop: r0 = u8[r2+0]; r2 += 1; if r2 < r3 goto loop; out:`,
);
xdp.ok(
  "each byte of a packet by its index",
  `${START}; r5 = 0; loop: r4 = r2; r4 += r5; r6 = r4; r6 += 1; if r6 > r3 goto out; r0 = u8[r4+0]; r5 += 1; if r5 < 1500 goto loop; out:`,
);
xdp.ok(
  "sixteen bytes of a packet",
  `${START}; r4 = r2; r4 += 16; if r4 > r3 goto out; r5 = 0; loop: r6 = r2; r6 += r5; r0 = u8[r6+0]; r5 += 1; if r5 != 16 goto loop; out:`,
  { bounded: true },
);
xdp.no(
  "packet-bounds",
  "seventeen bytes of a packet with sixteen",
  `${START}; r4 = r2; r4 += 16; if r4 > r3 goto out; r5 = 0; loop: r6 = r2; r6 += r5; !r0 = u8[r6+0]; r5 += 1; if r5 != 17 goto loop; out:`,
);
xdp.no(
  "packet-bounds",
  "each byte of a packet and one more",
  `${START}; loop: r4 = r2; r4 += 1; if r4 > r3 goto out; !r0 = u8[r2+1]; r2 = r4; goto loop; out:`,
);
xdp.no(
  "packet-bounds",
  "each byte of a packet, checked once",
  `${START}; r4 = r2; r4 += 1; if r4 > r3 goto out; r5 = 100; loop: !r0 = u8[r2+0]; r2 += 1; r5 += -1; if r5 != 0 goto loop; out:`,
);
xdp.no(
  "packet-bounds",
  "each byte of a packet, checked after it",
  `${START}; loop: !r0 = u8[r2+0]; r2 += 1; if r2 < r3 goto loop; out:`,
);
xdp.ok(
  "options of variable length, a few",
  `${START}; r7 = 8; loop: r4 = r2; r4 += 2; if r4 > r3 goto out; r5 = u8[r2+1]; if r5 < 2 goto out; r2 += r5; r7 += -1; if r7 != 0 goto loop; out:`,
  { bounded: true },
);
xdp.no(
  "packet-bounds",
  "options of variable length, one byte more",
  `${START}; r7 = 8; loop: r4 = r2; r4 += 2; if r4 > r3 goto out; !r5 = u8[r2+2]; r2 += r5; r7 += -1; if r7 != 0 goto loop; out:`,
);
xdp.ok(
  "words of a packet are summed",
  `${START}; r0 = 0; r7 = 10; loop: r4 = r2; r4 += 2; if r4 > r3 goto out; r5 = u16[r2+0]; r0 += r5; r2 += 2; r7 += -1; if r7 != 0 goto loop; out: exit`,
  { bounded: true },
);
xdp.no(
  "packet-bounds",
  "a helper in the loop moves the packet",
  `r6 = r1; ${START}; r7 = r2; r4 = r2; r4 += 64; if r4 > r3 goto out; r8 = 4; loop: r1 = r6; r2 = 0; call bpf_xdp_adjust_head; r7 = u32[r6+0]; !r0 = u8[r7+0]; r8 += -1; if r8 != 0 goto loop; out:`,
);

// A small budget: an answer, whatever it is, is found before it runs out, or the rule says that it did.
no("budget", "a budget that does not suffice for straight code", `${"r0 = 0; ".repeat(100)}exit`, {
  maxInstructions: 50,
});

export const LOOPS = [args, mem, fixed, xdp].flatMap(({ cases }) => cases);
