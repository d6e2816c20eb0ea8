/**
 * Accesses to the context at Linux's offsets become accesses to ours (formats/contexts.ts): requires the verifier's
 * facts, which say what accesses the context, and guarantees a program for hosts that hand over our layout.
 */

import { type ContextField, type ContextLayout, layoutOf } from "../formats/contexts.ts";
import { InputError } from "../formats/error.ts";
import { BPF, type Insn } from "../formats/isa/bpf.ts";
import { place } from "./place.ts";
import type { Func, Program } from "./program.ts";
import type { Verdict } from "./verify/verify.ts";

/** The field that an access of so many bytes means. */
function fieldAt(layout: ContextLayout, offset: number, bytes: number): ContextField | undefined {
  const inside = (f: ContextField) => offset >= f.offset && offset + bytes <= f.offset + f.size;
  return (
    layout.fields.find((f) => f.offset === offset && f.size === bytes) ??
    layout.fields.find((f) => f.narrow && inside(f))
  );
}

const LOAD64 = BPF.find((row) => row.name === "ldxdw")!;

type Access = Pick<Insn, "row" | "off">;

/** The row and the offset of an access in our layout. */
function adapted(insn: Insn, layout: ContextLayout): Access {
  const { row, off } = insn;
  const field = fieldAt(layout, off, row.bytes);
  if (field === undefined || field.family === "own") return { row, off };
  return { row: field.holds === "number" ? row : LOAD64, off: field.at + off - field.offset };
}

function change(program: Program, func: Func, f: number, verdicts: readonly Verdict[]): Func {
  const insns = func.insns.slice();
  let changed = false;
  for (let i = 0; i < insns.length; i++) {
    let now: Access | undefined;
    for (const { facts, context } of verdicts) {
      const access = facts.accesses[f]?.[i];
      if (access === undefined) continue;
      const layout = access.kind === "context" ? (context.layout ?? layoutOf(context.kind)) : undefined;
      // Other memory is accessed as the instruction says, which then has to hold for all programs.
      const next = layout === undefined ? insns[i] : adapted(insns[i], layout);
      if (now !== undefined && (now.row !== next.row || now.off !== next.off))
        throw new InputError("ERR_RUNBPF_UNSUPPORTED", {
          where: place(program.name, func, i),
          expected: "an instruction that accesses one kind of context",
          got: `${func.name}, which programs with different contexts share`,
          hint: "convert the programs one by one with --program",
        });
      now = next;
    }
    if (now === undefined || (now.row === insns[i].row && now.off === insns[i].off)) continue;
    insns[i] = { ...insns[i], row: now.row, off: now.off };
    changed = true;
  }
  return changed ? { ...func, insns } : func;
}

/** The program with its accesses to contexts as our hosts lay them out; itself when nothing changes. */
export function adapt(program: Program, verdicts: readonly Verdict[]): Program {
  const functions = program.functions.map((func, f) => change(program, func, f, verdicts));
  return functions.every((func, f) => func === program.functions[f]) ? program : { ...program, functions };
}
