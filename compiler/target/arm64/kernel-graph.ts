/**
 * A kernel's graph in what NEON has beyond the operations of ir/kernel.ts: products and sums that widen, extremes,
 * comparisons without a sign, counted bits. Gives a graph that gathers or stores the same.
 */

import { bug } from "../../../formats/error.ts";
import type { Kernel, KernelNode, KernelOp, Lane, Reduction } from "../../ir/kernel.ts";

export type NeonOp =
  | Exclude<KernelOp, "sad">
  /** Greater, without a sign. */
  | "ugt"
  | "smax"
  | "smin"
  | "umax"
  | "umin"
  /** Products of lanes of half the width. */
  | "umull"
  | "smull"
  /** Sums of two neighbours each, of half the width, without and with a sign. */
  | "upairs"
  | "spairs"
  /** Differences without a sign. */
  | "apart"
  /** Bits that are set, in each byte. */
  | "count";

export interface NeonNode extends Omit<KernelNode, "op"> {
  op: NeonOp;
}

export interface Graph {
  nodes: NeonNode[];
  root: number;
  reduce: Reduction | undefined;
  /** Lanes of the root, which are added in pairs until they have the width that is gathered; with a sign? */
  from: Lane;
  signed: boolean;
  /** What is gathered, and what that starts with, has its first bit turned. */
  turns: boolean;
}

/** Halves of lanes that hold the highest number without a sign. */
const HALF_MASK: Partial<Record<Lane, [lo: number, hi: number]>> = {
  16: [0x00ff00ff, 0x00ff00ff],
  32: [0xffff, 0xffff],
  64: [-1, 0],
};

export function neonGraph(kernel: Kernel): Graph {
  return new Rewriter(kernel).run();
}

class Rewriter {
  private readonly kernel: Kernel;
  private readonly nodes: NeonNode[] = [];

  constructor(kernel: Kernel) {
    this.kernel = kernel;
  }

  run(): Graph {
    const { kernel, nodes } = this;
    const place: number[] = [];
    for (const node of kernel.nodes)
      place.push(this.rewrite({ ...node, args: node.args.map((k) => place[k]) }));
    const { reduce, lane } = kernel;
    const graph: Graph = { nodes, root: place[kernel.root], reduce, from: lane, signed: false, turns: false };
    if (reduce === "add") this.stripWidening(graph);
    const turned = reduce === "smax" || reduce === "smin" ? this.turned(graph.root, lane) : undefined;
    if (turned !== undefined) {
      graph.root = turned;
      graph.turns = true;
      graph.reduce = reduce === "smax" ? "umax" : "umin";
    }
    return prune(graph);
  }

  private add(op: NeonOp, like: { lane: Lane; bytes: number }, args: number[], more = {}): number {
    const { lane, bytes } = like;
    return this.nodes.push({ op, lane, args, aux: 0, lo: 0, hi: 0, bytes, ...more }) - 1;
  }

  private constant(like: { lane: Lane; bytes: number }, lo: number, hi: number): number {
    const known = this.nodes.findIndex((node) => node.op === "const" && node.lo === lo && node.hi === hi);
    return known >= 0 ? known : this.add("const", like, [], { lo, hi });
  }

  private isConstant(k: number, [lo, hi]: readonly [number, number]): boolean {
    const node = this.nodes[k];
    return node.op === "const" && (node.lo | 0) === (lo | 0) && (node.hi | 0) === (hi | 0);
  }

  /** The argument of a node `op`, of this width of lanes (0: of any), that is no constant `bits`. */
  private masked(k: number, op: NeonOp, lane: number, bits: readonly [number, number]): number | undefined {
    const node = this.nodes[k];
    if (node.op !== op || (lane > 0 && node.lane !== lane)) return undefined;
    const at = node.args.findIndex((arg) => this.isConstant(arg, bits));
    return at < 0 ? undefined : node.args[1 - at];
  }

  private shifted(k: number, op: "shl" | "lshr" | "ashr", lane: number, by: number): number | undefined {
    const node = this.nodes[k];
    const fits = node.op === op && (lane === 0 || node.lane === lane) && node.lo === by;
    return fits ? node.args[0] : undefined;
  }

