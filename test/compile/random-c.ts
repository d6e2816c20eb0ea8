/** Seeded C programs for programs/matrix.h: every run ends, and nothing they do is undefined. */

import { random } from "../mutate.ts";

type Rng = (n: number) => number;

const TYPES = ["u8", "u16", "u32", "u64", "s8", "s16", "s32", "s64"] as const;
const ARRAY = 8;
const MAX_DEPTH = 3;

/** Numbers at which compilers go wrong. */
const EDGES = [0, 1, 2, 3, 7, 8, 31, 32, 63, 127, 128, 255, 256, 0x7fff, 0x8000, 0xffff, 0x7fffffff];
const LITERALS = [
  ...EDGES.map(String),
  ...["0x80000000", "0xffffffff", "0x100000000", "0x7fffffffffffffff", "0x8000000000000000"].map(
    (n) => `${n}u`,
  ),
  ...["-1l", "-2l", "-128l", "-129l", "-0x80000000l", "0x123456789abcdef0u", "0xffffffff80000000u"],
];

/** One generated function or program: its variables, and what it may call. */
class Writer {
  private readonly rng: Rng;
  private readonly variables: string[] = [];
  private readonly callees: string[];
  private readonly isProgram: boolean;
  private loops = 0;
  private budget: number;

  constructor(rng: Rng, callees: string[], isProgram: boolean, budget: number) {
    this.rng = rng;
    this.callees = callees;
    this.isProgram = isProgram;
    this.budget = budget;
  }

  private pick<T>(list: readonly T[]): T {
    return list[this.rng(list.length)];
  }

  private variable(): string {
    return this.pick(this.variables);
  }

  /** Declarations, statements and the result. */
  body(params: string[]): string {
    this.variables.push(...params);
    const lines: string[] = [`u32 a[${ARRAY}] = { ${this.expression(1)}, 2, 3 };`];
    for (let k = 3 + this.rng(5); k > 0; k--) {
      const name = `v${k}`;
      lines.push(`${this.pick(TYPES)} ${name} = ${this.expression(1)};`);
      this.variables.push(name);
    }
    while (this.budget > 0) lines.push(...this.statement(0));
    const all = this.variables.map((name, k) => `(u64)${name} * ${2 * k + 1}`);
    lines.push(`u64 sum = ${all.join(" ^ ")};`);
    lines.push(`for (int i = 0; i < ${ARRAY}; i++) sum = sum * 31 + a[i];`, "return sum;");
    return lines.map((line) => `\t${line}`).join("\n");
  }

  /**
   * A place to assign to; indexes are always in range. Functions that are called write only what is theirs: C leaves
   * the order of calls in an expression open.
   */
  private place(): string {
    const kind = this.rng(8);
    if (kind === 0) return `a[${this.expression(1)} & ${ARRAY - 1}]`;
    if (kind === 1 && this.isProgram) return `shared[${this.expression(1)} & ${ARRAY - 1}]`;
    if (kind === 2 && this.isProgram) return `mem[${this.expression(1)} % len]`;
    return this.variable();
  }

  private block(depth: number): string[] {
    const lines: string[] = [];
    for (let count = 1 + this.rng(3); count > 0; count--) lines.push(...this.statement(depth + 1));
    return lines.map((line) => `\t${line}`);
  }

  private statement(depth: number): string[] {
    this.budget--;
    const kind = depth >= MAX_DEPTH ? 0 : this.rng(9);
    if (kind === 4) return [`if (${this.expression(2)}) {`, ...this.block(depth), "}"];
    if (kind === 5)
      return [`if (${this.condition(2)}) {`, ...this.block(depth), "} else {", ...this.block(depth), "}"];
    if (kind === 6 && (this.isProgram || this.callees.length === 0)) return this.loop(depth);
    if (kind === 7) return this.choice(depth);
    const to = this.place();
    if (kind === 3)
      return [`${to} ${this.pick(["+=", "-=", "^=", "|=", "&="])} (u64)(${this.expression(2)});`];
    return [`${to} = ${this.expression(3)};`];
  }

  private loop(depth: number): string[] {
    const i = `i${this.loops++}`;
    const rounds = 1 + this.rng(6);
    const head = this.pick([
      `for (u32 ${i} = 0; ${i} < ${rounds}; ${i}++) {`,
      `for (s8 ${i} = ${rounds}; ${i} > ${-this.rng(3)}; ${i}--) {`,
      `for (u64 ${i} = ${this.variable()} & 7; ${i} < ${rounds}; ${i} += 2) {`,
      `for (s32 ${i} = -${rounds}; ${i} != 0; ${i}++) {`,
    ]);
    const leave =
      this.rng(3) === 0 ? [`\tif (${this.condition(1)}) ${this.pick(["break", "continue"])};`] : [];
    return [head, `\t${this.variable()} += (u64)${i};`, ...leave, ...this.block(depth), "}"];
  }

