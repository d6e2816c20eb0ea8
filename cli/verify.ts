/** runbpf verify: a verdict a program; exit status 1 when one of them is refused. */

import { readProgram, verifyLinked } from "../compiler/compile.ts";
import { type Explanation, explain, explanationText } from "../compiler/explain.ts";
import { place } from "../compiler/place.ts";
import type { Program } from "../compiler/program.ts";
import { printState } from "../compiler/verify/print.ts";
import type { LoopReport, Verdict, VerifyOptions } from "../compiler/verify/verify.ts";
import { print } from "../formats/isa/bpf.ts";
import { type Args, flag } from "./args.ts";
import { contextText } from "./describe.ts";
import { type Io, printable, readInput } from "./io.ts";
import { compileOptions, kindOf } from "./open.ts";
import { list } from "./table.ts";

const baseName = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

const plural = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`;

const rounds = ({ bounded, rounds: most }: LoopReport): string => {
  if (!bounded) return "no bound is known";
  return most === undefined ? "bounded" : `at most ${plural(most, "round")}`;
};

const loopPlace = (program: Program, { func, insn }: LoopReport): string =>
  place(baseName(program.name), program.functions[func], insn);

const nameOf = ({ context }: Verdict): string =>
  contextText({ context: context.kind, memory: context.memory }).replace(/^\d+/, context.name);

/** "parse: verified in 0.8 ms: …" and what a host needs to know. */
function accepted(program: Program, verdict: Verdict): string {
  const { name, milliseconds, instructions, states, loops, stack, helpers } = verdict;
  const work = `${plural(instructions, "instruction")} followed, ${plural(states, "state")}`;
  const rows: [string, string][] = [
    ["context", nameOf(verdict)],
    ["stack", plural(stack, "byte")],
    ...loops.map((loop): [string, string] => ["loop", `${loopPlace(program, loop)}: ${rounds(loop)}`]),
  ];
  if (helpers.length > 0) rows.push(["helpers", helpers.join(", ")]);
  return `${name}: verified in ${milliseconds.toFixed(1)} ms: ${work}\n${list(rows)}`;
}

function jsonOf(program: Program, verdict: Verdict): string {
  const { name, hook, ok, bounded, stack, helpers, instructions, states, milliseconds } = verdict;
  const loops = verdict.loops.map((loop) => ({
    ...{ where: loopPlace(program, loop), function: program.functions[loop.func].name },
    ...{ instruction: program.functions[loop.func].insns[loop.insn].slot },
    ...{ bounded: loop.bounded, rounds: loop.rounds },
  }));
  const context = nameOf(verdict);
  const refusal = explain(program, verdict);
  const all = { program: name, hook, context, verified: ok, bounded, stack, loops, helpers, refusal };
  return `${JSON.stringify({ ...all, instructions, states, milliseconds })}\n`;
}

/** Prints every instruction that is followed with what is known before it. */
const tracer =
  (program: Program, write: (text: string) => void): VerifyOptions["trace"] =>
  (f, i, state) => {
    const func = program.functions[f];
    const insn = func.insns[i];
    const at = `${"  ".repeat(state.depth - 1)}${func.name}+${insn.slot}: ${print(insn)}`;
    write(`${at.padEnd(48)} ; ${printable(printState(program, state))}\n`);
  };

/** "parse: refused after 0.8 ms" and the explanation. */
function refused(program: Program, { name, milliseconds }: Verdict, explanation: Explanation): string {
  const lines = explanationText(program, explanation).split("\n");
  return [`${name}: refused after ${milliseconds.toFixed(1)} ms`, ...lines]
    .map((line) => `${printable(line)}\n`)
    .join("");
}

export function verify(args: Args, io: Io): number {
  const [file] = args.positionals;
  const options = compileOptions(args, file);
  const bytes = readInput(file);
  kindOf(bytes, options.name!, options.raw ? "raw" : "elf");
  const program = readProgram(bytes, options);
  if (options.verify === false) {
    io.out(`${program.entries.map(({ name }) => name).join(", ")}: not verified\n`);
    return 0;
  }
  const json = flag(args, "json");
  const trace = flag(args, "verbose") ? tracer(program, json ? io.err : io.out) : undefined;
  const verdicts = verifyLinked(program, options, trace);
  const told = verdicts.map((verdict) => {
    if (json) return jsonOf(program, verdict);
    const explanation = explain(program, verdict);
    return explanation === undefined ? accepted(program, verdict) : refused(program, verdict, explanation);
  });
  // At once: a reader that has seen enough does not change the status.
  io.out(told.join(""));
  return verdicts.every(({ ok }) => ok) ? 0 : 1;
}
