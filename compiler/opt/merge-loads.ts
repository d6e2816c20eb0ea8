/**
 * Loads of neighbouring bytes that are put together by shifts become one load, in reverse byte order with a swap.
 * Requires that only the sum reads them, that they stand in one block and that nothing is written between them; the
 * wide load stands where the last of them stood.
 */

import { placeOf } from "../ir/addresses.ts";
import { countUses, Replacements } from "../ir/flow.ts";
import { isConst } from "../ir/fold.ts";
import type { Fn, Value } from "../ir/ir.ts";
import { LOADS, type Op, op, type Type } from "../ir/ops.ts";

/** Joins of one sum that are looked at: more than eight bytes have. */
const MOST_JOINS = 16;
/** What a sum may join besides loads: a longer one would become a longer chain. */
const MOST_OTHERS = 3;

const isPlain = ({ op: row }: Value): boolean => LOADS[row.bytes] === row;
const JOINS: ReadonlySet<Op> = new Set([op.or, op.add, op.xor]);

/** A load's part of a sum: its bytes from bit `shift` on. */
interface Piece {
  load: Value;
  shift: number;
  swapped: boolean;
}

interface Sum {
  pieces: Piece[];
  /** What else is joined, as wide as the root. */
  others: Value[];
  joins: number;
}

/** One byte of the result: where it comes from. */
interface Byte {
  base: string;
  offset: number;
  /** A load whose address is `away` from this byte's. */
  load: Value;
  away: number;
}

/** A wide load that begins at the lowest byte `from`; its result goes to byte `at` of the sum. */
interface Wide {
  from: Byte;
  count: number;
  at: number;
  swapped: boolean;
}

export function mergeLoads(fn: Fn): void {
  if (fn.blocks.some(({ body }) => body.some((v) => JOINS.has(v.op)))) new Merger(fn).run();
}

class Merger {
  private readonly fn: Fn;
  private readonly uses: Int32Array;
  /** By value: its index in its block, and how many writes stand in front of it. */
  private readonly index: Int32Array;
  private readonly writes: Int32Array;
  private readonly taken = new Set<Value>();
  private readonly made = new Map<Value, Value[]>();
  private readonly replaced: Replacements;

  constructor(fn: Fn) {
    this.fn = fn;
    this.replaced = new Replacements(fn);
    this.uses = countUses(fn);
    this.index = new Int32Array(fn.nextValue);
    this.writes = new Int32Array(fn.nextValue);
    for (const { body } of fn.blocks) {
      let count = 0;
      for (const [i, v] of body.entries()) {
        this.index[v.id] = i;
        this.writes[v.id] = count;
        if (v.op.writes) count++;
      }
    }
  }

  /** The outermost sum comes first: where it fails, its sides are tried by themselves. */
  run(): void {
    for (const { body } of this.fn.blocks)
      for (let i = body.length - 1; i >= 0; i--) if (JOINS.has(body[i].op)) this.merge(body[i]);
    if (this.made.size === 0) return;
    for (const block of this.fn.blocks)
      block.body = block.body.flatMap((v) => [...(this.made.get(v) ?? []), v]);
    this.replaced.apply(this.fn);
  }

  private merge(root: Value): void {
    const sum: Sum = { pieces: [], others: [], joins: 0 };
    for (const side of root.args) this.side(side, root, sum);
    const { pieces, others } = sum;
    if (pieces.length < 2 || sum.joins > MOST_JOINS || others.length > MOST_OTHERS) return;
    const loads = pieces.map(({ load }) => load).sort((a, b) => this.index[a.id] - this.index[b.id]);
    const last = loads[loads.length - 1];
    if (loads.some((load) => load.block !== last.block || this.taken.has(load))) return;
    if (this.writes[loads[0].id] !== this.writes[last.id]) return;
    const bytes = bytesOf(pieces);
    const wides = bytes === undefined ? [] : widesOf(bytes);
    if (wides.length === 0 || wides.length >= pieces.length) return;
    for (const load of loads) this.taken.add(load);
    this.rewrite(root, last, wides, others);
  }

