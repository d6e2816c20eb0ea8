/** What is acquired and must be released: heap memory and records of ring buffers. */

import { table } from "../program.ts";

const { cases, ok, no } = table("args");
export const REFERENCES = cases;

const OUT = "; out: r0 = 0; exit";
const MALLOC = "r1 = 64; call malloc";
const HEAP = `${MALLOC}; if r0 == 0 goto out; r6 = r0`;
const FREE = "r1 = r6; call free";
const RESERVE = "r1 = map ring; r2 = 16; r3 = 0; call bpf_ringbuf_reserve";
const RECORD = `${RESERVE}; if r0 == 0 goto out; r6 = r0`;
const SUBMIT = "r1 = r6; r2 = 0; call bpf_ringbuf_submit";
const GONE = ["reference-released", "not-a-pointer", "uninitialised-register", "helper-argument"] as const;

// Both families: acquire, use, release.
for (const [name, acquired, release, bytes, raw] of [
  ["heap", HEAP, FREE, 64, MALLOC],
  ["record", RECORD, SUBMIT, 16, RESERVE],
] as const) {
  ok(
    `${name}: used and released`,
    `${acquired}; u64[r6+${bytes - 8}] = 1; r0 = u8[r6+${bytes - 1}]; ${release}${OUT}`,
  );
  ok(`${name}: not used and released`, `${acquired}; ${release}${OUT}`);
  no(
    "memory-bounds",
    `${name}: a load behind the end`,
    `${acquired}; !r0 = u8[r6+${bytes}]; ${release}${OUT}`,
  );
  no(
    "memory-bounds",
    `${name}: a store across the end`,
    `${acquired}; !u64[r6+${bytes - 7}] = 1; ${release}${OUT}`,
  );
  no("memory-bounds", `${name}: a load before the start`, `${acquired}; !r0 = u8[r6-1]; ${release}${OUT}`);
  no("null-pointer", `${name}: no null check`, `${raw}; r6 = r0; !u8[r6+0] = 1; ${release}`);
  no("null-pointer", `${name}: arithmetic without a null check`, `${raw}; !r0 += 8`);
  no("reference-leak", `${name}: not released`, `${acquired}${OUT}`);
  no("reference-leak", `${name}: not released, unchecked`, raw);
  no(
    "reference-leak",
    `${name}: released on one path`,
    `r7 = r1; ${acquired}; if r7 == 0 goto out; ${release}${OUT}`,
  );
  no(
    "reference-leak",
    `${name}: acquired twice and released once`,
    `${acquired}; ${raw}; r7 = r0; ${release}${OUT}`,
  );
  no("reference-leak", `${name}: overwritten`, `${acquired}; r6 = 0; r0 = 0; exit${OUT}`);
  no(
    "reference-leak",
    `${name}: acquired in a loop, released after it`,
    `r8 = 3; loop: ${acquired}; r8 += -1; if r8 != 0 goto loop; ${release}${OUT}`,
  );
  ok(
    `${name}: acquired and released in a loop`,
    `r8 = 3; loop: ${acquired}; ${release}; r8 += -1; if r8 != 0 goto loop${OUT}`,
  );
  ok(
    `${name}: acquired and released in an unbounded loop`,
    `r8 = r1; loop: ${acquired}; ${release}; r8 += -1; if r8 != 0 goto loop${OUT}`,
  );
  no(
    [...GONE],
    `${name}: released twice`,
    `${acquired}; ${release}; ${release.replace("call", "!call")}${OUT}`,
  );
  no([...GONE], `${name}: used after its release`, `${acquired}; ${release}; !r0 = u8[r6+0]${OUT}`);
  no([...GONE], `${name}: stored to after its release`, `${acquired}; ${release}; !u8[r6+0] = 0${OUT}`);
  no(
    [...GONE],
    `${name}: a copy used after the release`,
    `${acquired}; r7 = r6; ${release}; !r0 = u8[r7+0]${OUT}`,
  );
  no(
    [...GONE],
    `${name}: a moved copy used after the release`,
    `${acquired}; r7 = r6; r7 += 8; ${release}; !r0 = u8[r7+0]${OUT}`,
  );
  no(
    [...GONE],
    `${name}: a spill used after the release`,
    `${acquired}; u64[r10-8] = r6; ${release}; r7 = u64[r10-8]; r0 = u8[r7+0]${OUT}`,
  );
  no(
    [...GONE],
    `${name}: released on one path, then used`,
    `r7 = r1; ${acquired}; r8 = r6; if r7 == 0 goto in; ${release}; r8 = 1; in: r0 = u8[r6+0]; if r8 == 1 goto out; ${release}${OUT}`,
  );
  ok(
    `${name}: released on each path`,
    `r7 = r1; ${acquired}; if r7 == 0 goto in; ${release}; goto out; in: u8[r6+0] = 1; ${release}${OUT}`,
  );
  ok(`${name}: released through a spill`, `${acquired}; u64[r10-8] = r6; r6 = u64[r10-8]; ${release}${OUT}`);
  ok(
    `${name}: two, released in the other order`,
    `${acquired}; r7 = r6; ${raw}; if r0 == 0 goto one; r6 = r0; ${release}; one: r6 = r7; ${release}${OUT}`,
  );
  no(
    "helper-argument",
    `${name}: released at an offset`,
    `${acquired}; r6 += 8; ${release.replace("call", "!call")}${OUT}`,
  );
  no("pointer-leak", `${name}: a pointer stored in it`, `${acquired}; !u64[r6+0] = r10; ${release}${OUT}`);
  no("pointer-leak", `${name}: its pointer stored in it`, `${acquired}; !u64[r6+0] = r6; ${release}${OUT}`);
  ok(
    `${name}: used by a function`,
    `${acquired}; r1 = r6; call f; ${release}${OUT}; fn f: u8[r1+${bytes - 1}] = 1; r0 = 0; exit`,
  );
  no(
    "memory-bounds",
    `${name}: used by a function, one byte more`,
    `${acquired}; r1 = r6; call f; ${release}${OUT}; fn f: !u8[r1+${bytes}] = 1; r0 = 0; exit`,
  );
  ok(
    `${name}: released by a function`,
    `${acquired}; r1 = r6; call f${OUT}; fn f: r6 = r1; ${release}; r0 = 0; exit`,
  );
  no(
    [...GONE],
    `${name}: used after a function released it`,
    `${acquired}; r1 = r6; call f; !r0 = u8[r6+0]${OUT}; fn f: r6 = r1; ${release}; r0 = 0; exit`,
  );
  ok(
    `${name}: acquired by a function`,
    `call f; if r0 == 0 goto out; r6 = r0; u8[r6+${bytes - 1}] = 1; ${release}${OUT}; fn f: ${raw}; exit`,
  );
  no(
    "reference-leak",
    `${name}: acquired by a function and not released`,
    `call f; r0 = 0; exit; fn f: ${raw}; exit`,
  );
  no(
    "reference-leak",
    `${name}: a tail call while it is held`,
    `r9 = r1; ${acquired}; r1 = r9; r2 = map progs; r3 = 0; call bpf_tail_call; ${release}${OUT}`,
    { ctx: "xdp" },
  );
  ok(
    `${name}: a masked index`,
    `r7 = r1; ${acquired}; r7 &= ${bytes - 1}; r8 = r6; r8 += r7; u8[r8+0] = 1; ${release}${OUT}`,
  );
  no(
    "memory-bounds",
    `${name}: a masked index, one byte more`,
    `r7 = r1; ${acquired}; r7 &= ${bytes - 1}; r8 = r6; r8 += r7; !u8[r8+1] = 1; ${release}${OUT}`,
  );
}

