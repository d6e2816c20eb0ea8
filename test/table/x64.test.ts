/** Every x86-64 row: our bytes against keystone's for the same text, or capstone's text for our bytes. */

import { Capstone, Const as CsConst, loadCapstone } from "capstone-wasm";
import { Keystone, Const as KsConst, loadKeystone } from "keystone-wasm";
import { beforeAll, describe, expect, it } from "vitest";
import { NO_INDEX, RIP, registerName, X64_ROWS, X64Assembler, type X64Row } from "../../formats/isa/x64.ts";

/** Memory operands: base, index, scale, displacement; each with its text. */
const MEMORY: [number, number, number, number, string][] = [
  [0, NO_INDEX, 1, 0, "[rax]"],
  [4, NO_INDEX, 1, 0, "[rsp]"],
  [5, NO_INDEX, 1, 0, "[rbp]"],
  [12, NO_INDEX, 1, 16, "[r12 + 0x10]"],
  [13, NO_INDEX, 1, -8, "[r13 - 8]"],
  [9, NO_INDEX, 1, 0x1234, "[r9 + 0x1234]"],
  [3, 1, 4, 0, "[rbx + rcx*4]"],
  [13, 12, 8, 127, "[r13 + r12*8 + 0x7f]"],
  [5, 15, 2, -129, "[rbp + r15*2 - 0x81]"],
  [RIP, NO_INDEX, 1, 0x11223344, "[rip + 0x11223344]"],
];
const REGISTERS: [number, number][] = [
  [0, 1],
  [3, 6],
  [4, 7],
  [5, 12],
  [8, 13],
  [15, 2],
  [9, 9],
]; // prettier-ignore

const WIDTH: Record<string, number> = {
  r8: 8,
  "r/m8": 8,
  r16: 16,
  "r/m16": 16,
  r32: 32,
  "r/m32": 32,
  r64: 64,
  "r/m64": 64,
  m16: 16,
  m32: 32,
  m64: 64,
  xmm: 128,
  "xmm/m128": 128,
}; // prettier-ignore
const IMMEDIATES: Record<string, number[]> = {
  imm8: [0, 1, 127, -1, -128],
  imm16: [0x1234, -2],
  imm32: [0x12345678, -300],
  imm64: [0x1122334455667],
};
const SIZE: Record<number, string> = { 8: "byte", 16: "word", 32: "dword", 64: "qword", 128: "xmmword" };
/** A register by its name, wide ones too. */
const nameOf = (reg: number, bits: number) => (bits === 128 ? `xmm${reg}` : registerName(reg, bits));
/** ModRM.rm, where the row has one: the shifts of vectors have no form in memory. */
const isRm = (operand: string) => operand.includes("/m") || operand.startsWith("m");
/** What stands in VEX.vvvv where the row has it: operands with the manual's letter b. */
const VVVV = 11;

interface Sample {
  text: string;
  bytes: Uint8Array;
}

