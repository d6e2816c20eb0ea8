/** A loaded program with its own data: what load() returns. */

import { CONTEXTS, type Container, type ProgramEntry } from "../formats/container.ts";
import { InputError } from "../formats/error.ts";
import type { Types } from "../formats/value-types.ts";
import { utf8, type Word } from "../helpers/host.ts";
import { violation } from "./contract.ts";
import type { Argument, EngineInstance } from "./engine/engine.ts";
import { Exit } from "./fault.ts";
import { encodeVariable, findSymbol, globalsOf } from "./globals.ts";
import type { BoundMaps } from "./maps/bind.ts";
import type { Data } from "./maps/codec.ts";
import type { GuestMap } from "./maps/guest-map.ts";
import type { MapStore, SharedMaps } from "./maps/store.ts";
import { Packets } from "./packets.ts";

/** What an instance is made of. */
export interface InstanceParts {
  name: string;
  container: Container;
  /** Size of the container. */
  bytes: number;
  engine: EngineInstance;
  types: Types;
  maps: BoundMaps | undefined;
  store: MapStore | undefined;
  /** Its runs are timed. */
  timed: boolean;
}

export class Instance {
  readonly name: string;
  readonly container: Container;
  /** Size of its container. */
  readonly bytes: number;
  /** How often it ran. */
  runs = 0;
  /** Milliseconds that its runs took, where the runtime counts them (`stats`). */
  runTime = 0;
  /** Its maps by name; see GuestMap. */
  readonly maps: Readonly<Record<string, GuestMap>>;
  /** Its global variables by name, as properties that can be read and, but for constants, set. */
  readonly globals: Record<string, Data>;
  /** Where its maps live. */
  readonly store: MapStore | undefined;
  private engine: EngineInstance | undefined;
  private readonly bound: BoundMaps | undefined;
  private readonly types: Types;
  private readonly dispose: () => void;
  private readonly checked: boolean;
  private readonly timed: boolean;
  private readonly packetBuffers: (Packets | undefined)[] = [];

  /** Made by Runtime.load(). */
  constructor(
    { name, container, bytes, engine, types, maps, store, timed }: InstanceParts,
    dispose: () => void,
  ) {
    this.name = name;
    this.container = container;
    this.bytes = bytes;
    this.engine = engine;
    this.dispose = dispose;
    this.types = types;
    this.timed = timed;
    this.bound = maps;
    this.store = store;
    this.maps = maps?.guestMaps(types, () => this.loaded) ?? {};
    this.globals = globalsOf(container, types, () => this.data);
    this.checked = (container.programs[0]?.contract.context ?? CONTEXTS.args) !== CONTEXTS.args;
  }

  /** What another thread's load takes as `maps`, through postMessage: it then has the same maps. */
  share(): SharedMaps {
    if (this.store !== undefined) return this.store.handOver();
    throw new InputError("ERR_RUNBPF_ARGUMENT", {
      where: this.name,
      expected: "a program with maps",
      got: "one without",
    });
  }

  /** A new map that map `outer` may hold: a map of maps gets it by set(). */
  createMap(name: string, outer: string): GuestMap {
    this.running();
    if (this.bound === undefined)
      throw new InputError("ERR_RUNBPF_ARGUMENT", {
        where: this.name,
        expected: "a map of maps",
        got: outer,
      });
    const made = this.bound.create(name, outer, this.types, () => this.loaded);
    (this.maps as Record<string, GuestMap>)[name] = made;
    return made;
  }

  /** Sets variables in the data block. */
  setGlobals(values: Record<string, Data> | undefined, where: string): void {
    for (const [name, value] of Object.entries(values ?? {})) {
      const symbol = findSymbol(this.container, name, where);
      if (symbol.block === "data")
        this.data.set(encodeVariable(symbol, this.types, value, where), symbol.offset);
    }
  }

  get programs(): readonly ProgramEntry[] {
    return this.container.programs;
  }

  /** False once it is unloaded. */
  get loaded(): boolean {
    return this.engine !== undefined;
  }

  /** The program's .data and .bss, live; see container.symbols for what lies where. */
  get data(): Uint8Array {
    return this.running().data;
  }

