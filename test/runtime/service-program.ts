/** Replaces a program while worker threads call it; prints what they saw. Arguments: calls a thread, replacements. */

import { readFileSync } from "node:fs";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { Runtime } from "../../runtime/index.ts";

const quiet = { output: () => {} };

function percentile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

if (isMainThread) {
  const [, , calls, replacements, ...paths] = process.argv;
  const versions = paths.map((path) => new Uint8Array(readFileSync(path)));
  const runtime = new Runtime(quiet);
  runtime.load("x", versions[0], { cpus: 4 });
  const shared = runtime.share("x");
  const threads = [1, 2].map(
    () => new Worker(new URL(import.meta.url), { workerData: { shared, calls: Number(calls) } }),
  );
  const ends = threads.map(
    (thread) =>
      new Promise<{ wrong: number; swaps: number; p999: number; most: number }>((resolve, reject) =>
        thread
          .once("message", (message) => {
            if (message === "ready") thread.once("message", resolve);
          })
          .once("error", reject),
      ),
  );
  await Promise.all(threads.map((thread) => new Promise((resolve) => thread.once("message", resolve))));
  for (const thread of threads) thread.postMessage("go");
  let done = 0;
  let over = false;
  void Promise.all(ends).then(() => {
    over = true;
  });
  const rss: number[] = [];
  for (; done < Number(replacements); done++) {
    runtime.replace("x", versions[(done + 1) % versions.length]);
    if (done % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
    if (done % 1000 === 0) rss.push(Math.round(process.memoryUsage.rss() / 2 ** 20));
  }
  const atEnd = over;
  const results = await Promise.all(ends);
  const kept = runtime.instances.get("x")!.maps.kept;
  console.log(JSON.stringify({ done, atEnd, results, counted: Number(kept.get(1)), rss }));
  runtime.unloadAll();
} else {
  const { shared, calls } = workerData;
  const service = new Runtime(quiet).join(shared);
  parentPort!.postMessage("ready");
  parentPort!.once("message", () => {
    let [wrong, swaps, last] = [0, 0, -1n];
    // Every 16th call is timed: looking at the clock costs as much as a call.
    const times = new Float64Array(Math.ceil(calls / 16));
    for (let i = 0; i < calls; i++) {
      const timed = i % 16 === 0;
      const start = timed ? performance.now() : 0;
      const result = service.runProgram("call", 5);
      if (timed) times[i / 16] = performance.now() - start;
      const version = (result >> 8n) & 0xffn;
      if (result >> 32n !== version || version < 1n || version > 2n) wrong++;
      if (version !== last) swaps++;
      last = version;
      if (i % 1000 === 0) service.runProgram("count", 1);
    }
    times.sort();
    const micro = (ms: number) => Math.round(ms * 1e4) / 10;
    parentPort!.postMessage({
      wrong,
      swaps,
      p999: micro(percentile(times, 0.999)),
      most: micro(times[times.length - 1]),
    });
    service[Symbol.dispose]();
    parentPort!.close();
  });
}
