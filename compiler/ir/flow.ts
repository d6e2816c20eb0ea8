/** Edits and orders of the control-flow graph that several passes need. */

import { isConst, isZero, upperZero } from "./fold.ts";
import { type Block, type Fn, retarget, type Value } from "./ir.ts";
import { COND, NE, op, UGT } from "./ops.ts";

/** What orders and dominators look at, of blocks of any kind. */
export interface Node<B> {
  id: number;
  successors: B[];
  predecessors: B[];
}

/** blocks[0] is the entry; no id reaches nextBlock. */
export interface Graph<B> {
  blocks: readonly B[];
  nextBlock: number;
}

/** Blocks in reverse postorder: a block comes after its predecessors, back edges apart. */
export function reversePostorder<B extends Node<B>>({ blocks, nextBlock }: Graph<B>): B[] {
  const state = new Uint8Array(nextBlock);
  const result: B[] = [];
  const work = [blocks[0]];
  while (work.length > 0) {
    const block = work[work.length - 1];
    if (state[block.id] === 0) {
      state[block.id] = 1;
      for (const next of block.successors) if (state[next.id] === 0) work.push(next);
    } else {
      work.pop();
      if (state[block.id] === 1) {
        state[block.id] = 2;
        result.push(block);
      }
    }
  }
  return result.reverse();
}

/** By value: how often it is an argument or a control. */
export function countUses(fn: Fn): Int32Array {
  const uses = new Int32Array(fn.nextValue);
  const count = ({ args }: Value): void => {
    for (let k = 0; k < args.length; k++) uses[args[k].id]++;
  };
  for (const { phis, body, control } of fn.blocks) {
    phis.forEach(count);
    body.forEach(count);
    if (control !== null) uses[control.id]++;
  }
  return uses;
}

/** What holds where control goes from → to: `a cond b`. Undefined where no comparison decides that it goes there. */
export function holdsOn(from: Block, to: Block): { a: Value; b: Value; cond: number } | undefined {
  const { end, control, successors } = from;
  if (end !== "branch" || control!.op !== op.icmp || successors[0] === successors[1]) return undefined;
  const { aux, args } = control!;
  return { a: args[0], b: args[1], cond: successors[0] === to ? aux : COND[aux].not };
}

/** Blocks in front of one that are asked, and phis and operations that are looked through. */
const MOST_GUARDS = 8,
  MOST_STEPS = 3,
  MOST_WAYS = 4; // prettier-ignore

/** Control is in `block` only where v is not zero: its bits tell, the branches in front, or those of its ways in. */
export function isNonZeroAt(v: Value, block: Block, steps = MOST_STEPS): boolean {
  if (isConst(v)) return !isZero(v);
  const isSure = (part: Value) => steps > 0 && isNonZeroAt(part, block, steps - 1);
  if ((v.op === op.or || v.op === op.zext) && v.args.some(isSure)) return true;
  if (v.op === op.trunc && isLow(v.args[0])) return isSure(v.args[0]);
  if (v.op === op.select && v.args.slice(1).every(isSure)) return true;
  let at = block;
  for (let k = 0; k < MOST_GUARDS; k++) {
    if (v.op === op.phi && v.block === at) return v.args.length <= MOST_WAYS && alwaysNonZero(v, steps);
    if (at.predecessors.length !== 1) return false;
    const [from] = at.predecessors;
    if (isNonZeroOn(v, from, at)) return true;
    at = from;
  }
  return false;
}

const isLow = (v: Value): boolean =>
  v.op === op.phi ? v.args.length <= MOST_WAYS && v.args.every((arg) => upperZero(arg)) : upperZero(v);

const alwaysNonZero = (phi: Value, steps: number): boolean =>
  phi.args.every((arg, k) => {
    const from = phi.block.predecessors[k];
    return arg === phi || comesNonZero(arg, from, phi.block, steps - 1);
  });

/** The same where control goes from → to. */
export function comesNonZero(v: Value, from: Block, to: Block, steps = MOST_STEPS): boolean {
  if (isNonZeroOn(v, from, to) || (steps >= 0 && isNonZeroAt(v, from, steps))) return true;
  return (
    v.op === op.select && steps > 0 && v.args.slice(1).every((way) => comesNonZero(way, from, to, steps - 1))
  );
}

/** Control goes from → to only where v is not zero, as one comparison tells. */
function isNonZeroOn(v: Value, from: Block, to: Block): boolean {
  const known = holdsOn(from, to);
  if (known === undefined || !isZero(known.b) || (known.cond !== NE && known.cond !== UGT)) return false;
  const extended = (x: Value) => (x.op === op.zext ? x.args[0] : x);
  return extended(known.a) === extended(v) || (known.a.op === op.trunc && known.a.args[0] === v);
}

