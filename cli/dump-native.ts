/** A container's code as text: labels, the helpers that are called, the strings that are loaded, source lines. */

import { load } from "../compiler/load.ts";
import type { Container, DebugInfo } from "../formats/container.ts";
import { InputError } from "../formats/error.ts";
import { readContainer } from "../formats/read.ts";
import { helperById } from "../helpers/table.ts";
import { compileAnyway } from "./compile-anyway.ts";
import { importText } from "./describe.ts";
import { type Disassembler, type Line, PROCESSORS } from "./disassemble.ts";
import type { Subject } from "./dump.ts";
import { openContainer } from "./dump-container.ts";
import { printable } from "./io.ts";
import { compileOptions } from "./open.ts";
import type { Style } from "./table.ts";

interface Listing {
  container: Container;
  debug: DebugInfo | undefined;
  /** Text of a source line by "file:line", where the object has it. */
  source: Map<string, string>;
  style: Style;
  where: string;
}

/** A piece of the code: instructions, or bytes that are none. */
interface Piece {
  start: number;
  end: number;
  lines: Line[];
}

/** Names of functions, sorted by their offset. */
type Names = readonly (readonly [at: number, name: string])[];

const address = (at: number): string => at.toString(16).padStart(16, "0");
const hexBytes = (bytes: Uint8Array): string =>
  Buffer.from(bytes)
    .toString("hex")
    .replace(/..(?=.)/g, "$& ");

/** Instructions before a jump by table in which its parts are looked for. */
const NEAR = 16;
/** Entries of a jump table whose index nothing bounds: what is masked is small. */
const MOST_ENTRIES = 256;

/** Where a jump by table leads; `lines` come before it, the nearest last. */
function tableTargets(lines: readonly Line[], code: Uint8Array, unit: number): number[] {
  const bytes = lines.findLast(({ entryBytes }) => entryBytes !== undefined)?.entryBytes;
  const table = lines.findLast(({ kind }) => kind === "address")?.target;
  if (bytes === undefined || table === undefined) return [];
  const most = lines.findLast((line) => line.most !== undefined)?.most;
  const view = new DataView(code.buffer, code.byteOffset, code.length);
  const targets: number[] = [];
  for (let i = 0; i <= (most ?? MOST_ENTRIES - 1) && table + (i + 1) * bytes <= code.length; i++) {
    const at = table + i * bytes;
    const to = table + unit * (bytes === 2 ? view.getInt16(at, true) : view.getInt32(at, true));
    // A table stands behind the code that it leads to.
    if (to < 0 || to >= table) break;
    targets.push(to);
  }
  return targets;
}

/** Instructions that are reached from `entries`, not by calls of pointers: the rest may be data. */
function follow(
  disassemble: Disassembler,
  code: Uint8Array,
  entries: readonly number[],
  unit: number,
): Line[] {
  const found = new Map<number, Line>();
  const work = [...entries];
  while (work.length > 0) {
    const recent: Line[] = [];
    for (let at = work.pop()!; at < code.length && !found.has(at); ) {
      const line = disassemble(code, at);
      if (line === undefined) break;
      found.set(at, line);
      if (line.kind === "jump" || line.kind === "call") work.push(line.target!);
      recent.push(line);
      if (line.isIndirect) work.push(...tableTargets(recent.slice(-NEAR), code, unit));
      if (line.ends) break;
      at += line.bytes.length;
    }
  }
  return [...found.values()].sort((a, b) => a.at - b.at);
}

/** The instructions from `at` on that end before `end`, as far as they are `wanted`. */
function straight(
  disassemble: Disassembler,
  code: Uint8Array,
  at: number,
  end: number,
  wanted: (line: Line) => boolean = () => true,
): Line[] {
  const lines: Line[] = [];
  for (let next = at; next < end; ) {
    const line = disassemble(code.subarray(0, end), next);
    if (line === undefined || !wanted(line)) break;
    lines.push(line);
    next += line.bytes.length;
  }
  return lines;
}

