/**
 * Linear scan over intervals with holes and splitting (Wimmer and Mössenböck 2005; Wimmer and Franz 2010). Requires
 * machine code without critical edges; guarantees that every instruction's operands are real registers and that
 * no two values that are live at once share one. A spilled value is stored once, where it is defined.
 */

import { bug } from "../../formats/error.ts";
import { buildIntervals, firstMeeting, type Interval, type Intervals } from "./intervals.ts";
import { type Liveness, liveRegisters } from "./live.ts";
import { type Allocation, type MFn, type RegisterFile, SLOT } from "./mir.ts";
import { locationAt, resolve } from "./resolve.ts";

export function allocate(fn: MFn, file: RegisterFile): Allocation {
  const live = liveRegisters(fn);
  const intervals = buildIntervals(fn, live);
  const scan = new Scan(fn, file, intervals);
  scan.run();
  const moves = resolve(fn, intervals, live);
  return {
    moves,
    liveIn: liveAtStart(fn, intervals, live),
    slots: scan.slots,
    written: writtenRegisters(fn, intervals),
  };
}

/** Registers that hold what a block needs: at its start, at the ends of its predecessors, its phis and their arguments. */
function liveAtStart(fn: MFn, intervals: Intervals, live: Liveness): Int32Array {
  const { of, starts } = intervals;
  const found = new Int32Array(fn.blocks.length);
  for (const { index, predecessors, phis } of fn.blocks) {
    let bits = 0;
    const add = (register: number, position: number) => {
      const location = locationAt(intervals, register, position);
      if (location < SLOT) bits |= 1 << location;
    };
    const endOf = (k: number) => starts[predecessors[k] + 1] - 1;
    const registers = live.in[index];
    for (let i = 0; i < registers.length; i++) {
      add(registers[i], starts[index]);
      if (of[registers[i]]!.parts.length === 1) continue;
      for (let k = 0; k < predecessors.length; k++) add(registers[i], endOf(k));
    }
    for (const { def, args } of phis) {
      // Moves on an edge may be shared by others, of which each has its own moves before them.
      if (of[def] !== undefined) add(def, starts[index]);
      for (let k = 0; k < args.length; k++) if (args[k].register >= 0) add(args[k].register, endOf(k));
    }
    found[index] = bits;
  }
  return found;
}

/** So many are asked whether they would share a slot. */
const MOST_FRIENDS = 8;
/** Of equally frequent ones the last, which stands for the place that comes first in the code; -1 = none. */
function mostFrequent(list: readonly number[]): number {
  if (list.length < 2) return list[0] ?? -1;
  const count = new Int32Array(32);
  for (const r of list) count[r]++;
  let best = -1;
  for (const r of list) if (best < 0 || count[r] >= count[best]) best = r;
  return best;
}

const NEVER = Number.POSITIVE_INFINITY;

/** Intervals that follow each other in one register, as far as one looks. */
const CHAIN = 4;

/** Intervals with one start that are looked at. */
const ALIKE = 8;

class Scan {
  slots = 0;
  private readonly fn: MFn;
  private readonly order: readonly number[];
  private readonly calleeSaved: number;
  private readonly intervals: Intervals;
  /** Descending by start: the next one is the last. */
  private readonly unhandled: Interval[];
  private active: Interval[] = [];
  private inactive: Interval[] = [];
  private readonly slotOf = new Map<number, number>();
  /** By slot: the virtual registers that it is for. */
  private readonly holders: number[][] = [];
  /** Index into fixed[r] before which every range has ended. */
  private readonly fixedAt = new Int32Array(32);
  private readonly free = new Float64Array(32);

  constructor(fn: MFn, file: RegisterFile, intervals: Intervals) {
    this.fn = fn;
    this.order = file.order;
    this.calleeSaved = file.calleeSaved;
    this.intervals = intervals;
    this.unhandled = intervals.of.filter((i) => i !== undefined).sort((a, b) => b.start - a.start);
  }

  run(): void {
    for (let current = this.next(); current !== undefined; current = this.next()) {
      this.advance(current.start);
      if (!this.takeFree(current)) this.takeBlocked(current);
      if (current.location >= 0 && current.location < SLOT) this.active.push(current);
    }
  }

  /** Of those that begin at one place first one that would be where a friend is: phis of a block. */
  private next(): Interval | undefined {
    const { unhandled, intervals } = this;
    const last = unhandled.length - 1;
    if (last < 1 || unhandled[last - 1].start !== unhandled[last].start) return unhandled.pop();
    const isDrawn = ({ friends }: Interval) =>
      friends.some((friend) =>
        intervals.of[friend]?.parts.some(({ location }) => location >= 0 && location < SLOT),
      );
    for (let k = last; k >= 0 && k > last - ALIKE && unhandled[k].start === unhandled[last].start; k--)
      if (isDrawn(unhandled[k])) {
        [unhandled[k], unhandled[last]] = [unhandled[last], unhandled[k]];
        break;
      }
    return unhandled.pop();
  }

