/** From the name of a file to a container in memory: an object or raw bytecode is compiled on the spot. */

import type { CompileOptions } from "../compiler/compile.ts";
import { readBare } from "../formats/bare.ts";
import { describeMagic } from "../formats/common.ts";
import { ARCHES, type Arch, type DebugInfo } from "../formats/container.ts";
import { type ContextLayout, parseLayout } from "../formats/contexts.ts";
import { InputError } from "../formats/error.ts";
import { containerFormat } from "../formats/read.ts";
import { spfTargets } from "../formats/spf.ts";
import { RANGES, rangeOf } from "../helpers/table.ts";
import { type Args, flag, option } from "./args.ts";
import { readInput } from "./io.ts";
import { parseCount } from "./numbers.ts";
import { UsageError } from "./usage.ts";

export type Kind = "bare" | "spf" | "elf" | "raw";

export type EngineName = "native" | "interpret";

export interface Opened {
  kind: Kind;
  /** The engine asked for, or the one that the file has code for. */
  engine: EngineName;
  /** The file's name, for messages. */
  where: string;
  container: Uint8Array;
  /** Where compiled code came from. */
  debug?: DebugInfo;
  /** Types of what was compiled. */
  btf?: Uint8Array;
}

const NAMES: Record<Kind, string> = {
  bare: "a bare file",
  spf: "an spf file",
  elf: "an ELF object",
  raw: "bytecode",
};

const isElf = (bytes: Uint8Array): boolean =>
  bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;

/** What the first bytes say; `wanted` is what it has to be. Throws InputError. */
export function kindOf(bytes: Uint8Array, where: string, wanted: Kind | undefined): Kind {
  if (wanted === "raw") return "raw";
  const found: Kind | undefined = isElf(bytes) ? "elf" : containerFormat(bytes);
  if (found !== undefined && (wanted === undefined || wanted === found)) return found;
  const expected = wanted === undefined ? "a bare file, an spf file or an ELF object" : NAMES[wanted];
  throw new InputError(wanted === "elf" ? "ERR_RUNBPF_ELF" : "ERR_RUNBPF_CONTAINER", {
    where,
    expected,
    got: describeMagic(bytes),
  });
}

/** "name=2000001" → an id, "name" → the host knows it by name. */
function parseExtern(text: string): [name: string, id: number | "name"] {
  const [name, id, more] = text.split("=");
  const value = id === undefined ? "name" : /^[0-9]{1,7}$/.test(id) ? Number(id) : Number.NaN;
  if (name === "" || more !== undefined || (value !== "name" && rangeOf(value) === undefined))
    throw new UsageError(
      `--extern: expected NAME or NAME=ID with an id below ${RANGES.temp.end}, got "${text}"`,
    );
  return [name, value];
}

/** The processor that runs this, where code can be made for it; the wrong one is refused at load. */
export const hostArch = (): Arch => (process.arch in ARCHES ? (process.arch as Arch) : "x64");

/** A whole number above 0. Throws UsageError. */
function countOption(args: Args, name: string, most: number): number | undefined {
  const text = option(args, name);
  return text === undefined ? undefined : parseCount(text, `--${name}`, most);
}

/** Contexts that a host declares: a file with one layout or a list of them. Throws InputError. */
function readLayouts(path: string | undefined): ContextLayout[] | undefined {
  if (path === undefined) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(readInput(path)));
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError("ERR_RUNBPF_FILE", { where: path, expected: "JSON", got: (error as Error).message });
  }
  const all = Array.isArray(json) ? json : [json];
  return all.map((one, k) => parseLayout(one, Array.isArray(json) ? `${path}[${k}]` : path));
}

/** What --stack, --contexts and the budget tell the verifier. */
export const verifyLimits = (args: Args): CompileOptions["limits"] => ({
  maxStack: countOption(args, "stack", 65536),
  maxInstructions: countOption(args, "verify-budget", 1_000_000_000),
  layouts: readLayouts(option(args, "contexts")),
});

/** What the options that convert, run and dump share tell the compiler. Throws UsageError. */
export function compileOptions(args: Args, name: string): CompileOptions {
  const level = option(args, "optimize") ?? "2";
  return {
    name: name === "-" ? "standard input" : name,
    raw: flag(args, "raw"),
    ctx: option(args, "ctx"),
    program: option(args, "program"),
    target: (option(args, "target") ?? hostArch()) as Arch,
    cpu: option(args, "cpu")?.split(",").filter(Boolean),
    optimize: level === "s" ? "s" : (Number(level) as 0 | 1 | 2),
    verify: !flag(args, "no-verify"),
    limits: verifyLimits(args),
    externs: Object.fromEntries((args.options.get("extern") ?? []).map(parseExtern)),
  };
}

/** A file with bytecode alone is for the interpreter; anything else is for the processor, which refuses what it is not. */
function engineFor(kind: Kind, bytes: Uint8Array, where: string): EngineName {
  const arches = kind === "bare" ? [readBare(bytes, where).arch] : spfTargets(bytes, where);
  return arches.every((arch) => arch === "bytecode") ? "interpret" : "native";
}

/** Reads `file` as a container. `options` are used for what has to be compiled first. Throws InputError. */
export async function openProgram(
  file: string,
  wanted: Kind | undefined,
  options: CompileOptions,
  engine?: EngineName,
): Promise<Opened> {
  const bytes = readInput(file);
  const where = file === "-" ? "standard input" : file;
  const kind = kindOf(bytes, where, wanted);
  if (kind === "bare" || kind === "spf")
    return { kind, engine: engine ?? engineFor(kind, bytes, where), where, container: bytes };
  const { compile } = await import("../compiler/compile.ts");
  const target = engine === "interpret" ? "bytecode" : (options.target ?? hostArch());
  const { container, debug, btf } = compile(bytes, {
    ...options,
    ...{ name: where, format: "spf", raw: kind === "raw", target },
  });
  return { kind, engine: engine ?? "native", where, container, debug, btf };
}