  /**
   * Runs the first program with r1 … r5 (missing ones are 0) and returns r0, 0 … 2^64 - 1. Bytes are passed by
   * their address, and are the program's to read and write during the call; a verified program of another context
   * than args wants them as formats/README.md has it. Throws RunError, ERR_RUNBPF_CONTRACT and what helpers throw.
   */
  run(a1: Argument = 0, a2: Argument = 0, a3: Argument = 0, a4: Argument = 0, a5: Argument = 0): bigint {
    if (this.checked) this.check(0, a1, a2);
    const count = a5 !== 0 ? 5 : a4 !== 0 ? 4 : a3 !== 0 ? 3 : a2 !== 0 ? 2 : 1;
    return this.enter(0, count, a1, a2, a3, a4, a5);
  }

  /** The same for a program by its name or its index. */
  runProgram(program: string | number, ...args: Argument[]): bigint {
    const index = this.find(program);
    const [a1 = 0, a2 = 0, a3 = 0, a4 = 0, a5 = 0] = args;
    this.check(index, a1, a2);
    return this.enter(index, 5, a1, a2, a3, a4, a5);
  }

  /** Calls a program; what ends it by exit() is its result. */
  private enter(
    index: number,
    count: number,
    a1: Argument,
    a2: Argument = 0,
    a3: Argument = 0,
    a4: Argument = 0,
    a5: Argument = 0,
  ): bigint {
    const engine = this.engine ?? this.running();
    this.runs++;
    const start = this.timed ? performance.now() : 0;
    try {
      return engine.run(index, count, a1, a2, a3, a4, a5);
    } catch (error) {
      if (error instanceof Exit) return BigInt.asUintN(64, BigInt(error.status));
      throw error;
    } finally {
      if (this.timed) this.runTime += performance.now() - start;
    }
  }

  /** Where packets may be moved, for helpers. */
  room(context: Word): { start: bigint; end: bigint } | undefined {
    for (const packets of this.packetBuffers) {
      const room = packets?.room(context);
      if (room !== undefined) return room;
    }
    return undefined;
  }

  /**
   * Buffers for a program of context xdp or skb: `run(bytes)` hands it a packet, `packet` is what it left. One object
   * a program, for packets one after the other.
   */
  packets(program: string | number = 0): Packets {
    const index = this.find(program);
    const { context } = this.programs[index].contract;
    if (context !== CONTEXTS.xdp && context !== CONTEXTS.skb)
      throw new InputError("ERR_RUNBPF_CONTRACT", {
        where: this.name,
        expected: "a program of context xdp or skb",
        got: this.programs[index].name,
      });
    this.packetBuffers[index] ??= new Packets(
      (count, address) => this.enter(index, count, address),
      this.running(),
      context,
    );
    return this.packetBuffers[index];
  }

  /** Runs a program of context `cmd`: r1 = the number of arguments, r2 = the address of their addresses. */
  runCommand(argv: string[], program: string | number = 0): bigint {
    const index = this.find(program);
    const { memory } = this.running();
    const texts = argv.map((arg) => utf8(`${arg}\0`));
    const table = 8 * (argv.length + 1);
    const size = texts.reduce((sum, text) => sum + text.length, table);
    const at = memory.alloc(size);
    const bytes = new Uint8Array(size);
    const view = new DataView(bytes.buffer);
    let offset = table;
    for (const [k, text] of texts.entries()) {
      view.setBigUint64(8 * k, BigInt(at) + BigInt(offset), true);
      bytes.set(text, offset);
      offset += text.length;
    }
    memory.write(at, bytes);
    try {
      return this.runProgram(index, argv.length, at);
    } finally {
      if (this.loaded) memory.free(at);
    }
  }

  /** Unloads it. A call that is still running ends first. */
  [Symbol.dispose](): void {
    if (this.engine === undefined) return;
    const { engine } = this;
    this.engine = undefined;
    engine.release();
    this.dispose();
  }

  private running(): EngineInstance {
    if (this.engine === undefined)
      throw new InputError("ERR_RUNBPF_ARGUMENT", {
        where: this.name,
        expected: "a loaded instance",
        got: "one that was unloaded",
      });
    return this.engine;
  }

  private find(program: string | number): number {
    const { programs } = this;
    const index = typeof program === "number" ? program : programs.findIndex(({ name }) => name === program);
    if (programs[index] === undefined)
      throw new InputError("ERR_RUNBPF_ARGUMENT", {
        where: this.name,
        expected: `a program of ${programs.map(({ name }) => name || "(unnamed)").join(", ")}`,
        got: String(program),
      });
    return index;
  }

  /** Refuses arguments that are not what verification assumed. */
  private check(index: number, first: Argument, second: Argument): void {
    const found = violation(this.programs[index].contract, first, second);
    if (found) throw new InputError("ERR_RUNBPF_CONTRACT", { where: this.name, ...found });
  }
}
