/** Random C programs by clang and then by us, against the same C run natively. RUNBPF_SEED and RUNBPF_FILES make others and more. */

import { describe, expect, test } from "vitest";
import { scratchFile, skip } from "../device-tools.ts";
import { SLOW } from "../mutate.ts";
import { bpfObject, compiledResults, differences, nativeResults } from "./agree.ts";
import { randomC } from "./random-c.ts";

const START = Number(process.env.RUNBPF_SEED ?? 1);
const PROGRAMS = 10;
const FILES = Number(process.env.RUNBPF_FILES ?? (SLOW ? 12 : 3));
const SEEDS = Array.from({ length: FILES }, (_, k) => START + k);

const COMPILERS = [
  { cc: "clang-14", flags: ["-mcpu=v3", "-O2"] },
  { cc: "clang-19", flags: ["-mcpu=v1", "-O1"] },
  { cc: "clang-19", flags: ["-mcpu=v4", "-O2"] },
];

describe.skipIf(skip("gcc", "clang-14", "clang-19"))(`${PROGRAMS} programs`, () => {
  test.each(SEEDS)("seed %i", (seed) => {
    const path = scratchFile(`random-${seed}.c`, randomC(seed, PROGRAMS));
    const sanitize = ["-O0", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
    const expected = nativeResults("gcc", path, sanitize);
    for (const { cc, flags } of COMPILERS) {
      const object = bpfObject(cc, path, flags);
      for (const optimize of [2, 0, "s"] as const) {
        const got = compiledResults(path, object, { optimize, check: true });
        expect(differences(expected, got), `${cc} ${flags.join(" ")}, runbpf -O${optimize}`).toEqual([]);
      }
    }
  });
});
