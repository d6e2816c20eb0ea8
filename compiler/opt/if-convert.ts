/**
 * If-conversion: a branch around a few cheap operations becomes selects. eBPF has no conditional move, so what was one in
 * the source comes as a branch. The sides are computed on both ways: they must be pure, few and quick.
 */

import { Replacements, removeEdge } from "../ir/flow.ts";
import { isConst } from "../ir/fold.ts";
import type { Block, Fn, Value } from "../ir/ir.ts";
import { op } from "../ir/ops.ts";
import { recurrences } from "../ir/recurrences.ts";
import type { PassContext } from "../passes.ts";

/** Operations of both sides together, and selects, at most: beyond that a branch that is predicted costs less. */
const MOST_OPERATIONS = 3;
const MOST_SELECTS = 2;
/** Operations of a side that several branches share: each gets its own. */
const MOST_SHARED = 2;

const SLOW = new Set<unknown>([op.mul, op.umulh, op.udiv, op.umod, op.sdiv, op.smod]);
/** Operations that cost nothing where their value is used: a comparison is part of its select. */
const FREE = new Set<unknown>([op.zext, op.trunc, op.icmp]);
/** x op 0 = x. */
const KEEPS_BY_ZERO = new Set<unknown>([op.add, op.sub, op.or, op.xor]);

export function ifConvert(fn: Fn, { level }: Pick<PassContext, "level">): void {
  const replaced = new Replacements(fn);
  const groups = recurrences(fn);
  // Inner ones first: a converted side may be part of a larger one.
  for (let changed = true; changed; ) {
    changed = false;
    for (let b = fn.blocks.length - 1; b >= 0; b--)
      if (convert(fn, fn.blocks[b], groups, replaced, level !== "s")) changed = true;
  }
  replaced.apply(fn);
  fn.blocks = fn.blocks.filter((block, i) => i === 0 || block.predecessors.length > 0);
}

/** Where a side of the branch leads: straight to the join, or through a block of its own. */
interface Side {
  block: Block | undefined;
  join: Block;
  /** Index of its edge among the join's predecessors. */
  edge: number;
}

/** Compilers that save code lead several branches to one short side. */
const isShared = ({ block }: Side): boolean => block !== undefined && block.predecessors.length > 1;

function sideOf(from: Block, next: Block, join: Block, shares: boolean): Side | undefined {
  if (next === join) return { block: undefined, join, edge: join.predecessors.indexOf(from) };
  if (next.phis.length > 0 || next.end !== "jump" || next.successors[0] !== join) return undefined;
  const isOwn = next.predecessors.length === 1;
  if (!isOwn && !(shares && next.body.length <= MOST_SHARED)) return undefined;
  return { block: next, join, edge: join.predecessors.indexOf(next) };
}

function convert(fn: Fn, block: Block, groups: Int32Array, replaced: Replacements, shares: boolean): boolean {
  if (block.end !== "branch") return false;
  const [yes, no] = block.successors;
  if (yes === no || block.control!.op !== op.icmp) return false;
  const after = (next: Block) => (next.end === "jump" ? next.successors[0] : undefined);
  for (const join of new Set([yes, no, after(yes)])) {
    if (join === undefined || join === block) continue;
    const [onYes, onNo] = [yes, no].map((next) => sideOf(block, next, join, shares));
    if (onYes === undefined || onNo === undefined || (onYes.block === undefined && onNo.block === undefined))
      continue;
    if (!pays(block, onYes, onNo) || join.phis.some((phi) => waits(phi, onYes, onNo, block.control!, groups)))
      continue;
    const [a, b] = [onYes, onNo].map((side) => (isShared(side) ? ownCopy(fn, block, side) : side));
    select(fn, block, a, b, replaced);
    return true;
  }
  return false;
}

/** The same side for `from` alone. */
function ownCopy(fn: Fn, from: Block, { block: side, join, edge }: Side): Side {
  const block = fn.block();
  const copies = new Map<Value, Value>();
  const copyOf = (v: Value) => copies.get(v) ?? v;
  for (const v of side!.body) {
    const copy = fn.copy(v, v.args.map(copyOf), block, v.at);
    copies.set(v, copy);
    block.body.push(copy);
  }
  removeEdge(from, side!);
  Object.assign(block, { end: "jump", at: side!.at, predecessors: [from], successors: [join] });
  from.successors[from.successors.indexOf(side!)] = block;
  for (const phi of join.phis) phi.args.push(copyOf(phi.args[edge]));
  return { block, join, edge: join.predecessors.push(block) - 1 };
}

