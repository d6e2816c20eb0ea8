/**
 * Which loops vectors can run: sums (or the like), or exactly one store to consecutive places, of what consecutive
 * elements and invariants give; counters beside it. Each array is walked up or down.
 */

import type { CountedLoop } from "./counted.ts";
import type { Value } from "./ir.ts";
import { isSeries, type Lane, pressure, type Reduction } from "./kernel.ts";
import { difference, isSigned16 } from "./lane-patterns.ts";
import { Lanes } from "./lanes.ts";
import { type Op, op, SGE, SGT, SLE, SLT, UGE, UGT, ULE, ULT } from "./ops.ts";
import { bitsOf } from "./possible-bits.ts";

/** Values that a kernel may take in registers, the number of rounds among them. */
const MOST_INPUTS = 8;
/** Vector registers that targets with kernels have, and those with rich vectors. */
const VECTORS = 16,
  RICH_VECTORS = 22; // prettier-ignore

/** A kernel whose loads and inputs are still values of the loop. */
export interface Plan {
  lanes: Lanes;
  root: number;
  store: Value | undefined;
  sum: Sum | undefined;
}

/** phi' = phi op x. */
export interface Sum {
  phi: Value;
  next: Value;
  reduce: Reduction;
  x: Value;
  /** Comparing without a sign. */
  flips: boolean;
  /** Width of what is gathered, and whether its first bit is turned. */
  lane: Lane;
  turns: boolean;
}

/** Sums of one loop: each is a kernel of its own, which reads the arrays again. */
const MOST_SUMS = 4;

/**
 * What a loop does that vectors, or those that can do more (`rich`), can do: kernels, one for each sum, or one that
 * stores. Undefined: something else.
 */
export function recognise(loop: CountedLoop, rich: boolean): Plan[] | undefined {
  const { block } = loop;
  const effects = block.body.filter((v) => v.op.reads || v.op.writes);
  if (effects.length === 0 || effects.some((v) => v.op.bytes === 0)) return undefined;
  const stores = effects.filter((v) => v.op.writes);
  const others = block.phis.filter((phi) => loop.step(phi) === undefined);
  const fits = ({ lanes, root }: Plan) =>
    pressure(lanes.nodes, root) <= (rich ? RICH_VECTORS : VECTORS) &&
    lanes.inputs.length + lanes.loads.length + lanes.nodes.filter(isSeries).length < MOST_INPUTS;
  if (stores.length > 1 || others.length > MOST_SUMS || stores.length > 0 === others.length > 0)
    return undefined;
  const plans: Plan[] = [];
  for (const what of stores.concat(others)) {
    const plan = what.op === op.phi ? summing(loop, what, rich) : storing(loop, what, rich);
    if (plan === undefined || !fits(plan)) return undefined;
    plans.push(plan);
  }
  return plans;
}

function storing(loop: CountedLoop, store: Value, rich: boolean): Plan | undefined {
  const { bytes } = store.op;
  const stride = loop.stride(store.args[0]);
  if (stride === undefined || Math.abs(stride) !== bytes) return undefined;
  const lanes = new Lanes(loop, 16 / bytes, stride < 0, true, rich);
  const found = lanes.node(store.args[1], (bytes * 8) as Lane);
  const root = found === undefined ? undefined : lanes.prune(found);
  return root === undefined ? undefined : { lanes, root, store, sum: undefined };
}

function summing(loop: CountedLoop, phi: Value, rich: boolean): Plan | undefined {
  const sum = sumOf(loop, phi);
  if (sum === undefined || phi.type === 1 || phi.type === 0) return undefined;
  const loads = loop.block.body.filter((v) => v.op.bytes > 0);
  const narrowest = Math.min(...loads.map((v) => v.op.bytes));
  // The order of a sum does not matter: its kernel goes up all the same.
  const down = loads.every((v) => (loop.stride(v.args[0]) ?? 0) < 0);
  const lanes = new Lanes(loop, 16 / narrowest, down, false, rich);
  const found = sum.reduce === "add" ? addend(lanes, sum.x, phi.type) : gathered(lanes, sum, phi.type);
  const root = found === undefined ? undefined : lanes.prune(found);
  if (root === undefined || lanes.loads.length === 0) return undefined;
  return { lanes, root, store: undefined, sum };
}

