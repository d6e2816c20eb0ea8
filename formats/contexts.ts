/**
 * Contexts as data: which fields a program finds behind r1, where a host puts them, and what r0 may be at the exit.
 * Guarantees for every layout, ours or an embedder's: fields of one family do not overlap, all lie inside `size`.
 */

import { CONTEXTS } from "./container.ts";
import { InputError } from "./error.ts";

export interface ContextField {
  name: string;
  /** Where programs access it, and with how many bytes. */
  offset: number;
  size: number;
  access: "read" | "read-write";
  /** A number, or a pointer: to the packet, behind its last byte, to the metadata before it. */
  holds: "number" | "packet" | "packet-end" | "packet-meta";
  /** Parts of 1, 2, 4 or 8 bytes may be loaded as well, at offsets that are multiples of their size. */
  narrow: boolean;
  /** Such parts may be stored as well, when `access` allows stores at all. */
  narrowStores: boolean;
  /** Where it starts in the memory that the host hands over. */
  at: number;
  /**
   * Programs made with Linux's headers access fields at Linux's offsets ("linux"), others where they are ("own").
   * Where the two overlap, the size of an access tells which one is meant.
   */
  family: "linux" | "own";
}

/** What r0, as a signed 64-bit number, may be at the exit. */
export interface ContextReturns {
  min: number;
  max: number;
  /** Every value that it can have must be inside; else one that can be inside is enough. */
  strict: boolean;
  /** What the values are, for messages: "an XDP action". */
  of: string;
}

export interface ContextLayout {
  name: string;
  /** Context kind: a number of CONTEXTS, or an embedder's (128 … 255). */
  kind: number;
  /** Bytes that the host hands over. */
  size: number;
  fields: readonly ContextField[];
  returns?: ContextReturns;
}

/** Three addresses of 8 bytes stand in front of Linux's struct. */
const COPY = 24;

const own = (name: string, offset: number, holds: ContextField["holds"]): ContextField => ({
  ...{ name, offset, size: 8, access: "read", holds },
  ...{ narrow: false, narrowStores: false, at: offset, family: "own" },
});
const PAIR = [
  own("data", 0, "packet"),
  own("data_end", 8, "packet-end"),
  own("data_meta", 16, "packet-meta"),
];

/** One of the three, where Linux's struct has 4 bytes for it. */
const pointer = (offset: number, of: ContextField): ContextField => ({
  ...of,
  ...{ offset, size: 4, family: "linux" },
});

type Access = "read" | "read-write";
const field = (
  name: string,
  offset: number,
  size: number,
  access: Access,
  narrow: boolean,
  narrowStores = false,
): ContextField => ({
  ...{
    name,
    offset,
    size,
    access,
    holds: "number",
    narrow,
    narrowStores,
    at: offset + COPY,
    family: "linux",
  },
});
const word = (offset: number, name: string, access: Access = "read") => field(name, offset, 4, access, true);
const whole = (offset: number, name: string, size: number, access: Access = "read") =>
  field(name, offset, size, access, false);

/** struct xdp_md: 24 bytes. */
const XDP: ContextLayout = {
  ...{ name: "xdp", kind: CONTEXTS.xdp, size: COPY + 24 },
  fields: [
    ...PAIR,
    pointer(0, PAIR[0]),
    pointer(4, PAIR[1]),
    pointer(8, PAIR[2]),
    whole(12, "ingress_ifindex", 4),
    whole(16, "rx_queue_index", 4),
    whole(20, "egress_ifindex", 4),
  ],
  returns: { min: 0, max: 4, strict: false, of: "an XDP action" },
};

