/**
 * Loops over arrays run on vectors: sums (or the like) of what elements give, or one array written. The rounds that
 * fill no vector are the loop's, which is as it was; what it leaves behind is as before.
 */

import { CountedLoop } from "../ir/counted.ts";
import { emitter } from "../ir/emit.ts";
import { branch, jump } from "../ir/flow.ts";
import { type Emit, isConst, isZero } from "../ir/fold.ts";
import { gather } from "../ir/gather.ts";
import type { Block, Fn, Value } from "../ir/ir.ts";
import { isLoad, isSeries, type Kernel, type KernelNode, takesNumber, workOf } from "../ir/kernel.ts";
import type { Lanes } from "../ir/lanes.ts";
import { Memory } from "../ir/memory.ts";
import { op, UGE, ULE } from "../ir/ops.ts";
import { type Plan, recognise } from "../ir/vector-plan.ts";
import type { PassContext } from "../passes.ts";

/** How far a value may be computed from counters. */
const MOST_DEPTH = 16;

/** At -Os a kernel does whole steps one by one, and the loop all the rest; only where that is little code for much time. */
export function vectorise(fn: Fn, { features, level }: Pick<PassContext, "features" | "level">): void {
  if (!features.has("vectors")) return;
  const means = { repeats: features.has("block-operations"), small: level === "s" };
  let outside: Uint8Array | undefined;
  let memory: Memory | undefined;
  const renamed = new Map<Value, Value>();
  for (const block of [...fn.blocks]) {
    const loop = CountedLoop.at(block, true);
    const plans = loop && recognise(loop, features.has("rich-vectors"));
    if (plans === undefined || (means.small && !isSmall(plans, means.repeats))) continue;
    outside ??= usedOutside(fn);
    memory ??= new Memory(fn);
    new Rewrite(fn, loop!, plans, outside, memory, renamed, means).run();
  }
  if (renamed.size > 0) rename(fn, renamed);
}

/** Elements of a step that is worth its set-up at -Os. */
const LEAST_OF_SMALL = 4;

/** Many elements for few instructions, no more of them than elements; what the processor repeats by itself is shorter. */
function isSmall(plans: readonly Plan[], repeats: boolean): boolean {
  const [{ lanes, store }] = plans;
  const { nodes } = lanes;
  if (plans.length > 1 || (store !== undefined && repeats && !lanes.down && isPlain(lanes))) return false;
  return lanes.lanes >= LEAST_OF_SMALL && workOf(nodes) <= lanes.lanes;
}

/** Elements are copied from the first to the last, or all the same. */
const isPlain = ({ nodes, loads, down }: Lanes): boolean =>
  nodes.length === 1 && (loads.length === 0 ? !isSeries(nodes[0]) : nodes[0].op === "load" && !down);

/** By value: another block than its own uses it. */
function usedOutside(fn: Fn): Uint8Array {
  const found = new Uint8Array(fn.nextValue);
  for (const block of fn.blocks) {
    const use = (arg: Value) => {
      if (arg.block !== block) found[arg.id] = 1;
    };
    for (const list of [block.phis, block.body]) for (const v of list) v.args.forEach(use);
    if (block.control !== null) use(block.control);
  }
  return found;
}

/** Uses outside the loop read the phi where its ways out meet. */
function rename(fn: Fn, renamed: Map<Value, Value>): void {
  for (const block of fn.blocks) {
    const isOwn = (v: Value, arg: Value) => arg.block === block || renamed.get(arg) === v;
    for (const list of [block.phis, block.body])
      for (const v of list)
        for (const [k, arg] of v.args.entries()) {
          const by = renamed.get(arg);
          if (by !== undefined && !isOwn(v, arg)) v.args[k] = by;
        }
    const by = block.control === null ? undefined : renamed.get(block.control);
    if (by !== undefined && block.control!.block !== block) block.control = by;
  }
}

/** Bytes from which on the processor's own operation is quicker than vectors: 1.1 times with 1 kB, twice with 16 kB. */
const LEAST_REPEATED = 1024;

/** Rounds from which on a sum by vectors is quicker than the loop. */
const LEAST_ROUNDS = 4;

interface Means {
  /** The processor copies and fills by itself. */
  repeats: boolean;
  /** The least code. */
  small: boolean;
}

