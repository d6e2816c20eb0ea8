/**
 * Map operations without a helper in between: look-ups in arrays become arithmetic, other look-ups, updates and
 * deletes call the map's own function through its handle. The helper stays in the import list, which says what a
 * program may do; its slot is not used.
 */

import { arrayStride, MAP_HANDLE, MAP_TYPE, type MapDefinition } from "../../formats/container.ts";
import { helperByName } from "../../helpers/table.ts";
import type { Imports } from "../build/imports.ts";
import { emitter } from "../ir/emit.ts";
import { branch, insertBlock, jump, Replacements, splitBlock } from "../ir/flow.ts";
import type { Block, Fn, Value } from "../ir/ir.ts";
import { CALLEE, op, ULT } from "../ir/ops.ts";

const LOOKUPS = [helperByName("bpf_map_lookup_elem"), helperByName("map_lookup_elem")];
const FUNCTIONS = new Map<number | undefined, number>([
  ...LOOKUPS.map((id) => [id, MAP_HANDLE.lookup] as const),
  [helperByName("bpf_map_update_elem"), MAP_HANDLE.update],
  [helperByName("map_update_elem"), MAP_HANDLE.update],
  [helperByName("bpf_map_delete_elem"), MAP_HANDLE.remove],
  [helperByName("map_delete_elem"), MAP_HANDLE.remove],
]);

const ARRAYS: readonly number[] = [MAP_TYPE.array, MAP_TYPE.percpu_array];

interface Context {
  imports: Imports;
  maps: readonly MapDefinition[];
}

export function inlineMaps(fn: Fn, context: Context): void {
  const replaced = new Replacements(fn);
  for (let b = 0; b < fn.blocks.length; b++) {
    const block = fn.blocks[b];
    for (let i = 0; i < block.body.length; i++) {
      const call = block.body[i];
      const id = helperOf(call, context);
      const word = FUNCTIONS.get(id);
      if (word === undefined) continue;
      context.imports.kept.add(call.aux);
      const array = LOOKUPS.includes(id) ? arrayOf(call, context) : undefined;
      if (array !== undefined) {
        replaced.set(call, inlineLookup(fn, block, i, array));
        break; // what follows stands in a later block now
      }
      block.body.splice(i, 1, ...throughHandle(fn, call, word));
      i++;
    }
  }
  replaced.apply(fn);
}

function helperOf(v: Value, { imports }: Context): number | undefined {
  const target = v.op === op.helper ? imports.list[v.aux] : undefined;
  return target?.kind === "helper" ? target.id : undefined;
}

/** The array that a look-up is known to mean. */
function arrayOf(call: Value, { imports, maps }: Context): MapDefinition | undefined {
  const [map] = call.args;
  const slot = map.op === op.map ? imports.list[map.aux] : undefined;
  const definition = slot?.kind === "map" ? maps[slot.index] : undefined;
  return definition !== undefined && ARRAYS.includes(definition.type) && definition.keySize === 4
    ? definition
    : undefined;
}

/** call → the function's address from the handle, and its call; the call keeps its place in the uses. */
function throughHandle(fn: Fn, call: Value, word: number): Value[] {
  const target = fn.value(op.load64, 64, [call.args[0]], call.block, call.at);
  target.aux = word;
  call.op = op.calli;
  call.args = [target, ...call.args];
  call.aux = CALLEE.map;
  return [target, call];
}

/** key < entries ? values + key * stride : 0, in place of body[index]. */
function inlineLookup(fn: Fn, block: Block, index: number, map: MapDefinition): Value {
  const call = block.body[index];
  const [handle, keyAt] = call.args;
  const rest = splitBlock(fn, block, index + 1);
  block.body.pop();
  const inside = insertBlock(fn, block);
  const place = { block, at: call.at };
  const emit = emitter(fn, place);
  const key = emit(op.load32, 32, [keyAt]);
  const isInside = emit(op.icmp, 1, [key, fn.const(32, map.maxEntries | 0, 0)], ULT);
  branch(block, isInside, inside, rest);
  block.at = call.at;
  place.block = inside;
  const offset = emit(op.mul, 64, [emit(op.zext, 64, [key]), fn.const(64, arrayStride(map.valueSize), 0)]);
  const found = emit(op.add, 64, [emit(op.load64, 64, [handle], MAP_HANDLE.values), offset]);
  jump(inside, rest);
  inside.at = call.at;
  const phi = fn.value(op.phi, 64, [fn.const(64, 0), found], rest, call.at);
  rest.phis.push(phi);
  return phi;
}
