/**
 * Live intervals with holes over instruction positions. Instruction k of the function has the positions 4k … 4k+3:
 * moves into pinned registers at 4k, reading at 4k+1, writing at 4k+2, moves out of a pinned result at 4k+3.
 */

import type { Liveness } from "./live.ts";
import type { MFn, MInst } from "./mir.ts";

/** Part of a virtual register's life, in one location. Ranges are [from, to) pairs, ascending, disjoint. */
export class Interval {
  register: number;
  /** from0, to0, from1, to1, … */
  ranges: number[] = [];
  /** Positions of uses, ascending, and whether each needs a register. */
  uses: number[] = [];
  needs: boolean[] = [];
  /** A location (mir.ts), or -1 while there is none. */
  location = -1;
  /** The parts that follow this one, in order; only the first part has them. */
  parts: Interval[];
  /** Registers that would save a move: real ones, and virtual ones whose location is worth sharing. */
  hints: number[] = [];
  /** The depth of the innermost loop in which one of those real ones is wanted. */
  hintDepth = 0;
  friends: number[] = [];

  constructor(register: number, first?: Interval) {
    this.register = register;
    this.parts = first?.parts ?? [this];
    if (first !== undefined) {
      this.hints = first.hints;
      this.hintDepth = first.hintDepth;
      this.friends = first.friends;
    }
  }

  /** A real register would save a move, in a block of that depth. */
  hint(real: number, depth: number): void {
    this.hints.push(real);
    this.hintDepth = Math.max(this.hintDepth, depth);
  }

  get start(): number {
    return this.ranges[0];
  }

  get end(): number {
    return this.ranges[this.ranges.length - 1];
  }

  covers(position: number): boolean {
    const { ranges } = this;
    for (let i = 0; i < ranges.length && ranges[i] <= position; i += 2)
      if (position < ranges[i + 1]) return true;
    return false;
  }

  /** First position at which both are live, or Infinity. */
  meets(other: Interval): number {
    return firstMeeting(this.ranges, other.ranges, 0);
  }

  /** First use at or after `position` that needs a register, or Infinity. */
  nextNeed(position: number): number {
    const { uses, needs } = this;
    for (let i = 0; i < uses.length; i++) if (uses[i] >= position && needs[i]) return uses[i];
    return Number.POSITIVE_INFINITY;
  }

  nextUse(position: number): number {
    for (const use of this.uses) if (use >= position) return use;
    return Number.POSITIVE_INFINITY;
  }

  /** Cuts at `position` (start < position < end); this part keeps what is before. */
  split(position: number): Interval {
    const rest = new Interval(this.register, this.parts[0]);
    const { ranges } = this;
    let i = 0;
    while (ranges[i + 1] <= position) i += 2;
    const inside = ranges[i] < position;
    rest.ranges = ranges.slice(i);
    if (inside) rest.ranges[0] = position;
    this.ranges = inside ? [...ranges.slice(0, i + 1), position] : ranges.slice(0, i);
    let u = 0;
    while (u < this.uses.length && this.uses[u] < position) u++;
    rest.uses = this.uses.splice(u);
    rest.needs = this.needs.splice(u);
    const { parts } = this;
    parts.splice(parts.indexOf(this) + 1, 0, rest);
    return rest;
  }
}

/** First common position of two ascending range lists, the second looked at from index `from` on. */
export function firstMeeting(a: number[], b: number[], from: number): number {
  let i = 0;
  let j = from;
  while (i < a.length && j < b.length) {
    if (a[i + 1] <= b[j]) i += 2;
    else if (b[j + 1] <= a[i]) j += 2;
    else return Math.max(a[i], b[j]);
  }
  return Number.POSITIVE_INFINITY;
}

export interface Intervals {
  /** By virtual register; undefined for one that is never live. */
  of: (Interval | undefined)[];
  /** Ranges in which each real register is taken by pins and clobbers. */
  fixed: number[][];
  /** Position of each block's first instruction; one more entry for the end. */
  starts: number[];
}

