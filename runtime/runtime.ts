/** Named instances over an engine: load, replace, unload, and what they may import. */

import { readBtf } from "../formats/btf.ts";
import type { Container, DebugInfo } from "../formats/container.ts";
import { InputError } from "../formats/error.ts";
import { Types } from "../formats/value-types.ts";
import { type HelperContext, RunError } from "../helpers/host.ts";
import type { Argument, Engine, EngineImage, GuestMemory } from "./engine/engine.ts";
import { encodeVariable, findSymbol } from "./globals.ts";
import { type HelperDefinition, HelperSet, type Rule } from "./imports.ts";
import { Instance } from "./instance.ts";
import { readImage } from "./load.ts";
import { BoundMaps } from "./maps/bind.ts";
import type { Data } from "./maps/codec.ts";
import { type MapStore, MemoryStore, MOST_CPUS, type SharedMaps } from "./maps/store.ts";
import { type Channel, Publisher, Service, type SharedService, type Version } from "./service.ts";
import { Timers } from "./timers.ts";

/** The machine around a runtime. */
export interface Host {
  context(memory: GuestMemory, options: RuntimeOptions): HelperContext;
  /** This thread's number, unlike that of any other thread of the machine; not 0. */
  thread(): number;
  isAlive(thread: number): boolean;
  /** Where bytes lie, if anything depends on it. */
  addressOf(bytes: Uint8Array): number;
  channel(name: string): Channel;
  openPinned(path: string, cpus: number): MapStore;
  /** Values that per-cpu maps have, unless a program's loader says otherwise. */
  cpus: number;
}

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
  /** Told of errors in callbacks of timers; otherwise they are uncaught exceptions. */
  onError?: (error: unknown) => void;
  /** Measures how long runs take (Instance.runTime): some 50 ns a run. */
  stats?: boolean;
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
  /** Where its maps live: those of another instance (`share`), or of a file (`pinned`); otherwise new ones. */
  maps?: MapStore | SharedMaps;
  /** Threads that may share new maps, each with values of its own in per-cpu maps: 1 … 64. */
  cpus?: number;
  /** Values of global variables that are set before the program runs, those of `const volatile` ones too. */
  globals?: Record<string, Data>;
  /** BTF, if the container has none: types of map keys, values and variables. */
  btf?: Uint8Array;
}

export interface ReplaceOptions extends LoadOptions {
  /** "same" (the default): maps of one name must agree and are kept; "never": the new version gets new ones. */
  keepMaps?: "same" | "never";
}

/** One program of an instance, as hooks find it. */
export interface Attached {
  instance: Instance;
  /** Its index. */
  program: number;
}

const EVENTS = { load: ".spf.event/load", unload: ".spf.event/unload" } as const;

