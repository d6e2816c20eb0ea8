/** Every helper that has a number or a name: prototype and effects, one row each; guarantees that ids and names are unique. */

import { crc32 } from "../formats/bytes.ts";

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
  | { kind: "map" }
  | { kind: "key"; access: "read" | "write"; orNull: boolean } // memory of the key size of the call's map argument
  | { kind: "value"; access: "read" | "write" } // memory of that map's value size; write: may be uninitialised
  | { kind: "memory"; access: "read" | "write"; size: Size; orNull: boolean }
  | { kind: "string"; orNull: boolean } // NUL-terminated
  | { kind: "format" } // a NUL-terminated printf format
  | { kind: "rest" } // an argument that the format may ask for; may be uninitialised when it does not
  | { kind: "callback"; gets: CallbackArgument[]; returns: "number" | "zero-or-one" }
  | { kind: "lock" } // a struct bpf_spin_lock in a map value
  | { kind: "reference"; of: Reference; releases: boolean; orNull: boolean };

/**
 * What the function behind a callback argument is called with. "key" and "value" point into the map of
 * the call, "forward" is the call's argument of kind "any" with that number.
 */
export type CallbackArgument = "number" | "map" | "key" | "value" | { forward: number };

/** Families of references that a program acquires and has to release. */
export type Reference = "heap" | "record";

/** What r0 holds afterwards. */
export type Result =
  | { kind: "number"; bits: 32 | 64; signed: boolean } // 32 bits: zero- or sign-extended to 64
  | { kind: "void" } // r0 is undefined
  | { kind: "never" } // does not return
  | { kind: "value" } // a pointer to a value of the call's map, or null
  | { kind: "memory"; size: Size; acquires: Reference } // or null
  | { kind: "string" } // a NUL-terminated string that stays valid as long as the instance, or null
  | { kind: "argument"; argument: number }; // that argument unchanged (memcpy)

export type Effect =
  | "moves-packet" // pointers to packet memory are stale afterwards
  | "may-sleep"
  | "calls-back" // BPF code runs before it returns
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
  doc: string;
}

