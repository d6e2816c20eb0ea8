/** C programs by clang 14 and 19, -O1 to -O3, -mcpu=v1 to v4, then by us at every level, against the same C run natively. */

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { skip } from "../device-tools.ts";
import { bpfObject, compiledResults, differences, nativeResults, programsOf, type Results } from "./agree.ts";

const FOLDER = new URL("programs/", import.meta.url).pathname;
const FILES = readdirSync(FOLDER).filter((name) => name.endsWith(".c"));
const LEVELS = [2, 0, 1, "s"] as const;

const VERSIONS = { "clang-14": ["v1", "v2", "v3"], "clang-19": ["v1", "v2", "v3", "v4"] };
const MISSING = new Set(Object.keys(VERSIONS).filter((cc) => skip(cc)));
const MATRIX = Object.entries(VERSIONS).flatMap(([cc, versions]) =>
  versions.flatMap((cpu) =>
    ["-O1", "-O2", "-O3"].map((o) => ({ cc, cpu, o, name: `${cc} -mcpu=${cpu} ${o}` })),
  ),
);

describe.skipIf(skip("gcc"))("C programs", () => {
  const expected = new Map<string, Results>();

  beforeAll(() => {
    const sanitize = ["-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
    for (const file of FILES) expected.set(file, nativeResults("gcc", join(FOLDER, file), sanitize));
  });

  test("there are more than fifty, and every one has results", () => {
    const names = FILES.flatMap((file) => programsOf(join(FOLDER, file)));
    expect(names.length).toBeGreaterThan(50);
    expect(new Set(names).size).toBe(names.length);
    for (const results of expected.values()) expect(results.size).toBeGreaterThan(100);
  });

  test.skipIf(MISSING.has("clang-19"))("another native compiler agrees", () => {
    for (const file of FILES)
      expect(
        differences(expected.get(file)!, nativeResults("clang-19", join(FOLDER, file), ["-O2"])),
      ).toEqual([]);
  });

  describe.each(FILES)("%s", (file) => {
    for (const { cc, cpu, o, name } of MATRIX)
      test.skipIf(MISSING.has(cc))(name, () => {
        const path = join(FOLDER, file);
        const object = bpfObject(cc, path, [`-mcpu=${cpu}`, o]);
        for (const optimize of LEVELS) {
          const got = compiledResults(path, object, { optimize, check: true });
          expect(differences(expected.get(file)!, got), `runbpf -O${optimize}`).toEqual([]);
        }
      });
  });
});
