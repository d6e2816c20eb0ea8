/** Conditional jumps: which ways are possible, and what each teaches of the operands and of what is linked to them. */

import type { Insn } from "../../formats/isa/bpf.ts";
import { immediate } from "./arithmetic.ts";
import type { Env } from "./env.ts";
import { constant, meet, type Num } from "./number.ts";
import { alu } from "./number-alu.ts";
import { refine } from "./number-compare.ts";
import {
  addRoom,
  difference,
  findRoom,
  learnOrder,
  learnRest,
  learnRoom,
  learnSymbol,
  narrow,
  roomOf,
  symbol,
} from "./rooms.ts";
import type { State } from "./state.ts";
import {
  constOf,
  isConst,
  isPointer,
  number,
  sameObject,
  type Value,
  withLink,
  withNullable,
  withNum,
  ZERO,
} from "./value.ts";

export interface Ways {
  taken: State | undefined;
  fall: State | undefined;
}

/** What a jump says about its operands when it is taken. */
type Condition =
  | "jeq"
  | "jne"
  | "jlt"
  | "jle"
  | "jgt"
  | "jge"
  | "jslt"
  | "jsle"
  | "jsgt"
  | "jsge"
  | "jset"
  | "unset";

const OPPOSITE: Record<Condition, Condition> = {
  ...{ jeq: "jne", jne: "jeq", jlt: "jge", jge: "jlt", jgt: "jle", jle: "jgt" },
  ...{ jslt: "jsge", jsge: "jslt", jsgt: "jsle", jsle: "jsgt", jset: "unset", unset: "jset" },
} as const;
/** The same with the operands exchanged. */
const MIRROR: Record<Condition, Condition> = {
  ...{ jeq: "jeq", jne: "jne", jlt: "jgt", jgt: "jlt", jle: "jge", jge: "jle" },
  ...{ jslt: "jsgt", jsgt: "jslt", jsle: "jsge", jsge: "jsle", jset: "jset", unset: "unset" },
} as const;
/** For a condition that orders, b - a at least; the second of those that hold for signed numbers only. */
const GAP: Partial<Record<Condition, 0 | 1>> = { jlt: 1, jle: 0, jslt: 1, jsle: 0 };

/** Either way that is possible; the state given is used up. */
export function branch(env: Env, state: State, insn: Insn): Ways {
  const { row } = insn;
  const cond = row.op as Condition;
  const byRegister = row.operand === "reg";
  const a = (state.regs[insn.dst] = symbol(state.regs[insn.dst], env.fresh));
  const b = byRegister
    ? (state.regs[insn.src] = symbol(state.regs[insn.src], env.fresh))
    : immediate(insn.imm);
  if (byRegister && insn.dst === insn.src && !isPointer(a))
    return decided(state, sameHolds(cond, row.width === 32, a.num));
  if (!isPointer(a) && !isPointer(b)) return numbers(env, state, insn, a, b);
  if (row.width === 64 && cond !== "jset") {
    if (isPointer(a) && isPointer(b)) return pointers(env, state, cond, a, b);
    const [p, n] = isPointer(a) ? [a, b] : [b, a];
    if (isConst(n) && constOf(n) === 0) return withNull(env, state, isPointer(a) ? cond : MIRROR[cond], p);
  }
  return both(state);
}

const decided = (state: State, holds: boolean | undefined): Ways => {
  if (holds === undefined) return both(state);
  return holds ? { taken: state, fall: undefined } : { taken: undefined, fall: state };
};

const both = (state: State): Ways => ({ taken: state.clone(), fall: state });

/** x cond x. */
function sameHolds(cond: Condition, low: boolean, num: Num): boolean | undefined {
  if (cond === "jset" && low) return num.u32min > 0 ? true : num.u32max === 0 ? false : undefined;
  if (cond === "jset") return num.umin > 0n ? true : num.umax === 0n ? false : undefined;
  return cond === "jeq" || cond === "jge" || cond === "jle" || cond === "jsge" || cond === "jsle";
}

function numbers(env: Env, state: State, insn: Insn, a: Value, b: Value): Ways {
  const cond = insn.row.op as Condition;
  const width = insn.row.width as 32 | 64;
  if (width === 64 && (cond === "jeq" || cond === "jne")) {
    const apart = difference(a, b);
    if (apart !== undefined) return decided(state, (apart === 0) === (cond === "jeq"));
  }
  const { yes, no } = refine(cond, width, a.num, b.num);
  if (yes === undefined && no === undefined) return both(state);
  const ways: Ways = { taken: undefined, fall: undefined };
  if (yes !== undefined) {
    ways.taken = no === undefined ? state : state.clone();
    assume(env, ways.taken, insn, cond, width, a, b, yes[0], yes[1]);
  }
  if (no !== undefined) {
    ways.fall = state;
    assume(env, state, insn, OPPOSITE[cond], width, a, b, no[0], no[1]);
  }
  return ways;
}

