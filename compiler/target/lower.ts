/**
 * What every target's instruction selection needs: virtual registers for values, leaves made where they are used,
 * blocks walked backwards so that a value that nobody asked for is never emitted. A target gives the rules.
 */

import { bug } from "../../formats/error.ts";
import { countUses } from "../ir/flow.ts";
import { upperZero } from "../ir/fold.ts";
import { blockOrder } from "../ir/graph.ts";
import { Block, type Fn, type Value } from "../ir/ir.ts";
import { loopDepths } from "../ir/loops.ts";
import { CALLS, op } from "../ir/ops.ts";
import { LoopConstants } from "./loop-constants.ts";
import { MBlock, type MFn, MInst } from "./mir.ts";

/** What selection must know beyond the function. */
export interface Context {
  /** needsGot[f]: function f of the program takes the import table as its sixth argument. */
  needsGot: boolean[];
  small: boolean;
  features: ReadonlySet<string>;
}

/** A target's part: rules that emit instructions through the lowering that calls them. */
export interface Selection {
  /** Emits one value; called only for values with effects or uses. */
  value(l: Lowering, v: Value): void;
  /** Emits the end of a block. */
  end(l: Lowering, block: Block): void;
  /** Makes a leaf (a constant or an address) in `register`. */
  leaf(l: Lowering, v: Value, register: number): void;
  /** A constant that is worth a register throughout a loop; none unless given. */
  staysInLoops?(v: Value): boolean;
  /** A leaf that is worth keeping in a register between its uses in a block. */
  isCostly(l: Lowering, v: Value): boolean;
  /** More costly leaves than this are not kept at once: registers are worth more. */
  keptLeaves: number;
  /** Real registers of r1 … r5 and got at entry. */
  argumentRegisters: readonly number[];
}

export class Lowering {
  readonly fn: Fn;
  readonly context: Context;
  readonly useCount: Int32Array;
  private readonly rules: Selection;
  private readonly registerOf: Int32Array;
  private readonly cleanPhi: Uint8Array;
  private readonly gotLeaf: Value;
  /** By value: what kinds of address it is. */
  private readonly addresses: Uint8Array;
  /** By value: how many writes its block makes before it. */
  private readonly epoch: Int32Array;
  private count = 0;
  /** Instructions of the block at hand, last one first. */
  private backwards: MInst[] = [];
  /** Leaves asked for (walking backwards) and not yet made. */
  private readonly pending = new Map<Value, number>();
  private readonly narrowLeaves: number[] = [];
  private readonly depths: Int32Array;
  private readonly loopConstants: LoopConstants;
  private block: Block;
  private readonly inBlock = new Map<Value, number>();
  /** 64-bit constants whose register also is that of a 32-bit one. */
  private readonly twins = new Map<Value, Value>();
  private readonly edgeLeaf = new Map<string, number>();
  private at = -1;

  constructor(fn: Fn, context: Context, rules: Selection) {
    this.fn = fn;
    this.context = context;
    this.rules = rules;
    this.gotLeaf = fn.leaf(op.got, 64, 0);
    this.useCount = countUses(fn);
    this.depths = loopDepths(fn);
    this.loopConstants = new LoopConstants(fn, this.depths);
    this.block = fn.blocks[0];
    this.findTwins();
    this.registerOf = new Int32Array(fn.nextValue).fill(-1);
    this.epoch = countWrites(fn);
    this.addresses = findAddresses(fn);
    this.cleanPhi = cleanNarrowPhis(fn, (v) => this.isClean(v));
  }

