/** What RFC 9669 says of arithmetic, in BigInt and independent of the compiler: the judge of test/run. */

export const EDGES: bigint[] = [
  0n,
  1n,
  2n,
  7n,
  31n,
  32n,
  33n,
  63n,
  64n,
  0x7fn,
  0x80n,
  0xffn,
  0x7fffn,
  0x8000n,
  0xffffn,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  0x100000000n,
  0x123456789abcdef0n,
  0x7fffffffffffffffn,
  0x8000000000000000n,
  0xffffffff80000000n,
  0xfffffffffffffffen,
  0xffffffffffffffffn,
  0xdeadbeef00000000n,
]; // prettier-ignore

export const IMMEDIATES = [
  0, 1, 2, 3, 7, 8, 31, 32, 63, 100, 127, 128, 255, 1000, 0x7fffffff, -1, -2, -128, -129, -2147483648,
]; // prettier-ignore

const u = (bits: number, x: bigint) => BigInt.asUintN(bits, x);
const s = (bits: number, x: bigint) => BigInt.asIntN(bits, x);

type Binary = (a: bigint, b: bigint, bits: number) => bigint;

/** Operands are unsigned of `bits`; the result is cut to `bits` and zero-extended (section 4.1). */
export const ALU: Record<string, Binary> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  or: (a, b) => a | b,
  and: (a, b) => a & b,
  xor: (a, b) => a ^ b,
  lsh: (a, b, bits) => a << (b & BigInt(bits - 1)),
  rsh: (a, b, bits) => a >> (b & BigInt(bits - 1)),
  arsh: (a, b, bits) => s(bits, a) >> (b & BigInt(bits - 1)),
  div: (a, b) => (b === 0n ? 0n : a / b),
  mod: (a, b) => (b === 0n ? a : a % b),
  sdiv: (a, b, bits) => (b === 0n ? 0n : s(bits, a) / s(bits, b)),
  smod: (a, b, bits) => (b === 0n ? a : s(bits, a) % s(bits, b)),
  mov: (_, b) => b,
};

export function alu(op: string, a: bigint, b: bigint, bits: 32 | 64): bigint {
  return u(bits, ALU[op](u(bits, a), u(bits, b), bits));
}

export const COMPARE: Record<string, Binary> = {
  jeq: (a, b) => (a === b ? 1n : 0n),
  jne: (a, b) => (a !== b ? 1n : 0n),
  jgt: (a, b) => (a > b ? 1n : 0n),
  jge: (a, b) => (a >= b ? 1n : 0n),
  jlt: (a, b) => (a < b ? 1n : 0n),
  jle: (a, b) => (a <= b ? 1n : 0n),
  jset: (a, b) => ((a & b) !== 0n ? 1n : 0n),
  jsgt: (a, b, bits) => (s(bits, a) > s(bits, b) ? 1n : 0n),
  jsge: (a, b, bits) => (s(bits, a) >= s(bits, b) ? 1n : 0n),
  jslt: (a, b, bits) => (s(bits, a) < s(bits, b) ? 1n : 0n),
  jsle: (a, b, bits) => (s(bits, a) <= s(bits, b) ? 1n : 0n),
};

export function compare(op: string, a: bigint, b: bigint, bits: 32 | 64): bigint {
  return COMPARE[op](u(bits, a), u(bits, b), bits);
}

export const unsigned = u;
export const signed = s;
