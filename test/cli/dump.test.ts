/** What dump shows: headers of everything, bytecode as LLVM prints it, IR, machine code with its references. */

import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { PROCESSORS } from "../../cli/disassemble.ts";
import { compile } from "../../compiler/compile.ts";
import { writeBare } from "../../formats/bare.ts";
import { readContainer } from "../../formats/read.ts";
import { skip } from "../device-tools.ts";
import { EXAMPLES } from "../example-list.ts";
import { cli, scratchFile, scratchPath } from "./cli.ts";
import { assembled } from "./programs.ts";

const at = (name: string) => EXAMPLES.find((e) => e.name === name)!;
const objectOf = (name: string): string => join(at(name).folder, "prog.o");
const HELLO = objectOf("01-hello");
const POINTERS = objectOf("06-function-pointers");
const OBJECTS = new URL("../objects/", import.meta.url).pathname;

async function dump(...line: string[]): Promise<string> {
  const { status, out, err } = await cli(["dump", ...line]);
  expect({ status, err }).toEqual({ status: 0, err: "" });
  return out;
}

async function convert(format: string, object: string, ...more: string[]): Promise<string> {
  const file = scratchPath(`dumped.${format}`);
  expect(await cli(["convert", format, object, "-o", file, ...more])).toMatchObject({ status: 0 });
  return file;
}

/** Runs of blanks made one: the tests are about what stands in a table. */
const squeeze = (text: string): string => text.replace(/ +/g, " ").replace(/^ /gm, "");

describe("--header", () => {
  test("of an object", async () => {
    const out = squeeze(await dump(`${OBJECTS}maps-btf-clang19.o`, "--header"));
    expect(out).toMatch(
      /^\S+maps-btf-clang19.o: eBPF object, \d+ bytes, license ("\w+"|none), BTF with lines\n/,
    );
    expect(out).toContain("\nfunction section offset slots context\n");
    expect(out).toContain("\nmap type key value entries flags\n");
    expect(out).toContain(
      "\nouter array_of_maps 4 4 3 0x0\nprograms prog_array 4 4 4 0x0\nhash hash 4 24 1000 0x1\n",
    );
  });

  test("of a bare file: the fields that formats/README.md lists", async () => {
    const out = squeeze(await dump(await convert("bare", POINTERS, "-t", "x64"), "--header"));
    expect(out).toMatch(/: bare, \d+ bytes, x64\n\noffset bytes field value\n0 4 magic 62 61 72 65/);
    expect(out).toContain("\n5 1 arch 1 x64\n6 1 flags 3 verified, all loops bounded\n7 1 context 2 cmd\n");
    expect(out).toMatch(/\n28 2 stack \d+ \d+ bytes\n/);
    expect(out).toContain("\ngot[0] 1000050 sys printf\ngot[1] data\n");
  });

  test("of an spf file: sections, programs, variables, debug", async () => {
    const out = squeeze(await dump(await convert("spf", POINTERS, "-g", "-t", "x64"), "--header"));
    expect(out).toMatch(/\n0x18 code x64 critical \d+\n/);
    expect(out).toMatch(/\n0x[0-9a-f]+ debug all optional \d+\n/);
    expect(out).toMatch(/\nfunction_pointers tcmd\/function-pointers 0x0 cmd \d+ verified\n/);
    expect(out).toContain("\ntable 0x0 48\n");
    expect(out).toContain("\ndebug: 4 functions, 1 file, ");
  });
});

