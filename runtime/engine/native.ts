/**
 * The native engine: runs machine code in this process. What a guest does wrong (bad addresses, stack overflow,
 * endless loops with a time-out, illegal instructions) becomes a Fault; what it does to memory that it can reach
 * does not: code that nobody verified belongs into a process of its own.
 */

import type { Arch, Container } from "../../formats/container.ts";
import { bug } from "../../formats/error.ts";
import type { Helper, HelperContext, Word } from "../../helpers/host.ts";
import { RunError } from "../../helpers/host.ts";
import { LIBRARY_HELPERS } from "../../helpers/library.ts";
import { Fault, type Place } from "../fault.ts";
import type { Binding } from "../maps/bind.ts";
import { placeOf } from "../place.ts";
import type {
  Argument,
  Engine,
  EngineImage,
  EngineInstance,
  GuestMemory,
  InstanceOptions,
} from "./engine.ts";
import { SIGNALS, THREAD, TIMER_SIGNAL } from "./guard-layout.ts";
import * as libc from "./libc.ts";
import { helperOf, NativeMaps } from "./native-maps.ts";
import { type Callable, type Running, type Thread, thisThread } from "./thread.ts";

export const nativeEngine: Engine = {
  name: "native",
  arch: process.arch as Arch,
  load: (container) => new NativeImage(container),
};

class NativeImage implements EngineImage {
  readonly container: Container;
  readonly thread: Thread;
  readonly code: { at: number; size: number };
  private users = 1;

  constructor(container: Container) {
    this.container = container;
    this.thread = thisThread();
    this.code = this.thread.arena.place(container.code);
  }

  instantiate(options: InstanceOptions): EngineInstance {
    this.users++;
    return new NativeInstance(this, options);
  }

  release(): void {
    if (--this.users === 0) this.thread.arena.remove(this.code);
  }
}

const SIGNAL_NAMES = new Map<number, string>(Object.entries(SIGNALS).map(([name, number]) => [number, name]));
/** A fault this close to the stack pointer is an overflow of the stack. */
const STACK_REACH = 64 * 1024;

const isBytes = (arg: Argument): arg is Uint8Array => typeof arg === "object";

export class NativeInstance implements EngineInstance, Running {
  readonly data: Uint8Array;
  readonly memory: GuestMemory;
  readonly image: NativeImage;
  readonly thread: Thread;
  private readonly options: InstanceOptions;
  /** The import table and behind it the writable block; its address never changes. */
  private readonly block: ArrayBuffer;
  private readonly got: number;
  private readonly entries: number[];
  private readonly calls: Callable[][];
  private readonly used: Helper[] = [];
  private readonly memoryOf: NativeMemory;
  private readonly mapsOf: NativeMaps | undefined;
  private readonly maps: Binding | undefined;
  private readonly exposed: Uint8Array[] = [];
  private made: HelperContext | undefined;
  private depth = 0;
  private released = false;

  constructor(image: NativeImage, options: InstanceOptions) {
    this.image = image;
    this.thread = image.thread;
    this.options = options;
    const { container } = image;
    const gotSize = Math.ceil((container.imports.length * 8) / 16) * 16;
    this.block = new ArrayBuffer(Math.max(gotSize + container.dataSize, 8));
    this.got = libc.addressOf(new Uint8Array(this.block));
    this.data = new Uint8Array(this.block, gotSize, container.dataSize);
    this.data.set(container.data);
    this.relocate(gotSize);
    if (options.maps !== undefined) {
      this.mapsOf = new NativeMaps(this, image.code.at, this.got);
      this.maps = options.maps(this.mapsOf);
    }
    this.fillTable(gotSize);
    this.entries = container.programs.map(({ offset }) =>
      this.thread.entry(image.code.at + offset, this.got),
    );
    this.calls = this.entries.map(() => []);
    this.memoryOf = new NativeMemory(this, this.thread, this.got);
    this.memory = this.memoryOf;
  }

  get context(): HelperContext {
    this.made ??= this.options.context(this.memory);
    return this.made;
  }

  /** Pointers in the initial data: offset + address of the block that they lead to. */
  private relocate(gotSize: number): void {
    const view = new DataView(this.block, gotSize);
    const bases = { code: BigInt(this.image.code.at), data: BigInt(this.got + gotSize) };
    for (const { at, block } of this.image.container.relocations)
      view.setBigUint64(at, view.getBigUint64(at, true) + bases[block], true);
  }

  private fillTable(gotSize: number): void {
    const table = new BigUint64Array(this.block, 0, this.image.container.imports.length);
    for (const [slot, target] of this.image.container.imports.entries()) {
      if (target.kind === "data") table[slot] = BigInt(this.got + gotSize);
      else if (target.kind === "map") table[slot] = BigInt(this.maps?.slots[target.index] ?? bug("no maps"));
      else if (target.kind === "function") table[slot] = BigInt(this.image.code.at + target.offset);
      else table[slot] = BigInt(this.helperAddress(slot, target.kind === "helper" ? target.id : -1));
    }
  }