/** struct __sk_buff: 192 bytes; which fields, and which of them can be written, as for Linux's tc classifiers. */
const SKB: ContextLayout = {
  ...{ name: "skb", kind: CONTEXTS.skb, size: COPY + 192 },
  fields: [
    ...PAIR,
    word(0, "len"),
    word(4, "pkt_type"),
    word(8, "mark", "read-write"),
    word(12, "queue_mapping", "read-write"),
    word(16, "protocol"),
    word(20, "vlan_present"),
    word(24, "vlan_tci"),
    word(28, "vlan_proto"),
    word(32, "priority", "read-write"),
    word(36, "ingress_ifindex"),
    word(40, "ifindex"),
    word(44, "tc_index", "read-write"),
    field("cb", 48, 20, "read-write", true, true),
    word(68, "hash"),
    word(72, "tc_classid", "read-write"),
    pointer(76, PAIR[0]),
    pointer(80, PAIR[1]),
    word(84, "napi_id"),
    pointer(140, PAIR[2]),
    whole(152, "tstamp", 8, "read-write"),
    word(160, "wire_len"),
    word(164, "gso_segs"),
    word(176, "gso_size"),
    whole(180, "tstamp_type", 1),
    whole(184, "hwtstamp", 8),
  ],
};

/** The contexts with fields, by the name of their kind. */
export const LAYOUTS = { xdp: XDP, skb: SKB } as const;

/** The layout of a kind of CONTEXTS; undefined: it has no fields, or is an embedder's. */
export function layoutOf(kind: number): ContextLayout | undefined {
  return Object.values(LAYOUTS).find((layout) => layout.kind === kind);
}

const HOLDS = {
  packet: "the packet's first byte",
  "packet-end": "behind the packet's last byte",
  "packet-meta": "first byte of the metadata",
} as const;

/** The fields as rows of a Markdown table: where programs access them, and where the host puts them. */
export function layoutTable({ fields }: ContextLayout): string {
  const rows = fields.map((f) => {
    const parts = f.narrow ? (f.narrowStores ? ", also in part" : ", loads also in part") : "";
    const place = `${f.family === "linux" ? "Linux's" : "own"} ${f.offset}`;
    const holds = f.holds === "number" ? "" : `, ${HOLDS[f.holds]}`;
    return `| ${f.name} | ${place} | ${f.size} | ${f.at} | ${f.access}${parts}${holds} |`;
  });
  return ["| field | accessed at | bytes | stands at | access |", "|---|---|---|---|---|", ...rows].join(
    "\n",
  );
}

/** Bounds on what a declaration can ask for. */
const MAX_SIZE = 65_535;
const MAX_FIELDS = 1024;
const MAX_TEXT = 63;

function refuse(where: string, expected: string, got: string, hint?: string): never {
  throw new InputError("ERR_RUNBPF_ARGUMENT", { where, expected, got, hint });
}

/** A value of JSON, for a message: short, whatever it is. */
function show(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value === "string") return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (value === null || typeof value === "boolean" || typeof value === "number") return `${value}`;
  if (Array.isArray(value)) return `an array of ${value.length}`;
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

type Properties = Readonly<Record<string, unknown>>;

/** An object with no other properties than `known`. */
function objectOf(value: unknown, where: string, known: readonly string[]): Properties {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    refuse(where, "an object", show(value));
  const unknown = Object.keys(value).find((name) => !known.includes(name));
  if (unknown !== undefined) refuse(where, `only ${known.join(", ")}`, show(unknown));
  return Object.fromEntries(Object.entries(value));
}

function integer(from: Properties, name: string, where: string, min: number, max: number): number {
  const value = from[name];
  if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > max)
    refuse(`${where}.${name}`, `a whole number from ${min} to ${max}`, show(value));
  return value;
}

function oneOf<T extends string>(from: Properties, name: string, where: string, all: readonly T[]): T {
  const value = name in from ? from[name] : all[0];
  const found = all.find((known) => known === value);
  return found ?? refuse(`${where}.${name}`, `one of ${all.join(", ")}`, show(value));
}

function flag(from: Properties, name: string, where: string, otherwise: boolean): boolean {
  const value = name in from ? from[name] : otherwise;
  return typeof value === "boolean" ? value : refuse(`${where}.${name}`, "true or false", show(value));
}

/** A name as C and the command line can have it. */
function nameOf(from: Properties, where: string): string {
  const { name } = from;
  if (typeof name !== "string" || name.length > MAX_TEXT || !/^[A-Za-z_][\w-]*$/.test(name))
    refuse(`${where}.name`, `a name of at most ${MAX_TEXT} letters, digits, _ and -`, show(name));
  return name;
}

const FIELD = ["name", "offset", "size", "access", "holds", "narrow"] as const;
const KINDS = ["number", "packet", "packet-end", "packet-meta"] as const;