class Rewrite {
  private readonly fn: Fn;
  private readonly loop: CountedLoop;
  private readonly plans: readonly Plan[];
  private readonly store: Value | undefined;
  /** Elements of a step. */
  private readonly lanes: number;
  private readonly down: boolean;
  private readonly outside: Uint8Array;
  private readonly memory: Memory;
  private readonly renamed: Map<Value, Value>;
  private readonly means: Means;
  private readonly emit: Emit;
  /** Addresses in the last round, by the first one's and what they grow by. */
  private readonly lasts = new Map<string, Value>();
  block: Block;
  readonly at: number;
  /** How many the kernel does. */
  private rounds!: Value;
  /** Of the sums, by phi and by what it is next. */
  private readonly results = new Map<Value, Value | undefined>();

  constructor(
    fn: Fn,
    loop: CountedLoop,
    plans: readonly Plan[],
    outside: Uint8Array,
    memory: Memory,
    renamed: Map<Value, Value>,
    means: Means,
  ) {
    this.means = means;
    this.fn = fn;
    this.loop = loop;
    this.plans = plans;
    const [{ lanes, store }] = plans;
    this.store = store;
    this.lanes = lanes.lanes;
    this.down = lanes.down;
    this.outside = outside;
    this.memory = memory;
    this.renamed = renamed;
    this.block = loop.from;
    this.at = (store ?? lanes.loads[0]).at;
    for (const { sum } of plans) if (sum !== undefined) this.results.set(sum.next, undefined);
    this.emit = emitter(fn, this);
  }

  private number(n: number): Value {
    return this.fn.const(64, n);
  }

  private add(v: Value, n: number): Value {
    return this.emit(op.add, 64, [v, this.number(n)]);
  }

  run(): void {
    const { fn, loop, means, store } = this;
    const { block, from, entry } = loop;
    // Where all that others need is known without the last round, the kernel may do it too.
    const needed = [...block.phis, ...block.body].filter((v) => this.outside[v.id] === 1);
    const leaves = !means.small && [...needed, block.control!].every((v) => this.isKnown(v, MOST_DEPTH));
    const check = this.newBlock();
    this.block = check;
    const found = loop.atLeast(this.least() - (leaves ? 1 : 0), fn, this.emit);
    if (found === undefined) {
      fn.blocks.pop();
      return;
    }
    from.successors[from.successors.indexOf(block)] = check;
    check.predecessors = [from];
    block.predecessors.splice(entry, 1, check);
    this.guard(found.enough, true);
    const whole = (rounds: Value) => this.emit(op.and, 64, [rounds, this.number(-this.lanes)]);
    const before = means.small ? whole(found.rounds()) : found.rounds();
    const all = leaves ? this.add(before, 1) : before;
    for (const [v, step] of loop.assumed) this.room(v, step, all);
    this.rounds = store === undefined && !means.small ? whole(all) : all;
    for (const plan of this.plans) this.kernel(plan, all);
    const many = this.block;
    this.enter(block.phis.map((phi) => this.behind(phi)));
    if (!leaves) {
      jump(many, block);
      return;
    }
    const join = this.joinBehind();
    const control = this.last(block.control!);
    if (block.successors[0] === block) branch(many, control, block, join);
    else branch(many, control, join, block);
    for (const v of needed) {
      const phi = fn.value(op.phi, v.type, [v, this.last(v)], join, v.at);
      join.phis.push(phi);
      this.renamed.set(v, phi);
    }
  }

  private newBlock(): Block {
    const made = this.fn.block();
    made.at = this.at;
    return made;
  }

  /** A block on the loop's way out. */
  private joinBehind(): Block {
    const { block, exit } = this.loop;
    const join = this.newBlock();
    block.successors[block.successors.indexOf(exit)] = join;
    join.predecessors = [block];
    exit.predecessors[exit.predecessors.indexOf(block)] = join;
    join.end = "jump";
    join.successors = [exit];
    return join;
  }

  /** Gives the loop's phis their values on one more way in. */
  private enter(values: Value[]): void {
    for (const [i, phi] of this.loop.block.phis.entries()) phi.args.push(values[i]);
  }

  /** Goes on in a new block, or to the loop where the condition is false. */
  private guard(condition: Value, first = false): void {
    const { block, entry } = this.loop;
    const next = this.newBlock();
    branch(this.block, condition, next, block);
    if (first)
      block.predecessors.pop(); // known by the place of the way in
    else this.enter(block.phis.map((phi) => phi.args[entry]));
    this.block = next;
  }

