/** Applies the local rules of ir/fold.ts until nothing changes; guarantees that no value is a copy of another. */

import { emitter, visitBody } from "../ir/emit.ts";
import { Replacements } from "../ir/flow.ts";
import { fold } from "../ir/fold.ts";
import type { Fn, Value } from "../ir/ir.ts";

/** Loops need a second look at their phis; each round is linear, and what is left after these is left. */
const ROUNDS = 8;

export function simplify(fn: Fn): void {
  const place = { block: fn.blocks[0], at: -1 };
  const made: Value[] = [];
  const emit = emitter(fn, place, made);
  for (let round = 0; round < ROUNDS; round++) {
    const replaced = new Replacements(fn);
    const visit = (v: Value): Value => {
      replaced.renew(v);
      place.at = v.at;
      const result = fold(fn, v, emit);
      if (result !== v) replaced.set(v, result);
      return result;
    };
    for (const block of fn.blocks) {
      place.block = block;
      block.phis.forEach(visit);
      visitBody(block, made, visit);
      if (block.control !== null) block.control = replaced.get(block.control);
    }
    replaced.apply(fn);
    if (replaced.count === 0) return;
  }
}
