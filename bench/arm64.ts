/** AArch64 code for the programs of bench/programs against clang's for the same C: instructions that run, under qemu-user. */

import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { compile } from "../compiler/compile.ts";
import { readContainer } from "../formats/read.ts";
import { firstOf, has, ROOT, SCRATCH } from "./measure.ts";
import type { Row } from "./table.ts";

const FOLDER = join(ROOT, "bench/programs");
const HARNESS = join(ROOT, "bench/arm64.c");
const BPF = ["-target", "bpf", "-O2", "-mcpu=v3", "-fno-builtin"];
const NATIVE = ["--target=aarch64-linux-gnu", "-O2"];
const SCALAR = ["-fno-vectorize", "-fno-slp-vectorize"];
const LINK = ["-O1", "-w", "-nostdlib", "-static", "-ffreestanding", "-fno-builtin"];
/** Ten thousand instructions in a row: nothing that runs in a loop, and slow to count. */
const LEFT_OUT = new Set(["straight-line"]);

const gcc = "aarch64-linux-gnu-gcc";
const run = (tool: string, args: string[]): string =>
  execFileSync(tool, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

function built(name: string, flags: string[]): string {
  const out = join(SCRATCH, "arm64.o");
  const source = join(FOLDER, `${name}.c`);
  run(firstOf("clang-19", "clang"), [...flags, "-w", "-I", FOLDER, "-c", source, "-o", out]);
  return out;
}

/** Instructions that an executable runs. */
function count(executable: string): number {
  const log = join(SCRATCH, "arm64.log");
  run("qemu-aarch64", ["-singlestep", "-d", "exec,nochain", "-D", log, executable]);
  const lines = readFileSync(log, "latin1").split("\nTrace ").length;
  rmSync(log);
  return lines;
}

/** Instructions of one call: of a program that is linked in, or of an image in a file. */
function instructions(name: string, parts: string[]): number {
  const executable = join(SCRATCH, "arm64");
  const memory = `-DMEMORY="${join(FOLDER, `${name}.mem`)}"`;
  const [with1, with0] = [1, 0].map((calls) => {
    run(gcc, [...LINK, `-DN=${calls}`, memory, HARNESS, ...parts, "-o", executable]);
    return count(executable);
  });
  return with1 - with0;
}

export interface Counts {
  name: string;
  clang: number;
  scalar: number;
  runbpf: number;
  small: number;
}

export function countsOf(name: string): Counts {
  const clang = instructions(name, [built(name, NATIVE)]);
  const scalar = instructions(name, [built(name, [...NATIVE, ...SCALAR])]);
  const object = new Uint8Array(readFileSync(built(name, BPF)));
  const common = {
    name,
    format: "bare",
    program: "prog",
    ctx: "mem",
    verify: false,
    target: "arm64",
  } as const;
  const ours = (optimize: 2 | "s") => {
    const image = join(SCRATCH, "arm64.bin");
    writeFileSync(image, readContainer(compile(object, { ...common, optimize }).container, name).code);
    return instructions(name, [`-DIMAGE="${image}"`]);
  };
  return { name, clang, scalar, runbpf: ours(2), small: ours("s") };
}

export function arm64(): Row[] {
  if (!has("qemu-aarch64") || !has(gcc)) throw new Error(`bench: needs qemu-aarch64 and ${gcc}`);
  const names = readdirSync(FOLDER).flatMap((file) => (file.endsWith(".c") ? [file.slice(0, -2)] : []));
  const counts = names.filter((name) => !LEFT_OUT.has(name)).map(countsOf);
  const mean = (ours: "runbpf" | "small", theirs: "clang" | "scalar") =>
    Math.exp(counts.reduce((sum, row) => sum + Math.log(row[ours] / row[theirs]), 0) / counts.length);
  const above = (ours: "runbpf" | "small", theirs: "clang" | "scalar", target: number) =>
    counts
      .map((row) => ({ name: row.name, times: row[ours] / row[theirs] }))
      .filter(({ times }) => times > target)
      .sort((a, b) => b.times - a.times)
      .map(({ name, times }) => `${name} ${times.toFixed(2)}`)
      .join(", ") || "none";
  const row = (ours: "runbpf" | "small", theirs: "clang" | "scalar", target?: number): Row => ({
    key: `arm64.${ours}.${theirs}`,
    what: `arm64 instructions run at ${ours === "small" ? "-Os" : "-O2"}, times clang -O2${theirs === "scalar" ? " without vectors" : ""}`,
    ...{ value: mean(ours, theirs), unit: "×", target },
    note: `geometric mean${target === undefined ? "" : `; more: ${above(ours, theirs, target)}`}`,
  });
  return [row("runbpf", "scalar", 1.1), row("runbpf", "clang", 1.1), row("small", "scalar")];
}
