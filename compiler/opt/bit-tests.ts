/**
 * Membership in a small set of constants (x == 9 || x == 10 || x == 32), as selects leave it, becomes one look into a
 * word with a bit for each member, and one comparison.
 */

import { replaceEach } from "../ir/emit.ts";
import { type Emit, isConst, isInt, isZero } from "../ir/fold.ts";
import type { Fn, Value } from "../ir/ir.ts";
import { EQ, NE, op, ULT } from "../ir/ops.ts";

/** Fewer members are compared with one by one. */
const LEAST = 3;

export function bitTests(fn: Fn): void {
  replaceEach(fn, (v, emit) => {
    const set = v.op === op.select ? membership(v) : undefined;
    return set !== undefined ? look(fn, v, set, emit) : undefined;
  });
}

interface Membership {
  x: Value;
  members: number[];
  /** What the value is for members: 1, or 0. */
  inside: boolean;
}

/** v = inside where x is one of some constants, the opposite where it is none; undefined where v is something else. */
function membership(v: Value): Membership | undefined {
  const members: number[] = [];
  let x: Value | undefined;
  let inside: boolean | undefined;
  for (let at = v; ; ) {
    if (at.op !== op.select || at.type < 32) return undefined;
    const [condition, yes, no] = at.args;
    const [a, b] = condition.args;
    if (condition.op !== op.icmp || (condition.aux !== EQ && condition.aux !== NE)) return undefined;
    if (!isConst(b) || (b.type === 64 && b.hi !== 0) || b.lo < 0) return undefined;
    const [hit, miss] = condition.aux === EQ ? [yes, no] : [no, yes];
    if (!isInt(hit, 1) && !isZero(hit)) return undefined;
    x ??= a;
    inside ??= isInt(hit, 1);
    if (x !== a || inside !== isInt(hit, 1)) return undefined;
    members.push(b.lo);
    if (inside ? isZero(miss) : isInt(miss, 1)) return { x, members, inside };
    at = miss;
  }
}

/** The look, where all members fit into one word. */
function look(fn: Fn, v: Value, { x, members, inside }: Membership, emit: Emit): Value | undefined {
  const [least, most] = [Math.min(...members), Math.max(...members)];
  if (new Set(members).size < LEAST || most - least > 31) return undefined;
  const from = most < 32 ? 0 : least;
  const mask = members.reduce((bits, member) => bits | (1 << (member - from)), 0);
  const small = (n: number) => fn.const(32, n);
  const distance = emit(op.sub, x.type, [x, fn.const(x.type, from)]);
  const count = x.type === 64 ? emit(op.trunc, 32, [distance]) : distance;
  const within = emit(op.icmp, 1, [distance, fn.const(x.type, 32)], ULT);
  const near = emit(op.select, 32, [within, small(1), small(0)]);
  const test = emit(op.and, 32, [emit(op.lshr, 32, [small(mask), count]), near]);
  const result = inside ? test : emit(op.xor, 32, [test, small(1)]);
  return v.type === 64 ? emit(op.zext, 64, [result]) : result;
}
