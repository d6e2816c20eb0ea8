/** Maps: null checks, bounds of values, keys, types of maps, flags. */

import { MAP_TYPE } from "../../../formats/container.ts";
import { lookup, table, value } from "../program.ts";

const { cases, ok, no } = table("args");
export const MAPS = cases;

const OUT = "; out: r0 = 0; exit";
const LOOKUP = lookup("array");
const VALUE = value("array");

// Null checks.
no("null-pointer", "no null check, a load", `${LOOKUP}; !r0 = u8[r0+0]`);
no("null-pointer", "no null check, a store", `${LOOKUP}; !u8[r0+0] = 1`);
no("null-pointer", "no null check, arithmetic", `${LOOKUP}; !r0 += 8`);
no("null-pointer", "no null check, variable arithmetic", `r6 = r1; r6 &= 7; ${LOOKUP}; !r0 += r6`);
no("null-pointer", "no null check, an atomic operation", `${LOOKUP}; r1 = 1; !lock u64[r0+0] += r1`);
no(
  "null-pointer",
  "arithmetic before the null check",
  `${LOOKUP}; !r0 += 8; if r0 == 0 goto out; r0 = u8[r0+0]${OUT}`,
);
no(
  ["null-pointer", "not-a-pointer"],
  "the wrong way",
  `${LOOKUP}; if r0 != 0 goto out; !r0 = u8[r0+0]${OUT}`,
);
no(
  ["null-pointer", "not-a-pointer"],
  "the wrong way, taken",
  `${LOOKUP}; if r0 == 0 goto in; goto out; in: !r0 = u8[r0+0]${OUT}`,
);
no("null-pointer", "compared with 1", `${LOOKUP}; if r0 == 1 goto out; !r0 = u8[r0+0]${OUT}`);
no("null-pointer", "not equal to 1", `${LOOKUP}; if r0 != 1 goto in; goto out; in: !r0 = u8[r0+0]${OUT}`);
no(
  "null-pointer",
  "checked on one path",
  `r6 = r1; ${LOOKUP}; if r6 == 0 goto in; if r0 == 0 goto out; in: !r0 = u8[r0+0]${OUT}`,
);
no("null-pointer", "checked and loaded again", `${VALUE}; ${LOOKUP}; !r0 = u8[r0+0]${OUT}`);
ok("jeq", `${LOOKUP}; if r0 == 0 goto out; r0 = u8[r0+0]${OUT}`);
ok("jne", `${LOOKUP}; if r0 != 0 goto in; goto out; in: r0 = u8[r0+0]${OUT}`);
ok("a register that is 0", `${LOOKUP}; r1 = 0; if r0 == r1 goto out; r0 = u8[r0+0]${OUT}`);
ok("a register that is 0 on the left", `${LOOKUP}; r1 = 0; if r1 == r0 goto out; r0 = u8[r0+0]${OUT}`);
ok("a copy is checked", `${LOOKUP}; r6 = r0; if r6 == 0 goto out; r0 = u8[r0+0]${OUT}`);
ok("the original is checked", `${LOOKUP}; r6 = r0; if r0 == 0 goto out; r0 = u8[r6+0]${OUT}`);
ok(
  "a spill is checked",
  `${LOOKUP}; u64[r10-16] = r0; r6 = u64[r10-16]; if r6 == 0 goto out; r0 = u8[r0+0]${OUT}`,
);
ok(
  "a check after the spill",
  `${LOOKUP}; u64[r10-16] = r0; if r0 == 0 goto out; r6 = u64[r10-16]; r0 = u8[r6+0]${OUT}`,
);
no(
  "null-pointer",
  "a spill without a check",
  `${LOOKUP}; u64[r10-16] = r0; r6 = u64[r10-16]; !r0 = u8[r6+0]${OUT}`,
);
ok("a null pointer on the way out", `${LOOKUP}; if r0 != 0 goto in; exit; in: r0 = u8[r0+0]; exit`);
no("pointer-leak", "a value returned that may be null", `${LOOKUP}; !exit`);
ok(
  "a null pointer is the number 0",
  `${LOOKUP}; if r0 != 0 goto out; r6 = data; r6 += r0; r0 = u8[r6+0]${OUT}`,
  { dataSize: 1 },
);

