/** Objects with maps from assembly: `r1 = map NAME` in the code, old definitions in section maps. */

import { assemble } from "../../formats/isa/bpf.ts";
import { CODE, DATA, makeObject } from "../elf-object.ts";

/** By name: type, size of a key, size of a value, entries. */
export type Maps = Record<string, [type: number, keySize: number, valueSize: number, entries: number]>;

/** A section and program for each text. */
export function mapObject(programs: Record<string, string>, maps: Maps): Uint8Array {
  const definitions = new Uint32Array(Object.values(maps).flatMap((words) => [...words, 0]));
  const sections = Object.entries(programs).map(([name, source]) => {
    const names = [...source.matchAll(/= map (\w+)/g)].map(([, map]) => map);
    const data = assemble(source.replace(/= map \w+/g, "= 0 ll"));
    const places = Array.from({ length: data.length / 8 }, (_, k) => 8 * k).filter((at) => data[at] === 0x18);
    const relocations = places.map((offset, k) => ({ offset, type: "64_64" as const, symbol: names[k] }));
    return { name, ...CODE, data, relocations };
  });
  return makeObject({
    sections: [{ name: "maps", ...DATA, data: new Uint8Array(definitions.buffer) }, ...sections],
    symbols: [
      ...Object.keys(maps).map((name, k) => ({
        name,
        section: "maps",
        value: 20 * k,
        type: "OBJECT" as const,
      })),
      ...sections.map(({ name, data }) => ({
        name,
        section: name,
        size: data.length,
        type: "FUNC" as const,
      })),
    ],
  });
}
