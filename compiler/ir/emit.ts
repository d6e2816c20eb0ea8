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

/**
 * Visits each value of a body. What is in `made` afterwards comes in front of it, and it goes where visiting gives
 * another one. What is there before comes first.
 */
export function visitBody(block: Block, made: Value[], visit: (v: Value) => Value): void {
  const { body } = block;
  let kept: Value[] | undefined;
  const keep = (i: number): Value[] => {
    kept ??= body.slice(0, i);
    for (const v of made) kept.push(v);
    made.length = 0;
    return kept;
  };
  for (let i = 0; i < body.length; i++) {
    const result = visit(body[i]);
    if (result !== body[i]) keep(i);
    else if (kept !== undefined || made.length > 0) keep(i).push(result);
  }
  if (made.length > 0) keep(body.length);
  if (kept !== undefined) block.body = kept;
}

/** Replaces each value for which `rule` gives another one; what the rule emits comes in its place. */
export function replaceEach(
  fn: Fn,
  rule: (v: Value, emit: Emit) => Value | undefined,
  isWanted: (block: Block) => boolean = () => true,
): void {
  const replaced = new Replacements(fn);
  const place = { block: fn.blocks[0], at: -1 };
  const made: Value[] = [];
  const emit = emitter(fn, place, made);
  const visit = (v: Value): Value => {
    place.at = v.at;
    const result = rule(v, emit);
    if (result === undefined) return v;
    replaced.set(v, result);
    return result;
  };
  for (const block of fn.blocks) {
    if (!isWanted(block)) continue;
    place.block = block;
    visitBody(block, made, visit);
  }
  replaced.apply(fn);
}
