/** What verification assumed of r1 and r2, checked before a call: an address that a host passes as a number is its word. */

import { CONTEXTS, type Contract } from "../formats/container.ts";
import { layoutOf } from "../formats/contexts.ts";
import type { Argument } from "./engine/engine.ts";

export interface Violation {
  expected: string;
  got: string;
}

const MOST_MEMORY = 2 ** 31 - 1;
const MOST_ARGUMENTS = 2 ** 28 - 1;
const MOST_PACKET = 65_535;

const show = (value: Argument): string =>
  typeof value === "object" ? `memory of ${value.length} bytes` : `${value}`;

const is = (value: Argument, number: number): boolean =>
  typeof value !== "object" && Number(value) === number;

/** Context mem: memory, and its length. */
function ofMemory(first: Argument, second: Argument): Violation | undefined {
  if (typeof first !== "object") return { expected: "memory as the first argument", got: show(first) };
  const { length } = first;
  if (length > MOST_MEMORY) return { expected: "less than 2^31 bytes of memory", got: `${length}` };
  if (is(second, length)) return undefined;
  return { expected: `${length}, the length of the memory, as the second argument`, got: show(second) };
}

/** Context cmd: the number of arguments, and the address of their addresses with a null behind them. */
function ofCommand(first: Argument, second: Argument): Violation | undefined {
  if (typeof first === "object" || !(first >= 1 && first <= MOST_ARGUMENTS))
    return { expected: `1 to ${MOST_ARGUMENTS} arguments, argv[0] among them`, got: show(first) };
  const least = 8 * (Number(first) + 1);
  if (typeof second === "object" ? second.length >= least : !is(second, 0)) return undefined;
  return { expected: `${least} bytes of addresses as the second argument`, got: show(second) };
}

/** Contexts with fields: the packet's addresses in order, and no more bytes than a program can count. */
function ofPacket(bytes: Uint8Array): Violation | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [data, end, meta] = [0, 8, 16].map((at) => view.getBigUint64(at, true));
  if (data <= end && end - data <= MOST_PACKET && meta <= data) return undefined;
  return {
    expected: `addresses of at most ${MOST_PACKET} bytes of a packet, data_meta ≤ data ≤ data_end`,
    got: [meta, data, end].map((address) => `0x${address.toString(16)}`).join(", "),
  };
}

/** What is wrong with the arguments of a call; undefined: nothing that can be seen. */
export function violation(contract: Contract, first: Argument, second: Argument): Violation | undefined {
  const { context, memory, verified } = contract;
  const least = Math.max(memory, (verified && layoutOf(context)?.size) || 0);
  if (typeof first === "object" && first.length < least)
    return { expected: `at least ${least} bytes of memory`, got: `${first.length}` };
  if (!verified) return undefined;
  if (context === CONTEXTS.mem) return ofMemory(first, second);
  if (context === CONTEXTS.cmd) return ofCommand(first, second);
  if (least > 0 && is(first, 0)) return { expected: "the address of the context", got: "0" };
  return layoutOf(context) && typeof first === "object" ? ofPacket(first) : undefined;
}