  run(): MFn {
    const { fn } = this;
    for (const block of fn.blocks)
      for (const phi of block.phis) for (const arg of phi.args) if (!isLeaf(arg)) this.register(arg);
    const { depths } = this;
    const index = new Int32Array(fn.nextBlock);
    for (let i = 0; i < fn.blocks.length; i++) index[fn.blocks[i].id] = i;
    const blocks = fn.blocks.map((block, i) => {
      const made = new MBlock(i);
      made.successors = block.successors.map((next) => index[next.id]);
      made.predecessors = block.predecessors.map((before) => index[before.id]);
      made.table = block.table;
      made.depth = depths[block.id];
      return made;
    });
    const order = blockOrder(fn).toReversed();
    for (const block of order) this.lower(block, blocks[index[block.id]]);
    // Only now are the leaves made at the ends of all predecessors.
    for (const block of order) this.finishPhis(block, blocks[index[block.id]]);
    const { name, kernels } = fn;
    const made = { name, kernels, alignment: 1, small: this.context.small, narrow: this.narrow() };
    return { ...made, blocks, registers: this.count, entry: this.entry() };
  }

  private findTwins(): void {
    const narrow = new Map<number, Value>();
    for (const leaf of this.fn.leaves)
      if (leaf.op === op.const && leaf.type === 32) narrow.set(leaf.lo, leaf);
    for (const leaf of this.fn.leaves) {
      const twin = narrow.get(leaf.lo);
      if (leaf.op !== op.const || leaf.type !== 64 || leaf.hi !== 0 || twin === undefined) continue;
      this.twins.set(leaf, twin);
    }
  }

  private narrow(): Uint8Array {
    const narrow = new Uint8Array(this.count);
    for (const register of this.narrowLeaves) narrow[register] = 1;
    const mark = (v: Value) => {
      const register = this.registerOf[v.id];
      if (register >= 0 && (v.type === 32 ? this.isClean(v) : upperZero(v))) narrow[register] = 1;
    };
    for (const { phis, body } of this.fn.blocks)
      for (const list of [phis, body]) for (const v of list) mark(v);
    return narrow;
  }

  private countInBlock(v: Value): void {
    if (v.op !== op.const && v.op !== op.rodata) return;
    const leaf = this.twins.get(v) ?? v;
    this.inBlock.set(leaf, (this.inBlock.get(leaf) ?? 0) + 1);
  }

  /** Uses of a constant in the block at hand. */
  usesInBlock(leaf: Value): number {
    return this.inBlock.get(this.twins.get(leaf) ?? leaf) ?? 0;
  }

  private entry(): { register: number; real: number }[] {
    const list: { register: number; real: number }[] = [];
    for (const leaf of this.fn.leaves) {
      const k = leaf.op === op.param ? leaf.aux : leaf.op === op.got ? 5 : -1;
      if (k >= 0 && this.registerOf[leaf.id] >= 0)
        list.push({ register: this.registerOf[leaf.id], real: this.rules.argumentRegisters[k] });
    }
    return list;
  }

  private lower(block: Block, to: MBlock): void {
    this.backwards = [];
    this.block = block;
    this.inBlock.clear();
    for (const v of block.body) for (const arg of v.args) this.countInBlock(arg);
    this.at = block.at;
    this.step(() => this.rules.end(this, block));
    this.edgeLeaves(block);
    for (const { leaf, register } of this.loopConstants.take(block))
      this.step(() => this.rules.leaf(this, leaf, register));
    for (let i = block.body.length - 1; i >= 0; i--) {
      const v = block.body[i];
      const wanted = v.op.writes || this.registerOf[v.id] >= 0;
      if (!wanted || this.root(v) !== v) continue;
      this.at = v.at;
      if (CALLS.has(v.op)) this.makePending(true);
      this.step(() => this.rules.value(this, v));
    }
    this.makePending(true);
    to.insts = this.backwards.reverse();
    for (const phi of block.phis) to.phis.push({ def: this.register(phi), args: [] });
  }

  private finishPhis(block: Block, to: MBlock): void {
    for (const [i, phi] of block.phis.entries())
      to.phis[i].args = phi.args.map((arg, k) => this.phiArgument(arg, phi, k));
  }

