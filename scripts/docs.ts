/** Pages that are made from tables: a test checks that docs/ holds what these functions return. */

import { compile } from "../compiler/compile.ts";
import { TARGETS } from "../compiler/target/targets.ts";
import type { Arch } from "../formats/container.ts";
import { BPF, type BpfRow, encode, type Field, type Insn } from "../formats/isa/bpf.ts";

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

/** A small program with one instruction of a row, or undefined where raw bytecode cannot have it. */
function programWith(row: BpfRow): Uint8Array | undefined {
  if (row.op === "kfunc" || (row.kind === "lddw" && row.op !== "imm" && row.op !== "func")) return undefined;
  const make = (name: string, fields: Partial<Insn> = {}): Insn => ({
    ...{ row: BPF.find((r) => r.name === name)!, dst: 0, src: 0, off: 0, imm: 0, hi: 0, slot: 0 },
    ...fields,
  });
  const has = (field: Field, value: number) => (row.uses.includes(field) ? value : 0);
  const target =
    row.kind === "call" ? (row.op === "helper" ? 7 : row.op === "local" ? 1 : 0) : row.op === "func" ? 2 : 0;
  const one = { ...make(row.name), dst: has("dst", 1), src: has("src", 2), imm: has("imm", target) };
  if (row.kind === "exit") return encode([make("mov64.imm"), one]);
  return encode([make("mov64.reg", { dst: 6, src: 1 }), one, make("exit"), make("mov64.imm"), make("exit")]);
}

/** How many rows of a group each target compiles, found out by compiling them. */
export function coverage(arch: Arch): Map<string, { all: number; compiled: number }> {
  const groups = new Map<string, { all: number; compiled: number }>();
  for (const row of BPF) {
    const code = programWith(row);
    if (code === undefined) continue;
    const count = groups.get(row.group) ?? { all: 0, compiled: 0 };
    groups.set(row.group, count);
    count.all++;
    compile(code, { raw: true, name: row.name, target: arch, check: true, verify: false });
    count.compiled++;
  }
  return groups;
}

/** docs/targets.md: what each target of compiler/target/targets.ts has. */
export function targetDocs(): string {
  const arches: Arch[] = [...(Object.keys(TARGETS) as Arch[]), "bytecode"];
  const counts = arches.map(coverage);
  const head = (cells: string[]) => `| ${cells.join(" | ")} |\n|${cells.map(() => "---").join("|")}|\n`;
  const row = (cells: string[]) => `| ${cells.join(" | ")} |\n`;
  const names = (arch: Arch) => (arch === "bytecode" ? "interpreter" : arch);
  let instructions = head(["conformance group", ...arches.map(names)]);
  for (const group of counts[0].keys())
    instructions += row([group, ...counts.map((c) => `${c.get(group)!.compiled} of ${c.get(group)!.all}`)]);
  let about = "";
  for (const [arch, t] of Object.entries(TARGETS)) {
    const features = Object.entries(t.features).map(([name, text]) => `\`--cpu ${name}\`: ${text}`);
    about += `## ${arch}\n\n${head(["", ""])}`;
    for (const [name, text] of [
      ["baseline", t.baseline],
      ["calling convention", t.convention],
      ["never touched", t.reserved],
      ["atomics", t.atomics],
      ["features", features.length > 0 ? features.join("; ") : "none"],
      ["runs in", t.engines],
    ])
      about += row([name, text]);
    about += "\n";
  }
  return `# Targets

Made from \`compiler/target/targets.ts\` and from compiling every instruction of \`formats/isa/bpf-rows.ts\`;
\`npx vitest run test/table/targets.test.ts -u\` writes this page.

Instructions by conformance group of RFC 9669 (\`packet\`: the legacy packet loads). Calls by BTF id and references to maps
need an object, and are not counted.

${instructions}
${about}## bytecode

\`convert spf -t bytecode\` keeps the instructions themselves, with references resolved, for \`run --engine interpret\`. The
interpreter is the reference semantics: every access is checked, atomics are sequentially consistent.
`;
}
