/** One instruction: what it requires of the state before it, and the state after it. */

import { CONTEXTS } from "../../formats/container.ts";
import { FRAME_SIZE, type Insn } from "../../formats/isa/bpf.ts";
import { PACKET_LOAD } from "../build/build.ts";
import type { Func, Reference } from "../program.ts";
import { arithmetic, immediate } from "./arithmetic.ts";
import { branch } from "./branch.ts";
import { type After, callHelper } from "./call.ts";
import { type Chain, type Chains, runs } from "./chain.ts";
import type { Env } from "./env.ts";
import type { FuncInfo } from "./info.ts";
import { isSlotLive } from "./liveness.ts";
import { atomic, type Bytes, load, store } from "./memory.ts";
import { constant } from "./number.ts";
import { truncate } from "./number-alu.ts";
import { most } from "./number-normal.ts";
import { forgetSlots } from "./points.ts";
import { addRoom } from "./rooms.ts";
import { refuse } from "./rules.ts";
import { truncated, unknownOf } from "./stack.ts";
import type { State } from "./state.ts";
import {
  constOf,
  describe,
  isConst,
  isPointer,
  make,
  NONE,
  number,
  pointer,
  type Value,
  withLink,
  ZERO,
} from "./value.ts";

/** Where states go when they do not simply go on. */
export interface Moves {
  /** To another instruction of the same function. */
  go(chain: Chain, from: number, to: number, state: State): void;
  /** Into a function. */
  enter(chain: Chain, state: State): void;
  /** Behind the call that led into a function. */
  back(chain: Chain, call: number, state: State): void;
  /** To the place before the function that a helper calls back. */
  repeat(chain: Chain, call: number, state: State, again: boolean): void;
  /** Numbers that a register is compared with. */
  compared(chain: Chain, insn: number, most: bigint): void;
  /** A branch can only go to `to`. */
  decided(chain: Chain, insn: number, to: number, other: number): void;
}

/** Frames of a call chain. */
const MOST_DEPTH = 8;

export class Steps {
  private readonly env: Env;
  private readonly infos: FuncInfo[];
  private readonly chains: Chains;
  private readonly moves: Moves;
  /** What follows the calls of helpers that call back, by chain and call. */
  private readonly callbacks = new Map<string, Exclude<After, string>>();
  /** Greatest number of rounds of the helpers that call back, by function and instruction. */
  readonly rounds = new Map<string, { func: number; insn: number; rounds: number }>();

  constructor(env: Env, infos: FuncInfo[], chains: Chains, moves: Moves) {
    this.env = env;
    this.infos = infos;
    this.chains = chains;
    this.moves = moves;
  }

  /** Executes instruction i; returns whether the path goes on with the next one. */
  step(chain: Chain, i: number, insn: Insn, state: State): boolean {
    const { row, dst, src } = insn;
    const { func } = this.infos[chain.func];
    switch (row.kind) {
      case "alu":
        if (row.operand === "reg") this.read(state, src);
        if (row.op !== "mov" && row.op !== "movsx") this.read(state, dst);
        return this.write(state, dst, arithmetic(this.env, state, insn));
      case "end":
        this.read(state, dst);
        return this.write(state, dst, arithmetic(this.env, state, insn));
      case "lddw":
        return this.write(state, dst, wide(insn, func.references[i]));
      case "load":
        return this.load(chain, i, insn, state);
      case "store": {
        const base = this.read(state, dst);
        const value = row.operand === "reg" ? this.stored(state, src) : immediateOf(insn);
        this.env.subject = `r${dst}`;
        this.env.note(base, insn.off, row.bytes);
        store(this.env, state, base, insn.off, row.bytes as Bytes, value);
        return true;
      }
      case "atomic":
        return this.atomic(insn, state);
      case "jump":
        return this.jump(chain, i, insn, func, state);
      case "call":
        return this.call(chain, i, insn, func.references[i], state);
      case "packet":
        return this.packet(insn, state);
      case "exit":
        this.exit(chain, state);
        return false;
    }
  }

  private read(state: State, r: number): Value {
    const v = state.regs[r];
    this.env.subject = `r${r}`;
    if (v.kind === "none") refuse("uninitialised-register", "a value", "nothing written yet");
    return v;
  }

