/** Every case of cases/*.ts: accepted, or refused for its rule, at its instruction where it marks one. */

import { describe, expect, test } from "vitest";
import { verify } from "../../compiler/verify/verify.ts";
import { ATOMICS } from "./cases/atomics.ts";
import { CALLS } from "./cases/calls.ts";
import { CONTEXT } from "./cases/context.ts";
import { HELPERS } from "./cases/helpers.ts";
import { LOOPS } from "./cases/loops.ts";
import { MAPS } from "./cases/maps.ts";
import { MEMORY } from "./cases/memory.ts";
import { NUMBERS } from "./cases/numbers.ts";
import { PACKET } from "./cases/packet.ts";
import { POINTERS } from "./cases/pointers.ts";
import { REFERENCES } from "./cases/references.ts";
import { RELATIONS } from "./cases/relations.ts";
import { STACK } from "./cases/stack.ts";
import { assembleCase, type Case, listing } from "./program.ts";

const TABLES: Record<string, Case[]> = {
  ...{ numbers: NUMBERS, stack: STACK, context: CONTEXT, packet: PACKET, maps: MAPS, memory: MEMORY },
  ...{ pointers: POINTERS, references: REFERENCES, helpers: HELPERS, calls: CALLS, loops: LOOPS },
  ...{ atomics: ATOMICS, relations: RELATIONS },
};

/** What the case says, and what the verifier says, as text; the same when they agree. */
function verdicts(c: Case): { expected: string; got: string; about: string } {
  const { program, marked } = assembleCase(c);
  const { ctx, maxStack, maxInstructions } = c;
  const [verdict] = verify(program, { ctx, maxStack, maxInstructions });
  const { refusal } = verdict;
  const about = `\n${listing(program)}\nctx ${ctx}; ${verdict.ok ? "accepted" : JSON.stringify(refusal)}`;
  if (c.refuse === undefined) {
    const bounded = c.bounded === undefined ? "" : `, bounded ${c.bounded}`;
    const found = c.bounded === undefined ? "" : `, bounded ${verdict.bounded}`;
    const got = verdict.ok ? `accepted${found}` : `refused: ${refusal?.rule}`;
    return { expected: `accepted${bounded}`, got, about };
  }
  const rules = [c.refuse].flat();
  const rule = refusal && rules.includes(refusal.rule) ? rules.join(" or ") : refusal?.rule;
  const at = (place: { func: number; insn: number }) => (marked ? ` at ${place.func}:${place.insn}` : "");
  const expected = `refused: ${rules.join(" or ")}${marked ? at(marked) : ""}`;
  return { expected, got: verdict.ok ? "accepted" : `refused: ${rule}${at(refusal!)}`, about };
}

describe.each(Object.entries(TABLES))("%s", (_, cases) => {
  test("names are unique", () => {
    expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length);
  });

  test.each(cases)("$name", (c) => {
    const { expected, got, about } = verdicts(c);
    expect(got, about).toBe(expected);
  });
});

test("there are hundreds of cases, and both ways", () => {
  const all = Object.values(TABLES).flat();
  expect(all.filter((c) => c.refuse === undefined).length).toBeGreaterThan(250);
  expect(all.filter((c) => c.refuse !== undefined).length).toBeGreaterThan(300);
});
