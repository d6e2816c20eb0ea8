/** What a helper may use: the runtime provides one context per instance; no helper reaches for anything else. */

import type { Arch } from "../formats/container.ts";

/** An unsigned 64-bit value: a number up to 2^53, a bigint above. */
export type Word = number | bigint;

/** The program failed while it ran: a bad address, a trap, a time-out. `code` is ERR_RUNBPF_…. */
export class RunError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = "RunError";
    this.code = code;
  }
}

/** Timers in map values; results as the helpers' (Linux's error numbers, negative). */
export interface TimerHost {
  init(at: Word, map: Word, flags: number): number;
  setCallback(at: Word, callback: Word): number;
  start(at: Word, nanoseconds: Word, flags: number, now: () => bigint): number;
  cancel(at: Word): number;
}

export interface HelperContext {
  /** Undefined where the program has no maps. */
  timers?: TimerHost;
  /** A copy of `size` bytes; a RunError when the address is bad. */
  read(address: Word, size: number): Uint8Array;
  write(address: Word, bytes: Uint8Array): void;
  /** The bytes before the NUL; with `max`, at most so many and no NUL is needed within them. */
  cstring(address: Word, max?: number): Uint8Array;
  /** Calls a BPF function pointer. */
  call(fn: Word, a1?: Word, a2?: Word, a3?: Word, a4?: Word, a5?: Word): bigint;
  /** The program's output; the bytes are the receiver's to keep. */
  output(bytes: Uint8Array): void;
  /** Where the packet of a context may reach to, when it is moved; undefined where the host lets nothing be moved. */
  room(context: Word): { start: bigint; end: bigint } | undefined;
  /** Memory of the instance, at a multiple of 16; 0 when there is none. */
  alloc(size: number): Word;
  free(address: Word): void;
  realloc(address: Word, size: number): Word;
  random32(): number;
  cpu(): number;
  /** Monotonic nanoseconds. */
  now(): bigint;
  /** Seconds since 1970. */
  wallclock(): number;
  /** Processor time in microseconds. */
  cputime(): number;
  sleep(microseconds: number): void;
  env(name: string): string | undefined;
  readonly pid: number;
  readonly tid: number;
  readonly uid: number;
  readonly gid: number;
  /** Name of the process. */
  readonly comm: string;
  readonly arch: Arch;
  /** Name of the environment: "node", … */
  readonly environment: string;
  /** Ends the program; its result is `code`. */
  exit(code: number): never;
}

/** Arguments are unsigned; of the result the low 64 bits count (void: 0). */
export type Helper = (ctx: HelperContext, a1: Word, a2: Word, a3: Word, a4: Word, a5: Word) => HelperResult;

// biome-ignore lint/suspicious/noConfusingVoidType: a helper whose body returns nothing is one too
export type HelperResult = Word | undefined | void;

/** Linux's error numbers that helpers return negated. */
export const E2BIG = 7;
export const ENOMEM = 12;
export const EFAULT = 14;
export const EINVAL = 22;
export const ERANGE = 34;

/** The low 32 bits, unsigned and signed. */
export const u32 = (word: Word): number =>
  typeof word === "number" ? word >>> 0 : Number(word & 0xffff_ffffn);
export const i32 = (word: Word): number =>
  typeof word === "number" ? word | 0 : Number(word & 0xffff_ffffn) | 0;

/** A size argument as a number; one above 2^53 stays too large for any memory. */
export const sizeOf = (word: Word): number => Number(word);

/** Eight bytes, little-endian, of a value modulo 2^64. */
export function bytes64(value: Word): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, BigInt(value)), true);
  return bytes;
}

const encoder = new TextEncoder();
export const utf8 = (text: string): Uint8Array => encoder.encode(text);
export const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