  private helperAddress(slot: number, id: number): number {
    const routine =
      this.thread.routine(id) ?? (LIBRARY_HELPERS.has(id) ? helperOf(this.thread, id) : undefined);
    if (routine !== undefined) return routine;
    const helper = this.options.helpers[slot]!;
    this.used.push(helper);
    return this.thread.helper(helper);
  }

  expose(bytes: Uint8Array): Word {
    this.exposed.push(bytes);
    return libc.addressOf(bytes);
  }

  run(
    program: number,
    count: number,
    a1: Argument,
    a2: Argument,
    a3: Argument,
    a4: Argument,
    a5: Argument,
  ): bigint {
    const calls = this.calls[program];
    const call = (calls[count] ??= this.thread.entryCall(this.entries[program], count));
    if (isBytes(a1) || isBytes(a2) || isBytes(a3) || isBytes(a4) || isBytes(a5))
      return this.runWithBytes(call, [a1, a2, a3, a4, a5]);
    return this.enter(call, a1, a2, a3, a4, a5);
  }

  /** Bytes stay where they are for the call: the array of arguments keeps them alive. */
  private runWithBytes(call: Callable, args: Argument[]): bigint {
    const words = args.map((arg) => (isBytes(arg) ? (arg.length === 0 ? 0 : libc.addressOf(arg)) : arg));
    try {
      return this.enter(call, words[0], words[1], words[2], words[3], words[4]);
    } finally {
      args.length = 0;
    }
  }

  /** One entry into guest code; nested ones come from helpers. */
  enter(call: Callable, a1: Word, a2: Word, a3: Word, a4: Word, a5: Word): bigint {
    const { thread } = this;
    const { timeout } = this.options;
    const outer = thread.current;
    const timed = timeout > 0 && outer === undefined;
    thread.current = this;
    this.depth++;
    if (timed) thread.startTimer(timeout);
    let result: Word;
    try {
      result = call(a1, a2, a3, a4, a5);
    } finally {
      if (timed) thread.stopTimer();
      thread.current = outer;
      if (--this.depth === 0 && this.released) this.free();
    }
    if (thread.flags[0] !== 0 || thread.flags[1] !== 0) this.failed();
    return typeof result === "bigint" ? result : BigInt(result);
  }

  /** The guest was ended: by an exception of a helper, or by a signal. */
  private failed(): never {
    const { thread } = this;
    const [signal, thrown] = thread.flags;
    thread.flags.fill(0);
    this.maps?.reset();
    if (thrown !== 0) {
      const { exception } = thread;
      thread.exception = undefined;
      throw exception;
    }
    const place = this.place();
    if (signal === TIMER_SIGNAL)
      throw new Fault(
        "ERR_RUNBPF_TIMEOUT",
        `still running after ${this.options.timeout} ms`,
        this.options.name,
        place,
      );
    const name = SIGNAL_NAMES.get(signal) ?? `signal ${signal}`;
    const address = thread.word(THREAD.address);
    const stack = thread.word(THREAD.stack);
    const memory = signal === SIGNALS.SIGSEGV || signal === SIGNALS.SIGBUS;
    const distance = Number(address > stack ? address - stack : stack - address);
    if (memory && distance < STACK_REACH)
      throw new Fault("ERR_RUNBPF_STACK", "stack overflow", this.options.name, place, {
        address,
        signal: name,
      });
    const what = memory ? `${name}, access to address 0x${address.toString(16)}` : name;
    throw new Fault(
      "ERR_RUNBPF_FAULT",
      what,
      this.options.name,
      place,
      memory ? { address, signal: name } : { signal: name },
    );
  }

  /** Where the guest was; in a routine of ours, where it called that. */
  private place(): Place {
    const { thread, image } = this;
    let pc = Number(thread.word(THREAD.pc));
    if (thread.inSupport(pc)) pc = Number(thread.word(THREAD.caller)) - 1;
    const offset = pc - image.code.at;
    const inside = offset >= 0 && offset < image.container.code.length;
    return placeOf(this.options.debug ?? image.container.debug, inside ? offset : -1);
  }

  release(): void {
    if (this.released) return;
    this.released = true;
    if (this.depth === 0) this.free();
  }

  private free(): void {
    this.mapsOf?.release();
    for (const entry of this.entries) this.thread.arena.freeSlot(entry);
    for (const helper of this.used) this.thread.releaseHelper(helper);
    this.memoryOf.release();
    this.image.release();
  }
}

/** Copies above this size are not tried: no program has so much. */
const READ_LIMIT = 2 ** 30;
const SCRATCH = 64 * 1024;

