/**
 * What a call or a 64-bit load refers to: its relocation or its pseudo source register, resolved to a helper, a
 * function, a map, or a place in a section. Requires a loaded object; every refusal names the instruction.
 */

import { hex } from "../formats/bytes.ts";
import { type ElfRelocation, type ElfSymbol, R_BPF, type Section, SHF, SHN, STB } from "../formats/elf.ts";
import { type ErrorCode, InputError } from "../formats/error.ts";
import { fitsInt32 } from "../formats/int64.ts";
import { type Insn, SLOT } from "../formats/isa/bpf.ts";
import { nearest } from "./nearest.ts";
import {
  type Code,
  isCode,
  isMapSection,
  type ObjectFile,
  placeInSection,
  relocationTarget,
} from "./object.ts";

export interface LinkOptions {
  /** The name of a function or of a section: link these programs alone. */
  program?: string;
  /** Keep maps that no program refers to: hosts may want them. */
  allMaps?: boolean;
  /** Undefined functions that the caller knows: a helper id, or "name" for one that the host resolves by name. */
  externs?: Record<string, number | "name">;
  /** The id of a helper by its name in C. */
  helperByName(name: string): number | undefined;
  /** Known names, for the hint of an unknown one. */
  helperNames?: Iterable<string>;
}

/** What a place in an object refers to, before sections have addresses. Maps are indexes into ObjectFile.maps. */
export type Target =
  | { kind: "code"; code: Code }
  | { kind: "map"; map: number }
  | { kind: "map-value"; map: number; offset: number }
  | { kind: "place"; section: Section; offset: number }
  | { kind: "helper"; id: number }
  | { kind: "named"; name: string }
  | { kind: "constant"; value: number };

/** The object and what its references are looked up in. */
export interface Scope {
  object: ObjectFile;
  options: LinkOptions;
  /** Definitions by name: a weak one loses to a global. */
  globals: Map<string, ElfSymbol>;
  /** Maps by their section and offset. */
  mapAt: Map<number, Map<number, number>>;
}

export function makeScope(object: ObjectFile, options: LinkOptions): Scope {
  const globals = new Map<string, ElfSymbol>();
  for (const symbol of object.symbols) {
    const { name, bind, section } = symbol;
    if (bind === STB.LOCAL || section === SHN.UNDEF || name === "") continue;
    if (bind === STB.WEAK && globals.has(name)) continue;
    globals.set(name, symbol);
  }
  const mapAt = new Map<number, Map<number, number>>();
  object.maps.forEach(({ section, offset }, i) => {
    const of = mapAt.get(section);
    if (of) of.set(offset, i);
    else mapAt.set(section, new Map([[offset, i]]));
  });
  return { object, options, globals, mapAt };
}

export function refuse(
  where: string,
  expected: string,
  got: string,
  hint?: string,
  code: ErrorCode = "ERR_RUNBPF_LINK",
): never {
  throw new InputError(code, { where, expected, got, hint });
}

/** The function that starts at `offset` of `section`. */
export function functionAt(object: ObjectFile, section: Section, offset: number, where: string): Code {
  const functions = object.functions.get(section.index);
  const code = functions?.get(offset);
  if (code) return code;
  const inside = [...(functions?.values() ?? [])].find(
    (f) => f.offset < offset && offset < f.offset + f.size,
  );
  const got = inside
    ? `${inside.name}+${hex(offset - inside.offset)}`
    : placeInSection(object.name, section.name, offset);
  return refuse(where, "the start of a function", got);
}

/** The id or name of an undefined function. */
function externalFunction({ options, globals }: Scope, name: string, caller: string, where: string): Target {
  const known = options.externs && Object.hasOwn(options.externs, name) ? options.externs[name] : undefined;
  if (known === "name") return { kind: "named", name };
  const id = known ?? options.helperByName(name);
  if (id !== undefined) return { kind: "helper", id };
  const near = nearest(name, [
    ...Object.keys(options.externs ?? {}),
    ...(options.helperNames ?? []),
    ...globals.keys(),
  ]);
  return refuse(
    where,
    "a function that is defined or a known helper",
    `${name}, called by ${caller}`,
    near && `did you mean ${near}?`,
  );
}

