/** The rows of formats/isa/arm64-vectors.ts that kernels use, by operation and width of a lane. */

import { ARM_CC, type Arm64Row, arm64 } from "../../../formats/isa/arm64.ts";
import type { Lane, Reduction } from "../../ir/kernel.ts";

export type ByLane = Partial<Record<Lane, Arm64Row>>;

const FULL: Record<Lane, string> = { 8: "16b", 16: "8h", 32: "4s", 64: "2d" };
const LOW: Record<Lane, string> = { 8: "8b", 16: "4h", 32: "2s", 64: "1d" };
const SCALAR: Record<Lane, string> = { 8: "B", 16: "H", 32: "S", 64: "D" };
const NARROW: readonly Lane[] = [8, 16, 32];
const ALL: readonly Lane[] = [8, 16, 32, 64];

const byLane = (lanes: readonly Lane[], syntax: (lane: Lane) => string): ByLane =>
  Object.fromEntries(lanes.map((lane) => [lane, arm64(syntax(lane))]));
const three = (name: string, lanes: readonly Lane[]): ByLane =>
  byLane(lanes, (lane) => `${name} V<d>.${FULL[lane]}, V<n>.${FULL[lane]}, V<m>.${FULL[lane]}`);
const bitwise = (name: string): ByLane => {
  const [row] = Object.values(three(name, [8]));
  return { 8: row, 16: row, 32: row, 64: row };
};
const shift = (name: string, by: (lane: Lane) => string): ByLane =>
  byLane(ALL, (lane) => `${name} V<d>.${FULL[lane]}, V<n>.${FULL[lane]}, #${by(lane)}`);

/** By width of the result: of the lower halves of the operands, and of the upper ones. */
const widening = (name: string, operands: (half: string) => string): [low: ByLane, high: ByLane] => {
  const rows = (suffix: string, half: Record<Lane, string>): ByLane =>
    Object.fromEntries(
      NARROW.map((lane) => [
        lane * 2,
        arm64(`${name}${suffix} V<d>.${FULL[(lane * 2) as Lane]}, ${operands(half[lane])}`),
      ]),
    );
  return [rows("", LOW), rows("2", FULL)];
};
const long = (name: string) => widening(name, (half) => `V<n>.${half}, V<m>.${half}`);
const extension = (name: string) => widening(name, (half) => `V<n>.${half}, #i`);
/** By width of the result. */
const pairs = (name: string): ByLane =>
  Object.fromEntries(
    NARROW.map((lane) => [lane * 2, arm64(`${name} V<d>.${FULL[(lane * 2) as Lane]}, V<n>.${FULL[lane]}`)]),
  );
const across = (name: string): ByLane =>
  byLane(NARROW, (lane) => `${name} ${SCALAR[lane]}<d>, V<n>.${FULL[lane]}`);

/** Of two operands. */
export const V = {
  add: three("add", ALL),
  sub: three("sub", ALL),
  and: bitwise("and"),
  or: bitwise("orr"),
  xor: bitwise("eor"),
  mul: three("mul", NARROW),
  eq: three("cmeq", ALL),
  sgt: three("cmgt", ALL),
  ugt: three("cmhi", ALL),
  smax: three("smax", NARROW),
  smin: three("smin", NARROW),
  umax: three("umax", NARROW),
  umin: three("umin", NARROW),
  apart: three("uabd", NARROW),
  avg: three("urhadd", NARROW),
  shlBy: three("ushl", ALL),
  lshrBy: three("ushl", ALL),
  ashrBy: three("sshl", ALL),
};
/** The second operand's shift: by its immediate, or by the lane's width less that. */
export const SHIFT = {
  shl: shift("shl", () => "i"),
  lshr: shift("ushr", (lane) => `${lane}-i`),
  ashr: shift("sshr", (lane) => `${lane}-i`),
};
/** Lower and upper halves, by width of the result. */
export const WIDEN = {
  zext: extension("ushll"),
  sext: extension("sshll"),
  umull: long("umull"),
  smull: long("smull"),
};
/** The same, added to what was there. */
export const WIDEN_ADD = { umull: long("umlal"), smull: long("smlal") };
export const PAIRS = { u: pairs("uaddlp"), s: pairs("saddlp") };
export const PAIRS_ADD = { u: pairs("uadalp"), s: pairs("sadalp") };
export const R = {
  neg: byLane(ALL, (lane) => `neg V<d>.${FULL[lane]}, V<n>.${FULL[lane]}`),
  even: three("uzp1", ALL),
  addPairs: three("addp", ALL),
  mla: three("mla", NARROW),
  bsl: arm64("bsl V<d>.16b, V<n>.16b, V<m>.16b"),
  bit: arm64("bit V<d>.16b, V<n>.16b, V<m>.16b"),
  bif: arm64("bif V<d>.16b, V<n>.16b, V<m>.16b"),
  xtn: arm64("xtn V<d>.2s, V<n>.2d"),
  count: arm64("cnt V<d>.16b, V<n>.16b"),
  swap: byLane([16, 32, 64], (lane) => `rev${lane} V<d>.16b, V<n>.16b`),
  /** The upper half, and the second operand's lower one. */
  halves: arm64("ext V<d>.16b, V<n>.16b, V<m>.16b, #8"),
  sumPair: arm64("addp D<d>, V<n>.2d"),
  fmov: [arm64("fmov W<d>, S<n>"), arm64("fmov X<d>, D<n>")],
  upper: arm64("umov X<d>, V<n>.d[1]"),
  subs: arm64("subs X<d>, X<n>~, #i"),
  adds: arm64("adds X<d>, X<n>~, #i"),
};
/** A general register in all lanes. */
export const DUP = byLane(ALL, (lane) => `dup V<d>.${FULL[lane]}, ${lane === 64 ? "X" : "W"}<n>`) as Record<
  Lane,
  Arm64Row
