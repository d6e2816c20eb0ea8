/**
 * Live intervals with holes over instruction positions. Instruction k of the function has the positions 4k … 4k+3:
 * moves into pinned registers at 4k, reading at 4k+1, writing at 4k+2, moves out of a pinned result at 4k+3.
 */

import { Chains } from "./chains.ts";
import type { Liveness } from "./live.ts";
import type { MBlock, MFn, MInst } from "./mir.ts";

/** What one walk over the code finds out about a virtual register's life. */
interface Life {
  /** [from, to) pairs, ascending, disjoint: from0, to0, from1, to1, … */
  ranges: number[];
  /** Positions of definitions and uses that need a register, ascending. */
  needs: number[];
  /** Registers that would save a move: real ones, and virtual ones whose location is worth sharing. */
  hints: readonly number[];
  /** The depth of the innermost loop in which one of those real ones is wanted. */
  hintDepth: number;
  friends: readonly number[];
}

/** Part of a virtual register's life, in one location. */
export class Interval {
  register: number;
  ranges: number[];
  needs: number[];
  readonly hints: readonly number[];
  readonly hintDepth: number;
  readonly friends: readonly number[];
  /** A location (mir.ts), or -1 while there is none. */
  location = -1;
  /** The first part, and those that follow it in order. */
  parts: Interval[];

  constructor(register: number, { ranges, needs, hints, hintDepth, friends }: Life, parts?: Interval[]) {
    this.register = register;
    this.ranges = ranges;
    this.needs = needs;
    this.hints = hints;
    this.hintDepth = hintDepth;
    this.friends = friends;
    this.parts = parts ?? [this];
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
    const { needs } = this;
    for (let i = 0; i < needs.length; i++) if (needs[i] >= position) return needs[i];
    return Number.POSITIVE_INFINITY;
  }

  /** Cuts at `position` (start < position < end); this part keeps what is before. */
  split(position: number): Interval {
    const { ranges, needs, hints, hintDepth, friends, parts } = this;
    let i = 0;
    while (ranges[i + 1] <= position) i += 2;
    const inside = ranges[i] < position;
    const after = ranges.slice(i);
    if (inside) after[0] = position;
    this.ranges = inside ? [...ranges.slice(0, i + 1), position] : ranges.slice(0, i);
    let u = 0;
    while (u < needs.length && needs[u] < position) u++;
    this.needs = needs.slice(0, u);
    const life = { ranges: after, needs: needs.slice(u), hints, hintDepth, friends };
    const rest = new Interval(this.register, life, parts);
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
  const starts: number[] = [];
  let position = 0;
  for (const block of fn.blocks) {
    starts.push(position);
    position += 4 * block.insts.length;
  }
  starts.push(position);
  return new Builder(fn, starts).run(live);
}

class Builder {
  private readonly fn: MFn;
  private readonly starts: number[];
  private readonly wish: Wishes;
  /** By register, virtual and real. */
  private readonly ranges: Chains;
  private readonly fixed = new Chains(32);
  private readonly needs: Chains;
  private readonly hints: Chains;
  private readonly hintDepths: Int32Array;
  private readonly friends: Chains;
  private readonly liveNow: Uint8Array;

  constructor(fn: MFn, starts: number[]) {
    const { registers } = fn;
    this.fn = fn;
    this.starts = starts;
    this.wish = new Wishes(fn, starts);
    this.ranges = new Chains(registers);
    this.needs = new Chains(registers);
    this.hints = new Chains(registers);
    this.hintDepths = new Int32Array(registers);
    this.friends = new Chains(registers);
    this.liveNow = new Uint8Array(registers);
  }

  run(live: Liveness): Intervals {
    const { starts, liveNow, ranges, needs, hints, hintDepths, friends } = this;
    const { blocks, registers } = this.fn;
    for (let b = blocks.length - 1; b >= 0; b--) {
      const out = live.out[b];
      for (let k = 0; k < out.length; k++) {
        extend(ranges, out[k], starts[b], starts[b + 1]);
        liveNow[out[k]] = 1;
      }
      this.walk(blocks[b]);
      for (let k = 0; k < live.in[b].length; k++) liveNow[live.in[b][k]] = 0;
      for (let k = 0; k < out.length; k++) liveNow[out[k]] = 0;
    }
    const of = new Array<Interval | undefined>(registers).fill(undefined);
    for (let v = 0; v < registers; v++) {
      if (ranges.isEmpty(v)) continue;
      of[v] = new Interval(v, {
        ranges: ranges.take(v),
        needs: needs.take(v),
        hints: hints.take(v),
        hintDepth: hintDepths[v],
        friends: friends.take(v),
      });
    }
    return { of, fixed: Array.from({ length: 32 }, (_, r) => this.fixed.take(r)), starts };
  }

