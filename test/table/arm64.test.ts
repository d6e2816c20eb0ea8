/** Every AArch64 row: our word against keystone's for the same text, or capstone's text where keystone lacks it. */

import { Capstone, Const as CsConst, loadCapstone } from "capstone-wasm";
import { Keystone, Const as KsConst, loadKeystone } from "keystone-wasm";
import { beforeAll, describe, expect, it } from "vitest";
import { ARM_CC, ARM64_ROWS, type Arm64Row, bitmaskImmediate, encodeArm64 } from "../../formats/isa/arm64.ts";

let ks: Keystone;
let cs: Capstone;
beforeAll(async () => {
  await loadKeystone();
  await loadCapstone();
  ks = new Keystone(KsConst.KS_ARCH_ARM64, KsConst.KS_MODE_LITTLE_ENDIAN);
  cs = new Capstone(CsConst.CS_ARCH_ARM64, CsConst.CS_MODE_LITTLE_ENDIAN);
});

const REGISTERS = [
  { d: 0, n: 1, m: 2, a: 3 },
  { d: 30, n: 17, m: 9, a: 12 },
  { d: 5, n: 31, m: 28, a: 15 },
  { d: 29, n: 20, m: 3, a: 21 },
];
const BITMASKS: [number, number][] = [
  [0xff, 0],
  [1, 0],
  [-2, -1],
  [0xf0f0f0f0 | 0, 0xf0f0f0f0 | 0],
  [0, 0x7fffffff],
  [0x55555555, 0x55555555],
  [0xfff0, 0],
]; // prettier-ignore

function registerText(width: string, register: number, stack: boolean): string {
  if (register === 31) return stack ? (width === "W" ? "wsp" : "sp") : `${width.toLowerCase()}zr`;
  return `${width.toLowerCase()}${register}`;
}

/** 64 bits of which each byte is a bit's. */
const byteMask = (bits: number): string =>
  Array.from({ length: 8 }, (_, k) => ((bits >> (7 - k)) & 1 ? "ff" : "00")).join("");

interface Sample {
  text: string;
  word: number;
}

