/** The guard serves every thread of the process, and nobody else's signals. */

import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { bundle } from "../bundle.ts";

const CACHE = new URL("../../node_modules/.cache/threads", import.meta.url).pathname;

it("guards several threads at once and leaves WebAssembly's traps to V8", { timeout: 60_000 }, async () => {
  mkdirSync(CACHE, { recursive: true });
  const file = join(CACHE, "threads-program.mjs");
  await bundle("test/runtime/threads-program.ts", file);
  const { status, stdout, stderr } = spawnSync(process.execPath, [file], { encoding: "utf8" });
  expect([status, stderr]).toEqual([0, ""]);
  const met = { ERR_RUNBPF_FAULT: 200, ERR_RUNBPF_TIMEOUT: 10, ERR_RUNBPF_STACK: 10, right: 200 };
  const lines = stdout.trim().split("\n");
  const parsed = lines.map((line) => (line.startsWith("{") ? JSON.parse(line) : line));
  expect(parsed).toEqual([...Array(8).fill(met), "memory access out of bounds", met]);
});
