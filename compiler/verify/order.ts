/**
 * The order in which blocks are worked on: a weak topological order (Bourdoncle 1993). A loop's blocks stand together
 * behind its head, so that all paths through an iteration are in before the next one starts, and all iterations
 * before what follows the loop.
 */

import type { FlowBlock } from "../build/flow.ts";

export interface Loop {
  /** Block of the head. */
  head: number;
  /** Positions of its first and last block. */
  first: number;
  last: number;
  parent: Loop | undefined;
}

export interface Order {
  /** Position of each block. */
  position: Int32Array;
  /** The innermost loop of each block. */
  loops: (Loop | undefined)[];
}

/** Deeper nesting is ordered as one loop. */
const MOST_NESTING = 64;

class Sorter {
  private readonly blocks: FlowBlock[];
  private readonly order: Order;
  /** Blocks of a part that is being sorted have its number. */
  private readonly part: Int32Array;
  private readonly index: Int32Array;
  private readonly low: Int32Array;
  private parts = 0;
  private next = 0;

  constructor(blocks: FlowBlock[]) {
    this.blocks = blocks;
    this.part = new Int32Array(blocks.length);
    this.index = new Int32Array(blocks.length);
    this.low = new Int32Array(blocks.length);
    this.order = {
      position: new Int32Array(blocks.length).fill(-1),
      loops: new Array(blocks.length).fill(undefined),
    };
  }

  run(): Order {
    const all = this.blocks.map((_, b) => b);
    this.sort(all, undefined, 0);
    return this.order;
  }

  /** Gives positions to `nodes`, the first of which is entered first. */
  private sort(nodes: number[], loop: Loop | undefined, depth: number): void {
    const part = ++this.parts;
    for (const b of nodes) {
      this.part[b] = part;
      this.index[b] = -1;
    }
    const components: number[][] = [];
    for (const b of nodes) if (this.index[b] < 0) this.connect(b, part, components);
    for (const component of components.reverse()) {
      component.reverse();
      const [head] = component;
      const loops = component.length > 1 || this.blocks[head].successors.includes(head);
      if (!loops) {
        this.place(head, loop);
        continue;
      }
      const inner: Loop = { head, first: this.next, last: 0, parent: loop };
      this.place(head, inner);
      if (depth < MOST_NESTING) this.sort(component.slice(1), inner, depth + 1);
      else for (const b of component.slice(1)) this.place(b, inner);
      inner.last = this.next - 1;
    }
  }

  private place(b: number, loop: Loop | undefined): void {
    this.order.position[b] = this.next++;
    this.order.loops[b] = loop;
  }

  /** Tarjan's algorithm from `root` within a part; components come last first, their blocks in the order found, reversed. */
  private connect(root: number, part: number, components: number[][]): void {
    const { index, low, blocks } = this;
    const path: number[] = [];
    const open: number[] = [];
    const edge: number[] = [];
    const enter = (b: number) => {
      index[b] = low[b] = this.visited++;
      path.push(b);
      open.push(b);
      edge.push(0);
    };
    enter(root);
    while (path.length > 0) {
      const b = path[path.length - 1];
      const { successors } = blocks[b];
      if (edge[edge.length - 1] < successors.length) {
        const to = successors[edge[edge.length - 1]++];
        if (this.part[to] !== part) continue;
        if (index[to] < 0) enter(to);
        else if (!this.done(to)) low[b] = Math.min(low[b], index[to]);
        continue;
      }
      path.pop();
      edge.pop();
      if (path.length > 0) low[path[path.length - 1]] = Math.min(low[path[path.length - 1]], low[b]);
      if (low[b] !== index[b]) continue;
      const component: number[] = [];
      for (;;) {
        const member = open.pop()!;
        component.push(member);
        low[member] = DONE;
        if (member === b) break;
      }
      components.push(component);
    }
  }

  private visited = 0;
  private done(b: number): boolean {
    return this.low[b] === DONE;
  }
}
const DONE = 0x7fffffff;

export const orderOf = (blocks: FlowBlock[]): Order => new Sorter(blocks).run();

/** Whether a loop contains a block. */
export const contains = (order: Order, loop: Loop, b: number): boolean =>
  order.position[b] >= loop.first && order.position[b] <= loop.last;
