/** The table of eBPF instructions (RFC 9669, ISA versions 1 to 4, and the legacy packet loads): one row each. */

/** Fields of an instruction slot; `hi` is the immediate of the second slot of a 64-bit load. */
export type Field = "dst" | "src" | "off" | "imm" | "hi";

export interface BpfRow {
  /** Unique key: "add64.imm", "jeq32.reg", "ldxw", "cmpxchg64", "call.local", … */
  name: string;
  opcode: number;
  /** The fixed value that tells this row from others with the same opcode: at most one field. */
  match: { src?: number; off?: number; imm?: number };
  /** Operand fields; a field that is neither used nor matched must be zero. */
  uses: readonly Field[];
  kind: "alu" | "end" | "load" | "store" | "atomic" | "jump" | "call" | "exit" | "lddw" | "packet";
  /**
   * alu: add sub mul div sdiv mod smod or and xor lsh rsh arsh neg mov movsx; end: le be bswap;
   * jump: ja jeq jgt jge jset jne jsgt jsge jlt jle jslt jsle; atomic: add or and xor xchg cmpxchg;
   * call: helper local kfunc indirect; packet: abs ind; lddw: imm map_fd map_value var func map_idx map_idx_value;
   * load, store, exit: "".
   */
  op: string;
  /** Of alu, end and jump; 64 elsewhere. */
  width: 16 | 32 | 64;
  /** Size of the memory access; for movsx the size of the source; 0 elsewhere. */
  bytes: 0 | 1 | 2 | 4 | 8;
  operand: "imm" | "reg" | "none";
  /** A load that extends the sign. */
  signed: boolean;
  /** An atomic that returns the old value. */
  fetch: boolean;
  /** ISA version (clang's -mcpu=vN) that introduced it. */
  version: 1 | 2 | 3 | 4;
  /** RFC 9669 section 2.4; callx, which the RFC leaves out, is with the other calls. */
  group: "base32" | "base64" | "divmul32" | "divmul64" | "atomic32" | "atomic64" | "packet";
  /**
   * The text that llvm-objdump prints, with placeholders: {dst} {src} {imm} {uimm} {imm64} = hi:imm, {off} = "+ 0x4",
   * {jump} {jumpl} = "+0x3" of off or imm, {+imm} {+hi} = " + 0x4", or nothing when zero.
   */
  syntax: string;
}

type Size = 1 | 2 | 4 | 8;
const SIZES = [
  { bytes: 1, bits: 0x10, letter: "b" },
  { bytes: 2, bits: 0x08, letter: "h" },
  { bytes: 4, bits: 0x00, letter: "w" },
  { bytes: 8, bits: 0x18, letter: "dw" },
] as const;

type Required3 = Pick<BpfRow, "kind" | "uses" | "syntax">;
const row = (name: string, opcode: number, about: Required3 & Partial<BpfRow>): BpfRow => ({
  ...{ match: {}, op: "", width: 64, bytes: 0, operand: "none", signed: false, fetch: false, version: 1 },
  ...{ group: "base64", name, opcode },
  ...about,
});

/** RFC 9669 section 4.1. `off` tells signed division and sign-extending moves from the plain ones. */
function aluRows(): BpfRow[] {
  const ops: [op: string, code: number, sign: string, off?: number][] = [
    ["add", 0x00, "+="],
    ["sub", 0x10, "-="],
    ["mul", 0x20, "*="],
    ["div", 0x30, "/=", 0],
    ["sdiv", 0x30, "s/=", 1],
    ["or", 0x40, "|="],
    ["and", 0x50, "&="],
    ["lsh", 0x60, "<<="],
    ["rsh", 0x70, ">>="],
    ["mod", 0x90, "%=", 0],
    ["smod", 0x90, "s%=", 1],
    ["xor", 0xa0, "^="],
    ["mov", 0xb0, "="],
    ["arsh", 0xc0, "s>>="],
  ];
  const rows: BpfRow[] = [];
  for (const [width, cls, r] of [
    [32, 4, "w"],
    [64, 7, "r"],
  ] as const) {
    const kind = "alu";
    const base = width === 32 ? "base32" : "base64";
    for (const [op, code, sign, off] of ops) {
      const group = /mul|div|mod/.test(op) ? (`divmul${width}` as const) : base;
      const version = /^s(div|mod)/.test(op) ? 4 : 1;
      const match = off === undefined ? {} : { off };
      const common = { kind, op, width, group, version } as const;
      const [imm, reg] = [`${r}{dst} ${sign} {imm}`, `${r}{dst} ${sign} ${r}{src}`];
      const name = `${op}${width}`;
      rows.push(
        row(`${name}.imm`, code | cls, {
          ...common,
          match,
          operand: "imm",
          uses: ["dst", "imm"],
          syntax: imm,
        }),
        row(`${name}.reg`, code | cls | 8, {
          ...common,
          match: op === "mov" ? { off: 0 } : match,
          operand: "reg",
          uses: ["dst", "src"],
          syntax: reg,
        }),
      );
    }
    const neg = {
      kind,
      op: "neg",
      width,
      group: base,
      uses: ["dst"],
      syntax: `${r}{dst} = -${r}{dst}`,
    } as const;
    rows.push(row(`neg${width}`, 0x80 | cls, neg));
    for (const bits of [8, 16, 32]) {
      if (bits === width) continue;
      rows.push(
        row(`movsx${width}.${bits}`, 0xb8 | cls, {
          ...{ kind, op: "movsx", width, group: base, version: 4, operand: "reg", uses: ["dst", "src"] },
          bytes: (bits / 8) as Size,
          match: { off: bits },
          syntax: `${r}{dst} = (s${bits})${r}{src}`,
        }),
      );
    }
  }
  return rows;
}

