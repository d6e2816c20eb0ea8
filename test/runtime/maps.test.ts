/** Maps, globals and callbacks as JavaScript and programs see them together, on both engines. */

import { beforeAll, describe, expect, it } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { type GuestMap, type Instance, type LoadOptions, Runtime } from "../../runtime/index.ts";
import { bpfObject } from "../compile/agree.ts";
import { skip } from "../device-tools.ts";

const SOURCE = new URL("programs/maps.c", import.meta.url).pathname;
const TIMERS = new URL("programs/timers.c", import.meta.url).pathname;
const ENGINES = ["native", "interpret"] as const;
const LEVELS = [0, 2, "s"] as const;

describe.skipIf(skip("clang-19"))("maps", () => {
  let object: Uint8Array;
  beforeAll(() => {
    object = bpfObject("clang-19", SOURCE, ["-mcpu=v3", "-O2"]);
  });

  const build = (engine: "native" | "interpret", optimize: 0 | 2 | "s" = 2) =>
    compile(object, {
      ...{ name: "maps.o", optimize, check: true },
      target: engine === "interpret" ? "bytecode" : (process.arch as "x64"),
    });

  function load(
    engine: "native" | "interpret",
    options: LoadOptions = {},
    optimize: 0 | 2 | "s" = 2,
  ): Instance {
    const { container, btf } = build(engine, optimize);
    return new Runtime({ engine }).load("maps", container, { btf, cpus: 4, ...options });
  }

  const cases = ENGINES.flatMap((engine) =>
    LEVELS.filter((level) => engine === "native" || level === 2).map((level) => ({ engine, level })),
  );

  it.each(cases)("programs use them: $engine -O$level", ({ engine, level }) => {
    using instance = load(engine, {}, level);
    const run = (name: string, ...args: number[]) => instance.runProgram(name, ...args);
    expect([run("add", 1, 10), run("add", 1, 5), run("add", 2, 7)]).toEqual([10n, 15n, 7n]);
    expect([run("bump", 0), run("bump", 0), run("bump", 1), run("bump", 2)]).toEqual([1n, 2n, 1n, 0n]);
    expect([run("inside", 0, 0), run("inside", 0, 0), run("inside", 1, 0)]).toEqual([1n, 2n, 1n]);
    expect([run("inside", 2, 0), run("inside", 3, 0), run("inside", 0, 2)]).toEqual([404n, 404n, 405n]);
    expect(run("total", 0)).toBe((22n << 8n) | 2n);
    expect(Number(run("total", 1)) & 255).toBe(1);
    expect(run("rounds", 10)).toBe((45n << 16n) | 10n);
    expect(run("rounds", 1000)).toBe((1225n << 16n) | 50n);
    expect(run("settings")).toBe(5_007_000n);
    expect(run("cpu")).toBe(0n);
    expect(BigInt.asIntN(64, run("move"))).toBe(-2n);
  });

  describe.each(ENGINES)("%s", (engine) => {
    it("objects by BTF: signed, bit fields, text, bytes", () => {
      using instance = load(engine);
      const { points } = instance.maps;
      points.set(1, { x: -3, y: 9, z: 1000, name: "here", raw: new Uint8Array([1, 2, 3, 4]) });
      expect(points.get(1)).toEqual({
        x: -3,
        y: 9,
        z: 1000,
        name: "here",
        raw: new Uint8Array([1, 2, 3, 4]),
      });
      expect(points.get(4)).toBeUndefined();
      expect(() => points.set(4, { x: 1 })).toThrow("map points: update: E2BIG");
      expect(() => points.set(0, { x: 2n ** 40n })).toThrow(
        "value of map points.x: expected a number of 4 bytes",
      );
      expect(() => points.set(0, { q: 1 })).toThrow("expected members x, y, z, name, raw, got q");
      expect(() => points.set(0, { y: 16 })).toThrow("expected a number of 4 bits, got 16");
      const raw = points.as({ value: "bytes" }).get(1) as Uint8Array;
      expect([...raw.slice(0, 6)]).toEqual([253, 255, 255, 255, 137, 62]);
    });

    it("is Map-like: updates with conditions, iteration that survives deletes", () => {
      using instance = load(engine);
      const { hash } = instance.maps;
      for (let k = 0; k < 8; k++) hash.set(k, BigInt(k * k));
      expect(() => hash.set(8, 1n)).toThrow("map hash: update: E2BIG: the map is full");
      expect(() => hash.set(3, 1n, "noexist")).toThrow("EEXIST");
      expect(() => hash.set(9, 1n, "exist")).toThrow("ENOENT");
      expect([hash.size, hash.get(3), hash.has(9), hash.get(9)]).toEqual([8, 9n, false, undefined]);
      const seen: [unknown, unknown][] = [];
      for (const [key, value] of hash) {
        seen.push([key, value]);
        hash.delete(key as number);
      }
      expect(seen.sort((a, b) => Number(a[0]) - Number(b[0]))).toEqual(
        Array.from({ length: 8 }, (_, k) => [k, BigInt(k * k)]),
      );
      expect([hash.size, hash.delete(1), hash.take(1)]).toEqual([0, false, undefined]);
      hash.set(5, 1);
      expect([hash.take(5), hash.size]).toEqual([1n, 0]);
      hash.set(6, 1);
      hash.clear();
      expect([...hash.keys()]).toEqual([]);
    });

    it("per-cpu values", () => {
      using instance = load(engine);
      const { each, each_hash } = instance.maps;
      instance.runProgram("bump", 0);
      expect(each.get(0)).toEqual([1, 0, 0, 0]);
      each.set(0, 5);
      expect(instance.runProgram("bump", 0)).toBe(6n);
      each_hash.set(7, [1n, 2n, 3n, 4n]);
      expect([...each_hash]).toEqual([[7, [1n, 2n, 3n, 4n]]]);
      expect(() => each.set(0, [1, 2])).toThrow("expected 4 values, or one for all, got 2");
    });

    it("lru, queue, stack, bloom filter", () => {
      using instance = load(engine);
      const { lru, queue, stack, bloom } = instance.maps;
      for (let k = 0; k < 12; k++) lru.set(k, k);
      expect(lru.size).toBeLessThanOrEqual(4);
      expect(lru.get(11)).toBe(11);
      for (const value of [1, 2, 3]) {
        queue.push(value);
        stack.push(value);
      }
      expect(() => queue.push(4)).toThrow("E2BIG");
      queue.push(4, { replace: true });
      expect([queue.peek(), queue.pop(), queue.pop(), queue.pop(), queue.pop()]).toEqual([
        2,
        2,
        3,
        4,
        undefined,
      ]);
      expect([stack.pop(), stack.pop(), stack.size]).toEqual([3, 2, 1]);
      queue.push(77);
      expect([instance.runProgram("move"), stack.pop()]).toEqual([77n, 77]);
      bloom.push(42);
      expect([bloom.has(42), bloom.has(43)]).toEqual([true, false]);
      expect(() => queue.get(1)).toThrow("expected a map with keys, got a map of type queue");
      expect(() => lru.push(1)).toThrow("expected a queue, a stack or a bloom filter");
    });

    it("longest prefix match", () => {
      using instance = load(engine);
      const { routes } = instance.maps;
      routes.set({ length: 8, address: new Uint8Array([10, 0, 0, 0]) }, 1);
      routes.set({ length: 24, address: new Uint8Array([10, 1, 2, 0]) }, 2);
      const route = (address: number) => Number(instance.runProgram("route", address));
      expect([route(0x0a010203), route(0x0a010303), route(0x0b000000)]).toEqual([2, 1, 0]);
    });

    it("maps of maps are read and changed", () => {
      using instance = load(engine);
      const { outer, red, blue } = instance.maps;
      expect((outer.get(0) as GuestMap).name).toBe("red");
      red.set(1, 40n);
      expect(instance.runProgram("inside", 0, 1)).toBe(41n);
      outer.set(0, blue);
      expect(instance.runProgram("inside", 0, 1)).toBe(1n);
      const green = instance.createMap("green", "outer");
      green.set(1, 100n);
      outer.set(2, green);
      expect([instance.runProgram("inside", 2, 1), (outer.get(2) as GuestMap).name]).toEqual([101n, "green"]);
      outer.delete(1);
      expect(instance.runProgram("inside", 1, 0)).toBe(404n);
      expect(() => outer.set(1, instance.maps.hash)).toThrow(
        "whose definition is the inner map's, got map hash",
      );
    });

    it("globals: typed, live, and settings before the program runs", () => {
      using instance = load(engine, { globals: { setting: 9, small: -1, spot: { x: 1, name: "s" } } });
      const { globals } = instance;
      expect([globals.plain, globals.setting, globals.small]).toEqual([5n, 9, -1]);
      expect(globals.spot).toMatchObject({ x: 1, name: "s" });
      expect(instance.runProgram("settings")).toBe(5_009_000n + 0xffffn);
      globals.plain = 1;
      globals.small = 2;
      expect(instance.runProgram("settings")).toBe(1_009_002n);
      expect(() => void (globals.setting = 1)).toThrow("expected a variable that is not constant");
      expect(() => load(engine, { globals: { nothing: 1 } })).toThrow(
        /expected a variable of .*setting.*, got nothing/,
      );
      expect(() => load(engine, { globals: { setting: "x" } })).toThrow(
        "maps: setting: expected a whole number of 4 bytes",
      );
      using other = load(engine);
      expect(other.runProgram("settings")).toBe(5_007_000n);
    });

    it("ring buffers as async iterables: order, back-pressure, abort, the end", async () => {
      const instance = load(engine);
      const { ring } = instance.maps;
      const told = [];
      for (let k = 1; k <= 12; k++) told.push(BigInt.asIntN(64, instance.runProgram("tell", k)));
      const fits = told.filter((result) => result === 0n).length;
      expect(fits).toBeGreaterThan(8);
      expect([told.length - fits, ring.lost]).toEqual([12 - fits, 12 - fits]);
      const got: number[] = [];
      setTimeout(() => instance.runProgram("tell", 99), 5);
      for await (const record of ring.events()) {
        const [number, square] = new BigUint64Array((record as Uint8Array).slice().buffer);
        expect(square).toBe(number * number);
        got.push(Number(number));
        if (number === 99n) break;
      }
      expect(got).toEqual([...Array.from({ length: fits }, (_, k) => k + 1), 99]);
      const stop = new AbortController();
      setTimeout(() => stop.abort(), 5);
      const drain = async (signal?: AbortSignal) => {
        for await (const _ of ring.events({ signal })) got.push(0);
      };
      await expect(drain(stop.signal)).rejects.toThrow("aborted");
      setTimeout(() => instance[Symbol.dispose](), 5);
      await drain();
      expect(() => ring.next()).toThrow("expected a loaded instance");
    });

    it("is shared by instances of a thread", () => {
      using first = load(engine);
      using second = new Runtime({ engine }).load("two", build(engine).container, { maps: first.share() });
      first.runProgram("add", 1, 5);
      expect([second.runProgram("add", 1, 5), first.maps.hash.get(1)]).toEqual([10n, 10n]);
      expect(second.store?.cpus).toBe(4);
    });
  });

  it.each(ENGINES)("timers fire, start again, stop, and end with their element: %s", async (engine) => {
    const timers = bpfObject("clang-19", TIMERS, ["-mcpu=v3", "-O2"]);
    const target = engine === "interpret" ? "bytecode" : (process.arch as "x64");
    const { container, btf } = compile(timers, { name: "timers.o", target });
    const instance = new Runtime({ engine }).load("timers", container, { btf });
    const run = (name: string, key: number) => BigInt.asIntN(64, instance.runProgram(name, key));
    const fired = (key: number) => (instance.maps.elements.get(key) as { fired: bigint } | undefined)?.fired;
    expect([run("arm", 5), run("arm", 6), run("arm", 7), run("stop", 6), run("stop", 6)]).toEqual([
      0n,
      0n,
      0n,
      1n,
      0n,
    ]);
    instance.maps.elements.delete(7);
    for (let round = 0; round < 500 && fired(5) !== 15n; round++)
      await new Promise((resolve) => setTimeout(resolve, 4));
    expect([fired(5), fired(6), fired(7)]).toEqual([15n, 0n, undefined]);
    expect(run("arm", 8)).toBe(0n);
    instance[Symbol.dispose]();
    await new Promise((resolve) => setTimeout(resolve, 5));
  });

  it("refuses what it cannot do, and says so", () => {
    using instance = load("native");
    expect(() => load("native", { cpus: 0 })).toThrow("maps: cpus: expected 1 … 64, got 0");
    expect(() => instance.createMap("x", "hash")).toThrow(
      "expected a map of maps to be like the inner map of, got hash",
    );
    expect(() => instance.createMap("red", "outer")).toThrow("expected a name that is free");
    expect(() => instance.maps.hash.get("text")).toThrow(
      "key of map hash: expected a whole number of 4 bytes",
    );
    expect(() => new Runtime({ helpers: { 1: () => 0 } })).toThrow(
      "expected a helper that is not the map library's",
    );
    expect(() => new Runtime({ deny: [181] }).load("x", build("native").container)).toThrow(
      /helper 181 .*denied/,
    );
  });

  it("keeps no memory of instances that are gone", () => {
    const { container } = build("native");
    const runtime = new Runtime();
    const cycle = (count: number) => {
      for (let k = 0; k < count; k++) {
        const instance = runtime.load("x", container);
        instance.runProgram("add", k, 1);
        runtime.unload("x");
      }
    };
    cycle(3000);
    const before = process.memoryUsage.rss();
    cycle(3000);
    // Garbage comes and goes in waves of some 100 MB; a leak of one map would be more.
    expect(process.memoryUsage.rss() - before).toBeLessThan(200 * 2 ** 20);
  });
});
