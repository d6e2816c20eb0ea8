// Three processes add to one map in a file; one of them is killed in the middle: node host.mjs
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compile } from "runbpf/compiler";
import { pinned, Runtime } from "runbpf/runtime";

const ADDITIONS = 100_000;
const [path, key] = process.argv.slice(2);
const file = path ?? join(mkdtempSync(join(tmpdir(), "runbpf-")), "work.pin");

const { container } = compile(readFileSync(new URL("prog.o", import.meta.url)), { name: "prog.o" });
const program = new Runtime().load("work", container, { maps: pinned(file) });

if (path !== undefined) {
  for (let i = 0; i < ADDITIONS || key === "3"; i++) program.run(Number(key), 1);
} else {
  const start = (key) =>
    spawn(process.execPath, [new URL(import.meta.url).pathname, file, key], { stdio: "inherit" });
  const [one, two, endless] = ["1", "2", "3"].map(start);
  const ends = (child) => new Promise((resolve) => child.on("exit", resolve));
  const all = [one, two].map(ends);
  // It adds for ever, until it is killed.
  while (program.maps.work.get(3) === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
  endless.kill("SIGKILL");
  await Promise.all([...all, ends(endless)]);
  console.log(`1: ${program.maps.work.get(1)}, 2: ${program.maps.work.get(2)}`);
  console.log(`3: ${program.maps.work.get(3) > 0n ? "some" : "none"}`);
  program[Symbol.dispose]();
  rmSync(join(file, ".."), { recursive: true });
}
