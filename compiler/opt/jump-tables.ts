/**
 * Trees of comparisons of one value with constants, as compilers make them of a switch, become a jump by a table.
 * Requires constants on the right. Only blocks that do nothing else belong to a tree.
 */

import { branch, countUses, dropUnreachable, insertBlock, removeEdge } from "../ir/flow.ts";
import { isConst } from "../ir/fold.ts";
import { blockOrder } from "../ir/graph.ts";
import type { Block, Fn, Value } from "../ir/ir.ts";
import { mostOf } from "../ir/memory.ts";
import { EQ, NE, type Op, op, SGE, SGT, SLE, SLT, type Type, UGE, UGT, ULE, ULT } from "../ir/ops.ts";
import type { PassContext } from "../passes.ts";

/** Comparisons of a tree: fewer are as fast as a jump that no prediction tells before. */
const LEAST = 7;
const MOST = 256;
/** Places to which a table leads, at least; sets of values have two. */
const TARGETS = 4;
/** Entries of a table, at most, and for each comparison. */
const ENTRIES = 1024;
const SPARSE = 8;
/** Bytes of a comparison with its branch, and of a jump by a table, where bytes count. */
const COMPARISON = 5;
const JUMP = 24;
/** Entries in front of the first case that are worth an addition less. */
const FREE = 4;
/** Comparisons that are followed in one function. */
const BUDGET = 2 ** 18;

export function jumpTables(fn: Fn, { features, level }: PassContext): void {
  if (!features.has("jump-tables")) return;
  const uses = countUses(fn);
  const gone = new Set<Block>();
  const budget = { left: BUDGET };
  for (const block of blockOrder(fn)) {
    if (gone.has(block) || budget.left <= 0) continue;
    const tree = Tree.at(block, uses, budget);
    const table = tree?.table(level === "s");
    if (tree === undefined || table === undefined) continue;
    replace(fn, tree, table, uses);
    for (const node of tree.nodes) if (tree.isInner(node)) gone.add(node);
  }
  if (gone.size === 0) return;
  fn.blocks = fn.blocks.filter((block) => !gone.has(block));
  // Ways of comparisons that contradict each other.
  dropUnreachable(fn);
}

/** A way out of a tree. */
interface Way {
  from: Block;
  to: Block;
}

interface Table {
  /** The value of entry 0. */
  first: number;
  entries: Way[];
  /** Where other values lead; undefined: there are none. */
  other?: Way;
}

/** Small numbers compare without a sign as with one, negative ones behind all others. */
const isBelow = (a: number, b: number): boolean => (a < 0 === b < 0 ? a < b : b < 0);

const HOLDS: Record<number, (a: number, b: number) => boolean> = {
  [EQ]: (a, b) => a === b,
  [NE]: (a, b) => a !== b,
  [ULT]: isBelow,
  [ULE]: (a, b) => !isBelow(b, a),
  [UGT]: (a, b) => isBelow(b, a),
  [UGE]: (a, b) => !isBelow(a, b),
  [SLT]: (a, b) => a < b,
  [SLE]: (a, b) => a <= b,
  [SGT]: (a, b) => a > b,
  [SGE]: (a, b) => a >= b,
};

/** The value that a block's end compares with a constant, far from the ends of its range. */
function subject({ end, control, successors: [yes, no] }: Block): Value | undefined {
  if (end !== "branch" || control!.op !== op.icmp || yes === no) return undefined;
  const [x, { op: row, type, lo, hi }] = control!.args;
  const isSmall = row === op.const && Math.abs(lo) < 2 ** 30 && (type === 32 || hi === lo >> 31);
  return isSmall && !isConst(x) ? x : undefined;
}

class Tree {
  readonly x: Value;
  /** The root first. */
  readonly nodes: ReadonlySet<Block>;
  readonly root: Block;
  private readonly budget: { left: number };

  private constructor(x: Value, nodes: ReadonlySet<Block>, root: Block, budget: { left: number }) {
    this.x = x;
    this.nodes = nodes;
    this.root = root;
    this.budget = budget;
  }

