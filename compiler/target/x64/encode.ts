/**
 * x86-64 encoding: allocated machine code to bytes, with frames and moves. Requires real registers
 * everywhere; guarantees branches of the shortest form that reaches.
 */

import { bug } from "../../../formats/error.ts";
import {
  fitsInt8,
  NO_INDEX,
  RIP,
  registerName,
  X64,
  X64Assembler,
  type X64Row,
} from "../../../formats/isa/x64.ts";
import { ULT } from "../../ir/ops.ts";
import type { FunctionCode } from "../code.ts";
import { emitFunction, type Machine } from "../emit.ts";
import { entryBytes } from "../jump-table.ts";
import type { Allocation, MFn, MInst, Move } from "../mir.ts";
import { SLOT } from "../mir.ts";
import { SWAP } from "../resolve.ts";
import { MODULO, makesCalls, SIGNED } from "../rules.ts";
import { ALWAYS, x64Branches } from "./branches.ts";
import { Flags } from "./flags.ts";
import { expandKernel } from "./kernels.ts";
import * as kinds from "./kinds.ts";
import { K } from "./kinds.ts";
import { CONDITION, EXTEND, EXTEND32, LOAD_SWAPPED, R, STORE, STORE_IMM, STORE_SWAPPED } from "./rows.ts";

/** rsp and nothing else is reserved; cheap encodings and caller-saved registers come first. */
export const ORDER = [
  X64.rax,
  X64.rcx,
  X64.rdx,
  X64.rsi,
  X64.rdi,
  X64.r8,
  X64.r9,
  X64.r10,
  X64.r11,
  X64.rbx,
  X64.rbp,
  X64.r14,
  X64.r15,
  X64.r12,
  X64.r13,
]; // prettier-ignore
const SAVED = [X64.rbx, X64.rbp, X64.r12, X64.r13, X64.r14, X64.r15];
export const CALLEE_SAVED = SAVED.reduce((bits, r) => bits | (1 << r), 0);
/** What a call overwrites, cheap ones first. */
const VOLATILE = [X64.rcx, X64.rdx, X64.rsi, X64.rdi, X64.rax, X64.r8, X64.r9, X64.r10, X64.r11];

/** Encodes one function; `bpfStack` is its BPF frame in bytes. */
export function encodeX64(fn: MFn, allocation: Allocation, bpfStack: number): FunctionCode {
  return emitFunction(fn, allocation, new Encoder(fn, allocation, bpfStack));
}

/** Kinds whose width is that of what they compare; disp is their own. */
const COMPARES = new Set<number>([K.select, K.addFlag, K.subFlag]);

class Encoder implements Machine {
  readonly forms = x64Branches;
  readonly always = ALWAYS;
  readonly unit = 1;
  readonly entryBytes: 2 | 4;
  readonly kinds = K;
  readonly hasFrame: boolean;
  readonly calleeSaved = CALLEE_SAVED;
  readonly scratch: number;
  readonly fixups: FunctionCode["fixups"] = [];
  readonly stack: number;
  private readonly asm = new X64Assembler();
  private readonly small: boolean;
  private readonly kernels: MFn["kernels"];
  private readonly saved: number[];
  /** Bytes that rsp goes down after the pushes, and where in them the BPF frame ends. */
  private readonly frame: number;
  private readonly frameEnd: number;
  private readonly flags = new Flags();

  constructor(fn: MFn, allocation: Allocation, bpfStack: number) {
    this.small = fn.small;
    this.scratch = ((~CALLEE_SAVED & ~(1 << X64.rsp)) | allocation.written) & 0xffff;
    this.kernels = fn.kernels;
    this.entryBytes = entryBytes(fn, allocation);
    this.saved = SAVED.filter((r) => (allocation.written >> r) & 1);
    this.frameEnd = 8 * allocation.slots + Math.ceil(bpfStack / 8) * 8;
    const unaligned = (8 + 8 * this.saved.length + this.frameEnd) % 16 !== 0;
    this.frame = this.frameEnd + (makesCalls(fn) && unaligned ? 8 : 0);
    this.stack = 8 + 8 * this.saved.length + this.frame;
    this.hasFrame = this.stack > 8;
  }

  get size(): number {
    return this.asm.size;
  }

  finish(): Uint8Array {
    return this.asm.finish();
  }

