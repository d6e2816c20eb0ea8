/** Small programs in assembly with their results: memory, atomics, calls, frames, control flow. */

import { describe, expect, it } from "vitest";
import { assemble } from "../../formats/isa/bpf.ts";
import { ENGINES, skipped } from "./engines.ts";

interface Case {
  name: string;
  code: string;
  /** Bytes at r1, r2 = their number. */
  memory?: number[];
  result: bigint;
  /** What the memory holds afterwards. */
  after?: number[];
}

const BYTES = [0x81, 0x92, 0xa3, 0xb4, 0xc5, 0xd6, 0xe7, 0xf8, 0x01, 0x02];

const CASES: Case[] = [
  { name: "load bytes", code: "r0 = *(u8 *)(r1 + 1)\nexit", memory: BYTES, result: 0x92n },
  { name: "load halves", code: "r0 = *(u16 *)(r1 + 1)\nexit", memory: BYTES, result: 0xa392n },
  { name: "load words", code: "r0 = *(u32 *)(r1 + 1)\nexit", memory: BYTES, result: 0xc5b4a392n },
  {
    name: "load double words",
    code: "r0 = *(u64 *)(r1 + 1)\nexit",
    memory: BYTES,
    result: 0x01f8e7d6c5b4a392n,
  },
  {
    name: "load signed bytes",
    code: "r0 = *(s8 *)(r1 + 0)\nexit",
    memory: BYTES,
    result: 0xffffffffffffff81n,
  },
  {
    name: "a byte that is stored sign-extended and returned as it is",
    code: "r0 = *(u8 *)(r1 + 0)\nr2 = r0\nr2 <<= 56\nr2 s>>= 56\n*(u64 *)(r1 + 2) = r2\nexit",
    memory: BYTES,
    result: 0x81n,
    after: [0x81, 0x92, 0x81, 255, 255, 255, 255, 255, 255, 255],
  },
  {
    name: "load signed halves",
    code: "r0 = *(s16 *)(r1 + 0)\nexit",
    memory: BYTES,
    result: 0xffffffffffff9281n,
  },
  {
    name: "load signed words",
    code: "r0 = *(s32 *)(r1 + 0)\nexit",
    memory: BYTES,
    result: 0xffffffffb4a39281n,
  },
  { name: "load through itself", code: "r1 = *(u8 *)(r1 + 9)\nr0 = r1\nexit", memory: BYTES, result: 2n },
  { name: "load below", code: "r1 += 4\nr0 = *(u8 *)(r1 - 3)\nexit", memory: BYTES, result: 0x92n },
  { name: "load indexed", code: "r2 -= 2\nr1 += r2\nr0 = *(u8 *)(r1 + 1)\nexit", memory: BYTES, result: 2n },
  {
    name: "store registers",
    code: "r2 = 0x1122334455667788 ll\n*(u8 *)(r1 + 0) = r2\n*(u16 *)(r1 + 1) = r2\n*(u32 *)(r1 + 3) = r2\nr0 = 0\nexit",
    memory: [0, 0, 0, 0, 0, 0, 0, 9],
    result: 0n,
    after: [0x88, 0x88, 0x77, 0x88, 0x77, 0x66, 0x55, 9],
  },
  {
    name: "store a double word",
    code: "r2 = 0x1122334455667788 ll\n*(u64 *)(r1 + 0) = r2\nr0 = 0\nexit",
    memory: [0, 0, 0, 0, 0, 0, 0, 0],
    result: 0n,
    after: [0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11],
  },
  {
    name: "store immediates",
    code: "*(u8 *)(r1 + 0) = 0x12\n*(u16 *)(r1 + 1) = 0x1234\n*(u32 *)(r1 + 3) = 0x12345678\nr0 = 0\nexit",
    memory: [0, 0, 0, 0, 0, 0, 0, 9],
    result: 0n,
    after: [0x12, 0x34, 0x12, 0x78, 0x56, 0x34, 0x12, 9],
  },
  {
    name: "store a negative immediate",
    code: "*(u64 *)(r1 + 0) = -2\nr0 = 0\nexit",
    memory: [0, 0, 0, 0, 0, 0, 0, 0],
    result: 0n,
    after: [0xfe, 255, 255, 255, 255, 255, 255, 255],
  },
  {
    name: "store high registers",
    code: "r6 = 0xab\nr7 = 0xcd\nr8 = 0xef\nr9 = 1\n*(u8 *)(r1 + 0) = r6\n*(u8 *)(r1 + 1) = r7\n*(u8 *)(r1 + 2) = r8\n*(u8 *)(r1 + 3) = r9\nr0 = 0\nexit",
    memory: [0, 0, 0, 0],
    result: 0n,
    after: [0xab, 0xcd, 0xef, 1],
  },
  { name: "lddw keeps a low word with its high bit", code: "r0 = 0x80000000 ll\nexit", result: 0x80000000n },
  { name: "lddw keeps both words", code: "r0 = 0xfedcba9876543210 ll\nexit", result: 0xfedcba9876543210n },
  {
    name: "mov32 of a register to itself clears the upper half",
    code: "r0 = -1\nw0 = w0\nexit",
    result: 0xffffffffn,
  },
  {
    name: "32-bit sums that cancel each other clear the upper half",
    code: "r0 = *(u64 *)(r1 + 0)\nw0 -= 2\nw0 += 2\nr3 = *(u64 *)(r1 + 1)\nw3 += 0x7fffffff\nr4 = r3\nr4 >>= 32\nr0 += r4\nexit",
    memory: BYTES,
    result: 0xb4a39281n,
  },
  {
    name: "shifts by nothing of one value cancel each other",
    code: "r0 = *(u64 *)(r1 + 0)\n*(u64 *)(r10 - 8) = 0\nr5 = *(s16 *)(r10 - 8)\nr2 = r0\nr3 = r0\nr2 <<= r5\nr5 = -r5\nr3 >>= r5\nr2 ^= r3\nr0 += r2\nw0 = w0\nexit",
    memory: BYTES,
    result: 0xb4a39281n,
  },
  {
    name: "half of what is compared is selected",
    code: `r9 = *(u64 *)(r1 + 0)
r2 = *(u64 *)(r1 + 8)
r3 = *(u64 *)(r1 + 16)
*(u64 *)(r1 + 24) = r9
w0 = w3
if r9 > r2 goto out
w0 = w9
out:
r0 *= 7
r0 += r9
r0 ^= r3
exit`,
    memory: Array.from({ length: 32 }, (_, k) => (0x91 + 29 * k) & 255),
    result: 0x7030d0df4d975d59n,
  },
  {
    name: "a remainder by a zero that branches tell",
    code: `r0 = *(u64 *)(r1 + 0)
r7 = 2
if r0 & 1 goto same
r7 = 0
same:
if w7 != 0 goto out
r0 %= r7
out:
exit`,
    memory: [6, 1, 2, 3, 4, 5, 6, 7],
    result: 0x0706050403020106n,
  },
  {
    name: "the least of an array, which nothing is less than",
    code: `r3 = 0
r9 = 0
again:
r4 = *(s16 *)(r1 + 0)
r4 = bswap16 r4
if w3 <= w4 goto next
w3 = w4
next:
r1 += 2
r9 += 1
if r9 < 12 goto again
r0 = r3
exit`,
    memory: Array.from({ length: 24 }, (_, k) => (37 * k) & 255),
    result: 0n,
  },
  {
    name: "mov32 of a negative immediate clears the upper half",
    code: "r0 = 0\nw0 = -1\nexit",
    result: 0xffffffffn,
  },
  { name: "be16 drops high bits", code: "r0 = 0x1122334455667788 ll\nr0 = be16 r0\nexit", result: 0x8877n },
  { name: "be32", code: "r0 = 0x1122334455667788 ll\nr0 = be32 r0\nexit", result: 0x88776655n },
  { name: "be64", code: "r0 = 0x1122334455667788 ll\nr0 = be64 r0\nexit", result: 0x8877665544332211n },
  { name: "bswap16", code: "r0 = 0x1122334455667788 ll\nr0 = bswap16 r0\nexit", result: 0x8877n },
  { name: "le16 drops high bits", code: "r0 = 0x1122334455667788 ll\nr0 = le16 r0\nexit", result: 0x7788n },
  {
    name: "a 32-bit divisor that is a multiple of 2^32",
    code: "r0 = 7\nr1 = 0x100000000 ll\nw0 /= w1\nexit",
    result: 0n,
  },
  {
    name: "a 32-bit modulus that is a multiple of 2^32",
    code: "r0 = 7\nr1 = 0x100000000 ll\nw0 %= w1\nexit",
    result: 7n,
  },
  {
    name: "the stack",
    code: "*(u64 *)(r10 - 8) = 5\nr1 = r10\nr1 += -8\nr2 = *(u64 *)(r1 + 0)\n*(u64 *)(r1 - 8) = r2\nr0 = *(u64 *)(r10 - 16)\nexit",
    result: 5n,
  },
  {
    name: "parts of a stack slot",
    code: "*(u64 *)(r10 - 8) = 0x01020304\nr0 = *(u8 *)(r10 - 6)\nr1 = *(u16 *)(r10 - 8)\nr0 += r1\nexit",
    result: 0x306n,
  },
  {
    name: "a promoted byte keeps only its byte",
    code: "r1 = 0x1ff\n*(u8 *)(r10 - 1) = r1\nr0 = *(u8 *)(r10 - 1)\nexit",
    result: 0xffn,
  },
  {
    name: "a promoted byte, sign-extended",
    code: "r1 = 0x1ff\n*(u8 *)(r10 - 1) = r1\nr0 = *(s8 *)(r10 - 1)\nexit",
    result: 0xffffffffffffffffn,
  },
  {
    name: "stack through a loop",
    code: "*(u64 *)(r10 - 8) = 0\nr1 = 10\nl:\nr2 = *(u64 *)(r10 - 8)\nr2 += r1\n*(u64 *)(r10 - 8) = r2\nr1 += -1\nif r1 != 0 goto l\nr0 = *(u64 *)(r10 - 8)\nexit",
    result: 55n,
  },
  {
    name: "atomic add",
    code: "r2 = 3\nlock *(u64 *)(r1 + 0) += r2\nr0 = *(u64 *)(r1 + 0)\nexit",
    memory: [1, 0, 0, 0, 0, 0, 0, 0],
    result: 4n,
  },
  {
    name: "atomic add of 32 bits leaves the rest",
    code: "r2 = -1\nlock *(u32 *)(r1 + 0) += r2\nr0 = *(u64 *)(r1 + 0)\nexit",
    memory: [0, 0, 0, 0, 9, 0, 0, 0],
    result: 0x9ffffffffn,
  },
  {
    name: "atomic fetch add",
    code: "r2 = 3\nr2 = atomic_fetch_add((u64 *)(r1 + 0), r2)\nr0 = r2\nr0 <<= 8\nr1 = *(u64 *)(r1 + 0)\nr0 |= r1\nexit",
    memory: [1, 0, 0, 0, 0, 0, 0, 0],
    result: 0x104n,
  },
  {
    name: "atomic fetch add of 32 bits zero-extends",
    code: "r2 = 0x1100000001 ll\nw2 = atomic_fetch_add((u32 *)(r1 + 0), w2)\nr0 = r2\nexit",
    memory: [255, 255, 255, 255, 1, 0, 0, 0],
    result: 0xffffffffn,
  },
  {
    name: "atomic fetch or",
    code: "r2 = 6\nr2 = atomic_fetch_or((u64 *)(r1 + 0), r2)\nr0 = r2\nr0 <<= 8\nr1 = *(u64 *)(r1 + 0)\nr0 |= r1\nexit",
    memory: [3, 0, 0, 0, 0, 0, 0, 0],
    result: 0x307n,
  },
  {
    name: "atomic fetch and",
    code: "r2 = 6\nr2 = atomic_fetch_and((u64 *)(r1 + 0), r2)\nr0 = r2\nr0 <<= 8\nr1 = *(u64 *)(r1 + 0)\nr0 |= r1\nexit",
    memory: [3, 0, 0, 0, 0, 0, 0, 0],
    result: 0x302n,
  },
  {
    name: "atomic fetch xor of 32 bits",
    code: "r2 = 6\nw2 = atomic_fetch_xor((u32 *)(r1 + 0), w2)\nr0 = r2\nr0 <<= 8\nr1 = *(u64 *)(r1 + 0)\nr0 |= r1\nexit",
    memory: [3, 0, 0, 0, 0, 0, 0, 0],
    result: 0x305n,
  },
  {
    name: "atomic or, and, xor",
    code: "r2 = 6\nlock *(u64 *)(r1 + 0) |= r2\nr2 = 5\nlock *(u64 *)(r1 + 0) &= r2\nr2 = 15\nlock *(u64 *)(r1 + 0) ^= r2\nr0 = *(u64 *)(r1 + 0)\nexit",
    memory: [3, 0, 0, 0, 0, 0, 0, 0],
    result: 10n,
  },
  {
    name: "exchange",
    code: "r2 = 7\nr2 = xchg_64(r1 + 0, r2)\nr0 = r2\nr0 <<= 8\nr1 = *(u64 *)(r1 + 0)\nr0 |= r1\nexit",
    memory: [3, 0, 0, 0, 0, 0, 0, 0],
    result: 0x307n,
  },
  {
    name: "exchange of 32 bits zero-extends",
    code: "r2 = -1\nw2 = xchg32_32(r1 + 0, w2)\nr0 = r2\nexit",
    memory: [3, 0, 0, 0x80, 1, 0, 0, 0],
    result: 0x80000003n,
  },
  {
    name: "compare and exchange, equal",
    code: "r0 = 3\nr2 = 7\nr0 = cmpxchg_64(r1 + 0, r0, r2)\nr0 <<= 8\nr1 = *(u64 *)(r1 + 0)\nr0 |= r1\nexit",
    memory: [3, 0, 0, 0, 0, 0, 0, 0],
    result: 0x307n,
  },
  {
    name: "compare and exchange, different",
    code: "r0 = 4\nr2 = 7\nr0 = cmpxchg_64(r1 + 0, r0, r2)\nr0 <<= 8\nr1 = *(u64 *)(r1 + 0)\nr0 |= r1\nexit",
    memory: [3, 0, 0, 0, 0, 0, 0, 0],
    result: 0x303n,
  },
  {
    name: "compare and exchange of 32 bits zero-extends r0 when equal",
    code: "r0 = 0x1100000003 ll\nr2 = 7\nw0 = cmpxchg32_32(r1 + 0, w0, w2)\nexit",
    memory: [3, 0, 0, 0, 0, 0, 0, 0],
    result: 3n,
  },
  {
    name: "compare and exchange of 32 bits zero-extends r0 when different",
    code: "r0 = 0x1100000004 ll\nr2 = 7\nw0 = cmpxchg32_32(r1 + 0, w0, w2)\nexit",
    memory: [3, 0, 0, 0x80, 0, 0, 0, 0],
    result: 0x80000003n,
  },
  {
    name: "atomics with r0 as source",
    code: "r0 = 5\nr0 = atomic_fetch_add((u64 *)(r1 + 0), r0)\nexit",
    memory: [3, 0, 0, 0, 0, 0, 0, 0],
    result: 3n,
  },
  {
    name: "a call keeps r6 to r9",
    code: "r6 = 1\nr7 = 2\nr8 = 3\nr9 = 4\nr1 = 10\ncall f\nr0 += r6\nr0 += r7\nr0 += r8\nr0 += r9\nexit\nf:\nr6 = 100\nr7 = 100\nr8 = 100\nr9 = 100\nr0 = r1\nr0 *= 2\nexit",
    result: 30n,
  },
  {
    name: "a callee has a frame of its own",
    code:
      "*(u64 *)(r10 - 8) = 1\nr1 = r10\nr1 += -8\ncall f\nr0 = *(u64 *)(r10 - 8)\nexit\nf:\n*(u64 *)(r10 - 8) = 77\nr2 = *(u64 *)(r1 + 0)\nr2 += *(u64 *)(r10 - 8)\n".replace(
        "r2 += *(u64 *)(r10 - 8)\n",
        "r3 = *(u64 *)(r10 - 8)\nr2 += r3\n",
      ) + "*(u64 *)(r1 + 0) = r2\nr0 = 0\nexit",
    result: 78n,
  },
  {
    name: "recursion",
    code: "r1 = 10\ncall fib\nexit\nfib:\nif r1 < 2 goto base\nr6 = r1\nr1 += -1\ncall fib\nr7 = r0\nr1 = r6\nr1 += -2\ncall fib\nr0 += r7\nexit\nbase:\nr0 = r1\nexit",
    result: 55n,
  },
  {
    name: "a recursion that returns early, with all arguments live across its calls",
    code: "r1 = 6\nr2 = 3\nr3 = 5\nr4 = 7\nr5 = 11\ncall f\nexit\nf:\nif r1 == 0 goto base\nr6 = r2\nr7 = r3\nr8 = r4\nr9 = r5\nr1 -= 1\nr2 = r5\nr5 = r6\ncall f\nr0 *= 2\nr0 += r6\nr0 ^= r7\nr0 += r8\nr0 -= r9\nexit\nbase:\nr0 = r2\nr0 += r5\nexit",
    result: 1190n,
  },
  {
    name: "a frame on one way only, and ways that meet behind it",
    code: "r6 = r1\nr7 = 0\nr8 = 0\nl:\nr1 = r7\nr2 = r6\ncall f\nr8 *= 31\nr8 += r0\nr7 += 1\nif r7 != 5 goto l\nr0 = r8\nexit\nf:\nr6 = r1\nr0 = 1\nif r1 < 3 goto end\n*(u64 *)(r10 - 16) = 40\n*(u64 *)(r10 - 8) = 50\nr3 = *(u8 *)(r2 + 1)\nr3 &= 1\nr3 <<= 3\nr3 += r10\nr6 = *(u64 *)(r3 - 16)\nr1 -= 3\ncall f\nend:\nr0 ^= r6\nr0 *= 3\nexit",
    memory: BYTES,
    result: 2783331n,
  },
  {
    name: "an early return from a loop, and one from in front of it",
    code: "r6 = r1\nr7 = 0\nr8 = 0\nl:\nr1 = r7\nr2 = r6\ncall f\nr8 *= 31\nr8 += r0\nr7 += 1\nif r7 != 12 goto l\nr0 = r8\nexit\nf:\nr0 = 9\nif r1 == 4 goto end\nr6 = r1\nr7 = r2\nr8 = 0\nm:\nif r6 == 0 goto out\nr6 -= 1\nr0 = r6\nr0 &= 7\nr0 += r7\nr0 = *(u8 *)(r0 + 0)\nif r0 == 0xb4 goto end\nr1 = r0\nr2 = r8\ncall g\nr8 = r0\ngoto m\nout:\nr0 = r8\nend:\nexit\ng:\nr0 = r2\nif r1 < 0x93 goto o\nr6 = r1\nr1 -= 0x11\nr2 += 3\ncall g\nr0 += r6\no:\nexit",
    memory: BYTES,
    result: 141992601426865n,
  },
  {
    name: "a fourth argument of a call in place of a return, beside one that needs a frame",
    code: "r1 = 3\ncall f\nr1 = r0\nr2 = 1\nr3 = 2\nr4 = 77\ncall g\nexit\nf:\nr0 = r1\nif r0 == 0 goto o\nr1 -= 1\ncall f\nr0 += 1\no:\nexit\ng:\nr0 = r4\nr0 ^= r3\nif r1 == 0 goto p\nr1 -= 1\ncall g\nr0 += 7\np:\nexit",
    result: 100n,
  },
  {
    name: "five arguments",
    code: "r1 = 1\nr2 = 20\nr3 = 300\nr4 = 4000\nr5 = 50000\ncall f\nexit\nf:\nr0 = r1\nr0 += r2\nr0 += r3\nr0 += r4\nr0 += r5\nexit",
    result: 54321n,
  },
  {
    name: "arguments change places",
    code: "r1 = 1\nr2 = 2\nr3 = 3\nr6 = r1\nr1 = r3\nr3 = r2\nr2 = r6\ncall f\nexit\nf:\nr0 = r1\nr0 *= 10\nr0 += r2\nr0 *= 10\nr0 += r3\nexit",
    result: 312n,
  },
  { name: "an unset r0 is 0", code: "r1 = 5\nexit", result: 0n },
  {
    name: "a program that ends in goto",
    code: "goto start\nend:\nexit\nstart:\nr0 = 6\ngoto end",
    result: 6n,
  },
  {
    name: "a loop with a 32-bit counter",
    code: "w0 = 0\nw1 = 5\nl:\nw0 += w1\nw1 -= 1\nif w1 != 0 goto l\nexit",
    result: 15n,
  },
  {
    name: "phis that change places",
    code: "r1 = 1\nr2 = 2\nr3 = 5\nl:\nr4 = r1\nr1 = r2\nr2 = r4\nr3 += -1\nif r3 != 0 goto l\nr0 = r1\nr0 *= 10\nr0 += r2\nexit",
    result: 21n,
  },
  {
    name: "phis in a ring of three",
    code: "r1 = 1\nr2 = 2\nr3 = 3\nr5 = 4\nl:\nr4 = r1\nr1 = r2\nr2 = r3\nr3 = r4\nr5 += -1\nif r5 != 0 goto l\nr0 = r1\nr0 *= 10\nr0 += r2\nr0 *= 10\nr0 += r3\nexit",
    result: 231n,
  },
  {
    name: "a comparison with zero that is reached by a jump and by an addition",
    code: "r0 = *(u8 *)(r1 + 0)\nif r2 > 1 goto l\nr0 += 1\nl:\nif r0 == 0 goto z\nr0 = 100\nexit\nz:\nr0 = 200\nexit",
    memory: [0, 0],
    result: 200n,
  },
  {
    name: "shifts in a loop that runs once",
    code: "r0 = 7\nr1 = 8\nr3 = 1\nl:\nr4 = r0\nr4 += r1\nr0 = r1\nr1 = r4\nr3 += -1\nif r3 != 0 goto l\nr0 += r1\nexit",
    result: 23n,
  },
  {
    name: "sums of the last three, by shifts",
    code: "r0 = 0\nr1 = 0\nr2 = 1\nr3 = 30\nl:\nr4 = r0\nr4 += r1\nr4 += r2\nr0 = r1\nr1 = r2\nr2 = r4\nr3 += -1\nif r3 != 0 goto l\nexit",
    result: 15902591n,
  },
  {
    name: "fibonacci by shifts",
    code: "r0 = 0\nr1 = 1\nr2 = 50\nl:\nr3 = r0\nr3 += r1\nr0 = r1\nr1 = r3\nr2 += -1\nif r2 != 0 goto l\nexit",
    result: 12586269025n,
  },
  { name: "gotol", code: "gotol far\nr0 = 1\nexit\nfar:\nr0 = 2\nexit", result: 2n },
  {
    name: "a switch",
    code: "r0 = *(u8 *)(r1 + 2)\nif r0 == 1 goto a\nif r0 == 2 goto b\nif r0 s> 200 goto c\nr0 = 0\nexit\na:\nr0 = 10\nexit\nb:\nr0 = 20\nexit\nc:\nr0 = 30\nexit",
    memory: [0, 0, 2],
    result: 20n,
  },
  { name: "helper strlen", code: "call 1000304\nexit", memory: [65, 66, 67, 0], result: 3n },
  {
    name: "helper memcpy, inlined",
    code: "r2 = r1\nr1 += 4\nr3 = 3\ncall 1000300\nr0 = 0\nexit",
    memory: [1, 2, 3, 4, 0, 0, 0, 0],
    result: 0n,
    after: [1, 2, 3, 4, 1, 2, 3, 0],
  },
  {
    name: "helper memmove, inlined and overlapping",
    code: "r2 = r1\nr1 += 1\nr3 = 7\ncall 1000302\nr0 = 0\nexit",
    memory: [1, 2, 3, 4, 5, 6, 7, 8],
    result: 0n,
    after: [1, 1, 2, 3, 4, 5, 6, 7],
  },
  {
    name: "helper memmove, called and overlapping",
    code: "r3 = r2\nr3 += -1\nr2 = r1\nr1 += 1\ncall 1000302\nr0 = 0\nexit",
    memory: [1, 2, 3, 4, 5, 6, 7, 8],
    result: 0n,
    after: [1, 1, 2, 3, 4, 5, 6, 7],
  },
  {
    name: "helper memset",
    code: "r3 = r2\nr2 = 0x1ab\ncall 1000301\nr0 = 0\nexit",
    memory: [0, 0, 0],
    result: 0n,
    after: [0xab, 0xab, 0xab],
  },
  {
    name: "helper memcmp",
    code: "r3 = 2\nr2 = r1\nr2 += 2\ncall 1000303\nexit",
    memory: [1, 2, 1, 3],
    result: 0xffffffffffffffffn,
  },
  {
    name: "helper strcmp",
    code: "r2 = r1\nr2 += 3\ncall 1000305\nexit",
    memory: [65, 66, 0, 65, 65, 0],
    result: 1n,
  },
  {
    name: "helper strncmp",
    code: "r2 = r1\nr2 += 3\nr3 = 1\ncall 1000306\nexit",
    memory: [65, 66, 0, 65, 65, 0],
    result: 0n,
  },
  { name: "a helper through a pointer", code: "r6 = 1000304\ncallx r6\nexit", memory: [65, 0], result: 1n },
]; // prettier-ignore

