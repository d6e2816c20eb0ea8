/** The x86-64 target: System V calling convention, baseline instruction set. */

import type { Target } from "../target.ts";
import { BMI } from "./bmi.ts";
import { CALLEE_SAVED, encodeX64, ORDER } from "./encode.ts";
import { x64Selection } from "./select.ts";

/** By the level of the processor, as its ABI numbers them: operations that are an instruction then. */
const LEVELS: Record<string, string[]> = {
  "x86-64-v2": ["popcount"],
  "x86-64-v3": ["popcount", "clz", "ctz", BMI],
};

/** With "no-simd" the code touches general registers only. */
export const makeX64 = (cpu: readonly string[]): Target => ({
  arch: "x64",
  features: new Set([
    "block-operations",
    "jump-tables",
    ...(cpu.includes("no-simd") ? [] : ["vectors"]),
    ...cpu.flatMap((name) => LEVELS[name] ?? []),
  ]),
  loopAlignment: 32,
  registers: { order: ORDER, calleeSaved: CALLEE_SAVED },
  selection: x64Selection,
  encode: encodeX64,
  patch(code, at, to) {
    const distance = to - (at + 4);
    for (let i = 0; i < 4; i++) code[at + i] = distance >>> (8 * i);
  },
});
