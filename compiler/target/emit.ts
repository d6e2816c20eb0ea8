/**
 * Allocated machine code to bytes, as far as all targets do it alike: blocks in order, moves in front of
 * instructions, branches to where control really goes, line numbers. A target's machine encodes the rest.
 */

import { type Branch, type BranchForms, layoutBranches, PAD } from "./branches.ts";
import type { FunctionCode } from "./code.ts";
import { appendTables } from "./jump-table.ts";
import { type Ends, mergeTails } from "./merge-tails.ts";
import { type Allocation, type MBlock, type MFn, type MInst, type Move, SLOT } from "./mir.ts";
import { type Frames, placeFrame } from "./place-frame.ts";
import { SWAP } from "./resolve.ts";
import { findLoops, rotateLoops } from "./rotate-loops.ts";

/** A target's encoder for one function. */
export interface Machine extends Ends, Frames {
  /** Bytes so far, without branches. */
  readonly size: number;
  /** Bytes of native stack that a call takes, its return address included. */
  readonly stack: number;
  /** Those of jump tables come in the order of their blocks; their targets are filled in here. */
  readonly fixups: FunctionCode["fixups"];
  /** Entries of jump tables are distances in units of so many bytes. */
  readonly unit: number;
  readonly entryBytes: 2 | 4;
  readonly forms: BranchForms;
  /** A block begins; `follows`: control comes from the end of the block that was made last, and nowhere else. */
  startBlock(follows: boolean): void;
  /** `keepsFlags`: around a comparison. */
  move(move: Move, keepsFlags?: boolean): void;
  readonly kinds: Ends["kinds"] &
    Frames["kinds"] & {
      /** A conditional branch. */
      readonly branch: number;
    };
  /** This branch reads the register itself, not flags. */
  comparesLate(branch: MInst): boolean;
  inst(inst: MInst): void;
  /** Emits what comes before a conditional branch; gives its condition and register as in Branch. */
  compare(inst: MInst): { condition: number; register: number };
  /** The opposite condition. */
  inverse(condition: number): number;
  /** Bit r: register r may be written. */
  readonly scratch: number;
  /** The condition of an unconditional branch. */
  readonly always: number;
  finish(): Uint8Array;
}

export function emitFunction(fn: MFn, allocation: Allocation, machine: Machine): FunctionCode {
  findLoops(fn);
  const rotated = rotateLoops(fn, allocation, machine.kinds.jump);
  placeFrame(rotated.fn, rotated.allocation, machine);
  const merged = mergeTails(rotated.fn, rotated.allocation, machine);
  return new Emitter(merged.fn, merged.allocation, machine).run();
}

/** Instructions of a round's end that is made more than once. */
const LATCH = 4;
/** Ways to it, at most: each is a copy. */
const WAYS = 3;

class Emitter {
  private readonly fn: MFn;
  private readonly moves: Move[][][];
  private readonly machine: Machine;
  /** Moves of a loop's back edge that are done before its branch, by block of the branch. */
  private readonly early: Move[][];
  /** The block that does what this one does, or -1. */
  private readonly twin: Int32Array;
  private readonly skipped: Uint8Array;
  private readonly branches: Branch[] = [];
  private readonly lines: FunctionCode["lines"] = [];
  /** Where the last instruction that is no move begins. */
  private last = 0;

  constructor(fn: MFn, allocation: Allocation, machine: Machine) {
    this.fn = fn;
    this.moves = allocation.moves;
    this.machine = machine;
    this.breakCycles(allocation.liveIn);
    this.early = fn.blocks.map((block) => this.earlyMoves(block, allocation.liveIn));
    this.twin = this.findTwins();
    this.skipped = this.findSkipped();
  }

  run(): FunctionCode {
    const { machine } = this;
    const starts: number[] = [];
    let last = -1;
    for (const block of this.fn.blocks) {
      if (this.isAligned(block)) this.add(block.index - 1, this.fn.alignment, PAD, block.last + 1);
      starts.push(machine.size);
      if (this.skipped[block.index] === 1 || this.isRepeated(block)) continue;
      machine.startBlock(this.comesFrom(block) === last);
      last = block.index;
      this.body(block, block.index);
    }
    const laidOut = layoutBranches(machine.finish(), starts, this.branches, machine.forms, this.fn.small);
    const { moved } = laidOut;
    const { bytes, places } = appendTables(laidOut, machine, this.tables());
    let tables = 0;
    return {
      bytes,
      size: laidOut.bytes.length,
      alignment: this.branches.some(({ condition }) => condition === PAD) ? this.fn.alignment : 1,
      fixups: machine.fixups.map(({ at, kind, target }) => ({
        at: moved(at),
        kind,
        target: kind === "table" ? places[tables++] : target,
      })),
      lines: this.lines.map(({ offset, insn }) => ({ offset: moved(offset), insn })),
      stack: machine.stack,
    };
  }

