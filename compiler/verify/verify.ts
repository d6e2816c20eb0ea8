/**
 * The verifier: proves that a linked program reads what was written, accesses memory that is there, and calls helpers
 * as their prototypes say; tells of each loop whether it ends. Requires jumps that stay inside their functions.
 */

import { CONTEXTS } from "../../formats/container.ts";
import type { ContextLayout } from "../../formats/contexts.ts";
import { FRAME_SIZE } from "../../formats/isa/bpf.ts";
import type { HelperRow } from "../../helpers/table.ts";
import { contextOf, type FullContext } from "../context.ts";
import type { Entry, Program } from "../program.ts";
import { LOCK_SIZE } from "./arguments.ts";
import type { Chain } from "./chain.ts";
import { Env, MOST, OBJECTS } from "./env.ts";
import { Explorer, type Trace } from "./explore.ts";
import { Facts } from "./facts.ts";
import { describeAll, type FuncInfo } from "./info.ts";
import { fromUnsigned } from "./number.ts";
import { addRoom } from "./rooms.ts";
import { Broken, type Rule, refuse } from "./rules.ts";
import { type State, type Step, startState } from "./state.ts";
import { ANY, make, number, pointer, type Value, withLink } from "./value.ts";

export interface VerifyOptions {
  /** "KIND" or "KIND:BYTES"; by default the section name decides. */
  ctx?: string;
  /** The context of programs whose section stands for none; args unless given. */
  otherwise?: string;
  /** Contexts that the embedder declares. */
  layouts?: readonly ContextLayout[];
  /** Prototypes of the host's own helpers (ids from 2 000 000 on). */
  helpers?: readonly HelperRow[];
  /** Instructions that are followed at most, over all paths; 1 000 000 unless given. */
  maxInstructions?: number;
  /** Bytes of BPF stack that a call chain may use, its frames rounded up to 16; 512 unless given. */
  maxStack?: number;
  /** Called with the state before every instruction that is followed. */
  trace?: Trace;
}

/** Why a program is refused. */
export interface Refusal {
  rule: Rule;
  /** Function and instruction, as indexes into the program. */
  func: number;
  insn: number;
  /** The register that is looked at, "r2", or "". */
  subject: string;
  expected: string;
  got: string;
  hint: string | undefined;
  /** Branches on the way, in order. */
  path: { func: number; insn: number; taken: boolean }[];
  /** The calls that led there: function and instruction of each. */
  calls: { func: number; insn: number }[];
}

export interface LoopReport {
  /** The function, and the first instruction of the loop. */
  func: number;
  insn: number;
  bounded: boolean;
  /** Rounds at most, where that is proven. */
  rounds: number | undefined;
}

export interface Verdict {
  name: string;
  hook: string;
  context: FullContext;
  ok: boolean;
  refusal: Refusal | undefined;
  /** All loops end. */
  bounded: boolean;
  loops: LoopReport[];
  /** Bytes of BPF stack of the deepest call chain. */
  stack: number;
  /** Bytes of BPF stack by function; none where there is no number. */
  frames: readonly number[];
  helpers: string[];
  /** Instructions followed, states compared, milliseconds. */
  instructions: number;
  states: number;
  milliseconds: number;
  facts: Facts;
}

const MOST_INSTRUCTIONS = 1_000_000;
const MOST_STACK = 512;
/** States that stay apart where paths meet, and when that was too few. */
const APART = [4, 32];

