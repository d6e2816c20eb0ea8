/**
 * Which accesses may touch the same bytes: told by base and offset, by bounds of indices, and by whether the address of
 * the frame leaves the function. Requires folded addresses (constants stand in the access).
 */

import { holdsOn } from "./flow.ts";
import { isConst, isSmall } from "./fold.ts";
import type { Block, Fn, Value } from "./ir.ts";
import { NE, op, ULE, ULT } from "./ops.ts";

/** Operations that a bound or an address is followed through. */
const MOST_STEPS = 6;
/** Indices from here on bound nothing, and may be negative. */
export const FAR = 2 ** 52;
/** Looks at a function until it is known what is computed from its frame's address; loops take a second one. */
const ROUNDS = 5;

/** The addresses from root + low to root + high. */
interface Extent {
  root: Value;
  low: number;
  high: number;
}

/** Bytes that a load, a store or an atomic operation accesses. */
export const bytesOf = (access: Value): number => access.op.bytes || access.args[1].type / 8;

/** A load, a store or an atomic operation: address = argument 0 + aux. */
export const isAccess = ({ op: row }: Value): boolean =>
  row.bytes > 0 || (row.reads && row.writes && row.arity > 0 && row !== op.copy);

/** What the program cannot change: constants, and the words of a map's handle. */
export const isReadOnly = ({ args: [base] }: Value): boolean => base.op === op.rodata || base.op === op.map;

/** Bits: no address in the frame, an address in the frame, something else that was computed from one. */
const NOT_FRAME = 1;
const IN_FRAME = 2;
const MIXED = 4;

/** Whether a function has anything to do with its frame. */
export function usesFrame(fn: Fn): boolean {
  const frame = fn.leaf(op.frame, 64, 0);
  const isUsed = ({ phis, body, control }: Block) =>
    control === frame || body.some((v) => v.args.includes(frame)) || phis.some((v) => v.args.includes(frame));
  return fn.blocks.some(isUsed);
}

export class Memory {
  private readonly extents: (Extent | undefined)[];
  /** By value: what it may be, of NOT_FRAME, IN_FRAME and MIXED; 0 = not looked at. */
  private readonly kinds: Uint8Array;
  /** Others may have the frame's address. */
  readonly escapes: boolean;

  constructor(fn: Fn) {
    this.kinds = new Uint8Array(fn.nextValue);
    this.extents = new Array(fn.nextValue);
    if (usesFrame(fn)) this.escapes = !this.follow(fn);
    else {
      this.kinds.fill(NOT_FRAME);
      this.escapes = false;
    }
  }

  /** The address lies in the frame, and others do not lead there. */
  isPrivate(access: Value): boolean {
    return !this.escapes && isAccess(access) && this.kindOf(access.args[0]) === IN_FRAME;
  }

  /** Any argument is an address in the frame. */
  takesFrame({ args }: Value): boolean {
    return this.escapes || args.some((arg) => (this.kindOf(arg) & IN_FRAME) !== 0);
  }

  /** One access is in the frame or in constants, the other one elsewhere, whenever they are made. */
  areApart(a: Value, b: Value): boolean {
    if (isReadOnly(a) || isReadOnly(b)) return true;
    return !this.escapes && (this.kindOf(a.args[0]) & this.kindOf(b.args[0])) === 0;
  }

  /** Two accesses, not both only reading: whether they may touch one byte. */
  mayTouch(a: Value, b: Value): boolean {
    const [[x], [y]] = [a.args, b.args];
    if (x === y) return overlap(a.aux, a.aux, bytesOf(a), b.aux, b.aux, bytesOf(b));
    if (this.areApart(a, b)) return false;
    const [e, f] = [this.extentOf(x), this.extentOf(y)];
    if (e.root !== f.root) return true;
    return overlap(e.low + a.aux, e.high + a.aux, bytesOf(a), f.low + b.aux, f.high + b.aux, bytesOf(b));
  }

