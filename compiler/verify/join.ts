/** One state for two: what both have in common, or with widening what a chain of such steps ends in soon. */

import type { Env } from "./env.ts";
import { addTerms, type Terms } from "./linear.ts";
import { join as joinNum, type Stops, widen as widenNum } from "./number.ts";
import { cap, findRoom, learnRest, roomOf } from "./rooms.ts";
import { type Frame, type Part, type Passed, type Room, SLOTS, type Slot, type State } from "./state.ts";
import { constOf, hasRoom, isConst, isPointer, make, NONE, type Value, withLink } from "./value.ts";

const EXACT = 2 ** 40;
/** Indexes step by so much at most. */
const MOST_STEP = 16;

/** A symbol of the result, as both sides see it: s + plus for the symbol `id`, or the constant `plus` for id 0. */
interface Class {
  id: number;
  a: { id: number; plus: number };
  b: { id: number; plus: number };
  /** Objects and scales that pointers of the class need rooms for. */
  pointers: { of: number; scale: number }[];
}

export interface Widening {
  stops: Stops;
  /** In the first rounds sums are tried that may have room in every round. */
  seeds: boolean;
  /** Rooms that shrink are given up, and after that links: so that it ends. */
  dropRooms: boolean;
  dropLinks: boolean;
}

class Joiner {
  private readonly a: State;
  private readonly b: State;
  private readonly env: Env;
  private readonly widening: Widening | undefined;
  private readonly classes = new Map<string, Class>();
  private readonly pairs = new Map<string, number>();
  private readonly nulls = new Map<string, number>();
  /** By how much symbols that are in both states moved. */
  private readonly moves = new Map<number, number>();
  /** Constants moved: a counter runs along with the rounds. */
  private counted = false;
  /** Values that are sums, and what they were on both sides. */
  private readonly sums: { value: Value; a: Value; b: Value }[] = [];
  private readonly rests: Value[] = [];

  constructor(a: State, b: State, env: Env, widening: Widening | undefined) {
    this.a = a;
    this.b = b;
    this.env = env;
    this.widening = widening;
  }

  run(): State {
    const { a, b } = this;
    const result = b.clone();
    this.survey();
    for (let r = 0; r < 10; r++) result.regs[r] = this.value(a.regs[r], b.regs[r]);
    for (let f = 0; f < a.depth; f++) this.frame(result, f, a.frames[f], b.frames[f]);
    result.rooms = this.rooms();
    for (const v of this.rests) learnRest(this.env, result, v);
    if (this.widening) this.cap(result);
    result.joined = true;
    result.passed = common(a.passed, b.passed);
    return result;
  }

  /** What moved, as far as single symbols tell. */
  private survey(): void {
    const look = (a: Value, b: Value) => {
      if (a.kind !== b.kind || a.of !== b.of) return;
      if (isConst(a) && isConst(b)) this.counted ||= constOf(a) !== constOf(b);
      else if (a.id !== 0 && a.id === b.id && a.scale === b.scale && !this.env.linear.isSum(a.id)) {
        const moved = (b.delta - a.delta) / a.scale;
        if (Number.isInteger(moved) && (!this.moves.has(a.id) || moved === 0)) this.moves.set(a.id, moved);
      }
    };
    const { a, b } = this;
    for (let r = 0; r < 10; r++) look(a.regs[r], b.regs[r]);
    for (let f = 0; f < a.depth; f++)
      for (let k = 0; k < SLOTS; k++) {
        const [x, y] = [a.frames[f].slots[k]?.parts ?? [], b.frames[f].slots[k]?.parts ?? []];
        for (const part of x) {
          const other = y.find((p) => p.at === part.at && p.bytes === part.bytes);
          if (other) look(part.value, other.value);
        }
      }
  }

  /**
   * A sum of symbols whose moves explain by how much it moved, or that moves against what stays by a constant each
   * round: then it is a sum of the symbols of the result.
   */
  private sum(plain: Value, a: Value, b: Value): Value | undefined {
    const { linear, lengths } = this.env;
    if (a.id === 0 || a.id !== b.id || a.scale !== b.scale || a.low || b.low) return undefined;
    const isSum = linear.isSum(a.id);
    const moved = b.delta - a.delta;
    if (!isSum && (moved === 0 || !(lengths.has(a.id) || this.moves.get(a.id) === 0))) return undefined;
    let explained = 0;
    let terms: Terms = [];
    for (const [s, times] of linear.of(a)) {
      const by = lengths.has(s) ? 0 : (this.moves.get(s) ?? 0);
      explained += times * by;
      terms = addTerms([[this.class({ id: s, plus: 0 }, { id: s, plus: by }).id, 1]], times, terms);
    }
    if (explained !== moved) {
      if (!this.widening || !this.counted) return undefined;
      terms = addTerms(
        [[this.class({ id: 0, plus: 0 }, { id: 0, plus: 1 }).id, 1]],
        moved - explained,
        terms,
      );
    }
    const link = linear.link(terms, a.delta);
    if (link === undefined || link.id === 0) return undefined;
    const value = withLink(plain, link.id, link.scale, link.delta);
    this.sums.push({ value, a, b });
    if (value.kind === "number") this.rests.push(value);
    return value;
  }

