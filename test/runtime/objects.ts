/** Containers that tests need and assembly alone cannot express. */

import { compile } from "../../compiler/compile.ts";
import { writeBare } from "../../formats/bare.ts";
import { assemble } from "../../formats/isa/bpf.ts";
import { readContainer } from "../../formats/read.ts";

/** A counter in .data that starts at 100: each run adds one and returns it. */
export function makeCounter(): Uint8Array {
  // The import table's only slot is the data block; helper 3000001 stands in its place while compiling.
  const { container } = compile(assemble("r1 = *(u32 *)(r1 + 0)\nr1 += 1\nr0 = r1\nexit"), {
    raw: true,
    name: "x",
    verify: false,
  });
  const made = readContainer(container, "x");
  // mov rax, [r9]; inc dword [rax]; mov eax, [rax]; ret
  const code = Uint8Array.of(0x49, 0x8b, 0x01, 0xff, 0x00, 0x8b, 0x00, 0xc3);
  return writeBare({
    ...made,
    format: "bare",
    code,
    imports: [{ kind: "data" }],
    data: Uint8Array.of(100),
    dataSize: 8,
    symbols: [],
    debug: undefined,
    programs: [{ ...made.programs[0], name: "", hook: "", offset: 0 }],
  });
}
