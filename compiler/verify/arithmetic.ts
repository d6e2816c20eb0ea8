/** ALU instructions: on numbers what number-alu.ts computes, with links kept; on pointers addition and subtraction. */

import type { Insn } from "../../formats/isa/bpf.ts";
import { type Env, MOST } from "./env.ts";
import type { Link } from "./linear.ts";
import { constant, fromUnsigned, isConstant, meet } from "./number.ts";
import { alu, byteOrder, extendSign } from "./number-alu.ts";
import { addRoom, difference, learnFraction, learnOrder, linked, symbol } from "./rooms.ts";
import { refuse } from "./rules.ts";
import { unknownOf } from "./stack.ts";
import type { State } from "./state.ts";
import {
  ANY,
  constOf,
  describe,
  isConst,
  isPointer,
  type Kind,
  make,
  number,
  type Source,
  sameObject,
  type Value,
  withLink,
  withNum,
} from "./value.ts";

const U32 = 0xffffffffn;

/** Pointers that offsets can be added to. */
const MOVABLE = new Set<Kind>([
  "context",
  "stack",
  "map-value",
  "packet",
  "packet-meta",
  "memory",
  "argv",
  "string",
  "data",
  "rodata",
]);

const constants = new Map<number, Value>();
/** The immediate of an instruction, sign-extended. */
export function immediate(imm: number): Value {
  let value = constants.get(imm);
  if (value === undefined) {
    value = number(constant(BigInt(imm)));
    if (constants.size < 10_000) constants.set(imm, value);
  }
  return value;
}

/** The result of an ALU or byte order instruction. */
export function arithmetic(env: Env, state: State, insn: Insn): Value {
  const { row } = insn;
  const old = state.regs[insn.dst];
  if (row.kind === "end") return swap(row.op as "le" | "be" | "bswap", row.width as 16 | 32 | 64, old);
  const source = row.operand === "reg" ? state.regs[insn.src] : immediate(insn.imm);
  if (row.op === "mov" || row.op === "movsx") return move(env, state, insn, source);
  const width = row.width as 32 | 64;
  if (row.op === "neg") {
    if (isPointer(old)) refusePointer(row.op, old);
    const negated = number(alu("neg", width, old.num, old.num));
    return width === 64 ? linked(negated, old, -1, 0) : negated;
  }
  if (isPointer(old) || isPointer(source)) return move2(env, state, row.op, width, old, source);
  return compute(env, state, insn, old, source);
}

function refusePointer(op: string, v: Value): never {
  return refuse(
    "pointer-arithmetic",
    "a number",
    `${op} of ${describe(v)}`,
    "pointers take + and - with numbers alone",
  );
}

function swap(op: "le" | "be" | "bswap", width: 16 | 32 | 64, v: Value): Value {
  if (isPointer(v)) refusePointer(op, v);
  return op === "le" && width === 64 ? v : number(byteOrder(op, width, v.num));
}

/** Pointers whose distance clang computes from the low halves alone, as in (u32)(data_end - data). */
const inRange = (v: Value): boolean =>
  v.kind.startsWith("packet") || (v.kind === "memory" && v.nullable === 0);

const partOfRange = (v: Value): boolean => inRange(v) || (v.kind === "number" && !isConst(v));

/** Register moves: both registers are linked from now on. */
function move(env: Env, state: State, insn: Insn, source: Value): Value {
  const { row } = insn;
  const width = row.width as 32 | 64;
  if (row.operand === "imm") return width === 64 ? source : number(alu("mov", 32, source.num, source.num));
  if (row.op === "mov" && width === 64) return (state.regs[insn.src] = symbol(source, env.fresh));
  if (row.op === "mov" && inRange(source)) return unknownOf(4);
  if (isPointer(source)) refuse("pointer-arithmetic", "a number", `a part of ${describe(source)}`);
  if (row.op === "mov") return lowHalf(env, state, insn.src, source);
  const num = extendSign(source.num, row.bytes as 1 | 2 | 4, width);
  if (row.bytes === 1 && isCharacter(env, source)) return signedCharacter(env, source, width);
  if (width === 32 || (row.bytes !== 4 && !fitsSigned(source, row.bytes * 8))) return number(num);
  const linkable = (state.regs[insn.src] = symbol(source, env.fresh));
  return row.bytes === 4 ? signedHalf(linkable) : linkable;
}

