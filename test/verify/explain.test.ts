/** Refusals as text and data: the source line with a mark below, calls and branches in order, repeats counted. */

import { describe, expect, test } from "vitest";
import { verify } from "../../compiler/verification.ts";
import { assemble } from "../../formats/isa/bpf.ts";
import { bpfObject } from "../compile/agree.ts";
import { scratchFile, skip } from "../device-tools.ts";

/** What is said of raw bytecode, without the first line. */
function told(text: string, ctx = "args"): string[] {
  const [{ text: said }] = verify(assemble(text), { raw: true, name: "dir/test.bin", ctx });
  return said?.split("\n") ?? [];
}

describe("without line information", () => {
  test("the place in the file, the instruction, the way", () => {
    expect(told("if r1 == 0 goto +1\nr0 = *(u8 *)(r1 + 0x0)\nr0 = 0\nexit")).toEqual([
      "dir/test.bin+0x8: error: r1: expected a pointer to memory, got a number (not 0) [not-a-pointer]",
      "  in main, instruction 1: w0 = *(u8 *)(r1 + 0x0)",
      "  on the path:",
      "    main+0: if r1 == 0x0 goto 2: not taken",
      "  hint: a number is no address; what r1 … r5 are is said by the section's name, or by --ctx",
    ]);
  });

  test("a branch that repeats is told once", () => {
    const text =
      "r0 = 0\na:\nr0 += 1\nr3 = r1\nr3 &= 7\nif r0 == 12 goto out\nif r3 != 0 goto a\nr0 = 0\nexit\nout:\nr0 = *(u8 *)(r1 + 0x0)\nexit";
    expect(told(text).filter((line) => line.startsWith("    "))).toEqual([
      "    main+5: if r3 != 0x0 goto 1: taken, 11 times",
    ]);
  });

  test("the last six steps are told, and how many there are before", () => {
    const branch = (k: number) => `r2 = r1\nr2 &= ${1 << k}\nif r2 == 0 goto out\n`;
    const lines = told(
      `r0 = 0\n${Array.from({ length: 9 }, (_, k) => branch(k)).join("")}r0 = *(u8 *)(r0 + 0x0)\nout:\nexit`,
    );
    expect(lines).toContain("  on the path (3 steps before):");
    expect(
      lines.filter((line) => line.startsWith("    ")).map((line) => /main\+(\d+)/.exec(line)?.[1]),
    ).toEqual([12, 15, 18, 21, 24, 27].map(String));
  });

  test("calls stand where they were made", () => {
    const text = `
      if r1 == 0 goto end
      call f
    end:
      r0 = 0
      exit
    f:
      if r1 == 1 goto back
      call g
    back:
      r0 = 0
      exit
    g:
      if r1 == 2 goto gone
      r0 = *(u8 *)(r1 + 0x0)
    gone:
      r0 = 0
      exit`;
    const steps = told(text).filter((line) => line.startsWith("    "));
    expect(steps.map((line) => line.replace(/^ +\S+ /, ""))).toEqual([
      "if r1 == 0x0 goto 2: not taken",
      expect.stringMatching(/^calls /),
      "if r1 == 0x1 goto 2: not taken",
      expect.stringMatching(/^calls /),
      "if r1 == 0x2 goto 2: not taken",
    ]);
  });
});

const SOURCE = `struct xdp_md { unsigned data, data_end, data_meta, a, b, c; };
__attribute__((section("xdp"), used)) int parse(struct xdp_md *ctx)
{
	unsigned char *data = (void *)(long)ctx->data;
	unsigned char *end = (void *)(long)ctx->data_end;
	if (data + 9 > end)
		return 1;
	return data[9] & 3;
}
`;

describe.skipIf(skip("clang-19"))("with line information", () => {
  const explained = () => {
    const object = bpfObject("clang-19", scratchFile("prog.c", SOURCE), ["-O2"]);
    return verify(object, { name: "prog.o" })[0];
  };

  test("the source line, a mark below, the branches as they were written", () => {
    const lines = explained().text!.split("\n");
    expect(lines[0]).toMatch(/prog\.c:8:9: error: r\d: expected .*, got .* \[packet-bounds\]$/);
    expect(lines).toContain(" >  8 |     return data[9] & 3;");
    expect(lines[lines.indexOf(" >  8 |     return data[9] & 3;") + 1]).toBe("      |            ^");
    expect(lines).toContain("    6 |     if (data + 9 > end)");
    expect(lines.at(-2)).toMatch(/prog\.c:6: if r\d > r\d goto \d+: not taken {3}if \(data \+ 9 > end\)$/);
    expect(lines.at(-1)).toBe("  hint: compare the pointer with data_end first");
  });

  test("the same as data", () => {
    const { explanation, verdict } = explained();
    expect(verdict.ok).toBe(false);
    expect(explanation).toMatchObject({
      ...{ program: "parse", rule: "packet-bounds", omitted: 0 },
      spot: { function: "parse", line: 8, column: 9, source: "\treturn data[9] & 3;" },
      path: [{ line: 6, taken: false, times: 1, calls: undefined }],
    });
  });
});
