/** Bytes: of two examples as bare and spf, of all of them at -Os, of the map library, and of the loader for devices. */

import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { compile } from "../compiler/compile.ts";
import { ROOT, SCRATCH } from "./measure.ts";
import type { Row } from "./table.ts";

export const object = (example: string): Uint8Array =>
  new Uint8Array(readFileSync(join(ROOT, "examples", example, "prog.o")));

const LIMITS = { "01-hello": 128, "02-fibonacci": 256 };
/** An spf has names, kinds of sections and their checks on top. */
const SPF_MORE = 160;

export function sizes(): Row[] {
  const rows: Row[] = [];
  for (const [example, target] of Object.entries(LIMITS)) {
    const name = example.slice(3);
    const size = (format: "bare" | "spf") =>
      compile(object(example), { format, target: "x64" }).container.length;
    const [bare, spf] = [size("bare"), size("spf")];
    rows.push({ key: `size.${name}.bare`, what: `${name} as bare`, value: bare, unit: "bytes", target });
    const limit = bare + SPF_MORE;
    rows.push({ key: `size.${name}.spf`, what: `${name} as spf`, value: spf, unit: "bytes", target: limit });
  }
  rows.push(arm64Sizes(), ...smallSizes(), librarySize());
  return rows;
}

const examples = (): string[] => readdirSync(join(ROOT, "examples")).filter((name) => /^\d/.test(name));

/** Containers and code of all examples at -Os, against -O2. */
function smallSizes(): Row[] {
  const bytes = (example: string, optimize: 2 | "s") =>
    compile(object(example), { format: "spf", target: "x64", verify: false, optimize }).report.bytes;
  const sum = (part: "file" | "code", optimize: 2 | "s") =>
    examples().reduce((total, example) => total + bytes(example, optimize)[part], 0);
  const ratio = (part: "file" | "code") => sum(part, "s") / sum(part, 2);
  const note = "sum of all examples, x64";
  const row = { unit: "×", note } as const;
  return [
    { key: "size.small.code", what: "code at -Os, times -O2", value: ratio("code"), target: 0.85, ...row },
    { key: "size.small.file", what: "containers at -Os, times -O2", value: ratio("file"), ...row },
  ];
}

function librarySize(): Row {
  const maps = new Uint8Array(readFileSync(join(ROOT, "helpers/lib/maps.o")));
  const { report } = compile(maps, { format: "spf", target: "x64", verify: false, optimize: "s" });
  const what = "the map library's code at -Os";
  return { key: "size.library", what, value: report.bytes.code, unit: "bytes", target: 12000, note: "x64" };
}

/** Geometric mean over all examples, those included that need `--ctx` to verify. */
function arm64Sizes(): Row {
  const size = (example: string, target: "x64" | "arm64") =>
    compile(object(example), { format: "spf", target, verify: false }).container.length;
  const names = examples();
  const logs = names.map((example) => Math.log(size(example, "arm64") / size(example, "x64")));
  const value = Math.exp(logs.reduce((sum, log) => sum + log, 0) / names.length);
  const what = "arm64 containers, times x64, all examples";
  return { key: "size.arm64", what, value, unit: "×", target: 1.25, note: "geometric mean" };
}

export function loader(): Row[] {
  const out = join(SCRATCH, "bare.o");
  const flags = ["-std=c11", "-Os", "-ffreestanding", "-fno-asynchronous-unwind-tables"];
  execFileSync("gcc", [...flags, "-c", join(ROOT, "runtime/device/bare.c"), "-o", out]);
  const value = Number(
    execFileSync("size", [out], { encoding: "utf8" }).split("\n")[1].trim().split(/\s+/)[0],
  );
  return [
    { key: "size.loader", what: "`bare.c`, text at -Os", value, unit: "bytes", target: 600, note: "gcc" },
  ];
}
