/**
 * BTF, the type and line information of BPF objects (.BTF, .BTF.ext): types by id, names, sizes, and for each code
 * section the source lines, function types and CO-RE relocations. Chains of types end, however they are linked.
 */

import { hex, Reader } from "./bytes.ts";
import { stringTable } from "./elf.ts";

/** Kinds of types, in the order of their numbers, with the bytes that follow the type itself. */
const KINDS: [name: string, extra: number, each: number][] = [
  ["void", 0, 0],
  ["int", 4, 0],
  ["ptr", 0, 0],
  ["array", 12, 0],
  ["struct", 0, 12],
  ["union", 0, 12],
  ["enum", 0, 8],
  ["fwd", 0, 0],
  ["typedef", 0, 0],
  ["volatile", 0, 0],
  ["const", 0, 0],
  ["restrict", 0, 0],
  ["func", 0, 0],
  ["func_proto", 0, 8],
  ["var", 4, 0],
  ["datasec", 0, 12],
  ["float", 0, 0],
  ["decl_tag", 4, 0],
  ["type_tag", 0, 0],
  ["enum64", 0, 12],
];
const MODIFIERS = new Set(["typedef", "volatile", "const", "restrict", "type_tag"]);
const SIZED = new Set(["int", "struct", "union", "enum", "float", "enum64", "datasec"]);
/** Longest chain of modifiers, arrays and pointers that is followed. */
const MAX_DEPTH = 64;

export interface BtfType {
  id: number;
  kind: string;
  name: string;
  /** Bytes, of kinds that have a size; 0 elsewhere. */
  size: number;
  /** The type that this one refers to (pointee, element, aliased type, …); 0 = void or none. */
  type: number;
  /** Elements of an array. */
  count: number;
  /** Where the members of a struct, union, function or data section start in the BTF bytes, and how many. */
  at: number;
  members: number;
}

/** A member: `offset` is in bits in structs and unions, in bytes in data sections. */
export interface BtfMember {
  name: string;
  type: number;
  offset: number;
  /** Bytes, in data sections. */
  size: number;
  /** Width of a bit-field, else 0. */
  bits: number;
}

export interface Btf {
  reader: Reader;
  /** By id; the first is void. */
  types: BtfType[];
  text(offset: number, what: string): string;
}

const CODE = "ERR_RUNBPF_BTF";

/** Checks the header that .BTF and .BTF.ext share and returns its length: where their data starts. */
function readHeader(r: Reader, least: number): number {
  const magic = r.u16(0, "magic");
  if (magic !== 0xeb9f) r.fail(0, "BTF (0xeb9f)", hex(magic));
  const version = r.u8(2, "version");
  if (version !== 1) r.fail(2, "BTF version 1", `${version}`);
  const length = r.u32(4, "header length");
  if (length < least || length > r.size) r.fail(4, `a header of ${least} … ${r.size} bytes`, `${length}`);
  return length;
}

function readType(r: Reader, at: number, end: number, id: number, text: Btf["text"]): [BtfType, number] {
  const info = r.u32(at + 4, "type info");
  const kind = (info >>> 24) & 31;
  const members = info & 0xffff;
  if (kind === 0 || kind >= KINDS.length) r.fail(at + 4, `a kind of type 1 … ${KINDS.length - 1}`, `${kind}`);
  const [name, extra, each] = KINDS[kind];
  const size = 12 + extra + each * members;
  if (at + size > end) r.fail(at, `type ${id} (${name}) inside the types`, `${size} bytes at ${hex(at)}`);
  const value = r.u32(at + 8, "size or type");
  const sized = SIZED.has(name);
  const array = name === "array";
  const type: BtfType = {
    ...{ id, kind: name, name: text(r.u32(at, "type name"), "a type's name"), size: sized ? value : 0 },
    type: array ? r.u32(at + 12, "element type") : sized ? 0 : value,
    ...{ count: array ? r.u32(at + 20, "elements") : 0, at: at + 12, members: each === 0 ? 0 : members },
  };
  return [type, at + size];
}

/** Reads a .BTF section; `where` opens messages ("prog.o: .BTF"). Throws ERR_RUNBPF_BTF. */
export function readBtf(bytes: Uint8Array, where: string): Btf {
  const r = new Reader(bytes, where, CODE);
  const start = readHeader(r, 24);
  const [typesAt, typesSize] = [start + r.u32(8, "types"), r.u32(12, "size of types")];
  const [textAt, textSize] = [start + r.u32(16, "strings"), r.u32(20, "size of strings")];
  r.slice(typesAt, typesSize, "types");
  const text = stringTable(r.slice(textAt, textSize, "strings"), r);
  const types: BtfType[] = [
    { id: 0, kind: "void", name: "void", size: 0, type: 0, count: 0, at: 0, members: 0 },
  ];
  for (let at = typesAt; at < typesAt + typesSize; ) {
    const [type, next] = readType(r, at, typesAt + typesSize, types.length, text);
    types.push(type);
    at = next;
  }
  return { reader: r, types, text };
}

/** The type with this id. */
export function typeOf(btf: Btf, id: number): BtfType {
  const type = btf.types[id];
  if (!type) btf.reader.fail(0, `a type below ${btf.types.length}`, `${id}`);
  return type;
}

