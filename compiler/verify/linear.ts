/**
 * Sums of symbols: a sum has an id like any symbol, the same whenever the same sum is made, so that what is learned
 * of i + k holds for the address base + k + i. What a sum is made of is known by its id.
 */

import type { Value } from "./value.ts";

/** Coefficients by symbol, by ascending id, none of them 0; no symbol is itself a sum. */
export type Terms = readonly (readonly [id: number, times: number])[];

/** scale * symbol + delta; id 0: the constant delta. */
export interface Link {
  id: number;
  scale: number;
  delta: number;
}

const MOST_TERMS = 4;
const MOST_SUMS = 100_000;
const MOST = 2 ** 40;

/** times * a + b. */
export function addTerms(a: Terms, times: number, b: Terms): Terms {
  if (a.length === 0 || times === 0) return b;
  if (b.length === 0 && times === 1) return a;
  const sum = new Map<number, number>(b);
  for (const [id, factor] of a) sum.set(id, (sum.get(id) ?? 0) + factor * times);
  return [...sum].filter(([, factor]) => factor !== 0).sort((x, y) => x[0] - y[0]);
}

const gcd = (a: number, b: number): number => (b === 0 ? Math.abs(a) : gcd(b, a % b));

export class Linear {
  private readonly fresh: () => number;
  private readonly sums = new Map<number, Terms>();
  private readonly ids = new Map<string, number>();

  constructor(fresh: () => number) {
    this.fresh = fresh;
  }

  isSum(id: number): boolean {
    return this.sums.has(id);
  }

  /** What times * symbol is made of. */
  terms(id: number, times: number): Terms {
    if (id === 0) return [];
    const sum = this.sums.get(id);
    return sum === undefined ? [[id, times]] : sum.map(([s, factor]) => [s, factor * times]);
  }

  of(v: Value): Terms {
    return this.terms(v.id, v.scale);
  }

  /** The link of a sum; undefined when it has grown too large. */
  link(terms: Terms, delta: number): Link | undefined {
    if (Math.abs(delta) > MOST || terms.length > MOST_TERMS) return undefined;
    if (terms.length === 0) return { id: 0, scale: 0, delta };
    if (terms.some(([, factor]) => Math.abs(factor) > MOST)) return undefined;
    if (terms.length === 1) return { id: terms[0][0], scale: terms[0][1], delta };
    const common = terms.reduce((all, [, factor]) => gcd(all, factor), 0) * Math.sign(terms[0][1]);
    const key = terms.map(([id, factor]) => `${id}*${factor / common}`).join();
    let id = this.ids.get(key);
    if (id === undefined) {
      if (this.ids.size > MOST_SUMS) this.ids.clear();
      id = this.fresh();
      this.ids.set(key, id);
      this.sums.set(
        id,
        terms.map(([s, factor]) => [s, factor / common]),
      );
    }
    return { id, scale: common, delta };
  }

  /** a + sign * b. */
  sum(a: Value, b: Value, sign: 1 | -1): Link | undefined {
    return this.link(addTerms(this.of(b), sign, this.of(a)), a.delta + sign * b.delta);
  }
}