/** Builds all intervals in one backward walk; decides which operand of a commutative instruction is tied. */
export function buildIntervals(fn: MFn, live: Liveness): Intervals {
  const of: (Interval | undefined)[] = new Array(fn.registers).fill(undefined);
  const fixed: number[][] = Array.from({ length: 32 }, () => []);
  const starts: number[] = [];
  let position = 0;
  for (const block of fn.blocks) {
    starts.push(position);
    position += 4 * block.insts.length;
  }
  starts.push(position);
  const get = (register: number) => (of[register] ??= new Interval(register));
  // While walking backwards, lists are kept in reverse: to, from, to, from …
  const extend = (ranges: number[], from: number, to: number) => {
    const last = ranges.length - 1;
    if (last > 0 && ranges[last] <= to) {
      ranges[last] = Math.min(ranges[last], from);
      if (ranges[last - 1] < to) ranges[last - 1] = to;
    } else ranges.push(to, from);
  };
  const liveNow = new Uint8Array(fn.registers);
  const wish = new Wishes(fn, starts);
  for (let b = fn.blocks.length - 1; b >= 0; b--) {
    const block = fn.blocks[b];
    const from = starts[b];
    const out = live.out[b];
    for (let k = 0; k < out.length; k++) {
      extend(get(out[k]).ranges, from, starts[b + 1]);
      liveNow[out[k]] = 1;
    }
    for (let i = block.insts.length - 1; i >= 0; i--) {
      const inst = block.insts[i];
      const p = from + 4 * i;
      if (inst.def >= 0) {
        const interval = get(inst.def);
        const at = inst.pinnedDef >= 0 ? p + 3 : p + 2;
        if (liveNow[inst.def] === 0) extend(interval.ranges, at, at + 1);
        else interval.ranges[interval.ranges.length - 1] = at;
        liveNow[inst.def] = 0;
        interval.uses.push(at);
        interval.needs.push(inst.pinnedDef < 0);
        if (inst.pinnedDef >= 0) {
          extend(fixed[inst.pinnedDef], p + 2, p + 3);
          interval.hint(inst.pinnedDef, block.depth);
        }
      }
      for (let rest = inst.clobbers; rest !== 0; rest &= rest - 1)
        extend(fixed[31 - Math.clz32(rest & -rest)], inst.readsFirst ? p + 2 : p + 1, p + 3);
      if (inst.commutative && prefersSecond(inst, liveNow, wish)) {
        inst.uses.splice(0, 2, inst.uses[1], inst.uses[0]);
        inst.swapped = !inst.swapped;
      }
      const phi = inst.tied && liveNow[inst.uses[0]] === 0 ? wish.handOn(inst.def, inst.uses[0]) : -1;
      if (phi >= 0) get(inst.uses[0]).friends.unshift(phi);
      for (let k = 0; k < inst.uses.length; k++) {
        const use = inst.uses[k];
        if (use < 0) continue;
        const pin = inst.pins[k] ?? -1;
        const interval = get(use);
        const late = inst.late || (inst.tied && k > 0);
        const end = pin >= 0 ? p + 1 : late ? p + 3 : p + 2;
        extend(interval.ranges, from, end);
        liveNow[use] = 1;
        // A late operand keeps its register while the result is written.
        if (pin < 0 && late) {
          interval.uses.push(p + 2);
          interval.needs.push(true);
        }
        interval.uses.push(pin >= 0 ? p : p + 1);
        interval.needs.push(pin < 0);
        if (pin >= 0) {
          extend(fixed[pin], p + 1, inst.late || inst.tied ? p + 3 : p + 2);
          interval.hint(pin, block.depth);
        }
      }
      if (
        inst.def >= 0 &&
        inst.uses.length > 0 &&
        (inst.tied || (inst.memory === "none" && inst.pins.length === 0))
      ) {
        for (let k = 0; k < (inst.tied ? 1 : inst.uses.length); k++) {
          const use = inst.uses[k];
          if (use < 0) continue;
          get(inst.def).friends.push(use);
          get(use).friends.push(inst.def);
        }
      }
    }
    for (const phi of block.phis) {
      const interval = get(phi.def);
      if (liveNow[phi.def] === 0) extend(interval.ranges, from, from + 1);
      else interval.ranges[interval.ranges.length - 1] = from;
      liveNow[phi.def] = 0;
      for (const arg of phi.args) {
        if (arg.register < 0) continue;
        interval.friends.push(arg.register);
        get(arg.register).friends.unshift(phi.def, ...wish.beyond(phi.def));
      }
    }
    if (b === 0) {
      for (const { register, real } of fn.entry) {
        const interval = of[register];
        if (interval === undefined) continue;
        interval.ranges[interval.ranges.length - 1] = -2;
        interval.hints.push(real);
        liveNow[register] = 0;
      }
    }
    for (let k = 0; k < live.in[b].length; k++) liveNow[live.in[b][k]] = 0;
    for (let k = 0; k < out.length; k++) liveNow[out[k]] = 0;
  }
  for (const interval of of) {
    if (interval === undefined) continue;
    interval.ranges.reverse();
    interval.uses.reverse();
    interval.needs.reverse();
  }
  for (const ranges of fixed) ranges.reverse();
  return { of, fixed, starts };
}