/** The type behind typedefs and qualifiers. */
export function resolveType(btf: Btf, id: number): BtfType {
  let type = typeOf(btf, id);
  for (let depth = 0; MODIFIERS.has(type.kind); depth++) {
    if (depth > MAX_DEPTH) btf.reader.fail(type.at, `type ${id} to end in a type`, "a chain of typedefs");
    type = typeOf(btf, type.type);
  }
  return type;
}

/** The type, or the elements of an array of it, may change behind the program's back. */
export function isVolatile(btf: Btf, id: number): boolean {
  let type = typeOf(btf, id);
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    if (type.kind === "volatile") return true;
    if (!MODIFIERS.has(type.kind) && type.kind !== "array") return false;
    type = typeOf(btf, type.type);
  }
  return false;
}

/** Size of a value of the type in bytes (a pointer has 8). */
export function sizeOf(btf: Btf, id: number): number {
  let factor = 1;
  let next = id;
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    const type = resolveType(btf, next);
    if (type.kind !== "array") {
      const size = factor * (type.kind === "ptr" ? 8 : type.size);
      if (size > 0xffffffff) btf.reader.fail(type.at, `type ${id} smaller than 4 GiB`, `${size} bytes`);
      return size;
    }
    factor *= type.count;
    next = type.type;
  }
  return btf.reader.fail(0, `type ${id} to end in a type`, "a chain of arrays");
}

/** Members of a struct or union, or variables of a data section. */
export function membersOf(btf: Btf, { kind, at, members }: BtfType): BtfMember[] {
  const { reader: r } = btf;
  const list: BtfMember[] = [];
  const section = kind === "datasec";
  if (kind !== "struct" && kind !== "union" && !section) return list;
  // kind_flag: a member's offset shares its word with the width of its bit-field.
  const mask = r.u32(at - 8, "type info") >>> 31 === 1 ? 0xffffff : -1;
  for (let i = 0; i < members; i++, at += 12) {
    const type = r.u32(section ? at : at + 4, "member type");
    const name = section ? typeOf(btf, type).name : btf.text(r.u32(at, "member name"), "a member's name");
    const word = r.u32(section ? at + 4 : at + 8, "offset");
    const size = section ? r.u32(at + 8, "size") : 0;
    const isField = !section && mask !== -1;
    list.push({ name, type, offset: isField ? word & mask : word, size, bits: isField ? word >>> 24 : 0 });
  }
  return list;
}

/** Source position of the instruction at byte `offset` of its section; names are offsets for `Btf.text`. */
export interface BtfLine {
  offset: number;
  file: number;
  text: number;
  line: number;
  column: number;
}

/** What .BTF.ext says of one code section, each list in file order. */
export interface BtfSection {
  lines: BtfLine[];
  functions: { offset: number; type: number }[];
  /** Offsets of instructions with a CO-RE relocation. */
  core: number[];
}

/** Calls `record` for each record of a .BTF.ext part: [record size] { section name, count, records }. */
function eachRecord(
  r: Reader,
  btf: Btf,
  from: number,
  size: number,
  least: number,
  record: (s: string, at: number) => void,
) {
  if (size === 0) return;
  const end = from + size;
  r.slice(from, size, "records");
  const step = r.u32(from, "record size");
  if (step < least || step % 4 !== 0) r.fail(from, `records of at least ${least} bytes`, `${step}`);
  for (let at = from + 4; at < end; ) {
    const section = btf.text(r.u32(at, "section name"), "a section's name");
    const count = r.u32(at + 4, "number of records");
    at += 8;
    if (at + count * step > end)
      r.fail(at - 4, `at most ${Math.floor((end - at) / step)} records`, `${count}`);
    for (let i = 0; i < count; i++, at += step) record(section, at);
  }
}

/** Reads a .BTF.ext section. Throws ERR_RUNBPF_BTF. */
export function readBtfExt(bytes: Uint8Array, btf: Btf, where: string): Map<string, BtfSection> {
  const r = new Reader(bytes, where, CODE);
  const start = readHeader(r, 24);
  const sections = new Map<string, BtfSection>();
  const of = (name: string): BtfSection => {
    let section = sections.get(name);
    if (!section) sections.set(name, (section = { lines: [], functions: [], core: [] }));
    return section;
  };
  const part = (field: number, least: number, record: (s: string, at: number) => void) =>
    eachRecord(r, btf, start + r.u32(field, "offset"), r.u32(field + 4, "size"), least, record);
  part(8, 8, (s, at) => of(s).functions.push({ offset: r.u32(at, "offset"), type: r.u32(at + 4, "type") }));
  part(16, 16, (s, at) => {
    const column = r.u32(at + 12, "line and column");
    of(s).lines.push({
      ...{ offset: r.u32(at, "offset"), file: r.u32(at + 4, "file"), text: r.u32(at + 8, "text") },
      ...{ line: column >>> 10, column: column & 0x3ff },
    });
  });
  if (start >= 32) part(24, 16, (s, at) => of(s).core.push(r.u32(at, "offset")));
  return sections;
}