  private write(state: State, r: number, v: Value): true {
    if (r === 10) refuse("stack-bounds", "a register that can be written", "r10", "r10 is the frame pointer");
    state.regs[r] = v;
    this.env.result(v);
    return true;
  }

  /** A register to store; it is linked to the copy in memory. */
  private stored(state: State, r: number): Value {
    const v = this.read(state, r);
    if (v.kind === "number" && v.id === 0 && !isConst(v)) state.regs[r] = withLink(v, this.env.fresh(), 1, 0);
    return state.regs[r];
  }

  private load(chain: Chain, i: number, insn: Insn, state: State): boolean {
    const { row, dst, src } = insn;
    const base = this.read(state, src);
    this.env.note(base, insn.off, row.bytes);
    const values = load(this.env, state, base, insn.off, row.bytes as Bytes, row.signed);
    for (const other of values.slice(1)) {
      const copy = state.clone();
      this.write(copy, dst, other);
      this.moves.go(chain, i, i + 1, copy);
    }
    return this.write(state, dst, values[0]);
  }

  private atomic(insn: Insn, state: State): boolean {
    const { row, dst, src } = insn;
    const base = this.read(state, dst);
    const operand = this.read(state, src);
    if (row.op === "cmpxchg") {
      if (isPointer(this.read(state, 0)))
        refuse("pointer-leak", "a number to compare with", describe(state.regs[0]));
      this.env.subject = `r${src}`;
    }
    if (isPointer(operand)) refuse("pointer-leak", "a number", describe(operand));
    this.env.subject = `r${dst}`;
    this.env.note(base, insn.off, row.bytes);
    const old = atomic(this.env, state, base, insn.off, row.bytes as 4 | 8);
    const yielded = number(row.bytes === 4 ? truncate(old.num, 4) : old.num);
    if (row.op === "cmpxchg") state.regs[0] = yielded;
    else if (row.fetch) this.write(state, src, yielded);
    return true;
  }

  private jump(chain: Chain, i: number, insn: Insn, func: Func, state: State): boolean {
    const to = func.targets[i];
    if (insn.row.op === "ja") {
      this.moves.go(chain, i, to, state);
      return false;
    }
    this.read(state, insn.dst);
    if (insn.row.operand === "reg") {
      this.read(state, insn.src);
      const [x, y] = [state.regs[insn.src].num.smax, state.regs[insn.dst].num.smax];
      this.moves.compared(chain, i, most(x, y));
    }
    const { taken, fall } = branch(this.env, state, insn);
    this.env.way((taken ? 2 : 0) | (fall ? 1 : 0));
    if (taken && fall) {
      const before = state.steps;
      taken.steps = { func: chain.func, insn: i, taken: true, before };
      fall.steps = { func: chain.func, insn: i, taken: false, before };
    } else if (taken) this.moves.decided(chain, i, to, i + 1);
    else this.moves.decided(chain, i, i + 1, to);
    if (fall) this.moves.go(chain, i, i + 1, fall);
    if (taken) this.moves.go(chain, i, to, taken);
    return false;
  }

  private call(chain: Chain, i: number, insn: Insn, reference: Reference | undefined, state: State): boolean {
    if (insn.row.op === "indirect") {
      const v = this.read(state, insn.dst);
      if (v.kind === "number" && isConst(v))
        return this.helper(chain, i, { kind: "helper", id: constOf(v) }, state);
      if (v.kind !== "function") refuse("not-a-pointer", "the address of a function", describe(v));
      this.enter(chain, i, v.of, state);
      return false;
    }
    if (reference?.kind === "function") {
      this.enter(chain, i, reference.index, state);
      return false;
    }
    if (reference === undefined) return refuse("helper-unknown", "a helper or a function", "neither");
    return this.helper(chain, i, reference, state);
  }

  private helper(chain: Chain, i: number, reference: Reference, state: State): boolean {
    const after = callHelper(this.env, state, reference);
    if (after === "end") return false;
    if (after === "next") return true;
    this.callbacks.set(`${chain.number}:${i}:${after.callback}`, after);
    const { rounds } = this.rounds.get(`${chain.func}:${i}`) ?? { rounds: 0 };
    this.rounds.set(`${chain.func}:${i}`, {
      func: chain.func,
      insn: i,
      rounds: Math.max(rounds, after.iterations),
    });
    for (const [k, v] of after.regs.entries()) state.regs[k + 1] = v;
    // Which function it is stands behind its arguments, of which there are four at most.
    state.regs[5] = make("function", after.callback, ZERO);
    this.moves.repeat(chain, i, state, false);
    return false;
  }

