/** Calls a loaded program with what was typed: numbers, argv or memory, as its context says. */

import { CONTEXTS, type ProgramEntry } from "../formats/container.ts";
import { InputError } from "../formats/error.ts";
import type { Argument, Instance } from "../runtime/index.ts";
import { contextText, programNames } from "./describe.ts";
import { readInput } from "./io.ts";
import { parseHex, parseWord } from "./numbers.ts";
import { UsageError } from "./usage.ts";

export interface Call {
  /** By name or index; otherwise the only one. */
  program?: string | number;
  /** argv[0]. */
  file: string;
  arguments: readonly string[];
  memory?: Uint8Array;
}

export interface Outcome {
  r0: bigint;
  program: string;
  nanoseconds: number;
}

/** "hex:00 01 02" or the name of a file. Throws UsageError, InputError. */
export const readMemory = (text: string): Uint8Array =>
  text.startsWith("hex:") ? parseHex(text.slice(4), "--mem") : readInput(text);

function findProgram({ container, name }: Instance, wanted: Call["program"]): number {
  const { programs } = container;
  if (typeof wanted === "number") return wanted;
  if (wanted !== undefined) {
    const index = programs.findIndex((program) => program.name === wanted || program.hook === wanted);
    if (index >= 0) return index;
    throw new InputError("ERR_RUNBPF_LINK", {
      where: name,
      expected: `one of the programs ${programNames(container)}`,
      got: `"${wanted}"`,
    });
  }
  if (programs.length === 1) return 0;
  throw new UsageError(
    `${name} has several programs: choose one with --program ${programs.map((p) => p.name).join("|")}`,
  );
}

/** The program for packets: the one asked for, or the only one of context xdp or skb. */
export function findPacketProgram(instance: Instance, wanted: Call["program"]): number {
  if (wanted !== undefined) return findProgram(instance, wanted);
  const { programs } = instance;
  const found = programs.flatMap(({ contract }, p) =>
    contract.context === CONTEXTS.xdp || contract.context === CONTEXTS.skb ? [p] : [],
  );
  if (found.length === 1) return found[0];
  throw new UsageError(
    found.length === 0
      ? `${instance.name} has no program of context xdp or skb`
      : `${instance.name} has several programs for packets: choose one with --program ${found.map((p) => programs[p].name).join("|")}`,
  );
}

/** r1 … r5. Throws UsageError. */
function registers(texts: readonly string[], memory: Uint8Array | undefined): Argument[] {
  const first: Argument[] = memory === undefined ? [] : [memory, memory.length];
  const room = 5 - first.length;
  if (texts.length > room)
    throw new UsageError(
      `expected at most ${room} numbers, got ${texts.length}: "${texts[room]}" is too many`,
    );
  const words = texts.map((text, i) => {
    const word = parseWord(text);
    if (word === undefined)
      throw new UsageError(
        `r${first.length + i + 1}: expected a number of 64 bits (5, -1, 0xff), got "${text}"`,
      );
    return word;
  });
  return [...first, ...words];
}

/** Contexts that need a packet and its metadata cannot be called from a command line. */
function checkContext({ contract, name }: ProgramEntry, where: string): void {
  const { context } = contract;
  if (context === CONTEXTS.args || context === CONTEXTS.mem || context === CONTEXTS.cmd) return;
  throw new InputError("ERR_RUNBPF_CONTRACT", {
    where: name === "" ? where : `${where}: ${name}`,
    expected: "a program of context args, mem or cmd",
    got: `context ${contextText({ context, memory: 0 })}`,
    hint: "its host has to call it",
  });
}

/** Runs it, and says how long that took. Throws UsageError, InputError, RunError. */
export function call(instance: Instance, { program, file, arguments: texts, memory }: Call): Outcome {
  const index = findProgram(instance, program);
  const entry = instance.programs[index];
  checkContext(entry, file);
  const isCommand = entry.contract.context === CONTEXTS.cmd;
  if (isCommand && memory !== undefined)
    throw new UsageError("--mem is for programs of context mem or args; this one takes a command line");
  const words = isCommand ? [] : registers(texts, memory);
  const least = entry.contract.memory;
  if (!isCommand && least > (memory?.length ?? 0))
    throw new InputError("ERR_RUNBPF_CONTRACT", {
      where: file,
      expected: `at least ${least} bytes of memory`,
      got: memory === undefined ? "none" : `${memory.length}`,
      hint: "give them with --mem",
    });
  const start = process.hrtime.bigint();
  const r0 = isCommand ? instance.runCommand([file, ...texts], index) : instance.runProgram(index, ...words);
  return { r0, program: entry.name, nanoseconds: Number(process.hrtime.bigint() - start) };
}
