/**
 * npm test [-- vitest's arguments]: everything, from a fresh clone. Installs what is missing, builds, runs vitest; the
 * last line is "N passed, N failed", and the exit status is 0 only if nothing failed.
 */

import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildPackage, installArm64Node, installPackages, installTools, ROOT } from "./setup.mjs";

installPackages();
installTools();
installArm64Node();
buildPackage();

const directory = mkdtempSync(join(tmpdir(), "runbpf-test-"));
const count = join(directory, "count.json");
const vitest = join(ROOT, "node_modules/vitest/vitest.mjs");
const reporter = join(ROOT, "scripts/count-reporter.mjs");
const args = [vitest, "run", "--reporter=default", `--reporter=${reporter}`, ...process.argv.slice(2)];
const { status } = spawnSync(process.execPath, args, {
  cwd: ROOT,
  stdio: "inherit",
  env: { ...process.env, RUNBPF_COUNT: count },
});
const { passed, failed } = existsSync(count)
  ? JSON.parse(readFileSync(count, "utf8"))
  : { passed: 0, failed: 0 };
rmSync(directory, { recursive: true });

// Whatever else made vitest fail is a failure as well.
const failures = failed === 0 && status !== 0 ? 1 : failed;
console.log(`${passed} passed, ${failures} failed`);
process.exitCode = failures === 0 ? 0 : 1;
