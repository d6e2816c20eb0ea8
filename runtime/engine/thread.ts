/**
 * What one JavaScript thread needs to run guest code and survive it: an arena, support code, a context that the
 * signal handler finds, and the callbacks through which guests reach JavaScript. Made once, on first use.
 */

import koffi from "koffi";
import { InputError } from "../../formats/error.ts";
import type { Helper, HelperContext, Word } from "../../helpers/host.ts";
import { Arena } from "./arena.ts";
import { arm64Stubs } from "./arm64-stubs.ts";
import {
  GUARD,
  HANDLER_MAGIC,
  SIGNALS,
  type Stubs,
  type Support,
  THREAD,
  TIMER_SIGNAL,
} from "./guard-layout.ts";
import * as libc from "./libc.ts";
import { x64Stubs } from "./x64-stubs.ts";

const STUBS: Partial<Record<string, Stubs>> = { x64: x64Stubs, arm64: arm64Stubs };
const SIGNAL_STACK = 64 * 1024;

/** Guest functions as koffi calls them, by number of arguments. */
const PROTOS = [0, 1, 2, 3, 4, 5].map((count) =>
  koffi.proto(`uint64_t (${new Array(count).fill("uint64_t").join(", ")})`),
);
export type Callable = (...args: Word[]) => Word;

const HELPER = koffi.pointer(koffi.proto("uint64_t (uint64_t, uint64_t, uint64_t, uint64_t, uint64_t)"));

/** koffi hands the upper half of the unsigned range to callbacks as negative numbers. */
const unsigned = (word: Word): Word => (word < 0 ? BigInt.asUintN(64, BigInt(word)) : word);

/** What a callback needs of the instance that is running. */
export interface Running {
  readonly context: HelperContext;
}

interface Callback {
  pointer: bigint;
  slot: number;
  uses: number;
}

export class Thread {
  readonly arena = new Arena();
  readonly stubs: Stubs;
  /** The instance whose code runs now. */
  current: Running | undefined;
  /** What a helper threw. */
  exception: unknown;
  /** status and thrown, as the machine code writes them. */
  readonly flags: Int32Array;
  private readonly words: BigUint64Array;
  private readonly at: number;
  private readonly support: Support;
  private readonly code: number;
  private readonly callbacks = new Map<Helper, Callback>();
  private readonly callables = new Map<number, Callable[]>();
  private timer = 0;
  private readonly tid = libc.gettid();

  constructor() {
    const stubs = process.platform === "linux" ? STUBS[process.arch] : undefined;
    if (stubs === undefined)
      throw new InputError("ERR_RUNBPF_UNSUPPORTED", {
        where: "native engine",
        expected: `Linux on ${Object.keys(STUBS).join(" or ")}`,
        got: `${process.platform} on ${process.arch}`,
      });
    this.stubs = stubs;
    this.at = libc.map(THREAD.size, libc.PROT.READ | libc.PROT.WRITE);
    const shared = libc.view(this.at, THREAD.size);
    this.flags = new Int32Array(shared, THREAD.status, 2);
    this.words = new BigUint64Array(shared);
    const stack = libc.map(SIGNAL_STACK, libc.PROT.READ | libc.PROT.WRITE);
    libc.useSignalStack(stack, SIGNAL_STACK);
    const installed = installedGuard();
    const guard = installed ?? libc.map(GUARD.size, libc.PROT.READ | libc.PROT.WRITE);
    this.support = stubs.support(this.at, guard);
    // The kernel makes a page's first code visible; ours to do is what is written later.
    this.code = this.arena.place(this.support.code).at;
    if (this.support.flush >= 0) this.arena.flush = this.callable(this.code + this.support.flush, 2);
    new Int32Array(shared)[THREAD.tid / 4] = this.tid;
    this.setWord(THREAD.low, this.arena.low);
    this.setWord(THREAD.high, this.arena.high);
    this.setWord(THREAD.leave, this.code + this.support.leave);
    this.callable(this.code + this.support.pushThread, 2)(guard, this.at);
    if (installed === undefined) this.install(guard);
  }

  private setWord(offset: number, value: number): void {
    this.words[offset / 8] = BigInt(value);
  }

  word(offset: number): bigint {
    return this.words[offset / 8];
  }

