/** runbpf verify: verdicts, explanations and exit statuses; convert and run refuse what cannot be proven. */

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { assemble } from "../../formats/isa/bpf.ts";
import { CODE, makeObject } from "../elf-object.ts";
import { EXAMPLES } from "../example-list.ts";
import { cli, scratchFile, scratchPath } from "./cli.ts";

const file = (name: string, text: string) => scratchFile(name, assemble(text));
const GOOD = file("good.bin", "r0 = 0\nif r2 < 8 goto +1\nr0 = *(u64 *)(r1 + 0x0)\nexit");
const BAD = file("bad.bin", "r0 = 0\nif r2 < 7 goto +1\nr0 = *(u64 *)(r1 + 0x0)\nexit");
const LOOP = file("loop.bin", "r3 = 10\nr3 -= 1\nif r3 != 0 goto -2\nr0 = 0\nexit");
const ENDLESS = file("endless.bin", "r1 += 1\nif r1 != r2 goto -2\nr0 = 0\nexit");

const SEVERAL = scratchFile(
  "several.o",
  makeObject({
    sections: ["bad", "good"].map((name) => ({
      ...{ name: `test/${name}`, ...CODE },
      data: assemble(name === "bad" ? "r0 = *(u8 *)(r1 + 0x0)\nexit" : "r0 = 0\nexit"),
    })),
    symbols: ["bad", "good"].map((name) => ({
      ...{ name, section: `test/${name}`, type: "FUNC" as const, size: 16 },
    })),
  }),
);

