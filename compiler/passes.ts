/** The optimiser: passes in the order in which they run, with the reasons for that order. */

import type { MapDefinition } from "../formats/container.ts";
import type { Imports } from "./build/imports.ts";
import type { Fn } from "./ir/ir.ts";
import { bitCounts } from "./opt/bit-counts.ts";
import { bitLoops } from "./opt/bit-loops.ts";
import { bitTests } from "./opt/bit-tests.ts";
import { blockLoops } from "./opt/block-loops.ts";
import { cleanFlow } from "./opt/clean-flow.ts";
import { deadCode } from "./opt/dead-code.ts";
import { deadStores } from "./opt/dead-stores.ts";
import { directCalls } from "./opt/direct-calls.ts";
import { divideConstants } from "./opt/divide-constants.ts";
import { dropExtensions } from "./opt/drop-extensions.ts";
import { extendLoads } from "./opt/extend-loads.ts";
import { forwardLoads } from "./opt/forward-loads.ts";
import { hoistLoads } from "./opt/hoist-loads.ts";
import { hoistValues } from "./opt/hoist-values.ts";
import { ifConvert } from "./opt/if-convert.ts";
import { impliedBranches } from "./opt/implied-branches.ts";
import { indexBases } from "./opt/index-bases.ts";
import { inlineFunctions } from "./opt/inline-functions.ts";
import { inlineMaps } from "./opt/inline-maps.ts";
import { inlineMemory } from "./opt/inline-memory.ts";
import { jumpTables } from "./opt/jump-tables.ts";
import { knownBits } from "./opt/known-bits.ts";
import { laggingPhis } from "./opt/lagging-phis.ts";
import { lateCounters } from "./opt/late-counters.ts";
import { layout } from "./opt/layout.ts";
import { mergeExits } from "./opt/merge-exits.ts";
import { mergeLoads } from "./opt/merge-loads.ts";
import { mergeStores } from "./opt/merge-stores.ts";
import { multiplyConstants } from "./opt/multiply-constants.ts";
import { narrowPhis } from "./opt/narrow-phis.ts";
import { orderPhis } from "./opt/order-phis.ts";
import { pairSelects } from "./opt/pair-selects.ts";
import { promoteStack } from "./opt/promote-stack.ts";
import { rangeTests } from "./opt/range-tests.ts";
import { reassociate } from "./opt/reassociate.ts";
import { rotates } from "./opt/rotates.ts";
import { simplify } from "./opt/simplify.ts";
import { sink } from "./opt/sink.ts";
import { sinkPhis } from "./opt/sink-phis.ts";
import { tailCalls } from "./opt/tail-calls.ts";
import { tailReturns } from "./opt/tail-returns.ts";
import { threadJumps } from "./opt/thread-jumps.ts";
import { unrollCounted } from "./opt/unroll-counted.ts";
import { unrollShifts } from "./opt/unroll-shifts.ts";
import { valueNumbering } from "./opt/value-numbering.ts";
import { vectorise } from "./opt/vectorise.ts";
import { walkingPointers } from "./opt/walking-pointers.ts";
import { zeroCounters } from "./opt/zero-counters.ts";

export type Level = 0 | 1 | 2 | "s";

/** What passes know of the program around their function. */
export interface PassContext {
  imports: Imports;
  /** Parameter masks by function. */
  params: readonly number[];
  maps: readonly MapDefinition[];
  rodata: Uint8Array;
  /** What the target's selection has beyond the operations that all have. */
  features: ReadonlySet<string>;
  level: Level;
  fns: readonly Fn[];
  /** Functions that are reached from outside: entries, pointers in data. */
  roots: ReadonlySet<number>;
}

export interface Pass {
  name: string;
  run?(fn: Fn, context: PassContext): void;
  /** In place of `run`: looks at all functions at once. */
  runAll?(context: PassContext): void;
  /** Only for functions into which others were put. */
  inlined?: boolean;
  /** Only for functions of whose numbers something is proven. */
  promised?: boolean;
  /** Levels of optimisation that go without it. */
  skip?: readonly Level[];
}

