/** bpf_conformance's cases, from the file beside a checkout that has one: raw bytecode, memory and r0. */

import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ENGINES } from "./engines.ts";

interface Case {
  name: string;
  code: string;
  mem: string;
  result: string;
}

const FILE = new URL("../../../shared/conformance.json", import.meta.url);
const CASES: Case[] = existsSync(FILE) ? JSON.parse(readFileSync(FILE, "utf8")).tests : [];

describe.each(ENGINES)("$name", (engine) => {
  it.skipIf(CASES.length === 0)(`runs ${CASES.length} conformance cases`, () => {
    const wrong: string[] = [];
    for (const { name, code, mem, result } of CASES) {
      const program = engine.load(Buffer.from(code, "hex"), { name });
      const memory = new Uint8Array(Buffer.from(mem, "hex"));
      const got = memory.length === 0 ? program.run(0, 0) : program.run(memory, memory.length);
      program.done();
      if (got !== BigInt(`0x${result}`)) wrong.push(`${name}: 0x${got.toString(16)} instead of 0x${result}`);
    }
    expect(wrong).toEqual([]);
  });
});