/** Guest memory seen from helpers: every access runs in guarded machine code, so a bad address is an exception. */
class NativeMemory implements GuestMemory {
  private readonly instance: NativeInstance;
  private readonly thread: Thread;
  private readonly got: number;
  private readonly blocks = new Map<number, number>();
  private copier = 0;
  private stringCopier = 0;
  private readonly thunks: number[] = [];
  private static scratch: { bytes: Uint8Array; at: number } | undefined;

  constructor(instance: NativeInstance, thread: Thread, got: number) {
    this.instance = instance;
    this.thread = thread;
    this.got = got;
  }

  private thunk(code: number): number {
    const at = this.thread.entry(code, this.got);
    this.thunks.push(at);
    return at;
  }

  private static buffer(): { bytes: Uint8Array; at: number } {
    if (NativeMemory.scratch === undefined) {
      const bytes = new Uint8Array(new ArrayBuffer(SCRATCH));
      NativeMemory.scratch = { bytes, at: libc.addressOf(bytes) };
    }
    return NativeMemory.scratch;
  }

  private guarded(call: Callable, a1: Word, a2: Word, a3: Word, what: string): bigint {
    try {
      return this.instance.enter(call, a1, a2, a3, 0, 0);
    } catch (error) {
      if (error instanceof Fault && error.code !== "ERR_RUNBPF_TIMEOUT")
        throw new RunError("ERR_RUNBPF_FAULT", what);
      throw error;
    }
  }

  private copy(to: Word, from: Word, size: number, address: Word, verb: string): void {
    if (this.copier === 0) this.copier = this.thunk(this.thread.copy);
    const what = `bad address 0x${address.toString(16)}: cannot ${verb} ${size} bytes there`;
    this.guarded(this.thread.entryCall(this.copier, 5), to, from, size, what);
  }

  read(address: Word, size: number): Uint8Array {
    if (!(size >= 0 && size <= READ_LIMIT))
      throw new RunError("ERR_RUNBPF_FAULT", `cannot read ${size} bytes`);
    if (size === 0) return new Uint8Array(0);
    if (size <= SCRATCH) {
      const { bytes, at } = NativeMemory.buffer();
      this.copy(at, address, size, address, "read");
      return bytes.slice(0, size);
    }
    const bytes = new Uint8Array(size);
    this.copy(libc.addressOf(bytes), address, size, address, "read");
    return bytes;
  }

  write(address: Word, bytes: Uint8Array): void {
    if (bytes.length > 0) this.copy(address, libc.addressOf(bytes), bytes.length, address, "write");
  }

  cstring(address: Word, max = Number.MAX_SAFE_INTEGER): Uint8Array {
    if (this.stringCopier === 0) this.stringCopier = this.thunk(this.thread.copyString);
    const call = this.thread.entryCall(this.stringCopier, 5);
    const what = `bad address 0x${address.toString(16)}: no string there`;
    const { bytes, at } = NativeMemory.buffer();
    const parts: Uint8Array[] = [];
    let done = 0;
    for (;;) {
      const want = Math.min(SCRATCH, max - done);
      const count = Number(this.guarded(call, at, BigInt(address) + BigInt(done), want, what));
      parts.push(bytes.slice(0, count));
      done += count;
      if (count < want || done >= max) break;
      if (done > READ_LIMIT) throw new RunError("ERR_RUNBPF_FAULT", what);
    }
    return parts.length === 1 ? parts[0] : joined(parts, done);
  }

  alloc(size: number): Word {
    if (!(size >= 0 && size <= READ_LIMIT)) return 0;
    const at = libc.calloc(1, Math.max(size, 1));
    if (at !== 0) this.blocks.set(at, size);
    return at;
  }

  free(address: Word): void {
    const at = Number(address);
    if (at === 0) return;
    if (!this.blocks.delete(at))
      throw new RunError("ERR_RUNBPF_FAULT", `free of 0x${at.toString(16)}, which malloc did not return`);
    libc.free(at);
  }

  realloc(address: Word, size: number): Word {
    if (Number(address) === 0) return this.alloc(size);
    const old = this.blocks.get(Number(address));
    if (old === undefined)
      throw new RunError(
        "ERR_RUNBPF_FAULT",
        `realloc of 0x${address.toString(16)}, which malloc did not return`,
      );
    const made = this.alloc(size);
    if (made === 0) return 0;
    this.write(made, this.read(address, Math.min(old, size)));
    this.free(address);
    return made;
  }

  call(fn: Word, a1: Word, a2: Word, a3: Word, a4: Word, a5: Word): bigint {
    const at = this.thread.entry(Number(fn), this.got);
    try {
      return this.instance.enter(this.thread.entryCall(at, 5), a1, a2, a3, a4, a5);
    } finally {
      this.thread.arena.freeSlot(at);
    }
  }

  release(): void {
    for (const at of this.thunks) this.thread.arena.freeSlot(at);
    for (const at of this.blocks.keys()) libc.free(at);
    this.blocks.clear();
  }
}

function joined(parts: Uint8Array[], size: number): Uint8Array {
  const all = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
