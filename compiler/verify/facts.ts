/** What verification learned, for the compiler: through which pointers each instruction accesses memory, and where. */

import { join, type Num } from "./number.ts";
import type { Kind, Value } from "./value.ts";

/** Every access of one instruction, on all paths: `kind` is undefined when they differ. */
export interface AccessFact {
  kind: Kind | undefined;
  /** The map of a map value, the frame's distance from the current one is not told; -1 when it differs. */
  of: number;
  /** Offsets of the first byte from the start of the object, in the least and the greatest case. */
  least: number;
  most: number;
  bytes: number;
}

/** What one instruction leaves in its register, on all paths: `kind` is undefined when they differ. */
export interface ResultFact {
  kind: Kind | undefined;
  /** The number; for pointers the offset from the start of the object. */
  num: Num;
}

export class Facts {
  /** By function, then by instruction. */
  readonly accesses: (AccessFact | undefined)[][] = [];

  /** Of instructions that write a register, but for calls. */
  readonly results: (ResultFact | undefined)[][] = [];

  /** Of conditional jumps: 1 = it may fall through, 2 = it may be taken, 3 = both. */
  readonly ways: (number | undefined)[][] = [];

  way(func: number, insn: number, ways: number): void {
    const list = (this.ways[func] ??= []);
    list[insn] = (list[insn] ?? 0) | ways;
  }

  result(func: number, insn: number, v: Value): void {
    const list = (this.results[func] ??= []);
    const known = list[insn];
    if (known === undefined) {
      list[insn] = { kind: v.kind, num: v.num };
      return;
    }
    if (known.kind !== v.kind) known.kind = undefined;
    if (known.num !== v.num) known.num = join(known.num, v.num);
  }

  access(func: number, insn: number, v: Value, off: number, bytes: number): void {
    const list = (this.accesses[func] ??= []);
    const [least, most] = [Number(v.num.smin) + off, Number(v.num.smax) + off];
    const known = list[insn];
    if (known === undefined) {
      list[insn] = { kind: v.kind, of: v.of, least, most, bytes };
      return;
    }
    if (known.kind !== v.kind) known.kind = undefined;
    if (known.of !== v.of) known.of = -1;
    known.least = Math.min(known.least, least);
    known.most = Math.max(known.most, most);
  }
}
