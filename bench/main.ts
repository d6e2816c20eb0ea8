/**
 * npm run bench [-- --json | --write | NAME …]: measures, and prints one table. --write puts it into README.md,
 * between the lines `<!-- bench -->` and `<!-- /bench -->`. NAME: sizes, fibonacci, processes, calls, verify.
 */

import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { inProcess } from "./calls.ts";
import { fibonacci } from "./fibonacci.ts";
import { firstOf, ROOT } from "./measure.ts";
import { processes } from "./processes.ts";
import { loader, sizes } from "./sizes.ts";
import { isMet, markdown, type Row } from "./table.ts";
import { verification } from "./verify.ts";

const PARTS: Record<string, () => Row[]> = {
  sizes: () => [...sizes(), ...loader()],
  fibonacci,
  processes,
  calls: inProcess,
  verify: verification,
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

const args = process.argv.slice(2);
const names = args.filter((arg) => !arg.startsWith("--"));
const unknown = [
  ...names.filter((name) => !(name in PARTS)),
  ...args.filter((arg) => arg.startsWith("--") && arg !== "--json" && arg !== "--write"),
];
if (unknown.length > 0) {
  console.error(
    `bench: expected --json, --write or ${Object.keys(PARTS).join(", ")}, got ${unknown.join(" ")}`,
  );
  process.exit(2);
}

const rows = Object.entries(PARTS).flatMap(([name, part]) =>
  names.length === 0 || names.includes(name) ? part() : [],
);
if (args.includes("--json")) console.log(JSON.stringify({ machine: machine(), rows }, null, 2));
else {
  const text = `${markdown(rows)}\n\nMeasured by \`npm run bench\` on ${machine()}.\n`;
  console.log(text);
  if (args.includes("--write")) write(text);
}
for (const row of rows)
  if (!isMet(row))
    console.error(`bench: ${row.key}: expected at most ${row.target}, got ${row.value} ${row.unit}`);