/** More values live at once than any target has registers, across a loop and a call. */
function pressure(count: number): Case {
  const lines = ["r6 = r1", "r7 = 0"];
  const slot = (k: number) => `*(u64 *)(r10 - ${8 * (k + 1)})`;
  for (let k = 0; k < count; k++)
    lines.push(`r1 = *(u8 *)(r6 + ${k % 8})`, `r1 += ${k * 3}`, `${slot(k)} = r1`);
  lines.push("r8 = 3", "l:", "r1 = r7", "call f", "r7 += r0");
  for (let k = 0; k < count; k++) {
    lines.push(
      `r1 = ${slot(k)}`,
      `r1 *= ${k + 3}`,
      "r7 += r1",
      `r2 = ${slot((k + 1) % count)}`,
      "r1 ^= r2",
      `${slot(k)} = r1`,
    );
  }
  lines.push("r8 += -1", "if r8 != 0 goto l", "r0 = r7", "exit", "f:", "r0 = r1", "r0 >>= 3", "exit");
  const memory = [1, 2, 3, 4, 5, 6, 7, 8];
  const u = (x: bigint) => BigInt.asUintN(64, x);
  const slots = Array.from({ length: count }, (_, k) => BigInt(memory[k % 8] + k * 3));
  let sum = 0n;
  for (let round = 0; round < 3; round++) {
    sum = u(sum + (sum >> 3n));
    for (let k = 0; k < count; k++) {
      const product = u(slots[k] * BigInt(k + 3));
      sum = u(sum + product);
      slots[k] = product ^ slots[(k + 1) % count];
    }
  }
  return { name: `${count} values live at once`, code: lines.join("\n"), memory, result: sum };
}

