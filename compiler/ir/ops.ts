/**
 * The operations of the SSA IR, one row each. Values are 64 or 32 bits wide (`type`); a 32-bit value says nothing
 * about the upper half of the register that will hold it, so every change of width is an operation of its own.
 */

/** Bits of a value: 64, 32, 1 (a condition) or 0 (no result). */
export type Type = 64 | 32 | 1 | 0;

export interface Op {
  name: string;
  /** Index in OPS, for tables by operation. */
  code: number;
  /** Number of arguments, -1 = any. */
  arity: number;
  /** No effect and no dependence on memory: may be removed, duplicated or moved. */
  pure: boolean;
  commutative: boolean;
  /** Bytes that a load or store accesses, else 0. */
  bytes: 0 | 1 | 2 | 4 | 8;
  reads: boolean;
  writes: boolean;
  doc: string;
}

type Flag = "pure" | "commutative" | "reads" | "writes" | 1 | 2 | 4 | 8;

const OPS: Op[] = [];

function row(name: string, arity: number, flags: Flag[], doc: string): Op {
  const has = (flag: Flag) => flags.includes(flag);
  const bytes = ([1, 2, 4, 8] as const).find((n) => has(n)) ?? 0;
  const made: Op = {
    name,
    code: OPS.length,
    arity,
    bytes,
    doc,
    pure: has("pure"),
    commutative: has("commutative"),
    reads: has("reads"),
    writes: has("writes"),
  }; // prettier-ignore
  OPS.push(made);
  return made;
}

/** `aux` is a small integer whose meaning the row's text gives; `lo`, `hi` are the halves of a constant. */
export const op = {
  const: row("const", 0, ["pure"], "the constant hi:lo (32-bit: lo)"),
  undef: row(
    "undef",
    0,
    ["pure"],
    "a register that was never written; reads as 0, and need not be passed on",
  ),
  param: row("param", 0, ["pure"], "argument register r(aux + 1) at entry"),
  got: row("got", 0, ["pure"], "the import table"),
  frame: row("frame", 0, ["pure"], "r10: the end of this function's stack frame"),
  phi: row("phi", -1, ["pure"], "one argument per predecessor, in their order"),
  add: row("add", 2, ["pure", "commutative"], ""),
  sub: row("sub", 2, ["pure"], ""),
  mul: row("mul", 2, ["pure", "commutative"], ""),
  and: row("and", 2, ["pure", "commutative"], ""),
  or: row("or", 2, ["pure", "commutative"], ""),
  xor: row("xor", 2, ["pure", "commutative"], ""),
  shl: row("shl", 2, ["pure"], "counts are taken modulo the width (RFC 9669 section 4.1)"),
  lshr: row("lshr", 2, ["pure"], ""),
  ashr: row("ashr", 2, ["pure"], ""),
  udiv: row("udiv", 2, ["pure"], "x / 0 = 0 (RFC 9669 section 4.1)"),
  sdiv: row("sdiv", 2, ["pure"], "x / 0 = 0; the least number / -1 is itself"),
  umod: row("umod", 2, ["pure"], "x % 0 = x"),
  smod: row("smod", 2, ["pure"], "x % 0 = x; the least number % -1 is 0"),
  umulh: row(
    "umulh",
    2,
    ["pure", "commutative"],
    "the upper 64 bits of the unsigned product of 64-bit values",
  ),
  rotl: row("rotl", 2, ["pure"], "rotates to the left; counts are taken modulo the width"),
  rotr: row("rotr", 2, ["pure"], "to the right, by what is no constant"),
  select: row("select", 3, ["pure"], "arguments: condition (an icmp), value if true, value if false"),
  bswap: row("bswap", 1, ["pure"], "reverses the bytes of the value"),
  bswap16: row("bswap16", 1, ["pure"], "reverses the two low bytes and clears the rest"),
  clz: row(
    "clz",
    1,
    ["pure"],
    "zeros above the highest bit, the width for 0; aux 1: what it gives for 0 does not matter",
  ),
  ctz: row("ctz", 1, ["pure"], "zeros below the lowest bit; as clz"),
  popcount: row(
    "popcount",
    1,
    ["pure"],
    "bits that are set; only where the target has the feature of that name",
  ),
  sext8: row("sext8", 1, ["pure"], "sign-extends the low byte"),
  sext16: row("sext16", 1, ["pure"], "sign-extends the low two bytes"),
  sext32: row("sext32", 1, ["pure"], "sign-extends a 32-bit value to 64"),
  zext: row("zext", 1, ["pure"], "zero-extends a 32-bit value to 64"),
  trunc: row("trunc", 1, ["pure"], "the low half of a 64-bit value"),
  icmp: row("icmp", 2, ["pure"], "aux = a condition of COND"),
  load8: row(
    "load8",
    1,
    ["reads", 1],
    "zero-extended to 32 bits; address = argument + aux, like all accesses",
  ),
  load16: row("load16", 1, ["reads", 2], "zero-extended to 32 bits"),
  load32: row("load32", 1, ["reads", 4], ""),
  load64: row("load64", 1, ["reads", 8], ""),
  load8s: row("load8s", 1, ["reads", 1], "sign-extended to 64 bits"),
  load16s: row("load16s", 1, ["reads", 2], "sign-extended to 64 bits"),
  load32s: row("load32s", 1, ["reads", 4], "sign-extended to 64 bits"),
  store8: row("store8", 2, ["writes", 1], "arguments: address, value"),
  store16: row("store16", 2, ["writes", 2], ""),
  store32: row("store32", 2, ["writes", 4], ""),
  store64: row("store64", 2, ["writes", 8], ""),
  aadd: row("aadd", 2, ["reads", "writes"], "atomic, sequentially consistent; as wide as its value argument"),
  aor: row("aor", 2, ["reads", "writes"], ""),
  aand: row("aand", 2, ["reads", "writes"], ""),
  axor: row("axor", 2, ["reads", "writes"], ""),
  fadd: row("fadd", 2, ["reads", "writes"], "atomic, gives the old value"),
  for: row("for", 2, ["reads", "writes"], ""),
  fand: row("fand", 2, ["reads", "writes"], ""),
  fxor: row("fxor", 2, ["reads", "writes"], ""),
  xchg: row("xchg", 2, ["reads", "writes"], ""),
  cmpxchg: row("cmpxchg", 3, ["reads", "writes"], "arguments: address, value, expected"),
  copy: row(
    "copy",
    3,
    ["reads", "writes"],
    "arguments: to, from, count; copies elements of aux bytes one after the other, in ascending order",
  ),
  fill: row(
    "fill",
    3,
    ["writes"],
    "arguments: to, value, count; stores the low aux bytes of the value count times",
  ),
  kernel: row(
    "kernel",
    -1,
    ["reads", "writes"],
    "rounds of a loop with vectors: kernel aux of the function; arguments as in ir/kernel.ts",
  ),
  call: row("call", -1, ["reads", "writes"], "function aux of the program; arguments r1 … r5"),
  calli: row(
    "calli",
    -1,
    ["reads", "writes"],
    "arguments: function address, r1 … r5; aux = whose function it is, of CALLEE",
  ),
  helper: row("helper", -1, ["reads", "writes"], "import slot aux; arguments r1 …"),
  code: row("code", 0, ["pure"], "the address of function aux"),
  rodata: row("rodata", 0, ["pure"], "the address of byte aux of the read-only data"),
  data: row("data", 0, ["pure"], "the address of the writable block, import slot aux, plus lo"),
  map: row("map", 0, ["pure"], "the content of import slot aux: a map's address"),
} as const;