  /** The chain of a call, which must not be too deep, nor call what is running. */
  private child(chain: Chain, i: number, func: number, callback: boolean): Chain {
    const { name } = this.env.program.functions[func];
    this.env.subject = "";
    if (runs(chain, func))
      refuse("recursion", "a call of a function that is not running", name, "use a loop");
    if (chain.depth >= MOST_DEPTH)
      refuse("call-depth", `at most ${MOST_DEPTH} frames`, `a call of ${name} from the ${chain.depth}th`);
    return this.chains.child(chain, func, i, callback, this.infos[chain.func].position[i]);
  }

  private enter(chain: Chain, i: number, func: number, state: State): void {
    const inner = this.child(chain, i, func, false);
    if (state.lock) refuse("lock", "bpf_spin_unlock before a call", "a held lock");
    this.forgetCaller(chain, i, state);
    state.enter(func);
    state.regs = [
      NONE,
      ...state.regs.slice(1, 6),
      NONE,
      NONE,
      NONE,
      NONE,
      pointer("stack", state.depth - 1, FRAME_SIZE),
    ];
    this.moves.enter(inner, state);
  }

  /** What the caller does not read after the call makes no difference inside. */
  private forgetCaller(chain: Chain, i: number, state: State): void {
    const { live } = this.infos[chain.func];
    for (let r = 6; r < 10; r++) if (((live.regs[i + 1] >> r) & 1) === 0) state.regs[r] = NONE;
    if (!state.regs.some((v, r) => r < 6 && v.kind === "stack"))
      forgetSlots(state, state.depth - 1, (s) => isSlotLive(live, i + 1, s));
  }

  /** Before a callback: it may have been called often enough, or is called once more. */
  callback(chain: Chain, i: number, state: State): void {
    const { env } = this;
    [env.chain, env.insn] = [chain, i];
    const which = state.regs[5];
    if (which.kind !== "function")
      refuse("callback", "one function to call back", "one of several", "branch before the call");
    const after = this.callbacks.get(`${chain.number}:${i}:${which.of}`)!;
    const done = state.clone();
    for (let r = 1; r < 6; r++) done.regs[r] = NONE;
    this.moves.back(chain, i, done);
    const inner = this.child(chain, i, after.callback, true);
    const { regs } = state;
    const args = after.regs.map((_, k) => this.unlinked(state, regs[k + 1]));
    state.enter(after.callback);
    const frame = state.own(state.depth - 1);
    frame.saved = [...regs.slice(6, 10), ...regs.slice(0, 6)];
    state.regs = new Array(10).fill(NONE);
    for (const [k, v] of args.entries()) state.regs[k + 1] = v;
    state.regs[10] = pointer("stack", state.depth - 1, FRAME_SIZE);
    this.moves.enter(inner, state);
  }

  /** A number that is another one each time: it knows the same of distances, and nothing else of its last copy. */
  private unlinked(state: State, v: Value): Value {
    if (v.kind !== "number" || v.id === 0) return v;
    const id = this.env.fresh();
    for (const r of state.rooms) if (r.id === v.id) addRoom(state, r.of, id, r.scale, r.room);
    return withLink(v, id, v.scale, v.delta, v.low);
  }

  private packet(insn: Insn, state: State): boolean {
    const { env } = this;
    const id = PACKET_LOAD;
    if (env.context !== CONTEXTS.xdp && env.context !== CONTEXTS.skb)
      refuse("helper-context", "a load from the packet in context xdp or skb", "another context");
    const context = this.read(state, 6);
    if (context.kind !== "context" || !isConst(context) || constOf(context) !== 0)
      refuse("context-pointer", "the context in r6", describe(context));
    if (insn.row.op === "ind" && isPointer(this.read(state, insn.src)))
      refuse("pointer-arithmetic", "a number as offset", describe(state.regs[insn.src]));
    if (state.lock) refuse("lock", "bpf_spin_unlock before a packet is loaded", "a held lock");
    if (state.refs.length > 0)
      refuse("reference-leak", "nothing held where the program may end", `${state.refs.length} held`);
    state.regs[1] = context;
    state.regs[2] = number(ZERO);
    state.regs[3] = immediate(insn.row.bytes);
    callHelper(env, state, { kind: "helper", id });
    state.regs[0] = unknownOf(insn.row.bytes as Bytes);
    return true;
  }

