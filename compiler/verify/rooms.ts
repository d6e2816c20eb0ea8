/**
 * Relations between values: copies and sums share a symbol, and rooms say how far a symbol is from the end of an
 * object whose size is not known. They make bounds checks count whatever copy, sum or index they are made on.
 */

import { type Env, OBJECTS } from "./env.ts";
import { addTerms } from "./linear.ts";
import { constant, fromSigned, meet, type Num } from "./number.ts";
import { alu } from "./number-alu.ts";
import { meetLow } from "./number-compare.ts";
import { S64MAX, S64MIN } from "./number-normal.ts";
import type { Room, State } from "./state.ts";
import { constOf, hasRoom, isConst, number, type Value, withLink, withNum } from "./value.ts";

/** Links and rooms stay exact in doubles, and sums of them far from 2^63. */
const MOST_DELTA = 2 ** 40;
const MOST_SCALE = 2 ** 40;

/** Farther offsets could wrap when they are added to an address. */
const FAR = 2n ** 32n;
/** Least number of a comparison that teaches: beyond, sums could wrap. */
const LEAST = -(2n ** 62n);

/** The same value, linked to a symbol of its own if it has none. Constants need none. */
export const symbol = (v: Value, fresh: () => number): Value =>
  v.id !== 0 || isConst(v) ? v : withLink(v, fresh(), 1, 0);

/** `to` with the link of `from`, times `factor`, plus `add`; none when it grows too large. */
export function linked(to: Value, from: Value, factor: number, add: number): Value {
  const scale = from.scale * factor;
  const delta = from.delta * factor + add;
  if (from.id === 0 || Math.abs(scale) > MOST_SCALE || Math.abs(delta) > MOST_DELTA) return to;
  if (from.low && factor !== 1) return to;
  return withLink(to, from.id, scale, delta, from.low);
}

/** Bytes that surely lie between a pointer into `of` and the end of it; negative: unknown, or behind the end. */
export function roomOf(state: State, of: number, v: Value): number {
  let room = Number.NEGATIVE_INFINITY;
  const fixed = isConst(v);
  for (const r of state.rooms) {
    if (r.of !== of) continue;
    if (r.id === 0) room = Math.max(room, r.room - Number(v.num.smax));
    else if (!fixed && r.id === v.id && r.scale === v.scale && !v.low)
      room = Math.max(room, r.room - v.delta);
  }
  return room;
}

export function findRoom(rooms: readonly Room[], of: number, id: number, scale: number): number {
  for (const r of rooms) if (r.of === of && r.id === id && r.scale === scale) return r.room;
  return Number.NEGATIVE_INFINITY;
}

/** Learns a room, if it is news. */
export function addRoom(state: State, of: number, id: number, scale: number, room: number): void {
  if (Math.abs(room) > MOST_DELTA || Math.abs(scale) > MOST_SCALE) return;
  const known = findRoom(state.rooms, of, id, scale);
  if (known >= room) return;
  const others =
    known > Number.NEGATIVE_INFINITY
      ? state.rooms.filter((r) => r.of !== of || r.id !== id || r.scale !== scale)
      : state.rooms;
  state.rooms = [...others, { of, id, scale, room }];
}

/** Offsets and numbers that a room says are at most so large know it: the object has `most` bytes. */
export function cap(v: Value, of: number, id: number, scale: number, room: number, most: number): Value {
  if (v.id !== id || (v.kind !== "number" && (v.of !== of || !hasRoom(v.kind))) || v.scale !== scale || v.low)
    return v;
  const limit = most - room + v.delta;
  return v.num.smax <= BigInt(limit) ? v : withNum(v, meet(v.num, atMost(limit)) ?? v.num);
}

/**
 * A number length - x + delta that is at least so much says how far x is from the end; `of` is the object whose length
 * it is. Undefined: `v` is no such number.
 */
