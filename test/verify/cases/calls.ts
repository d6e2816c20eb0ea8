/** Functions of the program, their frames, recursion, depth, and functions that helpers call. */

import type { DataPointer } from "../../../compiler/program.ts";
import type { Rule } from "../../../compiler/verify/rules.ts";
import { table, value } from "../program.ts";

const { cases, ok, no } = table("args");
export const CALLS = cases;

const OUT = "; out: r0 = 0; exit";
const LEAF = "; fn f: r0 = 0; exit";

// Arguments and results.
ok("a function of no arguments", `call f; exit${LEAF}`);
ok(
  "a function of five arguments",
  "call f; exit; fn f: r0 = r1; r0 += r2; r0 += r3; r0 += r4; r0 += r5; exit",
);
no(
  "uninitialised-register",
  "an argument that is missing",
  "r1 = 1; call f; exit; fn f: r0 = r1; !r0 += r2; exit",
  { ctx: "xdp" },
);
no(
  "uninitialised-register",
  "an argument that a call destroyed",
  "call f; call g; exit; fn f: r0 = 0; exit; fn g: !r0 = r1; exit",
);
ok("a function that does not need what a call destroyed", `call f; call f; exit${LEAF}`);
for (const r of [6, 7, 8, 9]) {
  no(
    "uninitialised-register",
    `r${r} of the caller in a function`,
    `r${r} = 1; call f; exit; fn f: !r0 = r${r}; exit`,
  );
  ok(
    `r${r} after a call that changes it`,
    `r${r} = data; call f; r0 = u8[r${r}+63]; exit; fn f: r${r} = 0; r0 = 0; exit`,
  );
}
for (const r of [1, 2, 3, 4, 5])
  no("uninitialised-register", `r${r} after a call`, `call f; !r0 = r${r}; exit${LEAF}`);
no(
  "uninitialised-register",
  "r1 after a call that wrote it",
  "call f; !r0 = r1; exit; fn f: r1 = 5; r0 = 0; exit",
);
no("uninitialised-register", "r0 before a call as its result", "r0 = 5; call f; exit; fn f: exit");
no(
  "uninitialised-register",
  "the result of a function without one",
  "call f; r1 = r0; r0 = 0; exit; fn f: r1 = 1; exit",
);
ok("a function without a result, as clang makes them", "call f; r0 = 0; exit; fn f: r1 = 1; exit");
no(
  "uninitialised-register",
  "a result on one path",
  "call f; r1 = r0; exit; fn f: if r1 == 0 goto a; r0 = 1; a: exit",
);
ok("a bounded result", "call f; r1 = data; r1 += r0; r0 = u8[r1+0]; exit; fn f: r1 &= 63; r0 = r1; exit");
no(
  "memory-bounds",
  "a bounded result, one looser",
  "call f; r1 = data; r1 += r0; !r0 = u8[r1+0]; exit; fn f: r1 &= 63; r0 = r1; r0 += 1; exit",
);
no(
  "memory-bounds",
  "an unbounded result",
  "call f; r1 = data; r1 += r0; !r0 = u8[r1+0]; exit; fn f: r0 = r1; exit",
);
ok("a bounded argument", "r1 &= 63; call f; exit; fn f: r2 = data; r2 += r1; r0 = u8[r2+0]; exit");
no("memory-bounds", "an unbounded argument", "call f; exit; fn f: r2 = data; r2 += r1; !r0 = u8[r2+0]; exit");
no(
  "memory-bounds",
  "a bounded argument of one of two calls",
  "r6 = r1; r1 &= 63; call f; r1 = r6; call f; exit; fn f: r2 = data; r2 += r1; !r0 = u8[r2+0]; exit",
);
ok(
  "a check in a function",
  "r6 = r1; call f; if r0 == 0 goto out; r2 = data; r2 += r6; r0 = u8[r2+0]; out: r0 = 0; exit; fn f: r0 = 0; if r1 > 63 goto a; r0 = 1; a: exit",
);
no(
  "memory-bounds",
  "a check in a function, the wrong way",
  "r6 = r1; call f; if r0 != 0 goto out; r2 = data; r2 += r6; !r0 = u8[r2+0]; out: r0 = 0; exit; fn f: r0 = 0; if r1 > 63 goto a; r0 = 1; a: exit",
);
ok("a pointer as result", `call f; r0 = u8[r0+63]; exit; fn f: r0 = data; exit`);
no(
  "memory-bounds",
  "a pointer as result, one byte more",
  `call f; !r0 = u8[r0+64]; exit; fn f: r0 = data; exit`,
);
no(
  "null-pointer",
  "a value that may be null as result",
  `call f; !r0 = u8[r0+0]; exit; fn f: u32[r10-4] = 0; r2 = r10; r2 += -4; r1 = map array; call bpf_map_lookup_elem; exit`,
);
ok(
  "a value that may be null as result, checked",
  `call f; if r0 == 0 goto out; r0 = u8[r0+0]${OUT}; fn f: u32[r10-4] = 0; r2 = r10; r2 += -4; r1 = map array; call bpf_map_lookup_elem; exit`,
);
ok(
  "a null check by the caller of the caller",
  `${value("array")}; r1 = r0; call f${OUT}; fn f: r0 = u8[r1+47]; exit`,
);
ok(
  "a function that is called twice",
  "r6 = r2; r1 &= 31; call f; r1 = r6; r1 &= 63; call f; exit; fn f: r2 = data; r2 += r1; r0 = u8[r2+0]; exit",
);
ok(
  "a function of a number and of a pointer",
  "r1 = 1; call f; r1 = data; call f; r0 = 0; exit; fn f: r0 = r1; exit",
);
no(
  "not-a-pointer",
  "a function of a pointer, and of a number",
  "r1 = data; call f; r1 = 4096; call f; exit; fn f: !r0 = u8[r1+0]; exit",
);
no(
  "pointer-leak",
  "a pointer returned by the program through a function",
  "call f; !exit; fn f: r0 = r10; r0 = data; exit",
);

