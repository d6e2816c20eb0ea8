/**
 * Cases of the verifier: a program in short assembly text and what becomes of it. `programOf` assembles one to a linked
 * Program; text that does not assemble throws. The syntax is LLVM's, and shorter where that is long: see `expand`.
 */

import type { DataPointer, Program, Reference } from "../../compiler/program.ts";
import type { Rule } from "../../compiler/verify/rules.ts";
import { MAP_TYPE, type MapDefinition } from "../../formats/container.ts";
import { type Insn, targetSlot } from "../../formats/isa/bpf.ts";
import { parse, print } from "../../formats/isa/bpf-text.ts";
import { helperByName } from "../../helpers/table.ts";

export interface Case {
  name: string;
  /** As --ctx takes it. */
  ctx: string;
  code: string;
  /** The rule that it breaks, or several where the text of the rules leaves it open; undefined: accepted. */
  refuse?: Rule | Rule[];
  maps?: Partial<MapDefinition>[];
  /** Bytes, or text to which a NUL is added. */
  rodata?: string | number[];
  /** Bytes of the writable block; 64 unless said otherwise. */
  dataSize?: number;
  /** Words of the writable block that hold pointers. */
  pointers?: DataPointer[];
  bounded?: boolean;
  maxStack?: number;
  maxInstructions?: number;
  hook?: string;
}

/** What a case may say besides its name and its code. */
export type More = Omit<Partial<Case>, "name" | "code" | "refuse">;

/** A table of cases that share a context and more. */
export function table(ctx: string, shared: More = {}) {
  const cases: Case[] = [];
  const ok = (name: string, code: string, more: More = {}) =>
    cases.push({ ctx, ...shared, ...more, name, code });
  const no = (refuse: Rule | Rule[], name: string, code: string, more: More = {}) =>
    cases.push({ ctx, ...shared, ...more, name, code, refuse });
  return { cases, ok, no };
}

const map = (name: string, keySize: number, valueSize: number, more: Partial<MapDefinition> = {}) => ({
  ...{
    name,
    type: MAP_TYPE.array as number,
    keySize,
    valueSize,
    maxEntries: 16,
    flags: 0,
    inner: -1,
    initial: [],
  },
  ...more,
});

/** Maps that code can name without declaring them. */
const MAPS: MapDefinition[] = [
  map("array", 4, 48),
  map("hash", 8, 48, { type: MAP_TYPE.hash }),
  map("small", 4, 4),
  map("single", 4, 48, { maxEntries: 1 }),
  map("percpu", 4, 48, { type: MAP_TYPE.percpu_array }),
  map("ring", 0, 0, { type: MAP_TYPE.ringbuf, maxEntries: 4096 }),
  map("progs", 4, 4, { type: MAP_TYPE.prog_array }),
  map("perf", 4, 4, { type: MAP_TYPE.perf_event_array }),
  map("queue", 0, 8, { type: MAP_TYPE.queue }),
  map("readonly", 4, 48, { flags: 0x80 }),
  map("writeonly", 4, 48, { flags: 0x100 }),
  map("outer", 4, 4, { type: MAP_TYPE.array_of_maps, inner: 0 }),
];

/** The code of a lookup: r0 is the value, or null. Takes the eight bytes below r10. */
export const lookup = (name: string): string =>
  `u64[r10-8] = 0; r2 = r10; r2 += -8; r1 = map ${name}; call bpf_map_lookup_elem`;

/** A lookup whose result is not null; leads to "out" otherwise. */
export const value = (name: string): string => `${lookup(name)}; if r0 == 0 goto out`;

interface Line {
  text: string;
  reference?: (names: Names) => Reference;
  marked: boolean;
}

interface Names {
  functions: Map<string, number>;
  maps: Map<string, number>;
}

const LABELS = /^(?:(?!r\d+\b)[a-z_]\w*:\s*)+/;

