/** What is known before an instruction: registers, the stack of every frame, rooms, references. */

import { FRAME_SIZE } from "../../formats/isa/bpf.ts";
import { NONE, type Value } from "./value.ts";

export const SLOTS = FRAME_SIZE / 8;

/** A store of 1, 2, 4 or 8 bytes within a slot of 8: its value, zero-extended when it is a number. */
export interface Part {
  readonly at: number;
  readonly bytes: number;
  readonly value: Value;
}

/** Eight bytes of stack. Bits of the masks are bytes; `poison`: what remains of a pointer overwritten in part. */
export interface Slot {
  readonly init: number;
  readonly poison: number;
  readonly parts: readonly Part[];
}

/** The frame of one function; r6 … r9 are those of its caller. */
export interface Frame {
  owner: object;
  func: number;
  saved: readonly Value[];
  /** Undefined: never written. From the lowest address up. */
  slots: (Slot | undefined)[];
  /** Strings that start at `from` and end with a NUL before `to`. */
  strings: readonly (readonly [from: number, to: number])[];
}

/**
 * At least `room` bytes lie between the start of object `of` plus scale * s, for the unknown s with that id, and the end
 * of the object. Signed: s may stand behind the end by delta. With id 0: the object has at least `room` bytes.
 */
export interface Room {
  readonly of: number;
  readonly id: number;
  readonly scale: number;
  readonly room: number;
}

/** What must be released: `kind` as in the helper table, `at` where it was acquired. */
export interface Ref {
  readonly id: number;
  readonly kind: string;
  readonly func: number;
  readonly insn: number;
  /** Frames when it was acquired. */
  readonly depth: number;
}

/** A branch on the way here, the last one first. */
export interface Step {
  readonly func: number;
  readonly insn: number;
  readonly taken: boolean;
  readonly before: Step | undefined;
}

/** The loop heads passed on the way, the last one first, with the state that went through. */
export interface Passed {
  readonly point: object;
  readonly state: State;
  readonly before: Passed | undefined;
}

export class State {
  regs: Value[];
  frames: Frame[];
  rooms: readonly Room[] = [];
  refs: readonly Ref[] = [];
  /** The lock that is held. */
  lock: Value | undefined = undefined;
  steps: Step | undefined = undefined;
  passed: Passed | undefined = undefined;
  /** It went through a join that lost something. */
  joined = false;
  private token: object = {};

  constructor(regs: Value[], frames: Frame[]) {
    this.regs = regs;
    this.frames = frames;
  }

  clone(): State {
    this.token = {};
    const copy = new State(this.regs.slice(), this.frames.slice());
    copy.rooms = this.rooms;
    copy.refs = this.refs;
    copy.lock = this.lock;
    copy.steps = this.steps;
    copy.passed = this.passed;
    copy.joined = this.joined;
    return copy;
  }

  get depth(): number {
    return this.frames.length;
  }

  enter(func: number): void {
    const saved = this.depth === 0 ? [] : this.regs.slice(6, 10);
    this.frames.push({
      owner: this.token,
      func,
      saved,
      slots: new Array(SLOTS).fill(undefined),
      strings: [],
    });
  }

  /** The frame at `index`, to be changed by this state alone. */
  own(index: number): Frame {
    const frame = this.frames[index];
    if (frame.owner === this.token) return frame;
    const { func, saved, slots, strings } = frame;
    return (this.frames[index] = { owner: this.token, func, saved, slots: slots.slice(), strings });
  }

  /** Replaces every value, in registers and frames, by what `change` makes of it. */
  replace(change: (v: Value) => Value): void {
    for (let r = 0; r < 10; r++) this.regs[r] = change(this.regs[r]);
    for (let f = 0; f < this.frames.length; f++) this.replaceFrame(f, change);
  }

  private replaceFrame(f: number, change: (v: Value) => Value): void {
    const { saved, slots } = this.frames[f];
    for (let k = 0; k < saved.length; k++) {
      const value = change(saved[k]);
      if (value === saved[k]) continue;
      const frame = this.own(f);
      frame.saved = frame.saved.with(k, value);
    }
    for (let s = 0; s < SLOTS; s++) {
      const slot = slots[s];
      if (slot === undefined || slot.parts.length === 0) continue;
      let parts: Part[] | undefined;
      for (let p = 0; p < slot.parts.length; p++) {
        const part = slot.parts[p];
        const value = change(part.value);
        if (value === part.value) continue;
        parts ??= slot.parts.slice();
        parts[p] = { at: part.at, bytes: part.bytes, value };
      }
      if (parts) this.own(f).slots[s] = { init: slot.init, poison: slot.poison, parts };
    }
  }

  /** Whether any value satisfies `test`. */
  some(test: (v: Value) => boolean): boolean {
    for (let r = 0; r < 10; r++) if (test(this.regs[r])) return true;
    for (const { saved, slots } of this.frames) {
      for (const value of saved) if (test(value)) return true;
      for (const slot of slots) if (slot) for (const { value } of slot.parts) if (test(value)) return true;
    }
    return false;
  }
}

/** A state before the first instruction: nothing is known but r10. */
export function startState(func: number): State {
  const state = new State(new Array(11).fill(NONE), []);
  state.enter(func);
  return state;
}
