/** Programs as text, for tests: functions with what they refer to, by name. */

import type { Program, Reference } from "../../compiler/program.ts";

/** "f: helper 6, g, data+8" … a reference by the name of what it leads to. */
export function nameOf(program: Program, reference: Reference): string {
  switch (reference.kind) {
    case "helper":
      return `helper ${reference.id}`;
    case "named":
      return `named ${reference.name}`;
    case "function":
      return program.functions[reference.index].name;
    case "map":
      return `map ${program.maps[reference.index].name}`;
    case "map-value":
      return `map ${program.maps[reference.index].name}+${reference.offset}`;
    default:
      return `${reference.kind}+${reference.offset}`;
  }
}

/** For each function its name and the distinct things that it refers to, in order. */
export function describeFunctions(program: Program): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const { name, references } of program.functions) {
    const names = references.flatMap((r) => (r ? [nameOf(program, r)] : []));
    found[name] = [...new Set(names)];
  }
  return found;
}

/** Pointers in the data block, as "at → what". */
export const describePointers = (program: Program): string[] =>
  program.pointers.map(({ at, to }) => `${at} → ${nameOf(program, to)}`);

/** The name of the variable that a data reference of the program leads to, with the offset in it. */
export function variableAt(program: Program, offset: number): string {
  const symbol = program.symbols.findLast((s) => s.block === "data" && s.offset <= offset);
  return symbol ? `${symbol.name}+${offset - symbol.offset}` : `data+${offset}`;
}