  /** By switch, in the order in which the code refers to them: the blocks to which its entries lead. */
  private tables(): number[][] {
    return this.fn.blocks
      .filter(({ table }) => table.length > 0)
      .map(({ table, successors }) => table.map((k) => this.final(successors[k])));
  }

  /** What `from` does, at the end of `block`. */
  private body(from: MBlock, block: number): void {
    const { machine } = this;
    for (const [k, inst] of from.insts.entries()) {
      for (const move of this.moves[from.index][k]) machine.move(move);
      this.line(inst.at);
      if (inst.kind === machine.kinds.jump) this.jump(from.successors[0], block, from.index === block);
      else if (inst.kind === machine.kinds.branch) this.branch(inst, from, block);
      else {
        this.last = machine.size;
        machine.inst(inst);
      }
    }
  }

  /** Values that change places on the way round a loop: moves through a free register wait less than exchanges. */
  private breakCycles(liveIn: Int32Array): void {
    const { scratch, calleeSaved } = this.machine;
    for (const { index, insts, successors, depth, framed } of this.fn.blocks) {
      if (depth === 0 || successors.length !== 1) continue;
      const list = this.moves[index][insts.length - 1];
      if (list.some(({ hi }) => hi === SWAP))
        this.moves[index][insts.length - 1] = withoutSwaps(
          list,
          scratch & ~liveIn[successors[0]] & (framed ? -1 : ~calleeSaved),
        );
    }
  }

  /**
   * A back edge with moves would need a jump of its own. Where what they write matters to nobody who leaves the loop,
   * they are done before the branch, which then is the jump.
   */
  private earlyMoves({ insts, successors, index }: MBlock, liveIn: Int32Array): Move[] {
    const { blocks } = this.fn;
    if (successors.length !== 2) return [];
    const branch = insts[insts.length - 1];
    const back = successors.find((b) => {
      const edge = blocks[b];
      if (edge.insts.length > 1 || edge.successors.length !== 1 || edge.predecessors.length !== 1)
        return false;
      return edge.successors[0] <= index && b !== index;
    });
    if (back === undefined) return [];
    const list = this.moves[back][0];
    const other = successors[0] === back ? successors[1] : successors[0];
    const late = this.machine.comparesLate(branch);
    const fits = ({ to, hi }: Move) =>
      to < SLOT && hi !== SWAP && ((liveIn[other] >> to) & 1) === 0 && !(late && branch.uses[0] === to);
    if (!list.every(fits)) return [];
    this.moves[back][0] = [];
    return list;
  }

  private line(insn: number): void {
    const last = this.lines[this.lines.length - 1];
    if (insn < 0 || last?.insn === insn) return;
    if (last?.offset === this.machine.size) last.insn = insn;
    else this.lines.push({ offset: this.machine.size, insn });
  }

  /** The head of a loop without loops inside, which the fetch of instructions likes to meet at its start. */
  private isAligned({ index, depth, last }: MBlock): boolean {
    if (this.fn.alignment === 1 || depth === 0 || index === 0 || last < index) return false;
    return this.fn.blocks.slice(index, last + 1).every((block) => block.depth <= depth);
  }

  /** Edges that do the same moves on the way to one block need them once: the others lead to the first one. */
  private findTwins(): Int32Array {
    const { blocks } = this.fn;
    const twin = new Int32Array(blocks.length).fill(-1);
    const known = new Map<string, number>();
    for (const { index, insts, successors } of blocks) {
      if (insts.length !== 1 || successors.length !== 1 || this.moves[index][0].length === 0) continue;
      const moves = this.moves[index][0].map(({ to, from, lo, hi }) => `${to},${from},${lo},${hi}`).join();
      const key = `${successors[0]}:${moves}`;
      const first = known.get(key);
      if (first === undefined) known.set(key, index);
      else twin[index] = first;
    }
    return twin;
  }

  /** Blocks that only jump on make no code: control goes to their end instead. An empty endless loop stays. */
  private findSkipped(): Uint8Array {
    const { blocks } = this.fn;
    const isEmpty = (b: number) =>
      blocks[b].insts.length === 1 &&
      blocks[b].insts[0].kind === this.machine.kinds.jump &&
      this.moves[b][0].length === 0;
    const skipped = Uint8Array.from(this.twin, (first) => (first >= 0 ? 1 : 0));
    for (const { index } of blocks) {
      const chain = new Set<number>();
      let at = index;
      while (isEmpty(at) && skipped[at] === 0 && !chain.has(at)) {
        chain.add(at);
        at = blocks[at].successors[0];
      }
      if (!chain.has(at)) for (const b of chain) skipped[b] = 1;
    }
    return skipped;
  }

  /** A return that stands in place of every jump to it. */
  private isRepeated({ index, predecessors }: MBlock): boolean {
    if (index === 0 || !this.returnsShort(index)) return false;
    return predecessors.every(
      (before) =>
        this.skipped[before] === 0 &&
        this.fn.blocks[before].successors.length === 1 &&
        !this.fallsTo(before, index),
    );
  }

