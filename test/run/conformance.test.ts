/** bpf_conformance's cases, from the file beside a checkout that has one: raw bytecode, memory and r0; as they are and inside an object. */

import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { CODE, makeObject } from "../elf-object.ts";
import { ENGINES, skipped } from "./engines.ts";

interface Case {
  name: string;
  code: string;
  mem: string;
  result: string;
}

const FILE = new URL("../../../shared/conformance.json", import.meta.url);
const CASES: Case[] = existsSync(FILE) ? JSON.parse(readFileSync(FILE, "utf8")).tests : [];

/** The same program as an object with the symbol main, as a compiler would make it. */
const asElf = (code: Uint8Array): Uint8Array =>
  makeObject({
    sections: [{ name: ".text", ...CODE, data: code }],
    symbols: [{ name: "main", section: ".text", size: code.length, type: "FUNC", bind: "GLOBAL" }],
  });

const FORMS = [
  { form: "raw", wrap: (code: Uint8Array) => code, options: { raw: true } },
  { form: "ELF", wrap: asElf, options: { raw: false, program: "main" } },
];

describe.each(ENGINES)("$name", (engine) => {
  it.skipIf(CASES.length === 0 || skipped(engine)).each(FORMS)(
    `runs ${CASES.length} conformance cases in $form form`,
    ({ wrap, options }) => {
      const jobs = CASES.map(({ name, code, mem }) => {
        const memory = new Uint8Array(Buffer.from(mem, "hex"));
        const calls = [memory.length > 0 ? { memory } : {}];
        return { name, code: wrap(new Uint8Array(Buffer.from(code, "hex"))), options, calls };
      });
      const got = engine
        .run(jobs)
        .map(([{ r0 }], k) => `${CASES[k].name}: 0x${r0.toString(16).padStart(16, "0")}`);
      expect(got).toEqual(CASES.map(({ name, result }) => `${name}: 0x${result}`));
    },
  );
});
