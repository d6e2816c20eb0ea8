/**
 * Tail merging: blocks that end in the same instructions and go on to the same place share the end. Requires allocated
 * code; guarantees the same instructions in the same order on every way. What it takes out leaves a jump behind, which
 * most of these blocks have anyway.
 */

import { type Allocation, MBlock, type MFn, MInst, type Move } from "./mir.ts";

/** What merging must know of the target's instructions. */
export interface Ends {
  readonly kinds: {
    /** An unconditional branch. */
    readonly jump: number;
    /** What gives the frame up. */
    readonly leave: number;
  };
  /** A return in no more bytes than a short jump. */
  isShortReturn(inst: MInst): boolean;
}

/** A place in a block: in front of instruction k, behind so many of the moves there. */
interface Place {
  k: number;
  moves: number;
}

/** An instruction or a move: where it stands, and what makes it equal to another. */
interface Item extends Place {
  text: string;
}

/** Blocks with which one is compared: ends are short, and the first few find what there is to find. */
const CANDIDATES = 6;

const instText = (i: MInst): string =>
  [
    i.kind,
    i.def,
    i.uses,
    i.width,
    i.lo,
    i.hi,
    i.memory,
    i.scale,
    i.disp,
    i.cond,
    i.aux,
    i.tied,
    i.swapped,
  ].join();
const moveText = ({ to, from, lo, hi }: Move): string => `m${to},${from},${lo},${hi}`;

export function mergeTails(fn: MFn, allocation: Allocation, ends: Ends): { fn: MFn; allocation: Allocation } {
  return new Merger(fn, allocation, ends).run();
}

class Merger {
  private readonly fn: MFn;
  private readonly allocation: Allocation;
  private readonly ends: Ends;
  private readonly items: (Item[] | undefined)[];
  /** By block: places at which it is cut, and what its end from `at` on is taken from. */
  private readonly cuts: Place[][];
  private readonly taken: ({ at: Place; from: number; cut: Place } | undefined)[];

  constructor(fn: MFn, allocation: Allocation, ends: Ends) {
    this.fn = fn;
    this.allocation = allocation;
    this.ends = ends;
    this.items = new Array(fn.blocks.length);
    this.cuts = fn.blocks.map(() => []);
    this.taken = fn.blocks.map(() => undefined);
  }

  run(): { fn: MFn; allocation: Allocation } {
    const known = new Map<string, number[]>();
    let found = false;
    // The last block of a group is the one that may fall to what follows: it keeps its end.
    for (let b = this.fn.blocks.length - 1; b >= 0; b--) {
      const group = this.group(b);
      if (group === undefined) continue;
      const others = known.get(group) ?? [];
      if (this.mergeInto(others, b)) found = true;
      else if (others.length < CANDIDATES) known.set(group, [...others, b]);
    }
    return found ? this.rebuild() : { fn: this.fn, allocation: this.allocation };
  }

  /** Blocks of one group go on to the same place, after the same last item. */
  private group(b: number): string | undefined {
    const { successors } = this.fn.blocks[b];
    if (successors.length > 1) return undefined;
    const last = this.lastText(b);
    return last === undefined ? undefined : `${successors.join()}:${last}`;
  }

  /** Of the last item; few blocks are asked for more. */
  private lastText(b: number): string | undefined {
    const { insts } = this.fn.blocks[b];
    for (let k = insts.length - 1; k >= 0; k--) {
      if (insts[k].kind !== this.ends.kinds.jump) return instText(insts[k]);
      const move = this.allocation.moves[b][k].at(-1);
      if (move !== undefined) return moveText(move);
    }
    return undefined;
  }

  /** Everything in front of the jump; a return counts itself. */
  private itemsOf(b: number): Item[] {
    const known = this.items[b];
    if (known !== undefined) return known;
    const list: Item[] = [];
    for (const [k, inst] of this.fn.blocks[b].insts.entries()) {
      const moves = this.allocation.moves[b][k];
      for (const [m, move] of moves.entries()) list.push({ k, moves: m, text: moveText(move) });
      if (inst.kind !== this.ends.kinds.jump) list.push({ k, moves: moves.length, text: instText(inst) });
    }
    this.items[b] = list;
    return list;
  }

  /** Takes the end of block b from the one of `others` with which it has most in common. */
  private mergeInto(others: number[], b: number): boolean {
    if (others.length === 0) return false;
    const mine = this.itemsOf(b);
    let best = 0;
    let from = -1;
    for (const other of others) {
      const length = commonEnd(mine, this.itemsOf(other));
      if (length > best) [best, from] = [length, other];
    }
    if (from < 0 || !this.pays(b, best)) return false;
    const theirs = this.itemsOf(from);
    const cut = theirs[theirs.length - best];
    if (best < theirs.length) this.cuts[from].push(cut);
    this.taken[b] = { at: mine[mine.length - best], from, cut };
    return true;
  }

