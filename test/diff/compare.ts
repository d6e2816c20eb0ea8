/** Runs random programs on every engine and says where results differ. */

import { readFileSync } from "node:fs";
import { compile } from "../../compiler/compile.ts";
import { hex } from "../../formats/bytes.ts";
import type { Arch } from "../../formats/container.ts";
import { Runtime } from "../../runtime/index.ts";
import { TARGETS } from "../device-tools.ts";
import { type Result, runBatch } from "../run/engines.ts";
import { assembleItems, generate, type Item, memoryOf } from "./generate.ts";

const native = new Runtime();
const interpreter = new Runtime({ engine: "interpret", maxInstructions: 10_000_000 });
const HOST = process.arch as Arch;
const hasBmi = () =>
  HOST === "x64" && process.platform === "linux" && /\bbmi2\b/.test(readFileSync("/proc/cpuinfo", "utf8"));
/** Every third program is for a processor with more than the least of its kind, where this one has it. */
const RICH = hasBmi() ? ["x86-64-v3"] : [];
export const cpuOf = (k: number): string[] => (k % 3 === 2 ? RICH : []);

export interface Outcome {
  r0: string;
  memory: string;
}

const outcome = (r0: bigint, memory: Uint8Array): Outcome => ({
  r0: `0x${r0.toString(16)}`,
  memory: Buffer.from(memory).toString("hex"),
});

export type Level = 0 | 1 | 2 | "s";
export const LEVELS: readonly Level[] = [0, 1, 2, "s"];

function inProcess(
  runtime: Runtime,
  code: Uint8Array,
  memory: Uint8Array,
  target: Arch,
  optimize: Level,
  check: boolean,
  cpu: string[],
): Outcome {
  const options = { raw: true, name: "fuzz", target, optimize, check, cpu, verify: false } as const;
  const { container } = compile(code, options);
  using instance = runtime.load("fuzz", container, { timeout: 5000 });
  const bytes = memory.slice();
  return outcome(instance.run(bytes, bytes.length), bytes);
}

export const interpret = (code: Uint8Array, memory: Uint8Array): Outcome =>
  inProcess(interpreter, code, memory, "bytecode", 0, false, []);

export const runNative = (
  code: Uint8Array,
  memory: Uint8Array,
  level: Level,
  check = false,
  cpu: string[] = [],
): Outcome => inProcess(native, code, memory, HOST, level, check, cpu);

/** A difference, or an exception on one side. */
export interface Difference {
  engine: string;
  expected: string;
  got: string;
}

const shown = ({ r0, memory }: Outcome) => `r0 = ${r0}, memory ${memory}`;

/** Compares native code with the interpreter; undefined where they agree. */
export function difference(
  code: Uint8Array,
  memory: Uint8Array,
  levels: readonly Level[],
  check = false,
  cpu: string[] = [],
): Difference | undefined {
  const expected = interpret(code, memory);
  for (const level of levels) {
    let got: string;
    try {
      got = shown(runNative(code, memory, level, check, cpu));
    } catch (error) {
      got = String(error);
    }
    const engine = [HOST, ...cpu, `-O${level}`].join(" ");
    if (got !== shown(expected)) return { engine, expected: shown(expected), got };
  }
  return undefined;
}

/** One batch in bare.c on a target; the seeds that differ. */
export function differencesInBatch(
  arch: "x64" | "arm64",
  seeds: number[],
  level: Level,
  size: number,
  cpu: string[] = [],
): { seed: number; difference: Difference }[] {
  const target = TARGETS.find((t) => t.arch === arch)!;
  const programs = seeds.map((seed) => ({
    seed,
    code: assembleItems(generate(seed, size)),
    memory: memoryOf(seed),
  }));
  const files = programs.map(({ seed, code, memory }) => ({
    file: compile(code, {
      raw: true,
      name: `seed ${seed}`,
      format: "bare",
      target: arch,
      optimize: level,
      cpu,
      verify: false,
    }).container,
    calls: [{ memory }],
    name: `seed ${seed}`,
  }));
  let results: Result[][];
  try {
    results = runBatch(target, files);
  } catch (error) {
    // One of them ends the process: which one, is told alone.
    if (seeds.length > 1) return seeds.flatMap((seed) => differencesInBatch(arch, [seed], level, size, cpu));
    const expected = shown(interpret(programs[0].code, programs[0].memory));
    return [
      {
        seed: seeds[0],
        difference: { engine: `${arch} -O${level} in bare.c`, expected, got: String(error) },
      },
    ];
  }
  return programs.flatMap(({ seed, code, memory }, k) => {
    const expected = shown(interpret(code, memory));
    const got = shown(outcome(results[k][0].r0, results[k][0].memory));
    return got === expected
      ? []
      : [{ seed, difference: { engine: `${arch} -O${level} in bare.c`, expected, got } }];
  });
}

/** Takes items away while `fails` holds; jumps to what is gone lead to what follows it. */
export function shrink(items: Item[], fails: (items: Item[]) => boolean): Item[] {
  let best = items;
  for (let chunk = Math.ceil(best.length / 2); chunk >= 1; chunk = chunk === 1 ? 0 : Math.ceil(chunk / 2)) {
    for (let at = 0; at < best.length; ) {
      const tried = without(best, at, chunk);
      if (tried.length < best.length && safely(fails, tried)) best = tried;
      else at += chunk;
    }
  }
  return best;
}

function safely(fails: (items: Item[]) => boolean, items: Item[]): boolean {
  try {
    return fails(items);
  } catch {
    return false;
  }
}

function without(items: Item[], at: number, count: number): Item[] {
  const gone = new Set(items.slice(at, at + count).filter((item) => !item.fixed));
  const kept = items.filter((item) => !gone.has(item));
  const after = (target: Item): Item => {
    let k = items.indexOf(target);
    while (gone.has(items[k])) k++;
    return items[k];
  };
  const copies = new Map(kept.map((item) => [item, { ...item }]));
  return kept.map((item) => {
    const copy = copies.get(item)!;
    if (item.to !== undefined) copy.to = copies.get(after(item.to));
    return copy;
  });
}

/** For a message: the seed, how to see it again, and the offset style of the rest of the project. */
export const describeSeed = (seed: number, size: number): string =>
  `seed ${seed} (${hex(seed)}), size ${size}`;
