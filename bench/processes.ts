/**
 * Whole processes: `runbpf convert` and `runbpf run` of an example, as installed, on the wall. The least processor time
 * stands beside it: on a machine that others use, the wall says as much of them as of us.
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { compile } from "../compiler/compile.ts";
import { best, childTime, median, processTime, ROOT, SCRATCH, scratchFile } from "./measure.ts";
import { object } from "./sizes.ts";
import type { Row } from "./table.ts";

const TURNS = 10;
const PROGRAM = join(ROOT, "dist/bin/main.js");

export function processes(): Row[] {
  if (!existsSync(PROGRAM)) throw new Error(`bench: ${PROGRAM} is missing: npm run build`);
  const prog = join(ROOT, "examples/01-hello/prog.o");
  const file = scratchFile("hello.bare", compile(object("01-hello"), { format: "bare" }).container);
  const out = join(SCRATCH, "out.bare");
  const commands: { key: string; what: string; args: string[]; target?: number }[] = [
    {
      key: "convert",
      what: "`runbpf convert bare`",
      args: [PROGRAM, "convert", "bare", prog, "-o", out],
      target: 150,
    },
    { key: "run", what: "`runbpf run` of a bare file", args: [PROGRAM, "run", file], target: 120 },
    { key: "empty", what: "`node` that does nothing, for comparison", args: ["-e", "0"] },
  ];
  const times = commands.map(() => [] as number[]);
  const used = commands.map(() => [] as number[]);
  for (let turn = 0; turn <= TURNS; turn++)
    for (const [k, { args }] of commands.entries()) {
      const time = processTime(process.execPath, args);
      if (turn === 0) continue; // it warms the file cache
      times[k].push(time);
      used[k].push(childTime(process.execPath, args));
    }
  return commands.map(({ key, what, target }, k) => ({
    ...{ key: `process.${key}`, what, value: median(times[k]), unit: "ms" as const, target },
    note: `median of ${TURNS}; processor time ${(best(used[k]) / 1e6).toFixed(0)} ms`,
  }));
}
