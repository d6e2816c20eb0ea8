/** The machine as helpers see it: this process, its clock, its environment and its standard output. */

import { writeSync } from "node:fs";
import { availableParallelism } from "node:os";
import type { Arch } from "../../formats/container.ts";
import type { HelperContext, Word } from "../../helpers/host.ts";
import { Exit } from "../fault.ts";
import { MOST_CPUS } from "../maps/store.ts";
import type { Host, RuntimeOptions } from "../runtime.ts";
import { openChannel } from "./channel.ts";
import type { GuestMemory } from "./engine.ts";
import { addressOf, getcpu, gettid } from "./libc.ts";
import { isAlive } from "./native-maps.ts";
import { PinnedStore } from "./pin.ts";

/** Writes all of it, waiting where a pipe is full. */
function toStandardOutput(bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) {
    try {
      done += writeSync(1, bytes, done);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      pause(1000);
    }
  }
}

const sleeper = new Int32Array(new SharedArrayBuffer(4));
const pause = (microseconds: number) => void Atomics.wait(sleeper, 0, 0, microseconds / 1000);

/** Random words come from a pool: one call of the generator for many. */
const pool = new Uint32Array(256);
let left = 0;
function random32(): number {
  if (left === 0) {
    crypto.getRandomValues(pool);
    left = pool.length;
  }
  return pool[--left];
}

/** This process as runtimes need it. */
export const nodeHost: Host = {
  context: nodeContext,
  thread: gettid,
  isAlive,
  addressOf,
  channel: openChannel,
  openPinned: (path, cpus) => new PinnedStore(path, cpus, true),
  // Threads come and go: a few more than the machine can run at once.
  cpus: Math.min(Math.max(availableParallelism(), 8), MOST_CPUS),
};

function nodeContext(memory: GuestMemory, options: RuntimeOptions): HelperContext {
  const environment = options.env ?? ((name: string) => process.env[name]);
  return {
    read: (address, size) => memory.read(address, size),
    write: (address, bytes) => memory.write(address, bytes),
    cstring: (address, max) => memory.cstring(address, max),
    room: () => undefined,
    alloc: (size) => memory.alloc(size),
    free: (address) => memory.free(address),
    realloc: (address, size) => memory.realloc(address, size),
    call: (fn: Word, a1 = 0, a2 = 0, a3 = 0, a4 = 0, a5 = 0) => memory.call(fn, a1, a2, a3, a4, a5),
    output: options.output ?? toStandardOutput,
    random32,
    cpu: getcpu,
    now: () => process.hrtime.bigint(),
    wallclock: () => Math.floor(Date.now() / 1000),
    cputime: () => {
      const { user, system } = process.cpuUsage();
      return user + system;
    },
    sleep: pause,
    env: environment,
    pid: process.pid,
    get tid() {
      return gettid();
    },
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    comm: process.title.split("/").pop()!.slice(0, 15),
    arch: process.arch as Arch,
    environment: "node",
    exit(code): never {
      throw new Exit(code);
    },
  };
}
