/** The printf family over 64-bit registers: C's conversions, flags, widths, precisions and lengths for integers, characters, strings and pointers. */

import { E2BIG, EINVAL, type Helper, type HelperContext, i32, u32, type Word } from "./host.ts";

/** Widths and precisions above this are refused (-E2BIG): a program cannot make the host fill memory. */
const FIELD_LIMIT = 65_536;

const CHAR = (text: string): number => text.charCodeAt(0);
const PERCENT = CHAR("%");
const DOT = CHAR(".");
const STAR = CHAR("*");
const SPACE = CHAR(" ");
const ZERO = CHAR("0");
const MINUS = CHAR("-");

/** A growing text; one is enough, since formatting never nests. */
let out = new Uint8Array(256);
let length = 0;

function room(count: number): void {
  if (length + count <= out.length) return;
  const bigger = new Uint8Array(Math.max(length + count, 2 * out.length));
  bigger.set(out.subarray(0, length));
  out = bigger;
}

function put(byte: number): void {
  room(1);
  out[length++] = byte;
}

function putBytes(bytes: Uint8Array): void {
  room(bytes.length);
  out.set(bytes, length);
  length += bytes.length;
}

function putAscii(text: string): void {
  room(text.length);
  for (let i = 0; i < text.length; i++) out[length++] = text.charCodeAt(i);
}

function fill(byte: number, count: number): void {
  if (count <= 0) return;
  room(count);
  out.fill(byte, length, length + count);
  length += count;
}

/** One conversion specification. */
interface Spec {
  left: boolean;
  plus: boolean;
  space: boolean;
  alternate: boolean;
  zero: boolean;
  width: number;
  /** -1: none. */
  precision: number;
  /** Bits of the argument: hh 8, h 16, none 32, longer 64. */
  bits: 8 | 16 | 32 | 64;
}

/** The argument cut to its length and, when `signed`, sign-extended. */
function integer(word: Word, bits: Spec["bits"], signed: boolean): Word {
  if (bits === 64) return signed && typeof word === "bigint" ? BigInt.asIntN(64, word) : word;
  const low = signed ? i32(word) : u32(word);
  if (bits === 32) return low;
  const shift = 32 - bits;
  return signed ? (low << shift) >> shift : (low << shift) >>> shift;
}

/** C17 7.21.6.1: sign or prefix, zeros up to the precision, digits; zeros or spaces up to the width. */
function putInteger(word: Word, conversion: string, spec: Spec): void {
  const signed = conversion === "d" || conversion === "i";
  const base = conversion === "o" ? 8 : conversion === "x" || conversion === "X" ? 16 : 10;
  const value = integer(word, spec.bits, signed);
  const negative = value < 0;
  let digits = (negative ? -value : value).toString(base);
  if (spec.precision === 0 && digits === "0") digits = "";
  let prefix = signed ? (negative ? "-" : spec.plus ? "+" : spec.space ? " " : "") : "";
  let zeros = Math.max(0, spec.precision - digits.length);
  if (spec.alternate && base === 16 && value !== 0 && value !== 0n) prefix = "0x";
  if (spec.alternate && base === 8 && zeros === 0 && digits[0] !== "0") zeros = 1;
  let pad = spec.width - prefix.length - zeros - digits.length;
  if (spec.zero && !spec.left && spec.precision < 0 && pad > 0) {
    zeros += pad;
    pad = 0;
  }
  if (!spec.left) fill(SPACE, pad);
  if (conversion === "X") {
    prefix = prefix.toUpperCase();
    digits = digits.toUpperCase();
  }
  putAscii(prefix);
  fill(ZERO, zeros);
  putAscii(digits);
  if (spec.left) fill(SPACE, pad);
}

function putField(bytes: Uint8Array, spec: Spec): void {
  if (!spec.left) fill(SPACE, spec.width - bytes.length);
  putBytes(bytes);
  if (spec.left) fill(SPACE, spec.width - bytes.length);
}

