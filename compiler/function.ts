/**
 * Decodes one function of an object and resolves its calls and 64-bit loads, as far as they need no addresses.
 * Guarantees that its jumps stay inside it and that it cannot be left at its end.
 */

import { hex } from "../formats/bytes.ts";
import type { ElfRelocation } from "../formats/elf.ts";
import { BPF, decode, type Insn, SLOT, slots, targetSlot } from "../formats/isa/bpf.ts";
import { type Code, lowerBound, type ObjectFile, placeInSection, sectionPlace } from "./object.ts";
import { place } from "./place.ts";
import type { Func, LineInfo, Reference } from "./program.ts";
import { callTarget, loadTarget, refuse, type Scope, type Target } from "./references.ts";

/** A decoded function, and what its instructions refer to; its `references` are still empty. */
export interface Resolved {
  func: Func;
  targets: { insn: number; target: Target }[];
}

/** The part of a sorted list whose keys are in the bytes of `code`. */
function within<T>(list: readonly T[], { offset, size }: Code, key: (item: T) => number): T[] {
  return list.slice(lowerBound(list, offset, key), lowerBound(list, offset + size, key));
}

function readLines({ btf, debug }: ObjectFile, code: Code, indexOfSlot: Int32Array): LineInfo[] {
  const lines: LineInfo[] = [];
  const known = debug.get(code.section.name);
  if (!btf || !known) return lines;
  for (const { offset, file, line, column, text } of within(known.lines, code, (l) => l.offset)) {
    const insn = indexOfSlot[(offset - code.offset) / SLOT] ?? -1;
    if (insn < 0) continue;
    const [name, source] = [btf.text(file, "a file's name"), btf.text(text, "a source line")];
    lines.push({ insn, file: name, line, column, text: source.trimEnd() });
  }
  return lines;
}

function refuseCode(file: string, func: Func, insn: number, expected: string, got: string): never {
  refuse(place(file, func, insn), expected, got, undefined, "ERR_RUNBPF_INSN");
}

/** Fills `targets`; jumps lead to instructions of the function, and the last instruction does not fall through. */
function checkFlow(file: string, func: Func, indexOfSlot: Int32Array): void {
  const { insns, targets, name, section, offset } = func;
  for (let i = 0; i < insns.length; i++) {
    if (insns[i].row.kind !== "jump") continue;
    const slot = targetSlot(insns[i]);
    const target = slot >= 0 && slot < indexOfSlot.length ? indexOfSlot[slot] : -2;
    targets[i] = target;
    if (target >= 0) continue;
    const at = offset + slot * SLOT;
    const half = target === -1 ? ", the second half of a 64-bit load" : "";
    const got =
      at < 0 ? `${-at} bytes before ${section || "the code"}` : placeInSection(file, section, at) + half;
    const end = hex(offset + indexOfSlot.length * SLOT);
    refuseCode(file, func, i, `a jump to an instruction of ${name} (${hex(offset)} … ${end})`, got);
  }
  const last = insns.length - 1;
  const { kind, op, name: row } = insns[last].row;
  if (kind !== "exit" && !(kind === "jump" && op === "ja"))
    refuseCode(file, func, last, `exit or a jump as the last instruction of ${name}`, row);
}

/** CO-RE relocations ask for the layout of a running kernel's types. */
function refuseCore(object: ObjectFile, code: Code, func: Func, indexOfSlot: Int32Array): void {
  const core = within(object.debug.get(code.section.name)?.core ?? [], code, (offset) => offset);
  if (core.length === 0) return;
  const insn = Math.max(0, indexOfSlot[Math.floor((core[0] - code.offset) / SLOT)]);
  const where = place(object.name, func, insn);
  const hint = "there is no kernel whose types it could be adapted to";
  refuse(where, `${func.name} without CO-RE relocations`, `${core.length}`, hint, "ERR_RUNBPF_UNSUPPORTED");
}

const rowOf = (name: string) => BPF.find((row) => row.name === name)!;
const HELPER = rowOf("call");
const LOCAL = rowOf("call.local");

/** Makes a call say what it is: afterwards its row is the helper's or the local call's. */
function settleCall(insn: Insn, target: Target, relocated: boolean): void {
  const local = target.kind === "code";
  insn.row = local ? LOCAL : HELPER;
  insn.src = local ? 1 : 0;
  if (relocated || local) insn.imm = target.kind === "helper" ? target.id : 0;
}

/** What instruction `i` refers to; a reference that turns out to be a constant is put into the instruction. */
function resolve(
  scope: Scope,
  code: Code,
  func: Func,
  i: number,
  relocation?: ElfRelocation,
): Target | undefined {
  const insn = func.insns[i];
  const load = insn.row.kind === "lddw";
  if (load && !relocation && insn.row.op === "imm") return undefined;
  const where = place(scope.object.name, func, i);
  const target = (load ? loadTarget : callTarget)(scope, code, insn, relocation, where);
  if (!load && target) settleCall(insn, target, relocation !== undefined);
  if (target?.kind !== "constant") return target;
  insn.imm = target.value | 0;
  insn.hi = Math.floor(target.value / 2 ** 32) | 0;
  return undefined;
}

/** Pairs the relocations of a function with its instructions. */
function resolveAll(scope: Scope, code: Code, func: Func): Resolved["targets"] {
  const { object } = scope;
  const relocations = within(object.relocations.get(code.section.index) ?? [], code, (r) => r.offset);
  const targets: Resolved["targets"] = [];
  let next = 0;
  func.insns.forEach((insn, i) => {
    const { kind, op } = insn.row;
    const at = code.offset + insn.slot * SLOT;
    const relocation = relocations[next]?.offset < at + slots(insn) * SLOT ? relocations[next++] : undefined;
    const refers = kind === "lddw" || (kind === "call" && op !== "indirect");
    if (relocation && (!refers || relocation.offset !== at)) {
      const where = placeInSection(object.name, func.section, relocation.offset);
      refuse(where, "a call or a 64-bit load to relocate", insn.row.name);
    }
    const target = refers ? resolve(scope, code, func, i, relocation) : undefined;
    if (target) targets.push({ insn: i, target });
  });
  return targets;
}

/** Reads the function `code`. Throws InputError. */
export function readFunction(scope: Scope, code: Code): Resolved {
  const { object } = scope;
  const { name, section, offset, size } = code;
  const bytes = section.data.subarray(offset, offset + size);
  const insns = decode(bytes, sectionPlace(object.name, section.name), offset);
  const indexOfSlot = new Int32Array(size / SLOT).fill(-1);
  insns.forEach((insn, i) => {
    indexOfSlot[insn.slot] = i;
  });
  const lines = readLines(object, code, indexOfSlot);
  const targets = new Int32Array(insns.length).fill(-1);
  const references = new Array<Reference | undefined>(insns.length).fill(undefined);
  const func: Func = { name, section: section.name, offset, insns, targets, references, lines };
  refuseCore(object, code, func, indexOfSlot);
  checkFlow(object.name, func, indexOfSlot);
  return { func, targets: resolveAll(scope, code, func) };
}
