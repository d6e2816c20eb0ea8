/**
 * From argv to a command's arguments and options. Requires the command's row; guarantees that values are the text
 * that was typed, that every option is one of the command's, and that nothing is missing or left over.
 *
 * cac turns whatever looks like a number into a double, drops unknown options and takes "-5" for a flag. So argv goes
 * through `mask` first, which puts a NUL (argv cannot hold one) before every value; it comes off afterwards.
 */

import { type Command, cac } from "cac";
import { nearest } from "../compiler/nearest.ts";
import type { CommandRow, OptionRow } from "./commands.ts";
import { suggest, UsageError } from "./usage.ts";

export interface Args {
  command: CommandRow;
  positionals: string[];
  /** By long name; a flag without a value has "". */
  options: ReadonlyMap<string, readonly string[]>;
  /** Help was asked for: nothing was checked. */
  help: boolean;
}

const MASK = "\0";
const unmask = (value: unknown): string => {
  const text = String(value);
  return text.startsWith(MASK) ? text.slice(1) : text;
};

/** "-o, --output <file>" → its dashed names, its name, and whether it takes a value. */
function parts({ flags }: OptionRow): { dashed: string[]; name: string; valued: boolean } {
  const dashed = flags
    .replace(/[<[].*/, "")
    .split(",")
    .map((flag) => flag.trim());
  return { dashed, name: dashed[dashed.length - 1].slice(2), valued: flags.includes("<") };
}

export const optionName = (row: OptionRow): string => parts(row).name;
export const optionFlags = (row: OptionRow): string[] => parts(row).dashed;

const HELP: OptionRow = { flags: "-h, --help", doc: "this page" };

/** One token with a dash: as cac should see it. */
function maskOption(token: string, command: CommandRow): string[] {
  const equals = token.indexOf("=");
  const given = equals < 0 ? token : token.slice(0, equals);
  const rows = [...command.options, HELP].map((row) => parts(row));
  const row = rows.find(({ dashed }) => dashed.includes(given));
  if (row !== undefined && equals >= 0 && !row.valued)
    throw new UsageError(`${given} takes no value`, command.name);
  if (row !== undefined) return equals < 0 ? [given] : [`${given}=${MASK}${token.slice(equals + 1)}`];
  const short = rows.find(({ dashed, valued }) => valued && dashed.includes(token.slice(0, 2)));
  if (short !== undefined && !token.startsWith("--"))
    return [`${token.slice(0, 2)}=${MASK}${token.slice(2)}`]; // -O2
  const long = rows.flatMap(({ dashed }) => dashed.filter((flag) => flag.startsWith("--")));
  const near = given.startsWith("--") ? nearest(given, long) : undefined;
  const behind = command.name === "run" && near === undefined ? "; arguments with a dash go behind --" : "";
  throw new UsageError(`unknown option ${given}${suggest(near)}${behind}`, command.name);
}

function mask(tokens: readonly string[], command: CommandRow): string[] {
  return tokens.flatMap((token) => (/^-[^0-9]/.test(token) ? maskOption(token, command) : [MASK + token]));
}

function collect(row: OptionRow, found: Record<string, unknown>, command: CommandRow): string[] {
  const { name, dashed, valued } = parts(row);
  const flag = dashed[dashed.length - 1];
  const negated = name.startsWith("no-");
  const key = (negated ? name.slice(3) : name).replace(/-([a-z])/g, (_, c: string) => c.toUpperCase());
  const value = found[key];
  if (value === undefined) return [];
  if (!valued) return (value === false) === negated ? [""] : [];
  const values = [value].flat();
  if (values.includes(true)) throw new UsageError(`${flag} needs a value`, command.name);
  if (values.length > 1 && !row.repeat) throw new UsageError(`${flag} is given twice`, command.name);
  const texts = values.map(unmask);
  for (const text of texts)
    if (row.values !== undefined && !row.values.includes(text))
      throw new UsageError(`${flag}: expected ${row.values.join(", ")}, got "${text}"`, command.name);
  return texts;
}

/** Declares a row to cac. */
function declare(command: Command, rows: readonly OptionRow[]): void {
  for (const { flags, doc } of rows) command.option(flags, doc);
}

/** Reads what follows a command's name: its arguments and options. Throws UsageError. */
export function parseArgs(command: CommandRow, argv: readonly string[]): Args {
  const end = argv.indexOf("--");
  const before = mask(end < 0 ? argv : argv.slice(0, end), command);
  const behind = end < 0 ? [] : argv.slice(end + 1);
  const parser = cac("runbpf");
  declare(parser.command(command.name, command.summary), [...command.options, HELP]);
  const parsed = parser.parse(["", "", command.name, ...before], { run: false });
  const options = new Map<string, string[]>();
  for (const row of command.options) {
    const values = collect(row, parsed.options, command);
    if (values.length > 0) options.set(optionName(row), values);
  }
  const positionals = [...parsed.args.map(unmask), ...behind];
  const help = parsed.options.help === true;
  if (!help) checkCount(command, positionals);
  return { command, positionals, options, help };
}

function checkCount(command: CommandRow, positionals: readonly string[]): void {
  const { name, least, most } = command;
  if (positionals.length < least) throw new UsageError(`${name}: too few arguments`, name);
  if (positionals.length > most)
    throw new UsageError(`${name}: "${positionals[most]}" is one argument too many`, name);
}

/** The value of an option, if it was given. */
export const option = ({ options }: Args, name: string): string | undefined => options.get(name)?.[0];
export const flag = ({ options }: Args, name: string): boolean => options.has(name);
