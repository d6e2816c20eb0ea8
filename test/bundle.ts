/** Makes one JavaScript file of a test's own TypeScript program, for a process or a worker of its own. */

import { build } from "rolldown";

const ROOT = new URL("../", import.meta.url).pathname;

/** `entry` is a path in the repository; koffi stays outside and must be found from `file`. */
export async function bundle(entry: string, file: string): Promise<void> {
  await build({
    input: ROOT + entry,
    platform: "node",
    external: ["koffi"],
    transform: { target: "node20" },
    output: { file, format: "esm" },
    logLevel: "warn",
  });
}
