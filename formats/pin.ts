/**
 * Files of pinned maps: header, table of threads, directory, and each map's memory. What is read has been checked: the
 * blocks lie in the file, apart from each other, each as its definition says.
 */

import { align, hex, Reader, Writer } from "./bytes.ts";
import { fileChecksum } from "./common.ts";
import { InputError } from "./error.ts";
import { type Field, fieldsSize, readFields, writeFields } from "./fields.ts";

export const PIN_MAGIC = "runbpf\0m";
export const PIN_VERSION = 1;

export const PIN_HEADER = [
  { name: "magicLow", size: 4, doc: "`runb` (72 75 6e 62)" },
  { name: "magicHigh", size: 4, doc: "`pf`, a NUL and `m` (70 66 00 6d)" },
  { name: "version", size: 4, doc: "1" },
  { name: "count", size: 4, doc: "number of maps, at most 256" },
  { name: "size", size: 4, doc: "bytes of the file, lower half" },
  { name: "sizeHigh", size: 4, doc: "upper half" },
  {
    name: "checksum",
    size: 4,
    doc: "CRC-32 of the header with this field zero, and of the entries that are used",
  },
  { name: "cpus", size: 4, doc: "values that per-cpu maps have: 1 … 64" },
] as const satisfies readonly Field[];

export const PIN_ENTRY = [
  { name: "type", size: 4, doc: "Linux's `enum bpf_map_type`" },
  { name: "keySize", size: 4, doc: "bytes of a key" },
  { name: "valueSize", size: 4, doc: "bytes of a value" },
  { name: "maxEntries", size: 4, doc: "most entries" },
  { name: "flags", size: 4, doc: "Linux's map flags" },
  { name: "cpus", size: 4, doc: "values for threads: the header's number in per-cpu maps, else 1" },
  { name: "inner", size: 4, doc: "ffffffff" },
  { name: "zero", size: 4, doc: "0" },
  { name: "offset", size: 4, doc: "where its memory starts, a multiple of 4096; lower half" },
  { name: "offsetHigh", size: 4, doc: "upper half" },
  { name: "size", size: 4, doc: "bytes of its memory, lower half" },
  { name: "sizeHigh", size: 4, doc: "upper half" },
] as const satisfies readonly Field[];

/** Places in the file. */
export const PIN = {
  threads: 64,
  directory: 4096,
  blocks: 36_864,
  page: 4096,
  most: 256,
  name: 64,
  entry: 128,
} as const;
const HEADER = 64;
const NONE = 0xffff_ffff;

export interface PinEntry {
  name: string;
  is: { type: number; keySize: number; valueSize: number; maxEntries: number; flags: number; cpus: number };
  offset: number;
  size: number;
}

export interface PinFile {
  cpus: number;
  size: number;
  entries: PinEntry[];
}

const word64 = (low: number, high: number): number => high * 2 ** 32 + low;

/** Checks the first PIN.blocks bytes of a file of `size` bytes. Throws ERR_RUNBPF_MAP. */
export function readPin(bytes: Uint8Array, size: number, where: string): PinFile {
  const r = new Reader(bytes, where, "ERR_RUNBPF_MAP");
  if (bytes.length < PIN.blocks)
    r.fail(0, `a file of pinned maps, ${PIN.blocks} bytes or more`, `${bytes.length} bytes`);
  const head = readFields(r, 0, PIN_HEADER);
  const magic = new TextDecoder("latin1").decode(bytes.slice(0, 8));
  if (magic !== PIN_MAGIC) r.fail(0, "a file of pinned maps", "another file");
  if (head.version !== PIN_VERSION) r.fail(8, `version ${PIN_VERSION}`, `${head.version}`);
  if (head.count > PIN.most) r.fail(12, `at most ${PIN.most} maps`, `${head.count}`);
  const checksum = checksumOf(bytes, head.count);
  if (head.checksum !== checksum) r.fail(24, `checksum ${hex(checksum)}`, hex(head.checksum));
  if (head.cpus < 1 || head.cpus > 64) r.fail(28, "1 … 64 threads", `${head.cpus}`);
  // Longer: somebody ended while a map was added; what is behind the size is not there yet.
  const known = word64(head.size, head.sizeHigh);
  if (known > size) r.fail(16, `at most ${size}, the file's size`, `${known}`);
  const entries: PinEntry[] = [];
  for (let i = 0; i < head.count; i++) entries.push(readEntry(r, i, head.cpus, size));
  const sorted = [...entries].sort((a, b) => a.offset - b.offset);
  for (const [i, { name, offset, size }] of sorted.entries())
    if (i + 1 < sorted.length && offset + size > sorted[i + 1].offset)
      r.fail(PIN.directory, `maps apart from each other`, `${name} and ${sorted[i + 1].name}`);
  if (new Set(entries.map(({ name }) => name)).size < entries.length)
    r.fail(PIN.directory, "maps with names of their own", "two with one name");
  return { cpus: head.cpus, size, entries };
}

