/**
 * npm run bench [-- --json [FILE] | --write | NAME …]: measures, and prints one table. --write puts it into README.md,
 * between the lines `<!-- bench -->` and `<!-- /bench -->`. NAME: sizes, arm64, fibonacci, processes, calls, compile, verify, maps.
 * npm run bench -- code [--write] or --dir DIR [PROGRAM …] [--json FILE]: programs of a folder against native code;
 * --write makes docs/performance.md and its chart.
 */

import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { PASSES } from "../compiler/passes.ts";
import { arm64 } from "./arm64.ts";
import { inProcess } from "./calls.ts";
import { type CodeOptions, codeQuality } from "./code.ts";
import { compileTimes } from "./compile.ts";
import { fibonacci } from "./fibonacci.ts";
import { maps } from "./maps.ts";
import { firstOf, ROOT } from "./measure.ts";
import { codeTable, MEASURED_PASSES, writePerformance } from "./performance.ts";
import { processes } from "./processes.ts";
import { loader, sizes } from "./sizes.ts";
import { isMet, markdown, type Row } from "./table.ts";
import { verification } from "./verify.ts";

const PARTS: Record<string, () => Row[]> = {
  sizes: () => [...sizes(), ...loader()],
  arm64,
  fibonacci,
  processes,
  calls: inProcess,
  compile: compileTimes,
  verify: verification,
  maps,
};

function machine(): string {
  const [cc] = execFileSync(firstOf("clang-19", "clang"), ["--version"], { encoding: "utf8" }).split("\n");
  return `${cpus()[0].model.trim()}, Node ${process.versions.node}, ${cc.trim()}`;
}

function write(text: string): void {
  const path = join(ROOT, "README.md");
  const readme = readFileSync(path, "utf8");
  const changed = readme.replace(
    /(<!-- bench -->\n)[\s\S]*?(<!-- \/bench -->)/,
    (_, start, end) => `${start}${text}${end}`,
  );
  if (!readme.includes("<!-- bench -->")) throw new Error("bench: README.md has no place for the table");
  writeFileSync(path, changed);
}

const { values, positionals: names } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "string" },
    dir: { type: "string" },
    write: { type: "boolean", default: false },
    milliseconds: { type: "string", default: "60" },
  },
  args: process.argv.slice(2).flatMap((arg, i, all) =>
    // Without a file name --json means standard output.
    arg === "--json" && (all[i + 1] === undefined || all[i + 1].startsWith("--")) ? ["--json=-"] : [arg],
  ),
});
const unknown = names.filter((name) => !(name in PARTS) && name !== "code");
if (unknown.length > 0 && values.dir === undefined) {
  console.error(`bench: expected ${[...Object.keys(PARTS), "code"].join(", ")}, got ${unknown.join(" ")}`);
  process.exit(2);
}

function output(json: unknown): void {
  const text = `${JSON.stringify(json, null, 2)}\n`;
  if (values.json === "-") process.stdout.write(text);
  else writeFileSync(values.json!, text);
}

/** Programs against native code: those of this folder, or of any other one. */
function code(): void {
  const report = codeQuality({
    folder: resolve(values.dir ?? join(ROOT, "bench/programs")),
    milliseconds: Number(values.milliseconds),
    names: values.dir !== undefined && names.length > 0 ? names : undefined,
    progress: (line) => console.error(line),
  });
  if (values.json !== undefined) output({ machine: machine(), ...report });
  if (values.json !== "-") console.log(codeTable(report));
  if (values.write) writePerformance(report, codeQuality(passOptions()), machine());
}

/** The same programs with one pass after the other left out. */
function passOptions(): CodeOptions {
  const known = MEASURED_PASSES.filter((name) => PASSES.some((pass) => pass.name === name));
  const without = known.map((name) => [`no_${name}`, { without: [name] }]);
  return {
    folder: join(ROOT, "bench/programs"),
    milliseconds: Number(values.milliseconds) / 3,
    versions: { runbpf: {}, ...Object.fromEntries(without) },
  };
}

/** Everything else: one table of figures and targets. */
function figures(): void {
  const rows = Object.entries(PARTS).flatMap(([name, part]) =>
    names.length === 0 || names.includes(name) ? part() : [],
  );
  if (values.json !== undefined) output({ machine: machine(), rows });
  else {
    const text = `${markdown(rows)}\n\nMeasured by \`npm run bench\` on ${machine()}.\n`;
    console.log(text);
    if (values.write) write(text);
  }
  for (const row of rows)
    if (!isMet(row))
      console.error(`bench: ${row.key}: expected at most ${row.target}, got ${row.value} ${row.unit}`);
}

if (values.dir !== undefined || names.includes("code")) code();
else figures();