// Frames.
ok(
  "a frame of its own",
  "u64[r10-8] = 1; call f; r0 = u64[r10-8]; exit; fn f: u64[r10-8] = 2; r0 = u64[r10-8]; exit",
);
no(
  "uninitialised-stack",
  "the caller's frame is not the function's",
  "u64[r10-8] = 1; call f; exit; fn f: !r0 = u64[r10-8]; exit",
);
no(
  "uninitialised-stack",
  "the function's frame is not the caller's",
  "call f; !r0 = u64[r10-8]; exit; fn f: u64[r10-8] = 1; r0 = 0; exit",
);
no(
  "uninitialised-stack",
  "a frame does not outlive its call",
  "call f; call g; exit; fn f: u64[r10-8] = 1; r0 = 0; exit; fn g: !r0 = u64[r10-8]; exit",
);
no(
  "uninitialised-stack",
  "the frame of the same function's last call",
  "r1 = 1; call f; r1 = 0; call f; exit; fn f: if r1 == 0 goto a; u64[r10-8] = 1; a: !r0 = u64[r10-8]; exit",
);
const PASS = (at: number, then: string) => `r1 = r10; r1 += -${at}; call f; ${then}; exit`;
ok(
  "a function writes to its caller's frame",
  `${PASS(8, "r0 = u64[r10-8]")}; fn f: u64[r1+0] = 1; r0 = 0; exit`,
);
ok(
  "a function writes to all of its caller's frame",
  `${PASS(8, "r0 = u64[r10-512]")}; fn f: u64[r1-504] = 1; r0 = 0; exit`,
);
no(
  "stack-bounds",
  "a function writes above its caller's frame",
  `${PASS(8, "r0 = 0")}; fn f: !u64[r1+8] = 1; r0 = 0; exit`,
);
no(
  "stack-bounds",
  "a function writes below its caller's frame",
  `${PASS(8, "r0 = 0")}; fn f: !u64[r1-512] = 1; r0 = 0; exit`,
);
no(
  "stack-alignment",
  "a function writes to its caller's frame, not aligned",
  `${PASS(8, "r0 = 0")}; fn f: !u64[r1-4] = 1; r0 = 0; exit`,
);
no(
  "uninitialised-stack",
  "a function reads its caller's frame",
  `${PASS(8, "r0 = 0")}; fn f: !r0 = u64[r1+0]; exit`,
);
ok(
  "a function reads what its caller wrote",
  `u64[r10-8] = 1; ${PASS(8, "r0 = 0")}; fn f: r0 = u64[r1+0]; exit`,
);
no(
  "uninitialised-stack",
  "a function writes less than its caller reads",
  `${PASS(8, "!r0 = u64[r10-8]")}; fn f: u32[r1+0] = 1; r0 = 0; exit`,
);
no(
  "uninitialised-stack",
  "a function writes on one path",
  `r2 = r1; ${PASS(8, "!r0 = u64[r10-8]")}; fn f: if r2 == 0 goto a; u64[r1+0] = 1; a: r0 = 0; exit`,
);
no(
  "spilled-pointer",
  "a function changes a part of its caller's pointer",
  `u64[r10-8] = r10; ${PASS(8, "!r2 = u64[r10-8]; r0 = 0")}; fn f: u32[r1+0] = 1; r0 = 0; exit`,
);
no(
  "not-a-pointer",
  "a function overwrites its caller's pointer",
  `r2 = data; u64[r10-8] = r2; ${PASS(8, "r2 = u64[r10-8]; !r0 = u8[r2+0]")}; fn f: u64[r1+0] = 4096; r0 = 0; exit`,
);
no(
  ["spilled-pointer", "not-a-pointer"],
  "a function overwrites its caller's pointer at a variable offset",
  `r2 &= 7; r3 = data; u64[r10-8] = r3; ${PASS(8, "r2 = u64[r10-8]; r0 = u8[r2+0]")}; fn f: r1 += r2; u8[r1+0] = 1; r0 = 0; exit`,
);
no(
  "memory-bounds",
  "a function changes its caller's constant",
  `u64[r10-8] = 5; r2 = r1; ${PASS(8, "r1 = u64[r10-8]; r2 = data; r2 += r1; !r0 = u8[r2+0]")}; fn f: u64[r1+0] = r2; r0 = 0; exit`,
);
ok(
  "a function reads its caller's pointer",
  `r2 = data; u64[r10-8] = r2; ${PASS(8, "r0 = 0")}; fn f: r2 = u64[r1+0]; r0 = u8[r2+63]; exit`,
);
ok(
  "a function writes a pointer into its caller's frame",
  `${PASS(8, "r2 = u64[r10-8]; r0 = u8[r2+63]")}; fn f: r2 = data; u64[r1+0] = r2; r0 = 0; exit`,
);
// Decided: a pointer into an older frame's younger neighbour is a leak.
no(
  "pointer-leak",
  "a function stores its own stack pointer in its caller's frame",
  `${PASS(8, "r0 = 0")}; fn f: !u64[r1+0] = r10; r0 = 0; exit`,
);
ok(
  "a function stores its caller's stack pointer in its own frame",
  `u64[r10-8] = 1; ${PASS(8, "r0 = 0")}; fn f: u64[r10-8] = r1; r2 = u64[r10-8]; r0 = u64[r2+0]; exit`,
);
ok(
  "a function stores its caller's stack pointer in its caller's frame",
  `u64[r10-16] = 1; r2 = r10; r2 += -16; ${PASS(8, "r2 = u64[r10-8]; r0 = u64[r2+0]")}; fn f: u64[r1+0] = r2; r0 = 0; exit`,
);
no(
  ["pointer-leak", "not-a-pointer", "stack-bounds", "uninitialised-register"],
  "a function returns its own stack pointer",
  "call f; r0 = u64[r0-8]; exit; fn f: u64[r10-8] = 1; r0 = r10; exit",
);
ok(
  "a function returns its caller's stack pointer",
  "u64[r10-8] = 1; r1 = r10; call f; r0 = u64[r0-8]; exit; fn f: r0 = r1; exit",
);
ok("two frames up", "u64[r10-8] = 1; r1 = r10; call f; exit; fn f: call g; exit; fn g: r0 = u64[r1-8]; exit");
no(
  "uninitialised-stack",
  "two frames up, nothing written",
  "r1 = r10; call f; exit; fn f: u64[r10-8] = 1; call g; exit; fn g: !r0 = u64[r1-8]; exit",
);

