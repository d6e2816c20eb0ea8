/**
 * A loop whose test looks at i + 5 where i + 1 is the next round's i. Where i else only tells addresses, it counts from
 * 4 more on and the test looks at it as it is; if not, at (i + 1) + 4: i then ends with its own increment, which
 * happens in place. A test that looks at i itself does so with a counter from 1 less on.
 */

import { fitsInt32 } from "../../formats/int64.ts";
import { dominators } from "../ir/dominators.ts";
import { emitter } from "../ir/emit.ts";
import { countUses, Replacements } from "../ir/flow.ts";
import { fold, isConst, isInt } from "../ir/fold.ts";
import type { Block, Fn, Value } from "../ir/ir.ts";
import { op } from "../ir/ops.ts";
import { type Use, usesOf } from "../ir/repair.ts";

export function lateCounters(fn: Fn): void {
  laterSums(fn);
  laterAccesses(fn);
  earlierCounters(fn);
  const uses = countUses(fn);
  let users: Use[][] | undefined;
  for (const block of fn.blocks) {
    const { control } = block;
    if (control === null || control.op !== op.icmp || control.block !== block) continue;
    for (const [k, test] of control.args.entries()) {
      const next = isSum(test) && test.block === block && uses[test.id] === 1 ? following(test) : undefined;
      if (next === undefined) continue;
      users ??= usesOf(fn);
      if (!moveCounter(fn, control, k, next, users)) rewrite(fn, block, control, k, next);
    }
  }
}

const isSum = (v: Value): boolean => v.op === op.add && isConst(v.args[1]);
const isSmall = (c: Value): boolean => c.hi === c.lo >> 31;

/** A counter that is tested as it is starts a step earlier where nothing else asks for it: its increment is tested then. */
function earlierCounters(fn: Fn): void {
  let users: Use[][] | undefined;
  const replaced = new Replacements(fn);
  for (const block of fn.blocks) {
    const { control } = block;
    if (control?.op !== op.icmp || control.block !== block || control.args[0] === control.args[1]) continue;
    for (const test of control.args) {
      const phi = test.op === op.zext && test.block === block ? test.args[0] : test;
      const next = phi.op === op.phi ? increment(phi) : undefined;
      if (next?.block !== block || !canRestart(phi, next)) continue;
      users ??= usesOf(fn);
      startEarlier(fn, control, test, next, users, replaced);
    }
  }
  replaced.apply(fn);
}

/** `test`, of `control`, is the phi that becomes `next`, or its extension. */
function startEarlier(
  fn: Fn,
  control: Value,
  test: Value,
  next: Value,
  users: Use[][],
  replaced: Replacements,
): void {
  const [phi, by] = next.args;
  if (!fitsInt32(-by.lo)) return;
  const isOnly = (v: Value, user: Value) => users[v.id].every((use) => use.user === user);
  if (!isOnly(next, phi) || (test !== phi && !isOnly(test, control))) return;
  const asking = test === phi ? control : test;
  // What is a step behind it is the counter then.
  const behind: Value[] = [];
  for (const { user } of users[phi.id]) {
    if (user === next || user === asking) continue;
    if (user?.op !== op.add || user.args[0] !== phi || !isInt(user.args[1], -by.lo)) return;
    behind.push(user);
  }
  restart(fn, phi, next, fn.const(phi.type, -by.lo));
  for (const sum of behind) replaced.set(sum, phi);
  asking.args = asking.args.map((arg) => (arg === phi ? next : arg));
  // In front of the comparison: what is behind it happens in place, after all that looks at the counter.
  const last = asking === control ? [next, control] : [next, asking, control];
  const { block } = control;
  block.body = [...block.body.filter((v) => !last.includes(v)), ...last];
}

/** What the phi starts with is made in front of the loop, not in another one. */
const canRestart = (phi: Value, next: Value): boolean =>
  phi.args.every(
    (arg, i) => arg === next || isConst(arg) || phi.block.predecessors[i].successors.length === 1,
  );

/** The phi starts `distance` further on. */
function restart(fn: Fn, phi: Value, next: Value, distance: Value): void {
  phi.args = phi.args.map((arg, i) => {
    if (arg === next) return arg;
    const from = phi.block.predecessors[i];
    return emitter(fn, { block: from, at: from.at })(op.add, phi.type, [arg, distance]);
  });
}

/** Behind the increment sums start from what it made: i + 11 is (i + 1) + 10. */
function laterSums(fn: Fn): void {
  let dominates: ReturnType<typeof dominators> | undefined;
  for (const block of fn.blocks) {
    for (const v of block.body) {
      const [phi, by] = v.args;
      if (!isSum(v) || phi.op !== op.phi || phi.block === block) continue;
      const next = phi.args.find((arg) => arg !== v && isSum(arg) && arg.args[0] === phi);
      if (next === undefined || next.block === block) continue;
      dominates ??= dominators(fn);
      if (!dominates(next.block, block)) continue;
      const distance = fn.value(op.sub, v.type, [by, next.args[1]], block, v.at);
      v.args = [next, fold(fn, distance, () => distance)];
    }
  }
}

