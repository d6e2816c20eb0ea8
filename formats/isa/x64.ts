/**
 * x86-64 instructions: one row each in the notation of Intel's manual (SDM volume 2, "Instruction Format"),
 * and the assembler that derives from the rows. Rows are trusted; operands are checked by bug() in debug paths only.
 */

import { bug } from "../error.ts";

/** Register numbers as the hardware encodes them. */
export const X64 = {
  rax: 0,
  rcx: 1,
  rdx: 2,
  rbx: 3,
  rsp: 4,
  rbp: 5,
  rsi: 6,
  rdi: 7,
  r8: 8,
  r9: 9,
  r10: 10,
  r11: 11,
  r12: 12,
  r13: 13,
  r14: 14,
  r15: 15,
} as const; // prettier-ignore

const NAMES64 = Object.keys(X64);
const NAMES32 = ["eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"];
const NAMES16 = ["ax", "cx", "dx", "bx", "sp", "bp", "si", "di"];
const NAMES8 = ["al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil"];

/** The assembler's name of register `reg` seen as `bits` wide. */
export function registerName(reg: number, bits: number): string {
  if (bits === 64) return NAMES64[reg];
  if (reg > 7) return `r${reg}${bits === 32 ? "d" : bits === 16 ? "w" : "b"}`;
  return (bits === 32 ? NAMES32 : bits === 16 ? NAMES16 : NAMES8)[reg];
}

/** Condition codes (SDM volume 1, appendix B): the low four bits of jcc, setcc and cmovcc. */
export const CC = {
  o: 0,
  no: 1,
  b: 2,
  ae: 3,
  e: 4,
  ne: 5,
  be: 6,
  a: 7,
  s: 8,
  ns: 9,
  p: 10,
  np: 11,
  l: 12,
  ge: 13,
  le: 14,
  g: 15,
} as const; // prettier-ignore

