/**
 * AArch64 instructions (those on vectors: arm64-vectors.ts): one row each, the bit pattern as the Arm ARM (chapter C6) draws it with a letter for each
 * field, and the assembler that derives from the rows.
 */

import { bug } from "../error.ts";
import { VECTOR_ROWS } from "./arm64-vectors.ts";

/** The zero register or the stack pointer, by instruction. */
export const ZR = 31;
export const SP = 31;

/** Condition codes (Arm ARM C1.2.4). */
export const ARM_CC = {
  eq: 0,
  ne: 1,
  hs: 2,
  lo: 3,
  mi: 4,
  pl: 5,
  vs: 6,
  vc: 7,
  hi: 8,
  ls: 9,
  ge: 10,
  lt: 11,
  gt: 12,
  le: 13,
} as const; // prettier-ignore

/**
 * "text | pattern". In the text % is W or X, and in a row with % the pattern's f is the width bit; <d> <n> <m> <a>
 * are registers, #i and #j immediates (#i*8: in units of 8; #+i: signed). Fields of a pattern: d n m a registers,
 * i and j immediates. ~ after a register: 31 is the stack pointer there.
 */
const ROWS = `
add %<d>, %<n>, %<m>, lsl #j | f0001011000mmmmmjjjjjjnnnnnddddd
sub %<d>, %<n>, %<m>, lsl #j | f1001011000mmmmmjjjjjjnnnnnddddd
add %<d>, %<n>, %<m>, lsr #j | f0001011010mmmmmjjjjjjnnnnnddddd
add %<d>, %<n>, %<m>, asr #j | f0001011100mmmmmjjjjjjnnnnnddddd
sub %<d>, %<n>, %<m>, lsr #j | f1001011010mmmmmjjjjjjnnnnnddddd
sub %<d>, %<n>, %<m>, asr #j | f1001011100mmmmmjjjjjjnnnnnddddd
and %<d>, %<n>, %<m>, lsr #j | f0001010010mmmmmjjjjjjnnnnnddddd
and %<d>, %<n>, %<m>, asr #j | f0001010100mmmmmjjjjjjnnnnnddddd
and %<d>, %<n>, %<m>, ror #j | f0001010110mmmmmjjjjjjnnnnnddddd
orr %<d>, %<n>, %<m>, lsr #j | f0101010010mmmmmjjjjjjnnnnnddddd
orr %<d>, %<n>, %<m>, asr #j | f0101010100mmmmmjjjjjjnnnnnddddd
orr %<d>, %<n>, %<m>, ror #j | f0101010110mmmmmjjjjjjnnnnnddddd
eor %<d>, %<n>, %<m>, lsr #j | f1001010010mmmmmjjjjjjnnnnnddddd
eor %<d>, %<n>, %<m>, asr #j | f1001010100mmmmmjjjjjjnnnnnddddd
eor %<d>, %<n>, %<m>, ror #j | f1001010110mmmmmjjjjjjnnnnnddddd
bic %<d>, %<n>, %<m>, lsl #j | f0001010001mmmmmjjjjjjnnnnnddddd
orn %<d>, %<n>, %<m>, lsl #j | f0101010001mmmmmjjjjjjnnnnnddddd
eon %<d>, %<n>, %<m>, lsl #j | f1001010001mmmmmjjjjjjnnnnnddddd
add %<d>~, %<n>~, W<m>, uxtb #j | f0001011001mmmmm000jjjnnnnnddddd
add %<d>~, %<n>~, W<m>, uxth #j | f0001011001mmmmm001jjjnnnnnddddd
add %<d>~, %<n>~, W<m>, uxtw #j | f0001011001mmmmm010jjjnnnnnddddd
add %<d>~, %<n>~, W<m>, sxtb #j | f0001011001mmmmm100jjjnnnnnddddd
add %<d>~, %<n>~, W<m>, sxth #j | f0001011001mmmmm101jjjnnnnnddddd
add %<d>~, %<n>~, W<m>, sxtw #j | f0001011001mmmmm110jjjnnnnnddddd
sub %<d>~, %<n>~, W<m>, uxtb #j | f1001011001mmmmm000jjjnnnnnddddd
sub %<d>~, %<n>~, W<m>, uxth #j | f1001011001mmmmm001jjjnnnnnddddd
sub %<d>~, %<n>~, W<m>, uxtw #j | f1001011001mmmmm010jjjnnnnnddddd
sub %<d>~, %<n>~, W<m>, sxtb #j | f1001011001mmmmm100jjjnnnnnddddd
sub %<d>~, %<n>~, W<m>, sxth #j | f1001011001mmmmm101jjjnnnnnddddd
sub %<d>~, %<n>~, W<m>, sxtw #j | f1001011001mmmmm110jjjnnnnnddddd
cmn %<n>, %<m> | f0101011000mmmmm000000nnnnn11111
cmp %<n>, %<m> | f1101011000mmmmm000000nnnnn11111
and %<d>, %<n>, %<m>, lsl #j | f0001010000mmmmmjjjjjjnnnnnddddd
orr %<d>, %<n>, %<m>, lsl #j | f0101010000mmmmmjjjjjjnnnnnddddd
eor %<d>, %<n>, %<m>, lsl #j | f1001010000mmmmmjjjjjjnnnnnddddd
tst %<n>, %<m> | f1101010000mmmmm000000nnnnn11111
mvn %<d>, %<m> | f0101010001mmmmm00000011111ddddd
mov %<d>, %<m> | f0101010000mmmmm00000011111ddddd
neg %<d>, %<m> | f1001011000mmmmm00000011111ddddd
add %<d>~, %<n>~, #i | f001000100iiiiiiiiiiiinnnnnddddd
add %<d>~, %<n>~, #i, lsl #12 | f001000101iiiiiiiiiiiinnnnnddddd
sub %<d>~, %<n>~, #i | f101000100iiiiiiiiiiiinnnnnddddd
sub %<d>~, %<n>~, #i, lsl #12 | f101000101iiiiiiiiiiiinnnnnddddd
adds %<d>, %<n>~, #i | f011000100iiiiiiiiiiiinnnnnddddd
subs %<d>, %<n>~, #i | f111000100iiiiiiiiiiiinnnnnddddd
cmn %<n>~, #i | f011000100iiiiiiiiiiiinnnnn11111
cmp %<n>~, #i | f111000100iiiiiiiiiiiinnnnn11111
cmn %<n>~, #i, lsl #12 | f011000101iiiiiiiiiiiinnnnn11111
cmp %<n>~, #i, lsl #12 | f111000101iiiiiiiiiiiinnnnn11111
and %<d>~, %<n>, #bitmask | f00100100iiiiiiiiiiiiinnnnnddddd
orr %<d>~, %<n>, #bitmask | f01100100iiiiiiiiiiiiinnnnnddddd
eor %<d>~, %<n>, #bitmask | f10100100iiiiiiiiiiiiinnnnnddddd
tst %<n>, #bitmask | f11100100iiiiiiiiiiiiinnnnn11111
movn %<d>, #i, lsl #j*16 | f00100101jjiiiiiiiiiiiiiiiiddddd
movz %<d>, #i, lsl #j*16 | f10100101jjiiiiiiiiiiiiiiiiddddd
movk %<d>, #i, lsl #j*16 | f11100101jjiiiiiiiiiiiiiiiiddddd
lsl %<d>, %<n>, %<m> | f0011010110mmmmm001000nnnnnddddd
lsr %<d>, %<n>, %<m> | f0011010110mmmmm001001nnnnnddddd
asr %<d>, %<n>, %<m> | f0011010110mmmmm001010nnnnnddddd
ror %<d>, %<n>, %<m> | f0011010110mmmmm001011nnnnnddddd
extr %<d>, %<n>, %<m>, #i | f00100111f0mmmmmiiiiiinnnnnddddd
umulh X<d>, X<n>, X<m> | 10011011110mmmmm011111nnnnnddddd
udiv %<d>, %<n>, %<m> | f0011010110mmmmm000010nnnnnddddd
sdiv %<d>, %<n>, %<m> | f0011010110mmmmm000011nnnnnddddd
madd %<d>, %<n>, %<m>, %<a> | f0011011000mmmmm0aaaaannnnnddddd
msub %<d>, %<n>, %<m>, %<a> | f0011011000mmmmm1aaaaannnnnddddd
sbfm %<d>, %<n>, #i, #j | f00100110fiiiiiijjjjjjnnnnnddddd
ubfm %<d>, %<n>, #i, #j | f10100110fiiiiiijjjjjjnnnnnddddd
rbit W<d>, W<n> | 0101101011000000000000nnnnnddddd
rbit X<d>, X<n> | 1101101011000000000000nnnnnddddd
clz W<d>, W<n> | 0101101011000000000100nnnnnddddd
clz X<d>, X<n> | 1101101011000000000100nnnnnddddd
rev16 W<d>, W<n> | 0101101011000000000001nnnnnddddd
rev W<d>, W<n> | 0101101011000000000010nnnnnddddd
rev X<d>, X<n> | 1101101011000000000011nnnnnddddd
csel %<d>, %<n>, %<m>, cond j | f0011010100mmmmmjjjj00nnnnnddddd
csinc %<d>, %<n>, %<m>, cond j | f0011010100mmmmmjjjj01nnnnnddddd
csinv %<d>, %<n>, %<m>, cond j | f1011010100mmmmmjjjj00nnnnnddddd
strb W<d>, [X<n>~, #i] | 0011100100iiiiiiiiiiiinnnnnddddd
ldrb W<d>, [X<n>~, #i] | 0011100101iiiiiiiiiiiinnnnnddddd
ldrsb X<d>, [X<n>~, #i] | 0011100110iiiiiiiiiiiinnnnnddddd
strh W<d>, [X<n>~, #i*2] | 0111100100iiiiiiiiiiiinnnnnddddd
ldrh W<d>, [X<n>~, #i*2] | 0111100101iiiiiiiiiiiinnnnnddddd
ldrsh X<d>, [X<n>~, #i*2] | 0111100110iiiiiiiiiiiinnnnnddddd
str W<d>, [X<n>~, #i*4] | 1011100100iiiiiiiiiiiinnnnnddddd
ldr W<d>, [X<n>~, #i*4] | 1011100101iiiiiiiiiiiinnnnnddddd
ldrsw X<d>, [X<n>~, #i*4] | 1011100110iiiiiiiiiiiinnnnnddddd
str X<d>, [X<n>~, #i*8] | 1111100100iiiiiiiiiiiinnnnnddddd
ldr X<d>, [X<n>~, #i*8] | 1111100101iiiiiiiiiiiinnnnnddddd
sturb W<d>, [X<n>~, #+i] | 00111000000iiiiiiiii00nnnnnddddd
ldurb W<d>, [X<n>~, #+i] | 00111000010iiiiiiiii00nnnnnddddd
ldursb X<d>, [X<n>~, #+i] | 00111000100iiiiiiiii00nnnnnddddd
sturh W<d>, [X<n>~, #+i] | 01111000000iiiiiiiii00nnnnnddddd
ldurh W<d>, [X<n>~, #+i] | 01111000010iiiiiiiii00nnnnnddddd
ldursh X<d>, [X<n>~, #+i] | 01111000100iiiiiiiii00nnnnnddddd
stur W<d>, [X<n>~, #+i] | 10111000000iiiiiiiii00nnnnnddddd
ldur W<d>, [X<n>~, #+i] | 10111000010iiiiiiiii00nnnnnddddd
ldursw X<d>, [X<n>~, #+i] | 10111000100iiiiiiiii00nnnnnddddd
stur X<d>, [X<n>~, #+i] | 11111000000iiiiiiiii00nnnnnddddd
ldur X<d>, [X<n>~, #+i] | 11111000010iiiiiiiii00nnnnnddddd
strb W<d>, [X<n>~, X<m>] | 00111000001mmmmm011010nnnnnddddd
ldrb W<d>, [X<n>~, X<m>] | 00111000011mmmmm011010nnnnnddddd
ldrsb X<d>, [X<n>~, X<m>] | 00111000101mmmmm011010nnnnnddddd
strh W<d>, [X<n>~, X<m>, lsl #j*1] | 01111000001mmmmm011j10nnnnnddddd
ldrh W<d>, [X<n>~, X<m>, lsl #j*1] | 01111000011mmmmm011j10nnnnnddddd
ldrsh X<d>, [X<n>~, X<m>, lsl #j*1] | 01111000101mmmmm011j10nnnnnddddd
str W<d>, [X<n>~, X<m>, lsl #j*2] | 10111000001mmmmm011j10nnnnnddddd
ldr W<d>, [X<n>~, X<m>, lsl #j*2] | 10111000011mmmmm011j10nnnnnddddd
ldrsw X<d>, [X<n>~, X<m>, lsl #j*2] | 10111000101mmmmm011j10nnnnnddddd
str X<d>, [X<n>~, X<m>, lsl #j*3] | 11111000001mmmmm011j10nnnnnddddd
ldr X<d>, [X<n>~, X<m>, lsl #j*3] | 11111000011mmmmm011j10nnnnnddddd
stp X<d>, X<a>, [X<n>~, #+i*8] | 1010100100iiiiiiiaaaaannnnnddddd
stp W<d>, W<a>, [X<n>~, #+i*4] | 0010100100iiiiiiiaaaaannnnnddddd
ldp W<d>, W<a>, [X<n>~, #+i*4] | 0010100101iiiiiiiaaaaannnnnddddd
ldp X<d>, X<a>, [X<n>~, #+i*8] | 1010100101iiiiiiiaaaaannnnnddddd
stp X<d>, X<a>, [X<n>~, #+i*8]! | 1010100110iiiiiiiaaaaannnnnddddd
ldp X<d>, X<a>, [X<n>~], #+i*8 | 1010100011iiiiiiiaaaaannnnnddddd
str X<d>, [X<n>~, #+i]! | 11111000000iiiiiiiii11nnnnnddddd
ldr X<d>, [X<n>~], #+i | 11111000010iiiiiiiii01nnnnnddddd
ldaxr W<d>, [X<n>~] | 1000100001011111111111nnnnnddddd
ldaxr X<d>, [X<n>~] | 1100100001011111111111nnnnnddddd
stlxr W<m>, W<d>, [X<n>~] | 10001000000mmmmm111111nnnnnddddd
stlxr W<m>, X<d>, [X<n>~] | 11001000000mmmmm111111nnnnnddddd
ldaddal W<m>, W<d>, [X<n>~] | 10111000111mmmmm000000nnnnnddddd
ldaddal X<m>, X<d>, [X<n>~] | 11111000111mmmmm000000nnnnnddddd
ldclral W<m>, W<d>, [X<n>~] | 10111000111mmmmm000100nnnnnddddd
ldclral X<m>, X<d>, [X<n>~] | 11111000111mmmmm000100nnnnnddddd
ldeoral W<m>, W<d>, [X<n>~] | 10111000111mmmmm001000nnnnnddddd
ldeoral X<m>, X<d>, [X<n>~] | 11111000111mmmmm001000nnnnnddddd
ldsetal W<m>, W<d>, [X<n>~] | 10111000111mmmmm001100nnnnnddddd
ldsetal X<m>, X<d>, [X<n>~] | 11111000111mmmmm001100nnnnnddddd
swpal W<m>, W<d>, [X<n>~] | 10111000111mmmmm100000nnnnnddddd
swpal X<m>, X<d>, [X<n>~] | 11111000111mmmmm100000nnnnnddddd
casal W<m>, W<d>, [X<n>~] | 10001000111mmmmm111111nnnnnddddd
casal X<m>, X<d>, [X<n>~] | 11001000111mmmmm111111nnnnnddddd
b #branch | 000101iiiiiiiiiiiiiiiiiiiiiiiiii
bl #branch | 100101iiiiiiiiiiiiiiiiiiiiiiiiii
b.cond j #branch | 01010100iiiiiiiiiiiiiiiiiii0jjjj
cbz %<d>, #branch | f0110100iiiiiiiiiiiiiiiiiiiddddd
cbnz %<d>, #branch | f0110101iiiiiiiiiiiiiiiiiiiddddd
tbz W<d>, #j, #branch | 00110110jjjjjiiiiiiiiiiiiiiddddd
tbz X<d>, #j+32, #branch | 10110110jjjjjiiiiiiiiiiiiiiddddd
tbnz W<d>, #j, #branch | 00110111jjjjjiiiiiiiiiiiiiiddddd
tbnz X<d>, #j+32, #branch | 10110111jjjjjiiiiiiiiiiiiiiddddd
br X<n> | 1101011000011111000000nnnnn00000
blr X<n> | 1101011000111111000000nnnnn00000
ret X<n> | 1101011001011111000000nnnnn00000
adr X<d>, #address | 0jj10000iiiiiiiiiiiiiiiiiiiddddd
dc cvau, X<d> | 110101010000101101111011001ddddd
ic ivau, X<d> | 110101010000101101110101001ddddd
dsb ish | 11010101000000110011101110011111
isb | 11010101000000110011111111011111
brk #i | 11010100001iiiiiiiiiiiiiiii00000
svc #i | 11010100000iiiiiiiiiiiiiiii00001
`;

