/** Clocks and statistics: processor time of this thread or of a child, medians and bests of interleaved runs. */

import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import koffi from "koffi";

export const ROOT = new URL("../", import.meta.url).pathname;

/** Gone when the process ends. */
export const SCRATCH = mkdtempSync(join(tmpdir(), "runbpf-bench-"));
process.on("exit", () => rmSync(SCRATCH, { recursive: true, force: true }));

export function scratchFile(name: string, content: string | Uint8Array): string {
  const path = join(SCRATCH, name);
  writeFileSync(path, content);
  return path;
}

const CLOCK_THREAD_CPUTIME_ID = 3;
const clockGettime = koffi.load("libc.so.6").func("int clock_gettime(int clock, uint8_t *time)");
const timespec = new DataView(new ArrayBuffer(16));
const timespecBytes = new Uint8Array(timespec.buffer);

/** Processor time of this thread, in nanoseconds. */
export function threadTime(): number {
  clockGettime(CLOCK_THREAD_CPUTIME_ID, timespecBytes);
  return Number(timespec.getBigInt64(0, true)) * 1e9 + Number(timespec.getBigInt64(8, true));
}

/** Nanoseconds of this thread's processor time that `work` takes. */
export function timed(work: () => void): number {
  const start = threadTime();
  work();
  return threadTime() - start;
}

export const median = (list: number[]): number => [...list].sort((a, b) => a - b)[list.length >> 1];
export const best = (list: number[]): number => Math.min(...list);

export const has = (tool: string): boolean => spawnSync(tool, ["--version"]).status === 0;

/** The first of `tools` that is installed. */
export function firstOf(...tools: string[]): string {
  const found = tools.find(has);
  if (found === undefined) throw new Error(`bench: needs one of ${tools.join(", ")}`);
  return found;
}

/** Prints the processor time of the command in its arguments, in microseconds. */
const CPU_TIME = `#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	struct rusage used;
	int status;
	pid_t child = fork();
	if (child == 0) {
		freopen("/dev/null", "w", stdout);
		execv(argv[argc > 1], argv + 1);
		_exit(127);
	}
	if (wait4(child, &status, 0, &used) < 0 || status != 0) return 1;
	printf("%ld\\n", (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000L + used.ru_utime.tv_usec + used.ru_stime.tv_usec);
	return 0;
}
`;

let cpuTime: string | undefined;

/** Nanoseconds of processor time of a process, from its start to its end. */
export function childTime(command: string, args: string[]): number {
  if (cpuTime === undefined) {
    cpuTime = join(SCRATCH, "cpu-time");
    execFileSync("gcc", ["-w", "-O2", scratchFile("cpu-time.c", CPU_TIME), "-o", cpuTime]);
  }
  return 1000 * Number(execFileSync(cpuTime, [command, ...args], { encoding: "utf8" }));
}

/** Milliseconds on the wall that a process takes. */
export function processTime(command: string, args: string[]): number {
  const start = performance.now();
  execFileSync(command, args, { stdio: "ignore" });
  return performance.now() - start;
}
