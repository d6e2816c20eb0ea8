/** Native code of a program in assembly, one line an instruction, without addresses of branches. */

import { Capstone, Const, loadCapstone } from "capstone-wasm";
import { type CompileOptions, compile } from "../../compiler/compile.ts";
import { assemble } from "../../formats/isa/bpf.ts";
import { readContainer } from "../../formats/read.ts";

await loadCapstone();
const DISASSEMBLERS = {
  x64: new Capstone(Const.CS_ARCH_X86, Const.CS_MODE_64),
  arm64: new Capstone(Const.CS_ARCH_ARM64, Const.CS_MODE_LITTLE_ENDIAN),
};

/** Zeros behind the code. */
const PADDING = "add byte ptr [rax], al";

export function native(
  source: string,
  target: "x64" | "arm64",
  optimize: CompileOptions["optimize"],
  cpu: string[] = [],
): string[] {
  const options = {
    raw: true,
    name: "test",
    ctx: "args",
    format: "bare",
    verify: false,
    check: true,
  } as const;
  const { container } = compile(assemble(source), { ...options, target, optimize, cpu });
  const { code } = readContainer(container, "test");
  return DISASSEMBLERS[target]
    .disasm(code, { address: 0 })
    .map(({ mnemonic, opStr }) => `${mnemonic} ${opStr}`.trim())
    .map((line) => line.replace(/^(j\w+|b|b\.\w+|(?:cb|tb)\w+ .*?,) #?(0x\w+|\d+)$/, "$1 …"))
    .filter((line) => line !== PADDING);
}
