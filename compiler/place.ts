/** Names the place of an instruction for messages: "prog.c:12" with line information, else "prog.o: xdp+0x18". */

import { SLOT } from "../formats/isa/bpf.ts";
import { lowerBound, placeInSection } from "./object.ts";
import type { Func, LineInfo } from "./program.ts";

/** The line that instruction `insn` belongs to, or undefined without line information. */
export function lineOf(func: Func, insn: number): LineInfo | undefined {
  const line = func.lines[lowerBound(func.lines, insn + 1, (l) => l.insn) - 1];
  return line && line.line > 0 && line.file !== "" ? line : undefined;
}

export function place(file: string, func: Func, insn: number): string {
  const line = lineOf(func, insn);
  if (line) return `${line.file.slice(line.file.lastIndexOf("/") + 1)}:${line.line}`;
  const { slot } = func.insns[Math.min(insn, func.insns.length - 1)];
  return placeInSection(file, func.section, func.offset + slot * SLOT);
}
