/**
 * node scripts/run.mjs test/verify/soundness.ts [--count N] [--seconds N] [--seed S] [--size N]: random programs, the
 * verifier's verdicts and states against runs. What is wrong is shrunk, shown, and ends the run with status 1.
 */

import { parseArgs } from "node:util";
import { decode, print } from "../../formats/isa/bpf.ts";
import { shrink } from "../diff/compare.ts";
import { assembleItems } from "../diff/generate.ts";
import { check } from "./soundness-check.ts";
import { generateChecked } from "./soundness-generate.ts";

const { values } = parseArgs({
  options: {
    count: { type: "string" },
    seconds: { type: "string" },
    seed: { type: "string" },
    size: { type: "string", default: "24" },
    rules: { type: "boolean", default: false },
  },
});
const size = Number(values.size);
const first = values.seed === undefined ? (Date.now() & 0xffffff) << 4 : Number(values.seed);
const count = values.count === undefined ? Number.POSITIVE_INFINITY : Number(values.count);
const seconds = Number(values.seconds ?? (values.count === undefined ? 60 : Number.POSITIVE_INFINITY));
const end = Date.now() + seconds * 1000;

function show(seed: number): void {
  const { items, promise } = generateChecked(seed, size);
  // Whatever is taken away is verified again, so that nothing needs to stay.
  for (const item of items) item.fixed = false;
  const smallest = shrink(items, (tried) => check(tried, promise, seed).wrong !== undefined);
  console.log(`seed ${seed}, size ${size}, ctx mem:${promise}, shrunk to ${smallest.length} instructions:`);
  for (const [i, insn] of decode(assembleItems(smallest), "seed").entries())
    console.log(`  ${i}: ${print(insn)}`);
  console.log(check(smallest, promise, seed).wrong);
}

const rules = new Map<string, number>();
let [done, accepted, steps] = [0, 0, 0];
for (; done < count && Date.now() < end; done++) {
  const seed = first + done;
  const { items, promise } = generateChecked(seed, size);
  const outcome = check(items, promise, seed);
  if (outcome.wrong !== undefined) {
    show(seed);
    process.exit(1);
  }
  if (outcome.accepted) accepted++;
  else rules.set(outcome.rule!, (rules.get(outcome.rule!) ?? 0) + 1);
  steps += outcome.steps;
}
const share = ((100 * accepted) / Math.max(done, 1)).toFixed(1);
console.log(
  `${done} programs, ${accepted} accepted (${share} %), ${steps} steps, seeds ${first} … ${first + done - 1}`,
);
if (values.rules)
  for (const [rule, n] of [...rules].sort((a, b) => b[1] - a[1])) console.log(`  ${n} ${rule}`);
