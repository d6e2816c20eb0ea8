/**
 * Puts the instructions that make the frame and give it up where it is needed: on ways that return early there is none.
 * Requires allocated code without critical edges; guarantees that on every way the frame is made once before what needs
 * it and is gone at returns.
 */

import { type FrameRegion, frameRegion } from "./frame-region.ts";
import { type Allocation, type MBlock, type MFn, MInst, type Move, SLOT } from "./mir.ts";
import { SWAP } from "./resolve.ts";

/** What the target has for it. */
export interface Frames {
  readonly kinds: { readonly enter: number; readonly leave: number };
  /** There is something to save or to reserve. */
  readonly hasFrame: boolean;
  /** Bit r: register r is to be left as it was. */
  readonly calleeSaved: number;
}

/** By block: 1 = the frame must be there. */
export function needsFrame(blocks: readonly MBlock[], moves: Move[][][], calleeSaved: number): Uint8Array {
  const isKept = (location: number) => location >= SLOT || (location >= 0 && (calleeSaved >> location) & 1);
  const moveNeeds = ({ to, from, hi }: Move) => isKept(to) || from >= SLOT || (hi === SWAP && isKept(from));
  const instNeeds = ({ frame, memory, def, clobbers }: MInst) =>
    frame === "needed" ||
    memory === "frame" ||
    memory === "frame-index" ||
    isKept(def) ||
    clobbers & calleeSaved;
  return Uint8Array.from(blocks, ({ index, insts }) =>
    insts.some(instNeeds) || moves[index].some((list) => list.some(moveNeeds)) ? 1 : 0,
  );
}

/** Changes the instructions and moves in place. */
export function placeFrame({ blocks, small }: MFn, { moves, liveIn }: Allocation, frames: Frames): void {
  if (!frames.hasFrame) return;
  let region = frameRegion(blocks, needsFrame(blocks, moves, frames.calleeSaved));
  if (region !== undefined && small && makesMore(blocks, moves, region)) region = undefined;
  const { start, inside } = region ?? { start: 0, inside: new Uint8Array(blocks.length).fill(1) };
  const needed = new Map<number, number>();
  for (const block of blocks) {
    const { index, insts, successors } = block;
    block.framed = inside[index] === 1;
    const last = insts[insts.length - 1];
    const out = successors.find((next) => inside[next] === 0);
    if (!block.framed || (last.frame !== "gone" && out === undefined)) continue;
    const leave = new MInst(frames.kinds.leave, -1, [], last.at);
    if (out !== undefined && !needed.has(out)) needed.set(out, neededAt(out, blocks, moves, liveIn));
    leave.aux = out === undefined ? bits(last.uses) : needed.get(out)!;
    insts.splice(-1, 0, leave);
    moves[index].splice(insts.length - 1, 0, []);
  }
  blocks[start].insts.unshift(new MInst(frames.kinds.enter, -1, [], -1));
  moves[start].unshift([]);
}

const bits = (locations: readonly number[]): number =>
  locations.reduce((all, r) => (r >= 0 && r < SLOT ? all | (1 << r) : all), 0);

/** Registers that block `b` or its phis hold something in, on every way there. */
const neededAt = (b: number, blocks: readonly MBlock[], moves: Move[][][], liveIn: Int32Array): number =>
  blocks[b].predecessors.reduce(
    (all, before) => all | bits(moves[before].flatMap((list) => list.map(({ to }) => to))),
    liveIn[b],
  );

/** The frame is given up at more places than there are returns. */
function makesMore(blocks: readonly MBlock[], moves: Move[][][], { inside }: FrameRegion): boolean {
  let returns = 0;
  const leaves = new Set<string>();
  for (const { index, insts, successors } of blocks) {
    // Those that are alike are made once.
    if (successors.some((next) => inside[index] === 1 && inside[next] === 0))
      leaves.add(`${successors[0]}:${JSON.stringify(moves[index][insts.length - 1])}`);
    else if (inside[index] === 0 && insts.at(-1)?.frame === "gone") returns++;
  }
  return leaves.size > returns;
}
