/** Seeded damage for tests of readers: the same seed makes the same files. */

/** 10 000 mutations instead of 500. */
export const SLOW = process.env.RUNBPF_SLOW === "1";

/** A function that returns 0 … n - 1 (mulberry32). */
export function random(seed: number): (n: number) => number {
  let state = seed >>> 0;
  return (n) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * n);
  };
}

const EDGES = [0, 1, 2, 4, 7, 8, 0x7f, 0x80, 0xff];

/** One to four of: a flipped bit, a byte or a word of an edge value, a cut, a repeated, removed or inserted piece. */
export function mutate(file: Uint8Array, rng: (n: number) => number): Uint8Array {
  let out = file.slice();
  for (let count = 1 + rng(4); count > 0; count--) {
    const at = rng(out.length);
    const size = 1 + rng(16);
    const kind = rng(8);
    if (out.length === 0 || kind < 3) out[at] ^= 1 << rng(8);
    else if (kind === 3) out[at] = EDGES[rng(EDGES.length)];
    else if (kind === 4) out.fill(EDGES[rng(EDGES.length)], at, at + 4);
    else if (kind === 5) out = out.slice(0, at);
    else if (kind === 6) out = Uint8Array.of(...out.subarray(0, at), ...out.subarray(at + size));
    else out = Uint8Array.of(...out.subarray(0, at + size), ...out.subarray(at));
  }
  return out;
}
