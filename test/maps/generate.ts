/** Random operations on one map from a seed, and the shortest sequence that still fails. */

import { type Definition, modelOf } from "./model.ts";

/** xorshift32: the same numbers everywhere. */
export class Random {
  private state: number;
  constructor(seed: number) {
    this.state = (seed * 0x9e3779b1) | 1;
  }
  below(n: number): number {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    return (this.state >>> 0) % n;
  }
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }
  hex(bytes: number): string {
    let text = "";
    for (let k = 0; k < bytes; k++) text += this.below(256).toString(16).padStart(2, "0");
    return text;
  }
}

/** Operations of each type, as often as they stand here. */
const COMMON = "lookup lookup update update update delete read write take walk keys count percpu each each";
const OPS: Record<number, string> = {
  2: COMMON,
  3: "lookup write write write delete read tail tail tail walk keys count update",
  4: "output output output consume consume submit count lost query lookup",
  11: "lookup lookup lookup update update update update delete read write take walk keys count each",
  12: "lookup lookup write write write delete read tail walk keys count update",
  13: "lookup lookup write write write delete read take walk keys count update each",
  22: "push push push pop peek read write take walk count lookup keys delete update",
  27: "output output output consume consume submit submit discard count lost query leave",
  30: "push push test test test pop write lookup delete keys",
};
OPS[23] = OPS[22];

const isPercpu = (type: number): boolean => [5, 6, 10].includes(type);

function keyOf(random: Random, is: Definition, keys: readonly string[]): string {
  if (is.key === 0) return "-";
  if (is.type === 11) {
    const bits = (is.key - 4) * 8;
    const length =
      random.below(40) === 0 ? bits + 1 : random.pick([bits, bits, random.below(bits + 1), 0, 8]);
    const data = random.pick(keys);
    return (
      length.toString(16).padStart(2, "0").padEnd(4, "0").slice(0, 2) +
      (length >> 8).toString(16).padStart(2, "0") +
      "0000" +
      data
    );
  }
  return random.pick(keys);
}

/** Keys that meet each other: at most twice as many as there is room for. */
function someKeys(random: Random, is: Definition): string[] {
  const count = Math.min(2 * is.max + 1, 400);
  if ([2, 3, 6, 12].includes(is.type)) {
    const keys = Array.from({ length: is.max + 2 }, (_, i) => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32LE(i);
      return bytes.toString("hex");
    });
    return [...keys, "ffffffff"];
  }
  const size = is.type === 11 ? is.key - 4 : is.key;
  return Array.from({ length: count }, () => {
    const key = random.hex(size);
    // Long keys differ in their last byte alone as often as elsewhere.
    return size > 8 && random.below(2) === 0 ? "00".repeat(size - 1) + key.slice(-2) : key;
  });
}

export function operations(seed: number, is: Definition, count: number): string[] {
  const random = new Random(seed);
  const keys = someKeys(random, is);
  const values = Array.from({ length: 12 }, () => random.hex(is.value));
  const ops = (OPS[is.type] ?? COMMON).split(" ");
  const lines = [`new ${is.type},${is.key},${is.value},${is.max},0,${is.cpus}`];
  const ring = is.type === 4 || is.type === 27;
  const hostValue = (): string => {
    if (!isPercpu(is.type)) return value();
    return Array.from({ length: is.cpus }, () => value().padEnd(Math.ceil(is.value / 8) * 16, "0")).join("");
  };
  const value = (): string => {
    if (ring) return random.hex(random.below(random.pick([9, 33, 100, 700]))) || "-";
    if (is.type === 30) return random.hex(1).repeat(is.value);
    if ([3, 12, 13].includes(is.type))
      return `0${random.below(6)}0000${random.pick(["00", "00", "00", "7f", "ff"])}`;
    return random.pick(values);
  };
  for (let k = 0; k < count; k++) {
    if (isPercpu(is.type) && random.below(8) === 0) lines.push(`cpu ${random.below(4)}`);
    if (random.below(150) === 0) lines.push("clear - - 0");
    const op = random.pick(ops);
    const flags = random.pick([0, 0, 0, 0, 1, 2, 2, 3]);
    const key =
      op === "each"
        ? `${random.pick([1, 2, 1000])}`
        : op === "tail"
          ? `${random.below(is.max + 2)}`
          : op === "query"
            ? `${random.below(5)}`
            : keyOf(random, is, keys);
    const number =
      op === "each"
        ? random.pick([0, 0, 0, 1])
        : op === "percpu"
          ? random.below(5)
          : ["submit", "discard", "leave"].includes(op)
            ? 0
            : flags;
    lines.push(`${op} ${key} ${op === "write" ? hostValue() : value()} ${number}`);
  }
  return lines;
}

/** The first line whose answer is wrong, or -1. */
export function firstWrong(
  is: Definition,
  lines: readonly string[],
  answers: readonly string[],
): { at: number; text: string } | undefined {
  const model = modelOf(is);
  let cpu = 0;
  for (let k = 0; k < lines.length; k++) {
    const [op, key, value, flags] = lines[k].split(" ");
    if (op === "new") {
      if (Number(answers[k]) > 0) continue;
      return { at: k, text: `${lines[k]}: ${answers[k]}` };
    }
    if (op === "cpu") {
      cpu = Number(key);
      continue;
    }
    const expected = model.step(op, key, value, Number(flags), cpu);
    const got = answers[k] ?? "nothing";
    if (typeof expected === "string" ? got === expected : expected(got)) continue;
    return {
      at: k,
      text: `${lines[k]}: expected ${typeof expected === "string" ? expected : "something else"}, got ${got}`,
    };
  }
  return undefined;
}

/** Leaves out what is not needed for the failure. */
export function shrink(
  is: Definition,
  lines: readonly string[],
  run: (lines: string[]) => string[],
): string[] {
  let best = [...lines];
  const fails = (some: string[]) => firstWrong(is, some, run(some));
  const wrong = fails(best);
  if (wrong === undefined) return best;
  best = best.slice(0, wrong.at + 1);
  for (let size = best.length >> 1; size > 0; size >>= 1)
    for (let from = 1; from < best.length; ) {
      const shorter = [...best.slice(0, from), ...best.slice(from + size)];
      if (fails(shorter) !== undefined) best = shorter;
      else from += size;
    }
  return best;
}
