/** Instructions to steps: each row of the table becomes a closure over its operands, its operation from operations.ts. */

import { bug } from "../../../formats/error.ts";
import type { Insn } from "../../../formats/isa/bpf.ts";
import type { Helper, HelperContext } from "../../../helpers/host.ts";
import { type Machine, REGISTER_WORDS, type Step } from "./machine.ts";
import type { Region } from "./memory.ts";
import { ALU32, ALU64, byteOrder, extendSign, JUMP32, JUMP64, type Operation } from "./operations.ts";

/** What steps need of the program around them. */
export interface Links {
  /** Index of the step behind this one, and of the one it jumps to or calls; helpers in bytecode are called too. */
  next: number;
  target: number;
  /** Low word of this instruction's constant. */
  constant: number;
  /** The implementation behind a helper call. */
  helper: Helper | undefined;
  /** Asked after a helper call: whether the function ends there. */
  ends?: () => boolean;
  context(): HelperContext;
  /** The step of the function at the address in words[index]; faults where there is none. */
  functionAt(index: number): number;
}

const low = (register: number) => 2 * register;
const index = (links: Links) => REGISTER_WORDS + links.constant;

export function makeStep(m: Machine, insn: Insn, links: Links): Step {
  const { row } = insn;
  const { words } = m;
  const { next, target } = links;
  const d = low(insn.dst);
  const s = row.operand === "reg" ? low(insn.src) : index(links);
  switch (row.kind) {
    case "alu": {
      const wide = row.width === 64;
      const operation = row.op === "movsx" ? extendSign(row.bytes, wide) : (wide ? ALU64 : ALU32)[row.op];
      return alu(words, operation ?? bug(`no operation ${row.op}`), d, s, next);
    }
    case "end":
      return alu(words, byteOrder(row.op, row.width), d, d, next);
    case "lddw":
      return alu(words, ALU64.mov, d, index(links), next);
    case "jump": {
      if (row.op === "ja") return () => target;
      const condition = (row.width === 64 ? JUMP64 : JUMP32)[row.op] ?? bug(`no condition ${row.op}`);
      return () => (condition(words, d, s) ? target : next);
    }
    case "load":
      return load(m, insn, next);
    case "store":
      return store(m, insn, s, next);
    case "atomic":
      return atomic(m, insn, next);
    case "call":
      return call(m, insn, links);
    case "packet":
      return packet(m, insn, links);
    case "exit":
      return () => m.leave();
  }
}

/** The most frequent operations get closures of their own: a call less for each. */
function alu(words: Int32Array, operation: Operation, d: number, s: number, next: number): Step {
  if (operation === ALU64.mov)
    return () => {
      words[d] = words[s];
      words[d + 1] = words[s + 1];
      return next;
    };
  if (operation === ALU64.add)
    return () => {
      const a = words[d];
      const sum = (a + words[s]) | 0;
      words[d + 1] = words[d + 1] + words[s + 1] + (sum >>> 0 < a >>> 0 ? 1 : 0);
      words[d] = sum;
      return next;
    };
  return () => {
    operation(words, d, s);
    return next;
  };
}

function load(m: Machine, { row, dst, src, off }: Insn, next: number): Step {
  const { words, space } = m;
  const { bytes, signed } = row;
  const [d, s] = [low(dst), low(src)];
  const read = (view: DataView, at: number): number => {
    if (bytes === 1) return signed ? view.getInt8(at) : view.getUint8(at);
    if (bytes === 2) return signed ? view.getInt16(at, true) : view.getUint16(at, true);
    return view.getInt32(at, true);
  };
  return () => {
    let region = space.at(words[s + 1]);
    let at = (words[s] >>> 0) + off;
    if (region === undefined || at < 0 || at + bytes > region.size) {
      const found = m.slow(s, off, bytes, false);
      region = found.region;
      at = found.offset;
    }
    const { view } = region;
    if (bytes === 8) {
      words[d] = view.getInt32(at, true);
      words[d + 1] = view.getInt32(at + 4, true);
    } else {
      const value = read(view, at);
      words[d] = value;
      words[d + 1] = signed ? value >> 31 : 0;
    }
    return next;
  };
}

function write(view: DataView, at: number, bytes: number, lowWord: number, highWord: number): void {
  if (bytes === 1) view.setInt8(at, lowWord);
  else if (bytes === 2) view.setInt16(at, lowWord, true);
  else {
    view.setInt32(at, lowWord, true);
    if (bytes === 8) view.setInt32(at + 4, highWord, true);
  }
}

function store(m: Machine, { row, dst, off }: Insn, s: number, next: number): Step {
  const { words, space } = m;
  const { bytes } = row;
  const d = low(dst);
  return () => {
    let region = space.at(words[d + 1]);
    let at = (words[d] >>> 0) + off;
    if (region === undefined || at < 0 || at + bytes > region.size || !region.writable) {
      const found = m.slow(d, off, bytes, true);
      region = found.region;
      at = found.offset;
    }
    write(region.view, at, bytes, words[s], words[s + 1]);
    return next;
  };
}