const ascii = (text: string): Uint8Array => Uint8Array.from(text, (char) => char.charCodeAt(0));
const NULL_TEXT = ascii("(null)");
const NOTHING = new Uint8Array(0);

/** The string argument: at most `precision` bytes are read; null prints as glibc does. */
function stringOf(ctx: HelperContext, address: Word, precision: number): Uint8Array {
  if (address !== 0) return precision < 0 ? ctx.cstring(address) : ctx.cstring(address, precision);
  return precision < 0 || precision >= NULL_TEXT.length ? NULL_TEXT : NOTHING;
}

const pointerText = (address: Word): Uint8Array =>
  ascii(address === 0 ? "(nil)" : `0x${address.toString(16)}`);

/** Walks one format: reads specifications and takes arguments. */
class Formatter {
  private readonly ctx: HelperContext;
  private readonly format: Uint8Array;
  private readonly args: ArrayLike<Word>;
  private next = 0;
  private at = 0;

  constructor(ctx: HelperContext, format: Uint8Array, args: ArrayLike<Word>) {
    this.ctx = ctx;
    this.format = format;
    this.args = args;
  }

  /** Fills `out`; 0, or a negative error number. */
  run(): number {
    const { format } = this;
    length = 0;
    while (this.at < format.length) {
      const percent = format.indexOf(PERCENT, this.at);
      const end = percent < 0 ? format.length : percent;
      if (end > this.at) putBytes(format.subarray(this.at, end));
      this.at = end;
      if (percent < 0) break;
      const error = this.conversion();
      if (error < 0) return error;
    }
    return 0;
  }

  /** The conversion at `at`; one that does not exist is printed as it stands. */
  private conversion(): number {
    const start = this.at++;
    const taken = this.next;
    const spec = this.specification();
    if (spec === undefined) return -EINVAL;
    if (spec.width > FIELD_LIMIT || spec.precision > FIELD_LIMIT) return -E2BIG;
    const conversion = String.fromCharCode(this.format[this.at++] ?? 0);
    if (conversion === "%") put(PERCENT);
    else if ("diuxXocsp".includes(conversion)) return this.argument(conversion, spec);
    else {
      this.next = taken;
      this.at = Math.min(this.at, this.format.length);
      putBytes(this.format.subarray(start, this.at));
    }
    return 0;
  }

  private argument(conversion: string, spec: Spec): number {
    if (this.next >= this.args.length) return -EINVAL;
    const word = this.args[this.next++];
    if (conversion === "s") putField(stringOf(this.ctx, word, spec.precision), spec);
    else if (conversion === "c") putField(Uint8Array.of(u32(word) & 255), spec);
    else if (conversion === "p") putField(pointerText(word), spec);
    else putInteger(word, conversion, spec);
    return 0;
  }

  /** Flags, width, precision and length; undefined when `*` finds no argument. */
  private specification(): Spec | undefined {
    const spec: Spec = {
      left: false,
      plus: false,
      space: false,
      alternate: false,
      zero: false,
      width: 0,
      precision: -1,
      bits: 32,
    };
    this.flags(spec);
    const width = this.number();
    if (width === undefined) return undefined;
    if (width < 0) spec.left = true;
    spec.width = Math.abs(width);
    if (this.format[this.at] === DOT) {
      this.at++;
      const precision = this.number();
      if (precision === undefined) return undefined;
      spec.precision = Math.max(-1, precision);
    }
    spec.bits = this.length();
    return spec;
  }

  private flags(spec: Spec): void {
    for (; ; this.at++) {
      const flag = this.format[this.at];
      if (flag === MINUS) spec.left = true;
      else if (flag === 0x2b) spec.plus = true;
      else if (flag === SPACE) spec.space = true;
      else if (flag === 0x23) spec.alternate = true;
      else if (flag === ZERO) spec.zero = true;
      else return;
    }
  }