  /** The rounds do not go beyond the numbers that fit a counter of 32 bits. */
  private room(v: Value, step: number, rounds: Value): void {
    const { fn, loop, emit } = this;
    const least = v.op === op.zext ? this.number(0) : this.number(-(2 ** 31));
    const end = v.op === op.zext ? fn.const(64, 0, 1) : fn.const(64, 1 << 31, 0);
    const start = loop.atStart(v, emit);
    const left = step > 0 ? emit(op.sub, 64, [end, start]) : emit(op.sub, 64, [start, least]);
    const most = emit(op.lshr, 64, [left, this.number(Math.log2(Math.abs(step)))]);
    // On the way down the first round takes no room.
    this.guard(emit(op.icmp, 1, [step > 0 ? rounds : this.add(rounds, -1), most], ULE));
  }

  /** Rounds from which on vectors are quicker than the loop. */
  private least(): number {
    return this.store !== undefined ? this.lanes : Math.max(this.lanes, LEAST_ROUNDS);
  }

  /** The address in the last round. */
  private lastOf(access: Value): Value {
    const { loop, emit } = this;
    const first = loop.atStart(access.args[0], emit);
    const stride = loop.stride(access.args[0])!;
    const key = `${first.id},${stride}`;
    let found = this.lasts.get(key);
    if (found === undefined) {
      const way = emit(op.shl, 64, [this.add(this.rounds, -1), this.number(Math.log2(Math.abs(stride)))]);
      found = emit(stride < 0 ? op.sub : op.add, 64, [first, way]);
      this.lasts.set(key, found);
    }
    return found;
  }

  /** The address of what the kernel takes for the first element: its own go up. */
  private firstOf(access: Value): Value {
    return this.down ? this.lastOf(access) : this.loop.atStart(access.args[0], this.emit);
  }

  /** Makes a kernel, and checks before it that arrays do not overlap in a way that matters. */
  private kernel({ lanes, root, store, sum }: Plan, rounds: Value): void {
    const { fn, loop, emit, down } = this;
    const addresses = lanes.loads.map((load) => this.firstOf(load));
    const inputs = lanes.inputs.map((v) => loop.atStart(v, emit));
    const list = [rounds];
    // The rounds are counted down: what is needed beside that comes again.
    const place = (v: Value) => {
      const known = list.indexOf(v, 1);
      return known > 0 ? known : list.push(v) - 1;
    };
    const nodes = lanes.nodes.map((node): KernelNode => {
      if (isLoad(node)) return { ...node, aux: place(addresses[-node.aux - 1]) };
      if (!takesNumber(node)) return node;
      return { ...node, aux: place(inputs[node.aux]), hi: isSeries(node) ? this.end(node, place) : 0 };
    });
    const made: Kernel = {
      lanes: lanes.lanes,
      single: this.means.small,
      down: down && store !== undefined,
      nodes,
      root,
      reduce: undefined,
      lane: 64,
      start: 0,
      store: undefined,
    };
    fn.kernels.push(made);
    const index = fn.kernels.length - 1;
    if (store === undefined) {
      const { phi, next } = sum!;
      const kernel = (type: 32 | 64) => emit(op.kernel, type, list, index);
      const found = gather(fn, emit, sum!, phi.args[loop.entry], made, kernel, place);
      this.results.set(phi, found).set(next, found);
      return;
    }
    for (const load of lanes.loads)
      if (!this.memory.areApart(store, load)) this.distance(store, load, rounds);
    const to = this.firstOf(store);
    made.store = { aux: place(to), offset: store.aux };
    const { small, repeats } = this.means;
    const end = repeats && !small && isPlain(lanes) ? this.repeated(to, store, rounds) : undefined;
    emit(op.kernel, 0, list, index);
    if (end === undefined) return;
    jump(this.block, end);
    this.block = end;
  }

  /** Argument: by how much a series grows until the last step of a store begins. */
  private end({ lo }: KernelNode, place: (v: Value) => number): number {
    if (this.store === undefined || this.means.small) return 0;
    return place(this.emit(op.mul, 64, [this.add(this.rounds, -this.lanes), this.number(lo)]));
  }

