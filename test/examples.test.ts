/** Every example prints what its expected.txt says: compiled at each level, as bare and spf, in Node and in bare-cmd. */

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compile } from "../compiler/compile.ts";
import { Runtime } from "../runtime/index.ts";
import { buildPackage } from "./built.ts";
import { buildCli } from "./cli/process.ts";
import { make, run, scratchFile, skip, TARGETS } from "./device-tools.ts";
import { ALL_EXAMPLES, EXAMPLES, EXAMPLES_DIR, type Example, SESSIONS } from "./example-list.ts";

const FORMATS = ["bare", "spf"] as const;
const LEVELS = [0, 1, 2, "s"] as const;
type Format = (typeof FORMATS)[number];
type Level = (typeof LEVELS)[number];

const build = ({ object, name, ctx }: Example, format: Format, optimize: Level) =>
  compile(object, { name, format, optimize, ctx, check: true }).container;

/** What examples/08-js-helper/embed.mjs gives its program. */
const READING = {
  2000001: { name: "reading", call: (_: unknown, channel: number | bigint) => Number(channel) * 10 },
};

/** The output of a run in this process, with the line that `run` adds. */
function runHere(example: Example, container: Uint8Array): string {
  const parts: Uint8Array[] = [];
  const runtime = new Runtime({ output: (bytes) => parts.push(bytes), timeout: 5000, helpers: READING });
  using program = runtime.load(example.name, container);
  const { memory, args, host } = example;
  let r0: bigint;
  if (memory !== undefined) r0 = program.run(memory, memory.length);
  else if (host !== undefined) r0 = program.run(...args.map(Number));
  else r0 = program.runCommand([example.name, ...args]);
  return `${Buffer.concat(parts)}r0 = ${r0} (0x${r0.toString(16)})\n`;
}

const CASES = EXAMPLES.flatMap((example) =>
  LEVELS.map((level) => ({ name: `${example.name} -O${level}`, example, level })),
);

test("there are sixteen examples or more, each in the list of README.md", () => {
  const readme = readFileSync(join(EXAMPLES_DIR, "README.md"), "utf8");
  expect(ALL_EXAMPLES.length).toBeGreaterThanOrEqual(16);
  for (const { name, folder } of ALL_EXAMPLES) {
    const [title] = readFileSync(join(folder, "README.md"), "utf8").split("\n");
    expect(readme).toContain(`| [${name}](${name}/README.md) | ${title.slice(2)} |`);
  }
});

describe("what a README promises is what the test expects", () => {
  test.each(ALL_EXAMPLES)("$name", ({ folder, expected }) => {
    const readme = readFileSync(join(folder, "README.md"), "utf8");
    const promised = readme.split("\nprints\n\n")[1].replaceAll(/^ {4}/gm, "");
    expect(promised).toBe(expected);
  });
});

describe("in Node", () => {
  test.each(CASES)("$name", ({ example, level }) => {
    for (const format of FORMATS)
      expect(runHere(example, build(example, format, level)), format).toBe(example.expected);
  });
});

const [X64] = TARGETS;

describe.skipIf(skip("gcc", "make") || process.arch !== "x64")("in bare-cmd", () => {
  beforeAll(() => {
    make(X64);
  });

  const alone = CASES.filter(({ example }) => example.host === undefined);
  test.each(alone)("$name", ({ example, level }) => {
    const file = scratchFile("prog.bare", build(example, "bare", level));
    const { memory, args } = example;
    const options = memory === undefined ? [] : ["--mem", `hex:${Buffer.from(memory).toString("hex")}`];
    const result = run(X64, "bare-cmd", [...options, file, ...args]);
    expect(result).toEqual({ status: 0, stdout: example.expected, stderr: "" });
  });

  const hosted = CASES.filter(({ example }) => example.host !== undefined);
  test.each(hosted)("$name is refused by a host without its helper", ({ example, level }) => {
    const file = scratchFile("prog.bare", build(example, "bare", level));
    const result = run(X64, "bare-cmd", [file, ...example.args]);
    expect(result.status).toBe(1);
    expect(result.stderr).toContain("expected helpers that this host has, got helper 2000001");
  });
});

describe("embedded in a program of its own", () => {
  const hosted = ALL_EXAMPLES.flatMap((example) => {
    const { folder, host, expected } = example;
    if (host !== undefined) return { ...example, host, expected };
    if (!existsSync(join(folder, "host.mjs"))) return [];
    return { ...example, host: "host.mjs", expected: readFileSync(join(folder, "host.txt"), "utf8") };
  });
  let root: string;
  beforeAll(() => {
    root = buildPackage("examples");
  });
  afterAll(() => rmSync(root, { recursive: true }));

  test.each(hosted)("$name", { timeout: 120_000 }, ({ name, host, expected }) => {
    const output = execFileSync(process.execPath, [join(root, "examples", name, host)], {
      encoding: "utf8",
    });
    expect(output).toBe(expected);
  });
});

/** As a user would type it: the shell reads the session in the example's folder. */
describe("in the shell", () => {
  const cases = SESSIONS.flatMap((example) =>
    (["native", "interpret"] as const).map((engine) => ({ ...example, engine })),
  );
  let main: string;
  beforeAll(() => {
    main = buildCli();
  });

  test.each(cases)("$name, $engine", ({ folder, shell = [], engine, expected }) => {
    const pin = scratchFile("session.pin", new Uint8Array(0));
    const options = shell.map((option) => option.replace("$PIN", pin));
    const args = [main, "shell", "--engine", engine, ...options, "session.txt"];
    expect(execFileSync(process.execPath, args, { cwd: folder, encoding: "utf8" })).toBe(expected);
  });
});

describe("sizes", () => {
  const at = (name: string) => EXAMPLES.find((example) => example.name === name)!;

  test.each([
    ["01-hello", 128],
    ["02-fibonacci", 256],
  ])("%s as bare takes at most %i bytes at every level", (name, limit) => {
    for (const level of LEVELS)
      expect(build(at(name), "bare", level).length, `-O${level}`).toBeLessThanOrEqual(limit);
  });

  /** Bytes that an spf spends on the names and places of variables, which bare does not have. */
  const named = (symbols: { name: string }[]) =>
    symbols.reduce((sum, { name }) => sum + 12 + name.length + 1, 0);

  test.each(EXAMPLES)(
    "$name as spf takes at most 160 bytes more, names of variables not counted",
    (example) => {
      for (const level of LEVELS) {
        const bare = build(example, "bare", level).length;
        const spf = build(example, "spf", level);
        const { container } = new Runtime({ helpers: READING }).load(example.name, spf);
        expect(spf.length - named(container.symbols), `-O${level}`).toBeLessThanOrEqual(bare + 160);
      }
    },
  );
});
