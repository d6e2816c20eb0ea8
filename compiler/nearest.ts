/** The known name that a mistyped one most likely means. */

/** Longer names than this are not compared: the work grows with the product of the lengths. */
const MAX_LENGTH = 64;
/** Names that are compared at most: a hint is not worth more. */
const MAX_NAMES = 5000;

/** Levenshtein distance of two short strings. */
export function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min(next[j - 1] + 1, row[j] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length];
}

/** The nearest of `names` to `name`, if it is near: at most a third of its letters differ. */
export function nearest(name: string, names: Iterable<string>): string | undefined {
  if (name.length > MAX_LENGTH) return undefined;
  let best: string | undefined;
  let least = Math.max(1, Math.floor(name.length / 3)) + 1;
  let left = MAX_NAMES;
  for (const known of names) {
    if (left-- === 0) break;
    if (Math.abs(known.length - name.length) >= least) continue;
    const d = distance(name, known);
    if (d < least) [best, least] = [known, d];
  }
  return best;
}
