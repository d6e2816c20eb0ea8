/** C's memory and string functions over a program's memory. */

import { type Helper, i32, sizeOf, u32 } from "./host.ts";

/** The blocks may overlap: the source is copied first. */
const move: Helper = (ctx, to, from, size) => {
  const count = sizeOf(size);
  if (count > 0) ctx.write(to, ctx.read(from, count));
  return to;
};

const memset: Helper = (ctx, to, byte, size) => {
  const count = sizeOf(size);
  if (count === 0) return to;
  const bytes = ctx.read(to, count); // checks the range before anything of that size is made
  ctx.write(to, bytes.fill(u32(byte) & 255));
  return to;
};

/** -1, 0 or 1; a missing byte counts as NUL. */
function compare(a: Uint8Array, b: Uint8Array): number {
  const count = Math.max(a.length, b.length);
  for (let i = 0; i < count; i++) {
    const [left, right] = [a[i] ?? 0, b[i] ?? 0];
    if (left !== right) return left < right ? -1 : 1;
  }
  return 0;
}

const memcmp: Helper = (ctx, a, b, size) => {
  const count = sizeOf(size);
  return count === 0 ? 0 : compare(ctx.read(a, count), ctx.read(b, count));
};

const INT64_MAX = (1n << 63n) - 1n;

/** As C: (int)strtol(text, NULL, 10), which saturates at 64 bits before it is cut to 32. */
const atoi: Helper = (ctx, address) => {
  const bytes = ctx.cstring(address);
  let at = 0;
  while (bytes[at] === 32 || (bytes[at] >= 9 && bytes[at] <= 13)) at++;
  const negative = bytes[at] === 45;
  if (negative || bytes[at] === 43) at++;
  let value = 0;
  const start = at;
  for (; bytes[at] >= 48 && bytes[at] <= 57; at++) value = 10 * value + bytes[at] - 48;
  if (value <= Number.MAX_SAFE_INTEGER) return (negative ? -value : value) | 0;
  const exact = BigInt(String.fromCharCode(...bytes.subarray(start, Math.min(at, start + 4096))));
  if (exact > INT64_MAX) return negative ? 0 : -1;
  return i32(negative ? -exact : exact);
};

export const strings: Record<number, Helper> = {
  1000300: move, // memcpy
  1000301: memset,
  1000302: move, // memmove
  1000303: memcmp,
  1000304: (ctx, text) => ctx.cstring(text).length,
  1000305: (ctx, a, b) => compare(ctx.cstring(a), ctx.cstring(b)),
  1000306: (ctx, a, b, size) => compare(ctx.cstring(a, sizeOf(size)), ctx.cstring(b, sizeOf(size))),
  1000307: atoi,
};