const FIELDS = ["d", "n", "m", "i", "j", "a"] as const;

export interface Arm64Row {
  /** The key, and the text that tests assemble; % is filled in. */
  syntax: string;
  pattern: string;
  /** Fixed bits, unsigned. */
  base: number;
  /** Shift and width by field of FIELDS; width 0 = absent. */
  shift: number[];
  width: number[];
}

function parseRow(line: string): Arm64Row {
  const [syntax, pattern] = line.split(" | ");
  const row: Arm64Row = { syntax, pattern, base: 0, shift: [], width: [] };
  if (pattern.length !== 32) bug(`pattern of ${pattern.length} bits for ${syntax}`);
  row.base = Number.parseInt(pattern.replace(/[a-z]/g, "0"), 2);
  for (const field of FIELDS) {
    row.shift.push(31 - pattern.lastIndexOf(field));
    row.width.push(pattern.split(field).length - 1);
  }
  return row;
}

function expand(line: string): string[] {
  if (!line.includes("%")) return [line];
  return (["W", "X"] as const).map((width) => {
    const [syntax, pattern] = line.replaceAll("%", width).split(" | ");
    return `${syntax} | ${pattern.replaceAll("f", width === "X" ? "1" : "0")}`;
  });
}

export const ARM64_ROWS: readonly Arm64Row[] = [
  ...ROWS.trim().split("\n").flatMap(expand),
  ...VECTOR_ROWS,
].map(parseRow);
const BY_SYNTAX = new Map(ARM64_ROWS.map((row) => [row.syntax, row]));