  isShortReturn(inst: MInst): boolean {
    return inst.kind === K.ret;
  }

  inverse(condition: number): number {
    return condition ^ 1;
  }

  startBlock(follows: boolean): void {
    if (!follows) this.flags.forget();
  }

  private save(): void {
    for (const r of this.saved) this.asm.r(R.push, r);
    this.adjust(-this.frame);
  }

  /** Eight bytes more or less are shortest as a push or a pop of a register that holds nothing: none of `needed`. */
  private adjust(by: number, needed = 0): void {
    if (by === 0) return;
    const free = by === 8 ? VOLATILE.find((r) => ((needed >> r) & 1) === 0) : undefined;
    if (by === -8) this.asm.r(R.push, X64.rax);
    else if (free !== undefined) this.asm.r(R.pop, free);
    else this.aluImm(by < 0 ? 3 : 0, 1, X64.rsp, Math.abs(by));
  }

  /** All of the frame but the return address goes. */
  private restore(needed: number): void {
    this.adjust(this.frame, needed);
    for (const r of [...this.saved].reverse()) this.asm.r(R.pop, r);
  }

  private slot(location: number): number {
    return 8 * (location - SLOT);
  }

  comparesLate(): boolean {
    return false;
  }

  move({ to, from, lo, hi }: Move, keepsFlags = false): void {
    const { asm } = this;
    this.flags.written(to);
    if (hi === SWAP) this.flags.written(from);
    if (hi === SWAP && from >= 0) this.swap(to, from);
    else if (from < 0 && keepsFlags && to < SLOT && lo === 0 && hi === 0) asm.r(R.movImm32, to, 0);
    else if (from < 0) this.constantTo(to, lo, hi);
    else if (to < SLOT && from < SLOT) asm.rr(R.movRegister[lo === 1 ? 0 : 1], to, from);
    else if (to < SLOT) asm.rm(R.movRegister[lo === 1 ? 0 : 1], to, X64.rsp, NO_INDEX, 1, this.slot(from));
    else if (from < SLOT) asm.rm(R.movStore[1], from, X64.rsp, NO_INDEX, 1, this.slot(to));
    else {
      asm.rm(R.pushMemory, 0, X64.rsp, NO_INDEX, 1, this.slot(from));
      asm.rm(R.popMemory, 0, X64.rsp, NO_INDEX, 1, this.slot(to));
    }
  }

  private swap(a: number, b: number): void {
    const { asm } = this;
    if (a >= SLOT && b >= SLOT) {
      asm.rm(R.pushMemory, 0, X64.rsp, NO_INDEX, 1, this.slot(a));
      asm.rm(R.pushMemory, 0, X64.rsp, NO_INDEX, 1, this.slot(b) + 8);
      asm.rm(R.popMemory, 0, X64.rsp, NO_INDEX, 1, this.slot(a) + 8);
      asm.rm(R.popMemory, 0, X64.rsp, NO_INDEX, 1, this.slot(b));
    } else if (a >= SLOT) asm.rm(R.xchg[1], b, X64.rsp, NO_INDEX, 1, this.slot(a));
    else if (b >= SLOT) asm.rm(R.xchg[1], a, X64.rsp, NO_INDEX, 1, this.slot(b));
    else asm.rr(R.xchg[1], a, b);
  }

  private constantTo(to: number, lo: number, hi: number): void {
    const { asm } = this;
    if (to < SLOT) this.constant(to, lo, hi);
    else if (hi === lo >> 31) asm.rm(R.movSigned, 0, X64.rsp, NO_INDEX, 1, this.slot(to), lo);
    else {
      asm.rm(STORE_IMM[32], 0, X64.rsp, NO_INDEX, 1, this.slot(to), lo);
      asm.rm(STORE_IMM[32], 0, X64.rsp, NO_INDEX, 1, this.slot(to) + 4, hi);
    }
  }

  private constant(r: number, lo: number, hi: number): void {
    const { asm } = this;
    if (lo === 0 && hi === 0) {
      asm.rr(R.alu[4][0], r, r);
      this.flags.forget();
    } else if (this.small && fitsInt8(lo) && hi === lo >> 31) {
      asm.op(R.pushImm8, lo);
      asm.r(R.pop, r);
    } else if (hi === 0) asm.r(R.movImm32, r, lo);
    else if (hi === -1 && lo < 0) asm.rr(R.movSigned, 0, r, lo);
    else asm.r(R.movImm64, r, lo, hi);
  }

