/** The published conformance programs for RFC 9669, where they are at hand, decode and link. */

import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { linkRaw } from "../../compiler/link.ts";
import { assemble, decode, encode, print } from "../../formats/isa/bpf.ts";

const FILE = new URL("../../../shared/conformance.json", import.meta.url);

test.skipIf(!existsSync(FILE))(
  "conformance programs link, and print as text that assembles to the same bytes",
  () => {
    const { tests } = JSON.parse(readFileSync(FILE, "utf8")) as { tests: { name: string; code: string }[] };
    expect(tests.length).toBeGreaterThan(100);
    for (const { name, code } of tests) {
      const bytes = new Uint8Array(Buffer.from(code, "hex"));
      expect(linkRaw(bytes, name).functions.length, name).toBeGreaterThan(0);
      const insns = decode(bytes, name);
      const text = insns.map((insn) => print(insn)).join("\n");
      expect(assemble(text), name).toEqual(encode(insns));
    }
  },
);
