/**
 * eBPF text in llvm-objdump's syntax (as with --mattr=+alu32): printer and parser, both compiled from the `syntax`
 * of the rows, so that every printed instruction parses to itself.
 */

import { hex } from "../bytes.ts";
import { InputError } from "../error.ts";
import { BPF, type BpfRow, type Insn, REGISTERS, slots, targetSlot } from "./bpf-rows.ts";

const signed = (n: number): string => (n < 0 ? `-${hex(-n)}` : hex(n));
const plus = (n: number, space: string): string => `${n < 0 ? "-" : "+"}${space}${hex(Math.abs(n))}`;
const wide = (insn: Insn): bigint => (BigInt(insn.hi) << 32n) | BigInt(insn.imm >>> 0);

/** How each placeholder of a syntax prints. */
const PRINT: Record<string, (insn: Insn) => string> = {
  dst: (i) => `${i.dst}`,
  src: (i) => `${i.src}`,
  imm: (i) => signed(i.imm),
  uimm: (i) => hex(i.imm >>> 0),
  imm64: (i) => (wide(i) < 0n ? `-0x${(-wide(i)).toString(16)}` : `0x${wide(i).toString(16)}`),
  off: (i) => plus(i.off, " "),
  jump: (i) => plus(i.off, ""),
  jumpl: (i) => plus(i.imm, ""),
  "+imm": (i) => (i.imm === 0 ? "" : ` ${plus(i.imm, " ")}`),
  "+hi": (i) => (i.hi === 0 ? "" : ` + ${hex(i.hi >>> 0)}`),
};

/** The text of an instruction; `target` names the slot that a jump or local call leads to. */
export function print(insn: Insn, target?: (slot: number) => string): string {
  const text = insn.row.syntax.replace(/\{(.*?)\}/g, (_, field: string) => PRINT[field](insn));
  const slot = targetSlot(insn);
  return target && slot !== -1 ? `${text} <${target(slot)}>` : text;
}

/** One operand in a line: a register, a number, or (as `label`) a name that stands for a number. */
interface Operand {
  text: string;
  value: bigint;
  label: boolean;
}

/** A syntax as the parser sees it: for each operand of the line the placeholder that it fills, or a fixed value. */
interface Pattern {
  row: BpfRow;
  operands: (string | bigint)[];
}

const NUMBER = /([+-]?)\s*(0[xX][\da-fA-F]+|\d+)(?![\w.])/;
const TOKENS = new RegExp(
  [
    /\s+/, // group 1 onwards: operator, register class and number, placeholder, number, word, anything else
    /(s?(?:<<|>>|[-+*/%&|^<>=!])?=|s?[<>])/,
    /\b([rw])(\d+|\{\w+\})(?!\w)/,
    /\{(.*?)\}/,
    NUMBER,
    /([A-Za-z_.$][\w.$]*)/,
    /(.)/,
  ]
    .map((r) => r.source)
    .join("|"),
  "gy",
);

/** Splits text into its skeleton, where r, w, # and @ stand for registers, numbers and labels, and its operands. */
function lex(text: string, words?: Set<string>): { skeleton: string; operands: (Operand | string)[] } {
  const skeleton: string[] = [];
  const operands: (Operand | string)[] = [];
  const operand = (shape: string, text: string, value: bigint, label = false) => {
    skeleton.push(shape);
    operands.push({ text, value, label });
  };
  for (const [all, operator, cls, register, placeholder, sign, digits, word, other] of text.matchAll(
    TOKENS,
  )) {
    if (operator ?? other) skeleton.push(operator ?? other);
    else if (register?.startsWith("{")) {
      skeleton.push(cls);
      operands.push(register.slice(1, -1));
    } else if (register) operand(cls, all, BigInt(register));
    else if (placeholder) {
      skeleton.push("#");
      operands.push(placeholder);
    } else if (digits) operand("#", all, sign === "-" ? -BigInt(digits) : BigInt(digits));
    else if (word && words && !words.has(word)) operand("@", word, 0n, true);
    else if (word) skeleton.push(word);
  }
  return { skeleton: skeleton.join(" "), operands };
}

