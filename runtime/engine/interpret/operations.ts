/**
 * What each operation of the instruction table does to 64-bit values in two words (RFC 9669 sections 4 and 5):
 * the reference semantics. `d` and `s` are indexes of low words; the high word follows.
 */

import * as i64 from "../../../formats/int64.ts";

/** Writes the result of words[d] op words[s] to words[d]. */
export type Operation = (words: Int32Array, d: number, s: number) => void;

/** The upper 32 bits of the product of two unsigned 32-bit numbers. */
function multiplyHigh(a: number, b: number): number {
  const [al, ah, bl, bh] = [a & 0xffff, a >>> 16, b & 0xffff, b >>> 16];
  const middle = ah * bl + ((al * bl) >>> 16);
  const cross = al * bh + (middle & 0xffff);
  return (ah * bh + Math.floor(middle / 65536) + Math.floor(cross / 65536)) | 0;
}

/** Unsigned quotient or remainder; a double is exact below 2^53, larger operands take BigInt. */
function divideUnsigned(w: Int32Array, d: number, s: number, modulo: boolean): void {
  const [dl, dh, sl, sh] = [w[d] >>> 0, w[d + 1] >>> 0, w[s] >>> 0, w[s + 1] >>> 0];
  if (sl === 0 && sh === 0) {
    if (!modulo) w[d] = w[d + 1] = 0;
    return;
  }
  if (dh < 0x200000 && sh < 0x200000) {
    const a = dh * 2 ** 32 + dl;
    const b = sh * 2 ** 32 + sl;
    const result = modulo ? a % b : Math.floor(a / b);
    w[d] = (result % 2 ** 32) | 0;
    w[d + 1] = (result / 2 ** 32) | 0;
    return;
  }
  const a = (BigInt(dh) << 32n) | BigInt(dl);
  const b = (BigInt(sh) << 32n) | BigInt(sl);
  w[d] = i64.fromBig(modulo ? a % b : a / b);
  w[d + 1] = i64.high;
}

function divideSigned(w: Int32Array, d: number, s: number, modulo: boolean): void {
  const a = i64.toBig(w[d], w[d + 1]);
  const b = i64.toBig(w[s], w[s + 1]);
  if (b === 0n) {
    if (!modulo) w[d] = w[d + 1] = 0;
    return;
  }
  w[d] = i64.fromBig(modulo ? a % b : a / b);
  w[d + 1] = i64.high;
}

export const ALU64: Record<string, Operation> = {
  mov: (w, d, s) => {
    w[d] = w[s];
    w[d + 1] = w[s + 1];
  },
  add: (w, d, s) => {
    const a = w[d];
    const low = (a + w[s]) | 0;
    w[d + 1] = w[d + 1] + w[s + 1] + (low >>> 0 < a >>> 0 ? 1 : 0);
    w[d] = low;
  },
  sub: (w, d, s) => {
    const [a, b] = [w[d], w[s]];
    w[d + 1] = w[d + 1] - w[s + 1] - (a >>> 0 < b >>> 0 ? 1 : 0);
    w[d] = a - b;
  },
  mul: (w, d, s) => {
    const [al, ah, bl, bh] = [w[d], w[d + 1], w[s], w[s + 1]];
    w[d] = Math.imul(al, bl);
    w[d + 1] = multiplyHigh(al, bl) + Math.imul(al, bh) + Math.imul(ah, bl);
  },
  or: (w, d, s) => {
    w[d] |= w[s];
    w[d + 1] |= w[s + 1];
  },
  and: (w, d, s) => {
    w[d] &= w[s];
    w[d + 1] &= w[s + 1];
  },
  xor: (w, d, s) => {
    const [low, high] = [w[s], w[s + 1]];
    w[d] ^= low;
    w[d + 1] ^= high;
  },
  lsh: (w, d, s) => {
    const low = i64.shl(w[d], w[d + 1], w[s]);
    w[d + 1] = i64.high;
    w[d] = low;
  },
  rsh: (w, d, s) => {
    const low = i64.lshr(w[d], w[d + 1], w[s]);
    w[d + 1] = i64.high;
    w[d] = low;
  },
  arsh: (w, d, s) => {
    const low = i64.ashr(w[d], w[d + 1], w[s]);
    w[d + 1] = i64.high;
    w[d] = low;
  },
  div: (w, d, s) => divideUnsigned(w, d, s, false),
  mod: (w, d, s) => divideUnsigned(w, d, s, true),
  sdiv: (w, d, s) => divideSigned(w, d, s, false),
  smod: (w, d, s) => divideSigned(w, d, s, true),
  neg: (w, d) => {
    const low = w[d];
    w[d] = -low;
    w[d + 1] = ~w[d + 1] + (low === 0 ? 1 : 0);
  },
};