const endOf = ({ at, bytes }: Line): number => at + bytes.length;

/** What jumps pass over in front of loops, so that those start where they should: instructions that do nothing. */
function withPads(disassemble: Disassembler, code: Uint8Array, reached: readonly Line[]): Line[] {
  const all: Line[] = [];
  let end = 0;
  for (const line of reached) {
    const pads = straight(disassemble, code, end, line.at, ({ text }) => text.startsWith("nop"));
    if (pads.length > 0 && endOf(pads[pads.length - 1]) === line.at) all.push(...pads);
    all.push(line);
    end = endOf(line);
  }
  return all;
}

/** All instructions of the functions that the debug information names. */
function sweep(disassemble: Disassembler, code: Uint8Array, { functions }: DebugInfo): Line[] {
  return functions.flatMap(({ start, end }) => straight(disassemble, code, start, end));
}

/** What fills up code to a multiple of 4. */
const isPadding = (bytes: Uint8Array): boolean => bytes.length < 4 && bytes.every((byte) => byte === 0);

/** Instructions in order, and what lies between them. */
function pieces(lines: readonly Line[], code: Uint8Array): Piece[] {
  const size = code.length;
  const list: Piece[] = [];
  let end = 0;
  for (const line of lines) {
    if (line.at < end) continue; // a jump into the middle of an instruction
    let last = list[list.length - 1];
    if (line.at > end) list.push({ start: end, end: line.at, lines: [] });
    if (line.at > end || last === undefined) list.push((last = { start: line.at, end: line.at, lines: [] }));
    last.lines.push(line);
    last.end = end = endOf(line);
  }
  if (end < size) list.push({ start: end, end: size, lines: [] });
  return list.filter(({ lines, start, end }) => lines.length > 0 || !isPadding(code.subarray(start, end)));
}

function findCode(disassemble: Disassembler, { container, debug }: Listing, unit: number): Piece[] {
  const { code, programs, imports } = container;
  const entries = [
    ...programs.map(({ offset }) => offset),
    ...imports.flatMap((item) => (item.kind === "function" ? [item.offset] : [])),
  ];
  const lines =
    debug === undefined
      ? withPads(disassemble, code, follow(disassemble, code, entries, unit))
      : sweep(disassemble, code, debug);
  return pieces(lines, code);
}

/** Names from the debug information, of programs, or made up for what is called. */
function nameFunctions({ container, debug }: Listing, found: readonly Piece[]): Names {
  const names = new Map<number, string>();
  for (const { lines } of found)
    for (const { kind, target = 0 } of lines)
      if (kind === "call") names.set(target, `function_${target.toString(16)}`);
  for (const { name, offset } of container.programs) names.set(offset, printable(name) || "entry");
  for (const { name, start } of debug?.functions ?? []) names.set(start, printable(name));
  return [...names].sort(([a], [b]) => a - b);
}

/** "name" or "name+0x10". */
function placeText(names: Names, at: number): string {
  const found = names.findLast(([start]) => start <= at);
  if (found === undefined) return `0x${at.toString(16)}`;
  return at === found[0] ? found[1] : `${found[1]}+0x${(at - found[0]).toString(16)}`;
}

/** The string at `at`, if one is there. */
function stringAt(code: Uint8Array, at: number): string | undefined {
  const end = code.indexOf(0, at);
  if (end - at < 3 || end - at > 60) return undefined;
  const bytes = code.subarray(at, end);
  const isText = bytes.every((b) => (b >= 32 && b < 127) || b === 10 || b === 9);
  return isText ? JSON.stringify(new TextDecoder().decode(bytes)) : undefined;
}

/** What an instruction refers to. */
function comment({ kind, target, slot, helper }: Line, { container }: Listing, names: Names): string {
  const item = slot === undefined ? undefined : container.imports[slot];
  if (item !== undefined) return printable(importText(item, container));
  if (helper !== undefined) return helperById(helper)?.name ?? `helper ${helper}`;
  if (target === undefined || target >= container.code.length) return "";
  if (kind !== "address") return placeText(names, target);
  const known = names.find(([start]) => start === target);
  return known?.[1] ?? stringAt(container.code, target) ?? `at 0x${target.toString(16)}`;
}