  /** One side of a join like the root: another one, parts, or something else. */
  private side(v: Value, root: Value, sum: Sum): void {
    const had = sum.pieces.length;
    if (this.parts(v, 0, root.type, sum)) return;
    sum.pieces.length = had;
    if (v.op === root.op && this.uses[v.id] === 1 && sum.joins++ < MOST_JOINS)
      for (const arg of v.args) this.side(arg, root, sum);
    else sum.others.push(v);
  }

  /** Collects the loads that `v` is made of, if it is made of nothing else; they end below bit `limit`. */
  private parts(v: Value, shift: number, limit: number, sum: Sum): boolean {
    if (this.uses[v.id] !== 1) return false;
    const [a, b] = v.args;
    if (isPlain(v)) return take(v, false, shift, limit, sum);
    if (v.op === op.bswap16 && a.op === op.load16 && this.uses[a.id] === 1)
      return take(a, true, shift, limit, sum);
    if (v.op === op.bswap && isPlain(a) && a.op.bytes * 8 === v.type && this.uses[a.id] === 1)
      return take(a, true, shift, limit, sum);
    if (v.op === op.zext || v.op === op.trunc) return this.parts(a, shift, Math.min(limit, shift + 32), sum);
    if (v.op === op.shl && isConst(b)) return this.parts(a, shift + (b.lo & (v.type - 1)), limit, sum);
    if (!JOINS.has(v.op) || sum.joins++ >= MOST_JOINS) return false;
    return this.parts(a, shift, limit, sum) && this.parts(b, shift, limit, sum);
  }

  private rewrite(root: Value, last: Value, wides: Wide[], others: Value[]): void {
    const { type } = root;
    const loads: Value[] = [];
    const body: Value[] = [];
    const emit = (row: Op, type: Type, args: Value[]): Value => {
      const made = this.fn.value(row, type, args, root.block, root.at);
      body.push(made);
      return made;
    };
    const terms = wides.map(({ from, count, at, swapped }) => {
      const load = this.fn.value(
        LOADS[count],
        count === 8 ? 64 : 32,
        [from.load.args[0]],
        last.block,
        last.at,
      );
      load.aux = from.load.aux + from.away;
      loads.push(load);
      let v = load;
      if (swapped) v = emit(count === 2 ? op.bswap16 : op.bswap, v.type, [v]);
      if (v.type !== type) v = emit(op.zext, 64, [v]);
      return at === 0 ? v : emit(op.shl, type, [v, this.fn.const(type, 8 * at)]);
    });
    const joined = terms.reduce((a, b) => emit(op.or, type, [a, b]));
    const result = others.reduce((a, b) => emit(root.op, type, [a, b]), joined);
    this.made.set(last, loads);
    this.made.set(root, body);
    this.replaced.set(root, result);
  }
}

function take(load: Value, swapped: boolean, shift: number, limit: number, sum: Sum): boolean {
  if (shift % 8 !== 0 || shift + load.op.bytes * 8 > limit) return false;
  sum.pieces.push({ load, shift, swapped });
  return true;
}

/** The sum's bytes from the lowest on; undefined where parts overlap. */
function bytesOf(pieces: Piece[]): (Byte | undefined)[] | undefined {
  const bytes: (Byte | undefined)[] = [];
  for (const { load, shift, swapped } of pieces) {
    const place = placeOf(load);
    if (place === undefined) return undefined;
    const count = load.op.bytes;
    for (let k = 0; k < count; k++) {
      const at = shift / 8 + k;
      if (bytes[at] !== undefined) return undefined;
      const away = swapped ? count - 1 - k : k;
      bytes[at] = { base: place.base, offset: place.offset + away, load, away };
    }
  }
  return bytes;
}

/** The fewest loads for these bytes, each of neighbours in one order. */
function widesOf(bytes: (Byte | undefined)[]): Wide[] {
  const wides: Wide[] = [];
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at];
    if (first === undefined) {
      at++;
      continue;
    }
    const step = (bytes[at + 1]?.offset ?? 0) < first.offset ? -1 : 1;
    let run = 1;
    while (bytes[at + run]?.base === first.base && bytes[at + run]!.offset === first.offset + step * run)
      run++;
    const count = 2 ** Math.floor(Math.log2(run));
    const swapped = step < 0 && count > 1;
    wides.push({ from: swapped ? bytes[at + count - 1]! : first, count, at, swapped });
    at += count;
  }
  return wides;
}