  private value(a: Value, b: Value): Value {
    if (a === b && a.id === 0) return a;
    if (a.kind === "none" || b.kind === "none") return NONE;
    if (a.kind !== b.kind || a.of !== b.of)
      return this.orNull(a, b, false) ?? this.orNull(b, a, true) ?? NONE;
    const { kind, of } = a;
    if (a.ref !== b.ref && kind !== "map-value") return NONE;
    const nullable = a.nullable === b.nullable ? a.nullable : this.null(a.nullable, b.nullable);
    const num = this.widening ? widenNum(a.num, b.num, this.widening.stops) : joinNum(a.num, b.num);
    const plain = make(kind, of, num, 0, 0, 0, false, nullable, a.ref === b.ref ? a.ref : 0);
    if (isConst(plain) || this.widening?.dropLinks) return plain;
    return this.sum(plain, a, b) ?? this.link(plain, a, b);
  }

  /** A pointer on one side, null on the other. */
  private orNull(p: Value, n: Value, second: boolean): Value | undefined {
    const isNull = n.kind === "number" && isConst(n) && constOf(n) === 0;
    if (!isNull || !isPointer(p) || (p.ref !== 0 && p.kind !== "map-value")) return undefined;
    if (!["map-value", "string", "map", "stack", "data", "rodata"].includes(p.kind)) return undefined;
    return make(
      p.kind,
      p.of,
      p.num,
      0,
      0,
      0,
      false,
      second ? this.null(-1, p.nullable) : this.null(p.nullable, -1),
      0,
    );
  }

  private null(a: number, b: number): number {
    const key = `${a}|${b}`;
    let id = this.nulls.get(key);
    if (id === undefined) this.nulls.set(key, (id = -this.env.fresh()));
    return id;
  }

  /** Finds the symbol that both values are the same multiple of, up to a constant. */
  private link(plain: Value, a: Value, b: Value): Value {
    const [constA, constB] = [isConst(a), isConst(b)];
    if ((a.id === 0 && !constA) || (b.id === 0 && !constB)) return plain;
    let scale: number;
    let delta: number;
    let [u, v] = [
      { id: a.id, plus: 0 },
      { id: b.id, plus: 0 },
    ];
    if (constA && constB) {
      // Round by round, all that moves does so by its own step; where paths meet, by the same distance.
      const apart = constOf(b) - constOf(a);
      [scale, delta] = [this.widening ? apart : 1, constOf(a)];
      u = { id: 0, plus: 0 };
      v = { id: 0, plus: this.widening ? 1 : apart };
    } else if (constA) {
      [scale, delta] = [b.scale, b.delta];
      u = { id: 0, plus: (constOf(a) - delta) / scale };
    } else if (constB) {
      [scale, delta] = [a.scale, a.delta];
      v = { id: 0, plus: (constOf(b) - delta) / scale };
    } else {
      if (a.low !== b.low) return plain;
      if (a.scale !== b.scale) return a.low ? plain : this.pair(plain, a, b);
      [scale, delta] = [a.scale, a.delta];
      v = { id: b.id, plus: (b.delta - a.delta) / scale };
    }
    if ((constA !== constB && (a.low || b.low)) || scale === 0) return plain;
    if (!Number.isInteger(u.plus) || !Number.isInteger(v.plus)) return a.low ? plain : this.pair(plain, a, b);
    if (Math.max(Math.abs(scale), Math.abs(delta), Math.abs(u.plus), Math.abs(v.plus)) > EXACT) return plain;
    const found = this.class(u, v);
    if (hasRoom(plain.kind)) found.pointers.push({ of: plain.of, scale });
    // A number that was constant may be an index: how far from the ends of objects is it?
    else if (plain.kind === "number" && (constA || constB) && Math.abs(scale) <= MOST_STEP)
      for (const r of this.a.rooms) if (r.id === 0) found.pointers.push({ of: r.of, scale });
    return make(
      plain.kind,
      plain.of,
      plain.num,
      found.id,
      scale,
      delta,
      a.low && b.low,
      plain.nullable,
      plain.ref,
    );
  }

