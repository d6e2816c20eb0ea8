/**
 * Kernels (ir/kernel.ts) as loops over NEON registers, which nothing else uses. Requires the arguments in registers
 * other than scratch ones and leaves them as they were; the result may come in any register.
 */

import { bug } from "../../../formats/error.ts";
import { type Arm64Assembler, type Arm64Row, bitmaskImmediate } from "../../../formats/isa/arm64.ts";
import {
  everyLane,
  isLoad,
  type Kernel,
  type Lane,
  progression,
  registersOf,
  workOf,
} from "../../ir/kernel.ts";
import { type Graph, type NeonNode, neonGraph } from "./kernel-graph.ts";
import { type Place, placeOf, placeOfLoad, placesOf, registerOfPlace, TEMP } from "./kernel-places.ts";
import {
  ABOVE,
  ACROSS,
  BELOW,
  type ByLane,
  DUP,
  immediate,
  NOT_ABOVE,
  NOT_BELOW,
  PAIRS,
  PAIRS_ADD,
  R,
  SHIFT,
  V,
  WIDEN,
  WIDEN_ADD,
} from "./kernel-rows.ts";
import { type Pointers, Steps } from "./kernel-steps.ts";
import { R as SCALAR } from "./rows.ts";

/** What a function's encoder does for a kernel's. */
export interface Host {
  asm: Arm64Assembler;
  constant(to: number, lo: number, hi: number): void;
  /** to = from + n, perhaps by way of x17. */
  addTo(to: number, from: number, n: number): void;
}

/** Counts rounds. */
const COUNT = 16;

/** Bytes of an array that an iteration reads at most, and vector instructions that it takes if it repeats a step. */
const MOST_BYTES = 128;
const MOST_WORK = 16;
/** Registers that gather side by side: an addition waits for the one before. */
const MOST_ACCUMULATORS = 4;

/** Registers of a node that counts: what it is now, in the last step, and what it grows by to the next register. */
interface Series {
  lane: Lane;
  now: number;
  last: number;
  part: number;
  /** By how many steps there are at once: what it grows by. */
  growth: Map<number, number>;
}

/** `width`: bits of a reduction's result, in `def`; -1: nobody wants it. */
export function expandKernel(
  host: Host,
  kernel: Kernel,
  uses: readonly number[],
  def: number,
  width: number,
): void {
  const graph = neonGraph(kernel);
  const to = def < 0 ? COUNT : def;
  for (const scale of kernel.single ? [1] : scalesOf(graph))
    if (new Expansion(host, kernel, graph, uses, scale, false).run(to, width)) return;
  if (new Expansion(host, kernel, graph, uses, 1, true).run(to, width)) return;
  bug("a kernel needs more vector registers than there are");
}

/** How many steps an iteration may do, the best first. */
function scalesOf({ nodes }: Graph): number[] {
  const work = workOf(nodes);
  const most = Math.max(...nodes.map(({ op, bytes }) => (isLoad({ op }) ? bytes : 16)));
  return [4, 2].filter((scale) => scale * work <= MOST_WORK && scale * most <= MOST_BYTES).concat(1);
}

class Expansion {
  private readonly host: Host;
  private readonly asm: Arm64Assembler;
  private readonly kernel: Kernel;
  private readonly graph: Graph;
  private readonly uses: readonly number[];
  /** Steps that the main loop does at once, as if lanes were so many more. */
  private readonly scale: number;
  /** Takes few registers: one that gathers, and no more loads than are needed at once. */
  private readonly frugal: boolean;
  private readonly steps: Steps;
  private readonly places: Place[];
  private readonly constants = new Map<number, number>();
  private readonly series = new Map<number, Series>();
  /** Values are the last step's. */
  private atEnd = false;
  private accumulators: number[] = [];

  constructor(
    host: Host,
    kernel: Kernel,
    graph: Graph,
    uses: readonly number[],
    scale: number,
    frugal: boolean,
  ) {
    this.host = host;
    this.asm = host.asm;
    this.kernel = kernel;
    this.graph = graph;
    this.uses = uses;
    this.scale = scale;
    this.frugal = frugal;
    this.steps = new Steps(host.asm);
    this.places = placesOf(kernel);
  }

