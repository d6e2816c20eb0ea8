/** The shell: words, completion, scripts and pipes to output and status, and a session at a prompt. */

import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { parseArgs } from "../../cli/args.ts";
import { COMMANDS } from "../../cli/commands.ts";
import { complete } from "../../cli/complete.ts";
import { shell } from "../../cli/shell.ts";
import { SHELL_COMMANDS } from "../../cli/shell-commands.ts";
import { splitWords } from "../../cli/words.ts";
import { EXAMPLES } from "../example-list.ts";
import { cli, fakeIo, scratchFile, scratchPath } from "./cli.ts";
import { assembled } from "./programs.ts";

const example = (name: string): string => join(EXAMPLES.find((e) => e.name === name)!.folder, "prog.o");
const HELLO = example("01-hello");
const ARGV = example("03-print-argv");
const GLOBALS = example("04-globals");
const FILTER = example("09-packet-filter");

test.each<[line: string, words: string[] | "refused"]>([
  ["", []],
  ["  # nothing", []],
  ["load  file\ta b", ["load", "file", "a", "b"]],
  ['run a "two words" x', ["run", "a", "two words", "x"]],
  ["run 'a b'c", ["run", "a bc"]],
  ['"a \\"b\\" \\\\"', ['a "b" \\']],
  ["a\\ b", ["a b"]],
  ['""', [""]],
  ["a#b #c", ["a#b", "#c"].slice(0, 1)],
  ["a '#b'", ["a", "#b"]],
  ['run "a', "refused"],
  ["run 'a", "refused"],
  ["run a\\", "refused"],
])("words of %j", (line, words) => {
  if (words === "refused") expect(() => splitWords(line)).toThrow("without its end");
  else expect(splitWords(line)).toEqual(words);
});

describe("completion", () => {
  const directory = mkdtempSync(join(tmpdir(), "runbpf-complete-"));
  mkdirSync(join(directory, "programs"));
  for (const name of ["one.bare", "one.spf", "two.o"]) writeFileSync(join(directory, "programs", name), "");
  test.each<[line: string, found: string[], replaces: string]>([
    ["", SHELL_COMMANDS.map(({ usage }) => `${usage.split(" ")[0]} `), ""],
    ["lo", ["load "], "lo"],
    ["load ", ["file "], ""],
    ["unload ", ["all ", "instance "], ""],
    ["unload instance ", ["filter ", "first "], ""],
    ["run fi", ["filter ", "first "], "fi"],
    ["replace filter ", [`${directory}/`], directory.slice(0, -2)],
    [`load file x ${directory}/pro`, [`${directory}/programs/`], `${directory}/pro`],
    [
      `load file x ${directory}/programs/o`,
      ["one.bare", "one.spf"].map((f) => `${directory}/programs/${f}`),
      `${directory}/programs/o`,
    ],
    ["load file x /nowhere/", [], "/nowhere/"],
    ["show ", [], ""],
    ["nonsense ", [], ""],
  ])("%j", (line, found, replaces) => {
    const typed = line.endsWith(" ") && replaces !== "" ? line + replaces : line;
    const [hits, part] = complete(typed, ["first", "filter"]);
    expect(hits).toEqual([...new Set(found)].sort());
    expect(part).toBe(replaces);
  });
});

/** Runs a script through a pipe. */
const pipe = (lines: string[], options: string[] = []) =>
  cli(["shell", ...options], { input: Readable.from([lines.join("\n")]) });

