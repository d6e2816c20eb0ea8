/**
 * Jump threading: where the way into a block decides its branch, that way leads straight to the branch's target.
 * Look-ups that were inlined and then compared with null are decided on every way. Blocks at the head of a loop stay
 * as they are: going round them would give the loop a second entry.
 */

import { dominators } from "../ir/dominators.ts";
import { dropUnreachable, holdsOn, isEdge, jump, removeEdge } from "../ir/flow.ts";
import { type Emit, fold, isConst, isZero } from "../ir/fold.ts";
import type { Block, Fn, Value } from "../ir/ir.ts";
import { COND, EQ, NE, op } from "../ir/ops.ts";
import { repair, type Use, usesOf } from "../ir/repair.ts";

/** Values that a block may compute for its branch alone. */
const MOST = 4;

export function threadJumps(fn: Fn): void {
  const candidates = fn.blocks.filter(isCandidate);
  if (candidates.length === 0) return;
  const dominates = dominators(fn);
  let uses: Use[][] | undefined;
  for (const block of candidates) {
    if (block.predecessors.some((before) => dominates(block, before))) continue;
    const found = (uses ??= usesOf(fn));
    if (!block.body.every((v) => found[v.id].every(isInside(block)))) continue;
    const decided = block.predecessors.map((_, k) => decide(fn, block, k));
    if (decided.some((way) => way !== undefined)) thread(fn, block, decided, found);
  }
  if (uses !== undefined) dropUnreachable(fn);
}

function isCandidate(block: Block): boolean {
  return (
    block.end === "branch" &&
    block.phis.length > 0 &&
    block.body.length <= MOST &&
    block.successors[0] !== block.successors[1] &&
    block.control!.op === op.icmp &&
    block.body.every((v) => v.op.pure)
  );
}

/** A use of a value of `block` by the block itself, in the same round, or on the way out: there it can be made again. */
const isInside =
  (block: Block) =>
  ({ user, block: at }: Use): boolean =>
    user?.op === op.phi
      ? user.args.every((arg, k) => arg.block !== block || isExit(at.predecessors[k], block))
      : at === block;

/** Control leaves `block` there, perhaps by an edge of its own. */
const isExit = (from: Block, block: Block): boolean =>
  from === block || (isEdge(from) && from.predecessors[0] === block);

/** The address of an element of an array map, which is never null. */
const isElement = (v: Value): boolean =>
  v.op === op.add && v.args[0].op === op.load64 && v.args[0].args[0].op === op.map;

/** Which successor block takes when it is entered from predecessor k; undefined: that depends. */
function decide(fn: Fn, block: Block, k: number): 0 | 1 | undefined {
  const known = new Map<Value, Value>();
  for (const phi of block.phis) known.set(phi, phi.args[k]);
  const emit: Emit = (row, type, args, aux = 0) => {
    const made = fn.value(row, type, args, block);
    made.aux = aux;
    return fold(fn, made, emit);
  };
  for (const v of block.body) {
    const args = v.args.map((arg) => known.get(arg) ?? arg);
    const [a, b] = args;
    if (v.op === op.icmp && isZero(b) && isElement(a) && (v.aux === EQ || v.aux === NE))
      known.set(v, fn.const(1, v.aux === NE ? 1 : 0));
    else known.set(v, emit(v.op, v.type, args, v.aux));
  }
  const control = known.get(block.control!) ?? block.control!;
  if (!isConst(control)) return implied(block, block.predecessors[k]);
  return control.lo === 0 ? 1 : 0;
}

/** Blocks without a choice on the way from a branch. */
const FAR = 4;

/** The same, where a branch before asked the same. */
function implied(block: Block, before: Block): 0 | 1 | undefined {
  let [from, to] = [before, block];
  for (let i = 0; i < FAR && from.end === "jump" && from.predecessors.length === 1; i++)
    [from, to] = [from.predecessors[0], from];
  const { aux, args } = block.control!;
  const known = from === block ? undefined : holdsOn(from, to);
  if (known === undefined || known.a !== args[0] || known.b !== args[1]) return undefined;
  if (known.cond === aux) return 0;
  return known.cond === COND[aux].not ? 1 : undefined;
}

/** Gives what stands for a value of `block` in `edge`, which comes from where its phis are `args`. */
function remake(fn: Fn, block: Block, args: Value[], edge: Block, uses: Use[][]): (v: Value) => Value {
  const known = new Map(block.phis.map((phi, i) => [phi, args[i]]));
  const made = (v: Value): Value => {
    if (known.has(v) || !block.body.includes(v)) return known.get(v) ?? v;
    const again = fn.copy(v, v.args.map(made), edge, v.at);
    known.set(v, again);
    edge.body.push(again);
    for (const arg of again.args) (uses[arg.id] ??= []).push({ user: again, block: edge });
    return again;
  };
  return made;
}

/** Redirects the ways that are decided, each through a block of its own. */
function thread(fn: Fn, block: Block, decided: (0 | 1 | undefined)[], uses: Use[][]): void {
  const definitions: { at: Block; args: Value[] }[] = [];
  const ways = [...block.predecessors.entries()].filter(([k]) => decided[k] !== undefined).reverse();
  const { successors } = block;
  for (const [k, before] of ways) {
    const next = successors[decided[k]!];
    const [target, exit] = isEdge(next) ? [next.successors[0], next] : [next, block];
    const edge = fn.block();
    edge.at = block.at;
    const args = block.phis.map((phi) => phi.args[k]);
    const from = target.predecessors.indexOf(exit);
    before.successors[before.successors.indexOf(block)] = edge;
    edge.predecessors = [before];
    const made = remake(fn, block, args, edge, uses);
    for (const phi of target.phis) {
      const arg = made(phi.args[from]);
      phi.args.push(arg);
      (uses[arg.id] ??= []).push({ user: phi, block: target });
    }
    jump(edge, target);
    block.predecessors.splice(k, 1);
    for (const phi of block.phis) phi.args.splice(k, 1);
    definitions.push({ at: edge, args });
  }
  const kept = block.predecessors.length > 0;
  if (!kept) for (const next of successors) removeEdge(block, next);
  for (const [i, phi] of block.phis.entries())
    repair(fn, uses, phi, new Map(definitions.map(({ at, args }) => [at, args[i]])), kept);
  if (!kept) fn.blocks.splice(fn.blocks.indexOf(block), 1);
}
