/** What a verdict says besides yes or no, and that there always is one: for whatever decodes. */

import { describe, expect, test } from "vitest";
import type { Program, Reference } from "../../compiler/program.ts";
import { RULES } from "../../compiler/verify/rules.ts";
import { type Verdict, verify } from "../../compiler/verify/verify.ts";
import { BPF, type Insn } from "../../formats/isa/bpf.ts";
import { HELPERS } from "../../helpers/table.ts";
import { Random } from "../diff/generate.ts";
import { type Case, listing, programOf } from "./program.ts";

const verdict = (code: string, more: Partial<Case> = {}): Verdict => {
  const c = { name: "main", ctx: "args", code, ...more };
  return verify(programOf(c), c)[0];
};

describe("a verdict", () => {
  test("for each entry, in order", () => {
    const program = programOf({ name: "two", ctx: "", code: "call f; exit; fn f: r0 = u64[r1+0]; exit" });
    program.entries.push({ name: "second", hook: "", func: 1 }, { name: "third", hook: "", func: 0 });
    const verdicts = verify(program, { ctx: "mem:8" });
    expect(verdicts.map(({ name, ok }) => [name, ok])).toEqual([
      ["main", true],
      ["second", true],
      ["third", true],
    ]);
    expect(verify(program, { ctx: "args" }).map(({ refusal }) => refusal?.rule)).toEqual(
      new Array(3).fill("not-a-pointer"),
    );
  });

  test("by the hook where nothing is said", () => {
    const code = "r0 = u32[r1+12]; exit";
    const program = (hook: string) => programOf({ name: "main", ctx: "", code, hook });
    expect(verify(program("xdp"))[0].ok).toBe(true);
    expect(verify(program("socket"))[0].ok).toBe(true);
    expect(verify(program("kprobe/x"))[0].refusal?.rule).toBe("not-a-pointer");
    expect(verify(program("xdp"), { ctx: "mem:8" })[0].refusal?.rule).toBe("memory-bounds");
  });

  test("names the helpers that are called, each once", () => {
    const { helpers } = verdict(
      "call bpf_ktime_get_ns; call f; call bpf_ktime_get_ns; exit; fn f: call clock; exit",
    );
    expect(helpers).toEqual(["bpf_ktime_get_ns", "clock"]);
  });

  test.each([
    ["r0 = 0; exit", 0],
    ["u8[r10-1] = 0", 16],
    ["u64[r10-16] = 0", 16],
    ["u8[r10-17] = 0", 32],
    ["u8[r10-17] = 0; call f; exit; fn f: u8[r10-1] = 0; r0 = 0; exit", 48],
    [
      "if r1 == 0 goto a; call f; exit; a: call g; exit; fn f: u8[r10-64] = 0; r0 = 0; exit; fn g: u8[r10-80] = 0; r0 = 0; exit",
      80,
    ],
    ["r1 = r10; call f; exit; fn f: u64[r1-64] = 0; r0 = 0; exit", 64],
    [
      "r1 = 3; r2 = fn f; r3 = r10; r3 += -8; r4 = 0; call bpf_loop; r0 = 0; exit; fn f: u8[r2-100] = 1; r0 = 0; exit",
      112,
    ],
    ["r1 = r10; r1 += -64; call 2000001; r0 = 0; exit", 64],
  ])("stack of the deepest chain: %s", (code, bytes) => {
    expect(verdict(code).stack).toBe(bytes);
  });

  test.each([
    ["r1 = 0; loop: r1 += 1; if r1 != 10 goto loop", [{ func: 0, insn: 1, bounded: true }]],
    ["loop: call bpf_ktime_get_ns; if r0 != 0 goto loop", [{ func: 0, insn: 0, bounded: false }]],
    [
      "r6 = 0; a: call f; r6 += 1; if r6 != 3 goto a; exit; fn f: r0 = 0; b: r0 += 1; if r0 != 5 goto b; exit",
      [
        { func: 0, insn: 1, bounded: true },
        { func: 1, insn: 1, bounded: true },
      ],
    ],
    ["r0 = 0; exit", []],
  ])("loops, and whether they end: %s", (code, expected) => {
    const { loops, bounded } = verdict(code);
    expect(loops.map(({ func, insn, bounded }) => ({ func, insn, bounded }))).toEqual(expected);
    expect(bounded).toBe(expected.every((loop) => loop.bounded));
  });

  test("a refusal has the place, the register and the branches on the way", () => {
    const code =
      "r2 = 5; if r1 == 0 goto a; if r1 > 7 goto a; r2 = r3; a: r4 = data; r4 += r2; r0 = u8[r4+0]";
    const { refusal } = verdict(code, { dataSize: 8 });
    expect(refusal).toMatchObject({ rule: "memory-bounds", func: 0, insn: 6, subject: "r4" });
    expect(refusal?.path).toEqual([
      { func: 0, insn: 1, taken: false },
      { func: 0, insn: 2, taken: false },
    ]);
    expect(`${refusal?.expected} ${refusal?.got}`).toMatch(/8 bytes/);
  });

  test("a refusal in a function has the calls that lead there", () => {
    const { refusal } = verdict("r0 = 0; call f; exit; fn f: call g; exit; fn g: r0 = u8[r1+0]; exit");
    expect(refusal).toMatchObject({ rule: "not-a-pointer", func: 2, insn: 0 });
    expect(refusal?.calls).toEqual([
      { func: 0, insn: 1 },
      { func: 1, insn: 0 },
    ]);
  });

  test("is the same each time", () => {
    const code =
      "r6 = 0; loop: r1 >>= 1; r6 += r1; r6 &= 63; if r1 != 0 goto loop; r2 = data; r2 += r6; r0 = u8[r2+0]";
    const [a, b] = [verdict(code), verdict(code)];
    expect({ ...a, milliseconds: 0 }).toEqual({ ...b, milliseconds: 0 });
  });
});

