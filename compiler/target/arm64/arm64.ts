/** The AArch64 target: AAPCS64 calling convention, Armv8.0, with Armv8.1's atomics on request. */

import { InputError } from "../../../formats/error.ts";
import type { Target } from "../target.ts";
import { CALLEE_SAVED, encodeFunction, ORDER } from "./encode.ts";
import { arm64Selection } from "./select.ts";

/** adr reaches this far. */
const ADR_RANGE = 2 ** 20;

/** Without `vectors` the code touches general registers only. */
export const makeArm64 = (lse: boolean, vectors: boolean): Target => ({
  arch: "arm64",
  features: new Set([
    "branch-on-zero",
    "jump-tables",
    "multiply-add",
    "rotates-right",
    "index-or-displacement",
    ...(vectors ? ["vectors", "rich-vectors", "popcount"] : []),
  ]),
  loopAlignment: 1,
  registers: { order: ORDER, calleeSaved: CALLEE_SAVED },
  selection: arm64Selection,
  encode: (fn, allocation, stack) => encodeFunction(fn, allocation, stack, lse),
  patch(code, at, to) {
    const view = new DataView(code.buffer, code.byteOffset);
    const word = view.getUint32(at, true);
    const distance = to - at;
    const isCall = ((word >>> 26) & 0b11111) === 0b00101;
    if (!isCall && Math.abs(distance) >= ADR_RANGE)
      throw new InputError("ERR_RUNBPF_UNSUPPORTED", {
        where: "arm64",
        expected: "read-only data and functions within 1 MiB of the code that refers to them",
        got: `a distance of ${distance} bytes`,
      });
    const immediate = isCall
      ? (distance >> 2) & 0x3ffffff
      : ((distance & 3) << 29) | (((distance >> 2) & 0x7ffff) << 5);
    view.setUint32(at, (word | immediate) >>> 0, true);
  },
});
