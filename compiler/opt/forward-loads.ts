/**
 * Loads of what is known give what was stored or loaded there before; where ways meet on which different values are
 * known, a phi of them. Requires folded addresses, and that values are numbered: one address is one base and an offset.
 *
 * Of memory that others see, a load may stand for another one only where no third one stands between: nobody can tell
 * that from two loads one right after the other. So whoever reads twice to see whether something changed still does.
 * Into loops, which may wait for others, nothing of it is taken.
 */

import { emitter } from "../ir/emit.ts";
import { Replacements } from "../ir/flow.ts";
import { type Emit, isConst } from "../ir/fold.ts";
import { blockOrder } from "../ir/graph.ts";
import type { Block, Fn, Value } from "../ir/ir.ts";
import { type Loop, loopNest } from "../ir/loop-nest.ts";
import { LoopWrites } from "../ir/loop-writes.ts";
import { bytesOf, isReadOnly, Memory } from "../ir/memory.ts";
import { op } from "../ir/ops.ts";

/** Places that are known at one time; each write looks at all of them. */
const MOST_KNOWN = 24;

/** What a place holds: its access tells where, and how wide it is. */
interface Known {
  access: Value;
  /** What was loaded, or a value whose low bytes were stored; undefined where ways meet, until it is needed. */
  value: Value | undefined;
  /** The value is what the access gives, not only its low bytes. */
  loaded: boolean;
  /** Our own stores alone put it there. */
  stored: boolean;
  /** Where ways meet: what each of them knows. */
  block: Block | undefined;
  parts: readonly Known[];
}

export function forwardLoads(fn: Fn): void {
  if (hasChance(fn)) new Forwarding(fn).run();
}

/** Room to note accessed bytes; two that meet by chance cost a look at the function. */
const NOTES = 4096;

/** Some load has bytes in common with another access. */
function hasChance({ blocks }: Fn): boolean {
  let notes: Uint8Array | undefined;
  for (const { body } of blocks)
    for (const v of body) {
      const { bytes, reads } = v.op;
      if (bytes === 0) continue;
      notes ??= new Uint8Array(NOTES);
      const first = v.args[0].id * 61 + v.aux;
      for (let k = 0; k < bytes; k++) {
        const at = (first + k) & (NOTES - 1);
        if (notes[at] === 1 || (notes[at] === 2 && reads)) return true;
        notes[at] = reads ? 1 : 2;
      }
    }
  return false;
}

class Forwarding {
  private readonly fn: Fn;
  private readonly order: readonly Block[];
  private readonly memory: Memory;
  private readonly number: Int32Array;
  private loops: { writes: LoopWrites; headers: (Loop | undefined)[] } | undefined;
  private readonly replaced: Replacements;
  /** By block: what is known at its end. */
  private readonly ends: (Known[] | undefined)[];
  private known: Known[] = [];
  /** Writes so far, and how many there were when a load of a byte in the frame stood. */
  private clock = 0;
  private readonly times = new Map<Value, number>();

  constructor(fn: Fn) {
    this.fn = fn;
    this.replaced = new Replacements(fn);
    this.order = blockOrder(fn);
    this.memory = new Memory(fn);
    this.number = new Int32Array(fn.nextBlock);
    this.ends = new Array(fn.nextBlock);
    for (let i = 0; i < this.order.length; i++) this.number[this.order[i].id] = i;
  }

  run(): void {
    for (const block of this.order) {
      this.clock++;
      this.known = this.atStart(block);
      block.body = this.visit(block);
      this.ends[block.id] = this.known;
    }
    this.replaced.apply(this.fn);
  }

  private atStart(block: Block): Known[] {
    const { predecessors } = block;
    if (predecessors.length === 0) return [];
    const [first] = predecessors;
    if (predecessors.length === 1) return [...this.ends[first.id]!];
    const isBack = (before: Block) => this.number[before.id] >= this.number[block.id];
    const ways = predecessors.filter((before) => !isBack(before));
    if (ways.length === predecessors.length) return this.meet(block, ways, true);
    const { memory } = this;
    const known = this.meet(block, ways, false).filter(
      ({ access }) => isReadOnly(access) || memory.isPrivate(access),
    );
    if (known.length === 0) return known;
    const { writes, headers } = this.findLoops();
    const loop = headers[block.id];
    const isNatural = loop !== undefined && ways.length + loop.latches.length === predecessors.length;
    return isNatural ? known.filter(({ access }) => writes.keeps(loop, access)) : [];
  }

  /** Only where something is known in front of a loop. */
  private findLoops(): { writes: LoopWrites; headers: (Loop | undefined)[] } {
    if (this.loops === undefined) {
      const { loops } = loopNest(this.fn);
      const headers: (Loop | undefined)[] = [];
      for (const loop of loops) headers[loop.header.id] = loop;
      this.loops = { writes: new LoopWrites(loops, this.memory), headers };
    }
    return this.loops;
  }

