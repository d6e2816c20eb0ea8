/** Helper calls: ids, contexts, kinds of arguments, sizes, strings and formats, results. */

import { lookup, table, value } from "../program.ts";

const { cases, ok, no } = table("args");
export const HELPERS = cases;

const OUT = "; out: r0 = 0; exit";

// Ids and contexts.
no("helper-unknown", "an unknown id", "!call 9999");
no("helper-unknown", "an unknown id of the system's", "!call 1999999");
ok("a helper without arguments", "call bpf_ktime_get_ns; exit");
no("helper-context", "a packet helper without a packet", "r2 = 0; !call bpf_xdp_adjust_head");
no("helper-context", "a packet helper of another context", "r2 = 0; !call bpf_skb_pull_data", { ctx: "xdp" });
no("helper-context", "an xdp helper for skb", "r2 = 0; !call bpf_xdp_adjust_head", { ctx: "skb" });
ok("a helper of both contexts", "r1 = 1; r2 = 0; call bpf_redirect", { ctx: "skb" });

// Arguments.
no(
  "uninitialised-register",
  "an argument that was never written",
  "r1 = map array; !call bpf_map_lookup_elem",
  { ctx: "xdp" },
);
no("uninitialised-register", "an argument that a call destroyed", "call bpf_ktime_get_ns; !call usleep");
no("helper-argument", "a pointer as a number", "r1 = r10; !call usleep");
no("helper-argument", "a number as memory", "r1 = 4096; r2 = 16; !call bpf_get_current_comm");
no(["helper-argument", "null-pointer"], "null as memory", "r1 = 0; r2 = 16; !call bpf_get_current_comm");
no("helper-argument", "a map as memory", "r1 = map array; r2 = 16; !call bpf_get_current_comm");
no(
  "helper-argument",
  "a function as memory",
  "r1 = fn f; r2 = 16; !call bpf_get_current_comm; fn f: r0 = 0; exit",
);
no("helper-argument", "the context as memory", "r2 = 16; !call bpf_get_current_comm", { ctx: "xdp" });
no("helper-argument", "a number as context", "r1 = 0; r2 = 0; !call bpf_xdp_adjust_head", { ctx: "xdp" });
no("helper-argument", "the stack as context", "r1 = r10; r2 = 0; !call bpf_xdp_adjust_head", { ctx: "xdp" });
no(
  "null-pointer",
  "a value that may be null as memory",
  `${lookup("array")}; r1 = r0; r2 = 16; !call bpf_get_current_comm`,
);
for (const r of [1, 2, 3, 4, 5])
  no("uninitialised-register", `r${r} after a helper`, `call bpf_ktime_get_ns; !r0 = r${r}; exit`);
ok("r6 after a helper", "r6 = r1; call bpf_ktime_get_ns; r0 = r6; exit");
no("uninitialised-register", "the result of a helper without one", "r1 = 0; call free; !exit");

