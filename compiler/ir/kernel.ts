/**
 * Kernels: what op.kernel does with vectors, as a graph over lanes. A step works on `lanes` consecutive elements of
 * every array; each node stands for what they become, in as many registers as they fill. Nodes come after their
 * arguments. A node may read lanes of another width than its argument has: registers are bits.
 */

export type Lane = 8 | 16 | 32 | 64;

export type KernelOp =
  /** Elements at argument `aux` of the value plus `lo`; element k at k times the width of a lane. */
  | "load"
  /** The same the other way round: element k at -k times the width. */
  | "loadDown"
  /** Argument `aux` in all lanes. */
  | "splat"
  /** The 64 bits hi:lo, again and again. */
  | "const"
  /**
   * Argument `aux` in the first element, `lo` more in each that follows; of kernels that do all rounds and go up.
   * Argument `hi`: by how much the last step's first element is more, where there is a store and not `single`.
   */
  | "series"
  | "add"
  | "sub"
  | "and"
  | "or"
  | "xor"
  /** By `lo` bits, fewer than a lane has. */
  | "shl"
  | "lshr"
  | "ashr"
  /** By the second argument's lanes, fewer bits than a lane has. */
  | "shlBy"
  | "lshrBy"
  | "ashrBy"
  /** Lanes of 64 bits: of their lower halves, without a sign. */
  | "mul"
  /** Of the lower halves of 64-bit lanes, with a sign. */
  | "smul"
  /** Lanes of 16 bits: the upper halves of products without a sign, and with one. */
  | "mulHigh"
  | "smulHigh"
  /** Half of a + b + 1, without a sign and without a carry that is lost: lanes of 8 and 16 bits. */
  | "avg"
  /** The lane's bytes from the last to the first. */
  | "swap"
  /** All bits of a lane set or none. */
  | "eq"
  | "sgt"
  /** Lanes of the second argument where the first one's bits are set, else of the third. */
  | "select"
  /** Lanes of half the width, extended. */
  | "zext"
  | "sext"
  /** The low halves of lanes of twice the width, which hold no more: without a sign for bytes, else with one. */
  | "narrow"
  /** Sums of the products of two neighbours each, 16 bits with a sign. */
  | "dot"
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
export type Reduction = "add" | "xor" | "or" | "and" | "smax" | "smin" | "umax" | "umin";

/**
 * The value's arguments: the number of rounds, at least `lanes`; then what nodes, `start` and `store` name. A reduction
 * leaves the rounds that do not fill a step. A store stores all, the last step's perhaps twice, and reads that step's
 * elements first. Its steps go up, and its array does not begin behind one it reads within the bytes that are read; or
 * they go down, and its array does not end in front of the end of one it reads within them.
 */
export interface Kernel {
  lanes: number;
  /** Rounds are a multiple of `lanes`, and steps are done one by one: the least code. */
  single: boolean;
  /** Of a store: the steps go from the last elements to the first. Addresses are the first's all the same. */
  down: boolean;
  nodes: KernelNode[];
  /** Index of the node whose lanes are gathered or stored. */
  root: number;
  reduce: Reduction | undefined;
  /** Width of the lanes that are gathered. */
  lane: Lane;
  /** Argument that a reduction starts with where it has no neutral number, else 0. */
  start: number;
  /** Argument of the address, its offset; the width is the root's. */
  store: { aux: number; offset: number } | undefined;
}

/** The text form of a kernel: its nodes in their order. */
export function printKernel(
  { lanes, single, down, nodes, root, reduce, lane, store }: Kernel,
  args: readonly string[],
): string {
  const place = (aux: number, offset: number) =>
    offset === 0 ? args[aux] : `${args[aux]} ${offset < 0 ? "-" : "+"} ${Math.abs(offset)}`;
  const text = ({ op, lane: own, args: of, aux, lo, hi }: KernelNode): string => {
    const operands = of.map((k) => `%${k}`);
    if (isLoad({ op })) operands.push(`[${place(aux, lo)}]`);
    else if (op === "splat") operands.push(args[aux]);
    else if (op === "series") operands.push(args[aux], `by ${lo}`);
    else if (op === "const")
      operands.push(`0x${[hi, lo].map((n) => (n >>> 0).toString(16).padStart(8, "0")).join("")}`);
    else if (op === "shl" || op === "lshr" || op === "ashr") operands.push(String(lo));
    return `${op}${own} ${operands.join(", ")}`;
  };
  const list = nodes.map((node, k) => `%${k} = ${text(node)}`);
  const last =
    store === undefined ? `${reduce}${lane} %${root}` : `store [${place(store.aux, store.offset)}], %${root}`;
  const order = `${down ? " down" : ""}${single ? " one by one" : ""}`;
  return `${lanes} of ${args[0]}${order} { ${[...list, last].join("; ")} }`;
}

