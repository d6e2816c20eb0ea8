/**
 * Runs programs that the verifier accepts, from random memory, and holds every register that is still needed against
 * the states that the verifier had at that instruction: its number or offset, and what it says of lengths and copies.
 */

import { linkRaw } from "../../compiler/link.ts";
import type { Func, Program } from "../../compiler/program.ts";
import { contains } from "../../compiler/verify/number.ts";
import type { Room, State } from "../../compiler/verify/state.ts";
import type { Value } from "../../compiler/verify/value.ts";
import { type Verdict, verify } from "../../compiler/verify/verify.ts";
import type { Insn } from "../../formats/isa/bpf.ts";
import { print, SLOT } from "../../formats/isa/bpf.ts";
import { interpretingEngine } from "../../runtime/engine/interpret/interpret.ts";
import type { Machine } from "../../runtime/engine/interpret/machine.ts";
import { bareContainer } from "../device-tools.ts";
import { assembleItems, type Item, Random } from "../diff/generate.ts";

/** A state as it was: states change after they are shown. */
interface Snapshot {
  regs: readonly Value[];
  depth: number;
  rooms: readonly Room[];
}

const MOST_SNAPSHOTS = 100_000;
const MOST_STEPS = 3000;
/** Steps of a run that are compared: the first ones, then every so often. */
const COMPARED = 400;
const MEM = 1;

const bit = (r: number) => 1 << r;
const ARGS = 0b111110;

/** Registers that an instruction reads and writes; calls are the caller's case. */
function effects({ row, dst, src }: Insn): { reads: number; writes: number } {
  const d = bit(dst);
  const s = row.operand === "reg" ? bit(src) : 0;
  switch (row.kind) {
    case "alu":
      return { reads: (row.op === "mov" || row.op === "movsx" ? 0 : d) | s, writes: d };
    case "end":
      return { reads: d, writes: d };
    case "lddw":
      return { reads: 0, writes: d };
    case "load":
      return { reads: bit(src), writes: d };
    case "store":
      return { reads: d | s, writes: 0 };
    case "atomic": {
      const swaps = row.op === "cmpxchg";
      return { reads: d | bit(src) | (swaps ? 1 : 0), writes: row.fetch ? (swaps ? 1 : bit(src)) : 0 };
    }
    case "jump":
      return { reads: row.op === "ja" ? 0 : d | s, writes: 0 };
    default:
      return { reads: 0, writes: 0 };
  }
}

/** For each instruction the registers that some path reads before it writes them. */
export function liveRegisters({ functions }: Program): Int32Array[] {
  const live = functions.map(({ insns }) => new Int32Array(insns.length));
  // r0 at the exit of a function matters where one of its callers reads it.
  const result = functions.map((_, f) => (f === 0 ? 1 : 0));
  for (let changed = true; changed; ) {
    changed = false;
    const pass = (f: number, { insns, targets, references }: Func) => {
      for (let i = insns.length - 1; i >= 0; i--) {
        const { kind, op } = insns[i].row;
        let after = kind === "exit" ? result[f] : 0;
        if (targets[i] >= 0) after |= live[f][targets[i]];
        if (kind !== "exit" && op !== "ja" && i + 1 < insns.length) after |= live[f][i + 1];
        const { reads, writes } = effects(insns[i]);
        let before = (after & ~writes) | reads;
        const reference = references[i];
        if (kind === "call" && reference?.kind === "function") {
          if (after & 1) result[reference.index] |= 1;
          before = (after & ~(ARGS | 1)) | (live[reference.index][0] & ARGS);
        }
        if (before === live[f][i]) continue;
        live[f][i] = before;
        changed = true;
      }
    };
    for (const [f, func] of functions.entries()) pass(f, func);
  }
  return live;
}

export interface Traced {
  program: Program;
  verdict: Verdict;
  /** By function and instruction. */
  snapshots: Snapshot[][][];
  /** Too many states: what is not here may still have been there. */
  cut: boolean;
}