// The heap alone.
ok("free of what may be null", `${MALLOC}; r1 = r0; call free`);
ok("free of null", "r1 = 0; call free");
no("helper-argument", "free of a number", "r1 = 4096; !call free");
no("helper-argument", "free of an unknown number", "!call free");
no("helper-argument", "free of the stack", "r1 = r10; !call free");
no("helper-argument", "free of data", "r1 = data; !call free");
no(["helper-argument", "reference-released"], "free of a record", `${RECORD}; r1 = r6; !call free${OUT}`);
ok(
  "malloc of a bounded size",
  `r1 &= 63; r1 += 8; call malloc; if r0 == 0 goto out; u64[r0+0] = 1; r1 = r0; call free${OUT}`,
);
no(
  "memory-bounds",
  "malloc of a bounded size, more than the least",
  `r1 &= 63; r1 += 8; call malloc; if r0 == 0 goto out; !u64[r0+1] = 1; r1 = r0; call free${OUT}`,
);
ok(
  "realloc",
  `${HEAP}; r1 = r6; r2 = 128; call realloc; if r0 == 0 goto out; u8[r0+127] = 1; r1 = r0; call free${OUT}`,
);
ok(
  "realloc of null",
  `r1 = 0; r2 = 128; call realloc; if r0 == 0 goto out; u8[r0+127] = 1; r1 = r0; call free${OUT}`,
);
no(
  "memory-bounds",
  "realloc, one byte more",
  `${HEAP}; r1 = r6; r2 = 128; call realloc; if r0 == 0 goto out; !u8[r0+128] = 1; r1 = r0; call free${OUT}`,
);
no(
  "memory-bounds",
  "realloc to less",
  `${HEAP}; r1 = r6; r2 = 8; call realloc; if r0 == 0 goto out; !u8[r0+8] = 1; r1 = r0; call free${OUT}`,
);
no(
  [...GONE],
  "the old pointer after realloc",
  `${HEAP}; r1 = r6; r2 = 128; call realloc; r7 = r0; !u8[r6+0] = 1; r1 = r7; call free${OUT}`,
);
no(
  "null-pointer",
  "realloc without a null check",
  `${HEAP}; r1 = r6; r2 = 128; call realloc; !u8[r0+0] = 1${OUT}`,
);
no("reference-leak", "realloc without free", `${HEAP}; r1 = r6; r2 = 128; call realloc${OUT}`);

