/** The implementations by helper id, for a host that runs programs in JavaScript's process. */

import { base } from "./base.ts";
import type { Helper } from "./host.ts";
import { packet } from "./packet.ts";
import { printing } from "./printf.ts";
import { strings } from "./string.ts";
import { sys } from "./sys.ts";
import { timer } from "./timer.ts";

/** Every helper that has an implementation; a row of HELPERS without one is what this host lacks. */
export const IMPLEMENTATIONS: ReadonlyMap<number, Helper> = new Map(
  [base, packet, printing, strings, sys, timer].flatMap((family) =>
    Object.entries(family).map(([id, helper]) => [Number(id), helper] as const),
  ),
);
