/** Timers in map values: helpers 169 to 172. The event loop is their clock; they end with the instance. */

import type { Word } from "../helpers/host.ts";
import type { GuestMemory } from "./engine/engine.ts";
import type { BoundMaps } from "./maps/bind.ts";

/** Linux's error numbers. */
const [EINVAL, EBUSY] = [22, 16];
const ABSOLUTE = 1;
/** CLOCK_REALTIME, _MONOTONIC and _BOOTTIME; all run alike here. */
const CLOCKS: readonly number[] = [0, 1, 7];
/** setTimeout's longest time. */
const MOST = 2 ** 31 - 1;
const NANOSECONDS = 1e6;

interface Timer {
  /** Its address, and the map and key of its element. */
  at: bigint;
  map: Word;
  key: Uint8Array;
  callback: Word;
  handle: ReturnType<typeof setTimeout> | undefined;
}

export class Timers {
  private readonly timers = new Map<number, Timer>();
  private readonly memory: GuestMemory;
  private readonly maps: () => BoundMaps | undefined;
  private readonly failed: (error: unknown) => void;
  private next = 1;

  /** `failed` is told what a callback throws: nobody called it. */
  constructor(memory: GuestMemory, maps: () => BoundMaps | undefined, failed: (error: unknown) => void) {
    this.memory = memory;
    this.maps = maps;
    this.failed = failed;
  }

  /** The timer whose number stands at an address; undefined: none was made there. */
  private find(address: Word): Timer | undefined {
    const bytes = this.memory.read(address, 8);
    const timer = this.timers.get(new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true));
    return timer?.at === BigInt(address) ? timer : undefined;
  }

  init(address: Word, map: Word, flags: number): number {
    if (!CLOCKS.includes(flags)) return -EINVAL;
    if (this.find(address) !== undefined) return -EBUSY;
    const key = this.maps()?.keyAt(map, BigInt(address));
    if (key === undefined) return -EINVAL;
    const id = this.next++;
    this.timers.set(id, { at: BigInt(address), map, key, callback: 0, handle: undefined });
    const words = new Uint8Array(16);
    new DataView(words.buffer).setUint32(0, id, true);
    this.memory.write(address, words);
    return 0;
  }

  setCallback(address: Word, callback: Word): number {
    const timer = this.find(address);
    if (timer === undefined) return -EINVAL;
    timer.callback = callback;
    return 0;
  }

  start(address: Word, nanoseconds: Word, flags: number, now: () => bigint): number {
    const timer = this.find(address);
    if (timer === undefined || BigInt(timer.callback) === 0n || flags > ABSOLUTE) return -EINVAL;
    const wait = BigInt(nanoseconds) - (flags === ABSOLUTE ? now() : 0n);
    clearTimeout(timer.handle);
    const milliseconds = Math.min(Math.ceil(Number(wait > 0n ? wait : 0n) / NANOSECONDS), MOST);
    timer.handle = setTimeout(() => this.fire(timer), milliseconds);
    // Waiting timers do not keep a process alive.
    (timer.handle as { unref?: () => void }).unref?.();
    return 0;
  }

  /** 1 where it was waiting. */
  cancel(address: Word): number {
    const timer = this.find(address);
    if (timer === undefined) return -EINVAL;
    const waited = timer.handle !== undefined;
    clearTimeout(timer.handle);
    timer.handle = undefined;
    return waited ? 1 : 0;
  }

  private fire(timer: Timer): void {
    timer.handle = undefined;
    const { memory } = this;
    try {
      const value = this.maps()?.valueAt(timer.map, timer.key);
      // The element was deleted, and its timer with it.
      if (value === undefined || timer.at < value.at || timer.at >= value.at + BigInt(value.size)) return;
      const key = memory.alloc(timer.key.length);
      try {
        memory.write(key, timer.key);
        memory.call(timer.callback, timer.map, key, value.at, 0, 0);
      } finally {
        memory.free(key);
      }
    } catch (error) {
      this.failed(error);
    }
  }

  release(): void {
    for (const { handle } of this.timers.values()) clearTimeout(handle);
    this.timers.clear();
  }
}
