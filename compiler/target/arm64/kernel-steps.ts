/**
 * Straight runs of vector instructions over virtual registers: gives them real ones and encodes them. Requires that
 * every register is defined before it is used; nothing else uses vectors, so all that a call may overwrite are free.
 */

import { bug } from "../../../formats/error.ts";
import type { Arm64Assembler, Arm64Row } from "../../../formats/isa/arm64.ts";
import { LOADS, R, STORES, V } from "./kernel-rows.ts";
import { R as SCALAR } from "./rows.ts";

/** v8 … v15 belong to the caller (AAPCS64 6.1.2). */
const POOL = [...Array.from({ length: 16 }, (_, k) => k + 16), ...Array.from({ length: 8 }, (_, k) => k)];

/** Two neighbours may be one access of 32 bytes. */
interface Access {
  pointer: number;
  offset: number;
  size: number;
  stores: boolean;
}

interface Step {
  row: Arm64Row;
  defs: number[];
  uses: number[];
  imm: number;
  /** uses[0] is overwritten: the result's register. */
  tied: boolean;
  access: Access | undefined;
}

/** Registers by number of pointer, and by how many bytes each moves in the run at hand. */
export interface Pointers {
  registers: readonly number[];
  moves: readonly number[];
}

export class Steps {
  private readonly asm: Arm64Assembler;
  private next = 0;
  private readonly real: number[] = [];
  /** Registers below this keep theirs. */
  private fixed = 0;
  /** One more that is not handed out, or -1. */
  private kept = -1;
  private list: Step[] = [];
  private free: number[] = [];

  constructor(asm: Arm64Assembler) {
    this.asm = asm;
  }

  /** A register for all runs; none must have been made otherwise yet. Undefined: there are no more. */
  persistent(): number {
    this.real.push(POOL[this.fixed++] ?? POOL[0]);
    return this.next++;
  }

  get overflows(): boolean {
    return this.fixed > POOL.length;
  }

  realOf(v: number): number {
    return this.real[v];
  }

  keep(v: number): void {
    if (v >= this.fixed) this.kept = this.real[v];
  }

  emit(row: Arm64Row | undefined, uses: number[], imm = 0): number {
    const def = this.next++;
    this.push({ row: row ?? bug("no such vector operation"), defs: [def], uses, imm });
    return def;
  }

  /** x = x op y. */
  join(row: Arm64Row | undefined, x: number, y: number): void {
    this.push({ row: row ?? bug("no such vector operation"), defs: [x], uses: [x, y], imm: 0 });
  }

  /** The same of an operation that adds to its result or the like: of uses[0] and the others. */
  update(row: Arm64Row | undefined, uses: number[]): void {
    const [def] = uses;
    this.push({ row: row ?? bug("no such vector operation"), defs: [def], uses, imm: 0, tied: true });
  }

  /** Lanes of `yes` where bits of the mask are set. */
  select(mask: number, yes: number, no: number): number {
    const def = this.next++;
    this.push({ row: R.bsl, defs: [def], uses: [mask, yes, no], imm: 0, tied: true });
    return def;
  }

  load(pointer: number, offset: number, size: number): number[] {
    const defs = size === 32 ? [this.next++, this.next++] : [this.next++];
    this.push({ row: R.bsl, defs, uses: [], imm: 0, access: { pointer, offset, size, stores: false } });
    return defs;
  }

  store(pointer: number, offset: number, uses: number[]): void {
    const access = { pointer, offset, size: 16 * uses.length, stores: true };
    this.push({ row: R.bsl, defs: [], uses, imm: 0, access });
  }

  private push(step: Omit<Step, "tied" | "access"> & Partial<Step>): void {
    this.list.push({ tied: false, access: undefined, ...step });
  }

  /** Encodes what is at hand; `result` stays taken, the pointers move on. False: there are too few registers. */
  flush(pointers: Pointers, result = -1): boolean {
    const steps = this.list;
    this.list = [];
    this.free = POOL.slice(this.fixed)
      .filter((r) => r !== this.kept)
      .reverse();
    const last = new Map<number, number>();
    for (const [i, { uses }] of steps.entries()) for (const v of uses) last.set(v, i);
    if (result >= 0) last.set(result, steps.length);
    const walk = new Walk(this.asm, steps, pointers);
    for (const [i, step] of steps.entries()) {
      const dies = (v: number) => v >= this.fixed && last.get(v) === i && !step.defs.includes(v);
      if (!this.place(step, dies)) return false;
      if (step.access === undefined) this.encode(step);
      else
        walk.access(
          i,
          step.access,
          (step.access.stores ? step.uses : step.defs).map((v) => this.real[v]),
        );
      for (const v of step.defs) if (v >= this.fixed && !last.has(v)) this.free.push(this.real[v]);
    }
    walk.finish();
    return true;
  }