/** Accesses behind an increment count from what it made, so that it happens in place: [i] is [(i + 8) - 8]. */
function laterAccesses(fn: Fn): void {
  const phis = fn.blocks.flatMap((block) => block.phis.filter((phi) => phi.type === 64 && increment(phi)));
  if (phis.length === 0) return;
  const users = usesOf(fn);
  const dominates = dominators(fn);
  const places = new Int32Array(fn.nextValue);
  for (const { body } of fn.blocks) for (const [i, v] of body.entries()) places[v.id] = i;
  const isInFront = (a: Value, b: Value) =>
    a.block === b.block ? places[a.id] < places[b.id] : dominates(a.block, b.block);
  for (const phi of phis) {
    const next = increment(phi)!;
    const late = users[phi.id]
      .map(({ user }) => user)
      .filter(
        (user) => user === undefined || user.op === op.phi || (user !== next && !isInFront(user, next)),
      );
    const accesses = new Map<Value, number>();
    const isLate = (user: Value | undefined) =>
      user !== undefined &&
      user.op !== op.phi &&
      isInFront(next, user) &&
      addressed(user, phi, 1, users, accesses);
    if (!late.every(isLate) || !shift(accesses, next.args[1].lo)) continue;
    for (const user of late) user!.args = user!.args.map((arg) => (arg === phi ? next : arg));
  }
}

/** What adds a small constant to the phi and becomes it. */
const increment = (phi: Value): Value | undefined =>
  phi.args.find((arg) => isSum(arg) && arg.args[0] === phi && isSmall(arg.args[1]));

/** The sum, made in the same block, that becomes the phi which `test` adds to. */
function following(test: Value): Value | undefined {
  const [phi] = test.args;
  if (phi.op !== op.phi) return undefined;
  return phi.args.find(
    (arg) => arg !== test && isSum(arg) && arg.args[0] === phi && arg.block === test.block,
  );
}

/** Starts the counter where the test wants it; false where something but addresses needs it as it is. */
function moveCounter(fn: Fn, control: Value, k: number, next: Value, users: Use[][]): boolean {
  const test = control.args[k];
  const [phi, by] = test.args;
  const ahead = by.lo - next.args[1].lo;
  if (!fitsInt32(ahead) || phi.type !== 64 || !isSmall(by) || !isSmall(next.args[1])) return false;
  if (users[next.id].some(({ user }) => user !== phi)) return false;
  const accesses = new Map<Value, number>();
  for (const { user } of users[phi.id]) {
    if (user === next || user === test) continue;
    if (user === undefined || !addressed(user, phi, 1, users, accesses)) return false;
  }
  if (!canRestart(phi, next) || !shift(accesses, ahead)) return false;
  restart(fn, phi, next, fn.const(64, ahead));
  control.args[k] = next;
  const { body } = test.block;
  body.splice(body.indexOf(test), 1);
  // The increment comes where the test was made, at the latest.
  const at = body.indexOf(control);
  if (body.indexOf(next) > at) {
    body.splice(body.indexOf(next), 1);
    body.splice(at, 0, next);
  }
  return true;
}

/** What the accesses' addresses count from is `ahead` of where it was; false where one does not reach. */
function shift(accesses: ReadonlyMap<Value, number>, ahead: number): boolean {
  const moved = (access: Value, times: number) => access.aux - ahead * times;
  for (const [access, times] of accesses) if (!fitsInt32(moved(access, times))) return false;
  for (const [access, times] of accesses) access.aux = moved(access, times);
  return true;
}

/** Sums and shifts on the way to an access that are looked through. */
const DEPTH = 4;

/** Whether `user` of `v` tells addresses alone: adds their accesses, with the multiple of `v` in each. */
function addressed(
  user: Value,
  v: Value,
  times: number,
  users: Use[][],
  accesses: Map<Value, number>,
  depth = DEPTH,
): boolean {
  if (user.op.bytes > 0) {
    if (user.args.indexOf(v) !== 0 || user.args.lastIndexOf(v) !== 0) return false;
    accesses.set(user, (accesses.get(user) ?? 0) + times);
    return true;
  }
  const scaled = user.op === op.shl && user.args[0] === v && isConst(user.args[1]) && user.args[1].lo <= 3;
  const plain = user.op === op.add && user.type === 64 && user.args[0] !== user.args[1];
  if ((!scaled && !plain) || depth === 0) return false;
  const factor = scaled ? times * 2 ** user.args[1].lo : times;
  return users[user.id].every(
    ({ user: next }) =>
      next !== undefined && next !== user && addressed(next, user, factor, users, accesses, depth - 1),
  );
}

function rewrite(fn: Fn, block: Block, control: Value, k: number, next: Value): void {
  const test = control.args[k];
  const made: Value[] = [];
  const emit = emitter(fn, { block, at: test.at }, made);
  const distance = emit(op.sub, test.type, [test.args[1], next.args[1]]);
  // Not through the rules: they would make i + 5 of it again.
  const sum = fn.value(op.add, test.type, [next, distance], block, test.at);
  control.args[k] = sum;
  const at = block.body.indexOf(control);
  const late = block.body.indexOf(next) > at ? [next] : [];
  const rest = block.body.filter((v) => v !== test && v !== control && !late.includes(v));
  const place = at - block.body.slice(0, at).filter((v) => v === test).length;
  block.body = [...rest.slice(0, place), ...made, ...late, sum, control, ...rest.slice(place)];
}
