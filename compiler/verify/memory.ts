/** Loads and stores: through which pointers, at which offsets, and what a load yields. */

import { READ_ONLY_MAPS } from "../../formats/container.ts";
import type { ContextField } from "../../formats/contexts.ts";
import { FRAME_SIZE } from "../../formats/isa/bpf.ts";
import { type Env, OBJECTS } from "./env.ts";
import { format } from "./number.ts";
import { roomOf } from "./rooms.ts";
import { type Rule, refuse } from "./rules.ts";
import { checkWritten, loadSlot, placeName, scribble, signExtended, storeSlot, unknownOf } from "./stack.ts";
import type { State } from "./state.ts";
import {
  article,
  constOf,
  describe,
  hasRoom,
  isConst,
  isPointer,
  type Kind,
  make,
  number,
  pointer,
  type Value,
  ZERO,
} from "./value.ts";

export type Bytes = 1 | 2 | 4 | 8;
export type Access = "read" | "write";

/** BPF_F_RDONLY_PROG and BPF_F_WRONLY_PROG of a map's flags. */
const READ_ONLY = 1 << 7;
const WRITE_ONLY = 1 << 8;

const RULE: Partial<Record<Kind, Rule>> = {
  stack: "stack-bounds",
  context: "context-access",
  packet: "packet-bounds",
  "packet-meta": "packet-bounds",
  "map-value": "map-bounds",
};

/** Kinds that memory can be accessed through. */
const ACCESSIBLE = new Set<Kind>([
  "stack",
  "context",
  "packet",
  "packet-meta",
  "map-value",
  "memory",
  "argv",
  "string",
  "data",
  "rodata",
]);

/** Requires a pointer to memory, not null. */
export function checkPointer(v: Value): void {
  if (v.nullable !== 0)
    refuse("null-pointer", `${article(v.kind)} that is not null`, describe(v), "compare it with 0 first");
  if (v.kind === "released" && v.of === OBJECTS.packet)
    refuse(
      "not-a-pointer",
      "a packet pointer",
      "one from before the packet was moved",
      "load data and data_end again",
    );
  if (v.kind === "released") refuse("reference-released", "memory that is still held", describe(v));
  if (!ACCESSIBLE.has(v.kind)) {
    const hint =
      v.kind === "map"
        ? "look an element up"
        : v.kind === "number"
          ? "a number is no address; what r1 … r5 are is said by the section's name, or by --ctx"
          : undefined;
    refuse("not-a-pointer", "a pointer to memory", describe(v), hint);
  }
}

/** Bytes of objects whose size is a constant. */
function sizeOf(env: Env, v: Value): number {
  const { program } = env;
  switch (v.kind) {
    case "stack":
      return FRAME_SIZE;
    case "map-value":
      return program.maps[v.of].valueSize;
    case "data":
      return program.dataSize;
    case "rodata":
      return program.rodata.length;
    default:
      return 0;
  }
}

const HINTS: Partial<Record<Kind, string>> = {
  packet: "compare the pointer with data_end first",
  "packet-meta": "compare the pointer with data first",
  argv: "compare the index with argc first",
  string: "compare the character before with 0 first",
};

function boundsHint(env: Env, v: Value): string | undefined {
  if (v.kind === "memory" && v.of === OBJECTS.mem)
    return "compare the index with the length in r2 first, or promise a least length with --ctx mem:BYTES";
  if (!isConst(v) && !HINTS[v.kind]) return "compare the index with its bounds first, or mask it";
  return HINTS[v.kind] ?? (v.kind === "context" && env.layout ? undefined : HINTS[v.kind]);
}

const bytesText = (bytes: number): string => (bytes === 1 ? "1 byte" : `${bytes} bytes`);

/** "offset 14", "offset 0 … 255". */
function offsetText(v: Value, off: number): string {
  if (v.kind === "stack" && isConst(v)) return placeName(constOf(v) + off);
  const base = v.kind === "stack" ? off - FRAME_SIZE : off;
  if (isConst(v)) return `offset ${constOf(v) + base}`;
  const plus = base === 0 ? "" : base < 0 ? ` - ${-base}` : ` + ${base}`;
  return `offset (${format(v.num)})${plus}`;
}

