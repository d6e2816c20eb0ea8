/** Operations on vectors that take several instructions of SSE2. */

import type { X64Row } from "../../../formats/isa/x64.ts";
import type { Lane } from "../../ir/kernel.ts";
import { R, V } from "./kernel-rows.ts";

/** Appends an instruction: the result's virtual register, of a and b or -1. */
type Emit = (row: X64Row | undefined, a: number, b: number, imm?: number) => number;

export class Composed {
  private readonly emit: Emit;

  constructor(emit: Emit) {
    this.emit = emit;
  }

  widen(op: "zext" | "sext", lane: Lane, x: number, low: boolean, zero: number): number {
    const row = (low ? V.low : V.high)[lane as 16 | 32 | 64];
    if (op === "zext") return this.emit(row, x, zero);
    if (lane === 64) return this.emit(row, x, this.emit(V.ashr[32], x, -1, 31));
    return this.emit(V.ashr[lane], this.emit(row, x, x), -1, lane / 2);
  }

  /** The lanes from the last to the first. */
  reverse(lane: Lane, v: number): number {
    if (lane >= 32) return this.emit(R.pshufd, -1, v, lane === 32 ? 0x1b : 0x4e);
    const words =
      lane === 16 ? v : this.emit(V.or[8], this.emit(V.shl[16], v, -1, 8), this.emit(V.lshr[16], v, -1, 8));
    const low = (x: number) => this.emit(R.pshuflw, -1, x, 0x1b);
    return low(this.emit(R.pshufd, -1, low(words), 0x4e));
  }

  narrow(lane: Lane, low: number, high: number): number {
    if (lane < 32) return this.emit(lane === 8 ? R.packBytes : R.packWords, low, high);
    const half = (x: number) => this.emit(R.pshufd, -1, x, 0x08);
    return this.emit(R.doubled, half(low), half(high));
  }

  /** 32-bit lanes: products of the even ones and of the odd ones, in 64 bits. 64-bit lanes: of their lower halves. */
  multiply(lane: Lane, x: number, y: number): number {
    const even = this.emit(R.mulWide, x, y);
    if (lane === 64) return even;
    const odd = this.emit(R.mulWide, this.emit(V.lshr[64], x, -1, 32), this.emit(V.lshr[64], y, -1, 32));
    const pick = (v: number) => this.emit(R.pshufd, -1, v, 0x08);
    return this.emit(V.low[64], pick(even), pick(odd));
  }
}
