/** Every helper that has a number or a name: prototype and effects, one row each; guarantees that ids and names are unique. */

import { crc32 } from "../formats/bytes.ts";
import type { ContextName } from "../formats/container.ts";
import { SYS } from "./row.ts";
import { BASE } from "./rows-base.ts";
import { PACKET } from "./rows-packet.ts";
import { SYSTEM } from "./rows-sys.ts";

/** Bytes of a memory argument or result: a constant, or the value of argument `argument` (1 … 5). */
export type Size =
  | { bytes: number }
  | { argument: number /** Size 0 is valid too. */; zero: boolean }
  | "unbounded"; // C's sprintf: no verifier can accept it

/** What an argument must be. `orNull`: a null pointer is valid as well. */
export type Argument =
  | { kind: "number" } // any scalar, also an enum, a size or flags
  | { kind: "any" } // not looked at: it is only handed on, or probed as an address
  | { kind: "context" }
  | { kind: "map" /** Types of map that it may be (MAP_TYPE); undefined = all. */; types?: readonly number[] }
  | { kind: "key"; access: "read" | "write"; orNull: boolean } // memory of the key size of the call's map argument
  | ValueArgument
  | MemoryArgument
  | { kind: "string"; orNull: boolean } // NUL-terminated
  | { kind: "format" } // a NUL-terminated printf format
  | { kind: "rest" } // an argument that the format may ask for; may be uninitialised when it does not
  | { kind: "callback"; gets: CallbackArgument[]; returns: "number" | "zero-or-one" | "zero" }
  | { kind: "lock" } // a struct bpf_spin_lock in a map value
  | { kind: "timer" } // a struct bpf_timer in a map value
  | { kind: "reference"; of: Reference; releases: boolean; orNull: boolean };

/** Memory of the value size of the call's map. */
export interface ValueArgument {
  kind: "value";
  /** write: may be uninitialised before. */
  access: "read" | "write";
  /** Types of map that read it too: for them it must be initialised. */
  readBy?: readonly number[];
}

/** Memory of a size. Pointers in what is read leak, and are refused, but where `pointers` allows them. */
export interface MemoryArgument {
  kind: "memory";
  /** write: may be uninitialised before. read-write: is initialised before and has other contents afterwards. */
  access: "read" | "write" | "read-write";
  size: Size;
  orNull: boolean;
  pointers?: true;
}

/**
 * What the function behind a callback argument is called with. "key" and "value" point into the map of the
 * call (without a map argument: the map that the timer is in), "forward" is the call's argument of kind
 * "any" with that number.
 */
export type CallbackArgument = "number" | "map" | "key" | "value" | { forward: number };

/** Families of references that a program acquires and has to release. */
export type Reference = "heap" | "record";

/** What r0 holds afterwards. */
export type Result =
  | NumberResult
  | { kind: "void" } // r0 is undefined
  | { kind: "never" } // does not return
  | { kind: "value" } // a pointer to a value of the call's map, or null
  | { kind: "memory"; size: Size; acquires: Reference } // or null
  | { kind: "string" } // a NUL-terminated string that stays valid as long as the instance, or null
  | { kind: "argument"; argument: number }; // that argument unchanged (memcpy)

/** 32 bits are zero- or sign-extended to 64. An implementation must keep to the range: programs are verified with it. */
export interface NumberResult {
  kind: "number";
  bits: 32 | 64;
  signed: boolean;
  /** Least and greatest r0 as a 64-bit number, signed when `signed` is; whole, up to 2^53. */
  min?: number;
  max?: number;
  /** Number of an argument (1 … 5): r0, when not negative, is at most what that one was, taken as unsigned. */
  upTo?: number;
}

export type Effect =
  | "moves-packet" // pointers to packet memory are stale afterwards
  | "may-sleep"
  | "calls-back" // BPF code runs before it returns
  | "calls-later" // BPF code runs at some time afterwards
  | "ends-program" // it may not return
  | "locks"
  | "unlocks";

export interface HelperRow {
  id: number;
  /** The name that an object's undefined function symbol resolves by. */
  name: string;
  /** More such names. */
  aliases: readonly string[];
  ret: Result;
  args: readonly Argument[];
  effects: readonly Effect[];
  /** Contexts in which a program may call it; undefined = all. */
  contexts?: readonly ContextName[];
  doc: string;
}

/** Helper ids by range: [first, end). */
export const RANGES = {
  base: { first: 0, end: 1_000_000 }, // Linux's numbers
  sys: { first: SYS, end: 2_000_000 },
  user: { first: 2_000_000, end: 3_000_000 }, // registered by the host, for all instances
  temp: { first: 3_000_000, end: 4_000_000 }, // passed with one load, for that instance alone
} as const;
export type Range = keyof typeof RANGES;

/** The range that `id` lies in, or undefined when no helper can have that id. */
export function rangeOf(id: number): Range | undefined {
  for (const name of Object.keys(RANGES) as Range[])
    if (id >= RANGES[name].first && id < RANGES[name].end && Number.isInteger(id)) return name;
  return undefined;
}

/** All rows, by ascending id. A row without an implementation on some host is an import that this host lacks. */
export const HELPERS: readonly HelperRow[] = [...BASE, ...PACKET, ...SYSTEM].sort((a, b) => a.id - b.id);

const byId = new Map(HELPERS.map((helper) => [helper.id, helper]));
const byName = new Map(
  HELPERS.flatMap((helper) => [helper.name, ...helper.aliases].map((name) => [name, helper.id] as const)),
);

export function helperById(id: number): HelperRow | undefined {
  return byId.get(id);
}

/** The id of the helper that a program declares as `name`. */
export function helperByName(name: string): number | undefined {
  return byName.get(name);
}

/** Every name that helperByName knows, for "did you mean". */
export function helperNames(): string[] {
  return [...byName.keys()];
}

/** Registers that a call passes: r1 … r(n). A helper with a format takes all five. */
export function argCount(helper: HelperRow): number {
  return helper.args.length;
}

const sizeText = (size: Size): string => {
  if (size === "unbounded") return "*";
  return "bytes" in size ? `${size.bytes}` : `#${size.argument}${size.zero ? "+0" : ""}`;
};

/** What only the verifier wants to know: it is no part of how a call is made. */
const FACTS = new Set(["types", "readBy", "pointers", "min", "max", "upTo"]);

function kindText(kind: Argument | Result): string {
  const fields = Object.entries(kind).filter(([name]) => !FACTS.has(name));
  const parts = fields.map(([name, field]) => {
    if (name === "size") return sizeText(field);
    return name === "gets" ? JSON.stringify(field) : `${field}`;
  });
  return parts.join(":");
}

/** The prototype as text, without facts that are for the verifier alone: what prototypeHash hashes. */
export function prototypeText(helper: HelperRow): string {
  return `${kindText(helper.ret)}(${helper.args.map(kindText).join(",")})${helper.effects.join("+")}`;
}

const hashes = new Map<HelperRow, number>();

/**
 * 10 bits, never 0, that change when the prototype does: CRC-32 of prototypeText, its four groups of
 * ten bits xor-ed. Containers carry it so that a program never runs against another prototype.
 */
export function prototypeHash(helper: HelperRow): number {
  let hash = hashes.get(helper);
  if (hash === undefined) {
    const crc = crc32(new TextEncoder().encode(prototypeText(helper)));
    hash = (crc ^ (crc >>> 10) ^ (crc >>> 20) ^ (crc >>> 30)) & 1023 || 1;
    hashes.set(helper, hash);
  }
  return hash;
}
