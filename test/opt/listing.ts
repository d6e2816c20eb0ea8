/** What the optimiser leaves of a program in assembly or an object, as lists to compare. */

import { type CompileOptions, compile } from "../../compiler/compile.ts";
import { assemble } from "../../formats/isa/bpf.ts";

type Source = string | Uint8Array;

/** The IR of the functions that get code, by name, after all passes. */
export function optimised(source: Source, options: CompileOptions = {}): Map<string, string> {
  const texts = new Map<string, string>();
  const raw = typeof source === "string";
  compile(raw ? assemble(source) : source, {
    ...{ raw, name: "test", ctx: "args", check: true, verify: false },
    ...options,
    onPass: (_, fn, text) => {
      if (fn.dead) texts.delete(fn.name);
      else texts.set(fn.name, text());
    },
  });
  return texts;
}

/** Accesses and swaps of a program's only function, in their order: "load16 [r1 + 2]". */
export function accesses(source: Source, options: CompileOptions = {}): string[] {
  const [text] = optimised(source, options).values();
  return [...text.matchAll(/\b(?:load|store)\w+ \[[^\]]*\](?:, \w+)?|\bbswap\w*/g)].map(([found]) =>
    found.replace(/, v\d+/, ", v").replace(/\[v\d+/, "[v"),
  );
}

/** The lines of a program's only function, values numbered in their order: "v1: i64 = add r1, 1". */
export function lines(source: Source, options: CompileOptions = {}): string[] {
  const [text] = optimised(source, options).values();
  const names = new Map<string, string>();
  for (const [, name] of text.matchAll(/(v\d+): /g)) names.set(name, `v${names.size}`);
  return text
    .split("\n")
    .slice(1, -2)
    .map((line) => line.trim().replace(/\bv\d+\b/g, (name) => names.get(name) ?? name))
    .filter((line) => !/^b\d+:|^jump/.test(line));
}

/** The operations of a program's only function in their order, comparisons with their condition: "icmp.ult". */
export const operations = (source: Source, options: CompileOptions = {}): string[] =>
  lines(source, options).flatMap((line) => /^(?:v\d+: \w+ = )?([a-z][\w.]*)/.exec(line)?.[1] ?? []);
