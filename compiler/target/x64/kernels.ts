/**
 * Kernels (ir/kernel.ts) as loops over SSE2 registers, which nothing else uses. Requires the number of rounds in rcx
 * and overwrites it, and rax, in which a reduction's result comes; other arguments stay as they were.
 */

import { bug } from "../../../formats/error.ts";
import { fitsInt8, X64, type X64Assembler, type X64Row } from "../../../formats/isa/x64.ts";
import {
  everyLane,
  type Kernel,
  type KernelNode,
  type Lane,
  needsZero,
  progression,
  type Reduction,
  registersOf,
  workOf,
} from "../../ir/kernel.ts";
import { Composed } from "./kernel-ops.ts";
import { COMMUTATIVE, GATHER, R, shiftedOnes, V } from "./kernel-rows.ts";

/** One vector instruction over virtual registers: def = a row b, def = row b, or a load. */
interface Step {
  row: X64Row;
  def: number;
  /** The operand that shares its register with the result, or -1. */
  a: number;
  b: number;
  imm: number;
  load: { node: KernelNode; offset: number } | undefined;
}

/** Registers of a node that counts: what it is now and in the last step, what it grows by to the next register and step. */
interface Series {
  lane: Lane;
  now: number;
  last: number;
  part: number;
  step: number;
}

/** `width`: bits of a reduction's result. */
export function expandKernel(
  asm: X64Assembler,
  kernel: Kernel,
  uses: readonly number[],
  width: number,
): void {
  for (const copies of copiesOf(kernel))
    for (const reach of [8, 32] as const)
      if (new Expansion(asm, kernel, uses, width, copies, reach).run()) return;
  bug("a kernel needs more vector registers than there are");
}

/** How many steps an iteration may do, the best first: several for small bodies, whose latency counts. */
function copiesOf({ nodes, single }: Kernel): number[] {
  if (single) return [1];
  const work = workOf(nodes);
  return work <= 2 ? [4, 2, 1] : work <= 16 ? [2, 1] : [1];
}

class Expansion {
  private readonly asm: X64Assembler;
  private readonly kernel: Kernel;
  private readonly uses: readonly number[];
  private readonly width: number;
  private readonly copies: number;
  /** Bits of jumps' distances. */
  private readonly reach: 8 | 32;
  private next = 0;
  /** Real registers of virtual ones; those below `fixed` keep theirs. */
  private real: number[] = [];
  private fixed = 0;
  private free: number[] = [];
  private readonly constants = new Map<number, number>();
  private readonly series = new Map<number, Series>();
  /** Values are the last step's. */
  private atEnd = false;
  private accumulators: number[] = [];
  private zero = -1;
  /** A jump does not reach its place. */
  private tooFar = false;
  /** The register of the last elements, which is not handed out again, or -1. */
  private kept = -1;
  private steps: Step[] = [];
  private readonly ops = new Composed((row, a, b, imm) => this.emit(row, a, b, imm));

  constructor(
    asm: X64Assembler,
    kernel: Kernel,
    uses: readonly number[],
    width: number,
    copies: number,
    reach: 8 | 32,
  ) {
    this.asm = asm;
    this.kernel = kernel;
    this.uses = uses;
    this.width = width;
    this.copies = copies;
    this.reach = reach;
  }

  /** Leaves the assembler as it was where there are too few registers. */
  run(): boolean {
    const { asm } = this;
    const start = asm.size;
    this.setUp();
    const done = this.fixed <= 16 && this.all();
    if (done && !this.tooFar) return true;
    asm.size = start;
    return false;
  }

  private all(): boolean {
    if (this.kernel.store === undefined) return this.reduce();
    return this.kernel.down ? this.storeDown() : this.store();
  }

  private persistent(): number {
    this.real.push(this.fixed++);
    return this.next++;
  }