function find(names: Map<string, number>, name: string): number {
  const index = names.get(name);
  if (index === undefined) throw new Error(`no function or map ${name}`);
  return index;
}

/** References: "r1 = map hash", "r1 = data+8", "r1 = value single+4", "r1 = fn f". */
function referenceOf(what: string, name: string, offset: number): (names: Names) => Reference {
  return ({ functions, maps }) => {
    if (what === "map") return { kind: "map", index: find(maps, name) };
    if (what === "value") return { kind: "map-value", index: find(maps, name), offset };
    if (what === "fn") return { kind: "function", index: find(functions, name) };
    return { kind: what as "data" | "rodata", offset };
  };
}

const ATOMIC_WIDE = { r: "r", x: "xchg_64", c: "cmpxchg_64" };
const ATOMIC_HALF = { r: "w", x: "xchg32_32", c: "cmpxchg32_32" };

/**
 * Short forms, and what they become:
 *   u32[r1+4]                       *(u32 *)(r1 + 4), also s8 … s32
 *   r2 = fetch_add u64[r1]          r2 = atomic_fetch_add((u64 *)(r1 + 0), r2), also or, and, xor
 *   r2 = xchg u64[r1], cmpxchg u64[r1], r2
 *   r0 = skb16[12], r0 = skb8[r2+4] packet loads
 */
function expand(text: string): string {
  return text
    .replace(/^[rw](\d+) = fetch_(\w+) u(32|64)\[(r\d+)([+-]\d+)?\]$/, (_, reg, op, bits, base, off) => {
      const { r } = bits === "64" ? ATOMIC_WIDE : ATOMIC_HALF;
      return `${r}${reg} = atomic_fetch_${op}((u${bits} *)(${base} ${off ?? "+0"}), ${r}${reg})`;
    })
    .replace(/^[rw](\d+) = xchg u(32|64)\[(r\d+)([+-]\d+)?\]$/, (_, reg, bits, base, off) => {
      const { r, x } = bits === "64" ? ATOMIC_WIDE : ATOMIC_HALF;
      return `${r}${reg} = ${x}(${base} ${off ?? "+0"}, ${r}${reg})`;
    })
    .replace(/^cmpxchg u(32|64)\[(r\d+)([+-]\d+)?\], [rw](\d+)$/, (_, bits, base, off, reg) => {
      const { r, c } = bits === "64" ? ATOMIC_WIDE : ATOMIC_HALF;
      return `${r}0 = ${c}(${base} ${off ?? "+0"}, ${r}0, ${r}${reg})`;
    })
    .replace(/skb(8|16|32)\[(.*?)\]/, "*(u$1 *)skb[$2]")
    .replace(/([us])(8|16|32|64)\[(r\d+)([+-]\d+)?\]/, (_, sign, bits, base, off) => {
      return `*(${sign}${bits} *)(${base} ${off ?? "+0"})`;
    });
}

function lineOf(source: string, functions: Map<string, number>): Line {
  const labels = LABELS.exec(source)?.[0] ?? "";
  const rest = source.slice(labels.length);
  const marked = rest.startsWith("!");
  const text = marked ? rest.slice(1).trim() : rest;
  const load = /^r(\d+) = (map|value|fn|data|rodata)\b ?([a-z_]\w*)?(?:\+?(-?\d+))?$/.exec(text);
  if (load) {
    const [, register, what, name, offset] = load;
    return {
      ...{ text: `${labels}r${register} = 0x0 ll`, marked },
      reference: referenceOf(what, name, Number(offset ?? 0)),
    };
  }
  const call = /^call (\w+)$/.exec(text);
  if (call) {
    const [, name] = call;
    if (functions.has(name)) {
      const index = functions.get(name)!;
      return { text: `${labels}call local +0x0`, marked, reference: () => ({ kind: "function", index }) };
    }
    const id = /^\d+$/.test(name) ? Number(name) : helperByName(name);
    if (id === undefined) throw new Error(`no helper ${name}`);
    return { text: `${labels}call ${id}`, marked, reference: () => ({ kind: "helper", id }) };
  }
  return { text: labels + expand(text), marked };
}