/** RFC 9669 section 4.2. */
function endRows(): BpfRow[] {
  const rows: BpfRow[] = [];
  for (const [op, opcode, version] of [
    ["le", 0xd4, 1],
    ["be", 0xdc, 1],
    ["bswap", 0xd7, 4],
  ] as const)
    for (const width of [16, 32, 64] as const)
      rows.push(
        row(`${op}${width}`, opcode, {
          ...{ kind: "end", op, width, version, match: { imm: width }, uses: ["dst"] },
          group: width === 64 ? "base64" : "base32",
          syntax: `r{dst} = ${op}${width} r{dst}`,
        }),
      );
  return rows;
}

/** RFC 9669 section 4.3: conditional jumps (ja, calls and exit are in the table itself). */
function jumpRows(): BpfRow[] {
  const ops: [op: string, code: number, sign: string, version?: 2][] = [
    ["jeq", 0x10, "=="],
    ["jgt", 0x20, ">"],
    ["jge", 0x30, ">="],
    ["jset", 0x40, "&"],
    ["jne", 0x50, "!="],
    ["jsgt", 0x60, "s>"],
    ["jsge", 0x70, "s>="],
    ["jlt", 0xa0, "<", 2],
    ["jle", 0xb0, "<=", 2],
    ["jslt", 0xc0, "s<", 2],
    ["jsle", 0xd0, "s<=", 2],
  ];
  const rows: BpfRow[] = [];
  for (const [width, cls, r] of [
    [64, 5, "r"],
    [32, 6, "w"],
  ] as const)
    for (const [op, code, sign, since] of ops)
      for (const operand of ["imm", "reg"] as const) {
        const right = operand === "imm" ? "{imm}" : `${r}{src}`;
        rows.push(
          row(`${op}${width}.${operand}`, code | cls | (operand === "reg" ? 8 : 0), {
            ...{ kind: "jump", op, width, operand },
            version: width === 32 ? 3 : (since ?? 1),
            group: width === 32 ? "base32" : "base64",
            uses: operand === "imm" ? ["dst", "imm", "off"] : ["dst", "src", "off"],
            syntax: `if ${r}{dst} ${sign} ${right} goto {jump}`,
          }),
        );
      }
  return rows;
}

/** RFC 9669 sections 5.1, 5.2 and 5.5. */
function memoryRows(): BpfRow[] {
  const rows: BpfRow[] = [];
  for (const { bytes, bits, letter } of SIZES) {
    const group = bytes === 8 ? "base64" : "base32";
    const r = bytes === 8 ? "r" : "w";
    const at = (sign: string, base: string) => `*(${sign}${bytes * 8} *)(r{${base}} {off})`;
    const [load, store] = [{ kind: "load", bytes, group } as const, { kind: "store", bytes, group } as const];
    rows.push(
      row(`ldx${letter}`, 0x61 | bits, {
        ...load,
        uses: ["dst", "src", "off"],
        syntax: `${r}{dst} = ${at("u", "src")}`,
      }),
      row(`st${letter}`, 0x62 | bits, {
        ...{ ...store, operand: "imm", uses: ["dst", "off", "imm"], syntax: `${at("u", "dst")} = {imm}` },
      }),
      row(`stx${letter}`, 0x63 | bits, {
        ...{ ...store, operand: "reg", uses: ["dst", "off", "src"], syntax: `${at("u", "dst")} = ${r}{src}` },
      }),
    );
    if (bytes === 8) continue;
    const packet = { kind: "packet", bytes, group: "packet" } as const;
    rows.push(
      row(`ldxs${letter}`, 0x81 | bits, {
        ...{ ...load, signed: true, version: 4, uses: ["dst", "src", "off"] },
        group: bytes === 4 ? "base64" : "base32",
        syntax: `r{dst} = ${at("s", "src")}`,
      }),
      row(`ldabs${letter}`, 0x20 | bits, {
        ...{
          ...packet,
          op: "abs",
          operand: "imm",
          uses: ["imm"],
          syntax: `r0 = *(u${bytes * 8} *)skb[{imm}]`,
        },
      }),
      row(`ldind${letter}`, 0x40 | bits, {
        ...{ ...packet, op: "ind", operand: "reg", uses: ["src", "imm"] },
        syntax: `r0 = *(u${bytes * 8} *)skb[r{src}{+imm}]`,
      }),
    );
  }
  return rows;
}

