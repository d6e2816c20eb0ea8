/** The rows of formats/isa/x64.ts that kernels use, by operation and width of a lane. */

import { type X64Row, x64 } from "../../../formats/isa/x64.ts";
import type { Lane, Reduction } from "../../ir/kernel.ts";

const byLane = (name: string, suffixes: string): Partial<Record<Lane, X64Row>> => {
  const rows: Partial<Record<Lane, X64Row>> = {};
  for (const suffix of suffixes) rows[LANE[suffix]] = x64(`${name}${suffix} xmm, xmm/m128`);
  return rows;
};
const shifts = (name: string, suffixes: string): Partial<Record<Lane, X64Row>> => {
  const rows: Partial<Record<Lane, X64Row>> = {};
  for (const suffix of suffixes) rows[LANE[suffix]] = x64(`${name}${suffix} xmm, imm8`);
  return rows;
};
const same = (name: string): Partial<Record<Lane, X64Row>> => {
  const row = x64(`${name} xmm, xmm/m128`);
  return { 8: row, 16: row, 32: row, 64: row };
};
const LANE: Record<string, Lane> = { b: 8, w: 16, d: 32, q: 64 };

/** Rows by operation and width of a lane. */
export const V = {
  add: byLane("padd", "bwdq"),
  sub: byLane("psub", "bwdq"),
  and: same("pand"),
  or: same("por"),
  xor: same("pxor"),
  eq: byLane("pcmpeq", "bwd"),
  sgt: byLane("pcmpgt", "bwd"),
  sad: same("psadbw"),
  avg: byLane("pavg", "bw"),
  mulHigh: byLane("pmulhu", "w"),
  smulHigh: byLane("pmulh", "w"),
  shl: shifts("psll", "wdq"),
  lshr: shifts("psrl", "wdq"),
  ashr: shifts("psra", "wd"),
  /** By width of the result. */
  low: {
    16: x64("punpcklbw xmm, xmm/m128"),
    32: x64("punpcklwd xmm, xmm/m128"),
    64: x64("punpckldq xmm, xmm/m128"),
  },
  high: {
    16: x64("punpckhbw xmm, xmm/m128"),
    32: x64("punpckhwd xmm, xmm/m128"),
    64: x64("punpckhdq xmm, xmm/m128"),
  },
};
const jumps = <Name extends string>(...names: Name[]) =>
  Object.fromEntries(
    names.map((name) => [name, { 8: x64(`j${name} rel8`), 32: x64(`j${name} rel32`) }]),
  ) as Record<Name, Record<8 | 32, X64Row>>;

export const R = {
  movdqa: x64("movdqa xmm, xmm/m128"),
  /** By bytes. */
  load: { 16: x64("movdqu xmm, xmm/m128"), 8: x64("movq xmm, r/m64"), 4: x64("movd xmm, r/m32") } as Record<
    number,
    X64Row
  >,
  store: x64("movdqu xmm/m128, xmm"),
  pshufd: x64("pshufd xmm, xmm/m128, imm8"),
  pshuflw: x64("pshuflw xmm, xmm/m128, imm8"),
  doubled: x64("punpcklqdq xmm, xmm/m128"),
  mulWords: x64("pmullw xmm, xmm/m128"),
  dot: x64("pmaddwd xmm, xmm/m128"),
  packBytes: x64("packuswb xmm, xmm/m128"),
  packWords: x64("packssdw xmm, xmm/m128"),
  mulWide: x64("pmuludq xmm, xmm/m128"),
  toVector: { 32: x64("movd xmm, r/m32"), 64: x64("movq xmm, r/m64") },
  fromVector: { 32: x64("movd r/m32, xmm"), 64: x64("movq r/m64, xmm") },
  zero: x64("xor r/m32, r32"),
  /** Leaves the flags. */
  not: x64("not r/m64"),
  constant: x64("mov r32, imm32"),
  constant64: x64("mov r64, imm64"),
  add: [x64("add r/m64, imm8"), x64("add r/m64, imm32")],
  sub: [x64("sub r/m64, imm8"), x64("sub r/m64, imm32")],
  cmp: x64("cmp r/m64, r64"),
  /** Jumps by how far they reach. */
  back: jumps("be", "b", "a", "ae"),
  forward: jumps("b", "be", "a", "ae", "le"),
}; // prettier-ignore

export const COMMUTATIVE = new Set<X64Row | undefined>(
  [V.add, V.and, V.or, V.xor, V.eq, V.avg, V.mulHigh, V.smulHigh].flatMap((rows) => Object.values(rows)),
);

/** Rows that gather; others compare and choose. */
export const GATHER: Record<Reduction, Partial<Record<Lane, X64Row>>> = {
  add: V.add,
  xor: V.xor,
  or: V.or,
  and: V.and,
  smax: { 16: x64("pmaxsw xmm, xmm/m128") },
  smin: { 16: x64("pminsw xmm, xmm/m128") },
  umax: { 8: x64("pmaxub xmm, xmm/m128") },
  umin: { 8: x64("pminub xmm, xmm/m128") },
};

/** A constant as ones that are shifted within 32 or 64 bits: shorter than by way of a general register. */
export function shiftedOnes(lo: number, hi: number): { row: X64Row; by: number } | undefined {
  for (let by = 0; by < 32; by++) {
    if (lo === hi && lo === ((-1 >>> by) | 0)) return { row: V.lshr[32]!, by };
    if (lo === hi && lo === -1 << by) return { row: V.shl[32]!, by };
    if (hi === 0 && lo === ((-1 >>> by) | 0)) return { row: V.lshr[64]!, by: 32 + by };
    if (lo === 0 && hi === -1 << by) return { row: V.shl[64]!, by: 32 + by };
  }
  return undefined;
}