// Two lookups.
const TWO = `${LOOKUP}; r6 = r0; ${LOOKUP}; r7 = r0`;
no("null-pointer", "two lookups, the first is checked", `${TWO}; if r6 == 0 goto out; !r0 = u8[r7+0]${OUT}`);
no("null-pointer", "two lookups, the second is checked", `${TWO}; if r7 == 0 goto out; !r0 = u8[r6+0]${OUT}`);
ok(
  "two lookups, both are checked",
  `${TWO}; if r6 == 0 goto out; if r7 == 0 goto out; r0 = u8[r6+0]; r0 = u8[r7+0]${OUT}`,
);
no(
  "null-pointer",
  "two lookups of two maps, the first is checked",
  `${lookup("array")}; r6 = r0; ${lookup("hash")}; if r6 == 0 goto out; !r0 = u8[r0+0]${OUT}`,
);
no(
  "null-pointer",
  "a check in one iteration for the next",
  `r9 = r1; r8 = 0; loop: ${LOOKUP}; if r8 != 0 goto in; if r0 == 0 goto out; in: !u8[r0+0] = 1; r8 = 1; r9 += -1; if r9 != 0 goto loop${OUT}`,
);
no(
  "null-pointer",
  "the value of the iteration before",
  `r9 = r1; ${LOOKUP}; r8 = r0; if r0 == 0 goto out; loop: !u8[r8+0] = 1; ${LOOKUP}; r8 = r0; r9 += -1; if r9 != 0 goto loop${OUT}`,
);
ok(
  "a lookup and a check in a loop",
  `r9 = 100; loop: ${LOOKUP}; if r0 == 0 goto out; u8[r0+0] = 1; r9 += -1; if r9 != 0 goto loop${OUT}`,
);

// Bounds of a value of 48 bytes.
for (const [bits, last] of [
  [8, 47],
  [16, 46],
  [32, 44],
  [64, 40],
]) {
  ok(`${bits} bits at the end`, `${VALUE}; r0 = u${bits}[r0+${last}]${OUT}`);
  no("map-bounds", `${bits} bits across the end`, `${VALUE}; !r0 = u${bits}[r0+${last + 1}]${OUT}`);
  ok(`a store of ${bits} bits at the end`, `${VALUE}; u${bits}[r0+${last}] = 1${OUT}`);
  no("map-bounds", `a store of ${bits} bits across the end`, `${VALUE}; !u${bits}[r0+${last + 1}] = 1${OUT}`);
}
no("map-bounds", "before the start", `${VALUE}; !r0 = u8[r0-1]${OUT}`);
ok("a moved pointer", `${VALUE}; r0 += 48; r0 = u64[r0-8]${OUT}`);
no("map-bounds", "a moved pointer, one byte more", `${VALUE}; r0 += 48; !r0 = u8[r0+0]${OUT}`);
const bound = (check: string, then: string) => `r6 = r1; r7 = r2; ${VALUE}; ${check}; ${then}${OUT}`;
const PAIRS: [name: string, check: string, good: number][] = [
  // With r6 in its range, u8[r0 + r6 + good] is the last byte.
  ["a mask", "r6 &= 31; r0 += r6", 16],
  ["an unsigned comparison", "if r6 > 40 goto out; r0 += r6", 7],
  ["an unsigned comparison, taken", "if r6 <= 40 goto in; goto out; in: r0 += r6", 7],
  ["signed comparisons", "if r6 s< 0 goto out; if r6 s> 40 goto out; r0 += r6", 7],
  ["a range that starts below 0", "if r6 s< -8 goto out; if r6 s> 7 goto out; r0 += 8; r0 += r6", 32],
  ["a multiple", "r6 &= 3; r6 <<= 3; r0 += r6", 23],
  ["a remainder", "r6 %= 48; r0 += r6", 0],
  ["a comparison with a bounded number", "r7 &= 31; if r6 > r7 goto out; r0 += r6", 16],
  ["two indexes", "r6 &= 15; r7 &= 7; r0 += r6; r0 += r7", 25],
  ["a difference", "r6 &= 7; r0 += 40; r0 -= r6", 7],
  ["a 32-bit comparison of a 32-bit number", "w6 = w6; if w6 > 40 goto out; r0 += r6", 7],
  ["a spilled index", "u64[r10-16] = r6; if r6 > 40 goto out; r6 = u64[r10-16]; r0 += r6", 7],
];
for (const [name, check, good] of PAIRS) {
  ok(`${name}: the last byte`, bound(check, `r0 = u8[r0+${good}]`));
  no("map-bounds", `${name}: one byte more`, bound(check, `!r0 = u8[r0+${good + 1}]`));
}
no("map-bounds", "a mask, below the start", bound("r6 &= 31; r0 += r6", "!r0 = u8[r0-1]"));
no(
  "map-bounds",
  "a range from below 0, below the start",
  bound("if r6 s< -8 goto out; if r6 s> 7 goto out; r0 += 7; r0 += r6", "!r0 = u8[r0+0]"),
);
no(["map-bounds", "pointer-arithmetic"], "no bounds", bound("r0 += r6", "r0 = u8[r0+0]"));
no(
  ["map-bounds", "pointer-arithmetic"],
  "no lower bound",
  bound("if r6 s> 40 goto out; r0 += r6", "r0 = u8[r0+0]"),
);
no(
  ["map-bounds", "pointer-arithmetic"],
  "no upper bound",
  bound("if r6 s< 0 goto out; r0 += r6", "r0 = u8[r0+0]"),
);
no(
  ["map-bounds", "pointer-arithmetic"],
  "a 32-bit comparison",
  bound("if w6 > 40 goto out; r0 += r6", "r0 = u8[r0+0]"),
);
no(
  ["map-bounds", "pointer-arithmetic"],
  "the comparison after the sum",
  bound("r0 += r6; if r6 > 40 goto a; goto out; a:", "r0 = u8[r0+0]"),
);
ok("the comparison after the sum, the right way", bound("r0 += r6; if r6 > 40 goto out", "r0 = u8[r0+0]"));

