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
