/**
 * What is read later, by instruction: registers, and stack slots that are only accessed through r10 directly. What
 * is dead makes no difference between two states.
 */

import { FRAME_SIZE } from "../../formats/isa/bpf.ts";
import { helperById } from "../../helpers/table.ts";
import { type FlowBlock, reads, writes } from "../build/flow.ts";
import type { Func, Reference } from "../program.ts";

export interface Liveness {
  /** Bit r: register r is live before the instruction. */
  regs: Uint16Array;
  /** Bit s of the pair: slot s, from the lowest address up, is live before the instruction. */
  low: Int32Array;
  high: Int32Array;
  /** Slots from here on are always live: their addresses are taken. */
  taken: number;
}

/** A register: not a stack address, one at a constant distance from r10, or who knows. */
const NOT = 1;
const UNKNOWN = 2;
type Address = number; // NOT, UNKNOWN, or a distance, which is never positive

const meet = (a: Address, b: Address): Address => (a === b ? a : UNKNOWN);

/** A helper that uses addresses during the call alone, from where they point upwards. */
function keeps(reference: Reference | undefined): boolean {
  const row = reference?.kind === "helper" ? helperById(reference.id) : undefined;
  return row !== undefined && !row.effects.includes("calls-back");
}

/** Where registers point before each block, by iteration to a fixpoint. */
class Addresses {
  /** Lowest distance of an address that is used for anything but a load or a store. */
  taken = 0;
  readonly regs: Address[] = [];

  take(r: number): void {
    const at = this.regs[r];
    if (at === UNKNOWN) this.taken = -FRAME_SIZE;
    else if (at !== NOT) this.taken = Math.min(this.taken, at);
  }

  /** Whoever gets the address may go anywhere from there. */
  escape(r: number): void {
    if (this.regs[r] !== NOT) this.taken = -FRAME_SIZE;
  }

  step(func: Func, i: number): void {
    const insn = func.insns[i];
    const { row, dst, src, imm } = insn;
    const { regs } = this;
    switch (row.kind) {
      case "alu": {
        const wide = row.width === 64;
        if (row.op === "mov" && wide) regs[dst] = row.operand === "reg" ? regs[src] : NOT;
        else if (
          (row.op === "add" || row.op === "sub") &&
          wide &&
          row.operand === "imm" &&
          regs[dst] !== UNKNOWN &&
          regs[dst] !== NOT
        ) {
          const to = regs[dst] + (row.op === "add" ? imm : -imm);
          regs[dst] = to <= 0 ? to : UNKNOWN;
        } else {
          if (row.operand === "reg" && row.op !== "mov" && row.op !== "movsx") this.take(src);
          if (row.op === "mov" || row.op === "movsx") regs[dst] = NOT;
          else {
            this.take(dst);
            const from = row.operand === "reg" ? regs[src] : NOT;
            regs[dst] = regs[dst] === NOT && from === NOT ? NOT : UNKNOWN;
          }
        }
        break;
      }
      case "store":
      case "atomic":
        if (row.operand === "reg") this.escape(src);
        if (regs[dst] === UNKNOWN) this.taken = -FRAME_SIZE;
        break;
      case "load":
        if (regs[src] === UNKNOWN) this.taken = -FRAME_SIZE;
        break;
      case "call":
        for (let r = 1; r < 6; r++) {
          if (keeps(func.references[i])) this.take(r);
          else this.escape(r);
        }
        break;
      case "exit":
        this.escape(0);
        break;
    }
    const killed = writes(insn);
    if (row.kind !== "alu") for (let r = 0; r < 10; r++) if ((killed >> r) & 1) regs[r] = NOT;
  }
}

function addressTaken(
  func: Func,
  blocks: FlowBlock[],
  each: (i: number, regs: readonly Address[]) => void,
): number {
  const starts: (Address[] | undefined)[] = blocks.map(() => undefined);
  starts[0] = [...new Array(10).fill(NOT), 0];
  const walk = new Addresses();
  const work = [0];
  while (work.length > 0) {
    const b = work.pop()!;
    walk.regs.splice(0, walk.regs.length, ...starts[b]!);
    for (let i = blocks[b].start; i < blocks[b].end; i++) walk.step(func, i);
    for (const next of blocks[b].successors) {
      const old = starts[next];
      const now = old ? old.map((a, r) => meet(a, walk.regs[r])) : walk.regs.slice();
      if (old?.every((a, r) => a === now[r])) continue;
      starts[next] = now;
      work.push(next);
    }
  }
  for (const [b, block] of blocks.entries()) {
    walk.regs.splice(0, walk.regs.length, ...starts[b]!);
    for (let i = block.start; i < block.end; i++) {
      each(i, walk.regs);
      walk.step(func, i);
    }
  }
  return walk.taken;
}

/** Slot numbers of a direct access, or undefined. */
function slotOf(at: Address, off: number): number | undefined {
  if (at === NOT || at === UNKNOWN) return undefined;
  const offset = at + off + FRAME_SIZE;
  return offset >= 0 && offset < FRAME_SIZE ? offset >> 3 : undefined;
}

/** Liveness of a function; `params` are the masks of the program's functions. */
export function liveness(func: Func, blocks: FlowBlock[], params: number[]): Liveness {
  const { insns } = func;
  const size = insns.length;
  const used = new Int16Array(size).fill(-1);
  const killed = new Int16Array(size).fill(-1);
  const taken = addressTaken(func, blocks, (i, regs) => {
    const { row, src, dst, off } = insns[i];
    if (row.kind === "load") used[i] = slotOf(regs[src], off) ?? -1;
    if (row.kind === "atomic") used[i] = slotOf(regs[dst], off) ?? -1;
    if (row.kind === "store" && row.bytes === 8) killed[i] = slotOf(regs[dst], off) ?? -1;
  });
  const result: Liveness = {
    regs: new Uint16Array(size),
    low: new Int32Array(size),
    high: new Int32Array(size),
    taken: (FRAME_SIZE + taken) >> 3,
  };
  const queued = new Uint8Array(blocks.length).fill(1);
  const work = blocks.map((_, b) => b);
  while (work.length > 0) {
    const b = work.pop()!;
    queued[b] = 0;
    let [regs, low, high] = [0, 0, 0];
    for (const next of blocks[b].successors) {
      const { start } = blocks[next];
      regs |= result.regs[start];
      low |= result.low[start];
      high |= result.high[start];
    }
    const { start, end } = blocks[b];
    const [regsBefore, lowBefore, highBefore] = [result.regs[start], result.low[start], result.high[start]];
    for (let i = end - 1; i >= start; i--) {
      regs = (regs & ~writes(insns[i])) | reads(insns[i], func.references[i], params);
      const [kill, use] = [killed[i], used[i]];
      if (kill >= 32) high &= ~(1 << (kill - 32));
      else if (kill >= 0) low &= ~(1 << kill);
      if (use >= 32) high |= 1 << (use - 32);
      else if (use >= 0) low |= 1 << use;
      result.regs[i] = regs & 0x3ff;
      result.low[i] = low;
      result.high[i] = high;
    }
    if (regsBefore === result.regs[start] && lowBefore === low && highBefore === high) continue;
    for (const before of blocks[b].predecessors) {
      if (queued[before] === 1) continue;
      queued[before] = 1;
      work.push(before);
    }
  }
  return result;
}

/** Whether slot `s` is live before instruction `i`. */
export const isSlotLive = (live: Liveness, i: number, s: number): boolean =>
  s >= live.taken || ((s < 32 ? live.low[i] >> s : live.high[i] >> (s - 32)) & 1) === 1;
