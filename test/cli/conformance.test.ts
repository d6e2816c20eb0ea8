/** The conformance plugin as its caller sees it: standard input, one argument, one line, an exit status. */

import { beforeAll, describe, expect, it } from "vitest";
import { assemble } from "../../formats/isa/bpf.ts";
import { CODE, makeObject } from "../elf-object.ts";
import { buildCli, spawnCli } from "./process.ts";

const hex = (code: Uint8Array) => Buffer.from(code).toString("hex").replace(/../g, "$& ");
const program = (text: string) => hex(assemble(text));
const object = (text: string) => {
  const data = assemble(text);
  return makeObject({
    sections: [{ name: ".text", ...CODE, data }],
    symbols: [{ name: "main", section: ".text", size: data.length, type: "FUNC", bind: "GLOBAL" }],
  });
};
const SUM = "r0 = *(u8 *)(r1 + 0)\nr0 += r2\nexit";

const cases: [
  name: string,
  args: string[],
  input: string | Uint8Array,
  status: number,
  out: string,
  err: RegExp,
][] = [
  ["prints r0", [], program("r0 = 255\nexit"), 0, "ff\n", /^$/],
  ["prints all 64 bits", [], program("r0 = -2\nexit"), 0, "fffffffffffffffe\n", /^$/],
  ["passes memory", ["0a 0b 0c"], program(SUM), 0, "d\n", /^$/],
  ["interprets", ["0a0b0c", "--engine", "interpret"], program(SUM), 0, "d\n", /^$/],
  ["takes an object", ["0a", "--elf"], object(SUM), 0, "b\n", /^$/],
  ["takes an object in hexadecimal", ["0a", "--elf"], hex(object(SUM)), 0, "b\n", /^$/],
  [
    "refuses a reserved field",
    [],
    "b7 00 01 00 00 00 00 00 95 00 00 00 00 00 00 00",
    1,
    "",
    /expected off 0 in mov64.imm/,
  ],
  [
    "refuses an unknown opcode",
    [],
    "ff 00 00 00 00 00 00 00 95 00 00 00 00 00 00 00",
    1,
    "",
    /expected an eBPF instruction, got opcode 0xff/,
  ],
  ["refuses half an instruction", [], "b7 00 00", 1, "", /a multiple of 8 bytes of code/],
  ["refuses nothing", [], "", 1, "", /expected a program as hexadecimal bytes/],
  ["refuses what is not hexadecimal", [], "hello", 2, "", /pairs of hexadecimal digits/],
  [
    "counts instructions",
    ["--engine", "interpret", "--max-instructions", "100"],
    program("l:\ngoto l\nexit"),
    3,
    "",
    /limit of instructions/,
  ],
]; // prettier-ignore

let main: string;
beforeAll(() => {
  main = buildCli();
});

describe("conformance-plugin", () => {
  it.each(cases)("%s", (_, args, input, status, out, err) => {
    const done = spawnCli(main, ["conformance-plugin", ...args], input);
    expect([done.status, done.stdout]).toEqual([status, out]);
    expect(done.stderr).toMatch(err);
  });
});
