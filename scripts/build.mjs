/**
 * npm run build [-- DIRECTORY]: dist/ has one module a source file, with types, for programs that import runbpf;
 * dist/bin has the command line bundled, because reading 100 small modules takes longer than most commands
 * (cli/README.md, Decisions).
 */

import { execFileSync } from "node:child_process";
import { chmodSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { build } from "rolldown";
import { ROOT } from "./setup.mjs";

const dist = process.argv[2] === undefined ? join(ROOT, "dist") : join(resolve(process.argv[2]), "dist");
const tsc = join(ROOT, "node_modules/typescript/bin/tsc");

try {
  const args = [tsc, "-p", join(ROOT, "tsconfig.build.json"), "--outDir", dist];
  execFileSync(process.execPath, args, { stdio: "inherit" });
} catch {
  process.exit(1); // tsc has said why
}
rmSync(join(dist, "bin"), { recursive: true, force: true });
await build({
  input: join(dist, "cli/main.js"),
  platform: "node",
  external: ["koffi", "capstone-wasm"],
  output: {
    dir: join(dist, "bin"),
    format: "esm",
    chunkFileNames: "[name].js",
    minify: { compress: false, mangle: false, codegen: { removeWhitespace: true } },
  },
  logLevel: "warn",
});
// npm does so only when it links the package.
chmodSync(join(dist, "bin/main.js"), 0o755);
