/** fibonacci(10^9): the same C natively, in bare-cmd and in Node, by turns; best processor time of each. */

import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { compile } from "../compiler/compile.ts";
import { Runtime } from "../runtime/index.ts";
import { best, childTime, firstOf, ROOT, SCRATCH, scratchFile, timed } from "./measure.ts";
import { object } from "./sizes.ts";
import type { Row } from "./table.ts";

const EXAMPLE = "02-fibonacci";
const N = "1000000000";
const TURNS = 9;
/** Native time plus 5 %. */
const TARGET = 1.05;

function buildNative(cc: string): string {
  const main = scratchFile(
    "main.c",
    `#include <stdio.h>
unsigned long fibonacci(int argc, char **argv);
int main(int argc, char **argv) { printf("%lu\\n", fibonacci(argc, argv)); return 0; }
`,
  );
  const out = join(SCRATCH, "fibonacci");
  execFileSync(cc, ["-O2", "-w", join(ROOT, "examples", EXAMPLE, "prog.c"), main, "-o", out]);
  return out;
}

export function fibonacci(): Row[] {
  const cc = firstOf("clang-19", "clang");
  const native = buildNative(cc);
  execFileSync("make", ["-s", "-C", join(ROOT, "runtime/device"), `BUILD=${SCRATCH}`], { stdio: "pipe" });
  const { container } = compile(object(EXAMPLE), { format: "bare" });
  const file = scratchFile("fibonacci.bare", container);
  using program = new Runtime().load("fibonacci", container);
  const expected = execFileSync(native, [N], { encoding: "utf8" }).trim();
  if (String(program.runCommand(["fibonacci", N])) !== expected) throw new Error("fibonacci: another result");
  const times = { native: [] as number[], device: [] as number[], node: [] as number[] };
  for (let turn = 0; turn < TURNS; turn++) {
    times.native.push(childTime(native, [N]));
    times.device.push(childTime(join(SCRATCH, "bare-cmd"), [file, N]));
    times.node.push(timed(() => program.runCommand(["fibonacci", N])));
  }
  const base = best(times.native);
  const row = (key: "device" | "node", what: string): Row => ({
    ...{ key: `fibonacci.${key}`, what, value: best(times[key]) / base, unit: "×", target: TARGET },
    note: `${(best(times[key]) / 1e6).toFixed(0)} ms; ${cc} -O2: ${(base / 1e6).toFixed(0)} ms`,
  });
  return [
    row("node", "fibonacci(10⁹) in Node, bare, times native"),
    row("device", "fibonacci(10⁹) in bare-cmd, times native"),
  ];
}
