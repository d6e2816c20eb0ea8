/** Public entry `runbpf/compiler`: from objects to containers. Runs anywhere, also in a browser. */

export type { Container, DebugInfo, Import } from "../formats/container.ts";
export { type ErrorCode, InputError } from "../formats/error.ts";
export { type Compiled, type CompileOptions, compile, type Report, readProgram } from "./compile.ts";
export type { Func, Program } from "./program.ts";
