/** Moves on edges of which several ways share a part: no register that another part has filled is free. */

import { expect, it } from "vitest";
import { assemble } from "../../formats/isa/bpf.ts";
import { difference, LEVELS } from "../diff/compare.ts";

/** Two ways end in one exchange; one of them first moves a value to where the exchange had its spare register. */
const SOURCE = `r6 = r1
r0 = 0x5f7c8cc
r1 = 0x280000000 ll
r4 = -0x5303834000000001 ll
r5 = -0x33d270515718f3e ll
r8 = *(u64 *)(r6 + 0x10)
r9 = -0x3c420048
*(u64 *)(r10 - 0x70) = 0xff00ff
r2 = 0x3ffe0929a7 ll
r3 = *(u64 *)(r6 + 0x28)
r7 = *(u64 *)(r6 + 0x28)
*(u64 *)(r10 - 0xa8) = 0x6
outer:
w2 += w1
if r2 == 0x0 goto next
if w2 s>= -0x583b0e49 goto inner
w7 s%= -0x5af6ad79
r3 &= 0xf
r1 = r6
call 0xf436d
inner:
*(u64 *)(r10 - 0xb0) = 0x4
again:
w7 ^= 0x1
up:
r1 = r2
r2 = r8
r9 += 0x1
if r9 < 0x7 goto up
r5 = 0x496a0425
w0 += 0x7fffffff
r4 = -0x1a5ba20d
r9 = 0x2
down:
w2 += w4
r3 = r4
r4 = r5
r5 = r2
r9 += -0x1
if r9 != 0x0 goto down
r9 = *(u64 *)(r10 - 0xb0)
r9 += -0x1
*(u64 *)(r10 - 0xb0) = r9
if r9 != 0x0 goto again
w3 /= -0x3cf8b395
next:
r8 = *(u64 *)(r10 - 0xa8)
r8 += -0x1
*(u64 *)(r10 - 0xa8) = r8
if r8 != 0x0 goto outer
lock *(u64 *)(r10 - 0x70) |= r2
r1 /= r7
r0 += r1
r0 += r2
r0 += r3
r0 += r4
r0 += r5
exit`;

it("an exchange behind a move that only one way makes", () => {
  const memory = Buffer.from(
    "a30043b6be0537ee009cf47d91306d39323de18098b4ab82fb8ce54981048090008a5d9980beeaa93da3d237e50f08803b876080deff2f68ffd245c48027ec80",
    "hex",
  );
  expect(difference(assemble(SOURCE), new Uint8Array(memory), LEVELS, true)).toBeUndefined();
});