  private choice(depth: number): string[] {
    const cases: string[] = [];
    for (let k = 2 + this.rng(5), at = 0; k > 0; k--, at += 1 + this.rng(3))
      cases.push(`case ${at}:`, ...this.block(depth), ...(this.rng(4) === 0 ? [] : ["\tbreak;"]));
    const last = cases.at(-1) === "\tbreak;" ? [] : ["\tbreak;"];
    return [`switch (${this.expression(1)} & 15) {`, ...cases, ...last, "}"];
  }

  private condition(depth: number): string {
    const type = this.pick(TYPES);
    const [a, b] = [this.expression(depth - 1), this.expression(depth - 1)];
    return `(${type})${a} ${this.pick(["<", "<=", "==", "!=", ">", ">="])} (${type})${b}`;
  }

  /** An expression in parentheses; arithmetic is unsigned and at least 32 bits wide. */
  private expression(depth: number): string {
    if (depth <= 0 || this.rng(6) === 0) return this.atom();
    const a = this.expression(depth - 1);
    const b = this.expression(depth - 1);
    const type = this.pick(["u32", "u64"]);
    const signed = type === "u32" ? "s32" : "s64";
    const mask = type === "u32" ? 31 : 63;
    switch (this.rng(12)) {
      case 0:
        return `(${type})((${signed})${a} >> (${b} & ${mask}))`;
      case 1:
        return `((${type})${a} ${this.pick(["<<", ">>"])} (${b} & ${mask}))`;
      case 2:
        return `DIVIDE_${type}(${this.pick(["/", "%"])}, ${a}, ${b})`;
      case 3:
        return `${this.pick(["SDIV", "SMOD"])}_SAFE(${a}, ${b})`;
      case 4:
        return `(${this.condition(depth)} ? ${a} : ${b})`;
      case 5:
        return `((${this.pick(TYPES)})${a})`;
      case 6:
        return `(${this.pick(["~", "-"])}(${type})${a})`;
      case 7:
        return this.callees.length > 0 ? `${this.pick(this.callees)}(${a}, ${b})` : `(${a} ^ ${b})`;
      case 8:
        return `((${type})${a} * (${type})${b})`;
      default:
        return `((${type})${a} ${this.pick(["+", "-", "&", "|", "^"])} (${type})${b})`;
    }
  }

  private atom(): string {
    const kind = this.rng(6);
    if (kind === 0 || this.variables.length === 0) return `(${this.pick(LITERALS)})`;
    if (kind === 1 && this.isProgram) return `mem[${this.variable()} % len]`;
    if (kind === 2) return `shared[${this.variable()} & ${ARRAY - 1}]`;
    return `(${this.variable()})`;
  }
}

const HEAD = `#include "matrix.h"
#define DIVIDE_u32(op, a, b) ({ u32 by = (u32)(b); by ? (u32)(a) op by : 3u; })
#define DIVIDE_u64(op, a, b) ({ u64 by = (u64)(b); by ? (u64)(a) op by : 5u; })
#define SDIV_SAFE(a, b) ({ s64 by = (s64)(b); by != 0 && by != -1 ? (u64)sdiv((s64)(a), by) : 7u; })
#define SMOD_SAFE(a, b) ({ s64 by = (s64)(b); by != 0 && by != -1 ? (u64)smod((s64)(a), by) : 9u; })
u32 shared[${ARRAY}] = { 1, 20, 300 };
`;

/** A C file with `count` programs random0 … and some functions that they call. */
export function randomC(seed: number, count: number): string {
  const rng = random(seed);
  const parts = [HEAD];
  for (let p = 0; p < count; p++) {
    const callees: string[] = [];
    for (let f = rng(3); f > 0; f--) {
      const name = `f${p}_${f}`;
      const body = new Writer(rng, [...callees], false, 3 + rng(5)).body(["x", "y"]);
      const [result, x, y] = [0, 1, 2].map(() => TYPES[rng(TYPES.length)]);
      parts.push(`static NOINLINE ${result} ${name}(${x} x, ${y} y)\n{\n${body}\n}\n`);
      callees.push(name);
    }
    const body = new Writer(rng, callees, true, 8 + rng(16)).body(["n"]);
    parts.push(`PROG(random${p})\n{\n\tif (!len)\n\t\treturn 77;\n\tu64 n = len;\n${body}\n}\n`);
  }
  return parts.join("\n");
}