  /** Values that have nothing in common but their distances to each other: one symbol for those of the same. */
  private pair(plain: Value, a: Value, b: Value): Value {
    const [from, to] = [a.id === 0 ? constOf(a) : a.delta, b.id === 0 ? constOf(b) : b.delta];
    if (Math.max(Math.abs(from), Math.abs(to)) > EXACT) return plain;
    const key = `${a.id}*${a.scale}|${b.id}*${b.scale}|${to - from}`;
    let id = this.pairs.get(key);
    if (id === undefined) this.pairs.set(key, (id = this.env.fresh()));
    const value = withLink(plain, id, 1, from);
    this.sums.push({ value, a, b });
    return value;
  }

  private class(a: Class["a"], b: Class["b"]): Class {
    const key = `${a.id},${a.plus}|${b.id},${b.plus}`;
    let found = this.classes.get(key);
    if (found === undefined) {
      const same = a.id === b.id && a.plus === 0 && b.plus === 0;
      found = { id: same ? a.id : this.env.fresh(), a, b, pointers: [] };
      this.classes.set(key, found);
    }
    return found;
  }

  private frame(result: State, f: number, a: Frame, b: Frame): void {
    const frame = result.own(f);
    frame.saved = a.saved.map((v, k) => this.value(v, b.saved[k]));
    for (let k = 0; k < SLOTS; k++) frame.slots[k] = this.slot(a.slots[k], b.slots[k]);
    frame.strings = a.strings.filter(([from, to]) => b.strings.some(([x, y]) => x === from && y === to));
  }

  private slot(a: Slot | undefined, b: Slot | undefined): Slot | undefined {
    if (a === undefined || b === undefined) return undefined;
    const init = a.init & b.init;
    if (init === 0) return undefined;
    let poison = a.poison | b.poison;
    const parts: Part[] = [];
    const matched = new Set<Part>();
    for (const part of a.parts) {
      const other = b.parts.find((p) => p.at === part.at && p.bytes === part.bytes);
      if (!other) continue;
      const value = this.value(part.value, other.value);
      if (value.kind === "none") continue;
      matched.add(part).add(other);
      parts.push({ at: part.at, bytes: part.bytes, value });
    }
    for (const part of [...a.parts, ...b.parts])
      if (!matched.has(part) && isPointer(part.value)) poison |= ((1 << part.bytes) - 1) << part.at;
    return {
      init,
      poison: poison & init,
      parts: parts.filter((p) => ((((1 << p.bytes) - 1) << p.at) & ~init) === 0),
    };
  }

  /** Widened offsets stop where rooms say they do. */
  private cap(result: State): void {
    const rooms = result.rooms.filter((r) => r.id !== 0);
    if (rooms.length === 0) return;
    result.replace((v) =>
      rooms.reduce((w, r) => cap(w, r.of, r.id, r.scale, r.room, this.env.mostOf(r.of)), v),
    );
  }

  /** Rooms that both sides have. */
  private rooms(): Room[] {
    const { a, b } = this;
    const rooms: Room[] = [];
    const add = (of: number, id: number, scale: number, room: number, before: number) => {
      // Beyond, doubles round.
      if (Math.abs(room) > EXACT || Math.abs(scale) > EXACT || (this.widening?.dropRooms && room < before))
        return;
      if (!rooms.some((r) => r.of === of && r.id === id && r.scale === scale))
        rooms.push({ of, id, scale, room });
    };
    for (const r of a.rooms) {
      const other = r.id === 0 ? findRoom(b.rooms, r.of, 0, 0) : Number.NEGATIVE_INFINITY;
      if (r.id === 0) add(r.of, 0, 0, Math.min(r.room, other), r.room);
    }
    const objects = new Set(a.rooms.filter((r) => r.id === 0).map((r) => r.of));
    for (const { value, a: x, b: y } of this.sums)
      for (const of of objects) {
        const room = Math.min(roomOf(a, of, x), roomOf(b, of, y)) + value.delta;
        add(of, value.id, value.scale, room, roomOf(a, of, x) + value.delta);
      }
    for (const c of this.classes.values()) {
      const wanted = [...c.pointers];
      for (const r of a.rooms) if (c.a.id !== 0 && r.id === c.a.id) wanted.push({ of: r.of, scale: r.scale });
      for (const r of b.rooms) if (c.b.id !== 0 && r.id === c.b.id) wanted.push({ of: r.of, scale: r.scale });
      for (const { of, scale } of wanted) {
        const before = side(a, of, scale, c.a);
        add(of, c.id, scale, Math.min(before, side(b, of, scale, c.b)), before);
      }
    }
    for (const { of, terms } of this.sumRooms()) {
      const link = this.env.linear.link(
        terms.reduce<Terms>((sum, [c, times]) => addTerms([[c.id, 1]], times, sum), []),
        0,
      );
      if (link === undefined || link.id === 0) continue;
      const before = this.sideOf(a, of, terms, "a");
      // Beyond the first rounds only what holds in every round is kept.
      const after = this.sideOf(b, of, terms, "b");
      if (this.widening && !this.widening.seeds && after < before) continue;
      add(of, link.id, link.scale, Math.min(before, after), before);
    }
    return rooms;
  }