// Recursion, depth, the stack of a chain.
no("recursion", "a function that calls itself", "call f; exit; fn f: call f; exit");
no(
  "recursion",
  "a function that calls itself on one path",
  "call f; exit; fn f: r0 = 0; if r1 == 0 goto a; r1 += -1; call f; a: exit",
);
no("recursion", "a program that calls itself", "r0 = 0; if r1 == 0 goto a; call main; a: exit");
no("recursion", "two functions that call each other", "call f; exit; fn f: call g; exit; fn g: call f; exit");
const chain = (depth: number, body = "") =>
  `${body}call f1; exit; ${Array.from({ length: depth - 1 }, (_, i) => `fn f${i + 1}: ${body}${i + 2 < depth ? `call f${i + 2}` : "r0 = 0"}; exit`).join("; ")}`;
ok("eight frames", chain(8));
no("call-depth", "nine frames", chain(9));
ok(
  "eight frames, twice",
  `r6 = 2; loop: call f1; r6 += -1; if r6 != 0 goto loop; ${chain(8).replace("call f1; exit", "r0 = 0; exit")}`,
);
const frames = (a: number, b: number) =>
  `u8[r10-${a}] = 0; call f; exit; fn f: u8[r10-${b}] = 0; r0 = 0; exit`;
ok("512 bytes in one frame", "u8[r10-512] = 0");
ok("512 bytes in two frames", frames(256, 256));
no("chain-stack", "513 bytes in two frames", frames(256, 257));
ok("512 bytes in two frames, the last small", frames(496, 16));
no("chain-stack", "frames are rounded up to 16", frames(496, 17));
no("chain-stack", "frames are rounded up to 16, the first too", frames(481, 17));
ok("frames that are rounded up to 16 and fit", frames(481, 9));
ok(
  "two calls of 256 bytes beside each other",
  "u8[r10-256] = 0; call f; call g; exit; fn f: u8[r10-256] = 0; r0 = 0; exit; fn g: u8[r10-250] = 0; r0 = 0; exit",
);
no(
  "chain-stack",
  "three frames",
  `u8[r10-176] = 0; call f; exit; fn f: u8[r10-176] = 0; call g; exit; fn g: u8[r10-176] = 0; r0 = 0; exit`,
);
ok("a larger limit", frames(256, 272), { maxStack: 1024 });
no("chain-stack", "a larger limit that does not suffice", frames(512, 512), { maxStack: 1008 });
no("chain-stack", "a smaller limit", "u8[r10-65] = 0", { maxStack: 64 });
ok("a smaller limit that suffices", "u8[r10-64] = 0", { maxStack: 64 });

