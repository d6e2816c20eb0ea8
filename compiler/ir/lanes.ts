/**
 * Values of a loop's round as nodes of a kernel: the low bits of a value, in lanes just as wide. Requires a loop that
 * counts (counted.ts); gives nothing where an operation has no counterpart on vectors of the baseline.
 */

import type { CountedLoop } from "./counted.ts";
import { isConst } from "./fold.ts";
import type { Value } from "./ir.ts";
import { everyLane, isLoad, type KernelNode, type KernelOp, type Lane, takesNumber } from "./kernel.ts";
import { averaged, isSigned32, SIGNED_LOADS, sumOfBytes, upperHalf } from "./lane-patterns.ts";
import { EQ, NE, type Op, op, SGE, SGT, SLE, SLT, UGE, UGT, ULE, ULT } from "./ops.ts";
import { bitsOf } from "./possible-bits.ts";

/** Nodes of a kernel, and how deep it looks into expressions: budgets against hostile input. */
const MOST_NODES = 96;
const MOST_DEPTH = 48;

const SAME = new Map<Op, KernelOp>([
  [op.add, "add"],
  [op.sub, "sub"],
  [op.and, "and"],
  [op.or, "or"],
  [op.xor, "xor"],
]);
const SHIFTS = new Map<Op, KernelOp>([
  [op.shl, "shl"],
  [op.lshr, "lshr"],
  [op.ashr, "ashr"],
]);
const SHIFTS_BY = new Map<Op, KernelOp>([
  [op.shl, "shlBy"],
  [op.lshr, "lshrBy"],
  [op.ashr, "ashrBy"],
]);

export class Lanes {
  readonly nodes: KernelNode[] = [];
  /** Values that the kernel takes: addresses of loads, invariants. */
  readonly inputs: Value[] = [];
  readonly loads: Value[] = [];
  readonly lanes: number;
  /** Lanes may become narrower: what is stored fills whole registers in the end. */
  private readonly packs: boolean;
  private readonly loop: CountedLoop;
  /** Arrays are walked from their ends down. */
  readonly down: boolean;
  /** The target's vectors have swaps, shifts of each lane by its own, and products of 64-bit lanes with a sign. */
  private readonly rich: boolean;
  private readonly known = new Map<string, number | undefined>();

  constructor(loop: CountedLoop, lanes: number, down: boolean, packs: boolean, rich: boolean) {
    this.loop = loop;
    this.down = down;
    this.rich = rich;
    this.packs = packs;
    this.lanes = lanes;
  }

  /** The node for the low `lane` bits of a value at least as wide. */
  node(v: Value, lane: Lane, depth = MOST_DEPTH): number | undefined {
    const key = `${v.id},${lane}`;
    if (this.known.has(key)) return this.known.get(key);
    let found: number | undefined;
    if (depth > 0 && this.nodes.length < MOST_NODES)
      found = this.find(v, lane, depth - 1) ?? this.narrowed(v, lane, depth - 1);
    this.known.set(key, found);
    return found;
  }

  private find(v: Value, lane: Lane, depth: number): number | undefined {
    const { loop } = this;
    if (isConst(v)) return this.constant(lane, v.lo, v.hi);
    if (loop.isInvariant(v)) return this.add("splat", lane, [], { aux: this.input(v) });
    const [a, b] = v.args;
    if (v.op.reads && v.op.bytes > 0 && !v.op.writes) return this.load(v, lane);
    const same = SAME.get(v.op);
    if (same !== undefined) return this.binary(same, lane, a, b, depth);
    if (SHIFTS.has(v.op)) return this.shift(v, lane, depth);
    switch (v.op) {
      case op.phi:
        return this.series(v, lane);
      case op.trunc:
        return this.node(a, lane, depth);
      case op.bswap:
        return this.rich && lane === v.type ? this.add("swap", lane, [this.node(a, lane, depth)]) : undefined;
      case op.zext:
      case op.sext32:
        if (lane === 64 && a.op === op.bswap) return this.swappedHalf(a, v.op === op.zext, depth);
        return lane < 64
          ? this.node(a, lane, depth)
          : this.widen(v.op === op.zext, 64, this.node(a, 32, depth));
      case op.sext8:
      case op.sext16:
        return this.extended(v, lane, depth);
      case op.bswap16:
        return this.swapped(v, lane, depth);
      case op.mul:
        if (this.rich && lane === 64 && isSigned32(a) && isSigned32(b))
          return this.binary("smul", 64, a, b, depth);
        return lane === 16 || lane === 32 || (lane === 64 && bitsOf(a) <= 32 && bitsOf(b) <= 32)
          ? this.binary("mul", lane, a, b, depth)
          : undefined;
      case op.select:
        return this.select(v, lane, depth);
      case op.popcount:
        return this.rich && lane === 64 && v.type === 64
          ? this.population(this.node(a, 64, depth))
          : undefined;
      default:
        return undefined;
    }
  }

