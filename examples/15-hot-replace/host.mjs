// Two threads call a program 200 000 times while it is replaced under them, again and again: node host.mjs
import { readFileSync } from "node:fs";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { compile } from "runbpf/compiler";
import { Runtime } from "runbpf/runtime";

const CALLS = 100_000;

if (isMainThread) {
  const quiet = () => {};
  const runtime = new Runtime({ output: quiet });
  const versions = ["prog.o", "next.o"].map(
    (name) => compile(readFileSync(new URL(name, import.meta.url)), { name, format: "spf" }).container,
  );
  runtime.load("greeter", versions[0]);
  const shared = runtime.share("greeter");
  const threads = [1, 2].map(() => new Worker(new URL(import.meta.url), { workerData: shared }));
  const done = Promise.all(
    threads.map(
      (thread) => new Promise((resolve, reject) => thread.on("message", resolve).on("error", reject)),
    ),
  );
  let replaced = 0;
  let over = false;
  const counts = done.then((all) => {
    over = true;
    return all;
  });
  while (!over) {
    replaced++;
    runtime.replace("greeter", versions[replaced % 2]);
    await new Promise((resolve) => setImmediate(resolve));
  }
  const wrong = (await counts).reduce((sum, { wrong }) => sum + wrong, 0);
  const { calls } = runtime.instances.get("greeter").maps;
  console.log(`calls counted: ${calls.get(0)}`);
  console.log(`results of neither version: ${wrong}`);
  console.log(replaced > 10 ? "replaced many times" : `replaced ${replaced} times`);
  runtime.unloadAll();
} else {
  const service = new Runtime({ output: () => {} }).join(workerData);
  // Context cmd: one argument, which the program does not look at.
  const argv = new Uint8Array(16);
  let wrong = 0;
  for (let i = 0; i < CALLS; i++) {
    const version = service.runProgram("greet", 1, argv);
    if (version !== 1n && version !== 2n) wrong++;
  }
  parentPort.postMessage({ wrong });
}
