/** Branch layout: inserts each branch in its shortest form, growing until all reach (forms only ever grow). */

import { fitsInt8, X64Assembler, x64 } from "../../../formats/isa/x64.ts";

const CONDITIONS = ["o", "no", "b", "ae", "e", "ne", "be", "a", "s", "ns", "p", "np", "l", "ge", "le", "g"];
const SHORT = CONDITIONS.map((cc) => x64(`j${cc} rel8`));
const NEAR = CONDITIONS.map((cc) => x64(`j${cc} rel32`));
const JMP8 = x64("jmp rel8");
const JMP32 = x64("jmp rel32");

export interface Branch {
  /** Offset in the code without branches at which it stands, and the block that it ends. */
  at: number;
  block: number;
  /** Condition code (CC), or -1 = always. */
  cond: number;
  /** Index into `starts`. */
  target: number;
}

/** `starts` are the offsets of blocks in `code`; branches ascend. `moved` maps an offset in `code` to the result. */
export function layoutBranches(
  code: Uint8Array,
  starts: number[],
  branches: Branch[],
): { bytes: Uint8Array; moved: (offset: number) => number } {
  const sizes = new Int32Array(branches.length).fill(2);
  // For each block: how many branches stand in front of it.
  const before = new Int32Array(starts.length);
  for (let b = 0, k = 0; b < starts.length; b++) {
    while (k < branches.length && branches[k].block < b) k++;
    before[b] = k;
  }
  const shift = new Int32Array(branches.length + 1);
  for (let grown = true; grown; ) {
    grown = false;
    for (let k = 0; k < branches.length; k++) shift[k + 1] = shift[k] + sizes[k];
    for (const [k, { at, cond, target }] of branches.entries()) {
      if (sizes[k] !== 2) continue;
      const distance = starts[target] + shift[before[target]] - (at + shift[k] + 2);
      if (fitsInt8(distance)) continue;
      sizes[k] = cond < 0 ? 5 : 6;
      grown = true;
    }
  }
  const asm = new X64Assembler();
  const out = new Uint8Array(code.length + shift[branches.length]);
  let from = 0;
  let to = 0;
  for (const [k, { at, cond, target }] of branches.entries()) {
    out.set(code.subarray(from, at), to);
    to += at - from;
    from = at;
    asm.size = 0;
    const distance = starts[target] + shift[before[target]] - (to + sizes[k]);
    const short = sizes[k] === 2;
    asm.op(cond < 0 ? (short ? JMP8 : JMP32) : (short ? SHORT : NEAR)[cond], distance);
    out.set(asm.bytes.subarray(0, asm.size), to);
    to += asm.size;
  }
  out.set(code.subarray(from), to);
  const moved = (offset: number): number => {
    let low = 0;
    let high = branches.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (branches[middle].at <= offset) low = middle + 1;
      else high = middle;
    }
    return offset + shift[low];
  };
  return { bytes: out, moved };
}
