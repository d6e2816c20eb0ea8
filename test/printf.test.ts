/** The printf family: against the C library's over generated formats, on both hosts, and the edges that C leaves open. */

import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Helper, Word } from "../helpers/host.ts";
import { IMPLEMENTATIONS } from "../helpers/implementations.ts";
import { DEVICE, make, scratchFile, skip, TARGETS } from "./device-tools.ts";
import { fakeHost, MEMORY } from "./fake-host.ts";
import { random } from "./mutate.ts";

const printf = IMPLEMENTATIONS.get(1_000_050) as Helper;

type Arg = { c: string; word: bigint } | { c: string; text: string };
interface Case {
  format: string;
  args: Arg[];
}

const EDGES = [
  ...[0n, 1n, -1n, 7n, 8n, 127n, 128n, 255n, 256n, 32767n, 32768n, 65535n, 65536n],
  ...[
    2n ** 31n - 1n,
    2n ** 31n,
    2n ** 32n - 1n,
    2n ** 32n,
    2n ** 53n,
    2n ** 53n + 1n,
    2n ** 63n - 1n,
    2n ** 63n,
  ],
  ...[-128n, -129n, -(2n ** 31n), -(2n ** 63n), 0x123456789abcdef0n],
];
const TEXTS = ["", "x", "hello", "a longer text, with spaces", "%d"];
/** Flags that C defines for each conversion. */
const FLAGS: Record<string, string> = {
  d: "-+ 0",
  i: "-+ 0",
  u: "-0",
  x: "-#0",
  X: "-#0",
  o: "-#0",
  c: "-",
  s: "-",
  p: "-",
};
const LENGTHS: Record<string, string> = {
  "": "int",
  l: "long",
  ll: "long long",
  h: "int",
  hh: "int",
  z: "long",
  j: "long",
  t: "long",
};

const literal = (value: bigint): string => `0x${BigInt.asUintN(64, value).toString(16)}ull`;

/** One conversion with random flags, width, precision and length, and the arguments that it takes. */
function generate(rng: (n: number) => number): Case {
  const pick = <T>(list: readonly T[]): T => list[rng(list.length)];
  const conversion = pick([..."diuxXocspdx"]);
  const flags = [...FLAGS[conversion]].filter(() => rng(3) === 0).join("");
  const args: Arg[] = [];
  const number = (choices: string[], values: bigint[]): string => {
    const choice = pick(choices);
    if (choice.endsWith("*")) {
      const value = pick(values);
      args.push({ c: `(int)${value}`, word: BigInt.asUintN(64, value) });
    }
    return choice;
  };
  const width = number(["", "", "1", "5", "12", "30", "*"], [0n, 3n, 20n, -9n]);
  const precise = !"cp".includes(conversion);
  const precision = precise ? number(["", "", ".", ".0", ".1", ".4", ".21", ".*"], [0n, 2n, 25n, -1n]) : "";
  if ("cps".includes(conversion)) {
    if (conversion === "s") {
      const text = pick(TEXTS);
      args.push({ c: JSON.stringify(text), text });
    } else {
      const word = conversion === "c" ? BigInt(32 + rng(90)) : BigInt.asUintN(64, pick(EDGES));
      args.push({ c: `${conversion === "c" ? "(int)" : "(void *)"}${literal(word)}`, word });
    }
    return { format: `<%${flags}${width}${precision}${conversion}>`, args };
  }
  const length = pick(Object.keys(LENGTHS));
  const word = BigInt.asUintN(64, pick(EDGES));
  args.push({
    c: `(${"di".includes(conversion) ? "" : "unsigned "}${LENGTHS[length]})${literal(word)}`,
    word,
  });
  return { format: `<%${flags}${width}${precision}${length}${conversion}>`, args };
}

const toWord = (value: bigint): Word => (value <= 2n ** 53n ? Number(value) : value);

function formatHere({ format, args }: Case): string {
  const host = fakeHost();
  const words = args.map((arg) => ("text" in arg ? host.string(arg.text) : toWord(arg.word)));
  const [a = 0, b = 0, c = 0, d = 0] = words;
  const count = printf(host, host.string(format), a, b, c, d);
  const text = host.printed();
  return count === text.length ? text : `${text} (returned ${count})`;
}

/** What the C library prints for each case, and then what helpers_posix.c does. */
function formatInC(cases: Case[]): [string, string][] {
  const lines = cases.map(({ format, args }) => {
    const words = args.map(({ c, ...arg }) =>
      "text" in arg ? `(uint64_t)(uintptr_t)${c}` : literal(arg.word),
    );
    const padded = [...words, "0", "0", "0", "0"].slice(0, 4).join(", ");
    const f = JSON.stringify(format);
    return `printf(${[f, ...args.map(({ c }) => c)].join(", ")}); putchar(1);
      call((uint64_t)(uintptr_t)${f}, ${padded}, 0); putchar(1);`;
  });
  const source = scratchFile(
    "printf.c",
    `#include <stdio.h>
#include "posix.h"
static bare_fn *call;
int main(void) {
  for (const struct bare_helper *row = posix_helpers; row->call; row++)
    if ((row->import & 0x3fffff) == 1000050) call = row->call;
  ${lines.join("\n  ")}
  return 0;
}`,
  );
  const build = make(TARGETS[0]);
  const program = scratchFile("printf", "");
  const objects = ["posix.o", "helpers_posix.o", "bare.o"].map((name) => join(build, name));
  execFileSync("gcc", [
    "-w",
    "-O0",
    "-fno-builtin",
    "-I",
    DEVICE,
    source,
    ...objects,
    "-o",
    `${program}.exe`,
  ]);
  const out = execFileSync(`${program}.exe`).toString("latin1").split("\x01");
  return cases.map((_, i) => [out[2 * i], out[2 * i + 1]]);
}