// Calls through registers.
ok("a call through a register", "r6 = fn f; callx r6; exit; fn f: r0 = 0; exit");
no(["not-a-pointer", "helper-argument", "callback"], "a call of a number", "!callx r1");
no(["not-a-pointer", "helper-argument", "callback"], "a call of the stack", "r6 = r10; !callx r6");
no("uninitialised-register", "a call of nothing", "!callx r6");
no(
  "memory-bounds",
  "a call of one of two functions",
  "r6 = fn f; if r1 == 0 goto a; r6 = fn g; a: callx r6; r1 = data; r1 += r0; !r0 = u8[r1+0]; exit; fn f: r0 = 5; exit; fn g: r0 = 64; exit",
);
no(
  "recursion",
  "a call of itself through a register",
  "r6 = fn f; callx r6; exit; fn f: r6 = fn f; callx r6; exit",
);

// Pointers in the initial data: functions f and g (1 and 2), 8 bytes in, and read-only data behind them.
const pointers: DataPointer[] = [
  { at: 8, to: { kind: "function", index: 1 } },
  { at: 16, to: { kind: "function", index: 2 } },
  { at: 24, to: { kind: "rodata", offset: 8 } },
  { at: 32, to: { kind: "data", offset: 40 } },
];
const TABLE = "; fn f: r0 = 50; exit; fn g: r0 = 60; exit";
const BAD_CALL: Rule[] = ["not-a-pointer", "helper-argument", "callback"];
ok("a call through data", `r6 = data; r6 = u64[r6+8]; callx r6; exit${TABLE}`, { pointers });
ok(
  "a call through a table",
  `r1 &= 1; r1 <<= 3; r6 = data+8; r6 += r1; r6 = u64[r6+0]; callx r6; r1 = data; r1 += r0; r0 = u8[r1+0]; exit${TABLE}`,
  { pointers },
);
no(
  "memory-bounds",
  "a call through a table, either result",
  `r1 &= 1; r1 <<= 3; r6 = data+8; r6 += r1; r6 = u64[r6+0]; callx r6; r1 = data; r1 += r0; !r0 = u8[r1+4]; exit${TABLE}`,
  { pointers },
);
no(
  BAD_CALL,
  "a call through a table, one entry too many",
  `r1 &= 3; if r1 > 2 goto out; r1 <<= 3; r6 = data+8; r6 += r1; r6 = u64[r6+0]; callx r6; exit; out: r0 = 0; exit${TABLE}`,
  { pointers },
);
no(
  BAD_CALL,
  "a call through a table, one entry too few",
  `r1 &= 1; r1 <<= 3; r6 = data; r6 += r1; r6 = u64[r6+0]; callx r6; exit${TABLE}`,
  { pointers },
);
no(BAD_CALL, "a call through data that is a number", `r6 = data; r6 = u64[r6+0]; callx r6; exit${TABLE}`, {
  pointers,
});
no(
  BAD_CALL,
  "a call through data that is read-only data",
  `r6 = data; r6 = u64[r6+24]; callx r6; exit${TABLE}`,
  { pointers },
);
ok(
  "a pointer to read-only data in data",
  `r6 = data; r6 = u64[r6+24]; r0 = u8[r6+23]; r0 = u8[r6-8]; exit${TABLE}`,
  { pointers },
);
no(
  "memory-bounds",
  "a pointer to read-only data in data, one byte more",
  `r6 = data; r6 = u64[r6+24]; !r0 = u8[r6+24]; exit${TABLE}`,
  { pointers },
);
no(
  "read-only",
  "a pointer to read-only data in data, stored through",
  `r6 = data; r6 = u64[r6+24]; !u8[r6+0] = 0; r0 = 0; exit${TABLE}`,
  { pointers },
);
ok("a pointer to data in data", `r6 = data; r6 = u64[r6+32]; u8[r6+23] = 1; r0 = 0; exit${TABLE}`, {
  pointers,
});
no(
  "memory-bounds",
  "a pointer to data in data, one byte more",
  `r6 = data; r6 = u64[r6+32]; !u8[r6+24] = 1; r0 = 0; exit${TABLE}`,
  { pointers },
);
no(
  ["spilled-pointer", "pointer-leak", "not-a-pointer"],
  "half a pointer in data",
  `r6 = data; r6 = u32[r6+8]; callx r6; exit${TABLE}`,
  { pointers },
);
no(
  ["spilled-pointer", "pointer-leak", "not-a-pointer"],
  "across two pointers in data",
  `r6 = data; r6 = u64[r6+12]; callx r6; exit${TABLE}`,
  { pointers },
);
// However it is refused: what was overwritten is not called.
const CHANGED: Rule[] = ["read-only", "spilled-pointer", "pointer-leak", ...BAD_CALL];
no(
  CHANGED,
  "a pointer in data that is overwritten, then called",
  `r6 = data; u64[r6+8] = r1; r6 = u64[r6+8]; callx r6; exit${TABLE}`,
  { pointers },
);
no(
  CHANGED,
  "a pointer in data that is overwritten in part, then called",
  `r6 = data; u8[r6+15] = 1; r6 = u64[r6+8]; callx r6; exit${TABLE}`,
  { pointers },
);
no(
  CHANGED,
  "a pointer in data that a variable store overwrites",
  `r1 &= 31; r6 = data; r7 = r6; r7 += r1; u8[r7+0] = 1; r6 = u64[r6+8]; callx r6; exit${TABLE}`,
  { pointers },
);
no(
  CHANGED,
  "a pointer in data that a helper overwrites",
  `r6 = data; r1 = r6; r2 = 64; call bpf_get_current_comm; r6 = u64[r6+8]; callx r6; exit${TABLE}`,
  { pointers },
);
no(
  [...CHANGED, "atomic"],
  "a pointer in data that an atomic operation changes",
  `r6 = data; lock u64[r6+8] += r1; r6 = u64[r6+8]; callx r6; exit${TABLE}`,
  { pointers },
);
no(
  CHANGED,
  "a pointer in data that is overwritten, called later",
  `r6 = data; u64[r6+8] = r1; r0 = 0; exit${TABLE}`,
  { pointers },
);