function pays(block: Block, yes: Side, no: Side): boolean {
  const sides = [yes.block, no.block].filter((side) => side !== undefined);
  const body = sides.flatMap((side) => side.body);
  if (!body.every((v) => v.op.pure && !SLOW.has(v.op))) return false;
  if (body.filter((v) => !FREE.has(v.op)).length > MOST_OPERATIONS) return false;
  const different = yes.join.phis.filter((phi) => phi.args[yes.edge] !== phi.args[no.edge]);
  // What hangs on itself through the branch is quicker predicted: a loop that ends here, or one that never joins.
  return different.length <= MOST_SELECTS && yes.join !== block;
}

function choice(fn: Fn, condition: Value, a: Value, b: Value, block: Block): Value {
  const made = fn.value(op.select, a.type, [condition, a, b], block, block.at);
  block.body.push(made);
  return made;
}

/**
 * One value is the other one changed: x + 1 or x. What x then waits for is the addition alone, of a number that is 0
 * where nothing changes. It takes an operation more, unless that number is a flag.
 */
function conditional(
  fn: Fn,
  join: Block,
  [a, b]: [Value, Value],
  condition: Value,
  block: Block,
): Value | undefined {
  const [changed, x] = a.args[0] === b ? [a, b] : [b, a];
  if (!KEEPS_BY_ZERO.has(changed.op) || changed.args[0] !== x) return undefined;
  const by = changed.args[1];
  const isFlag = isConst(by) && by.lo === 1 && by.hi === 0;
  const goesRound = x.op === op.phi && x.block !== join;
  if (!isFlag && !(goesRound && !isConst(by))) return undefined;
  const zero = fn.const(by.type, 0);
  const [yes, no] = changed === a ? [by, zero] : [zero, by];
  const made = fn.value(
    changed.op,
    changed.type,
    [x, choice(fn, condition, yes, no, block)],
    block,
    block.at,
  );
  block.body.push(made);
  return made;
}

/**
 * What goes round a loop through this choice: with a branch, which is guessed, the next round need not wait for the
 * comparison. What is kept or replaced as a whole, and sums of what may be nothing, wait little.
 */
function waits(phi: Value, yes: Side, no: Side, condition: Value, groups: Int32Array): boolean {
  const [a, b] = [phi.args[yes.edge], phi.args[no.edge]];
  const group = groups[phi.id] ?? 0;
  if (group === 0 || a === b) return false;
  const goesRound = (v: Value) => groups[v.id] === group;
  if (!goesRound(a) && !goesRound(b)) return false;
  // The lesser of two that both go round: nobody could guess which it is.
  const compared = condition.args.map(whole);
  if (goesRound(a) && goesRound(b) && [a, b].every((v) => compared.includes(whole(v)))) return false;
  const isKept = (kept: Value, other: Value) => whole(kept).op === op.phi && !goesRound(other);
  if (isKept(a, b) || isKept(b, a)) return false;
  const [changed, x] = a.args[0] === b ? [a, b] : [b, a];
  return !(KEEPS_BY_ZERO.has(changed.op) && changed.args[0] === x && !goesRound(changed.args[1]));
}

/** What was extended or cut. */
function whole(v: Value): Value {
  let at = v;
  while (FREE.has(at.op) && at.op !== op.icmp) at = at.args[0];
  return at;
}

function select(fn: Fn, block: Block, yes: Side, no: Side, replaced: Replacements): void {
  const { join } = yes;
  const condition = block.control!;
  for (const side of [yes.block, no.block]) {
    if (side === undefined) continue;
    for (const v of side.body) v.block = block;
    block.body.push(...side.body);
    side.body = [];
    side.predecessors = [];
    side.successors = [];
    side.end = "trap";
  }
  const values = join.phis.map((phi) => {
    const [a, b] = [phi.args[yes.edge], phi.args[no.edge]];
    if (a === b) return a;
    return conditional(fn, join, [a, b], condition, block) ?? choice(fn, condition, a, b, block);
  });
  const [first, last] = [Math.min(yes.edge, no.edge), Math.max(yes.edge, no.edge)];
  join.predecessors.splice(last, 1);
  join.predecessors[first] = block;
  for (const [i, phi] of join.phis.entries()) {
    phi.args.splice(last, 1);
    phi.args[first] = values[i];
  }
  if (join.predecessors.length === 1) {
    for (const phi of join.phis) replaced.set(phi, phi.args[0]);
    join.phis = [];
  }
  block.end = "jump";
  block.control = null;
  block.successors = [join];
}
