/**
 * After allocation: writes real registers into the instructions and collects the moves that join the parts of
 * each interval (within blocks, over edges, at phis, at pinned operands), in an order that loses nothing.
 */

import { bug } from "../../formats/error.ts";
import type { Interval, Intervals } from "./intervals.ts";
import type { Liveness } from "./live.ts";
import { type MFn, type MInst, type Move, SLOT } from "./mir.ts";

const NONE: readonly Move[] = [];

/** moves[block][k] = lists of parallel moves in front of instruction k, one list after the other. */
export function resolve(fn: MFn, intervals: Intervals, live: Liveness): Move[][][] {
  const all: Move[][][] = fn.blocks.map((block) => new Array(block.insts.length + 1).fill(NONE));
  const add = (block: number, k: number, list: readonly Move[]) => {
    if (list.length === 0) return;
    const useful = list.filter((move) => move.to !== move.from);
    if (useful.length > 0)
      all[block][k] = [...all[block][k], ...(useful.length > 1 ? sequence(useful) : useful)];
  };
  const joins = splitsByGap(fn, intervals);
  // First the edges into a block with one predecessor, and function entry: they stand before everything at its head.
  edges(fn, intervals, live, add, true);
  add(0, 0, entryMoves(fn, intervals));
  for (const block of fn.blocks) {
    const start = intervals.starts[block.index];
    let stores = NONE;
    const keep = (register: number, position: number) => {
      const store = storeAtDefinition(intervals, register, position);
      if (store !== undefined) stores = [...stores, store];
    };
    for (const phi of block.phis) keep(phi.def, start);
    if (block.index === 0) for (const { register } of fn.entry) keep(register, ENTRY);
    for (let k = 0; k < block.insts.length; k++) {
      const inst = block.insts[k];
      const p = start + 4 * k;
      add(block.index, k, stores);
      stores = NONE;
      if (joins.size > 0 && (k > 0 || block.index === 0)) add(block.index, k, joins.get(p) ?? NONE);
      const defined = inst.def;
      add(block.index, k, rewriteUses(inst, p, fn, intervals));
      if (defined < 0) continue;
      add(block.index, k + 1, rewriteResult(inst, p, fn, intervals));
      keep(defined, definedAt(inst, p));
    }
  }
  edges(fn, intervals, live, add, false);
  return all;
}

/** Moves between consecutive parts that meet at a gap; those at block starts belong to the edges. */
function splitsByGap({ narrow }: MFn, intervals: Intervals): Map<number, Move[]> {
  const joins = new Map<number, Move[]>();
  for (const interval of intervals.of) {
    if (interval === undefined || interval.parts.length < 2) continue;
    for (let i = 1; i < interval.parts.length; i++) {
      const [before, after] = [interval.parts[i - 1], interval.parts[i]];
      if (before.end !== after.start || before.location === after.location || after.location >= SLOT)
        continue;
      const list = joins.get(after.start) ?? [];
      list.push(move(after.location, before.location, narrow[after.register]));
      joins.set(after.start, list);
    }
  }
  return joins;
}

const move = (to: number, from: number, narrow = 0): Move => ({ to, from, lo: narrow, hi: 0 });

function partAt(interval: Interval, position: number): Interval {
  const { parts } = interval;
  for (let i = parts.length - 1; i > 0; i--) if (parts[i].start <= position) return parts[i];
  return parts[0];
}

export const locationAt = (intervals: Intervals, register: number, position: number): number =>
  partAt(intervals.of[register] ?? bug(`v${register} was never live`), position).location;

/** The slot of a register that is spilled somewhere, or -1. */
function slotOf(interval: Interval): number {
  for (const part of interval.parts) if (part.location >= SLOT) return part.location;
  return -1;
}

/** Before the first instruction: arguments are there. */
const ENTRY = -2;

/** Where instruction at `p` writes its result. In the order of the code that need not be the first part's start. */
const definedAt = (inst: MInst, p: number): number => (inst.pinnedDef >= 0 ? p + 3 : p + 2);

/** The store that makes the slot valid from the definition on, if there is one. */
function storeAtDefinition(intervals: Intervals, register: number, position: number): Move | undefined {
  const interval = intervals.of[register];
  const slot = interval === undefined ? -1 : slotOf(interval);
  if (slot < 0) return undefined;
  const { location } = partAt(interval!, position);
  return location === slot ? undefined : move(slot, location);
}

function entryMoves(fn: MFn, intervals: Intervals): Move[] {
  const list: Move[] = [];
  for (const { register, real } of fn.entry) {
    const interval = intervals.of[register];
    if (interval !== undefined) list.push(move(interval.location, real));
  }
  return list;
}

