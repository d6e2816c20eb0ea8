/** runbpf map: the maps of a file that programs share, while they run or not. */

import { CONTEXTS, type Container } from "../formats/container.ts";
import { InputError } from "../formats/error.ts";
import { assemble } from "../formats/isa/bpf.ts";
import { writeSpf } from "../formats/spf.ts";
import { type GuestMap, pinned, Runtime } from "../runtime/index.ts";
import { type Args, flag, option } from "./args.ts";
import type { Io } from "./io.ts";
import { definitionJson, definitionLine, jsonText, MAP_ACTIONS } from "./map-text.ts";
import { UsageError } from "./usage.ts";

/** A container whose program does nothing, with the maps of the file. */
function containerOf(maps: Container["maps"]): Uint8Array {
  return writeSpf({
    ...{
      format: "spf",
      arch: "bytecode",
      code: assemble("r0 = 0\nexit"),
      imports: [],
      data: new Uint8Array(0),
      dataSize: 0,
    },
    ...{ relocations: [], maps, symbols: [] },
    programs: [
      {
        ...{ name: "none", hook: "none", offset: 0 },
        contract: { verified: false, bounded: true, context: CONTEXTS.args, memory: 0, stack: 0 },
      },
    ],
  });
}

function findMap(maps: Readonly<Record<string, GuestMap>>, name: string, where: string): GuestMap {
  const found = maps[name];
  if (found !== undefined) return found;
  const names = Object.keys(maps).join(", ");
  throw new InputError("ERR_RUNBPF_MAP", {
    where,
    expected: names === "" ? "a file with maps" : `one of the maps ${names}`,
    got: `"${name}"`,
  });
}

export function map(args: Args, io: Io): number {
  const [action, name, ...words] = args.positionals;
  const path = option(args, "pin");
  const json = flag(args, "json");
  const known = MAP_ACTIONS[action];
  if (known === undefined && action !== "list")
    throw new UsageError(
      `map: expected list, ${Object.keys(MAP_ACTIONS).join(", ")}, got "${action}"`,
      "map",
    );
  if (path === undefined) throw new UsageError("map: --pin says which file the maps are in", "map");
  if (action !== "list" && name === undefined) throw new UsageError(`map ${action}: which map?`, "map");
  const store = pinned(path, { create: false });
  const runtime = new Runtime({ engine: "interpret" });
  try {
    const definitions = store.blocks.map(({ name, is }) => ({ ...is, name, inner: -1, initial: [] }));
    const instance = runtime.load("map", containerOf(definitions), { maps: store });
    if (action === "list") {
      const all = Object.values(instance.maps);
      io.out(json ? `${jsonText(all.map(definitionJson))}\n` : all.map(definitionLine).join(""));
    } else {
      if (words.length < known.least) throw new UsageError(`usage: map ${action} MAP${known.words}`, "map");
      io.out(known.run(findMap(instance.maps, name, path), words, json));
    }
  } finally {
    runtime.unloadAll();
  }
  return 0;
}
