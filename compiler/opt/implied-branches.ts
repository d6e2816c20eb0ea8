/**
 * Branches that branches before them decide: bounds of a value, and how two values compare, are known where only one
 * way leads. Requires that values are numbered: the same operands are the same values.
 */

import { immediateDominators } from "../ir/dominators.ts";
import { holdsOn } from "../ir/flow.ts";
import { isConst } from "../ir/fold.ts";
import type { Block, Fn, Value } from "../ir/ir.ts";
import { COND, EQ, NE, op, SGE, SGT, SLE, SLT, UGE, UGT, ULE, ULT } from "../ir/ops.ts";

/** Blocks on the way up that are looked at. */
const FAR = 24;

export function impliedBranches(fn: Fn): void {
  const asking = fn.blocks.filter(
    ({ end, control, successors: [yes, no] }) => end === "branch" && control!.op === op.icmp && yes !== no,
  );
  if (asking.length < 2) return;
  const above = immediateDominators(fn);
  for (const block of asking) {
    const truth = new Question(block.control!).answer(block, above);
    if (truth !== undefined) block.control = fn.const(1, truth ? 1 : 0);
  }
}

/** Bits: how two values may compare. */
const LESS = 1;
const EQUAL = 2;
const GREATER = 4;
const ANY = LESS | EQUAL | GREATER;
const OUTCOMES: Record<number, number> = {
  [EQ]: EQUAL,
  [NE]: LESS | GREATER,
  [ULT]: LESS,
  [ULE]: LESS | EQUAL,
  [UGT]: GREATER,
  [UGE]: GREATER | EQUAL,
  [SLT]: LESS,
  [SLE]: LESS | EQUAL,
  [SGT]: GREATER,
  [SGE]: GREATER | EQUAL,
};
const isSigned = (cond: number): boolean => cond >= SLT;
const isEquality = (cond: number): boolean => cond <= NE;

/** Constants of this size and below are exact, with and without a sign. */
const isSmall = (v: Value): boolean => isConst(v) && v.lo >= 0 && (v.type === 32 || v.hi === 0);

class Question {
  private readonly control: Value;
  private readonly x: Value;
  private readonly y: Value;
  /** How x and y may compare, without a sign and with one. */
  private unsigned = ANY;
  private signed = ANY;
  /** Bounds of x, without a sign. */
  private low = 0;
  private high = Number.POSITIVE_INFINITY;

  constructor(control: Value) {
    this.control = control;
    [this.x, this.y] = control.args;
  }

  answer(block: Block, above: readonly (Block | undefined)[]): boolean | undefined {
    let at = block;
    for (let i = 0; i < FAR; i++) {
      const before = above[at.id];
      if (before === undefined || before === at) break;
      const known = at.predecessors.length === 1 ? holdsOn(before, at) : undefined;
      if (known !== undefined) this.learn(known.a, known.b, known.cond);
      at = before;
    }
    return this.byOutcome() ?? this.byBounds();
  }

  private learn(a: Value, b: Value, cond: number): void {
    const { x, y } = this;
    if (a === x && b === y) this.compared(cond);
    else if (a === y && b === x) this.compared(COND[cond].swap);
    if (a === x && isSmall(b) && isSmall(y)) this.bounded(cond, b.lo);
  }

  private compared(cond: number): void {
    if (isEquality(cond) || !isSigned(cond)) this.unsigned &= OUTCOMES[cond];
    if (isEquality(cond) || isSigned(cond)) this.signed &= OUTCOMES[cond];
    // Equal is equal, with a sign or without.
    if ((this.unsigned & EQUAL) === 0) this.signed &= ~EQUAL;
    if ((this.signed & EQUAL) === 0) this.unsigned &= ~EQUAL;
  }

  private bounded(cond: number, n: number): void {
    if (cond === EQ) [this.low, this.high] = [Math.max(this.low, n), Math.min(this.high, n)];
    else if (cond === ULT) this.high = Math.min(this.high, n - 1);
    else if (cond === ULE) this.high = Math.min(this.high, n);
    else if (cond === UGT) this.low = Math.max(this.low, n + 1);
    else if (cond === UGE) this.low = Math.max(this.low, n);
    else if (cond === NE && this.low === n) this.low = n + 1;
    else if (cond === NE && this.high === n) this.high = n - 1;
  }

  private byOutcome(): boolean | undefined {
    return this.truth(isSigned(this.control.aux) ? this.signed : this.unsigned);
  }

  private byBounds(): boolean | undefined {
    const { control, y, low, high } = this;
    // Code that is never reached: its branch does not matter.
    if (!isSmall(y) || low > high) return undefined;
    // With a sign the same, where none can be set.
    if (isSigned(control.aux) && high > 0x7fffffff) return undefined;
    const n = y.lo;
    return this.truth((low < n ? LESS : 0) | (low <= n && n <= high ? EQUAL : 0) | (high > n ? GREATER : 0));
  }

  /** What the condition is where x and y may compare so. */
  private truth(may: number): boolean | undefined {
    const wanted = OUTCOMES[this.control.aux];
    if ((may & wanted) === 0) return false;
    return (may & ~wanted) === 0 ? true : undefined;
  }
}
