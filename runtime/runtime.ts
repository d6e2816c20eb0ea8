/** Named instances over an engine: load, replace, unload, and what they may import. */

import type { Container, DebugInfo } from "../formats/container.ts";
import { InputError } from "../formats/error.ts";
import type { HelperContext } from "../helpers/host.ts";
import type { Engine, EngineImage, GuestMemory } from "./engine/engine.ts";
import { type HelperDefinition, HelperSet, type Rule } from "./imports.ts";
import { Instance } from "./instance.ts";
import { readImage } from "./load.ts";

/** What helpers may learn of the machine; the rest of a HelperContext is the instance's memory. */
export type Environment = Omit<HelperContext, keyof GuestMemory | "exit">;

export interface RuntimeOptions {
  /** Helpers of the host for all instances, by id: 2 000 000 …, or one of the lower ids to stand in for ours. */
  helpers?: Record<number, HelperDefinition>;
  /** If given, only these may be imported: ids, names, or the ranges base, sys, user, temp. */
  allow?: Rule[];
  /** These may not be imported, whatever `allow` says. */
  deny?: Rule[];
  /** Receives what programs print; by default standard output. */
  output?: (bytes: Uint8Array) => void;
  /** Milliseconds that a run may take; 0 = as long as it likes. */
  timeout?: number;
  /** Environment variables that programs see; by default the process's. */
  env?: (name: string) => string | undefined;
  /** Refuses containers that were not verified. */
  requireVerified?: boolean;
  /** Refuses containers with loops that have no proven bound. */
  requireBounded?: boolean;
}

export interface LoadOptions {
  /** Helpers for this instance alone, by id: 3 000 000 …. */
  helpers?: Record<number, HelperDefinition>;
  /** Instead of the runtime's. */
  timeout?: number;
  /** Where the code came from, if the container does not say. */
  debug?: DebugInfo;
  /** The file's name, for messages. */
  where?: string;
}

/** A container that was read and placed once, for many instances. */
export interface Image {
  readonly container: Container;
  readonly bytes: number;
  /** Lets go of it; instances that run keep the code. */
  [Symbol.dispose](): void;
}

interface LoadedImage extends Image {
  readonly engine: EngineImage;
}

export class RuntimeOf {
  private readonly engine: Engine;
  private readonly options: RuntimeOptions;
  private readonly helpers: HelperSet;
  private readonly context: (memory: GuestMemory, options: RuntimeOptions) => HelperContext;
  private readonly named = new Map<string, Instance>();

  constructor(
    engine: Engine,
    context: (memory: GuestMemory, options: RuntimeOptions) => HelperContext,
    options: RuntimeOptions = {},
  ) {
    this.engine = engine;
    this.context = context;
    this.options = options;
    this.helpers = new HelperSet(options.helpers ?? {}, options.allow, options.deny);
  }

  get instances(): ReadonlyMap<string, Instance> {
    return this.named;
  }

  /** Reads a container and places its code, for any number of instances. Throws InputError. */
  image(bytes: Uint8Array, where = "container"): Image {
    const container = readImage(bytes, where, this.engine.arch, this.options);
    const engine = this.engine.load(container);
    let held = true;
    const made: LoadedImage = {
      container,
      bytes: bytes.length,
      engine,
      [Symbol.dispose]: () => {
        if (held) engine.release();
        held = false;
      },
    };
    return made;
  }

  /** Loads a container as instance `name`. Throws InputError, also where the name is taken. */
  load(name: string, source: Uint8Array | Image, options: LoadOptions = {}): Instance {
    if (this.named.has(name))
      throw new InputError("ERR_RUNBPF_ARGUMENT", {
        where: name,
        expected: "a name that is free",
        got: "that of a loaded instance",
        hint: "unload or replace it",
      });
    const instance = this.instantiate(name, source, options);
    this.named.set(name, instance);
    return instance;
  }

  /** Puts a new instance in the place of `name`; if loading fails the old one stays. Its running calls finish. */
  replace(name: string, source: Uint8Array | Image, options: LoadOptions = {}): Instance {
    const old = this.find(name);
    const instance = this.instantiate(name, source, options);
    this.named.set(name, instance);
    old[Symbol.dispose]();
    return instance;
  }

  unload(name: string): void {
    this.find(name)[Symbol.dispose]();
  }

  unloadAll(): void {
    for (const instance of [...this.named.values()]) instance[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.unloadAll();
  }

  private find(name: string): Instance {
    const found = this.named.get(name);
    if (found === undefined)
      throw new InputError("ERR_RUNBPF_ARGUMENT", {
        where: name,
        expected: `an instance${this.named.size > 0 ? ` (${[...this.named.keys()].join(", ")})` : ""}`,
        got: "a name that nothing is loaded under",
      });
    return found;
  }

  private instantiate(name: string, source: Uint8Array | Image, options: LoadOptions): Instance {
    const where = options.where ?? name;
    const image = source instanceof Uint8Array ? this.image(source, where) : source;
    const { container } = image;
    try {
      const set = this.helpers.withTemporary(options.helpers);
      const helpers = container.imports.map((target) => set.resolve(target, where));
      const engine = (image as LoadedImage).engine.instantiate({
        name,
        helpers,
        context: (memory) => this.context(memory, this.options),
        timeout: options.timeout ?? this.options.timeout ?? 0,
        debug: options.debug,
      });
      const made: Instance = new Instance(name, container, image.bytes, engine, () => {
        if (this.named.get(name) === made) this.named.delete(name);
      });
      return made;
    } finally {
      if (source instanceof Uint8Array) image[Symbol.dispose]();
    }
  }
}