// Records alone.
ok("a record discarded", `${RECORD}; r1 = r6; r2 = 0; call bpf_ringbuf_discard${OUT}`);
no("null-pointer", "submit of what may be null", `${RESERVE}; r1 = r0; r2 = 0; !call bpf_ringbuf_submit`);
no(
  [...GONE],
  "submit, then discard",
  `${RECORD}; ${SUBMIT}; r1 = r6; r2 = 0; !call bpf_ringbuf_discard${OUT}`,
);
no(["helper-argument", "null-pointer"], "submit of null", "r1 = 0; r2 = 0; !call bpf_ringbuf_submit");
no(
  ["helper-argument", "reference-released"],
  "submit of heap memory",
  `${HEAP}; r1 = r6; r2 = 0; !call bpf_ringbuf_submit${OUT}`,
);
no(
  "helper-argument",
  "submit of a stack pointer",
  "u64[r10-8] = 0; r1 = r10; r1 += -8; r2 = 0; !call bpf_ringbuf_submit",
);
no("helper-size", "a record of no bytes", "r2 = 0; r1 = map ring; r3 = 0; !call bpf_ringbuf_reserve");
no(
  "helper-size",
  "a record of a size without bounds",
  "r2 = r1; r1 = map ring; r3 = 0; !call bpf_ringbuf_reserve",
);
no("helper-size", "a record of a negative size", "r2 = -8; r1 = map ring; r3 = 0; !call bpf_ringbuf_reserve");
ok(
  "a record as a helper's memory",
  `${RECORD}; r1 = r6; r2 = 16; call bpf_get_current_comm; ${SUBMIT}${OUT}`,
);
no(
  "memory-bounds",
  "a record as a helper's memory, one byte more",
  `${RECORD}; r1 = r6; r2 = 17; !call bpf_get_current_comm; ${SUBMIT}${OUT}`,
);