describe("--bytecode", () => {
  test("shows each source line where it begins, and names helpers", async () => {
    const out = await dump(HELLO, "--bytecode");
    expect(out).toContain(
      'Disassembly of section tcmd/hello:\n\n0000000000000000 <hello>:\n;     puts("Hello, world!");\n',
    );
    expect(out).toContain("\t\t0000000000000010:  R_BPF_64_32\tputs\n");
    const raw = await dump(scratchFile("raw.bin", assembled("call 0x5\nexit")), "--raw", "--bytecode");
    expect(raw).toContain("0:\t85 00 00 00 05 00 00 00\tcall 0x5\t; bpf_ktime_get_ns\n");
  });

  test("--program chooses", async () => {
    const out = await dump(POINTERS, "--bytecode", "--program", "add");
    expect(out.match(/<\w+>:$/gm)).toEqual(["<add>:"]);
    expect((await cli(["dump", POINTERS, "--bytecode", "--program", "sub"])).err).toContain('got "sub"');
  });

  const objects = readdirSync(OBJECTS).filter((file) => file.endsWith(".o"));
  test.skipIf(skip("llvm-objdump-19")).each(objects)("%s: what llvm-objdump prints", async (name) => {
    const file = join(OBJECTS, name);
    const printed = execFileSync("llvm-objdump-19", ["-dr", "--mattr=+alu32", file], { encoding: "utf8" });
    // LLVM's own: labels inside functions, CO-RE records, no difference between calls of functions and of helpers,
    // and the register of an indirect call that clang 14 has put elsewhere.
    const common = (text: string) =>
      text
        .split("\n")
        .filter((line) => line !== "" && !/^;|file format|<LBB\w+>:$|CO-RE/.test(line))
        .map((line) => line.replace(/call local \+?/, "call ").replace(/(callx) r\d+$/, "$1"))
        .map((line) => line.replace(/ <[^>]*>$|\t; \w+$/, ""));
    expect(common(await dump(file, "--bytecode"))).toEqual(common(printed));
  });
});

test("--ir is the IR after the last pass", async () => {
  for (const level of [0, 1, 2, "s"] as const) {
    const out = await dump(objectOf("05-subprograms"), "--ir", "-O", String(level));
    const last = new Map<string, string>();
    compile(at("05-subprograms").object, {
      optimize: level,
      onPass: (_, fn, text) => last.set(fn.name, text()),
    });
    expect(out).toBe([...last.values()].join("\n"));
  }
});