// Callbacks: bpf_loop calls f(index, context), which returns 0 or 1.
const LOOP = (n = "r1 = 10") => `${n}; r2 = fn f; r3 = r10; r3 += -8; r4 = 0; call bpf_loop`;
ok(
  "bpf_loop",
  `u64[r10-8] = 0; ${LOOP()}; exit; fn f: r3 = u64[r2+0]; r3 += r1; u64[r2+0] = r3; r0 = 0; exit`,
);
ok(
  "bpf_loop with a number as context",
  "r1 = 10; r2 = fn f; r3 = 5; r4 = 0; call bpf_loop; exit; fn f: r0 = r2; r0 &= 1; exit",
);
ok("bpf_loop of an unknown count", `u64[r10-8] = 0; ${LOOP("r1 = r1")}; exit; fn f: r0 = 0; exit`);
ok("a callback returns 1", `u64[r10-8] = 0; ${LOOP()}; exit; fn f: r0 = 1; exit`);
no("callback", "a callback returns 2", `u64[r10-8] = 0; ${LOOP()}; exit; fn f: r0 = 2; !exit`);
no("callback", "a callback returns -1", `u64[r10-8] = 0; ${LOOP()}; exit; fn f: r0 = -1; !exit`);
no(
  "callback",
  "a callback returns an unknown number",
  `u64[r10-8] = 0; ${LOOP()}; exit; fn f: r0 = r1; !exit`,
);
no("callback", "a callback returns a pointer", `u64[r10-8] = 0; ${LOOP()}; exit; fn f: r0 = r2; !exit`);
ok("a callback returns one bit", `u64[r10-8] = 0; ${LOOP()}; exit; fn f: r0 = r1; r0 &= 1; exit`);
no(
  ["uninitialised-register", "callback"],
  "a callback returns nothing",
  `u64[r10-8] = 0; ${LOOP()}; exit; fn f: !exit`,
);
no(
  "uninitialised-register",
  "a callback takes a third argument",
  `u64[r10-8] = 0; ${LOOP()}; exit; fn f: !r0 = r3; exit`,
);
no(
  "uninitialised-register",
  "a callback reads its caller's register",
  `r6 = 1; u64[r10-8] = 0; ${LOOP()}; exit; fn f: !r0 = r6; exit`,
);
no(
  "not-a-pointer",
  "a callback uses its index as a pointer",
  `u64[r10-8] = 0; ${LOOP()}; exit; fn f: !r0 = u8[r1+0]; exit`,
);
no(
  "stack-bounds",
  "a callback writes above its caller's frame",
  `u64[r10-8] = 0; ${LOOP()}; exit; fn f: !u64[r2+8] = 0; r0 = 0; exit`,
);
no(
  "uninitialised-stack",
  "a callback reads what was not written",
  `${LOOP()}; exit; fn f: !r0 = u64[r2+0]; r0 = 0; exit`,
);
no(
  "uninitialised-stack",
  "a callback may never be called",
  `${LOOP("r1 = r1")}; r0 = u64[r10-8]; exit; fn f: u64[r2+0] = 1; r0 = 0; exit`,
);
no(
  "memory-bounds",
  "an index that is not checked",
  `r6 = r1; u64[r10-8] = 0; ${LOOP("r1 = r6")}; exit; fn f: r3 = data; r3 += r1; !r0 = u8[r3+0]; r0 = 0; exit`,
);
ok(
  "an index that is checked",
  `r6 = r1; u64[r10-8] = 0; ${LOOP("r1 = r6")}; exit; fn f: r0 = 1; if r1 > 63 goto a; r3 = data; r3 += r1; r0 = u8[r3+0]; r0 = 0; a: exit`,
);
no(
  "memory-bounds",
  "a count that grows with each call",
  `u64[r10-8] = 0; ${LOOP("r1 = 100")}; exit; fn f: r3 = u64[r2+0]; r4 = data; r4 += r3; r0 = u8[r4+0]; r3 += 1; u64[r2+0] = r3; r0 = 0; exit`,
);
ok(
  "a count that grows with each call, checked",
  `u64[r10-8] = 0; ${LOOP("r1 = 100")}; exit; fn f: r3 = u64[r2+0]; r0 = 1; if r3 > 63 goto a; r4 = data; r4 += r3; r0 = u8[r4+0]; r3 += 1; u64[r2+0] = r3; r0 = 0; a: exit`,
);
no(
  "memory-bounds",
  "what a callback changed, afterwards",
  `u64[r10-8] = 0; ${LOOP("r1 = 100")}; r1 = u64[r10-8]; r2 = data; r2 += r1; r0 = u8[r2+0]; exit; fn f: r3 = u64[r2+0]; r3 += 1; u64[r2+0] = r3; r0 = 0; exit`,
);
no(
  "memory-bounds",
  "what a callback set, afterwards",
  `u64[r10-8] = 0; ${LOOP()}; r1 = u64[r10-8]; r2 = data; r2 += r1; r0 = u8[r2+0]; exit; fn f: u64[r2+0] = 64; r0 = 0; exit`,
);
no(
  "memory-bounds",
  "what a callback may not have set",
  `u64[r10-8] = 64; ${LOOP("r1 = r1")}; r1 = u64[r10-8]; r2 = data; r2 += r1; r0 = u8[r2+0]; exit; fn f: u64[r2+0] = 0; r0 = 0; exit`,
);
no(
  ["not-a-pointer", "spilled-pointer"],
  "a callback's second call finds what the first left",
  `r6 = data; u64[r10-8] = r6; ${LOOP()}; exit; fn f: r3 = u64[r2+0]; r0 = u8[r3+0]; u64[r2+0] = 0; r0 = 0; exit`,
);
no(
  "uninitialised-register",
  "r1 after bpf_loop",
  `u64[r10-8] = 0; ${LOOP()}; !r0 = r1; exit; fn f: r0 = 0; exit`,
);
ok(
  "r6 after bpf_loop",
  `r6 = data; u64[r10-8] = 0; ${LOOP()}; r0 = u8[r6+63]; exit; fn f: r6 = 0; r0 = 0; exit`,
);
no("helper-argument", "a number as callback", "r2 = 5; r3 = 0; r4 = 0; !call bpf_loop");
no("helper-argument", "data as callback", "r2 = data; r3 = 0; r4 = 0; !call bpf_loop");
no("uninitialised-register", "no callback", "r1 = 10; r3 = 0; r4 = 0; !call bpf_loop", { ctx: "xdp" });
no(
  "chain-stack",
  "a callback's stack is counted",
  `u8[r10-256] = 0; u64[r10-8] = 0; ${LOOP()}; exit; fn f: u8[r10-257] = 0; r0 = 0; exit`,
);
ok(
  "a callback's stack that fits",
  `u8[r10-256] = 0; u64[r10-8] = 0; ${LOOP()}; exit; fn f: u8[r10-256] = 0; r0 = 0; exit`,
);
ok(
  "a callback that calls a function",
  `u64[r10-8] = 0; ${LOOP()}; exit; fn f: r1 = r2; call g; r0 = 0; exit; fn g: u64[r1+0] = 1; r0 = 0; exit`,
);
no(
  "stack-bounds",
  "a callback that calls a function that writes too far",
  `u64[r10-8] = 0; ${LOOP()}; exit; fn f: r1 = r2; call g; r0 = 0; exit; fn g: !u64[r1+8] = 1; r0 = 0; exit`,
);
ok(
  "a callback in a callback",
  `u64[r10-8] = 0; ${LOOP()}; exit; fn f: r3 = r2; r1 = 5; r2 = fn g; r4 = 0; call bpf_loop; r0 = 0; exit; fn g: u64[r2+0] = 1; r0 = 0; exit`,
);
no(
  "recursion",
  "a callback that loops over itself",
  `u64[r10-8] = 0; ${LOOP()}; exit; fn f: r3 = r2; r1 = 5; r2 = fn f; r4 = 0; call bpf_loop; r0 = 0; exit`,
);
no(
  "reference-leak",
  "a callback that keeps what it acquired",
  `u64[r10-8] = 0; ${LOOP()}; exit; fn f: r1 = 8; call malloc; r0 = 0; exit`,
);
ok(
  "a callback that releases what it acquired",
  `u64[r10-8] = 0; ${LOOP()}; exit; fn f: r1 = 8; call malloc; r1 = r0; call free; r0 = 0; exit`,
);
no(
  ["reference-released", "reference-leak", "helper-argument", "not-a-pointer"],
  "a callback that releases what its caller acquired",
  "r1 = 8; call malloc; if r0 == 0 goto out; r6 = r0; r1 = 10; r2 = fn f; r3 = r6; r4 = 0; call bpf_loop; r1 = r6; call free; out: r0 = 0; exit; fn f: r1 = r2; call free; r0 = 0; exit",
);
ok(
  "a program array beside a callback",
  `u64[r10-8] = 0; ${LOOP()}; exit; fn f: r1 = 1; if r1 == 0 goto a; r0 = 0; exit; a: r0 = 1; exit`,
);