/** The row written `syntax`; asking for one that does not exist is our mistake. */
export function arm64(syntax: string): Arm64Row {
  return BY_SYNTAX.get(syntax) ?? bug(`no AArch64 row "${syntax}"`);
}

/** One instruction word. Immediates are taken modulo their field; registers must fit. */
export function encodeArm64(row: Arm64Row, d = 0, n = 0, m = 0, i = 0, j = 0, a = 0): number {
  const { shift, width } = row;
  const field = (k: number, value: number) => (value & (2 ** width[k] - 1)) << shift[k];
  return (row.base | field(0, d) | field(1, n) | field(2, m) | field(3, i) | field(4, j) | field(5, a)) >>> 0;
}

/** Emits words; offsets are in bytes. */
export class Arm64Assembler {
  words = new Uint32Array(256);
  count = 0;

  get size(): number {
    return this.count * 4;
  }

  emit(row: Arm64Row, d = 0, n = 0, m = 0, i = 0, j = 0, a = 0): void {
    if (this.count === this.words.length) {
      const bigger = new Uint32Array(this.words.length * 2);
      bigger.set(this.words);
      this.words = bigger;
    }
    this.words[this.count++] = encodeArm64(row, d, n, m, i, j, a);
  }

  finish(): Uint8Array {
    const bytes = new Uint8Array(this.size);
    const view = new DataView(bytes.buffer);
    for (let i = 0; i < this.count; i++) view.setUint32(4 * i, this.words[i], true);
    return bytes;
  }
}

/**
 * The 13 bits N:immr:imms of a logical immediate (Arm ARM, DecodeBitMasks): a run of ones, rotated, repeated every
 * 2, 4, … 64 bits; -1 where hi:lo is none. For 32-bit instructions pass hi = lo.
 */
export function bitmaskImmediate(lo: number, hi: number): number {
  const value = (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
  if (value === 0n || value === (1n << 64n) - 1n) return -1;
  let size = 64n;
  while (size > 2n) {
    const half = size / 2n;
    const mask = (1n << half) - 1n;
    if ((value & mask) !== ((value >> half) & mask)) break;
    size = half;
  }
  const mask = (1n << size) - 1n;
  const element = value & mask;
  const ones = BigInt([...element.toString(2)].filter((bit) => bit === "1").length);
  const run = (1n << ones) - 1n;
  for (let rotation = 0n; rotation < size; rotation++) {
    const rotated = ((run >> rotation) | (run << (size - rotation))) & mask;
    if (rotated !== element) continue;
    const imms = (Number(-size * 2n) & 63 & ~0) | Number(ones - 1n);
    return ((size === 64n ? 1 : 0) << 12) | (Number(rotation) << 6) | (imms & 63);
  }
  return -1;
}