/** In memory that one thread has for itself a load, an operation and a store are atomic. */
function atomic(m: Machine, { row, dst, src, off }: Insn, next: number): Step {
  const { words } = m;
  const { bytes } = row;
  const [d, s] = [low(dst), low(src)];
  const operation = (bytes === 8 ? ALU64 : ALU32)[row.op];
  const scratch = new Int32Array(4);
  const shared = sharedAtomic(m, row, s, next);
  return () => {
    const { region, offset } = m.slow(d, off, bytes, true);
    const { view } = region;
    if (region.shared) return shared(region, offset);
    const oldLow = view.getInt32(offset, true);
    const oldHigh = bytes === 8 ? view.getInt32(offset + 4, true) : 0;
    if (row.op === "cmpxchg") {
      const equal = words[0] === oldLow && (bytes === 4 || words[1] === oldHigh);
      if (equal) write(view, offset, bytes, words[s], words[s + 1]);
      words[0] = oldLow;
      words[1] = oldHigh;
      return next;
    }
    scratch[0] = oldLow;
    scratch[1] = oldHigh;
    scratch[2] = words[s];
    scratch[3] = words[s + 1];
    if (row.op === "xchg") write(view, offset, bytes, scratch[2], scratch[3]);
    else {
      operation(scratch, 0, 2);
      write(view, offset, bytes, scratch[0], scratch[1]);
    }
    if (row.fetch) {
      words[s] = oldLow;
      words[s + 1] = oldHigh;
    }
    return next;
  };
}

/** The same where other threads may be at work: the operation again until nobody came between. */
function sharedAtomic(
  m: Machine,
  { op, bytes, fetch }: Insn["row"],
  s: number,
  next: number,
): (region: Region, offset: number) => number {
  const { words } = m;
  const operation = (bytes === 8 ? ALU64 : ALU32)[op];
  const wide = new BigInt64Array(2);
  const scratch = new Int32Array(wide.buffer);
  return (region, offset) => {
    const { bytes: memory } = region;
    const at = memory.byteOffset + offset;
    if (at % bytes !== 0)
      m.fail(`an atomic access at ${region.name} + ${offset}, which is not aligned`, "ERR_RUNBPF_FAULT");
    const cells =
      bytes === 8 ? new BigInt64Array(memory.buffer, at, 1) : new Int32Array(memory.buffer, at, 1);
    const exchange = (old: bigint | number, by: bigint | number) =>
      Atomics.compareExchange(cells as BigInt64Array, 0, old as bigint, by as bigint) as bigint | number;
    for (;;) {
      const old = Atomics.load(cells as BigInt64Array, 0) as bigint | number;
      scratch.fill(0);
      if (bytes === 8) wide[0] = old as bigint;
      else scratch[0] = old as unknown as number;
      const [low, high] = scratch;
      scratch[2] = words[s];
      scratch[3] = words[s + 1];
      const fails = op === "cmpxchg" && (low !== words[0] || (bytes === 8 && high !== words[1]));
      if (op !== "cmpxchg" && op !== "xchg") operation(scratch, 0, 2);
      else [scratch[0], scratch[1]] = [words[s], words[s + 1]];
      if (!fails && exchange(old, bytes === 8 ? wide[0] : scratch[0]) !== old) continue;
      const to = op === "cmpxchg" ? 0 : s;
      if (op === "cmpxchg" || fetch) [words[to], words[to + 1]] = [low, high];
      return next;
    }
  };
}

function callHelper(m: Machine, helper: Helper, links: Links): void {
  try {
    const result = helper(links.context(), m.word(2), m.word(4), m.word(6), m.word(8), m.word(10)) ?? 0;
    m.setWord(0, result);
    m.words.fill(0, 2, 12);
  } catch (error) {
    throw m.located(error);
  }
}

function call(m: Machine, insn: Insn, links: Links): Step {
  const { next, target, helper } = links;
  if (insn.row.op === "local")
    return () => {
      m.enter(next);
      return target;
    };
  if (insn.row.op === "indirect") {
    const d = low(insn.dst);
    return () => {
      const found = links.functionAt(d);
      m.enter(next);
      return found;
    };
  }
  if (helper === undefined)
    return () => {
      m.enter(next);
      return target;
    };
  return () => {
    callHelper(m, helper, links);
    return links.ends?.() ? m.leave() : next;
  };
}

/** Loads packet bytes through helper packet_load(r6, offset, size); outside the packet the function returns 0. */
function packet(m: Machine, insn: Insn, links: Links): Step {
  const { words } = m;
  const { next, helper } = links;
  const s = low(insn.src);
  const isIndirect = insn.row.op === "ind";
  if (helper === undefined) bug("a packet load without its helper");
  return () => {
    m.setWord(2, m.word(12));
    const base = isIndirect ? (BigInt(words[s + 1]) << 32n) | BigInt(words[s] >>> 0) : 0n;
    m.setWord(4, base + BigInt(insn.imm));
    m.setWord(6, insn.row.bytes);
    callHelper(m, helper, links);
    if (words[1] >= 0) return next;
    words[0] = words[1] = 0;
    return m.leave();
  };
}