  add(
    name: KernelOp,
    lane: Lane,
    args: (number | undefined)[],
    { aux = 0, lo = 0, hi = 0, bytes = 0 } = {},
  ): number | undefined {
    const known = args.filter((arg) => arg !== undefined);
    if (known.length < args.length) return undefined;
    const simpler = this.simpler(name, lane, known);
    if (simpler !== undefined) return simpler;
    // Constants of all widths are one: what is made of elements tells.
    const first = known.map((k) => this.nodes[k]).find(({ op: of }) => of !== "const");
    const own = first?.bytes ?? (this.lanes * lane) / 8;
    this.nodes.push({ op: name, lane, args: known, aux, lo, hi, bytes: bytes > 0 ? bytes : own });
    return this.nodes.length - 1;
  }

  /** Bits that all stay, choices of nothing, and what two constants make. */
  private simpler(name: KernelOp, lane: Lane, args: readonly number[]): number | undefined {
    const [a, b, c] = args.map((k) => this.nodes[k]);
    const isConstant = (node: KernelNode | undefined, bits: number) =>
      node?.op === "const" && node.lo === bits && node.hi === bits;
    if (name === "and" && isConstant(b, -1)) return args[0];
    if (name === "xor" && a.op === "const" && b.op === "const")
      return this.constant(64, a.lo ^ b.lo, a.hi ^ b.hi);
    if (name === "select" && isConstant(c, 0)) return this.add("and", lane, [args[0], args[1]]);
    return undefined;
  }

  /** Leaves only what the root is made of; gives its place. Undefined: it is not made of elements. */
  prune(root: number): number | undefined {
    const needed = new Set([root]);
    for (let k = root; k >= 0; k--) if (needed.has(k)) for (const arg of this.nodes[k].args) needed.add(arg);
    const kept = [...needed].sort((a, b) => a - b);
    const place = new Map(kept.map((k, i) => [k, i]));
    const [loads, inputs] = [[...this.loads], [...this.inputs]];
    this.loads.length = this.inputs.length = 0;
    const nodes = kept.map((k): KernelNode => {
      const node = this.nodes[k];
      const args = node.args.map((arg) => place.get(arg)!);
      if (isLoad(node)) return { ...node, args, aux: -this.loads.push(loads[-node.aux - 1]) };
      return { ...node, args, aux: takesNumber(node) ? this.input(inputs[node.aux]) : 0 };
    });
    this.nodes.splice(0, this.nodes.length, ...nodes);
    const isFull = this.loads.length === 0 || nodes[nodes.length - 1].bytes >= 16;
    return isFull ? nodes.length - 1 : undefined;
  }

  input(v: Value): number {
    const index = this.inputs.indexOf(v);
    return index >= 0 ? index : this.inputs.push(v) - 1;
  }

  constant(lane: Lane, lo: number, hi = 0): number | undefined {
    const [low, high] = lane === 64 ? [lo, hi] : everyLane(lane, lo);
    const old = this.nodes.findIndex((n) => n.op === "const" && n.lo === low && n.hi === high);
    return old >= 0 ? old : this.add("const", lane, [], { lo: low, hi: high });
  }