  /** Constants, arguments in all lanes, and what is gathered in. */
  private setUp(): void {
    const { kernel } = this;
    const { nodes, reduce, lane } = kernel;
    if (nodes.some(needsZero)) this.zero = this.makeConstant(0, 0);
    for (const [k, node] of nodes.entries()) {
      const isZero = node.op === "const" && node.lo === 0 && node.hi === 0 && this.zero >= 0;
      if (isZero) this.constants.set(k, this.zero);
      else if (node.op === "const") this.constants.set(k, this.makeConstant(node.lo, node.hi));
      else if (node.op === "splat") this.constants.set(k, this.splat(this.uses[node.aux], node.lane));
      else if (node.op === "series") this.series.set(k, this.makeSeries(node));
    }
    if (reduce === undefined) return;
    for (let copy = 0; copy < this.copies; copy++) {
      if (kernel.start === 0) this.accumulators.push(this.makeConstant(0, 0));
      else if (copy === 0) this.accumulators.push(this.splat(this.uses[kernel.start], lane));
      else {
        const made = this.persistent();
        this.asm.rr(R.movdqa, made, this.accumulators[0]);
        this.accumulators.push(made);
      }
    }
  }

  private makeSeries(node: KernelNode): Series {
    const { asm, uses } = this;
    const { lane, aux, lo: by, hi: end, bytes } = node;
    const add = V.add[lane]!;
    const [a, b, c, d] = progression(lane, by);
    const now = this.makeConstant(a, b);
    const last = this.makeConstant(c, d);
    asm.rr(R.doubled, now, last);
    asm.rr(add, now, this.splat(uses[aux], lane, last));
    if (end > 0) asm.rr(add, this.splat(uses[end], lane, last), now);
    const growth = (size: number) => this.makeConstant(...everyLane(lane, (size * 8 * by) / lane));
    const step = growth(bytes);
    return { lane, now, last, part: bytes > 16 ? growth(16) : step, step };
  }

  /** On to the next step. */
  private advance(): void {
    for (const { lane, now, step } of this.series.values()) this.emit(V.add[lane], now, step, 0, now);
  }

  private makeConstant(lo: number, hi: number): number {
    const { asm } = this;
    const made = this.persistent();
    const shifted = shiftedOnes(lo, hi);
    if (lo === 0 && hi === 0) asm.rr(V.xor[32]!, made, made);
    else if (shifted !== undefined) {
      asm.rr(V.eq[32]!, made, made);
      if (shifted.by > 0) asm.rr(shifted.row, 0, made, shifted.by);
    } else if (lo === hi) {
      asm.r(R.constant, X64.rax, lo);
      asm.rr(R.toVector[32], made, X64.rax);
      asm.rr(R.pshufd, made, made, 0);
    } else {
      asm.r(R.constant64, X64.rax, lo, hi);
      asm.rr(R.toVector[64], made, X64.rax);
      asm.rr(R.doubled, made, made);
    }
    return made;
  }

  private splat(register: number, lane: Lane, made = this.persistent()): number {
    const { asm } = this;
    asm.rr(R.toVector[lane === 64 ? 64 : 32], made, register);
    if (lane === 8) asm.rr(V.low[16], made, made);
    if (lane <= 16) asm.rr(R.pshuflw, made, made, 0);
    if (lane === 32) asm.rr(R.pshufd, made, made, 0);
    else asm.rr(R.doubled, made, made);
    return made;
  }

  private emit(row: X64Row | undefined, a: number, b: number, imm = 0, def = this.next++): number {
    this.steps.push({ row: row ?? bug("no such vector operation"), def, a, b, imm, load: undefined });
    return def;
  }

  /** Register `part` of a node, for the step that begins `offset` elements behind the counter. */
  private value(k: number, part: number, offset: number, known: Map<string, number>): number {
    const constant = this.constants.get(k);
    if (constant !== undefined) return constant;
    const series = this.series.get(k);
    if (series !== undefined && part === 0) return this.atEnd ? series.last : series.now;
    const key = `${k},${part}`;
    let found = known.get(key);
    if (found === undefined) {
      if (series === undefined) found = this.compute(this.kernel.nodes[k], part, offset, known);
      else found = this.emit(V.add[series.lane], this.value(k, part - 1, offset, known), series.part);
      known.set(key, found);
    }
    return found;
  }

