/** What only a process of its own shows: the bundle, pipes, exit statuses, a fault that does not end Node. */

import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { EXAMPLES } from "../example-list.ts";
import { scratchFile, scratchPath } from "./cli.ts";
import { buildCli, spawnCli } from "./process.ts";
import { assembled } from "./programs.ts";

const objectOf = (name: string): string => join(EXAMPLES.find((e) => e.name === name)!.folder, "prog.o");
const HELLO = objectOf("01-hello");

let main: string;
beforeAll(() => {
  main = buildCli();
});

test("convert to a pipe, run from a pipe", () => {
  const container = execFileSync(process.execPath, [main, "convert", "bare", HELLO, "-o", "-"], {
    stdio: "pipe",
  });
  expect(spawnCli(main, ["run", "-"], container)).toEqual({
    ...{ status: 0, signal: null, stdout: "Hello, world!\nr0 = 0 (0x0)\n", stderr: "" },
  });
});

test("every exit status", () => {
  const fault = scratchFile("fault.bin", assembled("r0 = *(u64 *)(r1 + 0x10)\nexit"));
  const spin = scratchFile("spin.bin", assembled("loop:\nr0 += 1\ngoto loop"));
  const status = (...args: string[]) => spawnCli(main, args).status;
  expect(status("run", HELLO)).toBe(0);
  expect(status("run", "/nowhere")).toBe(1);
  expect(status("runn", HELLO)).toBe(2);
  expect(status("run", "--raw", "--no-verify", fault)).toBe(3);
  expect(status("run", "--raw", "--no-verify", spin, "--timeout", "20")).toBe(3);
});

test("every command loads from the bundle", () => {
  const spf = scratchPath("pointers.spf");
  const pointers = objectOf("06-function-pointers");
  expect(spawnCli(main, ["convert", "spf", pointers, "-g", "-o", spf])).toMatchObject({ status: 0 });
  for (const view of ["--header", "--native"])
    expect(spawnCli(main, ["dump", spf, view])).toMatchObject({ status: 0 });
  for (const view of ["--bytecode", "--ir"])
    expect(spawnCli(main, ["dump", pointers, view])).toMatchObject({ status: 0 });
  const script = `load file p ${spf}\nrun p\n`;
  expect(spawnCli(main, ["shell"], script).stdout).toContain("multiply(12, 3) = 36\nr0 = ");
});

/** Whether V8 takes the code that stands beside each chunk which a command loads. */
function codesTaken(): boolean[] {
  const source = `
    const { Chunks, setFlags } = await import(${JSON.stringify(join(main, "../../cli/chunks.js"))});
    setFlags();
    const chunks = new Chunks(${JSON.stringify(join(main, ".."))});
    const { execute, processIo } = chunks.require("./program.js");
    await execute(["dump", ${JSON.stringify(HELLO)}], { ...processIo(), out() {} });
    console.log(JSON.stringify([...chunks.scripts.values()].map((script) => script.cachedDataRejected)));`;
  const rejected = spawnSync(process.execPath, ["--input-type=module", "-e", source]);
  return (JSON.parse(`${rejected.stdout}`) as (boolean | undefined)[]).map((no) => no === false);
}

test("the bundle loads with V8's code for it, and with none that is not", () => {
  const expected = spawnCli(main, ["dump", HELLO]);
  const folder = join(main, "..");
  const codes = readdirSync(folder).filter((name) => name.endsWith(".code"));
  const takes = codesTaken();
  expect(takes.length).toBeGreaterThan(3);
  expect(takes).not.toContain(false);
  const damages: ((code: Buffer) => Buffer)[] = [
    (code) => code.subarray(0, code.length >> 1),
    (code) => Buffer.alloc(code.length, 0x5a),
    () => Buffer.alloc(0),
  ];
  const kept = codes.map((name) => readFileSync(join(folder, name)));
  for (const damage of damages) {
    for (const [k, name] of codes.entries()) writeFileSync(join(folder, name), damage(kept[k]));
    expect(spawnCli(main, ["dump", HELLO])).toEqual(expected);
    expect(codesTaken()).not.toContain(true);
  }
  for (const name of codes) rmSync(join(folder, name));
  expect(spawnCli(main, ["dump", HELLO])).toEqual(expected);
  for (const [k, name] of codes.entries()) writeFileSync(join(folder, name), kept[k]);
});

test("a reader that has seen enough ends it without a word", () => {
  const command = `"$0" "$1" dump "$2" | head -c 1`;
  const { stdout, stderr } = spawnSync("sh", ["-c", command, process.execPath, main, objectOf("04-globals")]);
  expect(`${stdout}`).toHaveLength(1);
  expect(`${stderr}`).toBe("");
});

test("nothing moves and nothing is coloured in a pipe", () => {
  const { stdout, stderr } = spawnCli(main, ["dump", HELLO]);
  for (const control of ["\x1b", "\r"]) expect(stdout + stderr).not.toContain(control);
});