  private aluImm(index: number, wide: 0 | 1, r: number, imm: number): void {
    const { asm } = this;
    if (fitsInt8(imm)) asm.rr(R.alu8[index][wide], 0, r, imm);
    else if (r === X64.rax) asm.op(R.aluRax[index][wide], imm);
    else asm.rr(R.alu32[index][wide], 0, r, imm);
  }

  private copy(to: number, from: number, wide: 0 | 1): void {
    if (to === from) return;
    this.asm.rr(R.movRegister[wide], to, from);
    this.flags.written(to);
  }

  /** A row with the instruction's memory operand; its registers are the last uses. */
  private memory(row: X64Row, reg: number, inst: MInst, imm = 0): void {
    const { asm } = this;
    const { uses, disp } = inst;
    if (inst.memory === "rodata") {
      asm.rm(row, reg, RIP, NO_INDEX, 1, 0, imm);
      // The distance counts from the end of the instruction, which an immediate puts off.
      const { immediate } = row;
      this.fixups.push({ at: asm.size - 4 - immediate, kind: "rodata", target: disp - immediate });
    } else if (inst.memory === "frame") asm.rm(row, reg, X64.rsp, NO_INDEX, 1, this.frameEnd + disp, imm);
    else if (inst.memory === "frame-index")
      asm.rm(row, reg, X64.rsp, uses[uses.length - 1], inst.scale, this.frameEnd + disp, imm);
    else if (inst.memory === "base") asm.rm(row, reg, uses[uses.length - 1], NO_INDEX, 1, disp, imm);
    else {
      let [base, index] = uses.slice(-2);
      // rbp and r13 as base cost a byte of displacement: swap where the scale allows.
      if (inst.scale === 1 && ((base & 7) === 5 || index === X64.rsp)) [base, index] = [index, base];
      asm.rm(row, reg, base, index, inst.scale, disp, imm);
    }
  }