/** A block that only stands for an edge: it comes from one block, and leads on. */
export const isEdge = ({ phis, body, end, predecessors }: Block): boolean =>
  end === "jump" && predecessors.length === 1 && phis.length + body.length === 0;

/** Removes one edge from → to, with its argument in each phi of `to`. */
export function removeEdge(from: Block, to: Block): void {
  const index = to.predecessors.indexOf(from);
  to.predecessors.splice(index, 1);
  for (const phi of to.phis) phi.args.splice(index, 1);
}

/** Removes blocks that control cannot reach. */
export function dropUnreachable(fn: Fn): void {
  const order = reversePostorder(fn);
  if (order.length === fn.blocks.length) return;
  const reachable = new Set(order);
  for (const block of fn.blocks) {
    if (reachable.has(block)) continue;
    for (const next of block.successors) if (reachable.has(next)) removeEdge(block, next);
  }
  fn.blocks = fn.blocks.filter((block) => reachable.has(block));
}

/** The values of a list that stay: the list itself where all do. */
export function those(list: Value[], stays: (v: Value) => boolean): Value[] {
  for (let i = 0; i < list.length; i++) if (!stays(list[i])) return list.filter(stays);
  return list;
}

/** Rewrites every use: `replacement[id]`, followed to its end, stands for value `id`. */
export class Replacements {
  count = 0;
  private readonly fn: Fn;
  private to: (Value | undefined)[] = [];

  constructor(fn: Fn) {
    this.fn = fn;
  }

  set(old: Value, by: Value): void {
    // Of that length at once: what grows by leaps becomes a table to V8.
    if (this.count === 0) this.to = new Array(this.fn.nextValue);
    this.to[old.id] = by;
    this.count++;
  }

  has(v: Value): boolean {
    return this.to[v.id] !== undefined;
  }

  /** What stands for `v` in the end; shortens the chain on its way. */
  get(v: Value): Value {
    if (this.count === 0) return v;
    let end = v;
    for (let next = this.to[end.id]; next !== undefined; next = this.to[end.id]) end = next;
    for (let at = v; at !== end; ) {
      const next = this.to[at.id]!;
      this.to[at.id] = end;
      at = next;
    }
    return end;
  }

  /** Gives a value the arguments that stand for its own. */
  renew({ args }: Value): void {
    if (this.count > 0) for (let i = 0; i < args.length; i++) args[i] = this.get(args[i]);
  }

  /** Applies them to all arguments and controls, and drops the replaced values from their blocks. */
  apply(fn: Fn): void {
    if (this.count === 0) return;
    const stays = (v: Value) => !this.has(v);
    const renew = (v: Value) => this.renew(v);
    for (const block of fn.blocks) {
      block.phis = those(block.phis, stays);
      block.body = those(block.body, stays);
      block.phis.forEach(renew);
      block.body.forEach(renew);
      if (block.control !== null) block.control = this.get(block.control);
    }
  }
}

/** Splits a block in front of body[index]: the rest, with the block's end, becomes a block of its own behind it. */
export function splitBlock(fn: Fn, block: Block, index: number): Block {
  const rest = insertBlock(fn, block);
  rest.body = block.body.splice(index);
  for (const v of rest.body) v.block = rest;
  rest.end = block.end;
  rest.control = block.control;
  rest.at = block.at;
  rest.successors = block.successors;
  for (const next of rest.successors) next.predecessors[next.predecessors.indexOf(block)] = rest;
  block.end = "trap";
  block.control = null;
  block.successors = [];
  return rest;
}

/** A new block behind `before` in the layout. */
export function insertBlock(fn: Fn, before: Block): Block {
  const made = fn.block();
  fn.blocks.pop();
  fn.blocks.splice(fn.blocks.indexOf(before) + 1, 0, made);
  return made;
}

/** A block of its own on the edge from → to, the last of the function. */
export function splitEdge(fn: Fn, from: Block, to: Block): Block {
  const middle = fn.block();
  middle.at = from.at;
  middle.end = "jump";
  middle.successors = [to];
  middle.predecessors = [from];
  retarget(from, to, middle);
  to.predecessors[to.predecessors.indexOf(from)] = middle;
  return middle;
}

/** Ends `from`, which has no end yet, with a jump to `to`. */
export function jump(from: Block, to: Block): void {
  from.end = "jump";
  from.successors = [to];
  to.predecessors.push(from);
}

/** Ends `from`, which has no end yet, with a branch on `control`. */
export function branch(from: Block, control: Value, yes: Block, no: Block): void {
  from.end = "branch";
  from.control = control;
  from.successors = [yes, no];
  yes.predecessors.push(from);
  no.predecessors.push(from);
}
