/** Liveness of virtual registers over machine blocks: which are live at each block's end. */

import type { MFn } from "./mir.ts";

export interface Liveness {
  /** Registers live at the end and at the start of each block, phis' results included at the start. */
  out: number[][];
  in: number[][];
}

/**
 * Only registers used outside the block that defines them take part in the iteration: most are not, and the bit
 * sets stay small.
 */
export function liveRegisters(fn: MFn): Liveness {
  const home = new Int32Array(fn.registers).fill(-1);
  const globals: number[] = [];
  const number = new Int32Array(fn.registers).fill(-1);
  const isGlobal = (register: number) => {
    if (number[register] >= 0) return;
    number[register] = globals.length;
    globals.push(register);
  };
  for (const { register } of fn.entry) home[register] = 0;
  for (const block of fn.blocks) {
    for (const phi of block.phis) home[phi.def] = block.index;
    for (const inst of block.insts) if (inst.def >= 0) home[inst.def] = block.index;
  }
  for (const block of fn.blocks) {
    for (const inst of block.insts)
      for (const use of inst.uses) if (use >= 0 && home[use] !== block.index) isGlobal(use);
    for (const phi of block.phis) {
      isGlobal(phi.def);
      for (const arg of phi.args) if (arg.register >= 0) isGlobal(arg.register);
    }
  }
  return iterate(fn, globals, number);
}

function iterate(fn: MFn, globals: number[], number: Int32Array): Liveness {
  const words = (globals.length + 31) >> 5;
  const count = fn.blocks.length;
  const use = new Int32Array(words * count);
  const def = new Int32Array(words * count);
  const out = new Int32Array(words * count);
  const live = new Int32Array(words * count);
  const set = (bits: Int32Array, block: number, bit: number) => {
    bits[block * words + (bit >> 5)] |= 1 << (bit & 31);
  };
  for (const { index, insts, phis, predecessors } of fn.blocks) {
    for (let i = insts.length - 1; i >= 0; i--) {
      const { def: written, uses } = insts[i];
      if (written >= 0 && number[written] >= 0) {
        set(def, index, number[written]);
        use[index * words + (number[written] >> 5)] &= ~(1 << (number[written] & 31));
      }
      for (const read of uses) if (read >= 0 && number[read] >= 0) set(use, index, number[read]);
    }
    for (const phi of phis) {
      set(def, index, number[phi.def]);
      use[index * words + (number[phi.def] >> 5)] &= ~(1 << (number[phi.def] & 31));
      for (const [k, arg] of phi.args.entries())
        if (arg.register >= 0) set(out, predecessors[k], number[arg.register]);
    }
  }
  const phiOut = out.slice();
  const work = fn.blocks.map((_, b) => b);
  const queued = new Uint8Array(count).fill(1);
  const visited = new Uint8Array(count);
  while (work.length > 0) {
    const b = work.pop()!;
    queued[b] = 0;
    let changed = visited[b] === 0;
    visited[b] = 1;
    for (let w = 0; w < words; w++) {
      let bits = phiOut[b * words + w];
      for (const next of fn.blocks[b].successors) bits |= live[next * words + w];
      out[b * words + w] = bits;
      const now = use[b * words + w] | (bits & ~def[b * words + w]);
      if (now !== live[b * words + w]) {
        live[b * words + w] = now;
        changed = true;
      }
    }
    if (!changed) continue;
    for (const before of fn.blocks[b].predecessors) {
      if (queued[before] === 1) continue;
      queued[before] = 1;
      work.push(before);
    }
  }
  return { out: lists(out, words, count, globals), in: lists(live, words, count, globals) };
}

function lists(bits: Int32Array, words: number, count: number, globals: number[]): number[][] {
  const result: number[][] = [];
  for (let b = 0; b < count; b++) {
    const list: number[] = [];
    for (let w = 0; w < words; w++) {
      for (let rest = bits[b * words + w]; rest !== 0; rest &= rest - 1)
        list.push(globals[w * 32 + 31 - Math.clz32(rest & -rest)]);
    }
    result.push(list);
  }
  return result;
}
