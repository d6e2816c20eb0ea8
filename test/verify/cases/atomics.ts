/** Atomic operations and spin locks. */

import { lookup, table, value } from "../program.ts";

const { cases, ok, no } = table("args");
export const ATOMICS = cases;

const OUT = "; out: r0 = 0; exit";
const VALUE = value("array");

// Where.
for (const op of ["+=", "|=", "&=", "^="])
  ok(`${op} on the stack`, `u64[r10-8] = 1; lock u64[r10-8] ${op} r1; r0 = u64[r10-8]`);
for (const op of ["add", "or", "and", "xor"])
  ok(`fetch_${op} on the stack`, `u64[r10-8] = 1; r1 = fetch_${op} u64[r10-8]; r0 = r1; exit`);
ok("xchg on the stack", "u64[r10-8] = 1; r1 = xchg u64[r10-8]; r0 = r1; exit");
ok("cmpxchg on the stack", "u64[r10-8] = 1; r0 = 1; cmpxchg u64[r10-8], r1; exit");
ok(
  "32 bits on the stack",
  "u32[r10-4] = 1; lock u32[r10-4] += r1; r1 = fetch_add u32[r10-4]; r0 = 0; cmpxchg u32[r10-4], r1; r0 = u32[r10-4]",
);
no("uninitialised-stack", "stack that was not written", "!lock u64[r10-8] += r1");
no("uninitialised-stack", "stack that was written in part", "u32[r10-8] = 1; !lock u64[r10-8] += r1");
no("uninitialised-stack", "xchg with stack that was not written", "!r1 = xchg u64[r10-8]");
no(
  ["stack-alignment", "atomic"],
  "8 bytes of stack at 12",
  "u64[r10-16] = 1; u64[r10-8] = 1; !lock u64[r10-12] += r1",
);
no(["stack-alignment", "atomic"], "4 bytes of stack at 6", "u64[r10-8] = 1; !lock u32[r10-6] += r1");
no("stack-bounds", "above the stack", "!lock u64[r10+0] += r1");
no("stack-bounds", "below the stack", "!lock u64[r10-520] += r1");
ok("8 bytes at the end of a value", `r6 = r1; ${VALUE}; lock u64[r0+40] += r6${OUT}`);
ok("4 bytes at the end of a value", `r6 = r1; ${VALUE}; lock u32[r0+44] += r6${OUT}`);
no("map-bounds", "4 bytes behind a value", `r6 = r1; ${VALUE}; !lock u32[r0+48] += r6${OUT}`);
no("map-bounds", "8 bytes behind a value", `r6 = r1; ${VALUE}; !lock u64[r0+48] += r6${OUT}`);
no(
  ["map-bounds", "atomic"],
  "8 bytes across the end of a value",
  `r6 = r1; ${VALUE}; !lock u64[r0+44] += r6${OUT}`,
);
no(
  ["map-bounds", "atomic"],
  "4 bytes across the end of a value",
  `r6 = r1; ${VALUE}; !lock u32[r0+46] += r6${OUT}`,
);
ok("4 bytes are all of a value", `r6 = r1; ${value("small")}; lock u32[r0+0] += r6${OUT}`);
no("map-bounds", "8 bytes of a value of 4", `r6 = r1; ${value("small")}; !lock u64[r0+0] += r6${OUT}`);
no("atomic", "4 bytes of a value at 2", `r6 = r1; ${VALUE}; !lock u32[r0+2] += r6${OUT}`);
no("atomic", "8 bytes of a value at 4", `r6 = r1; ${VALUE}; !lock u64[r0+4] += r6${OUT}`);
no(
  "atomic",
  "a variable offset that may not be aligned",
  `r6 = r1; r6 &= 7; ${VALUE}; r0 += r6; !lock u32[r0+0] += r6${OUT}`,
);
ok("a variable offset that is aligned", `r6 = r1; r6 &= 24; ${VALUE}; r0 += r6; lock u64[r0+0] += r6${OUT}`);
no("null-pointer", "a value that may be null", `r6 = r1; ${lookup("array")}; !lock u64[r0+0] += r6`);
ok("the end of data", "r2 = data; lock u64[r2+56] += r1; lock u32[r2+60] += r1");
no("memory-bounds", "behind data", "r2 = data; !lock u32[r2+64] += r1");
no("atomic", "data at an odd offset", "r2 = data; !lock u32[r2+1] += r1");
ok("the end of the memory", "r3 = 1; lock u64[r1+56] += r3; lock u32[r1+60] += r3", { ctx: "mem:64" });
no("memory-bounds", "behind the memory", "r3 = 1; !lock u32[r1+64] += r3", { ctx: "mem:64" });
no(["memory-bounds", "atomic"], "across the end of the memory", "r3 = 1; !lock u64[r1+60] += r3", {
  ctx: "mem:64",
});
no("atomic", "memory that is not aligned", "r3 = 1; !lock u64[r1+4] += r3", { ctx: "mem:64" });
ok(
  "heap memory",
  `r6 = r1; r1 = 8; call malloc; if r0 == 0 goto out; u64[r0+0] = 0; lock u64[r0+0] += r6; r1 = r0; call free${OUT}`,
);
no("atomic", "the context", "r2 = 1; !lock u32[r1+12] += r2", { ctx: "xdp" });
no("not-a-pointer", "a number", "!lock u64[r2+0] += r1");
no("not-a-pointer", "a map", "r2 = map array; !lock u64[r2+0] += r1");