test.skipIf(skip("gcc", "make") || process.arch !== "x64")(
  "800 generated formats print as C's printf does, on both hosts",
  () => {
    const rng = random(42);
    const cases = Array.from({ length: 800 }, () => generate(rng));
    const reference = formatInC(cases);
    const wrong = cases.flatMap((item, i) => {
      const [c, posix] = reference[i];
      const here = formatHere(item);
      if (here === c && posix === c) return [];
      const args = item.args.map((arg) => arg.c).join(", ");
      return [`${item.format} ${args}: C ${c}, here ${here}, helpers_posix.c ${posix}`];
    });
    expect(wrong).toEqual([]);
    expect(new Set(reference.map(([c]) => c)).size).toBeGreaterThan(400);
  },
);

describe("edges", () => {
  test.each<[string, Word[], string]>([
    ["plain text", [], "plain text"],
    ["", [], ""],
    ["100%%", [], "100%"],
    ["%5%|", [], "%|"],
    ["%y %5.3q %f", [1], "%y %5.3q %f"],
    ["ends in %", [], "ends in %"],
    ["ends in %-5", [], "ends in %-5"],
    ["%y%d", [7], "%y7"],
    ["%s|%.3s|%.6s|%9s", [0, 0, 0, 0], "(null)||(null)|   (null)"],
    ["%p %8p|%-8p|", [0, 0, 0x1f], "(nil)    (nil)|0x1f    |"],
    ["%d %ld", [2 ** 40 + 5, 2 ** 40 + 5], "5 1099511627781"],
    ["%d", [0xffff_ffff_ffff_fff0n], "-16"],
    ["%lu %ld", [0xffff_ffff_ffff_fff0n, 0xffff_ffff_ffff_fff0n], "18446744073709551600 -16"],
    ["%+u % x %#d", [1, 1, 1], "1 1 1"],
    ["%ls|%lc", [0, 65], "(null)|A"],
  ])("%j", (format, words, expected) => {
    const host = fakeHost();
    const [a = 0, b = 0, c = 0, d = 0] = words;
    expect(printf(host, host.string(format), a, b, c, d)).toBe(expected.length);
    expect(host.printed()).toBe(expected);
  });

  test.each([
    ["five conversions, four arguments", "%d%d%d%d%d", -22],
    ["a width that is missing", "%d%d%d%d%*d", -22],
    ["a precision that is missing", "%d%d%d%d%.*q", -22],
    ["a field of 100 000", "%100000d", -7],
    ["a precision of 10^12", "%.1000000000000d", -7],
  ])("%s is refused and nothing printed", (_, format, error) => {
    const host = fakeHost();
    expect(printf(host, host.string(`text ${format}`), 1, 1, 1, 1)).toBe(error);
    expect(host.printed()).toBe("");
  });

  test("%.3s reads three bytes only", () => {
    const host = fakeHost();
    const end = MEMORY + host.memory.length;
    host.write(end - 3, Buffer.from("abc"));
    printf(host, host.string("%.3s"), end - 3, 0, 0, 0);
    expect(host.printed()).toBe("abc");
  });
});

describe("the rest of the family", () => {
  const run =
    (id: number, ...words: Word[]) =>
    (host: ReturnType<typeof fakeHost>) => {
      const [a = 0, b = 0, c = 0, d = 0, e = 0] = words;
      return (IMPLEMENTATIONS.get(id) as Helper)(host, a, b, c, d, e);
    };
  const B = MEMORY + 128;

  test("puts appends a newline", () => {
    const host = fakeHost();
    expect(run(1_000_051, host.string("hi"))(host)).toBe(3);
    expect(host.printed()).toBe("hi\n");
  });

  test("sprintf writes the text and NUL", () => {
    const host = fakeHost();
    host.memory.fill(0xee, 0, 1024);
    expect(run(1_000_052, B, host.string("%d-%s"), 42, host.string("x"))(host)).toBe(4);
    expect(Buffer.from(host.read(B, 6)).toString("latin1")).toBe("42-x\0\xee");
  });

  test("trace_printk needs a format that ends with NUL inside its size", () => {
    const host = fakeHost();
    const format = host.string("%d %d %d\n");
    expect(run(6, format, 10, 1, 2, 3)(host)).toBe(6);
    expect(host.printed()).toBe("1 2 3\n");
    expect(run(6, format, 9, 1, 2, 3)(host)).toBe(-22);
    expect(run(6, format, 0)(host)).toBe(-22);
    expect(host.printed()).toBe("");
  });

  /** bpf_snprintf: [size, arguments, bytes of arguments, result, what is in the buffer] for "%d:%x". */
  test.each<[number, number, bigint, string]>([
    [32, 16, 6n, "-1:ff\0"],
    [6, 16, 6n, "-1:ff\0"],
    [5, 16, 6n, "-1:f\0\xee"],
    [1, 16, 6n, "\0\xee"],
    [0, 16, 6n, "\xee"],
    [32, 8, -22n, "\xee"],
    [32, 15, -22n, "\xee"],
    [32, 104, -22n, "\xee"],
  ])("snprintf into %d bytes with %d bytes of arguments", (size, argBytes, result, text) => {
    const host = fakeHost();
    host.memory.fill(0xee, 0, 1024);
    const args = MEMORY + 512;
    host.write(args, new Uint8Array(BigUint64Array.of(2n ** 64n - 1n, 255n).buffer));
    const words: Word[] = [B, size, host.string("%d:%x"), args, argBytes];
    expect(BigInt(run(165, ...words)(host) as Word)).toBe(result);
    expect(Buffer.from(host.read(B, text.length)).toString("latin1")).toBe(text);
  });
});