export function complement(
  env: Env,
  v: Value,
): { of: number; id: number; scale: number; delta: number } | undefined {
  if (v.low || !env.linear.isSum(v.id)) return undefined;
  const terms = env.linear.of(v);
  const length = terms.find(([id, times]) => times === 1 && env.lengths.has(id));
  if (length === undefined) return undefined;
  const rest = env.linear.link(addTerms(terms, -1, [length]), 0);
  return rest && { of: env.lengths.get(length[0])!, id: rest.id, scale: rest.scale, delta: v.delta };
}

/** The number `v` has a least value: when it is what is left of an object behind x, x has room. */
export function learnRest(env: Env, state: State, v: Value): void {
  const least = Number(v.num.smin);
  if (least < -MOST_DELTA || least > MOST_DELTA || v.num.smax > 2n ** 62n) return;
  if (!v.low && v.id !== 0) learnOrder(env, state, number(constant(BigInt(least))), v, 0);
  const rest = complement(env, v);
  if (rest !== undefined && rest.id !== 0)
    learnSymbol(env, state, rest.of, rest.id, rest.scale, least - rest.delta);
}

/** Learns a room, and what it says of numbers and offsets. */
export function learnSymbol(
  env: Env,
  state: State,
  of: number,
  id: number,
  scale: number,
  room: number,
): void {
  if (findRoom(state.rooms, of, id, scale) >= room) return;
  addRoom(state, of, id, scale, room);
  const most = env.mostOf(of);
  const sums = env.lengths.size > 0;
  state.replace((v) => {
    if (sums && v.kind === "number" && v.id !== 0 && env.linear.isSum(v.id)) {
      const rest = complement(env, v);
      if (rest && rest.of === of && rest.id === id && rest.scale === scale)
        return atLeast(v, room + rest.delta);
    }
    return cap(v, of, id, scale, room, most);
  });
}

const atLeast = (v: Value, least: number): Value =>
  v.num.smin >= BigInt(least) ? v : withNum(v, meet(v.num, fromSigned(BigInt(least), S64MAX)) ?? v.num);

/** A pointer `v` into object `of` has at least `room` bytes behind it. */
export function learnRoom(state: State, of: number, v: Value, room: number, most: number): void {
  if (v.low || v.num.smin < -FAR || v.num.smax > FAR) return;
  if (isConst(v)) {
    addRoom(state, of, 0, 0, constOf(v) + room);
    return;
  }
  if (v.id === 0) return;
  addRoom(state, of, v.id, v.scale, room + v.delta);
  const bound = meet(v.num, atMost(most - room));
  if (bound) narrow(state, v, bound);
}

const bounds = new Map<number, Num>();
/** The signed numbers up to `most`. */
function atMost(most: number): Num {
  let known = bounds.get(most);
  if (known === undefined) {
    known = fromSigned(S64MIN, BigInt(most));
    if (bounds.size < 10_000) bounds.set(most, known);
  }
  return known;
}

/** Elements of argv are found by one index. */
const ARGV = OBJECTS.argv;
/** Facts of a state beyond which no more of sums are learned. */
const MOST_ROOMS = 24;
const NEAR = 2n ** 40n;
const near = ({ num }: Value): boolean => num.smin >= -NEAR && num.smax <= NEAR;

/**
 * For signed numbers: a + gap <= b. Wherever b is part of what is inside an object, a can stand in its place, and is
 * farther from the end by the gap.
 */
