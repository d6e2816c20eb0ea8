/** Runs a command line inside the test's process, with everything that it writes caught. */

import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { execute } from "../../cli/execute.ts";
import type { Io } from "../../cli/io.ts";

export interface Result {
  status: number;
  out: string;
  err: string;
}

const scratch = mkdtempSync(join(tmpdir(), "runbpf-cli-"));
let count = 0;

/** A name for a new file. */
export const scratchPath = (name: string): string => join(scratch, `${count++}-${name}`);

export function scratchFile(name: string, contents: string | Uint8Array): string {
  const path = scratchPath(name);
  writeFileSync(path, contents);
  return path;
}

export interface FakeIo extends Io {
  result(status: number): Result;
}

export function fakeIo(more: Partial<Io> = {}): FakeIo {
  const out: Uint8Array[] = [];
  const err: string[] = [];
  return {
    out: (data) => out.push(typeof data === "string" ? Buffer.from(data) : data.slice()),
    err: (text) => err.push(text),
    input: Readable.from([]),
    output: new PassThrough(),
    terminal: { out: false, err: false },
    color: false,
    env: { HOME: scratch },
    ...more,
    result: (status) => ({ status, out: `${Buffer.concat(out)}`, err: err.join("") }),
  };
}

export async function cli(argv: readonly string[], more: Partial<Io> = {}): Promise<Result> {
  const io = fakeIo(more);
  return io.result(await execute(argv, io));
}
