/** Checks the IR's invariants; a violation is a bug() that names the pass after which it was found. */

import { bug } from "../../formats/error.ts";
import { dominators } from "./dominators.ts";
import type { Block, Fn, Value } from "./ir.ts";
import { isLoad, isSeries, type Kernel, takesNumber } from "./kernel.ts";
import { op } from "./ops.ts";

export function checkFn(fn: Fn, after: string): void {
  const fail = (what: string): never => bug(`after ${after}, function ${fn.name}: ${what}`);
  const place = new Map<Value, { block: Block; index: number }>();
  const blocks = new Set(fn.blocks);
  if (fn.blocks[0].predecessors.length > 0) fail("the entry has predecessors");
  for (const block of fn.blocks) {
    for (const [index, v] of [...block.phis, ...block.body].entries()) {
      if (place.has(v)) fail(`v${v.id} stands twice`);
      if (v.block !== block) fail(`v${v.id} does not know its block b${block.id}`);
      if ((v.op === op.phi) !== index < block.phis.length) fail(`v${v.id} is among the wrong values`);
      place.set(v, { block, index });
    }
    checkEdges(block, blocks, fail);
  }
  const leaves = new Set(fn.leaves);
  const dominates = dominators(fn);
  const check = (user: string, arg: Value, at: Block, index: number) => {
    if (leaves.has(arg)) return;
    const def = place.get(arg);
    if (def === undefined) fail(`${user} uses v${arg.id} (${arg.op.name}), which stands nowhere`);
    else if (def.block === at ? def.index >= index : !dominates(def.block, at))
      fail(`${user} in b${at.id} uses v${arg.id}, which does not dominate it`);
  };
  for (const [v, { block, index }] of place) {
    const name = `v${v.id} (${v.op.name})`;
    if (v.op.arity >= 0 && v.args.length !== v.op.arity) fail(`${name} has ${v.args.length} arguments`);
    if (v.op === op.phi) {
      if (v.args.length !== block.predecessors.length) fail(`${name} has ${v.args.length} arguments`);
      for (const [k, arg] of v.args.entries()) {
        if (arg.type !== v.type) fail(`${name} is ${v.type} bits wide, v${arg.id} is ${arg.type}`);
        check(name, arg, block.predecessors[k], Number.POSITIVE_INFINITY);
      }
    } else {
      checkTypes(v, name, fail);
      if (v.op === op.kernel) checkKernel(v, fn.kernels[v.aux], name, fail);
      for (const arg of v.args) check(name, arg, block, index);
    }
  }
  for (const block of fn.blocks)
    if (block.control !== null) check("the end", block.control, block, Number.POSITIVE_INFINITY);
}

/** Nodes come after their arguments; what is loaded, stored or spread is an argument of the value. */
function checkKernel(v: Value, kernel: Kernel, name: string, fail: (what: string) => never): void {
  const isArgument = (k: number) => k > 0 && k < v.args.length;
  for (const [k, node] of kernel.nodes.entries()) {
    if (node.args.some((arg) => arg < 0 || arg >= k)) fail(`${name}: node ${k} comes before an argument`);
    const isInput = isLoad(node) || takesNumber(node);
    if (isInput && !isArgument(node.aux)) fail(`${name}: node ${k} has no argument`);
    if (isSeries(node) && kernel.store !== undefined && !kernel.single && !isArgument(node.hi))
      fail(`${name}: node ${k} has no end`);
    if (isSeries(node) && kernel.down) fail(`${name}: node ${k} counts the wrong way`);
    if (isLoad(node) && v.args[node.aux].type !== 64) fail(`${name}: node ${k} has no address`);
  }
  if (kernel.store !== undefined && v.args[kernel.store.aux]?.type !== 64) fail(`${name} has no address`);
  if ((kernel.store === undefined) !== (v.type !== 0)) fail(`${name} and its kernel disagree on a result`);
}

const ENDS = { jump: 1, branch: 2, return: 0, trap: 0 };

function checkEdges(block: Block, blocks: Set<Block>, fail: (what: string) => never): void {
  const { end, successors, table } = block;
  const count = (list: Block[], wanted: Block) => list.filter((b) => b === wanted).length;
  if (end === "switch") {
    if (table.length === 0 || block.control?.type !== 64)
      fail(`b${block.id}: a switch without a table or an index`);
    if (!table.every((k) => successors[k] !== undefined && count(successors, successors[k]) === 1))
      fail(`b${block.id}: a switch with wrong successors`);
  } else if (successors.length !== ENDS[end]) fail(`b${block.id}: ${end} with wrong successors`);
  const needsControl = end === "branch" || end === "return" || end === "switch";
  if (needsControl !== (block.control !== null)) fail(`b${block.id}: ${block.end} and its control disagree`);
  for (const next of successors)
    if (!blocks.has(next) || count(next.predecessors, block) !== count(successors, next))
      fail(`edge b${block.id} → b${next.id} is not known at both ends`);
  for (const before of block.predecessors)
    if (!blocks.has(before) || !before.successors.includes(block))
      fail(`edge b${before.id} → b${block.id} is not known at both ends`);
}

/** Arithmetic has operands of its own width; addresses are 64 bits wide. */
function checkTypes(v: Value, name: string, fail: (what: string) => never): void {
  const [a, b] = v.args;
  const need = (ok: boolean) => ok || fail(`${name} has operands of ${v.args.map((x) => x.type)} bits`);
  if (v.op === op.trunc) need(a.type === 64 && v.type === 32);
  else if (v.op === op.zext || v.op === op.sext32) need(a.type === 32 && v.type === 64);
  else if (v.op === op.select) need(a.type === 1 && b.type === v.type && v.args[2].type === v.type);
  else if (v.op === op.icmp) need(a.type === b.type && v.type === 1);
  else if (v.op === op.sext8 || v.op === op.sext16 || v.op === op.bswap)
    need(v.op !== op.bswap || a.type === v.type);
  else if (v.op.bytes > 0)
    need(a.type === 64 && (b === undefined || b.type === (v.op.bytes === 8 ? 64 : 32)));
  else if (v.op.pure && v.args.length === 2) need(a.type === v.type && b.type === v.type);
}
