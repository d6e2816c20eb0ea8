/** What an object holds: programs, functions, maps, bytecode between its source lines, and the optimised SSA form. */

import { contextOfHook } from "../compiler/context.ts";
import { load, loadRaw } from "../compiler/load.ts";
import type { Code, ObjectFile } from "../compiler/object.ts";
import type { BtfLine } from "../formats/btf.ts";
import { type ElfRelocation, R_BPF } from "../formats/elf.ts";
import { InputError } from "../formats/error.ts";
import { decode, type Insn, print, SLOT, slots } from "../formats/isa/bpf.ts";
import { helperById } from "../helpers/table.ts";
import { option } from "./args.ts";
import { compileAnyway } from "./compile-anyway.ts";
import { contextText } from "./describe.ts";
import type { Subject } from "./dump.ts";
import { printable } from "./io.ts";
import { compileOptions } from "./open.ts";
import { count, table } from "./table.ts";

const readObject = ({ kind, bytes, where }: Subject): ObjectFile =>
  kind === "raw" ? loadRaw(bytes, where) : load(bytes, where);

/** Functions in the order of their sections and offsets. */
function functionsOf(object: ObjectFile): Code[] {
  const all = [...object.functions.values()].flatMap((functions) => [...functions.values()]);
  return all.sort((a, b) => a.section.index - b.section.index || a.offset - b.offset);
}

const bytesOf = ({ section, offset, size }: Code): Uint8Array => section.data.subarray(offset, offset + size);

/** Linux's enum bpf_map_type, from 0 on. */
const MAP_TYPES = [
  ...[
    "unspec",
    "hash",
    "array",
    "prog_array",
    "perf_event_array",
    "percpu_hash",
    "percpu_array",
    "stack_trace",
  ],
  ...[
    "cgroup_array",
    "lru_hash",
    "lru_percpu_hash",
    "lpm_trie",
    "array_of_maps",
    "hash_of_maps",
    "devmap",
    "sockmap",
  ],
  ...[
    "cpumap",
    "xskmap",
    "sockhash",
    "cgroup_storage",
    "reuseport_sockarray",
    "percpu_cgroup_storage",
    "queue",
  ],
  ...[
    "stack",
    "sk_storage",
    "devmap_hash",
    "struct_ops",
    "ringbuf",
    "inode_storage",
    "task_storage",
    "bloom_filter",
  ],
  ...["user_ringbuf", "cgrp_storage", "arena"],
];

export function dumpHeader(subject: Subject): string {
  const object = readObject(subject);
  const { where, bytes, style } = subject;
  const functions = functionsOf(object);
  const parts = [
    `${style.bold(where)}: ${subject.kind === "raw" ? "bytecode" : "eBPF object"}, ${count(bytes.length, "byte")}`,
    `license ${object.license === "" ? "none" : `"${object.license}"`}`,
    object.btf === undefined ? "no BTF" : object.debug.size === 0 ? "BTF" : "BTF with lines",
  ];
  const rows = functions.map((code) => {
    const isProgram = code.exported.length > 0 && code.section.name !== ".text";
    return [
      printable(code.name),
      printable(code.section.name),
      String(code.offset),
      String(code.size / SLOT),
      isProgram ? contextText({ context: contextOfHook(code.section.name).kind, memory: 0 }) : "-",
    ];
  });
  const columns = ["function", "section", "offset", "slots", "context"];
  const blocks = [
    parts.join(", ") + "\n",
    table(
      columns.map((title) => ({ title, right: title === "offset" || title === "slots" })),
      rows,
      style,
    ),
  ];
  if (object.maps.length > 0) blocks.push(mapTable(object.maps, style));
  return blocks.join("\n");
}

/** Maps of an object or a container. */
export function mapTable(
  maps: readonly Omit<ObjectFile["maps"][number], "initial" | "section" | "offset">[],
  style: Subject["style"],
): string {
  const columns = ["map", "type", "key", "value", "entries", "flags"];
  return table(
    columns.map((title, i) => ({ title, right: i > 1 })),
    maps.map(({ name, type, keySize, valueSize, maxEntries, flags }) => [
      printable(name),
      MAP_TYPES[type] ?? `type ${type}`,
      ...[keySize, valueSize, maxEntries].map(String),
      `0x${flags.toString(16)}`,
    ]),
    style,
  );
}