const fitsSigned = (v: Value, bits: number): boolean =>
  v.num.smin >= -(2n ** BigInt(bits - 1)) && v.num.smax < 2n ** BigInt(bits - 1);

/** The zero-extended low half of a register's value. */
function lowHalf(env: Env, state: State, register: number, v: Value): Value {
  const source = symbol(v, env.fresh);
  if (register >= 0) state.regs[register] = source;
  if (v.num.umax <= U32) return source;
  const half = number(alu("mov", 32, v.num, v.num));
  return source.id === 0 ? half : withLink(half, source.id, source.scale, source.delta, true);
}

/** The sign-extended low half of a value that has a symbol. */
function signedHalf(v: Value): Value {
  if (fitsSigned(v, 32)) return v;
  const half = number(extendSign(v.num, 4, 64));
  return v.id === 0 ? half : withLink(half, v.id, v.scale, v.delta, true);
}

/** Sums and differences with pointers. */
function move2(env: Env, state: State, op: string, width: 32 | 64, a: Value, b: Value): Value {
  for (const v of [a, b])
    if (v.nullable !== 0)
      refuse("null-pointer", "a pointer that is not null", describe(v), "compare it with 0 first");
  if (width === 32 && op === "sub" && partOfRange(a) && partOfRange(b)) return unknownOf(4);
  if (width === 32)
    refuse("pointer-arithmetic", "a number", `32-bit arithmetic on ${describe(isPointer(a) ? a : b)}`);
  if (op === "sub" && isPointer(a) && isPointer(b)) return distance(env, state, a, b);
  if ((op !== "add" && op !== "sub") || (op === "sub" && isPointer(b)))
    refusePointer(op, isPointer(a) ? a : b);
  if (isPointer(a) && isPointer(b))
    refuse("pointer-arithmetic", "a number to add to a pointer", `${describe(a)} and ${describe(b)}`);
  const [base, by] = isPointer(a) ? [a, b] : [b, a];
  if (!MOVABLE.has(base.kind)) refuse("pointer-arithmetic", "a pointer to memory to add to", describe(base));
  return shifted(env, base, by, op === "add" ? 1 : -1);
}

/** base + sign * by. */
function shifted(env: Env, base: Value, by: Value, sign: 1 | -1): Value {
  const num = env.alu(sign === 1 ? "add" : "sub", 64, base.num, by.num);
  const plain = make(base.kind, base.of, num, 0, 0, 0, false, 0, base.ref);
  if (isConstant(num)) return plain;
  if (isConst(by)) return linked(plain, base, 1, sign * constOf(by));
  if (isConst(base) && by.id !== 0 && !by.low) return linked(plain, by, sign, constOf(base));
  const sum = base.id !== 0 && by.id !== 0 && !by.low ? env.linear.sum(base, by, sign) : undefined;
  if (sum !== undefined && sum.id !== 0) return withLink(plain, sum.id, sum.scale, sum.delta);
  return symbol(plain, env.fresh);
}

