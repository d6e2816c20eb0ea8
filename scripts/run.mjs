/** node scripts/run.mjs FILE.ts [ARGUMENT …]: bundles a TypeScript program of this repository and runs it. */

import { mkdirSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "rolldown";
import { ROOT } from "./setup.mjs";

const [file, ...args] = process.argv.slice(2);
// Beside the sources: import.meta.url must lead to the same places, so paths are resolved before bundling.
const out = join(ROOT, "node_modules/.cache/runbpf", `${basename(file, ".ts")}-${process.pid}.mjs`);
mkdirSync(join(ROOT, "node_modules/.cache/runbpf"), { recursive: true });
await build({
  input: resolve(file),
  platform: "node",
  external: [/^node:/, "koffi", "capstone-wasm", "keystone-wasm"],
  plugins: [
    {
      name: "import.meta.url of the source",
      transform: (code, id) =>
        id.includes("node_modules")
          ? null
          : code.replaceAll("import.meta.url", JSON.stringify(pathToFileURL(id).href)),
    },
  ],
  transform: { target: "node20" },
  output: { file: out, format: "esm", codeSplitting: false },
  logLevel: "warn",
});
process.argv = [process.argv[0], resolve(file), ...args];
await import(pathToFileURL(out).href);
