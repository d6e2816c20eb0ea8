/** A target: one record of data and functions. What all targets share is in this folder, what one has in its own. */

import type { Arch } from "../../formats/container.ts";
import type { FunctionCode } from "./code.ts";
import type { Selection } from "./lower.ts";
import type { Allocation, MFn, RegisterFile } from "./mir.ts";

export interface Target {
  arch: Arch;
  /** Operations that passes may use only where they are listed: "block-operations" = copy and fill; "vectors" = kernel, "rich-vectors" = with swaps, shifts by lanes and 64-bit products with a sign; "branch-on-zero": cheaper than a comparison, which is no part of other branches; "jump-tables" = switch; "popcount". "clz" and "ctz", which all have, are one instruction where they are listed. */
  features: ReadonlySet<string>;
  /** Bytes of code that are fetched at once: inner loops of -O2 lie in as few such windows as they can; 1 = anywhere. */
  loopAlignment: number;
  registers: RegisterFile;
  selection: Selection;
  /** Bytes of one function; `stack` is its BPF frame in bytes. */
  encode(fn: MFn, allocation: Allocation, stack: number): FunctionCode;
  /** Writes the distance from the end of the 4-byte field at `at` to `to`. */
  patch(code: Uint8Array, at: number, to: number): void;
}