// What.
no("uninitialised-register", "an uninitialised source", "u64[r10-8] = 1; !lock u64[r10-8] += r6");
no("uninitialised-register", "an uninitialised source of xchg", "u64[r10-8] = 1; !r6 = xchg u64[r10-8]");
no("uninitialised-register", "an uninitialised r0 of cmpxchg", "u64[r10-8] = 1; !cmpxchg u64[r10-8], r1");
no("uninitialised-register", "an uninitialised target", "!lock u64[r6+0] += r1");
no("pointer-leak", "a pointer as source", "u64[r10-8] = 1; !lock u64[r10-8] += r10");
no("pointer-leak", "a pointer as source for a value", `${VALUE}; !lock u64[r0+0] += r10${OUT}`);
no(
  ["atomic", "spilled-pointer", "pointer-leak", "pointer-arithmetic"],
  "a pointer on the stack as target",
  "u64[r10-8] = r10; !lock u64[r10-8] += r1",
);
no(
  ["atomic", "spilled-pointer", "pointer-leak", "pointer-arithmetic"],
  "half a pointer on the stack as target",
  "u64[r10-8] = r10; !lock u32[r10-8] += r1",
);

// Results: each ends with an index into data that would be fine with what was there before.
const index = (r: string) => `r2 = data; r2 += ${r}; !r0 = u8[r2+0]`;
no(
  "memory-bounds",
  "a sum changes the stack",
  `u64[r10-8] = 5; lock u64[r10-8] += r1; r1 = u64[r10-8]; ${index("r1")}`,
);
no(
  "memory-bounds",
  "a 32-bit sum changes the stack",
  `u64[r10-8] = 5; lock u32[r10-8] += r1; r1 = u64[r10-8]; ${index("r1")}`,
);
no(
  "memory-bounds",
  "a fetch returns what was there",
  `u64[r10-8] = r1; r1 = 5; r1 = fetch_add u64[r10-8]; ${index("r1")}`,
);
no(
  "memory-bounds",
  "xchg returns what was there",
  `u64[r10-8] = r1; r1 = 5; r1 = xchg u64[r10-8]; ${index("r1")}`,
);
no(
  "memory-bounds",
  "xchg changes the stack",
  `u64[r10-8] = 5; r1 = xchg u64[r10-8]; r1 = u64[r10-8]; ${index("r1")}`,
);
no(
  "memory-bounds",
  "cmpxchg returns what was there",
  `u64[r10-8] = r1; r0 = 5; r3 = 5; cmpxchg u64[r10-8], r3; ${index("r0")}`,
);
no(
  "memory-bounds",
  "cmpxchg changes the stack",
  `u64[r10-8] = 5; r0 = 5; cmpxchg u64[r10-8], r1; r1 = u64[r10-8]; ${index("r1")}`,
);
ok(
  "cmpxchg does not change its source",
  `u64[r10-8] = r1; r0 = 5; r3 = 5; cmpxchg u64[r10-8], r3; r2 = data; r2 += r3; r0 = u8[r2+0]`,
);
ok(
  "xchg in 32 bits returns 32 bits",
  "u64[r10-8] = r1; r1 = xchg u32[r10-8]; r1 >>= 26; r2 = data; r2 += r1; r0 = u8[r2+0]",
);
ok(
  "a fetch in 32 bits returns 32 bits",
  "u64[r10-8] = r1; r1 = fetch_add u32[r10-8]; r1 >>= 26; r2 = data; r2 += r1; r0 = u8[r2+0]",
);
ok(
  "cmpxchg in 32 bits returns 32 bits",
  "u64[r10-8] = r1; r0 = 0; cmpxchg u32[r10-8], r1; r0 >>= 26; r2 = data; r2 += r0; r0 = u8[r2+0]",
);
no(
  "not-a-pointer",
  "a fetch makes a number of its register",
  "r2 = data; u64[r10-8] = 0; r3 = 0; r3 = fetch_add u64[r10-8]; !r0 = u8[r3+0]",
);
ok(
  "a fetch leaves other registers",
  "r6 = data; u64[r10-8] = 0; r3 = 1; r3 = fetch_add u64[r10-8]; r0 = u8[r6+63]",
);

