/** The targets that compile() knows, with what users want to know of each; docs/targets.md is made from this table. */

import type { Arch } from "../../formats/container.ts";
import { InputError } from "../../formats/error.ts";
import { makeArm64 } from "./arm64/arm64.ts";
import type { Target } from "./target.ts";
import { makeX64 } from "./x64/x64.ts";

export interface TargetRow {
  make(features: readonly string[]): Target;
  baseline: string;
  convention: string;
  /** Registers that code never touches. */
  reserved: string;
  atomics: string;
  /** Features beyond the baseline, as --cpu takes them. */
  features: Readonly<Record<string, string>>;
  /** Where its code runs. */
  engines: string;
}

const NO_SIMD =
  "no vector registers: for devices without them, and hosts that keep state of others in them, such as kernels";

export const TARGETS: Partial<Record<Arch, TargetRow>> = {
  x64: {
    make: (features) => makeX64(features),
    baseline: "x86-64 (SSE2 generation)",
    convention: "System V: rdi, rsi, rdx, rcx, r8, import table in r9; result in rax",
    reserved: "rsp",
    atomics:
      "lock-prefixed instructions; fetching or, and, xor in a cmpxchg loop; all sequentially consistent",
    features: {
      "x86-64-v2": "popcnt",
      "x86-64-v3": "popcnt, lzcnt, tzcnt, BMI1, BMI2, movbe",
      "no-simd": NO_SIMD,
    },
    engines: "Node on Linux x86-64, bare.c",
  },
  arm64: {
    make: (features) => makeArm64(features.includes("lse"), !features.includes("no-simd")),
    baseline: "Armv8.0-A with NEON",
    convention: "AAPCS64: x0 to x4, import table in x5; result in x0",
    reserved: "x18, x29",
    atomics: "load-acquire and store-release exclusive loops",
    features: {
      lse: "Armv8.1-A atomics: one instruction each, acquire and release",
      "no-simd": NO_SIMD,
    },
    engines: "Node on Linux arm64, bare.c",
  },
};

/** Throws InputError for an architecture or a feature that there is none of. */
export function targetFor(arch: Arch, features: readonly string[]): Target {
  const row = TARGETS[arch];
  if (row === undefined)
    throw new InputError("ERR_RUNBPF_UNSUPPORTED", {
      where: "target",
      expected: `one of ${Object.keys(TARGETS).join(", ")}, bytecode`,
      got: arch,
    });
  const known = Object.keys(row.features);
  const unknown = features.find((feature) => !known.includes(feature));
  if (unknown !== undefined)
    throw new InputError("ERR_RUNBPF_ARGUMENT", {
      where: `features of ${arch}`,
      expected: known.length > 0 ? `one of ${known.join(", ")}` : "none",
      got: unknown,
    });
  return row.make(features);
}
