/** One command line from argv to exit status: the place where every error becomes a line on standard error. */

import { nearest } from "../compiler/nearest.ts";
import { InputError } from "../formats/error.ts";
import { RunError } from "../helpers/host.ts";
import { parseArgs } from "./args.ts";
import { COMMANDS, type CommandRow } from "./commands.ts";
import { commandHelp, mainHelp, usageLine } from "./help.ts";
import { type Io, printable } from "./io.ts";
import { suggest, UsageError } from "./usage.ts";
import { VERSION } from "./version.ts";

/** Exit statuses; 70 is sysexits' EX_SOFTWARE: a mistake of ours is never taken for a refused input. */
export const STATUS = { ok: 0, refused: 1, usage: 2, failed: 3, bug: 70 } as const;

function findCommand(name: string): CommandRow {
  const found = COMMANDS.find((row) => row.name === name);
  if (found !== undefined) return found;
  const near = nearest(name, ["help", ...COMMANDS.map((row) => row.name)]);
  throw new UsageError(`unknown command "${name}"${suggest(near)}`);
}

function usageOf(command: string | undefined): string {
  const row = COMMANDS.find(({ name }) => name === command);
  return row ? usageLine(row) : "usage: runbpf <command> [arguments] [options]; runbpf --help lists them";
}

/** Reports an error; returns the exit status that it means. */
export function report(error: unknown, io: Io, command?: string): number {
  const line = (text: string) => io.err(`runbpf: ${printable(text)}\n`);
  if (error instanceof UsageError) {
    line(error.message);
    io.err(usageOf(error.command ?? command) + "\n");
    return STATUS.usage;
  }
  if (error instanceof InputError) {
    if (error.details === undefined) line(error.message);
    else for (const part of error.details.split("\n")) io.err(`${printable(part)}\n`);
    if (error.code === "ERR_RUNBPF_VERIFY")
      line(`${command ?? "it"} needs a program that can be proven safe; --no-verify goes without a proof`);
    return error.code === "ERR_RUNBPF_ARGUMENT" ? STATUS.usage : STATUS.refused;
  }
  if (error instanceof RunError) {
    line(error.message);
    return STATUS.failed;
  }
  const { message, stack } = error as Error;
  line(message.startsWith("runbpf: ") ? message.slice(8) : `internal error: ${message}`);
  if (io.env.RUNBPF_DEBUG) io.err(`${stack}\n`);
  return STATUS.bug;
}

/** Runs what follows "runbpf" on the command line; returns the exit status and never throws. */
export async function execute(argv: readonly string[], io: Io): Promise<number> {
  try {
    const [first] = argv;
    if (
      first === undefined ||
      first === "-h" ||
      first === "--help" ||
      (first === "help" && argv.length === 1)
    ) {
      (first === undefined ? io.err : io.out)(mainHelp(VERSION, io.color));
      return first === undefined ? STATUS.usage : STATUS.ok;
    }
    if (first === "-v" || first === "--version") {
      io.out(`runbpf ${VERSION}\n`);
      return STATUS.ok;
    }
    const [name, ...rest] = first === "help" ? [argv[1], "--help"] : argv;
    const args = parseArgs(findCommand(name), rest);
    if (args.help) {
      io.out(commandHelp(args.command, io.color));
      return STATUS.ok;
    }
    const run = await args.command.load();
    return await run(args, io);
  } catch (error) {
    return report(error, io, argv[0]);
  }
}
