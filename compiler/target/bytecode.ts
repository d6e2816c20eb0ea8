/**
 * Bytecode containers: eBPF itself, its references resolved to what the container holds (formats/README.md says
 * how). For the interpreter; nothing is optimised.
 */

import type { Import } from "../../formats/container.ts";
import { bug } from "../../formats/error.ts";
import { BPF, type BpfRow, encode, type Insn, SLOT } from "../../formats/isa/bpf.ts";
import { RANGES } from "../../helpers/table.ts";
import { PACKET_LOAD } from "../build/build.ts";
import { Imports } from "../build/imports.ts";
import type { Func, Program, Reference } from "../program.ts";
import type { FunctionCode } from "./code.ts";

const row = (name: string): BpfRow => BPF.find((r) => r.name === name) ?? bug(`no eBPF row ${name}`);
const CALL = row("call");
const LOCAL = row("call.local");
const NAMED = row("call.kfunc");
const FUNCTION = row("lddw.func");
const RODATA = row("lddw.var");
const DATA = row("lddw.map_idx_value");
const MAP = row("lddw.map_idx");

/** Collects imports in their final order: helpers by first use, then maps, the data block last. */
function collect(program: Program, calls: (number | undefined)[][]): Imports {
  const imports = new Imports();
  const all = program.functions.flatMap((func) => func.references);
  for (const [f, func] of program.functions.entries())
    for (let i = 0; i < func.insns.length; i++) {
      const reference = func.references[i];
      if (reference?.kind === "helper") imports.helper(reference.id);
      else if (reference?.kind === "named") imports.named(reference.name);
      if (func.insns[i].row.kind === "packet") imports.helper(PACKET_LOAD);
      const id = calls[f][i];
      if (id !== undefined) imports.helper(id);
    }
  for (const reference of all) if (reference?.kind === "map") imports.map(reference.index);
  if (all.some((reference) => reference?.kind === "data")) imports.data();
  return imports;
}

/** Helper ids of indirect calls whose register was set in the same stretch of code (`callx` on a helper id). */
function knownCalls(func: Func): (number | undefined)[] {
  const found: (number | undefined)[] = [];
  const jumpedTo = new Set(func.targets);
  let known = new Map<number, number>();
  for (const [i, insn] of func.insns.entries()) {
    if (jumpedTo.has(i)) known = new Map();
    const id = insn.row.op === "indirect" ? known.get(insn.dst) : undefined;
    if (id !== undefined && id > 0 && id < RANGES.temp.end) found[i] = id;
    const isMove = insn.row.op === "mov" && insn.row.operand === "imm";
    const isWide = insn.row.kind === "lddw" && insn.hi === 0 && func.references[i] === undefined;
    if (isMove || isWide) known.set(insn.dst, insn.imm);
    else if (insn.row.kind === "call") for (let r = 0; r < 6; r++) known.delete(r);
    else if (
      insn.row.kind === "alu" ||
      insn.row.kind === "load" ||
      insn.row.kind === "end" ||
      insn.row.kind === "lddw"
    )
      known.delete(insn.dst);
    else if (insn.row.kind === "atomic") known.delete(insn.row.op === "cmpxchg" ? 0 : insn.src);
  }
  return found;
}

function resolve(
  insn: Insn,
  reference: Reference | undefined,
  id: number | undefined,
  imports: Imports,
): Insn {
  if (id !== undefined) return { ...insn, row: CALL, dst: 0, imm: id };
  switch (reference?.kind) {
    case undefined:
      return insn;
    case "helper":
      return { ...insn, row: CALL, src: 0, imm: reference.id };
    case "named":
      return { ...insn, row: NAMED, imm: imports.named(reference.name) };
    case "function":
      return { ...insn, row: insn.row.kind === "call" ? LOCAL : FUNCTION, imm: 0, hi: 0 };
    case "rodata":
      return { ...insn, row: RODATA, imm: 0, hi: 0 };
    case "data":
      return { ...insn, row: DATA, imm: imports.data(), hi: reference.offset };
    case "map":
      return { ...insn, row: MAP, imm: imports.map(reference.index), hi: 0 };
    default:
      return bug(`no bytecode for a reference to a ${reference?.kind}`);
  }
}

export function encodeBytecode(program: Program): { codes: FunctionCode[]; imports: Import[] } {
  const calls = program.functions.map(knownCalls);
  const imports = collect(program, calls);
  const codes = program.functions.map((func, f): FunctionCode => {
    const fixups: FunctionCode["fixups"] = [];
    const insns = func.insns.map((insn, i) => {
      const reference = func.references[i];
      const at = insn.slot * SLOT;
      if (reference?.kind === "function") fixups.push({ at, kind: "function", target: reference.index });
      if (reference?.kind === "rodata") fixups.push({ at, kind: "rodata", target: reference.offset });
      return resolve(insn, reference, calls[f][i], imports);
    });
    const lines = func.lines.map(({ insn }) => ({ offset: func.insns[insn].slot * SLOT, insn }));
    const bytes = encode(insns);
    return { bytes, size: bytes.length, alignment: 1, fixups, lines, stack: 0 };
  });
  return { codes, imports: imports.list };
}

/** Fills in a reference: instructions count their distance in slots, the address of read-only data is its offset. */
export function patchBytecode(code: Uint8Array, at: number, to: number): void {
  const view = new DataView(code.buffer, code.byteOffset);
  const isRodata = code[at] === RODATA.opcode && code[at + 1] >> 4 === RODATA.match.src;
  view.setInt32(at + 4, isRodata ? to : (to - (at + SLOT)) / SLOT, true);
}
