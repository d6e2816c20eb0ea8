/**
 * The SSA IR: functions of basic blocks of values. Invariants (checked by check.ts): every value has one
 * definition that dominates its uses; phis stand first in a block and have one argument per predecessor.
 */

import { bug } from "../../formats/error.ts";
import type { Kernel } from "./kernel.ts";
import { type Op, op, type Type } from "./ops.ts";

/** One shape for every operation; which fields mean something is said by the op's row. */
export class Value {
  id: number;
  op: Op;
  type: Type;
  args: Value[];
  aux: number;
  lo: number;
  hi: number;
  block: Block;
  /** Index of the BPF instruction that it came from, for line numbers; -1 = none. */
  at: number;

  constructor(id: number, op: Op, type: Type, args: Value[], block: Block, at: number) {
    this.id = id;
    this.op = op;
    this.type = type;
    this.args = args;
    this.aux = 0;
    this.lo = 0;
    this.hi = 0;
    this.block = block;
    this.at = at;
  }
}

/**
 * How a block ends: "jump" to successors[0]; "branch" on `control` to [0] if true, else [1];
 * "switch" to successors[table[control]], all different, where control is 64 bits wide and below table.length;
 * "return" of `control`; "trap" where control never comes.
 */
export type End = "jump" | "branch" | "switch" | "return" | "trap";

export class Block {
  id: number;
  phis: Value[] = [];
  body: Value[] = [];
  end: End = "trap";
  control: Value | null = null;
  successors: Block[] = [];
  predecessors: Block[] = [];
  /** Of a switch; else empty. */
  table: number[] = [];
  /** BPF instruction of the terminator. */
  at = -1;

  constructor(id: number) {
    this.id = id;
  }
}

export class Fn {
  name: string;
  /** Index in Program.functions. */
  index: number;
  /** blocks[0] is the entry and has no predecessors; the order is the layout of the code. */
  blocks: Block[] = [];
  nextValue = 0;
  nextBlock = 0;
  /** Bit k: the function reads r(k + 1) at entry. */
  params = 0;
  /** Bytes of BPF stack below r10 that may be accessed, 0 … 512. */
  stack = 0;
  /** Nothing leads to it any more: it gets no code. */
  dead = false;
  /** Other functions were put into it. */
  inlined = false;
  /** Bits that may be set in a value, from a proof; true while the values stand where they were written. */
  readonly promised = new Map<Value, readonly [lo: number, hi: number]>();
  /** What values of op.kernel do. */
  readonly kernels: Kernel[] = [];
  /** Values without arguments, one for each content; they stand in no block and dominate everything. */
  readonly leaves: Value[] = [];
  private readonly small = new Map<number, Value>();
  private readonly others = new Map<string, Value>();

  constructor(name: string, index: number) {
    this.name = name;
    this.index = index;
  }

  block(): Block {
    const made = new Block(this.nextBlock++);
    this.blocks.push(made);
    return made;
  }

  /** A value that is not yet in a block's list. */
  value(op: Op, type: Type, args: Value[], block: Block, at = -1): Value {
    return new Value(this.nextValue++, op, type, args, block, at);
  }

  /** The same operation on other arguments; not yet in a block's list either. */
  copy({ op: row, type, aux, lo, hi }: Value, args: Value[], block: Block, at: number): Value {
    return Object.assign(this.value(row, type, args, block, at), { aux, lo, hi });
  }

  /** The constant hi:lo; by default lo sign-extended. The upper half of a 32-bit constant is 0. */
  const(type: Type, lo: number, hi = lo >> 31): Value {
    if (type === 64 && hi !== lo >> 31) return this.leaf(op.const, 64, 0, lo, hi);
    const key = type === 64 ? lo : lo + 2 ** 40 * (1 + type);
    let found = this.small.get(key);
    if (found === undefined) {
      found = this.newLeaf(op.const, type, 0, lo, type === 64 ? hi : 0);
      this.small.set(key, found);
    }
    return found;
  }

  leaf(row: Op, type: Type, aux: number, lo = 0, hi = 0): Value {
    const key = `${row.code},${type},${aux},${lo},${hi}`;
    let found = this.others.get(key);
    if (found === undefined) {
      found = this.newLeaf(row, type, aux, lo, hi);
      this.others.set(key, found);
    }
    return found;
  }

  private newLeaf(row: Op, type: Type, aux: number, lo: number, hi: number): Value {
    const made = this.value(row, type, [], this.blocks[0] ?? bug("no entry block"));
    made.aux = aux;
    made.lo = lo;
    made.hi = hi;
    this.leaves.push(made);
    return made;
  }
}

/** Redirects the edge from → old to `to`; keeps the order of from's successors. */
export function retarget(from: Block, old: Block, to: Block): void {
  from.successors[from.successors.indexOf(old)] = to;
}
