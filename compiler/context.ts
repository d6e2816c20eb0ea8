/** What r1 … r5 are at a program's entry: by the name of its section, or as the user says. */

import { CONTEXTS, type ContextName } from "../formats/container.ts";
import { InputError } from "../formats/error.ts";

/** A context kind (CONTEXTS, or an embedder's 128 … 255) and the bytes that r1 points to at least. */
export interface Context {
  kind: number;
  memory: number;
}

/** Section names by their first part; any other name is `args`. */
const HOOKS: [RegExp, ContextName][] = [
  [/^(tcmd|\.spf\.cmd)(\/|$)/, "cmd"],
  [/^xdp(\/|$|\.)/, "xdp"],
  [/^(socket|tc|classifier)(\/|$|\d)/, "skb"],
];

export function contextOfHook(hook: string): Context {
  const found = HOOKS.find(([pattern]) => pattern.test(hook));
  return { kind: CONTEXTS[found?.[1] ?? "args"], memory: 0 };
}

/** Reads "KIND" or "KIND:BYTES", as --ctx takes it. */
export function parseContext(text: string): Context {
  const match = /^([a-z]+)(?::(\d+))?$/.exec(text);
  const kind = match === null ? undefined : CONTEXTS[match[1] as ContextName];
  const memory = Number(match?.[2] ?? 0);
  if (kind === undefined || memory > 65535)
    throw new InputError("ERR_RUNBPF_ARGUMENT", {
      where: "--ctx",
      expected: `one of ${Object.keys(CONTEXTS).join(", ")}, with :BYTES up to 65535`,
      got: `"${text}"`,
    });
  return { kind, memory };
}
