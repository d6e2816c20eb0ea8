/** Packets of the contexts xdp and skb: r1 points to { u64 data; u64 data_end; } (formats/README.md). */

import {
  EFAULT,
  EINVAL,
  ENOMEM,
  type Helper,
  type HelperContext,
  i32,
  sizeOf,
  u32,
  type Word,
} from "./host.ts";

/** Address of the first byte of a packet, and its size. */
function packetAt(ctx: HelperContext, address: Word): { data: bigint; size: bigint } {
  const pair = ctx.read(address, 16);
  const view = new DataView(pair.buffer, pair.byteOffset);
  const data = view.getBigUint64(0, true);
  return { data, size: view.getBigUint64(8, true) - data };
}

/** Bytes at `offset`, signed, in network order; -EFAULT when they are not all in the packet. */
const load: Helper = (ctx, context, offset, size) => {
  const count = sizeOf(size);
  if (count !== 1 && count !== 2 && count !== 4) return -EINVAL;
  const packet = packetAt(ctx, context);
  const at = BigInt.asIntN(64, BigInt(offset));
  if (at < 0n || at + BigInt(count) > packet.size) return -EFAULT;
  return ctx.read(packet.data + at, count).reduce((word, byte) => word * 256 + byte, 0);
};

/** The pair of addresses, and the bytes between them that an access touches; undefined where not all are in the packet. */
function within(ctx: HelperContext, context: Word, offset: Word, size: number): bigint | undefined {
  const packet = packetAt(ctx, context);
  const at = BigInt(u32(offset));
  return at + BigInt(size) <= packet.size ? packet.data + at : undefined;
}

const loadBytes: Helper = (ctx, context, offset, to, size) => {
  const count = u32(size);
  const at = within(ctx, context, offset, count);
  if (at === undefined) return -EFAULT;
  ctx.write(to, ctx.read(at, count));
  return 0;
};

const storeBytes: Helper = (ctx, context, offset, from, size) => {
  const count = u32(size);
  const at = within(ctx, context, offset, count);
  if (at === undefined) return -EFAULT;
  ctx.write(at, ctx.read(from, count));
  return 0;
};

/** Linux's enum bpf_hdr_start_off. */
const START_NETWORK = 1;
const ETHERNET = 14;
const loadRelative: Helper = (ctx, context, offset, to, size) =>
  loadBytes(ctx, context, u32(offset) + ETHERNET, to, size, 0);

const DATA = 0,
  END = 8,
  META = 16; // prettier-ignore
/** Bytes that a packet keeps: an Ethernet header. */
const LEAST = 14n;
/** Metadata in front of a packet: a multiple of 4, below 32 in Linux's generic mode and here. */
const MOST_META = 32n;

/** Moves one or two of a context's addresses, when the new ones are in order. */
function move(
  ctx: HelperContext,
  context: Word,
  change: (at: { data: bigint; end: bigint; meta: bigint }) => void,
): number {
  const room = ctx.room(context);
  if (room === undefined) return -EINVAL;
  const bytes = ctx.read(context, 24);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const at = {
    data: view.getBigUint64(DATA, true),
    end: view.getBigUint64(END, true),
    meta: view.getBigUint64(META, true),
  };
  const before = at.end;
  change(at);
  if (at.meta < room.start || at.meta > at.data || at.end > room.end || at.end - at.data < LEAST)
    return -EINVAL;
  if (at.data - at.meta > MOST_META || (at.data - at.meta) % 4n !== 0n) return -EINVAL;
  // What a packet grows by at its end reads as zeros.
  if (at.end > before) ctx.write(before, new Uint8Array(Number(at.end - before)));
  view.setBigUint64(DATA, at.data, true);
  view.setBigUint64(END, at.end, true);
  view.setBigUint64(META, at.meta, true);
  ctx.write(context, bytes);
  return 0;
}

const adjustHead: Helper = (ctx, context, delta) =>
  move(ctx, context, (at) => {
    const by = BigInt(i32(delta));
    at.data += by;
    at.meta += by;
  });
const adjustTail: Helper = (ctx, context, delta) =>
  move(ctx, context, (at) => {
    at.end += BigInt(i32(delta));
  });
