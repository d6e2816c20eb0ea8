/**
 * Inlining: a function that one place calls is put there, and so is a small one without loops that several call.
 * Requires that frames are promoted: only functions without one are inlined, since frames would overlap. Functions
 * that nothing leads to any more are left dead.
 */

import { Replacements } from "../ir/flow.ts";
import { blockOrder } from "../ir/graph.ts";
import { Block, type Fn, type Value } from "../ir/ir.ts";
import { op } from "../ir/ops.ts";
import type { Level } from "../passes.ts";

/** Values of a function that is worth a copy at each call. */
const SMALL = 20;
/** Values of a function that still takes others in: allocation is near linear, and no more. */
const MOST = 4000;
/** Values that may be copied: so many times what the program has, and some more; long chains copy theirs again. */
const COPIES = 4;
const SPARE = 1000;

export interface InlineContext {
  fns: readonly Fn[];
  /** Functions that are reached from outside: entries, pointers in data. */
  roots: ReadonlySet<number>;
  level: Level;
}

/** What inlining asks of a function. */
interface Facts {
  size: number;
  /** Callees, once for each call. */
  calls: number[];
  /** Calls of this function. */
  callers: number;
  /** Its frame is not used, it returns, and does not call itself. */
  fits: boolean;
  straight: boolean;
  /** Reached by other ways than direct calls. */
  taken: boolean;
}

export function inlineFunctions({ fns, roots, level }: InlineContext): void {
  if (fns.length === 1) return;
  const facts = fns.map((fn) => factsOf(fn));
  for (const { calls } of facts) for (const to of calls) facts[to].callers++;
  for (const f of [...roots, ...fns.flatMap(addressesIn)]) facts[f].taken = true;
  let budget = SPARE + COPIES * facts.reduce((sum, { size }) => sum + size, 0);
  const done = new Uint8Array(fns.length);
  for (const f of calleesFirst(facts)) {
    const wanted = (call: Value): boolean => {
      const to = facts[call.aux];
      if (done[call.aux] === 0 || !to.fits || facts[f].size + to.size > MOST || budget < to.size)
        return false;
      if ((to.callers > 1 || to.taken) && (level === "s" || !to.straight)) return false;
      budget -= to.size;
      return true;
    };
    const inlined = (call: Value): void => {
      const to = facts[call.aux];
      facts[f].size += to.size;
      for (const callee of to.calls) facts[callee].callers++;
      to.callers--;
      drop(call.aux, fns, facts);
    };
    if (facts[f].calls.length > 0) {
      new Inliner(fns[f], fns, wanted, inlined).run();
      facts[f] = { ...factsOf(fns[f]), callers: facts[f].callers, taken: facts[f].taken };
    }
    done[f] = 1;
  }
  for (let f = 0; f < fns.length; f++) drop(f, fns, facts);
}

/** Empties function f and what only it calls, if nothing leads to it. */
function drop(f: number, fns: readonly Fn[], facts: readonly Facts[]): void {
  const work = [f];
  for (let g = work.pop(); g !== undefined; g = work.pop()) {
    if (facts[g].callers > 0 || facts[g].taken || fns[g].dead) continue;
    fns[g].dead = true;
    fns[g].blocks = [new Block(fns[g].nextBlock++)];
    for (const callee of facts[g].calls) {
      facts[callee].callers--;
      work.push(callee);
    }
  }
}

function factsOf(fn: Fn): Facts {
  const calls: number[] = [];
  let size = 0;
  let frame = false;
  for (const { phis, body, control } of fn.blocks) {
    size += phis.length + body.length;
    frame ||= control?.op === op.frame;
    for (const list of [phis, body])
      for (const v of list) {
        if (v.op === op.call) calls.push(v.aux);
        frame ||= v.args.some((arg) => arg.op === op.frame);
      }
  }
  const returns = fn.blocks.some(({ end }) => end === "return");
  const fits = !frame && returns && !calls.includes(fn.index);
  return { size, calls, callers: 0, fits, straight: size <= SMALL && !hasLoop(fn), taken: false };
}

function hasLoop(fn: Fn): boolean {
  const order = new Map(blockOrder(fn).map((block, i) => [block, i]));
  return fn.blocks.some((block) => block.successors.some((next) => order.get(next)! <= order.get(block)!));
}

/** Functions whose address the code takes. */
function addressesIn(fn: Fn): number[] {
  return fn.leaves.filter((v) => v.op === op.code).map((v) => v.aux);
}

