/**
 * npm run fuzz -- [--seconds N] [--count N] [--seed S] [--size N] [--arm64]: random programs on the interpreter
 * and in native code at each level, or in batches on arm64. A difference is shrunk, shown, and ends the run.
 */

import { parseArgs } from "node:util";
import { decode, print } from "../../formats/isa/bpf.ts";
import { cpuOf, difference, differencesInBatch, LEVELS, shrink } from "./compare.ts";
import { assembleItems, generate, memoryOf } from "./generate.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string" },
    count: { type: "string" },
    seed: { type: "string" },
    size: { type: "string", default: "40" },
    arm64: { type: "boolean", default: false },
  },
});
const size = Number(values.size);
const first = values.seed === undefined ? (Date.now() & 0xffffff) << 4 : Number(values.seed);
const count = values.count === undefined ? Number.POSITIVE_INFINITY : Number(values.count);
const seconds = Number(values.seconds ?? (values.count === undefined ? 60 : Number.POSITIVE_INFINITY));
const end = Date.now() + seconds * 1000;

function show(seed: number): void {
  const memory = memoryOf(seed);
  const cpu = cpuOf(seed);
  const fails = (items: ReturnType<typeof generate>) =>
    difference(assembleItems(items), memory, LEVELS, false, cpu) !== undefined;
  const smallest = shrink(generate(seed, size), fails);
  const code = assembleItems(smallest);
  const found = difference(code, memory, LEVELS, false, cpu);
  console.log(`seed ${seed}, size ${size}, shrunk to ${smallest.length} instructions:`);
  for (const insn of decode(code, "seed")) console.log(`  ${print(insn)}`);
  console.log(`memory   ${Buffer.from(memory).toString("hex")}`);
  if (found !== undefined) console.log(`expected ${found.expected}\n${found.engine}: ${found.got}`);
}

/** Programs done; exits at the first difference. */
function native(): number {
  let done = 0;
  for (; done < count && Date.now() < end; done++) {
    const seed = first + done;
    const code = assembleItems(generate(seed, size));
    if (difference(code, memoryOf(seed), LEVELS, false, cpuOf(seed)) === undefined) continue;
    show(seed);
    process.exit(1);
  }
  return done;
}

const BATCH = 500;

function emulated(): number {
  let done = 0;
  for (let round = 0; done < count && Date.now() < end; round++, done += BATCH) {
    const seeds = Array.from({ length: BATCH }, (_, i) => first + done + i);
    const level = LEVELS[round % LEVELS.length];
    const cpu = round % 3 === 2 ? ["lse"] : [];
    for (const { seed, difference: found } of differencesInBatch("arm64", seeds, level, size, cpu)) {
      console.log(
        `seed ${seed}, size ${size}, ${found.engine} ${cpu}\nexpected ${found.expected}\ngot      ${found.got}`,
      );
      for (const insn of decode(assembleItems(generate(seed, size)), "seed")) console.log(`  ${print(insn)}`);
      process.exit(1);
    }
  }
  return done;
}

const start = process.cpuUsage();
const done = values.arm64 ? emulated() : native();
const { user, system } = process.cpuUsage(start);
const each = ((user + system) / 1000 / done).toFixed(2);
const where = values.arm64
  ? "interpreter and arm64"
  : `interpreter and ${process.arch} -O${LEVELS.join(", -O")}`;
console.log(
  `${done} programs, seeds ${first} … ${first + done - 1}: no difference (${where}; ${each} ms each)`,
);