function parseField(json: unknown, where: string, end: number): ContextField {
  const from = objectOf(json, where, FIELD);
  const name = nameOf(from, where);
  const offset = integer(from, "offset", where, 0, end - 1);
  const size = integer(from, "size", where, 1, end - offset);
  const access = oneOf(from, "access", where, ["read", "read-write"]);
  const holds = oneOf(from, "holds", where, KINDS);
  const narrow = flag(from, "narrow", where, false);
  const known = size === 1 || size === 2 || size === 4 || size === 8;
  if (!known && !narrow)
    refuse(`${where}.size`, "1, 2, 4 or 8", `${size}`, 'an array is "narrow": its parts are accessed');
  if (known && offset % size !== 0) refuse(`${where}.offset`, `a multiple of ${size}`, `${offset}`);
  if (holds !== "number" && size !== 8) refuse(`${where}.size`, "8, as for every pointer", `${size}`);
  if (holds !== "number" && access !== "read")
    refuse(`${where}.access`, '"read", as for every pointer', show(access));
  if (holds !== "number" && narrow) refuse(`${where}.narrow`, "false, as for every pointer", "true");
  return { name, offset, size, access, holds, narrow, narrowStores: narrow, at: offset, family: "own" };
}

/** Names are unique, fields do not overlap, and a packet has a start and an end. */
function checkFields(fields: readonly ContextField[], where: string): void {
  const names = new Set<string>();
  for (const { name } of fields) {
    if (names.has(name)) refuse(`${where}.fields`, "fields of different names", `two of ${name}`);
    names.add(name);
  }
  const sorted = [...fields].sort((a, b) => a.offset - b.offset);
  for (const [i, next] of sorted.slice(1).entries())
    if (next.offset < sorted[i].offset + sorted[i].size)
      refuse(`${where}.fields`, "fields that do not overlap", `${sorted[i].name} and ${next.name}`);
  const count = (holds: string) => fields.filter((f) => f.holds === holds).length;
  const [packets, ends, metas] = [count("packet"), count("packet-end"), count("packet-meta")];
  if (packets > 1 || packets !== ends || metas > packets)
    refuse(
      `${where}.fields`,
      'one "packet" and one "packet-end", and with them at most one "packet-meta", or none of them',
      `${packets}, ${ends} and ${metas}`,
    );
}

function parseReturns(json: unknown, where: string, name: string): ContextReturns {
  const from = objectOf(json, where, ["min", "max", "strict", "of"]);
  const min = integer(from, "min", where, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
  const max = integer(from, "max", where, min, Number.MAX_SAFE_INTEGER);
  const of = "of" in from ? from.of : `a result of ${name}`;
  if (typeof of !== "string" || of === "" || of.length > MAX_TEXT || /\p{Cc}/u.test(of))
    refuse(`${where}.of`, `a text of 1 to ${MAX_TEXT} characters`, show(of));
  return { min, max, strict: flag(from, "strict", where, true), of };
}

/**
 * A layout that an embedder declares: the value that JSON.parse made of it; `where` names it in messages. Throws
 * ERR_RUNBPF_ARGUMENT. formats/README.md has the properties.
 */
export function parseLayout(json: unknown, where: string): ContextLayout {
  const from = objectOf(json, where, ["name", "kind", "size", "fields", "returns"]);
  const name = nameOf(from, where);
  if (Object.hasOwn(CONTEXTS, name))
    refuse(`${where}.name`, `another name than ${Object.keys(CONTEXTS).join(", ")}`, show(name));
  const kind = integer(from, "kind", where, 128, 255);
  const size = integer(from, "size", where, 1, MAX_SIZE);
  const list = from.fields;
  if (!Array.isArray(list) || list.length > MAX_FIELDS)
    refuse(`${where}.fields`, `an array of at most ${MAX_FIELDS} fields`, show(list));
  const fields = Array.from(list, (f, i) => parseField(f, `${where}.fields[${i}]`, size));
  checkFields(fields, where);
  if (!("returns" in from)) return { name, kind, size, fields };
  return { name, kind, size, fields, returns: parseReturns(from.returns, `${where}.returns`, name) };
}
