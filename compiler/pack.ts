/**
 * Joins functions, read-only data and initial data into a container: requires encoded functions, guarantees that
 * the first program's entry is at offset 0 and that every reference is filled in.
 */

import { align } from "../formats/bytes.ts";
import type { Arch, Container, DebugInfo, Import, ProgramEntry, Relocation } from "../formats/container.ts";
import { bug } from "../formats/error.ts";
import type { DataPointer, Program } from "./program.ts";
import type { FunctionCode } from "./target/code.ts";
import type { Target } from "./target/target.ts";

export interface Packed {
  code: Uint8Array;
  /** Code offset of each function. */
  offsets: number[];
  rodataAt: number;
}

/** Lays functions out in their order, read-only data behind them, and fills in what refers to them. */
export function layOut(program: Program, functions: FunctionCode[], patch: Target["patch"]): Packed {
  const offsets: number[] = [];
  let size = 0;
  for (const { bytes, alignment } of functions) {
    size = align(size, alignment);
    offsets.push(size);
    size += bytes.length;
  }
  const rodataAt = program.rodata.length === 0 ? size : align(size, program.rodataAlign);
  const code = new Uint8Array(align(rodataAt + program.rodata.length, 4));
  for (const [f, { bytes }] of functions.entries()) code.set(bytes, offsets[f]);
  code.set(program.rodata, rodataAt);
  for (const [f, { fixups }] of functions.entries())
    for (const { at, kind, target } of fixups) {
      const to = { function: offsets[target], rodata: rodataAt + target, table: offsets[f] + target };
      patch(code, offsets[f] + at, to[kind]);
    }
  return { code, offsets, rodataAt };
}

function pointerTarget({ to }: DataPointer, packed: Packed): { block: "code" | "data"; offset: number } {
  if (to.kind === "function") return { block: "code", offset: packed.offsets[to.index] };
  if (to.kind === "rodata") return { block: "code", offset: packed.rodataAt + to.offset };
  return { block: "data", offset: to.offset };
}

export function makeContainer(
  format: "bare" | "spf",
  program: Program,
  packed: Packed,
  imports: Import[],
  programs: ProgramEntry[],
  arch: Arch,
  debug?: DebugInfo,
  btf?: Uint8Array,
): Container {
  const { pointers } = program;
  const last = pointers.length === 0 ? 0 : Math.max(...pointers.map((p) => p.at + 8));
  const data = new Uint8Array(Math.max(program.data.length, last));
  data.set(program.data);
  const view = new DataView(data.buffer);
  const relocations: Relocation[] = pointers.map((pointer) => {
    const { block, offset } = pointerTarget(pointer, packed);
    view.setUint32(pointer.at, offset, true);
    view.setUint32(pointer.at + 4, 0, true);
    return { at: pointer.at, block };
  });
  const used = imports.some((slot) => slot.kind === "data");
  if (!used && relocations.length > 0 && program.dataSize === 0) bug("pointers without data");
  return {
    format,
    arch,
    code: packed.code,
    imports,
    data: used ? data : new Uint8Array(0),
    dataSize: used ? align(program.dataSize, 8) : 0,
    relocations: used ? relocations : [],
    programs,
    maps: program.maps,
    symbols: program.symbols.flatMap((symbol) => {
      if (symbol.block === "code") return { ...symbol, offset: packed.rodataAt + symbol.offset };
      return used ? symbol : [];
    }),
    btf,
    debug,
  };
}

/** Where the code came from, by code offset. */
export function debugInfo(program: Program, functions: FunctionCode[], packed: Packed): DebugInfo {
  const info: DebugInfo = { functions: [], files: [], lines: [] };
  const fileIndex = new Map<string, number>();
  const indexOf = (file: string) => {
    if (!fileIndex.has(file)) fileIndex.set(file, info.files.push(file) - 1);
    return fileIndex.get(file)!;
  };
  for (const [f, { size, lines }] of functions.entries()) {
    if (size === 0) continue;
    const start = packed.offsets[f];
    info.functions.push({ name: program.functions[f].name, start, end: start + size });
    const source = program.functions[f].lines;
    for (const { offset, insn } of lines) {
      let low = -1;
      for (let high = source.length - 1; low < high; ) {
        const middle = (low + high + 1) >> 1;
        if (source[middle].insn <= insn) low = middle;
        else high = middle - 1;
      }
      if (low < 0) continue;
      const row = { offset: start + offset, file: indexOf(source[low].file), line: source[low].line };
      const last = info.lines[info.lines.length - 1];
      if (last?.file !== row.file || last.line !== row.line || last.offset < start) info.lines.push(row);
    }
  }
  return info;
}
