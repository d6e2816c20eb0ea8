/** What a command may use of the process: where it writes, what it reads, whether a person looks at it. */

import { readFileSync, writeFileSync, writeSync } from "node:fs";
import { InputError } from "../formats/error.ts";

export interface Io {
  /** Standard output: text or the bytes that a program prints. */
  out(data: string | Uint8Array): void;
  err(text: string): void;
  input: NodeJS.ReadableStream & { isTTY?: boolean; setRawMode?(on: boolean): unknown };
  output: NodeJS.WritableStream;
  /** Standard output and standard error are terminals. */
  terminal: { out: boolean; err: boolean };
  color: boolean;
  env: Record<string, string | undefined>;
}

const sleeper = new Int32Array(new SharedArrayBuffer(4));

/** Writes all of it at once, so that it stands before whatever the program does next; waits where a pipe is full. */
function writeAll(fd: number, data: string | Uint8Array): void {
  const bytes = typeof data === "string" ? Buffer.from(data) : data;
  for (let done = 0; done < bytes.length; ) {
    try {
      done += writeSync(fd, bytes, done);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EPIPE" && fd === 2) return; // nobody listens: the status says it
      if (code === "EPIPE") process.exit(0); // the reader has seen enough
      if (code !== "EAGAIN") throw error;
      Atomics.wait(sleeper, 0, 0, 1);
    }
  }
}

/** The process itself. */
export function processIo(): Io {
  // The streams are made when they are asked for: most commands need none of them.
  return {
    out: (data) => writeAll(1, data),
    err: (text) => writeAll(2, text),
    get input() {
      return process.stdin;
    },
    get output() {
      return process.stdout;
    },
    get terminal() {
      return { out: process.stdout.isTTY === true, err: process.stderr.isTTY === true };
    },
    get color() {
      return !process.env.NO_COLOR && process.env.TERM !== "dumb" && process.stdout.isTTY === true;
    },
    env: process.env,
  };
}

const REASONS: Record<string, string> = {
  ENOENT: "no such file",
  EISDIR: "a directory",
  EACCES: "a file without permission",
  EPERM: "a file without permission",
  ENOTDIR: "a path through a file",
  EROFS: "a read-only file system",
  ENOSPC: "a full disk",
};

function fileError(error: unknown, path: string, expected: string): InputError {
  const { code = "", message } = error as NodeJS.ErrnoException;
  return new InputError("ERR_RUNBPF_FILE", { where: path, expected, got: REASONS[code] ?? message });
}

/** The bytes of a file, "-" being standard input. Throws InputError. */
export function readInput(path: string): Uint8Array {
  try {
    return new Uint8Array(readFileSync(path === "-" ? 0 : path));
  } catch (error) {
    throw fileError(error, path, "a file that can be read");
  }
}

/** Throws InputError. */
export function writeOutput(path: string, bytes: Uint8Array): void {
  try {
    writeFileSync(path, bytes);
  } catch (error) {
    throw fileError(error, path, "a file that can be written");
  }
}

/** Names in hostile files may hold anything: what a terminal would obey is shown instead. */
export const printable = (text: string): string =>
  text.replace(
    /[\p{Cc}\p{Cf}\u2028\u2029]/gu,
    (c) => `\\x${c.codePointAt(0)!.toString(16).padStart(2, "0")}`,
  );