/** SEC("xdp"), SEC("xdp/name") and SEC("xdp.frags") all stand for the hook xdp. */
export const isOfHook = (section: string, hook: string): boolean =>
  section === hook || section.startsWith(`${hook}/`) || section.startsWith(`${hook}.`);

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
  private readonly host: Host;
  private readonly named = new Map<string, Instance>();
  /** What each instance was loaded from. */
  private readonly origins = new WeakMap<Instance, { source: Uint8Array | Image; options: LoadOptions }>();
  private readonly publishers = new Map<string, Publisher>();

  constructor(engine: Engine, host: Host, options: RuntimeOptions = {}) {
    this.engine = engine;
    this.host = host;
    this.options = options;
    this.helpers = new HelperSet(options.helpers ?? {}, options.allow, options.deny);
  }

  get instances(): ReadonlyMap<string, Instance> {
    return this.named;
  }

  /** Reads a container and places its code, for any number of instances. Throws InputError. */
  image(bytes: Uint8Array, where = "container"): Image {
    return this.place(this.read(bytes, where), bytes.length);
  }

  private read(bytes: Uint8Array, where: string): Container {
    return readImage(bytes, where, this.engine.arch, this.options);
  }

  private place(container: Container, bytes: number): Image {
    const engine = this.engine.load(container);
    let held = true;
    const made: LoadedImage = {
      container,
      bytes,
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
    this.start(instance);
    this.named.set(name, instance);
    return instance;
  }

  /**
   * Puts a new version in the place of `name`: its maps are kept where they agree, its load events run before it takes
   * over, the old one's unload events after. If anything fails the old one stays. Running calls of the old one finish.
   */
  replace(name: string, source: Uint8Array | Image, options: ReplaceOptions = {}): Instance {
    const old = this.find(name);
    const keep = options.keepMaps !== "never" && options.maps === undefined;
    const maps = keep ? old.store?.keep() : options.maps;
    const instance = this.instantiate(name, source, { ...options, maps });
    this.start(instance);
    // Where the old one stood in the order of loading.
    this.named.set(name, instance);
    this.publishers.get(name)?.publish(this.versionOf(instance));
    this.end(old);
    return instance;
  }

  /**
   * What other threads' `join` takes: they run the same program with the same maps, and each replace here is theirs
   * too.
   */
  share(name: string): SharedService {
    const instance = this.find(name);
    let publisher = this.publishers.get(name);
    if (publisher === undefined) {
      const channel = `runbpf ${crypto.randomUUID()}`;
      const version = this.versionOf(instance);
      publisher = new Publisher(name, channel, this.host.channel(channel), version);
      this.publishers.set(name, publisher);
    }
    return publisher.shared;
  }

  /**
   * A program that another thread shares, on this one; `helpers` are this thread's temporary ones. Data is the
   * thread's own, so load and unload events run here as well; maps are the same.
   */
  join(shared: SharedService, options: Pick<LoadOptions, "helpers" | "timeout"> = {}): Service {
    const load = ({ container, maps, globals, btf }: Version) => {
      const instance = this.instantiate(shared.name, container, { ...options, maps, globals, btf });
      this.start(instance);
      return instance;
    };
    return new Service(shared, this.host.channel(shared.channel), load, (instance) => this.end(instance));
  }

  /** Runs the programs for an event of the life of `instance`. */
  private start(instance: Instance): void {
    try {
      for (const { program } of this.ofInstance(instance, EVENTS.load)) {
        const result = Number(BigInt.asIntN(32, instance.runProgram(program)));
        if (result < 0)
          throw new RunError("ERR_RUNBPF_EVENT", `${instance.name}: ${EVENTS.load} returned ${result}`);
      }
    } catch (error) {
      instance[Symbol.dispose]();
      throw error;
    }
  }

  /** Unloads an instance; it is gone whatever its unload events do. */
  private end(instance: Instance): void {
    try {
      if (this.named.get(instance.name) === instance) this.publishers.get(instance.name)?.close();
      if (this.named.get(instance.name) === instance) this.publishers.delete(instance.name);
      for (const { program } of this.ofInstance(instance, EVENTS.unload)) instance.runProgram(program);
    } finally {
      instance[Symbol.dispose]();
    }
  }

  private versionOf(instance: Instance): Omit<Version, "generation"> {
    const { source, options } = this.origins.get(instance)!;
    const { globals, btf } = options;
    if (source instanceof Uint8Array)
      return { container: source, maps: instance.store?.handOver(), globals, btf };
    throw new InputError("ERR_RUNBPF_ARGUMENT", {
      where: instance.name,
      expected: "a program that was loaded from a container's bytes, which other threads need",
      got: "one that was loaded from an image of this thread",
    });
  }

  private ofInstance(instance: Instance, hook: string): Attached[] {
    const found: Attached[] = [];
    for (const [program, { hook: section }] of instance.programs.entries())
      if (isOfHook(section, hook)) found.push({ instance, program });
    return found;
  }

  /** All loaded programs of a hook, in the order in which their instances were loaded. */
  attached(hook: string): Attached[] {
    return [...this.named.values()].flatMap((instance) => this.ofInstance(instance, hook));
  }

  /** Runs all programs of a hook, in the order of loading; gives what each returned. */
  deliver(hook: string, ...args: Argument[]): { name: string; program: string; result: bigint }[] {
    return this.attached(hook).map(({ instance, program }) => ({
      name: instance.name,
      program: instance.programs[program].name,
      result: instance.runProgram(program, ...args),
    }));
  }

  unload(name: string): void {
    this.end(this.find(name));
  }

  unloadAll(): void {
    for (const instance of [...this.named.values()].reverse()) this.end(instance);
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
    const types = (container: Container) => typesOf(options.btf ?? container.btf, where);
    const isOwn = source instanceof Uint8Array || options.globals !== undefined;
    const image = this.imageFor(source, options, where, types);
    const { container } = image;
    const store = this.storeFor(container, options, where);
    let maps: BoundMaps | undefined;
    let timers: Timers | undefined;
    let instance: Instance | undefined;
    try {
      const set = this.helpers.withTemporary(options.helpers);
      const helpers = container.imports.map((target) => set.resolve(target, where));
      const owner = this.host.thread();
      const cpu = store?.join(owner, this.host.isAlive) ?? -1;
      const engine = (image as LoadedImage).engine.instantiate({
        name,
        helpers,
        maps:
          store &&
          ((machine) => {
            maps = new BoundMaps(container, machine, store, { owner, cpu });
            return maps;
          }),
        context: (memory) => {
          const context = this.host.context(memory, this.options);
          context.room = (address) => instance?.room(address);
          if (store !== undefined) {
            context.cpu = () => cpu;
            timers = new Timers(memory, () => maps, this.options.onError ?? rethrow);
            context.timers = timers;
          }
          return context;
        },
        timeout: options.timeout ?? this.options.timeout ?? 0,
        debug: options.debug,
      });
      const made = new Instance(
        {
          name,
          container,
          bytes: image.bytes,
          engine,
          types: types(container),
          maps,
          store,
          timed: this.options.stats === true,
        },
        () => {
          timers?.release();
          store?.release();
          if (this.named.get(name) === instance) this.named.delete(name);
        },
      );
      instance = made;
      this.origins.set(made, { source, options });
      made.setGlobals(options.globals, where);
      return made;
    } catch (error) {
      store?.release();
      throw error;
    } finally {
      if (isOwn) image[Symbol.dispose]();
    }
  }

  /** The image of a container; settings of read-only data make one of their own. */
  private imageFor(
    source: Uint8Array | Image,
    { globals }: LoadOptions,
    where: string,
    types: (container: Container) => Types,
  ): Image {
    const container = source instanceof Uint8Array ? this.read(source, where) : source.container;
    if (globals === undefined)
      return source instanceof Uint8Array ? this.place(container, source.length) : source;
    const code = container.code.slice();
    for (const [name, value] of Object.entries(globals)) {
      const symbol = findSymbol(container, name, where);
      if (symbol.block !== "code") continue;
      code.set(encodeVariable(symbol, types(container), value, where), symbol.offset);
    }
    const { length } = source instanceof Uint8Array ? source : { length: source.bytes };
    return this.place({ ...container, code }, length);
  }

  /** Where the instance's maps are; undefined where it has none. */
  private storeFor({ maps }: Container, options: LoadOptions, where: string): MapStore | undefined {
    if (maps.length === 0) return undefined;
    const from = options.maps;
    if (from !== undefined && "join" in from) return from;
    const cpus = options.cpus ?? this.host.cpus;
    if (!(Number.isInteger(cpus) && cpus >= 1 && cpus <= MOST_CPUS))
      throw new InputError("ERR_RUNBPF_ARGUMENT", {
        where: `${where}: cpus`,
        expected: `1 … ${MOST_CPUS}`,
        got: String(cpus),
      });
    if (from !== undefined && "path" in from) return this.host.openPinned(from.path, cpus);
    return new MemoryStore(from ?? cpus, this.host.addressOf);
  }
}

/** Nobody called what failed: the process hears of it as of any error in a timer. */
function rethrow(error: unknown): never {
  throw error;
}

/** Types from BTF; a container without it has none. */
const typesOf = (btf: Uint8Array | undefined, where: string): Types =>
  new Types(btf && readBtf(btf, `${where}: BTF`));
