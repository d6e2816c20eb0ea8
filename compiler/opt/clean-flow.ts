/**
 * Control-flow clean-up: branches on constants become jumps, unreachable blocks go, and a block whose only
 * predecessor only leads to it is joined to it. Guarantees that every block is reachable.
 */

import { dropUnreachable, isEdge, removeEdge } from "../ir/flow.ts";
import { isConst } from "../ir/fold.ts";
import type { Block, Fn } from "../ir/ir.ts";

export function cleanFlow(fn: Fn): void {
  for (const block of fn.blocks) foldBranch(block);
  dropUnreachable(fn);
  joinBlocks(fn);
  skipEmpty(fn);
}

/** An edge through a block that does nothing leads straight on. */
function skipEmpty(fn: Fn): void {
  for (const block of fn.blocks.slice(1)) {
    if (!isEdge(block)) continue;
    const [before] = block.predecessors;
    const [next] = block.successors;
    // Two edges from one block to another could not be told apart by phis.
    if (next === block || before === block || before.successors.includes(next)) continue;
    before.successors[before.successors.indexOf(block)] = next;
    next.predecessors[next.predecessors.indexOf(block)] = before;
    block.predecessors = [];
    block.successors = [];
    block.end = "trap";
  }
  fn.blocks = fn.blocks.filter((block, i) => i === 0 || block.predecessors.length > 0);
}

function foldBranch(block: Block): void {
  if (block.end !== "branch" || block.control === null) return;
  const [yes, no] = block.successors;
  if (yes !== no && !isConst(block.control)) return;
  // Both edges lead to one block whose phis may differ by edge: only a constant tells which one is taken.
  if (yes === no && !isConst(block.control) && yes.phis.length > 0) return;
  const taken = isConst(block.control) && block.control.lo === 0 ? 1 : 0;
  const from = block.successors[1 - taken];
  if (yes === no) removeSecondEdge(block, from, 1 - taken);
  else removeEdge(block, from);
  block.successors = [block.successors[taken]];
  block.end = "jump";
  block.control = null;
}

/** Of two edges block → to, removes the first (which = 0) or the second. */
function removeSecondEdge(block: Block, to: Block, which: number): void {
  const first = to.predecessors.indexOf(block);
  const index = which === 0 ? first : to.predecessors.indexOf(block, first + 1);
  to.predecessors.splice(index, 1);
  for (const phi of to.phis) phi.args.splice(index, 1);
}

function joinBlocks(fn: Fn): void {
  const gone = new Set<Block>();
  for (const block of fn.blocks) {
    if (gone.has(block)) continue;
    while (block.end === "jump") {
      const next = block.successors[0];
      if (next.predecessors.length !== 1 || next.phis.length > 0 || next === block || next === fn.blocks[0])
        break;
      for (const v of next.body) {
        v.block = block;
        block.body.push(v);
      }
      block.end = next.end;
      block.control = next.control;
      block.successors = next.successors;
      block.at = next.at;
      for (const after of next.successors) after.predecessors[after.predecessors.indexOf(next)] = block;
      gone.add(next);
    }
  }
  if (gone.size > 0) fn.blocks = fn.blocks.filter((block) => !gone.has(block));
}