  /** What narrow lanes cannot do is done in wider ones. */
  private narrowed(v: Value, lane: Lane, depth: number): number | undefined {
    if (!this.packs || lane >= v.type || (this.lanes * lane) % 128 !== 0) return undefined;
    const wide = (lane * 2) as Lane;
    let node = this.shiftedOut(v, wide, depth) ?? this.node(v, wide, depth);
    if (lane === 8 && bitsOf(v) > 8) node = this.add("and", 16, [node, this.constant(16, 0xff)]);
    // Saturation of signed words must see none that are not.
    if (lane === 16 && bitsOf(v) > 15) {
      node = this.add("shl", 32, [node], { lo: 16 });
      node = this.add("ashr", 32, [node], { lo: 16 });
    }
    return node === undefined
      ? undefined
      : this.add("narrow", lane, [node], { bytes: this.nodes[node].bytes / 2 });
  }

  /** A shift to the right in lanes twice as `wide` as what is wanted: what comes down from above them is beyond that. */
  private shiftedOut(v: Value, wide: Lane, depth: number): number | undefined {
    const [a, by] = v.args;
    const isShift = (v.op === op.lshr || v.op === op.ashr) && isConst(by) && by.lo >= 0 && by.lo <= wide / 2;
    return isShift ? this.add("lshr", wide, [this.node(a, wide, depth)], { lo: by.lo }) : undefined;
  }

  private binary(name: KernelOp, lane: Lane, a: Value, b: Value, depth: number): number | undefined {
    return this.add(name, lane, [this.node(a, lane, depth), this.node(b, lane, depth)]);
  }

  private load(v: Value, lane: Lane): number | undefined {
    const own = (v.op.bytes * 8) as Lane;
    const stride = this.loop.stride(v.args[0]);
    if (own > lane || stride === undefined || Math.abs(stride) !== v.op.bytes) return undefined;
    const turns = stride < 0 !== this.down;
    const bytes = this.lanes * v.op.bytes;
    if (bytes % 16 !== 0 && (turns || (bytes !== 4 && bytes !== 8))) return undefined;
    this.loads.push(v);
    // The address is known only where the kernel is made: until then its place among the loads stands for it.
    let node = this.add(turns ? "loadDown" : "load", own, [], { aux: -this.loads.length, lo: v.aux });
    for (let wide = own * 2; wide <= lane; wide *= 2)
      node = this.widen(!SIGNED_LOADS.has(v.op), wide as Lane, node);
    return node;
  }

  /** What a counter counts. */
  private series(phi: Value, lane: Lane): number | undefined {
    const step = this.loop.step(phi);
    if (step === undefined || this.down) return undefined;
    return this.add("series", lane, [], { aux: this.input(phi), lo: step });
  }

  private widen(zeros: boolean, lane: Lane, node: number | undefined): number | undefined {
    if (node === undefined) return undefined;
    return this.add(zeros ? "zext" : "sext", lane, [node], { bytes: this.nodes[node].bytes * 2 });
  }

  private extended(v: Value, lane: Lane, depth: number): number | undefined {
    const own = v.op === op.sext8 ? 8 : 16;
    let node = this.node(v.args[0], Math.min(own, lane) as Lane, depth);
    for (let wide = own * 2; wide <= lane; wide *= 2) node = this.widen(false, wide as Lane, node);
    return node;
  }

  /** The swapped lower half of 64 bits is the upper half of them, swapped. */
  private swappedHalf(v: Value, zeros: boolean, depth: number): number | undefined {
    const [x] = v.args;
    if (x.op !== op.trunc || !zeros || !this.rich) return this.widen(zeros, 64, this.node(v, 32, depth));
    const all = this.add("swap", 64, [this.node(x.args[0], 64, depth)]);
    return this.add("lshr", 64, [all], { lo: 32 });
  }

  private swapped(v: Value, lane: Lane, depth: number): number | undefined {
    if (lane < 16) return undefined;
    const x = this.node(v.args[0], 16, depth);
    const up = this.add("shl", 16, [x], { lo: 8 });
    let node = this.add("or", 16, [up, this.add("lshr", 16, [x], { lo: 8 })]);
    for (let wide = 32; wide <= lane; wide *= 2) node = this.widen(true, wide as Lane, node);
    return node;
  }

