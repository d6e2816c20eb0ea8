/**
 * Loops of one block whose phis hand values on to each other (a, b = b, a + b) are unrolled until they no longer
 * do: each such hand-over is a move on the critical path of every iteration. Keeps the loop's test in each copy.
 */

import { removeEdge } from "../ir/flow.ts";
import { type Block, type Fn, retarget, type Value } from "../ir/ir.ts";
import { op } from "../ir/ops.ts";
import { type Use, usesOf } from "../ir/repair.ts";

/** Values of a loop body worth copying, and copies at most. */
const BODY_LIMIT = 24;
const COPY_LIMIT = 4;

export function unrollShifts(fn: Fn): void {
  let uses: Use[][] | undefined;
  for (const block of [...fn.blocks]) {
    if (block.end !== "branch" || !block.successors.includes(block) || block.body.length > BODY_LIMIT)
      continue;
    const exit = block.successors.find((next) => next !== block);
    if (exit === undefined) continue;
    const copies = shiftLength(block) + 1;
    if (copies < 2 || copies > COPY_LIMIT) continue;
    uses ??= usesOf(fn);
    unroll(fn, uses, block, exit, copies);
  }
}

/** The longest chain of phis in which each takes the next one's value on the back edge. */
function shiftLength(block: Block): number {
  const latch = block.predecessors.indexOf(block);
  let longest = 0;
  for (const phi of block.phis) {
    let length = 0;
    let at = phi;
    while (length <= COPY_LIMIT && at.args[latch].op === op.phi && at.args[latch].block === block) {
      at = at.args[latch];
      length++;
    }
    if (at !== phi || length <= 1) longest = Math.max(longest, length);
  }
  return longest;
}

function unroll(fn: Fn, uses: Use[][], block: Block, exit: Block, copies: number): void {
  const landing = makeLanding(fn, uses, block, exit);
  // Copies use what other loops make, too.
  const note = (v: Value, user: Value | undefined, at: Block) =>
    (uses[v.id] ??= []).push({ user, block: at });
  const latch = block.predecessors.indexOf(block);
  const staysOnTrue = block.successors[0] === block;
  let last = block;
  // What each value of the loop is called in the iteration at hand.
  let names = new Map<Value, Value>();
  const name = (v: Value) => names.get(v) ?? v;
  const outgoing = landing.phis.map((phi) => phi.args[0]);
  for (let copy = 1; copy < copies; copy++) {
    const next = new Map<Value, Value>();
    for (const phi of block.phis) next.set(phi, name(phi.args[latch]));
    names = next;
    const made = fn.block();
    for (const v of block.body) {
      const again = fn.copy(v, v.args.map(name), made, v.at);
      names.set(v, again);
      made.body.push(again);
      for (const arg of again.args) note(arg, again, made);
    }
    made.end = "branch";
    made.at = block.at;
    made.control = name(block.control!);
    note(made.control, undefined, made);
    made.successors = staysOnTrue ? [block, landing] : [landing, block];
    retarget(last, block, made);
    made.predecessors = [last];
    block.predecessors[latch] = made;
    landing.predecessors.push(made);
    for (const [k, phi] of landing.phis.entries()) {
      phi.args.push(name(outgoing[k]));
      note(name(outgoing[k]), phi, landing);
    }
    last = made;
  }
  for (const phi of block.phis) {
    phi.args[latch] = name(phi.args[latch]);
    note(phi.args[latch], phi, block);
  }
}

/** A block on the exit edge with a phi for each value of the loop that is used outside. */
function makeLanding(fn: Fn, uses: Use[][], block: Block, exit: Block): Block {
  const landing = fn.block();
  const args = exit.phis.map((phi) => phi.args[exit.predecessors.indexOf(block)]);
  removeEdge(block, exit);
  exit.predecessors.push(landing);
  for (const [k, phi] of exit.phis.entries()) phi.args.push(args[k]);
  landing.end = "jump";
  landing.at = block.at;
  landing.successors = [exit];
  landing.predecessors = [block];
  retarget(block, exit, landing);
  for (const v of [...block.phis, ...block.body]) {
    const others = (uses[v.id] ?? []).filter((use) => use.block !== block);
    if (others.length === 0) continue;
    const phi = fn.value(op.phi, v.type, [v], landing, v.at);
    landing.phis.push(phi);
    uses[phi.id] = others;
    uses[v.id] = [...uses[v.id].filter((use) => use.block === block), { user: phi, block: landing }];
    for (const { user, block: at } of others) {
      if (user !== undefined) user.args = user.args.map((arg) => (arg === v ? phi : arg));
      else if (at.control === v) at.control = phi;
    }
  }
  return landing;
}
