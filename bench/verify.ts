/** The verifier: microseconds an instruction over programs as clang makes them, long programs, and a process of its own. */

import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { link, linkRaw } from "../compiler/link.ts";
import { load } from "../compiler/load.ts";
import type { Program } from "../compiler/program.ts";
import { verify } from "../compiler/verify/verify.ts";
import { assemble } from "../formats/isa/bpf.ts";
import { helperByName } from "../helpers/table.ts";
import { firstOf, ROOT, SCRATCH } from "./measure.ts";
import type { Row } from "./table.ts";

const ROUNDS = 15;
const FOLDER = join(ROOT, "test/verify/programs");
/** Context by file; otherwise its name. */
const CONTEXT: Record<string, string> = { maps: "args", helpers: "args" };

/** Least milliseconds that each program took, with its instructions (those of what it calls are not counted). */
function measure(program: Program, ctx: string): { milliseconds: number; insns: number }[] {
  const best = program.entries.map(() => Number.POSITIVE_INFINITY);
  for (let round = 0; round < ROUNDS; round++)
    for (const [e, verdict] of verify(program, { ctx }).entries())
      if (verdict.ok) best[e] = Math.min(best[e], verdict.milliseconds);
  return program.entries
    .map(({ func }, e) => ({ milliseconds: best[e], insns: program.functions[func].insns.length }))
    .filter(({ milliseconds }) => Number.isFinite(milliseconds));
}

const median = (list: number[]): number => list.toSorted((a, b) => a - b)[list.length >> 1];

/** Microseconds an instruction, the median over all accepted programs of the clang corpus. */
function corpus(): Row {
  const all: number[] = [];
  for (const name of readdirSync(FOLDER).filter((file) => file.endsWith(".c"))) {
    const out = join(SCRATCH, `${name}.o`);
    const flags = ["-target", "bpf", "-O2", "-g", "-mcpu=v3", "-fno-builtin", `-I${FOLDER}`];
    execFileSync(firstOf("clang-19", "clang"), [...flags, "-c", join(FOLDER, name), "-o", out]);
    const program = link(load(readFileSync(out), name), { helperByName });
    const base = name.replace(".c", "");
    for (const { milliseconds, insns } of measure(program, CONTEXT[base] ?? base))
      all.push((milliseconds * 1000) / insns);
  }
  const what = "verifier, warm, an instruction (median)";
  return {
    key: "verify.insn",
    what,
    value: median(all),
    unit: "µs",
    target: 20,
    note: `${all.length} programs`,
  };
}

/** A packet parser of many steps: checks, loads, branches, a table on the stack. */
function long(steps: number): Program {
  const lines = ["r6 = *(u64 *)(r1 + 0)", "r7 = *(u64 *)(r1 + 8)", "r0 = 0", "r8 = 0"];
  for (let slot = 1; slot <= 16; slot++) lines.push(`*(u64 *)(r10 - ${8 * slot}) = 0`);
  for (let i = 0; i < steps; i++) {
    const at = (i * 7) % 200;
    lines.push("r2 = r6", `r2 += ${at + 8}`, "if r2 > r7 goto +8", `r3 = *(u32 *)(r6 + ${at})`);
    lines.push(`if r3 > ${i * 13} goto +2`, `r8 += r3`, "goto +3", "r4 = r3", `r4 &= 7`, "r8 ^= r4");
    lines.push(`*(u64 *)(r10 - ${8 * (1 + (i % 16))}) = r8`);
  }
  lines.push("r0 = r8", "r0 &= 3", "exit");
  return linkRaw(assemble(lines.join("\n")), "long");
}

export function verification(): Row[] {
  const rows = [corpus()];
  for (const steps of [270, 810]) {
    const [{ milliseconds, insns }] = measure(long(steps), "xdp");
    const what = `verifier, ${insns} instructions of packet parsing`;
    rows.push({ key: `verify.long.${insns}`, what, value: milliseconds, unit: "ms", target: 1000 });
  }
  return rows;
}