describe("a script", () => {
  test("loads, runs, shows, replaces and unloads", async () => {
    const bare = scratchPath("hello.bare");
    await cli(["convert", "bare", HELLO, "-o", bare]);
    const filter = scratchPath("filter.spf");
    await cli(["convert", "spf", FILTER, "--ctx", "mem", "-o", filter]);
    const { status, out, err } = await pipe([
      "# a comment, and an empty line",
      "",
      `load file hello "${bare}"`,
      `load file argv ${ARGV}`,
      `load file filter ${filter}`,
      "run hello",
      'run argv "two words"',
      "run filter --mem hex:0000",
      "testcmd x",
      "show",
      `replace hello ${ARGV}`,
      "run hello",
      "unload instance argv",
      "show",
      "unload all",
      "show",
      "quit",
      "this is not reached",
    ]);
    expect(err).toBe("");
    expect(status).toBe(0);
    const size = readFileSync(bare).length;
    const [shown, after] = [...out.matchAll(/^name.*\n(?:\S+ {2}.*\n)+/gm)].map(([table]) =>
      table.replace(/ +/g, " ").replace(/ [\d.]+ (ns|µs|ms|s) \d+$/gm, " T N"),
    );
    expect(
      out.startsWith(
        'Hello, world!\nr0 = 0 (0x0)\nargv[1] = "two words", 9 bytes\nr0 = 2 (0x2)\nr0 = 0 (0x0)\n',
      ),
    ).toBe(true);
    expect(out).toContain(
      'Hello, world!\nhello: r0 = 0 (0x0)\nargv[1] = "x", 1 bytes\nargv print_argv: r0 = 2 (0x2)\n',
    );
    expect(shown).toBe(
      "name kind programs hooks helpers maps runs time bytes\nhello bare - - puts - 2 T N\nargv elf print_argv tcmd/print-argv printf, strlen - 2 T N\nfilter spf dns filter/dns - - 1 T N\n",
    );
    expect(out).toMatch(new RegExp(`2 +\\S+ \\S+ +${size}\n`));
    expect(after).toMatch(/^name .*\nhello elf print_argv .* 1 T N\nfilter spf .*\n$/);
    expect(out.endsWith("nothing is loaded\n")).toBe(true);
  });

  test("globals belong to the instance", async () => {
    const { out } = await pipe([
      `load file a ${GLOBALS}`,
      `load file b ${GLOBALS}`,
      "run a",
      "run a",
      "run b",
    ]);
    expect(out.match(/^run \d/gm)).toEqual(["run 1", "run 2", "run 1"]);
  });

  test.each<[lines: string[], message: string]>([
    [["show", "shw"], '2: unknown command "shw" (did you mean show?)'],
    [["frobnicate"], '1: unknown command "frobnicate"; help lists them'],
    [["load hello"], "1: usage: load file NAME FILE"],
    [["", "load file hello"], "2: usage: load file NAME FILE"],
    [["show all"], "1: usage: show"],
    [["load file a /nowhere"], "1: /nowhere: expected a file that can be read, got no such file"],
    [
      [`load file a ${HELLO}`, `load file a ${HELLO}`],
      "2: a: expected a name that is free, got that of a loaded instance",
    ],
    [["run a"], "1: a: expected a loaded instance, got a name that nothing is loaded under"],
    [[`load file a ${HELLO}`, "run b"], "2: b: expected one of the instances a, got a name"],
    [[`load file a ${FILTER}`, "run a x"], '2: r1: expected a number of 64 bits (5, -1, 0xff), got "x"'],
    [[`load file a ${FILTER}`, "run a --mem"], "2: --mem needs a value"],
    [[`load file a ${HELLO}`, "run a --program b"], '2: a: expected one of the programs hello, got "b"'],
    [[`replace a ${HELLO}`], "1: a: expected a loaded instance"],
    [["unload instance a"], "1: a: expected a loaded instance"],
    [["unload"], "1: usage: unload instance NAME | unload all"],
    [["testcmd"], "1: testcmd: expected a loaded program of context cmd, got none"],
    [['run "a'], "1: a quote or a backslash without its end"],
  ])("%j ends with status 1 and the number of the line", async (lines, message) => {
    const { status, err } = await pipe([...lines, "help"], ["--ctx", "mem", "--no-verify"]);
    expect(err).toMatch(/^runbpf: standard input:[^\n]+\n$/);
    expect(err).toContain(`standard input:${message}`);
    expect(status).toBe(1);
  });

  test("nothing behind the failing line runs", async () => {
    const { out } = await pipe([`load file a ${HELLO}`, "nonsense", "run a"]);
    expect(out).toBe("");
  });

  test("a fault is a failing line, and the instance stays usable", async () => {
    const file = scratchFile("fault.bin", assembled("r0 = *(u64 *)(r1 + 0x10)\nexit"));
    const spf = scratchPath("fault.spf");
    await cli(["convert", "spf", file, "--raw", "--no-verify", "--ctx", "args", "-o", spf]);
    const { status, err } = await pipe([`load file f ${spf}`, "run f"]);
    expect(err).toMatch(/^runbpf: standard input:2: .*SIGSEGV.*\n$/);
    expect(status).toBe(1);
  });

  test("replacing by something that is refused keeps the old one", async () => {
    const io = fakeIo({ input: Readable.from([`load file a ${HELLO}\nreplace a ${HELLO}x\n`]) });
    const args = parseArgs(COMMANDS.find(({ name }) => name === "shell")!, []);
    expect(await shell(args, io)).toBe(1);
    const kept = await pipe([`load file a ${HELLO}`, `replace a ${HELLO}`, "run a"]);
    expect(kept.out).toBe("Hello, world!\nr0 = 0 (0x0)\n");
  });

  test("from a file, with CR LF and without an end of line", async () => {
    const script = scratchFile("deploy.txt", `load file a ${HELLO}\r\nrun a\r\nnope`);
    const { status, out, err } = await cli(["shell", script]);
    expect(out).toBe("Hello, world!\nr0 = 0 (0x0)\n");
    expect(err).toBe(`runbpf: ${script}:3: unknown command "nope"; help lists them\n`);
    expect(status).toBe(1);
  });

  test("--deny and --timeout hold for what is loaded", async () => {
    const denied = await pipe([`load file a ${HELLO}`], ["--deny", "sys"]);
    expect(denied.err).toContain("which is denied");
    const spin = scratchPath("spin.spf");
    const raw = scratchFile("spin.bin", assembled("loop:\nr0 += 1\ngoto loop"));
    await cli(["convert", "spf", raw, "--raw", "--no-verify", "--ctx", "args", "-o", spin]);
    const late = await pipe([`load file s ${spin}`, "run s"], ["--timeout", "30"]);
    expect(late.err).toMatch(/standard input:2: .*30 ms/);
  });
});