  inst(inst: MInst): void {
    const { asm } = this;
    const { def, uses, lo, aux } = inst;
    const wide = inst.width === 64 ? 1 : 0;
    if (inst.tied) this.copy(def, uses[0], COMPARES.has(inst.kind) ? this.copiedWidth(inst) : wide);
    switch (inst.kind) {
      case K.const:
        this.constant(def, lo, inst.hi);
        break;
      case K.lea:
        if (inst.memory === "frame" && this.frameEnd + inst.disp === 0)
          asm.rr(R.movRegister[1], def, X64.rsp);
        else this.memory(R.lea[wide], def, inst);
        break;
      case K.code:
      case K.rodata:
        asm.rm(R.lea[1], def, RIP, NO_INDEX, 1, 0);
        this.fixups.push({
          at: asm.size - 4,
          kind: inst.kind === K.code ? "function" : "rodata",
          target: aux,
        });
        break;
      case K.add:
        this.add(inst, wide);
        break;
      case K.addImm:
        this.addImm(def, uses[0], lo, wide);
        break;
      case K.alu:
        asm.rr(R.alu[aux][wide], uses[1], def);
        break;
      case K.aluImm:
        this.aluImm(aux, wide, def, lo);
        break;
      case K.shiftImm:
        if (lo === 1) asm.rr(R.shift1[aux][wide], 0, def);
        else asm.rr(R.shift[aux][wide], 0, def, lo);
        break;
      case K.shiftCl:
        asm.rr(R.shiftCl[aux][wide], 0, def);
        break;
      case K.mul:
        asm.rr(R.imul[wide], def, uses[1]);
        break;
      case K.mulImm:
        asm.rr((fitsInt8(lo) ? R.imul8 : R.imul32)[wide], def, uses[0], lo);
        break;
      case K.neg:
      case K.not:
        asm.rr((inst.kind === K.neg ? R.neg : R.not)[wide], 0, def);
        break;
      case K.divide:
        this.divide(uses[1], aux, wide);
        break;
      case K.bswap:
        asm.r(R.bswap[wide], def);
        break;
      case K.count:
        asm.rr(R.count[aux][wide], def, uses[0]);
        break;
      case K.scan:
        // Of zero the result is what was there before, on every processor with 64 bits.
        asm.rr(R.count[aux][wide], def, uses[uses.length - 1]);
        // The number of a bit from above.
        if (aux === kinds.BSR) asm.rr(R.alu8[4][wide], 0, def, wide === 1 ? 63 : 31);
        break;
      case K.bswap16:
        if (aux === kinds.SHORT) {
          asm.r(R.bswap[0], def);
          asm.rr(R.shift[1][0], 0, def, 16);
          break;
        }
        asm.rr(R.swapHalf, 0, def, 8);
        if (aux !== kinds.CLEAR) asm.rr(EXTEND[-16], def, def);
        break;
      case K.extend:
        asm.rr((wide === 0 && EXTEND32[aux]) || EXTEND[aux], def, uses[0]);
        break;
      case K.load:
        this.memory(EXTEND[aux], def, inst);
        break;
      case K.store:
        this.memory(STORE[aux], uses[0], inst);
        break;
      case K.storeImm:
        this.memory(STORE_IMM[aux], 0, inst, lo);
        break;
      case K.lockAlu:
        this.memory(R.lock[aux][wide], uses[0], inst);
        break;
      case K.lockAluImm:
        this.lockImm(inst, wide);
        break;
      case K.xadd:
      case K.xchg:
        this.memory((inst.kind === K.xadd ? R.xadd : R.xchg)[wide], def, inst);
        break;
      case K.cmpxchg:
        this.memory(R.cmpxchg[wide], uses[1], inst);
        break;
      case K.fetchLoop:
        this.fetchLoop(inst, wide);
        break;
      case K.table:
        asm.rm(R.lea[1], def, RIP, NO_INDEX, 1, 0);
        this.fixups.push({ at: asm.size - 4, kind: "table", target: 0 });
        break;
      case K.entry:
        asm.rm(EXTEND[8 * this.entryBytes], def, uses[0], uses[1], this.entryBytes, 0);
        asm.rr(R.alu[0][1], uses[0], def);
        break;
      case K.jumpRegister:
        asm.rr(R.jmpMemory, 0, uses[0]);
        break;
      case K.callSlot:
        asm.rm(R.callMemory, 0, X64.r9, NO_INDEX, 1, 8 * aux);
        break;
      case K.call:
        asm.op(R.call, 0);
        this.fixups.push({ at: asm.size - 4, kind: "function", target: aux });
        break;
      case K.callRegister:
        if (inst.memory === "none") asm.rr(R.callMemory, 0, uses[uses.length - 1]);
        else this.memory(R.callMemory, 0, inst);
        break;
      case K.tailSlot:
        asm.rm(R.jmpMemory, 0, X64.r9, NO_INDEX, 1, 8 * aux);
        break;
      case K.tailCall:
        asm.op(R.jmp32, 0);
        this.fixups.push({ at: asm.size - 4, kind: "function", target: aux });
        break;
      case K.tailRegister:
        asm.rr(R.jmpMemory, 0, X64.rax);
        break;
      case K.ret:
        asm.op(R.ret);
        break;
      case K.aluLoad:
        this.memory(R.aluLoad[aux][wide], def, inst);
        break;
      case K.mulLoad:
        this.memory(R.imul[wide], def, inst);
        break;
      case K.aluStore:
        this.memory(R.alu[aux][wide], uses[0], inst);
        break;
      case K.aluStoreImm:
        this.memoryImm(inst, wide);
        break;
      case K.copy:
        asm.op(R.repMove[aux]);
        break;
      case K.fill:
        asm.op(R.repStore[aux]);
        break;
      case K.kernel:
        expandKernel(asm, this.kernels[aux], uses, inst.width);
        break;
      case K.set: {
        // The upper bits are cleared before the comparison where there is one, and its operands are elsewhere.
        const early =
          inst.aux !== kinds.COMPARED &&
          !uses.includes(def) &&
          this.flags.condition(inst, uses) === undefined;
        if (early) this.constant(def, 0, 0);
        const { condition } = this.compare(inst);
        asm.rr(R.set[condition], 0, def);
        if (!early) asm.rr(EXTEND[-8], def, def);
        break;
      }
      case K.mulHigh:
        asm.rr(R.mulHigh, 0, uses[1]);
        break;
      case K.mulx:
        // Both halves go to one place: the upper one stays.
        asm.rr(R.mulx, def, uses[1], 0, def);
        break;
      case K.funnel:
        asm.rr(R.shld[wide], uses[1], def, lo);
        break;
      case K.andNot:
        asm.rr(R.andNot[wide], def, uses[1], 0, uses[0]);
        break;
      case K.lowest:
        asm.rr(R.lowest[aux][wide], 0, uses[0], 0, def);
        break;
      case K.rotate:
        if (def === uses[0]) asm.rr(R.shift[kinds.ROTATE][wide], 0, def, lo);
        else asm.rr(R.rorx[wide], def, uses[0], (inst.width - lo) & (inst.width - 1));
        break;
      case K.shiftBy:
        asm.rr(R.shiftBy[aux][wide], def, uses[0], 0, uses[1]);
        break;
      case K.loadSwapped:
        this.memory(LOAD_SWAPPED[aux], def, inst);
        break;
      case K.storeSwapped:
        this.memory(STORE_SWAPPED[aux], uses[0], inst);
        break;
      case K.addFlag:
      case K.subFlag: {
        const { condition } = this.compare(inst, this.compared(inst));
        // Below: the carry is what is added; not below: 1 - carry.
        const below = condition === CONDITION[ULT];
        const row = below === (inst.kind === K.addFlag) ? R.adc : R.sbb;
        asm.rr(row[inst.disp === 64 ? 1 : 0], 0, def, below ? 0 : -1);
        break;
      }
      case K.select: {
        const { condition } = this.compare(inst, this.compared(inst));
        const row = R.cmov[inst.swapped ? this.inverse(condition) : condition];
        asm.rr(row[inst.disp === 64 ? 1 : 0], def, uses[1]);
        break;
      }
      case K.enter:
        this.save();
        break;
      case K.leave:
        this.restore(aux);
        break;
      case K.trap:
        asm.op(R.ud2);
        break;
      default:
        bug(`no encoding for kind ${inst.kind} (${registerName(Math.max(def, 0), 64)})`);
    }
    this.flags.after(inst);
  }