/** What is gathered, in lanes as narrow as it fits. */
function gathered(lanes: Lanes, sum: Sum, type: Lane): number | undefined {
  const { x, reduce, flips } = sum;
  const compares = reduce === "smax" || reduce === "smin";
  const bits = bitsOf(x);
  for (const lane of [8, 16, 32, 64] as const) {
    if (lane > type || (lane < type && bits > lane) || (lane === 64 && compares)) continue;
    const root = lanes.node(x, lane);
    if (root === undefined) continue;
    sum.lane = lane;
    if (!compares) return root;
    if (lane === 8) sum.reduce = reduce === "smax" ? "umax" : "umin";
    // Comparing without a sign is comparing with the first bit turned.
    sum.turns = lane < type ? lane !== 8 && bits >= lane : flips;
    return sum.turns ? lanes.add("xor", lane, [root, lanes.constant(lane, 1 << (lane - 1))]) : root;
  }
  return undefined;
}

/** What is summed up, in lanes as narrow as it fits; neighbours are added until lanes are as wide as the sum. */
function addend(lanes: Lanes, v: Value, type: Lane): number | undefined {
  const product = v.op === op.mul && type === 32 && v.args.every(isSigned16) ? v.args : undefined;
  const factors = product?.map((x) => lanes.node(x, 16));
  if (factors !== undefined && !factors.includes(undefined)) return lanes.add("dot", 32, factors);
  const apart = difference(v)?.map((x) => lanes.node(x, 8));
  if (apart !== undefined && !apart.includes(undefined)) return lanes.add("sad", 64, apart);
  const bits = bitsOf(v);
  const narrow = (lane: Lane) => (bits <= lane && lane < type ? lanes.node(v, lane) : undefined);
  const bytes = narrow(8);
  if (bytes !== undefined) return lanes.add("sad", 64, [bytes]);
  for (const lane of [16, 32] as const) {
    let node = narrow(lane);
    for (let wide = lane * 2; node !== undefined && wide <= type; wide *= 2) {
      const low = lanes.constant(64, wide === 32 ? 0xffff : -1, wide === 32 ? 0xffff : 0);
      const upper = lanes.add("lshr", wide as Lane, [node], { lo: wide / 2 });
      node = lanes.add("add", wide as Lane, [lanes.add("and", wide as Lane, [node, low]), upper]);
    }
    if (node !== undefined) return node;
  }
  return lanes.node(v, type);
}

export const SUMS = new Map<Op, Reduction>([
  [op.add, "add"],
  [op.xor, "xor"],
  [op.or, "or"],
  [op.and, "and"],
]); // prettier-ignore

function sumOf(loop: CountedLoop, phi: Value): Sum | undefined {
  const next = phi.args[loop.latch];
  if (next.block !== loop.block) return undefined;
  const [a, b] = next.args;
  const reduce = SUMS.get(next.op);
  if (reduce !== undefined && a !== b && (a === phi || b === phi))
    return { phi, next, reduce, x: a === phi ? b : a, flips: false, lane: 64, turns: false };
  return next.op === op.select ? extreme(phi, next) : undefined;
}

const GREATER: readonly number[] = [UGT, UGE, SGT, SGE];
const ORDERED: readonly number[] = [...GREATER, ULT, ULE, SLT, SLE];

/** select(x > phi, x, phi), any way round. */
function extreme(phi: Value, next: Value): Sum | undefined {
  const [condition, yes, no] = next.args;
  if (condition.op !== op.icmp || !ORDERED.includes(condition.aux)) return undefined;
  const [a, b] = condition.args;
  const x = yes === phi ? no : yes;
  const fits = (a === yes && b === no) || (a === no && b === yes);
  if (!fits || x === phi || (yes !== phi && no !== phi)) return undefined;
  const greater = GREATER.includes(condition.aux) === (a === yes);
  const reduce = greater ? "smax" : "smin";
  return { phi, next, reduce, x, flips: condition.aux <= UGE, lane: 32, turns: false };
}
