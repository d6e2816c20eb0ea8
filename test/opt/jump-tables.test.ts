/** Trees of comparisons: which become a jump by table, which stay, and that every value takes its way. */

import { describe, expect, it } from "vitest";
import { assemble } from "../../formats/isa/bpf.ts";
import { difference } from "../diff/compare.ts";
import { lines } from "./listing.ts";

/** if r2 == value goto the way of that number, else behind all ways; each way does something else with r0. */
const chain = (cases: [value: number, way: number][], equal = "=="): string =>
  selection(cases.map(([value, way]) => `if r2 ${equal} ${value} goto way${way}`).join("\n"), cases);

/** The same as a tree of depth log2. */
const tree = (cases: [value: number, way: number][], above: string, x = "r2"): string => {
  let labels = 0;
  const among = (list: typeof cases): string => {
    if (list.length <= 2)
      return [...list.map(([value, way]) => `if ${x} == ${value} goto way${way}`), "goto out"].join("\n");
    const half = list.length >> 1;
    const label = `tree${labels++}`;
    return [
      `if ${x} ${above} ${list[half - 1][0]} goto ${label}`,
      among(list.slice(0, half)),
      `${label}:`,
      among(list.slice(half)),
    ].join("\n");
  };
  return selection(among(cases), cases);
};

const selection = (comparisons: string, cases: [value: number, way: number][]): string => {
  const ways = [...new Set(cases.map(([, way]) => way))];
  return [
    "r0 = r1",
    comparisons,
    "goto out",
    ...ways.map((way) => `way${way}:\nr0 *= ${2 * way + 3}\nr0 ^= r2\ngoto out`),
    "out:",
  ].join("\n");
};

const each = (from: number, to: number, step = 1): [number, number][] =>
  Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, i) => [from + i * step, i]);
const shared = (from: number, to: number, ways: number): [number, number][] =>
  each(from, to).map(([value, i]) => [value, i % ways]);

const SWITCHES: [name: string, source: string, entries: number][] = [
  ["a chain from zero", chain(each(0, 9)), 10],
  ["a chain from one, whose table begins at zero", chain(each(1, 10)), 11],
  ["a chain far from zero", chain(each(1000, 1010)), 11],
  ["a chain around zero", chain(each(-5, 5)), 11],
  ["a chain below zero", chain(each(-20, -10)), 11],
  ["values with gaps", chain(each(0, 60, 5)), 61],
  ["values that share ways", chain(shared(0, 19, 5)), 20],
  ["a tree without signs", tree(each(0, 15), ">"), 16],
  ["a tree with signs", tree(each(-8, 7), "s>"), 16],
  ["a tree of 32-bit comparisons", tree(each(0, 15), ">", "w2"), 16],
  ["a tree of 32-bit comparisons with signs", tree(each(-3, 12), "s>", "w2"), 16],
  [
    "the rest behind a value at the end of the range",
    chain(each(0, 9)).replace("r2 == 0 ", `r2 == ${2 ** 31 - 1} `),
    10,
  ],
  ["what a comparison with a far value leads to", `if r2 s> 5000 goto way3\n${tree(each(0, 15), ">")}`, 16],
  [
    "ways that no value takes",
    `if r2 > 20 goto high\n${chain(each(0, 9))}\ngoto end\nhigh:\nif r2 == 3 goto never\ngoto end\nnever:\nr0 = 7\nend:`,
    21,
  ],
  [
    "a way back to the first comparison",
    chain(each(0, 9))
      .replace("r0 = r1", "r0 = r1\nr3 = r1\nr3 &= 7\nfirst:")
      .replace("goto out\nway0", "r2 = r3\ngoto first\nway0"),
    10,
  ],
  ["a masked value, without a test of its bound", `r2 &= 15\n${chain(each(0, 15))}`, 16],
];

const STAYS: [name: string, source: string][] = [
  ["few values", chain(each(0, 5))],
  ["values far from each other", chain(each(0, 900, 50))],
  ["a set", chain(shared(0, 20, 1))],
  [
    "comparisons with other work between them",
    chain(each(0, 9)).replace(/(if r2 == \d+)/g, "lock *(u64 *)(r10 - 8) += r2\n$1"),
  ],
];

const options = { without: ["if-convert"] };
const switches = (source: string, more = {}) =>
  lines(`${source}\nexit`, { ...options, ...more }).filter((line) => line.startsWith("switch"));
const countOf = (line: string): number => Number(/(\d+): b\d+\]$/.exec(line)![1]) + 1;
describe("jump-tables", () => {
  it.each(SWITCHES)("%s", (_, source, entries) => expect(switches(source).map(countOf)).toEqual([entries]));
  it.each(STAYS)("not %s", (_, source) => expect(switches(source)).toEqual([]));

  it("a bound is tested only where there is one", () => {
    const isTested = (source: string) =>
      lines(`${source}\nexit`, options).some((line) => /icmp.ugt/.test(line));
    expect(isTested(SWITCHES[0][1])).toBe(true);
    expect(isTested(SWITCHES[SWITCHES.length - 1][1])).toBe(false);
  });

  it("at -Os only what is smaller", () => {
    expect(switches(chain(each(0, 19)), { optimize: "s" })).toHaveLength(1);
    expect(switches(chain(each(0, 60, 5)), { optimize: "s" })).toEqual([]);
  });

  it("not for what has no jump tables, and not at -O0", () => {
    expect(switches(SWITCHES[0][1], { optimize: 0 })).toEqual([]);
  });

  it("every value in and around the cases", () => {
    for (const [name, source] of [...SWITCHES, ...STAYS])
      for (const [from, rounds] of [
        [-30, 100],
        [990, 30],
        [4990, 20],
        [2 ** 31 - 10, 20],
        [-(2 ** 31), 10],
      ]) {
        const start = `r6 = ${from < 0 ? from : `${from} ll`}\nr7 = 0\nr8 = ${rounds}`;
        const round = `again:\nr1 = 12345\nr2 = r6\n${source}\nr7 *= 31\nr7 += r0\nr6 += 1\nr8 -= 1`;
        const code = assemble(`${start}\n${round}\nif r8 != 0 goto again\nr0 = r7\nexit`);
        expect(
          difference(code, new Uint8Array(16), [1, 2, "s"], true),
          `${name} from ${from}`,
        ).toBeUndefined();
      }
  });
});
