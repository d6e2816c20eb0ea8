/**
 * Packets for programs of the contexts xdp and skb: a buffer with room around the packet, the context in front of it.
 * One packet at a time; the buffers are used again.
 */

import { CONTEXTS } from "../formats/container.ts";
import { layoutOf } from "../formats/contexts.ts";
import { InputError } from "../formats/error.ts";
import type { Word } from "../helpers/host.ts";
import type { EngineInstance } from "./engine/engine.ts";

/** Room in front of a packet and behind it: what Linux gives an XDP program, and the least that it has for the tail. */
const HEAD = 256;
const TAIL = 320;
export const MOST_PACKET = 65_535;
/** The three addresses in front of Linux's struct, and fields of struct __sk_buff in it. */
const COPY = 24;
const SKB = { len: COPY, protocol: COPY + 16, wireLength: COPY + 160 } as const;

export class Packets {
  private readonly call: (count: number, context: Word) => bigint;
  private readonly isSkb: boolean;
  private readonly context: Uint8Array;
  private readonly view: DataView;
  private readonly buffer = new Uint8Array(HEAD + MOST_PACKET + TAIL);
  private readonly start: number;
  private readonly address: Word;
  private dirty = false;

  /** Made by Instance.packets(). */
  constructor(call: (count: number, context: Word) => bigint, engine: EngineInstance, kind: number) {
    this.call = call;
    this.isSkb = kind === CONTEXTS.skb;
    this.context = new Uint8Array(layoutOf(kind)!.size);
    this.view = new DataView(this.context.buffer);
    this.start = Number(engine.expose(this.buffer, "packet"));
    this.address = engine.expose(this.context, "context");
  }

  /** What the packet may be moved in, for helpers. */
  room(context: Word): { start: bigint; end: bigint } | undefined {
    if (BigInt(context) !== BigInt(this.address)) return undefined;
    return { start: BigInt(this.start), end: BigInt(this.start + this.buffer.length) };
  }

  /** Runs the program over bytes [offset, offset + length) of `source`; r0 as an unsigned number. Throws as run does. */
  run(source: Uint8Array, offset = 0, length = source.length - offset): bigint {
    if (length > MOST_PACKET)
      throw new InputError("ERR_RUNBPF_ARGUMENT", {
        where: "packet",
        expected: `at most ${MOST_PACKET} bytes`,
        got: `${length}`,
      });
    const { buffer, view, context } = this;
    if (length < 64) for (let i = 0; i < length; i++) buffer[HEAD + i] = source[offset + i];
    else buffer.set(source.subarray(offset, offset + length), HEAD);
    if (this.dirty) context.fill(0, COPY);
    this.dirty = this.isSkb;
    const data = this.start + HEAD;
    this.setAddress(0, data);
    this.setAddress(8, data + length);
    this.setAddress(16, data);
    if (this.isSkb) {
      view.setUint32(SKB.len, length, true);
      view.setUint32(SKB.wireLength, length, true);
      // In network order, as it stands in the packet.
      if (length >= 14) view.setUint32(SKB.protocol, buffer[HEAD + 12] | (buffer[HEAD + 13] << 8), true);
    }
    return this.call(1, this.address);
  }

  /** Addresses are below 2^53: two words are faster than a bigint. */
  private setAddress(at: number, address: number): void {
    this.view.setUint32(at, address >>> 0, true);
    this.view.setUint32(at + 4, address / 2 ** 32, true);
  }

  /** The packet as the program left it: a view that the next run overwrites. */
  get packet(): Uint8Array {
    const [data, end] = [this.view.getBigUint64(0, true), this.view.getBigUint64(8, true)];
    return this.buffer.subarray(Number(data) - this.start, Number(end) - this.start);
  }
}
