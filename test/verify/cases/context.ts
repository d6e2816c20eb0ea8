/** What r1 … r5 are at the entry, and the fields of a context structure. */

import { table } from "../program.ts";

const args = table("args");
const mem = table("mem");
const cmd = table("cmd");
const xdp = table("xdp");
const skb = table("skb");

// Registers at the entry.
args.ok("args: five numbers", "r0 = r1; r0 += r2; r0 += r3; r0 += r4; r0 += r5; exit");
for (const r of [0, 6, 7, 8, 9]) args.no("uninitialised-register", `r${r} at the entry`, `!r7 = r${r}`);
args.no("not-a-pointer", "args: r1 is no pointer", "!r0 = u8[r1+0]");
args.no("not-a-pointer", "args: r5 is no pointer, for a store", "!u8[r5+0] = 1");
mem.no("uninitialised-register", "mem: r3 at the entry", "!r0 = r3");
cmd.no("uninitialised-register", "cmd: r3 at the entry", "!r0 = r3");
xdp.no("uninitialised-register", "xdp: r2 at the entry", "!r0 = r2");
skb.no("uninitialised-register", "skb: r2 at the entry", "!r0 = r2");
args.no("uninitialised-register", "r0 unset at the exit", "!exit");
args.no("uninitialised-register", "r0 unset at the exit on one path", "if r1 == 0 goto a; r0 = 1; a: !exit");
args.ok("r0 set on both paths", "r0 = 0; if r1 == 0 goto a; r0 = 1; a: exit");
args.no("uninitialised-register", "arithmetic on an uninitialised register", "!r6 += 1");
args.no("uninitialised-register", "arithmetic with an uninitialised register", "r0 = 1; !r0 += r6");
args.no("uninitialised-register", "negation of an uninitialised register", "!r6 = -r6");
args.no("uninitialised-register", "a 32-bit move of an uninitialised register", "!w0 = w6");
args.no("uninitialised-register", "a byte swap of an uninitialised register", "!r6 = bswap64 r6");
args.no("uninitialised-register", "a comparison of an uninitialised register", "!if r6 == 0 goto out; out:");
args.no(
  "uninitialised-register",
  "a comparison with an uninitialised register",
  "!if r1 == r6 goto out; out:",
);
args.no(
  "uninitialised-register",
  "a 32-bit comparison with an uninitialised register",
  "!if w1 == w6 goto out; out:",
);
args.no("uninitialised-register", "a load through an uninitialised register", "!r0 = u8[r6+0]");
args.no("uninitialised-register", "a store through an uninitialised register", "!u8[r6+0] = 1");
args.no(
  "uninitialised-register",
  "a register written on one path",
  "if r1 == 0 goto a; r6 = 1; a: !r0 = r6; exit",
);
args.no(
  "uninitialised-register",
  "a register written on the other path",
  "if r1 == 0 goto a; goto b; a: r6 = 1; b: !r0 = r6; exit",
);
args.ok(
  "a register written and read on one path",
  "r7 = r1; if r1 == 0 goto a; r6 = 1; a: if r7 == 0 goto out; r0 = r6; exit; out:",
);
args.ok("xor of a register written before", "r6 = 1; r6 ^= r6; r0 = r6; exit");
args.no("uninitialised-register", "xor of an uninitialised register with itself", "!r6 ^= r6; r0 = r6; exit");

// struct xdp_md, and our own layout of 64-bit pointers.
for (const [name, at] of [
  ["data", 0],
  ["data_end", 4],
  ["data_meta", 8],
  ["ingress_ifindex", 12],
  ["rx_queue_index", 16],
  ["egress_ifindex", 20],
] as const)
  xdp.ok(`xdp: load ${name}`, `r2 = u32[r1+${at}]`);