  /** Moves intervals between active, inactive and done as of `position`. */
  private advance(position: number): void {
    const active: Interval[] = [];
    const inactive: Interval[] = [];
    for (const list of [this.active, this.inactive]) {
      for (const interval of list) {
        if (interval.end <= position) continue;
        (interval.covers(position) ? active : inactive).push(interval);
      }
    }
    this.active = active;
    this.inactive = inactive;
    for (const r of this.order) {
      const ranges = this.intervals.fixed[r];
      while (this.fixedAt[r] < ranges.length && ranges[this.fixedAt[r] + 1] <= position) this.fixedAt[r] += 2;
    }
  }

  private fixedMeets(r: number, current: Interval): number {
    return firstMeeting(current.ranges, this.intervals.fixed[r], this.fixedAt[r]);
  }

  private takeFree(current: Interval): boolean {
    const { free, order } = this;
    for (const r of order) free[r] = this.fixedMeets(r, current);
    for (const other of this.active) free[other.location] = 0;
    for (const other of this.inactive)
      if (free[other.location] > 0)
        free[other.location] = Math.min(free[other.location], other.meets(current));
    let best = this.hinted(current);
    if (best < 0) {
      best = order[0];
      for (const r of order) {
        if (free[r] >= current.end) {
          best = r;
          break;
        }
        if (free[r] > free[best]) best = r;
      }
    }
    const until = free[best];
    if (until >= current.end) {
      current.location = best;
      return true;
    }
    const cut = this.splitPoint(current, current.start + 1, until);
    if (cut < 0 || cut <= current.start || current.nextNeed(current.start) >= cut) return false;
    this.requeue(current.split(cut));
    current.location = best;
    return true;
  }

  /** A register that saves a move and is free for the whole of `current`, or -1. */
  private hinted(current: Interval): number {
    if (current.hints.length + current.friends.length === 0) return -1;
    const shunned = this.shunned(current);
    const fits = (r: number) =>
      r >= 0 &&
      r < SLOT &&
      this.free[r] >= current.end &&
      ((shunned >> r) & 1) === 0 &&
      this.order.includes(r);
    const often = mostFrequent(current.hints.filter(fits));
    // What is wanted outside of a loop costs a move there, and not one a round.
    if (often >= 0 && this.fn.blocks[this.blockAt(current.start)].depth <= current.hintDepth) return often;
    for (const friend of current.friends) {
      const other = this.intervals.of[friend];
      if (other === undefined) continue;
      for (const part of other.parts) if (fits(part.location)) return part.location;
    }
    if (often >= 0) return often;
    const shared = this.shared(current);
    if (shared >= 0) return shared;
    for (const friend of current.friends)
      for (const r of this.intervals.of[friend]?.hints ?? []) if (fits(r)) return r;
    return -1;
  }

  /** Registers for whose sake there would have to be a frame. */
  private shunned({ register }: Interval): number {
    return this.fn.frameless?.[register] === 1 ? this.calleeSaved : 0;
  }

  /** The first register that is free for all of `current` and for what would best be in the same one after it; or -1. */
  private shared(current: Interval): number {
    const chain: Interval[] = [];
    for (let at: Interval | undefined = current; at !== undefined && chain.length < CHAIN; ) {
      at = this.following(at);
      if (at !== undefined) chain.push(at);
    }
    const shunned = this.shunned(current);
    const fits = (r: number, length: number) => {
      if ((shunned >> r) & 1) return false;
      for (let k = 0; k < length; k++) if (this.fixedMeets(r, chain[k]) !== NEVER) return false;
      return this.free[r] >= current.end;
    };
    for (let length = chain.length; length > 0; length--) {
      const found = this.order.find((r) => fits(r, length));
      if (found !== undefined) return found;
    }
    return -1;
  }

  /** What has no register yet and begins where `interval` ends. */
  private following({ friends, end }: Interval): Interval | undefined {
    for (const friend of friends) {
      const other = this.intervals.of[friend];
      if (other !== undefined && other.location < 0 && other.start >= end - 1) return other;
    }
    return undefined;
  }

  private takeBlocked(current: Interval): void {
    const { start } = current;
    const use = new Float64Array(32).fill(NEVER);
    const block = new Float64Array(32).fill(NEVER);
    for (const r of this.order) block[r] = use[r] = this.fixedMeets(r, current);
    const rivals: Interval[] = [];
    for (const other of this.active) {
      rivals.push(other);
      use[other.location] = Math.min(use[other.location], other.nextNeed(start));
    }
    for (const other of this.inactive) {
      if (other.meets(current) === NEVER) continue;
      rivals.push(other);
      use[other.location] = Math.min(use[other.location], other.nextNeed(start));
    }
    let best = this.order[0];
    for (const r of this.order) if (use[r] > use[best]) best = r;
    const need = current.nextNeed(start);
    if (need >= use[best] || use[best] <= start) {
      if (need <= start + 1) bug(`${this.fn.name}: no register for v${current.register} at ${start}`);
      this.spill(current);
      return;
    }
    if (block[best] < current.end) {
      const cut = this.splitPoint(current, start + 1, block[best]);
      if (cut < 0) bug(`${this.fn.name}: v${current.register} at ${start} meets a pinned register`);
      this.requeue(current.split(cut));
    }
    current.location = best;
    for (const other of rivals) if (other.location === best) this.evict(other, current);
  }