/** "instruction | opcode", as the manual writes them. */
const ROWS = `
mov r/m8, r8 | 88 /r
mov r/m16, r16 | 66 89 /r
mov r/m32, r32 | 89 /r
mov r/m64, r64 | REX.W 89 /r
mov r8, r/m8 | 8A /r
mov r32, r/m32 | 8B /r
mov r64, r/m64 | REX.W 8B /r
mov r/m8, imm8 | C6 /0 ib
mov r/m16, imm16 | 66 C7 /0 iw
mov r/m32, imm32 | C7 /0 id
mov r/m64, imm32 | REX.W C7 /0 id
mov r32, imm32 | B8+r id
mov r64, imm64 | REX.W B8+r io
movzx r32, r/m8 | 0F B6 /r
movzx r32, r/m16 | 0F B7 /r
movsx r32, r/m8 | 0F BE /r
movsx r32, r/m16 | 0F BF /r
movsx r64, r/m8 | REX.W 0F BE /r
movsx r64, r/m16 | REX.W 0F BF /r
movsxd r64, r/m32 | REX.W 63 /r
lea r32, m | 8D /r
lea r64, m | REX.W 8D /r
imul r32, r/m32 | 0F AF /r
imul r64, r/m64 | REX.W 0F AF /r
imul r32, r/m32, imm8 | 6B /r ib
imul r64, r/m64, imm8 | REX.W 6B /r ib
imul r32, r/m32, imm32 | 69 /r id
imul r64, r/m64, imm32 | REX.W 69 /r id
mul r/m32 | F7 /4
mul r/m64 | REX.W F7 /4
div r/m32 | F7 /6
div r/m64 | REX.W F7 /6
idiv r/m32 | F7 /7
idiv r/m64 | REX.W F7 /7
neg r/m32 | F7 /3
neg r/m64 | REX.W F7 /3
not r/m32 | F7 /2
not r/m64 | REX.W F7 /2
inc r/m32 | FF /0
inc r/m64 | REX.W FF /0
dec r/m32 | FF /1
dec r/m64 | REX.W FF /1
adc r/m32, imm8 | 83 /2 ib
adc r/m64, imm8 | REX.W 83 /2 ib
sbb r/m32, imm8 | 83 /3 ib
sbb r/m64, imm8 | REX.W 83 /3 ib
test r/m8, imm8 | F6 /0 ib
cmp r/m8, imm8 | 80 /7 ib
test r/m32, imm32 | F7 /0 id
test r/m64, imm32 | REX.W F7 /0 id
test r/m32, r32 | 85 /r
test r/m64, r64 | REX.W 85 /r
bt r/m32, r32 | 0F A3 /r
bt r/m64, r64 | REX.W 0F A3 /r
cdq | 99
cqo | REX.W 99
bsf r32, r/m32 | 0F BC /r
bsf r64, r/m64 | REX.W 0F BC /r
bsr r32, r/m32 | 0F BD /r
bsr r64, r/m64 | REX.W 0F BD /r
popcnt r32, r/m32 | F3 0F B8 /r
popcnt r64, r/m64 | F3 REX.W 0F B8 /r
tzcnt r32, r/m32 | F3 0F BC /r
tzcnt r64, r/m64 | F3 REX.W 0F BC /r
lzcnt r32, r/m32 | F3 0F BD /r
lzcnt r64, r/m64 | F3 REX.W 0F BD /r
bswap r32 | 0F C8+r
bswap r64 | REX.W 0F C8+r
rol r/m16, imm8 | 66 C1 /0 ib
xchg r/m32, r32 | 87 /r
xchg r/m64, r64 | REX.W 87 /r
lock inc r/m32 | F0 FF /0
lock inc r/m64 | F0 REX.W FF /0
lock dec r/m32 | F0 FF /1
lock dec r/m64 | F0 REX.W FF /1
lock xadd r/m32, r32 | F0 0F C1 /r
lock xadd r/m64, r64 | F0 REX.W 0F C1 /r
lock cmpxchg r/m32, r32 | F0 0F B1 /r
lock cmpxchg r/m64, r64 | F0 REX.W 0F B1 /r
push r64 | 50+r
pop r64 | 58+r
push r/m64 | FF /6
pop r/m64 | 8F /0
push imm8 | 6A ib
push imm32 | 68 id
call rel32 | E8 cd
call r/m64 | FF /2
jmp r/m64 | FF /4
jmp rel8 | EB cb
jmp rel32 | E9 cd
ret | C3
ud2 | 0F 0B
int3 | CC
nop | 90
syscall | 0F 05
mfence | 0F AE F0
cld | FC
std | FD
rep movsb | F3 A4
rep movsw | 66 F3 A5
rep movsd | F3 A5
rep movsq | F3 REX.W A5
rep stosb | F3 AA
rep stosw | 66 F3 AB
rep stosd | F3 AB
rep stosq | F3 REX.W AB
movd xmm, r/m32 | 66 0F 6E /r
movq xmm, r/m64 | 66 REX.W 0F 6E /r
movd r/m32, xmm | 66 0F 7E /r
movq r/m64, xmm | 66 REX.W 0F 7E /r
movdqa xmm, xmm/m128 | 66 0F 6F /r
movdqu xmm, xmm/m128 | F3 0F 6F /r
movdqu xmm/m128, xmm | F3 0F 7F /r
pshufd xmm, xmm/m128, imm8 | 66 0F 70 /r ib
pshuflw xmm, xmm/m128, imm8 | F2 0F 70 /r ib
shld r/m32, r32, imm8 | 0F A4 /r ib
shld r/m64, r64, imm8 | REX.W 0F A4 /r ib
movbe r32, m32 | 0F 38 F0 /r
movbe r64, m64 | REX.W 0F 38 F0 /r
movbe m16, r16 | 66 0F 38 F1 /r
movbe m32, r32 | 0F 38 F1 /r
movbe m64, r64 | REX.W 0F 38 F1 /r
mulx r64a, r64b, r/m64 | VEX.LZ.F2.0F38.W1 F6 /r
`;