/** Other ways to write a row: without a zero offset, with r for w, with a label for a distance. */
function variants({ kind, op, bytes, syntax }: BpfRow): string[] {
  const all = [syntax];
  const also = (from: RegExp, to: string) =>
    all.push(...all.filter((s) => from.test(s)).map((s) => s.replace(from, to)));
  also(/ ?\{(off|\+imm|\+hi)\}/, "");
  if (/load|store|atomic/.test(kind) && bytes < 8)
    all.push(...all.filter((s) => /\bw/.test(s)).map((s) => s.replace(/\bw(?=[{0])/g, "r")));
  if (op === "local") all.push("call {label:imm}");
  if (op === "func") all.push("r{dst} = {label:imm} ll", "ld_pseudo r{dst}, 0x4, {label:imm}");
  also(/\{jump\}/, "{label:off}");
  also(/\{jumpl\}/, "{label:imm}");
  return all;
}

interface Grammar {
  words: Set<string>;
  patterns: Map<string, Pattern[]>;
}
let grammar: Grammar | undefined;

/** Built on first use: a process that only compiles objects never needs it. */
function buildGrammar(): Grammar {
  const words = new Set(BPF.flatMap((row) => row.syntax.replace(/\{.*?\}/g, "0").match(/\b[a-z]\w*/g) ?? []));
  const patterns = new Map<string, Pattern[]>();
  for (const row of BPF)
    for (const syntax of variants(row)) {
      const { skeleton, operands } = lex(syntax);
      const key = syntax.includes("{label") ? skeleton.replace(/#(?!.*#)/, "@") : skeleton;
      const fields = operands.map((o) => (typeof o === "string" ? o : o.value));
      patterns.set(key, [...(patterns.get(key) ?? []), { row, operands: fields }]);
    }
  return { words, patterns };
}

/** An instruction whose `field` waits for the slot of `label`. */
interface Waiting {
  insn: Insn;
  field: "off" | "imm";
  label: string;
  line: number;
}

function refuse(line: number, expected: string, got: string, hint?: string): never {
  throw new InputError("ERR_RUNBPF_INSN", { where: `line ${line}`, expected, got, hint });
}

function inRange(value: bigint, low: bigint, high: bigint, line: number, what: string): number {
  if (value < low || value > high) refuse(line, `${what} from ${low} to ${high}`, `${value}`);
  return Number(value);
}

/** Puts an operand into the field that its placeholder stands for. */
function store(insn: Insn, field: string, { value }: Operand, line: number): void {
  if (field === "dst" || field === "src") {
    if (value >= REGISTERS) refuse(line, "a register r0 … r10", `r${value}`);
    insn[field] = Number(value);
  } else if (field === "imm64") {
    if (value < -(1n << 63n) || value >= 1n << 64n) refuse(line, "a 64-bit number", `${value}`);
    insn.imm = Number(BigInt.asIntN(32, value));
    insn.hi = Number(BigInt.asIntN(32, value >> 32n));
  } else if (field === "off" || field === "jump")
    insn.off = inRange(value, -0x8000n, 0x7fffn, line, "an offset");
  else
    insn[field === "+hi" ? "hi" : "imm"] =
      inRange(value, -(1n << 31n), (1n << 32n) - 1n, line, "a number") | 0;
}

/** True when the fixed operands have their values and an operand that is written twice is the same twice. */
function fits({ operands }: Pattern, found: Operand[]): boolean {
  return operands.every((wanted, i) =>
    typeof wanted === "bigint"
      ? wanted === found[i].value
      : found[operands.indexOf(wanted)].value === found[i].value,
  );
}

function parseLine(text: string, line: number, slot: number, waiting: Waiting[], grammar: Grammar): Insn {
  const { skeleton, operands } = lex(text, grammar.words);
  const found = operands as Operand[];
  const pattern = grammar.patterns.get(skeleton)?.find((p) => fits(p, found));
  if (!pattern) refuse(line, "an eBPF instruction in LLVM's syntax", `"${text}"`);
  const { row } = pattern;
  const { src = 0, off = 0, imm = 0 } = row.match;
  const insn: Insn = { row, dst: 0, src, off, imm, hi: 0, slot };
  pattern.operands.forEach((field, i) => {
    if (typeof field === "bigint") return;
    if (!field.startsWith("label:")) store(insn, field, found[i], line);
    else waiting.push({ insn, field: field === "label:off" ? "off" : "imm", label: found[i].text, line });
  });
  return insn;
}

function resolve({ insn, field, label, line }: Waiting, labels: Map<string, number>): void {
  const slot = labels.get(label);
  if (slot === undefined) refuse(line, `a label or an instruction`, `"${label}"`);
  const distance = slot - insn.slot - 1;
  if (field === "off" && distance !== (distance << 16) >> 16)
    refuse(line, `"${label}" within 32768 slots`, `${distance}`, "gotol reaches further");
  insn[field] = distance;
}

const LABEL = /^([A-Za-z_.$][\w.$]*)\s*:\s*/;

/** Takes the labels off a line; they name `slot`. */
function takeLabels(
  source: string,
  line: number,
  slot: number,
  labels: Map<string, number>,
  words: Set<string>,
) {
  let rest = source;
  for (let label = LABEL.exec(rest); label; label = LABEL.exec(rest)) {
    const [all, name] = label;
    if (words.has(name) || /^[rw]\d+$/.test(name))
      refuse(line, "a name for a label", `"${name}", a word of the syntax`);
    if (labels.has(name)) refuse(line, "a new label", `"${name}" for the second time`);
    labels.set(name, slot);
    rest = rest.slice(all.length);
  }
  return rest;
}

/** A line without its comment and without the "<name+0x8>" that a disassembler adds. */
const strip = (source: string): string =>
  source
    .replace(/(;|#|\/\/).*/, "")
    .replace(/<[\w.$+]*>\s*$/, "")
    .trim();

/** The instructions of `text`; see `assemble`. */
export function parse(text: string): Insn[] {
  const { words, patterns } = (grammar ??= buildGrammar());
  const insns: Insn[] = [];
  const labels = new Map<string, number>();
  const waiting: Waiting[] = [];
  let slot = 0;
  text.split("\n").forEach((source, index) => {
    const rest = takeLabels(strip(source), index + 1, slot, labels, words);
    if (rest === "") return;
    const insn = parseLine(rest, index + 1, slot, waiting, { words, patterns });
    insns.push(insn);
    slot += slots(insn);
  });
  for (const wait of waiting) resolve(wait, labels);
  return insns;
}
