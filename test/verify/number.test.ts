/** Abstract numbers: nothing that instructions compute or branches allow may fall out of them, and they stay tight. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  constant,
  contains,
  equal,
  format,
  fromSigned,
  fromUnsigned,
  includes,
  isConstant,
  join,
  meet,
  type Num,
  UNKNOWN,
  UNKNOWN32,
  widen,
} from "../../compiler/verify/number.ts";
import { alu, byteOrder, extendSign, truncate } from "../../compiler/verify/number-alu.ts";
import { refine } from "../../compiler/verify/number-compare.ts";
import { ALU, COMPARE, compare, alu as concrete, signed, unsigned } from "../run/model.ts";

const OPS = Object.keys(ALU);
const CONDITIONS = Object.keys(COMPARE);
const WIDTHS = [32, 64] as const;

const hex = (x: bigint): string => `0x${unsigned(64, x).toString(16)}`;

/** Fails with what is needed to reproduce it; cheaper than expect in millions of checks. */
function must(ok: boolean, what: () => string): void {
  if (!ok) throw new Error(what());
}

const holds = (result: Num, x: bigint, what: () => string): void =>
  must(contains(result, x), () => `${what()} = ${hex(x)} is not in ${format(result)}`);

/** A set of concrete values and the Num that stands for them. */
interface Sample {
  num: Num;
  values: bigint[];
}

const ofValues = (values: bigint[]): Sample => ({ num: values.map(constant).reduce(join), values });

// Values next to every edge of the five parts.
const EDGES = [
  ...[0n, 1n, 5n, 0x7fn, 0x80n, 0xffn, 0x7fffn, 0xffffn],
  ...[
    0x7ffffffen,
    0x7fffffffn,
    0x80000000n,
    0x80000001n,
    0xfffffffen,
    0xffffffffn,
    0x100000000n,
    0x100000001n,
  ],
  ...[0x17fffffffn, 0x180000000n, 0x7fffffff00000000n, 0x7fffffff80000000n, 0x7ffffffffffffffen],
  ...[
    0x7fffffffffffffffn,
    0x8000000000000000n,
    0x8000000000000001n,
    0x80000000ffffffffn,
    0xfffffffeffffffffn,
  ],
  ...[
    0xffffffff00000000n,
    0xffffffff7fffffffn,
    0xffffffff80000000n,
    0xfffffffffffffffbn,
    0xffffffffffffffffn,
  ],
];

/** All ranges between two edges, unsigned and signed, each with some of its values. */
const RANGES: Sample[] = EDGES.flatMap((from) =>
  EDGES.flatMap((to) => {
    const inside = (num: Num): Sample => ({ num, values: EDGES.filter((x) => contains(num, x)) });
    const found: Sample[] = [];
    if (from <= to) found.push(inside(fromUnsigned(from, to)));
    const [s, t] = [signed(64, from), signed(64, to)];
    if (s < 0n && t >= 0n) found.push(inside(fromSigned(s, t)));
    return found;
  }),
);

/** Every tnum of three bits at `place`, alone, sign-extended and below ones, with all its values. */
const TNUMS: Sample[] = [0n, 30n, 31n, 61n].flatMap((place) =>
  Array.from({ length: 27 }, (_, index) => {
    const trits = [index % 3, Math.floor(index / 3) % 3, Math.floor(index / 9)];
    let values = [0n];
    trits.forEach((trit, bit) => {
      const one = 1n << (BigInt(bit) + place);
      values = values.flatMap((v) => (trit === 0 ? [v] : trit === 1 ? [v | one] : [v, v | one]));
    });
    return ofValues(values);
  }),
);

const SMALL: Sample[] = [
  ...[
    0n,
    1n,
    2n,
    3n,
    4n,
    31n,
    32n,
    33n,
    63n,
    64n,
    0x100000000n,
    -1n,
    -2n,
    -0x80000000n,
    -0x8000000000000000n,
  ],
].map((x) => ofValues([unsigned(64, x)]));
const SOME_RANGES = RANGES.filter((_, index) => index % 13 === 0);
const RIGHT: Sample[] = [
  ...SMALL,
  ...TNUMS.filter((_, index) => index % 7 === 0),
  ...SOME_RANGES.filter((_, index) => index % 3 === 0),
  ofValues([0n, 1n, 2n, 3n]),
  ofValues([30n, 31n, 32n]),
  { num: fromSigned(-3n, 3n), values: [-3n, -2n, -1n, 0n, 1n, 3n].map((x) => unsigned(64, x)) },
];

