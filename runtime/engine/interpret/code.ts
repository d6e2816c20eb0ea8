/** Bytecode of a container, decoded: everything that programs and pointers can reach, found before anything runs. */

import type { Container } from "../../../formats/container.ts";
import { InputError } from "../../../formats/error.ts";
import { decodeAt, type Insn, SLOT, slots, targetSlot } from "../../../formats/isa/bpf.ts";

/** Shared by the instances of an image. */
export class Bytecode {
  readonly container: Container;
  readonly insns: Insn[] = [];
  /** Index in `insns` by slot. */
  readonly indexOf = new Map<number, number>();
  /** Slots at which functions begin. */
  readonly functions = new Set<number>();

  constructor(container: Container) {
    this.container = container;
    this.decode();
  }

  private decode(): void {
    const { code, programs, relocations, data } = this.container;
    const where = "code";
    const work: number[] = [];
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    const addFunction = (slot: number) => {
      this.functions.add(slot);
      work.push(slot);
    };
    for (const { offset } of programs) addFunction(offset / SLOT);
    const pointers = relocations
      .filter(({ block }) => block === "code")
      .map(({ at }) => view.getUint32(at, true));
    const seen = new Map<number, Insn>();
    const follow = () => {
      for (let slot = work.pop(); slot !== undefined; slot = work.pop()) {
        // Straight on until a jump, an exit or known code.
        for (let at = slot; !seen.has(at); ) {
          const insn = { ...decodeAt(code, at * SLOT, where), slot: at };
          seen.set(at, insn);
          if (insn.row.op === "local" || insn.row.op === "func") addFunction(at + 1 + insn.imm);
          const target = insn.row.kind === "jump" ? targetSlot(insn) : -1;
          if (target >= 0) work.push(target);
          if (insn.row.kind === "exit" || insn.row.op === "ja") break;
          at += slots(insn);
        }
      }
    };
    follow();
    // Pointers in data lead to functions or to read-only data; only what decodes can be called.
    for (const offset of pointers) {
      if (offset % SLOT !== 0 || seen.has(offset / SLOT)) continue;
      try {
        decodeAt(code, offset, where);
      } catch {
        continue;
      }
      this.tryFunction(offset / SLOT, addFunction, follow, seen);
    }
    for (const offset of pointers) if (seen.has(offset / SLOT)) this.functions.add(offset / SLOT);
    for (const [slot, insn] of [...seen].sort((a, b) => a[0] - b[0])) {
      this.indexOf.set(slot, this.insns.length);
      this.insns.push(insn);
    }
  }

  /** Code behind a data pointer; where it does not decode to its end it was data. */
  private tryFunction(
    slot: number,
    add: (slot: number) => void,
    follow: () => void,
    seen: Map<number, Insn>,
  ): void {
    const before = new Map(seen);
    try {
      add(slot);
      follow();
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      this.functions.delete(slot);
      for (const at of [...seen.keys()]) if (!before.has(at)) seen.delete(at);
    }
  }
}
