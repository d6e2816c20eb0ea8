/**
 * eBPF bytes: decoder, encoder and assembler, all derived from the rows of bpf-rows.ts. This is the module that
 * everything else imports.
 */

import { hex } from "../bytes.ts";
import { InputError } from "../error.ts";
import { BPF, type BpfRow, type Field, type Insn, REGISTERS, SLOT, slots } from "./bpf-rows.ts";
import { parse } from "./bpf-text.ts";

export {
  BPF,
  type BpfRow,
  type Field,
  FRAME_SIZE,
  type Insn,
  REGISTERS,
  SLOT,
  slots,
  targetSlot,
} from "./bpf-rows.ts";
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

/** Names the byte at an offset of the code. */
type Place = (at: number) => string;

function refuse(where: string, expected: string, got: string, hint?: string): never {
  throw new InputError("ERR_RUNBPF_INSN", { where, expected, got, hint });
}

/** Explains why no row matches the slot at `at`. */
function refuseSlot(view: DataView, at: number, place: Place): never {
  const opcode = view.getUint8(at);
  const [dst, src] = [view.getUint8(at + 1) & 15, view.getUint8(at + 1) >> 4];
  const fields = { dst, src, off: view.getInt16(at + 2, true), imm: view.getInt32(at + 4, true) };
  const entry = OPCODES[opcode];
  if (!entry) refuse(place(at), "an eBPF instruction", `opcode ${hex(opcode)}`);
  const { by, shapes } = entry;
  const shape = shapes.find((s) => !by || s.value === fields[by]);
  if (!shape) {
    const values = shapes.map((s) => s.value).join(", ");
    refuse(place(at), `${by} ${values} in ${shapes[0].row.name}`, `${fields[by!]}`);
  }
  const { name } = shape.row;
  for (const field of ["dst", "src", "off", "imm"] as const)
    if (shape.zero[field] && fields[field] !== 0)
      refuse(place(at), `${field} 0 in ${name} (a reserved field)`, `${fields[field]}`);
  for (const r of [dst, src])
    if (r >= REGISTERS) refuse(place(at), `a register r0 … r10 in ${name}`, `r${r}`);
  if (at + 2 * SLOT > view.byteLength) refuse(place(at), `the second half of ${name}`, "the end of the code");
  refuse(place(at + SLOT), `the second half of ${name}, an immediate alone`, "other fields");
}

/** The shape whose matched field has the value that the slot has. */
function findShape({ by, shapes }: Opcode, src: number, off: number, imm: number): Shape | undefined {
  if (by === undefined) return shapes[0];
  const value = by === "imm" ? imm : by === "off" ? off : src;
  for (let k = 0; k < shapes.length; k++) if (shapes[k].value === value) return shapes[k];
  return undefined;
}

/** Decodes the instruction whose first slot is at byte `at`. */
function decodeOne(view: DataView, at: number, place: Place): Insn {
  const entry = OPCODES[view.getUint8(at)];
  const registers = view.getUint8(at + 1);
  let dst = registers & 15;
  const src = registers >> 4;
  const off = view.getInt16(at + 2, true);
  let imm = view.getInt32(at + 4, true);
  const shape = entry && findShape(entry, src, off, imm);
  if (shape === undefined) refuseSlot(view, at, place);
  const { row, zero } = shape;
  if (row.op === "indirect" && dst === 0 && imm > 0 && imm < REGISTERS) {
    dst = imm;
    imm = 0;
  }
  const reserved =
    (zero.dst && dst !== 0) || (zero.src && src !== 0) || (zero.off && off !== 0) || (zero.imm && imm !== 0);
  if (reserved || dst >= REGISTERS || src >= REGISTERS) refuseSlot(view, at, place);
  let hi = 0;
  if (row.kind === "lddw") {
    if (at + 2 * SLOT > view.byteLength || view.getInt32(at + SLOT, true) !== 0) refuseSlot(view, at, place);
    hi = view.getInt32(at + SLOT + 4, true);
    if (zero.hi && hi !== 0) refuse(place(at + SLOT), `imm 0 in the second half of ${row.name}`, `${hi}`);
  }
  return { row, dst, src, off, imm, hi, slot: at / SLOT };
}

/**
 * Decodes the slots of `code`, one entry an instruction. Messages name `where` and `base` plus the byte offset.
 * An indirect call's register is in `dst`, whether the compiler put it there or (LLVM before 19) in `imm`.
 * Throws ERR_RUNBPF_INSN for an unknown opcode, a register past r10, a reserved field that is not zero, half a lddw.
 */
export function decode(code: Uint8Array, where: string, base = 0): Insn[] {
  const place = (at: number): string => `${where}+${hex(base + at)}`;
  if (code.length % SLOT !== 0)
    refuse(place(0), `a multiple of ${SLOT} bytes of code`, `${code.length}`, "an instruction takes 8 bytes");
  const view = new DataView(code.buffer, code.byteOffset, code.byteLength);
  const insns: Insn[] = [];
  for (let at = 0; at < code.length; at += SLOT) {
    const insn = decodeOne(view, at, place);
    if (insn.row.kind === "lddw") at += SLOT;
    insns.push(insn);
  }
  return insns;
}

/** Decodes the one instruction at byte `at`, as decode does. */
export function decodeAt(code: Uint8Array, at: number, where: string): Insn {
  const place = (offset: number): string => `${where}+${hex(offset)}`;
  if (at < 0 || at % SLOT !== 0 || at + SLOT > code.length)
    refuse(place(at), "an instruction", "the end of the code");
  return decodeOne(new DataView(code.buffer, code.byteOffset, code.byteLength), at, place);
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
