/**
 * Registers, frames and the loop of the interpreter. A register is two signed 32-bit words; constants of
 * instructions stand behind the registers, so that operations need one form.
 */

import type { DebugInfo } from "../../../formats/container.ts";
import { FRAME_SIZE } from "../../../formats/isa/bpf.ts";
import { RunError, type Word } from "../../../helpers/host.ts";
import { Fault } from "../../fault.ts";
import { placeOf } from "../../place.ts";
import { AddressSpace, describe, Region } from "./memory.ts";

/** Executes one instruction; gives the index of the next one, or DONE. */
export type Step = () => number;
export const DONE = -1;

/** Steps between two looks at the clock: well under a millisecond. */
const STRETCH = 1 << 14;
/** Frames at most: far beyond what verified programs may need. */
const DEPTH = 256;
/** Low words of the registers are at 2r, high words at 2r + 1. */
export const REGISTER_WORDS = 22;
const R10 = 20;

export class Machine {
  readonly space = new AddressSpace();
  /** Registers and constants; replaced when constants are added, before anything runs. */
  words: Int32Array;
  readonly steps: Step[];
  /** Code offset of each step. */
  readonly offsets: Int32Array;
  fuel = 0;
  /** When to stop, on performance.now()'s clock. */
  deadline = Number.POSITIVE_INFINITY;
  private readonly name: string;
  private readonly debug: DebugInfo | undefined;
  private readonly frames: Region[] = [];
  private readonly returns = new Int32Array(DEPTH);
  private readonly saved = new Int32Array(DEPTH * 8);
  private depth = -1;
  private base = 0;
  private at = 0;

  constructor(name: string, debug: DebugInfo | undefined, constants: number, steps: number) {
    this.name = name;
    this.debug = debug;
    this.words = new Int32Array(REGISTER_WORDS + 2 * constants);
    this.steps = new Array(steps);
    this.offsets = new Int32Array(steps);
  }

  /** Runs from `step` until its function returns; nested runs come from helpers. r1 … r5 are set by the caller. */
  run(step: number): void {
    const outer = { base: this.base, depth: this.depth, at: this.at };
    const kept = this.words.slice(12, REGISTER_WORDS);
    try {
      this.enter(DONE);
      this.base = this.depth;
      for (let next = step; next !== DONE; ) next = this.stretch(next);
    } finally {
      this.depth = outer.depth;
      this.base = outer.base;
      this.at = outer.at;
      this.words.set(kept, 12);
    }
  }

  /** Executes up to STRETCH steps between two looks at the clock and the fuel. */
  private stretch(first: number): number {
    const { steps } = this;
    const count = Math.min(this.fuel, STRETCH);
    let next = first;
    let left = count;
    for (; left > 0 && next !== DONE; left--) {
      this.at = next;
      next = steps[next]();
    }
    this.fuel -= count - left;
    if (next === DONE) return DONE;
    this.at = next;
    if (this.fuel <= 0) this.fail("the limit of instructions is reached", "ERR_RUNBPF_TIMEOUT");
    if (performance.now() > this.deadline) this.fail("the time is over", "ERR_RUNBPF_TIMEOUT");
    return next;
  }

  /** A new frame: r6 … r9 are kept, r10 moves. */
  enter(back: number): void {
    const { words } = this;
    const depth = ++this.depth;
    if (depth >= DEPTH) {
      this.depth--;
      this.fail(`more than ${DEPTH} nested calls`, "ERR_RUNBPF_STACK");
    }
    this.returns[depth] = back;
    for (let k = 0; k < 8; k++) this.saved[depth * 8 + k] = words[12 + k];
    let frame = this.frames[depth];
    if (frame === undefined) {
      frame = this.space.add(
        new Region(depth === 0 ? "stack" : `stack of call ${depth}`, new Uint8Array(FRAME_SIZE), true),
      );
      this.frames[depth] = frame;
    }
    words[R10] = FRAME_SIZE;
    words[R10 + 1] = frame.high;
  }

  /** Back to the caller, whose r1 … r5 hold nothing any more: 0, as in compiled code. */
  leave(): number {
    const { words } = this;
    const depth = this.depth--;
    words.fill(0, 2, 12);
    if (depth === this.base) return DONE;
    for (let k = 0; k < 8; k++) words[12 + k] = this.saved[depth * 8 + k];
    words[R10] = FRAME_SIZE;
    words[R10 + 1] = this.frames[depth - 1].high;
    return this.returns[depth];
  }

  /** A register or constant as an unsigned number. */
  word(index: number): Word {
    const low = this.words[index] >>> 0;
    const high = this.words[index + 1] >>> 0;
    return high < 0x200000 ? high * 2 ** 32 + low : (BigInt(high) << 32n) | BigInt(low);
  }

  setWord(index: number, value: Word): void {
    if (typeof value === "number" && value >= 0 && value < 2 ** 32) {
      this.words[index] = value | 0;
      this.words[index + 1] = 0;
    } else {
      const wide = BigInt(value);
      this.words[index] = Number(BigInt.asIntN(32, wide));
      this.words[index + 1] = Number(BigInt.asIntN(32, wide >> 32n));
    }
  }

  /** The access at words[index] + offset failed its quick check: another region by carry, or a fault. */
  slow(index: number, offset: number, size: number, write: boolean): { region: Region; offset: number } {
    let low = (this.words[index] >>> 0) + offset;
    let high = this.words[index + 1];
    if (low < 0) {
      low += 2 ** 32;
      high = (high - 1) | 0;
    } else if (low >= 2 ** 32) {
      low -= 2 ** 32;
      high = (high + 1) | 0;
    }
    const region = this.space.at(high);
    if (region === undefined || low + size > region.size || (write && !region.writable)) {
      const address = (BigInt(high >>> 0) << 32n) | BigInt(low);
      this.fail(describe(region, low, size, write, address), "ERR_RUNBPF_FAULT", address);
    }
    return { region, offset: low };
  }

  /** A fault of the instruction at hand. */
  fail(
    what: string,
    code: "ERR_RUNBPF_FAULT" | "ERR_RUNBPF_STACK" | "ERR_RUNBPF_TIMEOUT",
    address?: bigint,
  ): never {
    throw new Fault(code, what, this.name, placeOf(this.debug, this.offsets[this.at]), { address });
  }

  /** What a helper reports of a bad address, with the place of its call. */
  located(error: unknown): unknown {
    if (!(error instanceof RunError) || error instanceof Fault) return error;
    return new Fault(
      "ERR_RUNBPF_FAULT",
      error.message,
      this.name,
      placeOf(this.debug, this.offsets[this.at]),
    );
  }
}
