/** Pointers of every kind: what arithmetic, comparisons and moves do to them. */

import { table, value } from "../program.ts";

const args = table("args");
const xdp = table("xdp");
const { ok, no } = args;
const OUT = "; out: r0 = 0; exit";

/** Each puts a pointer into r6; r7 is an unknown number. */
const KINDS: [name: string, code: string, movable: boolean][] = [
  ["stack", "r7 = r1; r6 = r10", true],
  ["map value", `r7 = r1; ${value("array")}; r6 = r0`, true],
  ["data", "r7 = r1; r6 = data", true],
  ["rodata", "r7 = r1; r6 = rodata", true],
  ["map", "r7 = r1; r6 = map array", false],
  ["function", "r7 = r1; r6 = fn f", false],
];
for (const [name, code, movable] of KINDS) {
  const f = name === "function" ? "; fn f: r0 = 0; exit" : "";
  const refused = (what: string, op: string) =>
    no("pointer-arithmetic", `${name}: ${what}`, `${code}; !${op}${OUT}${f}`);
  refused("a product", "r6 *= 2");
  refused("a quotient", "r6 /= 2");
  refused("a remainder", "r6 %= 2");
  refused("a mask", "r6 &= -8");
  refused("or", "r6 |= 1");
  refused("xor", "r6 ^= 1");
  refused("a left shift", "r6 <<= 1");
  refused("a right shift", "r6 >>= 1");
  refused("an arithmetic shift", "r6 s>>= 1");
  refused("negation", "r6 = -r6");
  refused("a byte swap", "r6 = bswap64 r6");
  refused("be16", "r6 = be16 r6");
  refused("a 32-bit sum", "w6 += 4");
  refused("a 32-bit difference", "w6 -= 4");
  refused("a 32-bit sum with 0", "w6 += 0");
  // Decided: 32-bit moves of a pointer are arithmetic.
  refused("a 32-bit move", "w8 = w6");
  refused("a 32-bit move to itself", "w6 = w6");
  refused("a sign extension", "r8 = (s32)r6");
  refused("a number minus it", "r7 -= r6");
  refused("a number times it", "r7 *= r6");
  refused("a number shifted by it", "r7 <<= r6");
  refused("a 32-bit number plus it", "w7 += w6");
  no("pointer-arithmetic", `${name}: a pointer plus it`, `${code}; r8 = r10; !r8 += r6${OUT}${f}`);
  if (!movable) {
    refused("a sum", "r6 += 8");
    refused("a sum with a register", "r6 += r7");
    refused("a difference", "r6 -= 8");
  } else ok(`${name}: sums`, `${code}; r6 += 8; r6 -= 8; r8 = 8; r6 += r8; r8 += r6${OUT}${f}`);
  ok(
    `${name}: comparisons`,
    `${code}; r8 = r6; if r8 == r6 goto out; if r6 == 0 goto out; if r6 > r7 goto out; r0 = 1; exit${OUT}${f}`,
  );
  ok(`${name}: moved and not used`, `${code}; r8 = r6; u64[r10-16] = r6${OUT}${f}`);
  no("pointer-leak", `${name}: in memory`, `${code}; r8 = data; !u64[r8+0] = r6${OUT}${f}`);
  no(
    "pointer-leak",
    `${name}: returned`,
    `${code}; r0 = r6; !exit${code.includes("goto out") ? OUT : ""}${f}`,
  );
}