const bare = (line: string): string => line.replace(LABELS, "").replace(/^!/, "").trim();

/** Functions of a case's text: "fn name:" begins one; the first has no name. Code that goes on at its end returns 0. */
function split(code: string): { name: string; lines: string[] }[] {
  const functions = [{ name: "main", lines: [] as string[] }];
  for (const part of code.split(/[;\n]/)) {
    const line = part.replace(/\/\/.*/, "").trim();
    const [, name, rest] = /^fn ([a-z_]\w*):\s*(.*)$/.exec(line) ?? [undefined, undefined, line];
    if (name) functions.push({ name, lines: [] });
    if (rest) functions[functions.length - 1].lines.push(rest);
  }
  for (const { lines } of functions)
    if (lines.length === 0 || !/^(exit|goto .*)$/.test(bare(lines[lines.length - 1])))
      lines.push("r0 = 0", "exit");
  return functions;
}

/** Where a case says that it must be refused. */
export interface Marked {
  func: number;
  insn: number;
}

export interface Assembled {
  program: Program;
  marked: Marked | undefined;
}

function targetsOf(insns: Insn[]): Int32Array {
  const index = new Map(insns.map((insn, i) => [insn.slot, i]));
  return Int32Array.from(insns, (insn) => {
    if (insn.row.kind !== "jump") return -1;
    const target = index.get(targetSlot(insn));
    if (target === undefined) throw new Error(`a jump out of its function`);
    return target;
  });
}

function rodataOf(rodata: Case["rodata"]): Uint8Array {
  if (typeof rodata === "string") return new TextEncoder().encode(`${rodata}\0`);
  return Uint8Array.from(rodata ?? Array.from({ length: 32 }, (_, i) => i));
}

export function assembleCase(c: Case): Assembled {
  const parts = split(c.code);
  const maps = [...MAPS, ...(c.maps ?? []).map((m, i) => map(`map${i}`, 4, 8, m))];
  const names: Names = {
    functions: new Map(parts.map(({ name }, i) => [name, i])),
    maps: new Map(maps.map(({ name }, i) => [name, i])),
  };
  let marked: Marked | undefined;
  const functions = parts.map(({ name, lines }, func) => {
    const expanded = lines.map((line) => lineOf(line, names.functions));
    const insns = parse(expanded.map(({ text }) => text).join("\n"));
    const real = expanded.filter(({ text }) => text.replace(LABELS, "") !== "");
    const references = real.map(({ reference }) => reference?.(names));
    if (references.length !== insns.length) throw new Error(`${c.name}: lines and instructions differ`);
    real.forEach((line, insn) => {
      if (line.marked) marked = { func, insn };
    });
    return { name, section: "case", offset: 0, insns, targets: targetsOf(insns), references, lines: [] };
  });
  const program: Program = {
    ...{ name: c.name, functions, entries: [{ name: "main", hook: c.hook ?? "", func: 0 }] },
    ...{ rodata: rodataOf(c.rodata), rodataAlign: 8 },
    ...{
      data: new Uint8Array(0),
      dataSize: c.dataSize ?? 64,
      pointers: c.pointers ?? [],
      maps,
      symbols: [],
      license: "",
      btf: undefined,
    },
  };
  return { program, marked };
}

export const programOf = (c: Case): Program => assembleCase(c).program;

/** The code of a case as instructions with their indexes, for messages. */
export function listing(program: Program): string {
  return program.functions
    .flatMap(({ name, insns, targets }) => [
      `${name}:`,
      ...insns.map((insn, i) => `  ${i}: ${print(insn)}${targets[i] >= 0 ? `  → ${targets[i]}` : ""}`),
    ])
    .join("\n");
}
