/** Removes values that nothing needs: no effect, no use by an effect or a block's end. Dead loads go too. */

import { those } from "../ir/flow.ts";
import type { Fn, Value } from "../ir/ir.ts";
import { op } from "../ir/ops.ts";

export function deadCode(fn: Fn): void {
  const live = new Uint8Array(fn.nextValue);
  const work: Value[] = [];
  const need = (v: Value) => {
    if (live[v.id] === 1) return;
    live[v.id] = 1;
    work.push(v);
  };
  for (const { body, control } of fn.blocks) {
    for (let i = 0; i < body.length; i++) if (body[i].op.writes && !isReduction(fn, body[i])) need(body[i]);
    if (control !== null) need(control);
  }
  while (work.length > 0) {
    const { args } = work.pop()!;
    for (let i = 0; i < args.length; i++) need(args[i]);
  }
  const isLive = (v: Value) => live[v.id] === 1;
  for (const block of fn.blocks) {
    block.phis = those(block.phis, isLive);
    block.body = those(block.body, isLive);
  }
}

const isReduction = (fn: Fn, { op: row, aux }: Value) =>
  row === op.kernel && fn.kernels[aux].store === undefined;
