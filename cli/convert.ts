/** runbpf convert: an object in, a container out, one line of what came of it. */

import { type Compiled, type CompileOptions, compile, type Report } from "../compiler/compile.ts";
import { nearest } from "../compiler/nearest.ts";
import { PASSES } from "../compiler/passes.ts";
import { type Args, flag, option } from "./args.ts";
import { importText } from "./describe.ts";
import { type Io, readInput, writeOutput } from "./io.ts";
import { compileOptions, kindOf } from "./open.ts";
import { styleOf, table } from "./table.ts";
import { suggest, UsageError } from "./usage.ts";

function formatOf(text: string): "bare" | "spf" {
  if (text === "bare" || text === "spf") return text;
  throw new UsageError(`expected bare or spf, got "${text}"${suggest(nearest(text, ["bare", "spf"]))}`);
}

/** "dir/prog.o" → "dir/prog.bare". */
function outputOf(args: Args, input: string, format: string): string {
  const given = option(args, "output");
  if (given === undefined && input === "-") throw new UsageError("standard input needs --output");
  const output = given ?? `${input.replace(/\.[^./]*$/, "")}.${format}`;
  if (output === input && output !== "-")
    throw new UsageError(`the container would overwrite ${input}; choose another --output`);
  return output;
}

/** Prints the IR after the passes that --dump-pass names. */
function dumpPasses(args: Args, write: (text: string) => void): CompileOptions["onPass"] {
  const wanted = option(args, "dump-pass");
  if (wanted === undefined) return undefined;
  const names = ["all", "build", ...new Set(PASSES.map(({ name }) => name))];
  if (!names.includes(wanted))
    throw new UsageError(
      `--dump-pass: expected ${names.join(", ")}, got "${wanted}"${suggest(nearest(wanted, names))}`,
    );
  return (pass, _, text) => {
    if (wanted === "all" || wanted === pass) write(`; after ${pass}\n${text()}\n`);
  };
}

/** Before a person waits in silence. */
const PATIENCE = 500;
const REFRESH = 100;

/** Shows the pass at work on a terminal when it takes long. */
function progress(io: Io): { onPass: CompileOptions["onPass"]; done(): void } {
  let next = performance.now() + PATIENCE;
  let shown = false;
  return {
    onPass: (pass, fn) => {
      const now = performance.now();
      if (now < next) return;
      next = now + REFRESH;
      shown = true;
      io.err(`\r\x1b[K${pass}: ${fn.name}`);
    },
    done: () => shown && io.err("\r\x1b[K"),
  };
}

function compileWith(
  bytes: Uint8Array,
  options: CompileOptions,
  io: Io,
  dump: CompileOptions["onPass"],
): Compiled {
  if (dump !== undefined || !io.terminal.err) return compile(bytes, { ...options, onPass: dump });
  const { onPass, done } = progress(io);
  try {
    return compile(bytes, { ...options, onPass });
  } finally {
    done();
  }
}

const verdict = ({ verified }: Report): string => (verified ? "verified" : "unverified");

/** "prog.bare: 68 bytes (15 code, 14 rodata), x64, unverified". */
function summary(output: string, report: Report): string {
  const { file, code, rodata, data } = report.bytes;
  const parts = [`${code} code`];
  if (rodata > 0) parts.push(`${rodata} rodata`);
  if (data > 0) parts.push(`${data} data`);
  return `${output}: ${file} bytes (${parts.join(", ")}), ${report.target}, ${verdict(report)}\n`;
}

function jsonOf(output: string, report: Report): string {
  const { imports, times, ...rest } = report;
  const names = imports.map((item) => importText(item));
  return (
    JSON.stringify({ file: output, ...rest, imports: names, milliseconds: Object.fromEntries(times) }) + "\n"
  );
}

function timeTable({ times }: Report, color: boolean): string {
  const all = times.reduce((sum, [, ms]) => sum + ms, 0);
  const rows = [...times, ["all", all] as const].map(([step, ms]) => [
    step,
    ms.toFixed(2),
    `${((100 * ms) / (all || 1)).toFixed(0)} %`,
  ]);
  return table(
    [{ title: "step" }, { title: "ms", right: true }, { title: "", right: true }],
    rows,
    styleOf(color),
  );
}

export function convert(args: Args, io: Io): number {
  const [first, file] = args.positionals;
  const format = formatOf(first);
  const output = outputOf(args, file, format);
  const json = flag(args, "json");
  if (format === "bare" && flag(args, "debug"))
    throw new UsageError("a bare file has no room for names and lines; convert to spf for --debug");
  // What --json or a container on standard output leaves no room for goes to standard error.
  const tell = json || output === "-" ? io.err : io.out;
  const options: CompileOptions = {
    ...compileOptions(args, file),
    format,
    debug: flag(args, "debug"),
  };
  const dump = dumpPasses(args, tell);
  const bytes = readInput(file);
  kindOf(bytes, options.name!, options.raw ? "raw" : "elf");
  const { container, report } = compileWith(bytes, options, io, dump);
  if (output === "-") io.out(container);
  else writeOutput(output, container);
  if (json) (output === "-" ? io.err : io.out)(jsonOf(output, report));
  else tell(summary(output === "-" ? "standard output" : output, report));
  if (flag(args, "time")) tell(timeTable(report, io.color));
  return 0;
}
