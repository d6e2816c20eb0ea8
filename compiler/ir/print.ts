/** The text form of the IR: one line a value, in the order of the code. */

import { format64 } from "../../formats/int64.ts";
import type { Block, Fn, Value } from "./ir.ts";
import { printKernel } from "./kernel.ts";
import { COND, op } from "./ops.ts";

const TYPE = { 64: "i64", 32: "i32", 1: "i1", 0: "" } as const;

function operand(v: Value): string {
  switch (v.op) {
    case op.const:
      return v.type === 64 ? format64(v.lo, v.hi) : String(v.lo);
    case op.param:
      return `r${v.aux + 1}`;
    case op.undef:
    case op.got:
    case op.frame:
      return v.op.name;
    case op.code:
      return `code(${v.aux})`;
    case op.rodata:
      return `rodata(${v.aux})`;
    case op.data:
      return `data(${v.lo})`;
    case op.map:
      return `map(${v.aux})`;
    default:
      return `v${v.id}`;
  }
}

function line(fn: Fn, v: Value): string {
  const result = v.type === 0 ? "" : `v${v.id}: ${TYPE[v.type]} = `;
  const args = v.args.map(operand);
  if (v.op.bytes > 0) {
    const sign = v.aux < 0 ? "-" : "+";
    const place = v.aux === 0 ? args[0] : `${args[0]} ${sign} ${Math.abs(v.aux)}`;
    return `${result}${v.op.name} [${place}]${args
      .slice(1)
      .map((a) => `, ${a}`)
      .join("")}`; // prettier-ignore
  }
  if (v.op === op.kernel) return `${result}kernel ${printKernel(fn.kernels[v.aux], args)}`;
  if (v.op === op.icmp) return `${result}icmp.${COND[v.aux].name} ${args.join(", ")}`;
  const aux = v.op === op.call ? ` f${v.aux}` : v.op === op.helper ? ` #${v.aux}` : "";
  const offset = v.aux !== 0 && v.op.writes && aux === "" ? ` offset ${v.aux}` : "";
  return `${result}${v.op.name}${aux}${args.length > 0 ? " " : ""}${args.join(", ")}${offset}`;
}

/** Runs of equal entries as one. */
function entries({ table, successors }: Block): string {
  const runs: string[] = [];
  for (let from = 0, to = 0; from < table.length; from = to) {
    while (table[to] === table[from]) to++;
    runs.push(`${from}${to > from + 1 ? `-${to - 1}` : ""}: b${successors[table[from]].id}`);
  }
  return runs.join(", ");
}

function ending(block: Block): string {
  const to = block.successors.map((b) => `b${b.id}`);
  if (block.end === "branch") return `branch ${operand(block.control!)}, ${to.join(", ")}`;
  if (block.end === "switch") return `switch ${operand(block.control!)} [${entries(block)}]`;
  if (block.end === "return") return `return ${operand(block.control!)}`;
  return block.end === "jump" ? `jump ${to[0]}` : "trap";
}

export function printFn(fn: Fn): string {
  const out = [`function ${fn.name} {`];
  for (const block of fn.blocks) {
    const from = block.predecessors.map((b) => `b${b.id}`).join(", ");
    out.push(`b${block.id}:${from === "" ? "" : ` ; from ${from}`}`);
    for (const v of block.phis) out.push("  " + line(fn, v));
    for (const v of block.body) out.push("  " + line(fn, v));
    out.push("  " + ending(block));
  }
  out.push("}");
  return out.join("\n") + "\n";
}
