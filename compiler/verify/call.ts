/** Calls of helpers: arguments against the prototype, what changes in memory, and the result. */

import { CONTEXTS, MAP_TYPE } from "../../formats/container.ts";
import {
  type Argument,
  type CallbackArgument,
  type HelperRow,
  helperById,
  helperByName,
  type NumberResult,
  RANGES,
  rangeOf,
  type Size,
} from "../../helpers/table.ts";
import type { Reference } from "../program.ts";
import { type Env, MOST, OBJECTS } from "./env.ts";
import { checkBounds, checkPointer, checkWritable, newString } from "./memory.ts";
import { fromSigned, fromUnsigned } from "./number.ts";
import { addRoom, learnOrder, roomOf, symbol } from "./rooms.ts";
import { refuse } from "./rules.ts";
import { checkWritten, scribble, unknownOf } from "./stack.ts";
import type { State } from "./state.ts";
import { checkFormat, checkFormatArray, checkString } from "./strings.ts";
import {
  ANY,
  constOf,
  describe,
  hasRoom,
  isConst,
  isPointer,
  make,
  NONE,
  number,
  pointer,
  type Value,
  withNullable,
  ZERO,
} from "./value.ts";

/** What follows a call: the next instruction, nothing, or first a function of the program. */
export type After =
  | "next"
  | "end"
  | { callback: number; regs: Value[]; iterations: number; most: number | undefined };

/** What the arguments of one call say about each other. */
interface Call {
  row: HelperRow;
  map: number;
  callback: number;
  /** Values of r1 … r5 as they were. */
  args: Value[];
}

/** Bytes of a struct bpf_timer and a struct bpf_spin_lock. */
const TIMER_SIZE = 16;
const LOCK_SIZE = 4;
/** Largest size that a helper takes. */
const MOST_SIZE = 2 ** 29;

const contextName = (env: Env): string =>
  Object.entries(CONTEXTS).find(([, kind]) => kind === env.context)?.[0] ??
  env.layout?.name ??
  `${env.context}`;

/** The row of a call's helper; undefined: one that only the host knows. */
function rowOf(env: Env, reference: Reference): HelperRow | undefined {
  env.subject = "";
  if (reference.kind === "named") {
    const id = helperByName(reference.name);
    return id === undefined ? undefined : helperById(id);
  }
  if (reference.kind !== "helper") return undefined;
  const row = env.helpers.get(reference.id) ?? helperById(reference.id);
  const range = rangeOf(reference.id);
  if (row === undefined && range !== "user" && range !== "temp")
    refuse(
      "helper-unknown",
      "a helper that is known",
      `helper ${reference.id}`,
      `ids of hosts start at ${RANGES.user.first}`,
    );
  return row;
}

/** Calls the helper that `reference` names. */
export function callHelper(env: Env, state: State, reference: Reference): After {
  const row = rowOf(env, reference);
  env.called.add(
    row?.name ?? (reference.kind === "named" ? reference.name : `helper ${(reference as { id: number }).id}`),
  );
  const args = state.regs.slice(1, 6);
  if (state.lock && !row?.effects.includes("unlocks"))
    refuse("lock", "bpf_spin_unlock before anything else is called", row?.name ?? "another helper");
  if (row === undefined) return callUnknown(state, args);
  if (row.contexts && !row.contexts.some((name) => CONTEXTS[name] === env.context))
    refuse(
      "helper-context",
      `a helper for context ${contextName(env)}`,
      `${row.name}, which needs ${row.contexts.join(" or ")}`,
    );
  const call: Call = { row, map: -1, callback: -1, args };
  for (let k = 0; k < row.args.length; k++) {
    env.subject = `r${k + 1}`;
    checkArgument(env, state, call, k, row.args[k]);
  }
  env.subject = "";
  applyEffects(env, state, row);
  const result = resultOf(env, state, call);
  if (row.effects.includes("ends-program") && state.refs.length > 0)
    refuse("reference-leak", "nothing held where the program may end", `${state.refs.length} held`);
  if (row.ret.kind === "never") return "end";
  for (let r = 1; r < 6; r++) state.regs[r] = NONE;
  const inside = call.callback >= 0 ? callbackOf(env, state, call) : undefined;
  state.regs[0] = result;
  return inside ?? "next";
}