  /** The node without its first bit turned. */
  private turned(k: number, lane: Lane): number | undefined {
    return this.masked(k, "xor", 0, signOf(lane));
  }

  private rewrite(node: KernelNode): number {
    const { op, lane, args } = node;
    switch (op) {
      case "select":
        return this.extreme(node) ?? this.add("select", node, args);
      case "sgt":
        return this.compare(node);
      case "smul":
        return this.product(node) ?? this.add("smul", node, args);
      case "mul":
        return this.product(node) ?? this.add("mul", node, args);
      case "add":
        return this.pairs(node) ?? this.add("add", node, args);
      case "or":
        return this.swapped(node) ?? this.add("or", node, args);
      case "narrow":
        return this.add("narrow", node, [this.low(args[0], lane)]);
      case "sad": {
        const bytes: Lane = 8;
        const x =
          args.length > 1
            ? this.add("apart", { lane: bytes, bytes: node.bytes }, args)
            : this.counted(args[0]);
        return ([16, 32, 64] as const).reduce(
          (k: number, wide) => this.add("upairs", { lane: wide, bytes: node.bytes }, [k]),
          x,
        );
      }
      case "shl":
      case "lshr":
      case "ashr":
        return node.lo === 0 ? args[0] : this.nodes.push({ ...node, op }) - 1;
      default:
        return this.nodes.push({ ...node, op }) - 1;
    }
  }

  private extreme({ lane, bytes, args: [mask, yes, no] }: KernelNode): number | undefined {
    const { op, args, lane: compared } = this.nodes[mask];
    if ((op !== "sgt" && op !== "ugt") || compared !== lane || lane === 64) return undefined;
    const [greater, less] = args;
    const sign = op[0] as "s" | "u";
    const like = { lane, bytes };
    if (yes === greater && no === less) return this.add(`${sign}max`, like, args);
    return yes === less && no === greater ? this.add(`${sign}min`, like, args) : undefined;
  }

  /** Greater with the first bit turned is greater without a sign. */
  private compare(node: KernelNode): number {
    const { lane, args } = node;
    const sign = signOf(lane);
    const plain = args.map((k) => {
      const { op, lo, hi } = this.nodes[k];
      return op === "const" ? this.constant(node, lo ^ sign[0], hi ^ sign[1]) : this.turned(k, lane);
    });
    if (plain.includes(undefined)) return this.add("sgt", node, args);
    return this.add("ugt", node, plain as number[]);
  }

  private product({ op, lane, bytes, args }: KernelNode): number | undefined {
    const is = (op: NeonOp) => args.map((k) => this.nodes[k].op === op && this.nodes[k].lane === lane);
    const isSigned = is("sext").every((found) => found);
    if (isSigned)
      return this.add(
        "smull",
        { lane, bytes },
        args.map((k) => this.nodes[k].args[0]),
      ); // prettier-ignore
    if (op === "smul" || !is("zext").includes(true)) return undefined;
    const halves = args.map((k) => this.lowHalf(k, lane));
    return halves.includes(undefined) ? undefined : this.add("umull", { lane, bytes }, halves as number[]);
  }

  /** Lanes of half the width that hold the same numbers without a sign. */
  private lowHalf(k: number, lane: Lane): number | undefined {
    const node = this.nodes[k];
    const { op, lo, hi } = node;
    if (op === "zext" && node.lane === lane) return node.args[0];
    if (op === "splat" && lane === 64) return this.nodes.push({ ...node, lane: 32 }) - 1;
    const mask = HALF_MASK[lane];
    if (op !== "const" || mask === undefined || (lo & ~mask[0]) !== 0 || (hi & ~mask[1]) !== 0)
      return undefined;
    const join = (word: number) => word | (word << (lane / 2));
    return lane === 64 ? this.constant(node, lo, lo) : this.constant(node, join(lo), join(hi));
  }