  private compute(node: KernelNode, part: number, offset: number, known: Map<string, number>): number {
    const { op, lane, args, lo } = node;
    if (op === "load" || op === "loadDown") {
      const def = this.next++;
      const row = R.load[Math.min(node.bytes, 16)] ?? bug(`a vector load of ${node.bytes} bytes`);
      const load = { node, offset: (offset * lane) / 8 + 16 * part };
      this.steps.push({ row, def, a: -1, b: -1, imm: 0, load });
      return op === "load" ? def : this.ops.reverse(lane, def);
    }
    const of = (i: number, p = part) => this.value(args[i], p, offset, known);
    switch (op) {
      case "zext":
      case "sext":
        return this.ops.widen(op, lane, of(0, part >> 1), (part & 1) === 0, this.zero);
      case "shl":
      case "lshr":
      case "ashr":
        return this.emit(V[op][lane], of(0), -1, lo);
      case "select": {
        const [mask, yes, no] = [of(0), of(1), of(2)];
        return this.emit(V.xor[32], this.emit(V.and[32], this.emit(V.xor[32], yes, no), mask), no);
      }
      case "mul":
        return lane === 16 ? this.emit(R.mulWords, of(0), of(1)) : this.ops.multiply(lane, of(0), of(1));
      case "dot":
        return this.emit(R.dot, of(0), of(1));
      case "narrow":
        return this.ops.narrow(lane, of(0, 2 * part), of(0, 2 * part + 1));
      case "sad":
        return this.emit(V.sad[8], of(0), args.length > 1 ? of(1) : this.zero);
      case "avg":
      case "mulHigh":
      case "smulHigh":
      case "add":
      case "sub":
      case "and":
      case "or":
      case "xor":
      case "eq":
      case "sgt":
        return this.emit(V[op][lane], of(0), of(1));
      default:
        return bug(`no vector operation ${op}`);
    }
  }

  /** Joins `x` into the accumulator `acc`, in place. */
  private gather(reduce: Reduction, lane: Lane, acc: number, x: number): void {
    const direct = GATHER[reduce][lane];
    if (direct !== undefined) this.emit(direct, acc, x, 0, acc);
    else {
      const mask = reduce === "smax" ? this.emit(V.sgt[lane], x, acc) : this.emit(V.sgt[lane], acc, x);
      const change = this.emit(V.and[32], this.emit(V.xor[32], x, acc), mask);
      this.emit(V.xor[32], acc, change, 0, acc);
    }
  }

  private reduce(): boolean {
    const { kernel, copies } = this;
    const { lanes, nodes, root, lane } = kernel;
    const step = (copy: number) => {
      const known = new Map<string, number>();
      for (let part = 0; part < registersOf(nodes[root]); part++)
        this.gather(
          kernel.reduce!,
          lane,
          this.accumulators[copy],
          this.value(root, part, copy * lanes, known),
        );
      this.advance();
    };
    const body = (count: number) => {
      for (let copy = 0; copy < count; copy++) step(copy);
      return this.flush(X64.rax);
    };
    const { asm } = this;
    asm.rr(R.zero, X64.rax, X64.rax);
    const ends: number[] = [];
    if (kernel.single) return this.loop("b", lanes, () => body(1)) && this.result();
    if (copies > 1) {
      // rcx = the last element at which `copies` steps fit.
      this.count(R.sub, X64.rcx, copies * lanes);
      const few = this.jump("b");
      if (!this.loop("be", copies * lanes, () => body(copies))) return false;
      this.here(few);
      this.count(R.add, X64.rcx, (copies - 1) * lanes);
      asm.rr(R.cmp, X64.rcx, X64.rax);
      ends.push(this.jump("a"));
    } else this.count(R.sub, X64.rcx, lanes);
    if (!this.loop("be", lanes, () => body(1))) return false;
    this.here(...ends);
    return this.result();
  }

