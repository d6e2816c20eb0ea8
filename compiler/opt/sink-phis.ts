/**
 * An operation on a phi is done on the ways into its block, where it folds on all of them but one: `n += found` after
 * ways on which `found` is 0 or 1 leaves n alone on those.
 */

import { dominators } from "../ir/dominators.ts";
import { countUses, Replacements } from "../ir/flow.ts";
import { type Emit, fold, isConst } from "../ir/fold.ts";
import { blockOrder } from "../ir/graph.ts";
import type { Block, Fn, Value } from "../ir/ir.ts";
import { loopDepths } from "../ir/loops.ts";
import { op } from "../ir/ops.ts";

const SLOW = new Set<unknown>([op.udiv, op.umod, op.sdiv, op.smod, op.select, op.icmp, op.phi]);

export function sinkPhis(fn: Fn): void {
  const uses = [...countUses(fn)];
  const dominates = dominators(fn);
  const depths = loopDepths(fn);
  const replaced = new Replacements(fn);
  // What comes before is done: no rule may look through a value that is replaced already.
  for (const block of blockOrder(fn)) {
    for (const list of [block.phis, block.body]) for (const v of list) replaced.renew(v);
    if (block.phis.length === 0) continue;
    for (const v of block.body) {
      replaced.renew(v);
      const phi = v.args.find((arg) => arg.op === op.phi && arg.block === block && uses[arg.id] === 1);
      if (phi === undefined || !v.op.pure || SLOW.has(v.op) || !phi.args.some(isConst)) continue;
      // Other operands must be there on all ways in: phis of the same block are, by their arguments.
      const known = (arg: Value) =>
        arg.args.length === 0 ||
        (arg.block === block ? arg.op === op.phi : dominates(arg.block, block) && arg.block !== block);
      if (!v.args.every(known) || block.predecessors.some((before) => dominates(block, before))) continue;
      const joined = sink(fn, v, phi, depths);
      if (joined === undefined) continue;
      replaced.set(v, joined);
      uses[joined.id] = uses[v.id];
    }
  }
  replaced.apply(fn);
}

/** What stands for `v` then; undefined where it pays on less than all ways but one. */
function sink(fn: Fn, v: Value, phi: Value, depths: Int32Array): Value | undefined {
  const { block } = v;
  const made: { value: Value; to: Block }[] = [];
  const results = block.predecessors.map((before, k) => {
    const emit: Emit = (row, type, args, aux = 0) => {
      const one = fn.value(row, type, args, before, v.at);
      one.aux = aux;
      const result = fold(fn, one, emit);
      if (result === one) made.push({ value: one, to: before });
      return result;
    };
    const args = v.args.map((arg) => (arg.op === op.phi && arg.block === block ? arg.args[k] : arg));
    return emit(v.op, v.type, args, v.aux);
  });
  const isCheap = ({ to }: { to: Block }) => to.successors.length === 1 || depths[to.id] <= depths[block.id];
  if (made.length > 1 || !made.every(isCheap)) return undefined;
  for (const { value, to } of made) to.body.push(value);
  const joined = fn.value(op.phi, v.type, [], block, phi.at);
  joined.args = results;
  block.phis[block.phis.indexOf(phi)] = joined;
  return joined;
}
