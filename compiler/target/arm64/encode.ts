/**
 * AArch64 encoding: allocated machine code to bytes, with frames and moves. x16 and x17 are scratch
 * here and nowhere else; x18 is never touched (platforms keep state there).
 */

import { bug } from "../../../formats/error.ts";
import { ARM_CC, Arm64Assembler, type Arm64Row, SP, ZR } from "../../../formats/isa/arm64.ts";
import { COND, SGE, SLT, UGE, UGT, ULE, ULT } from "../../ir/ops.ts";
import type { FunctionCode } from "../code.ts";
import { emitFunction, type Machine } from "../emit.ts";
import { entryBytes } from "../jump-table.ts";
import { type Allocation, type MFn, type MInst, type Move, SLOT } from "../mir.ts";
import { SWAP } from "../resolve.ts";
import { MODULO, makesCalls, SIGNED } from "../rules.ts";
import { ALWAYS, arm64Branches, CBZ_W, CBZ_X, TBZ } from "./branches.ts";
import { R as VECTOR } from "./kernel-rows.ts";
import { expandKernel } from "./kernels.ts";
import * as kinds from "./kinds.ts";
import { K } from "./kinds.ts";
import { type Access, CONDITION, LOAD, R, STORE } from "./rows.ts";
import { CONVENTION, fitsAdd, OLD, STATUS } from "./select.ts";

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
export const ORDER = [...range(0, 15), ...range(19, 28)];
const SAVED = range(19, 28);
export const CALLEE_SAVED = SAVED.reduce((bits, r) => bits | (1 << r), 0);
const LINK = 30;
const X16 = 16,
  X17 = 17; // prettier-ignore

/** Encodes one function; `lse` = atomics of Armv8.1. */
export function encodeFunction(
  fn: MFn,
  allocation: Allocation,
  bpfStack: number,
  lse: boolean,
): FunctionCode {
  return emitFunction(fn, allocation, new Encoder(fn, allocation, bpfStack, lse));
}

/** A branch on the highest bit. */
const isSignTest = ({ kind, aux, lo, cond }: MInst): boolean =>
  kind === K.branch && aux === kinds.COMPARE_IMM && lo === 0 && (cond === SLT || cond === SGE);

/** The bit of an addition that makes it set the flags. */
const SETS_FLAGS = 1 << 29;

class Encoder implements Machine {
  readonly forms = arm64Branches;
  /** Cycles go through a register of the encoder's own. */
  readonly scratch = 0;
  readonly always = ALWAYS;
  readonly unit = 4;
  readonly entryBytes: 2 | 4;
  readonly kinds = K;
  readonly hasFrame: boolean;
  readonly calleeSaved = CALLEE_SAVED;
  readonly fixups: FunctionCode["fixups"] = [];
  readonly stack: number;
  readonly asm = new Arm64Assembler();
  private readonly lse: boolean;
  /** The comparison that flags are of, while its registers are as they were. */
  private compared = { row: undefined as Arm64Row | undefined, n: -1, m: -1, i: 0 };
  /** A sum whose instruction could still set the flags: where it stands, its register, and its parts that are left. */
  private sum: { at: number; of: number; parts: number[]; wide: 0 | 1 } | undefined;
  /** The access that was made last, where it ends. */
  private last: { end: number; access: Access; register: number; base: number; disp: number } | undefined;
  private readonly kernels: MFn["kernels"];
  /** Registers to save, in the order of their places from sp up. */
  private readonly saved: number[];
  private readonly slots: number;
  private readonly frameEnd: number;

  constructor(fn: MFn, allocation: Allocation, bpfStack: number, lse: boolean) {
    this.lse = lse;
    this.kernels = fn.kernels;
    this.entryBytes = entryBytes(fn, allocation);
    this.saved = SAVED.filter((r) => (allocation.written >> r) & 1);
    if (makesCalls(fn)) this.saved.unshift(LINK);
    this.slots = 8 * this.saved.length;
    this.frameEnd = this.slots + 8 * allocation.slots + Math.ceil(bpfStack / 8) * 8;
    this.stack = Math.ceil(this.frameEnd / 16) * 16;
    this.hasFrame = this.stack > 0;
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
    this.last = undefined;
    if (!follows) this.compared.row = undefined;
    this.sum = undefined;
  }

