/**
 * Finds everything that the chosen programs need: functions by calls and pointers, data sections, maps with their
 * inner maps and initial entries. What is not found here does not get into the container, but for maps on request.
 */

import { hex } from "../formats/bytes.ts";
import { R_BPF, type Section } from "../formats/elf.ts";
import { type Resolved, readFunction } from "./function.ts";
import { type Code, type ObjectFile, placeInSection } from "./object.ts";
import { refuse, type Scope, type Target, targetOf, undefinedAddress } from "./references.ts";

/** A program: a function under one of its names. */
export interface Start {
  name: string;
  code: Code;
}

/** What is reachable; maps are indexes into ObjectFile.maps. */
export interface Reached {
  starts: Start[];
  functions: Map<Code, Resolved>;
  sections: Section[];
  pointers: { section: Section; offset: number; target: Target }[];
  maps: Map<number, { index: number; target: Target }[]>;
}

/** Lists of work, each element once; `add` may be called while they are walked. */
class Work<T> {
  readonly items: T[] = [];
  private readonly known = new Set<T>();
  private next = 0;

  add(item: T): void {
    if (this.known.has(item)) return;
    this.known.add(item);
    this.items.push(item);
  }

  take(): T | undefined {
    return this.next < this.items.length ? this.items[this.next++] : undefined;
  }
}

interface Todo {
  codes: Work<Code>;
  sections: Work<Section>;
  maps: Work<number>;
}

function need({ codes, sections, maps }: Todo, target: Target): void {
  if (target.kind === "code") codes.add(target.code);
  if (target.kind === "place") sections.add(target.section);
  if (target.kind === "map" || target.kind === "map-value") maps.add(target.map);
}

/** Functions that can be programs: exported ones outside .text; in an object with nothing else, those of .text. */
function findStarts(object: ObjectFile): Start[] {
  const exported: Start[] = [];
  for (const functions of object.functions.values())
    for (const code of functions.values()) for (const name of code.exported) exported.push({ name, code });
  const order = (a: Code, b: Code) => a.section.index - b.section.index || a.offset - b.offset;
  exported.sort((a, b) => order(a.code, b.code));
  const named = exported.filter(({ code }) => code.section.name !== ".text");
  return named.length > 0 ? named : exported;
}

function chooseStarts(object: ObjectFile, program: string | undefined): Start[] {
  const all = findStarts(object);
  if (program === undefined) {
    if (all.length === 0) refuse(object.name, "a program (a global function)", "none");
    return all;
  }
  for (const functions of object.functions.values())
    for (const code of functions.values())
      if (code.name === program || code.exported.includes(program)) return [{ name: program, code }];
  const chosen = all.filter(({ code }) => code.section.name === program);
  if (chosen.length > 0) return chosen;
  const names = all.slice(0, 20).map(({ name, code }) => `${name} (${code.section.name})`);
  return refuse(object.name, `one of the programs ${names.join(", ")}`, `"${program}"`);
}

/** Follows the pointers in a data section. */
function readPointers(scope: Scope, section: Section): Reached["pointers"] {
  const { object } = scope;
  let end = 0;
  return (object.relocations.get(section.index) ?? []).map((relocation) => {
    const { offset, type, symbol } = relocation;
    const where = placeInSection(object.name, section.name, offset);
    if (type === R_BPF.ABS32 || type === R_BPF.NODYLD32 || offset + 8 > section.data.length)
      refuse(where, "a 64-bit pointer", "a shorter one");
    if (offset % 8 !== 0 || offset < end) refuse(where, "a pointer on an 8-byte boundary", hex(offset));
    end = offset + 8;
    let target = targetOf(scope, section, relocation, where);
    if (target.kind === "named") target = undefinedAddress(symbol, where);
    if (target.kind === "map") refuse(where, "a pointer to a function or data", `map ${symbol.name}`);
    return { section, offset, target };
  });
}

/** Initial entries of a map: maps, or functions of a prog array. */
function readInitial(scope: Scope, map: number): { index: number; target: Target }[] {
  const { object } = scope;
  const { initial, section, name } = object.maps[map];
  return initial.map(({ index, relocation }) => {
    const where = `${object.name}: ${name}[${index}]`;
    const target = targetOf(scope, object.sections[section], relocation, where);
    if (target.kind !== "map" && target.kind !== "code")
      refuse(where, "a map or a program", relocation.symbol.name || target.kind);
    return { index, target };
  });
}

/** Reads whatever the programs reach, until nothing new turns up. Throws InputError. */
export function reach(scope: Scope): Reached {
  const { object, options } = scope;
  const todo: Todo = { codes: new Work(), sections: new Work(), maps: new Work() };
  const starts = chooseStarts(object, options.program);
  for (const { code } of starts) todo.codes.add(code);
  if (options.allMaps) for (const map of object.maps.keys()) todo.maps.add(map);
  const started = new Set(starts.map(({ code }) => code));
  const found: Reached = {
    starts,
    functions: new Map(),
    sections: todo.sections.items,
    pointers: [],
    maps: new Map(),
  };
  for (;;) {
    let [code, section, map]: [Code?, Section?, number?] = [];
    if ((code = todo.codes.take())) {
      const resolved = readFunction(scope, code);
      found.functions.set(code, resolved);
      for (const { target } of resolved.targets) need(todo, target);
    } else if ((section = todo.sections.take())) {
      for (const pointer of readPointers(scope, section)) {
        need(todo, pointer.target);
        found.pointers.push(pointer);
      }
    } else if ((map = todo.maps.take()) !== undefined) {
      const initial = readInitial(scope, map);
      found.maps.set(map, initial);
      if (object.maps[map].inner >= 0) todo.maps.add(object.maps[map].inner);
      for (const { target } of initial) {
        need(todo, target);
        if (target.kind !== "code" || started.has(target.code)) continue;
        started.add(target.code);
        starts.push({ name: target.code.name, code: target.code });
      }
    } else return found;
  }
}
