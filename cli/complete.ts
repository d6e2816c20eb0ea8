/** Tab completion in the shell: commands, names of instances, files. */

import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fixedWords, SHELL_COMMANDS } from "./shell-commands.ts";

/** Files and directories whose path starts with `prefix`. */
function files(prefix: string): string[] {
  const inside = prefix === "" || prefix.endsWith("/");
  const directory = inside ? prefix : dirname(prefix);
  const shown = directory === "." && !prefix.startsWith("./") ? "" : directory;
  try {
    return readdirSync(directory === "" ? "." : directory, { withFileTypes: true })
      .map((entry) => join(shown, entry.name) + (entry.isDirectory() ? "/" : ""))
      .map((path) => (prefix.startsWith("./") ? `./${path}` : path));
  } catch {
    return [];
  }
}

/** What can stand where the line ends, and the part of the line that it replaces (readline's completer). */
export function complete(line: string, instances: Iterable<string>): [string[], string] {
  const words = line.trimStart().split(/\s+/);
  const last = words.pop() ?? "";
  const found = new Set<string>();
  for (const command of SHELL_COMMANDS) {
    const fixed = fixedWords(command);
    if (!fixed.slice(0, words.length).every((word, i) => word === words[i])) continue;
    if (words.length < fixed.length) {
      found.add(`${fixed[words.length]} `);
      continue;
    }
    if (words.length - fixed.length >= command.completes.length) continue;
    const kind = command.completes[words.length - fixed.length];
    if (kind === "instance") for (const name of instances) found.add(`${name} `);
    if (kind === "file") for (const path of files(last)) found.add(path);
  }
  return [[...found].filter((word) => word.startsWith(last)).sort(), last];
}