/** The sum of `count` slots, each loaded from the bytes of memory (at r6) times k + 1, as r0 = r0 * 31 + slot. */
const fillSlots = (count: number): string[] =>
  Array.from({ length: count }, (_, k) => [
    `r1 = *(u8 *)(r6 + ${k % 8})`,
    `r1 *= ${k + 1}`,
    `*(u64 *)(r10 - ${8 * (k + 1)}) = r1`,
  ]).flat();
const sumSlots = (count: number): string[] =>
  Array.from({ length: count }, (_, k) => [
    "r0 *= 31",
    `r1 = *(u64 *)(r10 - ${8 * (k + 1)})`,
    "r0 += r1",
  ]).flat();
const sumOfSlots = (count: number, start: bigint): bigint => {
  let sum = start;
  for (let k = 0; k < count; k++) sum = BigInt.asUintN(64, sum * 31n + BigInt(((k % 8) + 1) * (k + 1)));
  return sum;
};

/** The second factor is the value that is needed last: it must keep its register until the product is written. */
function lastFactor(count: number): Case {
  const product = ["r0 = *(u64 *)(r10 - 8)", `r1 = *(u64 *)(r10 - ${8 * count})`, "r0 *= r1"];
  return {
    name: `a factor that is the last needed of ${count} values`,
    code: ["r6 = r1", ...fillSlots(count), ...product, ...sumSlots(count), "exit"].join("\n"),
    memory: [1, 2, 3, 4, 5, 6, 7, 8],
    result: sumOfSlots(count, BigInt((((count - 1) % 8) + 1) * count)),
  };
}

