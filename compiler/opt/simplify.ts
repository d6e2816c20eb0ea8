/** Applies the local rules of ir/fold.ts until nothing changes; guarantees that no value is a copy of another. */

import { emitter } from "../ir/emit.ts";
import { Replacements } from "../ir/flow.ts";
import { fold } from "../ir/fold.ts";
import type { Fn, Value } from "../ir/ir.ts";

/** Loops need a second look at their phis; each round is linear, and what is left after these is left. */
const ROUNDS = 8;

export function simplify(fn: Fn): void {
  for (let round = 0; round < ROUNDS; round++) {
    const replaced = new Replacements();
    for (const block of fn.blocks) {
      const body: Value[] = [];
      const place = { block, at: -1 };
      const emit = emitter(fn, place, body);
      const visit = (v: Value): Value => {
        for (let i = 0; i < v.args.length; i++) v.args[i] = replaced.get(v.args[i]);
        place.at = v.at;
        return fold(fn, v, emit);
      };
      for (const phi of block.phis) {
        const result = visit(phi);
        if (result !== phi) replaced.set(phi, result);
      }
      for (const v of block.body) {
        const result = visit(v);
        if (result === v) body.push(v);
        else replaced.set(v, result);
      }
      block.body = body;
      if (block.control !== null) block.control = replaced.get(block.control);
    }
    replaced.apply(fn);
    if (replaced.count === 0) return;
  }
}
