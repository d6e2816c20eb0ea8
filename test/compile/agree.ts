/** C programs `PROG(name)` of one file, run natively and compiled for BPF, then for this machine: results to compare. */

import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { type CompileOptions, compile } from "../../compiler/compile.ts";
import { Runtime } from "../../runtime/index.ts";
import { scratchFile } from "../device-tools.ts";
import { random } from "../mutate.ts";

/** What clang is asked for: objects of its defaults differ only in what -fno-builtin keeps from becoming calls. */
const BPF_FLAGS = ["-target", "bpf", "-g", "-fno-builtin", "-w"];
const INCLUDE = new URL("programs/", import.meta.url).pathname;

/** r0 and memory afterwards, as text, by "program, input". */
export type Results = Map<string, string>;

function makeInputs(): Uint8Array[] {
  const rng = random(20_261_121);
  const noise = (size: number) => Uint8Array.from({ length: size }, () => rng(256));
  const small = (size: number) => Uint8Array.from({ length: size }, () => rng(8));
  return [
    new Uint8Array(0),
    Uint8Array.of(1),
    noise(7),
    new Uint8Array(64),
    new Uint8Array(96).fill(255),
    Uint8Array.from({ length: 128 }, (_, i) => i),
    Uint8Array.from({ length: 64 }, (_, i) => (i % 8 === 7 ? 0x80 : 0)),
    noise(61),
    noise(200),
    small(120),
  ];
}

export const INPUTS = makeInputs();

export function programsOf(path: string): string[] {
  return [...readFileSync(path, "utf8").matchAll(/^PROG\((\w+)\)/gm)].map((match) => match[1]);
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** Reads inputs (32-bit length, bytes) from stdin; prints a line for each input and program. */
function mainOf(path: string, names: string[]): string {
  return `#include "${path}"
#include <stdio.h>
#include <stdlib.h>
static struct { const char *name; u64 (*run)(u8 *, u64); } programs[] = {
${names.map((name) => `\t{ "${name}", prog_${name} },`).join("\n")}
};
int main(void)
{
	u32 size;
	for (int input = 0; fread(&size, 4, 1, stdin) == 1; input++) {
		u8 *bytes = malloc(size), *mem;
		if (fread(bytes, 1, size, stdin) != size) return 1;
		for (u32 p = 0; p < sizeof programs / sizeof *programs; p++) {
			mem = malloc(size);
			for (u32 i = 0; i < size; i++) mem[i] = bytes[i];
			u64 r0 = programs[p].run(mem, size);
			printf("%s, %d: 0x%lx ", programs[p].name, input, r0);
			for (u32 i = 0; i < size; i++) printf("%02x", mem[i]);
			printf("\\n");
			free(mem);
		}
		free(bytes);
	}
	return 0;
}
`;
}

function run(tool: string, args: string[]): void {
  const { status, stderr } = spawnSync(tool, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${tool} ${args.join(" ")}\n${stderr}`);
}

/** What the C compiler of this machine makes of the programs; sanitizers report undefined behaviour by failing. */
export function nativeResults(cc: string, path: string, flags: string[]): Results {
  const source = scratchFile("native.c", mainOf(path, programsOf(path)));
  const tool = scratchFile("native", "");
  run(cc, ["-w", "-I", INCLUDE, ...flags, source, "-o", tool]);
  const parts = INPUTS.flatMap((bytes) => [new Uint8Array(Uint32Array.of(bytes.length).buffer), bytes]);
  const output = execFileSync(tool, { input: Buffer.concat(parts), maxBuffer: 1 << 26, encoding: "utf8" });
  const lines = output.trimEnd().split("\n");
  return new Map(lines.map((line) => line.split(": ") as [string, string]));
}

export function bpfObject(cc: string, path: string, flags: string[]): Uint8Array {
  const object = scratchFile("prog.o", "");
  run(cc, [...BPF_FLAGS, "-I", INCLUDE, ...flags, "-c", path, "-o", object]);
  return new Uint8Array(readFileSync(object));
}

/** The same programs through the compiler of this repository, in one instance. */
export function compiledResults(path: string, object: Uint8Array, options: CompileOptions): Results {
  const { container, debug } = compile(object, { name: path, format: "spf", verify: false, ...options });
  const engine = options.target === "bytecode" ? "interpret" : "native";
  using instance = new Runtime({ engine, timeout: 5000 }).load(path, container, { debug });
  const results: Results = new Map();
  for (const [input, bytes] of INPUTS.entries())
    for (const name of programsOf(path)) {
      const memory = bytes.slice();
      let got: string;
      try {
        const first = memory.length === 0 ? 0 : memory;
        got = `0x${instance.runProgram(name, first, memory.length).toString(16)} ${hex(memory)}`;
      } catch (error) {
        got = String(error);
      }
      results.set(`${name}, ${input}`, got);
    }
  return results;
}

const short = (text: string | undefined): string => (text ?? "nothing").slice(0, 100);

/** The first differences, as lines. */
export function differences(expected: Results, got: Results): string[] {
  const lines: string[] = [];
  for (const [key, value] of expected)
    if (got.get(key) !== value) lines.push(`${key}: expected ${short(value)}, got ${short(got.get(key))}`);
  for (const key of got.keys()) if (!expected.has(key)) lines.push(`${key}: not expected`);
  return lines.slice(0, 5);
}