  static at(root: Block, uses: Int32Array, budget: { left: number }): Tree | undefined {
    const x = subject(root);
    if (x === undefined) return undefined;
    const nodes = new Set([root]);
    const isNode = (block: Block) =>
      block.predecessors.length === 1 &&
      block.phis.length === 0 &&
      block.body.length === 1 &&
      block.body[0] === block.control &&
      uses[block.control.id] === 1 &&
      subject(block) === x;
    for (const node of nodes)
      for (const next of node.successors) if (nodes.size < MOST && isNode(next)) nodes.add(next);
    return nodes.size < LEAST ? undefined : new Tree(x, nodes, root, budget);
  }

  /** The root apart: a loop may lead back to it. */
  isInner(block: Block): boolean {
    return block !== this.root && this.nodes.has(block);
  }

  private wayOf(value: number): Way {
    for (let from = this.root; ; ) {
      this.budget.left--;
      const { control, successors } = from;
      const to = successors[HOLDS[control!.aux](value, control!.args[1].lo) ? 0 : 1];
      if (!this.isInner(to)) return { from, to };
      from = to;
    }
  }

  /** The table that does what the tree does, if there is one that pays. */
  table(small: boolean): Table | undefined {
    let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const { control } of this.nodes) {
      const { lo } = control!.args[1];
      [first, last] = [Math.min(first, lo), Math.max(last, lo)];
    }
    if (first > 0 && first <= FREE) first = 0;
    const count = last - first + 1;
    const pays = small
      ? 2 * count + JUMP < COMPARISON * this.nodes.size
      : count <= Math.min(ENTRIES, SPARSE * this.nodes.size);
    if (!pays) return undefined;
    const entries = Array.from({ length: count }, (_, i) => this.wayOf(first + i));
    if (new Set(entries.map(wayKey)).size < TARGETS) return undefined;
    if (first === 0 && mostOf(this.x) <= last) return { first, entries };
    // Each stands for all on its side of the constants and of zero: a bound lies nowhere else.
    const outside = [first - 1, last + 1, -1, 0].filter((value) => value < first || value > last);
    const [other, ...more] = outside.map((value) => this.wayOf(value));
    return more.every((way) => wayKey(way) === wayKey(other)) ? { first, entries, other } : undefined;
  }
}

/** Ways with one key lead to the same block with the same arguments for its phis. */
function wayKey({ from, to }: Way): string {
  const k = to.predecessors.indexOf(from);
  return [to.id, ...to.phis.map(({ args }) => args[k].id)].join();
}

/** Ends the tree's root with a jump by the table; the other nodes have no way in or out any more. */
function replace(fn: Fn, tree: Tree, { first, entries, other }: Table, uses: Int32Array): void {
  const { x, nodes, root } = tree;
  const made = new Map<string, Block>();
  const edge = (way: Way): Block => {
    const middle = fn.block();
    middle.at = way.from.at;
    middle.end = "jump";
    middle.successors = [way.to];
    const k = way.to.predecessors.indexOf(way.from);
    for (const phi of way.to.phis) phi.args.push(phi.args[k]);
    way.to.predecessors.push(middle);
    return middle;
  };
  const keys = entries.map(wayKey);
  for (const [i, way] of entries.entries()) if (!made.has(keys[i])) made.set(keys[i], edge(way));
  const otherwise = other && edge(other);
  for (const node of nodes)
    for (const next of node.successors) if (!tree.isInner(next)) removeEdge(node, next);

  const { control } = root;
  if (uses[control!.id] === 1) root.body = root.body.filter((v) => v !== control);
  root.successors = [];
  const make = (block: Block, row: Op, type: Type, ...args: Value[]): Value => {
    const v = fn.value(row, type, args, block, root.at);
    block.body.push(v);
    return v;
  };
  const index = first === 0 ? x : make(root, op.add, x.type, x, fn.const(x.type, -first));
  let last = root;
  if (otherwise !== undefined) {
    last = insertBlock(fn, root);
    last.at = root.at;
    const isOther = make(root, op.icmp, 1, index, fn.const(x.type, entries.length - 1));
    isOther.aux = UGT;
    branch(root, isOther, otherwise, last);
  }
  const ways = [...made.keys()];
  last.end = "switch";
  last.control = x.type === 64 ? index : make(last, op.zext, 64, index);
  last.table = keys.map((key) => ways.indexOf(key));
  last.successors = [...made.values()];
  for (const next of last.successors) next.predecessors = [last];
}
