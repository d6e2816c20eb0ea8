/** Damaged objects and random bytecode through the whole compiler: an InputError or a container that reads back, soon. */

import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type CompileOptions, compile } from "../../compiler/compile.ts";
import { readElf, SHF } from "../../formats/elf.ts";
import { InputError } from "../../formats/error.ts";
import { BPF, type BpfRow, encode, type Insn } from "../../formats/isa/bpf.ts";
import { readContainer } from "../../formats/read.ts";
import { EXAMPLES } from "../example-list.ts";
import { mutate, random, SLOW } from "../mutate.ts";

type Rng = (n: number) => number;

const COUNT = SLOW ? 10_000 : 500;
/** Milliseconds of processor time that one file may take. */
const LIMIT = 200;

/** The one function that test/objects leave to their host. */
const externs = { my_extern: 2_000_005 };
const TARGETS: CompileOptions[] = [
  { format: "bare", optimize: 2, externs },
  { format: "spf", optimize: 2, debug: true, externs },
  { format: "spf", optimize: 0, externs },
  { format: "bare", optimize: "s", externs },
];

/** "accepted", "refused", or what went wrong. */
function outcome(bytes: Uint8Array, options: CompileOptions): string {
  try {
    const { container } = compile(bytes, { name: "x.o", check: true, verify: false, ...options });
    readContainer(container, "container", "x64");
    return "accepted";
  } catch (error) {
    if (!(error instanceof InputError)) return String((error as Error).stack);
    if (error.message.includes("\n") || error.message.length > 600)
      return `not one clear line: ${error.message}`;
    return error.where === "container" ? `does not read back: ${error.message}` : "refused";
  }
}

const FOLDER = new URL("../objects/", import.meta.url).pathname;
const FILES = [
  ...EXAMPLES.map(({ object }) => object),
  ...readdirSync(FOLDER)
    .filter((name) => name.endsWith(".o"))
    .map((name) => new Uint8Array(readFileSync(FOLDER + name))),
];

/** Objects with the ways to compile them that work: maps and several programs do not go into bare. */
const OBJECTS = FILES.map((bytes) => ({
  bytes,
  targets: TARGETS.filter((options) => outcome(bytes, options) === "accepted"),
})).filter(({ targets }) => targets.length > 0);

const milliseconds = () => process.cpuUsage().user / 1000;

/** Runs `make` for each seed; every outcome must be one of the two good ones, and both must occur. */
function all(count: number, make: (rng: Rng, seed: number) => [Uint8Array, CompileOptions]): void {
  const seen = { accepted: 0, refused: 0 };
  for (let seed = 1; seed <= count; seed++) {
    const [bytes, options] = make(random(seed), seed);
    const start = milliseconds();
    const got = outcome(bytes, options);
    expect(got, `seed ${seed}`).toMatch(/^(accepted|refused)$/);
    // The first time may have paid for the engine's own compiling.
    if (milliseconds() - start > LIMIT) {
      const again = milliseconds();
      outcome(bytes, options);
      expect(milliseconds() - again, `seed ${seed}: milliseconds`).toBeLessThan(LIMIT);
    }
    seen[got as keyof typeof seen]++;
  }
  expect(seen.accepted).toBeGreaterThan(count / 10);
  expect(seen.refused).toBeGreaterThan(count / 10);
}

/** Classes of instructions by the low bits of the opcode: LDX, ST, STX, ALU, JMP, JMP32, ALU64. */
const USES_OFFSET = [1, 2, 3, 5, 6];
const HAS_OPERATION = [4, 5, 6, 7];

/** Changes in executable sections alone: flipped bits, other operations and offsets, instructions from elsewhere. */
function mutateCode(file: Uint8Array, rng: Rng): Uint8Array {
  const out = file.slice();
  const sections = readElf(out, "x.o").sections.filter(({ flags, size }) => flags & SHF.EXEC && size >= 8);
  for (let changes = 1 + rng(3); changes > 0; changes--) {
    const { data } = sections[rng(sections.length)];
    const at = 8 * rng(data.length >> 3);
    const kind = rng(8);
    if (kind === 0) data[at + rng(8)] ^= 1 << rng(8);
    else if (kind === 1) data.copyWithin(at, 8 * rng(data.length >> 3), 8 + 8 * rng(data.length >> 3));
    else if (kind < 5 && HAS_OPERATION.includes(data[at] & 7)) data[at] ^= (1 + rng(15)) << 4;
    else if (USES_OFFSET.includes(data[at] & 7))
      new DataView(data.buffer, data.byteOffset).setInt16(at + 2, rng(40) - 20, true);
  }
  return out;
}

