/** A loaded program with its own data: what load() returns. */

import { CONTEXTS, type Container, type ProgramEntry } from "../formats/container.ts";
import { InputError } from "../formats/error.ts";
import { utf8 } from "../helpers/host.ts";
import { violation } from "./contract.ts";
import type { Argument, EngineInstance } from "./engine/engine.ts";
import { Exit } from "./fault.ts";

export class Instance {
  readonly name: string;
  readonly container: Container;
  /** Size of its container. */
  readonly bytes: number;
  /** How often it ran. */
  runs = 0;
  private engine: EngineInstance | undefined;
  private readonly dispose: () => void;

  private readonly checked: boolean;

  /** Made by Runtime.load(). */
  constructor(
    name: string,
    container: Container,
    bytes: number,
    engine: EngineInstance,
    dispose: () => void,
  ) {
    this.name = name;
    this.container = container;
    this.bytes = bytes;
    this.engine = engine;
    this.dispose = dispose;
    this.checked = (container.programs[0]?.contract.context ?? CONTEXTS.args) !== CONTEXTS.args;
  }

  get programs(): readonly ProgramEntry[] {
    return this.container.programs;
  }

  /** False once it is unloaded. */
  get loaded(): boolean {
    return this.engine !== undefined;
  }

  /** The program's .data and .bss, live; see container.symbols for what lies where. */
  get data(): Uint8Array {
    return this.running().data;
  }

  /**
   * Runs the first program with r1 … r5 (missing ones are 0) and returns r0, 0 … 2^64 - 1. Bytes are passed by
   * their address, and are the program's to read and write during the call; a verified program of another context
   * than args wants them as formats/README.md has it. Throws RunError, ERR_RUNBPF_CONTRACT and what helpers throw.
   */
  run(a1: Argument = 0, a2: Argument = 0, a3: Argument = 0, a4: Argument = 0, a5: Argument = 0): bigint {
    const engine = this.engine ?? this.running();
    if (this.checked) this.check(0, a1, a2);
    const count = a5 !== 0 ? 5 : a4 !== 0 ? 4 : a3 !== 0 ? 3 : a2 !== 0 ? 2 : 1;
    this.runs++;
    try {
      return engine.run(0, count, a1, a2, a3, a4, a5);
    } catch (error) {
      if (error instanceof Exit) return BigInt.asUintN(64, BigInt(error.status));
      throw error;
    }
  }

  /** The same for a program by its name or its index. */
  runProgram(program: string | number, ...args: Argument[]): bigint {
    const index = this.find(program);
    const engine = this.running();
    const [a1 = 0, a2 = 0, a3 = 0, a4 = 0, a5 = 0] = args;
    this.check(index, a1, a2);
    this.runs++;
    try {
      return engine.run(index, 5, a1, a2, a3, a4, a5);
    } catch (error) {
      if (error instanceof Exit) return BigInt.asUintN(64, BigInt(error.status));
      throw error;
    }
  }

  /** Runs a program of context `cmd`: r1 = the number of arguments, r2 = the address of their addresses. */
  runCommand(argv: string[], program: string | number = 0): bigint {
    const index = this.find(program);
    const { memory } = this.running();
    const texts = argv.map((arg) => utf8(`${arg}\0`));
    const table = 8 * (argv.length + 1);
    const size = texts.reduce((sum, text) => sum + text.length, table);
    const at = memory.alloc(size);
    const bytes = new Uint8Array(size);
    const view = new DataView(bytes.buffer);
    let offset = table;
    for (const [k, text] of texts.entries()) {
      view.setBigUint64(8 * k, BigInt(at) + BigInt(offset), true);
      bytes.set(text, offset);
      offset += text.length;
    }
    memory.write(at, bytes);
    try {
      return this.runProgram(index, argv.length, at);
    } finally {
      if (this.loaded) memory.free(at);
    }
  }

  /** Unloads it. A call that is still running ends first. */
  [Symbol.dispose](): void {
    if (this.engine === undefined) return;
    const { engine } = this;
    this.engine = undefined;
    engine.release();
    this.dispose();
  }

  private running(): EngineInstance {
    if (this.engine === undefined)
      throw new InputError("ERR_RUNBPF_ARGUMENT", {
        where: this.name,
        expected: "a loaded instance",
        got: "one that was unloaded",
      });
    return this.engine;
  }

  private find(program: string | number): number {
    const { programs } = this;
    const index = typeof program === "number" ? program : programs.findIndex(({ name }) => name === program);
    if (programs[index] === undefined)
      throw new InputError("ERR_RUNBPF_ARGUMENT", {
        where: this.name,
        expected: `a program of ${programs.map(({ name }) => name || "(unnamed)").join(", ")}`,
        got: String(program),
      });
    return index;
  }

  /** Refuses arguments that are not what verification assumed. */
  private check(index: number, first: Argument, second: Argument): void {
    const found = violation(this.programs[index].contract, first, second);
    if (found) throw new InputError("ERR_RUNBPF_CONTRACT", { where: this.name, ...found });
  }
}
