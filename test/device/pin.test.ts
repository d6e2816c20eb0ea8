/** Pinned maps from C: a Node process and spf-interactive share one file; each refusal; a process that is killed. */

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { crc32 } from "../../formats/bytes.ts";
import { PIN } from "../../formats/pin.ts";
import { pinned, Runtime } from "../../runtime/index.ts";
import { bpfObject } from "../compile/agree.ts";
import { DEVICE, make, run, scratchFile, skip, TARGETS } from "../device-tools.ts";

const [X64] = TARGETS;
const SOURCE = new URL("../runtime/programs/versions.c", import.meta.url).pathname;
const MAPS = new URL("../runtime/programs/maps.c", import.meta.url).pathname;
const scratchPath = (name: string): string =>
  join(scratchFile("pins", ""), "..", `${process.pid}-${count++}-${name}`);
let count = 0;

describe.skipIf(skip("clang-19", "gcc", "make") || process.arch !== "x64")(
  "pinned maps of spf-interactive",
  () => {
    let container: Uint8Array;
    let object: string;
    let larger: string;
    let maps: Uint8Array;
    beforeAll(() => {
      make(X64);
      const build = (path: string, size: number) =>
        compile(
          bpfObject("clang-19", path, ["-mcpu=v3", "-O2", "-DVERSION=1", `-DSIZE=${size}`, "-DFAIL=0"]),
          { name: path },
        ).container;
      container = build(SOURCE, 64);
      object = scratchFile("versions.spf", container);
      larger = scratchFile("larger.spf", build(SOURCE, 65));
      maps = build(MAPS, 0);
    });
    const shell = (path: string, script: string, ...options: string[]) =>
      run(X64, "spf-interactive", ["--pin", path, ...options], script);
    const load = (path: string, bytes = container, cpus?: number) =>
      new Runtime({ output: () => {} }).load("x", bytes, { maps: pinned(path, { cpus }) });

    test("what Node wrote the shell sees, and the other way round, at the same time", () => {
      const path = scratchPath("node.pin");
      const instance = load(path);
      instance.runProgram("count", 7);
      const said = shell(
        path,
        `load file x ${object}\nrun x --program count 7\nrun x --program count 9\nmap dump x kept\n`,
      );
      expect(said).toEqual({
        status: 0,
        stdout: `load 1
r0 = 2 (0x2)
r0 = 1 (0x1)
key: 07 00 00 00  value: 02 00 00 00 00 00 00 00
key: 09 00 00 00  value: 01 00 00 00 00 00 00 00
Found 2 elements
unload 1
`,
        stderr: "",
      });
      expect([instance.maps.kept.get(7), instance.maps.kept.get(9)]).toEqual([2n, 1n]);
    });

    test("Node reads a file that the shell made, with maps of all types", () => {
      const path = scratchPath("c.pin");
      const file = scratchFile("maps.spf", maps);
      const script = `load file m ${file}\nrun m --program add 5 6\nrun m --program bump 1\nrun m --program tell 3\nrun m --program inside 1 1\n`;
      expect(shell(path, script, "--cpus", "3").stderr).toBe("");
      expect(statSync(path).mode & 0o777).toBe(0o600);
      const instance = load(path, maps, 8);
      expect(instance.store?.cpus).toBe(3);
      expect(instance.maps.hash.get(5)).toBe(6n);
      expect(instance.runProgram("bump", 1)).toBe(2n); // the place of the process that is gone
      expect(instance.runProgram("inside", 1, 1)).toBe(2n);
      expect([...(instance.maps.ring.next() as Uint8Array)]).toEqual([
        3, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0,
      ]);
    });

    test("a replacement keeps pinned maps", () => {
      const path = scratchPath("replace.pin");
      const script = `load file x ${object}\nrun x --program count 7\nreplace x ${object}\nrun x --program count 7\nreplace x ${larger}\nrun x --program count 7\n`;
      const { stdout, stderr } = shell(path, script);
      expect(stdout).toBe("load 1\nr0 = 1 (0x1)\nload 1\nunload 1\nr0 = 2 (0x2)\nr0 = 3 (0x3)\nunload 1\n");
      expect(stderr).toMatch(
        /^spf-interactive: .*larger.spf: map kept: expected .* max_entries 64, .* got .* max_entries 65,/,
      );
    });

    test("another definition, another kind of file, no room for one more thread", () => {
      const path = scratchPath("refused.pin");
      const instance = load(path, container, 1);
      expect(shell(path, "")).toEqual({
        status: 1,
        stdout: "",
        stderr: `spf-interactive: all 1 slots of ${path} are in use\n`,
      });
      instance[Symbol.dispose]();
      expect(shell(path, `load file x ${larger}\n`)).toEqual({
        status: 1,
        stdout: "",
        stderr: `spf-interactive: ${path}: map kept: expected a map like the one in the file, got another
spf-interactive: ${larger}: map kept: expected a map of the file, got another
`,
      });
      expect(shell("/tmp", "").stderr).toBe(
        "spf-interactive: /tmp: expected a file that can be read and written, got Is a directory\n",
      );
      expect(shell("/dev/null", "").stderr).toBe(
        "spf-interactive: /dev/null: expected a file, got something else\n",
      );
    });

    /** What is done to a good file, and what is said of it; `sealed`: with a new checksum. */
    const BROKEN: [name: string, at: number, value: number, sealed: boolean, message: string][] = [
      ["foreign", 0, 1, true, "expected a file of pinned maps, got another file"],
      ["version", 8, 2, true, "expected version 1, got 2"],
      ["count", 12, 300, false, "expected at most 256 maps, got 300"],
      [
        "checksum",
        24,
        1,
        false,
        "expected contents that match their checksum, got others (the file is damaged)",
      ],
      ["cpus", 28, 65, true, "expected 1 to 64 threads, got 65"],
      ["size", 16, 0x7ffff000, true, "expected at most the file's size, got 2147479552"],
      ["name", PIN.directory, 0, true, "entry 0: expected a name of 1 to 63 bytes, got none or a longer one"],
      ["values", PIN.directory + 84, 7, true, "entry 0: expected 1 value, or one for each thread, got 7"],
      ["reserved", PIN.directory + 92, 1, true, "entry 0: expected 0 (reserved), got 1"],
      ["in the header", PIN.directory + 96, 4096, true, "entry 0: expected a map inside the file, got kept"],
      [
        "not at a page",
        PIN.directory + 96,
        PIN.blocks + 64,
        true,
        "entry 0: expected a map inside the file, got kept",
      ],
      ["behind the end", PIN.directory + 108, 1, true, "entry 0: expected a map inside the file, got kept"],
    ];

    test.each(BROKEN)("refuses a file: %s", (name, at, value, sealed, message) => {
      const path = scratchPath("broken.pin");
      load(path)[Symbol.dispose]();
      const bytes = readFileSync(path);
      bytes.writeUInt32LE(value, at);
      if (sealed) {
        bytes.writeUInt32LE(0, 24);
        const entries = bytes.subarray(PIN.directory, PIN.directory + PIN.entry * bytes.readUInt32LE(12));
        bytes.writeUInt32LE(crc32(Buffer.concat([bytes.subarray(0, 64), entries])), 24);
      }
      writeFileSync(path, bytes);
      expect(shell(path, "").stderr, name).toBe(`spf-interactive: ${path}: ${message}\n`);
    });

    test("a short file is refused, a link is followed", () => {
      const path = scratchFile("short.pin", new Uint8Array(100));
      expect(shell(path, "").stderr).toContain(
        "expected a file of pinned maps, 36864 bytes or more, got 100",
      );
      const [target, link] = [scratchPath("target.pin"), scratchPath("link.pin")];
      symlinkSync(target, link);
      expect(shell(link, `load file x ${object}\n`).status).toBe(0);
      expect(existsSync(target)).toBe(true);
    });

    test("the place of a process that ended is free before anybody has waited for it", async () => {
      const path = scratchPath("zombie.pin");
      load(path, container, 1)[Symbol.dispose]();
      const tool = join(DEVICE, X64.build, "spf-interactive");
      // The shell becomes sleep, which does not wait for the child that it then has.
      const script = `sleep 60 | "${tool}" --pin "${path}" & read line; kill -9 $!; exec sleep 60`;
      const parent = spawn("sh", ["-c", script], { stdio: ["pipe", "ignore", "ignore"], detached: true });
      const until = async (said: string) => {
        const start = performance.now();
        let result = "";
        while (result !== said && performance.now() - start < 10_000) {
          await new Promise((resolve) => setTimeout(resolve, 20));
          const { stdout, stderr } = shell(path, "show\n");
          result = stdout + stderr;
        }
        expect(result).toBe(said);
      };
      try {
        await until(`spf-interactive: all 1 slots of ${path} are in use\n`);
        parent.stdin.write("\n");
        await until("nothing is loaded\n");
      } finally {
        process.kill(-(parent.pid ?? 0), "SIGKILL");
      }
    });

    test("a process that is killed in the middle leaves the others working, and its place", {
      timeout: 60_000,
    }, async () => {
      const path = scratchPath("killed.pin");
      load(path, container, 2)[Symbol.dispose]();
      const tool = join(DEVICE, X64.build, "spf-interactive");
      const ends = (child: ChildProcess) => new Promise((resolve) => child.on("exit", resolve));
      const steady = `load file x ${object}\n${"run x --program count 1\n".repeat(20_000)}`;
      for (let round = 0; round < 4; round++) {
        const victim = spawn(tool, ["--pin", path], { stdio: ["pipe", "ignore", "ignore"] });
        victim.stdin.on("error", () => {});
        const gone = ends(victim);
        victim.stdin.write(
          `load file x ${object}\n${"run x --program count 2\nmap delete x kept 02000000\n".repeat(200_000)}`,
        );
        const worker = spawn(tool, ["--pin", path], { stdio: ["pipe", "ignore", "pipe"] });
        let said = "";
        worker.stderr.on("data", (bytes) => {
          said += bytes;
        });
        worker.stdin.on("error", () => {});
        const done = ends(worker);
        worker.stdin.end(steady);
        await new Promise((resolve) => setTimeout(resolve, 20 + 15 * round));
        victim.kill("SIGKILL");
        await gone;
        expect([await done, said]).toEqual([0, ""]);
      }
      const { stdout, stderr } = shell(
        path,
        `load file x ${object}\nmap lookup x kept 01000000\nrun x --program count 3\n`,
      );
      expect(stderr).toBe("");
      // 80000 = 0x13880: no addition is lost.
      expect(stdout).toBe(
        "load 1\nkey: 01 00 00 00  value: 80 38 01 00 00 00 00 00\nr0 = 1 (0x1)\nunload 1\n",
      );
    });
  },
);