  /** Room of a sum of classes on one side. */
  private sideOf(state: State, of: number, terms: [Class, number][], which: "a" | "b"): number {
    const { linear } = this.env;
    let sum: Terms = [];
    let plus = 0;
    for (const [c, times] of terms) {
      sum = addTerms(linear.terms(c[which].id, 1), times, sum);
      plus += times * c[which].plus;
    }
    const link = linear.link(sum, 0);
    return link === undefined
      ? Number.NEGATIVE_INFINITY
      : findRoom(state.rooms, of, link.id, link.scale) - plus;
  }

  /** Sums that may have room: those that have it already, and others with a counter of the rounds added. */
  private sumRooms(): { of: number; terms: [Class, number][] }[] {
    const { linear, lengths } = this.env;
    const found: { of: number; terms: [Class, number][] }[] = [];
    const bySymbol = new Map<number, Class>();
    for (const c of this.classes.values()) if (c.a.id !== 0 && c.a.plus === 0) bySymbol.set(c.a.id, c);
    const classOf = (s: number): Class | undefined =>
      bySymbol.get(s) ?? (lengths.has(s) ? this.class({ id: s, plus: 0 }, { id: s, plus: 0 }) : undefined);
    const counter =
      this.widening?.seeds && this.counted ? this.class({ id: 0, plus: 0 }, { id: 0, plus: 1 }) : undefined;
    for (const r of this.a.rooms) {
      if (r.id === 0) continue;
      const terms: [Class, number][] = [];
      for (const [s, times] of linear.terms(r.id, r.scale)) {
        const c = classOf(s);
        if (c) terms.push([c, times]);
      }
      if (terms.length < linear.terms(r.id, r.scale).length) continue;
      if (terms.length > 1) found.push({ of: r.of, terms });
      if (counter)
        for (const step of new Set([1, Math.abs(r.scale)]))
          found.push({ of: r.of, terms: [...terms, [counter, step]] });
    }
    return found;
  }
}

/** The loop heads that both states passed in the same state. */
function common(a: Passed | undefined, b: Passed | undefined): Passed | undefined {
  const seen = new Set<State>();
  for (let at = a; at; at = at.before) seen.add(at.state);
  const kept: Passed[] = [];
  for (let at = b; at; at = at.before) if (seen.has(at.state)) kept.push(at);
  return kept.reduceRight<Passed | undefined>(
    (before, { point, state }) => ({ point, state, before }),
    undefined,
  );
}

/** Room of scale * u on one side, where u is a symbol plus a constant, or a constant. */
const side = (state: State, of: number, scale: number, u: { id: number; plus: number }): number =>
  (u.id === 0 ? findRoom(state.rooms, of, 0, 0) : findRoom(state.rooms, of, u.id, scale)) - scale * u.plus;

/** Whether two states can be joined at all: they hold the same references and locks. */
export function joinable(a: State, b: State): boolean {
  if (
    a.depth !== b.depth ||
    a.refs.length !== b.refs.length ||
    (a.lock === undefined) !== (b.lock === undefined)
  )
    return false;
  if (a.lock && b.lock && (a.lock.of !== b.lock.of || a.lock.ref !== b.lock.ref || a.lock.num !== b.lock.num))
    return false;
  return (
    a.refs.every((ref) => b.refs.some((r) => r.id === ref.id)) &&
    a.frames.every((f, k) => f.func === b.frames[k].func)
  );
}

/** A state that covers both, which must be joinable. */
export const join = (a: State, b: State, env: Env, widening?: Widening): State =>
  new Joiner(a, b, env, widening).run();

const shapeOf = (v: Value): string => (v.kind === "number" ? "n" : `${v.kind}${v.of},${v.nullable},${v.ref}`);

/** Equal for states that differ in numbers alone. */
export function shape(state: State): string {
  let text = state.regs.map(shapeOf).join(" ");
  for (const { saved, slots } of state.frames) {
    text += `|${saved.map(shapeOf).join(" ")}`;
    for (let k = 0; k < SLOTS; k++) {
      const slot = slots[k];
      if (!slot) continue;
      text += `;${k}:${slot.init},${slot.poison}`;
      for (const p of slot.parts) if (isPointer(p.value)) text += shapeOf(p.value);
    }
  }
  return `${text}/${state.refs.map((r) => r.id).join()}/${state.lock?.of ?? ""}`;
}
