/** Kernels as machine code: how many copies of a step there are, by level and target. */

import { describe, expect, it } from "vitest";
import { LOOPS, type Loop, source } from "../opt/vector-loops.ts";
import { native } from "./native.ts";

const named = (name: string): Loop => LOOPS.find((loop) => loop.name === name)!;

/** Loads and stores of vectors, in their order in the code; the scalar loop's are none. */
const accesses = (name: string, target: "x64" | "arm64", level: 2 | "s"): string =>
  native(source(named(name)), target, level)
    .filter((line) => /^(movdqu|ldr q|str q|ldp q|stp q|st1|ld1)/.test(line))
    .map((line) => (/^(str|stp|st1|movdqu xmmword)/.test(line) ? "store" : "load"))
    .join(" ");

describe("kernels", () => {
  it.each([
    ["r0 += u8", "x64", "s", "load"],
    ["r0 += u8", "arm64", "s", "load"],
    ["if w0 > u32", "x64", "s", "load"],
    ["if w0 > u32", "arm64", "s", "load"],
    // No last elements beside the loop.
    ["sum of u8, in place", "x64", "s", "load load store"],
    ["sum of u8, in place", "arm64", "s", "load load store"],
    ["u32 filled", "arm64", "s", "store"],
    ["r0 += u8", "x64", 2, "load load load load load"],
    ["r0 += u8", "arm64", 2, "load load load"],
  ] as const)("%s on %s at -O%s: %s", (name, target, level, expected) => {
    expect(accesses(name, target, level)).toBe(expected);
  });
});
