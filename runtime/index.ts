/** The public entry `runbpf/runtime`: load containers into this process and run them. */

import { nodeContext } from "./engine/host.ts";
import { interpretingEngine } from "./engine/interpret/interpret.ts";
import { nativeEngine } from "./engine/native.ts";
import { RuntimeOf, type RuntimeOptions } from "./runtime.ts";

export { InputError } from "../formats/error.ts";
export type { Helper, HelperContext, Word } from "../helpers/host.ts";
export type { Argument } from "./engine/engine.ts";
export { Fault, type Place, RunError } from "./fault.ts";
export type { HelperDefinition, Rule } from "./imports.ts";
export type { Instance } from "./instance.ts";
export type { Image, LoadOptions, RuntimeOptions } from "./runtime.ts";

export interface EngineOptions {
  /**
   * "native" (the default) runs machine code of this machine; "interpret" runs bytecode containers over checked
   * memory: slower by two orders of magnitude, and nothing that a program does reaches the process.
   */
  engine?: "native" | "interpret";
  /** How many instructions a run of the interpreter may take; by default as many as it likes. */
  maxInstructions?: number;
}

/** Named instances of programs. */
export class Runtime extends RuntimeOf {
  constructor(options: RuntimeOptions & EngineOptions = {}) {
    const interprets = options.engine === "interpret";
    super(interprets ? interpretingEngine(options.maxInstructions) : nativeEngine, nodeContext, options);
  }
}
