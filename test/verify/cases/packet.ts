/** Direct packet access: a comparison with data_end teaches how many bytes there are. */

import { table } from "../program.ts";

const { cases, ok, no } = table("xdp");
export const PACKET = cases;

/** r6 = context, r2 = data, r3 = data_end. */
const START = "r6 = r1; r2 = u32[r1+0]; r3 = u32[r1+4]";
/** And 14 bytes are there. */
const CHECKED = `${START}; r4 = r2; r4 += 14; if r4 > r3 goto out`;
const OUT = "; out: r0 = 0; exit";

// Every shape of the comparison; `more`: the bytes that a strict one proves beyond the 14.
const SHAPES: [shape: string, code: string, more: number][] = [
  ["end > limit", "if r4 > r3 goto out", 0],
  ["end < limit", "if r3 < r4 goto out", 0],
  ["limit <= end taken", "if r4 <= r3 goto in; goto out; in:", 0],
  ["end >= limit taken", "if r3 >= r4 goto in; goto out; in:", 0],
  ["limit >= end", "if r4 >= r3 goto out", 1],
  ["end <= limit", "if r3 <= r4 goto out", 1],
  ["limit < end taken", "if r4 < r3 goto in; goto out; in:", 1],
  ["end > limit taken", "if r3 > r4 goto in; goto out; in:", 1],
];
for (const [shape, compare, more] of SHAPES) {
  const last = 13 + more;
  const check = `${START}; r4 = r2; r4 += 14; ${compare}`;
  ok(`${shape}: the last byte`, `${check}; r0 = u8[r2+${last}]${OUT}`);
  no("packet-bounds", `${shape}: one byte more`, `${check}; !r0 = u8[r2+${last + 1}]${OUT}`);
  ok(`${shape}: before the limit`, `${check}; r0 = u8[r4-14]${OUT}`);
  no("packet-bounds", `${shape}: before the start`, `${check}; !r0 = u8[r4-15]${OUT}`);
  ok(`${shape}: a store`, `${check}; u8[r2+${last}] = 1${OUT}`);
  no("packet-bounds", `${shape}: a store, one byte more`, `${check}; !u8[r2+${last + 1}] = 1${OUT}`);
}
const WRONG: [string, string][] = [
  ["limit > end taken", "if r4 > r3 goto in; goto out; in:"],
  ["limit <= end", "if r4 <= r3 goto out"],
  ["limit < end", "if r4 < r3 goto out"],
  ["limit >= end taken", "if r4 >= r3 goto in; goto out; in:"],
  ["end > limit", "if r3 > r4 goto out"],
  ["end < limit taken", "if r3 < r4 goto in; goto out; in:"],
  ["limit == end", "if r4 == r3 goto out"],
  ["limit != end taken", "if r4 != r3 goto in; goto out; in:"],
];
for (const [shape, compare] of WRONG)
  no(
    "packet-bounds",
    `${shape}: the wrong way`,
    `${START}; r4 = r2; r4 += 14; ${compare}; !r0 = u8[r2+13]${OUT}`,
  );
no(
  ["packet-bounds", "pointer-arithmetic", "pointer-leak"],
  "a 32-bit comparison",
  `${START}; r4 = r2; r4 += 14; if w4 > w3 goto out; r0 = u8[r2+0]${OUT}`,
);
no("packet-bounds", "no comparison", `${START}; !r0 = u8[r2+0]`);
no("packet-bounds", "no comparison, a store", `${START}; !u8[r2+0] = 1`);
no("packet-bounds", "a comparison of the start", `${START}; if r2 > r3 goto out; !r0 = u8[r2+0]${OUT}`);
ok("a strict comparison of the start", `${START}; if r2 >= r3 goto out; r0 = u8[r2+0]${OUT}`);
ok(
  "a comparison of the start with !=",
  `${START}; r4 = r2; r4 += 1; if r4 > r3 goto out; if r2 == r3 goto out; r0 = u8[r2+0]${OUT}`,
);
no(
  "packet-bounds",
  "a comparison with a number",
  `${START}; r4 = r2; r4 += 14; r5 = 1000; if r4 > r5 goto out; !r0 = u8[r2+0]${OUT}`,
);

