/** Compilation for a look at its result: what cannot be proven safe is compiled too. */

import { type Compiled, type CompileOptions, compile } from "../compiler/compile.ts";
import { InputError } from "../formats/error.ts";

/** Compiles with what the verifier finds out, or without when it refuses. */
export function compileAnyway(bytes: Uint8Array, options: CompileOptions): Compiled {
  try {
    return compile(bytes, options);
  } catch (error) {
    if (error instanceof InputError && error.code === "ERR_RUNBPF_VERIFY")
      return compile(bytes, { ...options, verify: false });
    throw error;
  }
}
