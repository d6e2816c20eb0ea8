/** The engines that every program of test/run runs on: a name, and a way from bytecode to r0. */

import { type CompileOptions, compile } from "../../compiler/compile.ts";
import { Runtime } from "../../runtime/index.ts";

export interface Runner {
  /** Runs with r1 … r5; bytes are passed by address. */
  run(...args: (number | bigint | Uint8Array)[]): bigint;
  done(): void;
}

export interface EngineUnderTest {
  name: string;
  load(code: Uint8Array, options?: CompileOptions): Runner;
}

const runtime = new Runtime();
let count = 0;

const native = (optimize: 0 | 2): EngineUnderTest => ({
  name: `x64 -O${optimize}`,
  load(code, options = {}) {
    const { container, debug } = compile(code, {
      raw: true,
      name: "test",
      optimize,
      check: true,
      ...options,
    });
    const instance = runtime.load(`test${count++}`, container, { debug, timeout: 5000 });
    return { run: (...args) => instance.run(...args), done: () => instance[Symbol.dispose]() };
  },
});

export const ENGINES: EngineUnderTest[] = [native(0), native(2)];
