/** Where a state is in the tree of calls: a function, the call that led there, and its place in the order of work. */

export interface Chain {
  readonly number: number;
  readonly func: number;
  readonly parent: Chain | undefined;
  /** The call in the parent's function. */
  readonly call: number;
  /** The function was called by a helper. */
  readonly callback: boolean;
  readonly depth: number;
  /** Positions of the calls, from the program's entry on. */
  readonly keys: readonly number[];
  readonly children: Map<string, Chain>;
}

export class Chains {
  private count = 0;
  readonly root: Chain;

  constructor(func: number) {
    this.root = this.make(func, undefined, -1, false, []);
  }

  private make(
    func: number,
    parent: Chain | undefined,
    call: number,
    callback: boolean,
    keys: number[],
  ): Chain {
    const depth = parent === undefined ? 1 : parent.depth + 1;
    return { number: this.count++, func, parent, call, callback, depth, keys, children: new Map() };
  }

  /** The chain of a call at instruction `call`, whose position is `key`. */
  child(parent: Chain, func: number, call: number, callback: boolean, key: number): Chain {
    const name = `${call}:${func}`;
    let chain = parent.children.get(name);
    if (chain === undefined) {
      chain = this.make(func, parent, call, callback, [...parent.keys, key]);
      parent.children.set(name, chain);
    }
    return chain;
  }
}

/** Whether `func` is running already. */
export function runs(chain: Chain, func: number): boolean {
  for (let at: Chain | undefined = chain; at !== undefined; at = at.parent) if (at.func === func) return true;
  return false;
}