const ALU = ["add", "or", "and", "sub", "xor", "cmp"] as const;
const ALU_DIGIT = { add: 0, or: 1, and: 4, sub: 5, xor: 6, cmp: 7 } as const;
const SHIFT_DIGIT = { rol: 0, ror: 1, shl: 4, shr: 5, sar: 7 } as const;
/** SSE2 operations on packed integers: the third byte of their opcodes, after 66 0F. */
const PACKED = {
  punpcklbw: 0x60,
  punpcklwd: 0x61,
  punpckldq: 0x62,
  punpcklqdq: 0x6c,
  punpckhbw: 0x68,
  punpckhwd: 0x69,
  punpckhdq: 0x6a,
  packuswb: 0x67,
  packssdw: 0x6b,
  pcmpgtb: 0x64,
  pcmpgtw: 0x65,
  pcmpgtd: 0x66,
  pcmpeqb: 0x74,
  pcmpeqw: 0x75,
  pcmpeqd: 0x76,
  paddb: 0xfc,
  paddw: 0xfd,
  paddd: 0xfe,
  paddq: 0xd4,
  psubb: 0xf8,
  psubw: 0xf9,
  psubd: 0xfa,
  psubq: 0xfb,
  pand: 0xdb,
  por: 0xeb,
  pxor: 0xef,
  pmullw: 0xd5,
  pmulhuw: 0xe4,
  pmulhw: 0xe5,
  pavgb: 0xe0,
  pavgw: 0xe3,
  pmuludq: 0xf4,
  pmaddwd: 0xf5,
  psadbw: 0xf6,
  pmaxub: 0xde,
  pminub: 0xda,
  pmaxsw: 0xee,
  pminsw: 0xea,
} as const;
/** Shifts of packed integers by a constant: opcode and digit. */
const PACKED_SHIFT = {
  psrlw: [0x71, 2],
  psraw: [0x71, 4],
  psllw: [0x71, 6],
  psrld: [0x72, 2],
  psrad: [0x72, 4],
  pslld: [0x72, 6],
  psrlq: [0x73, 2],
  psllq: [0x73, 6],
} as const;
/** Operations of BMI1 and BMI2 in 32 and 64 bits: operands with % for the width, the opcode's column likewise. */
const BMI = [
  "andn r%a, r%b, r/m% | VEX.LZ.0F38.W@ F2 /r",
  "blsr r%b, r/m% | VEX.LZ.0F38.W@ F3 /1",
  "blsmsk r%b, r/m% | VEX.LZ.0F38.W@ F3 /2",
  "blsi r%b, r/m% | VEX.LZ.0F38.W@ F3 /3",
  "rorx r%a, r/m%, imm8 | VEX.LZ.F2.0F3A.W@ F0 /r ib",
  "shlx r%a, r/m%, r%b | VEX.LZ.66.0F38.W@ F7 /r",
  "shrx r%a, r/m%, r%b | VEX.LZ.F2.0F38.W@ F7 /r",
  "sarx r%a, r/m%, r%b | VEX.LZ.F3.0F38.W@ F7 /r",
];
const byte = (n: number) => n.toString(16).toUpperCase().padStart(2, "0");

/** The regular families, spelled out as rows. */
function families(): string[] {
  const rows: string[] = [];
  for (const name of ALU) {
    const digit = ALU_DIGIT[name];
    const opcode = digit * 8;
    for (const [bits, rex] of [
      ["32", ""],
      ["64", "REX.W "],
    ]) {
      rows.push(`${name} r/m${bits}, r${bits} | ${rex}${byte(opcode + 1)} /r`);
      rows.push(`${name} r${bits}, r/m${bits} | ${rex}${byte(opcode + 3)} /r`);
      rows.push(`${name} r/m${bits}, imm8 | ${rex}83 /${digit} ib`);
      rows.push(`${name} r/m${bits}, imm32 | ${rex}81 /${digit} id`);
      if (name !== "cmp") {
        rows.push(`lock ${name} r/m${bits}, r${bits} | F0 ${rex}${byte(opcode + 1)} /r`);
        rows.push(`lock ${name} r/m${bits}, imm8 | F0 ${rex}83 /${digit} ib`);
        rows.push(`lock ${name} r/m${bits}, imm32 | F0 ${rex}81 /${digit} id`);
      }
    }
    rows.push(`${name} eax, imm32 | ${byte(opcode + 5)} id`);
    rows.push(`${name} rax, imm32 | REX.W ${byte(opcode + 5)} id`);
  }
  for (const [name, digit] of Object.entries(SHIFT_DIGIT)) {
    for (const [bits, rex] of [
      ["32", ""],
      ["64", "REX.W "],
    ]) {
      rows.push(`${name} r/m${bits}, 1 | ${rex}D1 /${digit}`);
      rows.push(`${name} r/m${bits}, imm8 | ${rex}C1 /${digit} ib`);
      rows.push(`${name} r/m${bits}, cl | ${rex}D3 /${digit}`);
    }
  }
  for (const [cc, code] of Object.entries(CC)) {
    rows.push(`j${cc} rel8 | ${byte(0x70 + code)} cb`);
    rows.push(`j${cc} rel32 | 0F ${byte(0x80 + code)} cd`);
    rows.push(`set${cc} r/m8 | 0F ${byte(0x90 + code)} /0`);
    rows.push(`cmov${cc} r32, r/m32 | 0F ${byte(0x40 + code)} /r`);
    rows.push(`cmov${cc} r64, r/m64 | REX.W 0F ${byte(0x40 + code)} /r`);
  }
  for (const [name, code] of Object.entries(PACKED))
    rows.push(`${name} xmm, xmm/m128 | 66 0F ${byte(code)} /r`);
  for (const [name, [code, digit]] of Object.entries(PACKED_SHIFT))
    rows.push(`${name} xmm, imm8 | 66 0F ${byte(code)} /${digit} ib`);
  for (const row of BMI)
    for (const w of [0, 1]) rows.push(row.replaceAll("%", w === 0 ? "32" : "64").replace("@", String(w)));
  return rows;
}