/** Replaces virtual by real registers; returns the moves that pins of operands ask for. */
function rewriteUses(inst: MInst, p: number, { narrow }: MFn, intervals: Intervals): readonly Move[] {
  const { uses, pins } = inst;
  const before: Move[] | undefined = pins.length > 0 ? [] : undefined;
  for (let k = 0; k < uses.length; k++) {
    const use = uses[k];
    if (use < 0) continue;
    const pin = pins[k] ?? -1;
    const at = locationAt(intervals, use, pin >= 0 ? p : p + 1);
    if (pin >= 0) before!.push(move(pin, at, inst.pinsLow ? 1 : narrow[use]));
    uses[k] = pin >= 0 ? pin : at;
    if (uses[k] >= SLOT) bug(`v${use} has no register where one is needed`);
  }
  return before ?? NONE;
}

/** The same for the result of an instruction that has one. */
function rewriteResult(inst: MInst, p: number, { narrow }: MFn, intervals: Intervals): readonly Move[] {
  const { def, pinnedDef } = inst;
  const location = locationAt(intervals, def, definedAt(inst, p));
  inst.def = pinnedDef >= 0 ? pinnedDef : location;
  return pinnedDef >= 0 ? [move(location, pinnedDef, narrow[def])] : NONE;
}

type Add = (block: number, k: number, list: readonly Move[]) => void;

/** Moves on control-flow edges: at the head of a successor with one predecessor, else before the jump. */
function edges(fn: MFn, intervals: Intervals, live: Liveness, add: Add, heads: boolean): void {
  for (const block of fn.blocks) {
    const { predecessors } = block;
    const start = intervals.starts[block.index];
    for (let k = 0; k < predecessors.length; k++) {
      const before = predecessors[k];
      const atHead = fn.blocks[before].successors.length > 1;
      if (atHead !== heads) continue;
      const end = intervals.starts[before + 1] - 1;
      const list: Move[] = [];
      const registers = live.in[block.index];
      for (let i = 0; i < registers.length; i++) {
        const register = registers[i];
        const interval = intervals.of[register]!;
        if (interval.parts.length === 1) continue;
        const to = locationAt(intervals, register, start);
        if (to < SLOT) list.push(move(to, locationAt(intervals, register, end), fn.narrow[register]));
      }
      for (const phi of block.phis) {
        if (intervals.of[phi.def] === undefined) continue;
        const to = locationAt(intervals, phi.def, start);
        const arg = phi.args[k];
        if (arg.register >= 0)
          list.push(move(to, locationAt(intervals, arg.register, end), fn.narrow[arg.register]));
        else list.push({ to, from: -1, lo: arg.lo, hi: arg.hi });
      }
      if (atHead) add(block.index, 0, list);
      else add(before, fn.blocks[before].insts.length - 1, list);
    }
  }
}

/** Marks (in `hi`) a move that stands for a swap: `to` and `from` change places. */
export const SWAP = -2;

/** Puts parallel moves into an order; cycles become swaps. */
export function sequence(moves: Move[]): Move[] {
  const result: Move[] = [];
  const pending = new Map<number, Move>();
  const readers = new Map<number, number>();
  for (const m of moves) {
    if (pending.has(m.to)) bug(`two moves into location ${m.to}`);
    pending.set(m.to, m);
    if (m.from >= 0) readers.set(m.from, (readers.get(m.from) ?? 0) + 1);
  }
  const ready = moves.filter((m) => !readers.has(m.to) || readers.get(m.to) === 0);
  const constants: Move[] = [];
  for (let m = ready.pop(); m !== undefined; m = ready.pop()) {
    pending.delete(m.to);
    if (m.from < 0) {
      constants.push(m);
      continue;
    }
    result.push(m);
    const left = readers.get(m.from)! - 1;
    readers.set(m.from, left);
    const next = pending.get(m.from);
    if (left === 0 && next !== undefined) ready.push(next);
  }
  // What is left are cycles of registers and slots.
  for (const m of pending.values()) {
    if (m.from === m.to) continue;
    let at = m;
    const cycle = [m];
    for (let next = pending.get(at.from)!; next !== m; next = pending.get(at.from)!) {
      cycle.push(next);
      at = next;
    }
    for (const step of cycle.slice(0, -1)) result.push({ to: step.to, from: step.from, lo: 0, hi: SWAP });
    for (const step of cycle) pending.set(step.to, { ...step, from: step.to });
  }
  return [...result, ...constants];
}
