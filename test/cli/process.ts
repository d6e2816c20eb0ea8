/** The command line as a process: the bundle, built from the sources as they are now. */

import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const ROOT = new URL("../../", import.meta.url).pathname;

/** Builds into a new directory; returns the path of the program. */
export function buildCli(): string {
  const to = mkdtempSync(join(tmpdir(), "runbpf-bundle-"));
  copyFileSync(join(ROOT, "package.json"), join(to, "package.json"));
  symlinkSync(join(ROOT, "node_modules"), join(to, "node_modules"));
  execFileSync(process.execPath, [join(ROOT, "scripts/build.mjs"), to], { stdio: "pipe" });
  return join(to, "dist/bin/main.js");
}

export interface Finished {
  status: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
}

export function spawnCli(main: string, args: string[], input?: string | Uint8Array): Finished {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
    input,
    maxBuffer: 1 << 28,
    timeout: 60_000,
  });
  return { status, signal, stdout: `${stdout}`, stderr: `${stderr}` };
}
