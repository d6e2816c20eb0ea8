/** Places where paths meet: the states that wait there, those that were there, and in which order they are taken. */

import type { Chain } from "./chain.ts";
import type { Env } from "./env.ts";
import { endOf, type FuncInfo, stopsOf } from "./info.ts";
import { join, joinable, shape } from "./join.ts";
import { isSlotLive } from "./liveness.ts";
import { Matcher } from "./match.ts";
import { FEW_STOPS, type Stops } from "./number.ts";
import { contains, type Loop } from "./order.ts";
import { Progress } from "./progress.ts";
import { symbol } from "./rooms.ts";
import { SLOTS, type State } from "./state.ts";
import { make, NONE, type Value } from "./value.ts";

export interface Point {
  readonly chain: Chain;
  readonly insn: number;
  /** Before the function that a helper calls back, again and again. */
  readonly callback: boolean;
  readonly loop: Loop | undefined;
  /** Waiting: from outside, and from the loop itself. */
  readonly waiting: [entry: State[], back: State[]];
  /** States that were followed from here; the last ones, and all that were widened. */
  visited: State[];
  /** Times round the loop since it was entered. */
  rounds: number;
  /** A way out of the loop was taken to be impossible in this round. */
  decided: boolean;
  widened: number;
  /** Greatest number of rounds that were followed. */
  followed: number;
  /** Where numbers stop when they are widened here. */
  stops: Stops | undefined;
  /** Bounds of registers that the loop compares with. */
  landmarks: number[];
  readonly progress: Progress;
}

interface Waiting {
  point: Point;
  back: boolean;
  keys: readonly number[];
  order: number;
}

/** Lexicographic; what is called from a place comes behind it. */
function compare(a: Waiting, b: Waiting): number {
  const length = Math.min(a.keys.length, b.keys.length);
  for (let k = 0; k < length; k++) if (a.keys[k] !== b.keys[k]) return a.keys[k] - b.keys[k];
  return a.keys.length - b.keys.length || a.order - b.order;
}

/** A binary heap. */
class Queue {
  private readonly heap: Waiting[] = [];
  private count = 0;

  push(point: Point, back: boolean, keys: readonly number[]): void {
    const { heap } = this;
    const item = { point, back, keys, order: this.count++ };
    let at = heap.length;
    heap.push(item);
    while (at > 0) {
      const up = (at - 1) >> 1;
      if (compare(heap[up], item) <= 0) break;
      heap[at] = heap[up];
      at = up;
    }
    heap[at] = item;
  }

  pop(): Waiting | undefined {
    const { heap } = this;
    const first = heap[0];
    const item = heap.pop();
    if (item === undefined || heap.length === 0) return item;
    let at = 0;
    for (;;) {
      let down = 2 * at + 1;
      if (down >= heap.length) break;
      if (down + 1 < heap.length && compare(heap[down + 1], heap[down]) < 0) down++;
      if (compare(item, heap[down]) <= 0) break;
      heap[at] = heap[down];
      at = down;
    }
    heap[at] = item;
    return first;
  }
}

/** Visited states that are kept. */
const KEPT = 48;
/** Fewer after so many rounds of a loop: they are different in every round. */
const LONG = 32;
const LONG_KEPT = 6;
/** Bounds that are remembered for a loop. */
const MOST_LANDMARKS = 8;
/** States that wait together are compared with so many others. */
const COMPARED = 16;
/** Steps of widening after which no more sums are tried, few stops are left, distances that shrink are given up, and links, and all stops. */
const GIVE_UP = { seeds: 2, stops: 8, rooms: 8, links: 20, all: 28 };

export class Points {
  private readonly env: Env;
  private readonly matcher: Matcher;
  private readonly infos: FuncInfo[];
  /** Comparisons of states: they count as work. */
  compared = 0;
  private readonly queue = new Queue();
  private readonly all = new Map<Chain, Map<number, Point>>();

  constructor(env: Env, infos: FuncInfo[]) {
    this.env = env;
    this.matcher = new Matcher(env);
    this.infos = infos;
  }