  /** Set bits as sums of fields of two, four and eight bits, and of all bytes. */
  private population(x: number | undefined): number | undefined {
    const every = (byte: number) => this.constant(8, byte);
    const down = (k: number | undefined, by: number) => this.add("lshr", 64, [k], { lo: by });
    const masked = (k: number | undefined, byte: number) => this.add("and", 64, [k, every(byte)]);
    const twos = this.add("sub", 64, [x, masked(down(x, 1), 0x55)]);
    const fours = this.add("add", 64, [masked(twos, 0x33), masked(down(twos, 2), 0x33)]);
    return this.add("sad", 64, [masked(this.add("add", 64, [fours, down(fours, 4)]), 0x0f)]);
  }

  private shift(v: Value, lane: Lane, depth: number): number | undefined {
    const [a, b] = v.args;
    const sum = lane === 64 && v.op === op.lshr ? sumOfBytes(v) : undefined;
    if (sum !== undefined) return this.add("sad", 64, [this.node(sum, 64, depth)]);
    const mean = v.op === op.lshr && lane < v.type ? averaged(v, lane) : undefined;
    if (mean !== undefined) return this.binary("avg", lane, ...mean, depth);
    const high = lane === 16 && !this.rich ? upperHalf(v) : undefined;
    if (high !== undefined) return this.binary(high.name, 16, high.a, high.b, depth);
    if (this.rich && !isConst(b) && lane === v.type) {
      const by = this.add("and", lane, [this.node(b, lane, depth), this.constant(lane, lane - 1)]);
      return this.add(SHIFTS_BY.get(v.op)!, lane, [this.node(a, lane, depth), by]);
    }
    if (!isConst(b) || b.lo < 0 || b.lo >= lane || lane === 8) return undefined;
    // What comes down from above the lane must be zero, or a sign.
    if (v.op !== op.shl && v.type !== lane && (v.op === op.ashr || bitsOf(a) > lane)) return undefined;
    if (v.op === op.ashr && lane === 64) return undefined;
    return this.add(SHIFTS.get(v.op)!, lane, [this.node(a, lane, depth)], { lo: b.lo });
  }

  private select(v: Value, lane: Lane, depth: number): number | undefined {
    const [condition, yes, no] = v.args;
    if (lane === 64 && isSigned32(v)) return this.widen(false, 64, this.node(v, 32, depth));
    if (lane === 64 && bitsOf(v) <= 32) return this.widen(true, 64, this.node(v, 32, depth));
    if (condition.op !== op.icmp || this.loop.isInvariant(condition) || lane === 64) return undefined;
    const [a, b] = condition.args;
    // Numbers without a sign compare alike in narrower lanes that hold them.
    const bits = Math.max(bitsOf(a), bitsOf(b));
    if (a.type !== lane && (bits > lane || a.type < lane)) return undefined;
    const [x, y, t, f] = [a, b, yes, no].map((arg) => this.node(arg, lane, depth));
    const { cond, swaps, inverts, flips: unsigned } = COMPARE[condition.aux];
    const flips = cond === "sgt" && bits >= lane && (unsigned || a.type !== lane);
    const sign = flips ? this.constant(lane, 1 << (lane - 1)) : undefined;
    const flip = (k: number | undefined) => (flips ? this.add("xor", lane, [k, sign]) : k);
    const [left, right] = swaps ? [y, x] : [x, y];
    const mask = this.add(cond, lane, [flip(left), flip(right)]);
    return this.add("select", lane, inverts ? [mask, f, t] : [mask, t, f]);
  }
}

/** Conditions by what vectors compare: equality, and signed "greater". */
const COMPARE: Record<number, { cond: "eq" | "sgt"; swaps: boolean; inverts: boolean; flips: boolean }> = {};
for (const [code, cond, swaps, inverts, flips] of [
  [EQ, "eq", false, false, false],
  [NE, "eq", false, true, false],
  [SGT, "sgt", false, false, false],
  [SLT, "sgt", true, false, false],
  [SLE, "sgt", false, true, false],
  [SGE, "sgt", true, true, false],
  [UGT, "sgt", false, false, true],
  [ULT, "sgt", true, false, true],
  [ULE, "sgt", false, true, true],
  [UGE, "sgt", true, true, true],
] as const)
  COMPARE[code] = { cond, swaps, inverts, flips };