// Sizes.
for (const [bits, last] of [
  [16, 12],
  [32, 10],
  [64, 6],
]) {
  ok(`${bits} bits at the end`, `${CHECKED}; r0 = u${bits}[r2+${last}]${OUT}`);
  no("packet-bounds", `${bits} bits across the end`, `${CHECKED}; !r0 = u${bits}[r2+${last + 1}]${OUT}`);
}
ok("loads that are not aligned", `${CHECKED}; r0 = u32[r2+9]; r0 = u64[r2+3]; r0 = u16[r2+11]${OUT}`);
ok("a load with a sign", `${CHECKED}; r0 = s16[r2+12]${OUT}`);
no("packet-bounds", "before the start", `${CHECKED}; !r0 = u8[r2-1]${OUT}`);
no("packet-bounds", "far behind", `${CHECKED}; !r0 = u8[r2+32767]${OUT}`);

// The other layout, skb.
ok(
  "64-bit pointers",
  `r2 = u64[r1+0]; r3 = u64[r1+8]; r4 = r2; r4 += 14; if r4 > r3 goto out; r0 = u8[r2+13]${OUT}`,
);
no(
  "packet-bounds",
  "64-bit pointers, one byte more",
  `r2 = u64[r1+0]; r3 = u64[r1+8]; r4 = r2; r4 += 14; if r4 > r3 goto out; !r0 = u8[r2+14]${OUT}`,
);
ok(
  "pointers of both layouts",
  `r2 = u32[r1+0]; r3 = u64[r1+8]; r4 = r2; r4 += 14; if r4 > r3 goto out; r0 = u8[r2+13]${OUT}`,
);
for (const [at, end, bits] of [
  [76, 80, 32],
  [0, 8, 64],
]) {
  const start = `r6 = r1; r2 = u${bits}[r1+${at}]; r3 = u${bits}[r1+${end}]; r4 = r2; r4 += 14; if r4 > r3 goto out`;
  ok(`skb, ${bits} bits`, `${start}; r0 = u8[r2+13]${OUT}`, { ctx: "skb" });
  no("packet-bounds", `skb, ${bits} bits, one byte more`, `${start}; !r0 = u8[r2+14]${OUT}`, { ctx: "skb" });
}