  private returnsShort(index: number): boolean {
    const { insts } = this.fn.blocks[index];
    return insts.length === 1 && this.machine.isShortReturn(insts[0]) && this.moves[index][0].length === 0;
  }

  private final(target: number): number {
    let end = target;
    while (this.skipped[end] === 1)
      end = this.twin[end] >= 0 ? this.twin[end] : this.fn.blocks[end].successors[0];
    return end;
  }

  private fallsTo(block: number, target: number): boolean {
    let next = block + 1;
    while (this.skipped[next] === 1) next++;
    return next === target;
  }

  /** The only block with code from whose end control comes, or -2. */
  private comesFrom({ predecessors }: MBlock): number {
    let from = predecessors;
    while (from.length === 1 && this.skipped[from[0]] === 1 && this.twin[from[0]] < 0)
      from = this.fn.blocks[from[0]].predecessors;
    return from.length === 1 ? from[0] : -2;
  }

  private add(block: number, target: number, condition: number, register: number, joined = 0): void {
    this.branches.push({ at: this.machine.size, block, target, condition, register, joined });
  }

  /** `mayCopy`: the block ends here, with a jump of its own. */
  private jump(to: number, block: number, mayCopy = false): void {
    const target = this.final(to);
    if (this.fallsTo(block, target)) return;
    if (mayCopy && this.isShortLatch(target, block)) {
      this.body(this.fn.blocks[target], block);
      return;
    }
    // A return that is as short as the jump to it.
    if (this.returnsShort(target)) this.machine.inst(this.fn.blocks[target].insts[0]);
    else this.add(block, target, this.machine.always, 0);
  }

  /** The end of a loop's round that is short enough to stand at the end of each way to it: a jump less a round. */
  private isShortLatch(target: number, block: number): boolean {
    const { insts, successors, predecessors, depth } = this.fn.blocks[target];
    const moves = this.moves[target].flat().length + this.early[target].length;
    const goesBack = successors.some((next) => this.final(next) <= Math.min(block, target));
    return (
      this.fn.alignment > 1 &&
      depth > 0 &&
      this.fn.blocks[block].depth === depth &&
      successors.length === 2 &&
      predecessors.length <= WAYS &&
      goesBack &&
      insts.length + moves <= LATCH
    );
  }

  private branch(inst: MInst, { index, successors: [yes, no] }: MBlock, block: number): void {
    const { machine } = this;
    const [onTrue, onFalse] = [this.final(yes), this.final(no)];
    if (onTrue === onFalse) {
      for (const move of this.early[index]) machine.move(move);
      this.jump(yes, block);
      return;
    }
    // A comparison and its branch are best next to each other.
    const late = this.early[index].filter(({ to }) => inst.uses.includes(to));
    const harmless = late.length === 0;
    if (harmless) for (const move of this.early[index]) machine.move(move, true);
    const before = machine.size;
    const { condition, register } = machine.compare(inst);
    const from = machine.size > before ? before : this.last;
    if (!harmless) for (const move of this.early[index]) machine.move(move, true);
    // Of two ways that both need a jump, the one back into a loop is the one to take at once.
    const { blocks } = this.fn;
    const isBack = onFalse <= block && (onTrue > block || blocks[onFalse].depth > blocks[onTrue].depth);
    const inverts = this.fallsTo(block, onTrue) || (isBack && !this.fallsTo(block, onFalse));
    const [taken, other] = inverts ? [onFalse, onTrue] : [onTrue, onFalse];
    const joined = harmless ? machine.size - from : 0;
    this.add(block, taken, inverts ? machine.inverse(condition) : condition, register, joined);
    this.jump(other, block);
  }
}

/** Runs of exchanges as moves, where one of the `free` registers has no part in them. */
function withoutSwaps(list: readonly Move[], free: number): Move[] {
  let rest = free;
  for (const { to, from } of list) for (const r of [to, from]) if (r >= 0 && r < SLOT) rest &= ~(1 << r);
  if (rest === 0 || list.some(({ to, from, hi }) => hi === SWAP && (to >= SLOT || from >= SLOT)))
    return [...list];
  const spare = 31 - Math.clz32(rest & -rest);
  const move = (to: number, from: number): Move => ({ to, from, lo: 0, hi: 0 });
  const result: Move[] = [];
  for (let i = 0; i < list.length; i++) {
    const first = list[i];
    if (first.hi !== SWAP || first.from < 0) {
      result.push(first);
      continue;
    }
    result.push(move(spare, first.to), move(first.to, first.from));
    let last = first.from;
    while (list[i + 1]?.hi === SWAP && list[i + 1].to === last) {
      i++;
      result.push(move(last, list[i].from));
      last = list[i].from;
    }
    result.push(move(last, spare));
  }
  return result;
}
