/**
 * Machine code before and after register allocation: blocks of instructions over virtual registers. The allocator
 * knows nothing of a target but this shape and the register file.
 */

import type { Kernel } from "../ir/kernel.ts";

/** What a target says of its registers: numbers below 32, in the order in which it likes to hand them out. */
export interface RegisterFile {
  order: readonly number[];
  /** Bit r: a call leaves register r as it was. */
  calleeSaved: number;
}

/** A location: a register (0 … 31), or spill slot k as SLOT + k. */
export const SLOT = 32;

/** A move that the allocator wants: between locations, or of a constant hi:lo into a location. */
export interface Move {
  to: number;
  /** A location, or -1 for the constant. */
  from: number;
  /** Without a constant: 1 = the upper half is zero. */
  lo: number;
  hi: number;
}

const NONE: readonly number[] = [];

/**
 * One instruction. `kind` belongs to the target. Registers are virtual before allocation and real after it.
 * The allocator reads: def, uses, pins, tied, late, clobbers, commutative. All else is the target's.
 */
export class MInst {
  kind: number;
  /** The register that is written, or -1. */
  def: number;
  uses: number[];
  /** The real register in which uses[k] must come, or -1; empty = none. */
  pins: readonly number[] = NONE;
  /** Of uses that come in pinned registers only the lower halves count. */
  pinsLow = false;
  /** The real register in which the result appears, or -1. */
  pinnedDef = -1;
  /** def and uses[0] are one register. The other uses then live through the instruction. */
  tied = false;
  /** uses[0] and uses[1] of a tied instruction may change places. */
  commutative = false;
  /** They have. */
  swapped = false;
  /** Every use lives through the instruction: def is written before they are read. */
  late = false;
  /** Bit r: real register r is overwritten. */
  clobbers = 0;
  /** Clobbered registers are overwritten only after the uses are read, which may be in them. */
  readsFirst = false;
  /** Whether the function's frame must be there or must be gone: of calls that return here, of returns and jumps out. */
  frame: "any" | "needed" | "gone" = "any";
  width = 64;
  lo = 0;
  hi = 0;
  /** Memory operand: the registers are the last uses; `frame` = the base is the BPF frame's end; `rodata` = none. */
  memory: "none" | "base" | "index" | "frame" | "frame-index" | "rodata" = "none";
  scale = 1;
  disp = 0;
  cond = 0;
  /** Function, slot or offset, by kind. */
  aux = 0;
  at: number;

  constructor(kind: number, def: number, uses: number[], at: number) {
    this.kind = kind;
    this.def = def;
    this.uses = uses;
    this.at = at;
  }
}

/** The same instruction but for what changes; other lists stay shared. */
export const copyInst = (inst: MInst, changes: Partial<MInst>): MInst =>
  Object.assign(new MInst(inst.kind, inst.def, inst.uses, inst.at), inst, changes);

/** An argument of a phi: a virtual register, or a constant (register -1). */
export interface PhiArgument {
  register: number;
  lo: number;
  hi: number;
}

export class MBlock {
  index: number;
  insts: MInst[] = [];
  phis: { def: number; args: PhiArgument[] }[] = [];
  /** Indexes of blocks; the last instruction branches to them. A block with several successors has none with several predecessors. */
  successors: number[] = [];
  predecessors: number[] = [];
  /** Of a block that ends in a jump by table: indexes of successors. */
  table: readonly number[] = [];
  depth = 0;
  /** The frame is there (place-frame.ts). */
  framed = true;
  /** The last block of the loop that begins here in the order of blocks, or -1. */
  last = -1;

  constructor(index: number) {
    this.index = index;
  }
}

/** The same block but for what changes; other lists stay shared. */
export const copyBlock = (block: MBlock, changes: Partial<MBlock>): MBlock =>
  Object.assign(new MBlock(block.index), block, changes);

export interface MFn {
  name: string;
  kernels: readonly Kernel[];
  /** Inner loops start at multiples of so many bytes, a power of two. */
  alignment: number;
  /** By virtual register: 1 = the upper half is zero wherever it is live. */
  narrow: Uint8Array;
  /** Bytes count more than time. */
  small: boolean;
  blocks: MBlock[];
  /** Number of virtual registers. */
  registers: number;
  /** By virtual register: 1 = made where there should be no frame (split-frame.ts). */
  frameless?: Uint8Array;
  /** Arguments at entry: the virtual register and the real one that it comes in. */
  entry: { register: number; real: number }[];
}

/** What allocation gives: the same instructions with real registers, and the moves around them. */
export interface Allocation {
  /** moves[block][k]: what to do in front of instruction k, in this order; k = insts.length: nothing. */
  moves: Move[][][];
  /** By block: bit r = register r holds something that is needed from its start on, there or on the way to it. */
  liveIn: Int32Array;
  /** Number of 8-byte spill slots. */
  slots: number;
  /** Bit r: real register r is written somewhere in the function. */
  written: number;
}
