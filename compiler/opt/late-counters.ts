/**
 * A loop whose test looks at i + 5 where i + 1 is the next round's i looks at (i + 1) + 4 instead: i then ends with its
 * own increment, which happens in place.
 */

import { countUses } from "../ir/flow.ts";
import { type Emit, fold, isConst } from "../ir/fold.ts";
import type { Block, Fn, Value } from "../ir/ir.ts";
import { op } from "../ir/ops.ts";

export function lateCounters(fn: Fn): void {
  const uses = countUses(fn);
  for (const block of fn.blocks) {
    const { control } = block;
    if (control === null || control.op !== op.icmp || control.block !== block) continue;
    for (const [k, test] of control.args.entries()) {
      const next = isSum(test) && test.block === block && uses[test.id] === 1 ? following(test) : undefined;
      if (next !== undefined) rewrite(fn, block, control, k, next);
    }
  }
}

const isSum = (v: Value): boolean => v.op === op.add && isConst(v.args[1]);

/** The sum, made in the same block, that becomes the phi which `test` adds to. */
function following(test: Value): Value | undefined {
  const [phi] = test.args;
  if (phi.op !== op.phi) return undefined;
  return phi.args.find(
    (arg) => arg !== test && isSum(arg) && arg.args[0] === phi && arg.block === test.block,
  );
}

function rewrite(fn: Fn, block: Block, control: Value, k: number, next: Value): void {
  const test = control.args[k];
  const made: Value[] = [];
  const emit: Emit = (row, type, args) => {
    const v = fn.value(row, type, args, block, test.at);
    const result = fold(fn, v, emit);
    if (result === v) made.push(v);
    return result;
  };
  const distance = emit(op.sub, test.type, [test.args[1], next.args[1]]);
  // Not through the rules: they would make i + 5 of it again.
  const sum = fn.value(op.add, test.type, [next, distance], block, test.at);
  control.args[k] = sum;
  const at = block.body.indexOf(control);
  const late = block.body.indexOf(next) > at ? [next] : [];
  const rest = block.body.filter((v) => v !== test && v !== control && !late.includes(v));
  const place = at - block.body.slice(0, at).filter((v) => v === test).length;
  block.body = [...rest.slice(0, place), ...made, ...late, sum, control, ...rest.slice(place)];
}
