/** Builds the device tools and small native programs with the C compilers at hand; what is missing is skipped at home and fails in CI. */

import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Container } from "../formats/container.ts";

export const DEVICE = new URL("../runtime/device/", import.meta.url).pathname;

export const has = (tool: string): boolean => spawnSync(tool, ["--version"]).status === 0;

/** A missing tool is a skip at home and a failure in CI. */
export const skip = (...tools: string[]): boolean => !process.env.CI && !tools.every(has);

export interface Target {
  arch: "x64" | "arm64";
  cc: string;
  objcopy: string;
  /** What runs its executables here. */
  runner: string[];
  build: string;
}

const NATIVE = process.arch === "arm64" ? "arm64" : "x64";

export const TARGETS: Target[] = [
  { arch: "x64", cc: "gcc", objcopy: "objcopy", runner: [], build: "build/x64" },
  {
    arch: "arm64",
    cc: NATIVE === "arm64" ? "gcc" : "aarch64-linux-gnu-gcc",
    objcopy: NATIVE === "arm64" ? "objcopy" : "aarch64-linux-gnu-objcopy",
    runner: NATIVE === "arm64" ? [] : ["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"],
    build: "build/arm64",
  },
];

/** One at a time in each folder: test files run side by side. */
export function make(target: Target, more: string[] = [], build = target.build): string {
  const lock = join(DEVICE, `${build}.lock`);
  const wait = new Int32Array(new SharedArrayBuffer(4));
  mkdirSync(dirname(lock), { recursive: true });
  for (let tries = 0; !taken(lock); tries++)
    if (tries > MOST_WAITS) rmSync(lock, { recursive: true, force: true });
    else Atomics.wait(wait, 0, 0, WAIT);
  try {
    execFileSync("make", ["-s", "-C", DEVICE, `CC=${target.cc}`, `BUILD=${build}`, ...more], {
      stdio: "pipe",
    });
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
  return join(DEVICE, build);
}

/** Milliseconds; who holds a lock for a minute was killed. */
const WAIT = 50;
const MOST_WAITS = 1200;

function taken(lock: string): boolean {
  try {
    mkdirSync(lock);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

const scratch = mkdtempSync(join(tmpdir(), "runbpf-device-"));
let files = 0;

export function scratchFile(name: string, bytes: Uint8Array | string): string {
  const path = join(scratch, `${files++}-${name}`);
  writeFileSync(path, bytes);
  return path;
}

/** The machine code of a C function `entry` that needs no relocation: it reaches the host through got alone. */
export function nativeCode(target: Target, body: string): Uint8Array {
  const source = scratchFile(
    "entry.c",
    `#include <stdint.h>
typedef uint64_t u64;
typedef u64 fn(u64, u64, u64, u64, u64, void **);
${body}`,
  );
  const object = scratchFile("entry.o", "");
  const code = scratchFile("entry.bin", "");
  const flags = [
    "-std=gnu11",
    "-O1",
    "-fPIC",
    "-ffreestanding",
    "-fno-stack-protector",
    "-fcf-protection=none",
  ];
  const usable = target.arch === "x64" ? flags : flags.slice(0, -1);
  execFileSync(target.cc, [...usable, "-c", source, "-o", object]);
  execFileSync(target.objcopy, ["-O", "binary", "-j", ".text", object, code]);
  return new Uint8Array(readFileSync(code));
}

/** A bare container around machine code. */
export function bareContainer(code: Uint8Array, more: Partial<Container> = {}): Container {
  return {
    format: "bare",
    arch: "x64",
    code,
    imports: [],
    data: new Uint8Array(0),
    dataSize: 0,
    relocations: [],
    programs: [
      {
        name: "",
        hook: "",
        offset: 0,
        contract: { verified: false, bounded: false, context: 0, memory: 0, stack: 0 },
      },
    ],
    maps: [],
    symbols: [],
    ...more,
  };
}

export interface Result {
  status: number | null;
  stdout: string;
  stderr: string;
}

export function run(target: Target, tool: string, args: string[], input?: string | Uint8Array): Result {
  const [command, ...rest] = [...target.runner, join(DEVICE, target.build, tool), ...args];
  const result = spawnSync(command, rest, { input, maxBuffer: 1 << 28 });
  return { status: result.status, stdout: `${result.stdout}`, stderr: `${result.stderr}` };
}
