/** What r1 … r5 are at a program's entry: by the name of its section, or as the user says. */

import { CONTEXTS, type ContextName } from "../formats/container.ts";
import { type ContextLayout, type ContextReturns, layoutOf } from "../formats/contexts.ts";
import { InputError } from "../formats/error.ts";

/** A context kind (CONTEXTS, or an embedder's 128 … 255) and the bytes that r1 points to at least. */
export interface Context {
  kind: number;
  memory: number;
}

/** A context with all that the verifier needs of it. */
export interface FullContext extends Context {
  name: string;
  layout: ContextLayout | undefined;
  returns: ContextReturns | undefined;
}

const YES_OR_NO: ContextReturns = { min: 0, max: 1, strict: true, of: "a hook that says yes or no" };

/** Section names by their first part; any other name is `args`. */
const HOOKS: [RegExp, ContextName, ContextReturns?][] = [
  [/^(tcmd|\.spf\.cmd)(\/|$)/, "cmd"],
  [/^xdp(\/|$|\.)/, "xdp"],
  [/^(socket|socket_filter|tc|classifier)(\/|$|\d)/, "skb"],
  [/^cgroup_skb\/egress$/, "skb", { min: 0, max: 3, strict: true, of: "an egress verdict" }],
  [/^(cgroup_skb|cgroup\/skb)(\/|$)/, "skb", YES_OR_NO],
  [/^(action|sched_cls|sched_act|sk_skb|lwt_in|lwt_out|lwt_xmit|lwt_seg6local)(\/|$)/, "skb"],
  [/^(cgroup|lsm_cgroup|sk_lookup)(\/|$)/, "args", YES_OR_NO],
];

export function contextOfHook(hook: string): Context {
  const found = HOOKS.find(([pattern]) => pattern.test(hook));
  return { kind: CONTEXTS[found?.[1] ?? "args"], memory: 0 };
}

/** Reads "KIND" or "KIND:BYTES", as --ctx takes it; an embedder's kinds go by the names of their layouts. */
export function parseContext(text: string, layouts: readonly ContextLayout[] = []): Context {
  const match = /^([\w.-]+?)(?::(\d+))?$/.exec(text);
  const name = match?.[1] ?? "";
  const kind = layouts.find((layout) => layout.name === name)?.kind ?? CONTEXTS[name as ContextName];
  const memory = Number(match?.[2] ?? 0);
  if (kind === undefined || memory > 65535)
    throw new InputError("ERR_RUNBPF_ARGUMENT", {
      where: "--ctx",
      expected: `one of ${[...Object.keys(CONTEXTS), ...layouts.map((l) => l.name)].join(", ")}, with :BYTES up to 65535`,
      got: `"${text}"`,
    });
  return { kind, memory };
}

/** The context of a program: `ctx` as parseContext takes it, else by its section, else `otherwise`, else args. */
export function contextOf(
  hook: string,
  ctx: string | undefined,
  layouts: readonly ContextLayout[] = [],
  otherwise?: string,
): FullContext {
  const byName = ctx === undefined && HOOKS.some(([pattern]) => pattern.test(hook));
  const text = ctx ?? (byName ? undefined : otherwise);
  const { kind, memory } = text === undefined ? contextOfHook(hook) : parseContext(text, layouts);
  const layout = layouts.find((l) => l.kind === kind) ?? layoutOf(kind);
  const name =
    layout?.name ?? Object.entries(CONTEXTS).find(([, number]) => number === kind)?.[0] ?? `${kind}`;
  const byHook = ctx === undefined ? HOOKS.find(([pattern]) => pattern.test(hook))?.[2] : undefined;
  return { kind, memory, name, layout, returns: layout?.returns ?? byHook };
}
