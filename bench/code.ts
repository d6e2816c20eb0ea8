/**
 * Programs of a folder, natively compiled and through this compiler, in one process each: time, code size, compile
 * time. A program is NAME.c with `u64 prog(u8 *mem, u64 len)` in section bpfmain, and NAME.mem, its memory.
 */

import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type CompileOptions, compile } from "../compiler/compile.ts";
import { InputError } from "../formats/error.ts";
import { firstOf, has, median, ROOT, SCRATCH, timed } from "./measure.ts";

/** One program's figures. ns: of a call. codeBytes: machine code without data. */
export interface CodeResult {
  name: string;
  result: string;
  ns: Record<string, number>;
  codeBytes: Record<string, number>;
  /** Warm, without and with the verifier; the latter is absent where the program is beyond it. */
  compileUs: number;
  verifyUs?: number;
  instructions: number;
}

export interface CodeReport {
  programs: CodeResult[];
  /** Geometric means: ns and code bytes as multiples of clang's. */
  geomean: { ns: Record<string, number>; codeBytes: Record<string, number>; compileUs: number };
}

const DEVICE = join(ROOT, "runtime/device");
/** How clang compiles programs to BPF. */
export const BPF = ["-target", "bpf", "-O2", "-mcpu=v3", "-g", "-fno-builtin", "-w"];

/** Native compilers by column; the first one is what all are compared with. */
function compilers(): Record<string, string[]> {
  const clang = firstOf("clang-19", "clang");
  const list: Record<string, string[]> = { clang: [clang, "-O2"] };
  if (has("gcc")) list.gcc = ["gcc", "-O3"];
  list.native = [clang, "-O2", "-march=native"];
  return list;
}

const run = (tool: string, args: string[]): string =>
  execFileSync(tool, args, { encoding: "utf8", stdio: "pipe" });

/** Bytes of machine code in an object: its executable sections. */
function textSize(object: string): number {
  const lines = run("objdump", ["-h", object]).split("\n");
  let size = 0;
  for (const [i, line] of lines.entries())
    if (lines[i + 1]?.includes(" CODE")) size += Number.parseInt(line.trim().split(/\s+/)[2], 16);
  return size;
}

/** Objects of the C runtime and the harness, made once. */
function harnessObjects(columns: string[]): string[] {
  const list = columns.map((name) => `X(${name})`).join(" ");
  const sources = ["bare.c", "posix.c", "helpers_posix.c"].map((name) => join(DEVICE, name));
  return [join(ROOT, "bench/harness.c"), ...sources].map((source, i) => {
    const object = join(SCRATCH, `harness-${i}.o`);
    run(firstOf("clang-19", "clang"), [
      "-O2",
      "-w",
      "-I",
      DEVICE,
      `-DNATIVE=${list}`,
      "-c",
      source,
      "-o",
      object,
    ]);
    return object;
  });
}

/** Median of compile times in microseconds, warm: the code that compiles is compiled itself by then. */
export function compileTime(object: Uint8Array, options: CompileOptions): number {
  const rounds = 15;
  return median(Array.from({ length: rounds }, () => timed(() => compile(object, options)))) / 1e3;
}

export interface CodeOptions {
  folder: string;
  /** Milliseconds of measuring for each version. */
  milliseconds: number;
  /** Only these programs. */
  names?: readonly string[];
  /** Compile options by the name of a column. */
  versions?: Record<string, CompileOptions>;
  progress?: (text: string) => void;
}

const MADE_HERE: Record<string, CompileOptions> = { runbpf: { optimize: 2 }, runbpfOs: { optimize: "s" } };

/** With what compile times are taken of, after all programs were compiled. */
type Measured = CodeResult & { source: CompileOptions & { object: Uint8Array } };

function measure(
  name: string,
  options: CodeOptions,
  columns: Record<string, string[]>,
  harness: string[],
): Measured {
  const source = join(options.folder, `${name}.c`);
  const codeBytes: Record<string, number> = {};
  const objects = Object.entries(columns).map(([column, [tool, ...flags]]) => {
    const [object, renamed] = [join(SCRATCH, "native.o"), join(SCRATCH, `${column}.o`)];
    run(tool, [...flags, "-w", "-I", options.folder, "-c", source, "-o", object]);
    codeBytes[column] = textSize(object);
    run("objcopy", [
      `--keep-global-symbol=prog_${column}`,
      `--redefine-sym=prog=prog_${column}`,
      object,
      renamed,
    ]);
    return renamed;
  });
  const executable = join(SCRATCH, "harness");
  run(firstOf("clang-19", "clang"), [...harness, ...objects, "-o", executable]);
  const bpf = join(SCRATCH, "bpf.o");
  run(firstOf("clang-19", "clang"), [...BPF, "-I", options.folder, "-c", source, "-o", bpf]);
  const object = new Uint8Array(readFileSync(bpf));
  const common = { name: `${name}.o`, format: "bare", program: "prog", ctx: "mem", verify: false } as const;
  const versions = options.versions ?? MADE_HERE;
  let instructions = 0;
  const containers = Object.entries(versions).flatMap(([column, more]) => {
    const { container, report } = compile(object, { ...common, ...more });
    codeBytes[column] = report.bytes.code;
    instructions = report.instructions;
    const file = join(SCRATCH, `${column}.bare`);
    writeFileSync(file, container);
    return [column, file];
  });
  const memory = join(options.folder, `${name}.mem`);
  const printed = run(executable, [memory, String(options.milliseconds), ...containers]);
  const { result, ns } = JSON.parse(printed) as Pick<CodeResult, "result" | "ns">;
  const [first] = Object.values(versions);
  return { name, result, ns, codeBytes, compileUs: 0, instructions, source: { object, ...common, ...first } };
}

function verifyTime(object: Uint8Array, options: CompileOptions): { verifyUs?: number } {
  try {
    return { verifyUs: compileTime(object, { ...options, verify: true }) };
  } catch (error) {
    if (error instanceof InputError) return {};
    throw error;
  }
}

export const geomean = (list: number[]): number =>
  Math.exp(list.reduce((sum, value) => sum + Math.log(value), 0) / list.length);

/** Measures all programs of a folder. Throws where two versions of a program disagree. */
export function codeQuality(options: CodeOptions): CodeReport {
  const columns = compilers();
  const harness = harnessObjects(Object.keys(columns));
  const all = readdirSync(options.folder)
    .filter((file) => file.endsWith(".c") && existsSync(join(options.folder, file.replace(/c$/, "mem"))))
    .map((file) => file.slice(0, -2))
    .sort();
  const measured = all
    .filter((name) => options.names === undefined || options.names.includes(name))
    .map((name) => {
      const row = measure(name, options, columns, harness);
      options.progress?.(
        `${name.padEnd(20)} ${(row.ns.runbpf / row.ns.clang).toFixed(2)} x clang, ${row.codeBytes.runbpf} / ${row.codeBytes.clang} bytes`,
      );
      return row;
    });
  const programs = measured.map(({ source: { object, ...more }, ...row }) => ({
    ...row,
    compileUs: compileTime(object, more),
    ...verifyTime(object, more),
  }));
  const ratios = (of: "ns" | "codeBytes") =>
    Object.fromEntries(
      Object.keys(programs[0]?.[of] ?? {}).map((column) => [
        column,
        geomean(programs.map((row) => Math.max(row[of][column], 0.1) / Math.max(row[of].clang, 0.1))),
      ]),
    );
  return {
    programs,
    geomean: {
      ns: ratios("ns"),
      codeBytes: ratios("codeBytes"),
      compileUs: geomean(programs.map((p) => p.compileUs)),
    },
  };
}