// Memory and its size; bpf_get_current_comm writes 1 … r2 bytes at r1.
const comm = (at: number, size: string) => `r1 = r10; r1 += -${at}; ${size}; !call bpf_get_current_comm`;
ok("16 bytes of the stack", comm(16, "r2 = 16"));
no("stack-bounds", "16 bytes where 15 are", comm(15, "r2 = 16"));
no("stack-bounds", "memory below the stack", comm(513, "r2 = 1"));
ok("the whole stack", comm(512, "r2 = 512"));
no("stack-bounds", "more than the stack", comm(512, "r2 = 513"));
no("helper-size", "no bytes", comm(16, "r2 = 0"));
no("helper-size", "a negative size", comm(16, "r2 = -1"));
no("helper-size", "a size without bounds", "r2 = r1; r1 = r10; r1 += -16; !call bpf_get_current_comm");
no(
  "helper-size",
  "a size without a lower bound",
  `if r1 s> 16 goto out; r2 = r1; r1 = r10; r1 += -16; !call bpf_get_current_comm${OUT}`,
);
no(
  "helper-size",
  "a size that may be 0",
  "r2 = r1; r2 &= 15; r1 = r10; r1 += -16; !call bpf_get_current_comm",
);
no(
  ["helper-size", "stack-bounds"],
  "a size without an upper bound",
  `if r1 s< 1 goto out; r2 = r1; r1 = r10; r1 += -16; !call bpf_get_current_comm${OUT}`,
);
no(
  ["helper-size", "stack-bounds"],
  "a size bounded in 32 bits",
  `if w1 > 16 goto out; if w1 == 0 goto out; r2 = r1; r1 = r10; r1 += -16; !call bpf_get_current_comm${OUT}`,
);
no("helper-argument", "a pointer as a size", comm(16, "r2 = r10"));
const ZEROS = "u64[r10-16] = 0; u64[r10-8] = 0";
ok("a bounded size", `${ZEROS}; r2 = r1; r2 &= 15; r2 += 1; r1 = r10; r1 += -16; call bpf_get_current_comm`);
no(
  "stack-bounds",
  "a bounded size, one byte less",
  `${ZEROS}; r2 = r1; r2 &= 15; r2 += 1; r1 = r10; r1 += -15; !call bpf_get_current_comm`,
);
ok(
  "a compared size",
  `${ZEROS}; if r1 == 0 goto out; if r1 > 16 goto out; r2 = r1; r1 = r10; r1 += -16; call bpf_get_current_comm${OUT}`,
);
no(
  "stack-bounds",
  "a compared size, one looser",
  `${ZEROS}; if r1 == 0 goto out; if r1 > 17 goto out; r2 = r1; r1 = r10; r1 += -16; !call bpf_get_current_comm${OUT}`,
);
ok(
  "what was written is read",
  "r1 = r10; r1 += -16; r2 = 16; call bpf_get_current_comm; r0 = u64[r10-16]; r0 = u8[r10-1]",
);
no(
  "uninitialised-stack",
  "the byte before what was written",
  "r1 = r10; r1 += -16; r2 = 16; call bpf_get_current_comm; !r0 = u8[r10-17]",
);
no(
  "uninitialised-stack",
  "the byte behind what was written",
  "r1 = r10; r1 += -16; r2 = 15; call bpf_get_current_comm; !r0 = u8[r10-1]",
);
no(
  "uninitialised-stack",
  "what may have been written",
  "r2 = r1; r2 &= 15; r2 += 1; r1 = r10; r1 += -16; call bpf_get_current_comm; r0 = u8[r10-1]",
);
no(
  "memory-bounds",
  "a helper changes a constant",
  `u64[r10-8] = 5; r1 = r10; r1 += -8; r2 = 8; call bpf_get_current_comm; r1 = u64[r10-8]; r6 = data; r6 += r1; !r0 = u8[r6+0]`,
  { dataSize: 64 },
);
no(
  "memory-bounds",
  "a helper may change a constant",
  `u64[r10-8] = 5; r2 = r1; r2 &= 7; r2 += 1; r1 = r10; r1 += -8; call bpf_get_current_comm; r1 = u64[r10-8]; r6 = data; r6 += r1; !r0 = u8[r6+0]`,
  { dataSize: 64 },
);
no(
  ["spilled-pointer", "not-a-pointer"],
  "a helper overwrites a pointer",
  "r6 = data; u64[r10-8] = r6; r1 = r10; r1 += -8; r2 = 8; call bpf_get_current_comm; r6 = u64[r10-8]; r0 = u8[r6+0]",
);
no(
  ["spilled-pointer", "not-a-pointer"],
  "a helper overwrites a part of a pointer",
  "r6 = data; u64[r10-8] = r6; r1 = r10; r1 += -8; r2 = 4; call bpf_get_current_comm; r6 = u64[r10-8]; r0 = u8[r6+0]",
);
ok(
  "a helper leaves the rest",
  "r6 = data; u64[r10-24] = r6; r1 = r10; r1 += -16; r2 = 16; call bpf_get_current_comm; r6 = u64[r10-24]; r0 = u8[r6+0]",
);
ok("the memory of a value", `${value("array")}; r1 = r0; r2 = 48; call bpf_get_current_comm${OUT}`);
no(
  "map-bounds",
  "the memory of a value, one byte more",
  `${value("array")}; r1 = r0; r2 = 49; !call bpf_get_current_comm${OUT}`,
);
ok("the memory of data", "r1 = data; r2 = 64; call bpf_get_current_comm");
no("memory-bounds", "the memory of data, one byte more", "r1 = data; r2 = 65; !call bpf_get_current_comm");
no("memory-bounds", "the memory of data, from inside", "r1 = data+1; r2 = 64; !call bpf_get_current_comm");
ok(
  "an index and a size that fit together",
  "r6 = r1; r6 &= 31; r2 &= 31; r2 += 1; r1 = data; r1 += r6; call bpf_get_current_comm",
);
no(
  "memory-bounds",
  "an index and a size that do not",
  "r6 = r1; r6 &= 31; r2 &= 31; r2 += 1; r1 = data+2; r1 += r6; !call bpf_get_current_comm",
);

