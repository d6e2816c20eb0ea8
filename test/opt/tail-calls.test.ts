/** Tail calls: a call of the entry that ends the program, or what follows it where there is none. */

import { describe, expect, it } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { type Arch, MAP_TYPE } from "../../formats/container.ts";
import { helperByName } from "../../helpers/table.ts";
import { Runtime } from "../../runtime/index.ts";
import { LEVELS } from "../diff/compare.ts";
import { operations } from "./listing.ts";
import { type Maps, mapObject } from "./map-object.ts";

const MAPS: Maps = { progs: [MAP_TYPE.prog_array, 4, 4, 4] };
const TAIL = `r2 = map progs\ncall ${helperByName("bpf_tail_call")}`;

/** first goes to the program that its context says; what returns adds to the context's second word. */
const PROGRAMS = {
  first: `r6 = r1\nr3 = *(u32 *)(r1 + 0)\n${TAIL}\nr1 = *(u32 *)(r6 + 4)\nr0 += r1\nr0 += 100\nexit`,
  second: "r0 = *(u32 *)(r1 + 4)\nr0 += 7\n*(u32 *)(r1 + 4) = r0\nexit",
  // Itself below 16, then second.
  again: `r0 = *(u32 *)(r1 + 4)\nr0 += 1\n*(u32 *)(r1 + 4) = r0\nr3 = r0\nr3 >>= 4\nr3 ^= 1\n${TAIL}\nr0 = 2\nexit`,
  twice: `r6 = r1\nr3 = 3\n${TAIL}\nr7 = r0\nr1 = r6\nr3 = 0\n${TAIL}\nr0 = r7\nexit`,
};

const made = (source: string, optimize: 0 | 2 = 2): string[] =>
  operations(mapObject({ main: source }, MAPS), { optimize, without: ["if-convert"] });

describe("tail-calls", () => {
  it.each([0, 2] as const)("an entry is called, and its count of calls goes down again: -O%i", (level) => {
    const names = made(PROGRAMS.first, level);
    for (const name of ["helper", "icmp.ne", "branch", "calli", "store64"])
      expect(
        names.filter((other) => other === name),
        name,
      ).toHaveLength(1);
    // What was called returns for the program.
    expect(names.filter((name) => name === "return")).toHaveLength(2);
  });
  it("two in one program", () => {
    const names = made(PROGRAMS.twice);
    for (const name of ["helper", "calli"]) expect(names.filter((other) => other === name)).toHaveLength(2);
  });
  it("not other helpers with a map", () => {
    const names = made(`r2 = map progs\ncall ${helperByName("bpf_perf_event_output")}\nexit`);
    expect(names).toContain("helper");
    expect(names).not.toContain("calli");
  });

  it("the same programs run", () => {
    const run = (target: Arch, optimize: (typeof LEVELS)[number], host: Runtime) => {
      const options = { name: "t", ctx: "args", target, optimize, check: true, verify: false } as const;
      using instance = host.load("t", compile(mapObject(PROGRAMS, MAPS), options).container);
      instance.maps.progs.set(0, "second");
      instance.maps.progs.set(1, "again");
      return [0, 1, 2, 3, 4, 0xffffffff, 0, 1].flatMap((index) =>
        ["first", "twice"].map((program) => {
          const memory = new Uint8Array(new Uint32Array([index, 5]).buffer);
          const r0 = instance.runProgram(program, memory);
          return `${index} ${program}: ${r0} ${new Uint32Array(memory.buffer)[1]}`;
        }),
      );
    };
    const expected = run("bytecode", 0, new Runtime({ engine: "interpret" }));
    expect(expected[0]).toBe("0 first: 12 12");
    expect(expected).toContain("1 first: 23 23");
    for (const level of LEVELS)
      expect(run(process.arch as Arch, level, new Runtime()), `${level}`).toEqual(expected);
  });

  it("at most 33 are under way, as in Linux: the next one fails", () => {
    const again = `r0 = *(u32 *)(r1 + 4)\nr0 += 1\n*(u32 *)(r1 + 4) = r0\nr6 = r1\nr3 = 1\n${TAIL}\nr0 = *(u32 *)(r6 + 4)\nexit`;
    for (const [target, engine] of [
      ["bytecode", "interpret"],
      [process.arch as Arch, "native"],
    ] as const)
      for (const optimize of target === "bytecode" ? ([0] as const) : LEVELS) {
        const options = { name: "t", ctx: "args", target, optimize, verify: false } as const;
        using instance = new Runtime({ engine }).load(
          "t",
          compile(mapObject({ again }, MAPS), options).container,
        );
        instance.maps.progs.set(1, "again");
        for (let run = 0; run < 3; run++) {
          const memory = new Uint8Array(8);
          expect(instance.runProgram("again", memory)).toBe(34n);
          expect(memory[4]).toBe(34);
        }
      }
  });
});