export interface X64Row {
  /** "add r/m64, imm8": the key, and the text that tests assemble. */
  syntax: string;
  /** The manual's opcode column. */
  encoding: string;
  /** Legacy prefixes (66, F0, F2, F3) in order. */
  prefixes: number[];
  /** Second and third byte of the VEX prefix with no registers in them; 0 = there is none. */
  vex: number;
  rexW: boolean;
  opcode: number[];
  /** The register is added to the last opcode byte (+r). */
  plusR: boolean;
  /** ModRM: "r" = /r, a number = /digit, "" = none. */
  modrm: "r" | number | "";
  /** Bytes of immediate or branch displacement. */
  immediate: 0 | 1 | 2 | 4 | 8;
  /** The reg / the rm operand is a byte register: 4 … 7 need a REX prefix to mean spl … dil. */
  byteReg: boolean;
  byteRm: boolean;
}

/** Bits of a VEX prefix of three bytes (SDM volume 2, section 2.3.5): registers and what else is inverted are 0 here. */
const VEX_PREFIX: Record<string, number> = { "66": 1, F3: 2, F2: 3 };
const VEX_MAP: Record<string, number> = { "0F": 0x100, "0F38": 0x200, "0F3A": 0x300 };
function parseVex(parts: readonly string[]): number {
  const bits = (part: string) => VEX_PREFIX[part] ?? VEX_MAP[part] ?? (part === "W1" ? 0x80 : 0);
  return parts.reduce((vex, part) => vex | bits(part), 0);
}

const IMMEDIATE = { ib: 1, cb: 1, iw: 2, id: 4, cd: 4, io: 8 } as const;

function parseRow(line: string): X64Row {
  const [syntax, encoding] = line.split(" | ");
  const operands = syntax.slice(syntax.indexOf(" ") + 1).split(", ");
  const row: X64Row = {
    syntax,
    encoding,
    prefixes: [],
    vex: 0,
    rexW: false,
    opcode: [],
    plusR: false,
    modrm: "",
    immediate: 0,
    byteReg: operands.includes("r8"),
    byteRm: operands.includes("r/m8"),
  }; // prettier-ignore
  const bytes = encoding.split(" ");
  for (const part of bytes) {
    if (part === "REX.W") row.rexW = true;
    else if (part.startsWith("VEX.")) row.vex = parseVex(part.split("."));
    else if (part === "/r") row.modrm = "r";
    else if (part[0] === "/") row.modrm = Number(part[1]);
    else if (part in IMMEDIATE) row.immediate = IMMEDIATE[part as keyof typeof IMMEDIATE];
    else {
      const value = Number.parseInt(part, 16);
      const isPrefix =
        row.vex + row.opcode.length === 0 && bytes.length > 1 && [0x66, 0xf0, 0xf2, 0xf3].includes(value);
      (isPrefix ? row.prefixes : row.opcode).push(value);
      if (part.endsWith("+r")) row.plusR = true;
    }
  }
  return row;
}

/** Every row, in the order of the table. */
export const X64_ROWS: readonly X64Row[] = [...ROWS.trim().split("\n"), ...families()].map(parseRow);
const BY_SYNTAX = new Map(X64_ROWS.map((row) => [row.syntax, row]));

/** The row written `syntax`; asking for one that does not exist is our mistake. */
export function x64(syntax: string): X64Row {
  return BY_SYNTAX.get(syntax) ?? bug(`no x86-64 row "${syntax}"`);
}

export const fitsInt8 = (n: number): boolean => n >= -128 && n <= 127;

/** Index register "none" and base register "rip" of a memory operand. */
export const NO_INDEX = -1;
export const RIP = -1;

/**
 * Encodes rows into a growing buffer. Register operands: `reg` goes to ModRM.reg or +r, `rm` to ModRM.rm, `vvvv` to the
 * field of that name where the row has a VEX prefix; the manual's letters a and b behind registers mean `reg` and `vvvv`.
 */
export class X64Assembler {
  bytes = new Uint8Array(1024);
  size = 0;

  private room(count: number): void {
    if (this.size + count <= this.bytes.length) return;
    const bigger = new Uint8Array(this.bytes.length * 2);
    bigger.set(this.bytes);
    this.bytes = bigger;
  }

