/** Fixed records as rows: bytes, layout checks and the tables of formats/README.md derive from them. */

import type { Reader, Writer } from "./bytes.ts";

/** One little-endian unsigned field; fields follow each other without gaps. */
export interface Field<Name extends string = string> {
  name: Name;
  size: 1 | 2 | 4;
  /** What it holds, for the specification (Markdown). */
  doc: string;
}

export const fieldsSize = (fields: readonly Field[]): number =>
  fields.reduce((size, field) => size + field.size, 0);

/** Offset of a field in its record. */
export function fieldOffset<Name extends string>(fields: readonly Field<Name>[], name: Name): number {
  const index = fields.findIndex((field) => field.name === name);
  return fieldsSize(fields.slice(0, index));
}

/** Reads the record at `at`; every field is checked against the end of the bytes. */
export function readFields<Name extends string>(
  from: Reader,
  at: number,
  fields: readonly Field<Name>[],
): Record<Name, number> {
  const record = {} as Record<Name, number>;
  for (const { name, size } of fields) {
    record[name] = size === 4 ? from.u32(at, name) : size === 2 ? from.u16(at, name) : from.u8(at, name);
    at += size;
  }
  return record;
}

/** Appends a record; the caller has checked that every value fits its field. */
export function writeFields<Name extends string>(
  to: Writer,
  fields: readonly Field<Name>[],
  record: Record<Name, number>,
): void {
  for (const { name, size } of fields) {
    if (size === 4) to.u32(record[name]);
    else if (size === 2) to.u16(record[name]);
    else to.u8(record[name]);
  }
}

/** The record as rows of a Markdown table: offset, size, field, what it holds. */
export function fieldTable(fields: readonly Field[]): string {
  let at = 0;
  const rows = fields.map(({ name, size, doc }) => {
    const line = `| ${at} | ${size} | ${name} | ${doc} |`;
    at += size;
    return line;
  });
  return ["| offset | bytes | field | holds |", "|---|---|---|---|", ...rows].join("\n");
}
