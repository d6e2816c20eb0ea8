/**
 * Removes zero-extensions that change nothing: the upper half is zero already (also around loops, assumed until
 * disproved), or no use looks at it. Sign-extensions from 32 bits go where nobody looks, and constants become small.
 */

import { Replacements } from "../ir/flow.ts";
import { isConst, isSmall, upperZero } from "../ir/fold.ts";
import type { Fn, Value } from "../ir/ir.ts";
import { op } from "../ir/ops.ts";

export function dropExtensions(fn: Fn): void {
  // One after the other: what the second leaves dirty must not be taken for clean by the first.
  const clean = cleanPhis(fn);
  const isZero = (x: Value) => (x.op === op.phi ? clean[x.id] === 1 : upperZero(x));
  replaceExtensions(fn, (v, x) => v.op === op.zext && isZero(x));
  const needed = upperNeeded(fn);
  replaceExtensions(fn, (v) => needed[v.id] === 0);
  for (const { body } of fn.blocks)
    for (const v of body)
      if (v.type === 64 && needed[v.id] === 0 && EXTENDS.has(v.op)) extendConstants(fn, v);
}

/** Their targets take constants of 32 bits that are sign-extended. */
const EXTENDS = new Set<unknown>([op.add, op.sub, op.mul, op.select]);

/** Upper halves that nobody looks at are what the sign makes of the lower ones. */
function extendConstants(fn: Fn, v: Value): void {
  v.args = v.args.map((arg) => (isConst(arg) && !isSmall(arg) ? fn.const(64, arg.lo) : arg));
}

/** Replaces extensions of trunc(x) by x where `useless` says so. */
function replaceExtensions(fn: Fn, useless: (extension: Value, x: Value) => boolean): void {
  const replaced = new Replacements(fn);
  for (const block of fn.blocks) {
    for (const v of block.body) {
      if ((v.op !== op.zext && v.op !== op.sext32) || v.args[0].op !== op.trunc) continue;
      const x = v.args[0].args[0];
      if (useless(v, x)) replaced.set(v, x);
    }
  }
  replaced.apply(fn);
}

/** clean[id] = 1: this 64-bit phi's upper half is zero, whichever way control comes. */
function cleanPhis(fn: Fn): Uint8Array {
  const clean = new Uint8Array(fn.nextValue);
  const phis: Value[] = [];
  for (const block of fn.blocks) {
    for (const phi of block.phis) {
      if (phi.type !== 64) continue;
      clean[phi.id] = 1;
      phis.push(phi);
    }
  }
  const isClean = (v: Value) => (v.op === op.phi ? clean[v.id] === 1 : upperZero(v));
  for (let changed = true; changed; ) {
    changed = false;
    for (const phi of phis) {
      if (clean[phi.id] === 1 && !phi.args.every(isClean)) {
        clean[phi.id] = 0;
        changed = true;
      }
    }
  }
  return clean;
}

/** Operations whose low half depends on the low halves of their arguments alone. */
const LOW = new Set([op.add, op.sub, op.mul, op.and, op.or, op.xor, op.select, op.phi]);

/** needed[id] = 1: some use looks at the upper half of this 64-bit value. */
function upperNeeded(fn: Fn): Uint8Array {
  const needed = new Uint8Array(fn.nextValue);
  const work: Value[] = [];
  const need = (v: Value) => {
    if (v.type !== 64 || needed[v.id] === 1) return;
    needed[v.id] = 1;
    work.push(v);
  };
  const through = (v: Value) => v.type === 64 && (LOW.has(v.op as never) || v.op === op.shl);
  for (const block of fn.blocks) {
    if (block.control !== null) need(block.control);
    for (const v of block.body) {
      if (v.op === op.trunc || through(v)) {
        if (v.op === op.shl) need(v.args[1]);
        continue;
      }
      for (const arg of v.args) need(arg);
    }
  }
  while (work.length > 0) {
    const v = work.pop()!;
    if (through(v)) for (const arg of v.args) need(arg);
  }
  return needed;
}
