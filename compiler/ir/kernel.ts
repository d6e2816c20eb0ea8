/**
 * Kernels: what op.kernel does with vectors, as a graph over lanes. A step works on `lanes` consecutive elements of
 * every array; each node stands for what they become, in as many registers as they fill. Nodes come after their
 * arguments. A node may read lanes of another width than its argument has: registers are bits.
 */

export type Lane = 8 | 16 | 32 | 64;

export type KernelOp =
  /** Elements at argument `aux` of the value plus `lo`; element k at k times the width of a lane. */
  | "load"
  /** Argument `aux` in all lanes. */
  | "splat"
  /** The 64 bits hi:lo, again and again. */
  | "const"
  | "add"
  | "sub"
  | "and"
  | "or"
  | "xor"
  /** By `lo` bits, fewer than a lane has. */
  | "shl"
  | "lshr"
  | "ashr"
  | "mul"
  /** All bits of a lane set or none. */
  | "eq"
  | "sgt"
  /** Lanes of the second argument where the first one's bits are set, else of the third. */
  | "select"
  /** Lanes of half the width, extended. */
  | "zext"
  | "sext"
  /** Sums of the differences of eight bytes each. */
  | "sad";

export interface KernelNode {
  op: KernelOp;
  lane: Lane;
  args: number[];
  aux: number;
  lo: number;
  hi: number;
  /** Bytes of a step. */
  bytes: number;
}

/** How lanes of all steps become one. */
export type Reduction = "add" | "xor" | "or" | "and" | "smax" | "smin";

/**
 * The value's arguments: the number of rounds, at least `lanes`; what a reduction starts with; then what nodes name.
 * A reduction leaves the rounds that do not fill a step. A store stores all, the last step's perhaps twice, and reads
 * the last elements first: its array does not begin behind one it reads within the bytes that are read.
 */
export interface Kernel {
  lanes: number;
  nodes: KernelNode[];
  /** Index of the node whose lanes are gathered or stored. */
  root: number;
  reduce: Reduction | undefined;
  /** Argument of the address, its offset; the width is the root's. */
  store: { aux: number; offset: number } | undefined;
}

/** The text form of a kernel: its nodes in their order. */
export function printKernel({ lanes, nodes, root, reduce, store }: Kernel, args: readonly string[]): string {
  const place = (aux: number, offset: number) =>
    offset === 0 ? args[aux] : `${args[aux]} ${offset < 0 ? "-" : "+"} ${Math.abs(offset)}`;
  const text = ({ op, lane, args: of, aux, lo, hi }: KernelNode): string => {
    const operands = of.map((k) => `%${k}`);
    if (op === "load") operands.push(`[${place(aux, lo)}]`);
    else if (op === "splat") operands.push(args[aux]);
    else if (op === "const")
      operands.push(`0x${[hi, lo].map((n) => (n >>> 0).toString(16).padStart(8, "0")).join("")}`);
    else if (op === "shl" || op === "lshr" || op === "ashr") operands.push(String(lo));
    return `${op}${lane} ${operands.join(", ")}`;
  };
  const list = nodes.map((node, k) => `%${k} = ${text(node)}`);
  const last =
    store === undefined
      ? `${reduce}${nodes[root].lane} %${root}`
      : `store [${place(store.aux, store.offset)}], %${root}`;
  return `${lanes} of ${args[0]} { ${[...list, last].join("; ")} }`;
}

/** Registers that a node fills. */
export const registersOf = ({ bytes }: KernelNode): number => Math.max(1, bytes >> 4);
