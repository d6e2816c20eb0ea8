/** The public entry `runbpf/runtime`: load containers into this process and run them. */

import { nodeContext } from "./engine/host.ts";
import { nativeEngine } from "./engine/native.ts";
import { RuntimeOf, type RuntimeOptions } from "./runtime.ts";

export { InputError } from "../formats/error.ts";
export type { Helper, HelperContext, Word } from "../helpers/host.ts";
export type { Argument } from "./engine/engine.ts";
export { Fault, type Place, RunError } from "./fault.ts";
export type { HelperDefinition, Rule } from "./imports.ts";
export type { Instance } from "./instance.ts";
export type { Image, LoadOptions, RuntimeOptions } from "./runtime.ts";

/** Named instances of programs, run by the native engine of this machine. */
export class Runtime extends RuntimeOf {
  constructor(options: RuntimeOptions = {}) {
    super(nativeEngine, nodeContext, options);
  }
}