/** What `relocation` of `section` refers to; an undefined symbol is resolved by name, as a function. */
export function targetOf(scope: Scope, section: Section, relocation: ElfRelocation, where: string): Target {
  const { object, globals, mapAt } = scope;
  const { symbol } = relocation;
  const weak = symbol.section === SHN.UNDEF || symbol.bind === STB.WEAK;
  const definition = (weak && globals.get(symbol.name)) || symbol;
  const addend = relocationTarget(section, relocation) - symbol.value;
  const offset = definition.value + addend;
  if (definition.section === SHN.UNDEF) return { kind: "named", name: symbol.name };
  if (definition.section === SHN.ABS) return { kind: "constant", value: offset };
  const home = object.sections[definition.section];
  if (!home || (home.flags & SHF.ALLOC) === 0)
    refuse(
      where,
      "a reference to code or data",
      `${symbol.name || "a symbol"} in ${home?.name ?? definition.section}`,
    );
  if (isCode(home)) return { kind: "code", code: functionAt(object, home, offset, where) };
  if (!isMapSection(home)) {
    // A little before the section's start is what compilers make of a[i - 1]; 32 bits hold any real offset.
    if (!fitsInt32(offset)) refuse(where, "an offset of 32 bits", `${home.name} + ${offset}`);
    return { kind: "place", section: home, offset };
  }
  const map = mapAt.get(home.index)?.get(offset);
  if (map === undefined)
    refuse(where, "the start of a map definition", placeInSection(object.name, home.name, offset));
  return { kind: "map", map };
}

const typeName = (type: number): string =>
  Object.entries(R_BPF).find(([, value]) => value === type)?.[0] ?? `type ${type}`;

/** Old compilers wrote type 0 everywhere, so the instruction decides; any other type must fit it. */
function checkType({ type }: ElfRelocation, wanted: keyof typeof R_BPF, where: string): void {
  if (type !== R_BPF[wanted] && type !== R_BPF.NONE)
    refuse(where, `a relocation R_BPF_${wanted}`, `R_BPF_${typeName(type)}`);
}

/** What the call `insn` of `code` calls. */
export function callTarget(
  scope: Scope,
  code: Code,
  insn: Insn,
  relocation: ElfRelocation | undefined,
  where: string,
): Target {
  const { object } = scope;
  const { op } = insn.row;
  if (op === "kfunc")
    refuse(
      where,
      "a call of a helper or a function",
      `kernel function ${insn.imm}`,
      "there is no kernel to call",
      "ERR_RUNBPF_UNSUPPORTED",
    );
  if (relocation) {
    checkType(relocation, "64_32", where);
    const target = targetOf(scope, code.section, relocation, where);
    if (target.kind === "named") return externalFunction(scope, target.name, code.name, where);
    if (target.kind !== "code")
      refuse(where, "a call of a function", `${relocation.symbol.name}, which is data`);
    return target;
  }
  if (op === "local") {
    const offset = code.offset + (insn.slot + 1 + insn.imm) * SLOT;
    return { kind: "code", code: functionAt(object, code.section, offset, where) };
  }
  if (insn.imm < 0)
    refuse(where, "the id of a helper", `${insn.imm}`, "its relocation may have been stripped");
  return { kind: "helper", id: insn.imm };
}

/** What a 64-bit load without relocation refers to; undefined for a plain number. */
function pseudoTarget({ object }: Scope, code: Code, insn: Insn, where: string): Target | undefined {
  const { op } = insn.row;
  if (op === "imm") return undefined;
  if (op === "func") {
    const offset = code.offset + (insn.slot + 1 + insn.imm) * SLOT;
    return { kind: "code", code: functionAt(object, code.section, offset, where) };
  }
  if (op === "var")
    refuse(where, "data of the object", `kernel variable ${insn.imm}`, undefined, "ERR_RUNBPF_UNSUPPORTED");
  if (!op.startsWith("map_idx")) refuse(where, "a relocation to a map", `map descriptor ${insn.imm}`);
  if (!object.maps[insn.imm]) refuse(where, `a map below ${object.maps.length}`, `${insn.imm}`);
  return op === "map_idx"
    ? { kind: "map", map: insn.imm }
    : { kind: "map-value", map: insn.imm, offset: insn.hi >>> 0 };
}

/** What the 64-bit load `insn` of `code` refers to; undefined for a plain number. */
export function loadTarget(
  scope: Scope,
  code: Code,
  insn: Insn,
  relocation: ElfRelocation | undefined,
  where: string,
): Target | undefined {
  if (!relocation) return pseudoTarget(scope, code, insn, where);
  checkType(relocation, "64_64", where);
  const { op } = insn.row;
  const { symbol } = relocation;
  const target = targetOf(scope, code.section, relocation, where);
  if (target.kind === "named") return undefinedAddress(symbol, where);
  const map = target.kind === "map";
  if ((op.startsWith("map") && !map) || (op === "func" && target.kind !== "code") || op === "var")
    refuse(
      where,
      `a ${op === "func" ? "function" : "map"} (${insn.row.name})`,
      `${symbol.name}, something else`,
    );
  return map && op.endsWith("value") ? { kind: "map-value", map: target.map, offset: insn.hi >>> 0 } : target;
}

/** An undefined symbol has no address; a weak one is null, as in C. */
export function undefinedAddress(symbol: ElfSymbol, where: string): Target {
  if (symbol.bind === STB.WEAK) return { kind: "constant", value: 0 };
  return refuse(
    where,
    `a definition of ${symbol.name}`,
    "an undefined symbol",
    "a helper can be called, but has no address",
  );
}
