/**
 * Loops that clear the lowest set bit in each round until none is left: what else they do is add constants, as often as
 * bits were set. Requires the operation that counts those.
 */

import { emitter } from "../ir/emit.ts";
import { comesNonZero, holdsOn, Replacements, removeEdge } from "../ir/flow.ts";
import { isConst, isInt, isZero } from "../ir/fold.ts";
import type { Block, Fn, Value } from "../ir/ir.ts";
import { EQ, NE, op } from "../ir/ops.ts";
import { type Use, usesOf } from "../ir/repair.ts";
import type { PassContext } from "../passes.ts";

/** Loops of one function: each is a walk over all of it. */
const MOST = 16;

export function bitLoops(fn: Fn, { features }: Pick<PassContext, "features">): void {
  if (!features.has("popcount")) return;
  const loops = fn.blocks.flatMap((block) => recognise(block) ?? []);
  if (loops.length === 0) return;
  const uses = usesOf(fn);
  for (const loop of loops.filter((found) => !isNeeded(found, uses)).slice(0, MOST)) {
    // At once: what the next one is made of must not be what this one replaced.
    const replaced = new Replacements(fn);
    replace(fn, loop, replaced);
    replaced.apply(fn);
  }
}

interface BitLoop {
  block: Block;
  /** Index of the way in. */
  entry: number;
  /** What bits are taken from, what is left after a round, and what is between them. */
  bits: Value;
  left: Value;
  less: Value;
  /** phi and phi + constant. */
  counters: { phi: Value; next: Value }[];
  /** Extensions of what a round ends with. */
  extended: Value[];
}

function recognise(block: Block): BitLoop | undefined {
  const { end, control, predecessors, successors, phis, body } = block;
  if (end !== "branch" || predecessors.length !== 2 || successors[0] === successors[1]) return undefined;
  const latch = predecessors.indexOf(block);
  const back = holdsOn(block, block);
  if (latch < 0 || back === undefined || back.cond !== NE || !isZero(back.b)) return undefined;
  const left = back.a;
  if (left.op !== op.and || left.block !== block) return undefined;
  const bits = left.args.find((arg) => arg.op === op.phi && arg.block === block && arg.args[latch] === left);
  const less = left.args.find((arg) => arg !== bits);
  if (bits === undefined || less?.op !== op.add || less.args[0] !== bits || !isInt(less.args[1], -1))
    return undefined;
  const counters = phis
    .filter((phi) => phi !== bits)
    .map((phi) => ({ phi, next: phi.args[latch] }))
    .filter(({ phi, next }) => next.op === op.add && next.args[0] === phi && isConst(next.args[1]));
  const known = new Set<Value>([left, less, control!, ...counters.map(({ next }) => next)]);
  const extended = body.filter((v) => !known.has(v));
  const isResult = (v: Value) => v === left || counters.some(({ next }) => next === v);
  if (counters.length !== phis.length - 1 || body.length !== known.size + extended.length) return undefined;
  return extended.every((v) => v.op === op.zext && isResult(v.args[0]))
    ? { block, entry: 1 - latch, bits, left, less, counters, extended }
    : undefined;
}

/** Something behind the loop asks for what a round began with. */
const isNeeded = ({ block, less }: BitLoop, uses: Use[][]): boolean =>
  [...block.phis, less, block.control!].some((v) => uses[v.id].some((use) => use.block !== block));

function replace(
  fn: Fn,
  { block, entry, bits, left, counters, extended }: BitLoop,
  replaced: Replacements,
): void {
  const emit = emitter(fn, { block, at: bits.at });
  const [from, start] = [block.predecessors[entry], bits.args[entry]];
  const isSure = comesNonZero(start, from, block);
  removeEdge(block, block);
  block.successors = block.successors.filter((next) => next !== block);
  block.end = "jump";
  block.control = null;
  block.body = [];
  const count = emit(op.popcount, bits.type, [start]);
  const none = emit(op.icmp, 1, [start, fn.const(bits.type, 0)], EQ);
  // The first round asks nothing.
  const rounds = isSure ? count : emit(op.select, bits.type, [none, fn.const(bits.type, 1), count]);
  for (const { phi, next } of counters) {
    const wide = phi.type === 64 && bits.type === 32;
    const narrow = phi.type === 32 && bits.type === 64;
    const times = wide ? emit(op.zext, 64, [rounds]) : narrow ? emit(op.trunc, 32, [rounds]) : rounds;
    const sum = emit(op.mul, phi.type, [times, next.args[1]]);
    replaced.set(next, emit(op.add, phi.type, [phi.args[0], sum]));
  }
  block.body.push(...extended);
  replaced.set(left, fn.const(bits.type, 0));
  for (const phi of block.phis) replaced.set(phi, phi.args[0]);
}