ok(
  "a difference of pointers into one object is a number",
  "r2 = data+8; r3 = data; r2 -= r3; r6 = data; r6 += r2; r0 = u8[r6+0]; r0 = r2; exit",
  { dataSize: 16 },
);
ok("a difference of stack pointers", "r2 = r10; r2 += -8; r0 = r10; r0 -= r2; exit");
no("pointer-arithmetic", "a difference of pointers into two objects", "r2 = r10; r3 = data; !r2 -= r3");
no("pointer-arithmetic", "a sum of pointers", "r2 = data; r3 = data; !r2 += r3");
no("pointer-arithmetic", "a sum of a pointer with itself", "r2 = r10; !r2 += r2");
no(
  "not-a-pointer",
  "a difference of pointers is no pointer",
  "r2 = data+8; r3 = data; r2 -= r3; !r0 = u8[r2+0]",
);
no("not-a-pointer", "a load through a number", "r1 = 4096; !r0 = u8[r1+0]");
no(["not-a-pointer", "null-pointer"], "a load through 0", "r1 = 0; !r0 = u8[r1+0]");
no("not-a-pointer", "a store through a number", "r1 = 4096; !u64[r1+0] = 0");
no("not-a-pointer", "a load through a function", "r1 = fn f; !r0 = u8[r1+0]; fn f: r0 = 0; exit");
no("not-a-pointer", "a store through a function", "r1 = fn f; !u8[r1+0] = 0; fn f: r0 = 0; exit");
no("not-a-pointer", "a pointer or a number", "r2 = data; if r1 == 0 goto a; r2 = r1; a: !r0 = u8[r2+0]");
ok(
  "a pointer or a number that is not used as one",
  "r2 = data; if r1 == 0 goto a; r2 = r1; a: r2 = 0; r0 = r2; exit",
);
ok(
  "a pointer or a number, and a flag",
  "r2 = data; r3 = 0; if r1 == 0 goto a; r2 = r1; r3 = 1; a: if r3 != 0 goto out; r0 = u8[r2+0]; out:",
);
no(
  "not-a-pointer",
  "a pointer or a number, and a flag the wrong way",
  "r2 = data; r3 = 0; if r1 == 0 goto a; r2 = r1; r3 = 1; a: if r3 == 0 goto out; !r0 = u8[r2+0]; out:",
);
ok("one of two kinds", "r2 = data; if r1 == 0 goto a; u64[r10-8] = 0; r2 = r10; r2 += -8; a: r0 = u64[r2+0]");
no(
  "stack-bounds",
  "one of two kinds, too much for one",
  "r2 = data; if r1 == 0 goto a; u64[r10-8] = 0; r2 = r10; r2 += -8; a: !r0 = u64[r2+8]",
);
no(
  "memory-bounds",
  "a pointer moved on one path",
  "r2 = data; if r1 == 0 goto a; r2 += 8; a: !r0 = u64[r2+56]",
);
ok("a pointer moved on one path, within bounds", "r2 = data; if r1 == 0 goto a; r2 += 8; a: r0 = u64[r2+48]");
ok("equal pointers of different kinds", "r2 = data; if r2 == r10 goto out; r0 = u8[r2+0]; out:");
no(
  ["memory-bounds", "pointer-arithmetic"],
  "a pointer plus an unknown number",
  "r2 = data; r2 += r1; r0 = u8[r2+0]",
);
no(
  ["memory-bounds", "pointer-arithmetic"],
  "a pointer plus 2^63",
  "r2 = data; r3 = 0x8000000000000000 ll; r2 += r3; r0 = u8[r2+0]",
);
no(
  ["memory-bounds", "pointer-arithmetic"],
  "a pointer plus 2^32",
  "r2 = data; r3 = 0x100000000 ll; r2 += r3; r0 = u8[r2+0]",
);
no("pointer-leak", "a pointer's difference is fine, the pointer is not", "r0 = data; r0 += 8; !exit");
ok("a pointer dropped by a 32-bit immediate", "r2 = data; w2 = 0; r0 = r2; exit");
xdp.no("pointer-arithmetic", "the packet's pointers added", "r2 = u32[r1+0]; r3 = u32[r1+4]; !r2 += r3");
xdp.no("pointer-arithmetic", "data_end minus a pointer to data", "r2 = data; r3 = u32[r1+4]; !r3 -= r2");
xdp.no("pointer-arithmetic", "a product of a packet pointer", "r2 = u32[r1+0]; !r2 *= 2");
xdp.no("pointer-arithmetic", "32-bit arithmetic on a packet pointer", "r2 = u32[r1+0]; !w2 += 14");
xdp.no("pointer-arithmetic", "a number minus a packet pointer", "r2 = u32[r1+0]; r3 = 0; !r3 -= r2");
xdp.no("pointer-arithmetic", "the context plus a packet pointer", "r2 = u32[r1+0]; !r1 += r2");

export const POINTERS = [args, xdp].flatMap(({ cases }) => cases);
