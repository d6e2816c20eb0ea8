/** Calls of helpers: arguments against the prototype, what changes in memory, and the result. */

import { CONTEXTS, MAP_TYPE } from "../../formats/container.ts";
import { FRAME_SIZE } from "../../formats/isa/bpf.ts";
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
import { type Call, checkArgument, sizeRange } from "./arguments.ts";
import { type Env, MOST, OBJECTS } from "./env.ts";
import { newString, noteUse } from "./memory.ts";
import { fromSigned, fromUnsigned } from "./number.ts";
import { addRoom, learnOrder, symbol } from "./rooms.ts";
import { refuse } from "./rules.ts";
import { scribble, unknownOf } from "./stack.ts";
import type { State } from "./state.ts";
import { ANY, isConst, make, NONE, number, pointer, type Value, withNullable, ZERO } from "./value.ts";

/** What follows a call: the next instruction, nothing, or first a function of the program. */
export type After =
  | "next"
  | "end"
  | { callback: number; regs: Value[]; iterations: number; most: number | undefined };

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
  if (row === undefined) return callUnknown(env, state, args);
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
function callUnknown(env: Env, state: State, args: Value[]): After {
  for (const v of args) {
    if (v.kind !== "stack") continue;
    const low = Math.max(0, Number(v.num.smin));
    noteUse(env, state, v.of, low);
    scribble(state, v.of, low, FRAME_SIZE, false);
  }
  for (let r = 1; r < 6; r++) state.regs[r] = NONE;
  state.regs[0] = ANY;
  return "next";
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