  at(chain: Chain, insn: number, callback: boolean): Point {
    let points = this.all.get(chain);
    if (points === undefined) this.all.set(chain, (points = new Map()));
    const key = callback ? -1 - insn : insn;
    let point = points.get(key);
    if (point === undefined) {
      const loop = callback ? undefined : this.infos[chain.func].heads.get(insn);
      const waiting: Point["waiting"] = [[], []];
      const progress = new Progress();
      point = {
        chain,
        insn,
        callback,
        loop,
        waiting,
        visited: [],
        rounds: 0,
        decided: false,
        widened: 0,
        followed: 0,
        stops: undefined,
        landmarks: [],
        progress,
      };
      points.set(key, point);
    }
    return point;
  }

  *[Symbol.iterator](): Iterator<Point> {
    for (const points of this.all.values()) yield* points.values();
  }

  /** The loop that begins at `head` compares with a register of at most `most`. */
  landmark(chain: Chain, head: number, most: number): void {
    const point = this.at(chain, head, false);
    const { landmarks } = point;
    if (landmarks.length >= MOST_LANDMARKS || landmarks.includes(most)) return;
    landmarks.push(most);
    point.stops = undefined;
  }

  /** A state waits at a point; `again`: another round of the loop, or of a callback. */
  arrive(
    chain: Chain,
    insn: number,
    callback: boolean,
    again: Loop | boolean | undefined,
    state: State,
  ): void {
    const point = this.at(chain, insn, callback);
    const info = this.infos[chain.func];
    const back = again !== undefined && again !== false;
    const list = point.waiting[back ? 1 : 0];
    list.push(state);
    if (list.length > 1) return;
    const here = info.position[insn];
    const keys =
      typeof again === "object" ? [endOf(info, again)] : back ? [here, Number.POSITIVE_INFINITY] : [here];
    this.queue.push(point, back, [...chain.keys, ...keys]);
  }

  next(): Waiting | undefined {
    return this.queue.pop();
  }

  /** What waits, without what is dead or covered. */
  take(point: Point, back: boolean): State[] {
    const { waiting, visited, progress } = point;
    const list = waiting[back ? 1 : 0].splice(0);
    const fresh: State[] = [];
    for (const state of list) {
      this.forget(point, state);
      if (back) progress.learn(point, state);
      let covered = false;
      this.compared += visited.length;
      for (let k = visited.length - 1; k >= 0 && !covered; k--)
        covered = this.matcher.covers(visited[k], state);
      if (covered) {
        if (back) progress.closed = true;
      } else if (!fresh.slice(-COMPARED).some((other) => this.matcher.covers(other, state)))
        fresh.push(state);
    }
    return fresh;
  }

  /** Drops registers and slots that are not read later, and rooms of symbols that are gone. */
  private forget(point: Point, state: State): void {
    const { live } = this.infos[point.chain.func];
    const at = point.callback ? point.insn + 1 : point.insn;
    const mask = point.callback ? live.regs[at] | 0x3f : live.regs[at];
    for (let r = 0; r < 10; r++) if (((mask >> r) & 1) === 0) state.regs[r] = NONE;
    forgetSlots(state, state.depth - 1, (s) => isSlotLive(live, at, s));
    if (state.rooms.length === 0) return;
    const used = new Set<number>([0]);
    const objects = new Set<number>();
    state.some((v) => {
      for (const [id] of this.env.linear.terms(v.id, 1)) used.add(id);
      used.add(v.id);
      objects.add(v.of);
      return false;
    });
    const { linear, lengths } = this.env;
    const isKnown = (id: number): boolean =>
      used.has(id) || (linear.isSum(id) && linear.terms(id, 1).every(([s]) => used.has(s) || lengths.has(s)));
    const kept = state.rooms.filter((r) => isKnown(r.id) && (r.of < 16 || objects.has(r.of)));
    if (kept.length < state.rooms.length) state.rooms = kept;
  }

  /** Joins states until at most `apart` of each shape are left. */
  reduce(states: State[], apart: number): State[] {
    if (states.length <= apart) return states;
    const groups = new Map<string, State[]>();
    for (const state of states) {
      const key = shape(state);
      const group = groups.get(key);
      if (group) group.push(state);
      else groups.set(key, [state]);
    }
    const share = Math.max(1, Math.floor(apart / groups.size));
    const result: State[] = [];
    for (const group of groups.values()) {
      while (group.length > share) {
        const [a, b] = group.splice(0, 2);
        group.push(join(a, b, this.env));
        this.env.joins++;
      }
      result.push(...group);
    }
    return result.length > 4 * Math.max(apart, 8) ? this.merge(result) : result;
  }

