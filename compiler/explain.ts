/** A refusal by the verifier as data and as text: where, what was expected, what was found, and how one gets there. */

import { print, SLOT } from "../formats/isa/bpf.ts";
import { placeInSection } from "./object.ts";
import { lineOf } from "./place.ts";
import type { Func, Program } from "./program.ts";
import type { Rule } from "./verify/rules.ts";
import type { Verdict } from "./verify/verify.ts";

/** An instruction, and where it came from; line 0: not known. */
export interface Spot {
  function: string;
  /** Index of its slot in the function, as llvm-objdump counts, and its text. */
  instruction: number;
  text: string;
  file: string;
  line: number;
  column: number;
  /** The source line; "" when the object does not carry it. */
  source: string;
}

export interface PathStep extends Spot {
  /** The branch was taken, or not; undefined for a call. */
  taken: boolean | undefined;
  /** How often in a row. */
  times: number;
}

export interface Explanation {
  program: string;
  rule: Rule;
  /** "prog.c:12:8", or "prog.o: xdp+0x18" without line information. */
  where: string;
  spot: Spot;
  /** "r2", or "". */
  register: string;
  expected: string;
  got: string;
  hint: string | undefined;
  /** Calls and the last branches on the way, in order. */
  path: PathStep[];
  /** Steps before them that are left out. */
  omitted: number;
}

/** Steps of a path that are told. */
const STEPS = 6;
/** Lines of source around the one at fault. */
const AROUND = 2;

const baseName = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

function spotOf(func: Func, insn: number): Spot {
  const line = lineOf(func, insn);
  const at = func.insns[insn];
  const to = func.targets[insn];
  const text = to >= 0 ? print(at).replace(/gotol? .*$/, `goto ${func.insns[to].slot}`) : print(at);
  return {
    ...{ function: func.name, instruction: at.slot, text },
    ...{ file: line?.file ?? "", line: line?.line ?? 0, column: line?.column ?? 0, source: line?.text ?? "" },
  };
}

function placeOf(program: Program, func: Func, { instruction, file, line, column }: Spot): string {
  if (line > 0) return `${baseName(file)}:${line}${column > 0 ? `:${column}` : ""}`;
  return placeInSection(program.name, func.section, func.offset + instruction * SLOT);
}

/** Branches with the calls between them; what repeats is counted. */
function pathOf(program: Program, { path, calls }: NonNullable<Verdict["refusal"]>): PathStep[] {
  const steps: PathStep[] = [];
  for (const { func, insn, taken } of path) {
    const last = steps.at(-1);
    const spot = spotOf(program.functions[func], insn);
    if (last?.function === spot.function && last.instruction === spot.instruction && last.taken === taken)
      last.times++;
    else steps.push({ ...spot, taken, times: 1 });
  }
  for (const { func, insn } of calls)
    steps.push({ ...spotOf(program.functions[func], insn), taken: undefined, times: 1 });
  return steps;
}

/** What a verdict says of a program that was refused; undefined when it was not. */
export function explain(program: Program, verdict: Verdict): Explanation | undefined {
  const { refusal } = verdict;
  if (refusal === undefined) return undefined;
  const func = program.functions[refusal.func];
  const spot = spotOf(func, refusal.insn);
  const path = pathOf(program, refusal);
  const { rule, subject, expected, got, hint } = refusal;
  return {
    ...{ program: verdict.name, rule, where: placeOf(program, func, spot), spot, register: subject },
    ...{ expected, got, hint, path: path.slice(-STEPS), omitted: Math.max(0, path.length - STEPS) },
  };
}

/** The source lines around a place, as far as the object carries them, which is where there is code. */
function excerpt(program: Program, { file, line, source }: Spot): string[] {
  if (line === 0 || source === "") return [];
  const known = new Map<number, string>([[line, source]]);
  for (const { lines } of program.functions)
    for (const other of lines)
      if (other.file === file && Math.abs(other.line - line) <= AROUND && other.text !== "")
        known.set(other.line, other.text);
  const width = `${line + AROUND}`.length;
  return [...known]
    .sort((a, b) => a[0] - b[0])
    .map(([number, text]) => `${number === line ? " >" : "  "} ${`${number}`.padStart(width)} | ${text}`);
}

/** "assumed …" as a person would say it of a step. */
function stepText(program: Program, step: PathStep): string {
  const place =
    step.line > 0 ? `${baseName(step.file)}:${step.line}` : `${step.function}+${step.instruction}`;
  const times = step.times > 1 ? `, ${step.times} times` : "";
  const source = step.source === "" ? "" : `   ${step.source}`;
  const what = step.taken === undefined ? "calls" : step.taken ? "taken" : "not taken";
  return `    ${place}: ${step.text}: ${what}${times}${source}`.replace(program.name, baseName(program.name));
}

/** The first line of a refusal, as compilers write it. */
export const headline = ({ where, register, expected, got, rule }: Explanation): string =>
  `${where}: error: ${register === "" ? "" : `${register}: `}expected ${expected}, got ${got} [${rule}]`;

/** A refusal for a person: several lines, without a newline at the end. */
export function explanationText(program: Program, explanation: Explanation): string {
  const { spot, path, omitted, hint } = explanation;
  const lines = [headline(explanation), ...excerpt(program, spot)];
  lines.push(`  in ${spot.function}, instruction ${spot.instruction}: ${spot.text}`);
  if (path.length > 0) {
    lines.push(`  on the path${omitted > 0 ? ` (${omitted} steps before)` : ""}:`);
    for (const step of path) lines.push(stepText(program, step));
  }
  if (hint !== undefined) lines.push(`  hint: ${hint}`);
  return lines.join("\n");
}