function samples(row: Arm64Row): Sample[] {
  const { syntax, width } = row;
  const signed = syntax.includes("#+i");
  const unit = Number(/#\+?i\*(\d+)/.exec(syntax)?.[1] ?? 1);
  const immediates =
    width[3] === 0
      ? [0]
      : signed
        ? [0, 1, -1, 2 ** (width[3] - 1) - 1, -(2 ** (width[3] - 1))]
        : [0, 1, 2 ** width[3] - 1];
  // Extended registers are shifted by four bits at most.
  const isExtended = /[us]xt[bhw] #j/.test(syntax);
  const seconds =
    width[4] === 0
      ? [0]
      : [
          0,
          isExtended ? 4 : Math.min(2 ** width[4] - 1, syntax.includes("W") && width[4] === 6 ? 31 : 63),
          1,
        ];
  const is32 = /W<n>|W<d>/.test(syntax) && width[3] === 6;
  const list: Sample[] = [];
  for (const regs of REGISTERS)
    for (const i of immediates)
      for (const j of seconds) {
        if (regs.n === 31 && !syntax.includes("<n>~")) continue;
        if (is32 && (i > 31 || j > 31)) continue;
        if (/movn|movz|movk/.test(syntax) && syntax.includes("W") && j > 1) continue;
        if (/cond/.test(syntax) && j > 13) continue;
        // Pre- and post-indexed forms must not write the base register that they transfer.
        if (/\]!|\], #/.test(syntax) && (regs.d === regs.n || regs.a === regs.n)) continue;
        let value = i;
        let text = syntax
          .replace(/([WXVQDSHB])<([dnma])>(~?)/g, (_, w, r, stack) =>
            registerText(w, regs[r as "d"], stack !== ""),
          )
          .replace(/#(\d+)-i/, (_, bits) => `#${bits - i}`)
          .replace("mask j:i", `0x${byteMask(((j & 7) << 5) | (i & 31))}`)
          .replace("#j:i", `#${((j & 7) << 5) | (i & 31)}`)
          .replace("#m*8", `#${(regs.m & (2 ** width[2] - 1)) * 8}`)
          .replace(/#\+?i(\*\d+)?/, `#${i * unit}`)
          .replace("lsl #j*16", `lsl #${j * 16}`)
          .replace(/lsl #j\*(\d)/, (_, log) => `lsl #${j * Number(log)}`)
          .replace("#j+32", `#${j + 32}`)
          .replace("#j", `#${j}`)
          .replace(/cond j|\.cond j/, (found) => (found[0] === "." ? "." : "") + Object.keys(ARM_CC)[j]);
        if (text.includes("#bitmask")) {
          const [lo, hi] = BITMASKS[(i + j + regs.d) % BITMASKS.length];
          const narrow = syntax.includes("W<n>");
          value = narrow ? bitmaskImmediate(lo, lo) : bitmaskImmediate(lo, hi);
          if (value < 0) continue;
          const number = narrow ? BigInt(lo >>> 0) : (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
          text = text.replace("#bitmask", `#0x${number.toString(16)}`);
        }
        // Branches and addresses: the distance in bytes from the instruction.
        const branch = width[3] >= 14 ? (i > 1 ? 1000 : i) : i;
        if (text.includes("#branch")) {
          value = branch;
          text = text.replace("#branch", `#${branch * 4}`);
        }
        if (text.includes("#address")) {
          value = branch;
          text = text.replace("#address", `#${branch * 4 + (j & 3)}`);
        }
        list.push({
          text,
          word: encodeArm64(row, regs.d, regs.n, regs.m, value, text.includes("adr ") ? j & 3 : j, regs.a),
        });
      }
  return list;
}

const bytesOf = (word: number) => new Uint8Array(Uint32Array.of(word).buffer);

function assembled(text: string): number | undefined {
  try {
    const bytes = ks.asm(text, { address: 0 }) as Uint8Array;
    return bytes.length === 4 ? new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true) : undefined;
  } catch {
    return undefined;
  }
}

const disassembled = (word: number) => {
  const [insn] = cs.disasm(bytesOf(word), { address: 0 });
  return insn === undefined ? "nothing" : `${insn.mnemonic} ${insn.opStr}`.trim();
};

/** Keystone 0.9 knows no Armv8.1 atomics. */
const BY_DISASSEMBLER = /^(ldaddal|ldclral|ldeoral|ldsetal|swpal|casal)/;

describe("AArch64 rows", () => {
  it("are unique", () => {
    expect(new Set(ARM64_ROWS.map((row) => row.syntax)).size).toBe(ARM64_ROWS.length);
  });

  it.each(ARM64_ROWS.map((row) => [row.syntax, row] as const))("%s", (_, row) => {
    const list = samples(row);
    expect(list.length).toBeGreaterThan(0);
    for (const { text, word } of list) {
      if (BY_DISASSEMBLER.test(text)) expect(disassembled(word)).toBe(text);
      else {
        const other = assembled(text);
        expect(other === undefined ? "keystone refuses it" : disassembled(other), text).toBe(
          disassembled(word),
        );
        expect(`${text}: ${other?.toString(16)}`).toBe(`${text}: ${word.toString(16)}`);
      }
    }
  });
});

describe("bitmask immediates", () => {
  it("decode to what they encode, and refuse all else", () => {
    const decode = (bits: number): bigint => {
      const imms = bits & 63;
      const immr = (bits >> 6) & 63;
      const length = 31 - Math.clz32(((bits >> 12) << 6) | (~imms & 63));
      const size = 1 << length;
      const ones = (imms & (size - 1)) + 1;
      const r = immr & (size - 1);
      let element = 0n;
      for (let k = 0; k < ones; k++) element |= 1n << BigInt((k - r + size) % size);
      let value = 0n;
      for (let at = 0; at < 64; at += size) value |= element << BigInt(at);
      return value;
    };
    let known = 0;
    for (let bits = 0; bits < 1 << 13; bits++) {
      const imms = bits & 63;
      const length = 31 - Math.clz32(((bits >> 12) << 6) | (~imms & 63));
      if (
        length < 1 ||
        (imms & ((1 << length) - 1)) === (1 << length) - 1 ||
        ((bits >> 6) & 63) >= 1 << length
      )
        continue;
      const value = decode(bits);
      known++;
      expect(
        bitmaskImmediate(Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n))),
      ).toBe(bits);
    }
    expect(known).toBe(5334);
    for (const [lo, hi] of [
      [0, 0],
      [-1, -1],
      [5, 0],
      [0x12345678, 0],
      [0b1011, 0],
    ])
      expect(bitmaskImmediate(lo, hi)).toBe(-1); // prettier-ignore
  });
});