describe("--native", () => {
  test("names helpers, strings, functions and source lines", async () => {
    const out = await dump(POINTERS, "--native", "-t", "x64");
    expect(out).toMatch(/^0000000000000000 <function_pointers>:\n/);
    expect(out).toMatch(/call qword ptr \[r9\] +; printf\n/);
    expect(out).toContain('; "%s(12, 3) = %lu\\n"\n');
    expect(out).toContain("; ./prog.c:25: result = result * 100 + local[(argc + i) % 3](12, 3);\n");
    expect(out.match(/<(\w+)>:$/gm)).toEqual(
      ["function_pointers", "subtract", "multiply", "add", "rodata"].map((name) => `<${name}>:`),
    );
  });

  test("follows the code of a file without names, and shows the rest as bytes", async () => {
    const out = await dump(await convert("bare", objectOf("05-subprograms"), "-t", "x64"), "--native");
    expect(out).toMatch(/^0000000000000000 <entry>:\n/);
    expect(out).toMatch(/call 0x[0-9a-f]+ +; function_[0-9a-f]+\n/);
    expect(out).toMatch(/<rodata, or code that is called by pointer>:\n.*gcd\(84, 36\)/);
  });

  test.each(Object.keys(PROCESSORS))("of %s", async (arch) => {
    const file = await convert("spf", HELLO, "-t", arch, "-g");
    const out = await dump(file, "--native", "-t", arch);
    expect(out).toMatch(/^0000000000000000 <hello>:\n/);
    expect(out).toMatch(/; "Hello, world!"\n/);
    expect(out).toMatch(/; puts\n/);
    expect(out).toMatch(/; \.\/prog\.c:6\n/);
    expect(out).toMatch(/\n[0-9a-f]{16} <rodata>:\n +[0-9a-f]+: 48 65 6c 6c 6f .* Hello, world!\.\.\.\n/);
  });

  test.each(["x64", "arm64"])("follows jumps by table of %s", async (arch) => {
    const ways = Array.from({ length: 12 }, (_, k) => k);
    const text = [
      "r0 = r1",
      ...ways.map((k) => `if r2 == ${k} goto way${k}`),
      "exit",
      ...ways.map((k) => `way${k}:\nr0 *= ${2 * k + 3}\nr0 ^= r2\nexit`),
    ];
    for (const [masks, name] of [
      [[], "bound"],
      [["r2 &= 15"], "mask"],
    ] as const) {
      const raw = scratchFile(`${name}.bin`, assembled([...masks, ...text].join("\n")));
      const file = await convert("bare", raw, "--raw", "-t", arch, "--ctx", "args");
      const out = await dump(file, "--native");
      expect(out.match(/: .*\b(i?mul|lea|add) /g)!.length, out).toBeGreaterThanOrEqual(12);
      // Behind the last way stands the table, and nothing else.
      expect(out).toMatch(
        /ret\n\n[0-9a-f]{16} <rodata, or[^>]*>:\n(?: +[0-9a-f]+: [0-9a-f ]{48} .*\n){1,3}$/,
      );
    }
  });

  test("code that is none", async () => {
    const container = readContainer(readFileSync(await convert("bare", HELLO, "-t", "x64")), "hello");
    const file = scratchFile("none.bare", writeBare({ ...container, code: new Uint8Array(32).fill(6) }));
    const out = await dump(file, "--native");
    expect(out).toMatch(/06 06 06 06/);
  });

  test("what a jump passes over in front of a loop, and data that begins like it", async () => {
    const container = readContainer(readFileSync(await convert("bare", HELLO, "-t", "x64")), "hello");
    const shown = async (bytes: number[]) => {
      const code = new Uint8Array(32);
      code.set(bytes);
      return dump(scratchFile("pad.bare", writeBare({ ...container, code })), "--native");
    };
    const [jump, pad, ret] = [[0xeb, 5], [0x0f, 0x1f, 0x44, 0, 0], [0xc3]];
    expect(await shown([...jump, ...pad, ...ret])).toMatch(
      /jmp .*\n +2: 0f 1f 44 00 00 +nop .*\n +7: c3 +ret\n/,
    );
    expect(await shown([...jump, 0x90, 0x68, 0x69, 0x21, 0, ...ret])).toMatch(
      /<rodata.*\n +2: 90 68 69 21 00 +\.hi!\.\n/,
    );
  });

  test("of a processor that nothing disassembles", async () => {
    const { status, err } = await cli(["dump", HELLO, "--native", "-t", "armv6-m"]);
    expect(status).toBe(1);
    expect(err).toContain("armv6-m");
  });
});

describe("without a view", () => {
  test.each([
    ["object", ["eBPF object", "Disassembly of section"], "qword"],
    ["container", ["offset  bytes  field", "<entry>:"], "Disassembly"],
  ])("of an %s", async (kind, present, absent) => {
    const out = await dump(kind === "object" ? HELLO : await convert("bare", HELLO));
    for (const text of present) expect(out).toContain(text);
    expect(out).not.toContain(absent);
  });

  test.each(["--bytecode", "--ir"])("a container has no %s", async (view) => {
    const { status, err } = await cli(["dump", await convert("bare", HELLO), view]);
    expect(status).toBe(1);
    expect(err).toContain(`expected an object for ${view}, got a bare file`);
  });
});

test("names in hostile files do not reach the terminal as they are", async () => {
  const bytes = Buffer.from(at("01-hello").object);
  const name = bytes.indexOf("hello\0");
  expect(name).toBeGreaterThan(0);
  for (let i = name; i >= 0; i = bytes.indexOf("hello\0", i + 1)) bytes.write("\x1b[7m\x9b", i, "latin1");
  const file = scratchFile("evil.o", bytes);
  for (const view of ["--header", "--bytecode", "--ir", "--native"]) {
    const { out, err } = await cli(["dump", file, view]);
    expect(out + err).not.toContain("\x1b");
    expect(out + err).not.toContain("\x9b");
  }
});
