/** The helper table's invariants, and each implemented helper's results and errors as rows. */

import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { HELPER_IDS } from "../../formats/common.ts";
import { CONTEXTS, MAP_TYPE } from "../../formats/container.ts";
import type { Helper, Word } from "../../helpers/host.ts";
import { IMPLEMENTATIONS } from "../../helpers/implementations.ts";
import {
  type Argument,
  argCount,
  HELPERS,
  type HelperRow,
  helperById,
  helperByName,
  helperNames,
  prototypeHash,
  prototypeText,
  RANGES,
  rangeOf,
} from "../../helpers/table.ts";
import { fakeHost, MEMORY } from "../fake-host.ts";

describe("table", () => {
  test("ids ascend and names are unique", () => {
    const ids = HELPERS.map((helper) => helper.id);
    expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));
    const names = HELPERS.flatMap((helper) => [helper.name, ...helper.aliases]);
    expect(helperNames()).toEqual(names);
    expect(new Set(names).size).toBe(names.length);
  });

  test("ids and names lead to their row", () => {
    for (const helper of HELPERS) {
      expect(helperById(helper.id)).toBe(helper);
      for (const name of [helper.name, ...helper.aliases]) expect(helperByName(name)).toBe(helper.id);
    }
    expect(helperById(84)).toBe(undefined);
    expect(helperByName("toString")).toBe(undefined);
  });

  test("at most five arguments, sizes refer to arguments that exist", () => {
    for (const helper of HELPERS) {
      expect(argCount(helper)).toBeLessThanOrEqual(5);
      for (const [, which, n] of JSON.stringify(helper).matchAll(/"(argument|forward|upTo)":(\d)/g)) {
        const arg = helper.args[Number(n) - 1] as Argument | undefined;
        const kinds = { argument: /^(number|reference|memory)$/, forward: /^any$/, upTo: /^number$/ };
        expect(arg?.kind, helper.name).toMatch(kinds[which as keyof typeof kinds]);
      }
    }
  });

  test("keys and values follow the map that they belong to, callbacks the map or the timer", () => {
    for (const { name, args } of HELPERS) {
      const map = args.findIndex((arg) => arg.kind === "map");
      for (const [i, arg] of args.entries()) {
        if (arg.kind === "key" || arg.kind === "value") expect(map, name).toBe(i - (i === 2 ? 2 : 1));
        if (arg.kind !== "callback" || !arg.gets.includes("map")) continue;
        expect(args.slice(0, i).some(({ kind }) => kind === "map" || kind === "timer")).toBe(true);
      }
    }
  });

  test("helpers that work on the packet, or get the context of one, say in which contexts", () => {
    for (const { name, effects, contexts, id } of HELPERS) {
      if (effects.includes("moves-packet")) expect(contexts, name).toHaveLength(1);
      if (/skb_|xdp_|csum_|redirect/.test(name)) expect(contexts, name).toBeDefined();
      for (const context of contexts ?? []) expect(CONTEXTS, name).toHaveProperty(context);
      if (id > 1000 && name !== "packet_load") expect(contexts, name).toBe(undefined);
    }
  });

  test("only arguments of formats may hold pointers", () => {
    const holding = HELPERS.filter(({ args }) => args.some((arg) => arg.kind === "memory" && arg.pointers));
    expect(holding.map(({ name }) => name)).toEqual(["bpf_snprintf", "bpf_trace_vprintk", "fprintf"]);
    for (const { args } of holding) expect(args.map(({ kind }) => kind)).toContain("format");
  });

  test("ranges of results are whole, ordered, and of the type", () => {
    for (const { ret, name } of HELPERS) {
      if (ret.kind !== "number" || ret.min === undefined) continue;
      expect(Number.isSafeInteger(ret.min), name).toBe(true);
      if (!ret.signed) expect(ret.min, name).toBeGreaterThanOrEqual(0);
      if (ret.max === undefined) expect(ret.upTo, name).toBeDefined();
      else expect(ret.max, name).toBeGreaterThanOrEqual(ret.min);
      if (ret.bits === 32) expect(ret.max, name).toBeLessThan(2 ** 31);
    }
  });

  test.each([
    [0, "base"],
    [999_999, "base"],
    [1_000_000, "sys"],
    [2_000_000, "user"],
    [3_999_999, "temp"],
    [4_000_000, undefined],
    [-1, undefined],
    [1.5, undefined],
  ])("range of %d: %s", (id, range) => expect(rangeOf(id)).toBe(range));

  test("containers hold every id", () => expect(RANGES.temp.end).toBe(HELPER_IDS));

  /** Prototypes are a contract with files in the field: a changed hash makes them fail to load. */
  test.each([
    ["bpf_map_lookup_elem", "value(map,key:read:false)", 0],
    ["bpf_probe_read", "number:64:true(memory:write:#2+0:false,number,any)", 0x2d6],
    ["bpf_xdp_adjust_head", "number:64:true(context,number)moves-packet", 0],
    ["printf", "number:32:true(format,rest,rest,rest,rest)", 0x229],
    ["puts", "number:32:true(string:false)", 0x206],
    ["malloc", "memory:#1:heap(number)", 0x366],
    ["exit", "never(number)ends-program", 0x33b],
  ])("prototype of %s", (name, text, hash) => {
    const helper = helperById(helperByName(name)!)!;
    expect(prototypeText(helper)).toBe(text);
    if (hash !== 0) expect(prototypeHash(helper)).toBe(hash);
  });

  test("what only the verifier wants to know is no part of the prototype", () => {
    const helper = helperById(89) as HelperRow;
    const bare: HelperRow = {
      ...helper,
      ret: { kind: "number", bits: 64, signed: true },
      args: [{ kind: "map" }, { kind: "value", access: "write" }],
      contexts: ["xdp"],
    };
    expect(JSON.stringify(bare)).not.toBe(JSON.stringify(helper));
    expect(prototypeText(bare)).toBe(prototypeText(helper));
    expect(prototypeText(helperById(165) as HelperRow)).toBe(
      "number:64:true(memory:write:#2+0:true,number,format,memory:read:#5+0:true,number)",
    );
    expect(prototypeText({ ...helper, args: [{ kind: "map" }] })).not.toBe(prototypeText(helper));
  });

  test("hashes are 10 bits and never 0", () => {
    for (const hash of HELPERS.map(prototypeHash)) {
      expect(hash).toBeGreaterThan(0);
      expect(hash).toBeLessThan(1024);
    }
  });

  test("every implementation has a row", () => {
    for (const id of IMPLEMENTATIONS.keys()) expect(helperById(id)).toBeDefined();
    expect(IMPLEMENTATIONS.size).toBeGreaterThan(30);
  });
});