// Sizes that may be 0.
const copy = (size: string) => `u64[r10-8] = 0; r1 = data; r2 = r10; r2 += -8; ${size}; !call memcpy`;
ok("memcpy of 8 bytes", copy("r3 = 8"));
ok("memcpy of nothing", copy("r3 = 0"));
no("stack-bounds", "memcpy of more than the source has", copy("r3 = 9"));
no(
  "uninitialised-stack",
  "memcpy of what was not written",
  "r1 = data; r2 = r10; r2 += -8; r3 = 8; !call memcpy",
);
no(
  "uninitialised-stack",
  "memcpy of more than was written",
  "u32[r10-8] = 0; r1 = data; r2 = r10; r2 += -8; r3 = 8; !call memcpy",
);
no(
  "memory-bounds",
  "memcpy of more than the target has",
  "u64[r10-8] = 0; r1 = data+57; r2 = r10; r2 += -8; r3 = 8; !call memcpy",
);
no(
  "pointer-leak",
  "memcpy of a pointer",
  "u64[r10-8] = r10; r1 = data; r2 = r10; r2 += -8; r3 = 8; !call memcpy",
);
ok("memcpy of a variable size", "u64[r10-8] = 0; r3 &= 7; r1 = data; r2 = r10; r2 += -8; call memcpy");
no(
  "stack-bounds",
  "memcpy of a variable size, one looser",
  "u64[r10-8] = 0; r3 &= 15; r1 = data; r2 = r10; r2 += -8; !call memcpy",
);
no(
  "uninitialised-stack",
  "memcpy of a variable size, one byte not written",
  "u32[r10-8] = 0; u16[r10-4] = 0; r3 &= 7; r1 = data; r2 = r10; r2 += -8; !call memcpy",
);
ok("memcpy to the stack writes it", "r1 = r10; r1 += -8; r2 = data; r3 = 8; call memcpy; r0 = u64[r10-8]");
no(
  "uninitialised-stack",
  "memcpy of a variable size may write nothing",
  "r3 &= 7; r1 = r10; r1 += -8; r2 = data; call memcpy; r0 = u8[r10-8]",
);
ok(
  "memcpy returns its target",
  "u64[r10-8] = 0; r1 = data; r2 = r10; r2 += -8; r3 = 8; call memcpy; r0 = u8[r0+63]",
);
no(
  "memory-bounds",
  "memcpy returns its target, with its bounds",
  "u64[r10-8] = 0; r1 = data; r2 = r10; r2 += -8; r3 = 8; call memcpy; !r0 = u8[r0+64]",
);
no(
  "read-only",
  "memcpy to read-only data",
  "u64[r10-8] = 0; r1 = rodata; r2 = r10; r2 += -8; r3 = 8; !call memcpy",
);
ok("memcpy from read-only data", "r1 = data; r2 = rodata+24; r3 = 8; call memcpy");
no(
  "memory-bounds",
  "memcpy from read-only data, one byte more",
  "r1 = data; r2 = rodata+25; r3 = 8; !call memcpy",
);
ok("memset of the stack writes it", "r1 = r10; r1 += -16; r2 = 0; r3 = 16; call memset; r0 = u64[r10-8]");
no("helper-size", "memset of a size without bounds", "r3 = r1; r1 = data; r2 = 0; !call memset");
ok("memcmp", "u64[r10-8] = 0; r1 = r10; r1 += -8; r2 = data; r3 = 8; call memcmp; exit");
no(
  "uninitialised-stack",
  "memcmp of what was not written",
  "r1 = r10; r1 += -8; r2 = data; r3 = 8; !call memcmp",
);
ok("a probe reads any address", "r3 = r1; r1 = r10; r1 += -8; r2 = 8; call bpf_probe_read; r0 = u64[r10-8]");
no(
  "stack-bounds",
  "a probe writes within bounds",
  "r3 = r1; r1 = r10; r1 += -8; r2 = 9; !call bpf_probe_read",
);

