/** SSA repair: after control flow changed, a value that has several definitions gets phis where they meet. */

import { countUses } from "./flow.ts";
import type { Block, Fn, Value } from "./ir.ts";
import { op } from "./ops.ts";

/** One use: an argument of `user`, or the control of `block`. A phi uses its argument at the end of a predecessor. */
export interface Use {
  user: Value | undefined;
  block: Block;
}

/** The uses of every value, by its id. */
export function usesOf(fn: Fn): Use[][] {
  // Arrays that grow from nothing take room for many.
  const left = countUses(fn);
  const uses = new Array<Use[]>(fn.nextValue);
  for (let id = 0; id < uses.length; id++) uses[id] = new Array(left[id]);
  const note = ({ id }: Value, use: Use) => {
    const list = uses[id];
    list[list.length - left[id]--] = use;
  };
  const noteAll = (user: Value, block: Block) => {
    const { args } = user;
    for (let k = 0; k < args.length; k++) note(args[k], { user, block });
  };
  for (const block of fn.blocks) {
    for (const user of block.phis) noteAll(user, block);
    for (const user of block.body) noteAll(user, block);
    if (block.control !== null) note(block.control, { user: undefined, block });
  }
  return uses;
}

/**
 * Rewrites the uses of `old` outside its block: what reaches them is the definition at the end of a block of `others`,
 * or `old` itself if it is `kept`. Every way to a use passes one of them. Keeps `uses` up to date.
 */
export function repair(
  fn: Fn,
  uses: Use[][],
  old: Value,
  others: ReadonlyMap<Block, Value>,
  kept: boolean,
): void {
  const atEnd = new Map<Block, Value>(others);
  if (kept) atEnd.set(old.block, old);
  const made: Value[] = [];
  const read = (from: Block): Value => {
    const passed: Block[] = [];
    let block = from;
    let found = atEnd.get(block);
    while (found === undefined) {
      passed.push(block);
      // A loop that nothing enters any more: its code is about to go.
      if (passed.length > fn.nextBlock) found = fn.leaf(op.undef, old.type, 0);
      else if (block.predecessors.length === 1) {
        block = block.predecessors[0];
        found = atEnd.get(block);
      } else {
        found = fn.value(op.phi, old.type, [], block, old.at);
        made.push(found);
      }
    }
    for (const block of passed) atEnd.set(block, found);
    return found;
  };
  const note = (v: Value, use: Use) => (uses[v.id] ??= []).push(use);
  for (const use of [...uses[old.id]]) {
    const { user, block } = use;
    const inside = block === old.block && user?.op !== op.phi;
    if (inside) continue;
    if (user === undefined) {
      if (block.control === old) note((block.control = read(block)), use);
    } else
      for (let k = 0; k < user.args.length; k++) {
        const from = user.op === op.phi ? block.predecessors[k] : block;
        if (user.args[k] === old && from !== old.block) note((user.args[k] = read(from)), use);
      }
  }
  for (let i = 0; i < made.length; i++) {
    const phi = made[i];
    phi.args = phi.block.predecessors.map(read);
    for (const arg of phi.args) note(arg, { user: phi, block: phi.block });
  }
  for (const phi of made) phi.block.phis.push(phi);
}