const S64MAX = 0x7fffffffffffffffn;
const U32 = 0xffffffffn;
const S32MAX = 0x7fffffffn;

function assume(
  env: Env,
  state: State,
  insn: Insn,
  cond: Condition,
  width: 32 | 64,
  a: Value,
  b: Value,
  numA: Num,
  numB: Num,
): void {
  const [x, y] = [withNum(a, numA), withNum(b, numB)];
  settle(env, state, insn.dst, a, x);
  if (insn.row.operand === "reg") settle(env, state, insn.src, b, y);
  if (x !== a) learnFrom(env, state, x);
  if (y !== b) learnFrom(env, state, y);
  if (state.rooms.length === 0) return;
  const left = bothHalves(env, state, insn.dst, x, y);
  const right = insn.row.operand === "reg" ? bothHalves(env, state, insn.src, y, x) : y;
  order(env, state, cond, width, left, right);
}

/** What is linked by its low half gets a symbol of its own when it is compared with something that has room. */
function bothHalves(env: Env, state: State, register: number, v: Value, other: Value): Value {
  if (!v.low || !state.rooms.some((r) => r.id === other.id)) return v;
  const old = state.regs[register];
  const linked = withLink(old, env.fresh(), 1, 0);
  state.replace((w) => (w === old ? linked : w));
  return linked;
}

/** A number that is known better tells more than itself. */
function learnFrom(env: Env, state: State, v: Value): void {
  if (env.characters.size > 0) character(env, state, v);
  if (state.rooms.length > 0) learnRest(env, state, v);
}

/** What was divided or shifted out of a number before is known better with it. */
function deriveFractions(env: Env, state: State, v: Value): void {
  for (const { id, scale, delta, op, width, by } of env.fractions.get(v.id) ?? []) {
    if (v.low || v.scale !== scale || v.delta !== delta) continue;
    const num = alu(op, width, v.num, by);
    let part: Value | undefined;
    state.some((w) => {
      if (w.id === id && w.scale === 1 && w.delta === 0 && w.kind === "number") part = w;
      return part !== undefined;
    });
    if (part === undefined) continue;
    const better = meet(part.num, num);
    if (better === undefined || better === part.num) continue;
    narrow(state, part, better);
    learnFrom(env, state, withNum(part, better));
  }
}

/** The register and whatever is linked to it get the new number. */
function settle(env: Env, state: State, register: number, old: Value, now: Value): void {
  if (old === now) return;
  if (old.id !== 0) {
    narrow(state, old, now.num);
    deriveFractions(env, state, now);
  }
  // What is constant now needs no link, and compares faster.
  state.regs[register] = isConst(now) ? number(now.num) : now;
}

/** A character that is not the NUL has another one behind it. */
function character(env: Env, state: State, v: Value): void {
  const at = env.characters.get(v.id);
  if (at === undefined || v.scale !== 1) return;
  const byte = v.delta === 0 ? v.num : alu("sub", 32, v.num, constant(BigInt(v.delta)));
  if (byte.u32min > 0 || byte.s32max < 0) learnRoom(state, at.of, at, 2, 2 ** 31);
}

/** Comparisons that order two numbers teach how far they are from the ends of objects. */
function order(env: Env, state: State, cond: Condition, width: 32 | 64, a: Value, b: Value): void {
  if (state.rooms.length === 0) return;
  const signed = cond.startsWith("js");
  const most = width === 64 ? S64MAX : signed ? S32MAX : U32;
  const least = width === 64 && signed ? -(2n ** 62n) : 0n;
  const within = (v: Value) =>
    v.num.smin >= least && v.num.smax <= most && (width === 64 || v.num.umax <= U32);
  if (!within(a) || !within(b)) return;
  if (cond === "jeq") {
    learnOrder(env, state, a, b, 0);
    learnOrder(env, state, b, a, 0);
  } else if (cond === "jne") {
    notTheEnd(env, state, a, b);
    notTheEnd(env, state, b, a);
  } else if (GAP[cond] !== undefined) learnOrder(env, state, a, b, GAP[cond]);
  else if (GAP[MIRROR[cond]] !== undefined) learnOrder(env, state, b, a, GAP[MIRROR[cond]]!);
}

/** a is at most the length b, and is not b. */
function notTheEnd(env: Env, state: State, a: Value, b: Value): void {
  const of = env.lengths.get(b.id);
  if (of === undefined || b.scale !== 1 || b.delta !== 0 || b.low || a.low) return;
  if (isConst(a)) {
    if (findRoom(state.rooms, of, 0, 0) === constOf(a)) addRoom(state, of, 0, 0, constOf(a) + 1);
  } else if (findRoom(state.rooms, of, a.id, a.scale) === a.delta)
    learnSymbol(env, state, of, a.id, a.scale, a.delta + 1);
}

