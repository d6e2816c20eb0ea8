/** x86-64 branches: two bytes with an 8-bit displacement, else five or six with 32 bits. */

import { CC, fitsInt8, X64Assembler, x64 } from "../../../formats/isa/x64.ts";
import type { BranchForms } from "../branches.ts";

const NAMES = Object.keys(CC);
const SHORT = NAMES.map((cc) => x64(`j${cc} rel8`));
const NEAR = NAMES.map((cc) => x64(`j${cc} rel32`));
const JMP8 = x64("jmp rel8");
const JMP32 = x64("jmp rel32");

/** The condition of a jmp; others are codes of CC. */
export const ALWAYS = -1;

/** The manual's recommended nops (SDM volume 2, NOP), and one byte more: what comes into a loop passes few. */
const NOPS = [
  [],
  [0x90],
  [0x66, 0x90],
  [0x0f, 0x1f, 0x00],
  [0x0f, 0x1f, 0x40, 0x00],
  [0x0f, 0x1f, 0x44, 0x00, 0x00],
  [0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00],
  [0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00],
  [0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00],
  [0x66, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00],
  [0x66, 0x2e, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00],
];

const LONGEST = NOPS.length - 1;

export const x64Branches: BranchForms = {
  pad(size) {
    const bytes: number[] = [];
    for (let left = size; left > 0; left -= LONGEST) bytes.push(...NOPS[Math.min(left, LONGEST)]);
    return new Uint8Array(bytes);
  },
  next: ({ condition }, size) => (size === 0 ? 2 : condition === ALWAYS ? 5 : 6),
  reaches: (_, size, distance) => size > 2 || fitsInt8(distance - size),
  follows: (branch, { condition }) => condition === ALWAYS || condition === branch.condition,
  encode({ condition }, size, distance) {
    const asm = new X64Assembler();
    const short = size === 2;
    asm.op(
      condition === ALWAYS ? (short ? JMP8 : JMP32) : (short ? SHORT : NEAR)[condition],
      distance - size,
    );
    return asm.finish();
  },
};
