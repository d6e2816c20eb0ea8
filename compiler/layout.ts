/**
 * Lays the data sections that a program needs out in its two blocks: one writable (.data, .bss, and read-only data
 * with pointers in it, since code is never written), one read-only. Requires that all reachable sections are known.
 */

import { isVolatile } from "../formats/btf.ts";
import { align } from "../formats/bytes.ts";
import type { DataSymbol } from "../formats/container.ts";
import { type Section, SHF, SHT, STT } from "../formats/elf.ts";
import { InputError } from "../formats/error.ts";
import type { ObjectFile } from "./object.ts";

/** Where a section went. */
export interface Placed {
  block: "data" | "rodata";
  offset: number;
}

export interface Layout {
  places: Map<Section, Placed>;
  rodata: Uint8Array;
  rodataAlign: number;
  data: Uint8Array;
  dataSize: number;
  symbols: DataSymbol[];
}

/** A block is addressed with 32 bits. */
const MAX_BLOCK = 2 ** 31 - 1;
/** Words in the writable block are aligned for 64-bit loads and atomics, whatever the section asks for. */
const DATA_ALIGN = 8;

/** Gives each section an offset behind `size` and returns the end. */
function place(
  object: ObjectFile,
  sections: Section[],
  placed: Map<Section, Placed>,
  block: Placed["block"],
  size: number,
) {
  for (const section of sections) {
    const offset = align(size, block === "data" ? Math.max(DATA_ALIGN, section.align) : section.align);
    placed.set(section, { block, offset });
    size = offset + section.size;
    if (size > MAX_BLOCK)
      throw new InputError("ERR_RUNBPF_LINK", {
        where: `${object.name}: ${section.name}`,
        expected: `at most ${MAX_BLOCK} bytes of data`,
        got: `${size}`,
      });
  }
  return size;
}

function copy(sections: Section[], places: Map<Section, Placed>, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (const section of sections) bytes.set(section.data, places.get(section)!.offset);
  return bytes;
}

/** Names of volatile variables; undefined without BTF, which alone tells. */
function volatileNames({ btf }: ObjectFile): Set<string> | undefined {
  if (btf === undefined) return undefined;
  const names = btf.types.filter((type) => type.kind === "var" && isVolatile(btf, type.type));
  return new Set(names.map(({ name }) => name));
}

/** Variables by block and offset; of read-only data those that are settings (`const volatile`). */
function findSymbols(object: ObjectFile, places: Map<Section, Placed>): DataSymbol[] {
  const symbols: DataSymbol[] = [];
  const settings = volatileNames(object);
  for (const [section, { block, offset }] of places)
    for (const { type, name, value, size } of object.symbolsOf.get(section.index) ?? []) {
      const isShown = block === "data" || settings === undefined || settings.has(name);
      if (type === STT.OBJECT && name !== "" && isShown)
        symbols.push({ name, block: block === "data" ? "data" : "code", offset: offset + value, size });
    }
  const rank = ({ block }: DataSymbol) => (block === "data" ? 0 : 1);
  return symbols.sort((a, b) => rank(a) - rank(b) || a.offset - b.offset || (a.name < b.name ? -1 : 1));
}

/** Lays out `sections`; the order is that of the object, initialised data before zeros. */
export function layOut(object: ObjectFile, sections: Section[]): Layout {
  const sorted = [...sections].sort((a, b) => a.index - b.index);
  const writable = (s: Section) =>
    (s.flags & SHF.WRITE) !== 0 || s.type === SHT.NOBITS || object.relocations.has(s.index);
  const initialised = sorted.filter((s) => writable(s) && s.type !== SHT.NOBITS);
  const constant = sorted.filter((s) => !writable(s));
  const places = new Map<Section, Placed>();
  const dataEnd = place(object, initialised, places, "data", 0);
  const zeros = sorted.filter((s) => s.type === SHT.NOBITS);
  const dataSize = place(object, zeros, places, "data", dataEnd);
  const rodataSize = place(object, constant, places, "rodata", 0);
  return {
    places,
    rodata: copy(constant, places, rodataSize),
    rodataAlign: constant.reduce((most, s) => Math.max(most, s.align), 1),
    data: copy(initialised, places, dataEnd),
    dataSize,
    symbols: findSymbols(object, places),
  };
}