  /** Addresses that go into phis of the successors are made at the end of this block. */
  private edgeLeaves(block: Block): void {
    const { successors } = block;
    for (let i = 0; i < successors.length; i++) {
      const next = successors[i];
      if (next.phis.length === 0 || successors.indexOf(next) < i) continue;
      for (const phi of next.phis) {
        for (let k = 0; k < phi.args.length; k++) {
          const arg = phi.args[k];
          if (next.predecessors[k] !== block || !isMade(arg)) continue;
          const register = this.fresh();
          this.edgeLeaf.set(`${phi.id},${k}`, register);
          this.step(() => this.rules.leaf(this, arg, register));
        }
      }
    }
  }

  private phiArgument(arg: Value, phi: Value, k: number): { register: number; lo: number; hi: number } {
    if (arg.op === op.const) return { register: -1, lo: arg.lo, hi: arg.type === 64 ? arg.hi : 0 };
    if (arg.op === op.undef) return { register: -1, lo: 0, hi: 0 };
    const made = isMade(arg) ? this.edgeLeaf.get(`${phi.id},${k}`) : this.register(arg);
    return { register: made ?? bug(`no register for argument ${k} of v${phi.id}`), lo: 0, hi: 0 };
  }

  /** Takes what `rules` emits, in forward order, as one step of the backward walk. */
  private step(rules: () => void): void {
    const { backwards } = this;
    const from = backwards.length;
    rules();
    for (let i = from, k = backwards.length - 1; i < k; i++, k--)
      [backwards[i], backwards[k]] = [backwards[k], backwards[i]];
    if (this.pending.size > 0) this.makePending(this.pending.size > this.rules.keptLeaves);
  }

  /** Makes the leaves that were asked for: all of them, or those that are cheap to make again. */
  private makePending(all: boolean): void {
    if (this.pending.size === 0) return;
    for (const [leaf, register] of [...this.pending]) {
      // Making one leaf may make others.
      if (!this.pending.has(leaf) || (!all && this.rules.isCostly(this, leaf))) continue;
      this.pending.delete(leaf);
      this.step(() => this.rules.leaf(this, leaf, register));
    }
  }

  emit(kind: number, def: number, uses: number[]): MInst {
    const inst = new MInst(kind, def, uses, this.at);
    this.backwards.push(inst);
    return inst;
  }

  /** One instruction that makes `v`, of its width, from values in registers. */
  emitValue(kind: number, v: Value, uses: readonly Value[]): MInst {
    const registers = uses.map((use) => this.register(use));
    const inst = this.emit(kind, this.register(v), registers);
    inst.width = v.type;
    return inst;
  }

  fresh(): number {
    return this.count++;
  }

  /** The value that holds the bits: truncations, and extensions of values whose upper half is zero, are free. */
  root(v: Value): Value {
    let end = v;
    for (;;) {
      if (end.op === op.trunc) end = end.args[0];
      else if (end.op === op.zext && this.isClean(end.args[0])) end = end.args[0];
      else return end;
    }
  }

  /** What `v` is the lower half or the zero-extension of, where nothing else needs `v`; else `v` itself. */
  half(v: Value): Value {
    return (v.op === op.trunc || v.op === op.zext) && this.useCount[v.id] === 1 ? v.args[0] : v;
  }

  /** Every use of this value can take its sum as an addressing mode. */
  isAddress(v: Value): boolean {
    return this.useCount[v.id] === 1 || (this.addresses[v.id] & ACCESSED) !== 0;
  }

  /** Every use of this value is an access in its block to just that place. */
  isPlainAddress(v: Value): boolean {
    return this.addresses[v.id] === (ACCESSED | PLAIN);
  }

  /** A load that only `user` needs, with nothing written in between: it may read memory itself. `user` null: the block's end. */
  canFold(load: Value, user: Value | Block): boolean {
    if (load.op.bytes === 0 || load.op.writes || this.useCount[load.id] !== 1) return false;
    if (user instanceof Block) {
      const last = user.body[user.body.length - 1];
      return load.block === user && this.epoch[load.id] === this.epoch[last.id] + (last.op.writes ? 1 : 0);
    }
    return load.block === user.block && this.epoch[load.id] === this.epoch[user.id];
  }

