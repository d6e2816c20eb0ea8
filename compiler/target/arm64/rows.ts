/** The rows of formats/isa/arm64.ts that encoding uses, in pairs of 32 and 64 bits. */

import { ARM_CC, type Arm64Row, arm64 } from "../../../formats/isa/arm64.ts";
import { ALU, EXTENSION, SELECT, SHIFT } from "./kinds.ts";

/** Conditions of COND (ir/ops.ts) in their order. */
export const CONDITION = [
  ARM_CC.eq,
  ARM_CC.ne,
  ARM_CC.lo,
  ARM_CC.ls,
  ARM_CC.hi,
  ARM_CC.hs,
  ARM_CC.lt,
  ARM_CC.le,
  ARM_CC.gt,
  ARM_CC.ge,
]; // prettier-ignore

const both = (syntax: string): [Arm64Row, Arm64Row] => [
  arm64(syntax.replaceAll("%", "W")),
  arm64(syntax.replaceAll("%", "X")),
];
export const R = {
  alu: ALU.map((name) => both(`${name} %<d>, %<n>, %<m>, lsl #j`)),
  /** By index in SHIFT, then in ALU. */
  aluShifted: SHIFT.map((shift) =>
    ["add", "sub", "and", "orr", "eor"].map((name) =>
      shift === "ror" && (name === "add" || name === "sub")
        ? undefined
        : both(`${name} %<d>, %<n>, %<m>, ${shift} #j`),
    ),
  ),
  /** By index in ALU, then in EXTENSION. */
  addExtended: ["add", "sub"].map((name) =>
    EXTENSION.map((extend) => both(`${name} %<d>~, %<n>~, W<m>, ${extend} #j`)),
  ),
  addImm: both("add %<d>~, %<n>~, #i"),
  addImm12: both("add %<d>~, %<n>~, #i, lsl #12"),
  subImm: both("sub %<d>~, %<n>~, #i"),
  subImm12: both("sub %<d>~, %<n>~, #i, lsl #12"),
  logicImm: ["", "", "and", "orr", "eor"].map((name) =>
    name === "" ? undefined : both(`${name} %<d>~, %<n>, #bitmask`),
  ),
  extr: both("extr %<d>, %<n>, %<m>, #i"),
  umulh: arm64("umulh X<d>, X<n>, X<m>"),
  select: SELECT.map((name) => both(`${name} %<d>, %<n>, %<m>, cond j`)),
  /** Of a bit below 32, and of one from there on. */
  tbz: [arm64("tbz W<d>, #j, #branch"), arm64("tbz X<d>, #j+32, #branch")],
  tbnz: [arm64("tbnz W<d>, #j, #branch"), arm64("tbnz X<d>, #j+32, #branch")],
  shift: SHIFT.map((name) => both(`${name} %<d>, %<n>, %<m>`)),
  mov: both("mov %<d>, %<m>"),
  movz: both("movz %<d>, #i, lsl #j*16"),
  movn: both("movn %<d>, #i, lsl #j*16"),
  movk: both("movk %<d>, #i, lsl #j*16"),
  mvn: both("mvn %<d>, %<m>"),
  neg: both("neg %<d>, %<m>"),
  madd: both("madd %<d>, %<n>, %<m>, %<a>"),
  msub: both("msub %<d>, %<n>, %<m>, %<a>"),
  udiv: both("udiv %<d>, %<n>, %<m>"),
  sdiv: both("sdiv %<d>, %<n>, %<m>"),
  sbfm: both("sbfm %<d>, %<n>, #i, #j"),
  ubfm: both("ubfm %<d>, %<n>, #i, #j"),
  rbit: both("rbit %<d>, %<n>"),
  clz: both("clz %<d>, %<n>"),
  toVector: [arm64("fmov S<d>, W<n>"), arm64("fmov D<d>, X<n>")],
  sum: arm64("addv B<d>, V<n>.16b"),
  rev: both("rev %<d>, %<n>"),
  rev16: arm64("rev16 W<d>, W<n>"),
  cmp: both("cmp %<n>, %<m>"),
  cmpImm: both("cmp %<n>~, #i"),
  cmpImm12: both("cmp %<n>~, #i, lsl #12"),
  cmnImm: both("cmn %<n>~, #i"),
  cmnImm12: both("cmn %<n>~, #i, lsl #12"),
  tst: both("tst %<n>, %<m>"),
  tstImm: both("tst %<n>, #bitmask"),
  cbz: both("cbz %<d>, #branch"),
  cbnz: both("cbnz %<d>, #branch"),
  b: arm64("b #branch"),
  bl: arm64("bl #branch"),
  bcond: arm64("b.cond j #branch"),
  br: arm64("br X<n>"),
  blr: arm64("blr X<n>"),
  ret: arm64("ret X<n>"),
  adr: arm64("adr X<d>, #address"),
  brk: arm64("brk #i"),
  stp: arm64("stp X<d>, X<a>, [X<n>~, #+i*8]"),
  ldp: arm64("ldp X<d>, X<a>, [X<n>~, #+i*8]"),
  stpPre: arm64("stp X<d>, X<a>, [X<n>~, #+i*8]!"),
  ldpPost: arm64("ldp X<d>, X<a>, [X<n>~], #+i*8"),
  strPre: arm64("str X<d>, [X<n>~, #+i]!"),
  ldrPost: arm64("ldr X<d>, [X<n>~], #+i"),
  str: arm64("str X<d>, [X<n>~, #i*8]"),
  ldr: arm64("ldr X<d>, [X<n>~, #i*8]"),
  ldaxr: both("ldaxr %<d>, [X<n>~]"),
  stlxr: both("stlxr W<m>, %<d>, [X<n>~]"),
  lse: ["ldaddal", "ldsetal", "ldclral", "ldeoral", "swpal"].map((name) =>
    both(`${name} %<m>, %<d>, [X<n>~]`),
  ),
  casal: both("casal %<m>, %<d>, [X<n>~]"),
};

