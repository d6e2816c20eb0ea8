/** Little-endian reading and writing of untrusted bytes: every read is checked and an overrun names its place. */

import { type ErrorCode, InputError } from "./error.ts";

export const hex = (n: number): string => `0x${n.toString(16)}`;

/** Rounds `n` (0 … 2^53) up to a multiple of `to`. */
export const align = (n: number, to: number): number => Math.ceil(n / to) * to;

/** Reads fields of `bytes`; `where` opens every message ("prog.o: section header 3"). */
export class Reader {
  readonly bytes: Uint8Array;
  readonly where: string;
  readonly code: ErrorCode;
  private readonly view: DataView;

  constructor(bytes: Uint8Array, where: string, code: ErrorCode) {
    this.bytes = bytes;
    this.where = where;
    this.code = code;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get size(): number {
    return this.bytes.length;
  }

  fail(at: number, expected: string, got: string, hint?: string): never {
    throw new InputError(this.code, { where: `${this.where}+${hex(at)}`, expected, got, hint });
  }

  private need(at: number, count: number, what: string): void {
    if (!(at >= 0 && count >= 0 && at + count <= this.size))
      this.fail(at, `${count} bytes (${what})`, `${Math.max(0, this.size - at)} left`);
  }

  u8(at: number, what: string): number {
    this.need(at, 1, what);
    return this.view.getUint8(at);
  }

  u16(at: number, what: string): number {
    this.need(at, 2, what);
    return this.view.getUint16(at, true);
  }

  u32(at: number, what: string): number {
    this.need(at, 4, what);
    return this.view.getUint32(at, true);
  }

  i32(at: number, what: string): number {
    this.need(at, 4, what);
    return this.view.getInt32(at, true);
  }

  /** A 64-bit field that must fit the 2^53 integers of a number (file offsets, sizes, addresses). */
  u64(at: number, what: string): number {
    this.need(at, 8, what);
    const value = this.view.getUint32(at, true) + this.view.getUint32(at + 4, true) * 2 ** 32;
    if (!Number.isSafeInteger(value)) this.fail(at, `${what} below 2^53`, `about ${value.toExponential(3)}`);
    return value;
  }

  slice(at: number, count: number, what: string): Uint8Array {
    this.need(at, count, what);
    return this.bytes.subarray(at, at + count);
  }

  /** A NUL-terminated UTF-8 string; one that does not end inside the bytes is refused. */
  cstring(at: number, what: string): string {
    this.need(at, 1, what);
    const end = this.bytes.indexOf(0, at);
    if (end < 0) this.fail(at, `a NUL-terminated ${what}`, "no NUL before the end");
    return new TextDecoder().decode(this.bytes.subarray(at, end));
  }
}

/** A growing little-endian buffer. */
export class Writer {
  private buffer: Uint8Array;
  private view: DataView;
  size = 0;

  constructor(capacity = 256) {
    this.buffer = new Uint8Array(capacity);
    this.view = new DataView(this.buffer.buffer);
  }

  private grow(count: number): number {
    const at = this.size;
    this.size += count;
    if (this.size > this.buffer.length) {
      const bigger = new Uint8Array(Math.max(this.size, this.buffer.length * 2));
      bigger.set(this.buffer);
      this.buffer = bigger;
      this.view = new DataView(bigger.buffer);
    }
    return at;
  }

  u8(value: number): void {
    const at = this.grow(1);
    this.buffer[at] = value;
  }

  u16(value: number): void {
    const at = this.grow(2);
    this.view.setUint16(at, value, true);
  }

  u32(value: number): void {
    const at = this.grow(4);
    this.view.setUint32(at, value, true);
  }

  bytes(value: Uint8Array): void {
    const at = this.grow(value.length);
    this.buffer.set(value, at);
  }

  /** Appends `fill` bytes until the size is a multiple of `to`. */
  align(to: number, fill = 0): void {
    const count = align(this.size, to) - this.size;
    const at = this.grow(count);
    this.buffer.fill(fill, at, at + count);
  }

  patch32(at: number, value: number): void {
    this.view.setUint32(at, value, true);
  }

  /** The bytes written so far, as a copy of exactly their size. */
  finish(): Uint8Array {
    return this.buffer.slice(0, this.size);
  }
}

const CRC = new Uint32Array(256).map((_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

/** CRC-32 (IEEE 802.3, as in zlib) of `bytes`, an unsigned 32-bit number. */
export function crc32(bytes: Uint8Array): number {
  let crc = -1;
  for (let i = 0; i < bytes.length; i++) crc = (crc >>> 8) ^ CRC[(crc ^ bytes[i]) & 255];
  return ~crc >>> 0;
}