  /** Compares, unless that is what was done last. */
  private setFlags(row: Arm64Row, n: number, m: number, i: number): void {
    const { compared } = this;
    // The flags are wanted from here on, as they were in front of the sum or as they become.
    this.sum = undefined;
    if (compared.row === row && compared.n === n && compared.m === m && compared.i === i) return;
    this.asm.emit(row, 0, n, m, i);
    this.compared = { row, n, m, i };
  }

  /** Whether the flags tell that a sum just made is below what was added: the carry. */
  private isCarry(sum: number, part: number, wide: 0 | 1): boolean {
    const known = this.sum;
    if (known?.of !== sum || known.wide !== wide || !known.parts.includes(part)) return false;
    this.asm.words[known.at] |= SETS_FLAGS;
    this.compared.row = undefined;
    return true;
  }

  private overwrites(register: number): void {
    const { compared, sum } = this;
    if (sum?.of === register || sum?.parts.includes(register)) this.sum = undefined;
    if (register === compared.n || register === compared.m) compared.row = undefined;
  }

  /** The first pair is saved while the stack pointer goes down, where the distance fits. */
  private save(): void {
    const { asm, saved, stack } = this;
    const pre = saved.length > 0 && stack <= 504 && (saved.length > 1 || stack <= 256);
    if (!pre) this.addTo(SP, SP, -stack);
    for (let k = 0; k < saved.length; k += 2) {
      const first = pre && k === 0;
      if (k + 1 < saved.length)
        asm.emit(first ? R.stpPre : R.stp, saved[k], SP, 0, first ? -stack / 8 : k, 0, saved[k + 1]);
      else if (first) asm.emit(R.strPre, saved[k], SP, 0, -stack);
      else asm.emit(R.str, saved[k], SP, 0, k);
    }
  }

  /** Undoes it. */
  private restore(): void {
    const { asm, saved, stack } = this;
    const post = saved.length > 0 && stack <= 504 && (saved.length > 1 || stack <= 255);
    for (let k = (saved.length - 1) & ~1; k >= 0; k -= 2) {
      const last = post && k === 0;
      if (k + 1 < saved.length)
        asm.emit(last ? R.ldpPost : R.ldp, saved[k], SP, 0, last ? stack / 8 : k, 0, saved[k + 1]);
      else if (last) asm.emit(R.ldrPost, saved[k], SP, 0, stack);
      else asm.emit(R.ldr, saved[k], SP, 0, k);
    }
    if (!post) this.addTo(SP, SP, stack);
  }

  /** to = from + n; sp is allowed. Large numbers go through x17. */
  addTo(to: number, from: number, n: number, wide: 0 | 1 = 1): void {
    const { asm } = this;
    const size = Math.abs(n);
    // Of 32 bits it still clears the upper half.
    if (n === 0 && to === from && wide === 1) return;
    if (size < 4096) asm.emit((n < 0 ? R.subImm : R.addImm)[wide], to, from, 0, size);
    else if (fitsAdd(n)) asm.emit((n < 0 ? R.subImm12 : R.addImm12)[wide], to, from, 0, size / 4096);
    else if (size < 4096 * 4096) {
      asm.emit((n < 0 ? R.subImm12 : R.addImm12)[wide], to, from, 0, size >> 12);
      asm.emit((n < 0 ? R.subImm : R.addImm)[wide], to, to, 0, size & 4095);
    } else {
      this.constant(X17, n | 0, n < 0 ? -1 : 0);
      asm.emit(R.alu[0][wide], to, from, X17);
    }
  }

  comparesLate(branch: MInst): boolean {
    const { aux, lo, hi, cond } = branch;
    return aux === kinds.TEST_IMM
      ? hi > 0
      : aux === kinds.COMPARE_IMM && lo === 0 && (cond <= 1 || isSignTest(branch));
  }