  /** What is compared may be the copy: all of it, also where the result is only half as wide. */
  private copiedWidth(inst: MInst): 0 | 1 {
    return inst.disp === 64 || (inst.width === 64 && this.compared(inst).includes(inst.def)) ? 1 : 0;
  }

  /** The registers that a tied instruction compares, of which one may be what it overwrites. */
  private compared({ def, uses, hi, swapped }: MInst): number[] {
    const turned = (k: number) => (swapped && k < 2 ? 1 - k : k);
    const place = (k: number) => (turned(k) === 0 ? def : uses[turned(k)]);
    return [place(hi & 15), place(hi >> 4)];
  }

  private memoryImm(inst: MInst, wide: 0 | 1): void {
    const { aux, lo } = inst;
    if (aux === 0 && lo === 1) this.memory(R.inc[wide], 0, inst);
    else if (aux === 0 && lo === -1) this.memory(R.dec[wide], 0, inst);
    else this.memory((fitsInt8(lo) ? R.alu8 : R.alu32)[aux][wide], 0, inst, lo);
  }

  private lockImm(inst: MInst, wide: 0 | 1): void {
    const { aux, lo } = inst;
    if (aux === 0 && lo === 1) this.memory(R.lockInc[wide], 0, inst);
    else if (aux === 0 && lo === -1) this.memory(R.lockDec[wide], 0, inst);
    else this.memory((fitsInt8(lo) ? R.lock8 : R.lock32)[aux][wide], 0, inst, lo);
  }

  private add({ def, uses: [a, b] }: MInst, wide: 0 | 1): void {
    const { asm } = this;
    if (def === a) asm.rr(R.alu[0][wide], b, def);
    else if (def === b) asm.rr(R.alu[0][wide], a, def);
    else if ((a & 7) === 5) asm.rm(R.lea[wide], def, b, a, 1, 0);
    else asm.rm(R.lea[wide], def, a, b, 1, 0);
  }

  private addImm(def: number, a: number, imm: number, wide: 0 | 1): void {
    const { asm } = this;
    if (def !== a) asm.rm(R.lea[wide], def, a, NO_INDEX, 1, imm);
    else if (imm === 1) asm.rr(R.inc[wide], 0, def);
    else if (imm === -1) asm.rr(R.dec[wide], 0, def);
    else if (imm === 128) this.aluImm(3, wide, def, -128);
    else this.aluImm(0, wide, def, imm);
  }

