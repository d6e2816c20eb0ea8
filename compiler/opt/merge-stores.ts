/**
 * Stores of neighbouring bytes become one store: constants, parts of one value in either byte order, which takes a
 * shift and a swap, and what neighbouring loads gave, which become one load. Requires that no other access in between may touch them; the wide store stands where the last of
 * them stood.
 */

import { type Place, placeOf } from "../ir/addresses.ts";
import { isConst } from "../ir/fold.ts";
import type { Fn, Value } from "../ir/ir.ts";
import { LOADS, type Op, op, STORES, type Type } from "../ir/ops.ts";

const isStore = ({ op: row }: Value): boolean => STORES[row.bytes] === row;

/** Stores that wait for neighbours at one time; each access in between looks at all of them. */
const MOST_WAITING = 16;
/** Operations that one byte is followed through. */
const MOST_STEPS = 8;

interface Waiting {
  store: Value;
  place: Place;
  index: number;
}

/** A load of the block: where it stands, and how many writes come before it. */
interface Load {
  place: Place;
  index: number;
  epoch: number;
}
type Loads = ReadonlyMap<Value, Load>;

/** What stands in place of a value. */
type Edits = Map<Value, Value[]>;

/** One byte of what is stored: a constant (`from` undefined), or byte `at` of a value. */
interface Byte {
  from: Value | undefined;
  at: number;
}

export function mergeStores(fn: Fn): void {
  for (const block of fn.blocks) {
    if (block.body.filter(isStore).length < 2) continue;
    const edits: Edits = new Map();
    const loads = new Map<Value, Load>();
    let writes = 0;
    let waiting: Waiting[] = [];
    const flush = () => {
      if (waiting.length > 1) mergeWaiting(fn, waiting, loads, edits);
      waiting = [];
    };
    for (const [index, v] of block.body.entries()) {
      if (!v.op.reads && !v.op.writes) continue;
      const place = v.op.bytes > 0 ? placeOf(v) : undefined;
      if (v.op.writes) writes++;
      // What is read-only no store can touch.
      const constant = v.args[0]?.op === op.rodata;
      if (place !== undefined && LOADS[v.op.bytes] === v.op)
        loads.set(v, { place, index, epoch: constant ? -1 : writes });
      if (constant && !v.op.writes) continue;
      if (place === undefined || waiting.some((other) => mayTouch(other, place, v.op.bytes))) flush();
      if (place === undefined || !isStore(v)) continue;
      if (waiting.length === MOST_WAITING) flush();
      waiting.push({ store: v, place, index });
    }
    flush();
    if (edits.size > 0) block.body = block.body.flatMap((v) => edits.get(v) ?? v);
  }
}

function mayTouch({ store, place }: Waiting, { base, offset }: Place, bytes: number): boolean {
  return place.base !== base || (offset < place.offset + store.op.bytes && place.offset < offset + bytes);
}

/** Stores with one base, no two of which overlap: neighbours that fill an access exactly become one. */
function mergeWaiting(fn: Fn, waiting: Waiting[], loads: Loads, edits: Edits): void {
  waiting.sort((a, b) => a.place.offset - b.place.offset);
  for (let i = 0; i < waiting.length; ) {
    const group = [8, 4, 2]
      .map((size) => groupOf(waiting, i, size))
      .find((found) => merge(fn, found, loads, edits));
    i += group?.length ?? 1;
  }
}

/** The stores from waiting[first] on that fill `size` bytes without a gap; none if they do not. */
function groupOf(waiting: Waiting[], first: number, size: number): Waiting[] {
  let end = waiting[first].place.offset;
  const goal = end + size;
  for (let i = first; i < waiting.length && waiting[i].place.offset === end && end < goal; i++) {
    end += waiting[i].store.op.bytes;
    if (end === goal && i > first) return waiting.slice(first, i + 1);
  }
  return [];
}

function merge(fn: Fn, group: Waiting[], loads: Loads, edits: Edits): boolean {
  if (group.length < 2) return false;
  const bytes = group.flatMap(({ store }) =>
    Array.from({ length: store.op.bytes }, (_, k) => byteOf(store.args[1], k)),
  );
  const last = group.reduce((a, b) => (b.index > a.index ? b : a)).store;
  const made: Value[] = [];
  const emit = (row: Op, type: Type, args: Value[]): Value => {
    const v = fn.value(row, type, args, last.block, last.at);
    made.push(v);
    return v;
  };
  const value =
    constantOf(fn, bytes, group.length) ?? partOf(fn, bytes, emit) ?? loadOf(fn, group, loads, edits);
  if (value === undefined) return false;
  const [{ store: lowest }] = group;
  emit(STORES[bytes.length], 0, [lowest.args[0], value]).aux = lowest.aux;
  for (const { store } of group) edits.set(store, store === last ? made : []);
  return true;
}