// Copies, spills, several checks.
ok("a copy", `${START}; r7 = r2; r4 = r7; r4 += 14; if r4 > r3 goto out; r0 = u8[r2+13]${OUT}`);
ok("data loaded again", `${CHECKED}; r5 = u32[r6+0]; r0 = u8[r5+13]${OUT}`);
ok(
  "data_end loaded again",
  `${START}; r4 = r2; r4 += 14; r5 = u32[r6+4]; if r4 > r5 goto out; r0 = u8[r2+13]${OUT}`,
);
ok(
  "a spill",
  `${START}; u64[r10-8] = r2; r4 = r2; r4 += 14; if r4 > r3 goto out; r5 = u64[r10-8]; r0 = u8[r5+13]${OUT}`,
);
ok(
  "a spill of the end",
  `${START}; u64[r10-8] = r3; r4 = r2; r4 += 14; r5 = u64[r10-8]; if r4 > r5 goto out; r0 = u8[r2+13]${OUT}`,
);
ok("a moved pointer", `${CHECKED}; r2 += 10; r0 = u32[r2+0]; r0 = u8[r2-10]${OUT}`);
no("packet-bounds", "a moved pointer, one byte more", `${CHECKED}; r2 += 10; !r0 = u32[r2+1]${OUT}`);
no("packet-bounds", "a moved pointer, before the start", `${CHECKED}; r2 += 10; !r0 = u8[r2-11]${OUT}`);
ok("a second check", `${CHECKED}; r4 = r2; r4 += 34; if r4 > r3 goto out; r0 = u8[r2+33]${OUT}`);
no(
  "packet-bounds",
  "a second check, one byte more",
  `${CHECKED}; r4 = r2; r4 += 34; if r4 > r3 goto out; !r0 = u8[r2+34]${OUT}`,
);
ok("a second, smaller check", `${CHECKED}; r4 = r2; r4 += 4; if r4 > r3 goto out; r0 = u8[r2+13]${OUT}`);
ok(
  "a second check that fails",
  `${CHECKED}; r4 = r2; r4 += 34; if r4 > r3 goto in; r0 = u8[r2+33]; in: r0 = u8[r2+13]${OUT}`,
);
no(
  "packet-bounds",
  "a check on one path",
  `${START}; r5 = u32[r6+12]; if r5 == 0 goto in; r4 = r2; r4 += 14; if r4 > r3 goto out; in: !r0 = u8[r2+0]${OUT}`,
);
ok(
  "a check on each path",
  `${START}; r5 = u32[r6+12]; if r5 == 0 goto in; r4 = r2; r4 += 14; if r4 > r3 goto out; goto both; in: r4 = r2; r4 += 20; if r4 > r3 goto out; both: r0 = u8[r2+13]${OUT}`,
);
no(
  "packet-bounds",
  "a smaller check on one path",
  `${START}; r5 = u32[r6+12]; if r5 == 0 goto in; r4 = r2; r4 += 13; if r4 > r3 goto out; goto both; in: r4 = r2; r4 += 20; if r4 > r3 goto out; both: !r0 = u8[r2+13]${OUT}`,
);
ok("a difference of end and start", `${START}; r4 = r3; r4 -= r2; if r4 < 14 goto out; r0 = u8[r2+13]${OUT}`);
no(
  "packet-bounds",
  "a difference of end and start, one byte more",
  `${START}; r4 = r3; r4 -= r2; if r4 < 14 goto out; !r0 = u8[r2+14]${OUT}`,
);
no(
  "memory-bounds",
  "a difference may be small",
  `${START}; r0 = r3; r0 -= r2; r5 = data-65535; r5 += r0; !r0 = u8[r5+0]`,
  { dataSize: 1 },
);
no(
  "memory-bounds",
  "a difference may be large",
  `${START}; r0 = r3; r0 -= r2; r5 = data; r5 += r0; !r0 = u8[r5+0]`,
  { dataSize: 1500 },
);
ok("a difference is a number", `${START}; r0 = r3; r0 -= r2; exit`);

// Variable offsets: r5 is a byte of the packet.
const VARIABLE = `${CHECKED}; r5 = u8[r2+0]`;
ok(
  "a header of variable length",
  `${VARIABLE}; r5 &= 15; r5 <<= 2; r4 = r2; r4 += r5; r7 = r4; r7 += 20; if r7 > r3 goto out; r0 = u8[r4+19]${OUT}`,
);
no(
  "packet-bounds",
  "a header of variable length, one byte more",
  `${VARIABLE}; r5 &= 15; r5 <<= 2; r4 = r2; r4 += r5; r7 = r4; r7 += 20; if r7 > r3 goto out; !r0 = u8[r4+20]${OUT}`,
);
no(
  "packet-bounds",
  "a variable offset without its check",
  `${VARIABLE}; r4 = r2; r4 += r5; !r0 = u8[r4+0]${OUT}`,
);
ok(
  "a bounded offset within what was checked",
  `${VARIABLE}; r5 &= 7; r4 = r2; r4 += r5; r0 = u8[r4+6]${OUT}`,
);
no(
  "packet-bounds",
  "a bounded offset, one byte more",
  `${VARIABLE}; r5 &= 7; r4 = r2; r4 += r5; !r0 = u8[r4+7]${OUT}`,
);
ok("a compared offset", `${VARIABLE}; if r5 > 13 goto out; r4 = r2; r4 += r5; r0 = u8[r4+0]${OUT}`);
no(
  "packet-bounds",
  "a compared offset, one looser",
  `${VARIABLE}; if r5 > 14 goto out; r4 = r2; r4 += r5; !r0 = u8[r4+0]${OUT}`,
);
ok(
  "a 16-bit offset",
  `${CHECKED}; r5 = u16[r2+0]; r4 = r2; r4 += r5; r7 = r4; r7 += 1; if r7 > r3 goto out; r0 = u8[r4+0]${OUT}`,
);
no(
  ["packet-bounds", "pointer-arithmetic"],
  "an unbounded offset that may wrap",
  `${CHECKED}; r5 = u64[r2+0]; r4 = r2; r4 += r5; r7 = r4; r7 += 1; if r7 > r3 goto out; r0 = u8[r4+0]${OUT}`,
);
no(
  ["packet-bounds", "pointer-arithmetic"],
  "a negative offset",
  `${CHECKED}; r5 = s8[r2+0]; r4 = r2; r4 += r5; r7 = r4; r7 += 1; if r7 > r3 goto out; r0 = u8[r4+0]${OUT}`,
);
ok(
  "an offset that is not negative",
  `${CHECKED}; r5 = s8[r2+0]; if r5 s< 0 goto out; r4 = r2; r4 += r5; r7 = r4; r7 += 1; if r7 > r3 goto out; r0 = u8[r4+0]${OUT}`,
);
no(
  "packet-bounds",
  "the check of one variable pointer for another",
  `${VARIABLE}; r4 = r2; r4 += r5; r7 = r4; r7 += 1; if r7 > r3 goto out; r5 = u8[r2+1]; r4 = r2; r4 += r5; !r0 = u8[r4+0]${OUT}`,
);
ok(
  "the offset on both sides of a spill",
  `${VARIABLE}; u64[r10-8] = r5; r4 = r2; r4 += r5; r7 = r4; r7 += 1; if r7 > r3 goto out; r5 = u64[r10-8]; r2 += r5; r0 = u8[r2+0]${OUT}`,
);
ok(
  "two variable parts",
  `${VARIABLE}; r4 = r2; r4 += r5; r8 = u8[r2+1]; r4 += r8; r7 = r4; r7 += 2; if r7 > r3 goto out; r0 = u16[r4+0]${OUT}`,
);
no(
  "packet-bounds",
  "two variable parts, one byte more",
  `${VARIABLE}; r4 = r2; r4 += r5; r8 = u8[r2+1]; r4 += r8; r7 = r4; r7 += 2; if r7 > r3 goto out; !r0 = u16[r4+1]${OUT}`,
);

