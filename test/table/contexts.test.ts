/** Contexts: the rows against Linux's structs and against formats/README.md, and what parseLayout takes and refuses. */

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { CONTEXTS, MAP_TYPE } from "../../formats/container.ts";
import { type ContextLayout, LAYOUTS, layoutOf, layoutTable, parseLayout } from "../../formats/contexts.ts";
import { InputError } from "../../formats/error.ts";
import { scratchFile, skip } from "../device-tools.ts";

const HEADER = "/usr/include/linux/bpf.h";
const noHeader = skip("gcc") || (!process.env.CI && !existsSync(HEADER));

/** Linux's struct, and what it has that we do not: not for tc classifiers, or pointers that are not modelled. */
const STRUCTS = {
  xdp: { struct: "xdp_md", leftOut: [] as string[] },
  skb: {
    struct: "__sk_buff",
    leftOut: [
      ...["family", "remote_ip4", "local_ip4", "remote_ip6", "local_ip6", "remote_port", "local_port"],
      ...["flow_keys", "sk"],
    ],
  },
};

/** What a C program prints. */
function nativeOutput(source: string): string {
  const program = scratchFile("offsets", "");
  execFileSync("gcc", ["-x", "c", scratchFile("offsets.c", source), "-o", program]);
  return execFileSync(program, { encoding: "utf8" });
}

