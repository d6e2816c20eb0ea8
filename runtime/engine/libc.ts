/** The C library functions that the native engine needs, called through koffi. Addresses are numbers. */

import koffi from "koffi";
import { InputError } from "../../formats/error.ts";

export const PROT = { NONE: 0, READ: 1, WRITE: 2, EXEC: 4 } as const;
const MAP_PRIVATE = 2,
  MAP_ANONYMOUS = 0x20,
  MAP_NORESERVE = 0x4000; // prettier-ignore

/** glibc and musl, by the names that Linux distributions give them. */
const NAMES = ["libc.so.6", "libc.so", `libc.musl-${process.arch === "x64" ? "x86_64" : "aarch64"}.so.1`];

function open(): ReturnType<typeof koffi.load> {
  for (const name of NAMES) {
    try {
      return koffi.load(name);
    } catch {
      // The next name.
    }
  }
  throw new InputError("ERR_RUNBPF_UNSUPPORTED", {
    where: "native engine",
    expected: `a C library (${NAMES.join(", ")})`,
    got: `none on ${process.platform}`,
  });
}

const library = open();
const failed = (what: string) => new Error(`runbpf: ${what} failed with errno ${koffi.errno()}`);

const mmap = library.func(
  "int64_t mmap(uint64_t at, size_t size, int prot, int flags, int fd, int64_t offset)",
);
const mprotect = library.func("int mprotect(uint64_t at, size_t size, int prot)");
const sigaltstack = library.func("int sigaltstack(const uint8_t *stack, uint8_t *old)");
const sigaction = library.func("int sigaction(int signal, const uint8_t *action, uint8_t *old)");
const timerCreate = library.func("int timer_create(int clock, const uint8_t *event, uint8_t *timer)");
const timerSettime = library.func(
  "int timer_settime(uint64_t timer, int flags, const uint8_t *value, uint8_t *old)",
);

const flock = library.func("int flock(int fd, int how)");
const munmap = library.func("int munmap(uint64_t at, size_t size)");
const MAP_SHARED = 1;

/** Part of a file as memory that all who map it share; the offset is a multiple of the page size. */
export function mapFile(fd: number, offset: number, size: number): number {
  const at = Number(mmap(0, size, PROT.READ | PROT.WRITE, MAP_SHARED, fd, offset));
  if (at === -1) throw failed(`mmap of ${size} bytes of a file`);
  return at;
}

export const unmap = (at: number, size: number): void => void munmap(at, size);

/** Waits until nobody else has the file locked, and locks it until `unlock` or the file is closed. */
export function lockFile(fd: number): void {
  const EXCLUSIVE = 2;
  if (flock(fd, EXCLUSIVE) !== 0) throw failed("flock");
}

export function unlockFile(fd: number): void {
  const UNLOCK = 8;
  flock(fd, UNLOCK);
}

/** Only asks whether a process or thread is there, with signal 0. */
export const kill = library.func("int kill(int id, int signal)") as (id: number, signal: number) => number;
export const errno = (): number => koffi.errno();
export const gettid = library.func("int gettid()") as () => number;
export const calloc = library.func("uint64_t calloc(size_t count, size_t size)") as (
  count: number,
  size: number,
) => number;
export const free = library.func("void free(uint64_t at)") as (at: number) => void;
export const getcpu = library.func("int sched_getcpu()") as () => number;
/** Copies into memory that JavaScript has no view of. */
export const poke = library.func("void memcpy(uint64_t to, const uint8_t *from, size_t size)") as (
  to: number,
  from: Uint8Array,
  size: number,
) => void;

/** Anonymous private memory. */
export function map(size: number, prot: number): number {
  const at = Number(mmap(0, size, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  if (at === -1) throw failed(`mmap of ${size} bytes`);
  return at;
}

export function protect(at: number, size: number, prot: number): void {
  if (mprotect(at, size, prot) !== 0) throw failed("mprotect");
}

/** Gives this thread a stack for signal handlers (stack_t: pointer, flags, size). */
export function useSignalStack(at: number, size: number): void {
  const stack = new DataView(new ArrayBuffer(24));
  stack.setBigUint64(0, BigInt(at), true);
  stack.setBigUint64(16, BigInt(size), true);
  if (sigaltstack(new Uint8Array(stack.buffer), null) !== 0) throw failed("sigaltstack");
}

/** glibc's and musl's struct sigaction on 64-bit Linux: handler, 128 bytes of mask, flags, restorer. */
const SIGACTION_SIZE = 152;
const SA_SIGINFO = 4,
  SA_ONSTACK = 0x0800_0000,
  SA_RESTART = 0x1000_0000; // prettier-ignore

export function signalHandler(signal: number): number {
  const old = new Uint8Array(SIGACTION_SIZE);
  if (sigaction(signal, null, old) !== 0) throw failed("sigaction");
  return Number(new DataView(old.buffer).getBigUint64(0, true));
}

export function setSignalHandler(signal: number, handler: number): void {
  const action = new DataView(new ArrayBuffer(SIGACTION_SIZE));
  action.setBigUint64(0, BigInt(handler), true);
  action.setUint32(136, SA_SIGINFO | SA_ONSTACK | SA_RESTART, true);
  if (sigaction(signal, new Uint8Array(action.buffer), null) !== 0) throw failed("sigaction");
}

const CLOCK_MONOTONIC = 1,
  SIGEV_THREAD_ID = 4; // prettier-ignore

/** A timer that sends `signal` to thread `tid`; stopped (struct sigevent: value, signal, notify, thread). */
export function createTimer(signal: number, tid: number): number {
  const event = new DataView(new ArrayBuffer(64));
  event.setInt32(8, signal, true);
  event.setInt32(12, SIGEV_THREAD_ID, true);
  event.setInt32(16, tid, true);
  const timer = new Uint8Array(8);
  if (timerCreate(CLOCK_MONOTONIC, new Uint8Array(event.buffer), timer) !== 0) throw failed("timer_create");
  return Number(new DataView(timer.buffer).getBigUint64(0, true));
}

const spec = new DataView(new ArrayBuffer(32));
const specBytes = new Uint8Array(spec.buffer);

/** First signal after `milliseconds`, then every `again` (struct itimerspec); 0 stops it. */
export function setTimer(timer: number, milliseconds: number, again: number): void {
  for (const [at, ms] of [
    [0, again],
    [16, milliseconds],
  ]) {
    spec.setBigInt64(at, BigInt(Math.floor(ms / 1000)), true);
    spec.setBigInt64(at + 8, BigInt(Math.floor((ms % 1000) * 1e6)), true);
  }
  if (timerSettime(timer, 0, specBytes, null) !== 0) throw failed("timer_settime");
}

/** The address of a typed array's bytes; the caller keeps the array alive. */
export const addressOf = (bytes: Uint8Array): number => Number(koffi.address(bytes));

/** A live view of memory that stays mapped. */
export const view = (at: number, size: number): ArrayBuffer => koffi.view(BigInt(at), size);
