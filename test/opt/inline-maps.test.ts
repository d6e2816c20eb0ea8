/** Map operations: which are arithmetic, which call the map's own function, and that look-ups find the same. */

import { describe, expect, it } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { type Arch, MAP_TYPE } from "../../formats/container.ts";
import { helperByName } from "../../helpers/table.ts";
import { Runtime } from "../../runtime/index.ts";
import { LEVELS } from "../diff/compare.ts";
import { lines } from "./listing.ts";
import { type Maps, mapObject } from "./map-object.ts";

const MAPS: Maps = {
  array: [MAP_TYPE.array, 4, 12, 5],
  percpu: [MAP_TYPE.percpu_array, 4, 8, 5],
  hash: [MAP_TYPE.hash, 4, 8, 5],
};
const operation = (name: string, map = "array", code = `r1 = map ${map}`): Uint8Array =>
  mapObject(
    {
      main: `r6 = r2\n*(u32 *)(r10 - 4) = r3\n*(u64 *)(r10 - 16) = r4\n${code}
r2 = r10\nr2 += -4\nr3 = r10\nr3 += -16\nr4 = 0\ncall ${helperByName(name)}\nexit`,
    },
    MAPS,
  );
const text = (object: Uint8Array, optimize: 0 | 2 = 2): string => lines(object, { optimize }).join("\n");

describe("inline-maps", () => {
  it.each(["array", "percpu"])("a look-up in %s is arithmetic, without its key's slot", (map) => {
    const made = text(operation("bpf_map_lookup_elem", map));
    expect(made).not.toMatch(/helper|calli|frame/);
    // Elements of 12 bytes are 16 apart.
    const stride = map === "array" ? 4 : 3;
    for (const part of ["icmp.ult v0, 5", `, ${stride}`, "load64 [map("]) expect(made).toContain(part);
  });

  it.each([
    ["a look-up in a hash", "bpf_map_lookup_elem", "hash", 8],
    ["an update of a hash", "bpf_map_update_elem", "hash", 16],
    ["an update of an array", "bpf_map_update_elem", "array", 16],
    ["a deletion", "bpf_map_delete_elem", "hash", 24],
  ] as const)("%s calls the function in the handle", (_, helper, map, word) => {
    const made = text(operation(helper, map));
    expect(made).toMatch(new RegExp(`load64 \\[map\\(\\d\\) \\+ ${word}\\]`));
    expect(made).toContain("calli");
    expect(made).not.toContain("helper");
  });

  it("a look-up in one of two arrays calls the function", () => {
    const made = text(
      operation("bpf_map_lookup_elem", "", "r1 = map array\nif r6 == 0 goto go\nr1 = map percpu\ngo:"),
    );
    expect(made).toContain("calli");
  });

  it.each([
    ["another operation", operation("bpf_map_push_elem", "hash"), 2],
    ["a look-up at -O0", operation("bpf_map_lookup_elem"), 0],
  ] as const)("not %s", (_, object, level) => {
    const made = text(object, level);
    expect(made).toContain("helper");
    expect(made).not.toMatch(/calli|icmp/);
  });

  it("the same is found", () => {
    // Writes its number to the element of a key, and gives it plus what was there, or 1000.
    const main = (map: string) => `r6 = r2\n*(u32 *)(r10 - 4) = r1\nr1 = map ${map}\nr2 = r10\nr2 += -4
call ${helperByName("bpf_map_lookup_elem")}\nif r0 == 0 goto none\nr1 = *(u32 *)(r0 + 4)\n*(u32 *)(r0 + 4) = r6\nr0 = r1\nexit\nnone:\nr0 = 1000\nexit`;
    for (const map of ["array", "percpu", "hash"]) {
      const run = (target: Arch, optimize: (typeof LEVELS)[number], host: Runtime) => {
        const options = { name: "t", ctx: "args", target, optimize, check: true, verify: false } as const;
        using instance = host.load("t", compile(mapObject({ main: main(map) }, MAPS), options).container);
        if (map === "hash") instance.maps.hash.set(new Uint8Array(4), new Uint8Array(8));
        const keys = [0, 4, 5, 1, 0, 4, -1, 6, 2 ** 31, 2 ** 32 + 1, 1];
        return keys.map((key, k) => instance.run(key, k + 1));
      };
      const expected = run("bytecode", 0, new Runtime({ engine: "interpret" }));
      expect(expected.filter((n) => n === 1000n).length).toBe(map === "hash" ? 9 : 4);
      for (const level of LEVELS)
        expect(run(process.arch as Arch, level, new Runtime()), `${level}`).toEqual(expected);
    }
  });
});
