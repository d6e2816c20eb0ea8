/** What the flags tell at a place in the code, so that a comparison need not be made (again). */

import { COND, NE, UGE, UGT, ULE, ULT } from "../../ir/ops.ts";
import type { MInst } from "../mir.ts";
import * as kinds from "./kinds.ts";
import { K } from "./kinds.ts";

/** Kinds that leave the flags as they are, or as their own comparison set them. */
const KEEPS = new Set<number>([
  K.const,
  K.lea,
  K.code,
  K.rodata,
  K.bswap,
  K.extend,
  K.not,
  K.load,
  K.store,
  K.storeImm,
  K.set,
  K.select,
  K.mulx,
  K.shiftBy,
  K.loadSwapped,
  K.storeSwapped,
]);

/** Comparisons of two registers. */
const OF_TWO = new Set<number>([kinds.COMPARE, kinds.TEST, kinds.BIT]);

interface Comparison {
  aux: number;
  a: number;
  b: number;
  lo: number;
  width: number;
  /** Only whether both are equal. */
  equality: boolean;
}

export class Flags {
  private known: Comparison | null = null;
  /** The carry flag tells whether a sum is below what was added: both are registers. */
  private carry: { sum: number; part: number; width: number } | null = null;

  forget(): void {
    this.known = null;
    this.carry = null;
  }

  /** A register has a new value. */
  written(register: number): void {
    if (this.known?.a === register || this.known?.b === register) this.known = null;
    if (this.carry?.sum === register || this.carry?.part === register) this.carry = null;
  }

  /** The condition under which the flags give what `inst` asks of `uses`; undefined: they do not. */
  condition({ aux, lo, width, cond }: MInst, [a, b]: readonly number[]): number | undefined {
    const { known, carry } = this;
    const register = OF_TWO.has(aux) ? b : -1;
    if (known !== null && known.aux === aux && known.width === width && (cond <= NE || !known.equality)) {
      if (known.a === a && known.b === register && known.lo === lo) return cond;
      if (aux === kinds.COMPARE && known.a === b && known.b === a) return COND[cond].swap;
    }
    if (carry === null || aux !== kinds.COMPARE || carry.width !== width) return undefined;
    if (carry.sum === a && carry.part === b && (cond === ULT || cond === UGE)) return cond;
    if (carry.sum === b && carry.part === a && (cond === UGT || cond === ULE)) return COND[cond].swap;
    return undefined;
  }

  /** The comparison of `inst` was made. What is in memory may change. */
  compared({ aux, lo, width }: MInst, [a, b]: readonly number[]): void {
    this.forget();
    if (aux === kinds.COMPARE_LOAD || aux === kinds.COMPARE_LOAD_IMM) return;
    const register = OF_TWO.has(aux) ? b : -1;
    this.known = { aux, a, b: register, lo, width, equality: false };
  }

  /** `inst` was made. */
  after(inst: MInst): void {
    const { kind, def, uses, aux, width } = inst;
    if (!KEEPS.has(kind)) this.forget();
    else if (def >= 0) this.written(def);
    const equality = withZero(inst);
    if (equality === undefined) return;
    this.known = { aux: kinds.COMPARE_IMM, a: def, b: -1, lo: 0, width, equality };
    const isSum = kind === K.add || (kind === K.aluLoad && aux === 0);
    // What was copied to be overwritten is still there.
    const part = kind === K.add && def === uses[0] ? uses[1] : uses[0];
    if (isSum && part !== def) this.carry = { sum: def, part, width };
  }
}

/** Whether the flags are those of comparing the result with zero: true = equality alone, undefined = not at all. */
function withZero({ kind, def, uses, lo, aux }: MInst): boolean | undefined {
  const inPlace = (kind === K.addImm && def === uses[0]) || (kind === K.add && uses.includes(def));
  if (kind === K.andNot || (kind === K.lowest && aux !== kinds.MASK)) return true;
  if (inPlace || kind === K.neg || (kind === K.shiftImm && lo !== 0 && aux < kinds.ROTATE)) return true;
  const logic = kind === K.alu || kind === K.aluImm || kind === K.aluLoad;
  return logic ? !kinds.LOGIC.has(aux) : undefined;
}