  move({ to, from, lo, hi }: Move): void {
    const { asm } = this;
    this.overwrites(to);
    if (hi === SWAP && from >= 0) this.overwrites(from);
    const slot = (location: number) => this.slots + 8 * (location - SLOT);
    if (hi === SWAP && from >= 0) this.swap(to, from);
    else if (from < 0) {
      const register = to < SLOT ? to : lo === 0 && hi === 0 ? ZR : X16;
      if (register !== ZR) this.constant(register, lo, hi);
      if (to >= SLOT) this.atStack(STORE[64], register, slot(to));
    } else if (to < SLOT && from < SLOT) asm.emit(R.mov[1], to, 0, from);
    else if (to < SLOT) this.atStack(LOAD["64"], to, slot(from));
    else if (from < SLOT) this.atStack(STORE[64], from, slot(to));
    else {
      this.atStack(LOAD["64"], X16, slot(from));
      this.atStack(STORE[64], X16, slot(to));
    }
  }

  /** Through x16; x17 may be needed for the address of a far slot. */
  private swap(a: number, b: number): void {
    this.move({ to: X16, from: a, lo: 0, hi: 0 });
    if (a >= SLOT && b >= SLOT) {
      // Two slots: the second register is one that is saved around.
      const { asm } = this;
      asm.emit(R.strPre, 0, SP, 0, -16);
      const slot = (location: number) => 16 + this.slots + 8 * (location - SLOT);
      this.atStack(LOAD["64"], 0, slot(b));
      this.atStack(STORE[64], 0, slot(a));
      this.atStack(STORE[64], X16, slot(b));
      asm.emit(R.ldrPost, 0, SP, 0, 16);
      return;
    }
    this.move({ to: a, from: b, lo: 0, hi: 0 });
    this.move({ to: b, from: X16, lo: 0, hi: 0 });
  }

  private atStack(row: Access, register: number, offset: number): void {
    this.at(row, register, SP, offset);
  }

  /** [base + disp]; an offset that no form holds is added into x17. */
  private at(access: Access, register: number, base: number, disp: number): void {
    const { asm } = this;
    const { scaled, unscaled, bytes } = access;
    if (this.joins(access, register, base, disp)) return;
    if (disp >= 0 && disp % bytes === 0 && disp / bytes < 4096)
      asm.emit(scaled, register, base, 0, disp / bytes);
    else if (disp >= -256 && disp < 256) asm.emit(unscaled, register, base, 0, disp);
    else {
      this.addTo(X17, base, disp);
      asm.emit(scaled, register, X17);
      return;
    }
    this.last = { end: asm.size, access, register, base, disp };
  }

  /** Becomes one instruction with the access right in front of it, if that is its neighbour's. */
  private joins(access: Access, register: number, base: number, disp: number): boolean {
    const { asm, last } = this;
    const { pair, bytes } = access;
    if (pair === undefined || last?.end !== asm.size || last.access !== access || last.base !== base)
      return false;
    const low = Math.min(last.disp, disp);
    const isFar = low % bytes !== 0 || low < -64 * bytes || low >= 64 * bytes;
    if (isFar || Math.abs(last.disp - disp) !== bytes) return false;
    // Of a load: what was loaded is not the address, nor lost at once.
    const loads = access === LOAD["-32"] || access === LOAD["64"];
    if (loads && (last.register === register || last.register === base)) return false;
    const [first, second] = last.disp < disp ? [last.register, register] : [register, last.register];
    asm.count--;
    asm.emit(pair, first, base, 0, low / bytes, 0, second);
    this.last = undefined;
    return true;
  }

  /** The shortest of movz, movn and movk sequences, or an or of a bitmask. */
  constant(to: number, lo: number, hi: number): void {
    const { asm } = this;
    const parts = [lo & 0xffff, lo >>> 16, hi & 0xffff, hi >>> 16];
    const count = hi === 0 ? 2 : 4;
    const zeros = parts.slice(0, count).filter((part) => part === 0).length;
    const ones = parts.slice(0, count).filter((part) => part === 0xffff).length;
    const wide = hi === 0 ? 0 : 1;
    const negative = ones > zeros;
    const plain = negative ? 0xffff : 0;
    let first = true;
    const isPlain = parts.slice(0, count).every((part) => part === plain);
    for (let k = 0; k < count; k++) {
      if (parts[k] === plain && !(isPlain && k === 0)) continue;
      if (first) asm.emit((negative ? R.movn : R.movz)[wide], to, 0, 0, negative ? ~parts[k] : parts[k], k);
      else asm.emit(R.movk[wide], to, 0, 0, parts[k], k);
      first = false;
    }
  }