  /** What is known on all ways. */
  private meet(block: Block, ways: readonly Block[], withPhis: boolean): Known[] {
    const [first, ...others] = ways.map((way) => this.ends[way.id]!);
    const result: Known[] = [];
    for (const known of first) {
      const { access } = known;
      const parts = [known];
      for (const list of others) {
        const other = list.includes(known) ? known : list.find((o) => isSame(o.access, access));
        if (other === undefined) break;
        parts.push(other);
      }
      if (parts.length < ways.length) continue;
      const isOne = parts.every(
        (part) =>
          part === known ||
          (part.value !== undefined && part.value === known.value && part.loaded === known.loaded),
      );
      const stored = parts.every((part) => part.stored);
      if (isOne) result.push(stored === known.stored ? known : { ...known, stored });
      else if (withPhis && parts.every(isPlain)) {
        const loaded = parts.every((part) => part.loaded && part.access.op === access.op);
        result.push({ access, value: undefined, loaded, stored, block, parts });
      }
    }
    return result;
  }

  private visit(block: Block): Value[] {
    const { replaced } = this;
    const body: Value[] = [];
    for (const v of block.body) {
      replaced.renew(v);
      const { reads, writes, bytes } = v.op;
      if (reads && !writes) {
        const found = this.load(v, body);
        if (found !== undefined) {
          replaced.set(v, found);
          continue;
        }
        if (!isReadOnly(v) && !this.memory.isPrivate(v)) this.forgetLoads();
        if (v.op === op.load8) this.times.set(v, this.clock);
        this.add(v, v, true);
      } else if (writes) {
        this.forget(v);
        if (bytes > 0) this.add(v, v.args[1], false);
      }
      body.push(v);
    }
    return body;
  }

  private add(access: Value, value: Value, loaded: boolean): void {
    if (this.known.length === MOST_KNOWN) this.known.shift();
    this.known.push({ access, value, loaded, stored: !loaded, block: undefined, parts: [] });
  }

  /** After a write: what it may have changed is no longer known. */
  private forget(v: Value): void {
    const { memory, known } = this;
    this.clock++;
    if (known.length > 0)
      this.known = known.filter((known) => !memory.mayChange(v, known.access) || this.swaps(v, known));
  }

  /** The second store of two bytes that change places: if both are one, it stores what is there. */
  private swaps(store: Value, { access, value }: Known): boolean {
    if (store.op !== op.store8 || value?.op !== op.load8 || !this.memory.isPrivate(access)) return false;
    const [, other] = store.args;
    const time = this.times.get(value);
    return (
      other.op === op.load8 &&
      isSame(other, access) &&
      isSame(value, store) &&
      time !== undefined &&
      time === this.times.get(other)
    );
  }

  /** Another load of what others see: those before it are no longer now. */
  private forgetLoads(): void {
    const { memory } = this;
    const stays = ({ access, stored }: Known) => stored || isReadOnly(access) || memory.isPrivate(access);
    if (!this.known.every(stays)) this.known = this.known.filter(stays);
  }

  /** What a load gives, if that is known. */
  private load(v: Value, body: Value[]): Value | undefined {
    for (let i = this.known.length - 1; i >= 0; i--) {
      const known = this.known[i];
      const { access } = known;
      if (access.args[0] !== v.args[0]) continue;
      const away = v.aux - access.aux;
      const most = bytesOf(access);
      if (away < 0 || away + v.op.bytes > most) continue;
      if (known.loaded && access.op === v.op) return known.value;
      const isTop = away + v.op.bytes === most && most >= 4;
      if (away > 0 && !isTop && !(known.value !== undefined && isConst(known.value))) continue;
      return this.part(v, this.valueOf(known), away, most, emitter(this.fn, v, body));
    }
    return undefined;
  }

  /** The bytes from `away` on of a value whose low `most` ones are known, as the load extends them. */
  private part(v: Value, whole: Value, away: number, most: number, emit: Emit): Value {
    const { fn } = this;
    const { bytes } = v.op;
    const shifted = away === 0 ? whole : emit(op.lshr, whole.type, [whole, fn.const(whole.type, 8 * away)]);
    if (bytes === 8) return shifted;
    const low = shifted.type === 64 ? emit(op.trunc, 32, [shifted]) : shifted;
    switch (v.op) {
      case op.load8s:
        return emit(op.sext8, 64, [low]);
      case op.load16s:
        return emit(op.sext16, 64, [low]);
      case op.load32s:
        return emit(op.sext32, 64, [low]);
    }
    const isClean = bytes === 4 || (away > 0 && (away + bytes) * 8 === whole.type && most === away + bytes);
    return isClean ? low : emit(op.and, 32, [low, fn.const(32, 2 ** (8 * bytes) - 1)]);
  }

  /** Makes the phis that a value needs, those that they need first. */
  private valueOf(known: Known): Value {
    const work = [known];
    while (work.length > 0) {
      const top = work[work.length - 1];
      const missing = top.value === undefined ? top.parts.filter((part) => part.value === undefined) : [];
      if (missing.length > 0) {
        work.push(...missing);
        continue;
      }
      work.pop();
      if (top.value !== undefined) continue;
      const { block, access, parts } = top;
      const phi = this.fn.value(
        op.phi,
        typeOf(access),
        parts.map(({ value }) => value!),
        block!,
        access.at,
      );
      block!.phis.push(phi);
      top.value = phi;
    }
    return known.value!;
  }
}

const typeOf = (access: Value): 64 | 32 => (access.op.bytes === 8 ? 64 : 32);

const isSame = (a: Value, b: Value): boolean =>
  a.args[0] === b.args[0] && a.aux === b.aux && a.op.bytes === b.op.bytes;

/** A phi can take the value as it is: sign-extended loads are wider. */
const isPlain = ({ access, value }: Known): boolean => value === undefined || value.type === typeOf(access);