// Registers around the call.
for (const r of [1, 2, 3, 4, 5])
  no("uninitialised-register", `r${r} after the call`, `r3 = 0; r4 = 0; r5 = 0; ${LOOKUP}; !r6 = r${r}`);
ok(
  "r6 … r9 after the call",
  `r6 = r1; r7 = r2; r8 = r3; r9 = r4; ${LOOKUP}; r0 = r6; r0 += r7; r0 += r8; r0 += r9; exit`,
);

// Keys and values.
no(
  "uninitialised-stack",
  "a key that was not written",
  "r2 = r10; r2 += -8; r1 = map array; !call bpf_map_lookup_elem",
);
no(
  "uninitialised-stack",
  "a key written in part",
  "u32[r10-8] = 0; r2 = r10; r2 += -8; r1 = map hash; !call bpf_map_lookup_elem",
);
ok("a key of 4 bytes", "u32[r10-4] = 0; r2 = r10; r2 += -4; r1 = map array; call bpf_map_lookup_elem");
no(
  "stack-bounds",
  "a key across the end of the stack",
  "u32[r10-4] = 0; r2 = r10; r2 += -4; r1 = map hash; !call bpf_map_lookup_elem",
);
no("stack-bounds", "a key above the stack", "r2 = r10; r1 = map array; !call bpf_map_lookup_elem");
no(
  "stack-bounds",
  "a key below the stack",
  "u64[r10-512] = 0; r2 = r10; r2 += -516; r1 = map array; !call bpf_map_lookup_elem",
);
no(
  ["helper-argument", "null-pointer"],
  "a null pointer as key",
  "r2 = 0; r1 = map array; !call bpf_map_lookup_elem",
);
no("helper-argument", "a number as key", "r2 = 4096; r1 = map array; !call bpf_map_lookup_elem");
no("helper-argument", "a map as key", "r2 = map hash; r1 = map array; !call bpf_map_lookup_elem");
no(
  "uninitialised-register",
  "no key",
  "r6 = map array; r0 = 0; call f; r1 = r6; !call bpf_map_lookup_elem; fn f: r0 = 0; exit",
);
no("helper-argument", "a number as map", "u64[r10-8] = 0; r2 = r10; r2 += -8; !call bpf_map_lookup_elem");
no(
  "helper-argument",
  "the stack as map",
  "u64[r10-8] = 0; r2 = r10; r2 += -8; r1 = r2; !call bpf_map_lookup_elem",
);
no(
  "helper-argument",
  "a value as map",
  `${VALUE}; r1 = r0; r2 = r10; r2 += -8; !call bpf_map_lookup_elem${OUT}`,
);
no(
  "pointer-leak",
  "a pointer in a key",
  "u64[r10-8] = r10; r2 = r10; r2 += -8; r1 = map hash; !call bpf_map_lookup_elem",
);
ok("a value as key", `${VALUE}; r2 = r0; r2 += 40; r1 = map hash; call bpf_map_lookup_elem${OUT}`);
no(
  "map-bounds",
  "a value as key, one byte more",
  `${VALUE}; r2 = r0; r2 += 41; r1 = map hash; !call bpf_map_lookup_elem${OUT}`,
);
no(
  "null-pointer",
  "a value that may be null as key",
  `${LOOKUP}; r2 = r0; r1 = map hash; !call bpf_map_lookup_elem`,
);
ok("data as key", "r2 = data; r1 = map hash; call bpf_map_lookup_elem", { dataSize: 8 });
no("memory-bounds", "data as key, one byte more", "r2 = data; r1 = map hash; !call bpf_map_lookup_elem", {
  dataSize: 7,
});
ok("read-only data as key", "r2 = rodata+24; r1 = map hash; call bpf_map_lookup_elem");
no(
  "memory-bounds",
  "read-only data as key, one byte more",
  "r2 = rodata+25; r1 = map hash; !call bpf_map_lookup_elem",
);
const FILL = [48, 40, 32, 24, 16, 8].map((k) => `u64[r10-${k}] = 0`).join("; ");
const update = (name: string) =>
  `u64[r10-56] = 0; r2 = r10; r2 += -56; r3 = r10; r3 += -48; r4 = 0; r1 = map ${name}; !call bpf_map_update_elem`;
