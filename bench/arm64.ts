/** Instructions of AArch64 code for the programs of bench/programs, against clang's for the same C. Static: nothing runs. */

import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { compile } from "../compiler/compile.ts";
import { firstOf, ROOT, SCRATCH } from "./measure.ts";
import type { Row } from "./table.ts";

const FOLDER = join(ROOT, "bench/programs");
const BPF = ["-target", "bpf", "-O2", "-mcpu=v3", "-fno-builtin"];
const NATIVE = ["--target=aarch64-linux-gnu", "-O2", "-fno-asynchronous-unwind-tables"];
const SCALAR = ["-fno-vectorize", "-fno-slp-vectorize"];

function built(name: string, flags: string[]): string {
  const out = join(SCRATCH, "arm64.o");
  const source = join(FOLDER, `${name}.c`);
  execFileSync(firstOf("clang-19", "clang"), [...flags, "-w", "-I", FOLDER, "-c", source, "-o", out]);
  return out;
}

/** Instructions in the executable sections of an object. */
function instructions(object: string): number {
  const lines = execFileSync(firstOf("llvm-objdump-19", "llvm-objdump"), ["-h", object], {
    encoding: "utf8",
  });
  const sizes = lines.split("\n").filter((line) => line.endsWith("TEXT"));
  return sizes.reduce((sum, line) => sum + Number.parseInt(line.trim().split(/\s+/)[2], 16), 0) / 4;
}

export interface Counts {
  name: string;
  clang: number;
  scalar: number;
  runbpf: number;
  small: number;
}

export function countsOf(name: string): Counts {
  const clang = instructions(built(name, NATIVE));
  const scalar = instructions(built(name, [...NATIVE, ...SCALAR]));
  const object = new Uint8Array(readFileSync(built(name, BPF)));
  const common = {
    name,
    format: "bare",
    program: "prog",
    ctx: "mem",
    verify: false,
    target: "arm64",
  } as const;
  const words = (optimize: 2 | "s") => compile(object, { ...common, optimize }).report.bytes.code / 4;
  return { name, clang, scalar, runbpf: words(2), small: words("s") };
}

export function arm64(): Row[] {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith(".c"));
  const counts = files.map((file) => countsOf(file.slice(0, -2)));
  const mean = (ours: "runbpf" | "small", theirs: "clang" | "scalar") =>
    Math.exp(counts.reduce((sum, row) => sum + Math.log(row[ours] / row[theirs]), 0) / counts.length);
  const row = (ours: "runbpf" | "small", theirs: "clang" | "scalar", target?: number): Row => ({
    key: `arm64.${ours}.${theirs}`,
    what: `arm64 instructions at ${ours === "small" ? "-Os" : "-O2"}, times clang -O2${theirs === "scalar" ? " without vectors" : ""}`,
    ...{ value: mean(ours, theirs), unit: "×", target, note: "static, geometric mean" },
  });
  return [row("runbpf", "scalar", 1.1), row("runbpf", "clang"), row("small", "scalar")];
}
