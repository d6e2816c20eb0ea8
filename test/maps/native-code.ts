/** node scripts/run.mjs test/maps/native-code.ts FILE: maps.o as native code, as load.h reads it. */

import { writeFileSync } from "node:fs";
import { libraryCode } from "./machine.ts";

export function writeNativeCode(path: string): void {
  const { code, at } = libraryCode();
  const header = Buffer.alloc(4096);
  header.write(`${[...at].map(([hook, offset]) => `${hook} ${offset}`).join("\n")}\n.\n`);
  writeFileSync(path, Buffer.concat([header, code]));
}

if (process.argv[2] !== undefined && process.argv[1]?.includes("native-code"))
  writeNativeCode(process.argv[2]);
