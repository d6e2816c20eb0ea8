/** Machine code as text: labels, the helpers that are called, the strings that are loaded, source lines. */

import { Capstone, Const, loadCapstone } from "capstone-wasm";
import { compile } from "../compiler/compile.ts";
import { load } from "../compiler/load.ts";
import type { Arch, Container, DebugInfo } from "../formats/container.ts";
import { InputError } from "../formats/error.ts";
import { readContainer } from "../formats/read.ts";
import { option } from "./args.ts";
import { importText } from "./describe.ts";
import type { Subject } from "./dump.ts";
import { openContainer } from "./dump-container.ts";
import { printable } from "./io.ts";
import { compileOptions } from "./open.ts";
import type { Style } from "./table.ts";

/** What capstone calls the processors, and how their code calls slot k of got (DESIGN: r9 on x86-64 at a call). */
const PROCESSORS: Partial<
  Record<Arch, { arch: number; mode: number; call?: RegExp; load?: RegExp; bytes: number }>
> = {
  x64: {
    arch: Const.CS_ARCH_X86,
    mode: Const.CS_MODE_64,
    call: /^(?:call|jmp) qword ptr \[r9(?: \+ (0x[0-9a-f]+|[0-9]+))?\]$/,
    load: /\[rip \+ (0x[0-9a-f]+|[0-9]+)\]/,
    bytes: 8,
  },
  arm64: { arch: Const.CS_ARCH_ARM64, mode: Const.CS_MODE_ARM, bytes: 4 },
};

type Insn = ReturnType<Capstone["disasm"]>[number];

interface Listing {
  container: Container;
  debug: DebugInfo | undefined;
  /** Text of a source line, where the object has it. */
  source: Map<string, string>;
  style: Style;
  where: string;
}

/** A piece of the code: instructions, or bytes that nothing jumps to. */
interface Piece {
  start: number;
  end: number;
  insns?: Insn[];
}

const address = (at: number) => at.toString(16).padStart(16, "0");
const hexBytes = (bytes: Uint8Array): string =>
  Buffer.from(bytes)
    .toString("hex")
    .replace(/..(?=.)/g, "$& ");

/** Where a direct jump or call goes; capstone prints an absolute address. */
function jumpTarget({ mnemonic, opStr }: Insn): number | undefined {
  if (!/^(j|call|b$|b\.|bl$|cb|tb)/.test(mnemonic)) return undefined;
  const found = /(?:^|, )#?(0x[0-9a-f]+|[0-9]+)$/.exec(opStr);
  return found === null ? undefined : Number(found[1]);
}

/** Nothing runs on behind these. */
const ENDS = /^(ret|jmp|ud2|b|br|hlt)$/;

/** Instructions that are reached from `entries` by direct jumps and calls: the rest may be data. */
function follow(capstone: Capstone, code: Uint8Array, entries: readonly number[]): Piece[] {
  const found = new Map<number, Insn>();
  const work = [...entries];
  while (work.length > 0) {
    let at = work.pop()!;
    while (at < code.length && !found.has(at)) {
      const [insn] = capstone.disasm(code.subarray(at, at + 16), { address: at, count: 1 });
      if (insn === undefined) break;
      found.set(at, insn);
      const target = jumpTarget(insn);
      if (target !== undefined && target < code.length) work.push(target);
      if (ENDS.test(insn.mnemonic)) break;
      at += insn.size;
    }
  }
  return pieces(
    [...found.values()].sort((a, b) => Number(a.address) - Number(b.address)),
    code.length,
  );
}

/** Instructions in order, and what lies between them. */
function pieces(insns: readonly Insn[], size: number): Piece[] {
  const list: Piece[] = [];
  let end = 0;
  for (const insn of insns) {
    const at = Number(insn.address);
    if (at < end) continue; // a jump into the middle of an instruction
    if (at > end) list.push({ start: end, end: at });
    const last = list[list.length - 1];
    if (last?.insns !== undefined && last.end === at) last.insns.push(insn);
    else list.push({ start: at, end: at, insns: [insn] });
    end = at + insn.size;
    list[list.length - 1].end = end;
  }
  if (end < size) list.push({ start: end, end: size });
  return list;
}

/** With names every function is known; without them code is what the programs reach. */
function findCode(capstone: Capstone, { container, debug }: Listing): Piece[] {
  const { code, programs } = container;
  if (debug === undefined || debug.functions.length === 0)
    return follow(capstone, code, [
      ...programs.map(({ offset }) => offset),
      ...container.imports.flatMap((item) => (item.kind === "function" ? [item.offset] : [])),
    ]);
  const insns = debug.functions.flatMap(({ start, end }) =>
    capstone.disasm(code.subarray(start, end), { address: start }),
  );
  return pieces(insns, code.length);
}

/** Names of functions by their offset: of the debug information, of programs, or made up for what is called. */
function labels({ container, debug }: Listing, found: readonly Piece[]): Map<number, string> {
  const names = new Map<number, string>();
  for (const { insns = [] } of found)
    for (const insn of insns)
      if (/^(call|bl)$/.test(insn.mnemonic)) {
        const target = jumpTarget(insn);
        if (target !== undefined) names.set(target, `function_${target.toString(16)}`);
      }
  for (const { name, offset } of container.programs) names.set(offset, printable(name) || "entry");
  for (const { name, start } of debug?.functions ?? []) names.set(start, printable(name));
  return names;
}

