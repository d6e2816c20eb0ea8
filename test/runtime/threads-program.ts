/** Faults, overflows and time-outs in several threads at once, and a WebAssembly trap: prints what each met. */

import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { compile } from "../../compiler/compile.ts";
import type { Arch } from "../../formats/container.ts";
import { assemble } from "../../formats/isa/bpf.ts";
import { type LoadOptions, Runtime } from "../../runtime/index.ts";

/** Of lib.dom, which a Node program does without. */
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object) => { exports: Record<string, unknown> };
};

const ROUNDS = 200;

function work(id: number): string {
  const runtime = new Runtime();
  let count = 0;
  const load = (code: string, options: LoadOptions = {}) => {
    const { container } = compile(assemble(code), {
      raw: true,
      name: "t",
      ctx: "args",
      verify: false,
      target: process.arch as Arch,
    });
    return runtime.load(`program${count++}`, container, options);
  };
  const met: Record<string, number> = {};
  const meet = (what: string) => {
    met[what] = (met[what] ?? 0) + 1;
  };
  const fails = (run: () => unknown) => {
    try {
      run();
    } catch (error) {
      meet((error as { code?: string }).code ?? String(error));
    }
  };
  const fault = load("r1 = 0\nr0 = *(u8 *)(r1 + 0)\nexit");
  const loop = load("l:\ngoto l\nexit", { timeout: 10 });
  const deep = load("call f\nexit\nf:\nr6 = r1\ncall f\nr0 += r6\nexit");
  const sum = load("r0 = r1\nr0 += r2\nexit");
  for (let round = 0; round < ROUNDS; round++) {
    fails(() => fault.run());
    if (round % 20 === 0) fails(() => loop.run());
    if (round % 20 === 0) fails(() => deep.run());
    if (sum.run(round, id) === BigInt(round + id)) meet("right");
  }
  return JSON.stringify(met);
}

/** A function that reads past the memory of its module: V8 handles that signal, and must go on to do so. */
function trap(): string {
  const module = new WebAssembly.Module(
    Uint8Array.of(
      ...[
        0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 127, 3, 2, 1, 0, 5, 3, 1, 0, 1, 7, 5, 1, 1, 102, 0, 0,
      ],
      ...[10, 13, 1, 11, 0, 65, 255, 255, 255, 255, 7, 40, 2, 0, 11],
    ),
  );
  try {
    return String((new WebAssembly.Instance(module).exports.f as () => number)());
  } catch (error) {
    return (error as Error).message;
  }
}

const inThread = (id: number) =>
  new Promise<string>((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: id });
    worker.on("message", resolve);
    worker.on("error", reject);
  });

if (isMainThread) {
  const together = [1, 2, 3].map(inThread);
  console.log(work(0));
  for (const line of await Promise.all(together)) console.log(line);
  for (let id = 4; id < 8; id++) console.log(await inThread(id));
  console.log(trap());
  console.log(work(8));
} else parentPort!.postMessage(work(workerData as number));
