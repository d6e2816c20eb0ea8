/** Adds to a pinned map: arguments are the file, the container, the key to count under, and how often (0 = for ever). */

import { readFileSync } from "node:fs";
import { pinned, Runtime } from "../../runtime/index.ts";

const [, , path, container, key, rounds] = process.argv;
const instance = new Runtime({ output: () => {} }).load("x", new Uint8Array(readFileSync(container)), {
  maps: pinned(path, { cpus: 8 }),
});
console.log("ready");
const { kept } = instance.maps;
for (let i = 0; i < Number(rounds) || rounds === "0"; i++) {
  instance.runProgram("count", Number(key));
  if (i % 8 !== 0) continue;
  // Elements come and go, each process has its own.
  const other = 10 * Number(key) + (i % 7);
  instance.runProgram("count", other);
  kept.delete(other);
}