function dataRows(code: Uint8Array, { start, end }: Piece): string[] {
  const rows: string[] = [];
  for (let at = start; at < end; at += 16) {
    const bytes = code.subarray(at, Math.min(at + 16, end));
    const text = [...bytes].map((b) => (b >= 32 && b < 127 ? String.fromCharCode(b) : ".")).join("");
    rows.push(`${at.toString(16).padStart(6)}: ${hexBytes(bytes).padEnd(48)} ${text}`);
  }
  return rows;
}

/** "; prog.c:6: puts(…);" where a new source line begins. */
function sourceRows({ debug, source, style }: Listing): Map<number, string> {
  const rows = new Map<number, string>();
  for (const { offset, file, line } of debug?.lines ?? []) {
    if (line === 0) continue;
    const place = `${debug!.files[file]}:${line}`;
    const text = source.get(place);
    rows.set(offset, style.dim(printable(`; ${place}${text === undefined ? "" : `: ${text}`}`)));
  }
  return rows;
}

async function list(listing: Listing): Promise<string> {
  const { container, where, style } = listing;
  const processor = PROCESSORS[container.arch];
  if (processor === undefined)
    throw new InputError("ERR_RUNBPF_UNSUPPORTED", {
      where,
      expected: `code for one of ${Object.keys(PROCESSORS).join(", ")}`,
      got: `code for ${container.arch}`,
    });
  const found = findCode(await processor.open(), listing, processor.unit);
  const names = nameFunctions(listing, found);
  const starts = new Map(names);
  const sources = sourceRows(listing);
  const rest = listing.debug === undefined ? "rodata, or code that is called by pointer" : "rodata";
  const title = (at: number, name: string) => ["", style.bold(`${address(at)} <${name}>:`)];
  const width = 3 * processor.bytes;
  const instruction = (line: Line): string[] => {
    const left = `${line.at.toString(16).padStart(6)}: ${hexBytes(line.bytes).padEnd(width)} ${line.text}`;
    const note = comment(line, listing, names);
    return [
      ...(starts.has(line.at) ? title(line.at, starts.get(line.at)!) : []),
      ...(sources.has(line.at) ? [sources.get(line.at)!] : []),
      note === "" ? left : `${left.padEnd(width + 44)} ${style.dim(`; ${note}`)}`,
    ];
  };
  const rows = found.flatMap((piece) =>
    piece.lines.length === 0
      ? [...title(piece.start, rest), ...dataRows(container.code, piece)]
      : piece.lines.flatMap(instruction),
  );
  return `${rows.join("\n").replace(/^\n/, "")}\n`;
}

/** Source lines by "file:line". */
function readSources({ bytes, where, kind }: Subject): Map<string, string> {
  const all = new Map<string, string>();
  if (kind === "raw") return all;
  const { btf, debug } = load(bytes, where);
  for (const { lines } of debug.values())
    for (const { file, line, text } of lines)
      all.set(
        `${btf!.text(file, "file")}:${line}`,
        btf!.text(text, "source line").replaceAll("\t", "    ").trim(),
      );
  return all;
}

/** The machine code that convert would make of an object. */
export async function dumpObject(subject: Subject): Promise<string> {
  const { bytes, args, kind, where, style } = subject;
  const compiled = compileAnyway(bytes, { ...compileOptions(args, where), raw: kind === "raw" });
  const container = readContainer(compiled.container, where);
  return list({ container, debug: compiled.debug, source: readSources(subject), style, where });
}

export async function dumpContainer(subject: Subject): Promise<string> {
  const container = openContainer(subject);
  const { where, style } = subject;
  return list({ container, debug: container.debug, source: new Map(), style, where });
}
