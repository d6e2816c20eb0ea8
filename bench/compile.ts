/** Compile times: warm over all programs, long programs of three kinds, and whole processes. */

import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { assemble } from "../formats/isa/bpf.ts";
import { BPF, compileTime, geomean } from "./code.ts";
import { best, firstOf, median, processTime, ROOT, SCRATCH } from "./measure.ts";
import type { Row } from "./table.ts";

const FOLDER = join(ROOT, "bench/programs");
/** Instructions of the long programs, about. */
const LONG = 13_000;

function objects(): string[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith(".c"))
    .map((file) => {
      const out = join(SCRATCH, file.replace(/c$/, "o"));
      execFileSync(firstOf("clang-19", "clang"), [...BPF, "-c", join(FOLDER, file), "-o", out]);
      return out;
    });
}

/** Long programs: lines of one kind, again and again. */
const KINDS: Record<string, (i: number) => string[]> = {
  "of one block": (i) => [
    `r3 = *(u32 *)(r1 + ${(4 * i) % 4096})`,
    `r3 *= ${i | 1}`,
    "r0 ^= r3",
    `r0 <<= ${1 + (i % 7)}`,
    "r0 += r3",
    `*(u64 *)(r10 - ${8 * (1 + (i % 40))}) = r0`,
  ],
  "of branches": (i) => [
    `r3 = *(u32 *)(r1 + ${(4 * i) % 4096})`,
    `if r3 > ${i} goto +2`,
    "r0 += r3",
    "goto +1",
    "r0 ^= r3",
    "r0 += 3",
  ],
  "of small loops": (i) => [
    `r3 = ${1 + (i % 9)}`,
    `r4 = *(u8 *)(r1 + ${i % 4096})`,
    "r0 += r4",
    "r0 *= 3",
    "r3 += -1",
    "if r3 != 0 goto -4",
  ],
};

function long(kind: string): Uint8Array {
  const lines = ["r0 = 0"];
  for (let i = 0; lines.length < LONG; i++) lines.push(...KINDS[kind](i));
  return assemble([...lines, "exit"].join("\n"));
}

export function compileTimes(): Row[] {
  const main = join(ROOT, "dist/bin/main.js");
  if (!existsSync(main)) throw new Error(`bench: ${main} is missing: npm run build`);
  const files = objects();
  const options = { format: "bare", program: "prog", ctx: "mem", verify: false } as const;
  const codes = files.map((file) => new Uint8Array(readFileSync(file)));
  // The first time warms the compiler up.
  const [, times] = [0, 1].map(() => codes.map((code) => compileTime(code, options)));
  const rows: Row[] = [
    {
      ...{
        key: "compile.warm",
        what: "compiling at -O2, warm (geometric mean)",
        value: geomean(times),
      },
      ...{ unit: "µs", target: 1500, note: `${files.length} programs of bench/programs` },
    },
  ];
  for (const kind of Object.keys(KINDS)) {
    const raw = { ...options, program: undefined, raw: true, name: "long" };
    const value = compileTime(long(kind), raw) / 1e3;
    const what = `${LONG} instructions ${kind}, warm`;
    rows.push({ key: `compile.long.${kind.split(" ").at(-1)}`, what, value, unit: "ms", target: 120 });
  }
  const cold = files.filter((file) => !file.endsWith("straight-line.o")).map((file) => coldTime(main, file));
  const note = `${cold.length} programs below 2000 instructions; median ${median(cold).toFixed(0)} ms`;
  const what = "`runbpf convert bare`, the slowest process";
  rows.push({ key: "compile.cold", what, value: Math.max(...cold), unit: "ms", target: 250, note });
  return rows;
}

/** Milliseconds on the wall, the least of a few; those that the verifier accepts are verified. */
function coldTime(main: string, file: string): number {
  const args = [main, "convert", "bare", file, "--ctx", "mem", "-o", join(SCRATCH, "out.bare")];
  const accepted = spawnSync(process.execPath, args).status === 0;
  const times = Array.from({ length: 3 }, () =>
    processTime(process.execPath, accepted ? args : [...args, "--no-verify"]),
  );
  return best(times);
}
