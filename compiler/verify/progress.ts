/** Whether a loop comes to an end: something grows or shrinks in every round, and has a bound. */

import type { Num } from "./number.ts";
import type { Point } from "./points.ts";
import type { Passed, State } from "./state.ts";
import { constOf, isConst, type Value } from "./value.ts";

/** A loop that could take longer has no bound worth the name. */
const MOST = 2n ** 32n;

/** A value that moves by `step` at least, and is at most `most` when it has moved. */
interface Mover {
  step: number;
  most: number;
}

export class Progress {
  /** A round ended in a state that was covered, or was widened: the rounds were not all followed. */
  closed = false;
  /** What moves the same way in every round so far, with its least step; undefined before the first. */
  private movers: Map<string, Mover> | undefined;

  get bounded(): boolean {
    return !this.closed || (this.movers !== undefined && this.movers.size > 0);
  }

  /** Rounds that were proven to be the most. */
  get rounds(): number | undefined {
    if (!this.closed || !this.movers?.size) return undefined;
    return Math.min(
      ...[...this.movers.values()].map(({ step, most }) => Math.ceil(most / Math.abs(step)) + 1),
    );
  }

  /** A round ended in `state`. */
  learn(point: Point, state: State): void {
    let from: Passed | undefined = state.passed;
    while (from !== undefined && from.point !== point) from = from.before;
    const moved = from === undefined ? new Map<string, Mover>() : this.compare(from.state, state);
    if (this.movers === undefined) this.movers = moved;
    else
      for (const [name, { step, most }] of this.movers) {
        const now = moved.get(name);
        if (now === undefined || now.step > 0 !== step > 0) this.movers.delete(name);
        else {
          const least = Math.abs(now.step) < Math.abs(step) ? now.step : step;
          this.movers.set(name, { step: least, most: Math.max(most, now.most) });
        }
      }
  }

  private compare(before: State, after: State): Map<string, Mover> {
    const moved = new Map<string, Mover>();
    const look = (name: string, a: Value, b: Value) => {
      const step = stepOf(a, b);
      if (step !== undefined && step !== 0) moved.set(name, { step, most: Number(b.num.umax) });
    };
    for (let r = 0; r < 10; r++) look(`r${r}`, before.regs[r], after.regs[r]);
    const f = after.depth - 1;
    for (const [s, slot] of after.frames[f].slots.entries())
      for (const part of slot?.parts ?? []) {
        const old = before.frames[f]?.slots[s]?.parts.find((p) => p.at === part.at && p.bytes === part.bytes);
        if (old) look(`${s}.${part.at}`, old.value, part.value);
      }
    return moved;
  }
}

/** By how much a value moved, when it did so without wrapping and has a bound; undefined otherwise. */
function stepOf(a: Value, b: Value): number | undefined {
  if (a.kind !== b.kind || a.of !== b.of || a.kind === "none") return undefined;
  let step: number;
  if (isConst(a) && isConst(b)) step = constOf(b) - constOf(a);
  else if (a.id !== 0 && a.id === b.id && a.scale === b.scale && !a.low && !b.low) step = b.delta - a.delta;
  else return undefined;
  return moves(b.num, step) ? step : undefined;
}

function moves({ umin, umax }: Num, step: number): boolean {
  if (umax > MOST) return false;
  return step > 0 ? umin >= BigInt(step) : umax < 2n ** 64n + BigInt(step);
}