/** Notes that a frame is used from its byte `low` on. */
export function noteUse(env: Env, state: State, frame: number, low: number): void {
  const { func } = state.frames[frame];
  env.used[func] = Math.max(env.used[func] ?? 0, FRAME_SIZE - low);
}

/** Requires that `bytes` at v + off are inside what v points to. */
export function checkBounds(env: Env, state: State, v: Value, off: number, bytes: number): void {
  const low = Number(v.num.smin) + off;
  const high = Number(v.num.smax) + off + bytes;
  const size = hasRoom(v.kind) ? roomOf(state, v.of, v) + (isConst(v) ? constOf(v) : 0) : sizeOf(env, v);
  const fits = hasRoom(v.kind) ? roomOf(state, v.of, v) >= off + bytes : high <= size;
  if (low >= 0 && fits) {
    if (v.kind === "stack") noteUse(env, state, v.of, low);
    return;
  }
  const rule = RULE[v.kind] ?? "memory-bounds";
  const what = `${bytesText(bytes)} at ${offsetText(v, off)}`;
  if (!hasRoom(v.kind)) {
    const name =
      v.kind === "stack" ? "the 512 bytes below r10" : `the ${bytesText(size)} of ${whatOf(env, v)}`;
    refuse(rule, `an access within ${name}`, what, boundsHint(env, v));
  }
  if (low < 0) refuse(rule, `an offset of at least 0 in ${whatOf(env, v)}`, what, boundsHint(env, v));
  const known = isConst(v) ? Math.max(0, size) : Math.max(0, roomOf(state, v.of, v) - off);
  const behind = isConst(v) ? "" : " there";
  refuse(
    rule,
    `an access within ${whatOf(env, v)}, of which ${known === 0 ? "nothing is known to be" : `${bytesText(known)} are known to be`}${behind || " there"}`,
    what,
    boundsHint(env, v),
  );
}

/** Names what a pointer points into. */
export function whatOf(env: Env, v: Value): string {
  if (v.kind === "map-value") return `a value of map ${env.program.maps[v.of].name}`;
  if (v.kind === "memory" || v.kind === "packet" || v.kind === "argv" || v.kind === "packet-meta")
    return env.object(v.of).name;
  if (v.kind === "data") return ".data and .bss";
  if (v.kind === "rodata") return ".rodata";
  if (v.kind === "string") return "the string";
  return article(v.kind);
}

function checkAlignment(v: Value, off: number, bytes: number): void {
  const bits = (Number(v.num.value & 7n) + (off & 7)) | Number(v.num.mask & 7n);
  if ((bits & (bytes - 1)) === 0) return;
  refuse("stack-alignment", `an offset that is a multiple of ${bytes}`, offsetText(v, off));
}

/** Offsets at which an access of `bytes` can start, at a checked pointer: [from, to] inclusive. */
const span = (v: Value, off: number): [number, number] => [
  Number(v.num.smin) + off,
  Number(v.num.smax) + off,
];

function contextField(env: Env, v: Value, off: number, bytes: number, access: Access): ContextField {
  const { layout } = env;
  if (!isConst(v) || constOf(v) !== 0)
    refuse(
      "context-pointer",
      "the context at a constant offset, as the program got it",
      describe(v),
      "use r1 of the entry, unchanged",
    );
  if (layout === undefined) return refuse("context-access", "a context with fields", "none");
  for (const f of layout.fields) {
    const whole = f.offset === off && f.size === bytes;
    const part = f.narrow && off >= f.offset && off + bytes <= f.offset + f.size && off % bytes === 0;
    if (!whole && !part) continue;
    if (access === "write" && !whole && !f.narrowStores) continue;
    if (access === "write" && f.access === "read")
      refuse(
        "context-access",
        `a field of context ${layout.name} that can be written`,
        `${f.name}, which is read-only`,
      );
    return f;
  }
  return refuse(
    "context-access",
    `a field of context ${layout.name}`,
    `${bytesText(bytes)} at offset ${off}`,
  );
}

function loadContext(field: ContextField, bytes: Bytes): Value {
  switch (field.holds) {
    case "packet":
      return pointer("packet", OBJECTS.packet);
    case "packet-end":
      return pointer("packet-end", OBJECTS.packet);
    case "packet-meta":
      return pointer("packet-meta", OBJECTS.meta);
    default:
      return unknownOf(bytes);
  }
}