function readEntry(r: Reader, i: number, cpus: number, size: number): PinEntry {
  const at = PIN.directory + i * PIN.entry;
  const text = r.slice(at, PIN.name, "name");
  const end = text.indexOf(0);
  if (end <= 0) r.fail(at, `a name of 1 … ${PIN.name - 1} bytes`, end < 0 ? "no end" : "none");
  const record = readFields(r, at + PIN.name, PIN_ENTRY);
  const offset = word64(record.offset, record.offsetHigh);
  const bytes = word64(record.size, record.sizeHigh);
  if (offset % PIN.page !== 0 || offset < PIN.blocks || bytes === 0 || offset + bytes > size)
    r.fail(at, "a map inside the file", `${bytes} bytes at ${hex(offset)}`);
  if (record.cpus !== 1 && record.cpus !== cpus) r.fail(at, `1 or ${cpus} values`, `${record.cpus}`);
  if (record.zero !== 0) r.fail(at, "0 (reserved)", hex(record.zero));
  const { type, keySize, valueSize, maxEntries, flags } = record;
  const name = new TextDecoder().decode(text.slice(0, end));
  return {
    name,
    is: { type, keySize, valueSize, maxEntries, flags, cpus: record.cpus },
    offset,
    size: bytes,
  };
}

function checksumOf(bytes: Uint8Array, count: number): number {
  const covered = new Uint8Array(HEADER + count * PIN.entry);
  covered.set(bytes.subarray(0, HEADER));
  covered.set(bytes.subarray(PIN.directory, PIN.directory + count * PIN.entry), HEADER);
  return fileChecksum(covered, 24);
}

/** Header and directory of a file with these maps; the table of threads, which stands between, is not in it. */
export function writePin({ cpus, size, entries }: PinFile): { header: Uint8Array; directory: Uint8Array } {
  const all = new Uint8Array(PIN.directory + entries.length * PIN.entry);
  const magic = new DataView(new TextEncoder().encode(PIN_MAGIC).buffer);
  const head = {
    ...{ magicLow: magic.getUint32(0, true), magicHigh: magic.getUint32(4, true), version: PIN_VERSION },
    ...{ count: entries.length, size: size >>> 0, sizeHigh: Math.floor(size / 2 ** 32), checksum: 0, cpus },
  };
  all.set(fields(PIN_HEADER, head));
  for (const [i, { name, is, offset, size }] of entries.entries()) {
    const at = PIN.directory + i * PIN.entry;
    const text = new TextEncoder().encode(name);
    if (text.length === 0 || text.length >= PIN.name)
      throw new InputError("ERR_RUNBPF_MAP", {
        where: `map ${name}`,
        expected: `a name of 1 … ${PIN.name - 1} bytes to pin it`,
        got: `${text.length}`,
      });
    all.set(text, at);
    const record = {
      ...{ ...is, inner: NONE, zero: 0, offset: offset >>> 0, offsetHigh: Math.floor(offset / 2 ** 32) },
      ...{ size: size >>> 0, sizeHigh: Math.floor(size / 2 ** 32) },
    };
    all.set(fields(PIN_ENTRY, record), at + PIN.name);
  }
  new DataView(all.buffer).setUint32(24, checksumOf(all, entries.length), true);
  return { header: all.slice(0, HEADER), directory: all.slice(PIN.directory) };
}

function fields<F extends readonly Field[]>(rows: F, values: Record<F[number]["name"], number>): Uint8Array {
  const out = new Writer(fieldsSize(rows));
  writeFields(out, rows, values);
  return out.finish();
}

/** Where the next map goes. */
export const nextBlock = ({ entries }: PinFile): number =>
  entries.reduce<number>(
    (end, { offset, size }) => Math.max(end, align(offset + size, PIN.page)),
    PIN.blocks,
  );
