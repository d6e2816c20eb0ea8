/**
 * Capture files: pcap (both byte orders, micro- and nanoseconds) and pcapng (section header, interface description,
 * enhanced, simple and obsolete packet blocks). The reader walks over packets without copying them; every length is
 * checked against the file.
 */

import { InputError } from "./error.ts";

export type CaptureFormat = "pcap" | "pcapng";

const MICRO = 0xa1b2c3d4;
const NANO = 0xa1b23c4d;
const PCAP_HEADER = 24;
const PCAP_RECORD = 16;
/** Longest packet that is taken: what libpcap takes. */
const MOST_BYTES = 262_144;

const BLOCK = { section: 0x0a0d0d0a, interface: 1, obsolete: 2, simple: 3, enhanced: 6 } as const;
const BYTE_ORDER = 0x1a2b3c4d;

/** One packet after the other: next() moves on, the fields tell of the packet at hand. */
export class CaptureReader {
  readonly format: CaptureFormat;
  /** What the captured bytes start with: 1 = Ethernet, 101 = IP, … (tcpdump.org/linktypes.html); of the packet at hand. */
  linkType = 0;
  /** Of the captured bytes in the file. */
  offset = 0;
  length = 0;
  /** Bytes that the packet had on its way. */
  original = 0;
  /** Where the whole record or block lies in the file. */
  recordAt = 0;
  recordSize = 0;
  readonly little: boolean;
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private readonly where: string;
  private at: number;
  private interfaces: { linkType: number; limit: number }[] = [];
  private inner: boolean;

  /** Throws ERR_RUNBPF_FILE for what is no capture file. */
  constructor(bytes: Uint8Array, where: string) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.where = where;
    const magic = bytes.length >= 4 ? this.view.getUint32(0, true) : 0;
    const swapped = bytes.length >= 4 ? this.view.getUint32(0, false) : 0;
    if (magic === BLOCK.section) {
      this.format = "pcapng";
      this.little = true;
      this.inner = true;
      this.at = 0;
      return;
    }
    this.format = "pcap";
    this.little = magic === MICRO || magic === NANO;
    this.inner = this.little;
    if (!this.little && swapped !== MICRO && swapped !== NANO)
      this.fail(
        0,
        "a capture file (pcap or pcapng)",
        bytes.length < 4 ? `${bytes.length} bytes` : hexWord(magic),
      );
    if (bytes.length < PCAP_HEADER) this.fail(0, `a header of ${PCAP_HEADER} bytes`, `${bytes.length} bytes`);
    if (this.u16(4) !== 2) this.fail(4, "pcap version 2", `${this.u16(4)}`);
    this.linkType = this.u32(20) & 0xffff;
    this.at = PCAP_HEADER;
  }

  private fail(at: number, expected: string, got: string): never {
    throw new InputError("ERR_RUNBPF_FILE", { where: `${this.where}+0x${at.toString(16)}`, expected, got });
  }

  private u32(at: number): number {
    return this.view.getUint32(at, this.inner);
  }

  private u16(at: number): number {
    return this.view.getUint16(at, this.inner);
  }

  /** The header of a pcap file, which a copy needs too. */
  get header(): Uint8Array {
    return this.bytes.subarray(0, this.format === "pcap" ? PCAP_HEADER : 0);
  }

  /** The record or block of the packet at hand. */
  get record(): Uint8Array {
    return this.bytes.subarray(this.recordAt, this.recordAt + this.recordSize);
  }

  /** Moves to the next packet; false at the end. Throws ERR_RUNBPF_FILE where the file is damaged. */
  next(): boolean {
    return this.format === "pcap" ? this.nextRecord() : this.nextBlock();
  }

  private nextRecord(): boolean {
    const { at, bytes } = this;
    if (at === bytes.length) return false;
    if (at + PCAP_RECORD > bytes.length) this.fail(at, "a packet record", `${bytes.length - at} bytes`);
    this.recordAt = at;
    this.length = this.u32(at + 8);
    this.original = this.u32(at + 12);
    this.offset = at + PCAP_RECORD;
    this.recordSize = PCAP_RECORD + this.length;
    this.check(at + this.recordSize);
    this.at = at + this.recordSize;
    return true;
  }

  private check(end: number): void {
    if (this.length > MOST_BYTES)
      this.fail(this.recordAt, `a packet of at most ${MOST_BYTES} bytes`, `${this.length}`);
    if (end > this.bytes.length)
      this.fail(this.recordAt, `a packet of ${this.length} bytes`, "the end of the file");
  }

  private nextBlock(): boolean {
    for (;;) {
      const { at, bytes } = this;
      if (at === bytes.length) return false;
      if (at + 12 > bytes.length) this.fail(at, "a block", `${bytes.length - at} bytes`);
      const isSection = this.view.getUint32(at, true) === BLOCK.section;
      if (isSection) this.startSection(at);
      const size = this.u32(at + 4);
      if (size < 12 || size % 4 !== 0 || at + size > bytes.length)
        this.fail(at + 4, `a block of 12 … ${bytes.length - at} bytes, a multiple of 4`, `${size}`);
      if (this.u32(at + size - 4) !== size)
        this.fail(at + size - 4, `the block's size ${size} again`, `${this.u32(at + size - 4)}`);
      this.at = at + size;
      const type = this.u32(at);
      if (!isSection && type === BLOCK.interface) this.addInterface(at, size);
      else if (!isSection && this.isPacket(type, at, size)) return true;
    }
  }

  private startSection(at: number): void {
    if (at + 28 > this.bytes.length)
      this.fail(at, "a section header of 28 bytes", `${this.bytes.length - at}`);
    const order = this.view.getUint32(at + 8, true);
    this.inner = order === BYTE_ORDER;
    if (!this.inner && this.view.getUint32(at + 8, false) !== BYTE_ORDER)
      this.fail(at + 8, `byte order mark ${hexWord(BYTE_ORDER)}`, hexWord(order));
    this.interfaces = [];
  }

  private addInterface(at: number, size: number): void {
    if (size < 20) this.fail(at, "an interface block of 20 bytes or more", `${size}`);
    this.interfaces.push({ linkType: this.u16(at + 8), limit: this.u32(at + 12) });
  }

  private isPacket(type: number, at: number, size: number): boolean {
    const head = type === BLOCK.enhanced || type === BLOCK.obsolete ? 28 : type === BLOCK.simple ? 12 : 0;
    if (head === 0) return false;
    if (size < head + 4) this.fail(at, `a packet block of ${head + 4} bytes or more`, `${size}`);
    const which = type === BLOCK.enhanced ? this.u32(at + 8) : type === BLOCK.obsolete ? this.u16(at + 8) : 0;
    const from = this.interfaces[which];
    if (from === undefined) this.fail(at + 8, "an interface that was described", `${which}`);
    this.recordAt = at;
    this.recordSize = size;
    this.offset = at + head;
    this.linkType = from.linkType;
    this.original = this.u32(at + (head === 12 ? 8 : 24));
    const room = size - head - 4;
    this.length = head === 12 ? Math.min(this.original, room, from.limit || room) : this.u32(at + 20);
    if (this.length > room) this.fail(at, `a packet of at most ${room} bytes`, `${this.length}`);
    this.check(at + size);
    return true;
  }
}

