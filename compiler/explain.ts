/** A refusal by the verifier as data and as text: where, what was expected, what was found, and how one gets there. */

import { print, SLOT } from "../formats/isa/bpf.ts";
import { placeInSection } from "./object.ts";
import { lineOf } from "./place.ts";
import type { Func, Program } from "./program.ts";
import type { Rule } from "./verify/rules.ts";
import type { Refusal, Verdict } from "./verify/verify.ts";

/** An instruction, and where it came from; line 0: not known. */
export interface Spot {
  function: string;
  /** Index of its slot in the function, as llvm-objdump counts, and its text. */
  instruction: number;
  text: string;
  file: string;
  line: number;
  column: number;
  /** The source line, with its indentation; "" when the object does not carry it. */
  source: string;
}

export interface PathStep extends Spot {
  /** The branch was taken, or not; undefined for a call. */
  taken: boolean | undefined;
  /** The function that is called; undefined for a branch. */
  calls: string | undefined;
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

/** A branch, or a call of `callee`. */
type Turn = { func: number; insn: number; taken?: boolean; callee?: number };

/** Puts every call before the first branch of the callee that follows the caller's last one. */
function turnsOf({ path, calls, func }: Refusal): Turn[] {
  const turns: Turn[] = [...path];
  let end = turns.length;
  for (let k = calls.length - 1; k >= 0; k--) {
    const callee = calls[k + 1]?.func ?? func;
    let at = end;
    for (let t = end - 1; t >= 0 && turns[t].func !== calls[k].func; t--)
      if (turns[t].func === callee) at = t;
    turns.splice(at, 0, { ...calls[k], callee });
    end = at;
  }
  return turns;
}

/** The last turns as steps, what repeats is counted; and how many steps there are before them. */
function pathOf(program: Program, refusal: Refusal): { path: PathStep[]; omitted: number } {
  const runs: { turn: Turn; times: number }[] = [];
  for (const turn of turnsOf(refusal)) {
    const last = runs.at(-1);
    const { func, insn, taken } = last?.turn ?? {};
    if (last && func === turn.func && insn === turn.insn && taken === turn.taken) last.times++;
    else runs.push({ turn, times: 1 });
  }
  const path = runs.slice(-STEPS).map(({ turn: { func, insn, taken, callee }, times }) => ({
    ...{ ...spotOf(program.functions[func], insn), taken, times },
    calls: callee === undefined ? undefined : program.functions[callee].name,
  }));
  return { path, omitted: runs.length - path.length };
}

/** What a verdict says of a program that was refused; undefined when it was not. */
export function explain(program: Program, verdict: Verdict): Explanation | undefined {
  const { refusal } = verdict;
  if (refusal === undefined) return undefined;
  const func = program.functions[refusal.func];
  const spot = spotOf(func, refusal.insn);
  const { rule, subject, expected, got, hint } = refusal;
  return {
    ...{ program: verdict.name, rule, where: placeOf(program, func, spot), spot, register: subject },
    ...{ expected, got, hint, ...pathOf(program, refusal) },
  };
}

/** Tabs are as wide as four spaces, whatever the terminal thinks. */
const spaced = (text: string): string => text.replaceAll("\t", "    ");

/** What stands before a column, which counts bytes from 1; undefined when it is behind the line's end. */
function before(text: string, column: number): string | undefined {
  const bytes = new TextEncoder().encode(text);
  return column < 1 || column > bytes.length
    ? undefined
    : new TextDecoder().decode(bytes.subarray(0, column - 1));
}

/** The source lines around a place, as far as the object carries them, which is where there is code. */
function excerpt(program: Program, { file, line, column, source }: Spot): string[] {
  if (line === 0 || source === "") return [];
  const known = new Map<number, string>();
  for (const { lines } of program.functions)
    for (const other of lines)
      if (other.file === file && Math.abs(other.line - line) <= AROUND && other.text !== "")
        known.set(other.line, other.text);
  known.set(line, source);
  const width = `${line + AROUND}`.length;
  const left = before(source, column);
  return [...known]
    .sort((a, b) => a[0] - b[0])
    .flatMap(([number, text]) => {
      const row = `${number === line ? " >" : "  "} ${`${number}`.padStart(width)} | ${spaced(text)}`;
      if (number !== line || left === undefined) return [row];
      return [row, `   ${" ".repeat(width)} | ${" ".repeat([...spaced(left)].length)}^`];
    });
}

/** "prog.c:12: if r2 > r3 goto 7: taken   if (p + 14 > end)". */
function stepText(step: PathStep): string {
  const place =
    step.line > 0 ? `${baseName(step.file)}:${step.line}` : `${step.function}+${step.instruction}`;
  const times = step.times > 1 ? `, ${step.times} times` : "";
  const source = step.source === "" ? "" : `   ${spaced(step.source.trim())}`;
  const what =
    step.calls === undefined ? `${step.text}: ${step.taken ? "taken" : "not taken"}` : `calls ${step.calls}`;
  return `    ${place}: ${what}${times}${source}`;
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
    for (const step of path) lines.push(stepText(step));
  }
  if (hint !== undefined) lines.push(`  hint: ${hint}`);
  return lines.join("\n");
}
