/** The public entry `runbpf/runtime`: load containers into this process and run them. */

import { nodeHost } from "./engine/host.ts";
import { interpretingEngine } from "./engine/interpret/interpret.ts";
import { nativeEngine } from "./engine/native.ts";
import { PinnedStore } from "./engine/pin.ts";
import type { MapStore } from "./maps/store.ts";
import { RuntimeOf, type RuntimeOptions } from "./runtime.ts";

export { InputError } from "../formats/error.ts";
export type { Helper, HelperContext, Word } from "../helpers/host.ts";
export type { Argument } from "./engine/engine.ts";
export { Fault, type Place, RunError } from "./fault.ts";
export type { HelperDefinition, Rule } from "./imports.ts";
export type { Instance } from "./instance.ts";
export type { Data, Form } from "./maps/codec.ts";
export type { EventOptions } from "./maps/events.ts";
export { GuestMap, type MapValue, type When } from "./maps/guest-map.ts";
export type { MapStore, SharedMaps } from "./maps/store.ts";
export type { Attached, Image, LoadOptions, ReplaceOptions, RuntimeOptions } from "./runtime.ts";
export type { Service, SharedService } from "./service.ts";

/**
 * Maps in a file, which processes share: for load's `maps`. A new file has `cpus` values in per-cpu maps and mode 0600;
 * `create: false` wants one that is there. Throws ERR_RUNBPF_MAP.
 */
export const pinned = (path: string, { cpus = nodeHost.cpus, create = true } = {}): MapStore =>
  new PinnedStore(path, cpus, create);

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
    super(interprets ? interpretingEngine(options.maxInstructions) : nativeEngine, nodeHost, options);
  }
}
