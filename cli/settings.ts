/** Values of global variables, and how maps are made: what run and shell take alike. */

import type { Data, LoadOptions } from "../runtime/index.ts";
import { type Args, option } from "./args.ts";
import { parseCount, parseHex, parseSigned } from "./numbers.ts";
import { UsageError } from "./usage.ts";

/** "NAME=VALUE" → a number where it is one, else text. Throws UsageError. */
export function parseSetting(text: string): [name: string, value: Data] {
  const at = text.indexOf("=");
  if (at <= 0) throw new UsageError(`--set: expected NAME=VALUE, got "${text}"`);
  const value = text.slice(at + 1);
  return [
    text.slice(0, at),
    value.startsWith("hex:") ? parseHex(value.slice(4), "--set") : (parseSigned(value) ?? value),
  ];
}

/** What variables hold at the start, and how many threads may share maps. Throws UsageError. */
export function loadSettings(args: Args): Pick<LoadOptions, "cpus" | "globals"> {
  const settings = args.options.get("set");
  const cpus = option(args, "cpus");
  return {
    cpus: cpus === undefined ? undefined : parseCount(cpus, "--cpus", 64),
    globals: settings && Object.fromEntries(settings.map(parseSetting)),
  };
}
