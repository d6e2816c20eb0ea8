/** The verifier for those who have an object and not a linked program. */

import { type CompileOptions, readProgram, verifyLinked } from "./compile.ts";
import { type Explanation, explain, explanationText } from "./explain.ts";
import type { Verdict, VerifyOptions } from "./verify/verify.ts";

/** One program's verdict; when it is refused, why, as data and as text. */
export interface Verified {
  verdict: Verdict;
  explanation: Explanation | undefined;
  text: string | undefined;
}

/**
 * Verifies every program of an object (or raw bytecode); options are those of `compile`. Throws InputError when the
 * object cannot be read or linked; a program that is refused is no error.
 */
export function verify(
  bytes: Uint8Array,
  options: CompileOptions = {},
  trace?: VerifyOptions["trace"],
): Verified[] {
  const program = readProgram(bytes, options);
  return verifyLinked(program, options, trace).map((verdict) => {
    const explanation = explain(program, verdict);
    return { verdict, explanation, text: explanation && explanationText(program, explanation) };
  });
}
