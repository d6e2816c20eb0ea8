/** The optimiser: passes in the order in which they run, with the reasons for that order. */

import type { Import } from "../formats/container.ts";
import type { Fn } from "./ir/ir.ts";
import { cleanFlow } from "./opt/clean-flow.ts";
import { deadCode } from "./opt/dead-code.ts";
import { dropExtensions } from "./opt/drop-extensions.ts";
import { extendLoads } from "./opt/extend-loads.ts";
import { inlineMemory } from "./opt/inline-memory.ts";
import { promoteStack } from "./opt/promote-stack.ts";
import { simplify } from "./opt/simplify.ts";
import { unrollShifts } from "./opt/unroll-shifts.ts";

export interface Pass {
  name: string;
  run(fn: Fn, imports: readonly Import[]): void;
  /** Levels of optimisation that go without it; level 0 goes without any. */
  skip?: readonly (1 | 2 | "s")[];
}

export const PASSES: readonly Pass[] = [
  // Address computations that were folded into loads and stores still mention the frame: gone before promotion.
  { name: "dead-code", run: deadCode },
  // Copies into stack slots become stores, which promotion can remove.
  { name: "inline-memory", run: inlineMemory },
  { name: "promote-stack", run: promoteStack },
  // Promotion exposes constants and copies.
  { name: "simplify", run: simplify },
  // Constant branches fall, their phis lose arguments …
  { name: "clean-flow", run: cleanFlow },
  { name: "drop-extensions", run: dropExtensions },
  { name: "extend-loads", run: extendLoads },
  // … and all leave new chances for the local rules.
  { name: "simplify", run: simplify },
  { name: "clean-flow", run: cleanFlow },
  { name: "dead-code", run: deadCode },
  // Last: it copies code, and needs its loops small and clean.
  { name: "unroll-shifts", run: unrollShifts, skip: ["s"] },
];