export function trace(code: Uint8Array, promise: number): Traced {
  const program = linkRaw(code, "random");
  const empty = () => program.functions.map(({ insns }) => insns.map((): Snapshot[] => []));
  let snapshots = empty();
  let count = 0;
  const [verdict] = verify(program, {
    ctx: promise > 0 ? `mem:${promise}` : "mem",
    maxInstructions: 100_000,
    trace: (func: number, insn: number, { regs, frames, rooms, steps, passed }: State) => {
      if (func === 0 && insn === 0 && steps === undefined && passed === undefined) {
        // Another attempt: what the one before believed does not count.
        snapshots = empty();
        count = 0;
      }
      if (count++ < MOST_SNAPSHOTS)
        snapshots[func][insn].push({ regs: regs.slice(), depth: frames.length, rooms });
    },
  });
  return { program, verdict, snapshots, cut: count > MOST_SNAPSHOTS };
}

/** What the interpreter keeps to itself. */
interface Inside {
  machine: Pick<Machine, "words" | "steps" | "offsets"> & { depth: number; frames: { high: number }[] };
}

const u64 = (x: bigint) => BigInt.asUintN(64, x);
const s64 = (x: bigint) => BigInt.asIntN(64, x);

/** The machine before an instruction, as the verifier's states speak of it. */
class Concrete {
  readonly words: Int32Array;
  readonly machine: Inside["machine"];
  readonly size: number;
  memory = 0;

  constructor(machine: Inside["machine"], size: number) {
    this.machine = machine;
    this.words = machine.words;
    this.size = size;
  }

  /** What a register holds, unsigned. */
  number(r: number): bigint {
    return u64((BigInt(this.words[2 * r + 1]) << 32n) | BigInt(this.words[2 * r] >>> 0));
  }

  /** A register less the start of what a value says that it points to; undefined when it says nothing. */
  offset(r: number, v: Value): bigint | undefined {
    const [low, high] = [this.words[2 * r] >>> 0, this.words[2 * r + 1]];
    const from = (base: number) => u64((BigInt(high - base) << 32n) | BigInt(low));
    if (v.kind === "number") return this.number(r);
    if (v.kind === "memory" && v.of === MEM) return from(this.memory);
    if (v.kind === "stack") return from(this.machine.frames[v.of].high);
    return undefined;
  }

  /** Why a state does not describe the registers in `live`; undefined when it does. */
  mismatch({ regs, rooms }: Snapshot, live: number): string | undefined {
    const symbols = new Map<number, { times: bigint; scale: bigint }>();
    for (let r = 0; r < 10; r++) {
      if ((live & bit(r)) === 0) continue;
      const v = regs[r];
      if (v.kind === "none") continue;
      const x = this.offset(r, v);
      if (x === undefined || !contains(v.num, x)) return `r${r} is not ${v.kind} ${describeNum(v)}`;
      if (v.id === 0 || v.low) continue;
      // v = scale * s + delta.
      const [times, scale] = [u64(x - BigInt(v.delta)), BigInt(v.scale)];
      const other = symbols.get(v.id);
      if (other === undefined) symbols.set(v.id, { times, scale });
      else if (u64(times * other.scale) !== u64(other.times * scale))
        return `r${r} is not what it is linked to`;
      if (scale === 1n) symbols.set(v.id, { times, scale });
    }
    for (const { of, id, scale, room } of rooms) {
      if (of !== MEM) continue;
      const symbol = id === 0 ? { times: 0n, scale: 1n } : symbols.get(id);
      if (symbol?.scale !== 1n) continue;
      const left = BigInt(this.size) - s64(BigInt(scale) * s64(symbol.times));
      if (left < BigInt(room)) return `${left} bytes left, not ${room}`;
    }
    return undefined;
  }

  show(live: number): string {
    const registers = [];
    for (let r = 0; r < 10; r++)
      if (live & bit(r)) registers.push(`r${r} = 0x${this.number(r).toString(16)}`);
    return registers.join(", ");
  }
}

const describeNum = ({ num }: Value): string =>
  `${num.smin} … ${num.smax} (unsigned ${num.umin} … ${num.umax})`;

/** Thrown by the observer: the verifier was wrong. */
class Unsound extends Error {}
/** Thrown by the observer: the run was long enough. */
class Enough extends Error {}

const engine = interpretingEngine(1e6);