/** The same list, for lookup by offset. */
const byOffset = <T extends { offset: number }>(list: readonly T[]): Map<number, T> =>
  new Map(list.map((item) => [item.offset, item]));

const hexBytes = (bytes: Uint8Array): string =>
  Buffer.from(bytes)
    .toString("hex")
    .replace(/..(?=.)/g, "$& ");
const relocationName = (type: number): string =>
  Object.entries(R_BPF).find(([, value]) => value === type)?.[0] ?? String(type);

/** "0000000000000010:  R_BPF_64_32  puts", under the instruction that it changes. */
const relocationText = (at: number, { type, symbol, addend }: ElfRelocation, section: string): string =>
  `\t\t${at.toString(16).padStart(16, "0")}:  R_BPF_${relocationName(type)}\t${printable(symbol.name || section)}${
    addend ? `+0x${addend.toString(16)}` : ""
  }\n`;

/** Helpers by number have a name only here. */
function note(insn: Insn): string {
  const name = insn.row.op === "helper" ? helperById(insn.imm)?.name : undefined;
  return name === undefined ? "" : `\t; ${name}`;
}

/** All functions, or those of the function or section that --program names. */
function chosen(object: ObjectFile, program: string | undefined): Code[] {
  const all = functionsOf(object);
  if (program === undefined) return all;
  const found = all.filter(({ name, section }) => name === program || section.name === program);
  if (found.length > 0) return found;
  throw new InputError("ERR_RUNBPF_LINK", {
    where: object.name,
    expected: `one of the functions ${all
      .slice(0, 20)
      .map(({ name }) => name)
      .join(", ")}`,
    got: `"${program}"`,
  });
}

export function dumpBytecode(subject: Subject): string {
  const object = readObject(subject);
  const out: string[] = [];
  let section = -1;
  for (const code of chosen(object, option(subject.args, "program"))) {
    if (code.section.index !== section && code.section.name !== "")
      out.push(`${out.length > 0 ? "\n" : ""}Disassembly of section ${printable(code.section.name)}:\n`);
    section = code.section.index;
    dumpFunction(object, code, subject, out);
  }
  return out.join("");
}

function dumpFunction(object: ObjectFile, code: Code, { where, style }: Subject, out: string[]): void {
  const { section, offset } = code;
  const lines = byOffset<BtfLine>(object.debug.get(section.name)?.lines ?? []);
  const relocations = byOffset(object.relocations.get(section.index) ?? []);
  const address = (at: number) => at.toString(16).padStart(16, "0");
  out.push(`\n${style.bold(`${address(offset)} <${printable(code.name)}>:`)}\n`);
  const starts = [...(object.functions.get(section.index)?.values() ?? [])].sort(
    (a, b) => a.offset - b.offset,
  );
  /** A jump or a call by the function of the section that it leads to. */
  const target = (slot: number): string => {
    const at = offset + slot * SLOT;
    const home = starts.findLast((start) => start.offset <= at) ?? code;
    const inside = at - home.offset;
    return inside === 0 ? printable(home.name) : `${printable(home.name)}+0x${inside.toString(16)}`;
  };
  let shown = 0;
  for (const insn of decode(bytesOf(code), where, offset)) {
    const at = offset + insn.slot * SLOT;
    const line = lines.get(at);
    if (line !== undefined && line.line !== shown) {
      shown = line.line;
      const source = printable(object.btf!.text(line.text, "source line").replaceAll("\t", "    ").trimEnd());
      out.push(style.dim(`; ${source === "" ? `line ${line.line}` : source}`) + "\n");
    }
    // What a relocation will change leads nowhere yet.
    const relocation = relocations.get(at);
    const text = print(insn, relocation === undefined ? target : undefined);
    const bytes = hexBytes(section.data.subarray(at, at + slots(insn) * SLOT));
    out.push(`${String(at / SLOT).padStart(8)}:\t${bytes}\t${text}${style.dim(note(insn))}\n`);
    if (relocation !== undefined)
      out.push(
        style.dim(relocationText(at, relocation, object.sections[relocation.symbol.section]?.name ?? "")),
      );
  }
}

/** Every function after the last pass of its level. */
export function dumpIr({ bytes, args, kind, where }: Subject): string {
  const options = { ...compileOptions(args, where), raw: kind === "raw" };
  const last = new Map<object, string>();
  compileAnyway(bytes, { ...options, onPass: (_, fn, text) => last.set(fn, text()) });
  return [...last.values()].join("\n");
}