/** What Linux's header says of its helpers: numbers, arguments, and which of them move the packet. */
describe("Linux", () => {
  const HEADER = "/usr/include/linux/bpf.h";
  const missing = !existsSync(HEADER);
  const text = missing ? "" : readFileSync(HEADER, "utf8");
  const numbers = [...text.matchAll(/\bFN\((\w+)(?:, *(\d+))?[^)]*\)/g)].map(([, name, id], i) => ({
    name: `bpf_${name}`,
    id: Number(id ?? i),
  }));
  const lines = text.replace(/^ \*[ \t]*/gm, " * ");
  const BASE = HELPERS.filter(({ id }) => rangeOf(id) === "base");

  /** Prototype and description of a helper; the first of several. */
  function described(name: string): { args: string; doc: string } {
    const [before, after] = lines.split(new RegExp(`\\n \\* [a-z]\\w*[ \\w*]*\\b${name}\\(`));
    expect(before.length, name).toBeGreaterThan(1000);
    const [args] = after.split(")");
    return { args, doc: after.split(/\n \* [a-z]\w*[ \w*]*\bbpf_\w+\(/)[0].replace(/\s*\n \* \s*/g, " ") };
  }

  test.skipIf(missing && !process.env.CI)("numbers", () => {
    expect(numbers.length).toBeGreaterThan(200);
    for (const { id, name } of BASE) expect(numbers).toContainEqual({ name, id });
  });

  test.skipIf(missing && !process.env.CI)("arguments", () => {
    for (const { name, args } of BASE) {
      const linux = described(name).args;
      if (linux.includes("...")) expect(args.at(-1)?.kind, name).toBe("rest");
      else expect(args.length, name).toBe(linux === "void" ? 0 : linux.split(",").length);
      for (const [i, text] of linux.split(",").entries()) {
        if (/\*\s*(skb|xdp_md|ctx)$/.test(text)) expect(args[i].kind, name).toMatch(/^(context|any)$/);
        if (/struct bpf_map \*/.test(text)) expect(args[i].kind, name).toBe("map");
        if (/^ ?(u32|u64|int|s32)\b[^*]*$/.test(text)) expect(args[i].kind, name).toBe("number");
      }
    }
  });

  test.skipIf(missing && !process.env.CI)("which of them move the packet", () => {
    const moving = (name: string) => /to change the underlying/.test(described(name).doc);
    expect(moving("bpf_skb_store_bytes")).toBe(true);
    for (const { name, effects } of BASE)
      expect([name, effects.includes("moves-packet")]).toEqual([name, moving(name)]);
  });

  test.skipIf(missing && !process.env.CI)("which of them return 0 or an error", () => {
    for (const { name, ret } of BASE) {
      const { doc } = described(name);
      const says = /Return 0 on success, or a negative error in case of failure\.( \*|$)/.test(doc);
      // Positive too when the device drops the packet; and what a tail call returns is another program's.
      if (says && name !== "bpf_clone_redirect" && name !== "bpf_tail_call" && name !== "bpf_csum_level")
        expect([name, ret]).toMatchObject([name, { kind: "number", min: -4095, max: 0 }]);
    }
  });
});