  /** Leaves the assembler as it was where there are too few registers. */
  run(def: number, width: number): boolean {
    const { asm, kernel, steps } = this;
    const start = asm.count;
    this.setUp();
    const done = !steps.overflows && (kernel.store === undefined ? this.reduce(def, width) : this.store());
    if (!done) asm.count = start;
    return done;
  }

  /** Constants, arguments in all lanes, and what is gathered in. */
  private setUp(): void {
    const { graph, constants } = this;
    for (const [k, { op, lo, hi, aux, lane }] of graph.nodes.entries()) {
      if (op === "const") constants.set(k, this.makeConstant(lo, hi));
      else if (op === "splat") constants.set(k, this.splat(this.uses[aux], lane));
      else if (op === "series") this.series.set(k, this.makeSeries(graph.nodes[k]));
    }
    if (graph.reduce === undefined) return;
    const { start, lane } = this.kernel;
    const from = start === 0 ? -1 : this.turn(this.uses[start], TEMP);
    for (let k = this.accumulatorCount(); k > 0; k--)
      this.accumulators.push(from < 0 ? this.makeConstant(0, 0) : this.splat(from, lane));
  }

  private makeSeries({ lane, aux, lo: by, hi: end, bytes }: NeonNode): Series {
    const { asm, uses, steps } = this;
    const add = V.add[lane]!;
    const [a, b, c, d] = progression(lane, by);
    const made = [this.makeConstant(a, b), this.makeConstant(c, d)];
    const [now, last] = made.map((v) => steps.realOf(v));
    asm.emit(R.halves, now, now, last);
    asm.emit(DUP[lane], last, uses[aux]);
    asm.emit(add, now, now, last);
    if (end > 0) {
      asm.emit(DUP[lane], last, uses[end]);
      asm.emit(add, last, last, now);
    }
    const sizes = new Map<number, number>();
    const grows = (size: number): number => {
      const known = sizes.get(size) ?? this.makeConstant(...everyLane(lane, (size * 8 * by) / lane));
      sizes.set(size, known);
      return known;
    };
    const growth = new Map([1, this.scale].map((scale) => [scale, grows(scale * bytes)]));
    return { lane, now: made[0], last: made[1], part: grows(16), growth };
  }

  /** On to the next step, which is `scale` times as wide. */
  private advance(scale: number): void {
    for (const { lane, now, growth } of this.series.values())
      this.steps.join(V.add[lane], now, growth.get(scale)!);
  }

  /** Sums that widen in several stages have one register for the last. */
  private accumulatorCount(): number {
    const { graph, kernel, scale } = this;
    if (this.frugal || (graph.reduce === "add" && graph.from * 2 < kernel.lane)) return 1;
    return Math.min(MOST_ACCUMULATORS, scale * registersOf(graph.nodes[graph.root]));
  }

  /** The register with the first bit turned, where that is what is gathered. */
  private turn(register: number, to: number): number {
    const { lane } = this.kernel;
    if (!this.graph.turns) return register;
    const bit = 1 << (lane - 1);
    this.asm.emit(SCALAR.logicImm[4]![0], to, register, 0, bitmaskImmediate(bit, bit));
    return to;
  }

  private makeConstant(lo: number, hi: number): number {
    const { asm, host } = this;
    const made = this.steps.persistent();
    const real = this.steps.realOf(made);
    const short = immediate(lo, hi);
    if (short !== undefined) asm.emit(short.row, real, 0, short.shift, short.byte, short.byte >> 5);
    else {
      host.constant(TEMP, lo, lo === hi ? 0 : hi);
      asm.emit(DUP[lo === hi ? 32 : 64], real, TEMP);
    }
    return made;
  }

  private splat(register: number, lane: Lane): number {
    const made = this.steps.persistent();
    this.asm.emit(DUP[lane], this.steps.realOf(made), register);
    return made;
  }

  /** Register `part` of a node, of a step that is `scale` times as wide. */
  private value(k: number, part: number, scale: number, known: Map<string, number>): number {
    const constant = this.constants.get(k);
    if (constant !== undefined) return constant;
    const series = this.series.get(k);
    if (series !== undefined && part === 0) return this.atEnd ? series.last : series.now;
    const key = `${k},${part}`;
    let found = known.get(key);
    if (found === undefined) {
      const node = this.graph.nodes[k];
      if (series !== undefined)
        found = this.steps.emit(V.add[node.lane], [this.value(k, part - 1, scale, known), series.part]);
      else found = isLoad(node) ? this.load(k, part, scale, known) : this.compute(node, part, scale, known);
      known.set(key, found);
    }
    return found;
  }