>;

/** All lanes into the first one. */
export const ACROSS: Partial<Record<Reduction, ByLane>> = {
  add: { 32: arm64("addv S<d>, V<n>.4s"), 64: R.sumPair },
  smax: across("smaxv"),
  smin: across("sminv"),
  umax: across("umaxv"),
  umin: across("uminv"),
};

/** An access by its size: with an offset in units of the size, in bytes, and moving the address behind it. */
export interface VectorAccess {
  scaled: Arm64Row;
  unscaled: Arm64Row | undefined;
  moving: Arm64Row;
}
const single = (name: "ldr" | "str", register: string, bytes: number): VectorAccess => ({
  scaled: arm64(`${name} ${register}<d>, [X<n>~, #i*${bytes}]`),
  unscaled: arm64(`${name.replace("r", "ur")} ${register}<d>, [X<n>~, #+i]`),
  moving: arm64(`${name} ${register}<d>, [X<n>~], #+i`),
});
const pair = (name: "ldp" | "stp"): VectorAccess => ({
  scaled: arm64(`${name} Q<d>, Q<a>, [X<n>~, #+i*16]`),
  unscaled: undefined,
  moving: arm64(`${name} Q<d>, Q<a>, [X<n>~], #+i*16`),
});
export const LOADS: Record<number, VectorAccess> = {
  4: single("ldr", "S", 4),
  8: single("ldr", "D", 8),
  16: single("ldr", "Q", 16),
  32: pair("ldp"),
};
export const STORES: Record<number, VectorAccess> = { 16: single("str", "Q", 16), 32: pair("stp") };

const MOVI = {
  bytes: arm64("movi V<d>.16b, #j:i"),
  mask: arm64("movi V<d>.2d, #mask j:i"),
  words: [arm64("movi V<d>.4s, #j:i, lsl #m*8"), arm64("mvni V<d>.4s, #j:i, lsl #m*8")],
  halves: [arm64("movi V<d>.8h, #j:i, lsl #m*8"), arm64("mvni V<d>.8h, #j:i, lsl #m*8")],
};

/** A constant as one instruction: its row, 8 bits, and by how many bytes they are shifted. */
export function immediate(
  lo: number,
  hi: number,
): { row: Arm64Row; byte: number; shift: number } | undefined {
  const bytes = [lo, hi].flatMap((word) => [0, 8, 16, 24].map((by) => (word >>> by) & 255));
  if (bytes.every((byte) => byte === bytes[0])) return { row: MOVI.bytes, byte: bytes[0], shift: 0 };
  if (bytes.every((byte) => byte === 0 || byte === 255)) {
    const byte = bytes.reduce<number>((bits, one, k) => bits | ((one & 1) << k), 0);
    return { row: MOVI.mask, byte, shift: 0 };
  }
  if (lo !== hi) return undefined;
  for (const [rows, size] of [
    [MOVI.halves, 2],
    [MOVI.words, 4],
  ] as const) {
    if (size === 2 && (lo & 0xffff) !== lo >>> 16) continue;
    for (const [inverts, row] of rows.entries()) {
      const plain = inverts * 255;
      const others = bytes.slice(0, size).flatMap((byte, k) => (byte === plain ? [] : [k]));
      if (others.length === 1) return { row, byte: bytes[others[0]] ^ plain, shift: others[0] };
    }
  }
  return undefined;
}

/** Conditions of loops. */
export const { lo: BELOW, hs: NOT_BELOW, hi: ABOVE, ls: NOT_ABOVE } = ARM_CC;
