/**
 * Returns to which ways with and without a frame lead are made once for each: values that the ways bring along meet
 * less often. Requires machine code before allocation; guarantees the same for it.
 */

import type { FrameRegion } from "./frame-region.ts";
import { copyBlock, copyInst, type MBlock, type MFn, type PhiArgument } from "./mir.ts";

/** Instructions of a block that is worth making twice. */
const LONGEST = 4;

/** A short return that depends on what comes there. */
function isWorthIt({ insts, phis }: MBlock): boolean {
  if (insts.length > LONGEST || insts[insts.length - 1].frame !== "gone") return false;
  const own = new Set(insts.map(({ def }) => def));
  return phis.length > 0 || insts.some(({ uses }) => uses.some((use) => use >= 0 && !own.has(use)));
}

/** A function of its own, or undefined where there is no such return. */
export function splitReturns(fn: MFn, { inside }: FrameRegion): MFn | undefined {
  const isShared = (block: MBlock) => isWorthIt(block) && comesFromBoth(block);
  const comesFromBoth = ({ index, predecessors }: MBlock) =>
    inside[index] === 0 && predecessors.some((before) => inside[before] === 1);
  const shared = Uint8Array.from(fn.blocks, (block) => (isShared(block) ? 1 : 0));
  if (!shared.includes(1)) return undefined;
  // By block: where it comes to stand, and where its copy within the frame does.
  const place = new Int32Array(fn.blocks.length);
  const copies = new Int32Array(fn.blocks.length);
  let count = 0;
  for (const { index } of fn.blocks) {
    const copyFalls = shared[index] === 1 && inside[index - 1] === 1;
    if (copyFalls) copies[index] = count++;
    place[index] = count++;
    if (!copyFalls) copies[index] = shared[index] === 1 ? count++ : place[index];
  }
  const blocks: MBlock[] = new Array(count);
  const names = new Names(fn.registers);
  for (const block of fn.blocks) {
    const { index, predecessors, successors } = block;
    const to = inside[index] === 1 ? copies : place;
    const made = (k: number, from: (before: number) => boolean, rename: (register: number) => number) => {
      blocks[k] = copyOf(block, k, predecessors.map(from), rename);
      blocks[k].predecessors = predecessors.filter(from).map((before) => place[before]);
      blocks[k].successors = successors.map((next) => to[next]);
    };
    const isOutside = (before: number) => inside[before] === 0;
    made(place[index], shared[index] === 1 ? isOutside : () => true, (register) => register);
    if (shared[index] === 1) made(copies[index], (before) => !isOutside(before), names.of(block));
  }
  const narrow = Uint8Array.from([...fn.narrow, ...names.originals.map((register) => fn.narrow[register])]);
  return { ...fn, blocks, narrow, registers: fn.registers + names.originals.length };
}

/** New registers for what a copied block defines. */
class Names {
  readonly originals: number[] = [];
  private readonly first: number;

  constructor(first: number) {
    this.first = first;
  }

  of({ phis, insts }: MBlock): (register: number) => number {
    const own = new Map<number, number>();
    for (const { def } of [...phis, ...insts])
      if (def >= 0) own.set(def, this.first + this.originals.push(def) - 1);
    return (register) => own.get(register) ?? register;
  }
}

/** With the predecessors that are `kept`. */
function copyOf(
  block: MBlock,
  index: number,
  kept: readonly boolean[],
  rename: (register: number) => number,
): MBlock {
  const phi = ({ def, args }: { def: number; args: PhiArgument[] }) => ({
    def: rename(def),
    args: args.filter((_, k) => kept[k]).map((arg) => ({ ...arg })),
  });
  const insts = block.insts.map((inst) =>
    copyInst(inst, { def: rename(inst.def), uses: inst.uses.map(rename) }),
  );
  return copyBlock(block, { index, insts, phis: block.phis.map(phi) });
}