  private load(k: number, part: number, scale: number, known: Map<string, number>): number {
    const node = this.graph.nodes[k];
    const { k: place, offset } = placeOfLoad(this.places, node);
    const size = Math.min(node.bytes * scale, this.frugal ? 16 : 32);
    const first = size === 32 ? part & ~1 : part;
    const down = node.op === "loadDown";
    let defs = this.steps.load(place, down ? offset - 16 * first - size : offset + 16 * first, size);
    if (down) defs = [...defs].reverse().map((def) => this.reverse(node.lane, def));
    for (const [i, def] of defs.entries()) known.set(`${k},${first + i}`, def);
    return defs[part - first];
  }

  /** The lanes from the last to the first. */
  private reverse(lane: Lane, v: number): number {
    const { steps } = this;
    let half = lane === 64 ? v : steps.emit(R.swap[64], [v]);
    if (lane === 16 || lane === 32) half = steps.emit(R.swap[lane], [half]);
    return steps.emit(R.halves, [half, half]);
  }

  private compute(node: NeonNode, part: number, scale: number, known: Map<string, number>): number {
    const { op, lane, args, lo } = node;
    const { steps } = this;
    const of = (i: number, p = part) => this.value(args[i], p, scale, known);
    switch (op) {
      case "zext":
      case "sext":
        return steps.emit(WIDEN[op][part & 1][lane], [of(0, part >> 1)]);
      case "umull":
      case "smull":
        return steps.emit(WIDEN[op][part & 1][lane], [of(0, part >> 1), of(1, part >> 1)]);
      case "shl":
        return steps.emit(SHIFT[op][lane], [of(0)], lo);
      case "lshr":
      case "ashr":
        return steps.emit(SHIFT[op][lane], [of(0)], lane - lo);
      case "lshrBy":
      case "ashrBy":
        return steps.emit(V[op][lane], [of(0), steps.emit(R.neg[lane], [of(1)])]);
      case "select":
        return steps.select(of(0), of(1), of(2));
      case "dot":
        return this.dot(of(0), of(1));
      case "narrow":
        return steps.emit(R.even[lane], [of(0, 2 * part), of(0, 2 * part + 1)]);
      case "upairs":
      case "spairs":
        return steps.emit(PAIRS[op === "upairs" ? "u" : "s"][lane], [of(0)]);
      case "count":
        return steps.emit(R.count, [of(0)]);
      case "swap":
        return steps.emit(R.swap[lane], [of(0)]);
      case "mul":
        return lane === 64 ? this.multiply("umull", of(0), of(1)) : steps.emit(V.mul[lane], [of(0), of(1)]);
      case "smul":
        return this.multiply("smull", of(0), of(1));
      case "mulHigh":
      case "smulHigh":
      case "load":
      case "loadDown":
      case "const":
      case "splat":
      case "series":
        return bug(`no vector operation ${op}`);
      default:
        return steps.emit(V[op][lane], [of(0), of(1)]);
    }
  }

  private dot(x: number, y: number): number {
    const [low, high] = WIDEN.smull.map((rows) => this.steps.emit(rows[32], [x, y]));
    return this.steps.emit(R.addPairs[32], [low, high]);
  }

  /** Products of the lower halves of 64-bit lanes. */
  private multiply(op: "umull" | "smull", x: number, y: number): number {
    const [a, b] = [x, y].map((v) => this.steps.emit(R.xtn, [v]));
    return this.steps.emit(WIDEN[op][0][64], [a, b]);
  }

  /** Adds a step that is `scale` times as wide to what is gathered. */
  private gather(scale: number): void {
    const { graph, accumulators, kernel } = this;
    const { nodes, root, reduce, from, signed } = graph;
    const known = new Map<string, number>();
    const count = Math.max(1, (scale * nodes[root].bytes) >> 4);
    let sum = -1;
    for (let part = 0; part < count; part++) {
      const acc = accumulators[part % accumulators.length];
      if (reduce === "add" && from === kernel.lane) this.accumulate(acc, part, scale, known);
      else if (reduce === "add") sum = this.widen(acc, sum, this.value(root, part, scale, known));
      else this.steps.join(V[reduce!][from], acc, this.value(root, part, scale, known));
    }
    if (sum < 0) return;
    const kind = signed ? "s" : "u";
    let lane = from * 2;
    for (; lane * 2 < kernel.lane; lane *= 2) sum = this.steps.emit(PAIRS[kind][(lane * 2) as Lane], [sum]);
    this.steps.update(PAIRS_ADD[kind][(lane * 2) as Lane], [accumulators[0], sum]);
  }