describe("helpers/README.md", () => {
  const page = readFileSync(new URL("../../helpers/README.md", import.meta.url), "utf8");
  const types = Object.entries(MAP_TYPE);

  /** Rows of a table: what helpers have in common, and their names. */
  function table(of: (helper: HelperRow) => string | undefined): string {
    const groups = new Map<string, string[]>();
    for (const helper of HELPERS) {
      const common = of(helper);
      if (common !== undefined) groups.set(common, [...(groups.get(common) ?? []), `\`${helper.name}\``]);
    }
    return [...groups].map(([common, names]) => `| ${common} | ${names.join(", ")} |`).join("\n");
  }

  test("contexts", () => expect(page).toContain(table(({ contexts }) => contexts?.join(", "))));

  test("types of map", () => {
    const named = (numbers: readonly number[]) =>
      numbers.map((n) => types.find(([, type]) => type === n)?.[0]).join(", ");
    const typesOf = ({ args }: HelperRow) =>
      args.flatMap((arg) => (arg.kind === "map" && arg.types ? [named(arg.types)] : []))[0];
    expect(page).toContain(table(typesOf));
    for (const helper of HELPERS)
      if (helper.args.some((arg) => arg.kind === "map")) expect(typesOf(helper), helper.name).toBeDefined();
  });

  test("ranges of results", () => {
    const rangeOfResult = ({ ret }: HelperRow) =>
      ret.kind === "number" && ret.min !== undefined
        ? `${ret.min} … ${ret.max ?? `argument ${ret.upTo}`}`
        : undefined;
    expect(page).toContain(table(rangeOfResult));
  });
});

const SYS = 1_000_000;
const A = MEMORY + 64;
const B = MEMORY + 128;

/** Calls helper `id` with `memory` placed at A and B; result as a signed 64-bit number. */
function call(id: number, args: Word[], memory: { a?: string; b?: string } = {}) {
  const host = fakeHost();
  host.memory.fill(0xee, 0, 1024);
  if (memory.a !== undefined) host.write(A, Buffer.from(memory.a, "latin1"));
  if (memory.b !== undefined) host.write(B, Buffer.from(memory.b, "latin1"));
  const [a1 = 0, a2 = 0, a3 = 0, a4 = 0, a5 = 0] = args;
  const helper = IMPLEMENTATIONS.get(id) as Helper;
  const result = helper(host, a1, a2, a3, a4, a5);
  return { host, result: BigInt.asIntN(64, BigInt(result ?? 0)) };
}

/** 64-bit little-endian words as text. */
const addresses = (...words: number[]): string =>
  Buffer.from(BigUint64Array.from(words, BigInt).buffer).toString("latin1");

/** A packet of five bytes and its context. */
const PACKET = { a: addresses(B, B + 5), b: "\x80\x81\xff\xfe\xfc" };

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