ok("an update", `${FILL}; ${update("array")}`);
no(
  "uninitialised-stack",
  "an update with a value written in part",
  `${FILL.replace(/u64\[r10-8\] = 0$/, "u32[r10-8] = 0")}; ${update("array")}`,
);
no("pointer-leak", "an update with a pointer in the value", `${FILL}; u64[r10-24] = r10; ${update("array")}`);
no(
  "uninitialised-register",
  "an update without flags",
  `${FILL}; u64[r10-56] = 0; r2 = r10; r2 += -56; r3 = r10; r3 += -48; r6 = r2; r7 = r3; call f; r1 = map array; r2 = r6; r3 = r7; !call bpf_map_update_elem; fn f: r0 = 0; exit`,
);
no(
  "stack-bounds",
  "an update with a value across the end",
  `${FILL}; u64[r10-56] = 0; r2 = r10; r2 += -56; r3 = r10; r3 += -40; r4 = 0; r1 = map array; !call bpf_map_update_elem`,
);
no(
  "helper-argument",
  "an update with a pointer as flags",
  `${FILL}; u64[r10-56] = 0; r2 = r10; r2 += -56; r3 = r10; r3 += -48; r4 = r10; r1 = map array; !call bpf_map_update_elem`,
);
ok(
  "an update from a value",
  `${VALUE}; r3 = r0; r2 = r10; r2 += -8; r4 = 0; r1 = map hash; call bpf_map_update_elem${OUT}`,
);
no(
  "map-bounds",
  "an update from inside a value",
  `${VALUE}; r3 = r0; r3 += 1; r2 = r10; r2 += -8; r4 = 0; r1 = map hash; !call bpf_map_update_elem${OUT}`,
);
ok("a delete", "u64[r10-8] = 0; r2 = r10; r2 += -8; r1 = map hash; call bpf_map_delete_elem");
ok("the key after null", "r2 = 0; r3 = r10; r3 += -8; r1 = map hash; call map_get_next_key");
ok(
  "the next key is written",
  "r2 = 0; r3 = r10; r3 += -8; r1 = map hash; call map_get_next_key; r0 = u64[r10-8]",
);
no(
  "uninitialised-stack",
  "not more than the next key is written",
  "r2 = 0; r3 = r10; r3 += -16; r1 = map hash; call map_get_next_key; !r0 = u64[r10-8]",
);
no(
  "read-only",
  "the next key into read-only data",
  "r2 = 0; r3 = rodata; r1 = map hash; !call map_get_next_key",
);

// The map itself.
no("not-a-pointer", "a load from a map", "r1 = map array; !r0 = u8[r1+0]");
no("not-a-pointer", "a store to a map", "r1 = map array; !u8[r1+0] = 0");
no("pointer-arithmetic", "a sum with a map", "r1 = map array; !r1 += 8");
no("pointer-leak", "a map returned", "r0 = map array; !exit");
no("pointer-leak", "a map stored in a value", `${VALUE}; r1 = map array; !u64[r0+0] = r1${OUT}`);
ok(
  "a map on the stack",
  "r1 = map array; u64[r10-16] = r1; u64[r10-8] = 0; r2 = r10; r2 += -8; r1 = u64[r10-16]; call bpf_map_lookup_elem",
);
ok(
  "one of two maps of one type",
  "r3 = r1; r1 = map array; if r3 == 0 goto a; r1 = map percpu; a: u32[r10-4] = 0; r2 = r10; r2 += -4; call bpf_map_lookup_elem",
);

