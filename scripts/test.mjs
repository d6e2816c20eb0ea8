/**
 * npm test [-- vitest's arguments]: everything, from a fresh clone. Installs what is missing, builds, runs vitest; the
 * last line is "N passed, N failed", and the exit status is 0 only if nothing failed.
 */

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { buildPackage, installArm64Node, installPackages, installTools, ROOT } from "./setup.mjs";

installPackages();
installTools();
installArm64Node();
buildPackage();

const report = join(ROOT, "coverage", "tests.json");
rmSync(report, { force: true });
const vitest = join(ROOT, "node_modules/vitest/vitest.mjs");
const args = [vitest, "run", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
const { status } = spawnSync(process.execPath, [...args, ...process.argv.slice(2)], {
  cwd: ROOT,
  stdio: "inherit",
  // The slow tests too: thousands of damaged files instead of hundreds.
  env: { RUNBPF_SLOW: "1", ...process.env },
});

/** A file that does not even load has no failed test, and is one. */
function count() {
  if (!existsSync(report)) return { passed: 0, failed: 1 };
  const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(report, "utf8"));
  const broken = testResults.filter(
    ({ status, assertionResults }) =>
      status === "failed" && !assertionResults.some((test) => test.status === "failed"),
  );
  return { passed: numPassedTests, failed: numFailedTests + broken.length };
}

const { passed, failed } = count();
// An error outside of any test fails vitest alone.
const all = failed === 0 && status !== 0 ? 1 : failed;
console.log(`${passed} passed, ${all} failed`);
process.exitCode = all === 0 ? 0 : 1;