describe("results", () => {
  const BAD = 0xdead_0000_0000_0000n;
  test.each<[string, number, Word[], { a?: string; b?: string }, bigint, string?]>([
    ["probe_read", 4, [B, 3, A], { a: "xyz" }, 0n, "78797aee"],
    ["probe_read of a bad address", 4, [B, 3, BAD], {}, -14n, "000000ee"],
    ["probe_read: the size is 32 bits", 4, [B, 0x5_0000_0001, A], { a: "xy" }, 0n, "78ee"],
    ["ktime_get_ns", 5, [], {}, 123_456_789_012_345n],
    ["get_prandom_u32", 7, [], {}, 0xfedcba98n],
    ["get_smp_processor_id", 8, [], {}, 3n],
    ["get_current_pid_tgid", 14, [], {}, BigInt.asIntN(64, 0x80000001_00000007n)],
    ["get_current_uid_gid", 15, [], {}, 0x64_000003e8n],
    ["get_current_comm, cut", 16, [B, 7], {}, 0n, "612d6e616d6500ee"],
    ["get_current_comm, size 0", 16, [B, 0], {}, -22n, "ee"],
    ["strncmp, equal", 182, [A, 3, B], { a: "abc", b: "abc\0" }, 0n],
    ["strncmp, the first ends within the size", 182, [A, 9, B], { a: "ab\0xxxxxx", b: "ab\0" }, 0n],
    ["strncmp, less", 182, [A, 3, B], { a: "abb", b: "abc\0" }, -1n],
    ["strncmp, longer", 182, [A, 4, B], { a: "abcd", b: "abc\0" }, 1n],
    ["strncmp, bytes are unsigned", 182, [A, 1, B], { a: "\xff", b: "a\0" }, 1n],
    ["memcpy", SYS + 300, [B, A, 2], { a: "xy" }, BigInt(B), "7879ee"],
    ["memcpy of nothing, anywhere", SYS + 300, [7, BAD, 0], {}, 7n],
    ["memset", SYS + 301, [B, 0x141, 3], {}, BigInt(B), "414141ee"],
    ["memmove, overlapping", SYS + 302, [B, B + 1, 3], { b: "abcd" }, BigInt(B), "6263" + "6464"],
    ["memcmp, equal", SYS + 303, [A, B, 3], { a: "abc", b: "abc" }, 0n],
    ["memcmp, less, unsigned", SYS + 303, [A, B, 2], { a: "a\x7f", b: "a\x80" }, -1n],
    ["memcmp of nothing", SYS + 303, [BAD, BAD, 0], {}, 0n],
    ["strlen", SYS + 304, [A], { a: "hello\0" }, 5n],
    ["strcmp, prefix", SYS + 305, [A, B], { a: "ab\0", b: "abc\0" }, -1n],
    ["strcmp, equal", SYS + 305, [A, B], { a: "ab\0", b: "ab\0" }, 0n],
    ["strncmp (C), equal so far", SYS + 306, [A, B, 2], { a: "abx\0", b: "aby\0" }, 0n],
    ["strncmp (C), differs", SYS + 306, [A, B, 3], { a: "abx\0", b: "aby\0" }, -1n],
    ["atoi", SYS + 307, [A], { a: " \t-12x\0" }, -12n],
    ["atoi, plus", SYS + 307, [A], { a: "+7\0" }, 7n],
    ["atoi, none", SYS + 307, [A], { a: "x\0" }, 0n],
    ["atoi wraps at 32 bits", SYS + 307, [A], { a: "4294967297\0" }, 1n],
    ["atoi saturates at 64", SYS + 307, [A], { a: "99999999999999999999\0" }, -1n],
    ["atoi saturates below", SYS + 307, [A], { a: "-99999999999999999999\0" }, 0n],
    ["atoi above 2^53", SYS + 307, [A], { a: "9007199254740995\0" }, 3n],
    ["usleep", SYS + 104, [5], {}, 0n],
    ["clock", SYS + 109, [], {}, 1234n],
    ["time", SYS + 110, [0], {}, 1_795_000_000n],
    ["time, stored", SYS + 110, [B], {}, 1_795_000_000n, "c086fd6a00000000ee"],
    ["getenv of nothing", SYS + 108, [A], { a: "NOPE\0" }, 0n],
    ["do_nothing", SYS + 490, [], {}, 0n],
    ["local_arch", SYS + 491, [], {}, 2n],
    ["malloc too large", SYS + 1, [1 << 20], {}, 0n],
    ["packet_load, a byte", SYS + 600, [A, 4, 1], PACKET, 0xfcn],
    ["packet_load, two", SYS + 600, [A, 1, 2], PACKET, 0x81ffn],
    ["packet_load, four", SYS + 600, [A, 0, 4], PACKET, 0x8081fffen],
    ["packet_load past the end", SYS + 600, [A, 2, 4], PACKET, -14n],
    ["packet_load at the end", SYS + 600, [A, 5, 1], PACKET, -14n],
    ["packet_load before the start", SYS + 600, [A, (1n << 64n) - 1n, 4], PACKET, -14n],
    ["packet_load, an end before the start", SYS + 600, [A, 0, 1], { a: addresses(B, B - 8) }, -14n],
    ["packet_load of three bytes", SYS + 600, [A, 0, 3], PACKET, -22n],
    ["putchar", SYS + 308, [0x141], {}, 0x41n],
  ])("%s", (_, id, args, memory, result, after) => {
    const done = call(id, args, memory);
    expect(done.result).toBe(result);
    if (after !== undefined) expect(hex(done.host.read(B, after.length / 2))).toBe(after);
  });
});

