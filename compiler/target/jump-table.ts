/**
 * Jump tables: distances from a table to the blocks that its entries lead to, behind the function's code. Entries have
 * two bytes wherever the code is certainly short enough.
 */

import { align } from "../../formats/bytes.ts";
import { bug } from "../../formats/error.ts";
import type { LaidOut } from "./branches.ts";
import type { Machine } from "./emit.ts";
import type { Allocation, MFn } from "./mir.ts";

/** Bytes that an instruction and the moves and branches around it take at most: divisions and atomic loops are longest. */
const INSTRUCTION = 64;
const MOVE = 16;
/** The end of a block: padding, two branches, the copy of a short latch. */
const BLOCK = 160;
/** Vectors, with their checks and what they leave to scalar code. */
const KERNEL = 4096;

export function entryBytes({ blocks, kernels }: MFn, { moves }: Allocation): 2 | 4 {
  if (blocks.every(({ table }) => table.length === 0)) return 2;
  const insts = blocks.reduce((sum, block) => sum + block.insts.length, 0);
  const between = moves.reduce((sum, block) => block.reduce((all, list) => all + list.length, sum), 0);
  const most = INSTRUCTION * insts + MOVE * between + BLOCK * blocks.length + KERNEL * kernels.length;
  return most < 2 ** 15 ? 2 : 4;
}

/** The code with its tables, and where each begins; `tables` are indexes of blocks. */
export function appendTables(
  { bytes, startOf }: LaidOut,
  { unit, entryBytes }: Machine,
  tables: readonly (readonly number[])[],
): { bytes: Uint8Array; places: number[] } {
  const places: number[] = [];
  let size = bytes.length;
  for (const table of tables) {
    places.push(size);
    size += align(table.length * entryBytes, unit);
  }
  const out = new Uint8Array(size);
  out.set(bytes);
  const view = new DataView(out.buffer);
  for (const [k, table] of tables.entries())
    for (const [i, block] of table.entries()) {
      const distance = (startOf(block) - places[k]) / unit;
      const at = places[k] + i * entryBytes;
      if (entryBytes === 4) view.setInt32(at, distance, true);
      else if (distance < -(2 ** 15)) bug(`a table ${-distance} units behind its block`);
      else view.setInt16(at, distance, true);
    }
  return { bytes: out, places };
}
