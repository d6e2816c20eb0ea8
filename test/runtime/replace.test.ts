/** Versions of a program: events, hooks, maps that are kept or refused, and replacement under threads that call. */

import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { Runtime, type RuntimeOptions } from "../../runtime/index.ts";
import { bundle } from "../bundle.ts";
import { scratchFile } from "../cli/cli.ts";
import { bpfObject } from "../compile/agree.ts";
import { skip } from "../device-tools.ts";

const SOURCE = new URL("programs/versions.c", import.meta.url).pathname;

const SELF = new URL("programs/self.c", import.meta.url).pathname;

describe.skipIf(skip("clang-19"))("versions", () => {
  const build = (version: number, size = 8, fail = 0) => {
    const flags = ["-mcpu=v3", "-O2", `-DVERSION=${version}`, `-DSIZE=${size}`, `-DFAIL=${fail}`];
    return compile(bpfObject("clang-19", SOURCE, flags), { name: "versions.o" }).container;
  };
  let [first, second, larger, failing]: Uint8Array[] = [];
  beforeAll(() => {
    [first, second, larger, failing] = [build(1), build(2), build(2, 16), build(2, 8, 1)];
  });

  function start(options: RuntimeOptions = {}) {
    const printed: string[] = [];
    const output = (bytes: Uint8Array) => void printed.push(Buffer.from(bytes).toString().trim());
    const runtime = new Runtime({ output, ...options });
    return { runtime, printed };
  }

  it("runs load events before a version takes over and unload events after", () => {
    const { runtime, printed } = start();
    runtime.load("x", first);
    runtime.replace("x", second);
    expect(printed).toEqual(["load 1", "load 2", "unload 1"]);
    runtime.unload("x");
    expect(printed.slice(3)).toEqual(["unload 2"]);
  });

  it("keeps maps that agree, refuses others, or starts anew", () => {
    const { runtime, printed } = start();
    runtime.load("x", first).runProgram("count", 5);
    const next = runtime.replace("x", second);
    expect([next.runProgram("count", 5), next.maps.kept.get(5)]).toEqual([2n, 2n]);
    expect(() => runtime.replace("x", larger)).toThrow(
      "map kept: expected type 1, key 4 B, value 8 B, max_entries 8, flags 0x0, got type 1, key 4 B, value 8 B, max_entries 16",
    );
    expect(runtime.instances.get("x")).toBe(next);
    expect([next.loaded, next.runProgram("count", 5), printed.at(-1)]).toEqual([true, 3n, "unload 1"]);
    const anew = runtime.replace("x", larger, { keepMaps: "never" });
    expect([anew.maps.kept.size, next.loaded]).toEqual([0, false]);
  });

  it("leaves the old version in service when the new one does not load or start", () => {
    const { runtime, printed } = start();
    const old = runtime.load("x", first);
    old.runProgram("count", 1);
    expect(() => runtime.replace("x", failing)).toThrow("x: .spf.event/load returned -1");
    expect(() => runtime.replace("x", new Uint8Array(9))).toThrow("expected");
    expect(() => runtime.load("y", failing)).toThrow("returned -1");
    expect([...runtime.instances.keys()]).toEqual(["x"]);
    expect([old.runProgram("call", 1) >> 32n, old.runProgram("count", 1)]).toEqual([1n, 2n]);
    expect(printed).toEqual(["load 1", "load 2", "load 2"]);
  });

  it("delivers to all programs of a hook, in the order of loading; a replaced one keeps its place", () => {
    const { runtime } = start();
    runtime.load("a", first);
    runtime.load("b", second);
    runtime.replace("a", second, { keepMaps: "never" });
    expect(runtime.deliver("hook", 7)).toEqual([
      { name: "a", program: "count", result: 1n },
      { name: "a", program: "more", result: 2007n },
      { name: "b", program: "count", result: 1n },
      { name: "b", program: "more", result: 2007n },
    ]);
    expect(runtime.deliver("hoo", 7)).toEqual([]);
    expect(runtime.attached("hook/count").map(({ instance }) => instance.name)).toEqual(["a", "b"]);
  });

  it("lets a program replace itself: its call ends in the version in which it began", () => {
    const { runtime } = start();
    const self = bpfObject("clang-19", SELF, ["-mcpu=v3", "-O2"]);
    const { container } = compile(self, { name: "self.o" });
    const options = {
      helpers: {
        3000000: () => void runtime.replace("x", container, { ...options, keepMaps: "never" as const }),
      },
    };
    const old = runtime.load("x", container, options);
    old.globals.number = 41;
    expect(old.runProgram("go")).toBe(42n);
    expect(old.loaded).toBe(false);
    expect(runtime.instances.get("x")?.runProgram("go")).toBe(1n);
  });

  const stress = (calls: number, replacements: number) => {
    const cache = new URL("../../node_modules/.cache/service", import.meta.url).pathname;
    mkdirSync(cache, { recursive: true });
    const files = [scratchFile("v1.spf", first), scratchFile("v2.spf", second)];
    const program = join(cache, "service-program.mjs");
    const args = [program, String(calls), String(replacements), ...files];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
    expect([status, stderr]).toEqual([0, ""]);
    return JSON.parse(stdout);
  };

  it("swaps under two threads: no call is lost, mixed or failed", { timeout: 120_000 }, async () => {
    const cache = new URL("../../node_modules/.cache/service", import.meta.url).pathname;
    await bundle("test/runtime/service-program.ts", join(cache, "service-program.mjs"));
    const calls = process.env.RUNBPF_SLOW ? 25_000_000 : 300_000;
    const replacements = process.env.RUNBPF_SLOW ? 10_000 : 500;
    const { done, results, counted, rss } = stress(calls, replacements);
    expect(done).toBe(replacements);
    expect(results.map(({ wrong }: { wrong: number }) => wrong)).toEqual([0, 0]);
    expect(results[0].swaps + results[1].swaps).toBeGreaterThan(4);
    expect(counted).toBe(2 * (calls / 1000));
    if (process.env.RUNBPF_SLOW) console.log(JSON.stringify({ results, rss }));
    expect(rss.at(-1) - rss[Math.min(2, rss.length - 1)]).toBeLessThan(150);
  });
});