/** 32-bit operations clear the upper half. */
const narrow =
  (compute: (a: number, b: number) => number): Operation =>
  (w, d, s) => {
    w[d] = compute(w[d], w[s]);
    w[d + 1] = 0;
  };

export const ALU32: Record<string, Operation> = {
  mov: narrow((_, b) => b),
  add: narrow((a, b) => a + b),
  sub: narrow((a, b) => a - b),
  mul: narrow((a, b) => Math.imul(a, b)),
  or: narrow((a, b) => a | b),
  and: narrow((a, b) => a & b),
  xor: narrow((a, b) => a ^ b),
  lsh: narrow((a, b) => a << (b & 31)),
  rsh: narrow((a, b) => a >>> (b & 31)),
  arsh: narrow((a, b) => a >> (b & 31)),
  div: narrow((a, b) => (b === 0 ? 0 : (a >>> 0) / (b >>> 0))),
  mod: narrow((a, b) => (b === 0 ? a : (a >>> 0) % (b >>> 0))),
  sdiv: narrow((a, b) => (b === 0 ? 0 : a / b)),
  smod: narrow((a, b) => (b === 0 ? a : a % b)),
  neg: narrow((a) => -a),
};

/** Sign-extending moves by source size. */
export function extendSign(bytes: number, wide: boolean): Operation {
  const shift = 32 - 8 * bytes;
  return (w, d, s) => {
    const low = (w[s] << shift) >> shift;
    w[d] = low;
    w[d + 1] = wide ? low >> 31 : 0;
  };
}

const swap32 = (n: number) => (n << 24) | ((n & 0xff00) << 8) | ((n >>> 8) & 0xff00) | (n >>> 24);

/** le, be and bswap on a little-endian machine. */
export function byteOrder(op: string, width: number): Operation {
  if (op === "le")
    return (w, d) => {
      if (width === 16) w[d] &= 0xffff;
      if (width < 64) w[d + 1] = 0;
    };
  return (w, d) => {
    const [low, high] = [w[d], w[d + 1]];
    w[d] = width === 64 ? swap32(high) : width === 32 ? swap32(low) : swap32(low) >>> 16;
    w[d + 1] = width === 64 ? swap32(low) : 0;
  };
}

/** A condition on words[a] and words[b]. */
export type Condition = (words: Int32Array, a: number, b: number) => boolean;

export const JUMP64: Record<string, Condition> = {
  jeq: (w, a, b) => w[a] === w[b] && w[a + 1] === w[b + 1],
  jne: (w, a, b) => w[a] !== w[b] || w[a + 1] !== w[b + 1],
  jset: (w, a, b) => (w[a] & w[b]) !== 0 || (w[a + 1] & w[b + 1]) !== 0,
  jlt: (w, a, b) => i64.ult(w[a], w[a + 1], w[b], w[b + 1]),
  jge: (w, a, b) => !i64.ult(w[a], w[a + 1], w[b], w[b + 1]),
  jgt: (w, a, b) => i64.ult(w[b], w[b + 1], w[a], w[a + 1]),
  jle: (w, a, b) => !i64.ult(w[b], w[b + 1], w[a], w[a + 1]),
  jslt: (w, a, b) => i64.slt(w[a], w[a + 1], w[b], w[b + 1]),
  jsge: (w, a, b) => !i64.slt(w[a], w[a + 1], w[b], w[b + 1]),
  jsgt: (w, a, b) => i64.slt(w[b], w[b + 1], w[a], w[a + 1]),
  jsle: (w, a, b) => !i64.slt(w[b], w[b + 1], w[a], w[a + 1]),
};

export const JUMP32: Record<string, Condition> = {
  jeq: (w, a, b) => w[a] === w[b],
  jne: (w, a, b) => w[a] !== w[b],
  jset: (w, a, b) => (w[a] & w[b]) !== 0,
  jlt: (w, a, b) => w[a] >>> 0 < w[b] >>> 0,
  jge: (w, a, b) => w[a] >>> 0 >= w[b] >>> 0,
  jgt: (w, a, b) => w[a] >>> 0 > w[b] >>> 0,
  jle: (w, a, b) => w[a] >>> 0 <= w[b] >>> 0,
  jslt: (w, a, b) => w[a] < w[b],
  jsge: (w, a, b) => w[a] >= w[b],
  jsgt: (w, a, b) => w[a] > w[b],
  jsle: (w, a, b) => w[a] <= w[b],
};
