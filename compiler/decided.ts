/**
 * Branches that the verifier saw go one way alone become jumps: checks of what was promised, or of what other checks
 * imply. Requires verdicts for all programs; guarantees the same for every run that keeps to what they assume.
 */

import { BPF } from "../formats/isa/bpf.ts";
import type { Func, Program } from "./program.ts";
import type { Verdict } from "./verify/verify.ts";

/** Bits of Facts.ways. */
const FALLS = 1;
const TAKEN = 2;

const JUMP = BPF.find((row) => row.name === "ja")!;

function changed(func: Func, f: number, verdicts: readonly Verdict[]): Func {
  const insns = func.insns.slice();
  const targets = func.targets.slice();
  let count = 0;
  for (let i = 0; i < insns.length; i++) {
    // Programs may share the function: each goes its own ways.
    const ways = verdicts.reduce((all, { facts }) => all | (facts.ways[f]?.[i] ?? 0), 0);
    if (ways !== FALLS && ways !== TAKEN) continue;
    insns[i] = { ...insns[i], row: JUMP };
    if (ways === FALLS) targets[i] = i + 1;
    count++;
  }
  return count === 0 ? func : { ...func, insns, targets };
}

/** The program without these branches; itself where there are none. */
export function withoutDecided(program: Program, verdicts: readonly Verdict[]): Program {
  const functions = program.functions.map((func, f) => changed(func, f, verdicts));
  return functions.every((func, f) => func === program.functions[f]) ? program : { ...program, functions };
}
