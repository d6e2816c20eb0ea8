/** node scripts/code-cache.mjs DIST: runs commands of the bundle and keeps what V8 compiled for them (cli/chunks.ts). */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ROOT } from "./setup.mjs";

const [dist] = process.argv.slice(2);
const { CODE, Chunks, setFlags } = await import(pathToFileURL(join(dist, "cli/chunks.js")).href);

const scratch = mkdtempSync(join(tmpdir(), "runbpf-code-"));
const out = join(scratch, "out");
const example = (name) => join(ROOT, "examples", name, "prog.o");
/** What they do not need stays uncompiled, as without a cache: a few that differ are enough. */
const COMMANDS = [
  ["convert", "bare", example("02-fibonacci"), "-t", "x64", "-o", out],
  ["dump", out, "--native"],
  ["run", example("02-fibonacci"), "90", "--engine", "interpret"],
  ["convert", "spf", example("11-packet-stats"), "-t", "x64", "-o", out],
  ["convert", "bare", example("09-packet-filter"), "--ctx", "mem", "-t", "arm64", "-o", out],
];

setFlags();
const chunks = new Chunks(join(dist, "bin"));
const { execute, processIo } = chunks.require("./program.js");
let failed = "";
const io = { ...processIo(), out: () => {}, err: (text) => (failed = text) };
for (const command of COMMANDS)
  if ((await execute(command, io)) !== 0) throw new Error(`runbpf ${command.join(" ")}: ${failed}`);
for (const [path, script] of chunks.scripts) writeFileSync(path + CODE, script.createCachedData());
rmSync(scratch, { recursive: true });
