/** Import lists against what a host has and allows: everything is decided before anything runs. */

import type { Import } from "../formats/container.ts";
import { InputError } from "../formats/error.ts";
import type { Helper } from "../helpers/host.ts";
import { IMPLEMENTATIONS } from "../helpers/implementations.ts";
import { LIBRARY_HELPERS } from "../helpers/library.ts";
import { helperById, helperByName, prototypeHash, RANGES, type Range, rangeOf } from "../helpers/table.ts";

/** A helper id, a whole range, or a helper's name. */
export type Rule = number | string;

/** A host's own helper, by name or without one. */
export type HelperDefinition = Helper | { name?: string; call: Helper };

const nameOf = (definition: HelperDefinition) =>
  typeof definition === "function" ? undefined : definition.name;
const callOf = (definition: HelperDefinition) =>
  typeof definition === "function" ? definition : definition.call;

/** Helpers by id and by name, and who may use them. */
export class HelperSet {
  private readonly own = new Map<number, HelperDefinition>();
  private readonly names = new Map<string, number>();
  private readonly allow: Rule[] | undefined;
  private readonly deny: Rule[];

  constructor(helpers: Record<number, HelperDefinition>, allow?: Rule[], deny: Rule[] = []) {
    for (const rule of [...(allow ?? []), ...deny]) checkRule(rule);
    this.allow = allow;
    this.deny = deny;
    this.add(helpers, ["base", "sys", "user"]);
  }

  private add(helpers: Record<number, HelperDefinition>, ranges: Range[]): void {
    for (const [key, definition] of Object.entries(helpers)) {
      const id = Number(key);
      const range = rangeOf(id);
      if (range === undefined || !ranges.includes(range))
        throw new InputError("ERR_RUNBPF_ARGUMENT", {
          where: `helper ${key}`,
          expected: `an id of the ranges ${ranges.map((r) => `${r} (${RANGES[r].first} …)`).join(", ")}`,
          got: key,
        });
      if (LIBRARY_HELPERS.has(id))
        throw new InputError("ERR_RUNBPF_ARGUMENT", {
          where: `helper ${key}`,
          expected: "a helper that is not the map library's",
          got: helperById(id)?.name ?? key,
        });
      this.own.set(id, definition);
      const name = nameOf(definition);
      if (name !== undefined) this.names.set(name, id);
    }
  }

  /** The same set with the helpers of one instance added. */
  withTemporary(helpers: Record<number, HelperDefinition> | undefined): HelperSet {
    if (helpers === undefined) return this;
    const both = new HelperSet({}, this.allow, this.deny);
    for (const [id, definition] of this.own) both.own.set(id, definition);
    for (const [name, id] of this.names) both.names.set(name, id);
    both.add(helpers, ["temp"]);
    return both;
  }

  private matches(rule: Rule, id: number): boolean {
    if (rule === id || rule === rangeOf(id)) return true;
    return typeof rule === "string" && (helperByName(rule) === id || this.names.get(rule) === id);
  }

  private isAllowed(id: number): boolean {
    if (this.deny.some((rule) => this.matches(rule, id))) return false;
    return this.allow === undefined || this.allow.some((rule) => this.matches(rule, id));
  }

  /** The implementation of an import; undefined for slots that are not helpers and for the map library's. Throws InputError. */
  resolve(target: Import, where: string): Helper | undefined {
    if (target.kind !== "helper" && target.kind !== "named") return undefined;
    const id =
      target.kind === "helper" ? target.id : (helperByName(target.name) ?? this.names.get(target.name));
    const known = id === undefined ? undefined : (this.own.get(id) ?? IMPLEMENTATIONS.get(id));
    const row = id === undefined ? undefined : helperById(id);
    const label = describe(target, row?.name);
    const isLibrary = id !== undefined && LIBRARY_HELPERS.has(id);
    if (id === undefined || (known === undefined && !isLibrary))
      throw new InputError("ERR_RUNBPF_HELPER", {
        where,
        expected: "imports that this host has",
        got: `${label}, which is missing`,
        hint: rangeOf(id ?? 0) === "temp" ? "pass it with load" : "register it with the runtime",
      });
    if (!this.isAllowed(id))
      throw new InputError("ERR_RUNBPF_DENIED", {
        where,
        expected: "imports that this host allows",
        got: `${label}, which is denied`,
      });
    if (row !== undefined && target.hash !== 0 && target.hash !== prototypeHash(row))
      throw new InputError("ERR_RUNBPF_CONTRACT", {
        where,
        expected: `${label} with prototype hash ${prototypeHash(row)}`,
        got: `hash ${target.hash}`,
        hint: "compile the program again for this version",
      });
    return known && callOf(known);
  }
}

function checkRule(rule: Rule): void {
  const known =
    typeof rule === "number"
      ? rangeOf(rule) !== undefined
      : rule in RANGES || helperByName(rule) !== undefined || rule !== "";
  if (!known)
    throw new InputError("ERR_RUNBPF_ARGUMENT", {
      where: "allow or deny",
      expected: "a helper id, a helper's name, or base, sys, user, temp",
      got: String(rule),
    });
}

function describe(
  target: { kind: "helper"; id: number } | { kind: "named"; name: string },
  name?: string,
): string {
  if (target.kind === "named") return `helper "${target.name}"`;
  return name === undefined ? `helper ${target.id}` : `helper ${target.id} (${name})`;
}
