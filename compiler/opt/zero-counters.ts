/**
 * A loop that counts up to n and else only looks at p + i counts from -n up to 0 instead, at (p + n) + i: a comparison
 * less a round, where the processor branches on zero by itself. Requires that a loop's variables are as few as they get.
 */

import { dominators } from "../ir/dominators.ts";
import { emitter } from "../ir/emit.ts";
import { comesNonZero, holdsOn, splitEdge } from "../ir/flow.ts";
import { type Emit, isConst, isZero } from "../ir/fold.ts";
import type { Block, Fn, Value } from "../ir/ir.ts";
import { COND, EQ, NE, op, ULT } from "../ir/ops.ts";
import { type Use, usesOf } from "../ir/repair.ts";
import type { PassContext } from "../passes.ts";

/** Places that a counter tells: each takes an addition in front of the loop, and perhaps a register. */
const MOST_PLACES = 2;
/** Rounds of a loop, where they are known, that are worth it. */
const LEAST_ROUNDS = 8;

interface Counter {
  phi: Value;
  next: Value;
  /** The counter meets it in the end. */
  end: Value;
  entry: number;
  control: Value;
  latch: Block;
}

export function zeroCounters(fn: Fn, { features }: Pick<PassContext, "features">): void {
  if (!features.has("branch-on-zero")) return;
  let users: Use[][] | undefined;
  let dominates: ReturnType<typeof dominators> | undefined;
  for (const latch of [...fn.blocks]) {
    const counter = counterOf(latch);
    if (counter === undefined) continue;
    const head = counter.phi.block;
    users ??= usesOf(fn);
    dominates ??= dominators(fn);
    const isInvariant = (v: Value) => v.args.length === 0 || (v.block !== head && dominates!(v.block, head));
    if (!isInvariant(counter.end) || !dominates(head, latch) || !ends(counter)) continue;
    const places = placesOf(counter, users, isInvariant);
    if (places === undefined) continue;
    rewrite(fn, counter, places);
    users = dominates = undefined;
  }
}

/** What a latch's branch counts: phi(start, phi + step), compared with something. */
function counterOf(latch: Block): Counter | undefined {
  const { control, successors, end } = latch;
  if (end !== "branch" || control?.op !== op.icmp) return undefined;
  for (const next of control.args) {
    const [phi, by] = next.args;
    if (next.op !== op.add || next.type !== 64 || phi.op !== op.phi || !isConst(by)) continue;
    const { predecessors } = phi.block;
    if (predecessors.length !== 2 || !successors.includes(phi.block) || successors[0] === successors[1])
      continue;
    const entry = 1 - predecessors.indexOf(latch);
    if (phi.args[1 - entry] !== next || predecessors[entry] === latch) continue;
    const other = control.args[0] === next ? control.args[1] : control.args[0];
    if (isZero(other)) continue;
    return { phi, next, end: other, entry, control, latch };
  }
  return undefined;
}

/** The loop goes on exactly until the counter is at its end. */
function ends({ phi, next, end, entry, latch }: Counter): boolean {
  const goesOn = holdsOn(latch, phi.block)!;
  const cond = goesOn.a === next ? goesOn.cond : COND[goesOn.cond].swap;
  const start = phi.args[entry];
  const step = next.args[1];
  if (isConst(start) && isConst(end) && end.lo - start.lo < LEAST_ROUNDS * step.lo) return false;
  if (cond === NE) return true;
  return (
    cond === ULT &&
    step.lo === 1 &&
    step.hi === 0 &&
    isZero(start) &&
    comesNonZero(end, phi.block.predecessors[entry], phi.block)
  );
}

/** Sums of something invariant and the counter, or a multiple of it; undefined: it has other uses. */
function placesOf(
  { phi, next, control }: Counter,
  users: Use[][],
  isInvariant: (v: Value) => boolean,
): Value[] | undefined {
  const isOnly = (v: Value, count: number) => users[v.id].length === count;
  if (!isOnly(next, 2) || !isOnly(control, 1)) return undefined;
  const places: Value[] = [];
  const isPlace = (v: Value, i: Value): boolean => {
    if (v.op !== op.add || v.type !== 64 || v === next || v.args[0] === v.args[1]) return false;
    return isInvariant(v.args[0] === i ? v.args[1] : v.args[0]) && places.push(v) > 0;
  };
  for (const { user } of users[phi.id]) {
    if (user === next) continue;
    if (user === undefined) return undefined;
    const isMultiple = user.op === op.shl && user.args[0] === phi && isConst(user.args[1]);
    const fits = isMultiple
      ? users[user.id].every(({ user: sum }) => sum !== undefined && isPlace(sum, user))
      : isPlace(user, phi);
    if (!fits) return undefined;
  }
  return new Set(places).size <= MOST_PLACES ? [...new Set(places)] : undefined;
}

function rewrite(fn: Fn, { phi, next, end, entry, control, latch }: Counter, places: Value[]): void {
  const head = phi.block;
  const before = head.predecessors[entry];
  const from = before.successors.length > 1 ? splitEdge(fn, before, head) : before;
  const emit = emitter(fn, { block: from, at: next.at });
  phi.args[entry] = emit(op.sub, 64, [phi.args[entry], end]);
  for (const place of places) moveBase(place, phi, end, emit);
  control.args = [next, fn.const(64, 0)];
  control.aux = latch.successors[0] === head ? NE : EQ;
}

/** p + i is (p + n) + (i - n). */
function moveBase(place: Value, phi: Value, end: Value, emit: Emit): void {
  const isOwn = (v: Value) => v === phi || (v.op === op.shl && v.args[0] === phi);
  const k = isOwn(place.args[0]) ? 1 : 0;
  const i = place.args[1 - k];
  const distance = i === phi ? end : emit(op.shl, 64, [end, i.args[1]]);
  const base = emit(op.add, 64, [place.args[k], distance]);
  place.args = k === 0 ? [base, i] : [i, base];
}