  /** At -Os whatever is shorter; else only what costs no jump that was not there. */
  private pays(b: number, length: number): boolean {
    const { insts, successors, depth } = this.fn.blocks[b];
    const last = insts[insts.length - 1];
    const jumps = last.kind === this.ends.kinds.jump;
    // A way back into a loop without anything else may become one with its branch.
    if (jumps && insts.length === 1 && successors[0] <= b) return false;
    if (jumps && successors[0] === b + 1) return this.fn.small && length > 1;
    if (jumps) return this.fn.small || depth === 0;
    // A return and what gives the frame up are one.
    const leaves = insts.length > 1 && insts[insts.length - 2].kind === this.ends.kinds.leave;
    const least = leaves ? 2 : this.ends.isShortReturn(last) ? 3 : 1;
    return length >= least && (this.fn.small || (depth === 0 && length > (leaves ? 4 : 3)));
  }

  /** New blocks, with the cut ones in parts and jumps to those parts. */
  private rebuild(): { fn: MFn; allocation: Allocation } {
    const { fn, allocation } = this;
    const blocks: MBlock[] = [];
    const moves: Move[][][] = [];
    const liveIn: number[] = [];
    const starts: number[] = [];
    const tails = new Map<Place, number>();
    for (const [b, block] of fn.blocks.entries()) {
      starts.push(blocks.length);
      const cuts = [...new Set(this.cuts[b])].sort((x, y) => x.k - y.k || x.moves - y.moves);
      for (const [p, part] of this.partsOf(b, cuts).entries()) {
        if (p > 0) tails.set(cuts[p - 1], blocks.length);
        moves.push(part.moves);
        const made = new MBlock(blocks.length);
        made.insts = part.insts;
        made.depth = block.depth;
        made.framed = block.framed;
        if (p === 0) made.last = block.last;
        liveIn.push(p === 0 ? allocation.liveIn[b] : -1);
        blocks.push(made);
      }
    }
    for (const [b, block] of fn.blocks.entries()) {
      const end = (starts[b + 1] ?? blocks.length) - 1;
      for (let p = starts[b]; p < end; p++) blocks[p].successors = [p + 1];
      blocks[end].table = block.table;
      const taken = this.taken[b];
      blocks[end].successors =
        taken === undefined
          ? block.successors.map((next) => starts[next])
          : [tails.get(taken.cut) ?? starts[taken.from]];
    }
    for (const block of blocks)
      if (block.last >= 0) block.last = (starts[block.last + 1] ?? blocks.length) - 1;
    for (const { index, successors } of blocks)
      for (const next of successors) blocks[next].predecessors.push(index);
    return {
      fn: { ...fn, blocks },
      allocation: { ...allocation, moves, liveIn: Int32Array.from(liveIn) },
    };
  }

  /** The block in parts that begin at `cuts`, each with a jump to the next; without the end that is taken from elsewhere. */
  private partsOf(b: number, cuts: Place[]): { insts: MInst[]; moves: Move[][] }[] {
    const { insts } = this.fn.blocks[b];
    const all = this.allocation.moves[b];
    const taken = this.taken[b]?.at;
    const parts: { insts: MInst[]; moves: Move[][] }[] = [];
    let from: Place = { k: 0, moves: 0 };
    for (const to of taken === undefined ? cuts : [...cuts, taken]) {
      const jump = new MInst(this.ends.kinds.jump, -1, [], -1);
      const part = { insts: [...insts.slice(from.k, to.k), jump], moves: all.slice(from.k, to.k + 1) };
      part.moves[to.k - from.k] = all[to.k].slice(0, to.moves);
      part.moves[0] = part.moves[0].slice(from.moves);
      parts.push({ ...part, moves: [...part.moves, []] });
      from = to;
    }
    if (taken !== undefined) return parts;
    return [
      ...parts,
      { insts: insts.slice(from.k), moves: [all[from.k].slice(from.moves), ...all.slice(from.k + 1)] },
    ];
  }
}

/** Number of items in which two lists end alike. */
function commonEnd(a: Item[], b: Item[]): number {
  let n = 0;
  while (n < a.length && n < b.length && a[a.length - 1 - n].text === b[b.length - 1 - n].text) n++;
  return n;
}
