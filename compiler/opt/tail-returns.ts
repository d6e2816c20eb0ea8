/**
 * A call whose result goes to a common return returns there itself, so that it can be a jump. Requires a function that
 * makes no other calls and has no frame: then it needs neither saved registers nor an aligned stack.
 */

import type { Block, Fn, Value } from "../ir/ir.ts";
import { CALLS, op } from "../ir/ops.ts";

export function tailReturns(fn: Fn): void {
  const ways = fn.blocks.flatMap(waysBack);
  const tails = new Set(ways.map(({ call }) => call));
  if (ways.length === 0 || usesFrame(fn)) return;
  for (const block of fn.blocks)
    for (const v of block.body)
      if (CALLS.has(v.op) && !tails.has(v) && (block.control !== v || v.op === op.helper)) return;
  for (const { from, to, call } of ways) {
    const k = to.predecessors.indexOf(from);
    to.predecessors.splice(k, 1);
    for (const phi of to.phis) phi.args.splice(k, 1);
    Object.assign(from, { end: "return", control: call, successors: [] });
  }
  fn.blocks = fn.blocks.filter((block, b) => b === 0 || block.predecessors.length > 0);
}

interface WayBack {
  from: Block;
  to: Block;
  call: Value;
}

/** Edges on which a return's value is the call that ends the block before it. */
function waysBack(to: Block): WayBack[] {
  const { control: result, predecessors } = to;
  if (
    to.end !== "return" ||
    to.body.length > 0 ||
    result === null ||
    result.block !== to ||
    result.op !== op.phi
  )
    return [];
  return predecessors.flatMap((from, k) => {
    const call = from.body[from.body.length - 1];
    const goes =
      from.end === "jump" && (call?.op === op.call || call?.op === op.calli) && result.args[k] === call;
    return goes ? [{ from, to, call }] : [];
  });
}

function usesFrame(fn: Fn): boolean {
  return fn.blocks.some(
    ({ phis, body, control }) =>
      [...phis, ...body].some(({ args }) => args.some((arg) => arg.op === op.frame)) ||
      control?.op === op.frame,
  );
}
