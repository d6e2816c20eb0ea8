/** New values where old ones stand, folded as they are made. */

import { Replacements } from "./flow.ts";
import { type Emit, fold } from "./fold.ts";
import type { Block, Fn, Value } from "./ir.ts";

/** Where values are made: the block, which may change, and the BPF instruction that they belong to. */
export interface Place {
  block: Block;
  at: number;
}

/** Makes values at the end of the place's block, or of `to`. */
export function emitter(fn: Fn, place: Place, to?: Value[]): Emit {
  const emit: Emit = (row, type, args, aux = 0) => {
    const made = fn.value(row, type, args, place.block, place.at);
    made.aux = aux;
    const result = fold(fn, made, emit);
    if (result === made) (to ?? place.block.body).push(made);
    return result;
  };
  return emit;
}

/** Replaces each value for which `rule` gives another one; what the rule emits comes in its place. */
export function replaceEach(
  fn: Fn,
  rule: (v: Value, emit: Emit) => Value | undefined,
  isWanted: (block: Block) => boolean = () => true,
): void {
  const replaced = new Replacements();
  for (const block of fn.blocks) {
    if (!isWanted(block)) continue;
    const body: Value[] = [];
    const place = { block, at: -1 };
    const emit = emitter(fn, place, body);
    for (const v of block.body) {
      place.at = v.at;
      const result = rule(v, emit);
      if (result === undefined) body.push(v);
      else replaced.set(v, result);
    }
    block.body = body;
  }
  replaced.apply(fn);
}
