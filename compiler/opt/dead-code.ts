/** Removes values that nothing needs: no effect, no use by an effect or a block's end. Dead loads go too. */

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
  for (const block of fn.blocks) {
    block.phis = kept(block.phis, live);
    block.body = kept(block.body, live);
  }
}

const isReduction = (fn: Fn, { op: row, aux }: Value) =>
  row === op.kernel && fn.kernels[aux].store === undefined;

function kept(list: Value[], live: Uint8Array): Value[] {
  for (let i = 0; i < list.length; i++)
    if (live[list[i].id] === 0) return list.filter((v) => live[v.id] === 1);
  return list;
}