const NOT_AT_0: Level[] = [0];

export const PASSES: readonly Pass[] = [
  // Building folds constants: a branch on one must be gone before selection, at every level.
  { name: "clean-flow", run: cleanFlow },
  // What is proven of a value holds while it stands where it was written.
  { name: "known-bits", run: knownBits, promised: true },
  // Address computations that were folded into loads and stores still mention the frame: gone before promotion.
  { name: "dead-code", run: deadCode },
  // Its import gives a program's address, which is the code's to call.
  { name: "tail-calls", run: tailCalls },
  // Keys are read where the map is known: an array's from its stack slot, before slots are promoted.
  { name: "inline-maps", run: inlineMaps, skip: NOT_AT_0 },
  // Copies into stack slots become stores, which promotion can remove.
  { name: "inline-memory", run: inlineMemory, skip: NOT_AT_0 },
  // What became loads and stores leaves the slot's address behind without a use.
  { name: "dead-code", run: deadCode, skip: NOT_AT_0 },
  { name: "promote-stack", run: promoteStack, skip: NOT_AT_0 },
  // Promotion exposes constants and copies.
  { name: "simplify", run: simplify, skip: NOT_AT_0 },
  // Targets may have come through the stack; unused arguments then die.
  { name: "direct-calls", run: directCalls },
  // Only functions without a frame are put into others; dead values may still mention theirs.
  { name: "dead-code", run: deadCode, skip: NOT_AT_0 },
  { name: "inline-functions", runAll: inlineFunctions, skip: NOT_AT_0 },
  // What callers passed is seen now: constants, and addresses of their frame that no longer escape.
  { name: "simplify", run: simplify, inlined: true },
  { name: "dead-code", run: deadCode, inlined: true },
  { name: "promote-stack", run: promoteStack, inlined: true },
  { name: "simplify", run: simplify, inlined: true },
  // Constant branches fall, their phis lose arguments …
  { name: "clean-flow", run: cleanFlow, skip: NOT_AT_0 },
  // … and null checks of what look-ups in arrays give are decided.
  { name: "thread-jumps", run: threadJumps, skip: NOT_AT_0 },
  { name: "clean-flow", run: cleanFlow, skip: NOT_AT_0 },
  // Sums of bytes are still as they were written; what extends the result comes after.
  { name: "merge-loads", run: mergeLoads, skip: NOT_AT_0 },
  { name: "merge-stores", run: mergeStores, skip: NOT_AT_0 },
  { name: "drop-extensions", run: dropExtensions, skip: NOT_AT_0 },
  { name: "extend-loads", run: extendLoads, skip: NOT_AT_0 },
  // Masks are still where they were written.
  { name: "bit-counts", run: bitCounts, skip: NOT_AT_0 },
  { name: "known-bits", run: knownBits, skip: NOT_AT_0 },
  { name: "value-numbering", run: valueNumbering, skip: NOT_AT_0 },
  { name: "implied-branches", run: impliedBranches, skip: NOT_AT_0 },
  { name: "clean-flow", run: cleanFlow, skip: NOT_AT_0 },
  // Addresses that are the same are one value now, and bytes are together again: what they were read by is gone.
  { name: "dead-code", run: deadCode, skip: NOT_AT_0 },
  { name: "hoist-values", run: hoistValues, skip: NOT_AT_0 },
  // Tests that follow each other compare the same value.
  { name: "merge-exits", run: mergeExits, skip: NOT_AT_0 },
  { name: "clean-flow", run: cleanFlow, skip: NOT_AT_0 },
  // Phis of a loop are as few as they get.
  { name: "bit-loops", run: bitLoops, skip: NOT_AT_0 },
  { name: "forward-loads", run: forwardLoads, skip: NOT_AT_0 },
  // Fewer loads are left that might read what is stored.
  { name: "dead-stores", run: deadStores, skip: NOT_AT_0 },
  // What is known in front of a loop is not loaded in it: the rest is.
  { name: "hoist-loads", run: hoistLoads, skip: NOT_AT_0 },
  // Slots that were read in other widths than they were written are accessed as a whole now.
  { name: "promote-stack", run: promoteStack, skip: NOT_AT_0 },
  { name: "rotates", run: rotates, skip: NOT_AT_0 },
  { name: "divide-constants", run: divideConstants, skip: NOT_AT_0 },
  { name: "multiply-constants", run: multiplyConstants, skip: NOT_AT_0 },
  { name: "reassociate", run: reassociate, skip: [0, 1] },
  { name: "sink-phis", run: sinkPhis, skip: NOT_AT_0 },
  // … and all leave new chances for the local rules.
  { name: "simplify", run: simplify, skip: NOT_AT_0 },
  { name: "clean-flow", run: cleanFlow, skip: NOT_AT_0 },
  { name: "dead-code", run: deadCode, skip: NOT_AT_0 },
  // Where the sides of branches have become as small as they get.
  { name: "if-convert", run: ifConvert, skip: NOT_AT_0 },
  { name: "bit-tests", run: bitTests, skip: NOT_AT_0 },
  { name: "simplify", run: simplify, skip: NOT_AT_0 },
  { name: "clean-flow", run: cleanFlow, skip: NOT_AT_0 },
  { name: "dead-code", run: deadCode, skip: NOT_AT_0 },
  // What became equal decides branches that follow each other.
  { name: "thread-jumps", run: threadJumps, skip: [0, 1] },
  { name: "clean-flow", run: cleanFlow, skip: [0, 1] },
  { name: "narrow-phis", run: narrowPhis, skip: NOT_AT_0 },
  // Counters have the width that their steps have, so that what lags behind them does too.
  { name: "lagging-phis", run: laggingPhis, skip: NOT_AT_0 },
  { name: "simplify", run: simplify, skip: NOT_AT_0 },
  { name: "value-numbering", run: valueNumbering, skip: [0, 1, "s"] },
  // A sum has a variable for each copy only if nothing else looks at it.
  { name: "dead-code", run: deadCode, skip: NOT_AT_0 },
  // Those of 32 bits have only now a phi of their own width.
  { name: "bit-loops", run: bitLoops, skip: NOT_AT_0 },
  // What fits vectors repeats no operation of the processor, and neither kind of loop is unrolled.
  { name: "vectorise", run: vectorise, skip: [0, 1] },
  { name: "block-loops", run: blockLoops, skip: NOT_AT_0 },
  { name: "unroll-counted", run: unrollCounted, skip: [0, 1, "s"] },
  // Late: it copies code, and needs its loops small and clean. Counters of the copies then fold, and their branches.
  { name: "unroll-shifts", run: unrollShifts, skip: [0, "s"] },
  // Lanes of bytes compare bytes: until there the masks tell that they are.
  { name: "range-tests", run: rangeTests, skip: NOT_AT_0 },
  { name: "simplify", run: simplify, skip: NOT_AT_0 },
  { name: "clean-flow", run: cleanFlow, skip: NOT_AT_0 },
  { name: "dead-code", run: deadCode, skip: NOT_AT_0 },
  { name: "value-numbering", run: valueNumbering, skip: NOT_AT_0 },
  // Loops have the shape that they keep; what leaves them may take work along.
  { name: "sink", run: sink, skip: NOT_AT_0 },
  { name: "pair-selects", run: pairSelects, skip: NOT_AT_0 },
  { name: "order-phis", run: orderPhis, skip: NOT_AT_0 },
  // No local rule may look at what it makes.
  { name: "late-counters", run: lateCounters, skip: NOT_AT_0 },
  // It asks for counters that nothing else looks at.
  { name: "zero-counters", run: zeroCounters, skip: [0, 1] },
  // Displacements are what they stay.
  { name: "walking-pointers", run: walkingPointers, skip: NOT_AT_0 },
  { name: "index-bases", run: indexBases, skip: NOT_AT_0 },
  { name: "tail-returns", run: tailReturns, skip: NOT_AT_0 },
  // Nothing behind it asks where a branch leads.
  { name: "jump-tables", run: jumpTables, skip: NOT_AT_0 },
  { name: "layout", run: layout, skip: NOT_AT_0 },
];
