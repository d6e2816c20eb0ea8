/**
 * Tail calls: requires calls of helper tail_call, whose import in machine code is a function (map, index) that gives
 * an entry, or 0 where the call fails. Guarantees that an entry is called with the context, that the function then
 * returns what it returned, and that the count of calls under way goes down again.
 */

import { MAP_HANDLE } from "../../formats/container.ts";
import { helperByName } from "../../helpers/table.ts";
import type { Imports } from "../build/imports.ts";
import { branch, insertBlock, splitBlock } from "../ir/flow.ts";
import type { Block, Fn, Value } from "../ir/ir.ts";
import { CALLEE, NE, type Op, op, type Type } from "../ir/ops.ts";

const TAIL_CALL = helperByName("bpf_tail_call");

export function tailCalls(fn: Fn, { imports }: { imports: Imports }): void {
  const isTailCall = (v: Value) => {
    const target = v.op === op.helper ? imports.list[v.aux] : undefined;
    return target?.kind === "helper" && target.id === TAIL_CALL && v.args.length === 3;
  };
  const work = fn.blocks.filter((block) => block.body.some(isTailCall));
  for (let block = work.pop(); block !== undefined; block = work.pop()) {
    const rest = expand(fn, block, block.body.findIndex(isTailCall));
    if (rest.body.some(isTailCall)) work.push(rest);
  }
}

/** Expands the call at body[index]; gives the block where a call that failed goes on. */
function expand(fn: Fn, block: Block, index: number): Block {
  const call = block.body[index];
  const [context, map, number] = call.args;
  const rest = splitBlock(fn, block, index + 1);
  const found = insertBlock(fn, block);
  const make = (to: Block, row: Op, type: Type, args: Value[], aux = 0): Value => {
    const made = fn.value(row, type, args, to, call.at);
    made.aux = aux;
    to.body.push(made);
    return made;
  };
  // Where the call failed, r0 is the 0 that said so.
  call.args = [map, number];
  const taken = make(block, op.icmp, 1, [call, fn.const(64, 0)], NE);
  branch(block, taken, found, rest);
  found.end = "return";
  found.at = call.at;
  found.control = make(found, op.calli, 64, [call, context], CALLEE.tail);
  const table = make(found, op.load64, 64, [map], MAP_HANDLE.targets);
  const under = make(found, op.load64, 64, [table], -8);
  make(found, op.store64, 0, [table, make(found, op.add, 64, [under, fn.const(64, -1)])], -8);
  block.at = call.at;
  return rest;
}