/** Helper ids by range: [first, end). */
export const RANGES = {
  base: { first: 0, end: 1_000_000 }, // Linux's numbers
  sys: { first: 1_000_000, end: 2_000_000 },
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

const num: Argument = { kind: "number" };
const any: Argument = { kind: "any" };
const ctx: Argument = { kind: "context" };
const map: Argument = { kind: "map" };
const key: Argument = { kind: "key", access: "read", orNull: false };
const keyOrNull: Argument = { kind: "key", access: "read", orNull: true };
const keyOut: Argument = { kind: "key", access: "write", orNull: false };
const value: Argument = { kind: "value", access: "read" };
const valueOut: Argument = { kind: "value", access: "write" };
const str: Argument = { kind: "string", orNull: false };
const format: Argument = { kind: "format" };
const rest: Argument = { kind: "rest" };
const lock: Argument = { kind: "lock" };
const of = (argument: number): Size => ({ argument, zero: false });
const ofOrZero = (argument: number): Size => ({ argument, zero: true });
const bytes = (count: number): Size => ({ bytes: count });
const read = (size: Size, orNull = false): Argument => ({ kind: "memory", access: "read", size, orNull });
const write = (size: Size, orNull = false): Argument => ({ kind: "memory", access: "write", size, orNull });
const releases = (what: Reference, orNull = false): Argument => ({
  kind: "reference",
  of: what,
  releases: true,
  orNull,
});

const u64: Result = { kind: "number", bits: 64, signed: false };
const i64: Result = { kind: "number", bits: 64, signed: true };
const u32: Result = { kind: "number", bits: 32, signed: false };
const i32: Result = { kind: "number", bits: 32, signed: true };
const nothing: Result = { kind: "void" };
const valueOrNull: Result = { kind: "value" };
const stringOrNull: Result = { kind: "string" };
const first: Result = { kind: "argument", argument: 1 };
const acquires = (what: Reference, size: Size): Result => ({ kind: "memory", size, acquires: what });

const row = (
  id: number,
  name: string,
  ret: Result,
  args: Argument[],
  doc: string,
  more: { effects?: Effect[]; aliases?: string[] } = {},
): HelperRow => ({ id, name, aliases: more.aliases ?? [], ret, args, effects: more.effects ?? [], doc });

const SYS = RANGES.sys.first;
const eachElement: Argument = {
  kind: "callback",
  gets: ["map", "key", "value", { forward: 3 }],
  returns: "zero-or-one",
};
const eachIndex: Argument = { kind: "callback", gets: ["number", { forward: 3 }], returns: "zero-or-one" };

/** All rows, by ascending id. A row without an implementation on some host is an import that this host lacks. */
export const HELPERS: readonly HelperRow[] = [
  row(1, "bpf_map_lookup_elem", valueOrNull, [map, key], "the value of a key, or null"),
  row(2, "bpf_map_update_elem", i64, [map, key, value, num], "sets a key's value; flags as in Linux"),
  row(3, "bpf_map_delete_elem", i64, [map, key], "removes a key"),
  row(
    4,
    "bpf_probe_read",
    i64,
    [write(ofOrZero(2)), num, any],
    "copies (dst, size, src); -EFAULT when src is bad",
  ),
  row(5, "bpf_ktime_get_ns", u64, [], "monotonic clock in nanoseconds"),
  row(6, "bpf_trace_printk", i64, [format, num, rest, rest, rest], "prints (fmt, size of fmt, a, b, c)"),
  row(7, "bpf_get_prandom_u32", u32, [], "a pseudo-random number of 32 bits"),
  row(8, "bpf_get_smp_processor_id", u32, [], "number of the processor that runs the program"),
  row(12, "bpf_tail_call", i64, [ctx, map, num], "ends in the program at an index of a program array", {
    effects: ["ends-program"],
  }),
  row(14, "bpf_get_current_pid_tgid", u64, [], "process id << 32 | thread id"),
  row(15, "bpf_get_current_uid_gid", u64, [], "group id << 32 | user id"),
  row(16, "bpf_get_current_comm", i64, [write(of(2)), num], "name of the process (buf, size), NUL-padded"),
  row(
    28,
    "bpf_csum_diff",
    i64,
    [read(ofOrZero(2), true), num, read(ofOrZero(4), true), num, num],
    "checksum difference of two blocks (from, size, to, size, seed)",
  ),
  row(44, "bpf_xdp_adjust_head", i64, [ctx, num], "moves the start of the packet", {
    effects: ["moves-packet"],
  }),
  row(51, "bpf_redirect_map", i64, [map, num, num], "sends the packet where a map's entry says"),
  row(65, "bpf_xdp_adjust_tail", i64, [ctx, num], "moves the end of the packet", {
    effects: ["moves-packet"],
  }),
  row(87, "bpf_map_push_elem", i64, [map, value, num], "appends to a queue or a stack"),
  row(88, "bpf_map_pop_elem", i64, [map, valueOut], "takes from a queue or a stack"),
  row(89, "bpf_map_peek_elem", i64, [map, valueOut], "reads from a queue or a stack"),
  row(93, "bpf_spin_lock", nothing, [lock], "locks a map value", { effects: ["locks"] }),
  row(94, "bpf_spin_unlock", nothing, [lock], "unlocks it", { effects: ["unlocks"] }),
  row(
    105,
    "bpf_strtol",
    i64,
    [read(of(2)), num, num, write(bytes(8))],
    "parses a signed number (buf, size, base 0/8/10/16, result) → characters consumed",
  ),
  row(
    106,
    "bpf_strtoul",
    i64,
    [read(of(2)), num, num, write(bytes(8))],
    "parses an unsigned number likewise",
  ),
  row(125, "bpf_ktime_get_boot_ns", u64, [], "nanoseconds since boot, sleep included"),
  row(130, "bpf_ringbuf_output", i64, [map, read(ofOrZero(3)), num, num], "copies a record to a ring buffer"),
  row(131, "bpf_ringbuf_reserve", acquires("record", of(2)), [map, num, num], "room for a record, or null"),
  row(132, "bpf_ringbuf_submit", nothing, [releases("record"), num], "hands a reserved record over"),
  row(133, "bpf_ringbuf_discard", nothing, [releases("record"), num], "drops a reserved record"),
  row(
    164,
    "bpf_for_each_map_elem",
    i64,
    [map, eachElement, any, num],
    "calls back for each element (map, function, context, flags) → number of calls",
    { effects: ["calls-back"] },
  ),
  row(
    165,
    "bpf_snprintf",
    i64,
    [write(ofOrZero(2), true), num, format, read(ofOrZero(5), true), num],
    "formats (buf, size, fmt, u64 *args, bytes of args) → length with NUL",
  ),
  row(181, "bpf_loop", i64, [num, eachIndex, any, num], "calls back n times (n, function, context, flags)", {
    effects: ["calls-back"],
  }),
  row(182, "bpf_strncmp", i64, [read(of(2)), num, str], "compares (s1, size of s1, s2)"),

  row(SYS + 1, "malloc", acquires("heap", of(1)), [num], "memory of n bytes, or null", {
    aliases: ["bpf_malloc"],
  }),
  row(SYS + 2, "free", nothing, [releases("heap", true)], "gives memory back", { aliases: ["bpf_free"] }),
  row(
    SYS + 5,
    "realloc",
    acquires("heap", of(2)),
    [releases("heap", true), num],
    "memory of another size with the same contents, or null",
  ),
  row(SYS + 50, "printf", i32, [format, rest, rest, rest, rest], "prints → characters printed", {
    aliases: ["bpf_printf", "bpf_printk"],
  }),
  row(SYS + 51, "puts", i32, [str], "prints a line"),
  row(
    SYS + 52,
    "sprintf",
    i32,
    [write("unbounded"), format, rest, rest, rest],
    "formats without a limit → length",
  ),
  row(SYS + 55, "strerror", stringOrNull, [num], "text for an error number"),
  row(
    SYS + 71,
    "fprintf",
    i32,
    [any, format, read(ofOrZero(4), true), num],
    "prints to a file (file, fmt, u64 *args, number of args)",
  ),
  row(SYS + 104, "usleep", i32, [num], "waits for microseconds", { effects: ["may-sleep"] }),
  row(SYS + 105, "exit", { kind: "never" }, [num], "ends the program; r0 is the argument", {
    effects: ["ends-program"],
  }),
  row(SYS + 108, "getenv", stringOrNull, [str], "value of an environment variable, or null"),
  row(SYS + 109, "clock", i64, [], "processor time in microseconds"),
  row(
    SYS + 110,
    "time",
    i64,
    [write(bytes(8), true)],
    "seconds since 1970, also stored when the pointer is not null",
  ),
  row(
    SYS + 300,
    "memcpy",
    first,
    [write(ofOrZero(3)), read(ofOrZero(3)), num],
    "copies; the blocks must not overlap",
  ),
  row(SYS + 301, "memset", first, [write(ofOrZero(3)), num, num], "fills with a byte"),
  row(
    SYS + 302,
    "memmove",
    first,
    [write(ofOrZero(3)), read(ofOrZero(3)), num],
    "copies; the blocks may overlap",
  ),
  row(SYS + 303, "memcmp", i32, [read(ofOrZero(3)), read(ofOrZero(3)), num], "compares bytes: -1, 0 or 1"),
  row(SYS + 304, "strlen", u64, [str], "length without NUL"),
  row(SYS + 305, "strcmp", i32, [str, str], "compares strings: -1, 0 or 1"),
  row(SYS + 306, "strncmp", i32, [str, str, num], "compares at most n characters: -1, 0 or 1"),
  row(SYS + 307, "atoi", i32, [str], "the decimal number that a string starts with"),
  row(SYS + 308, "putchar", i32, [num], "prints a character (clang makes it of short printf calls)"),
  row(SYS + 402, "errno", i32, [], "error number of the last helper that failed"),
  row(SYS + 490, "do_nothing", i64, [], "returns 0"),
  row(SYS + 491, "local_arch", i32, [], "architecture id of the host, as in the containers"),
  row(SYS + 497, "env_name", stringOrNull, [], "name of the environment: node, posix, …"),
  row(SYS + 500, "map_lookup_elem", valueOrNull, [map, key], "as bpf_map_lookup_elem"),
  row(SYS + 501, "map_update_elem", i64, [map, key, value, num], "as bpf_map_update_elem"),
  row(SYS + 502, "map_delete_elem", i64, [map, key], "as bpf_map_delete_elem"),
  row(SYS + 503, "map_get_next_key", i64, [map, keyOrNull, keyOut], "the key after a key; null: the first"),
  row(
    SYS + 600,
    "packet_load",
    i64,
    [ctx, num, num],
    "1, 2 or 4 bytes of a packet in host order (xdp or skb context, signed offset, size); what LD_ABS and LD_IND call",
  ),
];

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

function kindText(kind: Argument | Result): string {
  const parts = Object.entries(kind).map(([name, field]) => {
    if (name === "size") return sizeText(field);
    return name === "gets" ? JSON.stringify(field) : `${field}`;
  });
  return parts.join(":");
}

/** The prototype as text: what prototypeHash hashes. */
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
