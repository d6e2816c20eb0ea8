/** Selects by the same comparison come together, so that it is made once: sums between them overwrite flags. */

import { isConst } from "../ir/fold.ts";
import type { Block, Fn, Value } from "../ir/ir.ts";
import { op, UGE, ULT } from "../ir/ops.ts";

/** From one select to the next, so many places at most. */
const MOST_APART = 8;

export function pairSelects(fn: Fn): void {
  for (const block of fn.blocks) pair(block);
}

function pair({ body }: Block): void {
  let last = -1;
  for (let i = 0; i < body.length; i++) {
    if (body[i].op !== op.select) continue;
    const between = last < 0 || i - last > MOST_APART ? [] : body.slice(last + 1, i);
    const first = body[last];
    last = i;
    if (between.length === 0 || !isSame(first.args[0], body[i].args[0])) continue;
    // What adds a flag overwrites it: it comes last.
    const adds = (v: Value) => v.args.includes(first) && (v.op === op.add || v.op === op.sub);
    const sum = isCarry(first) && !isFlag(body[i]) ? between.find(adds) : undefined;
    const rest = between.filter((v) => v !== sum);
    const isNeeded = (v: Value) => [...rest, body[i]].some((user) => user.args.includes(v));
    if (isNeeded(first) || (sum !== undefined && isNeeded(sum))) continue;
    const pair = sum === undefined ? [first, body[i]] : [first, body[i], sum];
    body.splice(i - between.length - 1, between.length + 2, ...rest, ...pair);
    if (sum !== undefined) last--;
  }
}

/** 0 or 1. */
const isFlag = ({ args }: Value): boolean =>
  args.slice(1).every((arg) => isConst(arg) && arg.lo >>> 1 === 0 && arg.hi === 0);

/** Its comparison leaves it in the carry flag. */
const isCarry = (v: Value): boolean => {
  const [{ op: row, aux }] = v.args;
  return isFlag(v) && row === op.icmp && (aux === ULT || aux === UGE);
};

/** Both compare the same; with the same condition or another one. */
const isSame = (a: Value, b: Value): boolean =>
  a === b || (a.op === op.icmp && b.op === op.icmp && a.args.every((arg, k) => arg === b.args[k]));
