/**
 * Loops that copy or fill memory run as one operation of the processor, but for their last round, which the loop itself
 * does: what it leaves behind is as before. The operation works element by element in ascending order, so places that
 * overlap come out as the loop would leave them.
 */

import { CountedLoop } from "../ir/counted.ts";
import { emitter } from "../ir/emit.ts";
import { jump } from "../ir/flow.ts";
import type { Emit } from "../ir/fold.ts";
import type { Block, Fn, Value } from "../ir/ir.ts";
import { op, UGE } from "../ir/ops.ts";
import type { PassContext } from "../passes.ts";

/** Bytes from which on the operation is quicker than the loop. */
const LEAST_BYTES = 64;

export function blockLoops(fn: Fn, { features }: Pick<PassContext, "features">): void {
  if (!features.has("block-operations")) return;
  for (const block of [...fn.blocks]) {
    const loop = CountedLoop.at(block);
    const found = loop && recognise(loop);
    if (found !== undefined) new Rewrite(fn, loop!, found).run();
  }
}

interface Work {
  store: Value;
  /** Of a copy. */
  load: Value | undefined;
}

/** Exactly one store, of what one load gave or of a value that stays the same; nothing but counters beside it. */
function recognise(loop: CountedLoop): Work | undefined {
  const { block } = loop;
  const stores = block.body.filter((v) => v.op.writes);
  const loads = block.body.filter((v) => v.op.reads && !v.op.writes);
  const [store] = stores;
  if (stores.length !== 1 || loads.length > 1 || store.op.bytes === 0) return undefined;
  if (loop.stride(store.args[0]) !== store.op.bytes) return undefined;
  if (!block.phis.every((phi) => loop.step(phi) !== undefined)) return undefined;
  const [load] = loads;
  if (load === undefined) return loop.isInvariant(store.args[1]) ? { store, load } : undefined;
  const copies = load.op.bytes === store.op.bytes && loop.stride(load.args[0]) === store.op.bytes;
  return copies && loadedBy(store.args[1]) === load ? { store, load } : undefined;
}

/** The load whose bytes a value holds; extensions do not change those that are stored. */
function loadedBy(v: Value): Value {
  let at = v;
  while (at.op === op.zext || at.op === op.trunc) at = at.args[0];
  return at;
}

class Rewrite {
  private readonly fn: Fn;
  private readonly loop: CountedLoop;
  private readonly work: Work;
  private readonly emit: Emit;
  block: Block;
  readonly at: number;

  constructor(fn: Fn, loop: CountedLoop, work: Work) {
    this.fn = fn;
    this.loop = loop;
    this.work = work;
    this.block = loop.from;
    this.at = work.store.at;
    this.emit = emitter(fn, this);
  }

  run(): void {
    const { fn, loop, emit } = this;
    const { block, from, entry } = loop;
    const { store, load } = this.work;
    const check = fn.block();
    check.at = store.at;
    this.block = check;
    const rounds = loop.roundsBeforeLast(fn, emit);
    if (rounds === undefined) {
      fn.blocks.pop();
      return;
    }
    from.successors[from.successors.indexOf(block)] = check;
    check.predecessors = [from];
    const many = fn.block();
    many.at = store.at;
    const enough = emit(op.icmp, 1, [rounds, fn.const(64, LEAST_BYTES / store.op.bytes)], UGE);
    // The loop is entered from the check, and from behind the operation.
    block.predecessors[entry] = check;
    check.end = "branch";
    check.control = enough;
    check.successors = [many, block];
    many.predecessors = [check];
    this.block = many;
    const to = emit(op.add, 64, [loop.atStart(store.args[0], emit), fn.const(64, store.aux)]);
    if (load === undefined) emit(op.fill, 0, [to, store.args[1], rounds], store.op.bytes);
    else {
      const source = emit(op.add, 64, [loop.atStart(load.args[0], emit), fn.const(64, load.aux)]);
      emit(op.copy, 0, [to, source, rounds], store.op.bytes);
    }
    for (const phi of block.phis) {
      const by = emit(op.mul, 64, [rounds, fn.const(64, loop.step(phi)!)]);
      phi.args.push(
        emit(op.add, phi.type, [phi.args[entry], phi.type === 64 ? by : emit(op.trunc, 32, [by])]),
      );
    }
    jump(many, block);
  }
}
