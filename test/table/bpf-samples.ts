/** Instructions of a row with small, large and negative operands. */

import type { BpfRow, Insn } from "../../formats/isa/bpf.ts";

const VALUES = [
  { dst: 1, src: 2, off: 4, imm: 5, hi: 0 },
  { dst: 9, src: 10, off: -1, imm: -1, hi: -1 },
  { dst: 0, src: 0, off: 0, imm: 0, hi: 0 },
  { dst: 3, src: 3, off: 0x7fff, imm: 0x7fffffff, hi: 0x7fffffff },
  { dst: 8, src: 7, off: -0x8000, imm: -0x80000000, hi: -0x80000000 },
  { dst: 6, src: 1, off: 16, imm: 0x1234, hi: 1 },
];

export function samples(row: BpfRow): Insn[] {
  return VALUES.map((value) => {
    const field = (name: "dst" | "src" | "off" | "imm" | "hi") => (row.uses.includes(name) ? value[name] : 0);
    const free = {
      dst: field("dst"),
      src: field("src"),
      off: field("off"),
      imm: field("imm"),
      hi: field("hi"),
    };
    return { row, ...free, ...row.match, slot: 0 };
  });
}
