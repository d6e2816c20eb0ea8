/** Kinds of x86-64 machine instructions, between selection (select.ts) and encoding (encode.ts). */

export const K = {
  const: 0, // def = hi:lo
  lea: 1, // def = address
  code: 2, // def = address of function aux
  rodata: 3, // def = address of byte aux of the read-only data
  add: 4, // def = uses[0] + uses[1], free choice of registers
  addImm: 5, // def = uses[0] + lo
  alu: 6, // tied; aux = index in ALU
  aluImm: 7, // tied
  shiftImm: 8, // tied; aux = index in SHIFT
  shiftCl: 9, // tied; uses[1] in cl
  mul: 10, // tied
  mulImm: 11, // def = uses[0] * lo
  neg: 12, // tied
  not: 13, // tied
  divide: 14, // uses[0] in rax; aux = DIVIDE bits
  bswap: 15, // tied
  bswap16: 16, // tied; aux: CLEAR or SHORT, or 0
  extend: 17, // def = uses[0] extended; aux: 8, 16, 32 = signed; -8, -16, -32 = zero
  load: 18, // aux as in extend, or 64
  store: 19, // uses[0], memory; aux = bits
  storeImm: 20, // lo
  lockAlu: 21, // uses[0], memory; aux = index in ALU
  xadd: 22, // tied: uses[0] and the old value
  xchg: 23, // tied
  cmpxchg: 24, // uses[0] = expected in rax, uses[1]
  fetchLoop: 25, // uses[0], memory; old value in rax, scratch rdx; aux = index in ALU
  callSlot: 26, // import slot aux, through got in r9
  call: 27, // function aux
  callRegister: 28, // the last use, or memory
  jump: 29,
  branch: 30, // cond on uses[0], uses[1]; aux = BRANCH_*
  ret: 31, // uses[0] in rax
  trap: 32,
  select: 33, // tied: uses[0] = if false, uses[1] = if true; compared are uses[hi & 15] and uses[hi >> 4]; disp = width
  aluLoad: 35, // tied: uses[0] and memory; aux = index in ALU
  mulLoad: 36, // tied: uses[0] and memory
  aluStore: 37, // memory = memory op uses[0]; aux = index in ALU
  aluStoreImm: 38, // memory = memory op lo
  copy: 39, // uses in rdi, rsi, rcx; aux = bytes of an element
  fill: 40, // uses in rdi, rax, rcx
  set: 41, // def = 1 if what is compared is so, else 0
  kernel: 42, // uses[0] in rcx, def in rax; aux = index in MFn.kernels
  lockAluImm: 43, // memory, lo; aux = index in ALU
  tailSlot: 44, // as callSlot, call and callRegister, with the caller's frame gone and its return address
  tailCall: 45,
  addFlag: 47, // tied: uses[0] + 1 if what is compared is below, or not below (cond); as select
  subFlag: 48, // the same, uses[0] - 1
  count: 49, // def = bits of uses[0]; aux = index in COUNT
  scan: 50, // as count, bsf and bsr; where tied uses[0] is what is given for uses[1] = 0
  tailRegister: 46, // the last use, in rax
  table: 51, // def = address of the block's table
  entry: 52, // def = where entry uses[1] of the table uses[0] leads
  jumpRegister: 53, // to uses[0]
  enter: 54, // saves registers and makes the frame
  leave: 55, // undoes it; aux: bit r = register r is not to be touched
  mulHigh: 34, // uses[0] in rax; def in rdx
  funnel: 56, // tied; upper bits of uses[0]:uses[1] << lo
  // With BMI1, BMI2 and movbe:
  mulx: 57, // as mulHigh; uses[0] in rdx, nothing is lost
  andNot: 58, // def = ~uses[0] & uses[1]
  lowest: 59, // the lowest bit of uses[0]; aux = index in LOWEST
  rotate: 60, // def = uses[0] rotated to the left by lo
  shiftBy: 61, // def = uses[0] shifted by uses[1]; aux = index in SHIFT
  loadSwapped: 62, // aux = bits
  storeSwapped: 63, // uses[0], memory; aux = bits
} as const;

export const ALU = ["add", "or", "and", "sub", "xor"] as const;
export const SHIFT = ["shl", "shr", "sar", "rol", "ror"] as const;
/** A swap of 16 bits: nothing is set above them; bytes count more than time. */
export const CLEAR = 1,
  SHORT = 2; // prettier-ignore
/** x & (x - 1), x ^ (x - 1), x & -x. */
export const LOWEST = ["blsr", "blsmsk", "blsi"] as const;
/** Index of "blsmsk", whose result is never zero. */
export const MASK = 1;
export const COUNT = ["popcnt", "lzcnt", "tzcnt", "bsr", "bsf"] as const;
export const BSR = 3,
  BSF = 4; // prettier-ignore
/** Index of "rol", which like "ror" leaves the zero flag as it was. */
export const ROTATE = 3;

/** Bits of divide's aux beyond those of rules.ts: what is known of the divisor. */
export const NONZERO = 4,
  NOT_MINUS_ONE = 8; // prettier-ignore

/** A branch compares registers, a register with lo, or tests bits of either. */
export const COMPARE = 0,
  COMPARE_IMM = 1,
  TEST = 2,
  TEST_IMM = 3,
  /** A register with memory, or memory with lo. */
  COMPARE_LOAD = 4,
  COMPARE_LOAD_IMM = 5,
  /** Nothing: the instruction before did. */
  COMPARED = 6,
  /** Bit uses[1] of uses[0], into the carry flag. */
  BIT = 7; // prettier-ignore

/** Indexes of alu instructions whose flags are those of their result compared with zero. */
export const LOGIC: ReadonlySet<number> = new Set([1, 2, 4]);
