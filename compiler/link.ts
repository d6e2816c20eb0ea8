/**
 * The second step of a compilation: from a loaded object to a Program, in which every reference is resolved and
 * everything that no program reaches is gone. The steps are those of `link`, at the end.
 */

import type { MapDefinition } from "../formats/container.ts";
import { type Layout, layOut } from "./layout.ts";
import { loadRaw } from "./load.ts";
import type { Code, ObjectFile } from "./object.ts";
import type { DataPointer, Entry, Program, Reference } from "./program.ts";
import { type Reached, reach } from "./reach.ts";
import { type LinkOptions, makeScope, type Target } from "./references.ts";

export type { LinkOptions } from "./references.ts";

/** Where everything went: indexes of functions and maps in the program, offsets of sections in its blocks. */
interface Places extends Layout {
  functions: Map<Code, number>;
  maps: Map<number, number>;
}

/** Programs first, then the functions that they reach in the order in which they were found. */
function orderFunctions({ starts, functions }: Reached): Map<Code, number> {
  const codes = new Set([...starts.map(({ code }) => code), ...functions.keys()]);
  return new Map([...codes].map((code, i) => [code, i]));
}

function referenceTo(target: Exclude<Target, { kind: "constant" }>, places: Places): Reference {
  switch (target.kind) {
    case "code":
      return { kind: "function", index: places.functions.get(target.code)! };
    case "place": {
      const { block, offset } = places.places.get(target.section)!;
      return { kind: block, offset: offset + target.offset };
    }
    case "map":
      return { kind: "map", index: places.maps.get(target.map)! };
    case "map-value":
      return { kind: "map-value", index: places.maps.get(target.map)!, offset: target.offset };
    default:
      return target;
  }
}

/** Pointers in the writable block; the words themselves become zero, or the constant that they stand for. */
function finishPointers({ pointers }: Reached, places: Places): DataPointer[] {
  const view = new DataView(places.data.buffer);
  const list: DataPointer[] = [];
  for (const { section, offset, target } of pointers) {
    const at = places.places.get(section)!.offset + offset;
    const word = target.kind === "constant" ? target.value : 0;
    view.setUint32(at, word, true);
    view.setUint32(at + 4, Math.floor(word / 2 ** 32), true);
    if (target.kind !== "constant") list.push({ at, to: referenceTo(target, places) as DataPointer["to"] });
  }
  return list.sort((a, b) => a.at - b.at);
}

/** Initialised data ends at its last byte that is not zero, or its last pointer. */
function trim(data: Uint8Array, pointers: DataPointer[]): Uint8Array {
  let size = data.length;
  const least = pointers.length > 0 ? pointers[pointers.length - 1].at + 8 : 0;
  while (size > least && data[size - 1] === 0) size--;
  return data.slice(0, size);
}

function finishMaps(object: ObjectFile, { starts, maps }: Reached, places: Places): MapDefinition[] {
  const entries = new Map<Code, number>();
  starts.forEach(({ code }, i) => {
    if (!entries.has(code)) entries.set(code, i);
  });
  const initial = ({ index, target }: { index: number; target: Target }): MapDefinition["initial"][number] =>
    target.kind === "code"
      ? { index, kind: "program", target: entries.get(target.code)! }
      : { index, kind: "map", target: target.kind === "map" ? places.maps.get(target.map)! : -1 };
  return [...places.maps.keys()].map((map) => {
    const { name, type, keySize, valueSize, maxEntries, flags, inner } = object.maps[map];
    const definition = { name, type, keySize, valueSize, maxEntries, flags };
    return { ...definition, inner: places.maps.get(inner) ?? -1, initial: maps.get(map)!.map(initial) };
  });
}

/** Links an object. Throws InputError. */
export function link(object: ObjectFile, options: LinkOptions): Program {
  const reached = reach(makeScope(object, options));
  const maps = new Map([...reached.maps.keys()].sort((a, b) => a - b).map((map, i) => [map, i]));
  const places: Places = { ...layOut(object, reached.sections), functions: orderFunctions(reached), maps };
  const functions = [...places.functions.keys()].map((code) => {
    const { func, targets } = reached.functions.get(code)!;
    for (const { insn, target } of targets)
      if (target.kind !== "constant") func.references[insn] = referenceTo(target, places);
    return func;
  });
  const entries = reached.starts.map(({ name, code }): Entry => {
    const hook = code.section.name === ".text" ? "" : code.section.name;
    return { name, hook, func: places.functions.get(code)! };
  });
  const pointers = finishPointers(reached, places);
  const { rodata, rodataAlign, data, dataSize, symbols } = places;
  return {
    ...{ name: object.name, functions, entries, license: object.license, btf: object.btf?.reader.bytes },
    ...{ rodata, rodataAlign, data: trim(data, pointers), dataSize, pointers, symbols },
    maps: finishMaps(object, reached, places),
  };
}

/** Links raw bytecode, whose first instruction is the entry of its one program, "main". Throws InputError. */
export function linkRaw(bytes: Uint8Array, name: string): Program {
  return link(loadRaw(bytes, name), { helperByName: () => undefined });
}
