/** A state in one line, as people read it: `r1=ctx r2=pkt+14 fp-8=0`. */

import { FRAME_SIZE } from "../../formats/isa/bpf.ts";
import type { Program } from "../program.ts";
import { format } from "./number.ts";
import type { State } from "./state.ts";
import { constOf, isConst, type Kind, type Value } from "./value.ts";

const SHORT: Partial<Record<Kind, string>> = {
  context: "ctx",
  packet: "pkt",
  "packet-meta": "pkt_meta",
  "packet-end": "pkt_end",
  memory: "mem",
  string: "str",
};

function base(program: Program, v: Value, depth: number): string {
  switch (v.kind) {
    case "stack":
      return v.of === depth - 1 ? "fp" : `fp[${v.of}]`;
    case "map":
      return `map(${program.maps[v.of].name})`;
    case "map-value":
      return `value(${program.maps[v.of].name})`;
    case "function":
      return program.functions[v.of].name;
    default:
      return SHORT[v.kind] ?? v.kind;
  }
}

const signed = (n: number): string => (n === 0 ? "" : n < 0 ? `${n}` : `+${n}`);

/** A value: "5", "0 … 255", "pkt+14", "value(counts)|null". */
export function printValue(program: Program, v: Value, depth: number): string {
  if (v.kind === "number") return isConst(v) ? format(v.num) : `(${format(v.num)})`;
  const name = `${base(program, v, depth)}${v.nullable !== 0 ? "|null" : ""}`;
  if (isConst(v)) return name + signed(v.kind === "stack" ? constOf(v) - FRAME_SIZE : constOf(v));
  return `${name}+(${format(v.num)})${v.kind === "stack" ? `-${FRAME_SIZE}` : ""}`;
}

/** Registers that hold something, and what is stored in the frame at hand. */
export function printState(program: Program, state: State): string {
  const { depth } = state;
  const parts: string[] = [];
  for (let r = 0; r < 10; r++)
    if (state.regs[r].kind !== "none") parts.push(`r${r}=${printValue(program, state.regs[r], depth)}`);
  for (const [s, slot] of state.frames[depth - 1].slots.entries())
    for (const { at, value } of slot?.parts ?? [])
      parts.push(`fp${s * 8 + at - FRAME_SIZE}=${printValue(program, value, depth)}`);
  return parts.join(" ");
}