describe("bpf_strtol and bpf_strtoul", () => {
  /** [text, base, strtol: consumed or error, value; strtoul likewise] */
  const MAX = (1n << 63n) - 1n;
  const rows: [string, number, bigint, bigint, bigint, bigint][] = [
    ["12", 10, 2n, 12n, 2n, 12n],
    ["12x", 10, 2n, 12n, 2n, 12n],
    [" \n-12", 10, 5n, -12n, -22n, 0n],
    ["+12", 10, -22n, 0n, -22n, 0n],
    ["", 10, -22n, 0n, -22n, 0n],
    ["-", 10, -22n, 0n, -22n, 0n],
    ["x", 10, -22n, 0n, -22n, 0n],
    ["017", 0, 3n, 15n, 3n, 15n],
    ["08", 0, 1n, 0n, 1n, 0n],
    ["0x1F", 0, 4n, 31n, 4n, 31n],
    ["0x", 0, 1n, 0n, 1n, 0n],
    ["0xg", 0, 1n, 0n, 1n, 0n],
    ["0X1f", 16, 4n, 31n, 4n, 31n],
    ["fF", 16, 2n, 255n, 2n, 255n],
    ["778", 8, 2n, 63n, 2n, 63n],
    ["9", 8, -22n, 0n, -22n, 0n],
    ["1", 2, -22n, 0n, -22n, 0n],
    ["1", 0x110, -22n, 0n, -22n, 0n],
    ["9223372036854775807", 10, 19n, MAX, 19n, MAX],
    ["9223372036854775808", 10, -34n, 0n, 19n, -MAX - 1n],
    ["-9223372036854775808", 10, 20n, -MAX - 1n, -22n, 0n],
    ["-9223372036854775809", 10, -34n, 0n, -22n, 0n],
    ["18446744073709551615", 10, -34n, 0n, 20n, -1n],
    ["18446744073709551616", 10, -34n, 0n, -34n, 0n],
    [`${"0".repeat(30)}5`, 10, 31n, 5n, 31n, 5n],
  ];
  test.each(rows)("%j in base %d", (text, base, signed, value, unsigned, unsignedValue) => {
    for (const [id, result, stored] of [
      [105, signed, value],
      [106, unsigned, unsignedValue],
    ] as const) {
      const done = call(id, [A, text.length, base, B], { a: text });
      expect(done.result, `helper ${id}`).toBe(result);
      expect(Buffer.from(done.host.read(B, 8)).readBigInt64LE(), `*result of ${id}`).toBe(stored);
    }
  });
});

test("getenv lends the same string for as long as the instance lives", () => {
  const host = fakeHost();
  const getenv = IMPLEMENTATIONS.get(SYS + 108) as Helper;
  const name = host.string("HOME");
  const address = getenv(host, name, 0, 0, 0, 0) as number;
  expect(Buffer.from(host.cstring(address)).toString()).toBe("/home/b");
  expect(getenv(host, name, 0, 0, 0, 0)).toBe(address);
  const empty = getenv(host, host.string("EMPTY"), 0, 0, 0, 0) as number;
  expect(empty).not.toBe(0);
  expect(host.cstring(empty).length).toBe(0);
});

test("malloc, realloc, free, exit, env_name", () => {
  const host = fakeHost();
  const run = (id: number, ...args: number[]) =>
    (IMPLEMENTATIONS.get(SYS + id) as Helper)(host, args[0] ?? 0, args[1] ?? 0, 0, 0, 0);
  const memory = run(1, 100) as number;
  expect(memory).toBeGreaterThan(0);
  expect(run(5, 0, 10)).not.toBe(0);
  run(2, 0);
  run(2, memory);
  expect(host.freed).toEqual([memory]);
  expect(() => run(105, 0xffff_ffff)).toThrow("exit -1");
  expect(Buffer.from(host.cstring(run(497) as number)).toString()).toBe("test");
});
