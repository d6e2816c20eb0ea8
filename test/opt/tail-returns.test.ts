/** Calls in front of a common return. */

import { describe, expect, it } from "vitest";
import { optimised } from "./listing.ts";

/** A program whose function f calls itself in two places, then goes to one return. */
const program = (before: string): string =>
  `call f\nexit\nf:\n${before}if r1 == 0 goto none\nif r1 == 1 goto one\nr1 -= 2\ncall f\ngoto out\none:\nr1 = r2\ncall f\ngoto out\nnone:\nr0 = 5\nout:\nexit`;

const returns = (source: string): string[] =>
  [...([...optimised(source).values()][1] ?? "").matchAll(/return (\S+)/g)].map(([, what]) => what);

describe("tail-returns", () => {
  it("returns from each of them", () => expect(returns(program(""))).toHaveLength(3));
  it("not where the function has a frame", () =>
    expect(returns(program("r3 = r10\nr3 += -8\n*(u64 *)(r1 + 0) = r3\n"))).toHaveLength(1));
  it("not where it makes other calls", () =>
    expect(returns(program("r6 = r1\nr7 = r2\ncall f\nr1 = r6\nr1 += r0\nr2 = r7\n"))).toHaveLength(1));
});
