/** Maps that threads and processes share, that processes die over, and that somebody overwrote; the C build and our compiler's. */

import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { skip } from "../device-tools.ts";
import { nativeCode, program, SANITIZE } from "./build.ts";
import { operations, Random } from "./generate.ts";
import type { Definition } from "./model.ts";

const SECONDS = process.env.RUNBPF_SLOW ? "20" : "2";
const BUILDS: [string, () => string][] = [["C", () => "-"]];
if (process.arch === "x64" || process.arch === "arm64") BUILDS.push(["maps.o in native code", nativeCode]);

describe.skipIf(skip("gcc")).each(BUILDS)("%s", (_name, code) => {
  test("threads: sums add up, elements are neither lost nor doubled, copies are whole", () => {
    const { stdout, stderr } = spawnSync(program("stress.c", ["-O2"]), ["threads", code(), SECONDS]);
    expect(`${stderr}${stdout}`).toMatch(/^[1-9]\d* rounds, [1-9]\d* walks\n$/);
  });

  test("processes: kill -9 loses at most what README.md says, and holds nobody up", () => {
    const { stdout, stderr } = spawnSync(program("stress.c", ["-O2"]), ["crash", code(), SECONDS]);
    expect(`${stderr}${stdout}`).toMatch(
      /^[1-9]\d* kills, [1-9]\d* rounds, [1-9]\d* records, \d+ elements lost,/,
    );
  });
});

const DEFINITIONS: Definition[] = [
  [2, 4, 21, 16, 1],
  [6, 4, 13, 8, 4],
  [1, 8, 8, 60, 1],
  [1, 13, 24, 30, 1],
  [5, 4, 12, 20, 3],
  [9, 8, 8, 20, 1],
  [10, 4, 4, 10, 2],
  [3, 4, 4, 6, 1],
  [12, 4, 4, 6, 1],
  [13, 4, 4, 12, 1],
  [22, 0, 8, 7, 1],
  [23, 0, 3, 7, 1],
  [30, 0, 4, 100, 1],
  [11, 8, 8, 30, 1],
  [27, 0, 0, 512, 1],
  [4, 4, 4, 1, 1],
].map(([type, key, value, max, cpus]) => ({ type, key, value, max, cpus }));

/** Operations with bytes overwritten in between: a few anywhere, or whole stretches. The header's definition is not read again. */
function withDamage(seed: number, is: Definition): string[] {
  const random = new Random(seed);
  return operations(seed, is, 300).flatMap((line, k) => {
    if (k === 0 || random.below(12) !== 0) return [line];
    const step = random.pick([1, 3, 7, 64, 301, 1009]);
    return [
      `corrupt ${40 + random.below(random.pick([30, 400, 2000]))} ${step} ${random.below(1 << 30)}`,
      line,
    ];
  });
}

describe.skipIf(skip("gcc"))("blocks that somebody overwrote", () => {
  const rounds = process.env.RUNBPF_SLOW ? 200 : 12;
  test.each(DEFINITIONS)("type $type", (is) => {
    const lines: string[] = [];
    for (let seed = 1; seed <= rounds; seed++) lines.push(...withDamage(seed * 100 + is.type, is));
    const input = `${lines.join("\n")}\n`;
    for (const [flags, args] of [
      [SANITIZE, []],
      [["-O2"], [nativeCode()]],
    ]) {
      const { status, stderr, signal } = spawnSync(program("harness.c", flags), args, {
        input,
        timeout: 40_000,
        maxBuffer: 1 << 28,
      });
      expect([signal, status, `${stderr}`.slice(0, 3000)]).toEqual([null, 0, ""]);
    }
  });
});
