/**
 * Executable memory of one thread: a reserved range of addresses from which images take whole pages. A page is
 * writable or executable, never both.
 */

import { InputError } from "../../formats/error.ts";
import { map, PROT, poke, protect } from "./libc.ts";

export const PAGE = 4096;
const SIZE = 256 * 2 ** 20;
const SLOT = 128;

export class Arena {
  readonly low: number;
  readonly high: number;
  /** Makes the instruction cache see new code, where that takes more than mprotect. */
  flush: (at: number, size: number) => unknown = () => {};
  /** Free page ranges [start, end), ascending and never adjacent. */
  private readonly ranges: { start: number; end: number }[];
  private readonly slots: number[] = [];

  constructor() {
    this.low = map(SIZE, PROT.NONE);
    this.high = this.low + SIZE;
    this.ranges = [{ start: this.low, end: this.high }];
  }

  /** Places code into pages of its own; the address is a multiple of the page size. */
  place(code: Uint8Array): { at: number; size: number } {
    const size = Math.ceil(Math.max(code.length, 1) / PAGE) * PAGE;
    const at = this.take(size);
    protect(at, size, PROT.READ | PROT.WRITE);
    if (code.length > 0) poke(at, code, code.length);
    protect(at, size, PROT.READ | PROT.EXEC);
    this.flush(at, code.length);
    return { at, size };
  }

  remove({ at, size }: { at: number; size: number }): void {
    protect(at, size, PROT.NONE);
    this.give(at, at + size);
  }

  /** Room for a thunk of at most 128 bytes; the pages of thunks are kept. */
  slot(): number {
    if (this.slots.length === 0) {
      const { at, size } = this.place(new Uint8Array(0));
      for (let slot = at + size - SLOT; slot >= at; slot -= SLOT) this.slots.push(slot);
    }
    return this.slots.pop()!;
  }

  writeSlot(slot: number, code: Uint8Array): void {
    const page = slot - (slot % PAGE);
    protect(page, PAGE, PROT.READ | PROT.WRITE);
    poke(slot, code, code.length);
    protect(page, PAGE, PROT.READ | PROT.EXEC);
    this.flush(slot, code.length);
  }

  freeSlot(slot: number): void {
    this.slots.push(slot);
  }

  private take(size: number): number {
    const index = this.ranges.findIndex(({ start, end }) => end - start >= size);
    if (index < 0)
      throw new InputError("ERR_RUNBPF_UNSUPPORTED", {
        where: "native engine",
        expected: `programs of at most ${SIZE / 2 ** 20} MiB of code in all`,
        got: `${size} bytes more`,
      });
    const range = this.ranges[index];
    const at = range.start;
    range.start += size;
    if (range.start === range.end) this.ranges.splice(index, 1);
    return at;
  }

  private give(start: number, end: number): void {
    let index = this.ranges.findIndex((range) => range.start >= end);
    if (index < 0) index = this.ranges.length;
    const [before, after] = [this.ranges[index - 1], this.ranges[index]];
    const joinsBefore = before?.end === start;
    const joinsAfter = after?.start === end;
    if (joinsBefore && joinsAfter) {
      before.end = after.end;
      this.ranges.splice(index, 1);
    } else if (joinsBefore) before.end = end;
    else if (joinsAfter) after.start = start;
    else this.ranges.splice(index, 0, { start, end });
  }
}