/** A use stands before the definition in the order of the code, with `count` values live between. */
function usedAbove(count: number): Case {
  const use = [...fillSlots(count), "r0 = r9", ...sumSlots(count), "r0 += r7", ...sumSlots(count), "exit"];
  const define = ["r7 = *(u8 *)(r6 + 3)", "r7 *= 5", "r9 = 1", "if r8 == 3 goto use", "r9 = 2", "goto use"];
  const start = [
    "r6 = r1",
    "r8 = *(u8 *)(r1 + 0)",
    "if r8 == 7 goto define",
    "r8 += 2",
    "goto define",
    "use:",
  ];
  return {
    name: `a value defined below its use, past ${count} values`,
    code: [...start, ...use, "define:", ...define].join("\n"),
    memory: [1, 2, 3, 4, 5, 6, 7, 8],
    result: sumOfSlots(count, sumOfSlots(count, 1n) + 20n),
  };
}

/** One of twelve ways by each byte of the memory; `work` instructions are between them, which tell the width of table entries. */
function ways(work: number): Case {
  const list = Array.from({ length: 12 }, (_, k) => k);
  const more = (k: number) => Array.from({ length: work }, (_, i) => `r0 *= ${2 * (i + k) + 3}\nr0 ^= r4`);
  const code = [
    "r0 = 1\nr2 += r1\nagain:\nr4 = *(u8 *)(r1 + 0)",
    ...list.map((k) => `if r4 == ${k + 5} goto way${k}`),
    "r0 += 1\ngoto next",
    ...list.flatMap((k) => [`way${k}:`, ...more(k), k === 11 ? "" : "goto next"]),
    "next:\nr1 += 1\nif r1 != r2 goto again\nexit",
  ].join("\n");
  const memory = [4, 5, 0, 16, 9, 17, 255, 13, 6, 7, 12, 10];
  let r0 = 1n;
  for (const byte of memory) {
    const k = byte - 5;
    if (k < 0 || k >= 12) r0++;
    else for (let i = 0; i < work; i++) r0 = BigInt.asUintN(64, r0 * BigInt(2 * (i + k) + 3)) ^ BigInt(byte);
  }
  return { name: `twelve ways of ${2 * work} instructions`, code, memory, result: BigInt.asUintN(64, r0) };
}

CASES.push(ways(1), ways(10), ways(60));
for (let count = 8; count <= 20; count++) CASES.push(lastFactor(count), usedAbove(count));
CASES.push(pressure(8), pressure(20), pressure(60));

describe.each(ENGINES)("$name", (engine) => {
  it.skipIf(skipped(engine))("runs every program", () => {
    const jobs = CASES.map(({ name, code, memory }) => ({
      name,
      code: assemble(code),
      calls: [{ memory: memory && Uint8Array.from(memory) }],
    }));
    const shown = (name: string, r0: bigint, memory: readonly number[] | undefined) =>
      `${name}: 0x${r0.toString(16)}${memory === undefined ? "" : ` [${memory}]`}`;
    const got = engine
      .run(jobs)
      .map(([{ r0, memory }], k) => shown(CASES[k].name, r0, CASES[k].after && [...memory]));
    expect(got).toEqual(CASES.map(({ name, result, after }) => shown(name, result, after)));
  });
});
