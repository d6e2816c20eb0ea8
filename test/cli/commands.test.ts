/** Command lines to exit status and output: usage, convert, run. One row a case. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { COMMANDS } from "../../cli/commands.ts";
import { cliDocs } from "../../cli/help.ts";
import { SHELL_COMMANDS } from "../../cli/shell-commands.ts";
import { VERSION } from "../../cli/version.ts";
import { EXAMPLES } from "../example-list.ts";
import { cli, scratchFile, scratchPath } from "./cli.ts";
import { assembled } from "./programs.ts";

const example = (name: string): string => join(EXAMPLES.find((e) => e.name === name)!.folder, "prog.o");
const HELLO = example("01-hello");
const FIBONACCI = example("02-fibonacci");
const ARGV = example("03-print-argv");
const MEAN = example("08-js-helper");
const FILTER = example("09-packet-filter");
const MAPS = new URL("../objects/maps-btf-clang19.o", import.meta.url).pathname;

/** Raw bytecode: returns r1 + r2, the first byte of memory, a fault, an endless loop. */
const SUM = scratchFile("sum.bin", assembled("r0 = r1\nr0 += r2\nexit"));
const LAST = scratchFile("last.bin", assembled("r0 = r5\nexit"));
const BYTE = scratchFile("byte.bin", assembled("r0 = *(u8 *)(r1 + 0x0)\nexit"));
const FAULT = scratchFile("fault.bin", assembled("r0 = *(u64 *)(r1 + 0x10)\nexit"));
const SPIN = scratchFile("spin.bin", assembled("loop:\nr0 += 1\ngoto loop"));
const BARE = scratchPath("hello.bare");
const SPF = scratchPath("hello.spf");

describe("wrong usage: status 2, the reason and the usage line", () => {
  const CONVERT = "usage: runbpf convert bare|spf <file.o> [options]\n";
  const RUN = "usage: runbpf run [bare|spf|elf] <file> [r1 … r5 | argv …] [options]\n";
  const MAIN = "usage: runbpf <command> [arguments] [options]; runbpf --help lists them\n";
  test.each<[line: string[], message: string, usage: string]>([
    [["covnert", "bare"], 'unknown command "covnert" (did you mean convert?)', MAIN],
    [["frobnicate"], 'unknown command "frobnicate"', MAIN],
    [["convert"], "convert: too few arguments", CONVERT],
    [["convert", "bare"], "convert: too few arguments", CONVERT],
    [["convert", "bear", HELLO], 'expected bare or spf, got "bear"', CONVERT],
    [["convert", "bare", HELLO, "x"], 'convert: "x" is one argument too many', CONVERT],
    [["convert", "bare", HELLO, "--jsno"], "unknown option --jsno (did you mean --json?)", CONVERT],
    [["convert", "bare", HELLO, "--json=1"], "--json takes no value", CONVERT],
    [["convert", "bare", HELLO, "-o"], "--output needs a value", CONVERT],
    [["convert", "bare", HELLO, "-o", "a", "-o", "b"], "--output is given twice", CONVERT],
    [["convert", "bare", HELLO, "-O3"], '--optimize: expected 0, 1, 2, s, got "3"', CONVERT],
    [["convert", "bare", HELLO, "-t", "z80"], "--target: expected bytecode, x64, arm64, riscv64", CONVERT],
    [["convert", "bare", HELLO, "-o", HELLO], `the container would overwrite ${HELLO}; choose`, CONVERT],
    [["convert", "bare", HELLO, "-g"], "a bare file has no room for names and lines", CONVERT],
    [["convert", "bare", "-"], "standard input needs --output", CONVERT],
    [["convert", "bare", HELLO, "--dump-pass", "simplfy"], "(did you mean simplify?)", CONVERT],
    [["convert", "bare", HELLO, "--extern", "f=4000000"], "--extern: expected NAME or NAME=ID", CONVERT],
    [["run"], "run: too few arguments", RUN],
    [["run", HELLO, "-n", "5"], "unknown option -n; arguments with a dash go behind --", RUN],
    [["run", HELLO, "--engine", "jit"], '--engine: expected native, interpret, got "jit"', RUN],
    [["run", HELLO, "--timeout", "1e3"], '--timeout: expected a number from 0 to 86400000, got "1e3"', RUN],
    [["run", HELLO, "--timeout", "-5"], '--timeout: expected a number from 0 to 86400000, got "-5"', RUN],
    [["run", HELLO, "--deny", "putz"], "(did you mean puts?)", RUN],
    [["run", HELLO, "--mem", "hex:00"], "--mem is for programs of context mem or args", RUN],
    [["run", FILTER, "--mem", "hex:0"], "--mem: expected pairs of hexadecimal digits", RUN],
    [["run", "bare", HELLO, "--raw"], "--raw: the file cannot be bare as well", RUN],
    [["run", SUM, "--raw", "--ctx", "args", "x"], "r1: expected a number of 64 bits (5, -1, 0xff), got", RUN],
    [["run", SUM, "--raw", "--no-verify", "0x10000000000000000"], "r1: expected a number of 64 bits", RUN],
    [
      ["run", SUM, "--raw", "--no-verify", "1", "2", "3", "4", "5", "6"],
      'expected at most 5 numbers, got 6: "6" is too',
      RUN,
    ],
    [
      ["run", SUM, "--raw", "--no-verify", "--mem", "hex:00", "1", "2", "3", "4"],
      "expected at most 3 numbers",
      RUN,
    ],
  ])("%j", async (line, message, usage) => {
    const { status, out, err } = await cli(line);
    expect(err).toContain(`runbpf: `);
    expect(err).toContain(message);
    expect(err.endsWith(usage), err).toBe(true);
    expect({ status, out }).toEqual({ status: 2, out: "" });
  });

  test("options of the compiler do not go with a container", async () => {
    await cli(["convert", "bare", HELLO, "-o", BARE]);
    const { status, err } = await cli(["run", BARE, "-O", "1"]);
    expect(status).toBe(2);
    expect(err).toContain("--optimize is for objects: in a bare file it is decided already");
  });

  test("no command at all", async () => {
    const { status, out, err } = await cli([]);
    expect({ status, out }).toEqual({ status: 2, out: "" });
    expect(err).toContain("usage: runbpf <command>");
  });
});

