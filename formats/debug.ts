/** The debug section of spf: where code came from, sorted and delta-coded. */

import type { Reader, Writer } from "./bytes.ts";
import type { DebugInfo } from "./container.ts";
import { type Field, fieldsSize, readFields, writeFields } from "./fields.ts";
import type { Strings } from "./strings.ts";

export const DEBUG = [
  { name: "functions", size: 4, doc: "number of function records" },
  { name: "files", size: 4, doc: "number of files, a string (4 bytes) each" },
  { name: "lines", size: 4, doc: "number of line rows, three variable-length numbers each" },
] as const satisfies readonly Field[];

export const FUNCTION = [
  { name: "name", size: 4, doc: "string: name of the function" },
  { name: "start", size: 4, doc: "offset of its first byte in the code" },
  { name: "end", size: 4, doc: "offset behind its last byte" },
] as const satisfies readonly Field[];

/** Signed as unsigned, small stays small: 0, -1, 1, -2 … → 0, 1, 2, 3 … */
const zigzag = (value: number): number => (value < 0 ? -2 * value - 1 : 2 * value);
const unzigzag = (value: number): number => (value % 2 === 1 ? -(value + 1) / 2 : value / 2);

function writeNumber(out: Writer, value: number): void {
  while (value >= 128) {
    out.u8((value % 128) + 128);
    value = Math.floor(value / 128);
  }
  out.u8(value);
}

export function writeDebug(out: Writer, debug: DebugInfo, offsetOf: (text: string) => number): void {
  const { functions, files, lines } = debug;
  writeFields(out, DEBUG, { functions: functions.length, files: files.length, lines: lines.length });
  for (const { name, start, end } of functions)
    writeFields(out, FUNCTION, { name: offsetOf(name), start, end });
  for (const file of files) out.u32(offsetOf(file));
  let last = { offset: 0, file: 0, line: 0 };
  for (const row of lines) {
    writeNumber(out, row.offset - last.offset);
    writeNumber(out, zigzag(row.file - last.file));
    writeNumber(out, zigzag(row.line - last.line));
    last = row;
  }
}

/** Reads numbers of at most five bytes (35 bits). */
class Numbers {
  private readonly from: Reader;
  at: number;

  constructor(from: Reader, at: number) {
    this.from = from;
    this.at = at;
  }

  next(what: string): number {
    const start = this.at;
    let value = 0;
    for (let scale = 1; scale < 2 ** 35; scale *= 128) {
      const byte = this.from.u8(this.at++, what);
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    return this.from.fail(start, `${what} in at most 5 bytes`, "a longer number");
  }
}

export function readDebug(payload: Reader, codeSize: number, strings: Strings): DebugInfo {
  const counts = readFields(payload, 0, DEBUG);
  let at = fieldsSize(DEBUG);
  const need = at + counts.functions * fieldsSize(FUNCTION) + counts.files * 4 + counts.lines * 3;
  if (need > payload.size) payload.fail(0, `at least ${need} bytes`, `${payload.size}`);
  const functions: DebugInfo["functions"] = [];
  let last = 0;
  for (let i = 0; i < counts.functions; i++, at += fieldsSize(FUNCTION)) {
    const { name, start, end } = readFields(payload, at, FUNCTION);
    if (start < last || end < start || end > codeSize)
      payload.fail(at, `a function from ${last} on inside ${codeSize} bytes of code`, `${start} … ${end}`);
    functions.push({ name: strings.get(name, payload, at), start, end });
    last = start;
  }
  const files: string[] = [];
  for (let i = 0; i < counts.files; i++, at += 4)
    files.push(strings.get(payload.u32(at, "file"), payload, at));
  return { functions, files, lines: readLines(payload, at, counts, codeSize) };
}

function readLines(
  payload: Reader,
  start: number,
  counts: { files: number; lines: number },
  codeSize: number,
): DebugInfo["lines"] {
  const lines: DebugInfo["lines"] = [];
  const numbers = new Numbers(payload, start);
  let [offset, file, line] = [0, 0, 0];
  for (let i = 0; i < counts.lines; i++) {
    const at = numbers.at;
    offset += numbers.next("code offset");
    file += unzigzag(numbers.next("file"));
    line += unzigzag(numbers.next("line"));
    if (offset > codeSize || file < 0 || file >= counts.files || line < 0 || line > 0xffff_ffff)
      payload.fail(at, "a line row inside code and files", `offset ${offset}, file ${file}, line ${line}`);
    lines.push({ offset, file, line });
  }
  if (numbers.at !== payload.size)
    payload.fail(numbers.at, "the end of the section", `${payload.size - numbers.at} more bytes`);
  return lines;
}
