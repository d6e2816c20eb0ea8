/** Public entry `runbpf/compiler`: from objects to containers. Runs anywhere, also in a browser. */

export type { Container, DebugInfo, Import } from "../formats/container.ts";
export { type ErrorCode, InputError } from "../formats/error.ts";
export { type Compiled, type CompileOptions, compile, type Report, readProgram } from "./compile.ts";
export type { Explanation, PathStep, Spot } from "./explain.ts";
export type { Func, Program } from "./program.ts";
export { type Verified, verify } from "./verification.ts";
export type { AccessFact, Facts, ResultFact } from "./verify/facts.ts";
export { RULES, type Rule as VerifierRule } from "./verify/rules.ts";
export type { LoopReport, Refusal, Verdict, VerifyOptions } from "./verify/verify.ts";