/** Words of .data that hold a pointer from the start: nobody writes them, so that a load knows it. */
function initialPointers(env: Env, from: number, to: number): Value[] {
  const found: Value[] = [];
  for (const p of env.program.pointers) {
    if (p.at + 8 <= from || p.at >= to) continue;
    if (p.to.kind === "function") found.push(make("function", p.to.index, ZERO));
    else found.push(pointer(p.to.kind, 0, p.to.offset));
  }
  return found;
}

const MOST_TARGETS = 64;

/** A load from .data: a number, or one of the pointers that stand there. */
function loadData(env: Env, v: Value, off: number, bytes: Bytes): Value[] {
  const [from, to] = span(v, off);
  const found = initialPointers(env, from, to + bytes);
  if (found.length === 0) return [unknownOf(bytes)];
  const aligned = (Number(v.num.value & 7n) + off) % 8 === 0 && (v.num.mask & 7n) === 0n;
  if (bytes !== 8 || !aligned || found.length > MOST_TARGETS)
    refuse(
      "spilled-pointer",
      "a whole pointer",
      `${bytesText(bytes)} at ${offsetText(v, off)}, where pointers stand`,
    );
  const words = (to - from) / 8 + 1;
  if (found.length < words) found.push(unknownOf(8));
  return found;
}

function loadArgument(env: Env, state: State, v: Value, off: number, bytes: Bytes): Value {
  const aligned = (Number(v.num.value & 7n) + off) % 8 === 0 && (v.num.mask & 7n) === 0n;
  if (bytes !== 8 || !aligned)
    refuse(
      "memory-bounds",
      "a whole element of argv, 8 bytes at a multiple of 8",
      `${bytesText(bytes)} at ${offsetText(v, off)}`,
    );
  const last = roomOf(state, v.of, v) < off + 16;
  const text = newString(env, state);
  return last
    ? make(text.kind, text.of, text.num, 0, 0, 0, false, text.of, 0, { value: placeAt(v, off), places: 0 })
    : text;
}

/** A string from outside: at least the NUL is there. */
export function newString(env: Env, state: State): Value {
  const of = env.made(state, "string");
  // The id may have been that of a string that is gone, of which characters are still around.
  for (const [id, at] of env.characters) if (at.of === of) env.characters.delete(id);
  state.rooms = [...state.rooms.filter((r) => r.of !== of), { of, id: 0, scale: 0, room: 1 }];
  return pointer("string", of);
}

/** A pointer moved by an offset, for what is known of the place it stands at. */
const placeAt = ({ kind, of, num, id, scale, delta }: Value, off: number): Value =>
  num.mask === 0n ? pointer(kind, of, Number(num.smin) + off) : make(kind, of, num, id, scale, delta + off);

/** A character knows where it stands: when it is not 0, one more byte follows. */
function loadCharacter(env: Env, v: Value, off: number): Value {
  const id = env.fresh();
  env.characters.set(id, placeAt(v, off));
  return make("number", 0, unknownOf(1).num, id, 1, 0);
}

/** A load from one of several places on the stack: unknown, or one of the pointers that stand there. */
function loadSomewhere(state: State, frame: number, from: number, to: number, bytes: Bytes): Value[] {
  checkWritten(state, frame, from, to + bytes, bytes === 8);
  const found = new Set<Value>();
  if (bytes === 8) for (let at = from; at <= to; at += 8) found.add(loadSlot(state, frame, at, 8));
  const pointers = [...found].filter(isPointer);
  return pointers.length < found.size || pointers.length === 0 ? [...pointers, unknownOf(bytes)] : pointers;
}

