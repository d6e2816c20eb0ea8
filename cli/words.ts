/** A line of the shell as words: blanks separate, quotes and backslashes join, # starts a comment. */

import { UsageError } from "./usage.ts";

const TOKEN = /\s+|#.*|"((?:[^"\\]|\\.)*)"|'([^']*)'|\\(.)|([^\s"'\\]+)/gsy;

/** Throws UsageError for a quote that does not end. */
export function splitWords(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < line.length; at = TOKEN.lastIndex) {
    TOKEN.lastIndex = at;
    const found = TOKEN.exec(line);
    if (found === null) throw new UsageError(`a quote or a backslash without its end: ${line.slice(at)}`);
    const [all, double, single, escaped, plain] = found;
    const text = double?.replace(/\\(.)/gs, "$1") ?? single ?? escaped ?? plain;
    if (text !== undefined) {
      if (word === undefined && plain?.startsWith("#")) break;
      word = (word ?? "") + text;
      continue;
    }
    if (all.startsWith("#") && word !== undefined) {
      // A # inside a word is a letter like any other.
      word += "#";
      TOKEN.lastIndex = at + 1;
      continue;
    }
    if (word !== undefined) words.push(word);
    word = undefined;
  }
  if (word !== undefined) words.push(word);
  return words;
}
