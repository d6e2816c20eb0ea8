/** node scripts/run.mjs test/maps/native-code.ts FILE: maps.o as native code, as load.h reads it. */

import { writeFileSync } from "node:fs";
import type { Arch } from "../../formats/container.ts";
import { libraryCode } from "./machine.ts";

export function writeNativeCode(path: string, arch?: Arch): void {
  const { code, at } = libraryCode(2, arch);
  const header = Buffer.alloc(4096);
  header.write(`${[...at].map(([hook, offset]) => `${hook} ${offset}`).join("\n")}\n.\n`);
  writeFileSync(path, Buffer.concat([header, code]));
}

if (process.argv[2] !== undefined && process.argv[1]?.includes("native-code"))
  writeNativeCode(process.argv[2]);
