/**
 * In the block that ends a loop's round, what becomes a phi's next value comes after the last look at the phi where
 * that can be: both are then one register, without a move. Everything else stays in its order as far as it can.
 */

import { isZero } from "../ir/fold.ts";
import type { Block, Fn, Value } from "../ir/ir.ts";
import { NE, type Op, op } from "../ir/ops.ts";

/** Values of a block; longer ones stay as they are: each wish costs a walk over the block. */
const MOST = 256;

export function orderPhis(fn: Fn): void {
  for (const block of fn.blocks) {
    testLast(block);
    if (block.body.length > MOST || block.successors.every(({ phis }) => phis.length === 0)) continue;
    const places = new Map(block.body.map((v, i) => [v, i]));
    const wishes = block.successors.flatMap((next) =>
      next.phis.flatMap((phi) => wishesOf(phi, phi.args[next.predecessors.indexOf(block)], block, places)),
    );
    if (wishes.length === 0) continue;
    const before = dependences(block, places);
    for (const { early, late } of wishes) if (!reaches(before, early, late)) before[late].push(early);
    block.body = ordered(block.body, before);
  }
}

const SETS_FLAGS = new Set<Op>([op.add, op.sub, op.and, op.or, op.xor]);

/** What is compared with zero comes right before the branch: its own flags tell. */
function testLast({ body, control }: Block): void {
  if (control?.op !== op.icmp || !isZero(control.args[1]) || control.aux > NE) return;
  const [tested] = control.args;
  const at = body.indexOf(tested);
  if (at < 0 || !SETS_FLAGS.has(tested.op)) return;
  for (let i = at + 1; i < body.length; i++) if (body[i] !== control && body[i].args.includes(tested)) return;
  body.splice(at, 1);
  const end = body.indexOf(control);
  body.splice(end < 0 ? body.length : end, 0, tested);
  // The comparison itself is made where the branch is.
  if (end >= 0) body.push(...body.splice(body.indexOf(tested), 2));
}

/** Pairs of places in the block: a use of the phi that comes after its next value. */
function wishesOf(
  phi: Value,
  next: Value,
  block: Block,
  places: ReadonlyMap<Value, number>,
): { early: number; late: number }[] {
  const late = places.get(next);
  if (late === undefined || next.op === op.phi) return [];
  const list: { early: number; late: number }[] = [];
  for (let early = late + 1; early < block.body.length; early++)
    if (block.body[early].args.includes(phi)) list.push({ early, late });
  return list;
}

/** By place: the places of what must come before. */
function dependences({ body }: Block, places: ReadonlyMap<Value, number>): number[][] {
  let write = -1;
  let looks: number[] = [];
  return body.map((v, i) => {
    const before: number[] = [];
    for (const arg of v.args) {
      const at = places.get(arg);
      if (at !== undefined) before.push(at);
    }
    if (v.op.writes || !v.op.pure) {
      before.push(...looks);
      if (write >= 0) before.push(write);
    }
    if (v.op.writes) {
      write = i;
      looks = [];
    } else if (!v.op.pure) looks.push(i);
    return before;
  });
}

/** Whether `from` must come after `to`. */
function reaches(before: readonly number[][], from: number, to: number): boolean {
  const seen = new Uint8Array(before.length);
  const work = [from];
  for (let at = work.pop(); at !== undefined; at = work.pop()) {
    if (at === to) return true;
    if (seen[at] === 1) continue;
    seen[at] = 1;
    work.push(...before[at]);
  }
  return false;
}

/** First what stood first, of all that has nothing left before it. */
function ordered(body: readonly Value[], before: readonly number[][]): Value[] {
  const done = new Uint8Array(body.length);
  const list: Value[] = [];
  const visit = (i: number) => {
    if (done[i] === 1) return;
    done[i] = 1;
    for (const at of [...before[i]].sort((a, b) => a - b)) visit(at);
    list.push(body[i]);
  };
  for (const i of body.keys()) visit(i);
  return list;
}