describe.each(WIDTHS)("%i bits", (width) => {
  test.each(OPS)("%s holds every result of edges, ranges and known bits", (op) => {
    for (const a of [...SOME_RANGES, ...TNUMS, ...SMALL])
      for (const b of RIGHT) {
        const result = alu(op, width, a.num, b.num);
        for (const x of a.values)
          for (const y of b.values)
            holds(result, concrete(op, x, y, width), () => `${op}${width} ${hex(x)} ${hex(y)}`);
      }
  });

  test.each(CONDITIONS)("%s keeps every pair of edges, ranges and known bits on its way", (cond) => {
    for (const a of [...SOME_RANGES, ...TNUMS, ...SMALL])
      for (const b of RIGHT) {
        const { yes, no } = refine(cond, width, a.num, b.num);
        for (const x of a.values)
          for (const y of b.values) {
            const way = compare(cond, x, y, width) === 1n ? yes : no;
            const what = () => `${hex(x)} ${cond}${width} ${hex(y)}`;
            must(way !== undefined, () => `${what()} is not impossible`);
            holds(way![0], x, what);
            holds(way![1], y, what);
          }
      }
  });
});

const u64 = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.constantFrom(...EDGES),
  fc
    .tuple(fc.constantFrom(...EDGES), fc.bigInt({ min: -9n, max: 9n }))
    .map(([x, by]) => unsigned(64, x + by)),
  fc.tuple(fc.bigInt({ min: 0n, max: 255n }), fc.nat(63)).map(([x, by]) => unsigned(64, x << BigInt(by))),
);

/** Concrete values with a Num of them: joined, and sometimes narrowed by what a branch on one of them teaches. */
const sample: fc.Arbitrary<Sample> = fc
  .tuple(fc.array(u64, { minLength: 1, maxLength: 5 }), u64, fc.constantFrom(...CONDITIONS), fc.boolean())
  .map(([values, bound, cond, wide]) => {
    const { num } = ofValues(values);
    const width = wide ? 64 : 32;
    const taken = values.filter((x) => compare(cond, x, bound, width) === 1n);
    const yes = refine(cond, width, values.length > 2 ? UNKNOWN : num, constant(bound)).yes;
    return taken.length > 0 && yes !== undefined ? { num: yes[0], values: taken } : { num, values };
  });

/** The parts tell no two stories: bits lie in `value` or `mask`, each range has an order, and a constant is one value. */
function wellFormed(a: Num): boolean {
  const ordered = a.umin <= a.umax && a.smin <= a.smax && a.u32min <= a.u32max && a.s32min <= a.s32max;
  const inRange = a.umin >= 0n && a.umax < 2n ** 64n && a.smin >= -(2n ** 63n) && a.smax < 2n ** 63n;
  return ordered && inRange && (a.value & a.mask) === 0n && (a.mask === 0n) === (a.umin === a.umax);
}

const RUNS = { numRuns: 3000 };
const check2 = (law: (a: Sample, b: Sample) => void) => fc.assert(fc.property(sample, sample, law), RUNS);

describe.each(WIDTHS)("random samples, %i bits", (width) => {
  test.each(OPS)("%s", (op) => {
    check2((a, b) => {
      const result = alu(op, width, a.num, b.num);
      must(wellFormed(result), () => `${op} ${format(a.num)}, ${format(b.num)}`);
      if (width === 32) must(result.umax < 2n ** 32n, () => "not zero-extended");
      for (const x of a.values)
        for (const y of b.values) holds(result, concrete(op, x, y, width), () => `${op} ${hex(x)} ${hex(y)}`);
    });
  });

  test.each(CONDITIONS)("%s", (cond) => {
    check2((a, b) => {
      const { yes, no } = refine(cond, width, a.num, b.num);
      for (const way of [yes, no]) {
        if (way === undefined) continue;
        const tighter =
          wellFormed(way[0]) && wellFormed(way[1]) && includes(a.num, way[0]) && includes(b.num, way[1]);
        must(
          tighter,
          () => `${format(a.num)} ${cond} ${format(b.num)}: ${format(way[0])}, ${format(way[1])}`,
        );
      }
      for (const x of a.values)
        for (const y of b.values) {
          const way = compare(cond, x, y, width) === 1n ? yes : no;
          must(way !== undefined, () => `${hex(x)} ${cond} ${hex(y)} is not impossible`);
          holds(way![0], x, () => cond);
          holds(way![1], y, () => cond);
        }
    });
  });
});

