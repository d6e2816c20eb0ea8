/** What bare and spf share: opening a file, contracts, relocations, limits. */

import { crc32, hex, Reader, type Writer } from "./bytes.ts";
import { ARCHES, type Arch, type Container, type Contract, type Relocation } from "./container.ts";
import { bug, type ErrorCode, InputError } from "./error.ts";
import { type Field, fieldOffset, fieldsSize, readFields } from "./fields.ts";

/** Ids stay below this (the end of the temp range); the word holds 22 bits. */
export const HELPER_IDS = 4_000_000;
/** Data blocks stay below this size, so that a 32-bit loader cannot overflow. */
export const DATA_LIMIT = 2 ** 31;
/** Code with its read-only data stays below this size, and so does not overflow in 31 bits with the rest. */
export const CODE_LIMIT = 2 ** 30;
const FILE_LIMIT = 2 ** 31;
const STACK_LIMIT = 0xffff * 16;

export const flagsOf = (contract: Contract): number =>
  (contract.verified ? 1 : 0) | (contract.bounded ? 2 : 0);

/** Fields of a contract that both containers hold in the same units. */
export const contractOf = (flags: number, context: number, memory: number, stack: number): Contract => ({
  verified: (flags & 1) !== 0,
  bounded: (flags & 2) !== 0,
  context,
  memory,
  stack: stack * 16,
});

export const archOf = (id: number): Arch | undefined =>
  (Object.keys(ARCHES) as Arch[]).find((name) => ARCHES[name] === id);

/** The stack field of a contract; a need that it cannot hold is refused. */
export function stackUnits(contract: Contract, where: string): number {
  if (contract.stack > STACK_LIMIT)
    refuse(
      "ERR_RUNBPF_UNSUPPORTED",
      where,
      `a stack need of at most ${STACK_LIMIT} bytes`,
      `${contract.stack}`,
    );
  return Math.ceil(contract.stack / 16);
}

/** What no file can hold is refused; what no compiler may hand over is a bug. */
export function checkLimits({ code, data, dataSize, programs }: Container, where: string): void {
  if (code.length === 0) bug("a container without code");
  if (data.length > dataSize) bug("more initial data than data");
  const memory = programs.reduce((most, { contract }) => Math.max(most, contract.memory), 0);
  const limits: [number, number, string][] = [
    [code.length, CODE_LIMIT - 4, "bytes of code"],
    [dataSize, DATA_LIMIT - 8, "bytes of data"],
    [memory, 0xffff, "bytes of context memory"],
  ];
  for (const [count, limit, what] of limits)
    if (count > limit) refuse("ERR_RUNBPF_UNSUPPORTED", where, `at most ${limit} ${what}`, `${count}`);
}

/** Initial data without trailing zeros, but with every relocated word. */
export function trimData(data: Uint8Array, relocations: readonly Relocation[]): Uint8Array {
  let least = 0;
  for (const relocation of relocations) least = Math.max(least, relocation.at + 8);
  let end = data.length;
  while (end > least && data[end - 1] === 0) end--;
  if (least > data.length) bug(`a relocated word at ${least - 8} of ${data.length} bytes of initial data`);
  return data.subarray(0, end);
}

/** Relocations as words, sorted: bit 0 = the target is the data block, bits 1–31 = number of the 8-byte word. */
export function writeRelocations(out: Writer, relocations: readonly Relocation[]): void {
  for (const { at, block } of [...relocations].sort((a, b) => a.at - b.at))
    out.u32(at / 4 + (block === "data" ? 1 : 0));
}

/** Reads `count` relocation words; each must name another 8-byte word of `data`, with an offset inside its target. */
export function readRelocations(
  words: Reader,
  start: number,
  count: number,
  data: Reader,
  sizes: { code: number; data: number },
): Relocation[] {
  const relocations: Relocation[] = [];
  const seen = new Set<number>();
  for (let i = 0; i < count; i++) {
    const place = start + 4 * i;
    const word = words.u32(place, "relocation");
    const at = (word >>> 1) * 8;
    const block = word % 2 === 1 ? "data" : "code";
    if (at + 8 > data.size)
      words.fail(place, `relocation ${i} inside ${data.size} bytes of initial data`, `offset ${at}`);
    if (seen.has(at)) words.fail(place, "one relocation a word", `a second one at ${at}`);
    const high = data.u32(at + 4, "relocated word");
    const target = high * 2 ** 32 + data.u32(at, "relocated word");
    if (target > sizes[block])
      data.fail(at, `an offset in the ${block} block (at most ${hex(sizes[block])})`, hex(target));
    seen.add(at);
    relocations.push({ at, block });
  }
  return relocations;
}

/** CRC-32 of a whole file whose checksum field, at `at`, counts as four zero bytes. */
export function fileChecksum(bytes: Uint8Array, at: number): number {
  const copy = bytes.slice();
  copy.fill(0, at, at + 4);
  return crc32(copy);
}

/** What both containers check first: room for the header, magic, version, file size, checksum, in this order. */
export function openContainer<Name extends string>(
  bytes: Uint8Array,
  where: string,
  about: {
    magic: string;
    version: number;
    fields: readonly Field<Name | "magic" | "version" | "size" | "checksum">[];
  },
  checkArch?: (header: Record<Name, number>) => void,
): { reader: Reader; header: Record<Name, number> } {
  const reader = new Reader(bytes, where, "ERR_RUNBPF_CONTAINER");
  const need = fieldsSize(about.fields);
  if (bytes.length >= FILE_LIMIT) reader.fail(0, "a file below 2^31 bytes", `${bytes.length}`);
  if (bytes.length < need) reader.fail(0, `a header of ${need} bytes`, `${bytes.length} bytes`);
  const header = readFields(reader, 0, about.fields);
  const name = about.magic.replace("\0", "");
  if (header.magic !== magicNumber(about.magic)) reader.fail(0, `magic "${name}"`, describeMagic(bytes));
  if (header.version !== about.version)
    refuse("ERR_RUNBPF_VERSION", where, `${name} version ${about.version}`, `version ${header.version}`);
  checkArch?.(header);
  if (header.size !== bytes.length)
    reader.fail(fieldOffset(about.fields, "size"), `file size ${bytes.length}`, `${header.size}`);
  const at = fieldOffset(about.fields, "checksum");
  const sum = fileChecksum(bytes, at);
  if (header.checksum !== sum)
    reader.fail(at, `checksum ${crcText(sum)}`, crcText(header.checksum), "the file is damaged");
  return { reader, header };
}

export function refuse(code: ErrorCode, where: string, expected: string, got: string, hint?: string): never {
  throw new InputError(code, { where, expected, got, hint });
}

const crcText = (sum: number): string => `0x${sum.toString(16).padStart(8, "0")}`;

/** Four ASCII characters as the little-endian number that they are read as. */
export const magicNumber = (text: string): number =>
  (text.charCodeAt(0) |
    (text.charCodeAt(1) << 8) |
    (text.charCodeAt(2) << 16) |
    (text.charCodeAt(3) << 24)) >>>
  0;

/** The first bytes of a file that is not what it should be, and a guess at what it is. */
export function describeMagic(bytes: Uint8Array): string {
  if (bytes.length === 0) return "an empty file";
  const start = [...bytes.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  const text = new TextDecoder("latin1").decode(bytes.subarray(0, 4));
  const guess = { "\x7fELF": " (an ELF object)", bare: " (a bare file)", "spf\0": " (an spf file)" }[text];
  return `${start}${guess ?? ""}`;
}