describe("refused input: status 1 and one line", () => {
  const TEXT = scratchFile("text", "hello\n");
  const EMPTY = scratchFile("empty", "");
  const CUT = scratchFile("cut.o", readFileSync(HELLO).subarray(0, 100));
  const EVIL = scratchFile("evil\x1b[31m", "");
  test.each<[line: string[], message: string]>([
    [["run", "/nowhere/prog.o"], "/nowhere/prog.o: expected a file that can be read, got no such file"],
    [["run", "/"], "/: expected a file that can be read, got a directory"],
    [["run", TEXT], `${TEXT}: expected a bare file, an spf file or an ELF object, got 68 65 6c 6c`],
    [["run", EMPTY], `${EMPTY}: expected a bare file, an spf file or an ELF object, got an empty file`],
    [["run", "bare", HELLO], `${HELLO}: expected a bare file, got 7f 45 4c 46 (an ELF object)`],
    [["convert", "bare", TEXT], `${TEXT}: expected an ELF object, got 68 65 6c 6c`],
    [["convert", "bare", CUT], `${CUT}`],
    [
      ["convert", "bare", HELLO, "-o", "/nowhere/x"],
      "/nowhere/x: expected a file that can be written, got no such",
    ],
    [["convert", "bare", MAPS, "--program", "nope"], 'got "nope"'],
    [
      ["convert", "bare", HELLO, "--extern", "puts=3000000", "--ctx", "cmd", "-t", "armv6-m", "-o", BARE],
      "armv6-m",
    ],
    [["run", MEAN, "3"], "expected imports that this host has, got helper 2000001, which is missing"],
    [
      ["run", HELLO, "--deny", "sys"],
      "expected imports that this host allows, got helper 1000051 (puts), which is denied",
    ],
    [["run", HELLO, "--allow", "base,1000050"], "got helper 1000051 (puts), which is denied"],
    [["run", HELLO, "--program", "bye"], 'expected one of the programs hello (tcmd/hello), got "bye"'],
    [["run", FILTER, "--ctx", "mem:20", "--mem", "hex:00"], "expected at least 20 bytes of memory, got 1"],
    [
      ["run", FILTER, "--ctx", "mem:20"],
      "expected at least 20 bytes of memory, got none (give them with --mem)",
    ],
    [
      ["run", FILTER, "--ctx", "xdp", "--no-verify"],
      "expected a program of context args, mem or cmd, got context xdp",
    ],
    [["dump", TEXT], `${TEXT}: expected a bare file, an spf file or an ELF object`],
    [["dump", EVIL], "evil\\x1b[31m: expected"],
    [
      ["run", SUM, "--raw", "--no-verify", "-O2", "--program", "other"],
      'expected one of the programs main, got "other"',
    ],
  ])("%j", async (line, message) => {
    const { status, out, err } = await cli(line);
    expect(err).toContain(message);
    expect(err).toMatch(/^runbpf: [^\n]*: expected [^\n]*, got [^\n]*\n$/);
    expect({ status, out }).toEqual({ status: 1, out: "" });
  });

  test("a damaged container", async () => {
    await cli(["convert", "spf", HELLO, "-o", SPF]);
    const bytes = readFileSync(SPF);
    bytes[40] ^= 1;
    const { status, err } = await cli(["run", scratchFile("damaged.spf", bytes)]);
    expect(status).toBe(1);
    expect(err).toContain("expected checksum");
  });
});