  /** An access with the instruction's memory operand; its registers are the last uses. */
  private memory(row: Access, register: number, inst: MInst): void {
    const { uses, disp } = inst;
    if (inst.memory === "frame") this.at(row, register, SP, this.frameEnd + disp);
    else if (inst.memory === "base") this.at(row, register, uses[uses.length - 1], disp);
    else {
      const [base, index] = uses.slice(-2);
      this.asm.emit(row.indexed, register, base, index, 0, inst.scale > 1 ? 1 : 0);
    }
  }

  /** A register that holds the address of the memory operand: the base itself, or x16. */
  private addressOf(inst: MInst): number {
    const frame = inst.memory === "frame";
    const base = frame ? SP : inst.uses[inst.uses.length - 1];
    const disp = frame ? this.frameEnd + inst.disp : inst.disp;
    if (disp === 0) return base;
    this.addTo(X16, base, disp);
    return X16;
  }

  inst(inst: MInst): void {
    this.encode(inst);
    if (inst.def >= 0) this.overwrites(inst.def);
    if (inst.clobbers !== 0 || inst.kind === K.kernel) {
      this.compared.row = undefined;
      this.sum = undefined;
    }
    if (inst.kind === K.alu && inst.aux === 0) this.remember(inst);
  }

  private remember({ def, uses: [a, b], lo, width }: MInst): void {
    const parts = (lo === 0 ? [a, b] : [a]).filter((part) => part >= 0 && part !== def);
    this.sum = { at: this.asm.count - 1, of: def, parts, wide: width === 64 ? 1 : 0 };
  }