  private exit(chain: Chain, state: State): void {
    const { env } = this;
    env.subject = "r0";
    const r0 = state.regs[0];
    if (state.lock) refuse("lock", "bpf_spin_unlock before the exit", "a held lock");
    if (chain.parent === undefined) this.end(state, r0);
    else if (chain.callback) this.leaveCallback(chain, state, r0);
    else {
      if (r0.kind === "stack" && r0.of === state.depth - 1)
        refuse("pointer-leak", "a result that outlives the function", "a pointer to its stack");
      const { saved } = state.frames.pop()!;
      state.regs = [
        r0,
        NONE,
        NONE,
        NONE,
        NONE,
        NONE,
        ...saved,
        pointer("stack", state.depth - 1, FRAME_SIZE),
      ];
      this.moves.back(chain.parent, chain.call, state);
    }
  }

  /** The program's own exit. */
  private end(state: State, r0: Value): void {
    this.checkReleased(state, 0);
    if (r0.kind === "none")
      refuse("uninitialised-register", "a return value", "nothing written yet", "set r0 before exit");
    if (isPointer(r0)) refuse("pointer-leak", "a number to return", describe(r0));
    const range = this.env.returns;
    if (range === undefined) return;
    const { min, max, strict, of } = range;
    const { u32min, u32max, umin, umax } = r0.num;
    const inside = umin >= BigInt(min) && umax <= BigInt(max);
    const outside = u32max < min || u32min > max;
    if (outside || (strict && !inside))
      refuse("return-value", `r0 in ${min} … ${max} for ${of}`, describe(r0));
  }

  private checkReleased(state: State, depth: number): void {
    const held = state.refs.find((ref) => ref.depth > depth);
    if (held === undefined) return;
    const { kind, func, insn } = held;
    const at = this.env.placeOf(func, insn);
    this.env.subject = "";
    refuse(
      "reference-leak",
      "everything released before the exit",
      `${kind === "record" ? "a record" : "memory"} from ${at} that is still held`,
      kind === "record" ? "submit or discard it on every path" : "free it on every path",
    );
  }

  private leaveCallback(chain: Chain, state: State, r0: Value): void {
    const parent = chain.parent!;
    const after = this.callbacks.get(`${parent.number}:${chain.call}:${chain.func}`)!;
    this.checkReleased(state, state.depth - 1);
    this.env.subject = "r0";
    if (r0.kind !== "number") refuse("callback", "a number to return from a callback", describe(r0));
    if (after.most !== undefined && r0.num.umax > BigInt(after.most))
      refuse(
        "callback",
        after.most === 0 ? "0 to return" : "0 or 1 to return (0 goes on, 1 ends the helper)",
        describe(r0),
      );
    const { saved } = state.frames.pop()!;
    state.regs = [...saved.slice(4), ...saved.slice(0, 4), pointer("stack", state.depth - 1, FRAME_SIZE)];
    this.moves.repeat(parent, chain.call, state, true);
  }
}

const immediateOf = (insn: Insn): Value => truncated(immediate(insn.imm), insn.row.bytes as Bytes);

/** What a 64-bit immediate load yields. */
function wide(insn: Insn, reference: Reference | undefined): Value {
  switch (reference?.kind) {
    case undefined:
      return number(constant((BigInt(insn.hi) << 32n) | BigInt(insn.imm >>> 0)));
    case "function":
      return make("function", reference.index, ZERO);
    case "map":
      return make("map", reference.index, ZERO);
    case "map-value":
      return pointer("map-value", reference.index, reference.offset);
    case "rodata":
    case "data":
      return pointer(reference.kind, 0, reference.offset);
    default:
      return refuse("helper-unknown", "an address", `a reference to a ${reference?.kind}`);
  }
}