test("neg is 0 - x", () => {
  check2((a, b) => {
    for (const width of WIDTHS)
      for (const x of a.values)
        holds(alu("neg", width, a.num, b.num), concrete("sub", 0n, x, width), () => `neg${width} ${hex(x)}`);
  });
});

const swap = (x: bigint, bits: number): bigint => {
  const bytes = unsigned(bits, x)
    .toString(16)
    .padStart(bits / 4, "0")
    .match(/../g)!;
  return BigInt(`0x${bytes.reverse().join("")}`);
};

test("conversions of every size", () => {
  check2((a) => {
    for (const x of a.values) {
      for (const bytes of [1, 2, 4] as const) {
        holds(truncate(a.num, bytes), unsigned(8 * bytes, x), () => `truncate ${bytes} ${hex(x)}`);
        for (const width of WIDTHS) {
          const extended = unsigned(width, signed(8 * bytes, x));
          holds(extendSign(a.num, bytes, width), extended, () => `movsx${width}.${bytes} ${hex(x)}`);
        }
      }
      for (const bits of [16, 32, 64] as const) {
        holds(byteOrder("le", bits, a.num), unsigned(bits, x), () => `le${bits} ${hex(x)}`);
        for (const op of ["be", "bswap"] as const)
          holds(byteOrder(op, bits, a.num), swap(x, bits), () => `${op}${bits} ${hex(x)}`);
      }
    }
  });
});

describe("the lattice", () => {
  test("join includes both, commutes, and adds nothing to what is included", () => {
    check2((a, b) => {
      const both = join(a.num, b.num);
      must(wellFormed(both) && includes(both, a.num) && includes(both, b.num), () => format(both));
      must(equal(both, join(b.num, a.num)), () => "does not commute");
      must(equal(join(both, a.num), both), () => "not idempotent");
    });
  });

  test("meet keeps what is in both, and is in both", () => {
    check2((a, b) => {
      const shared = meet(a.num, b.num);
      for (const x of [...a.values, ...b.values])
        if (contains(a.num, x) && contains(b.num, x)) holds(shared!, x, () => "meet");
      if (shared) must(includes(a.num, shared) && includes(b.num, shared), () => format(shared));
    });
  });

  test("what includes, contains", () => {
    check2((a, b) => {
      must(includes(a.num, a.num) && equal(a.num, a.num) && includes(UNKNOWN, a.num), () => format(a.num));
      if (includes(a.num, b.num)) for (const x of b.values) holds(a.num, x, () => "included");
      else must(!equal(a.num, b.num), () => "equal, but not included");
    });
  });

  test("widening includes both and ends within 20 steps", () => {
    fc.assert(
      fc.property(fc.array(sample, { minLength: 30, maxLength: 60 }), (steps) => {
        let at = steps[0].num;
        let grown = 0;
        for (const { num } of steps.slice(1)) {
          const next = widen(at, num);
          must(includes(next, at) && includes(next, num) && wellFormed(next), () => format(next));
          if (!equal(next, at)) grown++;
          at = next;
        }
        must(grown < 20, () => `${grown} steps`);
      }),
    );
  });

  // As bad as it gets: each step adds the least that is not included yet, on one side or the other.
  test.each([
    [[1n]],
    [[-1n]],
    [[1n, -1n]],
    [[4n]],
    [[0x100000000n]],
    [[1n, -1n, 0x100000000n, -0x100000000n]],
  ])("a counter that steps by %s is widened within 20 steps", (strides) => {
    for (const start of [0n, 5n, -7n, 0x7ffffff0n, 0x100000000n]) {
      let at = constant(start);
      let steps = 0;
      for (let again = true; again; steps++) {
        again = false;
        for (const stride of strides) {
          const next = widen(at, join(at, alu("add", 64, at, constant(stride))));
          again ||= !equal(next, at);
          at = next;
        }
        must(steps < 20, () => `from ${start}: still ${format(at)}`);
      }
    }
  });
});