/** Which phi's register a value would best be made in: the one that it goes into, itself or through tied operands. */
class Wishes {
  private readonly phi: Int32Array;
  private readonly definedAt: Int32Array;
  private readonly lastUse: Int32Array;

  constructor(fn: MFn, starts: readonly number[]) {
    this.phi = new Int32Array(fn.registers).fill(-1);
    this.definedAt = new Int32Array(fn.registers);
    this.lastUse = new Int32Array(fn.registers);
    for (const { index, phis, insts, predecessors } of fn.blocks) {
      for (let i = 0; i < insts.length; i++) {
        const { def, uses, tied, late } = insts[i];
        const p = starts[index] + 4 * i;
        if (def >= 0) this.definedAt[def] = p;
        for (let k = 0; k < uses.length; k++)
          if (uses[k] >= 0)
            this.lastUse[uses[k]] = Math.max(this.lastUse[uses[k]], late || (tied && k > 0) ? p + 1 : p);
      }
      for (const { def, args } of phis) {
        this.definedAt[def] = starts[index];
        for (const [k, { register }] of args.entries()) {
          if (register < 0) continue;
          if (this.phi[register] < 0) this.phi[register] = def;
          this.lastUse[register] = Math.max(this.lastUse[register], starts[predecessors[k] + 1] - 1);
        }
      }
    }
  }

  /** The phi that a phi goes into: its register may be known earlier. */
  beyond(phi: number): number[] {
    return this.phi[phi] >= 0 && this.phi[phi] !== phi ? [this.phi[phi]] : [];
  }

  /** Of an instruction's tied operand that dies there, the phi that its result goes into; -1 = none or known. */
  handOn(def: number, use: number): number {
    if (this.phi[use] >= 0 || this.phi[def] === use) return -1;
    this.phi[use] = this.phi[def];
    return this.phi[def];
  }

  /** `use` can be in the register of the phi that `def` goes into: it is that phi, or comes after its last use. */
  fits(def: number, use: number): boolean {
    const phi = this.phi[def];
    return phi >= 0 && (phi === use || this.definedAt[use] >= this.lastUse[phi]);
  }
}

/** The second operand is the better one to be overwritten: it alone dies here, or saves the move into a phi. */
function prefersSecond({ def, uses: [a, b] }: MInst, liveNow: Uint8Array, wish: Wishes): boolean {
  if (liveNow[a] !== liveNow[b]) return liveNow[a] === 1;
  return liveNow[b] === 0 && wish.fits(def, b) && !wish.fits(def, a);
}
