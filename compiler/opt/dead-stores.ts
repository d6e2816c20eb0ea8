/**
 * Removes stores whose bytes nothing reads: all of them are stored again first, or they lie in the frame and the function
 * returns. Requires folded addresses, and that values are numbered. No store moves.
 */

import { blockOrder } from "../ir/graph.ts";
import type { Block, Fn, Value } from "../ir/ir.ts";
import { isAccess, Memory, usesFrame } from "../ir/memory.ts";

/** Stores that come, and loads that may come, which are told apart; each access looks at all of them. */
const MOST_COMING = 32;

/** What comes behind a point of the program. */
interface Ahead {
  /** Stores that are certain, in front of anything that may read their bytes. */
  stores: readonly Value[];
  /** All that may read the frame from here on; undefined where that is not known. */
  reads: readonly Value[] | undefined;
}

export function deadStores(fn: Fn): void {
  if (fn.blocks.some(({ body }) => body.some(isStore)) && usesFrame(fn)) new Removal(fn).run();
}

const isStore = ({ op: row }: Value): boolean => row.bytes > 0 && row.writes;

class Removal {
  private readonly fn: Fn;
  private readonly memory: Memory;
  /** By block. */
  private readonly starts: (Ahead | undefined)[];
  /** Where it is not known yet what comes: all that reads the frame. */
  private readonly somewhere: Ahead;
  private stores: Value[] = [];
  private reads: readonly Value[] | undefined;

  constructor(fn: Fn) {
    this.fn = fn;
    this.memory = new Memory(fn);
    this.starts = new Array(fn.nextBlock);
    let reads: Value[] | undefined = [];
    for (const { body } of fn.blocks)
      for (const v of body) if (this.readsFrame(v)) reads = this.withRead(reads, v) as Value[] | undefined;
    this.somewhere = { stores: [], reads };
  }

  run(): void {
    const order = blockOrder(this.fn);
    for (let i = order.length - 1; i >= 0; i--) {
      const block = order[i];
      this.meet(block);
      this.visit(block);
      this.starts[block.id] = { stores: this.stores, reads: this.reads };
    }
  }

  /** What comes behind the end of a block. */
  private meet(block: Block): void {
    const { memory } = this;
    const [first, second] = block.successors.map((next) => this.starts[next.id] ?? this.somewhere);
    this.stores = [];
    this.reads = memory.escapes ? undefined : [];
    if (first === undefined) return;
    const other = second ?? first;
    for (const store of first.stores)
      if (memory.isPrivate(store) && other.stores.some((o) => o === store || covers(o, store)))
        this.stores.push(store);
    this.reads = first.reads;
    if (other !== first)
      for (const v of other.reads ?? [])
        this.reads = this.reads?.includes(v) ? this.reads : this.withRead(this.reads, v);
    if (other.reads === undefined) this.reads = undefined;
  }

  private visit(block: Block): void {
    const { body } = block;
    let dead: Set<Value> | undefined;
    for (let i = body.length - 1; i >= 0; i--) {
      const v = body[i];
      if (!v.op.reads && !v.op.writes) continue;
      if (isStore(v)) {
        if (this.isDead(v)) (dead ??= new Set()).add(v);
        else this.add(v);
      } else this.pass(v);
    }
    if (dead !== undefined) block.body = body.filter((v) => !dead.has(v));
  }

  private isDead(store: Value): boolean {
    const { memory, stores, reads } = this;
    if (!memory.isPrivate(store)) return false;
    if (stores.some((other) => covers(other, store))) return true;
    return reads !== undefined && !reads.some((v) => !isAccess(v) || memory.mayTouch(v, store));
  }

  private add(store: Value): void {
    if (!this.memory.isPrivate(store)) return;
    if (this.stores.length === MOST_COMING) this.stores.shift();
    this.stores.push(store);
  }

  /** Something that reads. */
  private pass(v: Value): void {
    const { memory } = this;
    if (!this.readsFrame(v)) return;
    this.stores = this.stores.filter((store) => isAccess(v) && !memory.mayTouch(v, store));
    this.reads = this.withRead(this.reads, v);
  }

  private readsFrame(v: Value): boolean {
    return v.op.reads && this.memory.takesFrame(v);
  }

  private withRead(reads: readonly Value[] | undefined, v: Value): readonly Value[] | undefined {
    return reads === undefined || reads.length === MOST_COMING ? undefined : [...reads, v];
  }
}

/** Every byte of `store` is stored by `other` too. */
const covers = (other: Value, store: Value): boolean =>
  other.args[0] === store.args[0] &&
  other.aux <= store.aux &&
  store.aux + store.op.bytes <= other.aux + other.op.bytes;