/** Steps done, or what went wrong. */
export function run(code: Uint8Array, traced: Traced, memory: Uint8Array): { steps: number; wrong?: string } {
  const { program, snapshots, cut } = traced;
  const live = liveRegisters(program);
  const image = engine.load(bareContainer(code, { arch: "bytecode" }));
  const context = () => {
    throw new Error("no helpers here");
  };
  const instance = image.instantiate({
    name: "random",
    helpers: [],
    context,
    timeout: 0,
    maps: undefined,
    debug: undefined,
  });
  const { machine } = instance as unknown as Inside;
  const concrete = new Concrete(machine, memory.length);
  let steps = 0;
  let last: { func: number; insn: number } | undefined;
  /** What an instruction left must be what the facts say that it leaves on all paths. */
  const checkResult = (func: number, insn: number) => {
    const done = program.functions[func].insns[insn];
    if (!["alu", "end", "load"].includes(done.row.kind)) return;
    const fact = traced.verdict.facts.results[func]?.[insn];
    if (fact !== undefined && fact.kind !== "number") return;
    const left = concrete.number(done.dst);
    if (fact === undefined || !contains(fact.num, left))
      throw new Unsound(
        `${program.functions[func].name}:${insn} ${print(done)} leaves 0x${left.toString(16)}`,
      );
  };
  const observe = (func: number, insn: number) => {
    if (steps++ === 0) concrete.memory = machine.words[3];
    if (steps > MOST_STEPS) throw new Enough();
    const before = last;
    last = { func, insn };
    if (before !== undefined) checkResult(before.func, before.insn);
    if (steps > COMPARED && steps % 16 !== 0) return;
    const states = snapshots[func][insn];
    const needed = live[func][insn];
    let why = "it was never there";
    for (let k = states.length - 1; k >= 0; k--) {
      if (states[k].depth !== machine.depth + 1) continue;
      const found = concrete.mismatch(states[k], needed);
      if (found !== undefined) {
        why = found;
        continue;
      }
      // The next one is likely to be covered by the same.
      if (k !== states.length - 1) states.push(...states.splice(k, 1));
      return;
    }
    if (!cut)
      throw new Unsound(
        `${program.functions[func].name}:${insn} ${print(program.functions[func].insns[insn])}: ${concrete.show(needed)}; ${why}`,
      );
  };
  const place = new Map<number, [number, number]>();
  program.functions.forEach(({ offset, insns }, f) => {
    for (const [i, { slot }] of insns.entries()) place.set(offset + slot * SLOT, [f, i]);
  });
  for (const [k, step] of machine.steps.entries()) {
    const [func, insn] = place.get(machine.offsets[k])!;
    machine.steps[k] = () => {
      observe(func, insn);
      return step();
    };
  }
  try {
    instance.run(0, 2, memory.slice(), memory.length, 0, 0, 0);
  } catch (error) {
    if (!(error instanceof Enough)) return { steps, wrong: String(error) };
  }
  return { steps };
}

/** Memory of at least `promise` bytes: random lengths, small and extreme contents. */
export function memoryFor(seed: number, promise: number): Uint8Array {
  const random = new Random(seed ^ 0x50f7);
  const length = promise + random.pick([0, 0, 1, 7, random.below(80)]);
  const way = random.below(4);
  return Uint8Array.from({ length }, () => {
    if (way === 0) return random.pick([0, 255]);
    if (way === 1) return random.below(8);
    return random.chance(30) ? random.pick([0, 1, 127, 128, 255]) : random.below(256);
  });
}

export interface Outcome {
  accepted: boolean;
  rule?: string;
  steps: number;
  /** A fault of an accepted program, or a state that the verifier did not have. */
  wrong?: string;
}

const RUNS = 4;

/** Verifies and, when it is accepted, runs. */
export function check(items: readonly Item[], promise: number, seed: number): Outcome {
  const code = assembleItems(items);
  const traced = trace(code, promise);
  if (!traced.verdict.ok) return { accepted: false, rule: traced.verdict.refusal?.rule, steps: 0 };
  let steps = 0;
  for (let k = 0; k < RUNS; k++) {
    const done = run(code, traced, memoryFor(seed * RUNS + k, promise));
    steps += done.steps;
    if (done.wrong !== undefined) return { accepted: true, steps, wrong: done.wrong };
  }
  return { accepted: true, steps };
}
