/** Which values go round: groups of values that depend on each other through phis (strongly connected components). */

import type { Fn, Value } from "./ir.ts";

/** By value: a number that the values of one recurrence share; 0 = none depends on itself. Linear; no recursion. */
export function recurrences(fn: Fn): Int32Array {
  const group = new Int32Array(fn.nextValue);
  const index = new Int32Array(fn.nextValue);
  const low = new Int32Array(fn.nextValue);
  const open = new Uint8Array(fn.nextValue);
  const stack: Value[] = [];
  let count = 0;
  let groups = 0;
  const close = (v: Value) => {
    const members: Value[] = [];
    for (let top = stack.pop()!; ; top = stack.pop()!) {
      open[top.id] = 0;
      members.push(top);
      if (top === v) break;
    }
    if (members.length === 1) return;
    groups++;
    for (const { id } of members) group[id] = groups;
  };
  const enter = (v: Value) => {
    index[v.id] = low[v.id] = ++count;
    open[v.id] = 1;
    stack.push(v);
  };
  const walk = (root: Value) => {
    const work = [{ v: root, next: 0 }];
    enter(root);
    while (work.length > 0) {
      const top = work[work.length - 1];
      const { v } = top;
      const arg = v.args[top.next++];
      if (arg === undefined) {
        work.pop();
        if (low[v.id] === index[v.id]) close(v);
        const above = work[work.length - 1];
        if (above !== undefined) low[above.v.id] = Math.min(low[above.v.id], low[v.id]);
      } else if (index[arg.id] === 0) {
        enter(arg);
        work.push({ v: arg, next: 0 });
      } else if (open[arg.id] === 1) low[v.id] = Math.min(low[v.id], index[arg.id]);
    }
  };
  for (const { phis } of fn.blocks) for (const phi of phis) if (index[phi.id] === 0) walk(phi);
  return group;
}
