/**
 * BPF code to SSA: requires a linked function, its blocks with liveness and the parameter masks; guarantees SSA in
 * which r0 … r9 are gone, r10 is `frame`, and phis stand only where a live register meets itself.
 */

import { bug } from "../../formats/error.ts";
import type { Insn } from "../../formats/isa/bpf.ts";
import { helperByName } from "../../helpers/table.ts";
import { emitter } from "../ir/emit.ts";
import type { Emit } from "../ir/fold.ts";
import { type Block, Fn, type Value } from "../ir/ir.ts";
import { EQ, LOADS, NE, type Op, op, SGE, SGT, SLE, SLT, STORES, UGE, UGT, ULE, ULT } from "../ir/ops.ts";
import type { Func, Reference } from "../program.ts";
import type { Proven, ProvenNumber } from "../proven.ts";
import { ARGUMENTS, type FlowBlock, helperArguments } from "./flow.ts";
import type { Imports } from "./imports.ts";

const FRAME = 10;

/** Instructions that leave what they compute in `dst`. */
const RESULTS: ReadonlySet<string> = new Set(["alu", "end", "load"]);

/** Loads packet bytes for the legacy LD_ABS and LD_IND (RFC 9669 section 5.5); negative outside the packet. */
export const PACKET_LOAD = helperByName("packet_load")!;

const ALU: Record<string, Op> = {
  add: op.add,
  sub: op.sub,
  mul: op.mul,
  and: op.and,
  or: op.or,
  xor: op.xor,
  lsh: op.shl,
  rsh: op.lshr,
  arsh: op.ashr,
  div: op.udiv,
  sdiv: op.sdiv,
  mod: op.umod,
  smod: op.smod,
}; // prettier-ignore

const CONDITION: Record<string, number> = {
  jeq: EQ,
  jne: NE,
  jset: NE,
  jgt: UGT,
  jge: UGE,
  jlt: ULT,
  jle: ULE,
  jsgt: SGT,
  jsge: SGE,
  jslt: SLT,
  jsle: SLE,
}; // prettier-ignore

const ATOMIC: Record<string, Op> = { add: op.aadd, or: op.aor, and: op.aand, xor: op.axor };
const FETCH: Record<string, Op> = { add: op.fadd, or: op.for, and: op.fand, xor: op.fxor, xchg: op.xchg };
const SIGNED: Record<number, Op> = { 1: op.load8s, 2: op.load16s, 4: op.load32s };

/** Translates one function; `index` is its place in Program.functions, `proven` what its instructions leave. */
export function build(
  func: Func,
  index: number,
  flow: FlowBlock[],
  params: number[],
  imports: Imports,
  proven?: Proven,
): Fn {
  return new Builder(func, index, flow, params, imports, proven).run();
}

class Builder {
  private readonly fn: Fn;
  private readonly func: Func;
  private readonly flow: FlowBlock[];
  private readonly params: number[];
  private readonly imports: Imports;
  private readonly proven: Proven | undefined;
  private readonly blocks: Block[] = [];
  /** The value of each register: at the end of a finished block, and now. */
  private readonly exits: Value[][] = [];
  private registers: Value[] = [];
  private readonly emit: Emit;
  block!: Block;
  at = -1;

  constructor(
    func: Func,
    index: number,
    flow: FlowBlock[],
    params: number[],
    imports: Imports,
    proven: Proven | undefined,
  ) {
    this.fn = new Fn(func.name, index);
    this.proven = proven;
    this.func = func;
    this.flow = flow;
    this.params = params;
    this.imports = imports;
    this.fn.params = params[index];
    this.emit = emitter(this.fn, this);
  }

