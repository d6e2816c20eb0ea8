/** The bare container: requires one program without maps; a file that this reads has passed every check of the specification. */

import { align, hex, Reader, Writer } from "./bytes.ts";
import {
  archOf,
  CODE_LIMIT,
  checkLimits,
  contractOf,
  DATA_LIMIT,
  fileChecksum,
  flagsOf,
  HELPER_IDS,
  magicNumber,
  openContainer,
  readRelocations,
  refuse,
  stackUnits,
  trimData,
  writeRelocations,
} from "./common.ts";
import { ARCHES, type Container, type Import } from "./container.ts";
import { bug } from "./error.ts";
import { type Field, fieldOffset, fieldsSize, writeFields } from "./fields.ts";

export const BARE_MAGIC = "bare";
export const BARE_VERSION = 1;

/** The header, formats/README.md "bare". */
export const BARE_HEADER = [
  { name: "magic", size: 4, doc: "`bare` (62 61 72 65)" },
  { name: "version", size: 1, doc: "1" },
  { name: "arch", size: 1, doc: "architecture of the code" },
  { name: "flags", size: 1, doc: "bit 0: verified; bit 1: every loop is bounded; other bits are 0" },
  { name: "context", size: 1, doc: "context kind: what r1 … r5 are" },
  { name: "size", size: 4, doc: "bytes of the whole file" },
  { name: "checksum", size: 4, doc: "CRC-32 of the whole file with this field zero" },
  {
    name: "code",
    size: 4,
    doc: "bytes of code with its read-only data: a multiple of 4, from 4 to 2^30 - 4",
  },
  {
    name: "data",
    size: 4,
    doc: "bytes of the data block in memory: a multiple of 8 below 2^31; 0 = no data block",
  },
  { name: "helpers", size: 2, doc: "number of helper words" },
  { name: "relocations", size: 2, doc: "number of relocation words" },
  { name: "stack", size: 2, doc: "bytes of stack that the program needs / 16; 0 = unknown" },
  { name: "memory", size: 2, doc: "bytes that r1 must at least point to" },
] as const satisfies readonly Field[];

const HEADER_SIZE = fieldsSize(BARE_HEADER);
const at = (name: (typeof BARE_HEADER)[number]["name"]): number => fieldOffset(BARE_HEADER, name);

const unsupported = (where: string, got: string): never =>
  refuse("ERR_RUNBPF_UNSUPPORTED", where, "a program that bare can hold", got, "convert to spf");

function helperWords(container: Container, where: string): number[] {
  const words: number[] = [];
  for (const [slot, item] of container.imports.entries()) {
    if (item.kind === "helper") {
      if (words.length !== slot) bug(`import ${slot}: a helper behind the data block`);
      words.push((item.id | (item.hash << 22)) >>> 0);
    } else if (item.kind === "named") unsupported(where, `the helper "${item.name}", which has no id`);
    else if (item.kind === "map") unsupported(where, `the map "${container.maps[item.index]?.name}"`);
    else if (item.kind === "function") unsupported(where, "a function among the imports");
    else if (slot !== container.imports.length - 1) bug("the data block is not the last import");
  }
  if (container.dataSize > 0 !== words.length < container.imports.length)
    bug(`${container.dataSize} bytes of data, ${container.imports.length} imports, ${words.length} helpers`);
  return words;
}

function checkShape(container: Container, where: string): void {
  if (container.programs.length !== 1) unsupported(where, `${container.programs.length} programs`);
  if (container.programs[0].offset !== 0) bug(`bare entry at ${container.programs[0].offset}`);
  if (container.maps.length > 0) unsupported(where, `the map "${container.maps[0].name}"`);
  if (container.relocations.length > 0xffff)
    unsupported(where, `${container.relocations.length} pointers in its data`);
  if (container.imports.length > 0xffff) unsupported(where, `${container.imports.length} imports`);
}

/**
 * The bytes of a bare file. Refuses (ERR_RUNBPF_UNSUPPORTED) what bare does not have: several programs,
 * maps, helpers without an id, functions among the imports.
 */
