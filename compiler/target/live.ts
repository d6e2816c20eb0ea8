/** Liveness of virtual registers over machine blocks: which are live at each block's end. */

import type { MFn } from "./mir.ts";

export interface Liveness {
  /** Registers live at the end and at the start of each block, ascending; results of phis are not live at the start. */
  out: number[][];
  in: number[][];
}

const NONE: readonly number[] = [];

/**
 * Every register has one definition: from each use outside its block, a walk back to it marks where it is live. The
 * time is that of writing the result down.
 */
export function liveRegisters(fn: MFn): Liveness {
  const home = new Int32Array(fn.registers).fill(-1);
  for (const { register } of fn.entry) home[register] = 0;
  for (const block of fn.blocks) {
    for (const phi of block.phis) home[phi.def] = block.index;
    for (const inst of block.insts) if (inst.def >= 0) home[inst.def] = block.index;
  }
  const walk = new Walk(fn, home);
  const { starts, ends } = usesElsewhere(fn, home);
  for (let register = 0; register < fn.registers; register++) {
    for (const block of ends[register] ?? NONE) walk.liveOut(block, register);
    for (const block of starts[register] ?? NONE) walk.liveIn(block, register);
  }
  return { in: walk.in, out: walk.out };
}

/** By register: blocks that need it at their start, and blocks at whose end a phi takes it. */
function usesElsewhere(fn: MFn, home: Int32Array): { starts: number[][]; ends: number[][] } {
  const starts: number[][] = new Array(fn.registers);
  const ends: number[][] = new Array(fn.registers);
  const add = (lists: number[][], register: number, block: number) => {
    const list = lists[register];
    if (list === undefined) lists[register] = [block];
    else if (list[list.length - 1] !== block) list.push(block);
  };
  for (const { index, insts, phis, predecessors } of fn.blocks) {
    for (let i = 0; i < insts.length; i++) {
      const { uses } = insts[i];
      for (let k = 0; k < uses.length; k++)
        if (uses[k] >= 0 && home[uses[k]] !== index) add(starts, uses[k], index);
    }
    for (const { args } of phis)
      for (let k = 0; k < args.length; k++)
        if (args[k].register >= 0) add(ends, args[k].register, predecessors[k]);
  }
  return { starts, ends };
}

class Walk {
  readonly in: number[][];
  readonly out: number[][];
  private readonly fn: MFn;
  private readonly home: Int32Array;
  /** By block: the last register that was found live there. */
  private readonly lastIn: Int32Array;
  private readonly lastOut: Int32Array;
  private readonly work: number[] = [];

  constructor(fn: MFn, home: Int32Array) {
    const lists = (): number[][] => fn.blocks.map(() => []);
    const none = () => new Int32Array(fn.blocks.length).fill(-1);
    this.fn = fn;
    this.home = home;
    [this.in, this.out] = [lists(), lists()];
    [this.lastIn, this.lastOut] = [none(), none()];
  }

  liveOut(block: number, register: number): void {
    if (this.lastOut[block] === register) return;
    this.lastOut[block] = register;
    this.out[block].push(register);
    if (this.home[register] !== block) this.liveIn(block, register);
  }

  /** Goes on through all predecessors, one after the other. */
  liveIn(block: number, register: number): void {
    const { work } = this;
    if (this.lastIn[block] === register) return;
    this.enter(block, register);
    for (let at = work.pop(); at !== undefined; at = work.pop()) {
      for (const before of this.fn.blocks[at].predecessors) {
        if (this.lastOut[before] === register) continue;
        this.lastOut[before] = register;
        this.out[before].push(register);
        if (this.home[register] !== before && this.lastIn[before] !== register) this.enter(before, register);
      }
    }
  }

  private enter(block: number, register: number): void {
    this.lastIn[block] = register;
    this.in[block].push(register);
    this.work.push(block);
  }
}