  private byte(value: number): void {
    this.bytes[this.size++] = value;
  }

  private word(value: number, count: number): void {
    for (let i = 0; i < count; i++) this.bytes[this.size++] = i < 4 ? value >>> (8 * i) : value < 0 ? 255 : 0;
  }

  private prefix(row: X64Row, reg: number, index: number, rm: number, needRex: boolean, vvvv = 0): void {
    this.room(32);
    if (row.vex !== 0) {
      this.byte(0xc4);
      this.byte((row.vex >> 8) | ((~reg & 8) << 4) | ((~index & 8) << 3) | ((~rm & 8) << 2));
      this.byte((row.vex & 0xff) | ((~vvvv & 15) << 3));
      return;
    }
    for (const prefix of row.prefixes) this.byte(prefix);
    const rex = (row.rexW ? 8 : 0) | ((reg & 8) >> 1) | ((index & 8) >> 2) | ((rm & 8) >> 3);
    if (rex !== 0 || needRex) this.byte(0x40 | rex);
  }

  private opcode(row: X64Row, plus: number): void {
    const last = row.opcode.length - 1;
    for (let i = 0; i < last; i++) this.byte(row.opcode[i]);
    this.byte(row.opcode[last] + plus);
  }

  /** A row without operands, or with an immediate only. Branches: `imm` is the displacement from the row's end. */
  op(row: X64Row, imm = 0): void {
    this.prefix(row, 0, 0, 0, false);
    this.opcode(row, 0);
    this.word(imm, row.immediate);
  }

  /** A +r row. A 64-bit immediate is `imm` (low word) and `high`. */
  r(row: X64Row, reg: number, imm = 0, high = 0): void {
    this.prefix(row, 0, 0, reg, false);
    this.opcode(row, reg & 7);
    if (row.immediate === 8) {
      this.word(imm, 4);
      this.word(high, 4);
    } else this.word(imm, row.immediate);
  }

  /** ModRM with a register as rm. For /digit rows `reg` is ignored. */
  rr(row: X64Row, reg: number, rm: number, imm = 0, vvvv = 0): void {
    const field = row.modrm === "r" ? reg : (row.modrm as number);
    const needRex = (row.byteReg && reg >= 4 && row.modrm === "r") || (row.byteRm && rm >= 4);
    this.prefix(row, row.modrm === "r" ? reg : 0, 0, rm, needRex, vvvv);
    this.opcode(row, 0);
    this.byte(0xc0 | ((field & 7) << 3) | (rm & 7));
    this.word(imm, row.immediate);
  }

  /**
   * ModRM with memory: [base + index * scale + disp], index NO_INDEX for none; base RIP: [rip + disp] with
   * disp counted from the instruction's end (SDM volume 2, table 2-2 and 2-3).
   */
  rm(
    row: X64Row,
    reg: number,
    base: number,
    index: number,
    scale: number,
    disp: number,
    imm = 0,
    vvvv = 0,
  ): void {
    const field = row.modrm === "r" ? reg : (row.modrm as number);
    const needRex = row.byteReg && reg >= 4 && row.modrm === "r";
    this.prefix(row, row.modrm === "r" ? reg : 0, Math.max(index, 0), Math.max(base, 0), needRex, vvvv);
    this.opcode(row, 0);
    const middle = (field & 7) << 3;
    if (base === RIP) {
      this.byte(middle | 5);
      this.word(disp, 4);
    } else {
      // rbp and r13 as base have no form without displacement.
      const size = disp === 0 && (base & 7) !== 5 ? 0 : fitsInt8(disp) ? 1 : 4;
      const mod = size === 0 ? 0 : size === 1 ? 0x40 : 0x80;
      if (index >= 0 || (base & 7) === 4) {
        this.byte(mod | middle | 4);
        this.byte(
          (scale === 8 ? 0xc0 : scale === 4 ? 0x80 : scale === 2 ? 0x40 : 0) |
            ((index < 0 ? 4 : index & 7) << 3) |
            (base & 7),
        ); // prettier-ignore
      } else this.byte(mod | middle | (base & 7));
      this.word(disp, size);
    }
    this.word(imm, row.immediate);
  }

  patch8(at: number, value: number): void {
    this.bytes[at] = value;
  }

  patch32(at: number, value: number): void {
    for (let i = 0; i < 4; i++) this.bytes[at + i] = value >>> (8 * i);
  }

  finish(): Uint8Array {
    return this.bytes.slice(0, this.size);
  }
}
