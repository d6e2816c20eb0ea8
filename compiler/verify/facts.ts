/** What verification learned, for the compiler: through which pointers each instruction accesses memory, and where. */

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

export class Facts {
  /** By function, then by instruction. */
  readonly accesses: (AccessFact | undefined)[][] = [];

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
