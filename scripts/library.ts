/** Compiles the map library (helpers/lib/maps.o) for every engine of the runtime: runtime/library/*.ts. */

import { readFileSync, writeFileSync } from "node:fs";
import { compile } from "../compiler/compile.ts";
import type { Arch } from "../formats/container.ts";

export const ENGINES = ["x64", "arm64", "bytecode"] as const satisfies Arch[];

/** The module with the library for one engine. */
export function libraryModule(arch: Arch): string {
  const object = readFileSync(new URL("../helpers/lib/maps.o", import.meta.url));
  const { container } = compile(object, {
    name: "maps.o",
    format: "spf",
    target: arch,
    optimize: "s",
    verify: false,
  });
  const text = Buffer.from(container)
    .toString("base64")
    .replace(/.{100}/g, (line) => `${line}" +\n  "`);
  return `/** The map library for ${arch}: \`npm run build:library\` makes this from helpers/lib. */\nexport const LIBRARY =\n  "${text}";\n`;
}

if (process.argv[1]?.endsWith("library.ts") || process.argv.includes("--write"))
  for (const arch of ENGINES)
    writeFileSync(new URL(`../runtime/library/${arch}.ts`, import.meta.url), libraryModule(arch));