/** RFC 9669 section 5.3: the immediate names the operation. */
function atomicRows(): BpfRow[] {
  const rows: BpfRow[] = [];
  for (const [bytes, opcode, r] of [
    [4, 0xc3, "w"],
    [8, 0xdb, "r"],
  ] as const) {
    const bits = (bytes * 8) as 32 | 64;
    const memory = "r{dst} {off}";
    const add = (name: string, op: string, imm: number, fetch: boolean, syntax: string) =>
      rows.push(
        row(`${name}${bits}`, opcode, {
          ...{ kind: "atomic", op, bytes, fetch, syntax, match: { imm }, uses: ["dst", "src", "off"] },
          ...{ operand: "reg", version: imm === 0 ? 1 : 3, group: `atomic${bits}` },
        }),
      );
    for (const [op, code, sign] of [
      ["add", 0, "+="],
      ["or", 0x40, "|="],
      ["and", 0x50, "&="],
      ["xor", 0xa0, "^="],
    ] as const) {
      const call = `${r}{src} = atomic_fetch_${op}((u${bits} *)(${memory}), ${r}{src})`;
      add(`atomic.${op}`, op, code, false, `lock *(u${bits} *)(${memory}) ${sign} ${r}{src}`);
      add(`atomic.fetch_${op}`, op, code | 1, true, call);
    }
    const suffix = bytes === 4 ? "32_32" : "_64";
    add("xchg", "xchg", 0xe1, true, `${r}{src} = xchg${suffix}(${memory}, ${r}{src})`);
    add("cmpxchg", "cmpxchg", 0xf1, true, `${r}0 = cmpxchg${suffix}(${memory}, ${r}0, ${r}{src})`);
  }
  return rows;
}

/** RFC 9669 section 5.4: the source register says what the immediate stands for. */
function lddwRows(): BpfRow[] {
  const ops = ["imm", "map_fd", "map_value", "var", "func", "map_idx", "map_idx_value"];
  return ops.map((op, src) => {
    const wide = src === 0 || op.endsWith("value");
    return row(src === 0 ? "lddw" : `lddw.${op}`, 0x18, {
      ...{
        kind: "lddw",
        op,
        match: { src },
        operand: "imm",
        uses: wide ? ["dst", "imm", "hi"] : ["dst", "imm"],
      },
      syntax: src === 0 ? "r{dst} = {imm64} ll" : `ld_pseudo r{dst}, 0x${src}, {uimm}${wide ? "{+hi}" : ""}`,
    });
  });
}

const call = { kind: "call", group: "base32" } as const;

/**
 * Every instruction. llvm-objdump prints the three direct calls alike; here "local" and "kfunc" tell them apart,
 * so that the text assembles to the same bytes.
 */
export const BPF: readonly BpfRow[] = [
  ...aluRows(),
  ...endRows(),
  ...memoryRows(),
  ...atomicRows(),
  ...lddwRows(),
  row("ja", 0x05, { kind: "jump", op: "ja", group: "base32", uses: ["off"], syntax: "goto {jump}" }),
  row("ja32", 0x06, {
    ...{
      kind: "jump",
      op: "ja",
      width: 32,
      group: "base32",
      version: 4,
      uses: ["imm"],
      syntax: "gotol {jumpl}",
    },
  }),
  ...jumpRows(),
  row("call", 0x85, {
    ...call,
    op: "helper",
    operand: "imm",
    match: { src: 0 },
    uses: ["imm"],
    syntax: "call {imm}",
  }),
  row("call.local", 0x85, {
    ...{
      ...call,
      op: "local",
      operand: "imm",
      version: 3,
      match: { src: 1 },
      uses: ["imm"],
      syntax: "call local {jumpl}",
    },
  }),
  row("call.kfunc", 0x85, {
    ...{
      ...call,
      op: "kfunc",
      operand: "imm",
      version: 3,
      match: { src: 2 },
      uses: ["imm"],
      syntax: "call kfunc {imm}",
    },
  }),
  row("callx", 0x8d, { ...call, op: "indirect", operand: "reg", uses: ["dst"], syntax: "callx r{dst}" }),
  row("exit", 0x95, { kind: "exit", group: "base32", uses: [], syntax: "exit" }),
];

/** An instruction; `imm` and `hi` (upper word of a 64-bit load, else 0) are signed 32-bit numbers. */
export interface Insn {
  row: BpfRow;
  dst: number;
  src: number;
  off: number;
  imm: number;
  hi: number;
  /** Index of its (first) 8-byte slot. */
  slot: number;
}

/** Registers r0 … r10. */
export const REGISTERS = 11;
export const SLOT = 8;
/** Bytes of a frame, which end at r10 (RFC 9669 leaves it open; Linux's number, which clang enforces too). */
export const FRAME_SIZE = 512;

/** Slots that an instruction takes. */
export const slots = (insn: Insn): 1 | 2 => (insn.row.kind === "lddw" ? 2 : 1);

/** The slot that a jump or a local call leads to, or -1: both count from the next slot. */
export function targetSlot(insn: Insn): number {
  const { kind, op, uses } = insn.row;
  if (kind === "jump") return insn.slot + 1 + (uses.includes("off") ? insn.off : insn.imm);
  return op === "local" ? insn.slot + 1 + insn.imm : -1;
}