  run(): Fn {
    const { flow, fn } = this;
    const looped = flow[0].predecessors.length > 0;
    const entry = looped ? fn.block() : undefined;
    for (const _ of flow) this.blocks.push(fn.block());
    const start = this.entryRegisters();
    if (entry !== undefined) this.link(entry, this.blocks[0]);
    for (const [b, block] of flow.entries())
      for (const next of block.successors) this.link(this.blocks[b], this.blocks[next]);
    const phis: { phi: Value; register: number; flow: number }[] = [];
    for (const b of order(flow)) {
      this.block = this.blocks[b];
      this.registers = this.enter(b, start, phis);
      this.translate(flow[b]);
      this.exits[b] = this.registers;
    }
    for (const { phi, register, flow: b } of phis) {
      phi.args = flow[b].predecessors.map((p) => this.exits[p][register]);
      if (b === 0 && looped) phi.args.unshift(start[register]);
    }
    return fn;
  }

  private link(from: Block, to: Block): void {
    if (from.end === "trap") from.end = "jump";
    from.successors.push(to);
    to.predecessors.push(from);
  }

  private entryRegisters(): Value[] {
    const undef = this.fn.leaf(op.undef, 64, 0);
    const start: Value[] = new Array(FRAME).fill(undef);
    for (let k = 0; k < 5; k++) if ((this.fn.params >> k) & 1) start[k + 1] = this.fn.leaf(op.param, 64, k);
    start.push(this.fn.leaf(op.frame, 64, 0));
    return start;
  }

  /** Registers at the start of block b; the phis it needs get their arguments at the end. */
  private enter(b: number, start: Value[], phis: { phi: Value; register: number; flow: number }[]): Value[] {
    const { predecessors, liveIn } = this.flow[b];
    if (b === 0 && predecessors.length === 0) return [...start];
    if (b !== 0 && predecessors.length === 1) return [...this.exits[predecessors[0]]];
    const undef = start[0].op === op.undef ? start[0] : this.fn.leaf(op.undef, 64, 0);
    const registers: Value[] = new Array(FRAME).fill(undef);
    registers.push(start[FRAME]);
    for (let register = 0; register < FRAME; register++) {
      if (((liveIn >> register) & 1) === 0) continue;
      const phi = this.fn.value(op.phi, 64, [], this.block, this.flow[b].start);
      this.block.phis.push(phi);
      phis.push({ phi, register, flow: b });
      registers[register] = phi;
    }
    return registers;
  }

  private translate(flow: FlowBlock): void {
    const { insns, references, targets } = this.func;
    for (let i = flow.start; i < flow.end; i++) {
      this.at = i;
      const next = this.fn.nextValue;
      this.insn(insns[i], references[i]);
      if (RESULTS.has(insns[i].row.kind)) this.learn(insns[i].dst, this.proven?.(i), next);
    }
    this.block.at = flow.end - 1;
    const last = insns[flow.end - 1];
    if (last.row.kind === "jump" && last.row.op !== "ja") this.branch(last, targets[flow.end - 1]);
    else if (last.row.kind === "exit") {
      this.block.end = "return";
      this.block.control = this.registers[0];
    }
  }

  /** What is proven of a result holds for the values that were made for it, from number `first` on. */
  private learn(dst: number, known: ProvenNumber | undefined, first: number): void {
    if (known === undefined) return;
    const { lo, hi, isConstant } = known;
    const result = this.registers[dst];
    if (isConstant) this.registers[dst] = this.fn.const(64, lo, hi);
    else if (result.id >= first) {
      this.fn.promised.set(result, [lo, hi]);
      const [whole] = result.args;
      if (result.op === op.zext && whole.id >= first) this.fn.promised.set(whole, [lo, 0]);
    }
  }

  private constant(imm: number): Value {
    return this.fn.const(64, imm);
  }

  private trunc(value: Value): Value {
    return this.emit(op.trunc, 32, [value]);
  }

  private zext(value: Value): Value {
    return this.emit(op.zext, 64, [value]);
  }

