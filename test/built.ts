/** The package as its users get it: built from the sources as they are now, in a directory of its own. */

import { execFileSync } from "node:child_process";
import { copyFileSync, cpSync, mkdtempSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const ROOT = new URL("../", import.meta.url).pathname;

/** Builds into a new directory with `folders` of the repository beside dist/, and returns it. */
export function buildPackage(...folders: string[]): string {
  const to = mkdtempSync(join(tmpdir(), "runbpf-package-"));
  const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
  const args = ["-p", join(ROOT, "tsconfig.build.json"), "--outDir", join(to, "dist"), "--noCheck"];
  execFileSync(process.execPath, [tsc, ...args], { stdio: "pipe" });
  copyFileSync(join(ROOT, "package.json"), join(to, "package.json"));
  symlinkSync(join(ROOT, "node_modules"), join(to, "node_modules"));
  for (const folder of folders) cpSync(join(ROOT, folder), join(to, folder), { recursive: true });
  return to;
}
