/** Every arithmetic, byte-order and jump row, over edge values, against the model. */

import { afterAll, describe, expect, it } from "vitest";
import { BPF, type BpfRow, encode, type Insn } from "../../formats/isa/bpf.ts";
import { ENGINES, type EngineUnderTest } from "./engines.ts";
import { alu, compare, EDGES, IMMEDIATES, signed, unsigned } from "./model.ts";

const byName = new Map(BPF.map((row) => [row.name, row]));
const insn = (row: BpfRow | string, fields: Partial<Insn> = {}): Insn => {
  const found = typeof row === "string" ? byName.get(row) : row;
  if (found === undefined) throw new Error(`no row ${row}`);
  return { row: found, dst: 0, src: 0, off: 0, imm: 0, hi: 0, slot: 0, ...fields };
};
const EXIT = insn("exit");
const bits = (row: BpfRow) => row.width as 32 | 64;
const constant = (dst: number, value: bigint): Insn =>
  insn("lddw", { dst, imm: Number(BigInt.asIntN(32, value)), hi: Number(BigInt.asIntN(32, value >> 32n)) });

type Program = { code: Uint8Array; expected: (a: bigint, b: bigint) => bigint };

/** Programs of two arguments for a row: register forms as they are, immediate forms for each immediate. */
function programs(row: BpfRow): Program[] {
  const start = [insn("mov64.reg", { dst: 0, src: 1 })];
  const finish = (body: Insn[]) => encode([...start, ...body, EXIT]);
  if (row.kind === "alu" && row.op !== "neg" && row.op !== "movsx") {
    if (row.operand === "reg")
      return [
        { code: finish([insn(row, { dst: 0, src: 2 })]), expected: (a, b) => alu(row.op, a, b, bits(row)) },
        { code: finish([insn(row, { dst: 0, src: 0 })]), expected: (a) => alu(row.op, a, a, bits(row)) },
        // The result lands in the register of the second operand.
        {
          code: encode([
            insn(row, { dst: 1, src: 2 }),
            insn("mov64.reg", { dst: 2, src: 1 }),
            insn("mov64.reg", { dst: 0, src: 2 }),
            EXIT,
          ]),
          expected: (a, b) => alu(row.op, a, b, bits(row)),
        },
      ]; // prettier-ignore
    return IMMEDIATES.map((imm) => ({
      code: finish([insn(row, { dst: 0, imm })]),
      expected: (a) => alu(row.op, a, BigInt(imm), bits(row)),
    }));
  }
  if (row.op === "neg")
    return [{ code: finish([insn(row, { dst: 0 })]), expected: (a) => unsigned(bits(row), -a) }];
  if (row.op === "movsx") {
    const expected = (a: bigint) => unsigned(bits(row), signed(row.bytes * 8, a));
    return [
      { code: finish([insn(row, { dst: 0, src: 1 })]), expected },
      { code: finish([insn(row, { dst: 0, src: 0 })]), expected },
    ];
  }
  if (row.kind === "end") {
    const swapped = (a: bigint) => {
      const size = row.width / 8;
      const bytes = Array.from({ length: size }, (_, i) => (a >> BigInt(8 * i)) & 255n);
      return bytes.reduce((sum, byte, i) => sum | (byte << BigInt(8 * (size - 1 - i))), 0n);
    };
    const expected = (a: bigint) => (row.op === "le" ? unsigned(row.width, a) : swapped(a));
    return [{ code: finish([insn(row, { dst: 0 })]), expected }];
  }
  const jump = (fields: Partial<Insn>) =>
    encode([
      insn("mov32.imm", { imm: 1 }),
      insn(row, { off: 1, ...fields }),
      insn("mov32.imm", { imm: 0 }),
      EXIT,
    ]);
  if (row.operand === "reg")
    return [
      { code: jump({ dst: 1, src: 2 }), expected: (a, b) => compare(row.op, a, b, bits(row)) },
      { code: jump({ dst: 1, src: 1 }), expected: (a) => compare(row.op, a, a, bits(row)) },
    ];
  return IMMEDIATES.map((imm) => ({
    code: jump({ dst: 1, imm }),
    expected: (a) => compare(row.op, a, BigInt(imm), bits(row)),
  }));
}

const ROWS = BPF.filter(
  (row) => row.kind === "alu" || row.kind === "end" || (row.kind === "jump" && row.op !== "ja"),
);
const loaded: { done(): void }[] = [];
afterAll(() => {
  for (const one of loaded) one.done();
});

function check(engine: EngineUnderTest, row: BpfRow): void {
  for (const { code, expected } of programs(row)) {
    const program = engine.load(code, { ctx: "args" });
    for (const a of EDGES)
      for (const b of row.operand === "reg" ? EDGES : [0n]) {
        const got = program.run(a, b);
        if (got !== expected(a, b))
          expect(`${row.name}(0x${a.toString(16)}, 0x${b.toString(16)}) = 0x${got.toString(16)}`).toBe(
            `0x${expected(a, b).toString(16)}`,
          );
      }
    program.done();
  }
}

describe.each(ENGINES)("$name", (engine) => {
  it.each(ROWS.map((row) => [row.name, row] as const))("%s", (_, row) => check(engine, row));

  it("folds constants as it computes", () => {
    const binary = ROWS.filter((row) => row.kind === "alu" && row.operand === "reg" && row.op !== "movsx");
    // One program a row: results over pairs of edges are mixed into one number.
    for (const row of binary) {
      const body: Insn[] = [insn("mov64.imm", { dst: 6, imm: 0 })];
      let expected = 0n;
      for (const [i, a] of EDGES.entries()) {
        const b = EDGES[(i * 7 + 3) % EDGES.length];
        body.push(constant(1, a), constant(2, b), insn(row, { dst: 1, src: 2 }));
        body.push(insn("mul64.imm", { dst: 6, imm: 31 }), insn("add64.reg", { dst: 6, src: 1 }));
        expected = unsigned(64, expected * 31n + alu(row.op, a, b, bits(row)));
      }
      body.push(insn("mov64.reg", { dst: 0, src: 6 }), EXIT);
      const program = engine.load(encode(body));
      expect([row.name, program.run()]).toEqual([row.name, expected]);
      program.done();
    }
  });
});