  private insn(insn: Insn, reference: Reference | undefined): void {
    const { row } = insn;
    switch (row.kind) {
      case "alu":
        this.registers[insn.dst] = this.alu(insn);
        break;
      case "end":
        this.registers[insn.dst] = this.swap(insn, this.registers[insn.dst]);
        break;
      case "load":
        this.registers[insn.dst] = this.load(insn);
        break;
      case "store": {
        const value = row.operand === "reg" ? this.registers[insn.src] : this.constant(insn.imm);
        const narrow = row.bytes === 8 ? value : this.trunc(value);
        this.emit(STORES[row.bytes], 0, [this.registers[insn.dst], narrow], insn.off);
        break;
      }
      case "atomic":
        this.atomic(insn);
        break;
      case "lddw":
        this.registers[insn.dst] = this.wide(insn, reference);
        break;
      case "call":
        this.call(insn, reference);
        break;
      case "packet":
        this.packet(insn);
        break;
    }
  }

  private alu(insn: Insn): Value {
    const { row } = insn;
    const narrow = row.width === 32;
    const type = narrow ? 32 : 64;
    const take = (value: Value) => (narrow ? this.trunc(value) : value);
    const give = (value: Value) => (narrow ? this.zext(value) : value);
    const dst = this.registers[insn.dst];
    const src = row.operand === "reg" ? this.registers[insn.src] : this.constant(insn.imm);
    if (row.op === "mov") return give(take(src));
    if (row.op === "neg") return give(this.emit(op.sub, type, [this.fn.const(type, 0), take(dst)]));
    if (row.op === "movsx") {
      if (row.bytes === 4) return this.emit(op.sext32, 64, [this.trunc(src)]);
      return give(this.emit(row.bytes === 1 ? op.sext8 : op.sext16, type, [take(src)]));
    }
    const operation = ALU[row.op] ?? bug(`no operation for ${row.name}`);
    return give(this.emit(operation, type, [take(dst), take(src)]));
  }

  /** le, be and bswap on a little-endian host (RFC 9669 section 4.2). */
  private swap(insn: Insn, value: Value): Value {
    const { row } = insn;
    if (row.op === "le") {
      if (row.width === 64) return value;
      const narrow = this.trunc(value);
      return this.zext(
        row.width === 32 ? narrow : this.emit(op.and, 32, [narrow, this.fn.const(32, 0xffff)]),
      );
    }
    if (row.width === 64) return this.emit(op.bswap, 64, [value]);
    return this.zext(this.emit(row.width === 32 ? op.bswap : op.bswap16, 32, [this.trunc(value)]));
  }

  private load(insn: Insn): Value {
    const { row } = insn;
    const base = [this.registers[insn.src]];
    if (row.signed) return this.emit(SIGNED[row.bytes], 64, base, insn.off);
    if (row.bytes === 8) return this.emit(op.load64, 64, base, insn.off);
    return this.zext(this.emit(LOADS[row.bytes], 32, base, insn.off));
  }

  /** Atomics take their address as base + offset: the offset becomes part of the address. */
  private atomic(insn: Insn): void {
    const { row } = insn;
    const narrow = row.bytes === 4;
    const type = narrow ? 32 : 64;
    const take = (value: Value) => (narrow ? this.trunc(value) : value);
    const give = (value: Value) => (narrow ? this.zext(value) : value);
    const base = this.registers[insn.dst];
    const value = take(this.registers[insn.src]);
    if (row.op === "cmpxchg") {
      const args = [base, value, take(this.registers[0])];
      this.registers[0] = give(this.emit(op.cmpxchg, type, args, insn.off));
    } else if (row.fetch) {
      this.registers[insn.src] = give(this.emit(FETCH[row.op], type, [base, value], insn.off));
    } else this.emit(ATOMIC[row.op], 0, [base, value], insn.off);
  }

  private wide(insn: Insn, reference: Reference | undefined): Value {
    switch (reference?.kind) {
      case undefined:
        return this.fn.const(64, insn.imm, insn.hi);
      case "function":
        return this.fn.leaf(op.code, 64, reference.index);
      case "rodata":
        return this.fn.leaf(op.rodata, 64, reference.offset);
      case "data":
        return this.fn.leaf(op.data, 64, this.imports.data(), reference.offset);
      case "map":
        return this.fn.leaf(op.map, 64, this.imports.map(reference.index));
      default:
        return bug(`no address for a reference to a ${reference?.kind}`);
    }
  }

