/** Memory that machine code and JavaScript share: offsets in bytes. Each thread has one context, each process one guard. */

/** A thread's context. */
export const THREAD = {
  next: 0, // u64: the next thread's context
  tid: 8, // u32: the thread, as gettid says
  inHelper: 12, // u32: a helper of the host runs; a fault is the host's own
  active: 16, // u64: stack pointer to unwind to, 0 = no guest code runs
  status: 24, // u32: the signal that ended the guest, 0 = none
  thrown: 28, // u32: a helper threw
  address: 32, // u64: the address that faulted
  pc: 40, // u64: the instruction that faulted
  stack: 48, // u64: its stack pointer
  low: 56, // u64: guest code lies in [low, high)
  high: 64, // u64
  leave: 72, // u64: where unwinding goes on, with the stack pointer from `active`
  caller: 80, // u64: the return address, where a routine of the support code faulted
  size: 128,
} as const;

/** The process's guard: the list of contexts, and the handlers that were there before ours. */
export const GUARD = {
  head: 0, // u64: the first thread's context
  previous: 8, // u64 by signal number: the handler that was installed
  defaultAction: 8 + 8 * 65, // 32 zero bytes: the kernel's struct sigaction for SIG_DFL
  size: 8 + 8 * 65 + 32,
} as const;

/** Linux's signal numbers (x86-64, arm64). The time-out uses a real-time signal of its own. */
export const SIGNALS = { SIGILL: 4, SIGTRAP: 5, SIGBUS: 7, SIGFPE: 8, SIGSEGV: 11 } as const;
export const TIMER_SIGNAL = 41;

/** Sixteen bytes in front of our signal handler, by which a second thread finds it: this, and the guard's address. */
export const HANDLER_MAGIC = 0x6470_6266_6e75_7267n;

/** Entry points in a thread's support code, as offsets from its start. */
export interface Support {
  code: Uint8Array;
  enter: number;
  leave: number;
  unwind: number;
  handler: number;
  pushThread: number;
  /** By helper id: memcpy and its like, in machine code. */
  routines: Map<number, number>;
  copy: number;
  copyString: number;
  /** flush(address, size): makes the instruction cache see new code; -1 where it does so by itself. */
  flush: number;
}

/** Machine code of one architecture that the native engine needs. Addresses are numbers below 2^53. */
export interface Stubs {
  /** Support code for one thread; `guard` is 0 where a handler is installed already. */
  support(thread: number, guard: number): Support;
  /** entryOffsets[n]: where in an entry thunk a call with n arguments enters; the missing ones become 0. */
  entryOffsets: readonly number[];
  /** Code that calls a guest function with its import table. */
  entryThunk(enter: number, at: number, entry: number, got: number): Uint8Array;
  /** Code that calls the host's callback and ends the guest if it threw. */
  helperThunk(unwind: number, at: number, thread: number, callback: number): Uint8Array;
}