/** A helper of the host without a prototype here: it may read and write whatever it gets. */
function callUnknown(state: State, args: Value[]): After {
  for (const v of args)
    if (v.kind === "stack") scribble(state, v.of, Math.max(0, Number(v.num.smin)), 512, false);
  for (let r = 1; r < 6; r++) state.regs[r] = NONE;
  state.regs[0] = ANY;
  return "next";
}

const KEPT: Record<string, string> = { heap: "memory of malloc", record: "a reserved record" };

function checkArgument(env: Env, state: State, call: Call, k: number, arg: Argument): void {
  const v = call.args[k];
  if (arg.kind === "rest") return;
  if (v.kind === "none") refuse("uninitialised-register", `argument ${k + 1} of ${call.row.name}`, "nothing");
  if (v.kind === "released" && arg.kind !== "reference")
    refuse("reference-released", "a value that is still held", describe(v));
  const wrong = (what: string, hint?: string) =>
    refuse("helper-argument", `${what} for ${call.row.name}`, describe(v), hint);
  switch (arg.kind) {
    case "number":
      if (isPointer(v)) wrong("a number");
      return;
    case "any":
      return;
    case "context":
      if (v.kind !== "context") wrong("the context");
      if (!isConst(v) || constOf(v) !== 0)
        refuse("context-pointer", "the context as the program got it", describe(v));
      return;
    case "map":
      checkMap(env, call, v, arg.types);
      return;
    case "key":
    case "value": {
      const map = env.program.maps[call.map];
      const bytes = arg.kind === "key" ? map.keySize : map.valueSize;
      if (arg.kind === "key" && arg.orNull && isNull(v)) return;
      const isRead = arg.kind === "value" && arg.readBy?.includes(map.type);
      checkMemory(env, state, v, { bytes }, isRead ? "read-write" : arg.access, false, call);
      return;
    }
    case "memory":
      if (isNull(v) && (arg.orNull || mayBeEmpty(arg.size, call)) && sizeRange(arg.size, call)[1] === 0)
        return;
      if (isNull(v) && arg.orNull && typeof arg.size === "object" && "bytes" in arg.size) return;
      checkMemory(env, state, v, arg.size, arg.access, arg.pointers === true, call);
      return;
    case "string":
      if (arg.orNull && isNull(v)) return;
      checkString(env, state, v);
      return;
    case "format":
      checkFormatArguments(env, state, call, k);
      return;
    case "callback":
      if (v.kind !== "function") wrong("a function of the program");
      call.callback = v.of;
      return;
    case "lock":
      checkLock(env, state, call, v);
      return;
    case "timer":
      checkPointer(v);
      if (v.kind !== "map-value" || !isConst(v) || constOf(v) % 8 !== 0)
        wrong("a timer in a map value, at a constant offset");
      checkBounds(env, state, v, 0, TIMER_SIZE);
      if (call.map < 0) call.map = v.of;
      return;
    case "reference":
      if (arg.orNull && isNull(v)) return;
      release(env, state, v, arg.of, call);
  }
}

const isNull = (v: Value): boolean => v.kind === "number" && isConst(v) && constOf(v) === 0;
const mayBeEmpty = (size: Size, call: Call): boolean =>
  typeof size === "object" &&
  "argument" in size &&
  size.zero &&
  call.args[size.argument - 1].kind === "number";