// Null where it is allowed.
ok("null for time", "r1 = 0; call time");
ok("8 bytes for time", "r1 = r10; r1 += -8; call time; r0 = u64[r10-8]");
no("stack-bounds", "4 bytes for time", "r1 = r10; r1 += -4; !call time");
no("helper-argument", "a number for time", "r1 = 8; !call time");
ok("null and 0 bytes", "r1 = 0; r2 = 0; r3 = 0; r4 = 0; r5 = 0; call bpf_csum_diff", { ctx: "xdp" });
no(
  ["null-pointer", "helper-argument"],
  "null and 4 bytes",
  "r1 = 0; r2 = 4; r3 = 0; r4 = 0; r5 = 0; !call bpf_csum_diff",
  { ctx: "xdp" },
);

// Strings.
ok("a string", "r1 = rodata; call puts", { rodata: "hello" });
ok("the end of a string", "r1 = rodata+5; call puts", { rodata: "hello" });
no(["string", "memory-bounds"], "behind a string", "r1 = rodata+6; !call puts", { rodata: "hello" });
no("string", "a string without its end", "r1 = rodata; !call puts", { rodata: [104, 105] });
ok("a string on the stack", "u8[r10-8] = 104; u8[r10-7] = 0; r1 = r10; r1 += -8; call puts");
ok("a string in a stored word", "u64[r10-8] = 0x6968; r1 = r10; r1 += -8; call puts");
no(
  ["string", "uninitialised-stack"],
  "a string on the stack without its end",
  "u8[r10-8] = 104; r1 = r10; r1 += -8; !call puts",
);
no(
  ["string", "stack-bounds", "uninitialised-stack"],
  "a string that fills the stack",
  "u8[r10-1] = 104; r1 = r10; r1 += -1; !call puts",
);
no(
  ["string", "uninitialised-stack"],
  "a string of unknown bytes",
  "u64[r10-8] = r1; r1 = r10; r1 += -8; !call puts",
);
no(["string", "helper-argument"], "a number as a string", "!call puts");
no(["string", "helper-argument", "null-pointer"], "null as a string", "r1 = 0; !call puts");
no(["string", "helper-argument"], "memory as a string", "!call puts", { ctx: "mem:64" });
ok("an environment variable", `r1 = rodata; call getenv; if r0 == 0 goto out; r1 = r0; call strlen${OUT}`, {
  rodata: "HOME",
});
no(
  "null-pointer",
  "an environment variable that may not be set",
  "r1 = rodata; call getenv; r1 = r0; !call strlen",
  { rodata: "HOME" },
);
no("null-pointer", "a character of what may be null", "r1 = rodata; call getenv; !r0 = u8[r0+0]", {
  rodata: "HOME",
});