  /** A real register would save a move, in a block of that depth. */
  private hint(register: number, real: number, depth: number): void {
    this.hints.append(register, real);
    this.hintDepths[register] = Math.max(this.hintDepths[register], depth);
  }

  /** From its definition at `at` on, as far as it is live. */
  private define(register: number, at: number): void {
    if (this.liveNow[register] === 0) extend(this.ranges, register, at, at + 1);
    else this.ranges.setFirst(register, at);
    this.liveNow[register] = 0;
  }

  private walk(block: MBlock): void {
    const { starts, ranges, wish, friends } = this;
    const from = starts[block.index];
    for (let i = block.insts.length - 1; i >= 0; i--) this.instruction(block.insts[i], from + 4 * i, block);
    for (const phi of block.phis) {
      this.define(phi.def, from);
      const beyond = wish.beyond(phi.def);
      for (let k = 0; k < phi.args.length; k++) {
        const { register } = phi.args[k];
        if (register < 0) continue;
        friends.append(phi.def, register);
        if (beyond >= 0) friends.prepend(register, beyond);
        friends.prepend(register, phi.def);
      }
    }
    if (block.index > 0) return;
    for (const { register, real } of this.fn.entry) {
      if (ranges.isEmpty(register)) continue;
      ranges.setFirst(register, -2);
      this.hints.append(register, real);
      this.liveNow[register] = 0;
    }
  }

  private instruction(inst: MInst, p: number, block: MBlock): void {
    const { fixed, wish, friends, liveNow, starts } = this;
    const { def, pinnedDef, uses, pins, tied } = inst;
    if (def >= 0) {
      this.define(def, pinnedDef >= 0 ? p + 3 : p + 2);
      if (pinnedDef < 0) this.needs.prepend(def, p + 2);
      else {
        extend(fixed, pinnedDef, p + 2, p + 3);
        this.hint(def, pinnedDef, block.depth);
      }
    }
    for (let rest = inst.clobbers; rest !== 0; rest &= rest - 1)
      extend(fixed, 31 - Math.clz32(rest & -rest), inst.readsFirst ? p + 2 : p + 1, p + 3);
    if (inst.commutative && prefersSecond(inst, liveNow, wish)) {
      [uses[0], uses[1]] = [uses[1], uses[0]];
      inst.swapped = !inst.swapped;
    }
    const phi = tied && liveNow[uses[0]] === 0 ? wish.handOn(def, uses[0]) : -1;
    if (phi >= 0) friends.prepend(uses[0], phi);
    for (let k = 0; k < uses.length; k++) {
      const use = uses[k];
      if (use < 0) continue;
      const pin = k < pins.length ? pins[k] : -1;
      const late = inst.late || (tied && k > 0);
      extend(this.ranges, use, starts[block.index], pin >= 0 ? p + 1 : late ? p + 3 : p + 2);
      liveNow[use] = 1;
      if (pin >= 0) {
        extend(fixed, pin, p + 1, inst.late || tied ? p + 3 : p + 2);
        this.hint(use, pin, block.depth);
        continue;
      }
      // A late operand keeps its register while the result is written.
      if (late) this.needs.prepend(use, p + 2);
      this.needs.prepend(use, p + 1);
    }
    if (def < 0 || !(tied || (inst.memory === "none" && pins.length === 0))) return;
    for (let k = 0; k < (tied ? 1 : uses.length); k++) {
      if (uses[k] < 0) continue;
      friends.append(def, uses[k]);
      friends.append(uses[k], def);
    }
  }
}

/** Lists are made from the end of the code: the new range comes first, or is part of the one that does. */
function extend(ranges: Chains, list: number, from: number, to: number): void {
  if (ranges.isEmpty(list) || ranges.first(list) > to) {
    ranges.prepend(list, to);
    ranges.prepend(list, from);
    return;
  }
  ranges.setFirst(list, Math.min(ranges.first(list), from));
  if (ranges.second(list) < to) ranges.setSecond(list, to);
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
        for (let k = 0; k < args.length; k++) {
          const { register } = args[k];
          if (register < 0) continue;
          if (this.phi[register] < 0) this.phi[register] = def;
          this.lastUse[register] = Math.max(this.lastUse[register], starts[predecessors[k] + 1] - 1);
        }
      }
    }
  }

  /** The phi that a phi goes into, or -1: its register may be known earlier. */
  beyond(phi: number): number {
    return this.phi[phi] !== phi ? this.phi[phi] : -1;
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