// data_end, and pointers that are stale.
no("pointer-arithmetic", "arithmetic on data_end", `${START}; !r3 += -14`);
no("pointer-arithmetic", "a difference with data_end", `${START}; !r3 -= 14`);
no("pointer-arithmetic", "a variable sum with data_end", `${START}; r5 = u32[r6+12]; !r3 += r5`);
no("not-a-pointer", "a load through data_end", `${START}; !r0 = u8[r3-1]`);
no("not-a-pointer", "a store through data_end", `${START}; !u8[r3-1] = 1`);
no("not-a-pointer", "a load through data_end after a check", `${CHECKED}; !r0 = u8[r3-14]${OUT}`);
const STALE = ["not-a-pointer", "packet-bounds", "reference-released", "uninitialised-register"] as const;
const moves = "r1 = r6; r2 = 4; call bpf_xdp_adjust_head";
no([...STALE], "after a helper that moves the packet", `${CHECKED}; r7 = r2; ${moves}; !r0 = u8[r7+0]${OUT}`);
no(
  [...STALE],
  "a spill, after a helper that moves the packet",
  `${CHECKED}; u64[r10-8] = r2; ${moves}; r7 = u64[r10-8]; r0 = u8[r7+0]${OUT}`,
);
no(
  [...STALE],
  "after a helper that moves the end",
  `${CHECKED}; r7 = r2; r1 = r6; r2 = -4; call bpf_xdp_adjust_tail; !r0 = u8[r7+0]${OUT}`,
);
no("packet-bounds", "new pointers, old checks", `${CHECKED}; ${moves}; r7 = u32[r6+0]; !r0 = u8[r7+0]${OUT}`);
no(
  [...STALE, "pointer-arithmetic"],
  "a new pointer, an old end",
  `${CHECKED}; r8 = r3; ${moves}; r7 = u32[r6+0]; r4 = r7; r4 += 14; if r4 > r8 goto out; r0 = u8[r7+0]${OUT}`,
);
ok(
  "new pointers, new checks",
  `${CHECKED}; ${moves}; r2 = u32[r6+0]; r3 = u32[r6+4]; r4 = r2; r4 += 14; if r4 > r3 goto out; r0 = u8[r2+13]${OUT}`,
);
ok(
  "after a helper that does not move the packet",
  `${CHECKED}; r7 = r2; call bpf_ktime_get_ns; r0 = u8[r7+13]${OUT}`,
);
no(
  [...STALE],
  "after a function that moves the packet",
  `${CHECKED}; r7 = r2; r1 = r6; call f; !r0 = u8[r7+0]${OUT}; fn f: r2 = 4; call bpf_xdp_adjust_head; r0 = 0; exit`,
);
ok("after a function that does not", `${CHECKED}; r7 = r2; call f; r0 = u8[r7+13]${OUT}; fn f: r0 = 0; exit`);
no(
  [...STALE],
  "on one path after a helper that moves the packet",
  `${CHECKED}; r7 = r2; r8 = u8[r2+0]; if r8 == 0 goto in; ${moves}; in: r0 = u8[r7+0]${OUT}`,
);
for (const [name, call] of [
  ["bpf_skb_pull_data", "r2 = 64"],
  ["bpf_skb_vlan_pop", "r2 = 0"],
  ["bpf_skb_change_tail", "r2 = 64; r3 = 0"],
  ["bpf_skb_adjust_room", "r2 = 4; r3 = 0; r4 = 0"],
])
  no(
    [...STALE],
    `after ${name}`,
    `r6 = r1; r2 = u32[r1+76]; r3 = u32[r1+80]; r4 = r2; r4 += 14; if r4 > r3 goto out; r7 = r2; r1 = r6; ${call}; call ${name}; !r0 = u8[r7+0]${OUT}`,
    { ctx: "skb" },
  );