  compare(inst: MInst, uses = inst.uses): { condition: number; register: number } {
    if (inst.aux === kinds.COMPARED) return { condition: CONDITION[inst.cond], register: 0 };
    let condition = this.flags.condition(inst, uses);
    if (condition === undefined) {
      this.compareNow(inst, uses);
      this.flags.compared(inst, uses);
      condition = inst.cond;
    }
    return { condition: CONDITION[condition], register: 0 };
  }

  private compareNow(inst: MInst, uses: readonly number[]): void {
    const { asm } = this;
    const { lo } = inst;
    const wide = inst.width === 64 ? 1 : 0;
    if (inst.aux === kinds.COMPARE_LOAD) this.memory(R.cmpLoad[wide], uses[0], inst);
    else if (inst.aux === kinds.COMPARE_LOAD_IMM) {
      if (inst.width === 8) this.memory(R.cmpByte, 0, inst, (lo << 24) >> 24);
      else this.memory((fitsInt8(lo) ? R.cmp8 : R.cmp32)[wide], 0, inst, lo);
    } else if (inst.aux === kinds.COMPARE) asm.rr(R.cmp[wide], uses[1], uses[0]);
    else if (inst.aux === kinds.TEST) asm.rr(R.test[wide], uses[1], uses[0]);
    else if (inst.aux === kinds.BIT) asm.rr(R.bitTest[wide], uses[1], uses[0]);
    else if (inst.aux === kinds.TEST_IMM) {
      if (lo >= 0 && lo < 128) asm.rr(R.testImm8, 0, uses[0], lo);
      else asm.rr(R.testImm[lo >= 0 ? 0 : wide], 0, uses[0], lo);
    } else if (lo === 0) asm.rr(R.test[wide], uses[0], uses[0]);
    else if (fitsInt8(lo)) asm.rr(R.cmp8[wide], 0, uses[0], lo);
    else asm.rr(R.cmp32[wide], 0, uses[0], lo);
  }

  /** Emits a short forward jump and returns where its displacement stands. */
  private skip(row: X64Row): number {
    this.asm.op(row, 0);
    return this.asm.size - 1;
  }

  private here(...jumps: number[]): void {
    for (const at of jumps) this.asm.patch8(at, this.asm.size - at - 1);
  }

  /** rax / divisor: x / 0 = 0, x % 0 = x, least / -1 = least, least % -1 = 0 (RFC 9669 section 4.1). */
  private divide(divisor: number, aux: number, wide: 0 | 1): void {
    const { asm } = this;
    const [signed, modulo] = [(aux & SIGNED) !== 0, (aux & MODULO) !== 0];
    const ends: number[] = [];
    if ((aux & kinds.NONZERO) === 0) {
      asm.rr(R.test[wide], divisor, divisor);
      const divides = this.skip(R.jne);
      if (modulo) asm.rr(R.movRegister[wide], X64.rdx, X64.rax);
      else this.constant(X64.rax, 0, 0);
      ends.push(this.skip(R.jmp));
      this.here(divides);
    }
    if (signed && (aux & kinds.NOT_MINUS_ONE) === 0) {
      asm.rr(R.cmp8[wide], 0, divisor, -1);
      const divides = this.skip(R.jne);
      if (modulo) this.constant(X64.rdx, 0, 0);
      else asm.rr(R.neg[wide], 0, X64.rax);
      ends.push(this.skip(R.jmp));
      this.here(divides);
    }
    if (signed) asm.op(R.cdq[wide]);
    else this.constant(X64.rdx, 0, 0);
    asm.rr((signed ? R.idiv : R.div)[wide], 0, divisor);
    this.here(...ends);
  }

  /** rax = old value; repeats until nobody changed it meanwhile. */
  private fetchLoop(inst: MInst, wide: 0 | 1): void {
    const { asm } = this;
    this.memory(R.movRegister[wide], X64.rax, inst);
    const again = asm.size;
    asm.rr(R.movRegister[wide], X64.rdx, X64.rax);
    asm.rr(R.alu[inst.aux][wide], inst.uses[0], X64.rdx);
    this.memory(R.cmpxchg[wide], X64.rdx, inst);
    asm.op(R.jne, again - (asm.size + 2));
  }
}