// Pointers in values.
no("pointer-leak", "a stack pointer in a value", `${VALUE}; !u64[r0+0] = r10${OUT}`);
no("pointer-leak", "a value's pointer in itself", `${VALUE}; !u64[r0+0] = r0${OUT}`);
no("pointer-leak", "half a pointer in a value", `${VALUE}; !u32[r0+0] = r10${OUT}`);
no("pointer-leak", "a pointer exchanged into a value", `${VALUE}; r1 = r10; !r1 = xchg u64[r0+0]${OUT}`);
no("pointer-leak", "a value's pointer returned", `${VALUE}; !exit; out: r0 = 0; exit`);
no("not-a-pointer", "a number of a value is no pointer", `${VALUE}; r1 = u64[r0+0]; !r0 = u8[r1+0]${OUT}`);

// Types and flags.
no("map-type", "a lookup in a ring buffer", lookup("ring").replace("call", "!call"));
no("map-type", "a lookup in a queue", lookup("queue").replace("call", "!call"));
no("map-type", "a lookup in a program array", lookup("progs").replace("call", "!call"));
no("map-type", "a tail call through an array", "r2 = map array; r3 = 0; !call bpf_tail_call", { ctx: "xdp" });
no("map-type", "a record in an array", "r1 = map array; r2 = 8; r3 = 0; !call bpf_ringbuf_reserve");
no(
  "map-type",
  "events through an array",
  "r2 = map array; r3 = 0; u64[r10-8] = 0; r4 = r10; r4 += -8; r5 = 8; !call bpf_perf_event_output",
  { ctx: "xdp" },
);
ok(
  "events through a perf buffer",
  "r2 = map perf; r3 = 0; u64[r10-8] = 0; r4 = r10; r4 += -8; r5 = 8; call bpf_perf_event_output",
  { ctx: "xdp" },
);
ok("a per-processor array", `${value("percpu")}; r0 = u64[r0+40]${OUT}`);
ok("a read-only map is read", `${value("readonly")}; r0 = u64[r0+40]${OUT}`);
no("read-only", "a read-only map is written", `${value("readonly")}; !u64[r0+40] = 0${OUT}`);
no(
  ["read-only", "atomic"],
  "a read-only map is written atomically",
  `${value("readonly")}; r1 = 1; !lock u64[r0+40] += r1${OUT}`,
);
ok("a write-only map is written", `${value("writeonly")}; u64[r0+40] = 0${OUT}`);
no("read-only", "a write-only map is read", `${value("writeonly")}; !r0 = u64[r0+40]${OUT}`);
no("read-only", "values of a device map are read-only", `${value("map0")}; !u32[r0+0] = 0${OUT}`, {
  maps: [{ type: MAP_TYPE.devmap, valueSize: 8 }],
});

// Addresses inside an array's only value.
ok("a value by its address", "r1 = value single; r0 = u64[r1+40]");
no("map-bounds", "a value by its address, one byte more", "r1 = value single; !r0 = u64[r1+41]");
ok("inside a value by its address", "r1 = value single+40; u64[r1+0] = 1; r0 = u64[r1-40]");
no("map-bounds", "inside a value by its address, one byte more", "r1 = value single+40; !u64[r1+1] = 1");
no("map-bounds", "inside a value by its address, before the start", "r1 = value single+40; !r0 = u8[r1-41]");

// Maps of maps.
const INNER = `${lookup("outer")}; if r0 == 0 goto out; r1 = r0; r2 = r10; r2 += -8; call bpf_map_lookup_elem`;
ok("an inner map", `${INNER}; if r0 == 0 goto out; r0 = u64[r0+40]${OUT}`);
no("map-bounds", "an inner map, one byte more", `${INNER}; if r0 == 0 goto out; !r0 = u64[r0+41]${OUT}`);
no(
  "null-pointer",
  "an inner map that may be null",
  `${lookup("outer")}; r1 = r0; r2 = r10; r2 += -8; !call bpf_map_lookup_elem`,
);
no("null-pointer", "a value of an inner map that may be null", `${INNER}; !r0 = u64[r0+40]${OUT}`);
no(
  "not-a-pointer",
  "a load from an inner map",
  `${lookup("outer")}; if r0 == 0 goto out; !r0 = u64[r0+0]${OUT}`,
);