/** Branches that double the paths, and loops that nest, for the budget. */
const DIAMONDS = Array.from(
  { length: 200 },
  (_, i) =>
    `r2 = r1; r2 >>= ${i % 64}; r2 &= 1; r${3 + (i % 3)} = r2; if r2 == 0 goto l${i}; r0 += r${3 + (i % 3)}; l${i}:`,
).join("; ");
const NESTED = (depth: number): string =>
  depth === 0
    ? "r0 += 1"
    : `r${10 - depth} = 0; a${depth}: ${NESTED(depth - 1)}; r${10 - depth} += 1; if r${10 - depth} < 1000 goto a${depth}`;

describe("within its budget", () => {
  test.each([
    ["200 branches in a row", `r0 = 0; r3 = 0; r4 = 0; r5 = 0; ${DIAMONDS} exit`],
    [
      "200 branches in a loop",
      `r0 = 0; r3 = 0; r4 = 0; r5 = 0; r9 = r1; loop: ${DIAMONDS} r9 += -1; if r9 != 0 goto loop; exit`,
    ],
    ["four loops of 1000 rounds in each other", `r0 = 0; ${NESTED(4)}; exit`],
    [
      "a callback in a callback",
      "r1 = r1; r2 = fn f; r3 = 0; r4 = 0; call bpf_loop; exit; fn f: r2 = fn g; r3 = 0; r4 = 0; call bpf_loop; r0 = 0; exit; fn g: r0 = 0; exit",
    ],
  ])("%s", (_, code) => {
    const { ok, refusal, instructions } = verdict(code);
    expect(ok || refusal?.rule === "budget").toBe(true);
    expect(instructions).toBeLessThan(2_100_000);
  });

  test("a call tree of 4^8 paths", () => {
    const level = (k: number) =>
      k < 7 ? Array.from({ length: 4 }, () => `call f${k + 1}`).join("; ") : "r0 = 0";
    const code = `${level(0)}; exit; ${Array.from({ length: 7 }, (_, k) => `fn f${k + 1}: ${level(k + 1)}; exit`).join("; ")}`;
    const { ok, refusal } = verdict(code);
    expect(ok || refusal?.rule === "budget").toBe(true);
  });
});