describe("verify", () => {
  test("an accepted program: context, stack, loops, helpers", async () => {
    const { status, out, err } = await cli(["verify", GOOD, "--raw"]);
    expect({ status, err }).toEqual({ status: 0, err: "" });
    expect(out).toMatch(
      /^main: verified in \d+\.\d ms: \d+ instructions followed, \d+ states?\n {2}context {2}mem\n/,
    );
  });

  test("a refused one: where, what, the way, a hint", async () => {
    const { status, out } = await cli(["verify", BAD, "--raw"]);
    expect(status).toBe(1);
    expect(out).toContain(
      "error: r1: expected an access within the memory, of which 7 bytes are known to be there",
    );
    expect(out).toContain("got 8 bytes at offset 0 [memory-bounds]\n");
    expect(out).toContain("in main, instruction 2: r0 = *(u64 *)(r1 + 0x0)\n");
    expect(out).toMatch(/on the path:\n.*if r2 < 0x7 goto 3: not taken\n/);
    expect(out).toContain("hint: compare the index with the length in r2 first");
  });

  test("loops", async () => {
    expect((await cli(["verify", LOOP, "--raw"])).out).toMatch(/loop .*: at most \d+ rounds\n/);
    const { status, out } = await cli(["verify", ENDLESS, "--raw", "--ctx", "args"]);
    expect(out).toMatch(/loop .*: no bound is known\n/);
    expect(status).toBe(0);
  });

  test("--json says the same as data", async () => {
    const good = JSON.parse((await cli(["verify", LOOP, "--raw", "--json"])).out);
    expect(good).toMatchObject({ program: "main", context: "mem", verified: true, bounded: true, stack: 0 });
    expect(good.loops).toMatchObject([{ function: "main", bounded: true }]);
    const bad = await cli(["verify", BAD, "--raw", "--json"]);
    expect(bad.status).toBe(1);
    expect(JSON.parse(bad.out)).toMatchObject({
      verified: false,
      refusal: {
        rule: "memory-bounds",
        register: "r1",
        spot: { function: "main", instruction: 2, text: "r0 = *(u64 *)(r1 + 0x0)" },
        path: [{ instruction: 1, taken: false, times: 1 }],
      },
    });
  });

  test("--verbose shows what is known before each instruction", async () => {
    const { out } = await cli(["verify", GOOD, "--raw", "--verbose"]);
    expect(out).toMatch(/^main\+0: r0 = 0x0 +; r1=mem r2=\(0 … /m);
    expect(out).toMatch(/^main\+2: .* ; r0=0 r1=mem r2=\(8 … /m);
  });

  test("--verbose leaves the output to --json", async () => {
    const { out, err } = await cli(["verify", GOOD, "--raw", "--verbose", "--json"]);
    expect(JSON.parse(out)).toMatchObject({ verified: true });
    expect(err).toMatch(/^main\+0: /);
  });

  test("a program that is refused hides no other", async () => {
    const { status, out } = await cli(["verify", SEVERAL]);
    expect(status).toBe(1);
    expect(out).toMatch(/^bad: refused after [\s\S]*\ngood: verified in /);
    const json = (await cli(["verify", SEVERAL, "--json"])).out.trim().split("\n");
    expect(json.map((line) => JSON.parse(line).verified)).toEqual([false, true]);
    expect((await cli(["verify", SEVERAL, "--program", "good"])).status).toBe(0);
  });

  test.each([
    ["{", "expected JSON, got "],
    ['{"name":"x","kind":5}', ".kind: expected a whole number from 128 to 255, got 5"],
  ])("contexts that are none: %s", async (text, said) => {
    const path = scratchFile("contexts.json", text);
    const { status, err } = await cli(["verify", GOOD, "--raw", "--contexts", path]);
    expect(status).toBeGreaterThan(0);
    expect(err).toContain(said);
  });

  test("limits: stack, budget, size of memory, contexts of one's own", async () => {
    const deep = file(
      "deep.bin",
      "*(u64 *)(r10 - 320) = 0\ncall f\nexit\nf:\n*(u64 *)(r10 - 320) = 0\nr0 = 0\nexit",
    );
    expect((await cli(["verify", deep, "--raw"])).out).toContain("[chain-stack]");
    expect((await cli(["verify", deep, "--raw", "--stack", "1024"])).status).toBe(0);
    expect((await cli(["verify", LOOP, "--raw", "--verify-budget", "5"])).out).toContain("[budget]");
    expect((await cli(["verify", BAD, "--raw", "--ctx", "mem:8"])).status).toBe(0);
    const layout = { name: "sensor", kind: 200, size: 8, fields: [{ name: "value", offset: 0, size: 8 }] };
    const contexts = scratchFile("contexts.json", new TextEncoder().encode(JSON.stringify(layout)));
    const read = file("read.bin", "r0 = *(u64 *)(r1 + 0x0)\nexit");
    const options = ["--raw", "--ctx", "sensor", "--contexts", contexts];
    expect((await cli(["verify", read, ...options])).out).toContain("context  sensor");
    expect(
      (await cli(["verify", file("past.bin", "r0 = *(u64 *)(r1 + 0x8)\nexit"), ...options])).status,
    ).toBe(1);
    const out = scratchPath("sensor.bare");
    expect((await cli(["convert", "bare", read, ...options, "-o", out])).status).toBe(0);
    expect(readFileSync(out)[7]).toBe(200);
  });

  test.each(EXAMPLES)("every example: $name", async ({ folder, ctx }) => {
    const { status, out, err } = await cli(["verify", `${folder}/prog.o`, ...(ctx ? ["--ctx", ctx] : [])]);
    expect(err).toBe("");
    expect(out).toContain(": verified in ");
    expect(status).toBe(0);
  });
});

describe("what cannot be proven", () => {
  test("convert refuses it, and names the way around", async () => {
    const out = scratchPath("bad.bare");
    const refused = await cli(["convert", "bare", BAD, "--raw", "-o", out]);
    expect(refused.status).toBe(1);
    expect(refused.err).toMatch(/^[^\n]+: error: r1: expected [^\n]+ \[memory-bounds\]\n/);
    expect(refused.err).toContain("--no-verify");
    const made = await cli(["convert", "bare", BAD, "--raw", "--no-verify", "-o", out]);
    expect(made.out).toContain("unverified");
    expect((await cli(["dump", out, "--header"])).out).toContain("unverified");
  });

  test("run refuses it, unless the memory given is enough", async () => {
    expect((await cli(["run", BAD, "--raw", "--mem", "hex:00"])).status).toBe(1);
    expect((await cli(["run", BAD, "--raw", "--mem", "hex:0100000000000000"])).out).toBe("r0 = 1 (0x1)\n");
  });
});