xdp.ok("xdp: load data, 64 bits", "r2 = u64[r1+0]");
xdp.ok("xdp: load data_end, 64 bits", "r2 = u64[r1+8]");
xdp.no("context-access", "xdp: behind the end", "!r2 = u32[r1+24]");
xdp.no("context-access", "xdp: before the start", "!r2 = u32[r1-4]");
xdp.no("context-access", "xdp: far behind the end", "!r2 = u32[r1+32764]");
xdp.no("context-access", "xdp: straddling a pointer field", "!r2 = u32[r1+2]");
xdp.no("context-access", "xdp: straddling two pointer fields", "!r2 = u64[r1+4]");
xdp.no("context-access", "xdp: a byte of a pointer field", "!r2 = u8[r1+0]");
xdp.no("context-access", "xdp: half a pointer field", "!r2 = u16[r1+4]");
xdp.no("context-access", "xdp: the last byte of a pointer field", "!r2 = u8[r1+7]");
xdp.no("context-access", "xdp: 64 bits at 12", "!r2 = u64[r1+12]");
xdp.no("context-access", "xdp: 64 bits across the end", "!r2 = u64[r1+20]");
xdp.no("context-access", "xdp: a load of a pointer with a sign", "!r2 = s32[r1+0]");
xdp.no("context-access", "xdp: a store to data", "!u32[r1+0] = 0");
xdp.no("context-access", "xdp: a store to a number", "!u32[r1+12] = 0");
xdp.no("context-access", "xdp: a store behind the end", "!u32[r1+24] = 0");
xdp.ok("xdp: a number is a number", "r0 = u32[r1+12]; exit");

// What xdp accepts at the exit: an action, or a number that may be one.
for (const action of [0, 4]) xdp.ok(`xdp: returns ${action}`, `r0 = ${action}; exit`);
for (const action of [5, -1, 4096]) xdp.no("return-value", `xdp: returns ${action}`, `r0 = ${action}; !exit`);
xdp.no(
  "return-value",
  "xdp: returns no action on one path",
  "r0 = 2; r2 = u32[r1+12]; if r2 == 0 goto a; r0 = 7; a: !exit",
);

// struct __sk_buff.
for (const [name, at] of [
  ["len", 0],
  ["mark", 8],
  ["protocol", 16],
  ["ifindex", 40],
  ["cb", 48],
  ["hash", 68],
  ["data", 76],
  ["data_end", 80],
] as const)
  skb.ok(`skb: load ${name}`, `r2 = u32[r1+${at}]`);
skb.ok("skb: load data, 64 bits", "r2 = u64[r1+0]");
skb.ok("skb: load data_end, 64 bits", "r2 = u64[r1+8]");
skb.ok("skb: store mark", "u32[r1+8] = 1");
skb.ok("skb: store priority", "u32[r1+32] = 1");
skb.ok("skb: store the last word of cb", "u32[r1+64] = 1; r0 = u32[r1+64]");
skb.no("context-access", "skb: store len", "!u32[r1+0] = 1");
skb.no("context-access", "skb: store data", "!u32[r1+76] = 1");
skb.no("context-access", "skb: store data, 64 bits", "!u64[r1+0] = 1");
skb.no("context-access", "skb: store hash", "!u32[r1+68] = 1");
skb.no("context-access", "skb: behind the end", "!r2 = u32[r1+192]");
skb.no("context-access", "skb: before the start", "!r2 = u8[r1-1]");
skb.no("context-access", "skb: straddling two fields", "!r2 = u32[r1+2]");
skb.no("context-access", "skb: straddling data", "!r2 = u32[r1+78]");
skb.no("context-access", "skb: 64 bits over data and data_end", "!r2 = u64[r1+76]");
skb.no("context-access", "skb: half of data", "!r2 = u16[r1+76]");
skb.no("context-access", "skb: a byte of data_end", "!r2 = u8[r1+83]");
skb.no("pointer-leak", "skb: a pointer in mark", "!u32[r1+8] = r10");
skb.no("pointer-leak", "skb: the context in cb", "!u32[r1+48] = r1");