const COUNT = process.env.RUNBPF_SLOW ? 100_000 : 4000;

/** Instructions that decode, with no sense in them. */
function nonsense(random: Random): Program {
  const base = programOf({ name: "nonsense", ctx: "", code: "r0 = 0; exit; fn f: r0 = 0; exit" });
  const registers = [0, 1, 1, 2, 3, 6, 10];
  const offsets = [0, -8, 8, -16, -512, 4, 40, 76, 80, -4, -1, (random.immediate() << 16) >> 16];
  const reference = (insn: Insn): Reference | undefined => {
    if (insn.row.op === "local") return { kind: "function", index: 1 };
    if (insn.row.op === "helper") return { kind: "helper", id: insn.imm };
    if (insn.row.kind !== "lddw" || random.chance(20)) return undefined;
    const offset = random.pick([0, 8, 31, 64, -1]);
    return random.pick<Reference>([
      { kind: "map", index: random.below(base.maps.length) },
      { kind: "map-value", index: 3, offset: random.below(48) },
      { kind: "data", offset },
      { kind: "rodata", offset },
      { kind: "function", index: 1 },
    ]);
  };
  const usable = BPF.filter(({ op, kind }) => op !== "kfunc" && !(kind === "lddw" && op !== "imm"));
  const calls = BPF.filter(({ kind }) => kind === "call" && random.chance(70)).filter(
    ({ op }) => op !== "kfunc",
  );
  for (const func of base.functions) {
    const count = 2 + random.below(24);
    // Some registers have values to begin with, so that not every program ends at its first instruction.
    const insns: Insn[] = [];
    const add = (row: Insn["row"], fields: Partial<Insn>) =>
      insns.push({ row, dst: 0, src: 0, off: 0, imm: 0, hi: 0, slot: insns.length, ...fields });
    const named = (name: string) => BPF.find((row) => row.name === name)!;
    for (const dst of [0, 6, 7]) add(named("mov64.imm"), { dst, imm: random.immediate() });
    for (const off of [-8, -16]) add(named("stdw"), { dst: 10, off });
    add(named("mov64.reg"), { dst: random.pick([2, 3, 8]), src: random.pick([1, 10, 10, 6]) });
    for (let i = 0; i < count; i++) {
      const row = calls.length > 0 && random.chance(15) ? random.pick(calls) : random.pick(usable);
      const imm = row.op === "helper" ? random.pick(HELPERS).id : random.immediate();
      add(row, {
        dst: random.pick(registers),
        src: random.pick(registers),
        off: random.pick(offsets),
        imm,
        hi: random.immediate(),
      });
    }
    add(named("exit"), {});
    func.insns = insns;
    func.targets = Int32Array.from(insns, ({ row }) =>
      row.kind === "jump" ? random.below(insns.length) : -1,
    );
    func.references = insns.map(reference);
  }
  return base;
}

describe("whatever decodes", () => {
  test.each(["args", "mem:32", "cmd", "xdp", "skb"])(
    `${COUNT} programs without sense: %s`,
    { timeout: 600_000 },
    (ctx) => {
      const rules = new Set<string>();
      for (let seed = 0; seed < COUNT; seed++) {
        const program = nonsense(new Random(seed));
        let found: Verdict;
        try {
          [found] = verify(program, { ctx, maxInstructions: 20_000 });
        } catch (error) {
          throw new Error(`seed ${seed}\n${listing(program)}`, { cause: error });
        }
        if (found.refusal) rules.add(found.refusal.rule);
        expect(found.ok).toBe(found.refusal === undefined);
      }
      for (const rule of rules) expect(Object.keys(RULES)).toContain(rule);
      expect(rules.size).toBeGreaterThan(10);
    },
  );
});