  /** Many elements that are only copied or filled in are one operation; gives where both ways meet. */
  private repeated(to: Value, store: Value, rounds: Value): Block {
    const { plans, emit, block: at } = this;
    const { bytes } = store.op;
    const big = emit(op.icmp, 1, [rounds, this.number(LEAST_REPEATED / bytes)], UGE);
    const end = this.newBlock();
    const few = this.newBlock();
    this.block = this.newBlock();
    branch(at, big, this.block, few);
    const place = this.add(to, store.aux);
    const { loads, inputs, nodes } = plans[0].lanes;
    const [load] = loads;
    const content = inputs[0] ?? this.fn.const(64, nodes[0].lo, nodes[0].hi);
    if (load === undefined) emit(op.fill, 0, [place, content, rounds], bytes);
    else emit(op.copy, 0, [place, this.add(this.firstOf(load), load.aux), rounds], bytes);
    jump(this.block, end);
    this.block = few;
    return end;
  }

  /**
   * No round reads what one before it wrote. On the way up: arrays are apart, or what is read begins at what is written
   * or behind it, so that it is written later if at all. On the way down, in the mirror: or it ends there or in front.
   * Elements of different widths drift, and so do those that are walked in different directions: their arrays must be
   * apart. Steps of several rounds then read before they write.
   */
  private distance(store: Value, load: Value, rounds: Value): void {
    const { emit, loop, down } = this;
    const [size, other] = [store.op.bytes, load.op.bytes];
    const [to, from] = [store, load].map(({ args }) => loop.atStart(args[0], emit));
    const apart = (by: Value, bytes: number) => {
      const all = emit(op.shl, 64, [rounds, this.number(Math.log2(bytes))]);
      this.guard(emit(op.icmp, 1, [by, all], UGE));
    };
    if (other === size && loop.stride(store.args[0]) === loop.stride(load.args[0])) {
      // How far the store is ahead of the load on the rounds' way.
      const [x, y] = down ? [load, store] : [store, load];
      const place = (access: Value) => this.add(loop.atStart(access.args[0], emit), access.aux);
      const distance = to === from ? this.number(x.aux - y.aux) : emit(op.sub, 64, [place(x), place(y)]);
      if (!isZero(distance)) apart(distance, size);
      return;
    }
    const lowest = (access: Value, first: Value) =>
      this.add((loop.stride(access.args[0]) ?? 0) < 0 ? this.lastOf(access) : first, access.aux);
    const by = emit(op.sub, 64, [lowest(store, to), lowest(load, from)]);
    apart(by, other);
    apart(emit(op.sub, 64, [this.number(0), by]), size);
  }

  /** A phi behind the kernel's rounds, when the loop goes on with the next one. */
  private behind(phi: Value): Value {
    let found = this.results.get(phi) ?? this.counters.get(phi);
    if (found === undefined) {
      const by = this.emit(op.mul, 64, [this.rounds, this.number(this.loop.step(phi)!)]);
      const change = phi.type === 64 ? by : this.emit(op.trunc, 32, [by]);
      found = this.emit(op.add, phi.type, [phi.args[this.loop.entry], change]);
      this.counters.set(phi, found);
    }
    return found;
  }

  private readonly told = new Map<Value, boolean>();

  /** Whether the value in a round can be told without the loop: from counters, and from what is gathered. */
  private isKnown(v: Value, depth: number): boolean {
    const { loop, results, told } = this;
    if (loop.isInvariant(v) || results.has(v)) return true;
    if (v.op === op.phi) return loop.step(v) !== undefined;
    let found = told.get(v);
    if (found === undefined) {
      found = depth > 0 && v.op.pure && v.args.every((arg) => this.isKnown(arg, depth - 1));
      told.set(v, found);
    }
    return found;
  }

  private readonly known = new Map<Value, Value>();
  private readonly counters = new Map<Value, Value>();

  /** The value in the kernel's last round. */
  private last(v: Value): Value {
    if (this.loop.isInvariant(v)) return v;
    let found = this.results.get(v) ?? this.known.get(v);
    if (found === undefined) {
      found =
        this.counter(v) ??
        this.emit(
          v.op,
          v.type,
          v.args.map((arg) => this.last(arg)),
          v.aux,
        );
      this.known.set(v, found);
    }
    return found;
  }

  /** A counter, or what is near it, in the last round: where it is behind that round, a step less. */
  private counter(v: Value): Value | undefined {
    const [a, b] = v.args;
    const phi = v.op === op.add && isConst(b) ? a : v;
    const step = phi.op === op.phi ? this.loop.step(phi) : undefined;
    const by = phi === v ? 0 : b.lo;
    if (step === undefined || Math.abs(by) > 2 ** 20 || (phi !== v && v.type === 64 && b.hi !== b.lo >> 31))
      return undefined;
    return this.emit(op.add, v.type, [this.behind(phi), this.fn.const(v.type, by - step)]);
  }
}
