/**
 * Two tests of one counter against bounds that a loop does not change, with the same way out, are one test against the
 * lesser bound, which is chosen in front of the loop: i < len && i < 64. What stands between them is done once more.
 */

import { dominators } from "../ir/dominators.ts";
import { emitter } from "../ir/emit.ts";
import { holdsOn, removeEdge } from "../ir/flow.ts";
import { isConst, isSmall } from "../ir/fold.ts";
import type { Block, Fn, Value } from "../ir/ir.ts";
import { entryOf, loopNest } from "../ir/loop-nest.ts";
import { hasCycle } from "../ir/loops.ts";
import { COND, op, SLE, SLT, ULE, ULT } from "../ir/ops.ts";

export function mergeExits(fn: Fn): void {
  const pairs = fn.blocks.filter(follows);
  if (pairs.length === 0 || !hasCycle(fn)) return;
  const { of } = loopNest(fn);
  const dominates = dominators(fn);
  for (const second of pairs) {
    const [first] = second.predecessors;
    const loop = of[first.id];
    const before = loop && of[second.id] === loop ? entryOf(loop) : undefined;
    const found = before && read(fn, first, second);
    const isReady = (v: Value) => v.args.length === 0 || dominates(v.block, before!);
    if (found === undefined || !found.bounds.every(isReady)) continue;
    merge(fn, first, second, before!, found);
  }
}

/** A block behind nothing but a test that leads to the same other place with the same values. */
function follows(second: Block): boolean {
  const [first] = second.predecessors;
  if (second.predecessors.length !== 1 || second.end !== "branch" || first.end !== "branch") return false;
  const out = first.successors.find((next) => next !== second);
  if (out === undefined || !second.successors.includes(out) || second.phis.length > 0) return false;
  if (second.successors[0] === second.successors[1] || !second.body.every(({ op: row }) => row.pure))
    return false;
  const [i, k] = [first, second].map((block) => out.predecessors.indexOf(block));
  return out.phis.every(({ args }) => args[i] === args[k]);
}

/** x in relation `cond` to both bounds, or control leaves. */
interface Tests {
  x: Value;
  cond: number;
  bounds: Value[];
}

type Test = NonNullable<ReturnType<typeof holdsOn>>;

const UPPER: readonly number[] = [ULT, ULE, SLT, SLE];

/** x <= c is x < c + 1, unless c is the greatest number. */
function strict(fn: Fn, test: Test): Test {
  const { b, cond } = test;
  if (!isConst(b) || !isSmall(b) || (cond !== ULE && cond !== SLE)) return test;
  if (b.lo === 2 ** 31 - 1 || (b.lo === -1 && cond === ULE)) return test;
  return { ...test, b: fn.const(b.type, b.lo + 1), cond: cond === ULE ? ULT : SLT };
}

function read(fn: Fn, first: Block, second: Block): Tests | undefined {
  const goesOn = second.successors.find((next) => !first.successors.includes(next))!;
  const known = [holdsOn(first, second), holdsOn(second, goesOn)].map((test) => {
    if (test === undefined) return undefined;
    const { a, b, cond } = test;
    return strict(fn, UPPER.includes(cond) ? test : { a: b, b: a, cond: COND[cond].swap });
  });
  const [one, other] = known;
  if (!one || !other || one.cond !== other.cond || !UPPER.includes(one.cond)) return undefined;
  return one.a === other.a ? { x: one.a, cond: one.cond, bounds: [one.b, other.b] } : undefined;
}

function merge(fn: Fn, first: Block, second: Block, before: Block, { x, cond, bounds }: Tests): void {
  const emit = emitter(fn, { block: before, at: before.at });
  const [a, b] = bounds;
  const strict = cond === ULT || cond === ULE ? ULT : SLT;
  const isSame = (v: Value) => v.op === op.icmp && v.aux === strict && v.args[0] === a && v.args[1] === b;
  const isLess = before.body.find(isSame) ?? emit(op.icmp, 1, [a, b], strict);
  const least = emit(op.select, a.type, [isLess, a, b]);
  const out = first.successors.find((next) => next !== second)!;
  removeEdge(first, out);
  Object.assign(first, { end: "jump", control: null, successors: [second] });
  const test = fn.value(op.icmp, 1, [x, least], second, second.at);
  test.aux = cond;
  second.body.push(test);
  second.control = test;
  if (second.successors[0] === out) second.successors.reverse();
}