/** The value of a load; several when it depends on what only the run can tell. */
export function load(env: Env, state: State, v: Value, off: number, bytes: Bytes, signed: boolean): Value[] {
  checkPointer(v);
  const extended = (x: Value): Value =>
    signed && bytes !== 8 && !isPointer(x) ? signExtended(x, bytes as 1 | 2 | 4) : x;
  if (v.kind === "context") {
    const field = contextField(env, v, off, bytes, "read");
    if (signed && field.holds !== "number")
      refuse("context-access", `a load of ${field.name} without sign`, "a signed one");
    return [extended(loadContext(field, bytes))];
  }
  checkBounds(env, state, v, off, bytes);
  switch (v.kind) {
    case "stack": {
      checkAlignment(v, off, bytes);
      const [from, to] = span(v, off);
      if (from !== to) return loadSomewhere(state, v.of, from, to, bytes).map(extended);
      const loaded = loadSlot(state, v.of, from, bytes);
      if (signed && isPointer(loaded))
        refuse("spilled-pointer", "a load of a pointer without sign", "a signed one");
      return [extended(loaded)];
    }
    case "argv":
      return [loadArgument(env, state, v, off, bytes)];
    case "string":
      return [bytes === 1 && !signed ? loadCharacter(env, v, off) : extended(unknownOf(bytes))];
    case "data":
      return loadData(env, v, off, bytes).map(extended);
    case "map-value":
      if (env.program.maps[v.of].flags & WRITE_ONLY)
        refuse("read-only", "a map that programs may read", `map ${env.program.maps[v.of].name}`);
      return [extended(unknownOf(bytes))];
    default:
      return [extended(unknownOf(bytes))];
  }
}

/** Requires that memory behind a checked pointer may be written. */
export function checkWritable(env: Env, v: Value, from: number, to: number): void {
  const constant = v.kind === "memory" && env.object(v.of).readOnly;
  if (constant || v.kind === "rodata" || v.kind === "string" || v.kind === "argv")
    refuse("read-only", "memory that can be written", describe(v));
  const map = v.kind === "map-value" ? env.program.maps[v.of] : undefined;
  if (map && (map.flags & READ_ONLY || READ_ONLY_MAPS.includes(map.type)))
    refuse("read-only", "a map that programs may write", `map ${map.name}`);
  if (v.kind === "data" && initialPointers(env, from, to).length > 0)
    refuse(
      "read-only",
      "a place without a pointer",
      `${describe(v)}, where a pointer of the initial data stands`,
    );
}

/** A store of `value`, or of its low bytes. */
export function store(env: Env, state: State, v: Value, off: number, bytes: Bytes, value: Value): void {
  checkPointer(v);
  const isNumber = !isPointer(value);
  if (v.kind === "context") {
    const field = contextField(env, v, off, bytes, "write");
    if (!isNumber) refuse("pointer-leak", `a number for ${field.name}`, describe(value));
    return;
  }
  checkBounds(env, state, v, off, bytes);
  const [from, to] = span(v, off);
  checkWritable(env, v, from, to + bytes);
  if (v.kind !== "stack") {
    if (!isNumber) refuse("pointer-leak", `a number to store in ${whatOf(env, v)}`, describe(value));
    return;
  }
  checkAlignment(v, off, bytes);
  if (!isNumber && bytes !== 8)
    refuse("pointer-leak", "a store of all 8 bytes of a pointer", bytesText(bytes));
  if (value.kind === "stack" && value.of > v.of)
    refuse(
      "pointer-leak",
      "no pointer to a function's own stack in the stack of its caller",
      describe(value),
    );
  if (from === to) storeSlot(state, v.of, from, bytes, value);
  else if (isNumber) scribble(state, v.of, from, to + bytes, false);
  else refuse("pointer-leak", "a constant offset for a pointer on the stack", offsetText(v, off));
}

/** An atomic operation's target: aligned memory of numbers. Returns what was there. */
export function atomic(env: Env, state: State, v: Value, off: number, bytes: 4 | 8): Value {
  checkPointer(v);
  if (v.kind === "context" || v.kind === "packet" || v.kind === "packet-meta")
    refuse("atomic", "stack, map values, data or memory", describe(v));
  checkBounds(env, state, v, off, bytes);
  const [from, to] = span(v, off);
  checkWritable(env, v, from, to + bytes);
  const bits = (Number(v.num.value & 7n) + (off & 7)) | Number(v.num.mask & 7n);
  if ((bits & (bytes - 1)) !== 0)
    refuse("atomic", `an offset that is a multiple of ${bytes}`, offsetText(v, off));
  if (v.kind !== "stack") return unknownOf(bytes);
  if (from !== to) {
    checkWritten(state, v.of, from, to + bytes, false);
    scribble(state, v.of, from, to + bytes, false);
    return unknownOf(bytes);
  }
  const old = loadSlot(state, v.of, from, bytes);
  if (isPointer(old)) refuse("atomic", "a number in memory", describe(old));
  storeSlot(state, v.of, from, bytes, number(unknownOf(bytes).num));
  return old;
}