/** The load of what all stores of the group store, in order; it stands behind the last of theirs. */
function loadOf(fn: Fn, group: Waiting[], loads: Loads, edits: Edits): Value | undefined {
  const values = group.map(({ store }) => loadedBy(store));
  const known = values.map((v) => loads.get(v));
  const [first] = known;
  if (first === undefined) return undefined;
  let [last, index] = [values[0], first.index];
  for (const [k, load] of known.entries()) {
    const { store, place } = group[k];
    const distance = place.offset - group[0].place.offset;
    if (load === undefined || load.epoch !== first.epoch || load.place.base !== first.place.base)
      return undefined;
    if (load.place.offset !== first.place.offset + distance || values[k].op.bytes !== store.op.bytes)
      return undefined;
    if (load.index > index) [last, index] = [values[k], load.index];
  }
  const size = group.reduce((sum, { store }) => sum + store.op.bytes, 0);
  const made = fn.value(LOADS[size], size === 8 ? 64 : 32, [values[0].args[0]], last.block, last.at);
  made.aux = values[0].aux;
  edits.set(last, [...(edits.get(last) ?? [last]), made]);
  return made;
}

/** What a store stores, without changes of width, which its own width undoes. */
function loadedBy({ args: [, v] }: Value): Value {
  return v.op === op.zext || v.op === op.trunc ? v.args[0] : v;
}

/** The bytes as one constant, which must not take longer to make than what it saves. */
function constantOf(fn: Fn, bytes: Byte[], stores: number): Value | undefined {
  if (bytes.some(({ from }) => from !== undefined)) return undefined;
  const word = (at: number) => bytes.slice(at, at + 4).reduceRight((sum, byte) => (sum << 8) | byte.at, 0);
  if (bytes.length < 8) return fn.const(32, word(0), 0);
  const [lo, hi] = [word(0), word(4)];
  return stores > 2 || hi === lo >> 31 ? fn.const(64, lo, hi) : undefined;
}

/** The bytes as a part of the value that all of them come from. */
function partOf(
  fn: Fn,
  bytes: Byte[],
  emit: (row: Op, type: Type, args: Value[]) => Value,
): Value | undefined {
  const [{ from, at: first }] = bytes;
  const step = bytes[1].at - first;
  if (from === undefined || (step !== 1 && step !== -1)) return undefined;
  if (bytes.some((byte, k) => byte.from !== from || byte.at !== first + step * k)) return undefined;
  const count = bytes.length;
  if (count * 8 > from.type) return undefined;
  const swapped = step < 0;
  const lowest = swapped ? first - count + 1 : first;
  let v = from;
  if (lowest > 0) v = emit(op.lshr, v.type, [v, fn.const(v.type, 8 * lowest)]);
  if (count < 8 && v.type === 64) v = emit(op.trunc, 32, [v]);
  return swapped ? emit(count === 2 ? op.bswap16 : op.bswap, v.type, [v]) : v;
}

/** Where byte `at` of `v` comes from: through extensions, shifts, masks and swaps. */
function byteOf(v: Value, at: number, left = MOST_STEPS): Byte {
  const [a, b] = v.args;
  const here: Byte = { from: v, at };
  if (isConst(v)) return { from: undefined, at: ((at < 4 ? v.lo : v.hi) >>> (8 * (at & 3))) & 255 };
  if (left === 0) return here;
  const to = (next: number): Byte => byteOf(a, next, left - 1);
  const zero: Byte = { from: undefined, at: 0 };
  switch (v.op) {
    case op.trunc:
      return to(at);
    case op.zext:
      return at < 4 ? to(at) : zero;
    case op.sext32:
      return at < 4 ? to(at) : here;
    case op.bswap:
      return to(v.type / 8 - 1 - at);
    case op.bswap16:
      return at < 2 ? to(1 - at) : zero;
    case op.and: {
      if (!isConst(b)) return here;
      const mask = byteOf(b, at).at;
      return mask === 255 ? to(at) : mask === 0 ? zero : here;
    }
    case op.lshr:
    case op.ashr: {
      if (!isConst(b) || b.lo % 8 !== 0) return here;
      const next = at + (b.lo & (v.type - 1)) / 8;
      if (next < v.type / 8) return to(next);
      return v.op === op.lshr ? zero : here;
    }
  }
  return here;
}