describe("mutated objects", () => {
  const some = (rng: Rng) => OBJECTS[rng(OBJECTS.length)];
  const anyOf = (targets: CompileOptions[], rng: Rng) => targets[rng(targets.length)];

  test(`${COUNT}: anywhere in the file`, () => {
    all(COUNT, (rng) => {
      const { bytes, targets } = some(rng);
      return [mutate(bytes, rng), anyOf(targets, rng)];
    });
  });

  test(`${COUNT}: in the code`, () => {
    all(COUNT, (rng) => {
      const { bytes, targets } = some(rng);
      return [mutateCode(bytes, rng), anyOf(targets, rng)];
    });
  });

  test(`${COUNT}: a part of one in another`, () => {
    all(COUNT, (rng) => {
      const { bytes, targets } = some(rng);
      const out = bytes.slice();
      const other = some(rng).bytes;
      const [from, at] = [rng(other.length), rng(out.length)];
      out.set(other.subarray(from, from + Math.min(1 + rng(300), out.length - at)), at);
      return [out, anyOf(targets, rng)];
    });
  });
});

const RAW: CompileOptions[] = TARGETS.map((options) => ({ ...options, debug: false, raw: true }));
const IMMEDIATES = [0, 1, -1, 2, 8, 32, 64, 255, 0x7fffffff, -0x80000000, 5, 1_000_051, 1_000_304, 2_000_001];

/** An instruction of row `row` whose fields are in range, but mean nothing. */
function randomInsn(row: BpfRow, rng: Rng, at: number, count: number): Insn {
  const field = (name: "dst" | "src", n: number) => (row.uses.includes(name) ? rng(n) : 0);
  const near = rng(count + 2) - at - 1;
  const jumps = row.kind === "jump" || row.op === "local";
  const imm = jumps && row.uses.includes("imm") ? near : IMMEDIATES[rng(IMMEDIATES.length)];
  return {
    row,
    slot: at,
    dst: field("dst", rng(20) === 0 ? 11 : 10),
    src: row.match.src ?? field("src", 11),
    off: row.match.off ?? (row.uses.includes("off") ? (jumps ? near : -8 * rng(65)) : 0),
    imm: row.match.imm ?? (row.uses.includes("imm") ? imm : 0),
    hi: row.uses.includes("hi") ? rng(3) - 1 : 0,
  };
}

/** Instructions at random, mostly such that are always possible; the last one exits. */
function randomCode(rng: Rng): Uint8Array {
  const count = 2 + rng(60);
  const rare = rng(3) === 0;
  const rows = BPF.filter((row) => row.kind !== "lddw" && (rare || !["call", "packet"].includes(row.kind)));
  const insns = Array.from({ length: count }, (_, at) => {
    const row = rng(25) === 0 ? BPF[rng(BPF.length)] : rows[rng(rows.length)];
    return randomInsn(row, rng, at, count);
  });
  insns.push(randomInsn(BPF.find((row) => row.kind === "exit")!, rng, count, count));
  return encode(insns);
}

describe("random bytecode", () => {
  test(`${COUNT}: instructions`, () => {
    all(COUNT, (rng) => [randomCode(rng), RAW[rng(RAW.length)]]);
  });

  test(`${COUNT}: instructions with flipped bits`, () => {
    all(COUNT, (rng) => {
      const code = randomCode(rng);
      if (rng(2) === 0) code[rng(code.length)] ^= 1 << rng(8);
      return [code, RAW[rng(RAW.length)]];
    });
  });

  test("bytes", () => {
    for (let seed = 0; seed < 200; seed++) {
      const rng = random(seed);
      const bytes = Uint8Array.from({ length: rng(200) }, () => rng(256));
      expect(outcome(bytes, RAW[0]), `seed ${seed}`).toMatch(/^(accepted|refused)$/);
      expect(outcome(bytes, TARGETS[1]), `seed ${seed}`).toMatch(/^(accepted|refused)$/);
    }
  });
});

test("an address inside the value of a map", () => {
  const bytes = new Uint8Array(readFileSync(`${FOLDER}maps-legacy-clang19.o`));
  for (const { data, flags } of readElf(bytes, "x.o").sections) {
    if ((flags & SHF.EXEC) === 0) continue;
    for (let at = 0; at < data.length; at += 8) if (data[at] === 0x18) data[at + 1] |= 0x20; // src = 2
  }
  for (const target of ["x64", "arm64", "bytecode"] as const)
    expect(() => compile(bytes, { name: "x.o", target, verify: false })).toThrow(
      /^[^:]+:.*: expected the address of a map, got an address inside the value of map \w+ \(look the value up\)$/,
    );
});
