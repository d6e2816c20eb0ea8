/** The rows of formats/isa/x64.ts that encoding uses, in pairs of 32 and 64 bits. */

import { CC, type X64Row, x64 } from "../../../formats/isa/x64.ts";
import { ALU, COUNT, LOWEST, SHIFT } from "./kinds.ts";

/** Conditions of COND (ir/ops.ts) in their order. */
export const CONDITION = [CC.e, CC.ne, CC.b, CC.be, CC.a, CC.ae, CC.l, CC.le, CC.g, CC.ge];

const both = (syntax: string): [X64Row, X64Row] => [
  x64(syntax.replaceAll("%", "32")),
  x64(syntax.replaceAll("%", "64")),
];
export const R = {
  movRegister: both("mov r%, r/m%"),
  movStore: both("mov r/m%, r%"),
  movImm32: x64("mov r32, imm32"),
  movImm64: x64("mov r64, imm64"),
  movSigned: x64("mov r/m64, imm32"),
  lea: both("lea r%, m"),
  adc: both("adc r/m%, imm8"),
  sbb: both("sbb r/m%, imm8"),
  inc: both("inc r/m%"),
  dec: both("dec r/m%"),
  neg: both("neg r/m%"),
  not: both("not r/m%"),
  imul: both("imul r%, r/m%"),
  imul8: both("imul r%, r/m%, imm8"),
  imul32: both("imul r%, r/m%, imm32"),
  div: both("div r/m%"),
  idiv: both("idiv r/m%"),
  bswap: both("bswap r%"),
  swapHalf: x64("rol r/m16, imm8"),
  /** By index in COUNT. */
  count: COUNT.map((name) => both(`${name} r%, r/m%`)),
  mulHigh: x64("mul r/m64"),
  mulx: x64("mulx r64a, r64b, r/m64"),
  andNot: both("andn r%a, r%b, r/m%"),
  lowest: LOWEST.map((name) => both(`${name} r%b, r/m%`)),
  rorx: both("rorx r%a, r/m%, imm8"),
  /** By index in SHIFT, without the rotation. */
  shiftBy: SHIFT.slice(0, 3).map((name) => both(`${name}x r%a, r/m%, r%b`)),
  shld: both("shld r/m%, r%, imm8"),
  /** By condition code. */
  set: Object.fromEntries(Object.entries(CC).map(([name, code]) => [code, x64(`set${name} r/m8`)])) as Record<
    number,
    X64Row
  >,
  cmov: Object.fromEntries(
    Object.entries(CC).map(([name, code]) => [code, both(`cmov${name} r%, r/m%`)]),
  ) as Record<number, [X64Row, X64Row]>,
  xchg: both("xchg r/m%, r%"),
  xadd: both("lock xadd r/m%, r%"),
  cmpxchg: both("lock cmpxchg r/m%, r%"),
  test: both("test r/m%, r%"),
  bitTest: both("bt r/m%, r%"),
  testImm: both("test r/m%, imm32"),
  testImm8: x64("test r/m8, imm8"),
  alu: ALU.map((name) => both(`${name} r/m%, r%`)),
  alu8: ALU.map((name) => both(`${name} r/m%, imm8`)),
  alu32: ALU.map((name) => both(`${name} r/m%, imm32`)),
  aluRax: ALU.map((name): [X64Row, X64Row] => [x64(`${name} eax, imm32`), x64(`${name} rax, imm32`)]),
  lock8: ALU.map((name) => both(`lock ${name} r/m%, imm8`)),
  lock32: ALU.map((name) => both(`lock ${name} r/m%, imm32`)),
  lockInc: both("lock inc r/m%"),
  lockDec: both("lock dec r/m%"),
  lock: ALU.map((name) => both(`lock ${name} r/m%, r%`)),
  aluLoad: ALU.map((name) => both(`${name} r%, r/m%`)),
  cmpLoad: both("cmp r%, r/m%"),
  cmpByte: x64("cmp r/m8, imm8"),
  cmp: both("cmp r/m%, r%"),
  cmp8: both("cmp r/m%, imm8"),
  cmp32: both("cmp r/m%, imm32"),
  shift: SHIFT.map((name) => both(`${name} r/m%, imm8`)),
  shift1: SHIFT.map((name) => both(`${name} r/m%, 1`)),
  shiftCl: SHIFT.map((name) => both(`${name} r/m%, cl`)),
  /** By bytes of an element. */
  repMove: { 1: x64("rep movsb"), 2: x64("rep movsw"), 4: x64("rep movsd"), 8: x64("rep movsq") } as Record<
    number,
    X64Row
  >,
  repStore: { 1: x64("rep stosb"), 2: x64("rep stosw"), 4: x64("rep stosd"), 8: x64("rep stosq") } as Record<
    number,
    X64Row
  >,
  push: x64("push r64"),
  pushImm8: x64("push imm8"),
  pop: x64("pop r64"),
  pushMemory: x64("push r/m64"),
  popMemory: x64("pop r/m64"),
  call: x64("call rel32"),
  callMemory: x64("call r/m64"),
  jmpMemory: x64("jmp r/m64"),
  jmp32: x64("jmp rel32"),
  ret: x64("ret"),
  ud2: x64("ud2"),
  cdq: [x64("cdq"), x64("cqo")] as const,
  je: x64("je rel8"),
  jne: x64("jne rel8"),
  jmp: x64("jmp rel8"),
};
/** By bits of an access: loads and stores of bytes in the opposite order. */
export const LOAD_SWAPPED: Record<number, X64Row> = {
  32: x64("movbe r32, m32"),
  64: x64("movbe r64, m64"),
};
export const STORE_SWAPPED: Record<number, X64Row> = {
  16: x64("movbe m16, r16"),
  32: x64("movbe m32, r32"),
  64: x64("movbe m64, r64"),
};
/** By aux of K.load and K.extend: the row that extends from memory or a register. */
export const EXTEND: Record<string, X64Row> = {
  "-8": x64("movzx r32, r/m8"),
  "-16": x64("movzx r32, r/m16"),
  "-32": x64("mov r32, r/m32"),
  "64": x64("mov r64, r/m64"),
  "8": x64("movsx r64, r/m8"),
  "16": x64("movsx r64, r/m16"),
  "32": x64("movsxd r64, r/m32"),
}; // prettier-ignore
export const EXTEND32: Record<string, X64Row> = {
  "8": x64("movsx r32, r/m8"),
  "16": x64("movsx r32, r/m16"),
};
export const STORE: Record<number, X64Row> = {
  8: x64("mov r/m8, r8"),
  16: x64("mov r/m16, r16"),
  32: x64("mov r/m32, r32"),
  64: x64("mov r/m64, r64"),
}; // prettier-ignore
export const STORE_IMM: Record<number, X64Row> = {
  8: x64("mov r/m8, imm8"),
  16: x64("mov r/m16, imm16"),
  32: x64("mov r/m32, imm32"),
  64: x64("mov r/m64, imm32"),
}; // prettier-ignore