export function learnOrder(env: Env, state: State, a: Value, b: Value, gap: number): void {
  if (a.num.smin < LEAST || b.id === 0 || b.low || a.low || (a.id === 0 && !isConst(a))) return;
  const { linear } = env;
  const isSum = linear.isSum(b.id);
  if (!state.rooms.some((r) => r.id === b.id || (r.id !== 0 && (isSum || linear.isSum(r.id))))) return;
  const [[first, times], ...more] = linear.of(b);
  // A constant may still have a link; as a constant it says more.
  const fixed = isConst(a);
  const [own, from, to] = [fixed ? [] : linear.of(a), fixed ? constOf(a) : a.delta, b.delta];
  for (const r of state.rooms) {
    if (r.id === 0 || (r.id !== b.id && !isSum && !linear.isSum(r.id))) continue;
    const sum = linear.terms(r.id, r.scale);
    const factor = (sum.find(([id]) => id === first)?.[1] ?? 0) / times;
    if (!Number.isInteger(factor) || factor < 1 || factor > 2 ** 20) continue;
    const rest = addTerms(linear.of(b), -factor, sum);
    const plain = rest.length === 0 && more.length === 0;
    if ((factor > 1 || !plain) && (!near(a) || !near(b) || a.num.smin < 0n)) continue;
    // All of b's parts in the sum, or half of them: two arrays in one memory, each as long as b says.
    for (const part of factor % 2 === 0 ? [factor, factor / 2] : [factor]) {
      if (!(plain && part === factor) && (r.of === ARGV || state.rooms.length > MOST_ROOMS)) continue;
      const terms = addTerms(own, part, addTerms(linear.of(b), factor - part, rest));
      const link = linear.link(terms, 0);
      if (link === undefined) continue;
      const room = r.room + part * (gap + from - to);
      if (link.id === 0) addRoom(state, r.of, 0, 0, room);
      else learnSymbol(env, state, r.of, link.id, link.scale, room);
    }
  }
}

/** `v` * factor <= `x` as signed numbers, both at least 0: v gets rooms from x. */
export function learnFraction(state: State, v: Value, x: Value, factor: number): void {
  if (v.id === 0 || x.id === 0 || x.low || x.num.smin < 0n) return;
  for (const r of state.rooms) {
    if (r.id !== x.id) continue;
    const times = r.scale / x.scale;
    if (Number.isInteger(times) && times >= 1)
      addRoom(
        state,
        r.of,
        v.id,
        v.scale * times * factor,
        r.room - times * x.delta + times * factor * v.delta,
      );
  }
}

/** Whether the two are different by a constant, and by which: b - a. */
export function difference(a: Value, b: Value): number | undefined {
  if (isConst(a) && isConst(b)) return constOf(b) - constOf(a);
  if (a.id === 0 || a.id !== b.id || a.scale !== b.scale || a.low || b.low) return undefined;
  return b.delta - a.delta;
}

/** Everything that is linked to `v` learns from its new number. */
export function narrow(state: State, v: Value, num: Num): void {
  if (num === v.num) return;
  const { id, scale, delta, low } = v;
  if (id === 0) return;
  state.replace((w) => {
    if (w.id !== id) return w;
    if (w.scale === scale && w.delta === delta && !low && !w.low)
      return withNum(w, meet(w.num, num) ?? w.num);
    const factor = w.scale / scale;
    if (!Number.isInteger(factor)) return w;
    if (low || w.low) return factor === 1 ? narrowLow(w, v, num) : w;
    return withNum(w, meet(w.num, moved(num, -delta, factor, w.delta)) ?? w.num);
  });
}

/** (num + before) * factor + after, modulo 2^64. */
function moved(num: Num, before: number, factor: number, after: number): Num {
  if (factor === 1) return sum(num, before + after);
  return sum(alu("mul", 64, sum(num, before), constant(BigInt.asUintN(64, BigInt(factor)))), after);
}

const sum = (num: Num, by: number): Num =>
  by === 0 ? num : alu("add", 64, num, constant(BigInt.asUintN(64, BigInt(by))));

/** One of the two is linked by its low half alone: the low halves differ by a constant. */
function narrowLow(w: Value, v: Value, num: Num): Value {
  const low = alu("add", 32, num, constant(BigInt.asUintN(64, BigInt(w.delta - v.delta))));
  return withNum(w, meetLow(w.num, low) ?? w.num);
}
