/** Maps in files: shared by processes, kept between them, refused when anything about the file is off. */

import { execFileSync, spawn } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { PIN } from "../../formats/pin.ts";
import { InputError, pinned, Runtime } from "../../runtime/index.ts";
import { bundle } from "../bundle.ts";
import { scratchPath } from "../cli/cli.ts";
import { buildCli } from "../cli/process.ts";
import { bpfObject } from "../compile/agree.ts";
import { skip } from "../device-tools.ts";

const SOURCE = new URL("programs/versions.c", import.meta.url).pathname;
const CACHE = new URL("../../node_modules/.cache/pin", import.meta.url).pathname;

describe.skipIf(skip("clang-19"))("pinned maps", () => {
  let container: Uint8Array;
  let larger: Uint8Array;
  let main: string;
  beforeAll(() => {
    const build = (size: number) => {
      const flags = ["-mcpu=v3", "-O2", "-DVERSION=1", `-DSIZE=${size}`, "-DFAIL=0"];
      return compile(bpfObject("clang-19", SOURCE, flags), { name: "versions.o" }).container;
    };
    [container, larger] = [build(64), build(65)];
  });

  const load = (path: string, cpus?: number) =>
    new Runtime({ output: () => {} }).load("x", container, { maps: pinned(path, { cpus }) });

  it("outlive the runtime, and are seen by all at once", () => {
    const path = scratchPath("maps.pin");
    const first = load(path);
    first.runProgram("count", 7);
    const second = load(path);
    expect([second.runProgram("count", 7), first.maps.kept.get(7)]).toEqual([2n, 2n]);
    first[Symbol.dispose]();
    second[Symbol.dispose]();
    expect(load(path).maps.kept.get(7)).toBe(2n);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it("refuses a map of another definition, and a file without permission", () => {
    const path = scratchPath("maps.pin");
    load(path)[Symbol.dispose]();
    expect(() => new Runtime().load("x", larger, { maps: pinned(path) })).toThrow(
      /maps.pin: map kept: expected type 1, key 4 B, value 8 B, max_entries 64, .* got .* max_entries 65/,
    );
    expect(() => pinned("/nowhere/maps.pin")).toThrow(
      "expected a file that can be read and written, got no such file",
    );
    expect(() => pinned("/tmp")).toThrow("got a directory");
    if (process.getuid?.() !== 0) {
      chmodSync(path, 0o400);
      expect(() => pinned(path)).toThrow("got a file without permission");
    }
  });

  /** What is done to a good file, and what is said of it. */
  const cases: [name: string, change: (file: Buffer) => Buffer, message: RegExp][] = [
    ["foreign", () => Buffer.alloc(50_000, "text"), /a file of pinned maps, got another file/],
    ["short", (file) => file.subarray(0, 1000), /a file of pinned maps, 36864 bytes or more, got 1000 bytes/],
    ["cut", (file) => file.subarray(0, file.length - 64), /expected at most \d+, the file's size, got/],
    ["version", (file) => set(file, 8, 2), /version 1, got 2/],
    ["count", (file) => set(file, 12, 300), /at most 256 maps, got 300/],
    ["checksum", (file) => set(file, 24, 1), /checksum 0x[0-9a-f]+, got 0x1/],
    ["name", (file) => set(file, PIN.directory, 0x41414141), /checksum/],
  ];
  const set = (file: Buffer, at: number, value: number) => {
    file.writeUInt32LE(value, at);
    return file;
  };
  it.each(cases)("refuses a file that is %s", (_, change, message) => {
    const path = scratchPath("broken.pin");
    load(path)[Symbol.dispose]();
    writeFileSync(path, change(readFileSync(path)));
    expect(() => pinned(path)).toThrow(message);
    expect(() => pinned(path)).toThrow(InputError);
  });

  it("a damaged block is an error of the map, never of the process", () => {
    const path = scratchPath("damaged.pin");
    const before = load(path);
    for (let k = 0; k < 40; k++) before.runProgram("count", k);
    before[Symbol.dispose]();
    const good = readFileSync(path);
    let seed = 99;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
      return (seed >> 8) % below;
    };
    for (let round = 0; round < 15; round++) {
      const file = Buffer.from(good);
      for (let k = 0; k < 20; k++) file[PIN.blocks + random(file.length - PIN.blocks)] = random(256);
      writeFileSync(path, file);
      try {
        const instance = load(path);
        for (let k = 0; k < 50; k++) instance.runProgram("count", k);
        for (const [key] of instance.maps.kept) instance.maps.kept.delete(key);
        instance[Symbol.dispose]();
      } catch (error) {
        expect((error as { code?: string }).code).toMatch(/^ERR_RUNBPF_MAP$/);
      }
    }
  });

  it("the shell's map commands work on the file", () => {
    const path = scratchPath("cli.pin");
    const instance = load(path, 2);
    for (let k = 0; k < 3; k++) instance.runProgram("count", k);
    const cli = (...args: string[]) =>
      execFileSync(process.execPath, [main, "map", ...args, "--pin", path], { encoding: "utf8" });
    expect(cli("list")).toBe("kept: hash  flags 0x0\n\tkey 4B  value 8B  max_entries 64\n");
    expect(cli("lookup", "kept", "1")).toBe("key: 01 00 00 00  value: 01 00 00 00 00 00 00 00\n");
    expect(
      cli(
        "update",
        "kept",
        "key",
        "hex",
        "2a",
        "0",
        "0",
        "0",
        "value",
        "1",
        "2",
        "0",
        "0",
        "0",
        "0",
        "0",
        "0",
      ),
    ).toBe("");
    expect(cli("delete", "kept", "0")).toBe("");
    expect(instance.maps.kept.get(42)).toBe(513n);
    const dumped = JSON.parse(cli("dump", "kept", "--json")) as {
      formatted: { key: number; value: number };
    }[];
    expect(dumped.map(({ formatted }) => formatted).sort((a, b) => a.key - b.key)).toEqual([
      { key: 1, value: 1 },
      { key: 2, value: 1 },
      { key: 42, value: 513 },
    ]);
  });

  it("threads beyond the file's number are refused; those that are gone leave their places", () => {
    const path = scratchPath("places.pin");
    const instance = load(path, 1);
    expect(instance.store?.cpus).toBe(1);
    const run = () => execFileSync(process.execPath, [main, "map", "list", "--pin", path], { stdio: "pipe" });
    expect(run).toThrow(/expected at most 1 threads at once, got one more/);
    instance[Symbol.dispose]();
    expect(`${run()}`).toContain("kept: hash");
  });

  it("processes count together while others are killed in the middle", { timeout: 120_000 }, async () => {
    const path = scratchPath("killed.pin");
    const file = join(CACHE, "pin-program.mjs");
    const object = scratchPath("program.spf");
    writeFileSync(object, container);
    const start = (...args: string[]) =>
      spawn(process.execPath, [file, path, object, ...args], { stdio: "pipe" });
    const rounds = process.env.RUNBPF_SLOW ? 30 : 4;
    const steady = [1, 2].map((key) => start(String(key), "200000"));
    const ends = steady.map(
      (child) => new Promise<number>((resolve) => child.on("exit", (code) => resolve(code ?? -1))),
    );
    for (let round = 0; round < rounds; round++) {
      const victim = start("3", "0");
      await new Promise((resolve) => victim.stdout.once("data", resolve));
      await new Promise((resolve) => setTimeout(resolve, 20 + 10 * round));
      victim.kill("SIGKILL");
      await new Promise((resolve) => victim.on("exit", resolve));
    }
    expect(await Promise.all(ends)).toEqual([0, 0]);
    const { kept } = load(path).maps;
    expect([kept.get(1), kept.get(2)]).toEqual([200_000n, 200_000n]);
    expect(kept.get(3)).toBeGreaterThan(0n);
    // Everyone inserts and deletes in this range; what is left is whole.
    for (const [key, value] of kept) expect([key, value]).toEqual([key, (key as number) > 9 ? 1n : value]);
    kept.clear();
    for (let k = 0; k < 60; k++) kept.set(100 + k, 1n);
    expect(kept.size).toBe(60);
  });

  beforeAll(async () => {
    mkdirSync(CACHE, { recursive: true });
    await bundle("test/runtime/pin-program.ts", join(CACHE, "pin-program.mjs"));
    main = buildCli();
  });
});
