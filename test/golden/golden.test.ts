/**
 * Golden files: assembly in, IR and machine code out. `npx vitest run test/golden -u` writes them anew; the diff is
 * what gets reviewed.
 */

import { readdirSync, readFileSync } from "node:fs";
import { Const, Capstone, loadCapstone } from "capstone-wasm";
import { beforeAll, describe, expect, it } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { assemble } from "../../formats/isa/bpf.ts";
import { readContainer } from "../../formats/read.ts";

const HERE = new URL("./", import.meta.url);
const CASES = readdirSync(HERE).filter((file) => file.endsWith(".bpf"));
let disassemblers: Record<"x64" | "arm64", Capstone>;

beforeAll(async () => {
  await loadCapstone();
  disassemblers = {
    x64: new Capstone(Const.CS_ARCH_X86, Const.CS_MODE_64),
    arm64: new Capstone(Const.CS_ARCH_ARM64, Const.CS_MODE_LITTLE_ENDIAN),
  };
});

function listing(source: string, target: "x64" | "arm64", optimize: 2 | "s"): { ir: string; code: string } {
  let ir = "";
  const { container } = compile(assemble(source), {
    ...{ raw: true, name: "golden", ctx: "args", format: "bare", target, optimize, check: true, verify: false },
    onPass: (_, fn, text) => {
      if (fn.index === 0) ir = text();
    },
  });
  const { code } = readContainer(container, "golden");
  const lines = disassemblers[target].disasm(code, { address: 0 });
  return { ir, code: lines.map(({ mnemonic, opStr }) => `  ${mnemonic} ${opStr}`.trimEnd()).join("\n") };
}

describe("golden files", () => {
  it("exist", () => expect(CASES.length).toBeGreaterThan(5));

  it.each(CASES)("%s", async (file) => {
    const source = readFileSync(new URL(file, HERE), "utf8");
    const x64 = listing(source, "x64", 2);
    const arm64 = listing(source, "arm64", 2);
    const text = `${source.trimEnd()}\n\n; IR\n${x64.ir}\n; x64\n${x64.code}\n\n; arm64\n${arm64.code}\n`;
    await expect(text).toMatchFileSnapshot(new URL(file.replace(".bpf", ".expected"), HERE).pathname);
  });
});