describe("a program that fails: status 3, function and source line", () => {
  test.each<[line: string[], message: RegExp]>([
    [
      ["run", FAULT, "--raw", "--no-verify", "0"],
      /^runbpf: .*fault.bin in main\(\) at code\+0x[0-9a-f]+: .*SIGSEGV.*0x10\n$/,
    ],
    [
      ["run", SPIN, "--raw", "--no-verify", "--timeout", "30"],
      /spin.bin in main\(\) at code\+0x[0-9a-f]+: .*30 ms\n$/,
    ],
  ])("%j", async (line, message) => {
    const { status, out, err } = await cli(line);
    expect(err).toMatch(message);
    expect({ status, out }).toEqual({ status: 3, out: "" });
  });

  test.each([[["run", "elf"]], [["run", "spf"]]])("%j names the line in C", async ([run, kind]) => {
    // print-argv reads argv[i] of a command line that is longer than memory: argc comes from --ctx args.
    const file = kind === "elf" ? ARGV : scratchPath("argv.spf");
    if (kind === "spf") await cli(["convert", "spf", ARGV, "-g", "--no-verify", "--ctx", "args", "-o", file]);
    const options = kind === "elf" ? ["--ctx", "args", "--no-verify"] : [];
    const { status, err } = await cli([run, kind, file, "2", "8", ...options]);
    expect(err).toMatch(/^runbpf: \.\/prog\.c:\d+: .* in print_argv\(\) at code\+0x[0-9a-f]+: .*SIGSEGV/);
    expect(status).toBe(3);
  });
});

describe("run", () => {
  const packet = join(EXAMPLES.find((e) => e.name === "09-packet-filter")!.folder, "packet.hex");
  const hex = readFileSync(packet, "utf8").trim();
  const binary = scratchFile("packet.bin", Buffer.from(hex, "hex"));
  const args = ["--raw", "--ctx", "args"];
  test.each<[line: string[], out: string]>([
    [["run", FIBONACCI], "r0 = 55 (0x37)\n"],
    [["run", FIBONACCI, "90"], "r0 = 2880067194370816120 (0x27f80ddaa1ba7878)\n"],
    [["run", SUM, ...args, "3", "4"], "r0 = 7 (0x7)\n"],
    [["run", SUM, ...args, "-5"], "r0 = 18446744073709551611 (0xfffffffffffffffb)\n"],
    [["run", SUM, "18446744073709551615", ...args], "r0 = 18446744073709551615 (0xffffffffffffffff)\n"],
    [["run", ...args, SUM, "9007199254740993"], "r0 = 9007199254740993 (0x20000000000001)\n"],
    [["run", SUM, "--raw", "--ctx=args", "--", "-0x10", "0xFF"], "r0 = 239 (0xef)\n"],
    [["run", LAST, ...args, "1", "2", "3", "4", "55"], "r0 = 55 (0x37)\n"],
    [["run", BYTE, "--raw", "--mem", "hex:2a00"], "r0 = 42 (0x2a)\n"],
    [["run", SUM, "--raw", "--no-verify", "--mem", "hex:", "--ctx", "mem", "-O0"], "r0 = "],
    [["run", FILTER, "--ctx", "mem", "--mem", `hex:${hex}`], "r0 = 1 (0x1)\n"],
    [["run", "elf", FILTER, "--mem", binary], "r0 = 1 (0x1)\n"],
    [["run", FILTER, "--mem", packet], "r0 = 0 (0x0)\n"],
    [
      ["run", ARGV, "--", "-n", "--json"],
      'argv[1] = "-n", 2 bytes\nargv[2] = "--json", 6 bytes\nr0 = 3 (0x3)\n',
    ],
    [["run", ARGV, "007", "1e3"], 'argv[1] = "007", 3 bytes\nargv[2] = "1e3", 3 bytes\nr0 = 3 (0x3)\n'],
    [["run", ARGV, "-7"], 'argv[1] = "-7", 2 bytes\nr0 = 2 (0x2)\n'],
    [["run", SUM, ...args, "--engine", "interpret", "-1", "3"], "r0 = 2 (0x2)\n"],
    [["run", HELLO, "--allow", "sys", "--timeout", "1000", "--no-verify"], "Hello, world!\nr0 = 0 (0x0)\n"],
  ])("%j", async (line, out) => {
    const result = await cli(line);
    expect(result.err).toBe("");
    expect(result.status).toBe(0);
    expect(result.out.startsWith(out), result.out).toBe(true);
  });

  test("--json prints one object, with the program's output inside", async () => {
    const { status, out } = await cli(["run", HELLO, "--json"]);
    const { nanoseconds, ...rest } = JSON.parse(out);
    expect(rest).toEqual({ r0: "0x0", engine: "native", program: "hello", output: "Hello, world!\n" });
    expect(nanoseconds).toBeGreaterThan(0);
    expect(status).toBe(0);
  });

  test("--json keeps all 64 bits, and tells of a fault", async () => {
    const sum = await cli(["run", SUM, "--raw", "--ctx", "args", "-1", "--json"]);
    expect(JSON.parse(sum.out).r0).toBe("0xffffffffffffffff");
    const fault = await cli(["run", FAULT, "--raw", "--no-verify", "--json"]);
    expect(JSON.parse(fault.out)).toMatchObject({ error: { code: "ERR_RUNBPF_FAULT" }, engine: "native" });
    expect(fault.status).toBe(3);
  });
});

