/** AArch64 branches: one word, or two where a conditional one does not reach. */

import { encodeArm64 } from "../../../formats/isa/arm64.ts";
import type { BranchForms } from "../branches.ts";
import { R } from "./rows.ts";

/** Branch conditions beyond CONDITION's codes; each pair differs in the lowest bit. */
export const CBZ_W = 16,
  CBZ_X = 18,
  /** tbz of bit k: this plus 2 k. */
  TBZ = 32,
  ALWAYS = -1; // prettier-ignore

function branchWord(condition: number, register: number, distance: number): number {
  const words = distance / 4;
  if (condition === ALWAYS) return encodeArm64(R.b, 0, 0, 0, words);
  if (condition < CBZ_W) return encodeArm64(R.bcond, 0, 0, 0, words, condition);
  if (condition >= TBZ) {
    const bit = (condition - TBZ) >> 1;
    return encodeArm64((condition & 1 ? R.tbnz : R.tbz)[bit >> 5], register, 0, 0, words, bit & 31);
  }
  const rows = condition & 1 ? R.cbnz : R.cbz;
  return encodeArm64(rows[condition >= CBZ_X ? 1 : 0], register, 0, 0, words);
}

/** One word; a conditional branch that does not reach jumps over an unconditional one. */
export const arm64Branches: BranchForms = {
  pad: (size) => new Uint8Array(new Uint32Array(size / 4).fill(0xd503201f).buffer),
  next: (_, size) => size + 4,
  reaches: ({ condition }, size, distance) =>
    size === 8 || condition === ALWAYS || Math.abs(distance) < 2 ** (condition >= TBZ ? 15 : 20) - 4,
  encode({ condition, register }, size, distance) {
    const words =
      size === 4
        ? [branchWord(condition, register, distance)]
        : [branchWord(condition ^ 1, register, 8), branchWord(ALWAYS, 0, distance - 4)];
    return new Uint8Array(Uint32Array.from(words).buffer);
  },
};
