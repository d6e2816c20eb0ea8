/**
 * Stack slots whose address does not escape become SSA values: requires folded addresses (frame + aux), guarantees
 * that every load and store of such a slot is gone. A slot is a byte range that is always accessed as a whole, and that
 * no access at a variable place touches.
 */

import { Replacements } from "../ir/flow.ts";
import { FrameAddresses } from "../ir/frame-addresses.ts";
import { blockOrder } from "../ir/graph.ts";
import type { Block, Fn, Value } from "../ir/ir.ts";
import { isAccess, Memory } from "../ir/memory.ts";
import { type Op, op, type Type } from "../ir/ops.ts";

interface Slot {
  index: number;
  offset: number;
  bytes: number;
}

export function promoteStack(fn: Fn): void {
  const slots = findSlots(fn);
  if (slots.size === 0) return;
  new Promotion(fn, slots).run();
}

/** Slots by offset, none of which an access at a variable place may touch; empty where such a place has no bounds. */
function findSlots(fn: Fn): Map<number, Slot> {
  const accesses = frameAccesses(fn, fn.leaf(op.frame, 64, 0));
  if (accesses === undefined) return new Map();
  accesses.sort((a, b) => a.offset - b.offset);
  const slots = new Map<number, Slot>();
  for (let i = 0; i < accesses.length; ) {
    const { offset, bytes } = accesses[i];
    let end = offset + bytes;
    let whole = accesses[i].fixed;
    let next = i;
    for (; next < accesses.length && accesses[next].offset < end; next++) {
      const other = accesses[next];
      if (!other.fixed || other.offset !== offset || other.bytes !== bytes) whole = false;
      end = Math.max(end, other.offset + other.bytes);
    }
    if (whole) slots.set(offset, { index: slots.size, offset, bytes });
    i = next;
  }
  return slots;
}

interface Access {
  offset: number;
  bytes: number;
  /** It is at this place each time. */
  fixed: boolean;
}

/** Undefined where the address escapes, since whoever has it may reach the whole frame, or an access may. */
function frameAccesses(fn: Fn, frame: Value): Access[] | undefined {
  const accesses: Access[] = [];
  let others = false;
  for (const block of fn.blocks) {
    if (block.control === frame || block.phis.some((phi) => phi.args.includes(frame))) return undefined;
    for (const v of block.body) {
      if (!v.args.includes(frame)) continue;
      if (v.op === op.add) others = true;
      else if (v.op.bytes === 0 || v.args[1] === frame) return undefined;
      else accesses.push({ offset: v.aux, bytes: v.op.bytes, fixed: true });
    }
  }
  return accesses.length > 0 && others ? withVariable(fn, frame, accesses) : accesses;
}

function withVariable(fn: Fn, frame: Value, accesses: Access[]): Access[] | undefined {
  const memory = new Memory(fn);
  if (memory.escapes) return undefined;
  let addresses: FrameAddresses | undefined;
  /** From the lowest address that it may have to the end of the frame. */
  const above = (v: Value) => {
    addresses ??= new FrameAddresses(fn);
    const low = addresses.lowest(v.args[0]);
    return low === undefined ? undefined : { low: Math.min(low + v.aux, 0), high: 0 };
  };
  for (const { body } of fn.blocks)
    for (const v of body) {
      if (v.args[0] === frame || (!v.op.reads && !v.op.writes)) continue;
      const range = isAccess(v) ? (memory.frameRange(v) ?? above(v)) : undefined;
      if (range !== undefined)
        accesses.push({ offset: range.low, bytes: range.high - range.low, fixed: false });
      else if (memory.takesFrame(v)) return undefined;
    }
  return accesses;
}

const typeOf = (slot: Slot): Type => (slot.bytes === 8 ? 64 : 32);

class Promotion {
  private readonly fn: Fn;
  private readonly slots: Map<number, Slot>;
  private readonly list: Slot[];
  private readonly frame: Value;
  private readonly replaced: Replacements;

  constructor(fn: Fn, slots: Map<number, Slot>) {
    this.fn = fn;
    this.replaced = new Replacements(fn);
    this.slots = slots;
    this.list = [...slots.values()];
    this.frame = fn.leaf(op.frame, 64, 0);
  }

  private slotOf(v: Value): Slot | undefined {
    return v.op.bytes > 0 && v.args[0] === this.frame ? this.slots.get(v.aux) : undefined;
  }

  run(): void {
    const { fn, list } = this;
    const live = this.liveIn();
    const exits: Value[][] = [];
    const filled: { phi: Value; slot: Slot }[] = [];
    const start = list.map((slot) => fn.leaf(op.undef, typeOf(slot), 0));
    for (const block of blockOrder(fn)) {
      let state = start;
      if (block.predecessors.length === 1) state = exits[block.predecessors[0].id];
      state = [...state];
      if (block.predecessors.length > 1) {
        for (const slot of list) {
          state[slot.index] = start[slot.index];
          if (live[slot.index][block.id] === 0) continue;
          const phi = fn.value(op.phi, typeOf(slot), [], block, block.body[0]?.at ?? -1);
          block.phis.push(phi);
          filled.push({ phi, slot });
          state[slot.index] = phi;
        }
      }
      block.body = this.rename(block, state);
      exits[block.id] = state;
    }
    for (const { phi, slot } of filled)
      phi.args = phi.block.predecessors.map((before) => exits[before.id][slot.index]);
    this.replaced.apply(fn);
  }

  private rename(block: Block, state: Value[]): Value[] {
    const body: Value[] = [];
    for (const v of block.body) {
      const slot = this.slotOf(v);
      if (slot === undefined) body.push(v);
      else if (v.op.writes) state[slot.index] = v.args[1];
      else this.replaced.set(v, this.extend(v, state[slot.index], body));
    }
    return body;
  }

  /** What a load gives of the slot's value: the bytes that a store would have kept. */
  private extend(load: Value, value: Value, body: Value[]): Value {
    const make = (row: Op, args: Value[]) => {
      const made = this.fn.value(row, load.type, args, load.block, load.at);
      body.push(made);
      return made;
    };
    switch (load.op) {
      case op.load8:
        return make(op.and, [value, this.fn.const(32, 0xff)]);
      case op.load16:
        return make(op.and, [value, this.fn.const(32, 0xffff)]);
      case op.load8s:
        return make(op.sext8, [value]);
      case op.load16s:
        return make(op.sext16, [value]);
      case op.load32s:
        return make(op.sext32, [value]);
      default:
        return value;
    }
  }

  /** live[slot][block] = 1: the slot is read there before it is written. */
  private liveIn(): Uint8Array[] {
    const { fn, list } = this;
    const live = list.map(() => new Uint8Array(fn.nextBlock));
    const killed = list.map(() => new Uint8Array(fn.nextBlock));
    const work: { block: Block; slot: number }[] = [];
    for (const block of fn.blocks) {
      for (const v of block.body) {
        const slot = this.slotOf(v)?.index ?? -1;
        if (slot < 0) continue;
        if (v.op.writes) killed[slot][block.id] = 1;
        else if (killed[slot][block.id] === 0 && live[slot][block.id] === 0) {
          live[slot][block.id] = 1;
          work.push({ block, slot });
        }
      }
    }
    while (work.length > 0) {
      const { block, slot } = work.pop()!;
      for (const before of block.predecessors) {
        if (killed[slot][before.id] === 1 || live[slot][before.id] === 1) continue;
        live[slot][before.id] = 1;
        work.push({ block: before, slot });
      }
    }
    return live;
  }
}