function checkMap(env: Env, call: Call, v: Value, types: readonly number[] | undefined): void {
  if (v.nullable !== 0) refuse("null-pointer", "a map", describe(v), "compare it with 0 first");
  if (v.kind !== "map") refuse("helper-argument", `a map for ${call.row.name}`, describe(v));
  const { type, name } = env.program.maps[v.of];
  if (types && !types.includes(type))
    refuse("map-type", `a map that ${call.row.name} works on`, `map ${name} of type ${type}`);
  call.map = v.of;
}

/** Least and greatest size that an argument can have; refuses one without bounds. */
function sizeRange(size: Size, call: Call): [number, number] {
  if (size === "unbounded")
    return refuse(
      "helper-size",
      "a helper that knows the size of its buffer",
      call.row.name,
      "use bpf_snprintf",
    );
  if ("bytes" in size) return [size.bytes, size.bytes];
  const v = call.args[size.argument - 1];
  if (v.kind === "none") refuse("uninitialised-register", `a size in r${size.argument}`, "nothing");
  if (isPointer(v)) refuse("helper-argument", `a size in r${size.argument}`, describe(v));
  const [least, most] = [Number(v.num.smin), Number(v.num.smax)];
  if (least < 0)
    refuse(
      "helper-size",
      `a size of at least 0 in r${size.argument}`,
      describe(v),
      "compare it with its bounds, or mask it",
    );
  if (least === 0 && !size.zero)
    refuse(
      "helper-size",
      `a size of at least 1 in r${size.argument}`,
      describe(v),
      "compare it with 0 first",
    );
  if (most > MOST_SIZE) {
    if (v.id === 0)
      refuse(
        "helper-size",
        `a bounded size in r${size.argument}`,
        describe(v),
        "compare it with its bounds, or mask it",
      );
  }
  return [least, most];
}

/** Requires memory of a size behind an argument; what a helper writes there is written afterwards. */
function checkMemory(
  env: Env,
  state: State,
  v: Value,
  size: Size,
  access: "read" | "write" | "read-write",
  pointers: boolean,
  call: Call,
): void {
  const [least, most] = sizeRange(size, call);
  if (v.kind === "number" || v.kind === "packet-end" || v.kind === "map" || v.kind === "function")
    refuse("helper-argument", `memory for ${call.row.name}`, describe(v));
  checkPointer(v);
  if (v.kind.startsWith("packet") && call.row.args[0]?.kind === "context")
    refuse(
      "helper-argument",
      `memory outside the packet for ${call.row.name}`,
      describe(v),
      "copy it to the stack first",
    );
  if (v.kind === "context") refuse("helper-argument", `memory for ${call.row.name}`, describe(v));
  const of = typeof size === "object" && "argument" in size ? call.args[size.argument - 1] : undefined;
  const exact =
    of !== undefined &&
    hasRoom(v.kind) &&
    !isConst(of) &&
    isConst(v) &&
    constOf(v) >= 0 &&
    roomOf(state, v.of, of) >= constOf(v);
  if (!exact) {
    if (most > MOST_SIZE)
      refuse("helper-size", "a bounded size", describe(of ?? v), "compare it with its bounds, or mask it");
    checkBounds(env, state, v, 0, Math.max(most, 0));
  }
  const [from, to] = [Number(v.num.smin), Number(v.num.smax)];
  if (access !== "read") checkWritable(env, v, from, to + most);
  if (v.kind !== "stack") return;
  if (access !== "write") checkWritten(state, v.of, from, to + most, pointers);
  if (access === "read") return;
  if (from !== to) scribble(state, v.of, from, to + most, false);
  else {
    scribble(state, v.of, from, from + least, true);
    if (most > least) scribble(state, v.of, from + least, from + most, false);
    if (call.row.name === "bpf_snprintf" && least > 0) {
      const frame = state.own(v.of);
      frame.strings = [...frame.strings, [from, from + least]];
    }
  }
}

