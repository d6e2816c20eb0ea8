/** Packets of the contexts xdp and skb: r1 points to { u64 data; u64 data_end; } (formats/README.md). */

import { EFAULT, EINVAL, type Helper, type HelperContext, sizeOf, type Word } from "./host.ts";

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

export const packet: Record<number, Helper> = { 1000600: load };