  /** All accumulators into one, its lanes into the first. */
  private result(): boolean {
    const { kernel, accumulators } = this;
    const { lane } = kernel;
    const [first, ...rest] = accumulators;
    const join = (x: number) => this.gather(kernel.reduce!, lane, first, x);
    for (const other of rest) join(other);
    join(this.emit(R.pshufd, -1, first, 0x4e));
    if (lane <= 32) join(this.emit(R.pshufd, -1, first, 0xb1));
    if (lane <= 16) join(this.emit(V.lshr[32], first, -1, 16));
    if (lane === 8) join(this.emit(V.lshr[16], first, -1, 8));
    if (!this.flush(X64.rax)) return false;
    this.asm.rr(R.fromVector[this.width === 64 ? 64 : 32], first, X64.rax);
    return true;
  }

  /** Does so many steps, each `lanes` elements from the one before, with elements counted in `index`. */
  private puts(index: number, copies: readonly number[]): boolean {
    const { kernel } = this;
    for (const copy of copies) {
      const v = this.value(kernel.root, 0, copy * kernel.lanes, new Map());
      if (!this.flush(index, v)) return false;
      this.put(v, index, copy);
      this.advance();
    }
    return this.flush(index);
  }

  private put(v: number, index: number, copy: number): void {
    const { kernel, uses, asm } = this;
    const { aux, offset } = kernel.store!;
    asm.rm(R.store, this.real[v], uses[aux], index, kernel.nodes[kernel.root].lane / 8, offset + copy * 16);
  }

  /** The last step's elements, read before anything is written, in a register of their own; -1: there is none. */
  private tail(index: number): number {
    const { root } = this.kernel;
    this.atEnd = true;
    const tail = this.value(root, 0, 0, new Map());
    this.atEnd = false;
    if (!this.flush(index, tail)) return -1;
    if (!this.constants.has(root)) this.kept = this.real[tail];
    return tail;
  }

  private store(): boolean {
    const { asm, kernel, copies } = this;
    const { lanes } = kernel;
    const all = Array.from({ length: copies }, (_, k) => k);
    if (kernel.single) {
      asm.rr(R.zero, X64.rax, X64.rax);
      return this.loop("b", lanes, () => this.puts(X64.rax, [0]));
    }
    this.count(R.sub, X64.rcx, lanes);
    const tail = this.tail(X64.rcx);
    if (tail < 0) return false;
    asm.rr(R.zero, X64.rax, X64.rax);
    if (copies > 1) {
      this.count(R.sub, X64.rcx, (copies - 1) * lanes);
      const few = this.jump("b");
      if (!this.loop("be", copies * lanes, () => this.puts(X64.rax, all))) return false;
      this.here(few);
      this.count(R.add, X64.rcx, (copies - 1) * lanes);
    }
    asm.rr(R.cmp, X64.rcx, X64.rax);
    const done = this.jump("ae");
    if (!this.loop("b", lanes, () => this.puts(X64.rax, [0]))) return false;
    this.here(done);
    this.put(tail, X64.rcx, 0);
    return true;
  }

  /** The same from the last element to the first: rcx is where the next step begins. */
  private storeDown(): boolean {
    const { asm, kernel, copies } = this;
    const { lanes } = kernel;
    const all = Array.from({ length: copies }, (_, k) => copies - 1 - k);
    if (kernel.single) {
      // What moves vectors leaves the flags of the subtraction.
      const again = asm.size;
      this.count(R.sub, X64.rcx, lanes);
      return this.puts(X64.rcx, [0]) && this.back("a", again);
    }
    asm.rr(R.zero, X64.rax, X64.rax);
    const tail = this.tail(X64.rax);
    if (tail < 0) return false;
    this.count(R.sub, X64.rcx, copies * lanes);
    let done: number;
    if (copies > 1) {
      const few = this.jump("b");
      const again = asm.size;
      if (!this.puts(X64.rcx, all)) return false;
      this.count(R.sub, X64.rcx, copies * lanes);
      this.back("ae", again);
      this.here(few);
      // It was below zero, and is at least -lanes.
      this.count(R.add, X64.rcx, (copies - 1) * lanes);
      done = this.jump("le");
    } else done = this.jump("be");
    const again = asm.size;
    if (!this.puts(X64.rcx, [0])) return false;
    this.count(R.sub, X64.rcx, lanes);
    this.back("a", again);
    this.here(done);
    this.put(tail, X64.rax, 0);
    return true;
  }

