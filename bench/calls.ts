/** Calls from JavaScript into a program, against koffi's own call of a C function; loading a small container. */

import { execFileSync } from "node:child_process";
import { join } from "node:path";
import koffi from "koffi";
import { compile } from "../compiler/compile.ts";
import { assemble } from "../formats/isa/bpf.ts";
import { Runtime } from "../runtime/index.ts";
import { median, SCRATCH, scratchFile, timed } from "./measure.ts";
import { object } from "./sizes.ts";
import type { Row } from "./table.ts";

const BATCH = 200_000;
const TURNS = 15;

type Call = (a: number, b: number) => number | bigint;

/** Nanoseconds a call. */
const batch = (call: Call): number =>
  timed(() => {
    for (let i = 0; i < BATCH; i++) call(i, 2);
  }) / BATCH;

function koffiCall(): Call {
  const source = scratchFile(
    "add.c",
    "unsigned long add(unsigned long a, unsigned long b) { return a + b; }\n",
  );
  const library = join(SCRATCH, "add.so");
  execFileSync("gcc", ["-O2", "-shared", "-fPIC", source, "-o", library]);
  return koffi.load(library).func("uint64_t add(uint64_t a, uint64_t b)") as Call;
}

function calls(runtime: Runtime): Row {
  const { container } = compile(assemble("r0 = r1\nr0 += r2\nexit"), {
    raw: true,
    ctx: "args",
    format: "bare",
  });
  using program = runtime.load("add", container);
  const theirs = koffiCall();
  const ours: Call = (a, b) => program.run(a, b);
  const differences: number[] = [];
  const plain: number[] = [];
  for (let turn = 0; turn < TURNS; turn++) {
    const base = batch(theirs);
    plain.push(base);
    differences.push(batch(ours) - base);
  }
  return {
    ...{
      key: "call",
      what: "a call from JavaScript with two numbers, above koffi's own",
      unit: "ns",
      target: 60,
    },
    ...{ value: median(differences), note: `koffi's: ${median(plain).toFixed(0)} ns` },
  };
}

/** Loads, runs once and unloads; the time up to the first result. */
function load(runtime: Runtime): Row {
  const { container } = compile(object("09-packet-filter"), { format: "bare", ctx: "mem" });
  const packet = new Uint8Array(64);
  const times: number[] = [];
  for (let turn = 0; turn < 300; turn++) {
    const start = performance.now();
    const program = runtime.load("filter", container);
    program.run(packet, packet.length);
    times.push(performance.now() - start);
    program[Symbol.dispose]();
  }
  const value = median(times.slice(100));
  const what = `load and first run of a container of ${container.length} bytes, warm`;
  return { key: "load", what, value, unit: "ms", target: 0.5, note: "median of 200" };
}

export function inProcess(): Row[] {
  const runtime = new Runtime();
  return [calls(runtime), load(runtime)];
}