export const isLoad = ({ op }: { op: string }): boolean => op === "load" || op === "loadDown";
export const isSeries = ({ op }: { op: string }): boolean => op === "series";
/** Argument `aux` is a number, no address. */
export const takesNumber = ({ op }: { op: string }): boolean => op === "splat" || op === "series";

/** Registers that a node fills. */
export const registersOf = ({ bytes }: { bytes: number }): number => Math.max(1, bytes >> 4);

/** About as many instructions as a step takes, those apart that come before the loop. */
export const workOf = (nodes: readonly { op: string; bytes: number }[]): number =>
  nodes.reduce((sum, node) => sum + (node.op === "const" || node.op === "splat" ? 0 : registersOf(node)), 0);

/** Registers beside those of nodes: of intermediate results, of what is gathered or stored last. */
const SPARE = 3;
/** Registers of a series: now, at the end, and by how much it grows from register to register and from step to step. */
const SERIES = 4;

/** An upper bound of the vector registers that one step takes, nodes evaluated from the root, part by part. */
export function pressure(nodes: readonly KernelNode[], root: number): number {
  const isFixed = (k: number) => nodes[k].op === "const" || nodes[k].op === "splat";
  const series = nodes.filter(isSeries).length * SERIES;
  const fixed = nodes.filter((_, k) => isFixed(k)).length + series + (nodes.some(needsZero) ? 1 : 0);
  const order: { key: number; uses: number[] }[] = [];
  const known = new Set<number>();
  const visit = (k: number, part: number): void => {
    const key = k * 64 + part;
    if (isFixed(k) || known.has(key)) return;
    known.add(key);
    const { op, args } = nodes[k];
    const parts =
      op === "zext" || op === "sext" ? [part >> 1] : op === "narrow" ? [2 * part, 2 * part + 1] : [part];
    const uses = args.flatMap((arg) => parts.map((of) => [arg, of]));
    for (const [arg, of] of uses) visit(arg, of);
    order.push({ key, uses: uses.filter(([arg]) => !isFixed(arg)).map(([arg, of]) => arg * 64 + of) });
  };
  for (let part = 0; part < registersOf(nodes[root]); part++) {
    visit(root, part);
    order.push({ key: -1, uses: [root * 64 + part] });
  }
  const last = new Map<number, number>();
  for (const [i, { uses }] of order.entries()) for (const use of uses) last.set(use, i);
  let live = 0;
  let most = 0;
  for (const [i, { key, uses }] of order.entries()) {
    if (key >= 0) live++;
    most = Math.max(most, live);
    for (const use of new Set(uses)) if (last.get(use) === i) live--;
  }
  return fixed + most + SPARE;
}

/** A number in all lanes of 64 bits, modulo a lane. */
export function everyLane(lane: Lane, n: number): [lo: number, hi: number] {
  if (lane === 64) return [n | 0, Math.floor(n / 2 ** 32) | 0];
  if (lane === 32) return [n | 0, n | 0];
  const word = lane === 16 ? (n & 0xffff) | (n << 16) : (n & 0xff) * 0x01010101;
  return [word | 0, word | 0];
}

/** A register whose lanes are 0, `by`, 2 * `by` …, as words from the lowest. */
export function progression(lane: Lane, by: number): [number, number, number, number] {
  const bits = new DataView(new ArrayBuffer(16));
  for (let k = 0; k < 128 / lane; k++) {
    const at = (k * lane) / 8;
    if (lane === 8) bits.setInt8(at, k * by);
    else if (lane === 16) bits.setInt16(at, k * by, true);
    else if (lane === 32) bits.setInt32(at, k * by, true);
    else bits.setBigInt64(at, BigInt(k * by), true);
  }
  const word = (k: number) => bits.getInt32(4 * k, true);
  return [word(0), word(1), word(2), word(3)];
}

/** Extends with zeros, or takes differences from nothing. */
export const needsZero = ({ op, args }: KernelNode): boolean =>
  op === "zext" || (op === "sad" && args.length === 1);
