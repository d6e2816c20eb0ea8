/** The header of a bare or an spf file: its fields by the tables that the readers use, then what they mean. */

import { BARE_HEADER } from "../formats/bare.ts";
import { align, Reader } from "../formats/bytes.ts";
import { archOf, describeMagic } from "../formats/common.ts";
import { ARCHES, type Arch, type Container } from "../formats/container.ts";
import { type Field, fieldsSize, readFields } from "../formats/fields.ts";
import { readContainer } from "../formats/read.ts";
import { SECTIONS } from "../formats/sections.ts";
import { SECTION_HEADER, SPF_HEADER, spfTargets } from "../formats/spf.ts";
import { rangeOf } from "../helpers/table.ts";
import { option } from "./args.ts";
import { contextText, importText } from "./describe.ts";
import type { Subject } from "./dump.ts";
import { mapTable } from "./dump-object.ts";
import { printable } from "./io.ts";
import { hostArch } from "./open.ts";
import { count, table } from "./table.ts";

/** The container for this machine, for --target, or else the first in the file. */
export function openContainer({ bytes, where, args, kind }: Subject): Container {
  if (kind === "bare") return readContainer(bytes, where);
  const targets = spfTargets(bytes, where);
  const wanted = (option(args, "target") ?? hostArch()) as Arch;
  return readContainer(
    bytes,
    where,
    targets.includes(wanted) || option(args, "target") ? wanted : targets[0],
  );
}

const hex = (value: number, digits = 0): string => `0x${value.toString(16).padStart(digits, "0")}`;

/** What the number in a field stands for. */
const MEANINGS: Record<string, (value: number) => string> = {
  arch: (value) => archOf(value) ?? "",
  context: (value) => contextText({ context: value, memory: 0 }),
  flags: (value) =>
    [value & 1 ? "verified" : "unverified", ...(value & 2 ? ["all loops bounded"] : [])].join(", "),
  stack: (value) => (value === 0 ? "unknown" : `${value * 16} bytes`),
  arches: (value) =>
    Object.entries(ARCHES)
      .filter(([, id]) => (value >>> id) & 1)
      .map(([name]) => name)
      .join(", "),
};

function fieldRows(subject: Subject, fields: readonly Field[], meanings: typeof MEANINGS): string {
  const { bytes, where, style } = subject;
  const record = readFields(new Reader(bytes, where, "ERR_RUNBPF_CONTAINER"), 0, fields);
  let at = 0;
  const rows = fields.map(({ name, size }) => {
    const value = record[name];
    const shown =
      name === "magic" ? describeMagic(bytes) : name === "checksum" ? hex(value, 8) : String(value);
    const row = [String(at), String(size), name, shown, meanings[name]?.(value) ?? ""];
    at += size;
    return row;
  });
  const columns = ["offset", "bytes", "field", "value", ""].map((title, i) => ({ title, right: i < 2 }));
  return table(columns, rows, style);
}

/** The list of sections; the file was read and checked before. */
function sectionTable({ bytes, style, where }: Subject): string {
  const reader = new Reader(bytes, where, "ERR_RUNBPF_CONTAINER");
  const rows: string[][] = [];
  for (let at = fieldsSize(SPF_HEADER); at < bytes.length; ) {
    const { type, flags, arch, size } = readFields(reader, at, SECTION_HEADER);
    const name = SECTIONS.find((section) => section.type === type)?.name ?? `type ${type}`;
    const arches = arch === 255 ? "all" : (archOf(arch) ?? String(arch));
    rows.push([hex(at), name, arches, flags & 1 ? "critical" : "optional", String(size)]);
    at = align(at + fieldsSize(SECTION_HEADER) + size, 8);
  }
  return table(
    [
      { title: "offset", right: true },
      { title: "section" },
      { title: "target" },
      { title: "" },
      { title: "bytes", right: true },
    ],
    rows,
    style,
  );
}

function programTable({ programs }: Container, style: Subject["style"]): string {
  const rows = programs.map(({ name, hook, offset, contract }) => [
    printable(name) || "-",
    printable(hook) || "-",
    hex(offset),
    contextText(contract),
    contract.stack === 0 ? "unknown" : String(contract.stack),
    contract.verified ? "verified" : "unverified",
  ]);
  const columns = ["program", "section", "code", "context", "stack", ""];
  return table(
    columns.map((title) => ({ title, right: title === "code" || title === "stack" })),
    rows,
    style,
  );
}

function importTable(container: Container, style: Subject["style"]): string {
  const rows = container.imports.map((item, slot) => {
    const id = item.kind === "helper" ? String(item.id) : "";
    const range = item.kind === "helper" ? (rangeOf(item.id) ?? "") : "";
    return [`got[${slot}]`, id, range, printable(importText(item, container))];
  });
  return table(
    [{ title: "import" }, { title: "id", right: true }, { title: "range" }, { title: "is" }],
    rows,
    style,
  );
}

function symbolTable({ symbols }: Container, style: Subject["style"]): string {
  const rows = symbols.map(({ name, offset, size }) => [printable(name), hex(offset), String(size)]);
  return table(
    [{ title: "variable" }, { title: "data", right: true }, { title: "bytes", right: true }],
    rows,
    style,
  );
}

export function dumpHeader(subject: Subject): string {
  const { kind, where, bytes, style } = subject;
  const container = openContainer(subject);
  const { imports, maps, symbols, debug } = container;
  const bare = kind === "bare";
  const blocks = [`${style.bold(where)}: ${kind}, ${count(bytes.length, "byte")}, ${container.arch}\n`];
  blocks.push(
    fieldRows(subject, bare ? BARE_HEADER : SPF_HEADER, bare ? MEANINGS : { arches: MEANINGS.arches }),
  );
  if (!bare) blocks.push(sectionTable(subject), programTable(container, style));
  if (imports.length > 0) blocks.push(importTable(container, style));
  if (maps.length > 0) blocks.push(mapTable(maps, style));
  if (symbols.length > 0) blocks.push(symbolTable(container, style));
  if (debug !== undefined)
    blocks.push(
      `debug: ${[count(debug.functions.length, "function"), count(debug.files.length, "file"), count(debug.lines.length, "line row")].join(", ")}\n`,
    );
  return blocks.join("\n");
}
