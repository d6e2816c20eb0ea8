/** What the optimiser leaves of a program in assembly, as lists to compare. */

import { type CompileOptions, compile } from "../../compiler/compile.ts";
import { assemble } from "../../formats/isa/bpf.ts";

/** The IR of the functions that get code, by name, after all passes. */
export function optimised(source: string, options: CompileOptions = {}): Map<string, string> {
  const texts = new Map<string, string>();
  compile(assemble(source), {
    ...{ raw: true, name: "test", ctx: "args", check: true, verify: false },
    ...options,
    onPass: (_, fn, text) => {
      if (fn.dead) texts.delete(fn.name);
      else texts.set(fn.name, text());
    },
  });
  return texts;
}

/** Accesses and swaps of a program's only function, in their order: "load16 [r1 + 2]". */
export function accesses(source: string, options: CompileOptions = {}): string[] {
  const [text] = optimised(source, options).values();
  return [...text.matchAll(/\b(?:load|store)\w+ \[[^\]]*\](?:, \w+)?|\bbswap\w*/g)].map(([found]) =>
    found.replace(/, v\d+/, ", v").replace(/\[v\d+/, "[v"),
  );
}

/** The lines of a program's only function, values numbered in their order: "v1: i64 = add r1, 1". */
export function lines(source: string, options: CompileOptions = {}): string[] {
  const [text] = optimised(source, options).values();
  const names = new Map<string, string>();
  for (const [, name] of text.matchAll(/(v\d+): /g)) names.set(name, `v${names.size}`);
  return text
    .split("\n")
    .slice(1, -2)
    .map((line) => line.trim().replace(/\bv\d+\b/g, (name) => names.get(name) ?? name))
    .filter((line) => !/^b\d+:|^jump/.test(line));
}
