/**
 * Follows every path of a program, by function calls too: states wait where paths meet, are dropped when one that was
 * there before covers them, are joined when they are many, and are widened at the heads of loops that do not end.
 */

import { type Chain, Chains } from "./chain.ts";
import type { Env } from "./env.ts";
import { backLoop, type FuncInfo } from "./info.ts";
import { exitLoops, type Point, Points } from "./points.ts";
import { refuse } from "./rules.ts";
import type { State } from "./state.ts";
import { type Moves, Steps } from "./step.ts";

export interface Limits {
  /** Instructions that are followed in all. */
  instructions: number;
  /** States that stay apart where paths meet. */
  apart: number;
}

/** Rounds of a loop before it is widened, unless a constant number of them shows. */
const PEELED = 2;
/** Rounds of a loop with a constant number that are followed one by one. */
const FOLLOWED = 4096;

/** Greater numbers are no bounds that a loop would stop at. */
const MOST_LANDMARK = 2n ** 31n;

export type Trace = (func: number, insn: number, state: State) => void;

export class Explorer implements Moves {
  readonly env: Env;
  readonly infos: FuncInfo[];
  readonly points: Points;
  readonly chains: Chains;
  /** Instructions followed, and states that went on from where paths meet. */
  count = 0;
  states = 0;
  /** The state at hand. */
  last: State | undefined;
  private readonly limits: Limits;
  private readonly trace: Trace | undefined;
  private readonly steps: Steps;
  private readonly ready: { chain: Chain; insn: number; state: State }[] = [];

  constructor(env: Env, infos: FuncInfo[], func: number, limits: Limits, trace: Trace | undefined) {
    this.env = env;
    this.infos = infos;
    this.limits = limits;
    this.trace = trace;
    this.points = new Points(env, infos);
    this.chains = new Chains(func);
    this.steps = new Steps(env, infos, this.chains, this);
  }

  /** Requires the state at the entry. Throws Broken. */
  run(state: State): void {
    this.points.arrive(this.chains.root, 0, false, undefined, state);
    for (let next = this.points.next(); next !== undefined; next = this.points.next()) {
      const { point, back } = next;
      for (const s of this.settle(point, back)) this.resume(point, s);
    }
  }

  /** What was done, in instructions: four comparisons of states take as long as one, and more in large frames. */
  private get work(): number {
    return this.count + this.points.compared / 4;
  }

  get rounds() {
    return this.steps.rounds.values();
  }

  // Moves: where step.ts sends states.

  go(chain: Chain, from: number, to: number, state: State): void {
    const info = this.infos[chain.func];
    if (info.meets[to] === 1) this.points.arrive(chain, to, false, backLoop(info, from, to), state);
    else this.ready.push({ chain, insn: to, state });
  }

  enter(chain: Chain, state: State): void {
    this.points.arrive(chain, 0, false, undefined, state);
  }

  back(chain: Chain, call: number, state: State): void {
    const info = this.infos[chain.func];
    this.points.arrive(chain, call + 1, false, backLoop(info, call, call + 1), state);
  }

  repeat(chain: Chain, call: number, state: State, again: boolean): void {
    this.points.arrive(chain, call, true, again, state);
  }

  compared(chain: Chain, insn: number, most: bigint): void {
    const { order, blockOf, blocks } = this.infos[chain.func];
    if (most < 0n || most > MOST_LANDMARK) return;
    for (let loop = order.loops[blockOf[insn]]; loop !== undefined; loop = loop.parent)
      this.points.landmark(chain, blocks[loop.head].start, Number(most));
  }

  decided(chain: Chain, insn: number, to: number, other: number): void {
    const info = this.infos[chain.func];
    for (const head of exitLoops(info, insn, to, other)) this.points.at(chain, head, false).decided = true;
  }

  private resume(point: Point, state: State): void {
    if (point.callback) this.steps.callback(point.chain, point.insn, state);
    else this.ready.push({ chain: point.chain, insn: point.insn, state });
    for (let at = this.ready.pop(); at !== undefined; at = this.ready.pop())
      this.follow(at.chain, at.insn, at.state);
  }

  /** Follows one path until it meets others, branches both ways, or ends. */
  private follow(chain: Chain, start: number, state: State): void {
    const { env, steps, trace } = this;
    const { func, meets } = this.infos[chain.func];
    env.chain = chain;
    this.last = state;
    for (let i = start; ; i++) {
      env.insn = i;
      env.subject = "";
      this.count++;
      if (this.work > this.limits.instructions)
        refuse(
          "budget",
          `a verdict within ${this.limits.instructions} instructions`,
          "more paths than that",
          "simplify the loops or branches here, give a larger budget, or convert without verification",
        );
      trace?.(chain.func, i, state);
      if (!steps.step(chain, i, func.insns[i], state)) return;
      if (meets[i + 1] === 1) {
        this.go(chain, i, i + 1, state);
        return;
      }
    }
  }

  /** The states to go on with from a point: what arrived there and is not covered. */
  private settle(point: Point, back: boolean): State[] {
    const { points } = this;
    const isHead = point.callback || point.loop !== undefined;
    let fresh = points.take(point, back);
    if (!back) {
      point.rounds = 0;
      point.decided = false;
    } else point.rounds++;
    point.followed = Math.max(point.followed, point.rounds);
    if (fresh.length === 0) return fresh;
    const impatient = this.work > this.limits.instructions / 4;
    const follows = point.decided && point.rounds < FOLLOWED && !impatient;
    if (isHead && back && !follows && point.rounds > (impatient ? 0 : PEELED))
      fresh = points.widen(point, fresh);
    else {
      const many = point.visited.length > 32 || this.work > this.limits.instructions / 2;
      fresh = points.reduce(fresh, many ? 1 : point.rounds > 32 ? 2 : this.limits.apart);
    }
    point.decided = false;
    this.states += fresh.length;
    for (const state of fresh) points.visit(point, state, isHead);
    return fresh;
  }
}