/** Registers at the entry, by context. */
function entryState(env: Env, func: number, context: FullContext): State {
  const state = startState(func);
  const { regs } = state;
  regs[10] = pointer("stack", 0, FRAME_SIZE);
  const linked = (v: Value): Value => withLink(v, env.fresh(), 1, 0);
  switch (context.kind) {
    case CONTEXTS.args:
      for (let r = 1; r < 6; r++) regs[r] = linked(ANY);
      break;
    case CONTEXTS.mem: {
      const length = env.lengthOf(OBJECTS.mem);
      regs[1] = pointer("memory", OBJECTS.mem);
      regs[2] = make("number", 0, fromUnsigned(BigInt(context.memory), BigInt(MOST.mem)), length, 1, 0);
      addRoom(state, OBJECTS.mem, 0, 0, context.memory);
      addRoom(state, OBJECTS.mem, length, 1, 0);
      break;
    }
    case CONTEXTS.cmd:
      regs[1] = linked(number(fromUnsigned(1n, BigInt(MOST.argv / 8 - 1))));
      regs[2] = pointer("argv", OBJECTS.argv);
      addRoom(state, OBJECTS.argv, 0, 0, 16);
      addRoom(state, OBJECTS.argv, regs[1].id, 8, 8);
      break;
    default:
      regs[1] = pointer("context", 0);
  }
  return state;
}

/** Functions that a function reaches, itself included. */
function reached(program: Program, func: number): Set<number> {
  const found = new Set([func]);
  for (const f of found)
    for (const reference of program.functions[f].references)
      if (reference?.kind === "function") found.add(reference.index);
  for (const { to } of program.pointers) if (to.kind === "function") found.add(to.index);
  return found;
}

function checkReachable(env: Env, infos: FuncInfo[], func: number, chain: Chain): void {
  for (const f of reached(env.program, func)) {
    const insn = infos[f].blockOf.indexOf(-1);
    if (insn < 0) continue;
    env.chain = { ...chain, func: f };
    env.insn = insn;
    refuse(
      "unreachable",
      "code that can be reached",
      `instruction ${insn} of ${env.program.functions[f].name}, which no path leads to`,
    );
  }
}

/** A lock is for the helpers alone. */
function checkLocks(env: Env, root: Chain, facts: Facts): void {
  if (env.locks.size === 0) return;
  for (const [func, list] of facts.accesses.entries())
    for (const [insn, fact] of (list ?? []).entries()) {
      if (fact?.kind !== "map-value") continue;
      const { least, most, bytes } = fact;
      const locks = [...env.locks].filter(([map]) => map === fact.of || fact.of === -1);
      if (!locks.some(([, at]) => most + bytes > at && least < at + LOCK_SIZE)) continue;
      [env.chain, env.insn, env.subject] = [{ ...root, func }, insn, ""];
      refuse(
        "lock",
        "an access beside the lock of a map value",
        `${bytes} bytes at offset ${least === most ? least : `${least} … ${most}`}, where the lock is`,
      );
    }
}

const roundUp = (bytes: number): number => Math.ceil(bytes / 16) * 16;

/** Stack of the deepest chain; refuses more than `most`, naming its functions. */
function checkStack(env: Env, root: Chain, most: number): number {
  let deepest = 0;
  const walk = (chain: Chain, before: number, names: string) => {
    const own = roundUp(env.used[chain.func] ?? 0);
    const stack = before + own;
    const path = `${names}${env.program.functions[chain.func].name} ${own}`;
    deepest = Math.max(deepest, stack);
    if (stack > most) {
      [env.chain, env.insn, env.subject] = [chain.parent ?? chain, Math.max(chain.call, 0), ""];
      refuse(
        "chain-stack",
        `at most ${most} bytes of stack in a chain of calls`,
        `${stack} (${path})`,
        "use less, or allow more with --stack BYTES",
      );
    }
    for (const child of chain.children.values()) walk(child, stack, `${path} → `);
  };
  walk(root, 0, "");
  return deepest;
}