/** Where an indirect call may lead: to a function of the program, to a map's operation, to another program. */
export const CALLEE = { program: 0, map: 1, tail: 2 } as const;

export const CALLS: ReadonlySet<Op> = new Set([op.call, op.calli, op.helper]);

/** By bytes: loads with zeros above, and stores. */
export const LOADS: Readonly<Record<number, Op>> = { 1: op.load8, 2: op.load16, 4: op.load32, 8: op.load64 };
export const STORES: Readonly<Record<number, Op>> = {
  1: op.store8,
  2: op.store16,
  4: op.store32,
  8: op.store64,
};

export const OP_ROWS: readonly Op[] = OPS;

/** Conditions of icmp; `not` and `swap` (operands exchanged) are indexes into the same list. */
export const COND = [
  { name: "eq", not: 1, swap: 0 },
  { name: "ne", not: 0, swap: 1 },
  { name: "ult", not: 5, swap: 4 },
  { name: "ule", not: 4, swap: 5 },
  { name: "ugt", not: 3, swap: 2 },
  { name: "uge", not: 2, swap: 3 },
  { name: "slt", not: 9, swap: 8 },
  { name: "sle", not: 8, swap: 9 },
  { name: "sgt", not: 7, swap: 6 },
  { name: "sge", not: 6, swap: 7 },
] as const;
export const EQ = 0,
  NE = 1,
  ULT = 2,
  ULE = 3,
  UGT = 4,
  UGE = 5,
  SLT = 6,
  SLE = 7,
  SGT = 8,
  SGE = 9; // prettier-ignore
