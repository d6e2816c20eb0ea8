/** Whether one state covers another: then what follows the other is covered by what follows the one. */

import { FRAME_SIZE } from "../../formats/isa/bpf.ts";
import type { Env } from "./env.ts";
import { addTerms, type Terms } from "./linear.ts";
import { includes } from "./number.ts";
import { findRoom } from "./rooms.ts";
import { unknownOf } from "./stack.ts";
import type { Frame, Part, Slot, State } from "./state.ts";
import { constOf, isConst, isPointer, type Value } from "./value.ts";

const EXACT = 2 ** 50;

/** What a symbol of the wider state is in the other one: times * s + plus; times 0: a constant. */
interface Image {
  id: number;
  times: number;
  plus: number;
}

/** A symbol of the wider state, as a sum of symbols of the other. */
interface Form {
  terms: Terms;
  plus: number;
}

/** One for many questions: most are answered before anything is written down. */
export class Matcher {
  private readonly env: Env;
  private wide!: State;
  private narrow!: State;
  private readonly images = new Map<number, Image>();
  private readonly nulls = new Map<number, number>();
  /** Symbols that only sums tell of. */
  private readonly solved = new Map<number, Form>();
  /** Images of symbols that nothing is known of in the narrow state. */
  private free = -1;

  constructor(env: Env) {
    this.env = env;
  }

  /** Whether every concrete state of `narrow` is one of `wide`; may be false although it is so. */
  covers(t: State, s: State): boolean {
    [this.wide, this.narrow] = [t, s];
    for (const map of [this.images, this.nulls, this.solved]) if (map.size > 0) map.clear();
    this.free = -1;
    if (t.depth !== s.depth || t.refs.length !== s.refs.length) return false;
    if (t.lock !== s.lock && (!t.lock || !s.lock || !this.value(t.lock, s.lock))) return false;
    for (const ref of t.refs) if (!s.refs.some((r) => r.id === ref.id && r.kind === ref.kind)) return false;
    for (let r = 0; r < 10; r++) if (!this.value(t.regs[r], s.regs[r])) return false;
    for (let f = t.depth - 1; f >= 0; f--) if (!this.frame(t.frames[f], s.frames[f])) return false;
    return this.sums() && this.rooms();
  }

  /** Sums of the wider state are the sums of what their symbols are in the other; lengths are what they are. */
  private sums(): boolean {
    const { linear } = this.env;
    const { solved } = this;
    for (const [id, image] of this.images) {
      if (!linear.isSum(id)) continue;
      let { terms, plus } = this.formOf(image);
      let open: readonly [number, number] | undefined;
      for (const [s, times] of linear.terms(id, 1)) {
        const form = this.known(s);
        if (form === undefined) {
          if (open === undefined && Math.abs(times) === 1) open = [s, times];
          else solved.set(s, { terms: [], plus: 0 });
          continue;
        }
        terms = addTerms(form.terms, -times, terms);
        plus -= times * form.plus;
      }
      if (open !== undefined)
        solved.set(open[0], { terms: addTerms(terms, open[1], []), plus: plus * open[1] });
      else if (terms.length > 0 || plus !== 0) return false;
    }
    return true;
  }

  private formOf({ id, times, plus }: Image): Form {
    return { terms: this.env.linear.terms(id, times), plus };
  }

  /** What a symbol of the wider state is in the other one. */
  private known(id: number): Form | undefined {
    const image = this.images.get(id);
    if (this.env.lengths.has(id) && !image) return { terms: [[id, 1]], plus: 0 };
    return image ? this.formOf(image) : this.solved.get(id);
  }

  private value(t: Value, s: Value): boolean {
    if (t.kind === "none" || (t === s && t.id === 0 && t.nullable === 0)) return true;
    if (t.kind !== s.kind || t.of !== s.of) return false;
    if (t.ref !== s.ref && !(t.kind === "map-value" && t.ref === 0)) return false;
    if (t.nullable !== s.nullable || t.nullable !== 0) {
      if (t.nullable === 0) return false;
      const known = this.nulls.get(t.nullable);
      if (known === undefined) this.nulls.set(t.nullable, s.nullable);
      else if (known !== s.nullable) return false;
    }
    return includes(t.num, s.num) && (t.id === 0 || this.link(t, s));
  }