/** Pointers into one object: the difference of their offsets. */
function distance(env: Env, state: State, a: Value, b: Value): Value {
  const toEnd = a.kind === "packet-end" && b.kind === "packet";
  if (a.kind !== b.kind && !toEnd)
    refuse("pointer-arithmetic", "two pointers into the same memory", `${describe(a)} and ${describe(b)}`);
  if (toEnd) {
    const length = env.lengthOf(a.of);
    addRoom(state, a.of, length, 1, 0);
    const num = alu("sub", 64, lengthRange, b.num);
    if (isConst(b)) return make("number", 0, num, length, 1, -constOf(b));
    const end = make("number", 0, lengthRange, length, 1, 0);
    const sum = b.id !== 0 ? env.linear.sum(end, b, -1) : undefined;
    return sum === undefined || sum.id === 0
      ? number(num)
      : withLink(number(num), sum.id, sum.scale, sum.delta);
  }
  if (!toEnd && !sameObject(a, b)) return ANY;
  const apart = difference(b, a);
  if (apart !== undefined) return immediate2(apart);
  const result = number(alu("sub", 64, a.num, b.num));
  if (isConst(b)) return linked(result, a, 1, -constOf(b));
  if (isConst(a)) return linked(result, b, -1, constOf(a));
  const sum = a.id !== 0 && b.id !== 0 ? env.linear.sum(a, b, -1) : undefined;
  return sum === undefined || sum.id === 0 ? result : withLink(result, sum.id, sum.scale, sum.delta);
}
const lengthRange = fromUnsigned(0n, BigInt(MOST.packet));

const immediate2 = (x: number): Value => number(constant(BigInt(x)));

/** Operations whose result is at most their first operand, times the second for division. */
function fractionOf(op: string, width: number, b: Value): number {
  if (op === "and" || op === "mod") return 1;
  if (!isConst(b)) return op === "rsh" || op === "div" ? 1 : 0;
  const by = constOf(b);
  if (op === "rsh") return 2 ** Math.min(placesOf(b, width), 40);
  return op === "div" && by > 0 && by < 2 ** 40 ? by : 0;
}

/** By how many bits a constant shifts. */
const placesOf = (b: Value, width: number): number => b.num.u32min & (width - 1);

const fits32 = (v: Value): boolean => v.num.umax <= U32;

/** Two numbers. */
function compute(env: Env, state: State, insn: Insn, a: Value, b: Value): Value {
  const { op } = insn.row;
  const width = insn.row.width as 32 | 64;
  if ((op === "sub" || op === "xor") && insn.row.operand === "reg" && insn.dst === insn.src)
    return immediate(0);
  const num = env.alu(op, width, a.num, b.num);
  if (a.from !== undefined && isConst(b) && placesOf(b, width) === a.from.places) {
    const half = unshifted(env, state, op, width, a.from);
    if (half !== undefined) return withNum(half, meet(half.num, num) ?? num);
  }
  if (isConstant(num)) return number(num);
  // In 32 bits the links hold when neither operand nor result loses anything to the upper half.
  const whole = width === 64 || (fits32(a) && fits32(b));
  if (isConst(b)) {
    const kept = linkedByConstant(env, op, width, whole, a, b, num);
    if (kept !== undefined) return kept;
  } else if (width === 64 && (op === "add" || op === "sub")) {
    const sign = op === "add" ? 1 : -1;
    if (isConst(a)) {
      const second = (state.regs[insn.src] = symbol(b, env.fresh));
      return linked(number(num), second, sign, constOf(a));
    }
    const sum = linkedSum(env, state, insn, a, b, sign);
    if (sum !== undefined)
      return sum.id === 0 ? immediate2(sum.delta) : withLink(number(num), sum.id, sum.scale, sum.delta);
  }
  if (op === "mod" && whole && b.id !== 0 && b.num.umin > 0n && b.num.smin > 0n) {
    const rest = withLink(number(num), env.fresh(), 1, 0);
    learnOrder(env, state, rest, b, 1);
    return rest;
  }
  const fraction = whole && a.id !== 0 && a.num.smin >= 0n ? fractionOf(op, width, b) : 0;
  if (fraction === 0 || !state.rooms.some((r) => r.id === a.id)) return number(num);
  const result = withLink(number(num), env.fresh(), 1, 0);
  learnFraction(state, result, a, fraction);
  if (isConst(b)) env.fraction(a, { id: result.id, scale: a.scale, delta: a.delta, op, width, by: b.num });
  return result;
}