describe("every example prints what it should", () => {
  const alone = EXAMPLES.filter(({ host }) => host === undefined);
  const cases = alone.flatMap((e) =>
    (["elf", "bare", "spf"] as const).flatMap((kind) =>
      (["native", "interpret"] as const).map((engine) => ({ ...e, kind, engine })),
    ),
  );
  test.each(cases)("$name: run $kind, $engine", async (example) => {
    const { name, folder, expected, args, ctx, memory, kind, engine } = example;
    const context = ctx === undefined ? [] : ["--ctx", ctx];
    const target = engine === "interpret" ? ["-t", "bytecode"] : [];
    const object = join(folder, "prog.o");
    const file = kind === "elf" ? object : scratchPath(`${name}.${kind}`);
    if (kind !== "elf") {
      const converted = await cli(["convert", kind, object, "-o", file, ...context, ...target]);
      expect(converted).toMatchObject({ status: 0, err: "" });
      expect(converted.out).toMatch(
        /^\S+: \d+ bytes \(\d+ code(, \d+ rodata)?(, \d+ data)?\), \w+, verified\n$/,
      );
    }
    // A container says by its code what runs it; an object is compiled for the engine asked for.
    const how = kind === "elf" ? [...context, "--engine", engine] : [];
    const mem = memory === undefined ? [] : ["--mem", `hex:${Buffer.from(memory).toString("hex")}`];
    const result = await cli(["run", kind, file, ...args, ...mem, ...how]);
    expect(result).toEqual({ status: 0, out: expected, err: "" });
  });
});