const ANY = UNKNOWN;
const c = constant;
const u = fromUnsigned;
const s = fromSigned;
const op = (name: string, a: Num, b: Num | bigint, width: 32 | 64 = 64): Num =>
  alu(name, width, a, typeof b === "bigint" ? c(b) : b);
const when = (a: Num, cond: string, b: Num | bigint, width: 32 | 64 = 64) =>
  refine(cond, width, a, typeof b === "bigint" ? c(b) : b);
const yes = (...args: Parameters<typeof when>): Num => when(...args).yes![0];
const no = (...args: Parameters<typeof when>): Num => when(...args).no![0];
const MIN = -(2n ** 63n);
const MAX = 2n ** 64n - 1n;
const MULTIPLE_OF_4 = op("and", u(0n, 100n), -4n);
/** Only the low half is known to be -4 … 9. */
const LOW = yes(yes(ANY, "jslt", 10n, 32), "jsgt", -5n, 32);
const LOW_UNSIGNED = yes(ANY, "jlt", 10n, 32);

describe("precision", () => {
  test.each<[what: string, result: Num, expected: string]>([
    ["any & 0xff", op("and", ANY, 0xffn), "0 … 255"],
    ["any & 0x5c", op("and", ANY, 0x5cn), "0 … 92 (only bits of 0x5c)"],
    ["any & 1000", op("and", ANY, 1000n), "0 … 1000 (only bits of 0x3e8)"],
    ["any & -8", op("and", ANY, -8n), "0 … 0xfffffffffffffff8 (multiple of 8)"],
    ["any & 0xfffc", op("and", ANY, 0xfffcn), "0 … 0xfffc (multiple of 4)"],
    ["0…1501 & -4", op("and", u(0n, 1501n), -4n), "0 … 1500 (multiple of 4)"],
    ["-8…7 & -3…2", op("and", s(-8n, 7n), s(-3n, 2n)), "-8 … 7"],
    ["0…4 | 8", op("or", u(0n, 4n), 8n), "8 … 12"],
    ["5…6 | 0…1", op("or", u(5n, 6n), u(0n, 1n)), "5 … 7"],
    ["-4 … -3 | 0…1", op("or", s(-4n, -3n), u(0n, 1n)), "-4 … -3"],
    [
      "2^40 + 5…6 | 0…1",
      op("or", u((1n << 40n) + 5n, (1n << 40n) + 6n), u(0n, 1n)),
      "0x10000000005 … 0x10000000007",
    ],
    ["0…100 | 0…20", op("or", u(0n, 100n), u(0n, 20n)), "0 … 120"],
    ["0…7 ^ 0xff", op("xor", u(0n, 7n), 0xffn), "248 … 255"],
    ["~(-8…7)", op("xor", s(-8n, 7n), -1n), "-8 … 7"],
    ["0…100 + 5", op("add", u(0n, 100n), 5n), "5 … 105"],
    ["-8…7 + 8", op("add", s(-8n, 7n), 8n), "0 … 15"],
    ["any + 1", op("add", ANY, 1n), "any number"],
    ["any32 + 1", op("add", UNKNOWN32, 1n), "1 … 0x100000000"],
    ["any + 1, 32 bits", op("add", ANY, 1n, 32), "0 … 0xffffffff"],
    ["both overflow", op("add", u(MAX - 4n, MAX), 10n), "5 … 9"],
    ["0…100 - 0…50", op("sub", u(0n, 100n), u(0n, 50n)), "-50 … 100"],
    ["0…100 - 0…50, 32 bits", op("sub", u(0n, 100n), u(0n, 50n), 32), "-50 … 100 in 32 bits"],
    ["multiple of 4 + 2", op("add", MULTIPLE_OF_4, 2n), "2 … 102 (bits 0x3 are 0x2)"],
    ["-(1…5)", op("neg", u(1n, 5n), ANY), "-5 … -1"],
    ["0…255 * 14", op("mul", u(0n, 255n), 14n), "0 … 3570 (multiple of 2)"],
    ["-3…5 * -7", op("mul", s(-3n, 5n), -7n), "-35 … 21"],
    ["any * 24", op("mul", ANY, 24n), "0 … 0xfffffffffffffff8 (multiple of 8)"],
    ["0…3 * 2^62, only 32 bits kept", op("mul", u(0n, 3n), 1n << 62n, 32), "0"],
    ["any / 10", op("div", ANY, 10n), "0 … 0x1999999999999999"],
    ["9…1500 / 3…7", op("div", u(9n, 1500n), u(3n, 7n)), "1 … 500"],
    ["5…1500 / any", op("div", u(5n, 1500n), ANY), "0 … 1500"],
    ["any / 0", op("div", ANY, 0n), "0"],
    ["any % 10", op("mod", ANY, 10n), "0 … 9"],
    ["any % 16", op("mod", ANY, 16n), "0 … 15"],
    ["0…50 % any", op("mod", u(0n, 50n), ANY), "0 … 50"],
    ["33…38 % 32", op("mod", u(33n, 38n), 32n), "1 … 6"],
    ["5…9 % 0", op("mod", u(5n, 9n), 0n), "5 … 9"],
    ["5…9 % 10…20", op("mod", u(5n, 9n), u(10n, 20n)), "5 … 9"],
    ["multiple of 4 % 12", op("mod", MULTIPLE_OF_4, 12n), "0 … 8 (multiple of 4)"],
    ["-100…50 s/ 7", op("sdiv", s(-100n, 50n), 7n), "-14 … 7"],
    ["any s% 10", op("smod", ANY, 10n), "-9 … 9"],
    ["0…5 s% -7", op("smod", u(0n, 5n), -7n), "0 … 5"],
    ["-5…90 s% -7…7", op("smod", s(-5n, 90n), s(-7n, 7n)), "-5 … 90"],
    ["any << 3", op("lsh", ANY, 3n), "0 … 0xfffffffffffffff8 (multiple of 8)"],
    ["1…100 << 0…3", op("lsh", u(1n, 100n), u(0n, 3n)), "1 … 800"],
    ["any >> 56", op("rsh", ANY, 56n), "0 … 255"],
    ["16…1000 >> 0…4", op("rsh", u(16n, 1000n), u(0n, 4n)), "1 … 1000"],
    ["any s>> 60", op("arsh", ANY, 60n), "-8 … 7"],
    ["any s>> 28, 32 bits", op("arsh", ANY, 28n, 32), "-8 … 7 in 32 bits"],
    ["any & 0x5c, 32 bits", op("and", ANY, 0x5cn, 32), "0 … 92 (only bits of 0x5c)"],
    ["any & -8, 32 bits", op("and", ANY, -8n, 32), "0 … 0xfffffff8 (multiple of 8)"],
    ["-8…7 & -3…2, 32 bits", op("and", s(-8n, 7n), s(-3n, 2n), 32), "-8 … 7 in 32 bits"],
    ["-8…7 | -3…2, 32 bits", op("or", s(-8n, 7n), s(-3n, 2n), 32), "-8 … 7 in 32 bits"],
    ["any | 1, 32 bits", op("or", ANY, 1n, 32), "1 … 0xffffffff (bits 0x1 are 0x1)"],
    ["multiple of 4 - 8, 32 bits", op("sub", MULTIPLE_OF_4, 8n, 32), "-8 … 92 in 32 bits (multiple of 4)"],
    ["any * 24, 32 bits", op("mul", ANY, 24n, 32), "0 … 0xfffffff8 (multiple of 8)"],
    ["-3…5 * -7, 32 bits", op("mul", s(-3n, 5n), -7n, 32), "-35 … 21 in 32 bits"],
    ["any % 10, 32 bits", op("mod", ANY, 10n, 32), "0 … 9"],
    ["any s% 10, 32 bits", op("smod", ANY, 10n, 32), "-9 … 9 in 32 bits"],
    ["-5…90 s% 7, 32 bits", op("smod", s(-5n, 90n), 7n, 32), "-5 … 6 in 32 bits"],
    ["-5…5 s% -7, 32 bits", op("smod", s(-5n, 5n), -7n, 32), "-5 … 5 in 32 bits"],
    ["-100…50 s/ 7, 32 bits", op("sdiv", s(-100n, 50n), 7n, 32), "-14 … 7 in 32 bits"],
    ["-9…5 << 0…3, 32 bits", op("lsh", s(-9n, 5n), u(0n, 3n), 32), "-72 … 40 in 32 bits"],
    ["-9…5 << 0…3", op("lsh", s(-9n, 5n), u(0n, 3n)), "-72 … 40"],
    ["-9…90 s>> 1…3", op("arsh", s(-9n, 90n), u(1n, 3n)), "-5 … 45"],
    ["<< 32 of a low half", op("lsh", LOW_UNSIGNED, 32n), "0 … 0x900000000 (multiple of 0x100000000)"],
    ["<< 32 >> 32", op("rsh", op("lsh", LOW_UNSIGNED, 32n), 32n), "0 … 9"],
    ["<< 32 s>> 32", op("arsh", op("lsh", LOW, 32n), 32n), "-4 … 9"],
    ["mov32", op("mov", ANY, LOW, 32), "-4 … 9 in 32 bits"],
    ["mov32, << 32, s>> 32", op("arsh", op("lsh", op("mov", ANY, LOW, 32), 32n), 32n), "-4 … 9"],
    ["movsx64.32", extendSign(LOW, 4, 64), "-4 … 9"],
    ["movsx64.8 of any", extendSign(ANY, 1, 64), "-128 … 127"],
    ["movsx32.8 of any", extendSign(ANY, 1, 32), "-128 … 127 in 32 bits"],
    ["movsx64.8 of 200…210", extendSign(u(200n, 210n), 1, 64), "-56 … -46"],
    ["movsx64.16 of -3…3", extendSign(s(-3n, 3n), 2, 64), "-3 … 3"],
    ["byte of 300…310", truncate(u(300n, 310n), 1), "44 … 54"],
    ["half of any", truncate(ANY, 2), "0 … 0xffff"],
    ["word of -4…9", truncate(LOW, 4), "-4 … 9 in 32 bits"],
    ["be16 of any", byteOrder("be", 16, ANY), "0 … 0xffff"],
    ["be16 of a byte", byteOrder("be", 16, u(0n, 255n)), "0 … 0xff00 (multiple of 256)"],
    ["le32 of any", byteOrder("le", 32, ANY), "0 … 0xffffffff"],
    ["0…10 or 20", join(u(0n, 10n), c(20n)), "0 … 20"],
    ["-1 or 1", join(c(-1n), c(1n)), "-1 … 1 (bits 0x1 are 0x1)"],
    ["-5…5 and 3…100", meet(s(-5n, 5n), u(3n, 100n))!, "3 … 5"],
    ["0 widened by 1", widen(c(0n), c(1n)), "0 … 1"],
    ["0…1 widened by 2", widen(u(0n, 1n), c(2n)), "0 … 16"],
    ["0 widened by 8", widen(c(0n), c(8n)), "0 … 16 (multiple of 8)"],
    ["5 widened by 4", widen(c(5n), c(4n)), "1 … 5"],
    ["0…5 widened by -1", widen(u(0n, 5n), c(-1n)), "-1 … 5"],
  ])("%s", (_, result, expected) => {
    expect(format(result)).toBe(expected);
  });

  test.each<[what: string, ways: ReturnType<typeof when>, yes: string, no: string]>([
    ["any < 10", when(ANY, "jlt", 10n), "0 … 9", "10 or more"],
    ["any < 0", when(ANY, "jlt", 0n), "impossible", "any number"],
    ["any s< 10", when(ANY, "jslt", 10n), "9 or less, signed", "10 … 0x7fffffffffffffff"],
    ["any s> -1", when(ANY, "jsgt", -1n), "0 … 0x7fffffffffffffff", "-0x8000000000000000 … -1"],
    ["0…9 == 9", when(u(0n, 9n), "jeq", 9n), "9", "0 … 8"],
    ["0…9 != 0", when(u(0n, 9n), "jne", 0n), "1 … 9", "0"],
    ["0…9 == 10", when(u(0n, 9n), "jeq", 10n), "impossible", "0 … 9"],
    ["any != 0", when(ANY, "jne", 0n), "not 0", "0"],
    ["multiple of 4 > 5", when(MULTIPLE_OF_4, "jgt", 5n), "8 … 100 (multiple of 4)", "0 … 4 (multiple of 4)"],
    ["multiple of 4 == 6", when(MULTIPLE_OF_4, "jeq", 6n), "impossible", "0 … 100 (multiple of 4)"],
    ["0…9 > 9", when(u(0n, 9n), "jgt", 9n), "impossible", "0 … 9"],
    ["0…9 <= 20", when(u(0n, 9n), "jle", 20n), "0 … 9", "impossible"],
    ["0…100 < 50…60", when(u(0n, 100n), "jlt", u(50n, 60n)), "0 … 59", "50 … 100"],
    ["-5…5 s< 0", when(s(-5n, 5n), "jslt", 0n), "-5 … -1", "0 … 5"],
    ["-5…5 < 3", when(s(-5n, 5n), "jlt", 3n), "0 … 2", "-5 … 5"],
    ["0…255 & 0x80", when(u(0n, 255n), "jset", 0x80n), "128 … 255", "0 … 127"],
    ["any & 7", when(ANY, "jset", 7n), "not 0", "0 … 0xfffffffffffffff8 (multiple of 8)"],
    ["any <32 10", when(ANY, "jlt", 10n, 32), "low half 0 … 9", "10 or more"],
    ["any ==32 5", when(ANY, "jeq", 5n, 32), "low half 5", "any number"],
    ["any32 <32 10", when(UNKNOWN32, "jlt", 10n, 32), "0 … 9", "10 … 0xffffffff"],
    ["any32 s<32 0", when(UNKNOWN32, "jslt", 0n, 32), "0x80000000 … 0xffffffff", "0 … 0x7fffffff"],
    ["any32 ==32 -1", when(UNKNOWN32, "jeq", -1n, 32), "0xffffffff", "0 … 0xfffffffe"],
    [
      "any32 &32 1 << 31",
      when(UNKNOWN32, "jset", 1n << 31n, 32),
      "0x80000000 … 0xffffffff",
      "0 … 0x7fffffff",
    ],
    [
      "2^32 … 2^32 + 100 <32 10",
      when(u(2n ** 32n, 2n ** 32n + 100n), "jlt", 10n, 32),
      ...(["0x100000000 … 0x100000009", "0x10000000a … 0x100000064"] as const),
    ],
  ])("%s", (_, ways, ifYes, ifNo) => {
    const text = (way: [Num, Num] | undefined) => (way ? format(way[0]) : "impossible");
    expect([text(ways.yes), text(ways.no)]).toEqual([ifYes, ifNo]);
  });

  test("both operands learn", () => {
    expect(when(u(0n, 100n), "jeq", s(-5n, 50n)).yes!.map(format)).toEqual(["0 … 50", "0 … 50"]);
    expect(when(u(20n, 100n), "jlt", u(0n, 50n)).yes!.map(format)).toEqual(["20 … 49", "21 … 50"]);
    expect(when(s(-9n, 9n), "jsge", s(0n, 20n)).no!.map(format)).toEqual(["-9 … 9", "0 … 20"]);
    expect(when(c(0n), "jne", u(0n, 4n)).yes!.map(format)).toEqual(["0", "1 … 4"]);
    expect(when(c(4n), "jset", u(0n, 7n)).yes!.map(format)).toEqual(["4", "4 … 7"]);
  });
});