/** The link of a + sign * b, for which the operand that stays gets a symbol if it has none. */
function linkedSum(env: Env, state: State, insn: Insn, a: Value, b: Value, sign: 1 | -1): Link | undefined {
  if (a.low || b.low) return undefined;
  if (state.rooms.length === 0) return a.id !== 0 && a.id === b.id ? env.linear.sum(a, b, sign) : undefined;
  const second = symbol(b, env.fresh);
  state.regs[insn.src] = second;
  return env.linear.sum(symbol(a, env.fresh), second, sign);
}

/** A number that was shifted left and is shifted right again: its low bits, extended. */
function unshifted(env: Env, state: State, op: string, width: number, from: Source): Value | undefined {
  if (op !== "rsh" && op !== "arsh") return undefined;
  if (from.places === 32) return op === "rsh" ? lowHalf(env, state, -1, from.value) : signedHalf(from.value);
  return op === "rsh" || from.value.num.umax < 0x80n
    ? from.value
    : signedCharacter(env, from.value, width as 32 | 64);
}

/** A sign-extended character is still one: it is 0 when that is. */
function signedCharacter(env: Env, v: Value, width: 32 | 64): Value {
  const id = env.fresh();
  env.characters.set(id, env.characters.get(v.id)!);
  return withLink(number(extendSign(v.num, 1, width)), id, 1, 0);
}

const isCharacter = (env: Env, v: Value): boolean =>
  env.characters.has(v.id) && v.scale === 1 && v.delta === 0;

/** Results that are a sum or a multiple of `a`, or `a` itself. */
function linkedByConstant(
  env: Env,
  op: string,
  width: 32 | 64,
  whole: boolean,
  a: Value,
  b: Value,
  num: Value["num"],
): Value | undefined {
  const by = constOf(b);
  switch (op) {
    case "add":
    case "sub": {
      const add = op === "add" ? Number(b.num.smin) : -Number(b.num.smin);
      if (width === 64) return linked(number(num), a, 1, add);
      const small = width === 32 ? (op === "add" ? b.num.s32min : -b.num.s32min) : add;
      const exact = fits32(a) && a.num.u32min + small >= 0 && a.num.u32max + small <= 0xffffffff;
      if (exact) return linked(number(num), a, 1, small);
      const sum = linked(number(num), a, 1, small);
      return sum.id === 0 ? undefined : withLink(sum, sum.id, sum.scale, sum.delta, true);
    }
    case "lsh": {
      const places = placesOf(b, width);
      if ((width === 64 && places === 32) || (width - places === 8 && isCharacter(env, a))) {
        const from = { value: symbol(withFrom(a), env.fresh), places };
        return make("number", 0, num, ...times(a, width === 64 ? 2 ** places : 0), false, 0, 0, from);
      }
      return width === 64 && places < 40 ? linked(number(num), a, 2 ** places, 0) : undefined;
    }
    case "mul":
      return width === 64 && by > 0 && by < 2 ** 40 ? linked(number(num), a, by, 0) : undefined;
    case "and": {
      const mask = width === 64 ? b.num.umin : b.num.umin & U32;
      return whole && ((a.num.value | a.num.mask) & ~mask) === 0n ? a : undefined;
    }
    case "or":
    case "xor":
    case "rsh":
    case "arsh":
      return by === 0 && whole ? a : undefined;
    default:
      return undefined;
  }
}

/** A value without what it was made from. */
const withFrom = (v: Value): Value =>
  v.from === undefined ? v : make(v.kind, v.of, v.num, v.id, v.scale, v.delta, v.low);

function times(a: Value, factor: number): [id: number, scale: number, delta: number] {
  if (factor === 0) return [0, 0, 0];
  const scaled = linked(number(a.num), a, factor, 0);
  return [scaled.id, scaled.scale, scaled.delta];
}