// Spin locks: r6 is a value of a map.
const HELD = `${VALUE}; r6 = r0; r1 = r6; call bpf_spin_lock`;
const UNLOCK = "r1 = r6; call bpf_spin_unlock";
ok("locked and unlocked", `${HELD}; u64[r6+8] = 1; ${UNLOCK}${OUT}`);
ok("locked twice, one after the other", `${HELD}; ${UNLOCK}; r1 = r6; call bpf_spin_lock; ${UNLOCK}${OUT}`);
ok(
  "locked on one path",
  `r7 = r1; ${VALUE}; r6 = r0; if r7 == 0 goto out; r1 = r6; call bpf_spin_lock; ${UNLOCK}${OUT}`,
);
ok(
  "unlocked on each path",
  `r7 = r1; ${HELD}; if r7 == 0 goto in; ${UNLOCK}; goto out; in: u64[r6+8] = 1; ${UNLOCK}${OUT}`,
);
no("lock", "not unlocked", `${HELD}${OUT}`);
no("lock", "not unlocked on one path", `r7 = r1; ${HELD}; if r7 == 0 goto out; ${UNLOCK}${OUT}`);
ok("beside the lock", `${HELD}; r0 = u32[r6+4]; u64[r6+40] = 1; ${UNLOCK}${OUT}`);
no("lock", "the lock read", `${HELD}; ${UNLOCK}; !r0 = u32[r6+0]${OUT}`);
no(
  "lock",
  "the lock written, before it is one",
  `${VALUE}; !u8[r0+3] = 1; r6 = r0; r1 = r6; call bpf_spin_lock; ${UNLOCK}${OUT}`,
);
no("lock", "the lock added to", `${HELD}; ${UNLOCK}; r1 = 1; !lock u32[r6+0] += r1${OUT}`);
no(
  "lock",
  "two locks in a value",
  `${HELD}; ${UNLOCK}; r1 = r6; r1 += 8; !call bpf_spin_lock; r1 = r6; r1 += 8; call bpf_spin_unlock${OUT}`,
);
no("lock", "locked twice", `${HELD}; r1 = r6; !call bpf_spin_lock; ${UNLOCK}; ${UNLOCK}${OUT}`);
no("lock", "unlocked and not locked", `${VALUE}; r1 = r0; !call bpf_spin_unlock${OUT}`);
no("lock", "unlocked twice", `${HELD}; ${UNLOCK}; r1 = r6; !call bpf_spin_unlock${OUT}`);
no(
  "lock",
  "unlocked on one path already",
  `r7 = r1; ${HELD}; if r7 == 0 goto in; ${UNLOCK}; in: r1 = r6; call bpf_spin_unlock${OUT}`,
);
no("lock", "a helper while it is held", `${HELD}; !call bpf_ktime_get_ns; ${UNLOCK}${OUT}`);
no(
  "lock",
  "a lookup while it is held",
  `${HELD}; r2 = r10; r2 += -8; r1 = map array; !call bpf_map_lookup_elem; ${UNLOCK}${OUT}`,
);
no("lock", "a function while it is held", `${HELD}; !call f; ${UNLOCK}${OUT}; fn f: r0 = 0; exit`);
no(
  "lock",
  "an exit while it is held",
  `r7 = r1; ${HELD}; if r7 == 0 goto in; ${UNLOCK}; goto out; in: r0 = 0; !exit${OUT}`,
);
no("lock", "another value's lock", `${VALUE}; r7 = r0; ${HELD}; r1 = r7; !call bpf_spin_unlock${OUT}`);
no("lock", "another lock of the value", `${HELD}; r1 = r6; r1 += 8; !call bpf_spin_unlock${OUT}`);
no(
  "lock",
  "two locks",
  `${VALUE}; r7 = r0; ${HELD}; r1 = r7; !call bpf_spin_lock; ${UNLOCK}; r1 = r7; call bpf_spin_unlock${OUT}`,
);
no(
  ["lock", "helper-argument"],
  "a lock on the stack",
  "u64[r10-8] = 0; r1 = r10; r1 += -8; !call bpf_spin_lock",
);
no(["lock", "helper-argument"], "a lock in data", "r1 = data; !call bpf_spin_lock");
no(["lock", "helper-argument"], "a number as a lock", "!call bpf_spin_lock");
no("null-pointer", "a lock that may be null", `${lookup("array")}; r1 = r0; !call bpf_spin_lock`);
no(["lock", "map-bounds"], "a lock behind a value", `${VALUE}; r1 = r0; r1 += 48; !call bpf_spin_lock${OUT}`);
no(
  ["lock", "map-bounds"],
  "a lock across the end of a value",
  `${VALUE}; r1 = r0; r1 += 46; !call bpf_spin_lock${OUT}`,
);
no(["lock", "map-bounds"], "a lock before a value", `${VALUE}; r1 = r0; r1 += -4; !call bpf_spin_lock${OUT}`);
no(
  ["lock", "map-bounds"],
  "a lock at a variable offset",
  `r7 = r1; r7 &= 4; ${VALUE}; r1 = r0; r1 += r7; !call bpf_spin_lock${OUT}`,
);
ok(
  "a lock at the end of a value",
  `${VALUE}; r6 = r0; r6 += 44; r1 = r6; call bpf_spin_lock; ${UNLOCK}${OUT}`,
);
