/** Every arithmetic, byte-order and jump row, over edge values, against the model. */

import { describe, expect, it } from "vitest";
import { BPF, type BpfRow, encode, type Insn } from "../../formats/isa/bpf.ts";
import { ENGINES, type EngineUnderTest, type Job, skipped } from "./engines.ts";
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
/** All pairs of edge values for all programs of a row, in one batch. */
function check(engine: EngineUnderTest, rows: BpfRow[]): void {
  const cases = rows.flatMap((row) => programs(row).map((program) => ({ row, ...program })));
  const pairs = (row: BpfRow) =>
    EDGES.flatMap((a) => (row.operand === "reg" ? EDGES : [0n]).map((b) => [a, b]));
  const jobs: Job[] = cases.map(({ row, code }) => ({
    code,
    name: row.name,
    calls: pairs(row).map((args) => ({ args })),
  }));
  const results = engine.run(jobs);
  const wrong: string[] = [];
  for (const [k, { row, expected }] of cases.entries())
    for (const [i, [a, b]] of pairs(row).entries()) {
      const { r0 } = results[k][i];
      if (r0 !== expected(a, b))
        wrong.push(
          `${row.name}(0x${a.toString(16)}, 0x${b.toString(16)}) = 0x${r0.toString(16)}, not 0x${expected(a, b).toString(16)}`,
        );
    }
  expect(wrong).toEqual([]);
}

/** Families of rows, so that an emulator starts a few times and not for each row. */
const GROUPS = [...new Set(ROWS.map((row) => row.op))].map((op) => ({
  op,
  rows: ROWS.filter((row) => row.op === op),
}));

describe.each(ENGINES)("$name", (engine) => {
  it.skipIf(skipped(engine)).each(GROUPS)("$op", ({ rows }) => check(engine, rows));

  it.skipIf(skipped(engine))("folds constants as it computes", () => {
    const binary = ROWS.filter((row) => row.kind === "alu" && row.operand === "reg" && row.op !== "movsx");
    // One program a row: results over pairs of edges are mixed into one number.
    const jobs: Job[] = [];
    const wanted: bigint[] = [];
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
      jobs.push({ code: encode(body), name: row.name, calls: [{}] });
      wanted.push(expected);
    }
    expect(engine.run(jobs).map(([{ r0 }], k) => [jobs[k].name, r0])).toEqual(
      wanted.map((r0, k) => [jobs[k].name, r0]),
    );
  });
});
