/**
 * Branch layout: inserts each branch in its shortest form, growing until all reach (forms only ever grow). Where bytes
 * count, a branch that does not reach goes by one that does.
 */

export interface Branch {
  /** Offset in the code without branches at which it stands, and the block that it ends. */
  at: number;
  block: number;
  /** Index of the block that it leads to. */
  target: number;
  /** What the target makes of it; opaque here. */
  condition: number;
  register: number;
  /** Bytes right in front of it of the instruction that the processor joins it with: a comparison. */
  joined: number;
}

/**
 * The condition of what is no branch: up to `target` - 1 bytes of nothing in front of a loop that ends where block
 * `register` starts, so that its code lies in as few windows of `target` bytes as it can, and that as few comparisons
 * with their branches as can be lie across two: those take a third longer (measured in loops of six instructions).
 */
export const PAD = -2;
/** Longer loops than so many windows do not mind one more. */
const WINDOWS = 4;

/** A target's branches: sizes from the shortest to one that always reaches. */
export interface BranchForms {
  /** Bytes of the next longer form after `size` bytes (0: the first form). */
  next(branch: Branch, size: number): number;
  /** The form of `size` bytes reaches over `distance`, counted from the branch's start. */
  reaches(branch: Branch, size: number, distance: number): boolean;
  encode(branch: Branch, size: number, distance: number): Uint8Array;
  /** One that is taken whenever `branch` is taken to where it stands; none where forms are all of one size. */
  follows?(branch: Branch, other: Branch): boolean;
  /** Instructions of so many bytes that do nothing. */
  pad(size: number): Uint8Array;
}

export interface LaidOut {
  bytes: Uint8Array;
  /** Maps an offset in the code without branches to the result. */
  moved(offset: number): number;
  startOf(block: number): number;
}

/** `starts` are the offsets of blocks in `code`; branches ascend; `small`: a jump more is worth a shorter form. */
export function layoutBranches(
  code: Uint8Array,
  starts: number[],
  branches: Branch[],
  forms: BranchForms,
  small = false,
): LaidOut {
  const isPad = (k: number) => branches[k].condition === PAD;
  // Pads count as large as they can get until every branch reaches: then they only shrink.
  const sizes = Int32Array.from(branches, (branch, k) =>
    isPad(k) ? branch.target - 1 : forms.next(branch, 0),
  );
  const before = branchesBefore(starts.length, branches);
  const shift = new Int32Array(branches.length + 1);
  /** By branch: the one by which it goes, or -1. */
  const via = new Int32Array(branches.length).fill(-1);
  const place = (k: number): number => branches[k].at + shift[k];
  const whole = (k: number): number => {
    const { target } = branches[k];
    return starts[target] + shift[before[target]] - place(k);
  };
  const distance = (k: number): number => (via[k] < 0 ? whole(k) : place(via[k]) - place(k));
  /** Of the branches on the way to the target the last one that the first form reaches. */
  const between = (k: number): number => {
    const first = forms.next(branches[k], 0);
    const step = whole(k) < 0 ? -1 : 1;
    let best = -1;
    for (let j = k + step; j >= 0 && j < branches.length; j += step) {
      if (!forms.reaches(branches[k], first, place(j) - place(k)) || whole(j) * step <= 0) break;
      if (branches[j].target === branches[k].target && forms.follows?.(branches[k], branches[j])) best = j;
    }
    return best;
  };
  for (let grown = true; grown; ) {
    grown = false;
    for (let k = 0; k < branches.length; k++) shift[k + 1] = shift[k] + sizes[k];
    for (const [k, branch] of branches.entries()) {
      if (isPad(k) || forms.reaches(branch, sizes[k], distance(k))) continue;
      via[k] = small ? between(k) : -1;
      if (via[k] < 0) sizes[k] = forms.next(branch, sizes[k]);
      grown = true;
    }
  }
  // No other pad lies in a loop that has one: its length is known before any of them shrinks.
  const lengths = branches.map(({ at, register }, k) =>
    isPad(k)
      ? (starts[register] ?? code.length) + shift[before[register] ?? branches.length] - at - shift[k + 1]
      : 0,
  );
  for (const [k, { at, target }] of branches.entries()) {
    if (isPad(k)) {
      const start = at + shift[k];
      const within = pairsOf(branches, sizes, shift, k, lengths[k]);
      sizes[k] = padding(start, lengths[k], target, within);
    }
    shift[k + 1] = shift[k] + sizes[k];
  }
  const out = new Uint8Array(code.length + shift[branches.length]);
  let from = 0;
  for (const [k, branch] of branches.entries()) {
    out.set(code.subarray(from, branch.at), from + shift[k]);
    out.set(
      isPad(k) ? forms.pad(sizes[k]) : forms.encode(branch, sizes[k], distance(k)),
      branch.at + shift[k],
    );
    from = branch.at;
  }
  out.set(code.subarray(from), from + shift[branches.length]);
  return {
    bytes: out,
    moved: (offset) => offset + shift[countUpTo(branches, offset)],
    startOf: (block) => starts[block] + shift[before[block]],
  };
}

/** A comparison with its branch: bytes from the start of a loop to its first and its last one. */
interface Pair {
  first: number;
  last: number;
}

/** Those of the loop behind the pad `k`; all that moves them alike is left out. */
function pairsOf(
  branches: Branch[],
  sizes: Int32Array,
  shift: Int32Array,
  k: number,
  length: number,
): Pair[] {
  const pairs: Pair[] = [];
  const start = branches[k].at + shift[k + 1];
  for (let j = k + 1; j < branches.length; j++) {
    const at = branches[j].at + shift[j] - start;
    if (at >= length) break;
    if (branches[j].condition !== PAD)
      pairs.push({ first: at - branches[j].joined, last: at + sizes[j] - 1 });
  }
  return pairs;
}

/** Bytes in front of a loop of `length` bytes at `offset`. */
function padding(offset: number, length: number, window: number, pairs: readonly Pair[]): number {
  if (length > WINDOWS * window) return 0;
  const windowOf = (at: number) => Math.floor(at / window);
  const cost = (pad: number): number => {
    const start = offset + pad;
    let windows = windowOf(start + length - 1) - windowOf(start);
    for (const { first, last } of pairs) if (windowOf(start + first) !== windowOf(start + last)) windows++;
    return windows;
  };
  let best = 0;
  let least = cost(0);
  for (let pad = 1; pad < window && least > 0; pad++) {
    const other = cost(pad);
    if (other < least) [best, least] = [pad, other];
  }
  return best;
}

/** For each block: how many branches stand in front of it. */
function branchesBefore(blocks: number, branches: Branch[]): Int32Array {
  const before = new Int32Array(blocks);
  for (let b = 0, k = 0; b < blocks; b++) {
    while (k < branches.length && branches[k].block < b) k++;
    before[b] = k;
  }
  return before;
}

/** How many branches stand at or before `offset`. */
function countUpTo(branches: Branch[], offset: number): number {
  let low = 0;
  for (let high = branches.length; low < high; ) {
    const middle = (low + high) >> 1;
    if (branches[middle].at <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