  private install(guard: number): void {
    const view = new DataView(libc.view(guard, GUARD.size));
    for (const signal of [...Object.values(SIGNALS), TIMER_SIGNAL]) {
      view.setBigUint64(GUARD.previous + 8 * signal, BigInt(libc.signalHandler(signal)), true);
      libc.setSignalHandler(signal, this.code + this.support.handler);
    }
  }

  /** The function at `at` as JavaScript calls it. Kept by address: making one costs more than a call. */
  callable(at: number, args: number): Callable {
    let known = this.callables.get(at);
    if (known === undefined) {
      known = [];
      this.callables.set(at, known);
    }
    known[args] ??= koffi.decode(at, PROTOS[args]) as Callable;
    return known[args];
  }

  /** A call of the thunk at `at` with so many arguments; the others are 0. */
  entryCall(at: number, args: number): Callable {
    return this.callable(at + this.stubs.entryOffsets[args], args);
  }

  /** A thunk through which JavaScript enters guest code with its import table. */
  entry(code: number, got: number): number {
    const slot = this.arena.slot();
    this.arena.writeSlot(slot, this.stubs.entryThunk(this.code + this.support.enter, slot, code, got));
    return slot;
  }

  get copy(): number {
    return this.code + this.support.copy;
  }

  get copyString(): number {
    return this.code + this.support.copyString;
  }

  /** The address of a helper that machine code serves, or undefined. */
  routine(id: number): number | undefined {
    const offset = this.support.routines.get(id);
    return offset === undefined ? undefined : this.code + offset;
  }

  /** `pc` lies in the support code. */
  inSupport(pc: number): boolean {
    return pc >= this.code && pc < this.code + this.support.code.length;
  }

  /** The address of a thunk that calls `helper`; one per function, however many instances import it. */
  helper(helper: Helper): number {
    let callback = this.callbacks.get(helper);
    if (callback === undefined) {
      const pointer = koffi.register(this.guarded(helper), HELPER) as unknown as bigint;
      const slot = this.arena.slot();
      const unwind = this.code + this.support.unwind;
      this.arena.writeSlot(slot, this.stubs.helperThunk(unwind, slot, this.at, Number(pointer)));
      callback = { pointer, slot, uses: 0 };
      this.callbacks.set(helper, callback);
    }
    callback.uses++;
    return callback.slot;
  }

  releaseHelper(helper: Helper): void {
    const callback = this.callbacks.get(helper);
    if (callback === undefined || --callback.uses > 0) return;
    this.callbacks.delete(helper);
    this.arena.freeSlot(callback.slot);
    koffi.unregister(callback.pointer as never);
  }

  /** A helper that throws leaves its exception behind; the thunk then ends the guest. */
  private guarded(helper: Helper): (...args: Word[]) => Word {
    return (a1, a2, a3, a4, a5) => {
      try {
        const { context } = this.current!;
        const result =
          helper(context, unsigned(a1), unsigned(a2), unsigned(a3), unsigned(a4), unsigned(a5)) ?? 0;
        return typeof result === "number" && result >= 0 ? result : BigInt.asUintN(64, BigInt(result));
      } catch (error) {
        this.exception = error;
        this.flags[1] = 1;
        return 0;
      }
    };
  }

  /** Ends guest code after `milliseconds`; repeats, since a signal that meets a helper is ignored. */
  startTimer(milliseconds: number): void {
    if (this.timer === 0) this.timer = libc.createTimer(TIMER_SIGNAL, this.tid);
    libc.setTimer(this.timer, milliseconds, 1);
  }

  stopTimer(): void {
    libc.setTimer(this.timer, 0, 0);
  }
}

/** The guard of a handler that another thread of this process installed. */
function installedGuard(): number | undefined {
  const handler = libc.signalHandler(SIGNALS.SIGSEGV);
  if (handler < 4096) return undefined;
  if (BigInt(koffi.decode(handler - 16, "uint64_t")) !== HANDLER_MAGIC) return undefined;
  return Number(koffi.decode(handler - 8, "uint64_t"));
}

let made: Thread | undefined;

/** This thread's engine state. */
export function thisThread(): Thread {
  made ??= new Thread();
  return made;
}
