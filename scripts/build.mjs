/**
 * npm run build [-- DIRECTORY]: dist/ has one module a source file, with types, for programs that import runbpf;
 * dist/bin has the command line bundled, because reading 100 small modules takes longer than most commands, and V8's
 * code for it, because compiling them does too (cli/README.md, Decisions).
 */

import { spawnSync } from "node:child_process";
import { chmodSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { build } from "rolldown";
import { ROOT } from "./setup.mjs";

const dist = process.argv[2] === undefined ? join(ROOT, "dist") : join(resolve(process.argv[2]), "dist");
const bin = join(dist, "bin");
/** Runs a program of Node, which says itself why it failed. */
function run(...args) {
  const { status } = spawnSync(process.execPath, args, { stdio: "inherit" });
  if (status !== 0) process.exit(1);
}

const bundle = (name, output) =>
  build({
    input: { [output]: join(dist, `cli/${name}.js`) },
    platform: "node",
    external: ["koffi", "capstone-wasm"],
    output: {
      dir: bin,
      format: "cjs",
      // Scripts without a module loader of their own have no import().
      dynamicImportInCjs: false,
      chunkFileNames: "[name].js",
      minify: { compress: false, mangle: false, codegen: { removeWhitespace: true } },
    },
    logLevel: "warn",
  });

run(join(ROOT, "node_modules/typescript/bin/tsc"), "-p", join(ROOT, "tsconfig.build.json"), "--outDir", dist);
rmSync(bin, { recursive: true, force: true });
await bundle("program", "program");
await bundle("launch", "main");
writeFileSync(join(bin, "package.json"), '{ "type": "commonjs" }\n');
// npm does so only when it links the package.
chmodSync(join(bin, "main.js"), 0o755);
run(join(ROOT, "scripts/code-cache.mjs"), dist);
