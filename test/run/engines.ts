/** The engines that every program of test/run runs on: the native one, and bare.c on each target. */

import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { type CompileOptions, compile } from "../../compiler/compile.ts";
import { Writer } from "../../formats/bytes.ts";
import type { Arch } from "../../formats/container.ts";
import { Runtime } from "../../runtime/index.ts";
import { DEVICE, has, TARGETS, type Target } from "../device-tools.ts";

export interface Call {
  args?: (number | bigint)[];
  /** Bytes at r1, their number in r2; `args` then do not count. */
  memory?: Uint8Array;
}

export interface Job {
  /** Raw bytecode. */
  code: Uint8Array;
  name?: string;
  options?: CompileOptions;
  calls: Call[];
}

export interface Result {
  r0: bigint;
  /** The call's memory afterwards. */
  memory: Uint8Array;
}

export interface EngineUnderTest {
  name: string;
  /** What is missing on this machine, if anything. */
  missing: string | undefined;
  /** Results by job and call. */
  run(jobs: Job[]): Result[][];
}

const bareOptions = (job: Job, more: CompileOptions): CompileOptions => ({
  raw: true,
  name: job.name ?? "test",
  ctx: "args",
  check: true,
  verify: false,
  format: "bare",
  ...more,
  ...job.options,
});

const runtime = new Runtime();
const interpreter = new Runtime({ engine: "interpret" });
const target = process.arch as Arch;

/** In this process: machine code, or bytecode interpreted. */
const inNode = (name: string, host: Runtime, options: CompileOptions): EngineUnderTest => ({
  name,
  missing: undefined,
  run: (jobs) =>
    jobs.map((job) => {
      const { container, debug } = compile(job.code, bareOptions(job, options));
      using instance = host.load("test", container, { debug, timeout: 5000 });
      return job.calls.map(({ args = [], memory }) => {
        const bytes = memory?.slice() ?? new Uint8Array(0);
        const r0 = memory === undefined ? instance.run(...args) : instance.run(bytes, bytes.length);
        return { r0, memory: bytes };
      });
    }),
});

const built = new Map<string, string>();

/** test/run/bare-batch for a target, built on first use. */
function batchTool(target: Target): string {
  let path = built.get(target.arch);
  if (path === undefined) {
    path = `${DEVICE}${target.build}/bare-batch-${process.pid}`;
    const here = new URL("bare-batch.c", import.meta.url).pathname;
    const sources = ["bare.c", "posix.c", "helpers_posix.c"].map((file) => DEVICE + file);
    execFileSync("mkdir", ["-p", `${DEVICE}${target.build}`]);
    execFileSync(target.cc, ["-O1", "-static", "-w", "-o", path, here, ...sources]);
    built.set(target.arch, path);
    process.on("exit", () => existsSync(path!) && execFileSync("rm", [path!]));
  }
  return path;
}

/** All jobs in one process of bare.c. */
export function runBatch(
  target: Target,
  containers: { file: Uint8Array; calls: Call[]; name?: string }[],
): Result[][] {
  const input = new Writer(1 << 16);
  for (const { file, calls } of containers) {
    input.u32(file.length);
    input.u32(calls.length);
    input.bytes(file);
    for (const { args = [], memory = new Uint8Array(0) } of calls) {
      const words = new BigUint64Array(5);
      for (const [k, arg] of args.entries()) words[k] = BigInt.asUintN(64, BigInt(arg));
      input.bytes(new Uint8Array(words.buffer));
      input.u32(memory.length);
      input.bytes(memory);
    }
  }
  const [command, ...args] = [...target.runner, batchTool(target)];
  const done = spawnSync(command, args, { input: input.finish(), maxBuffer: 1 << 30 });
  const output = done.stdout;
  const view = new DataView(output.buffer, output.byteOffset, output.length);
  let at = 0;
  return containers.map(({ calls, name = "a program" }) => {
    const need = (size: number) => {
      if (at + size > output.length)
        throw new Error(`${target.arch}: ended by ${done.signal ?? done.status} in ${name}: ${done.stderr}`);
    };
    need(4);
    const status = view.getInt32(at, true);
    at += 4;
    if (status !== 0) throw new Error(`${target.arch}: bare_load of ${name} gave ${status}`);
    return calls.map(({ memory }) => {
      const size = memory?.length ?? 0;
      need(8 + size);
      const r0 = view.getBigUint64(at, true);
      const after = new Uint8Array(output.subarray(at + 8, at + 8 + size));
      at += 8 + size;
      return { r0, memory: after };
    });
  });
}

/** bare.c, on this machine or under emulation. */
const device = (target: Target, optimize: 0 | 2, cpu: string[] = []): EngineUnderTest => {
  const tools = [target.cc, ...target.runner.slice(0, 1)];
  return {
    name: `${target.arch}${cpu.map((c) => `+${c}`).join("")} -O${optimize} in bare.c`,
    missing: tools.find((tool) => !has(tool)),
    run: (jobs) =>
      runBatch(
        target,
        jobs.map((job) => ({
          file: compile(job.code, bareOptions(job, { optimize, target: target.arch, cpu })).container,
          calls: job.calls,
          name: job.name,
        })),
      ),
  };
};

const [X64, ARM64] = TARGETS;

export const ENGINES: EngineUnderTest[] = [
  inNode("the interpreter", interpreter, { target: "bytecode" }),
  inNode(`${target} -O0 in Node`, runtime, { target, optimize: 0 }),
  inNode(`${target} -O2 in Node`, runtime, { target, optimize: 2 }),
  device(X64, 2),
  device(ARM64, 0),
  device(ARM64, 2),
  device(ARM64, 2, ["lse"]),
];

/** An engine whose tools are missing is skipped at home and fails in CI. */
export const skipped = (engine: EngineUnderTest): boolean => engine.missing !== undefined && !process.env.CI;
