/** bpf_conformance's cases, from the file beside a checkout that has one: raw bytecode, memory and r0. */

import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ENGINES, skipped } from "./engines.ts";

interface Case {
  name: string;
  code: string;
  mem: string;
  result: string;
}

const FILE = new URL("../../../shared/conformance.json", import.meta.url);
const CASES: Case[] = existsSync(FILE) ? JSON.parse(readFileSync(FILE, "utf8")).tests : [];

describe.each(ENGINES)("$name", (engine) => {
  it.skipIf(CASES.length === 0 || skipped(engine))(`runs ${CASES.length} conformance cases`, () => {
    const jobs = CASES.map(({ name, code, mem }) => {
      const memory = new Uint8Array(Buffer.from(mem, "hex"));
      return {
        name,
        code: new Uint8Array(Buffer.from(code, "hex")),
        calls: [memory.length > 0 ? { memory } : {}],
      };
    });
    const got = engine
      .run(jobs)
      .map(([{ r0 }], k) => `${CASES[k].name}: 0x${r0.toString(16).padStart(16, "0")}`);
    expect(got).toEqual(CASES.map(({ name, result }) => `${name}: 0x${result}`));
  });
});
