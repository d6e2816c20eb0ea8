/** Every map type against a plain model, from the same seeds: the C build with sanitizers, and maps.o as our compiler makes it. */

import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { scratchFile, skip, TARGETS } from "../device-tools.ts";
import { nativeCode, program, SANITIZE } from "./build.ts";
import { firstWrong, operations, shrink } from "./generate.ts";
import { LIBRARY, Machine } from "./machine.ts";
import type { Definition } from "./model.ts";

const is = (type: number, key: number, value: number, max: number, cpus = 1): Definition => ({
  type,
  key,
  value,
  max,
  cpus,
});

const TYPES: Record<string, Definition[]> = {
  array: [is(2, 4, 8, 7), is(2, 4, 1, 3), is(2, 4, 21, 16)],
  percpu_array: [is(6, 4, 8, 5, 3), is(6, 4, 13, 2, 4)],
  hash: [
    is(1, 8, 8, 16),
    is(1, 4, 4, 1),
    is(1, 1, 3, 40),
    is(1, 13, 24, 9),
    is(1, 16, 8, 100),
    is(1, 64, 5, 12),
  ],
  percpu_hash: [is(5, 8, 8, 10, 4), is(5, 5, 12, 6, 2)],
  lru_hash: [is(9, 8, 8, 8), is(9, 3, 16, 1), is(9, 4, 4, 30)],
  lru_percpu_hash: [is(10, 8, 8, 8, 3)],
  prog_array: [is(3, 4, 4, 6)],
  array_of_maps: [is(12, 4, 4, 5)],
  hash_of_maps: [is(13, 8, 4, 6), is(13, 3, 4, 9)],
  queue: [is(22, 0, 8, 5), is(22, 0, 11, 1)],
  stack: [is(23, 0, 4, 6), is(23, 0, 17, 3)],
  bloom_filter: [is(30, 0, 4, 100), is(30, 0, 9, 300)],
  lpm_trie: [is(11, 8, 8, 20), is(11, 5, 4, 6), is(11, 20, 1, 30), is(11, 260, 8, 8)],
  ringbuf: [is(27, 0, 0, 64), is(27, 0, 0, 256), is(27, 0, 0, 4096)],
  perf_event_array: [is(4, 4, 4, 2)],
};
const COUNT = process.env.RUNBPF_SLOW ? 20 : 3;
const CASES = Object.entries(TYPES).flatMap(([name, list], t) =>
  list.flatMap((definition, d) =>
    Array.from({ length: COUNT }, (_, s): [string, Definition, number] => [
      `${name} key ${definition.key} value ${definition.value} max ${definition.max} cpus ${definition.cpus}, seed ${s}`,
      definition,
      1 + t * 10_000 + d * 100 + s,
    ]),
  ),
);

function check(definition: Definition, seed: number, run: (lines: string[]) => string[]): void {
  const lines = operations(seed, definition, 400);
  const wrong = firstWrong(definition, lines, run(lines));
  if (wrong === undefined) return;
  const short = shrink(definition, lines, run);
  expect.fail(`${firstWrong(definition, short, run(short))?.text}\n${short.join("\n")}`);
}

/** Answers of a process; what it complains about stands for the line where it ended, or for the last. */
function answers(command: string[], lines: string[]): string[] {
  const [file, ...args] = command;
  const { stdout, stderr, status } = spawnSync(file, args, {
    input: `${lines.join("\n")}\n`,
    maxBuffer: 1 << 28,
  });
  const given = `${stdout}`.split("\n").slice(0, -1);
  if (status !== 0) given[Math.min(given.length, lines.length - 1)] = `${stderr}`;
  return given;
}

describe.skipIf(skip("gcc"))("the C build with sanitizers", () => {
  const run = (lines: string[]) => answers([program("harness.c", SANITIZE)], lines);
  test.each(CASES)("%s", (_name, definition, seed) => check(definition, seed, run));
});

const [X64, ARM64] = TARGETS;
const emulated = process.arch === "x64" ? ARM64 : X64;
describe.skipIf(process.arch !== "x64" || skip(emulated.cc, emulated.runner[0]))(
  "maps.o in arm64 code, emulated",
  () => {
    const run = (lines: string[]) => {
      const harness = program("harness.c", ["-O1", "-static"], emulated.cc);
      return answers([...emulated.runner, harness, nativeCode(emulated.arch)], lines);
    };
    test.each(CASES.filter((_, k) => k % COUNT === 0))("%s", (_name, definition, seed) =>
      check(definition, seed, run),
    );
  },
);

describe("maps.o in native code", () => {
  let machine: Machine | undefined;
  const run = (lines: string[]): string[] => {
    machine ??= new Machine();
    return lines.map((line) => machine!.step(line));
  };
  test.each(CASES)("%s", (_name, definition, seed) => check(definition, seed, run));
});

test.skipIf(skip("clang-19"))("maps.o is what clang makes of the sources", () => {
  const out = scratchFile("maps.o", "");
  execFileSync("make", ["-s", "-C", LIBRARY, "-W", "maps.c", `OUT=${out}`, out], { stdio: "pipe" });
  expect(Buffer.compare(readFileSync(out), readFileSync(`${LIBRARY}maps.o`))).toBe(0);
});
