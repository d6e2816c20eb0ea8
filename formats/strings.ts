/** The string section of spf: NUL-terminated UTF-8, each string once, a suffix of another string for free. */

import type { Reader } from "./bytes.ts";
import { refuse } from "./common.ts";
import { bug } from "./error.ts";

/** Longest string in bytes: bounds the work that a hostile file of overlapping references can cause. */
export const STRING_LIMIT = 1023;

/** Lays strings out: `bytes` starts with the empty string, `offsets` has the place of each. */
export function layOutStrings(
  strings: Iterable<string>,
  where: string,
): { bytes: Uint8Array; offsets: Map<string, number> } {
  const encoder = new TextEncoder();
  const all = [...new Set(strings)]
    .filter((text) => text !== "")
    .map((text) => ({ text, key: reversed(text) }));
  for (const { text } of all) {
    if (text.includes("\0")) bug(`a NUL inside the string ${JSON.stringify(text)}`);
    const size = encoder.encode(text).length;
    if (size > STRING_LIMIT)
      refuse(
        "ERR_RUNBPF_UNSUPPORTED",
        where,
        `names of at most ${STRING_LIMIT} bytes`,
        `${size}: ${text.slice(0, 40)}…`,
      );
  }
  // Sorted by their reversal, backwards, a string comes right behind the longest one that ends with it.
  all.sort((a, b) => (a.key < b.key ? 1 : a.key > b.key ? -1 : 0));
  const offsets = new Map([["", 0]]);
  const chunks: Uint8Array[] = [new Uint8Array(1)];
  let size = 1;
  let last = { text: "", end: 0 };
  for (const { text } of all) {
    const bytes = encoder.encode(text);
    if (last.text.endsWith(text)) {
      offsets.set(text, last.end - bytes.length);
      continue;
    }
    offsets.set(text, size);
    last = { text, end: size + bytes.length };
    chunks.push(bytes, new Uint8Array(1));
    size += bytes.length + 1;
  }
  const out = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    out.set(chunk, at);
    at += chunk.length;
  }
  return { bytes: out, offsets };
}

const reversed = (text: string): string => [...text].reverse().join("");

/** Resolves references into a string section; each place is decoded once. */
export class Strings {
  private readonly section: Reader;
  private readonly seen = new Map<number, string>([[0, ""]]);

  constructor(section: Reader) {
    this.section = section;
    if (section.size > 0 && (section.bytes[0] !== 0 || section.bytes[section.size - 1] !== 0))
      section.fail(0, "strings that start and end with NUL", "other bytes");
  }

  /** The string at `offset`; `from` and `at` name the field that refers to it. */
  get(offset: number, from: Reader, at: number): string {
    const known = this.seen.get(offset);
    if (known !== undefined) return known;
    if (offset >= this.section.size) from.fail(at, `a string below ${this.section.size}`, `${offset}`);
    const bytes = this.section.bytes.subarray(offset, offset + STRING_LIMIT + 1);
    const end = bytes.indexOf(0);
    if (end < 0) from.fail(at, `a string of at most ${STRING_LIMIT} bytes`, "a longer one");
    const text = new TextDecoder().decode(bytes.subarray(0, end));
    this.seen.set(offset, text);
    return text;
  }
}