export function writeBare(container: Container, where = "bare"): Uint8Array {
  checkLimits(container, where);
  checkShape(container, where);
  const words = helperWords(container, where);
  const contract = container.programs[0].contract;
  const data = trimData(container.data, container.relocations);
  const out = new Writer(HEADER_SIZE + container.code.length + 4 * words.length + data.length);
  writeFields(out, BARE_HEADER, {
    magic: magicNumber(BARE_MAGIC),
    version: BARE_VERSION,
    arch: ARCHES[container.arch],
    flags: flagsOf(contract),
    context: contract.context,
    size: 0,
    checksum: 0,
    code: align(container.code.length, 4),
    data: align(container.dataSize, 8),
    helpers: words.length,
    relocations: container.relocations.length,
    stack: stackUnits(contract, where),
    memory: contract.memory,
  });
  out.bytes(container.code);
  out.align(4);
  for (const word of words) out.u32(word);
  writeRelocations(out, container.relocations);
  out.bytes(data);
  out.patch32(at("size"), out.size);
  const bytes = out.finish();
  new DataView(bytes.buffer).setUint32(at("checksum"), fileChecksum(bytes, at("checksum")), true);
  return bytes;
}

/**
 * Reads and checks a bare file; code and data are views of `bytes`. The caller compares the
 * architecture and the contract with what it offers.
 */
export function readBare(bytes: Uint8Array, where: string): Container {
  const about = { magic: BARE_MAGIC, version: BARE_VERSION, fields: BARE_HEADER };
  const { reader, header } = openContainer(bytes, where, about, ({ arch }) => {
    if (archOf(arch) === undefined)
      refuse(
        "ERR_RUNBPF_ARCH",
        where,
        `an architecture id up to ${Object.keys(ARCHES).length - 1}`,
        `${arch}`,
      );
  });
  if (header.flags & ~3) reader.fail(at("flags"), "flag bits 0 and 1 only", hex(header.flags));
  if (header.code < 4 || header.code % 4 !== 0 || header.code >= CODE_LIMIT)
    reader.fail(at("code"), "a code size that is a multiple of 4, from 4 to 2^30 - 4", `${header.code}`);
  if (header.data % 8 !== 0 || header.data >= DATA_LIMIT)
    reader.fail(at("data"), "a data size that is a multiple of 8 below 2^31", `${header.data}`);
  const helpersAt = HEADER_SIZE + header.code;
  const relocationsAt = helpersAt + 4 * header.helpers;
  const dataAt = relocationsAt + 4 * header.relocations;
  if (dataAt > bytes.length)
    reader.fail(at("code"), `code, helpers and relocations within ${bytes.length} bytes`, `${dataAt} bytes`);
  const data = bytes.subarray(dataAt);
  if (data.length > header.data)
    reader.fail(dataAt, `at most ${header.data} bytes of initial data`, `${data.length}`);
  const sizes = { code: header.code, data: header.data };
  const dataReader = new Reader(data, `${where}: data`, reader.code);
  return {
    format: "bare",
    arch: archOf(header.arch) ?? bug("an unknown architecture passed its check"),
    code: bytes.subarray(HEADER_SIZE, helpersAt),
    imports: readImports(reader, helpersAt, header.helpers, header.data),
    data,
    dataSize: header.data,
    relocations: readRelocations(reader, relocationsAt, header.relocations, dataReader, sizes),
    programs: [
      {
        name: "",
        hook: "",
        offset: 0,
        contract: contractOf(header.flags, header.context, header.memory, header.stack),
      },
    ],
    maps: [],
    symbols: [],
  };
}

function readImports(reader: Reader, start: number, count: number, dataSize: number): Import[] {
  const imports: Import[] = [];
  for (let i = 0; i < count; i++) {
    const word = reader.u32(start + 4 * i, "helper");
    const id = word & 0x3f_ffff;
    if (id >= HELPER_IDS) reader.fail(start + 4 * i, `a helper id below ${HELPER_IDS}`, `${id}`);
    imports.push({ kind: "helper", id, hash: word >>> 22 });
  }
  if (dataSize > 0) imports.push({ kind: "data" });
  return imports;
}