// Formats.
ok("a format", "r1 = rodata; call printf", { rodata: "hello" });
ok("a format with a number", "r2 = 5; r1 = rodata; call printf", { rodata: "%d" });
ok("a format with four numbers", "r6 = r1; r2 = r6; r3 = r6; r4 = r6; r5 = r6; r1 = rodata; call printf", {
  rodata: "%d %u %x %ld",
});
ok("a format with a string", "r1 = rodata; r2 = rodata; call printf", { rodata: "%s" });
ok("a format with a percent sign", "r1 = rodata; call printf", { rodata: "100%%" });
no(
  "uninitialised-register",
  "a format with a number that is missing",
  "call bpf_ktime_get_ns; r1 = rodata; !call printf",
  { rodata: "%d" },
);
no(
  "uninitialised-register",
  "a format whose second number is missing",
  "call bpf_ktime_get_ns; r2 = 1; r1 = rodata; !call printf",
  { rodata: "%d %d" },
);
ok("a format that asks for less than there is", "call bpf_ktime_get_ns; r2 = 1; r1 = rodata; call printf", {
  rodata: "%d",
});
no(["string", "helper-argument"], "a format with a number as a string", "r2 = 5; r1 = rodata; !call printf", {
  rodata: "%s",
});
no("string", "a format that asks for too much", "r1 = rodata; r2 = 0; r3 = 0; r4 = 0; r5 = 0; !call printf", {
  rodata: "%d %d %d %d %d",
});
no("string", "a format without its end", "r1 = rodata; !call printf", { rodata: [37, 100] });
no(["string", "helper-argument"], "a format that is not known", "r1 = data; !call printf");
no(
  ["string", "helper-argument", "uninitialised-stack"],
  "a format of unknown bytes",
  "u64[r10-8] = r1; r1 = r10; r1 += -8; !call printf",
);
ok("a format on the stack", "u64[r10-8] = 0x6425; r2 = 1; r1 = r10; r1 += -8; call printf");
const ARRAY =
  "u64[r10-16] = 1; u64[r10-8] = 2; r1 = r10; r1 += -48; r2 = 32; r3 = rodata; r4 = r10; r4 += -16";
ok("bpf_snprintf", `${ARRAY}; r5 = 16; call bpf_snprintf; r1 = r10; r1 += -48; call puts`, {
  rodata: "%d %d",
});
no("string", "bpf_snprintf with too few arguments", `${ARRAY}; r5 = 8; !call bpf_snprintf`, {
  rodata: "%d %d",
});
no("stack-bounds", "bpf_snprintf with more than the array has", `${ARRAY}; r5 = 24; !call bpf_snprintf`, {
  rodata: "%d %d",
});
no("helper-size", "sprintf without a limit", "r1 = data; r2 = rodata; !call sprintf", { rodata: "x" });

// Results.
ok("32 bits of a result", "call bpf_get_prandom_u32; r0 >>= 26; r1 = data; r1 += r0; r0 = u8[r1+0]");
no(
  "memory-bounds",
  "32 bits of a result, one byte less",
  "call bpf_get_prandom_u32; r0 >>= 26; r1 = data; r1 += r0; !r0 = u8[r1+0]",
  { dataSize: 63 },
);
no(
  "memory-bounds",
  "64 bits of a result",
  "call bpf_ktime_get_ns; r0 >>= 26; r1 = data; r1 += r0; !r0 = u8[r1+0]",
);
ok(
  "the sign of a comparison",
  "u64[r10-8] = 0; r1 = r10; r1 += -8; r2 = data; r3 = 3; call memcmp; r1 = data+1; r1 += r0; r0 = u8[r1+0]",
  { dataSize: 3 },
);
no(
  "memory-bounds",
  "the sign of a comparison, below",
  "u64[r10-8] = 0; r1 = r10; r1 += -8; r2 = data; r3 = 8; call memcmp; r1 = data; r1 += r0; !r0 = u8[r1+0]",
  { dataSize: 64 },
);
ok(
  "a length that is checked",
  `r1 = rodata; call strlen; if r0 > 63 goto out; r1 = data; r1 += r0; u8[r1+0] = 0${OUT}`,
  { rodata: "hello" },
);
no(
  "memory-bounds",
  "a length that is not checked",
  "r1 = rodata; call strlen; r1 = data; r1 += r0; !u8[r1+0] = 0",
  { rodata: "hello", dataSize: 5 },
);
ok("exit ends the program", "r1 = 0; call exit; exit");
no("not-a-pointer", "a result is no pointer", "call bpf_get_current_task; !r0 = u8[r0+0]");
ok("helpers by names of the C library", "r1 = 65; call putchar; call clock; call errno; exit");
