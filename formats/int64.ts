/**
 * 64-bit integers as two signed 32-bit halves, for constants in the compiler. A result's low half is returned
 * and its high half left in `high` (no allocation); read `high` before the next call.
 */

export let high = 0;

/** Whether a signed 32-bit field holds `n`. */
export const fitsInt32 = (n: number): boolean => n === (n | 0);

/** The signed 32-bit number `n` extended to 64 bits. */
export function sext32(n: number): number {
  high = n >> 31;
  return n | 0;
}

export function add(al: number, ah: number, bl: number, bh: number): number {
  const low = (al + bl) | 0;
  const carry = low >>> 0 < al >>> 0 ? 1 : 0;
  high = (ah + bh + carry) | 0;
  return low;
}

export function sub(al: number, ah: number, bl: number, bh: number): number {
  const borrow = al >>> 0 < bl >>> 0 ? 1 : 0;
  high = (ah - bh - borrow) | 0;
  return (al - bl) | 0;
}

export function shl(al: number, ah: number, count: number): number {
  const n = count & 63;
  if (n === 0) {
    high = ah;
    return al;
  }
  if (n >= 32) {
    high = al << (n - 32);
    return 0;
  }
  high = (ah << n) | (al >>> (32 - n));
  return al << n;
}

export function lshr(al: number, ah: number, count: number): number {
  const n = count & 63;
  if (n === 0) {
    high = ah;
    return al;
  }
  if (n >= 32) {
    high = 0;
    return (ah >>> (n - 32)) | 0;
  }
  high = (ah >>> n) | 0;
  return (al >>> n) | (ah << (32 - n));
}

export function ashr(al: number, ah: number, count: number): number {
  const n = count & 63;
  if (n === 0) {
    high = ah;
    return al;
  }
  if (n >= 32) {
    high = ah >> 31;
    return ah >> (n - 32);
  }
  high = ah >> n;
  return (al >>> n) | (ah << (32 - n));
}

/** Multiplication, division and byte order of constants are rare: BigInt is fine there. */
export const toBig = (lo: number, hi: number): bigint => (BigInt(hi) << 32n) | BigInt(lo >>> 0);

export function fromBig(value: bigint): number {
  high = Number(BigInt.asIntN(32, value >> 32n));
  return Number(BigInt.asIntN(32, value));
}

/** a < b, unsigned. */
export const ult = (al: number, ah: number, bl: number, bh: number): boolean =>
  ah === bh ? al >>> 0 < bl >>> 0 : ah >>> 0 < bh >>> 0;

/** a < b, signed. */
export const slt = (al: number, ah: number, bl: number, bh: number): boolean =>
  ah === bh ? al >>> 0 < bl >>> 0 : ah < bh;

/** log2 of a power of two, or -1. */
export function log2(lo: number, hi: number): number {
  const l = lo >>> 0;
  const h = hi >>> 0;
  if (h === 0) return l !== 0 && (l & (l - 1)) === 0 ? 31 - Math.clz32(l) : -1;
  return l === 0 && (h & (h - 1)) === 0 ? 63 - Math.clz32(h) : -1;
}

/** Zeros below the lowest one; 64 of zero. */
export function ctz(lo: number, hi: number): number {
  const word = lo === 0 ? hi : lo;
  return word === 0 ? 64 : 31 - Math.clz32(word & -word) + (lo === 0 ? 32 : 0);
}

/** "-5" or "0x123456789": short for people. */
export function format64(lo: number, hi: number): string {
  if (hi === lo >> 31) return String(lo);
  return "0x" + BigInt.asUintN(64, toBig(lo, hi)).toString(16);
}