/** A format is followed by its arguments, or by an array of them. */
function checkFormatArguments(env: Env, state: State, call: Call, k: number): void {
  const { args } = call.row;
  const rest = args.findIndex((a) => a.kind === "rest");
  if (rest >= 0) {
    checkFormat(env, state, k + 1, rest + 1);
    return;
  }
  const array = args.findIndex((a, i) => i > k && a.kind === "memory");
  if (array < 0) return;
  const arg = args[array] as Argument & { kind: "memory" };
  checkFormatArray(env, state, k + 1, call.args[array], sizeRange(arg.size, call)[0]);
}

function checkLock(env: Env, state: State, call: Call, v: Value): void {
  if (v.nullable !== 0)
    refuse("null-pointer", "a lock in a map value", describe(v), "compare it with 0 first");
  if (v.kind !== "map-value" || !isConst(v) || constOf(v) % 4 !== 0)
    refuse("lock", "a lock in a map value, at a constant offset", describe(v));
  checkBounds(env, state, v, 0, LOCK_SIZE);
  if (call.row.effects.includes("locks")) {
    state.lock = v;
    return;
  }
  const held = state.lock;
  if (held === undefined) refuse("lock", "a lock that is held", "none");
  const same = held.of === v.of && held.ref === v.ref && v.ref !== 0 && constOf(held) === constOf(v);
  if (!same) refuse("lock", `the lock that is held, in ${describe(held)}`, "another one");
  state.lock = undefined;
}

function release(env: Env, state: State, v: Value, kind: string, call: Call): void {
  if (v.nullable !== 0 && !(call.row.args[0] as { orNull?: boolean }).orNull)
    refuse("null-pointer", KEPT[kind], describe(v), "compare it with 0 first");
  if (v.kind === "released") refuse("reference-released", KEPT[kind], describe(v));
  const ref = state.refs.find((r) => r.id === v.ref && v.ref !== 0);
  if (v.kind !== "memory" || !ref || ref.kind !== kind)
    refuse(
      v.kind === "memory" && v.ref !== 0 ? "reference-released" : "helper-argument",
      `${KEPT[kind]} for ${call.row.name}`,
      describe(v),
    );
  if (!isConst(v) || constOf(v) !== 0) refuse("helper-argument", `the start of ${KEPT[kind]}`, describe(v));
  if (ref.depth !== state.depth && state.frames.length > ref.depth && env.chain.callback)
    refuse("reference-released", "what the callback itself acquired", describe(v));
  state.refs = state.refs.filter((r) => r !== ref);
  state.replace((w) => (w.ref === ref.id ? make("released", w.of, ZERO) : w));
}

function applyEffects(env: Env, state: State, row: HelperRow): void {
  if (!row.effects.includes("moves-packet")) return;
  const moved = make("released", OBJECTS.packet, ZERO);
  state.replace((v) => {
    if (v.kind === "packet" || v.kind === "packet-end" || v.kind === "packet-meta") return moved;
    const isLength = env.linear.of(v).some(([id]) => env.lengths.get(id) === OBJECTS.packet);
    return isLength ? number(v.num) : v;
  });
  state.rooms = state.rooms.filter((r) => r.of !== OBJECTS.packet && r.of !== OBJECTS.meta);
}

const LOW_SIGNED = fromSigned(-(2n ** 31n), 2n ** 31n - 1n);

function resultOf(env: Env, state: State, call: Call): Value {
  const { ret } = call.row;
  switch (ret.kind) {
    case "number":
      return resultNumber(env, state, call, ret);
    case "value": {
      const map = env.program.maps[call.map];
      const id = env.made(state, "value");
      const inner = map.type === MAP_TYPE.array_of_maps || map.type === MAP_TYPE.hash_of_maps;
      if (inner) {
        if (map.inner < 0) refuse("map-type", `an inner map in map ${map.name}`, "none");
        return withNullable(pointer("map", map.inner), id);
      }
      return make("map-value", call.map, ZERO, 0, 0, 0, false, id, id);
    }
    case "memory":
      return acquire(env, state, call, ret.size, ret.acquires);
    case "string": {
      const text = newString(env, state);
      return withNullable(text, text.of);
    }
    case "argument":
      return call.args[ret.argument - 1];
    default:
      return NONE;
  }
}

