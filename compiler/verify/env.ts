/** What the verifier of one program works with: the program, its context, names for symbols and objects. */

import type { ContextLayout, ContextReturns } from "../../formats/contexts.ts";
import type { HelperRow } from "../../helpers/table.ts";
import type { FullContext } from "../context.ts";
import { place } from "../place.ts";
import type { Program } from "../program.ts";
import type { Chain } from "./chain.ts";
import type { Facts } from "./facts.ts";
import { Linear } from "./linear.ts";
import { equal, isConstant, type Num } from "./number.ts";
import { alu } from "./number-alu.ts";
import { refuse } from "./rules.ts";
import type { State } from "./state.ts";
import type { Value } from "./value.ts";

/** Objects that every program may have; those that helpers return follow. */
export const OBJECTS = { mem: 1, packet: 2, meta: 3, argv: 4 } as const;
const FIRST = 16;

/** Bytes that objects have at most: hosts and helpers keep to that. */
export const MOST = { mem: 2 ** 31 - 1, packet: 0xffff, argv: 2 ** 31, heap: 2 ** 40 } as const;

/** The number with symbol `id` is scale * s + delta, for the symbol s that it was made of, `op` a constant. */
export interface Fraction {
  id: number;
  scale: number;
  delta: number;
  op: string;
  width: 32 | 64;
  by: Num;
}
const MOST_FRACTIONS = 4;

interface Computed {
  op: string;
  width: 32 | 64;
  a: Num;
  b: Num;
  result: Num;
}

/** What an object is called in messages, and what it is. */
export interface ObjectInfo {
  name: string;
  most: number;
  /** The helper's reference family, when it must be released. */
  ref: string | undefined;
  readOnly: boolean;
}

export class Env {
  readonly program: Program;
  readonly layout: ContextLayout | undefined;
  /** A number of CONTEXTS, or an embedder's. */
  readonly context: number;
  /** What the instruction at hand looks at, for messages: "r2". */
  subject = "";
  /** Where we are. */
  chain!: Chain;
  insn = 0;
  private symbols = 0;
  readonly linear = new Linear(() => ++this.symbols);
  /** Symbols that are the length of an object: their least value is its least size. */
  readonly lengths = new Map<number, number>();
  /** Symbols that are characters of strings, and where these stand. */
  readonly characters = new Map<number, Value>();
  /** Numbers that were made of others by and, shift or division, by the symbol of the other. */
  readonly fractions = new Map<number, Fraction[]>();
  /** Symbols of such numbers. */
  readonly parts = new Set<number>();
  /** How often states were joined: what is refused then may be accepted when more are kept apart. */
  joins = 0;
  /** Where the values of a map have their lock. */
  readonly locks = new Map<number, number>();
  /** Bytes of stack that each function uses. */
  readonly used: number[] = [];
  private readonly names = new Map<string, number>();
  /** Names of the helpers that are called. */
  readonly called = new Set<string>();
  /** Prototypes of the host's own helpers. */
  readonly helpers = new Map<number, HelperRow>();
  readonly objects = new Map<number, ObjectInfo>();

  /** What r0 may be at the exit. */
  readonly returns: ContextReturns | undefined;
  private readonly facts: Facts | undefined;
  /** By function and instruction: what it computed the last time. */
  private readonly computed: (Computed | undefined)[][] = [];

  constructor(program: Program, context: FullContext, facts: Facts | undefined) {
    this.program = program;
    this.context = context.kind;
    this.layout = context.layout;
    this.returns = context.returns;
    this.facts = facts;
    this.objects.set(OBJECTS.mem, { name: "the memory", most: MOST.mem, ref: undefined, readOnly: false });
    this.objects.set(OBJECTS.packet, {
      name: "the packet",
      most: MOST.packet,
      ref: undefined,
      readOnly: false,
    });
    this.objects.set(OBJECTS.meta, {
      name: "the packet's metadata",
      most: MOST.packet,
      ref: undefined,
      readOnly: false,
    });
    this.objects.set(OBJECTS.argv, {
      name: "the arguments",
      most: MOST.argv,
      ref: undefined,
      readOnly: false,
    });
  }

  /** A symbol for a value that nothing else is linked to yet. */
  readonly fresh = (): number => ++this.symbols;

  /**
   * An id for what the instruction at hand makes: an object, a reference, a pointer that may be null. The same each
   * time round a loop, as long as nothing in the state still has it: states of one loop are then alike.
   */
  made(state: State, what: string): number {
    for (let n = 0; ; n++) {
      const name = `${what}:${this.chain.number}:${this.insn}:${n}`;
      let id = this.names.get(name);
      if (id === undefined) this.names.set(name, (id = FIRST + this.names.size));
      if (!inUse(state, id)) return id;
    }
  }

  /** What the instruction at hand computes; the rounds of a loop mostly give it the same numbers as the one before. */
  alu(op: string, width: 32 | 64, a: Num, b: Num): Num {
    if (isConstant(a) && isConstant(b)) return alu(op, width, a, b);
    const list = (this.computed[this.chain.func] ??= []);
    const last = list[this.insn];
    if (last?.op === op && last.width === width && equal(last.a, a) && equal(last.b, b)) return last.result;
    const result = alu(op, width, a, b);
    list[this.insn] = { op, width, a, b, result };
    return result;
  }

  fraction(of: Value, made: Fraction): void {
    this.parts.add(made.id);
    const list = this.fractions.get(of.id);
    if (list === undefined) this.fractions.set(of.id, [made]);
    else if (list.length < MOST_FRACTIONS) list.push(made);
  }

  /** The symbol for the length of an object, and for a number that is that length. */
  lengthOf(of: number): number {
    for (const [id, object] of this.lengths) if (object === of) return id;
    const id = this.fresh();
    this.lengths.set(id, of);
    return id;
  }

  /** The instruction at hand accesses `bytes` at v + off. */
  note(v: Value, off: number, bytes: number): void {
    const before = this.facts?.accesses[this.chain.func]?.[this.insn];
    if (before !== undefined && before.kind !== v.kind && (before.kind === "context" || v.kind === "context"))
      refuse(
        "context-pointer",
        "an instruction that always accesses the context, or never does",
        "one that does both",
      );
    this.facts?.access(this.chain.func, this.insn, v, off, bytes);
  }

  /** The instruction at hand yields v. */
  result(v: Value): void {
    this.facts?.result(this.chain.func, this.insn, v);
  }

  /** The jump at hand can go these ways. */
  way(ways: number): void {
    this.facts?.way(this.chain.func, this.insn, ways);
  }

  placeOf(func: number, insn: number): string {
    return place(this.program.name, this.program.functions[func], insn);
  }

  readonly mostOf = (of: number): number => this.object(of).most;

  object(of: number): ObjectInfo {
    return this.objects.get(of) ?? { name: "memory", most: MOST.heap, ref: undefined, readOnly: false };
  }
}

const byObject = (v: Value): boolean => v.kind === "memory" || v.kind === "string";

const inUse = (state: State, id: number): boolean =>
  state.refs.some((ref) => ref.id === id) ||
  state.some((v) => v.nullable === id || v.ref === id || (v.of === id && byObject(v)));
