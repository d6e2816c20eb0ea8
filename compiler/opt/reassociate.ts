/**
 * Sums, products and bit operations of several values take last what is there last: what goes round a loop waits for
 * one operation a round, not for all of them.
 */

import { dominators } from "../ir/dominators.ts";
import { emitter } from "../ir/emit.ts";
import { countUses, Replacements } from "../ir/flow.ts";
import { isConst } from "../ir/fold.ts";
import { blockOrder } from "../ir/graph.ts";
import type { Block, Fn, Value } from "../ir/ir.ts";
import { latency } from "../ir/latency.ts";
import { loopDepths } from "../ir/loops.ts";
import { type Op, op } from "../ir/ops.ts";

const ASSOCIATIVE = new Set<Op>([op.add, op.mul, op.and, op.or, op.xor]);
/** Operands of one sum: all are alive where it is made. */
const MOST = 8;
/** Later than anything that does not go round the loop. */
const RECURRENT = 1e6;

export function reassociate(fn: Fn): void {
  const depths = loopDepths(fn);
  if (!fn.blocks.some((block) => depths[block.id] > 0)) return;
  const ready = times(fn);
  const uses = countUses(fn);
  const replaced = new Replacements(fn);
  for (const block of fn.blocks) {
    if (depths[block.id] === 0) continue;
    const inner = new Set<Value>();
    const body: Value[] = [];
    // From the end: a root is met before what is part of it.
    const roots = new Map<Value, Value[]>();
    for (let i = block.body.length - 1; i >= 0; i--) {
      const v = block.body[i];
      if (!ASSOCIATIVE.has(v.op) || inner.has(v)) continue;
      const leaves = operands(v, uses, inner);
      if (leaves.length > 2 && leaves.length <= MOST && leaves.some((leaf) => ready[leaf.id] >= RECURRENT))
        roots.set(v, leaves);
    }
    if (roots.size === 0) continue;
    for (const v of block.body) {
      const leaves = roots.get(v);
      if (leaves === undefined) body.push(v);
      else replaced.set(v, ordered(fn, v, leaves, ready, body));
    }
    block.body = body;
  }
  replaced.apply(fn);
}

/** What a tree of one operation works on; `inner` gets its operations. */
function operands(root: Value, uses: Int32Array, inner: Set<Value>): Value[] {
  const found: Value[] = [];
  const work = [root];
  for (let v = work.pop(); v !== undefined; v = work.pop()) {
    const part = v.op === root.op && v.type === root.type && v.block === root.block;
    if (v !== root && !(part && uses[v.id] === 1)) found.push(v);
    else {
      if (v !== root) inner.add(v);
      work.push(...[...v.args].reverse());
    }
  }
  return found;
}

function ordered(fn: Fn, root: Value, leaves: Value[], ready: Float64Array, body: Value[]): Value {
  const emit = emitter(fn, root, body);
  const early = leaves.filter((leaf) => ready[leaf.id] < RECURRENT && !isConst(leaf));
  const late = leaves.filter((leaf) => ready[leaf.id] >= RECURRENT);
  late.sort((a, b) => ready[a.id] - ready[b.id]);
  const list = [...early, ...leaves.filter(isConst), ...late];
  return list.reduce((sum, leaf) => emit(root.op, root.type, [sum, leaf]));
}

/** When each value is there, in cycles of a round; what goes round a loop comes after all else, in its order. */
function times(fn: Fn): Float64Array {
  const ready = new Float64Array(fn.nextValue);
  const dominates = dominators(fn);
  const order = blockOrder(fn);
  const heads = new Set(
    order.filter((block) => block.predecessors.some((before) => dominates(block, before))),
  );
  const visit = (v: Value) => {
    let latest = 0;
    for (const arg of v.args) latest = Math.max(latest, ready[arg.id]);
    ready[v.id] = latest + latency(v);
  };
  const sweep = () => {
    for (const block of order) {
      if (!heads.has(block)) block.phis.forEach(visit);
      block.body.forEach(visit);
    }
  };
  sweep();
  const starts = [...heads].flatMap((block) =>
    block.phis.map((phi) => startOf(phi, block, ready, dominates)),
  );
  for (const { phi, at } of starts) ready[phi.id] = at;
  sweep();
  return ready;
}

function startOf(
  phi: Value,
  block: Block,
  ready: Float64Array,
  dominates: (a: Block, b: Block) => boolean,
): { phi: Value; at: number } {
  const back = phi.args.filter((_, k) => dominates(block, block.predecessors[k]));
  const counts = (arg: Value) =>
    arg === phi || (arg.op === op.add && arg.args[0] === phi && isConst(arg.args[1]));
  const last = Math.max(...back.map((arg) => ready[arg.id]));
  return { phi, at: back.every(counts) ? 0 : RECURRENT + last };
}