  /**
   * Frees the register of `other` for `current`. The cut may lie inside an instruction: what follows it is in its
   * slot, which has been valid since the definition.
   */
  private evict(other: Interval, current: Interval): void {
    const covered = other.covers(current.start);
    const cut = covered ? this.leavePoint(other, current.start) : other.meets(current);
    const rest = cut > other.start ? other.split(cut) : other;
    // What is left of one in a hole may live again before it meets `current`.
    if (covered || rest === other) {
      this.active = this.active.filter((i) => i !== other);
      this.inactive = this.inactive.filter((i) => i !== other);
    }
    // Of no use before, as a phi that others need the register of: it need not come into one.
    if (rest !== other && other.needs.length === 0) other.location = SLOT + this.slot(other.register);
    this.spill(rest);
  }

  /** Where an interval that loses its register at `position` leaves it: in front of loops that do not need it before. */
  private leavePoint(interval: Interval, position: number): number {
    const need = interval.needs.findLast((at) => at < position) ?? interval.start;
    const cut = this.splitPoint(interval, need + 1, position);
    return cut < 0 || cut === this.gapBefore(position) ? position : cut;
  }

  /** Puts `interval` into its slot, up to its next use that needs a register. */
  private spill(interval: Interval): void {
    const need = interval.nextNeed(interval.start);
    if (need !== NEVER) {
      const cut = this.gapBefore(need);
      if (cut <= interval.start) {
        this.requeue(interval);
        return;
      }
      this.requeue(interval.split(cut));
    }
    interval.location = SLOT + this.slot(interval.register);
  }

  /** A slot holds its value for the whole of its life: a phi and what goes into it share one where they never meet. */
  private slot(register: number): number {
    const known = this.slotOf.get(register);
    if (known !== undefined) return known;
    const { of } = this.intervals;
    const meets = (other: number) =>
      of[other]!.parts.some((part) => of[register]!.parts.some((own) => own.meets(part) !== NEVER));
    const shared = of[register]!.friends.slice(0, MOST_FRIENDS)
      .map((friend) => this.slotOf.get(friend))
      .find((slot) => slot !== undefined && !this.holders[slot].some(meets));
    const slot = shared ?? this.slots++;
    this.slotOf.set(register, slot);
    if (this.holders.length < this.slots) this.holders.push([]);
    this.holders[slot].push(register);
    return slot;
  }

  /** The gap (a multiple of 4) at or before `position`. */
  private gapBefore(position: number): number {
    return Math.floor(position / 4) * 4;
  }

  /** The best place to cut in [from, to]: the start of the outermost block, else as late as possible; -1 = none. */
  private splitPoint(interval: Interval, from: number, to: number): number {
    const first = Math.ceil(from / 4) * 4;
    const last = this.gapBefore(Math.min(to, interval.end - 1));
    if (last < first || last <= interval.start) return -1;
    const { starts } = this.intervals;
    let block = this.blockAt(last);
    let best = last;
    let depth = this.fn.blocks[block].depth;
    for (; block > 0 && starts[block] >= first; block--) {
      const before = this.fn.blocks[block - 1].depth;
      if (before >= depth && this.fn.blocks[block].depth >= depth) continue;
      best = starts[block];
      depth = Math.min(before, this.fn.blocks[block].depth);
    }
    return best > interval.start ? best : -1;
  }

  private blockAt(position: number): number {
    const { starts } = this.intervals;
    let low = 0;
    let high = this.fn.blocks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (starts[middle] <= position) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  private requeue(interval: Interval): void {
    const { unhandled } = this;
    let low = 0;
    let high = unhandled.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (unhandled[middle].start > interval.start) low = middle + 1;
      else high = middle;
    }
    unhandled.splice(low, 0, interval);
  }
}

function writtenRegisters(fn: MFn, intervals: Intervals): number {
  let written = 0;
  for (const interval of intervals.of) {
    if (interval === undefined) continue;
    for (const part of interval.parts) if (part.location < SLOT) written |= 1 << part.location;
  }
  for (const block of fn.blocks) {
    for (const inst of block.insts) {
      written |= inst.clobbers;
      for (const pin of inst.pins) if (pin >= 0) written |= 1 << pin;
      if (inst.pinnedDef >= 0) written |= 1 << inst.pinnedDef;
    }
  }
  return written;
}
