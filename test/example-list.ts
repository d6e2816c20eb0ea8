/** The examples as tests and benchmarks see them: what examples/README.md says of their files. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export const EXAMPLES_DIR = new URL("../examples/", import.meta.url).pathname;

export interface Example {
  /** "01-hello" */
  name: string;
  folder: string;
  object: Uint8Array;
  expected: string;
  args: string[];
  ctx?: string;
  /** Bytes at r1. */
  memory?: Uint8Array;
  /** The host program that the example needs. */
  host?: string;
  /** Options of the shell whose session.txt shows the example; it has maps, and cannot be a bare file. */
  shell?: string[];
}

const text = (path: string): string => readFileSync(path, "utf8");

function readExample(name: string): Example {
  const folder = join(EXAMPLES_DIR, name);
  const config = join(folder, "example.json");
  const { args = [], ctx, mem, host, shell } = existsSync(config) ? JSON.parse(text(config)) : {};
  return {
    name,
    folder,
    object: new Uint8Array(readFileSync(join(folder, "prog.o"))),
    expected: text(join(folder, "expected.txt")),
    args,
    ctx,
    memory: mem && new Uint8Array(Buffer.from(text(join(folder, mem)).trim(), "hex")),
    host,
    shell,
  };
}

export const ALL_EXAMPLES: Example[] = readdirSync(EXAMPLES_DIR)
  .filter((name) => /^\d/.test(name))
  .map(readExample);

/** Those that are one program, run by one command. */
export const EXAMPLES: Example[] = ALL_EXAMPLES.filter(({ shell }) => shell === undefined);
/** Those that a session in the shell shows. */
export const SESSIONS: Example[] = ALL_EXAMPLES.filter(({ shell }) => shell !== undefined);