  /** Decimal digits (none: 0) or `*`. */
  private number(): number | undefined {
    if (this.format[this.at] === STAR) {
      this.at++;
      return this.next < this.args.length ? i32(this.args[this.next++]) : undefined;
    }
    let value = 0;
    for (; this.format[this.at] >= ZERO && this.format[this.at] <= ZERO + 9; this.at++)
      value = Math.min(FIELD_LIMIT + 1, 10 * value + this.format[this.at] - ZERO);
    return value;
  }

  private length(): Spec["bits"] {
    let bits: Spec["bits"] = 32;
    for (; ; this.at++) {
      const letter = this.format[this.at];
      if (letter === 0x68) bits = bits === 16 ? 8 : 16;
      else if (letter === 0x6c || letter === 0x7a || letter === 0x6a || letter === 0x74) bits = 64;
      else return bits;
    }
  }
}

/** Formats into the shared text; its length, or a negative error number when an argument is missing or too large. */
function format(ctx: HelperContext, fmt: Uint8Array, args: ArrayLike<Word>): number {
  const error = new Formatter(ctx, fmt, args).run();
  return error < 0 ? error : length;
}

function print(ctx: HelperContext, fmt: Uint8Array, args: ArrayLike<Word>): number {
  const count = format(ctx, fmt, args);
  if (count > 0) ctx.output(out.slice(0, count));
  return count;
}

const printf: Helper = (ctx, fmt, a, b, c, d) => print(ctx, ctx.cstring(fmt), [a, b, c, d]);

const sprintf: Helper = (ctx, to, fmt, a, b, c) => {
  const count = format(ctx, ctx.cstring(fmt), [a, b, c]);
  if (count < 0) return count;
  put(0);
  ctx.write(to, out.subarray(0, count + 1));
  return count;
};

/** Linux: the size covers the NUL that ends the format; -EINVAL otherwise. */
const tracePrintk: Helper = (ctx, fmt, size, a, b, c) => {
  const count = u32(size);
  if (count === 0) return -EINVAL;
  const bytes = ctx.read(fmt, count);
  if (bytes[count - 1] !== 0) return -EINVAL;
  return print(ctx, bytes.subarray(0, bytes.indexOf(0)), [a, b, c]);
};

/** Linux allows twelve arguments. */
const SNPRINTF_ARGS = 12;

function readWords(ctx: HelperContext, address: Word, count: number): Word[] {
  const bytes = ctx.read(address, 8 * count);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: count }, (_, i) => {
    const high = view.getUint32(8 * i + 4, true);
    if (high >= 2 ** 21) return view.getBigUint64(8 * i, true);
    return high * 2 ** 32 + view.getUint32(8 * i, true);
  });
}

/** Linux: the length that the whole text takes with its NUL, also when it was cut to `size`. */
const snprintf: Helper = (ctx, to, size, fmt, args, argBytes) => {
  const bytes = u32(argBytes);
  if (bytes % 8 !== 0 || bytes > 8 * SNPRINTF_ARGS || (bytes > 0 && args === 0)) return -EINVAL;
  const words = bytes === 0 ? [] : readWords(ctx, args, bytes / 8);
  const count = format(ctx, ctx.cstring(fmt), words);
  if (count < 0) return count;
  const kept = Math.min(count, u32(size) - 1);
  if (kept >= 0) {
    put(0);
    out[kept] = 0;
    ctx.write(to, out.subarray(0, kept + 1));
  }
  return count + 1;
};

const puts: Helper = (ctx, address) => {
  const line = ctx.cstring(address);
  const bytes = new Uint8Array(line.length + 1);
  bytes.set(line);
  bytes[line.length] = 10;
  ctx.output(bytes);
  return bytes.length;
};

const putchar: Helper = (ctx, char) => {
  const byte = u32(char) & 255;
  ctx.output(Uint8Array.of(byte));
  return byte;
};

export const printing: Record<number, Helper> = {
  6: tracePrintk,
  165: snprintf,
  1000050: printf,
  1000051: puts,
  1000052: sprintf,
  1000308: putchar,
};
