/**
 * npm run build: dist/ has one module a source file, with types, for programs that import runbpf; dist/bin has the
 * command line bundled, because reading 100 small modules takes longer than most commands (cli/README.md, Decisions).
 */

import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "rolldown";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc");

try {
  execFileSync(process.execPath, [tsc, "-p", join(root, "tsconfig.build.json")], { stdio: "inherit" });
} catch {
  process.exit(1); // tsc has said why
}
rmSync(join(root, "dist/bin"), { recursive: true, force: true });
await build({
  input: join(root, "dist/cli/main.js"),
  platform: "node",
  external: ["koffi", "capstone-wasm"],
  output: { dir: join(root, "dist/bin"), format: "esm", chunkFileNames: "[name].js" },
  logLevel: "warn",
});