  private call(insn: Insn, reference: Reference | undefined): void {
    const given = this.registers.slice(1, 6);
    let result: Value;
    if (insn.row.op === "indirect") result = this.emit(op.calli, 64, [this.registers[insn.dst], ...given]);
    else if (reference?.kind === "function") {
      const mask = this.params[reference.index];
      const args = given.map((value, k) => ((mask >> k) & 1 ? value : this.fn.leaf(op.undef, 64, 0)));
      result = this.emit(op.call, 64, args, reference.index);
    } else {
      const slot =
        reference?.kind === "helper"
          ? this.imports.helper(reference.id)
          : reference?.kind === "named"
            ? this.imports.named(reference.name)
            : bug("a call that was not linked");
      result = this.emit(op.helper, 64, given.slice(0, helperArguments(reference)), slot);
    }
    this.clobber(result);
  }

  /** After a call: r0 is the result, r1 … r5 hold nothing. */
  private clobber(result: Value): void {
    const undef = this.fn.leaf(op.undef, 64, 0);
    for (let k = 1; k < 6; k++) if ((ARGUMENTS >> k) & 1) this.registers[k] = undef;
    this.registers[0] = result;
  }

  /** r0 = packet bytes in host order; outside the packet the program ends with 0. */
  private packet(insn: Insn): void {
    const offset =
      insn.row.op === "ind"
        ? this.emit(op.add, 64, [this.registers[insn.src], this.constant(insn.imm)])
        : this.constant(insn.imm);
    const args = [this.registers[6], offset, this.constant(insn.row.bytes)];
    const loaded = this.emit(op.helper, 64, args, this.imports.helper(PACKET_LOAD));
    this.splitOnNegative(loaded);
    this.clobber(loaded);
  }

  /** Ends the block here: where `loaded` is negative the function returns 0. */
  private splitOnNegative(loaded: Value): void {
    const before = this.block;
    const failed = this.fn.block();
    const after = this.fn.block();
    after.end = before.end;
    after.successors = before.successors;
    for (const next of after.successors) next.predecessors[next.predecessors.indexOf(before)] = after;
    before.successors = [failed, after];
    failed.predecessors.push(before);
    after.predecessors.push(before);
    before.end = "branch";
    before.control = this.emit(op.icmp, 1, [loaded, this.constant(0)], SLT);
    before.at = this.at;
    failed.end = "return";
    failed.control = this.constant(0);
    failed.at = this.at;
    this.block = after;
  }

  private branch(insn: Insn, target: number): void {
    const { row } = insn;
    const { block } = this;
    const take = (value: Value) => (row.width === 32 ? this.trunc(value) : value);
    let left = take(this.registers[insn.dst]);
    let right = take(row.operand === "reg" ? this.registers[insn.src] : this.constant(insn.imm));
    if (row.op === "jset") {
      left = this.emit(op.and, left.type, [left, right]);
      right = this.fn.const(left.type, 0);
    }
    const condition = CONDITION[row.op] ?? bug(`no condition for ${row.name}`);
    if (target < 0 || block.successors.length !== 2)
      bug(`branch ${row.name} with ${block.successors.length} ends`);
    block.end = "branch";
    block.control = this.emit(op.icmp, 1, [left, right], condition);
  }
}

/** Reverse postorder: a block with one predecessor comes after it. */
function order(flow: FlowBlock[]): number[] {
  const state = new Uint8Array(flow.length);
  const result: number[] = [];
  const work = [0];
  while (work.length > 0) {
    const b = work[work.length - 1];
    if (state[b] === 0) {
      state[b] = 1;
      for (const next of flow[b].successors) if (state[next] === 0) work.push(next);
    } else {
      work.pop();
      if (state[b] === 1) {
        state[b] = 2;
        result.push(b);
      }
    }
  }
  return result.reverse();
}
