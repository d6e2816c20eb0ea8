/** runbpf run: loads one container, or compiles one object, and calls it once. */

import { nearest } from "../compiler/nearest.ts";
import { RunError } from "../helpers/host.ts";
import { helperByName, helperNames, RANGES, rangeOf } from "../helpers/table.ts";
import type { Rule, RuntimeOptions } from "../runtime/index.ts";
import { type Args, flag, option } from "./args.ts";
import { type Call, call, findPacketProgram, type Outcome, readMemory } from "./call.ts";
import type { Io } from "./io.ts";
import { parseCount, resultText } from "./numbers.ts";
import { compileOptions, type EngineName, type Kind, openProgram } from "./open.ts";
import { loadSettings } from "./settings.ts";
import { suggest, UsageError } from "./usage.ts";

const KINDS: readonly string[] = ["bare", "spf", "elf"] satisfies Kind[];
const DAY = 86_400_000;

/** "5,puts,sys" → rules. Throws UsageError. */
function parseRules(text: string | undefined, flagName: string): Rule[] | undefined {
  return text
    ?.split(",")
    .filter((item) => item !== "")
    .map((item) => {
      if (/^[0-9]{1,7}$/.test(item) && rangeOf(Number(item)) !== undefined) return Number(item);
      if (item in RANGES || helperByName(item) !== undefined) return item;
      const near = nearest(item, [...Object.keys(RANGES), ...helperNames()]);
      throw new UsageError(
        `${flagName}: expected helper ids, names, or base, sys, user, temp, got "${item}"${suggest(near)}`,
      );
    });
}

/** The engine asked for. */
export const engineOption = (args: Args): EngineName | undefined =>
  option(args, "engine") as EngineName | undefined;

/** What run and shell both tell the runtime. Throws UsageError. */
export function runtimeOptions(args: Args): RuntimeOptions {
  const timeout = option(args, "timeout");
  return {
    allow: parseRules(option(args, "allow"), "--allow"),
    deny: parseRules(option(args, "deny"), "--deny"),
    timeout: timeout === undefined ? undefined : parseCount(timeout, "--timeout", DAY),
  };
}

/** --max-instructions, if it was given. Throws UsageError. */
export function parseFuel(args: Args): number | undefined {
  const limit = option(args, "max-instructions");
  return limit === undefined ? undefined : parseCount(limit, "--max-instructions", Number.MAX_SAFE_INTEGER);
}

/** The kind, if one was given, the file, and what is for the program. */
function split(args: Args): { wanted: Kind | undefined; file: string; rest: string[] } {
  const { positionals } = args;
  const given = KINDS.includes(positionals[0]) && positionals.length > 1;
  const [file, ...rest] = given ? positionals.slice(1) : positionals;
  const named = given ? (positionals[0] as Kind) : undefined;
  if (!flag(args, "raw")) return { wanted: named, file, rest };
  if (named === "bare" || named === "spf") throw new UsageError(`--raw: the file cannot be ${named} as well`);
  return { wanted: "raw", file, rest };
}

/** Options that only a compiler can heed. */
const FOR_COMPILER = ["ctx", "optimize", "extern"];

function checkCompilerOptions(args: Args, kind: Kind): void {
  if (kind === "elf" || kind === "raw") return;
  const given = FOR_COMPILER.find((name) => flag(args, name));
  if (given !== undefined)
    throw new UsageError(
      `--${given} is for objects: in ${kind === "spf" ? "an spf" : "a bare"} file it is decided already`,
    );
}

function jsonOf(engine: EngineName, outcome: Partial<Outcome>, output: string, error?: RunError): string {
  const { r0, program, nanoseconds } = outcome;
  return `${JSON.stringify({
    r0: r0 === undefined ? undefined : `0x${r0.toString(16)}`,
    error: error && { code: error.code, message: error.message },
    engine,
    program,
    nanoseconds,
    output: output === "" ? undefined : output,
  })}\n`;
}

/** With --json what the program prints becomes part of the object, also when the program fails. */
function runForJson(io: Io, engine: EngineName, printed: Uint8Array[], work: () => Outcome): void {
  const output = () => new TextDecoder().decode(Buffer.concat(printed));
  try {
    const outcome = work();
    io.out(jsonOf(engine, outcome, output()));
  } catch (error) {
    if (error instanceof RunError) io.out(jsonOf(engine, {}, output(), error));
    throw error;
  }
}

export async function run(args: Args, io: Io): Promise<number> {
  const { wanted, file, rest } = split(args);
  const json = flag(args, "json");
  const options = runtimeOptions(args);
  const printed: Uint8Array[] = [];
  const memory = option(args, "mem");
  const bytes = memory === undefined ? undefined : readMemory(memory);
  const forCompiler = compileOptions(args, file);
  // Memory that is given is what an object that is compiled for this run gets.
  if (bytes !== undefined) {
    forCompiler.otherwise = `mem:${Math.min(bytes.length, 0xffff)}`;
    if (forCompiler.raw) forCompiler.ctx ??= forCompiler.otherwise;
  }
  const opened = await openProgram(file, wanted, forCompiler, engineOption(args));
  checkCompilerOptions(args, opened.kind);
  const request: Call = {
    // An object that was linked for --program has that program first.
    program: opened.kind === "elf" && flag(args, "program") ? 0 : option(args, "program"),
    file,
    arguments: rest,
    memory: bytes,
  };
  const { pinned, Runtime } = await import("../runtime/index.ts");
  const { engine } = opened;
  const maxInstructions = parseFuel(args);
  const settings = loadSettings(args);
  const pin = option(args, "pin");
  const runtime = new Runtime({
    ...options,
    engine,
    maxInstructions,
    output: json ? (bytes) => printed.push(bytes) : io.out,
  });
  try {
    const { where, container, debug, btf } = opened;
    const instance = runtime.load(where, container, {
      ...settings,
      ...{ where, debug, btf, maps: pin === undefined ? undefined : pinned(pin, settings) },
    });
    const capture = option(args, "pcap");
    if (capture === undefined && flag(args, "out")) throw new UsageError("--out goes with --pcap");
    if (capture !== undefined) {
      const { runCapture } = await import("./capture.ts");
      const program = findPacketProgram(instance, request.program);
      runCapture(io, instance, { input: capture, output: option(args, "out"), program, json });
    } else if (json) runForJson(io, engine, printed, () => call(instance, request));
    else io.out(`${resultText(call(instance, request).r0)}\n`);
  } finally {
    runtime.unloadAll();
  }
  return 0;
}
