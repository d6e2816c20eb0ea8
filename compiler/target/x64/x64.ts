/** The x86-64 target: System V calling convention, baseline instruction set. */

import type { Target } from "../target.ts";
import { CALLEE_SAVED, encodeX64, ORDER } from "./encode.ts";
import { x64Selection } from "./select.ts";

/** Without `vectors` the code touches general registers only. */
export const makeX64 = (vectors: boolean): Target => ({
  arch: "x64",
  features: new Set(vectors ? ["block-operations", "vectors"] : ["block-operations"]),
  loopAlignment: 32,
  registers: { order: ORDER, calleeSaved: CALLEE_SAVED },
  selection: x64Selection,
  encode: encodeX64,
  patch(code, at, to) {
    const distance = to - (at + 4);
    for (let i = 0; i < 4; i++) code[at + i] = distance >>> (8 * i);
  },
});
