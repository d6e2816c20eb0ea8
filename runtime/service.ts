/**
 * One program on several threads, replaced on all of them at once: the thread that shared it publishes each version,
 * the others look at a counter before every call and take over what is new. A call runs wholly in one version.
 */

import { InputError } from "../formats/error.ts";
import type { Argument } from "./engine/engine.ts";
import type { Instance } from "./instance.ts";
import type { Data } from "./maps/codec.ts";
import type { SharedMaps } from "./maps/store.ts";

/** One version, as threads hand it on. */
export interface Version {
  generation: number;
  container: Uint8Array;
  maps: SharedMaps | undefined;
  globals: Record<string, Data> | undefined;
  btf: Uint8Array | undefined;
}

/** What postMessage and workerData carry to the threads that join. */
export interface SharedService {
  name: string;
  /** Of the channel between the threads. */
  channel: string;
  /** [0]: the generation that is in service. */
  control: SharedArrayBuffer;
  version: Version;
}

/** A channel whose messages can be taken without waiting for the event loop. */
export interface Channel {
  post(message: unknown): void;
  /** The next message, or undefined. */
  take(): unknown;
  /** Calls `listener` from the event loop for every message. */
  listen(listener: (message: unknown) => void): void;
  close(): void;
}

const GENERATION = 0;
const ASK = "which version?";
/** How long a thread that joins waits for the version in service, in milliseconds. */
const PATIENCE = 10_000;

/** The sharing side: one per shared name. */
export class Publisher {
  readonly name: string;
  private readonly channel: Channel;
  private readonly channelName: string;
  private readonly control = new SharedArrayBuffer(8);
  private readonly words = new Int32Array(this.control);
  private version: Version;

  constructor(name: string, channelName: string, channel: Channel, version: Omit<Version, "generation">) {
    this.name = name;
    this.channelName = channelName;
    this.channel = channel;
    this.version = { ...version, generation: 0 };
    channel.listen((message) => {
      if (message === ASK) channel.post(this.version);
    });
  }

  get shared(): SharedService {
    return { name: this.name, channel: this.channelName, control: this.control, version: this.version };
  }

  /** From here on calls on every thread run in this version. */
  publish(version: Omit<Version, "generation">): void {
    this.version = { ...version, generation: this.version.generation + 1 };
    this.channel.post(this.version);
    Atomics.store(this.words, GENERATION, this.version.generation);
  }

  close(): void {
    this.channel.close();
  }
}

/** A joined thread's end: always the version in service. */
export class Service {
  readonly name: string;
  private readonly channel: Channel;
  private readonly words: Int32Array;
  private readonly load: (version: Version) => Instance;
  private readonly end: (instance: Instance) => void;
  private generation: number;
  private current: Instance;

  /** Made by Runtime.join(). */
  constructor(
    { name, control, version }: SharedService,
    channel: Channel,
    load: (version: Version) => Instance,
    end: (instance: Instance) => void,
  ) {
    this.end = end;
    this.name = name;
    this.channel = channel;
    this.words = new Int32Array(control);
    this.load = load;
    const newest = this.newest(version);
    this.generation = newest.generation;
    this.current = load(newest);
  }

  /** The version in service at this moment. */
  get instance(): Instance {
    if (Atomics.load(this.words, GENERATION) !== this.generation) this.takeOver();
    return this.current;
  }

  run(a1?: Argument, a2?: Argument, a3?: Argument, a4?: Argument, a5?: Argument): bigint {
    return this.instance.run(a1, a2, a3, a4, a5);
  }

  runProgram(program: string | number, ...args: Argument[]): bigint {
    return this.instance.runProgram(program, ...args);
  }

  private takeOver(): void {
    const version = this.newest(undefined);
    const old = this.current;
    this.current = this.load(version);
    this.generation = version.generation;
    // Its running calls end first.
    this.end(old);
  }

  /** The version in service; what was published before this thread listened is asked for. */
  private newest(known: Version | undefined): Version {
    let best = known;
    const start = performance.now();
    for (let round = 0; ; round++) {
      for (let message = this.channel.take(); message !== undefined; message = this.channel.take())
        if (isVersion(message) && message.generation >= (best?.generation ?? 0)) best = message;
      if (best !== undefined && best.generation >= Atomics.load(this.words, GENERATION)) return best;
      if (performance.now() - start > PATIENCE)
        throw new InputError("ERR_RUNBPF_ARGUMENT", {
          where: this.name,
          expected: "an answer of the thread that shares it",
          got: "none for ten seconds",
        });
      if (round % 64 === 1) this.channel.post(ASK);
      if (round > 0) Atomics.wait(SLEEPER, 0, 0, 1);
    }
  }

  [Symbol.dispose](): void {
    this.end(this.current);
    this.channel.close();
  }
}

const SLEEPER = new Int32Array(new SharedArrayBuffer(4));

const isVersion = (message: unknown): message is Version =>
  typeof message === "object" && message !== null && "generation" in message;