  /** The first stage of a sum that widens: into what is gathered, or into a sum of this step's own, which cannot overflow. */
  private widen(acc: number, sum: number, x: number): number {
    const { from, signed } = this.graph;
    const kind = signed ? "s" : "u";
    const wide = (from * 2) as Lane;
    if (wide === this.kernel.lane) this.steps.update(PAIRS_ADD[kind][wide], [acc, x]);
    else if (sum < 0) return this.steps.emit(PAIRS[kind][wide], [x]);
    else this.steps.update(PAIRS_ADD[kind][wide], [sum, x]);
    return sum;
  }

  /** acc += the root's register; products are added as they are made. */
  private accumulate(acc: number, part: number, scale: number, known: Map<string, number>): void {
    const { nodes, root } = this.graph;
    const { op, lane, args } = nodes[root];
    const { steps } = this;
    const of = (i: number, p: number) => this.value(args[i], p, scale, known);
    const halves = (rows: ByLane[], p: number) => {
      const operands = [of(0, p), of(1, p)];
      for (const row of rows) steps.update(row[lane], [acc, ...operands]);
    };
    if (op === "umull" || op === "smull") halves([WIDEN_ADD[op][part & 1]], part >> 1);
    else if (op === "dot") halves(WIDEN_ADD.smull, part);
    else if (op === "mul" && lane < 64) halves([R.mla], part);
    else steps.join(V.add[this.kernel.lane], acc, this.value(root, part, scale, known));
  }

  /** Sets the places' registers to elements: the first ones, or those that COUNT says. */
  private point(counted: boolean): void {
    for (let k = this.places.length - 1; k >= 0; k--)
      this.pointTo(registerOfPlace(k), this.places[k], counted);
  }

  private pointTo(to: number, { aux, lo, bytes }: Place, counted: boolean): void {
    const { host, uses } = this;
    if (!counted || lo !== 0) host.addTo(to, uses[aux], lo);
    if (!counted) return;
    const row = SCALAR.alu[bytes < 0 ? 1 : 0][1];
    this.asm.emit(row, to, lo !== 0 ? to : uses[aux], COUNT, 0, Math.log2(Math.abs(bytes)));
  }

  /** Pointers of a run that is repeated, behind so many steps; 0: they stay. */
  private pointers(scale: number): Pointers {
    const { lanes, down } = this.kernel;
    const registers = this.places.map((_, k) => registerOfPlace(k));
    const elements = (down ? -scale : scale) * lanes;
    return { registers, moves: this.places.map(({ bytes }) => bytes * elements) };
  }

  /** Does as many steps as `scale` says while so many are left; COUNT is then what is left, without a step. */
  private main(body: (by: number) => boolean): boolean {
    const { scale, uses } = this;
    const { lanes, down } = this.kernel;
    if (!down) this.point(false);
    this.count(R.subs, uses[0], scale * lanes);
    if (scale > 1) {
      const few = this.jump(BELOW);
      if (down) this.point(true);
      if (!this.loop(NOT_BELOW, scale * lanes, () => body(scale))) return false;
      this.here(few);
      this.count(R.adds, COUNT, (scale - 1) * lanes);
    }
    // On the way down COUNT is also where the next step begins. The flags stay.
    if (down) this.point(true);
    return true;
  }

  private reduce(def: number, width: number): boolean {
    const { kernel, scale } = this;
    const { lanes } = kernel;
    const body = (by: number) => {
      this.gather(by);
      this.advance(by);
      return this.steps.flush(this.pointers(by));
    };
    if (!this.main(body)) return false;
    const ends = scale > 1 ? [this.jump(BELOW)] : [];
    if (!this.loop(NOT_BELOW, lanes, () => body(1))) return false;
    this.here(...ends);
    return this.result(def, width);
  }