const adjustMeta: Helper = (ctx, context, delta) =>
  move(ctx, context, (at) => {
    at.meta += BigInt(i32(delta));
  });

/** Adds in one's complement: a carry out of the top comes in again at the bottom (RFC 1071). */
function add32(a: number, b: number): number {
  const sum = a + b;
  return sum > 0xffff_ffff ? (sum - 0xffff_ffff) >>> 0 : sum;
}
function fold16(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded & 0xffff) + Math.floor(folded / 0x10000);
  return folded;
}

function sumWords(bytes: Uint8Array, seed: number, flip: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let sum = seed;
  for (let i = 0; i < bytes.length; i += 4) sum = add32(sum, (view.getUint32(i, true) ^ flip) >>> 0);
  return sum;
}

/** Linux takes blocks of up to 512 bytes in all. */
const MOST_DIFF = 512;
const checksumDiff: Helper = (ctx, from, fromSize, to, toSize, seed) => {
  const [old, now] = [u32(fromSize), u32(toSize)];
  if (old % 4 !== 0 || now % 4 !== 0 || old + now > MOST_DIFF) return -EINVAL;
  const sum = old > 0 ? sumWords(ctx.read(from, old), u32(seed), -1) : u32(seed);
  return now > 0 ? sumWords(ctx.read(to, now), sum, 0) : sum;
};

const SIZE = 0xf,
  MANGLED_0 = 0x20,
  ENFORCE = 0x40,
  PSEUDO = 0x10; // prettier-ignore

/** The checksum at `offset` with one value in it replaced by another; size 0: `to` is a difference already. */
function replace(
  ctx: HelperContext,
  context: Word,
  offset: Word,
  from: Word,
  to: Word,
  flags: number,
): number {
  const size = flags & SIZE;
  if (u32(offset) % 2 !== 0 || (size !== 0 && size !== 2 && size !== 4) || (size === 0 && u32(from) !== 0))
    return -EINVAL;
  const at = within(ctx, context, offset, 2);
  if (at === undefined) return -EFAULT;
  const bytes = ctx.read(at, 2);
  const old = bytes[0] | (bytes[1] << 8);
  if ((flags & MANGLED_0) !== 0 && (flags & ENFORCE) === 0 && old === 0) return 0;
  const mask = size === 2 ? 0xffff : 0xffff_ffff;
  let sum = add32(~old & 0xffff, (u32(to) & mask) >>> 0);
  if (size !== 0) sum = add32(sum, (~u32(from) & mask) >>> 0);
  let now = ~fold16(sum) & 0xffff;
  if (now === 0 && (flags & MANGLED_0) !== 0) now = 0xffff;
  ctx.write(at, new Uint8Array([now & 255, now >> 8]));
  return 0;
}

const replaceL3: Helper = (ctx, context, offset, from, to, flags) =>
  (u32(flags) & ~SIZE) !== 0 ? -EINVAL : replace(ctx, context, offset, from, to, u32(flags));
const replaceL4: Helper = (ctx, context, offset, from, to, flags) =>
  (u32(flags) & ~(SIZE | MANGLED_0 | ENFORCE | PSEUDO)) !== 0
    ? -EINVAL
    : replace(ctx, context, offset, from, to, u32(flags));

export const packet: Record<number, Helper> = {
  9: (ctx, context, offset, from, size, flags) =>
    u32(flags) > 3 ? -EINVAL : storeBytes(ctx, context, offset, from, size, 0),
  10: replaceL3,
  11: replaceL4,
  26: loadBytes,
  28: checksumDiff,
  // All of a packet is directly accessible.
  39: (ctx, context, size) => (BigInt(u32(size)) > packetAt(ctx, context).size ? -ENOMEM : 0),
  44: adjustHead,
  54: adjustMeta,
  65: adjustTail,
  68: (ctx, context, offset, to, size, start) =>
    (u32(start) === START_NETWORK ? loadRelative : loadBytes)(ctx, context, offset, to, size, 0),
  188: (ctx, context) => packetAt(ctx, context).size,
  189: loadBytes,
  190: storeBytes,
  1000600: load,
};
