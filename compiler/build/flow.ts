/**
 * Control flow and liveness of BPF code, before SSA: basic blocks of instruction ranges, predecessors, and which
 * of r0 … r9 are read before they are written. Requires a linked function; unreachable code gets no block.
 */

import type { Insn } from "../../formats/isa/bpf.ts";
import { argCount, helperById } from "../../helpers/table.ts";
import type { Func, Program, Reference } from "../program.ts";

export interface FlowBlock {
  /** Instructions [start, end). */
  start: number;
  end: number;
  successors: number[];
  predecessors: number[];
  /** Bit k: r(k) is live at the start. */
  liveIn: number;
}

/** r1 … r5 as a mask. */
export const ARGUMENTS = 0x3e;

/** How many argument registers a helper reads; one that we know nothing of may read all five. */
export function helperArguments(reference: Reference | undefined): number {
  const row = reference?.kind === "helper" ? helperById(reference.id) : undefined;
  return row === undefined ? 5 : argCount(row);
}

const firstArguments = (count: number) => ((1 << count) - 1) << 1;

/** Registers that an instruction reads; `params` are the masks of the program's functions (bit k = r(k + 1)). */
export function reads(insn: Insn, reference: Reference | undefined, params: number[]): number {
  const { row } = insn;
  const dst = 1 << insn.dst;
  const src = row.operand === "reg" ? 1 << insn.src : 0;
  switch (row.kind) {
    case "alu":
      return row.op === "mov" || row.op === "movsx" ? src : dst | src;
    case "end":
      return dst;
    case "load":
      return 1 << insn.src;
    case "store":
      return dst | src;
    case "atomic":
      return dst | (1 << insn.src) | (row.op === "cmpxchg" ? 1 : 0);
    case "jump":
      return row.op === "ja" ? 0 : dst | src;
    case "call":
      if (reference?.kind === "function") return params[reference.index] << 1;
      if (row.op === "indirect") return ARGUMENTS | dst;
      return firstArguments(helperArguments(reference));
    case "exit":
      return 1;
    case "packet":
      return (1 << 6) | (row.op === "ind" ? 1 << insn.src : 0);
    default:
      return 0;
  }
}

/** Registers whose old content is gone after an instruction. */
export function writes(insn: Insn): number {
  const { row } = insn;
  switch (row.kind) {
    case "alu":
    case "end":
    case "load":
    case "lddw":
      return 1 << insn.dst;
    case "atomic":
      return row.op === "cmpxchg" ? 1 : row.fetch ? 1 << insn.src : 0;
    case "call":
    case "packet":
      return 1 | ARGUMENTS;
    default:
      return 0;
  }
}

const isEnd = (insn: Insn) => insn.row.kind === "exit" || insn.row.kind === "jump";

/** Blocks in the order of the code, the first one the entry. */
export function blocksOf(func: Func): FlowBlock[] {
  const { insns, targets } = func;
  const leader = new Uint8Array(insns.length + 1);
  leader[0] = 1;
  for (let i = 0; i < insns.length; i++) {
    if (targets[i] >= 0) leader[targets[i]] = 1;
    if (isEnd(insns[i])) leader[i + 1] = 1;
  }
  const blockAt = new Int32Array(insns.length).fill(-1);
  const all: FlowBlock[] = [];
  for (let i = 0; i < insns.length; i++) {
    if (leader[i] === 1) {
      all.push({ start: i, end: i, successors: [], predecessors: [], liveIn: 0 });
      blockAt[i] = all.length - 1;
    }
    all[all.length - 1].end = i + 1;
  }
  for (const block of all) {
    const last = block.end - 1;
    const { row } = insns[last];
    if (targets[last] >= 0) block.successors.push(blockAt[targets[last]]);
    if (row.kind !== "exit" && row.op !== "ja") block.successors.push(blockAt[block.end]);
  }
  return prune(all);
}

/** Drops unreachable blocks and fills in predecessors. */
function prune(all: FlowBlock[]): FlowBlock[] {
  const number = new Int32Array(all.length).fill(-1);
  const work = [0];
  number[0] = 0;
  while (work.length > 0) {
    for (const next of all[work.pop()!].successors) {
      if (number[next] >= 0) continue;
      number[next] = 0;
      work.push(next);
    }
  }
  const kept = all.filter((_, i) => number[i] === 0);
  let count = 0;
  for (let i = 0; i < all.length; i++) if (number[i] === 0) number[i] = count++;
  for (const [i, block] of kept.entries()) {
    block.successors = block.successors.map((s) => number[s]);
    for (const next of block.successors) kept[next].predecessors.push(i);
  }
  return kept;
}

/** Fills in liveIn, by iteration backwards until nothing changes. */
export function liveness(func: Func, blocks: FlowBlock[], params: number[]): void {
  const uses = new Int32Array(blocks.length);
  const kills = new Int32Array(blocks.length);
  for (const [b, block] of blocks.entries()) {
    for (let i = block.end - 1; i >= block.start; i--) {
      const killed = writes(func.insns[i]);
      uses[b] = (uses[b] & ~killed) | reads(func.insns[i], func.references[i], params);
      kills[b] |= killed;
    }
  }
  const work = blocks.map((_, b) => b);
  const queued = new Uint8Array(blocks.length).fill(1);
  while (work.length > 0) {
    const b = work.pop()!;
    queued[b] = 0;
    let out = 0;
    for (const next of blocks[b].successors) out |= blocks[next].liveIn;
    const live = (uses[b] | (out & ~kills[b])) & 0x3ff;
    if (live === blocks[b].liveIn) continue;
    blocks[b].liveIn = live;
    for (const before of blocks[b].predecessors) {
      if (queued[before] === 1) continue;
      queued[before] = 1;
      work.push(before);
    }
  }
}

/** For each function the mask of argument registers that it reads, through its calls too (a least fixpoint). */
export function parameters(program: Program, flows: FlowBlock[][]): number[] {
  const params = program.functions.map(() => 0);
  const callers: Set<number>[] = program.functions.map(() => new Set());
  for (const [f, func] of program.functions.entries())
    for (const [i, to] of func.references.entries())
      if (to?.kind === "function" && func.insns[i].row.kind === "call") callers[to.index].add(f);
  const work = program.functions.map((_, f) => f);
  while (work.length > 0) {
    const f = work.pop()!;
    liveness(program.functions[f], flows[f], params);
    const mask = (flows[f][0].liveIn & ARGUMENTS) >> 1;
    if (mask === params[f]) continue;
    params[f] = mask;
    for (const caller of callers[f]) work.push(caller);
  }
  return params;
}