/** "name" or "name+0x10". */
function placeText(names: readonly (readonly [number, string])[], at: number): string {
  const found = names.findLast(([start]) => start <= at);
  if (found === undefined) return `0x${at.toString(16)}`;
  return at === found[0] ? found[1] : `${found[1]}+0x${(at - found[0]).toString(16)}`;
}

/** The string at `at`, if one is there. */
function stringAt(code: Uint8Array, at: number): string | undefined {
  const end = code.indexOf(0, at);
  if (end <= at || end - at > 60) return undefined;
  const bytes = code.subarray(at, end);
  return bytes.every((b) => (b >= 32 && b < 127) || b === 10 || b === 9)
    ? JSON.stringify(new TextDecoder().decode(bytes))
    : undefined;
}

/** What an instruction refers to. */
function comment(insn: Insn, { container }: Listing, names: readonly (readonly [number, string])[]): string {
  const { call, load: loads } = PROCESSORS[container.arch]!;
  const text = `${insn.mnemonic} ${insn.opStr}`;
  const slot = call?.exec(text);
  if (slot) {
    const target = container.imports[Number(slot[1] ?? 0) / 8];
    return target === undefined ? "" : printable(importText(target, container));
  }
  const loaded = loads?.exec(text);
  if (loaded) {
    const at = Number(insn.address) + insn.size + Number(loaded[1]);
    if (at >= container.code.length) return "";
    const known = names.find(([start]) => start === at);
    return known?.[1] ?? stringAt(container.code, at) ?? `at 0x${at.toString(16)}`;
  }
  const target = jumpTarget(insn);
  return target === undefined ? "" : placeText(names, target);
}

function dataLines(code: Uint8Array, { start, end }: Piece): string[] {
  const lines: string[] = [];
  for (let at = start; at < end; at += 16) {
    const row = code.subarray(at, Math.min(at + 16, end));
    const text = [...row].map((b) => (b >= 32 && b < 127 ? String.fromCharCode(b) : ".")).join("");
    lines.push(`${at.toString(16).padStart(6)}: ${hexBytes(row).padEnd(48)} ${text}`);
  }
  return lines;
}

function insnLines(piece: Piece, listing: Listing, names: readonly (readonly [number, string])[]): string[] {
  const { style, debug, source } = listing;
  const rows = new Map(debug?.lines.map((row) => [row.offset, row]));
  const starts = new Map(names);
  const width = PROCESSORS[listing.container.arch]!.bytes * 3;
  return piece.insns!.flatMap((insn) => {
    const at = Number(insn.address);
    const out: string[] = [];
    if (starts.has(at)) out.push("", style.bold(`${address(at)} <${starts.get(at)}>:`));
    const row = rows.get(at);
    if (row !== undefined && row.line > 0) {
      const place = `${debug!.files[row.file]}:${row.line}`;
      out.push(style.dim(printable(`; ${place}: ${source.get(place) ?? ""}`).replace(/: $/, "")));
    }
    const text = `${insn.mnemonic} ${insn.opStr}`.trimEnd();
    const said = comment(insn, listing, names);
    const left = `${at.toString(16).padStart(6)}: ${hexBytes(insn.bytes).padEnd(width)} ${text}`;
    out.push(said === "" ? left : `${left.padEnd(width + 44)} ${style.dim(`; ${said}`)}`);
    return out;
  });
}

async function list(listing: Listing): Promise<string> {
  const { container, where, style } = listing;
  const processor = PROCESSORS[container.arch];
  if (processor === undefined)
    throw new InputError("ERR_RUNBPF_UNSUPPORTED", {
      where,
      expected: `code for ${Object.keys(PROCESSORS).join(" or ")}`,
      got: `code for ${container.arch}`,
    });
  await loadCapstone();
  const capstone = new Capstone(processor.arch, processor.mode);
  const found = findCode(capstone, listing);
  const names = [...labels(listing, found)].sort(([a], [b]) => a - b);
  const rest = listing.debug === undefined ? "rodata, or code that is called by pointer" : "rodata";
  const lines = found.flatMap((piece) =>
    piece.insns === undefined
      ? ["", style.bold(`${address(piece.start)} <${rest}>:`), ...dataLines(container.code, piece)]
      : insnLines(piece, listing, names),
  );
  return lines.slice(1).join("\n") + "\n";
}

/** The machine code that convert would make of an object. */
export async function dumpObject({ bytes, args, kind, where, style }: Subject): Promise<string> {
  const target = option(args, "target") as Arch | undefined;
  const options = { ...compileOptions(args, where), raw: kind === "raw", target };
  const { container, debug } = compile(bytes, options);
  return list({
    container: readContainer(container, where),
    debug,
    source: sources(bytes, where, kind),
    style,
    where,
  });
}

/** Source lines by "file:line". */
function sources(bytes: Uint8Array, where: string, kind: Subject["kind"]): Map<string, string> {
  const all = new Map<string, string>();
  if (kind === "raw") return all;
  const { btf, debug } = load(bytes, where);
  for (const { lines } of debug.values())
    for (const { file, line, text } of lines)
      all.set(`${btf!.text(file, "file")}:${line}`, btf!.text(text, "source line").trim());
  return all;
}

export async function dumpContainer(subject: Subject): Promise<string> {
  const container = openContainer(subject);
  const { where, style } = subject;
  return list({ container, debug: container.debug, source: new Map(), style, where });
}
