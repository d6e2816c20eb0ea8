/**
 * eBPF bytes: decoder, encoder and assembler, all derived from the rows of bpf-rows.ts. This is the module that
 * everything else imports.
 */

import { hex } from "../bytes.ts";
import { InputError } from "../error.ts";
import { BPF, type BpfRow, type Field, type Insn, REGISTERS, SLOT, slots } from "./bpf-rows.ts";
import { parse } from "./bpf-text.ts";

export { BPF, type BpfRow, type Field, type Insn, REGISTERS, SLOT, slots, targetSlot } from "./bpf-rows.ts";
export { print } from "./bpf-text.ts";

/** What the decoder needs of a row: which fields must be zero. */
interface Shape {
  row: BpfRow;
  value: number;
  zero: { dst: boolean; src: boolean; off: boolean; imm: boolean; hi: boolean };
}
interface Opcode {
  by: "src" | "off" | "imm" | undefined;
  shapes: Shape[];
}

const OPCODES: (Opcode | undefined)[] = [];
for (let opcode = 0; opcode < 256; opcode++) {
  const rows = BPF.filter((r) => r.opcode === opcode);
  if (rows.length === 0) {
    OPCODES.push(undefined);
    continue;
  }
  const by = Object.keys(rows[0].match)[0] as Opcode["by"];
  const free = (r: BpfRow, field: Field) => !r.uses.includes(field) && field !== by;
  const zero = (r: BpfRow): Shape["zero"] => ({
    ...{
      dst: free(r, "dst"),
      src: free(r, "src"),
      off: free(r, "off"),
      imm: free(r, "imm"),
      hi: free(r, "hi"),
    },
  });
  OPCODES.push({ by, shapes: rows.map((r) => ({ row: r, value: by ? r.match[by]! : 0, zero: zero(r) })) });
}

function refuse(where: string, expected: string, got: string, hint?: string): never {
  throw new InputError("ERR_RUNBPF_INSN", { where, expected, got, hint });
}

/** Explains why no row matches the bytes at `at`. */
function refuseSlot(view: DataView, at: number, where: string): never {
  const here = `${where}+${hex(at)}`;
  const opcode = view.getUint8(at);
  const [dst, src] = [view.getUint8(at + 1) & 15, view.getUint8(at + 1) >> 4];
  const fields = { dst, src, off: view.getInt16(at + 2, true), imm: view.getInt32(at + 4, true) };
  const entry = OPCODES[opcode];
  if (!entry) refuse(here, "an eBPF instruction", `opcode ${hex(opcode)}`);
  const shape = entry.shapes.find((s) => !entry.by || s.value === fields[entry.by]);
  if (!shape)
    refuse(
      here,
      `${entry.by} ${entry.shapes.map((s) => s.value).join(", ")} in ${entry.shapes[0].row.name}`,
      `${fields[entry.by!]}`,
    );
  const { name, kind } = shape.row;
  for (const field of ["dst", "src", "off", "imm"] as const)
    if (shape.zero[field] && fields[field] !== 0)
      refuse(here, `${field} = 0 in ${name} (a reserved field)`, `${fields[field]}`);
  for (const r of [dst, src]) if (r >= REGISTERS) refuse(here, `a register r0 … r10 in ${name}`, `r${r}`);
  if (kind === "lddw") {
    if (at + 2 * SLOT > view.byteLength) refuse(here, `the second half of ${name}`, "the end of the code");
    refuse(
      `${where}+${hex(at + SLOT)}`,
      `the second half of ${name}: nothing but an immediate`,
      "other fields",
    );
  }
  refuse(here, "an eBPF instruction", `opcode ${hex(opcode)}`);
}

/**
 * Decodes the slots of `code`, one entry an instruction. `where` names the section in messages.
 * An indirect call's register is in `dst`, whether the compiler put it there or (LLVM before 19) in `imm`.
 * Throws ERR_RUNBPF_INSN for an unknown opcode, a register past r10, a reserved field that is not zero, half a lddw.
 */
export function decode(code: Uint8Array, where: string): Insn[] {
  if (code.length % SLOT !== 0)
    refuse(where, `a multiple of ${SLOT} bytes of code`, `${code.length}`, "an instruction takes 8 bytes");
  const view = new DataView(code.buffer, code.byteOffset, code.byteLength);
  const insns: Insn[] = [];
  for (let at = 0; at < code.length; at += SLOT) {
    const slot = at / SLOT;
    const registers = code[at + 1];
    let dst = registers & 15;
    const src = registers >> 4;
    const off = view.getInt16(at + 2, true);
    let imm = view.getInt32(at + 4, true);
    let hi = 0;
    const entry = OPCODES[code[at]];
    if (entry === undefined) return refuseSlot(view, at, where);
    const { by, shapes } = entry;
    let shape: Shape | undefined = shapes[0];
    if (by !== undefined) {
      const value = by === "imm" ? imm : by === "off" ? off : src;
      let k = 0;
      while (k < shapes.length && shapes[k].value !== value) k++;
      shape = shapes[k];
      if (shape === undefined) return refuseSlot(view, at, where);
    }
    const { row, zero } = shape;
    if (row.op === "indirect" && dst === 0 && imm > 0 && imm < REGISTERS) [dst, imm] = [imm, 0];
    if (
      (zero.dst && dst !== 0) ||
      (zero.src && src !== 0) ||
      (zero.off && off !== 0) ||
      (zero.imm && imm !== 0)
    )
      return refuseSlot(view, at, where);
    if (dst >= REGISTERS || src >= REGISTERS) return refuseSlot(view, at, where);
    if (row.kind === "lddw") {
      at += SLOT;
      if (at >= code.length || view.getInt32(at, true) !== 0) return refuseSlot(view, at - SLOT, where);
      hi = view.getInt32(at + 4, true);
      if (zero.hi && hi !== 0)
        refuse(`${where}+${hex(at)}`, `imm = 0 in the second half of ${row.name}`, `${hi}`);
    }
    insns.push({ row, dst, src, off, imm, hi, slot });
  }
  return insns;
}

/** The bytes of `insns`, one after the other; matched fields come from the rows. */
export function encode(insns: Insn[]): Uint8Array {
  const code = new Uint8Array(insns.reduce((size, insn) => size + slots(insn) * SLOT, 0));
  const view = new DataView(code.buffer);
  let at = 0;
  for (const insn of insns) {
    const { row, dst, src, off, imm, hi } = insn;
    code[at] = row.opcode;
    code[at + 1] = dst | ((row.match.src ?? src) << 4);
    view.setInt16(at + 2, row.match.off ?? off, true);
    view.setInt32(at + 4, row.match.imm ?? imm, true);
    at += SLOT;
    if (row.kind !== "lddw") continue;
    view.setInt32(at + 4, hi, true);
    at += SLOT;
  }
  return code;
}

/**
 * The bytes of a program in the syntax that `print` writes, one instruction a line; also labels ("loop:",
 * "goto loop", "call name", "r1 = name ll" for a function's address), comments after ; # or //, decimal numbers, and
 * r or w for the register of a narrow load or store. Throws ERR_RUNBPF_INSN with the number of the line.
 */
export const assemble = (text: string): Uint8Array => encode(parse(text));
