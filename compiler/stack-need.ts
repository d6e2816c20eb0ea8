/** Native stack of the deepest call chain: requires encoded functions; recursion has no bound (0). */

import { type Import, MAX_TAIL_CALLS } from "../formats/container.ts";
import { helperById } from "../helpers/table.ts";
import type { Fn } from "./ir/ir.ts";
import { CALLEE, op } from "./ir/ops.ts";
import type { DataPointer, Program } from "./program.ts";
import type { FunctionCode } from "./target/code.ts";

/** What may be called from a function: functions by index, and through pointers every one whose address is taken. */
function callees(fns: Fn[], imports: readonly Import[], pointers: DataPointer[]): Set<number>[] {
  const direct: Set<number>[] = [];
  const indirect: boolean[] = [];
  const taken = new Set<number>();
  for (const { to } of pointers) if (to.kind === "function") taken.add(to.index);
  for (const fn of fns) {
    const calls = new Set<number>();
    let through = false;
    for (const block of fn.blocks) {
      for (const v of [...block.phis, ...block.body]) {
        for (const arg of v.args) if (arg.op === op.code) taken.add(arg.aux);
        if (v.op === op.call) calls.add(v.aux);
        if (
          (v.op === op.calli && v.aux === CALLEE.program) ||
          (v.op === op.helper && mayCallBack(imports[v.aux]))
        )
          through = true;
      }
      if (block.control?.op === op.code) taken.add(block.control.aux);
    }
    direct.push(calls);
    indirect.push(through);
  }
  return direct.map((calls, f) => (indirect[f] ? new Set([...calls, ...taken]) : calls));
}

/** A helper that we know calls back only if its prototype says so; any other may. */
function mayCallBack(slot: Import): boolean {
  const row = slot.kind === "helper" ? helperById(slot.id) : undefined;
  return row === undefined || row.args.some((arg) => arg.kind === "callback");
}

/** The functions from which one that makes tail calls can be reached. */
function tailCallers(fns: Fn[], calls: Set<number>[]): boolean[] {
  const found = fns.map(({ blocks }) =>
    blocks.some(({ body }) => body.some((v) => v.op === op.calli && v.aux === CALLEE.tail)),
  );
  const callers: number[][] = fns.map(() => []);
  for (const [f, set] of calls.entries()) for (const to of set) callers[to].push(f);
  const work = fns.flatMap((_, f) => (found[f] ? [f] : []));
  for (let f = work.pop(); f !== undefined; f = work.pop())
    for (const caller of callers[f])
      if (!found[caller]) {
        found[caller] = true;
        work.push(caller);
      }
  return found;
}

/**
 * Bytes of native stack for a call of each function, a multiple of 16; 0 where recursion leaves it open. A tail call
 * stands on its caller's frames: as many programs as may be under way at once, each as deep as the deepest.
 */
export function stackNeeds(
  fns: Fn[],
  codes: FunctionCode[],
  imports: readonly Import[],
  { pointers, entries }: Program,
): number[] {
  const calls = callees(fns, imports, pointers);
  const need = new Float64Array(fns.length);
  const state = new Uint8Array(fns.length);
  for (let root = 0; root < fns.length; root++) {
    const work = [root];
    while (work.length > 0) {
      const f = work[work.length - 1];
      if (state[f] === 2) {
        work.pop();
      } else if (state[f] === 0) {
        state[f] = 1;
        for (const next of calls[f]) {
          if (state[next] === 0) work.push(next);
          else if (state[next] === 1) need[next] = Number.POSITIVE_INFINITY;
        }
      } else {
        let deepest = 0;
        for (const next of calls[f])
          deepest = Math.max(deepest, state[next] === 2 ? need[next] : Number.POSITIVE_INFINITY);
        need[f] = Math.max(need[f], codes[f].stack + deepest);
        state[f] = 2;
        work.pop();
      }
    }
  }
  const tails = tailCallers(fns, calls);
  const chain = MAX_TAIL_CALLS * Math.max(...entries.map(({ func }) => need[func]));
  for (const [f, tail] of tails.entries()) if (tail) need[f] += chain;
  return [...need].map((bytes) => (Number.isFinite(bytes) ? Math.ceil(bytes / 16) * 16 : 0));
}