  /** The function returns what this call gives, and its frame is not needed any more. A fault in a helper names its caller. */
  isTail(v: Value): boolean {
    const { block } = v;
    if (this.fn.stack > 0 || block.end !== "return" || block.control !== v || this.useCount[v.id] !== 1)
      return false;
    return block.body[block.body.length - 1] === v && (v.op === op.call || v.op === op.calli);
  }

  /** This 32-bit value's register has a zero upper half: 32-bit operations of all targets leave it so. */
  isClean(v: Value): boolean {
    if (v.op === op.phi) return this.cleanPhi[v.id] === 1;
    if (v.op === op.trunc) return upperZero(v.args[0]);
    return v.op !== op.cmpxchg;
  }

  /** The virtual register of a value; a leaf is made in front of the instruction that asks for it, or earlier. */
  register(v: Value): number {
    const own = this.root(v);
    const root = this.twins.get(own) ?? own;
    if (isLeaf(root) && root.op !== op.param && root.op !== op.got) {
      let register = this.rules.staysInLoops?.(root)
        ? this.loopConstants.register(root, this.block, () => this.fresh())
        : undefined;
      register ??= this.pending.get(root);
      if (register === undefined) {
        register = this.fresh();
        if (root.op === op.const && (root.type === 32 || root.hi === 0)) this.narrowLeaves.push(register);
        this.pending.set(root, register);
      }
      return register;
    }
    if (this.registerOf[root.id] < 0) this.registerOf[root.id] = this.fresh();
    return this.registerOf[root.id];
  }

  got(): number {
    return this.register(this.gotLeaf);
  }
}

const LEAVES = new Set<unknown>([
  op.const,
  op.undef,
  op.param,
  op.got,
  op.frame,
  op.code,
  op.rodata,
  op.data,
  op.map,
]);
export const isLeaf = (v: Value): boolean => LEAVES.has(v.op);

/** A leaf that takes an instruction to make, unlike constants in phis and what comes in registers. */
const isMade = (v: Value): boolean =>
  isLeaf(v) && v.op !== op.const && v.op !== op.undef && v.op !== op.param && v.op !== op.got;

function countWrites(fn: Fn): Int32Array {
  const epoch = new Int32Array(fn.nextValue);
  for (const { body } of fn.blocks) {
    let writes = 0;
    for (const v of body) {
      epoch[v.id] = writes;
      if (v.op.writes) writes++;
    }
  }
  return epoch;
}

/** Bits: nothing but accesses use it; they are all in its block, without a displacement. */
const ACCESSED = 1;
const PLAIN = 2;

function findAddresses(fn: Fn): Uint8Array {
  const found = new Uint8Array(fn.nextValue).fill(ACCESSED | PLAIN);
  for (const { phis, body, control } of fn.blocks) {
    for (const v of phis) for (const arg of v.args) found[arg.id] = 0;
    for (const v of body)
      for (let k = 0; k < v.args.length; k++) {
        const arg = v.args[k];
        if (v.op.bytes === 0 || k > 0) found[arg.id] = 0;
        else if (v.aux !== 0 || v.block !== arg.block) found[arg.id] &= ~PLAIN;
      }
    if (control !== null) found[control.id] = 0;
  }
  return found;
}

/** Phis of 32-bit values whose registers have a zero upper half whichever way control comes. */
function cleanNarrowPhis(fn: Fn, isClean: (v: Value) => boolean): Uint8Array {
  const clean = new Uint8Array(fn.nextValue);
  const phis = fn.blocks.flatMap((block) => block.phis).filter((phi) => phi.type === 32);
  for (const phi of phis) clean[phi.id] = 1;
  const ok = (v: Value) => (v.op === op.phi ? clean[v.id] === 1 : isClean(v));
  for (let changed = true; changed; ) {
    changed = false;
    for (const phi of phis) {
      if (clean[phi.id] === 0 || phi.args.every(ok)) continue;
      clean[phi.id] = 0;
      changed = true;
    }
  }
  return clean;
}
