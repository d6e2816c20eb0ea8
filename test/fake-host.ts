/** A HelperContext over one array of memory, for tests of helpers without a runtime. */

import { type HelperContext, RunError, type Word } from "../helpers/host.ts";

export const MEMORY = 0x10000;

export interface FakeHost extends HelperContext {
  readonly memory: Uint8Array;
  /** What the program printed, as Latin-1. */
  printed(): string;
  /** Puts a NUL-terminated string into memory; its address. */
  string(text: string): number;
  readonly freed: Word[];
}

export function fakeHost(more: Partial<HelperContext> = {}): FakeHost {
  const memory = new Uint8Array(1 << 17);
  const output: number[] = [];
  const freed: Word[] = [];
  let top = MEMORY + 4096;
  const place = (address: Word, size: number): number => {
    const at = Number(address) - MEMORY;
    if (!(at >= 0 && size >= 0 && at + size <= memory.length))
      throw new RunError("ERR_RUNBPF_FAULT", `bad address ${address}`);
    return at;
  };
  const host: FakeHost = {
    memory,
    freed,
    printed: () => Buffer.from(output.splice(0)).toString("latin1"),
    string: (text) => {
      const address = host.alloc(text.length + 1) as number;
      host.write(address, Buffer.from(`${text}\0`, "latin1"));
      return address;
    },
    room: () => undefined,
    read: (address, size) => {
      const at = place(address, size);
      return memory.slice(at, at + size);
    },
    write: (address, bytes) => memory.set(bytes, place(address, bytes.length)),
    cstring: (address, max = Number.POSITIVE_INFINITY) => {
      const at = place(address, 0);
      const nul = memory.indexOf(0, at);
      const end = Math.min(nul < 0 ? Number.POSITIVE_INFINITY : nul, at + max);
      if (end > memory.length) throw new RunError("ERR_RUNBPF_FAULT", `no NUL after ${address}`);
      return memory.slice(at, end);
    },
    call: () => 0n,
    output: (bytes) => {
      for (const byte of bytes) output.push(byte);
    },
    alloc: (size) => {
      const address = top;
      top += Math.ceil((size + 1) / 16) * 16;
      return size > 60_000 ? 0 : address;
    },
    free: (address) => void freed.push(address),
    realloc: (_, size) => host.alloc(size),
    random32: () => 0xfedcba98,
    cpu: () => 3,
    now: () => 123_456_789_012_345n,
    wallclock: () => 1_795_000_000.75,
    cputime: () => 1234.5,
    sleep: () => {},
    env: (name) => ({ HOME: "/home/b", EMPTY: "" })[name],
    pid: 0x80000001,
    tid: 7,
    uid: 1000,
    gid: 100,
    comm: "a-name-of-over-15-characters",
    arch: "arm64",
    environment: "test",
    exit: (code) => {
      throw new Error(`exit ${code}`);
    },
    ...more,
  };
  return host;
}