  private encode(inst: MInst): void {
    const { asm } = this;
    const { def, uses, lo, aux } = inst;
    const wide = inst.width === 64 ? 1 : 0;
    switch (inst.kind) {
      case K.const:
        this.constant(def, lo, inst.hi);
        break;
      case K.lea:
        if (inst.memory === "frame") this.addTo(def, SP, this.frameEnd + inst.disp);
        else this.addTo(def, uses[0], inst.disp);
        break;
      case K.code:
      case K.rodata:
        this.fixups.push({ at: asm.size, kind: inst.kind === K.code ? "function" : "rodata", target: aux });
        asm.emit(R.adr, def);
        break;
      case K.alu:
        asm.emit((inst.hi > 0 ? R.aluShifted[inst.hi] : R.alu)[aux]![wide], def, uses[0], uses[1], 0, lo);
        break;
      case K.addExtended:
        asm.emit(R.addExtended[aux][inst.hi][wide], def, uses[0], uses[1], 0, lo);
        break;
      case K.addImm:
        this.addTo(def, uses[0], lo, wide);
        break;
      case K.logicImm:
        asm.emit(R.logicImm[aux]![wide], def, uses[0], 0, lo);
        break;
      case K.shiftImm:
        this.shiftImm(aux, def, uses[0], lo, wide);
        break;
      case K.shift:
        asm.emit(R.shift[aux][wide], def, uses[0], uses[1]);
        break;
      case K.mul:
        asm.emit(R.madd[wide], def, uses[0], uses[1], 0, 0, ZR);
        break;
      case K.madd:
      case K.msub:
        asm.emit((inst.kind === K.madd ? R.madd : R.msub)[wide], def, uses[0], uses[1], 0, 0, uses[2]);
        break;
      case K.bitField:
        asm.emit((aux === 1 ? R.sbfm : R.ubfm)[wide], def, uses[0], 0, lo, inst.hi);
        break;
      case K.neg:
        asm.emit(R.neg[wide], def, 0, uses[0]);
        break;
      case K.not:
        asm.emit(R.mvn[wide], def, 0, uses[0]);
        break;
      case K.divide: {
        // Division by zero gives 0 and the least number / -1 itself, as BPF wants; the remainder follows from it.
        const modulo = (aux & MODULO) !== 0;
        asm.emit((aux & SIGNED ? R.sdiv : R.udiv)[wide], modulo ? X16 : def, uses[0], uses[1]);
        if (modulo) asm.emit(R.msub[wide], def, X16, uses[1], 0, 0, uses[0]);
        break;
      }
      case K.rev:
        asm.emit(R.rev[wide], def, uses[0]);
        break;
      case K.clz:
        if (aux === 1) asm.emit(R.rbit[wide], def, uses[0]);
        asm.emit(R.clz[wide], def, aux === 1 ? def : uses[0]);
        break;
      case K.popcount:
        asm.emit(R.toVector[wide], 0, uses[0]);
        asm.emit(VECTOR.count, 0, 0);
        asm.emit(R.sum, 0, 0);
        asm.emit(VECTOR.fmov[0], def, 0);
        break;
      case K.rev16:
        if (aux === 1) asm.emit(R.rev16, def, uses[0]);
        else {
          asm.emit(R.rev[0], def, uses[0]);
          this.shiftImm(1, def, def, 16, 0);
        }
        break;
      case K.extend:
        this.extend(aux, def, uses[0], wide);
        break;
      case K.load:
        this.memory(LOAD[aux], def, inst);
        break;
      case K.store:
        this.memory(STORE[aux], uses[0], inst);
        break;
      case K.storeZero:
        this.memory(STORE[aux], ZR, inst);
        break;
      case K.atomic:
      case K.fetch:
      case K.cmpxchg:
        this.atomic(inst, wide);
        break;
      case K.table:
        this.fixups.push({ at: asm.size, kind: "table", target: 0 });
        asm.emit(R.adr, def);
        break;
      case K.entry:
        asm.emit(LOAD[8 * this.entryBytes].indexed, def, uses[0], uses[1], 0, 1);
        asm.emit(R.aluShifted[0][0]![1], def, uses[0], def, 0, 2);
        break;
      case K.jumpRegister:
        asm.emit(R.br, 0, uses[0]);
        break;
      case K.callSlot:
        this.at(LOAD["64"], X16, 5, 8 * aux);
        asm.emit(R.blr, 0, X16);
        break;
      case K.call:
        this.fixups.push({ at: asm.size, kind: "function", target: aux });
        asm.emit(R.bl);
        break;
      case K.callRegister:
        asm.emit(R.blr, 0, CONVENTION.target);
        break;
      case K.tailSlot:
        this.at(LOAD["64"], X16, 5, 8 * aux);
        asm.emit(R.br, 0, X16);
        break;
      case K.tailCall:
        this.fixups.push({ at: asm.size, kind: "function", target: aux });
        asm.emit(R.b);
        break;
      case K.tailRegister:
        asm.emit(R.br, 0, CONVENTION.tailTarget);
        break;
      case K.ret:
        asm.emit(R.ret, 0, LINK);
        break;
      case K.mulHigh:
        asm.emit(R.umulh, def, uses[0], uses[1]);
        break;
      case K.extr:
        asm.emit(R.extr[wide], def, uses[0], uses[1], (inst.width - lo) & (inst.width - 1));
        break;
      case K.select: {
        // Comparisons with zero have a branch of their own; here flags are needed.
        const operands = uses.slice(2);
        let condition: number = CONDITION[inst.cond];
        if (aux === kinds.COMPARE_IMM && lo === 0) this.setFlags(R.cmpImm[wide], operands[0], -1, 0);
        else ({ condition } = this.compare({ ...inst, uses: operands, hi: 0 } as MInst));
        const row = R.select[inst.hi][inst.disp === 64 ? 1 : 0];
        asm.emit(row, def, uses[1], uses[0], 0, condition);
        break;
      }
      case K.kernel:
        expandKernel(this, this.kernels[aux], uses, def, inst.width);
        break;
      case K.enter:
        this.save();
        break;
      case K.leave:
        this.restore();
        break;
      case K.trap:
        asm.emit(R.brk, 0, 0, 0, 1);
        break;
      default:
        bug(`no encoding for kind ${inst.kind}`);
    }
  }

  /** lsl, lsr and asr by a constant are bit-field moves (Arm ARM C6.2: UBFM, SBFM). */
  private shiftImm(index: number, to: number, from: number, count: number, wide: 0 | 1): void {
    const bits = wide ? 64 : 32;
    const rows = index === 2 ? R.sbfm : R.ubfm;
    if (index === 0) this.asm.emit(rows[wide], to, from, 0, (bits - count) % bits, bits - 1 - count);
    else this.asm.emit(rows[wide], to, from, 0, count, bits - 1);
  }

