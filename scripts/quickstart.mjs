/** npm run quickstart: from a fresh clone to a running program. Needs nothing but Node. */

import { spawnSync } from "node:child_process";
import { statSync } from "node:fs";
import { join, relative } from "node:path";
import { buildPackage, installPackages, ROOT } from "./setup.mjs";

const EXAMPLE = join(ROOT, "examples/02-fibonacci/prog.o");
/** The 90th Fibonacci number still fits 64 bits. */
const N = 90;
const ROUNDS = 1_000_000_000;

installPackages();
buildPackage();

/** Runs the command line; returns its standard output and how long the process took. */
function runbpf(...args) {
  const start = performance.now();
  const main = join(ROOT, "dist/bin/main.js");
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: "utf8" });
  const milliseconds = performance.now() - start;
  if (status === 0) return { stdout, milliseconds };
  process.stderr.write(stderr);
  process.exit(status ?? 1);
}

const short = (path) => relative(ROOT, path);
const ms = (milliseconds) => `${milliseconds.toFixed(0)} ms`;

function table(rows) {
  const widths = rows[0].map((_, c) => Math.max(...rows.map((row) => row[c].length)));
  for (const row of rows)
    console.log(
      `  ${row.map((cell, c) => (c === 0 ? cell.padEnd(widths[c]) : cell.padStart(widths[c]))).join("  ")}`,
    );
}

const rows = [["file", "bytes", "convert", "run", `fibonacci(${N})`]];
for (const format of ["bare", "spf"]) {
  const file = join(ROOT, `dist/fibonacci.${format}`);
  const converted = runbpf("convert", format, EXAMPLE, "-t", process.arch, "-o", file);
  const ran = runbpf("run", file, String(N), "--json");
  const r0 = BigInt(JSON.parse(ran.stdout).r0);
  rows.push([
    short(file),
    String(statSync(file).size),
    ms(converted.milliseconds),
    ms(ran.milliseconds),
    `${r0}`,
  ]);
}
const long = JSON.parse(runbpf("run", join(ROOT, "dist/fibonacci.bare"), String(ROUNDS), "--json").stdout);

console.log(`\n${short(EXAMPLE)}, ${statSync(EXAMPLE).size} bytes, as native code for ${process.arch}:\n`);
table(rows);
console.log("\nconvert and run are whole processes, with the start of Node.");
console.log(
  `The program itself: ${ROUNDS.toLocaleString("en").replaceAll(",", " ")} rounds in ${ms(long.nanoseconds / 1e6)}.`,
);
console.log("\nnext:  npx runbpf dump dist/fibonacci.bare\n       npx runbpf --help");