describe("what other verifiers got wrong", () => {
  test("mov32 of a register to itself zero-extends", () => {
    expect(format(op("mov", ANY, ANY, 32))).toBe("0 … 0xffffffff");
    expect(format(op("mov", c(-1n), c(-1n), 32))).toBe("0xffffffff");
  });

  test.each(CONDITIONS)(
    "%s of 32 bits says nothing of the upper half, nor do 64 bits of a lower half alone",
    (cond) => {
      for (const low of [0n, 5n, 10n, 11n, 0x7fffffffn, 0x80000000n, 0xffffffffn])
        for (const high of [0n, 1n, 0x7fffffffn, 0x80000000n, 0xffffffffn]) {
          const x = (high << 32n) | low;
          for (const width of WIDTHS) {
            const { yes, no } = refine(cond, width, ANY, c(10n));
            holds((compare(cond, x, 10n, width) === 1n ? yes : no)![0], x, () => `${cond}${width}`);
          }
        }
    },
  );

  test("a 32-bit bound does not bound 64-bit arithmetic that follows", () => {
    const low = yes(ANY, "jlt", 10n, 32);
    expect(contains(op("add", low, 1n), 2n ** 40n + 4n)).toBe(true);
    expect(contains(no(low, "jgt", 2n ** 33n), 2n ** 33n)).toBe(true);
    expect(contains(op("rsh", low, 1n), 2n ** 39n)).toBe(true);
  });

  test("signed division: the least number by -1, negative divisors, divisors around 0", () => {
    expect(contains(op("sdiv", s(MIN, MIN + 5n), -1n), MIN)).toBe(true);
    expect(format(op("sdiv", c(MIN), -1n))).toBe("0x8000000000000000");
    expect(format(op("sdiv", c(0x80000000n), 0xffffffffn, 32))).toBe("0x80000000");
    expect(format(op("smod", c(MIN), -1n))).toBe("0");
    expect(format(op("sdiv", s(MIN + 1n, -1n), -1n))).toBe("1 … 0x7fffffffffffffff");
    expect(format(op("sdiv", s(-100n, 50n), s(-3n, 2n)))).toBe("-100 … 100");
    expect(format(op("sdiv", u(10n, 20n), s(-5n, -2n)))).toBe("-10 … -2");
  });

  test("a 32-bit divisor that is a multiple of 2^32 is 0", () => {
    expect(format(op("div", UNKNOWN32, 2n ** 32n, 32))).toBe("0");
    expect(format(op("mod", u(0n, 9n), 3n << 32n, 32))).toBe("0 … 9");
    expect(format(op("sdiv", UNKNOWN32, 2n ** 33n, 32))).toBe("0");
    expect(contains(op("div", c(7n), join(c(2n ** 32n), c(2n ** 32n + 7n)), 32), 0n)).toBe(true);
  });

  test("an immediate is sign-extended before it becomes a constant", () => {
    expect(c(-1n)).toBe(c(MAX));
    expect(format(c(MAX))).toBe("-1");
    expect(contains(c(-1n), MAX)).toBe(true);
    expect(contains(c(0xffffffffn), MAX)).toBe(false);
  });

  test("shifts by more than the width use the low bits of the count", () => {
    expect(format(op("lsh", u(1n, 3n), 65n))).toBe("2 … 6 (multiple of 2)");
    expect(format(op("lsh", u(1n, 3n), 33n, 32))).toBe("2 … 6 (multiple of 2)");
    expect(contains(op("rsh", c(64n), join(c(62n), c(65n))), 32n)).toBe(true);
  });
});

test("constants are constants, and small ones are shared", () => {
  expect([isConstant(c(5n)), isConstant(u(5n, 5n)), isConstant(s(-1n, -1n)), isConstant(u(0n, 1n))]).toEqual([
    ...[true, true, true, false],
  ]);
  expect(op("add", c(2n), 3n)).toBe(c(5n));
  expect(() => fromUnsigned(2n, 1n)).toThrow("empty range 2 … 1");
  expect(() => alu("nand", 64, c(1n), c(2n))).toThrow('no arithmetic "nand"');
  expect(() => alu("nand", 64, ANY, c(2n))).toThrow('no arithmetic "nand"');
  expect(() => refine("jmaybe", 64, ANY, ANY)).toThrow('no condition "jmaybe"');
});

test.each<[bigint, string]>([
  [-1n, "-1"],
  [9999n, "9999"],
  [10_001n, "10001"],
  [65_535n, "0xffff"],
  [100_000n, "100000"],
  [123_456n, "0x1e240"],
  [-0x80000000n, "-0x80000000"],
  [2n ** 63n, "0x8000000000000000"],
])("%s is written %s", (x, text) => {
  expect(format(c(x))).toBe(text);
});
