/** Checks as clang compiles them: pairs of C programs, one that is accepted and one whose check is off by one. */

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { link } from "../../compiler/link.ts";
import { load } from "../../compiler/load.ts";
import { verify } from "../../compiler/verify/verify.ts";
import { print } from "../../formats/isa/bpf.ts";
import { helperByName } from "../../helpers/table.ts";
import { bpfObject } from "../compile/agree.ts";
import { skip } from "../device-tools.ts";

const FOLDER = new URL("programs/", import.meta.url).pathname;
const FILES = readdirSync(FOLDER).filter((name) => name.endsWith(".c"));
/** Context by file; "mem" is its name. */
const CONTEXT: Record<string, string> = { "maps.c": "args", "helpers.c": "args" };

const VERSIONS = { "clang-14": ["v1", "v2", "v3"], "clang-19": ["v1", "v2", "v3", "v4"] };
const MISSING = new Set(Object.keys(VERSIONS).filter((cc) => skip(cc)));
const MATRIX = Object.entries(VERSIONS).flatMap(([cc, versions]) =>
  versions.flatMap((cpu) =>
    ["-O1", "-O2", "-O3"].map((o) => ({ cc, cpu, o, name: `${cc} -mcpu=${cpu} ${o}` })),
  ),
);

/** Safe programs that are beyond the verifier, in some builds or in all; the twins are refused as they should be. */
const BEYOND = new Set([
  "ok_options", // an index that is the sum of two loops' counters
  "ok_number", // (c - 48) & 255 < 10 as the proof that c is not 0
  "ok_index_signed_byte", // a sign extension that is made twice
]);

/** Programs whose verdict is not the one that their names ask for, with their code. */
function disagreements(file: string, object: Uint8Array): { names: string[]; lines: string[] } {
  const ctx = CONTEXT[file] ?? file.replace(".c", "");
  const program = link(load(object, file), { helperByName });
  const lines: string[] = [];
  const verdicts = verify(program, { ctx });
  verdicts.forEach(({ name, ok, refusal }, e) => {
    if (ok === name.startsWith("ok_") || (!ok && BEYOND.has(name))) return;
    const { insns } = program.functions[program.entries[e].func];
    const code = insns.map((insn, i) => `  ${i}: ${print(insn)}`);
    lines.push(`${name}: ${ok ? "accepted" : JSON.stringify(refusal)}`, ...(process.env.LISTING ? code : []));
  });
  return { names: verdicts.map(({ name }) => name), lines };
}

describe.each(FILES)("%s", (file) => {
  for (const { cc, cpu, o, name } of MATRIX)
    test.skipIf(MISSING.has(cc))(name, () => {
      const { names, lines } = disagreements(file, bpfObject(cc, join(FOLDER, file), [`-mcpu=${cpu}`, o]));
      expect(names.length).toBeGreaterThan(12);
      expect(lines).toEqual([]);
    });
});