// Metadata before the packet.
const META = "r2 = u32[r1+0]; r3 = u32[r1+4]; r5 = u32[r1+8]; r4 = r5; r4 += 4";
ok("metadata compared with data", `${META}; if r4 > r2 goto out; r0 = u32[r5+0]${OUT}`);
no("packet-bounds", "metadata, one byte more", `${META}; if r4 > r2 goto out; !r0 = u32[r5+1]${OUT}`);
no("packet-bounds", "metadata compared with data_end", `${META}; if r4 > r3 goto out; !r0 = u32[r5+0]${OUT}`);
no("packet-bounds", "the packet compared as metadata", `${META}; if r4 > r2 goto out; !r0 = u8[r2+0]${OUT}`);

// Where packet pointers must not go.
no("pointer-leak", "a packet pointer in the packet", `${CHECKED}; !u64[r2+0] = r2${OUT}`);
no("pointer-leak", "the context in the packet", `${CHECKED}; !u64[r2+0] = r6${OUT}`);
no("pointer-leak", "half a pointer in the packet", `${CHECKED}; !u32[r2+0] = r2${OUT}`);
no("pointer-leak", "a packet pointer returned", `${START}; r0 = r2; !exit`);
no("pointer-leak", "data_end returned", `${START}; r0 = r3; !exit`);
no("atomic", "an atomic operation on the packet", `${CHECKED}; r4 = 1; !lock u32[r2+0] += r4${OUT}`);
no("uninitialised-register", "an uninitialised register in the packet", `${CHECKED}; !u8[r2+0] = r8${OUT}`);

// The packet as a helper's memory.
ok("a key in the packet", `${CHECKED}; r1 = map hash; call bpf_map_lookup_elem${OUT}`);
ok("a key at the packet's end", `${CHECKED}; r2 += 6; r1 = map hash; call bpf_map_lookup_elem${OUT}`);
no(
  "packet-bounds",
  "a key across the packet's end",
  `${CHECKED}; r2 += 7; r1 = map hash; !call bpf_map_lookup_elem${OUT}`,
);
no(
  "packet-bounds",
  "a key in a packet that was not checked",
  `${START}; r1 = map hash; !call bpf_map_lookup_elem`,
);
ok(
  "14 bytes for bpf_csum_diff",
  `${CHECKED}; r1 = 0; r4 = 14; r3 = r2; r2 = 0; r5 = 0; call bpf_csum_diff${OUT}`,
);
no(
  "packet-bounds",
  "15 bytes for bpf_csum_diff",
  `${CHECKED}; r1 = 0; r4 = 15; r3 = r2; r2 = 0; r5 = 0; !call bpf_csum_diff${OUT}`,
);
