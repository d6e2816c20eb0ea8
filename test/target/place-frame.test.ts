/** Frames stand where they are needed: ways that return early save nothing. */

import { describe, expect, it } from "vitest";
import { native } from "./native.ts";

/** Calls f once, which then is no part of the entry. */
const callee = (body: string): string => `call f\nr0 += 1\nexit\nf:\n${body}`;

const CASES: { name: string; source: string; x64: string[]; arm64: string[] }[] = [
  {
    name: "a recursion's last call, with what the others keep",
    source: callee("if r1 == 0 goto out\nr6 = r2\nr1 -= 1\ncall f\nr0 += r6\nexit\nout:\nr0 = 7\nexit"),
    x64: ["test", "je", "push", "mov", "dec", "call", "add", "pop", "ret", "mov", "ret"],
    arm64: ["cbz", "stp", "mov", "sub", "bl", "add", "ldp", "ret", "mov", "ret"],
  },
  {
    name: "the stack, on one of two ways",
    source:
      "r0 = 3\nif r1 == 0 goto out\n*(u64 *)(r10 - 16) = 1\nr2 &= 1\nr2 <<= 3\nr2 += r10\nr0 = *(u64 *)(r2 - 16)\nout:\nexit",
    x64: ["test", "je", "sub", "mov", "and", "mov", "add", "ret", "mov", "ret"],
    arm64: ["cbz", "sub", "mov", "mov", "str", "and", "ldr", "add", "ret", "mov", "ret"],
  },
  {
    name: "not in a loop, but in front of it",
    source: callee(
      "r0 = 0\nif r1 == 0 goto out\nr6 = r1\nr7 = r2\nr8 = 0\nagain:\nr1 = 0\nr2 = r7\ncall f\nr8 += r0\nr8 += 1\nr6 -= 1\nif r6 != 0 goto again\nr0 = r8\nout:\nexit",
    ),
    x64: "test je push push push mov mov xor xor mov call add inc dec jne mov pop pop pop ret xor ret".split(
      " ",
    ),
    arm64: "cbz stp stp mov mov mov mov mov bl add add sub cbnz mov ldp ldp ret mov ret".split(" "),
  },
  {
    name: "a jump to another function on the way without",
    source: callee(
      "if r1 == 0 goto out\nr6 = r2\nr1 -= 1\ncall f\nr0 += r6\nexit\nout:\nr1 = r3\ncall g\nexit\n" +
        "g:\nr0 = r1\nif r1 > 4 goto end\nr1 += 1\ncall g\nr0 += 1\nend:\nexit",
    ),
    x64: "test je push mov dec call add pop ret mov jmp cmp ja push inc call inc pop ret mov ret".split(" "),
    arm64: "cbz stp mov sub bl add ldp ret mov b cmp b.hi str add bl add ldr ret ret".split(" "),
  },
  {
    name: "ways that meet at a short return: each has its own",
    source: callee(
      "r6 = r1\nr0 = r2\nif r1 < 2 goto end\nr1 -= 1\ncall f\nr6 -= 2\nend:\nr0 ^= r6\nr0 *= 3\nexit",
    ),
    x64: "cmp jb push mov dec call add xor lea pop ret xor lea ret".split(" "),
    arm64: "cmp b.lo stp mov sub bl sub eor add ldp ret eor add ret".split(" "),
  },
];

/** Mnemonics, without the entry of those that call f. At -O1 no loop is aligned with zeros that read as instructions. */
const shape = (source: string, target: "x64" | "arm64"): string[] => {
  const lines = native(source, target, 1).map((line) => line.split(" ")[0]);
  const first = source.startsWith("call") ? lines.indexOf("ret") + 1 : 0;
  return lines.slice(first);
};

const isSaved = (line: string): boolean => /^(push|stp|str x30)/.test(line);

describe("place-frame", () => {
  it("not where what follows the check needs a register on every way", () => {
    const source = callee(
      "r6 = r1\ncall g\nif r0 == 0 goto out\nr1 = r6\ncall f\nr0 += r6\nout:\nexit\ng:\nr0 = r1\nif r1 == 0 goto end\nr1 -= 1\ncall g\nr0 += r1\nend:\nexit",
    );
    for (const target of ["x64", "arm64"] as const) {
      const lines = native(source, target, 2);
      expect(isSaved(lines[lines.indexOf("ret") + 1])).toBe(true);
    }
  });
  it("a value that the way without needs behind it, at -Os where the copy costs more", () => {
    const source = callee(
      "r3 = *(u64 *)(r1 + 0)\nr6 = r2\nif r3 == 0 goto out\nr1 = r3\ncall f\nr6 += r0\nout:\nr0 = r6\nexit",
    );
    const first = (level: 2 | "s") => {
      const lines = native(source, "x64", level);
      return lines[lines.indexOf("ret") + 1];
    };
    expect([first(2), first("s")]).toEqual(["mov rdi, qword ptr [rdi]", "push rbx"]);
  });
  it("a fourth argument stays while the frame goes before a jump", () => {
    const source =
      "call f\nr1 = r0\nr2 = 1\nr3 = 2\nr4 = 77\ncall g\nexit\n" +
      "f:\nr0 = *(u64 *)(r1 + 0)\nif r0 == 0 goto o\nr1 = r0\ncall f\nr0 += 1\no:\nexit\n" +
      "g:\nr0 = r4\nr0 ^= r3\nif r1 == 0 goto p\nr1 -= 1\ncall g\nr0 += 7\np:\nexit";
    const lines = native(source, "x64", 2);
    expect(lines.slice(lines.indexOf("mov ecx, 0x4d") + 1, lines.indexOf("jmp …"))).toEqual([
      "mov edx, 2",
      "mov rdi, rax",
      "pop rsi",
    ]);
  });
});

describe.each(["x64", "arm64"] as const)("place-frame on %s", (target) => {
  it.each(CASES)("$name", (row) => expect(shape(row.source, target)).toEqual(row[target]));
});
