/** runbpf shell: commands from a prompt, a script or a pipe. A script ends with status 1 at the first that fails. */

import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline/promises";
import { nearest } from "../compiler/nearest.ts";
import { InputError } from "../formats/error.ts";
import { RunError } from "../helpers/host.ts";
import { pinned, type ReplaceOptions, Runtime } from "../runtime/index.ts";
import { type Args, flag, option } from "./args.ts";
import { complete } from "./complete.ts";
import { type Io, printable, readInput } from "./io.ts";
import { engineOption, runtimeOptions } from "./run.ts";
import { loadSettings } from "./settings.ts";
import {
  fixedWords,
  leastArguments,
  type Session,
  SHELL_COMMANDS,
  type ShellCommand,
} from "./shell-commands.ts";
import { suggest, UsageError } from "./usage.ts";
import { VERSION } from "./version.ts";
import { splitWords } from "./words.ts";

const HISTORY = 1000;

/** The command that the words begin with. Throws UsageError. */
function findShellCommand(words: readonly string[]): ShellCommand {
  const found = SHELL_COMMANDS.find((command) => fixedWords(command).every((word, i) => word === words[i]));
  if (found !== undefined) return found;
  const close = SHELL_COMMANDS.filter((command) => fixedWords(command)[0] === words[0]);
  if (close.length > 0) throw new UsageError(`usage: ${close.map(({ usage }) => usage).join(" | ")}`);
  const near = nearest(
    words[0],
    SHELL_COMMANDS.map((command) => fixedWords(command)[0]),
  );
  throw new UsageError(
    `unknown command "${words[0]}"${near === undefined ? "; help lists them" : suggest(near)}`,
  );
}

/** Runs one line. Throws what it does not like about it. */
export async function executeLine(session: Session, line: string): Promise<void> {
  const words = splitWords(line);
  if (words.length === 0) return;
  const command = findShellCommand(words);
  const rest = words.slice(fixedWords(command).length);
  if (rest.length < leastArguments(command) || rest.length > command.most)
    throw new UsageError(`usage: ${command.usage}`);
  await command.run(session, rest);
}

/** What went wrong in one line; mistakes of our own go on upwards. */
function messageOf(error: unknown): string {
  if (error instanceof UsageError || error instanceof InputError || error instanceof RunError)
    return printable(error.message);
  throw error;
}

/** Runs lines until one fails. */
async function runScript(
  session: Session,
  lines: AsyncIterable<string> | Iterable<string>,
  where: string,
): Promise<number> {
  let number = 0;
  for await (const line of lines) {
    number++;
    try {
      await executeLine(session, line);
    } catch (error) {
      session.io.err(`runbpf: ${where}:${number}: ${messageOf(error)}\n`);
      return 1;
    }
    if (session.over) break;
  }
  return 0;
}

const historyFile = ({ env }: Io): string => join(env.HOME ?? homedir(), ".runbpf_history");

/** Newest first, as readline wants it; the file is cut when it has grown to twice its size. */
function readHistory(io: Io): string[] {
  try {
    const lines = readFileSync(historyFile(io), "utf8").split("\n").filter(Boolean);
    const kept = lines.slice(-HISTORY);
    if (lines.length > 2 * HISTORY) writeFileSync(historyFile(io), kept.join("\n") + "\n", { mode: 0o600 });
    return kept.reverse();
  } catch {
    return []; // none yet
  }
}

function remember(io: Io, line: string): void {
  try {
    if (line.trim() !== "") appendFileSync(historyFile(io), `${line}\n`, { mode: 0o600 });
  } catch {
    // a home that cannot be written to: the shell works without a history
  }
}

/** Ctrl-C drops the line; on an empty one it says how to leave. */
function onInterrupt(rl: Interface, io: Io): void {
  if (rl.line === "") io.out("\nquit or Ctrl-D ends the shell\n");
  else io.out("^C\n");
  rl.write(null, { ctrl: true, name: "e" });
  rl.write(null, { ctrl: true, name: "u" });
  rl.prompt();
}

/** The terminal is in its usual mode while a program runs, so that Ctrl-C ends one that never returns. */
async function withoutRawMode(io: Io, work: () => Promise<void>): Promise<void> {
  io.input.setRawMode?.(false);
  try {
    await work();
  } finally {
    io.input.setRawMode?.(true);
  }
}

async function interact(session: Session): Promise<number> {
  const { io, runtime } = session;
  const rl = createInterface({
    ...{ input: io.input, output: io.output, terminal: true, prompt: "runbpf> " },
    ...{ history: readHistory(io), historySize: HISTORY, removeHistoryDuplicates: true },
    completer: (line: string) => complete(line, runtime.instances.keys()),
  });
  io.out(`runbpf ${VERSION}; help lists the commands\n`);
  rl.on("SIGINT", () => onInterrupt(rl, io));
  rl.prompt();
  for await (const line of rl) {
    remember(io, line);
    try {
      await withoutRawMode(io, () => executeLine(session, line));
    } catch (error) {
      io.err(`${messageOf(error)}\n`);
    }
    if (session.over) break;
    rl.prompt();
  }
  if (!session.over) io.out("\n");
  rl.close();
  return 0;
}

export async function shell(args: Args, io: Io): Promise<number> {
  const [script] = args.positionals;
  const interactive = script === undefined && io.input.isTTY === true && io.terminal.out;
  const engine = engineOption(args) ?? "native";
  const runtime = new Runtime({ ...runtimeOptions(args), engine, output: io.out, stats: true });
  const verify = !flag(args, "no-verify");
  const ctx = option(args, "ctx");
  const pin = option(args, "pin");
  const { cpus, globals } = loadSettings(args);
  const session: Session = {
    io,
    runtime,
    engine,
    verify,
    ctx,
    kinds: new WeakMap(),
    options: { cpus, globals, keepMaps: option(args, "keep-maps") as ReplaceOptions["keepMaps"] },
    pins: () => (pin === undefined ? undefined : pinned(pin, { cpus })),
    interactive,
    over: false,
  };
  try {
    if (interactive) return await interact(session);
    if (script !== undefined && script !== "-")
      return await runScript(session, Buffer.from(readInput(script)).toString().split("\n"), script);
    const lines = createInterface({ input: io.input, terminal: false, crlfDelay: Number.POSITIVE_INFINITY });
    return await runScript(session, lines, "standard input");
  } finally {
    runtime.unloadAll();
  }
}
