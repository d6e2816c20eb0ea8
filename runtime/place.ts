/** Code offsets to functions and source lines, by binary search in a container's debug information. */

import type { DebugInfo } from "../formats/container.ts";
import type { Place } from "./fault.ts";

/** Index of the last row whose key is at most `offset`, or -1. */
function lastAtMost(count: number, key: (index: number) => number, offset: number): number {
  let low = -1;
  for (let high = count - 1; low < high; ) {
    const middle = (low + high + 1) >> 1;
    if (key(middle) <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}

export function placeOf(debug: DebugInfo | undefined, offset: number): Place {
  if (debug === undefined || offset < 0) return { offset };
  const f = lastAtMost(debug.functions.length, (i) => debug.functions[i].start, offset);
  const fn = debug.functions[f];
  if (fn === undefined || offset >= fn.end) return { offset };
  const l = lastAtMost(debug.lines.length, (i) => debug.lines[i].offset, offset);
  const row = debug.lines[l];
  if (row === undefined || row.offset < fn.start || row.line === 0) return { offset, function: fn.name };
  return { offset, function: fn.name, file: debug.files[row.file], line: row.line };
}