/** Bytes of the struct, and offset and size of each of its members. */
function linuxStruct(struct: string) {
  const body = readFileSync(HEADER, "utf8").split(`\nstruct ${struct} {`)[1].split("\n};")[0];
  const code = body.replace(/\/\*[\s\S]*?\*\//g, "");
  const names = [...code.matchAll(/(?:__u\d+|__bpf_md_ptr\([^,]*,)\s+(\w+)/g)].map(([, name]) => name);
  const lines = names.map(
    (name) => `P("${name}", offsetof(struct ${struct}, ${name}), sizeof(((struct ${struct} *)0)->${name}));`,
  );
  const source = `#include <stddef.h>
#include <stdio.h>
#include <linux/bpf.h>
#define P(name, at, size) printf("%s %d %d\\n", name, (int)(at), (int)(size))
int main(void) { P("all", 0, sizeof(struct ${struct})); ${lines.join("\n")} return 0; }`;
  const [total, ...members] = nativeOutput(source)
    .trim()
    .split("\n")
    .map((line) => line.split(" "))
    .map(([name, offset, size]) => ({ name, offset: Number(offset), size: Number(size) }));
  return { size: total.size, members };
}

describe.each(Object.entries(STRUCTS))("%s", (context, { struct, leftOut }) => {
  const layout: ContextLayout = LAYOUTS[context as keyof typeof LAYOUTS];
  const family = (name: string) => layout.fields.filter((f) => f.family === name);

  test.skipIf(noHeader)("is Linux's struct with 24 bytes before it", () => {
    const { size, members } = linuxStruct(struct);
    expect(layout.size).toBe(24 + size);
    const ours = family("linux").map(({ name, offset, size }) => ({ name, offset, size }));
    expect(ours).toEqual(members.filter(({ name }) => !leftOut.includes(name)));
    for (const name of leftOut) expect(members.map((member) => member.name)).toContain(name);
  });

  test("numbers stand in the copy, addresses in front of it", () => {
    for (const f of layout.fields)
      expect([f.name, f.at]).toEqual([
        f.name,
        f.holds === "number" ? f.offset + 24 : family("own").find(({ name }) => name === f.name)?.offset,
      ]);
    expect(family("own").map((f) => [f.offset, f.size, f.holds])).toEqual([
      [0, 8, "packet"],
      [8, 8, "packet-end"],
      [16, 8, "packet-meta"],
    ]);
    expect(family("linux").filter((f) => f.holds !== "number")).toHaveLength(3);
  });

  test("addresses are loaded whole and never stored", () => {
    for (const f of layout.fields.filter(({ holds }) => holds !== "number"))
      expect([f.narrow, f.narrowStores, f.access]).toEqual([false, false, "read"]);
  });

  test("fields of a family do not overlap, and an access means one field", () => {
    for (const name of ["linux", "own"]) {
      const sorted = family(name).sort((a, b) => a.offset - b.offset);
      for (const [i, f] of sorted.slice(1).entries())
        expect(f.offset, f.name).toBeGreaterThanOrEqual(sorted[i].offset + sorted[i].size);
    }
    for (let offset = 0; offset < layout.size; offset++)
      for (const bytes of [1, 2, 4, 8]) {
        const meant = layout.fields.filter(
          (f) =>
            (f.offset === offset && f.size === bytes) ||
            (f.narrow && offset % bytes === 0 && offset >= f.offset && offset + bytes <= f.offset + f.size),
        );
        expect(meant.length, `${bytes} bytes at ${offset}`).toBeLessThanOrEqual(1);
      }
  });

  test("what an access reaches is aligned and inside", () => {
    for (const f of layout.fields) {
      expect(f.at + f.size, f.name).toBeLessThanOrEqual(layout.size);
      expect(f.at % (f.holds !== "number" || f.size % 8 === 0 ? 8 : Math.min(4, f.size)), f.name).toBe(0);
      if (f.holds === "number") expect((f.at - f.offset) % 8, f.name).toBe(0);
    }
  });

  test("formats/README.md has its table and its size", () => {
    const page = readFileSync(new URL("../../formats/README.md", import.meta.url), "utf8");
    expect(page).toContain(layoutTable(layout));
    expect(page).toContain(`r1 points to ${layout.size} bytes`);
  });

  test("kinds lead to it", () => expect(layoutOf(CONTEXTS[context as keyof typeof LAYOUTS])).toBe(layout));
});

test("what can be written is what Linux lets tc classifiers write", () => {
  const writable = (layout: ContextLayout) =>
    layout.fields.filter((f) => f.access === "read-write").map((f) => f.name);
  expect(writable(LAYOUTS.xdp)).toEqual([]);
  expect(writable(LAYOUTS.skb)).toEqual([
    ...["mark", "queue_mapping", "priority", "tc_index", "cb", "tc_classid", "tstamp"],
  ]);
  expect(LAYOUTS.skb.fields.filter((f) => f.narrowStores).map((f) => f.name)).toEqual(["cb"]);
  expect(LAYOUTS.xdp.fields.filter((f) => f.narrow)).toEqual([]);
});

test("other kinds have no fields", () => {
  for (const kind of [CONTEXTS.args, CONTEXTS.mem, CONTEXTS.cmd, 5, 128])
    expect(layoutOf(kind)).toBe(undefined);
});

test.skipIf(!process.env.CI && !existsSync(HEADER))("map types are Linux's", () => {
  const body = readFileSync(HEADER, "utf8").split("enum bpf_map_type {")[1].split("};")[0];
  const names = [...body.replace(/\/\*[\s\S]*?\*\//g, "").matchAll(/BPF_MAP_TYPE_(\w+)(?: = \S+)?,/g)];
  // Newer headers have second names for the two that are deprecated.
  const linux = names.map(([, name]) => name.toLowerCase().replace(/_deprecated$/, ""));
  for (const [name, type] of Object.entries(MAP_TYPE))
    if (linux[type] !== name) expect(linux).toContain(name);
  const before = linux.filter((name) => name in MAP_TYPE && linux.indexOf(name) <= MAP_TYPE.cgroup_array);
  for (const name of before) expect(linux.indexOf(name)).toBe(MAP_TYPE[name as keyof typeof MAP_TYPE]);
});

const data = { name: "data", offset: 0, size: 8, holds: "packet" };
const end = { name: "data_end", offset: 8, size: 8, holds: "packet-end" };
const port = { name: "port", offset: 16, size: 4 };
const valid = { name: "frame", kind: 128, size: 32, fields: [data, end, port] };
const number = { access: "read", holds: "number", narrow: false, narrowStores: false, family: "own" };

describe("parseLayout takes", () => {
  test("the example of formats/README.md", () => {
    const page = readFileSync(new URL("../../formats/README.md", import.meta.url), "utf8");
    const layout = parseLayout(JSON.parse(page.match(/```json\n([\s\S]*?)```/)?.[1] ?? ""), "a.json");
    expect(layout).toMatchObject({ name: "frame", kind: 128, size: 32 });
    expect(layout.fields.map((f) => [f.name, f.at, f.size, f.holds, f.access, f.narrow])).toEqual([
      ["data", 0, 8, "packet", "read", false],
      ["data_end", 8, 8, "packet-end", "read", false],
      ["port", 16, 4, "number", "read", true],
      ["mark", 24, 8, "number", "read-write", false],
    ]);
    expect(layout.returns).toEqual({ min: 0, max: 1, strict: true, of: "a verdict" });
  });

  test("no fields, and no returns", () => {
    const layout = parseLayout({ name: "none", kind: 255, size: 1, fields: [] }, "a.json");
    expect(layout).toEqual({ name: "none", kind: 255, size: 1, fields: [] });
  });

  test("defaults", () => {
    const { fields, returns } = parseLayout({ ...valid, fields: [port], returns: { min: -1, max: -1 } }, "");
    expect(fields).toEqual([{ ...port, ...number, at: 16 }]);
    expect(returns).toEqual({ min: -1, max: -1, strict: true, of: "a result of frame" });
  });

  test("metadata, arrays, and fields that touch", () => {
    const meta = { name: "meta", offset: 16, size: 8, holds: "packet-meta" };
    const array = { name: "cb", offset: 24, size: 7, narrow: true, access: "read-write" };
    const last = { name: "last", offset: 31, size: 1 };
    const { fields } = parseLayout({ ...valid, fields: [last, array, meta, end, data] }, "");
    expect(fields.map((f) => f.name)).toEqual(["last", "cb", "meta", "data_end", "data"]);
    expect(fields[1]).toMatchObject({ narrow: true, narrowStores: true });
  });

  test("1024 fields", () => {
    const fields = Array.from({ length: 1024 }, (_, i) => ({ name: `f${i}`, offset: i * 8, size: 8 }));
    expect(parseLayout({ ...valid, size: 8192, fields }, "").fields).toHaveLength(1024);
  });
});

describe("parseLayout refuses", () => {
  const of = (field: object, more: object[] = []) => ({ ...valid, fields: [data, end, ...more, field] });
  const returning = (returns: unknown) => ({ ...valid, returns });
  test.each<[what: string, json: unknown, message: string]>([
    ["text", "{}", 'a.json: expected an object, got "{}"'],
    ["null", null, "a.json: expected an object, got null"],
    ["an array", [1], "a.json: expected an object, got an array of 1"],
    ["nothing", undefined, "a.json: expected an object, got nothing"],
    ["a function", () => 0, "a.json: expected an object, got a function"],
    [
      "other properties",
      { ...valid, more: 1 },
      'a.json: expected only name, kind, size, fields, returns, got "more"',
    ],
    ["__proto__", JSON.parse('{"__proto__":{"name":"x"}}'), 'fields, returns, got "__proto__"'],
    [
      "no name",
      { ...valid, name: undefined },
      "a.json.name: expected a name of at most 63 letters, digits, _ and -, got nothing",
    ],
    ["an inherited name", Object.create({ name: "x" }), "a.json.name: expected a name"],
    ["a long name", { ...valid, name: "n".repeat(64) }, "a.json.name: expected a name"],
    ["a very long name", { ...valid, name: "n".repeat(1e6) }, `got "${"n".repeat(40)}…"`],
    ["a name with spaces", { ...valid, name: "a b" }, 'got "a b"'],
    [
      "a name of ours",
      { ...valid, name: "xdp" },
      'a.json.name: expected another name than args, mem, cmd, xdp, skb, got "xdp"',
    ],
    ["kind 127", { ...valid, kind: 127 }, "a.json.kind: expected a whole number from 128 to 255, got 127"],
    ["kind 256", { ...valid, kind: 256 }, "from 128 to 255, got 256"],
    ["kind 128.5", { ...valid, kind: 128.5 }, "got 128.5"],
    ["kind NaN", { ...valid, kind: Number.NaN }, "got NaN"],
    ["kind as text", { ...valid, kind: "128" }, 'got "128"'],
    ["size 0", { ...valid, size: 0 }, "a.json.size: expected a whole number from 1 to 65535, got 0"],
    ["64 KiB", { ...valid, size: 65536 }, "got 65536"],
    [
      "no fields",
      { ...valid, fields: {} },
      "a.json.fields: expected an array of at most 1024 fields, got an object",
    ],
    ["1025 fields", { ...valid, fields: new Array(1025) }, "got an array of 1025"],
    ["a hole", { ...valid, fields: new Array(1) }, "a.json.fields[0]: expected an object, got nothing"],
    [
      "a field's place",
      of({ ...port, at: 4 }),
      'a.json.fields[2]: expected only name, offset, size, access, holds, narrow, got "at"',
    ],
    [
      "a negative offset",
      of({ ...port, offset: -4 }),
      "a.json.fields[2].offset: expected a whole number from 0 to 31, got -4",
    ],
    ["an offset behind the end", of({ ...port, offset: 32 }), "from 0 to 31, got 32"],
    [
      "a field over the end",
      of({ ...port, offset: 28, size: 8 }),
      "a.json.fields[2].size: expected a whole number from 1 to 4, got 8",
    ],
    ["a size of 0", of({ ...port, size: 0 }), "from 1 to 16, got 0"],
    [
      "a size of 3",
      of({ ...port, size: 3 }),
      'a.json.fields[2].size: expected 1, 2, 4 or 8, got 3 (an array is "narrow"',
    ],
    [
      "an offset that is not aligned",
      of({ ...port, offset: 18 }),
      "a.json.fields[2].offset: expected a multiple of 4, got 18",
    ],
    ["a narrow one likewise", of({ ...port, offset: 18, narrow: true }), "expected a multiple of 4, got 18"],
    [
      "another access",
      of({ ...port, access: "write" }),
      'a.json.fields[2].access: expected one of read, read-write, got "write"',
    ],
    [
      "another content",
      of({ ...port, holds: "map" }),
      "a.json.fields[2].holds: expected one of number, packet, packet-end, packet-meta",
    ],
    [
      "narrow as a number",
      of({ ...port, narrow: 1 }),
      "a.json.fields[2].narrow: expected true or false, got 1",
    ],
    [
      "a pointer of 4 bytes",
      of({ ...port, holds: "packet-meta" }),
      "a.json.fields[2].size: expected 8, as for every pointer, got 4",
    ],
    [
      "a pointer that is written",
      of({ ...data, offset: 16, access: "read-write" }),
      'a.json.fields[2].access: expected "read", as for every pointer',
    ],
    [
      "a narrow pointer",
      of({ ...data, offset: 16, narrow: true }),
      "a.json.fields[2].narrow: expected false",
    ],
    [
      "two of a name",
      of({ ...port, name: "data" }),
      "a.json.fields: expected fields of different names, got two of data",
    ],
    [
      "fields that overlap",
      of({ ...port, name: "x", offset: 18, size: 2 }, [port]),
      "expected fields that do not overlap, got port and x",
    ],
    [
      "one inside the other",
      of({ ...port, offset: 12 }),
      "expected fields that do not overlap, got data_end and port",
    ],
    ["a packet without its end", { ...valid, fields: [data] }, "or none of them, got 1, 0 and 0"],
    ["an end without a packet", { ...valid, fields: [end] }, "got 0, 1 and 0"],
    [
      "two packets",
      of({ ...data, name: "d", offset: 16 }, [{ ...end, name: "e", offset: 24 }]),
      "got 2, 2 and 0",
    ],
    [
      "metadata without a packet",
      { ...valid, fields: [{ ...data, holds: "packet-meta" }] },
      "got 0, 0 and 1",
    ],
    ["returns as a number", returning(1), "a.json.returns: expected an object, got 1"],
    ["returns of null", returning(null), "a.json.returns: expected an object, got null"],
    [
      "returns without a minimum",
      returning({ max: 1 }),
      "a.json.returns.min: expected a whole number from -9007199254740991",
    ],
    [
      "a maximum below the minimum",
      returning({ min: 2, max: 1 }),
      "a.json.returns.max: expected a whole number from 2 to",
    ],
    [
      "strict as text",
      returning({ min: 0, max: 1, strict: "no" }),
      'a.json.returns.strict: expected true or false, got "no"',
    ],
    [
      "an empty text",
      returning({ min: 0, max: 1, of: "" }),
      'a.json.returns.of: expected a text of 1 to 63 characters, got ""',
    ],
    [
      "control characters",
      returning({ min: 0, max: 1, of: "a\u001b[1m" }),
      "a.json.returns.of: expected a text",
    ],
  ])("%s", (_, json, message) => {
    let error: unknown;
    try {
      parseLayout(json, "a.json");
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(InputError);
    expect(error).toMatchObject({ code: "ERR_RUNBPF_ARGUMENT" });
    expect((error as InputError).message).toContain(message);
  });
});