const hexWord = (word: number): string => `0x${word.toString(16).padStart(8, "0")}`;

/**
 * The record of a packet with other bytes, as the file that it came from has it: the time stamp and the interface stay,
 * options of pcapng go.
 */
export function copyRecord(reader: CaptureReader, packet: Uint8Array): Uint8Array {
  const { record, format, original } = reader;
  const old = new DataView(record.buffer, record.byteOffset, record.byteLength);
  const little = format === "pcap" ? reader.little : old.getUint32(4, true) === record.length;
  const longer = Math.max(original, packet.length);
  if (format === "pcap") {
    const made = new Uint8Array(PCAP_RECORD + packet.length);
    const view = new DataView(made.buffer);
    made.set(record.subarray(0, 8));
    view.setUint32(8, packet.length, little);
    view.setUint32(12, longer, little);
    made.set(packet, PCAP_RECORD);
    return made;
  }
  const isSimple = old.getUint32(0, little) === BLOCK.simple;
  const head = isSimple ? 12 : 28;
  const size = head + Math.ceil(packet.length / 4) * 4 + 4;
  const made = new Uint8Array(size);
  const view = new DataView(made.buffer);
  made.set(record.subarray(0, head));
  view.setUint32(4, size, little);
  if (!isSimple) view.setUint32(20, packet.length, little);
  view.setUint32(isSimple ? 8 : 24, isSimple ? packet.length : longer, little);
  made.set(packet, head);
  view.setUint32(size - 4, size, little);
  return made;
}

/** A new pcap file with one packet after the other, for those who make captures: microseconds, Ethernet. */
export function writePcap(
  packets: Iterable<{ bytes: Uint8Array; seconds?: number }>,
  linkType = 1,
): Uint8Array {
  const list = [...packets];
  const size = list.reduce((sum, { bytes }) => sum + PCAP_RECORD + bytes.length, PCAP_HEADER);
  const file = new Uint8Array(size);
  const view = new DataView(file.buffer);
  for (const [at, word] of [
    [0, MICRO],
    [16, MOST_BYTES],
    [20, linkType],
  ] as const)
    view.setUint32(at, word, true); // prettier-ignore
  view.setUint16(4, 2, true);
  view.setUint16(6, 4, true);
  let at = PCAP_HEADER;
  for (const { bytes, seconds = 0 } of list) {
    view.setUint32(at, Math.floor(seconds), true);
    view.setUint32(at + 4, Math.round((seconds % 1) * 1e6), true);
    view.setUint32(at + 8, bytes.length, true);
    view.setUint32(at + 12, bytes.length, true);
    file.set(bytes, at + PCAP_RECORD);
    at += PCAP_RECORD + bytes.length;
  }
  return file;
}