  private place(step: Step, dies: (v: number) => boolean): boolean {
    const { real } = this;
    const { defs, uses, tied } = step;
    const dying = [...new Set(uses)].filter(dies);
    if (tied && defs[0] !== uses[0]) {
      this.choose(step, dies);
      const [first] = step.uses;
      if (!dies(first)) {
        const r = this.free.pop();
        if (r === undefined) return false;
        this.asm.emit(V.or[8]!, r, real[first], real[first]);
        real[defs[0]] = r;
      } else real[defs[0]] = real[first];
      for (const v of dying) if (real[v] !== real[defs[0]]) this.free.push(real[v]);
      return true;
    }
    for (const v of dying) this.free.push(real[v]);
    for (const def of defs) {
      if (def === uses[0]) continue;
      const r = this.free.pop();
      if (r === undefined) return false;
      real[def] = r;
    }
    return true;
  }

  /** Which operand of a selection is overwritten: one that nobody needs any more. */
  private choose(step: Step, dies: (v: number) => boolean): void {
    const [mask, yes, no] = step.uses;
    if (step.row !== R.bsl || dies(mask)) return;
    if (dies(no)) [step.row, step.uses] = [R.bit, [no, yes, mask]];
    else if (dies(yes)) [step.row, step.uses] = [R.bif, [yes, no, mask]];
  }

  private encode({ row, defs, uses, imm, tied }: Step): void {
    const { real } = this;
    const [n, m] = (tied ? uses.slice(1) : uses).map((v) => real[v]);
    this.asm.emit(row, real[defs[0]], n, m, imm);
  }
}

/** Pointers that move along with the accesses of a run, where the instructions' forms allow it. */
class Walk {
  private readonly asm: Arm64Assembler;
  private readonly pointers: Pointers;
  private readonly moved: number[];
  /** By step: the lowest offset that later ones need of the same pointer. */
  private readonly later: number[];

  constructor(asm: Arm64Assembler, steps: readonly Step[], pointers: Pointers) {
    this.asm = asm;
    this.pointers = pointers;
    this.moved = pointers.registers.map(() => 0);
    this.later = [];
    const lowest = [...pointers.moves];
    for (let i = steps.length - 1; i >= 0; i--) {
      const { access } = steps[i];
      if (access === undefined) continue;
      this.later[i] = lowest[access.pointer];
      lowest[access.pointer] = Math.min(lowest[access.pointer], access.offset);
    }
  }

  access(i: number, { pointer, offset, size, stores }: Access, registers: number[]): void {
    const { asm, moved } = this;
    const base = this.pointers.registers[pointer];
    const row = (stores ? STORES : LOADS)[size] ?? bug(`a vector access of ${size} bytes`);
    const at = offset - moved[pointer];
    const by = this.later[i] - moved[pointer];
    const [first, second = 0] = registers;
    const unit = size === 32 ? 16 : size;
    if (at === 0 && by > 0 && (size === 32 ? by % 16 === 0 && by < 1024 : by < 256)) {
      asm.emit(row.moving, first, base, 0, size === 32 ? by / 16 : by, 0, second);
      moved[pointer] += by;
    } else if (at % unit === 0 && (size === 32 ? Math.abs(at) < 1024 : at >= 0))
      asm.emit(row.scaled, first, base, 0, at / unit, 0, second);
    else if (size === 32) {
      this.access(i, { pointer, offset, size: 16, stores }, [first]);
      this.access(i, { pointer, offset: offset + 16, size: 16, stores }, [second]);
    } else {
      if (Math.abs(at) > 255) bug(`a vector access at a distance of ${at} bytes`);
      asm.emit(row.unscaled!, first, base, 0, at);
    }
  }

  finish(): void {
    for (const [k, by] of this.pointers.moves.entries()) {
      const rest = by - this.moved[k];
      const r = this.pointers.registers[k];
      if (rest !== 0) this.asm.emit((rest > 0 ? SCALAR.addImm : SCALAR.subImm)[1], r, r, 0, Math.abs(rest));
    }
  }
}