// bpf_for_each_map_elem calls f(map, key, value, context).
const EACH = (map: string) =>
  `r1 = map ${map}; r2 = fn f; r3 = r10; r3 += -8; r4 = 0; u64[r10-8] = 0; call bpf_for_each_map_elem; exit`;
ok(
  "each element: key and value",
  `${EACH("hash")}; fn f: r0 = u64[r2+0]; r0 = u64[r3+40]; r0 = u64[r4+0]; r0 = 0; exit`,
);
ok("each element: the value is written", `${EACH("hash")}; fn f: u64[r3+40] = 1; r0 = 0; exit`);
no(
  ["map-bounds", "memory-bounds"],
  "each element: behind the key",
  `${EACH("hash")}; fn f: !r0 = u8[r2+8]; r0 = 0; exit`,
);
no("map-bounds", "each element: behind the value", `${EACH("hash")}; fn f: !r0 = u8[r3+48]; r0 = 0; exit`);
no(
  ["map-bounds", "memory-bounds"],
  "each element: before the key",
  `${EACH("array")}; fn f: !r0 = u8[r2-1]; r0 = 0; exit`,
);
no(
  ["map-bounds", "memory-bounds"],
  "each element: behind a smaller key",
  `${EACH("array")}; fn f: !r0 = u64[r2+0]; r0 = 0; exit`,
);
no(
  "not-a-pointer",
  "each element: the map is no memory",
  `${EACH("hash")}; fn f: !r0 = u8[r1+0]; r0 = 0; exit`,
);
ok("each element: the map is a map", `${EACH("hash")}; fn f: call bpf_map_lookup_elem; r0 = 0; exit`);
ok(
  "each element: the key is a key",
  `${EACH("hash")}; fn f: r1 = map hash; call bpf_map_delete_elem; r0 = 0; exit`,
);
no("uninitialised-register", "each element: no fifth argument", `${EACH("hash")}; fn f: !r0 = r5; exit`);
no("callback", "each element: returns 2", `${EACH("hash")}; fn f: r0 = 2; !exit`);
no(
  "pointer-leak",
  "each element: a pointer in the value",
  `${EACH("hash")}; fn f: !u64[r3+0] = r4; r0 = 0; exit`,
);
no("map-type", "each element of a queue", EACH("queue").replace("call", "!call") + LEAF);