/** All samples of a row: register and memory forms, each immediate. */
function samples(row: X64Row): Sample[] {
  const space = row.syntax.startsWith("lock ") ? row.syntax.indexOf(" ", 5) : row.syntax.indexOf(" ");
  const isWhole = space < 0 || row.syntax.startsWith("rep ");
  // Without operands keystone takes movsd for the SSE instruction of that name.
  const whole = row.syntax === "rep movsd" ? "rep movsd dword ptr [rdi], dword ptr [rsi]" : row.syntax;
  const name = isWhole ? whole : row.syntax.slice(0, space);
  const operands = isWhole ? [] : row.syntax.slice(space + 1).split(", ");
  const imm = operands.find((o) => o.startsWith("imm"));
  const values = imm === undefined ? [0] : IMMEDIATES[imm];
  const list: Sample[] = [];
  const vvvv = operands.some((o) => /^r\d+b$/.test(o)) ? VVVV : 0;
  const lockOnly = row.prefixes.includes(0xf0);
  const rmKind = operands.find(isRm);
  for (const value of values) {
    const render = (reg: number, rm: (kind: string) => string) =>
      `${name} ${operands
        .map((o) => {
          if (o.startsWith("imm")) return value < 0 ? `-${-value}` : String(value);
          if (isRm(o) || (row.modrm !== "r" && o === "xmm")) return rm(o);
          const vex = /^r(32|64)([ab])$/.exec(o);
          if (vex !== null) return registerName(vex[2] === "a" ? reg : VVVV, Number(vex[1]));
          return WIDTH[o] === undefined ? o : nameOf(reg, WIDTH[o]);
        })
        .join(", ")}`.trim();
    const make = (emit: (asm: X64Assembler) => void): Uint8Array => {
      const asm = new X64Assembler();
      emit(asm);
      return asm.finish();
    };
    if (row.plusR)
      for (const [reg] of REGISTERS)
        list.push({
          text: render(reg, () => ""),
          bytes: make((a) =>
            a.r(row, reg, Number(BigInt.asIntN(32, BigInt(value))), Math.floor(value / 2 ** 32)),
          ),
        });
    else if (row.modrm === "") {
      if (!operands.some((o) => o.startsWith("rel")))
        list.push({ text: render(0, () => ""), bytes: make((a) => a.op(row, value)) });
    } else {
      if (!rmKind?.startsWith("m") && !lockOnly)
        for (const [reg, rm] of REGISTERS)
          list.push({
            text: render(reg, (kind) => nameOf(rm, WIDTH[kind])),
            bytes: make((a) => a.rr(row, reg, rm, value, vvvv)),
          });
      if (rmKind === undefined && operands.includes("xmm")) continue;
      for (const [base, index, scale, disp, text] of MEMORY) {
        const size = rmKind === "m" ? "" : `${SIZE[WIDTH[rmKind!]]} ptr `;
        list.push({
          text: render(10, () => size + text),
          bytes: make((a) => a.rm(row, 10, base, index, scale, disp, value, vvvv)),
        });
      }
    }
  }
  return list;
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
let ks: Keystone;
let cs: Capstone;
beforeAll(async () => {
  await loadKeystone();
  await loadCapstone();
  ks = new Keystone(KsConst.KS_ARCH_X86, KsConst.KS_MODE_64);
  cs = new Capstone(CsConst.CS_ARCH_X86, CsConst.CS_MODE_64);
});

function disassembled(bytes: Uint8Array): string {
  const list = cs.disasm(bytes, { address: 0 });
  return list.length === 1 && list[0].size === bytes.length
    ? `${list[0].mnemonic} ${list[0].opStr}`.trim()
    : `${list.length} instructions`;
}

function assembled(text: string): string | undefined {
  try {
    return hex(ks.asm(text, { address: 0 }) as Uint8Array);
  } catch {
    return undefined;
  }
}

describe("x86-64 rows", () => {
  it("are unique", () => {
    expect(new Set(X64_ROWS.map((row) => row.syntax)).size).toBe(X64_ROWS.length);
  });

  it.each(X64_ROWS.filter((row) => !/rel(8|32)/.test(row.syntax)).map((row) => [row.syntax, row] as const))(
    "%s",
    (_, row) => {
      const list = samples(row);
      expect(list.length).toBeGreaterThan(0);
      for (const { text, bytes } of list) {
        // Several encodings can mean the same: where keystone chose another one, both must disassemble alike.
        const other = assembled(text);
        if (other === hex(bytes)) continue;
        expect(other, `keystone cannot assemble "${text}"`).toBeDefined();
        expect(disassembled(bytes), text).toBe(disassembled(Buffer.from(other!, "hex")));
      }
    },
  );

  it.each(X64_ROWS.filter((row) => /rel(8|32)/.test(row.syntax)).map((row) => [row.syntax, row] as const))(
    "%s",
    (_, row) => {
      for (const distance of row.syntax.endsWith("rel8") ? [0, 127, -128] : [0, 0x12345, -0x12345]) {
        const asm = new X64Assembler();
        asm.op(row, distance);
        const bytes = asm.finish();
        const target = BigInt.asUintN(64, BigInt(bytes.length + distance));
        const name = row.syntax.split(" ")[0];
        expect(disassembled(bytes)).toBe(`${name} ${target > 9n ? `0x${target.toString(16)}` : target}`);
      }
    },
  );
});
