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

export const x64Branches: BranchForms = {
  next: ({ condition }, size) => (size === 0 ? 2 : condition === ALWAYS ? 5 : 6),
  reaches: (_, size, distance) => size > 2 || fitsInt8(distance - size),
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