describe("at a prompt", () => {
  /** A terminal: types `keys`, waits for `until` in what the shell writes, and so on. */
  async function session(steps: [keys: string, until: string | RegExp][], home: string) {
    const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => input });
    const output = new PassThrough();
    let screen = "";
    const write = (data: string | Uint8Array) => {
      screen += Buffer.from(data as Uint8Array).toString();
    };
    output.on("data", (data) => write(data));
    const terminal = { out: true, err: true };
    const io = fakeIo({ input, output, terminal, env: { HOME: home }, out: write, err: write });
    const args = parseArgs(COMMANDS.find(({ name }) => name === "shell")!, []);
    const done = shell(args, io);
    for (const [keys, until] of steps) {
      const before = screen.length;
      input.write(keys);
      await expect.poll(() => screen.slice(before), { timeout: 5000 }).toMatch(until);
    }
    return { status: await done, screen };
  }

  test("history, completion, errors that do not end it, Ctrl-C", async () => {
    const home = mkdtempSync(join(tmpdir(), "runbpf-home-"));
    writeFileSync(join(home, ".runbpf_history"), "show\n");
    const { status, screen } = await session(
      [
        ["\x1b[A\r", "nothing is loaded"], // up: what the last session typed
        [`load file hello ${HELLO}\r`, /hello: elf, \d+ bytes/],
        ["run h", "run h"],
        ["\t", "ello "], // typed by itself: readline takes a tab in a paste as it is
        ["\r", "Hello, world!"],
        ["shw\r", 'unknown command "shw"'],
        ["half a line\x03", "half a line^C"],
        ["\x03", "Ctrl-D ends the shell"],
        ["unload instance hello\r", "runbpf> "],
        ["show\r", "nothing is loaded"],
        ["quit\r", "quit"],
      ],
      home,
    );
    expect(status).toBe(0);
    expect(screen).toContain("help lists the commands");
    const history = readFileSync(join(home, ".runbpf_history"), "utf8").split("\n");
    expect(history.slice(0, 3)).toEqual(["show", "show", `load file hello ${HELLO}`]);
    expect(history).toContain("run hello ");
  });

  test("Ctrl-D ends it", async () => {
    const home = mkdtempSync(join(tmpdir(), "runbpf-home-"));
    const { status } = await session(
      [
        ["help\r", "testcmd"],
        ["\x04", "\n"],
      ],
      home,
    );
    expect(status).toBe(0);
  });
});
