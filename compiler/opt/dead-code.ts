/** Removes values that nothing needs: no effect, no use by an effect or a block's end. Dead loads go too. */

import type { Fn, Value } from "../ir/ir.ts";
import { op } from "../ir/ops.ts";

export function deadCode(fn: Fn): void {
  const live = new Uint8Array(fn.nextValue);
  const work: Value[] = [];
  const isReduction = ({ op: row, aux }: Value) => row === op.kernel && fn.kernels[aux].store === undefined;
  const need = (v: Value) => {
    if (live[v.id] === 1) return;
    live[v.id] = 1;
    work.push(v);
  };
  for (const block of fn.blocks) {
    for (const v of block.body) if (v.op.writes && !isReduction(v)) need(v);
    if (block.control !== null) need(block.control);
  }
  while (work.length > 0) for (const arg of work.pop()!.args) need(arg);
  const kept = (list: Value[]): Value[] =>
    list.some((v) => live[v.id] === 0) ? list.filter((v) => live[v.id] === 1) : list;
  for (const block of fn.blocks) {
    block.phis = kept(block.phis);
    block.body = kept(block.body);
  }
}
