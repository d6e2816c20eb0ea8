/** Names for what containers hold, as people read them. */

import { CONTEXTS, type Container, type Contract, type Import } from "../formats/container.ts";
import { helperById } from "../helpers/table.ts";

/** An import by its name: "puts", "helper 2000001", "map counts". */
export function importText(target: Import, { maps }: Pick<Container, "maps"> = { maps: [] }): string {
  switch (target.kind) {
    case "helper":
      return helperById(target.id)?.name ?? `helper ${target.id}`;
    case "named":
      return `"${target.name}"`;
    case "data":
      return "data";
    case "map":
      return `map ${maps[target.index]?.name ?? target.index}`;
    case "function":
      return `function at 0x${target.offset.toString(16)}`;
  }
}

/** "cmd", or the number of an embedder's context; with the bytes that r1 points to. */
export function contextText({ context, memory }: Pick<Contract, "context" | "memory">): string {
  const name = Object.entries(CONTEXTS).find(([, id]) => id === context)?.[0] ?? String(context);
  return memory > 0 ? `${name}:${memory}` : name;
}

/** The programs of a container by name; a bare file's one has none. */
export const programNames = ({ programs }: Pick<Container, "programs">): string =>
  programs.map(({ name }) => name || "-").join(", ");
