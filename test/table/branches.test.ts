/** Branch layout: the shortest form that reaches, on both sides of each form's range. */

import { Capstone, Const, loadCapstone } from "capstone-wasm";
import { beforeAll, describe, expect, it } from "vitest";
import { arm64Branches, CBZ_X } from "../../compiler/target/arm64/branches.ts";
import { type Branch, type BranchForms, layoutBranches, PAD } from "../../compiler/target/branches.ts";
import { ALWAYS, x64Branches } from "../../compiler/target/x64/branches.ts";

let x64: Capstone;
let arm64: Capstone;
beforeAll(async () => {
  await loadCapstone();
  x64 = new Capstone(Const.CS_ARCH_X86, Const.CS_MODE_64);
  arm64 = new Capstone(Const.CS_ARCH_ARM64, Const.CS_MODE_LITTLE_ENDIAN);
});

/** A branch over `gap` bytes, forwards from block 0 to block 2 or backwards from block 1 to block 0. */
function laidOut(forms: BranchForms, condition: number, gap: number, backwards: boolean) {
  const branch: Branch = backwards
    ? { at: gap, block: 1, target: 0, condition, register: 3, joined: 0 }
    : { at: 0, block: 0, target: 2, condition, register: 3, joined: 0 };
  const { bytes } = layoutBranches(new Uint8Array(gap), [0, 0, gap], [branch], forms);
  return backwards ? bytes.subarray(gap) : bytes.subarray(0, bytes.length - gap);
}

const text = (cs: Capstone, bytes: Uint8Array, address: number) =>
  cs.disasm(bytes, { address }).map(({ mnemonic, opStr }) => `${mnemonic} ${opStr}`);

describe("x86-64", () => {
  it.each([
    [4, 127, false, ["je 0x81"]],
    [4, 128, false, ["je 0x86"]],
    [4, 126, true, ["je 0"]],
    [4, 127, true, ["je 0"]],
    [ALWAYS, 127, false, ["jmp 0x81"]],
    [ALWAYS, 128, false, ["jmp 0x85"]],
  ] as const)("condition %i over %i bytes, backwards: %s", (condition, gap, backwards, expected) => {
    const bytes = laidOut(x64Branches, condition, gap, backwards);
    expect(text(x64, bytes, backwards ? gap : 0)).toEqual([...expected]);
    const short = backwards ? gap + 2 <= 128 : gap <= 127;
    expect(bytes.length).toBe(short ? 2 : condition === ALWAYS ? 5 : 6);
  });
});

describe("AArch64", () => {
  const FAR = 2 ** 20;
  it.each([
    [0, FAR - 12, false, ["b.eq #0xffff8"]],
    [0, FAR, false, ["b.ne #8", "b #0x100008"]],
    [CBZ_X, FAR, false, ["cbnz x3, #8", "b #0x100008"]],
    [CBZ_X + 1, FAR + 64, true, ["cbz x3, #0x100048", "b #0"]],
    [ALWAYS, 16 * FAR, false, ["b #0x1000004"]],
  ] as const)("condition %i over %i bytes, backwards: %s", (condition, gap, backwards, expected) => {
    const bytes = laidOut(arm64Branches, condition, gap, backwards);
    expect(text(arm64, bytes, backwards ? gap : 0)).toEqual([...expected]);
  });
});

describe("x86-64 where bytes count", () => {
  /** Branches over 100 bytes each, all to the end, the last of them over `last` bytes. */
  const chain = (conditions: number[], last: number, small: boolean): string[] => {
    const branches = conditions.map((condition, k) => ({
      at: 100 * k,
      block: k,
      target: 9,
      condition,
      register: 0,
      joined: 0,
    }));
    const end = 100 * (conditions.length - 1) + last;
    const starts = Array.from({ length: 10 }, (_, b) => (b < conditions.length ? 100 * b : end));
    const code = new Uint8Array(end).fill(0x90);
    const { bytes } = layoutBranches(code, starts, branches, x64Branches, small);
    return text(x64, bytes, 0).filter((line) => !line.startsWith("nop"));
  };
  it.each([
    ["a branch goes by one of the same condition", [4, 4], true, ["je 0x66", "je 0xcc"]],
    ["or by a jump", [4, ALWAYS], true, ["je 0x66", "jmp 0xcc"]],
    ["several in a row", [4, 4, 4], true, ["je 0x66", "je 0xcc", "je 0x132"]],
    ["not by one of another condition", [4, 5], true, ["je 0xd0", "jne 0xd0"]],
    ["a jump not by a condition", [ALWAYS, 4], true, ["jmp 0xcf", "je 0xcf"]],
    ["not otherwise", [4, 4], false, ["je 0xd0", "je 0xd0"]],
  ] as const)("%s", (_, conditions, small, expected) => {
    expect(chain([...conditions], 100, small)).toEqual([...expected]);
  });
  it("a long one is long where it is", () =>
    expect(chain([4, 4], 200, true)).toEqual(["je 0x66", "je 0x134"]));
});

describe("loops in windows of 32 bytes", () => {
  /** Nops in front of a loop of `length` bytes at `at`, whose last bytes are a comparison of three and its branch. */
  const nops = (at: number, length: number): number => {
    const branches: Branch[] = [
      { at, block: 0, target: 32, condition: PAD, register: 2, joined: 0 },
      { at: at + length - 2, block: 1, target: 1, condition: 5, register: 0, joined: 3 },
    ];
    const code = new Uint8Array(at + length - 2 + 1).fill(0xc3);
    return layoutBranches(code, [0, at, at + length - 2], branches, x64Branches).moved(at) - at;
  };
  it.each([
    ["one window is enough", 4, 20, 0],
    ["not across two", 20, 20, 12],
    ["two as they come", 4, 50, 0],
    ["a comparison and its branch in one of them", 4, 30, 28],
    ["two in place of three", 7, 60, 25],
    ["a long loop stays", 20, 200, 0],
  ] as const)("%s", (_, at, length, expected) => {
    expect(nops(at, length)).toBe(expected);
  });
});