/** An access: its rows with a scaled, an unscaled and a register offset, and its size in bytes. */
export interface Access {
  scaled: Arm64Row;
  unscaled: Arm64Row;
  indexed: Arm64Row;
  /** Two neighbours at once: the lower one is the first. */
  pair?: Arm64Row;
  bytes: number;
}

function access(name: string, width: "W" | "X", bytes: number): Access {
  const log = Math.log2(bytes);
  const unscaled = name.replace(/^(ld|st)r/, "$1ur");
  return {
    scaled: arm64(`${name} ${width}<d>, [X<n>~, #i${bytes === 1 ? "" : `*${bytes}`}]`),
    unscaled: arm64(`${unscaled} ${width}<d>, [X<n>~, #+i]`),
    indexed: arm64(`${name} ${width}<d>, [X<n>~, X<m>${log === 0 ? "" : `, lsl #j*${log}`}]`),
    pair: /^(ldr|str)$/.test(name)
      ? arm64(`${name.slice(0, 2)}p ${width}<d>, ${width}<a>, [X<n>~, #+i*${bytes}]`)
      : undefined,
    bytes,
  };
}

/** By aux of K.load. */
export const LOAD: Record<string, Access> = {
  "-8": access("ldrb", "W", 1),
  "-16": access("ldrh", "W", 2),
  "-32": access("ldr", "W", 4),
  "64": access("ldr", "X", 8),
  "8": access("ldrsb", "X", 1),
  "16": access("ldrsh", "X", 2),
  "32": access("ldrsw", "X", 4),
}; // prettier-ignore
export const STORE: Record<number, Access> = {
  8: access("strb", "W", 1),
  16: access("strh", "W", 2),
  32: access("str", "W", 4),
  64: access("str", "X", 8),
}; // prettier-ignore
