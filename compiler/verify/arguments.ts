/** Arguments of helpers: what the prototype requires of each, and what the helper does to memory behind them. */

import type { Argument, HelperRow, Size } from "../../helpers/table.ts";
import type { Env } from "./env.ts";
import { checkBounds, checkPointer, checkWritable } from "./memory.ts";
import { roomOf } from "./rooms.ts";
import { refuse } from "./rules.ts";
import { checkWritten, scribble } from "./stack.ts";
import type { State } from "./state.ts";
import { checkFormat, checkFormatArray, checkString } from "./strings.ts";
import { constOf, describe, hasRoom, isConst, isPointer, make, type Value, ZERO } from "./value.ts";

/** What the arguments of one call say about each other. */
export interface Call {
  row: HelperRow;
  map: number;
  callback: number;
  /** Values of r1 … r5 as they were. */
  args: Value[];
}

/** Bytes of a struct bpf_timer and a struct bpf_spin_lock. */
const TIMER_SIZE = 16;
export const LOCK_SIZE = 4;
/** Largest size that a helper takes. */
const MOST_SIZE = 2 ** 29;

const KEPT: Record<string, string> = { heap: "memory of malloc", record: "a reserved record" };

/** Requires that argument k is what the prototype says. */
export function checkArgument(env: Env, state: State, call: Call, k: number, arg: Argument): void {
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
export function sizeRange(size: Size, call: Call): [number, number] {
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
      frame.strings = [...frame.strings, [from, from + most]];
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
  const at = env.locks.get(v.of) ?? constOf(v);
  if (at !== constOf(v)) refuse("lock", `the lock of the map's values, at offset ${at}`, describe(v));
  env.locks.set(v.of, at);
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