/** Functions so that a callee comes before its callers, recursion apart. */
function calleesFirst(facts: readonly Facts[]): number[] {
  const order: number[] = [];
  const state = new Uint8Array(facts.length);
  for (let root = 0; root < facts.length; root++) {
    const work = [root];
    while (work.length > 0) {
      const f = work[work.length - 1];
      if (state[f] === 0) {
        state[f] = 1;
        for (const next of facts[f].calls) if (state[next] === 0) work.push(next);
        continue;
      }
      work.pop();
      if (state[f] === 1) order.push(f);
      state[f] = 2;
    }
  }
  return order;
}

/** Rewrites one caller, in one walk over its blocks. */
class Inliner {
  private readonly fn: Fn;
  private readonly fns: readonly Fn[];
  private readonly wanted: (call: Value) => boolean;
  private readonly inlined: (call: Value) => void;
  private readonly replaced: Replacements;
  private readonly blocks: Block[] = [];
  /** Where values go at the moment. */
  private to!: Block;

  constructor(fn: Fn, fns: readonly Fn[], wanted: (call: Value) => boolean, inlined: (call: Value) => void) {
    this.fn = fn;
    this.replaced = new Replacements(fn);
    this.fns = fns;
    this.wanted = wanted;
    this.inlined = inlined;
  }

  run(): void {
    for (const block of this.fn.blocks) this.block(block);
    this.fn.blocks = this.blocks;
    this.fn.inlined = this.replaced.count > 0;
    this.replaced.apply(this.fn);
  }

  private block(block: Block): void {
    const { body, end, control, successors, at } = block;
    this.blocks.push(block);
    this.to = block;
    block.body = [];
    for (const v of body) {
      if (v.op === op.call && this.wanted(v)) {
        this.replaced.set(v, this.inline(v));
        this.inlined(v);
      } else {
        v.block = this.to;
        this.to.body.push(v);
      }
    }
    if (this.to === block) return;
    Object.assign(this.to, { end, control, successors, at });
    for (const next of successors) next.predecessors[next.predecessors.indexOf(block)] = this.to;
  }

  /** Puts a copy of the callee behind `to`, which goes on where it returns; gives what it returns. */
  private inline(call: Value): Value {
    const { blocks } = this.fns[call.aux];
    const copies = new Map<Value, Value>();
    const copyOf = (v: Value): Value => copies.get(v) ?? this.leaf(v, call);
    const start = this.to;
    const places = blocks.map((_, b) => (b === 0 ? start : this.newBlock(call.at)));
    const place = new Map(blocks.map((old, b) => [old, places[b]]));
    for (const old of blocks) {
      const block = place.get(old)!;
      for (const v of old.phis) block.phis.push(this.copy(v, block, call.at, copies));
      for (const v of old.body) block.body.push(this.copy(v, block, call.at, copies));
    }
    for (const [v, copy] of copies) copy.args = v.args.map(copyOf);
    const ends = blocks.filter(({ end }) => end === "return");
    if (blocks.length === 1) return copyOf(ends[0].control!);
    for (const [b, old] of blocks.entries()) {
      const block = places[b];
      block.end = old.end;
      block.control = old.control && copyOf(old.control);
      block.successors = old.successors.map((next) => place.get(next)!);
      if (b > 0) block.predecessors = old.predecessors.map((before) => place.get(before)!);
    }
    start.at = call.at;
    const rest = this.newBlock(call.at);
    for (const old of ends) {
      const block = place.get(old)!;
      Object.assign(block, { end: "jump", control: null, successors: [rest] });
      rest.predecessors.push(block);
    }
    this.to = rest;
    const results = ends.map((old) => copyOf(old.control!));
    if (results.length === 1) return results[0];
    const phi = this.fn.value(op.phi, 64, results, rest, call.at);
    rest.phis.push(phi);
    return phi;
  }

  private newBlock(at: number): Block {
    const made = new Block(this.fn.nextBlock++);
    made.at = at;
    this.blocks.push(made);
    return made;
  }

  private copy(v: Value, block: Block, at: number, copies: Map<Value, Value>): Value {
    const made = this.fn.copy(v, [], block, at);
    copies.set(v, made);
    return made;
  }

  private leaf({ op: row, type, aux, lo, hi }: Value, call: Value): Value {
    if (row === op.param) return call.args[aux] ?? this.fn.leaf(op.undef, 64, 0);
    if (row === op.const) return this.fn.const(type, lo, hi);
    return this.fn.leaf(row, type, aux, lo, hi);
  }
}
