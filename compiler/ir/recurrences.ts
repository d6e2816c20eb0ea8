/** Which values go round: groups of values that depend on each other through phis (strongly connected components). */

import type { Fn, Value } from "./ir.ts";

/** By value: a number that the values of one recurrence share; 0 = none depends on itself. Linear; no recursion. */
export function recurrences(fn: Fn): Int32Array {
  const group = new Int32Array(fn.nextValue);
  const index = new Int32Array(fn.nextValue);
  const low = new Int32Array(fn.nextValue);
  const open = new Uint8Array(fn.nextValue);
  /** By value: the argument to look at next. */
  const next = new Int32Array(fn.nextValue);
  const stack: Value[] = [];
  let count = 0;
  let groups = 0;
  const close = (v: Value) => {
    const isAlone = stack[stack.length - 1] === v;
    if (!isAlone) groups++;
    for (let top = stack.pop()!; ; top = stack.pop()!) {
      open[top.id] = 0;
      if (!isAlone) group[top.id] = groups;
      if (top === v) break;
    }
  };
  const enter = (v: Value) => {
    index[v.id] = low[v.id] = ++count;
    open[v.id] = 1;
    stack.push(v);
  };
  const walk = (root: Value) => {
    const work = [root];
    enter(root);
    while (work.length > 0) {
      const v = work[work.length - 1];
      if (next[v.id] === v.args.length) {
        work.pop();
        if (low[v.id] === index[v.id]) close(v);
        if (work.length === 0) return;
        const above = work[work.length - 1];
        low[above.id] = Math.min(low[above.id], low[v.id]);
        continue;
      }
      const arg = v.args[next[v.id]++];
      if (index[arg.id] === 0) {
        enter(arg);
        work.push(arg);
      } else if (open[arg.id] === 1) low[v.id] = Math.min(low[v.id], index[arg.id]);
    }
  };
  for (const { phis } of fn.blocks) for (const phi of phis) if (index[phi.id] === 0) walk(phi);
  return group;
}