function loopsOf(explorer: Explorer): LoopReport[] {
  const found = new Map<string, LoopReport>();
  const add = (func: number, insn: number, bounded: boolean, rounds: number | undefined) => {
    const key = `${func}:${insn}`;
    const known = found.get(key);
    if (known === undefined) found.set(key, { func, insn, bounded, rounds });
    else {
      known.bounded &&= bounded;
      known.rounds =
        bounded && known.rounds !== undefined && rounds !== undefined
          ? Math.max(known.rounds, rounds)
          : undefined;
    }
  };
  for (const { loop, chain, insn, progress, visited, followed } of explorer.points) {
    if (loop === undefined || visited.length === 0) continue;
    add(chain.func, insn, progress.bounded, progress.closed ? progress.rounds : followed);
  }
  for (const { func, insn, rounds } of explorer.rounds) add(func, insn, true, rounds);
  return [...found.values()].sort((a, b) => a.func - b.func || a.insn - b.insn);
}

function pathOf(step: Step | undefined): Refusal["path"] {
  const path: Refusal["path"] = [];
  for (let at = step; at !== undefined; at = at.before)
    path.push({ func: at.func, insn: at.insn, taken: at.taken });
  return path.reverse();
}

function refusalOf(env: Env, broken: Broken, step: Step | undefined): Refusal {
  const calls: Refusal["calls"] = [];
  for (let at = env.chain; at.parent !== undefined; at = at.parent)
    calls.unshift({ func: at.parent.func, insn: at.call });
  const { rule, expected, got, hint } = broken;
  return {
    rule,
    func: env.chain.func,
    insn: env.insn,
    subject: env.subject,
    expected,
    got,
    hint,
    path: pathOf(step),
    calls,
  };
}

/** One attempt, with `apart` states that stay apart. */
function attempt(
  program: Program,
  infos: FuncInfo[],
  entry: Entry,
  context: FullContext,
  options: VerifyOptions,
  apart: number,
) {
  const facts = new Facts();
  const env = new Env(program, context, facts);
  for (const row of options.helpers ?? []) env.helpers.set(row.id, row);
  const limits = { instructions: options.maxInstructions ?? MOST_INSTRUCTIONS, apart };
  const explorer = new Explorer(env, infos, entry.func, limits, options.trace);
  env.chain = explorer.chains.root;
  let refusal: Refusal | undefined;
  let stack = 0;
  try {
    checkReachable(env, infos, entry.func, explorer.chains.root);
    explorer.run(entryState(env, entry.func, context));
    explorer.last = undefined;
    checkLocks(env, explorer.chains.root, facts);
    stack = checkStack(env, explorer.chains.root, options.maxStack ?? MOST_STACK);
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    refusal = refusalOf(env, error, explorer.last?.steps);
  }
  return { env, explorer, refusal, stack, facts };
}

function verifyEntry(program: Program, infos: FuncInfo[], entry: Entry, options: VerifyOptions): Verdict {
  const start = performance.now();
  const context = contextOf(entry.hook, options.ctx, options.layouts, options.otherwise);
  let instructions = 0;
  let result: ReturnType<typeof attempt> | undefined;
  for (const apart of APART) {
    const next = attempt(program, infos, entry, context, options, apart);
    instructions += next.explorer.count;
    // That keeping more apart takes too long says less than why it was tried.
    if (result === undefined || next.refusal?.rule !== "budget") result = next;
    if (!result.refusal || result.env.joins === 0 || result.refusal.rule === "budget") break;
  }
  const { env, explorer, refusal, stack, facts } = result!;
  const loops = refusal ? [] : loopsOf(explorer);
  return {
    ...{
      name: entry.name,
      hook: entry.hook,
      context,
      ok: refusal === undefined,
      refusal,
      loops,
      stack,
      frames: env.used,
      facts,
      instructions,
    },
    bounded: refusal === undefined && loops.every((loop) => loop.bounded),
    helpers: [...env.called].sort(),
    states: explorer.states,
    milliseconds: performance.now() - start,
  };
}

/** Verifies every program; a verdict each, in order. Throws InputError when a context is not known. */
export function verify(program: Program, options: VerifyOptions = {}): Verdict[] {
  const infos = describeAll(program);
  return program.entries.map((entry) => verifyEntry(program, infos, entry, options));
}
