/** What bytes of a program mean: the types of map keys, values and variables, taken from BTF for readers of all kinds. */

import { type Btf, type BtfType, membersOf, resolveType, typeOf } from "./btf.ts";

export type ValueType =
  /** 1, 2, 4, 8 or 16 bytes; `name` = "bool" and "char" have their own meaning. Pointers are unsigned. */
  | { kind: "int"; size: number; signed: boolean; name: string }
  | { kind: "float"; size: number }
  | { kind: "array"; size: number; of: ValueType; count: number }
  /** Unions too. Offsets are in bits; `bits` > 0: a bit field. Members without a name are replaced by their own. */
  | {
      kind: "struct";
      size: number;
      members: { name: string; offset: number; bits: number; type: ValueType }[];
    }
  | { kind: "bytes"; size: number };

/** How deep types may be nested, and how many there may be in one: BTF is input. */
const MAX_DEPTH = 16;
const MAX_TYPES = 4096;

/** What map keys, map values and variables look like, by name; empty where the file does not say. */
export class Types {
  private readonly btf: Btf | undefined;

  constructor(btf: Btf | undefined) {
    this.btf = btf;
  }

  /** Types of the key and the value of map `name`. */
  ofMap(name: string): { key?: ValueType; value?: ValueType } {
    const definition = this.variable(name, (section) => section === ".maps");
    if (this.btf === undefined || definition?.kind !== "struct") return {};
    const found: { key?: ValueType; value?: ValueType } = {};
    for (const member of membersOf(this.btf, definition)) {
      const pointer = resolveType(this.btf, member.type);
      if (pointer.kind !== "ptr") continue;
      if (member.name === "key" || member.name === "value") found[member.name] = this.type(pointer.type);
    }
    return found;
  }

  ofVariable(name: string): ValueType | undefined {
    const found = this.variable(name, (section) => section !== ".maps");
    return found && this.type(found.id);
  }

  /** A struct, union, typedef or basic type by its name. */
  named(name: string): ValueType | undefined {
    const short = name.replace(/^(struct|union) /, "");
    const found = this.btf?.types.find((type) => type.name === short && DATA.has(type.kind));
    return found && this.type(found.id);
  }

  private variable(name: string, wanted: (section: string) => boolean): BtfType | undefined {
    const { btf } = this;
    if (btf === undefined) return undefined;
    for (const section of btf.types) {
      if (section.kind !== "datasec" || !wanted(section.name)) continue;
      for (const member of membersOf(btf, section))
        if (member.name === name) return resolveType(btf, typeOf(btf, member.type).type);
    }
    return undefined;
  }

  private type(id: number): ValueType | undefined {
    return this.btf && convert(this.btf, id, MAX_DEPTH, { left: MAX_TYPES });
  }
}

const DATA = new Set(["struct", "union", "typedef", "int", "enum", "enum64", "float"]);
const SIGNED = 1,
  BOOL = 4; // prettier-ignore

function convert(btf: Btf, id: number, depth: number, budget: { left: number }): ValueType | undefined {
  const type = resolveType(btf, id);
  const { kind, size, name } = type;
  if (depth === 0 || --budget.left < 0) return undefined;
  switch (kind) {
    case "int": {
      const encoding = btf.reader.u32(type.at, "encoding") >>> 24;
      const shown = (encoding & BOOL) !== 0 ? "bool" : name;
      return { kind: "int", size, signed: (encoding & SIGNED) !== 0, name: shown };
    }
    case "ptr":
      return { kind: "int", size: 8, signed: false, name: "pointer" };
    case "enum":
    case "enum64":
      return { kind: "int", size, signed: false, name };
    case "float":
      return { kind: "float", size };
    case "array": {
      const of = convert(btf, type.type, depth - 1, budget);
      return of && { kind: "array", size: of.size * type.count, of, count: type.count };
    }
    case "struct":
    case "union":
      return convertStruct(btf, type, depth, budget);
    default:
      return undefined;
  }
}

function convertStruct(
  btf: Btf,
  type: BtfType,
  depth: number,
  budget: { left: number },
): ValueType | undefined {
  const members: Extract<ValueType, { kind: "struct" }>["members"] = [];
  for (const { name, type: id, offset: at, bits } of membersOf(btf, type)) {
    const inner = convert(btf, id, depth - 1, budget);
    if (inner === undefined || at / 8 + inner.size > type.size + 8) return undefined;
    if (name === "" && inner.kind === "struct")
      for (const member of inner.members) members.push({ ...member, offset: at + member.offset });
    else members.push({ name, offset: at, bits, type: inner });
  }
  return { kind: "struct", size: type.size, members };
}
