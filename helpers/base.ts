/** Helpers with Linux's numbers and Linux's results: memory, time, identity, number parsing. */

import { bytes64, EFAULT, EINVAL, ERANGE, type Helper, RunError, u32, utf8, type Word } from "./host.ts";

/** A failed read leaves zeros, as in Linux. */
const probeRead: Helper = (ctx, to, size, from) => {
  const count = u32(size);
  try {
    ctx.write(to, ctx.read(from, count));
    return 0;
  } catch (error) {
    if (!(error instanceof RunError)) throw error;
    ctx.write(to, new Uint8Array(count));
    return -EFAULT;
  }
};

const pair = (high: number, low: number): Word => (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);

/** At most size - 1 bytes of the name; the rest of the buffer is zero. */
const currentComm: Helper = (ctx, to, size) => {
  const count = u32(size);
  if (count === 0) return -EINVAL;
  const buffer = new Uint8Array(Math.min(count, 65_536));
  buffer.set(utf8(ctx.comm).subarray(0, buffer.length - 1));
  ctx.write(to, buffer);
  return 0;
};

interface Parsed {
  /** Magnitude below 2^64, or an error number. */
  value: bigint;
  error: number;
  negative: boolean;
  consumed: number;
}

const isSpace = (byte: number): boolean => byte === 32 || (byte >= 9 && byte <= 13);

/** The value of a digit, 36 and more when it is none. */
function digit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const letter = byte | 32;
  return letter >= 97 && letter <= 122 ? letter - 87 : 36;
}

/** Base 0 takes 0x for hexadecimal and 0 for octal; base 16 skips 0x. [base, length of the prefix]. */
function radix(bytes: Uint8Array, at: number, base: number): [number, number] {
  const hex = bytes[at] === 48 && (bytes[at + 1] | 32) === 120;
  if (base === 0 && hex && digit(bytes[at + 2] ?? 0) < 16) return [16, 2];
  if (base === 0) return [bytes[at] === 48 ? 8 : 10, 0];
  return [base, base === 16 && hex ? 2 : 0];
}

/** Spaces, a minus, digits. */
function parse(bytes: Uint8Array, wanted: number): Parsed {
  let at = 0;
  while (at < bytes.length && isSpace(bytes[at])) at++;
  const negative = bytes[at] === 45;
  if (negative) at++;
  const [base, prefix] = radix(bytes, at, wanted);
  at += prefix;
  const start = at;
  let value = 0n;
  let error = EINVAL;
  for (; at < bytes.length && digit(bytes[at]) < base; at++) {
    if (value < 1n << 64n) value = value * BigInt(base) + BigInt(digit(bytes[at]));
    error = 0;
  }
  if (at > start && value >= 1n << 64n) error = ERANGE;
  return { value, error, negative, consumed: at };
}

/** Longer inputs are cut: no number takes more. */
const INPUT_LIMIT = 4096;

/** Both parsers: -EINVAL for other flags than a base or no digits, -ERANGE outside 64 bits; *result is 0 then. */
function parser(range: (parsed: Parsed) => bigint | number): Helper {
  return (ctx, from, size, flags, to) => {
    const base = typeof flags === "number" ? flags : -1;
    const count = Math.min(u32(size), INPUT_LIMIT);
    ctx.write(to, new Uint8Array(8));
    if (count === 0 || (base !== 0 && base !== 8 && base !== 10 && base !== 16)) return -EINVAL;
    const parsed = parse(ctx.read(from, count), base);
    if (parsed.error !== 0) return -parsed.error;
    const value = range(parsed);
    if (typeof value === "number") return value;
    ctx.write(to, bytes64(value));
    return parsed.consumed;
  };
}

const LIMIT = 1n << 63n;

const strtol = parser(({ value, negative }) => {
  if (value > LIMIT || (value === LIMIT && !negative)) return -ERANGE;
  return negative ? -value : value;
});

const strtoul = parser(({ value, negative }) => (negative ? -EINVAL : value));

/** Compares at most `size` bytes; the first string need not end with NUL. */
const strncmp: Helper = (ctx, a, size, b) => {
  const count = u32(size);
  const left = ctx.read(a, count);
  const right = ctx.cstring(b, count);
  for (let i = 0; i < count; i++) {
    const other = right[i] ?? 0;
    if (left[i] !== other) return left[i] < other ? -1 : 1;
    if (other === 0) return 0;
  }
  return 0;
};

export const base: Record<number, Helper> = {
  4: probeRead,
  5: (ctx) => ctx.now(),
  7: (ctx) => ctx.random32(),
  8: (ctx) => ctx.cpu(),
  14: (ctx) => pair(ctx.pid, ctx.tid),
  15: (ctx) => pair(ctx.gid, ctx.uid),
  16: currentComm,
  105: strtol,
  106: strtoul,
  182: strncmp,
};
