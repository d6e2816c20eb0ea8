/** What the verifier knows of a function before it starts: blocks, order of work, liveness, where paths meet. */

import { blocksOf, type FlowBlock, parameters } from "../build/flow.ts";
import type { Func, Program } from "../program.ts";
import { type Liveness, liveness } from "./liveness.ts";
import { type Stops, stopsFor } from "./number.ts";
import { type Loop, type Order, orderOf } from "./order.ts";

export interface FuncInfo {
  func: Func;
  blocks: FlowBlock[];
  order: Order;
  live: Liveness;
  /** The block of each instruction; -1: it cannot be reached. */
  blockOf: Int32Array;
  /** Position of each instruction in the order of work, even numbers. */
  position: Int32Array;
  /** Instructions that more than one path leads to. */
  meets: Uint8Array;
  /** Loops by the instruction of their head. */
  heads: Map<number, Loop>;
}

/** Most numbers that a loop stops at: each may cost a round. */
const MOST_LANDMARKS = 16;

/** Numbers that a loop compares with, where it may end, and masks, which bound what they are applied to. */
export function stopsOf(info: FuncInfo, loop: Loop | undefined, more: readonly number[]): Stops {
  const found = new Set<number>(more);
  const { func, blocks, order } = info;
  if (loop)
    for (const [b, { start, end }] of blocks.entries()) {
      if (order.position[b] < loop.first || order.position[b] > loop.last) continue;
      for (const { row, imm } of func.insns.slice(start, end)) {
        const tells = row.operand === "imm" && (row.kind === "jump" || row.op === "and");
        if (tells && found.size < MOST_LANDMARKS) found.add(imm);
      }
    }
  return stopsFor(found);
}

function describe(func: Func, blocks: FlowBlock[], params: number[]): FuncInfo {
  const size = func.insns.length;
  const order = orderOf(blocks);
  const blockOf = new Int32Array(size).fill(-1);
  const position = new Int32Array(size);
  const meets = new Uint8Array(size);
  const heads = new Map<number, Loop>();
  const sorted = new Int32Array(blocks.length);
  for (let b = 0; b < blocks.length; b++) sorted[order.position[b]] = b;
  let next = 0;
  for (const b of sorted) {
    const { start, end, predecessors } = blocks[b];
    for (let i = start; i < end; i++) {
      blockOf[i] = b;
      position[i] = next;
      next += 2;
    }
    if (predecessors.length > 1 || (start === 0 && predecessors.length > 0)) meets[start] = 1;
  }
  for (const loop of order.loops) if (loop) heads.set(blocks[loop.head].start, loop);
  for (const start of heads.keys()) meets[start] = 1;
  const live = liveness(func, blocks, params);
  return { func, blocks, order, live, blockOf, position, meets, heads };
}

/** One description for each function of the program. */
export function describeAll(program: Program): FuncInfo[] {
  const flows = program.functions.map(blocksOf);
  const params = parameters(program, flows);
  return program.functions.map((func, f) => describe(func, flows[f], params));
}

/** Position behind the last instruction of a loop, an odd number. */
export function endOf(info: FuncInfo, loop: Loop): number {
  let last = 0;
  const { blocks, order, position } = info;
  for (let b = 0; b < blocks.length; b++)
    if (order.position[b] === loop.last) last = position[blocks[b].end - 1] + 1;
  return last;
}

/** The loop whose next iteration the step from one instruction to another begins, if it does. */
export function backLoop(info: FuncInfo, from: number, to: number): Loop | undefined {
  const loop = info.heads.get(to);
  if (loop === undefined) return undefined;
  const at = info.order.position[info.blockOf[from]];
  return at >= loop.first && at <= loop.last ? loop : undefined;
}