function resultNumber(
  env: Env,
  state: State,
  call: Call,
  { bits, signed, min, max, upTo }: NumberResult,
): Value {
  const plain = bits === 64 ? ANY : signed ? number(LOW_SIGNED) : unknownOf(4);
  const limit = upTo === undefined ? undefined : call.args[upTo - 1];
  if (min === undefined && max === undefined && limit === undefined) return plain;
  const most =
    limit && limit.num.smin >= 0n && limit.num.smax < plain.num.smax ? limit.num.smax : plain.num.smax;
  const least = min === undefined ? plain.num.smin : BigInt(min);
  const r0 = symbol(
    number(fromSigned(least, max !== undefined && BigInt(max) < most ? BigInt(max) : most)),
    env.fresh,
  );
  if (limit && limit.num.smin >= 0n) learnOrder(env, state, r0, limit, 0);
  return r0;
}

/** Memory that must be released: its size is a constant, or that of an argument. */
function acquire(env: Env, state: State, call: Call, size: Size, kind: string): Value {
  const [least] = sizeRange(size, call);
  const id = env.made(state, kind);
  env.objects.set(id, {
    name: kind === "record" ? "the record" : "the allocated memory",
    most: MOST.heap,
    ref: kind,
    readOnly: false,
  });
  state.rooms = state.rooms.filter((r) => r.of !== id);
  addRoom(state, id, 0, 0, least);
  if (typeof size === "object" && "argument" in size) {
    const length = call.args[size.argument - 1];
    if (!isConst(length) && length.id !== 0 && !length.low && length.num.smin >= 0n)
      addRoom(state, id, length.id, length.scale, length.delta);
  }
  state.refs = [...state.refs, { id, kind, func: env.chain.func, insn: env.insn, depth: state.depth }];
  return make("memory", id, ZERO, 0, 0, 0, false, id, id);
}

/** Registers of a callback, as its helper passes them. */
function callbackOf(env: Env, state: State, call: Call): After {
  const k = call.row.args.findIndex((a) => a.kind === "callback");
  const { gets, returns } = call.row.args[k] as Argument & { kind: "callback" };
  const regs = gets.map((what) => callbackArgument(env, state, call, what));
  const count = call.args[0];
  const each = call.row.effects.includes("calls-later")
    ? 1
    : Math.max(1, env.program.maps[call.map]?.maxEntries ?? 1);
  const iterations = count.kind === "number" ? Number(count.num.umax) : each;
  const most = returns === "number" ? undefined : returns === "zero" ? 0 : 1;
  return { callback: call.callback, regs, iterations, most };
}

function callbackArgument(env: Env, state: State, call: Call, what: CallbackArgument): Value {
  if (typeof what === "object") return call.args[what.forward - 1];
  if (what === "map") return pointer("map", call.map);
  if (what === "value") return make("map-value", call.map, ZERO);
  if (what === "key") {
    const of = env.made(state, "key");
    env.objects.set(of, { name: "the key", most: MOST.heap, ref: undefined, readOnly: true });
    state.rooms = state.rooms.filter((r) => r.of !== of);
    addRoom(state, of, 0, 0, env.program.maps[call.map].keySize);
    return pointer("memory", of);
  }
  const [count] = call.args;
  const most = count.kind === "number" && count.num.umax > 0n ? count.num.umax - 1n : 0n;
  const index = symbol(number(fromUnsigned(0n, most)), env.fresh);
  if (count.kind === "number" && count.num.smin >= 0n) learnOrder(env, state, index, count, 1);
  return index;
}