  /** (x & low half) + (x >> half). */
  private pairs({ lane, bytes, args }: KernelNode): number | undefined {
    const mask = HALF_MASK[lane];
    if (mask === undefined) return undefined;
    for (const [a, b] of [args, [...args].reverse()]) {
      const low = this.masked(a, "and", 0, mask);
      if (low !== undefined && low === this.shifted(b, "lshr", lane, lane / 2))
        return this.add("upairs", { lane, bytes }, [low]);
    }
    return undefined;
  }

  /** (x << 8) | (x >> 8). */
  private swapped({ lane, bytes, args }: KernelNode): number | undefined {
    if (lane !== 16) return undefined;
    for (const [a, b] of [args, [...args].reverse()]) {
      const x = this.shifted(a, "shl", 16, 8);
      if (x !== undefined && x === this.shifted(b, "lshr", 16, 8))
        return this.add("swap", { lane, bytes }, [x]);
    }
    return undefined;
  }

  /** What is narrowed may have upper bits here. */
  private low(k: number, lane: Lane): number {
    const wide = lane * 2;
    const mask = HALF_MASK[wide as Lane];
    const x = mask === undefined ? undefined : this.masked(k, "and", 0, mask);
    if (x !== undefined) return x;
    const up = this.shifted(k, "ashr", wide, wide / 2);
    return (up === undefined ? undefined : this.shifted(up, "shl", wide, wide / 2)) ?? k;
  }

  /** Bits of each byte counted by halves, as one operation. */
  private counted(k: number): number {
    const repeat = (byte: number): [number, number] => [byte * 0x01010101, byte * 0x01010101];
    const { nodes } = this;
    const sum = this.masked(k, "and", 0, repeat(0x0f));
    if (sum === undefined || nodes[sum].op !== "add") return k;
    const fours = nodes[sum].args.find((x) =>
      nodes[sum].args.some((y) => this.shifted(y, "lshr", 0, 4) === x),
    );
    if (fours === undefined || nodes[fours].op !== "add") return k;
    const [low, high] = nodes[fours].args.map((arg) => this.masked(arg, "and", 0, repeat(0x33)));
    if (low === undefined || high === undefined) return k;
    const twos =
      this.shifted(high, "lshr", 0, 2) === low ? low : this.shifted(low, "lshr", 0, 2) === high ? high : -1;
    if (twos < 0 || nodes[twos].op !== "sub") return k;
    const [x, odd] = nodes[twos].args;
    const shifted = this.masked(odd, "and", 0, repeat(0x55));
    if (shifted === undefined || this.shifted(shifted, "lshr", 0, 1) !== x) return k;
    return this.add("count", { lane: 8, bytes: nodes[x].bytes }, [x]);
  }

  /** A sum of extended lanes, or of sums of neighbours, is one of the narrower lanes that widens as it goes. */
  private stripWidening(graph: Graph): void {
    const WIDENS: Partial<Record<NeonOp, "u" | "s">> = { zext: "u", sext: "s", upairs: "u", spairs: "s" };
    let kind: "u" | "s" | undefined;
    for (;;) {
      const { op, lane, args } = this.nodes[graph.root];
      const found = WIDENS[op];
      if (found === undefined || lane !== graph.from || (kind !== undefined && kind !== found)) return;
      kind = found;
      graph.root = args[0];
      graph.from = (lane / 2) as Lane;
      graph.signed = kind === "s";
    }
  }
}

const signOf = (lane: Lane): [number, number] => {
  if (lane === 64) return [0, 1 << 31];
  const word = lane === 8 ? 0x80808080 | 0 : lane === 16 ? 0x80008000 | 0 : 1 << 31;
  return [word, word];
};

/** Leaves only what the root is made of, arguments first. */
function prune(graph: Graph): Graph {
  const place = new Map<number, number>();
  const nodes: NeonNode[] = [];
  const keep = (k: number): number => {
    const known = place.get(k);
    if (known !== undefined) return known;
    const node = graph.nodes[k] ?? bug("a kernel's node without its argument");
    const args = node.args.map(keep);
    place.set(k, nodes.length);
    return nodes.push({ ...node, args }) - 1;
  };
  const root = keep(graph.root);
  return { ...graph, nodes, root };
}