  /** The linked value t = scale * u + delta must be s: that says what u is, the same for all of its values. */
  private link(t: Value, s: Value): boolean {
    const known = this.images.get(t.id);
    let image: Image;
    if (isConst(s)) {
      const c = constOf(s);
      if (t.low || Math.abs(c) > EXACT) return this.freely(t, known);
      image = { id: 0, times: 0, plus: (c - t.delta) / t.scale };
    } else if (s.id === 0 || s.low !== t.low) return this.freely(t, known);
    else image = { id: s.id, times: s.scale / t.scale, plus: (s.delta - t.delta) / t.scale };
    if (!Number.isInteger(image.times) || !Number.isInteger(image.plus)) return this.freely(t, known);
    // A length is that of its object in every state, and what is known of a symbol otherwise holds for that one alone.
    if (this.isFixed(t.id) && (image.id !== t.id || image.times !== 1 || image.plus !== 0)) return false;
    if (known === undefined) this.images.set(t.id, image);
    else if (known.id !== image.id || known.times !== image.times || known.plus !== image.plus) return false;
    return true;
  }

  private isFixed(id: number): boolean {
    const { lengths, characters, parts } = this.env;
    return lengths.has(id) || characters.has(id) || parts.has(id);
  }

  /** A symbol may be anything when it is used once. */
  private freely(t: Value, known: Image | undefined): boolean {
    if (known !== undefined || Math.abs(t.scale) !== 1 || this.isFixed(t.id)) return false;
    this.images.set(t.id, { id: this.free--, times: 1, plus: 0 });
    return true;
  }

  private frame(t: Frame, s: Frame): boolean {
    if (t.func !== s.func) return false;
    for (let k = 0; k < t.saved.length; k++) if (!this.value(t.saved[k], s.saved[k])) return false;
    for (let k = 0; k < FRAME_SIZE / 8; k++) {
      const slot = t.slots[k];
      if (slot !== undefined && !this.slot(slot, s.slots[k])) return false;
    }
    return t.strings.every(([from, to]) => s.strings.some(([a, b]) => a === from && b === to));
  }

  private slot(t: Slot, s: Slot | undefined): boolean {
    if (s === undefined || (t.init & ~s.init) !== 0 || (s.poison & t.init & ~t.poison) !== 0) return false;
    let covered = t.poison;
    for (let k = 0; k < t.parts.length; k++) {
      const part = t.parts[k];
      const bits = ((1 << part.bytes) - 1) << part.at;
      const first = s.parts[k];
      const same =
        first?.at === part.at && first.bytes === part.bytes
          ? first
          : s.parts.find((p) => p.at === part.at && p.bytes === part.bytes);
      if (same ? !this.value(part.value, same.value) : !nothingKnown(part)) return false;
      if (same) covered |= bits;
    }
    if (s.parts !== t.parts)
      for (const part of s.parts)
        if (isPointer(part.value) && ((((1 << part.bytes) - 1) << part.at) & t.init & ~covered) !== 0)
          return false;
    return true;
  }

  /** What the wide state knows of distances holds in the narrow one. */
  private rooms(): boolean {
    const { rooms } = this.narrow;
    const { linear } = this.env;
    for (const { of, id, scale, room } of this.wide.rooms) {
      const least = findRoom(rooms, of, 0, 0);
      if (id === 0) {
        if (least < room) return false;
        continue;
      }
      if (!linear.isSum(id) && this.known(id) === undefined) continue;
      let sum: Terms = [];
      let plus = 0;
      for (const [s, times] of linear.terms(id, scale)) {
        const form = this.known(s);
        if (form === undefined) return false;
        sum = addTerms(form.terms, times, sum);
        plus += times * form.plus;
      }
      const link = linear.link(sum, 0);
      if (link === undefined || findRoom(rooms, of, link.id, link.scale) - plus < room) return false;
    }
    return true;
  }
}

const nothingKnown = (part: Part): boolean =>
  part.value.kind === "number" &&
  part.value.id === 0 &&
  includes(part.value.num, unknownOf(part.bytes as 1 | 2 | 4 | 8).num);
