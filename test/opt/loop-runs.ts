/** Runs of the loops of vector-loops.ts: on the interpreter and in this process, or in bare.c for arm64. */

import { type CompileOptions, compile } from "../../compiler/compile.ts";
import { assemble } from "../../formats/isa/bpf.ts";
import { Runtime } from "../../runtime/index.ts";
import { TARGETS } from "../device-tools.ts";
import { runBatch } from "../run/engines.ts";
import { optimised } from "./listing.ts";
import { HEADER, type Loop, source } from "./vector-loops.ts";

const native = new Runtime();
const interpreter = new Runtime({ engine: "interpret" });
const options: CompileOptions = { raw: true, name: "test", ctx: "args", check: true, verify: false };

/** Where the arrays are, the number of rounds, and what the variable starts with. */
export interface Run {
  from: number;
  to: number;
  count: number;
  start?: bigint;
}

const text = ({ from, to, count }: Run) => `from ${from} to ${to}, ${count} rounds`;

const load = (host: Runtime, loop: Loop, more: CompileOptions) => {
  const { container, debug } = compile(assemble(source(loop)), { ...options, ...more });
  return host.load("test", container, { debug, timeout: 5000 });
};

const patternOf = (size: number): Uint8Array =>
  Uint8Array.from({ length: size }, (_, k) => (k * 167 + (k >> 4) * 91 + 13) & 255);

function writeHeader(memory: Uint8Array, { from, to, count, start = 0x0123456789abcdefn }: Run): void {
  const view = new DataView(memory.buffer);
  view.setUint16(0, from, true);
  view.setUint16(2, to, true);
  view.setUint32(4, count, true);
  view.setBigUint64(8, start, true);
}

/** Runs a loop both ways on memories; gives the first difference. */
export class Pair {
  private readonly engines;
  private readonly memory: Uint8Array;
  private readonly original: Uint8Array;

  constructor(loop: Loop, size = 4096, more: CompileOptions = { optimize: 2 }) {
    this.memory = new Uint8Array(size);
    this.original = patternOf(size);
    this.engines = [load(interpreter, loop, { target: "bytecode" }), load(native, loop, more)];
  }

  /** Undefined where both do the same. */
  run(run: Run): string | undefined {
    const [expected, got] = this.engines.map((instance) => {
      const { memory } = this;
      memory.set(this.original);
      writeHeader(memory, run);
      const r0 = instance.run(memory, memory.length);
      return { r0, hash: Buffer.from(memory).toString("latin1") };
    });
    if (expected.r0 !== got.r0) return `${text(run)}: ${got.r0}, not ${expected.r0}`;
    return expected.hash === got.hash ? undefined : `${text(run)}: memory`;
  }

  [Symbol.dispose](): void {
    for (const instance of this.engines) instance[Symbol.dispose]();
  }
}

/** What of these runs differs in bare.c for arm64, all in one process. */
export function differencesOnArm64(
  jobs: { loop: Loop; runs: Run[] }[],
  size: number,
  optimize: CompileOptions["optimize"] = 2,
): string[] {
  const original = patternOf(size);
  const memoryFor = (run: Run) => {
    const memory = original.slice();
    writeHeader(memory, run);
    return memory;
  };
  const results = runBatch(
    TARGETS.find(({ arch }) => arch === "arm64")!,
    jobs.map(({ loop, runs }) => ({
      file: compile(assemble(source(loop)), { ...options, format: "bare", optimize, target: "arm64" })
        .container,
      calls: runs.map((run) => ({ memory: memoryFor(run) })),
      name: loop.name,
    })),
  );
  return jobs.flatMap(({ loop, runs }, k) => {
    using instance = load(interpreter, loop, { target: "bytecode" });
    return runs.flatMap((run, i) => {
      const memory = memoryFor(run);
      const r0 = instance.run(memory, memory.length);
      const got = results[k][i];
      if (r0 === got.r0 && Buffer.compare(memory, got.memory) === 0) return [];
      return [`${loop.name}, ${text(run)}: ${got.r0}, not ${r0}\n${loop.body}`];
    });
  });
}

export const kernelOf = (loop: Loop, more: CompileOptions = {}): string | undefined => {
  const [listing] = optimised(source(loop), { optimize: 2, ...more }).values();
  return listing.split("\n").find((line) => line.includes("kernel"));
};

export const COUNTS = [...Array.from({ length: 71 }, (_, k) => k), 127, 128, 129, 150];
const STARTS = [0n, 1n, -1n, 0x80000000n, 0x7fffffffn, 1n << 63n, 0xffffffffn];

/** Arrays apart, each at every alignment; `thin`: at few of them. */
export const apart = (thin = false): Run[] => [
  ...COUNTS.flatMap((count) =>
    Array.from({ length: 16 }, (_, k) => k)
      .filter((k) => (thin ? k === (count * 7) % 16 : count < 20 || k % 5 === 0))
      .map((k) => ({ from: HEADER + k, to: 2048 + ((k * 7) & 15), count })),
  ),
  ...STARTS.map((start) => ({ from: HEADER, to: 2048, count: 40, start: BigInt.asUintN(64, start) })),
];

const OVERLAPS = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 40, 63, 64, 65, 100];
export const overlapping = (thin = false): Run[] =>
  Array.from({ length: 81 }, (_, k) => k - 40).flatMap((distance) =>
    OVERLAPS.filter((count) => !thin || (count + distance) % 7 === 0).map((count) => ({
      from: 1024,
      to: 1024 + distance,
      count,
    })),
  );

export const many = (): Run[] =>
  [250, 255, 256, 257, 511, 512, 513, 900].flatMap((count) =>
    [9000, 9003, 40, 2000].map((to) => ({ from: 1024, to, count })),
  );

export const randomRuns = (rng: (n: number) => number): Run[] =>
  [1, 8, 31, 32, 33, 64, 67, 100].map((count) => {
    const places = [2000 + rng(40), 64 + rng(8), 1024 + rng(100)];
    return { from: 1024, to: places[rng(3)], count, start: BigInt(rng(2 ** 31)) * 0x123456789n };
  });