  private extend(aux: number, to: number, from: number, wide: 0 | 1): void {
    const { asm } = this;
    if (aux === -32) asm.emit(R.mov[0], to, 0, from);
    else if (aux < 0) asm.emit(R.ubfm[0], to, from, 0, 0, -aux - 1);
    else asm.emit(R.sbfm[wide], to, from, 0, 0, aux - 1);
  }

  compare(inst: MInst): { condition: number; register: number } {
    const { uses, lo, aux } = inst;
    const wide = inst.width === 64 ? 1 : 0;
    const condition = CONDITION[inst.cond];
    if (aux === kinds.TEST_IMM && inst.hi > 0)
      return { condition: TBZ + 2 * (inst.hi - 1) + inst.cond, register: uses[0] };
    if (isSignTest(inst)) {
      const bit = wide ? 63 : 31;
      return { condition: TBZ + 2 * bit + (inst.cond === SLT ? 1 : 0), register: uses[0] };
    }
    const swaps = inst.cond === UGT || inst.cond === ULE;
    const [sum, part] = swaps ? uses.toReversed() : uses;
    const cond = swaps ? COND[inst.cond].swap : inst.cond;
    // Below what was added: the carry is set; a comparison that finds something below clears it.
    if (aux === kinds.COMPARE && (cond === ULT || cond === UGE) && this.isCarry(sum, part, wide))
      return { condition: CONDITION[COND[cond].not], register: 0 };
    if (aux === kinds.COMPARE) this.setFlags(R.cmp[wide], uses[0], uses[1], 0);
    else if (aux === kinds.TEST) this.setFlags(R.tst[wide], uses[0], uses[1], 0);
    else if (aux === kinds.TEST_IMM) this.setFlags(R.tstImm[wide], uses[0], -1, lo);
    else if (lo === 0 && inst.cond <= 1) {
      return { condition: (wide ? CBZ_X : CBZ_W) + inst.cond, register: uses[0] };
    } else {
      const size = Math.abs(lo);
      const small = size < 4096;
      const rows = lo < 0 ? (small ? R.cmnImm : R.cmnImm12) : small ? R.cmpImm : R.cmpImm12;
      this.setFlags(rows[wide], uses[0], -1, small ? size : size / 4096);
    }
    return { condition, register: 0 };
  }

  private atomic(inst: MInst, wide: 0 | 1): void {
    const { asm } = this;
    const { uses, aux } = inst;
    const at = this.addressOf(inst);
    const old = inst.def >= 0 ? inst.def : OLD;
    if (this.lse) {
      this.atomicLse(inst, wide, at, inst.def >= 0 ? inst.def : ZR);
      return;
    }
    const again = asm.size;
    asm.emit(R.ldaxr[wide], old, at);
    if (inst.kind === K.cmpxchg) {
      asm.emit(R.cmp[wide], 0, old, uses[0]);
      asm.emit(R.bcond, 0, 0, 0, 3, ARM_CC.ne);
      asm.emit(R.stlxr[wide], uses[1], at, STATUS);
    } else if (aux === 4) asm.emit(R.stlxr[wide], uses[0], at, STATUS);
    else {
      asm.emit(R.alu[[0, 3, 2, 4][aux]][wide], X17, old, uses[0]);
      asm.emit(R.stlxr[wide], X17, at, STATUS);
    }
    asm.emit(R.cbnz[0], STATUS, 0, 0, (again - asm.size) / 4);
  }

  private atomicLse(inst: MInst, wide: 0 | 1, at: number, old: number): void {
    const { asm } = this;
    const { uses, aux } = inst;
    if (inst.kind === K.cmpxchg) {
      asm.emit(R.mov[wide], X17, 0, uses[0]);
      asm.emit(R.casal[wide], uses[1], at, X17);
      asm.emit(R.mov[wide], old, 0, X17);
    } else if (aux === 2) {
      asm.emit(R.mvn[wide], X17, 0, uses[0]);
      asm.emit(R.lse[aux][wide], old, at, X17);
    } else asm.emit(R.lse[aux][wide], old, at, uses[0]);
  }
}