const NEVER_NULL = new Set([
  "stack",
  "context",
  "map",
  "map-value",
  "data",
  "rodata",
  "function",
  "argv",
  "string",
]);

/** A pointer against 0. */
function withNull(env: Env, state: State, cond: Condition, p: Value): Ways {
  const isNull = cond === "jeq" || cond === "jle";
  if (!isNull && cond !== "jne" && cond !== "jgt") return both(state);
  if (p.nullable === 0) {
    const held = p.ref !== 0 || NEVER_NULL.has(p.kind);
    return held ? decided(state, !isNull) : both(state);
  }
  const not = state.clone();
  not.replace((v) => (v.nullable === p.nullable ? withNullable(v, 0) : v));
  // An argument that is not the null pointer has another one behind it.
  if (p.from !== undefined)
    learnRoom(not, p.from.value.of, p.from.value, 16, env.object(p.from.value.of).most);
  state.replace((v) => (v.nullable === p.nullable ? number(ZERO) : v));
  state.refs = state.refs.filter((ref) => ref.id !== p.ref);
  return isNull ? { taken: state, fall: not } : { taken: not, fall: state };
}

/** A pointer that may be null equals one that is not: then it is not null. */
function withOther(state: State, cond: Condition, a: Value, b: Value): Ways {
  const ways = both(state);
  const equal = cond === "jeq" ? ways.taken : cond === "jne" ? ways.fall : undefined;
  const nullable = a.nullable !== 0 ? a : b;
  const other = a.nullable !== 0 ? b : a;
  if (equal && NEVER_NULL.has(other.kind) && other.nullable === 0)
    equal.replace((v) => (v.nullable === nullable.nullable ? withNullable(v, 0) : v));
  return ways;
}

function pointers(env: Env, state: State, cond: Condition, a: Value, b: Value): Ways {
  if (a.nullable !== 0 || b.nullable !== 0) return withOther(state, cond, a, b);
  if (isEnd(b, a)) return againstEnd(env, state, cond, a);
  if (isEnd(a, b)) return againstEnd(env, state, MIRROR[cond], b);
  if (sameObject(a, b)) return offsets(env, state, cond, a, b);
  return both(state);
}

const isEnd = (end: Value, p: Value): boolean =>
  (end.kind === "packet-end" && p.kind === "packet") ||
  (end.kind === "packet" && p.kind === "packet-meta" && isConst(end) && constOf(end) === 0);

/** Room that a comparison with the end of the object proves. */
const ROOM: Partial<Record<Condition, number>> = { jlt: 1, jle: 0, jeq: 0 };

function againstEnd(env: Env, state: State, cond: Condition, p: Value): Ways {
  const room = roomOf(state, p.of, p);
  const ways: Ways = { taken: undefined, fall: undefined };
  const possible = (c: Condition): boolean =>
    !((c === "jgt" && room >= 0) || ((c === "jge" || c === "jeq") && room >= 1));
  const learn = (to: State, c: Condition) => {
    const proven = c === "jne" && room === 0 ? 1 : ROOM[c];
    if (proven !== undefined) learnRoom(to, p.of, p, proven, env.object(p.of).most);
  };
  if (possible(cond)) learn((ways.taken = state.clone()), cond);
  if (possible(OPPOSITE[cond])) learn((ways.fall = state), OPPOSITE[cond]);
  return ways;
}

const FAR = 2n ** 32n;
const near = (v: Value): boolean => v.num.smin >= -FAR && v.num.smax <= FAR;
const SIGNED: Partial<Record<Condition, Condition>> = { jlt: "jslt", jle: "jsle", jgt: "jsgt", jge: "jsge" };

/** Two pointers into one object: their offsets are in the order of their addresses. */
function offsets(env: Env, state: State, cond: Condition, a: Value, b: Value): Ways {
  if (!near(a) || !near(b)) return both(state);
  const signed = SIGNED[cond] ?? cond;
  const { yes, no } = refine(signed, 64, a.num, b.num);
  if (yes === undefined && no === undefined) return both(state);
  const learn = (to: State, c: Condition, pair: [Num, Num]) => {
    const [x, y] = [withNum(a, pair[0]), withNum(b, pair[1])];
    for (const [old, now] of [
      [a, x],
      [b, y],
    ] as const)
      if (old.id !== 0 && old !== now) narrow(to, old, now.num);
    order(env, to, c, 64, x, y);
  };
  const ways: Ways = { taken: undefined, fall: undefined };
  if (yes) learn((ways.taken = state.clone()), signed, yes);
  if (no) learn((ways.fall = state), OPPOSITE[signed], no);
  return ways;
}