// The context's pointer.
for (const t of [xdp, skb]) {
  const name = t === xdp ? "xdp" : "skb";
  t.ok(`${name}: a copy of the context`, "r6 = r1; r0 = u32[r6+12]");
  t.ok(`${name}: the context on the stack`, "u64[r10-8] = r1; r6 = u64[r10-8]; r0 = u32[r6+12]");
  t.no("context-pointer", `${name}: a sum with the context, then a load`, "r1 += 4; !r0 = u32[r1+8]");
  t.no("context-pointer", `${name}: a difference, then a load`, "r1 -= 4; !r0 = u32[r1+16]");
  t.no(
    "context-pointer",
    `${name}: a variable sum, then a load`,
    "r2 = u32[r1+12]; r2 &= 4; r1 += r2; !r0 = u32[r1+12]",
  );
  t.no(
    ["context-pointer", "pointer-arithmetic"],
    `${name}: an unbounded sum, then a load`,
    "r2 = u32[r1+12]; r1 += r2; r0 = u32[r1+12]",
  );
  t.no(
    "context-pointer",
    `${name}: a sum with the context for a helper`,
    "r1 += 4; r2 = map progs; r3 = 0; !call bpf_tail_call",
  );
  t.ok(`${name}: a sum with the context that is not used`, "r1 += 4");
  t.no("pointer-leak", `${name}: the context returned`, "r0 = r1; !exit");
  t.no("pointer-arithmetic", `${name}: 32-bit arithmetic on the context`, "!w1 += 0");
  t.no("pointer-arithmetic", `${name}: a 32-bit move of the context`, "!w2 = w1");
  t.no("atomic", `${name}: an atomic operation on the context`, "r2 = 1; !lock u32[r1+8] += r2");
  t.no("not-a-pointer", `${name}: a number of the context is no pointer`, "r2 = u32[r1+12]; !r0 = u8[r2+0]");
  t.ok(`${name}: a tail call`, "r2 = map progs; r3 = 0; call bpf_tail_call");
}

// Packet loads (LD_ABS, LD_IND): r6 is the context, r1 … r5 are gone afterwards.
skb.ok("ld_abs of each size", "r6 = r1; r0 = skb8[0]; r0 = skb16[12]; r0 = skb32[26]; exit");
skb.ok("ld_ind", "r6 = r1; r7 = 4; r0 = skb8[r7+10]; exit");
skb.no(["uninitialised-register", "helper-argument"], "ld_abs without r6", "!r0 = skb8[0]");
skb.no(["helper-argument", "context-pointer"], "ld_abs with a number in r6", "r6 = 1; !r0 = skb8[0]");
skb.no(
  ["helper-argument", "context-pointer"],
  "ld_abs with a changed context in r6",
  "r6 = r1; r6 += 4; !r0 = skb8[0]",
);
skb.no("uninitialised-register", "ld_ind with an uninitialised register", "r6 = r1; !r0 = skb8[r7+0]");
skb.no(
  ["helper-argument", "pointer-arithmetic"],
  "ld_ind with a pointer",
  "r6 = r1; r7 = r10; !r0 = skb8[r7+0]",
);
for (const r of [1, 2, 5])
  skb.no(
    "uninitialised-register",
    `r${r} after ld_abs`,
    `r6 = r1; r2 = 0; r5 = 0; r0 = skb8[0]; !r0 = r${r}`,
  );
skb.ok("r7 after ld_abs", "r6 = r1; r7 = 5; r0 = skb8[0]; r0 = r7; exit");
args.no(
  ["helper-context", "helper-argument", "uninitialised-register"],
  "ld_abs without a packet",
  "r6 = r1; r0 = skb8[0]",
);

// Code that cannot be reached.
args.no("unreachable", "code behind an exit", "r0 = 0; exit; !r0 = 1; exit");
args.no("unreachable", "code behind a jump", "goto a; !r0 = 1; a:");
args.no("unreachable", "a loop that nothing leads to", "r0 = 0; exit; !a: r0 += 1; goto a");
args.ok(
  "code behind a jump that something else leads to",
  "if r1 == 0 goto b; goto a; b: r0 = 1; a: r0 = 0; exit",
);
args.ok("code behind a condition that never holds", "r0 = 0; if r0 != 0 goto a; exit; a: r0 = 1; exit");

export const CONTEXT = [args, mem, cmd, xdp, skb].flatMap(({ cases }) => cases);
