/**
 * Allocation that keeps registers which calls leave alone out of ways that return early: what is live across calls behind
 * the frame's start gets a copy of its own there, for which the original need not be in such a register. Changes nothing
 * where the frame then still were the whole function's.
 */

import { allocate } from "./allocate.ts";
import { type FrameRegion, frameRegion } from "./frame-region.ts";
import { type Liveness, liveRegisters } from "./live.ts";
import { type Allocation, copyBlock, copyInst, MBlock, type MFn, MInst, type RegisterFile } from "./mir.ts";
import { needsFrame } from "./place-frame.ts";
import { splitReturns } from "./split-returns.ts";

export interface Allocated {
  fn: MFn;
  allocation: Allocation;
}

/** At -Os there may be a second way, of which the shorter one is to be taken. */
export function allocateAroundFrame(fn: MFn, file: RegisterFile): Allocated[] {
  const ways: Allocated[] = [];
  const split = splitAtFrame(fn);
  if (split !== undefined) {
    const allocation = allocate(split, file);
    const needs = needsFrame(split.blocks, allocation.moves, file.calleeSaved);
    if (frameRegion(split.blocks, needs) !== undefined) ways.push({ fn: split, allocation });
  }
  if (ways.length === 0 || fn.small) ways.push({ fn, allocation: allocate(fn, file) });
  return ways;
}

/** The function with copies at the frame's start; undefined: there is no such start. */
function splitAtFrame(original: MFn): MFn | undefined {
  const shared = leastRegion(original);
  const split = shared === undefined ? undefined : splitReturns(original, shared);
  const fn = split ?? original;
  const { blocks } = fn;
  const region = split === undefined ? shared : leastRegion(fn);
  if (region === undefined || (isBranchedTo(blocks, region.start) && blocks[region.start].phis.length > 0))
    return undefined;
  const live = liveRegisters(fn);
  const copied = acrossCalls(fn, region, live);
  const isCopied = new Set(copied);
  const behind = blocks.filter(
    ({ index, predecessors }) =>
      region.inside[index] === 0 && predecessors.some((before) => region.inside[before] === 1),
  );
  const staysLive = behind.some(({ index }) => live.in[index].some((r) => isCopied.has(r)));
  return staysLive ? undefined : withCopies(fn, region, copied);
}

/** The least that one can say before allocation. */
function leastRegion({ blocks }: MFn): FrameRegion | undefined {
  const needs = Uint8Array.from(blocks, ({ insts }) =>
    insts.some(({ frame, memory }) => frame === "needed" || memory === "frame" || memory === "frame-index")
      ? 1
      : 0,
  );
  return frameRegion(blocks, needs);
}

/** What comes into the region and is needed behind a call in it. */
function acrossCalls({ blocks }: MFn, { start, inside }: FrameRegion, live: Liveness): number[] {
  const comes = new Set([...live.in[start], ...blocks[start].phis.map(({ def }) => def)]);
  const found = new Set<number>();
  for (const { index, insts } of blocks) {
    if (inside[index] === 0) continue;
    const call = insts.findIndex(isCall);
    if (call < 0) continue;
    for (const register of live.out[index]) if (comes.has(register)) found.add(register);
    for (let k = call + 1; k < insts.length; k++)
      for (const use of insts[k].uses) if (comes.has(use)) found.add(use);
  }
  return [...found].sort((a, b) => a - b);
}

/** The copies are phis, whose moves stand at the start or in a block in front of it: not on the ways there. */
function withCopies(fn: MFn, region: FrameRegion, copied: readonly number[]): MFn {
  const { start } = region;
  const copy = new Map(copied.map((register, i) => [register, fn.registers + i]));
  const blocks = fn.blocks.map((block) => clone(block, region, copy));
  const copies = copied.map((register, i) => ({
    def: fn.registers + i,
    args: [{ register, lo: 0, hi: 0 }],
  }));
  const frameless = madeOutside(fn, region, copied.length);
  if (copied.length > 0) {
    const ownEdge = isBranchedTo(blocks, start);
    if (!ownEdge) insertBefore(blocks, start);
    blocks[ownEdge ? start : start + 1].phis = copies;
  }
  const narrow = Uint8Array.from([...fn.narrow, ...copied.map((register) => fn.narrow[register])]);
  return { ...fn, blocks, narrow, registers: fn.registers + copied.length, frameless };
}

/** Phis of the first block get their values before it. */
function madeOutside(
  { blocks, entry, registers }: MFn,
  { start, inside }: FrameRegion,
  copies: number,
): Uint8Array {
  const made = new Uint8Array(registers + copies);
  for (const { register } of entry) made[register] = 1;
  for (const { index, insts, phis } of blocks) {
    if (inside[index] === 0 || index === start) for (const { def } of phis) made[def] = 1;
    if (inside[index] === 0) for (const { def } of insts) if (def >= 0) made[def] = 1;
  }
  return made;
}

const isCall = ({ frame }: MInst): boolean => frame === "needed";

const isBranchedTo = (blocks: readonly MBlock[], b: number): boolean =>
  blocks[b].predecessors.some((before) => blocks[before].successors.length > 1);

/** With copies instead of originals inside of the region, from its first block's first call on. */
function clone(block: MBlock, { start, inside }: FrameRegion, copy: ReadonlyMap<number, number>): MBlock {
  const own = (register: number) => copy.get(register) ?? register;
  const call = block.insts.findIndex(isCall);
  const before = block.index !== start ? -1 : call < 0 ? block.insts.length : call;
  const isInside = inside[block.index] === 1;
  return copyBlock(block, {
    insts: block.insts.map((inst, k) =>
      copyInst(inst, { uses: isInside && k > before ? inst.uses.map(own) : [...inst.uses] }),
    ),
    phis: block.phis.map(({ def, args }) => ({
      def,
      args: args.map((arg, k) =>
        inside[block.predecessors[k]] === 1 ? { ...arg, register: own(arg.register) } : arg,
      ),
    })),
    successors: [...block.successors],
    predecessors: [...block.predecessors],
  });
}

/** A block that takes over the predecessors and phis of block `b`; they end in jumps. */
function insertBefore(blocks: MBlock[], b: number): void {
  const made = new MBlock(b);
  const next = blocks[b];
  made.insts = [new MInst(blocks[next.predecessors[0]].insts.at(-1)!.kind, -1, [], -1)];
  const shifted = (index: number) => (index >= b ? index + 1 : index);
  for (const block of blocks) {
    block.index = shifted(block.index);
    block.successors = block.successors.map(shifted);
    block.predecessors = block.predecessors.map(shifted);
  }
  blocks.splice(b, 0, made);
  [made.phis, made.predecessors, made.successors] = [next.phis, next.predecessors, [b + 1]];
  for (const before of made.predecessors) blocks[before].successors = [b];
  [next.phis, next.predecessors] = [[], [b]];
}
