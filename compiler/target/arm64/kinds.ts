/** Kinds of AArch64 machine instructions, between selection (select.ts) and encoding (encode.ts). */

export const K = {
  const: 0, // def = hi:lo
  lea: 1, // def = address
  code: 2, // def = address of function aux
  rodata: 3, // def = address of byte aux of the read-only data
  alu: 4, // def = uses[0] op (uses[1] shifted by lo); aux = index in ALU, hi = index in SHIFT
  addExtended: 51, // def = uses[0] op (uses[1] extended and shifted left by lo); aux = index in ALU, hi = index in EXTENSION
  addImm: 5, // def = uses[0] + lo, an add or sub immediate
  logicImm: 6, // def = uses[0] op bitmask lo (13 bits); aux = index in ALU
  shiftImm: 7, // aux = index in SHIFT
  shift: 8,
  mul: 9,
  madd: 10, // def = uses[2] + uses[0] * uses[1]
  msub: 11, // def = uses[2] - uses[0] * uses[1]
  neg: 12,
  not: 13,
  divide: 14, // aux = bits of rules.ts
  rev: 15,
  rev16: 16, // aux 1: nothing is set above the two bytes, or nobody looks there
  clz: 44, // uses[0]; aux 1: of its bits in reverse order
  extend: 17, // aux: 8, 16, 32 = signed; -8, -16, -32 = zero
  load: 18, // aux as in extend, or 64
  store: 19, // uses[0], memory; aux = bits; without uses[0]: the zero register
  storeZero: 20,
  atomic: 21, // no result; uses[0], memory; aux = index in ATOMIC
  fetch: 22, // def = old value
  cmpxchg: 23, // uses[0] = expected, uses[1] = new
  callSlot: 24, // import slot aux, through got in x5
  call: 25, // function aux
  callRegister: 26, // the last use, in x9
  jump: 27,
  branch: 28, // cond on uses[0], uses[1]; aux = branch kind
  ret: 29, // uses[0] in x0
  trap: 30,
  select: 31, // def = uses[1] if what uses[2] … compare with is so, else uses[0] in form hi of SELECT; disp = width of def
  mulHigh: 32,
  extr: 33, // upper bits of uses[0]:uses[1] << lo
  bitField: 35, // def = uses[0] moved as the bit fields lo and hi of ubfm say; aux 1: of sbfm
  kernel: 36, // aux = index in MFn.kernels; scratch registers as kernels.ts says
  tailSlot: 40, // as callSlot, call and callRegister, with the caller's frame gone and its return address
  tailCall: 41,
  tailRegister: 42,
  popcount: 50, // bits of uses[0]; v0 is lost
  table: 45, // def = address of the block's table
  entry: 46, // def = where entry uses[1] of the table uses[0] leads
  jumpRegister: 47, // to uses[0]
  enter: 48, // saves registers and makes the frame
  leave: 49, // undoes it; aux: bit r = register r is not to be touched
} as const;

/** A use of -1 is the zero register. */
export const ALU = ["add", "sub", "and", "orr", "eor", "bic", "orn", "eon"] as const;
export const EXTENSION = ["uxtb", "uxth", "uxtw", "sxtb", "sxth", "sxtw"] as const;
/** The rotation stands where a rotation to the left has its index; those by a register have one to the right. */
export const SHIFT = ["lsl", "lsr", "asr", "ror"] as const;
/** What becomes of the operand that is not chosen for the condition: itself, plus one, all bits turned. */
export const SELECT = ["csel", "csinc", "csinv"] as const;
export const ATOMIC = ["add", "or", "and", "xor", "xchg"] as const;

/**
 * A branch compares registers, or a register with lo, or tests bits; lo of TEST_IMM is a bitmask immediate, and hi the
 * number of its only bit plus one, 0 if there are more.
 */
export const COMPARE = 0,
  COMPARE_IMM = 1,
  TEST = 2,
  TEST_IMM = 3; // prettier-ignore
