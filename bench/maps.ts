/** What map operations cost in native code, how large the library is, and how many packets a filter takes. */

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { compile } from "../compiler/compile.ts";
import { Runtime } from "../runtime/index.ts";
import { best, firstOf, ROOT, SCRATCH, timed } from "./measure.ts";
import type { Row } from "./table.ts";

const ROUNDS = 1_000_000;
const RING_ROUNDS = 10_000;
const TURNS = 12;

const TARGETS: [program: string, what: string, target: number][] = [
  ["lookup", "hash lookup, 8-byte key, 10 000 entries", 12],
  ["update", "hash update of such a key", 25],
  ["percpu", "percpu_hash update", 25],
  ["array", "array lookup", 1.5],
];

function operations(): Row[] {
  const object = join(SCRATCH, "maps.o");
  const flags = ["-target", "bpf", "-O2", "-g", "-mcpu=v3"];
  execFileSync(firstOf("clang-19", "clang"), [...flags, "-c", join(ROOT, "bench/maps.c"), "-o", object]);
  const { container } = compile(new Uint8Array(readFileSync(object)), { name: "maps.o", verify: false });
  const instance = new Runtime().load("bench", container);
  const run = (name: string, rounds: number, prepare = () => {}) =>
    best(
      Array.from({ length: TURNS }, () => {
        prepare();
        return timed(() => instance.runProgram(`do_${name}`, rounds));
      }),
    ) / rounds;
  instance.runProgram("do_fill", 0);
  const empty = run("nothing", ROUNDS);
  const rows = TARGETS.map(([name, what, target]): Row => {
    const value = Math.max(run(name, ROUNDS) - empty, 0.1);
    return { key: `maps.${name}`, what, value: Math.round(value * 10) / 10, unit: "ns", target };
  });
  const ring = run("ring", RING_ROUNDS, () => instance.maps.ring.clear());
  rows.push({
    key: "maps.ring",
    what: "ring buffer output of 64 bytes",
    value: ring,
    unit: "ns",
    target: 25,
  });
  return rows;
}

function librarySize(): Row {
  const object = new Uint8Array(readFileSync(join(ROOT, "helpers/lib/maps.o")));
  const { report } = compile(object, { name: "maps.o", target: "x64", optimize: "s", verify: false });
  const what = "map library, native code on x64";
  return {
    key: "maps.library",
    what,
    value: report.bytes.code,
    unit: "bytes",
    target: 12_288,
    note: "15 types",
  };
}

/** The example with one hash map, without its strings. */
function counterSize(): Row {
  const source = join(SCRATCH, "counter.c");
  const object = join(SCRATCH, "counter.o");
  execFileSync("sh", ["-c", `cat > ${source}`], {
    input: `#include "runbpf.h"
struct { __uint(type, MAP_HASH); __uint(max_entries, 1024); __type(key, u64); __type(value, u64); } counts SEC(".maps");
SEC("prog") u64 count(u64 key) {
  u64 one = 1, *value = bpf_map_lookup_elem(&counts, &key);
  if (value) return __sync_fetch_and_add(value, 1) + 1;
  bpf_map_update_elem(&counts, &key, &one, NOEXIST);
  return 1;
}
`,
  });
  const flags = ["-target", "bpf", "-O2", "-g", "-mcpu=v3", "-I", join(ROOT, "examples")];
  execFileSync(firstOf("clang-19", "clang"), [...flags, "-c", source, "-o", object]);
  const value = compile(new Uint8Array(readFileSync(object)), { name: "counter.o" }).container.length;
  return { key: "maps.counter", what: "a counter with one hash map, spf", value, unit: "bytes", target: 300 };
}

/** A packet through the parser of examples/13-tail-calls, from JavaScript. */
function packets(): Row {
  const object = new Uint8Array(readFileSync(join(ROOT, "examples/11-packet-stats/prog.o")));
  const { container } = compile(object, { name: "prog.o" });
  const filter = new Runtime().load("filter", container).packets();
  const packet = new Uint8Array(96);
  packet[12] = 8;
  const count = 200_000;
  const each = () => {
    for (let i = 0; i < count; i++) filter.run(packet, 0, 64 + (i & 31));
  };
  const value = best(Array.from({ length: TURNS }, () => timed(each))) / count;
  return {
    key: "maps.packet",
    what: "a packet through an xdp filter, from JavaScript",
    value,
    unit: "ns",
    target: 200,
  };
}

export const maps = (): Row[] => [...operations(), librarySize(), counterSize(), packets()];
