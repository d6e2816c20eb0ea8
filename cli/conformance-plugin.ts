/**
 * runbpf conformance-plugin: bpf_conformance's plugin protocol. A program comes on standard input as hexadecimal
 * bytes (or, with --elf, as an object, plain or hexadecimal), memory as the first argument; r0 goes out in hexadecimal.
 */

import { InputError } from "../formats/error.ts";
import { type Args, flag, option } from "./args.ts";
import { type Io, readInput } from "./io.ts";
import { parseHex } from "./numbers.ts";
import { hostArch } from "./open.ts";
import { parseFuel } from "./run.ts";

const ELF_MAGIC = 0x7f;
/** A test that runs longer than this has failed. */
const TIMEOUT = 10_000;

function readProgram(): Uint8Array {
  const bytes = readInput("-");
  if (bytes[0] === ELF_MAGIC) return bytes;
  return parseHex(new TextDecoder().decode(bytes), "standard input");
}

export async function conformancePlugin(args: Args, io: Io): Promise<number> {
  const memory = parseHex(args.positionals[0] ?? "", "memory");
  const engine = option(args, "engine") === "interpret" ? "interpret" : "native";
  const program = readProgram();
  const elf = flag(args, "elf");
  if (!elf && program.length === 0)
    throw new InputError("ERR_RUNBPF_INSN", {
      where: "standard input",
      expected: "a program as hexadecimal bytes",
      got: "nothing",
    });
  const [{ compile }, { Runtime }] = await Promise.all([
    import("../compiler/compile.ts"),
    import("../runtime/index.ts"),
  ]);
  const { container, debug } = compile(program, {
    ...{ name: "standard input", ctx: "mem", format: "spf", raw: !elf, program: elf ? "main" : undefined },
    target: engine === "interpret" ? "bytecode" : hostArch(),
    // Its cases are about what instructions compute.
    verify: false,
  });
  const maxInstructions = parseFuel(args);
  const runtime = new Runtime({
    engine,
    timeout: TIMEOUT,
    maxInstructions,
    output: (bytes) => io.err(text(bytes)),
  });
  const instance = runtime.load("program", container, { debug });
  const r0 = memory.length === 0 ? instance.run(0, 0) : instance.run(memory, memory.length);
  io.out(`${r0.toString(16)}\n`);
  return 0;
}

/** What the program prints is not the result: it goes to standard error. */
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