  /** Whether a write may change what an access reads. An atomic operation makes seen what other threads wrote. */
  mayChange(write: Value, access: Value): boolean {
    if (isReadOnly(access)) return false;
    const isPrivate = this.isPrivate(access);
    if (!isAccess(write)) return !isPrivate || this.takesFrame(write);
    if (write.op.bytes === 0 && !isPrivate) return true;
    return this.mayTouch(write, access);
  }

  /** The bytes of the frame that an access may touch, from low to below high; undefined where they have no bound. */
  frameRange(access: Value): { low: number; high: number } | undefined {
    const { root, low, high } = this.extentOf(access.args[0]);
    if (root.op !== op.frame) return undefined;
    return { low: low + access.aux, high: high + access.aux + bytesOf(access) };
  }

  private extentOf(base: Value): Extent {
    const known = this.extents[base.id];
    if (known !== undefined) return known;
    let [root, low, high] = [base, 0, 0];
    for (let left = MOST_STEPS; root.op === op.add && left > 0; left--) {
      const [a, b] = root.args;
      if (isSmall(b)) {
        low += b.lo;
        high += b.lo;
        root = a;
        continue;
      }
      const [x, y] = [mostOf(a), mostOf(b)];
      if (Math.min(x, y) + high >= FAR) break;
      high += Math.min(x, y);
      root = x <= y ? b : a;
    }
    const extent = { root, low, high };
    this.extents[base.id] = extent;
    return extent;
  }

  /** Tells what is computed from the frame's address; false where it escapes. */
  private follow(fn: Fn): boolean {
    const { kinds } = this;
    for (const leaf of fn.leaves) kinds[leaf.id] = leaf.op === op.frame ? IN_FRAME : NOT_FRAME;
    for (let round = 0; round < ROUNDS; round++) {
      let changed = false;
      for (const { phis, body, control, end } of fn.blocks) {
        for (const list of [phis, body])
          for (const v of list) {
            const kind = this.spread(v);
            if (kind < 0) return false;
            if ((kind | kinds[v.id]) === kinds[v.id]) continue;
            kinds[v.id] |= kind;
            changed = true;
          }
        if (end === "return" && (kinds[control!.id] & ~NOT_FRAME) !== 0) return false;
      }
      if (!changed) return true;
    }
    return false;
  }

  /** What is made later stands for what was read or stored, and that is no address in a frame that does not escape. */
  private kindOf(v: Value): number {
    const kind = this.kinds[v.id] ?? NOT_FRAME;
    return kind === 0 ? NOT_FRAME | IN_FRAME : kind;
  }

  /** The kind that a value gets from its arguments; -1: it gives the address away. */
  private spread(v: Value): number {
    const { kinds } = this;
    const { op: row, args } = v;
    const chooses = row === op.phi || row === op.select;
    let [all, frames, unknown] = [0, 0, false];
    for (let k = 0; k < args.length; k++) {
      const arg = args[k];
      const kind = kinds[arg.id];
      if (kind === 0) unknown = true;
      if (row === op.select && k === 0) continue;
      all |= kind;
      if ((kind & ~NOT_FRAME) === 0) continue;
      if ((kind & MIXED) !== 0 && row !== op.icmp) return -1;
      if (!row.pure && !(isAccess(v) && k === 0) && row !== op.copy && row !== op.fill && row !== op.kernel)
        return -1;
      frames = row === op.sub && k === 1 ? MIXED : frames | kind;
    }
    if (chooses) return all;
    if (unknown && row.pure) return 0;
    if (frames === 0 || !row.pure || row === op.icmp) return NOT_FRAME;
    return row === op.add || row === op.sub ? frames : MIXED;
  }
}

/** Accesses of so many bytes at places from low to high. */
const overlap = (low: number, high: number, bytes: number, low2: number, high2: number, bytes2: number) =>
  low < high2 + bytes2 && low2 < high + bytes;

/** No value of so many bits is greater. */
const topOf = (v: Value): number => (v.type === 64 ? 2 ** 64 : 2 ** v.type - 1);

