/**
 * Loads the bundle of the command line: each chunk with the code that V8 made of it when the bundle was built, which
 * saves most of the time that a short command takes. V8 takes such code only from its own version and flags; otherwise
 * it compiles the chunk as ever.
 */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { Script } from "node:vm";

/** What stands behind a chunk's path for the code of the chunk. */
export const CODE = ".code";

/** Most commands are over before optimised code pays for being made: V8 waits longer for it (README.md, Decisions). */
export const setFlags = (): void => setFlagsFromString("--interrupt-budget=500000");

type Chunk = (exports: object, require: (id: string) => unknown) => void;

export class Chunks {
  /** By path, in the order in which they were loaded. */
  readonly scripts = new Map<string, Script>();
  private readonly modules = new Map<string, object>();
  private readonly dir: string;
  private readonly outside: (id: string) => unknown;

  constructor(dir: string) {
    this.dir = dir;
    this.outside = createRequire(join(dir, "main.js"));
  }

  /** The exports of a chunk, "./NAME.js", or of a module that is not part of the bundle. */
  require(id: string): unknown {
    if (!id.startsWith("./")) return this.outside(id);
    const known = this.modules.get(id);
    if (known !== undefined) return known;
    const path = join(this.dir, id);
    const script = new Script(`(function(exports,require){${readFileSync(path, "utf8")}\n})`, {
      filename: path,
      cachedData: codeOf(path),
    });
    this.scripts.set(path, script);
    const exports = {};
    this.modules.set(id, exports);
    (script.runInThisContext() as Chunk)(exports, (from) => this.require(from));
    return exports;
  }
}

function codeOf(path: string): Buffer | undefined {
  try {
    return readFileSync(path + CODE);
  } catch {
    return undefined;
  }
}
