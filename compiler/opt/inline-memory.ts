/**
 * Copies and fills of a small constant size become loads and stores: requires calls of memcpy, memmove and memset
 * as helpers. Larger ones stay calls, which the host serves with native code.
 */

import type { Import } from "../../formats/container.ts";
import { helperByName } from "../../helpers/table.ts";
import type { Imports } from "../build/imports.ts";
import { Replacements } from "../ir/flow.ts";
import { isConst } from "../ir/fold.ts";
import type { Fn, Value } from "../ir/ir.ts";
import { LOADS, type Op, op, STORES, type Type } from "../ir/ops.ts";

/** Bytes up to which straight code is shorter and faster than a call. */
const LIMIT = 32;

const MEMCPY = helperByName("memcpy");
const MEMMOVE = helperByName("memmove");
const MEMSET = helperByName("memset");

export function inlineMemory(fn: Fn, { imports }: { imports: Imports }): void {
  const replaced = new Replacements(fn);
  for (const block of fn.blocks) {
    const body: Value[] = [];
    for (const v of block.body) {
      if (v.op === op.helper && expand(fn, v, imports.list[v.aux], body)) replaced.set(v, v.args[0]);
      else body.push(v);
    }
    block.body = body;
  }
  replaced.apply(fn);
}

interface Piece {
  at: number;
  load: Op;
  store: Op;
  type: Type;
}

/** The fewest accesses that cover `size` bytes. */
function pieces(size: number): Piece[] {
  const list: Piece[] = [];
  for (let at = 0; at < size; ) {
    const bytes = [8, 4, 2, 1].find((n) => n <= size - at)!;
    list.push({ at, load: LOADS[bytes], store: STORES[bytes], type: bytes === 8 ? 64 : 32 });
    at += bytes;
  }
  return list;
}

function expand(fn: Fn, call: Value, target: Import, body: Value[]): boolean {
  if (target.kind !== "helper") return false;
  const { id } = target;
  const [to, from, size] = call.args;
  if (id !== MEMCPY && id !== MEMMOVE && id !== MEMSET) return false;
  if (size === undefined || !isConst(size) || size.hi !== 0 || size.lo < 0 || size.lo > LIMIT) return false;
  if (id === MEMSET && !isConst(from)) return false;
  const make = (row: Op, type: Type, args: Value[], aux: number) => {
    const v = fn.value(row, type, args, call.block, call.at);
    v.aux = aux;
    body.push(v);
    return v;
  };
  const list = pieces(size.lo);
  const fill = id === MEMSET ? Math.imul(from.lo & 255, 0x01010101) : 0;
  const value = ({ at, load, type }: Piece) =>
    id === MEMSET ? fn.const(type, fill, type === 64 ? fill : 0) : make(load, type, [from], at);
  // Everything is read before anything is written: right for overlapping memory too.
  const values = list.map(value);
  for (const [k, { at, store }] of list.entries()) make(store, 0, [to, values[k]], at);
  return true;
}
