/** Pages that are made from tables: a test checks that docs/ holds what these functions return. */

import { BPF, type BpfRow } from "../formats/isa/bpf.ts";

const TITLES: [title: string, wanted: (row: BpfRow) => boolean][] = [
  ["Arithmetic, 32 bits", (r) => r.kind === "alu" && r.width === 32],
  ["Arithmetic, 64 bits", (r) => r.kind === "alu" && r.width === 64],
  ["Byte order", (r) => r.kind === "end"],
  ["Loads and stores", (r) => r.kind === "load" || r.kind === "store"],
  ["Atomics", (r) => r.kind === "atomic"],
  ["64-bit immediates", (r) => r.kind === "lddw"],
  ["Jumps", (r) => r.kind === "jump"],
  ["Calls and exit", (r) => r.kind === "call" || r.kind === "exit"],
  ["Packet loads (legacy)", (r) => r.kind === "packet"],
];

/** Readable operands: {dst} becomes D, {imm} becomes IMM, and so on. */
const WORDS: Record<string, string> = {
  dst: "D",
  src: "S",
  uimm: "IMM",
  jump: "OFF",
  jumpl: "IMM",
  "+imm": " + IMM",
  "+hi": " + HI",
};
const syntaxOf = ({ syntax }: BpfRow): string =>
  syntax.replace(/\{(.*?)\}/g, (_, field: string) =>
    field === "off" ? "+ OFF" : (WORDS[field] ?? field.toUpperCase()),
  );

function line(row: BpfRow): string {
  const fields = Object.entries(row.match).map(([field, value]) => `${field} = ${value}`);
  const opcode = `0x${row.opcode.toString(16).padStart(2, "0")}`;
  const operands = row.uses.join(", ");
  return `| ${[`\`${syntaxOf(row)}\``, row.name, opcode, fields.join(", "), operands, row.group, `v${row.version}`].join(" | ")} |`.replace(
    /\|= /g,
    "\\|= ",
  );
}

/** docs/isa-bpf.md: every instruction of formats/isa/bpf-rows.ts. */
export function bpfDocs(): string {
  const sections = TITLES.map(([title, wanted]) => {
    const rows = BPF.filter(wanted).map(line);
    return `## ${title}\n\n| text | row | opcode | fixed | operands | group | since |\n|---|---|---|---|---|---|---|\n${rows.join("\n")}\n`;
  });
  return `# eBPF instructions

Made from \`formats/isa/bpf-rows.ts\`; \`npx vitest run test/table/bpf.test.ts -u\` writes this page.

An instruction is one 8-byte slot: opcode, \`dst\` (low half) and \`src\` (high half) of a byte, \`off\` (signed, 16 bits),
\`imm\` (signed, 32 bits). A 64-bit load takes two slots; the \`imm\` of the second is \`hi\`. A field that is neither fixed
nor an operand must be zero. In the text, D and S are the numbers of \`dst\` and \`src\`; \`rN\` is all 64 bits of a register,
\`wN\` its lower 32 (writing one clears the upper). Jumps and local calls count slots from the next one. "group" is the
conformance group of RFC 9669, "since" the ISA version (clang's \`-mcpu\`).

${sections.join("\n")}`;
}