  /** All accumulators into one, its lanes into the first. */
  private result(def: number, width: number): boolean {
    const { kernel, graph, accumulators, steps, asm } = this;
    const { lane } = kernel;
    const reduce = graph.reduce!;
    for (let rest = accumulators.length; rest > 1; rest >>= 1)
      for (let k = 0; k < rest >> 1; k++)
        steps.join(V[reduce][lane], accumulators[k], accumulators[k + (rest >> 1)]);
    if (!steps.flush(this.pointers(0))) return false;
    const first = steps.realOf(accumulators[0]);
    const rows = ACROSS[reduce];
    if (rows !== undefined) {
      asm.emit(rows[lane] ?? bug(`no sum of ${lane} bits`), first, first);
      asm.emit(R.fmov[width === 64 ? 1 : 0], def, first);
      this.turn(def, def);
    } else this.combine(reduce as "and" | "or" | "xor", first, def);
    return true;
  }

  private combine(reduce: "and" | "or" | "xor", from: number, def: number): void {
    const { asm } = this;
    const row = SCALAR.alu[{ and: 2, or: 3, xor: 4 }[reduce]];
    asm.emit(R.fmov[1], COUNT, from);
    asm.emit(R.upper, TEMP, from);
    asm.emit(row[1], this.kernel.lane === 64 ? def : COUNT, COUNT, TEMP);
    if (this.kernel.lane === 64) return;
    asm.emit(SCALAR.ubfm[1], TEMP, COUNT, 0, 32, 63);
    asm.emit(row[0], def, COUNT, TEMP);
  }

  private store(): boolean {
    const { kernel, graph, uses } = this;
    const { lanes, store, single, down } = kernel;
    const to = placeOf(this.places, store!.aux, store!.offset, graph.nodes[graph.root].lane / 8);
    const tail = single ? 0 : this.last();
    if (tail < 0) return false;
    const body = (by: number) => {
      const known = new Map<string, number>();
      for (let k = 0; k < by; k += 2) {
        const part = down ? Math.max(0, by - 2 - k) : k;
        const parts = by === 1 ? [0] : [part, part + 1];
        const values = parts.map((p) => this.value(graph.root, p, by, known));
        this.steps.store(to.k, to.offset + 16 * part, values);
      }
      this.advance(by);
      return this.steps.flush(this.pointers(by));
    };
    if (!this.main(body)) return false;
    if (single) return this.loop(NOT_BELOW, lanes, () => body(1));
    const done = this.jump(NOT_ABOVE);
    if (!this.loop(ABOVE, lanes, () => body(1))) return false;
    this.here(done);
    if (!down) this.count(SCALAR.subImm[1], uses[0], lanes);
    this.pointTo(TEMP, this.places[to.k], !down);
    this.steps.store(0, to.offset, [tail]);
    return this.steps.flush({ registers: [TEMP], moves: [0] });
  }

  /** The last step's elements, read before anything is written, in a register of their own; -1: there is none. */
  private last(): number {
    const { graph, kernel, steps } = this;
    const constant = this.constants.get(graph.root);
    if (constant !== undefined) return constant;
    if (!kernel.down) this.count(SCALAR.subImm[1], this.uses[0], kernel.lanes);
    this.point(!kernel.down);
    this.atEnd = true;
    const made = this.value(graph.root, 0, 1, new Map());
    this.atEnd = false;
    if (!steps.flush(this.pointers(0), made)) return -1;
    steps.keep(made);
    return made;
  }

  /** COUNT = elements more or fewer than `from`. */
  private count(row: Arm64Row, from: number, by: number): void {
    this.asm.emit(row, COUNT, from, 0, by);
  }

  /** Repeats `body`, which takes `by` elements, while so many are left. */
  private loop(condition: number, by: number, body: () => boolean): boolean {
    const { asm } = this;
    const again = asm.count;
    if (!body()) return false;
    this.count(R.subs, COUNT, by);
    asm.emit(SCALAR.bcond, 0, 0, 0, again - asm.count, condition);
    return true;
  }

  /** A branch to what is not there yet; gives its place. */
  private jump(condition: number): number {
    this.asm.emit(SCALAR.bcond, 0, 0, 0, 0, condition);
    return this.asm.count - 1;
  }

  private here(...jumps: number[]): void {
    const { asm } = this;
    for (const at of jumps) asm.words[at] |= (asm.count - at) << 5;
  }
}