  /** Gives the steps at hand registers and encodes them, with elements counted in `index`; `result` stays taken. */
  private flush(index: number, result = -1): boolean {
    const { steps } = this;
    this.steps = [];
    this.free = [];
    for (let r = 15; r >= this.fixed; r--) if (r !== this.kept) this.free.push(r);
    const last = new Map<number, number>();
    for (const [i, { a, b }] of steps.entries()) {
      if (a >= 0) last.set(a, i);
      if (b >= 0) last.set(b, i);
    }
    if (result >= 0) last.set(result, steps.length);
    for (const [i, step] of steps.entries()) {
      const dies = (v: number) => v >= this.fixed && last.get(v) === i;
      if (!this.place(step, dies)) return false;
      this.encode(step, index);
      for (const v of new Set([step.a, step.b]))
        if (v >= 0 && v !== step.def && dies(v) && this.real[v] !== this.real[step.def])
          this.free.push(this.real[v]);
      if (step.def >= this.fixed && !last.has(step.def)) this.free.push(this.real[step.def]);
    }
    return true;
  }

  /** Chooses the result's register; brings the operand that shares it there. */
  private place(step: Step, dies: (v: number) => boolean): boolean {
    const { real } = this;
    if (step.def === step.a) return true;
    if (step.a >= 0 && !dies(step.a) && step.b >= 0 && dies(step.b) && COMMUTATIVE.has(step.row))
      [step.a, step.b] = [step.b, step.a];
    if (step.a >= 0 && dies(step.a)) {
      real[step.def] = real[step.a];
      return true;
    }
    const r = this.free.pop();
    if (r === undefined) return false;
    real[step.def] = r;
    if (step.a >= 0) this.asm.rr(R.movdqa, r, real[step.a]);
    return true;
  }

  private encode({ row, def, a, b, imm, load }: Step, index: number): void {
    const { asm, real } = this;
    if (load !== undefined) {
      const { op, aux, lo, lane } = load.node;
      const [base, scale] = [this.uses[aux], lane / 8];
      if (op === "load") asm.rm(row, real[def], base, index, scale, lo + load.offset);
      else {
        // By -index - 1 elements and to the lowest address of 16 bytes.
        asm.rr(R.not, 0, index);
        asm.rm(row, real[def], base, index, scale, lo - load.offset + 2 * scale - 16);
        asm.rr(R.not, 0, index);
      }
    } else if (b < 0) asm.rr(row, 0, real[def], imm);
    else asm.rr(row, real[def], a === b ? real[def] : real[b], imm);
  }

  /** Elements more or fewer. */
  private count(rows: X64Row[], register: number, by: number): void {
    this.asm.rr(rows[fitsInt8(by) ? 0 : 1], 0, register, by);
  }

  /** Repeats `body`, which counts by `by`, while rax is below rcx, or not above it. */
  private loop(condition: "b" | "be", by: number, body: () => boolean): boolean {
    const { asm } = this;
    const again = asm.size;
    if (!body()) return false;
    this.count(R.add, X64.rax, by);
    asm.rr(R.cmp, X64.rcx, X64.rax);
    return this.back(condition, again);
  }

  private back(condition: keyof typeof R.back, to: number): true {
    const { asm } = this;
    const distance = to - (asm.size + 2);
    if (fitsInt8(distance)) asm.op(R.back[condition][8], distance);
    else asm.op(R.back[condition][32], to - (asm.size + 6));
    return true;
  }

  /** A jump to what is not there yet; gives its end. */
  private jump(condition: keyof typeof R.forward): number {
    this.asm.op(R.forward[condition][this.reach], 0);
    return this.asm.size;
  }

  private here(...jumps: number[]): void {
    const { asm } = this;
    for (const at of jumps) {
      const distance = asm.size - at;
      if (this.reach === 32) asm.patch32(at - 4, distance);
      else if (fitsInt8(distance)) asm.patch8(at - 1, distance);
      else this.tooFar = true;
    }
  }
}