describe("convert", () => {
  test("writes beside the object unless told otherwise", async () => {
    const object = scratchFile("some.thing.o", readFileSync(HELLO));
    const { out } = await cli(["convert", "bare", object]);
    const file = object.replace(/\.o$/, ".bare");
    expect(out.startsWith(`${file}: ${readFileSync(file).length} bytes (`)).toBe(true);
  });

  test("to standard output, the line to standard error", async () => {
    const { out, err } = await cli(["convert", "bare", HELLO, "-o", "-"]);
    expect(out.startsWith("bare")).toBe(true);
    expect(err).toMatch(/^standard output: \d+ bytes \(/);
  });

  test("--json describes the file", async () => {
    const file = scratchPath("globals.bare");
    const { out, err } = await cli(["convert", "bare", example("04-globals"), "-o", file, "--json"]);
    expect(JSON.parse(out)).toMatchObject({
      ...{ file, format: "bare", target: process.arch, verified: true, imports: ["printf", "data"] },
      programs: [{ hook: "tcmd/globals", verification: { bounded: true, stack: 0, loops: 0 } }],
      bytes: { file: readFileSync(file).length, rodata: expect.any(Number) },
    });
    expect(err).toBe("");
  });

  test("--dump-pass and --time", async () => {
    const one = await cli(["convert", "bare", FIBONACCI, "-o", BARE, "--dump-pass", "build"]);
    expect(one.out.match(/^; after .*$/gm)).toEqual(["; after build"]);
    const all = await cli([
      "convert",
      "bare",
      FIBONACCI,
      "-o",
      BARE,
      "--dump-pass",
      "all",
      "--time",
      "--json",
    ]);
    expect(JSON.parse(all.out).format).toBe("bare"); // standard output is for the object alone
    expect(all.err).toContain("; after simplify\nfunction fibonacci {");
    expect(all.err).toMatch(/^step +ms\n(.+\n)*all +\d+\.\d\d +100 %\n$/m);
  });

  test("-g keeps names and lines, which bytes say nothing of otherwise", async () => {
    const [plain, debug] = [scratchPath("plain.spf"), scratchPath("debug.spf")];
    await cli(["convert", "spf", HELLO, "-o", plain]);
    await cli(["convert", "spf", HELLO, "-o", debug, "-g"]);
    expect(readFileSync(plain).includes("prog.c")).toBe(false);
    expect(readFileSync(debug).includes("prog.c")).toBe(true);
  });

  test("names of the host by --extern", async () => {
    const calls = new URL("../objects/calls-clang19.o", import.meta.url).pathname;
    const refused = await cli(["convert", "spf", calls, "-o", SPF]);
    expect(refused.err).toContain("my_extern");
    expect(refused.status).toBe(1);
    const taken = await cli(["convert", "spf", calls, "-o", SPF, "--extern", "my_extern=2000007", "--json"]);
    expect(JSON.parse(taken.out).imports).toContain("helper 2000007");
    const named = await cli(["convert", "spf", calls, "-o", SPF, "--extern", "my_extern", "--json"]);
    expect(JSON.parse(named.out).imports).toContain('"my_extern"');
  });

  const OBJECTS = readdirSync(new URL("../objects", import.meta.url)).filter((file) => file.endsWith(".o"));
  test.each(OBJECTS)("%s at every level", async (name) => {
    const file = new URL(`../objects/${name}`, import.meta.url).pathname;
    for (const level of ["0", "1", "2", "s"]) {
      const options = ["-o", SPF, "-O", level, "--extern", "my_extern=2000007", "--no-verify"];
      const { status, err } = await cli(["convert", "spf", file, ...options]);
      const refusal = name.startsWith("core") ? "without CO-RE relocations" : "";
      expect(err).toContain(refusal);
      expect(status).toBe(refusal === "" ? 0 : 1);
    }
  });

  test("a file is the same each time", async () => {
    const [a, b] = [scratchPath("a.spf"), scratchPath("b.spf")];
    for (const file of [a, b])
      await cli(["convert", "spf", example("06-function-pointers"), "-o", file, "-g"]);
    expect(readFileSync(a).equals(readFileSync(b))).toBe(true);
  });

  test("nothing is written when the input is refused", async () => {
    const file = scratchPath("none.bare");
    await cli(["convert", "bare", MAPS, "-o", file]);
    expect(existsSync(file)).toBe(false);
  });

  test("long work shows on a terminal, short work does not", async () => {
    const { err } = await cli(["convert", "bare", HELLO, "-o", BARE], { terminal: { out: true, err: true } });
    expect(err).toBe("");
  });
});

describe("help", () => {
  test.each(COMMANDS.map((row) => [row.name, row] as const))("%s", async (name, row) => {
    const { status, out } = await cli([name, "--help"]);
    expect(status).toBe(0);
    expect(out).toContain(`usage: runbpf ${name} ${row.usage}\n`);
    for (const { flags, doc } of row.options) expect(out.replace(/ +/g, " ")).toContain(`${flags} ${doc}\n`);
    for (const line of out.split("\n")) expect(line, "fits a wide terminal").toMatch(/^.{0,132}$/u);
    expect((await cli(["help", name])).out).toBe(out);
    await expect(row.load()).resolves.toBeTypeOf("function");
  });

  test("of the program, and its version", async () => {
    const { out } = await cli(["--help"]);
    for (const { name, summary } of COMMANDS)
      expect(out.replace(/ +/g, " ")).toContain(` ${name} ${summary}\n`);
    const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
    expect(await cli(["--version"])).toEqual({ status: 0, out: `runbpf ${version}\n`, err: "" });
    expect(VERSION).toBe(version);
  });

  test("colour on a terminal alone", async () => {
    expect((await cli(["--help"])).out).not.toContain("\x1b");
    expect((await cli(["--help"], { color: true })).out).toContain("\x1b[1mcommands\x1b[22m");
  });

  test("docs/cli.md is made from the tables", async () => {
    await expect(cliDocs(SHELL_COMMANDS)).toMatchFileSnapshot("../../docs/cli.md");
  });
});
