/** Numbers that the verifier has proven, as the optimiser wants them: what each instruction leaves, on all paths. */

import { join, type Num } from "./verify/number.ts";
import type { Verdict } from "./verify/verify.ts";

/** What is known of the number that an instruction leaves in its register. */
export interface ProvenNumber {
  /** The bits that may be set; of a constant, those that are. */
  lo: number;
  hi: number;
  isConstant: boolean;
}

/** By instruction of one function; undefined where nothing is known, or no number is left. */
export type Proven = (insn: number) => ProvenNumber | undefined;

const low = (x: bigint): number => Number(BigInt.asIntN(32, x));

/** Of function f; programs may share it, and then it leaves what any of them leaves. */
export function provenNumbers(f: number, verdicts: readonly Verdict[]): Proven {
  return (insn) => {
    let num: Num | undefined;
    for (const { facts } of verdicts) {
      const result = facts.results[f]?.[insn];
      if (result === undefined) continue;
      if (result.kind !== "number") return undefined;
      num = num === undefined ? result.num : join(num, result.num);
    }
    if (num === undefined) return undefined;
    const bits = num.value | num.mask;
    const [lo, hi] = [low(bits), low(bits >> 32n)];
    if (lo === -1 && hi === -1 && num.mask !== 0n) return undefined;
    return { lo, hi, isConstant: num.mask === 0n };
  };
}