  /** Joins whatever can be joined. */
  private merge(states: State[]): State[] {
    const result: State[] = [];
    for (const state of states) {
      const k = result.findIndex((other) => joinable(other, state));
      if (k < 0) result.push(state);
      else result[k] = join(result[k], state, this.env);
    }
    this.env.joins++;
    return result;
  }

  /** Widens states against the last one of their shape that was here. */
  widen(point: Point, states: State[]): State[] {
    const result: State[] = [];
    const { env } = this;
    const info = this.infos[point.chain.func];
    point.stops ??= stopsOf(info, point.loop, point.landmarks);
    const many = point.visited.length > 24;
    point.widened++;
    point.progress.closed = true;
    const { widened } = point;
    const widening = {
      stops: widened > GIVE_UP.all ? NO_STOPS : widened > GIVE_UP.stops ? FEW_STOPS : point.stops,
      seeds: widened <= GIVE_UP.seeds,
      dropRooms: widened > GIVE_UP.rooms,
      dropLinks: widened > GIVE_UP.links,
    };
    for (const state of this.reduce(states, 1)) {
      if (result.some((other) => this.matcher.covers(other, state))) continue;
      const key = many ? "" : shape(state);
      const last = point.visited.findLast((v) => joinable(v, state) && (many || shape(v) === key));
      env.joins++;
      result.push(last ? join(last, state, env, widening) : state);
    }
    return result;
  }

  /** Remembers that a state goes on from here. */
  visit(point: Point, state: State, isHead: boolean): void {
    if (isHead) {
      this.link(state);
      const snapshot = state.clone();
      point.visited.push(snapshot);
      let before = state.passed;
      for (let at = before; at !== undefined; at = at.before) if (at.point === point) before = at.before;
      state.passed = { point, state: snapshot, before };
    } else if (this.returns(point)) point.visited.push(state.clone());
    const kept = point.rounds > LONG ? LONG_KEPT : KEPT;
    if (point.visited.length > kept) point.visited.splice(0, point.visited.length - (kept >> 1));
  }

  /** Whether paths come back to a point: outside of loops all of them were there when it was its turn. */
  private returns(point: Point): boolean {
    const { order, blockOf } = this.infos[point.chain.func];
    return point.chain.parent !== undefined || order.loops[blockOf[point.insn]] !== undefined;
  }

  /** Gives every number a symbol: the next round is compared by them. */
  private link(state: State): void {
    const { fresh } = this.env;
    for (let r = 0; r < 10; r++)
      if (state.regs[r].kind !== "none") state.regs[r] = symbol(state.regs[r], fresh);
    const f = state.depth - 1;
    for (let s = 0; s < SLOTS; s++) {
      const slot = state.frames[f].slots[s];
      if (!slot?.parts.some(({ value }) => value !== symbolOf(value, fresh))) continue;
      const parts = slot.parts.map((p) => ({ at: p.at, bytes: p.bytes, value: symbolOf(p.value, fresh) }));
      state.own(f).slots[s] = { init: slot.init, poison: slot.poison, parts };
    }
  }
}

const NO_STOPS = { up: [], down: [], lowUp: [], lowDown: [] };

const symbolOf = (v: Value, fresh: () => number): Value => (v.kind === "none" ? v : symbol(v, fresh));

/** Forgets slots of a frame, and what numbers were made from. */
export function forgetSlots(state: State, f: number, isLive: (slot: number) => boolean): void {
  for (let s = 0; s < SLOTS; s++)
    if (state.frames[f].slots[s] !== undefined && !isLive(s)) state.own(f).slots[s] = undefined;
  state.replace((v) =>
    v.from === undefined ? v : make(v.kind, v.of, v.num, v.id, v.scale, v.delta, v.low, v.nullable, v.ref),
  );
}

/** Heads of the loops that a jump from `insn` stays in by going to `to`, and would have left by going to `other`. */
export function exitLoops(info: FuncInfo, insn: number, to: number, other: number): number[] {
  const heads: number[] = [];
  const { order, blocks, blockOf } = info;
  for (let loop = order.loops[blockOf[insn]]; loop !== undefined; loop = loop.parent)
    if (!contains(order, loop, blockOf[other]) && contains(order, loop, blockOf[to]))
      heads.push(blocks[loop.head].start);
  return heads;
}