/** A constant, taken as unsigned; undefined where a number does not hold it exactly. */
function exactly({ type, lo, hi }: Value): number | undefined {
  const n = type === 64 ? (hi >>> 0) * 2 ** 32 + (lo >>> 0) : lo >>> 0;
  return n < 2 ** 53 ? n : undefined;
}

/** An upper bound of a value, taken as unsigned. */
export function mostOf(v: Value, left = MOST_STEPS): number {
  const top = topOf(v);
  if (isConst(v)) return exactly(v) ?? top;
  if (left === 0 || v.args.length === 0) return top;
  const of = (k: number) => mostOf(v.args[k], left - 1);
  const last = v.args[v.args.length - 1];
  const by = isConst(last) ? exactly(last) : undefined;
  const shift = isConst(last) ? last.lo & (v.type - 1) : 0;
  const within = (n: number) => (n < Math.min(top, 2 ** 52) ? n : top);
  switch (v.op) {
    case op.load8:
      return 255;
    case op.load16:
    case op.bswap16:
      return 65535;
    case op.zext:
      return of(0);
    case op.trunc:
      return Math.min(top, of(0));
    case op.and:
      return Math.min(of(0), of(1));
    case op.add:
      return within(of(0) + of(1));
    case op.mul:
      return within(of(0) * of(1));
    case op.shl:
      return isConst(last) ? within(of(0) * 2 ** shift) : top;
    case op.lshr:
      return Math.floor(of(0) / 2 ** shift);
    case op.udiv:
      return by ? Math.floor(of(0) / by) : of(0);
    case op.umod:
      return by ? Math.min(of(0), by - 1) : of(0);
    case op.select:
      return isLesser(v) ? Math.min(of(1), of(2)) : Math.max(of(1), of(2));
    case op.phi:
      return counterMost(v, left - 1) ?? mostOfAll(v.args, left >> 1, top);
    default:
      return top;
  }
}

/** Phis of more arguments are not looked at. */
const MOST_ARGUMENTS = 4;

function mostOfAll(args: readonly Value[], left: number, top: number): number {
  if (args.length > MOST_ARGUMENTS) return top;
  let most = 0;
  for (let k = 0; k < args.length && most < top; k++) most = Math.max(most, mostOf(args[k], left));
  return most;
}

/** v = a < b ? a : b, without a sign. */
const isLesser = ({ args: [condition, a, b] }: Value): boolean =>
  condition.op === op.icmp && condition.aux === ULT && condition.args[0] === a && condition.args[1] === b;

/** The greatest value of a counter that starts and ends at constants: phi(start, phi + step), tested where it goes round. */
function counterMost(phi: Value, left: number): number | undefined {
  if (phi.args.length !== 2) return undefined;
  const latch = phi.args[0].op === op.add && phi.args[0].args[0] === phi ? 0 : 1;
  const [start, next] = [phi.args[1 - latch], phi.args[latch]];
  if (!isConst(start) || next.op !== op.add || next.args[0] !== phi || !isConst(next.args[1]))
    return undefined;
  const [from, step] = [mostOf(start, left), mostOf(next.args[1], left)];
  const goesOn = holdsOn(phi.block.predecessors[latch], phi.block);
  if (goesOn === undefined || from >= FAR || step === 0 || step >= FAR) return undefined;
  const { a: side, cond } = goesOn;
  const bound = mostOf(goesOn.b, left);
  const tested = side.op === op.trunc ? side.args[0] : side;
  if ((tested !== next && tested !== phi) || bound >= FAR) return undefined;
  // The last value with which it goes round.
  let last: number;
  if (cond === NE) {
    if (!isConst(goesOn.b)) return undefined;
    const first = tested === next ? from + step : from;
    if (bound < first || (bound - first) % step !== 0) return undefined;
    last = bound - step;
  } else if (side !== tested) return undefined;
  else if (cond === ULT) last = bound - 1;
  else if (cond === ULE) last = bound;
  else return undefined;
  return Math.max(from, tested === next ? last : last + step);
}
