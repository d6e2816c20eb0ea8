/** docs/performance.md and its chart, from what bench/code.ts measured. */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type CodeReport, geomean } from "./code.ts";
import { ROOT } from "./measure.ts";

const number = (value: number): string =>
  value >= 100 ? value.toFixed(0) : value.toFixed(value >= 10 ? 1 : 2);

/** One line a program: times, the ratio, bytes, compile time; the geometric means last. */
export function codeTable({ programs, geomean }: CodeReport): string {
  const columns = Object.keys(programs[0]?.ns ?? {});
  const head = [
    "program",
    ...columns.map((c) => `${c} ns`),
    "runbpf / clang",
    ...["clang", "runbpf", "runbpfOs"].map((c) => `${c} B`),
    "compile µs",
  ];
  const rows = programs.map(({ name, ns, codeBytes, compileUs }) => [
    name,
    ...columns.map((c) => number(ns[c])),
    (ns.runbpf / ns.clang).toFixed(2),
    ...[codeBytes.clang, codeBytes.runbpf, codeBytes.runbpfOs].map(String),
    compileUs.toFixed(0),
  ]);
  const means = [
    "geometric mean",
    ...columns.map((c) => `${geomean.ns[c].toFixed(2)} ×`),
    geomean.ns.runbpf.toFixed(2),
    ...["clang", "runbpf", "runbpfOs"].map((c) => `${geomean.codeBytes[c].toFixed(2)} ×`),
    geomean.compileUs.toFixed(0),
  ];
  const line = (cells: string[]) => `| ${cells.join(" | ")} |`;
  return [
    line(head),
    line(head.map((_, i) => (i === 0 ? "---" : "---:"))),
    ...[...rows, means].map(line),
  ].join("\n");
}

/** Passes that may be left out, and how much slower and larger code is then. */
export const MEASURED_PASSES: readonly string[] = [
  "promote-stack",
  "inline-functions",
  "thread-jumps",
  "merge-loads",
  "merge-stores",
  "bit-counts",
  "bit-loops",
  "known-bits",
  "value-numbering",
  "implied-branches",
  "forward-loads",
  "dead-stores",
  "hoist-loads",
  "rotates",
  "divide-constants",
  "multiply-constants",
  "reassociate",
  "sink-phis",
  "if-convert",
  "bit-tests",
  "lagging-phis",
  "vectorise",
  "block-loops",
  "narrow-phis",
  "unroll-counted",
  "unroll-shifts",
  "pair-selects",
  "sink",
  "order-phis",
  "late-counters",
  "merge-exits",
  "hoist-values",
  "index-bases",
  "jump-tables",
  "layout",
  "inline-memory",
  "drop-extensions",
  "extend-loads",
  "range-tests",
  "tail-returns",
];

export function passTable({ programs }: CodeReport): string {
  const ratio = (of: "ns" | "codeBytes", column: string) =>
    geomean(programs.map((row) => Math.max(row[of][column], 0.1) / Math.max(row[of].runbpf, 0.1)));
  const columns = Object.keys(programs[0]?.ns ?? {}).filter((column) => column.startsWith("no_"));
  const rows = columns.map((column) => {
    const [worst] = [...programs].sort((a, b) => b.ns[column] / b.ns.runbpf - a.ns[column] / a.ns.runbpf);
    const most = `${(worst.ns[column] / worst.ns.runbpf).toFixed(1)} × (${worst.name})`;
    return `| ${column.slice(3)} | ${ratio("ns", column).toFixed(3)} × | ${most} | ${ratio("codeBytes", column).toFixed(3)} × |`;
  });
  return ["| without | time | at most | code |", "| --- | ---: | ---: | ---: |", ...rows].join("\n");
}

const BAR = 14;
const LEFT = 170;
const WIDTH = 760;
const MOST = 4;

/** Bars of runbpf's time as a multiple of clang's, longest last; a line marks 1. */
export function chart({ programs }: CodeReport): string {
  const rows = programs
    .map(({ name, ns }) => ({ name, ratio: ns.runbpf / ns.clang }))
    .sort((a, b) => a.ratio - b.ratio);
  const height = rows.length * (BAR + 4) + 40;
  const x = (ratio: number) => LEFT + (Math.min(ratio, MOST) / MOST) * (WIDTH - LEFT - 60);
  const bars = rows.map(({ name, ratio }, i) => {
    const y = 30 + i * (BAR + 4);
    const color = ratio <= 1 ? "#2e7d32" : ratio <= 1.5 ? "#f9a825" : "#c62828";
    return (
      `<text x="${LEFT - 6}" y="${y + BAR - 3}" text-anchor="end">${name}</text>` +
      `<rect x="${LEFT}" y="${y}" width="${(x(ratio) - LEFT).toFixed(1)}" height="${BAR}" fill="${color}"/>` +
      `<text x="${(x(ratio) + 4).toFixed(1)}" y="${y + BAR - 3}">${ratio.toFixed(2)}</text>`
    );
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" font-family="sans-serif" font-size="11">
<rect width="100%" height="100%" fill="#fff"/>
<text x="${LEFT}" y="16">time of a call, runbpf -O2 / clang -O2 native (less is better)</text>
${bars.join("\n")}
<line x1="${x(1)}" y1="22" x2="${x(1)}" y2="${height - 8}" stroke="#000" stroke-dasharray="3 3"/>
</svg>
`;
}

/** Puts the tables between their marks, and the chart beside the page. */
export function writePerformance(report: CodeReport, passes: CodeReport, machine: string): void {
  const path = join(ROOT, "docs/performance.md");
  const put = (page: string, mark: string, what: string) => {
    const [start, end] = [`<!-- ${mark} -->\n`, `<!-- /${mark} -->`];
    const [from, to] = [page.indexOf(start) + start.length, page.indexOf(end)];
    return `${page.slice(0, from)}${what}${page.slice(to)}`;
  };
  const page = put(readFileSync(path, "utf8"), "code", `${codeTable(report)}\n\nMeasured on ${machine}.\n`);
  writeFileSync(path, put(page, "passes", `${passTable(passes)}\n`));
  writeFileSync(join(ROOT, "docs/performance.svg"), chart(report));
}
