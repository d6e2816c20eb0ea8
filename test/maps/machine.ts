/** Map operations as lines of text, done by maps.o in native code in this process: harness.c does the same in C. */

import { readFileSync } from "node:fs";
import { compile } from "../../compiler/compile.ts";
import type { Arch } from "../../formats/container.ts";
import { readSpf } from "../../formats/spf.ts";
import { addressOf } from "../../runtime/engine/libc.ts";
import { thisThread } from "../../runtime/engine/thread.ts";

export const LIBRARY = new URL("../../helpers/lib/", import.meta.url).pathname;
const ARCH = process.arch as Arch;

/** The library as our compiler makes it. */
export function libraryCode(
  level: 0 | 1 | 2 | "s" = 2,
  arch: Arch = ARCH,
): { code: Uint8Array; at: Map<string, number> } {
  const bytes = new Uint8Array(readFileSync(`${LIBRARY}maps.o`));
  const options = { name: "maps.o", format: "spf", target: arch, verify: false, optimize: level } as const;
  const { code, programs } = readSpf(compile(bytes, options).container, "maps.o", arch);
  return { code, at: new Map(programs.map(({ hook, offset }) => [hook, offset])) };
}

/** A callback that counts in ctx[0], and ends when it is ctx[1]; as instructions. ctx is in register `ctx`. */
const countCalls = (ctx: bigint): Uint8Array =>
  new Uint8Array(
    new BigUint64Array([
      0x0000_0000_0000_0079n | (ctx << 12n), // r0 = *(u64 *)(ctx + 0)
      0x0000_0001_0000_0007n, // r0 += 1
      0x0000_0000_0000_007bn | (ctx << 8n), // *(u64 *)(ctx + 0) = r0
      0x0000_0000_0008_0579n | (ctx << 12n), // r5 = *(u64 *)(ctx + 8)
      0x0000_0000_0002_503dn, // if r0 >= r5 goto +2
      0x0000_0000_0000_00b7n,
      0x0000_0000_0000_0095n,
      0x0000_0001_0000_00b7n,
      0x0000_0000_0000_0095n,
    ]).buffer,
  );

const HELPERS: Record<string, number> = {
  lookup: 1,
  update: 2,
  delete: 3,
  perf_event_output: 25,
  tail: 12,
  push: 87,
  pop: 88,
  peek: 89,
  spin_lock: 93,
  spin_unlock: 94,
  ringbuf_output: 130,
  ringbuf_reserve: 131,
  ringbuf_submit: 132,
  ringbuf_discard: 133,
  query: 134,
  each: 164,
  loop: 181,
  percpu: 195,
  next_key: 1_000_503,
};

const CPUS = 4;
const HANDLE = 256;
const TARGETS = [101, 0, 103, 104];
const signed = (word: number | bigint): number => Number(BigInt.asIntN(64, BigInt(word)));
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

export class Machine {
  private readonly memory = new Uint8Array(new SharedArrayBuffer(1 << 20));
  private readonly view = new DataView(this.memory.buffer);
  private readonly base = addressOf(this.memory);
  private readonly functions: Map<string, number>;
  private readonly countCalls: number;
  private readonly countRounds: number;
  private is = [0, 0, 0, 0, 0, 0];
  private made = false;
  private handle = 0;

  constructor(level: 0 | 1 | 2 | "s" = 2) {
    const { code, at } = libraryCode(level);
    const { arena } = thisThread();
    const placed = arena.place(code).at;
    this.functions = new Map([...at].map(([hook, offset]) => [hook, placed + offset]));
    const place = (ctx: bigint): number => {
      const raw = { raw: true, format: "spf", target: ARCH, verify: false } as const;
      return arena.place(readSpf(compile(countCalls(ctx), raw).container, "callback", ARCH).code).at;
    };
    this.countCalls = place(4n);
    this.countRounds = place(2n);
  }

  /** Offsets in `memory`: handles, then targets, then scratch for keys and values, then the block. */
  private readonly scratch = {
    /** Behind a word that counts tail calls. */
    targets: 2056,
    definition: 2176,
    local: 2240,
    key: 4096,
    value: 8192,
    out: 65536,
    block: 131072,
  };

  call(name: string, ...args: (number | bigint)[]): number {
    const section =
      name in HELPERS
        ? `helper/${HELPERS[name]}`
        : name.startsWith("ringbuf")
          ? `map/${name}`
          : `map/map_${name}`;
    const at = this.functions.get(section);
    if (at === undefined) throw new Error(`no ${section}`);
    const five = [...args, 0, 0, 0, 0, 0].slice(0, 5);
    return signed(thisThread().callable(at, 5)(...five));
  }

  private put(at: number, text: string | undefined): number {
    const bytes = Buffer.from(text === undefined || text === "-" ? "" : text, "hex");
    this.memory.fill(0xee, at, at + 4096);
    this.memory.set(bytes, at);
    return bytes.length;
  }

  /** What the library says of a definition "type,key,value,max,flags,cpus". */
  private size(definition: string): number {
    for (const [k, word] of definition.split(",").entries())
      this.view.setUint32(this.scratch.definition + 4 * k, Number(word), true);
    return this.call("size", this.base + this.scratch.definition);
  }

  private make(): string {
    const { scratch, base } = this;
    const block = base + scratch.block;
    this.made = false;
    const size = this.size(this.is.join());
    if (size < 0) return `${size}`;
    if (size > this.memory.length - scratch.block) throw new Error(`a block of ${size} bytes`);
    this.memory.fill(0, scratch.block);
    let result = this.call("create", block, size, base + scratch.definition);
    for (let k = 0; k < CPUS && result === 0; k++) {
      for (const [t, target] of TARGETS.entries())
        this.view.setBigUint64(scratch.targets + 8 * t, BigInt(target), true);
      this.view.setBigUint64(scratch.local, 0n, true);
      this.view.setBigUint64(scratch.local + 8, BigInt(base + scratch.targets), true);
      for (const [w, word] of [4, k + 1, k % this.is[5]].entries())
        this.view.setUint32(scratch.local + 16 + 4 * w, word, true);
      const handle = base + k * HANDLE;
      result = this.call("attach", handle, block, size, base + scratch.definition, base + scratch.local);
    }
    this.made = true;
    this.handle = base;
    return `${result < 0 ? result : size}`;
  }

  private bytesAt(address: number, size: number): string {
    return hex(this.memory.subarray(address - this.base, address - this.base + size));
  }

  /** One line; the same answers as the harness. */
  step(line: string): string {
    const [op, first, second, third] = line.split(" ");
    const { scratch, base, handle } = this;
    const [type, keySize, valueSize] = this.is;
    if (op === "new") {
      this.is = first.split(",").map(Number);
      return this.make();
    }
    if (!this.made && !["size", "loop", "spin"].includes(op)) return "none";
    const perCpu = [5, 6, 10].includes(type);
    const hostSize = perCpu ? Math.ceil(valueSize / 8) * 8 * this.is[5] : valueSize;
    const [key, value, out] = [base + scratch.key, base + scratch.value, base + scratch.out];
    const number = Number(first);
    const flags = BigInt(third ?? 0);
    this.put(scratch.key, Number.isNaN(Number(`0x${first}`)) ? undefined : first);
    const length = this.put(scratch.value, op === "cpu" ? undefined : second);
    const list = (next: () => number, entry: () => string): string => {
      let text = "";
      let result = next();
      for (let seen = 0; result === 0 && seen <= this.is[3]; seen++) {
        text += `${entry()} `;
        result = next();
      }
      return `${text}${result}`;
    };
    switch (op) {
      case "cpu":
        this.handle = base + number * HANDLE;
        return "0";
      case "lookup":
      case "percpu": {
        const at = this.call(op, handle, key, flags);
        return at === 0 || type === 12 || type === 13 ? `${at}` : this.bytesAt(at, valueSize);
      }
      case "update":
      case "write":
        return `${this.call(op, handle, key, value, flags)}`;
      case "delete":
        return `${this.call(op, handle, key)}`;
      case "push":
        return `${this.call(op, handle, value, flags)}`;
      case "test":
        return `${this.call("peek", handle, value)}`;
      case "read":
      case "take":
      case "pop":
      case "peek": {
        const result =
          op === "read" || op === "take" ? this.call(op, handle, key, out) : this.call(op, handle, out);
        return result === 0 ? this.bytesAt(out, hostSize) : `${result}`;
      }
      case "walk": {
        this.view.setBigUint64(scratch.key, 0n, true);
        return list(
          () => this.call("walk", handle, key, value, out),
          () => `${this.bytesAt(value, keySize)}=${this.bytesAt(out, hostSize)}`,
        );
      }
      case "keys": {
        let last = 0;
        return list(
          () => {
            const result = this.call("next_key", handle, last, value);
            this.memory.copyWithin(scratch.key, scratch.value, scratch.value + keySize);
            last = key;
            return result;
          },
          () => this.bytesAt(key, keySize),
        );
      }
      case "count":
      case "clear":
        return `${this.call(op, handle)}`;
      case "tail": {
        const entry = this.call(op, handle, number);
        this.view.setBigUint64(scratch.targets - 8, 0n, true);
        return `${entry}`;
      }
      case "query":
        return `${this.call(op, handle, number)}`;
      case "recover":
        return `${this.call(op, handle, number)}`;
      case "loop":
        this.view.setBigUint64(scratch.out, 0n, true);
        this.view.setBigUint64(scratch.out + 8, BigInt(second), true);
        return `${this.call(op, BigInt(first), this.countRounds, out, flags)} ${this.view.getBigUint64(scratch.out, true)}`;
      case "size":
        return `${this.size(first)}`;
      case "attach": {
        // Definition, a change of the block: offset and byte, bytes that are missing.
        const [offset, byte] = second.split(":").map(Number);
        const size = this.size(first);
        const before = this.memory[scratch.block + offset];
        this.memory[scratch.block + offset] = byte;
        const place = base + scratch.block;
        const given = size - Number(third);
        const result = this.call(
          "attach",
          base + 1024,
          place,
          given,
          base + scratch.definition,
          base + scratch.local,
        );
        this.memory[scratch.block + offset] = before;
        return `${result}`;
      }
      case "spin": {
        this.view.setUint32(scratch.out, 0, true);
        const states = [];
        for (const name of ["spin_lock", "spin_unlock", "spin_lock", "spin_unlock"])
          states.push(this.call(name, out), this.view.getUint32(scratch.out, true));
        return states.join(" ");
      }
      case "each":
        this.view.setBigUint64(scratch.out, 0n, true);
        this.view.setBigUint64(scratch.out + 8, BigInt(number), true);
        return `${this.call(op, handle, this.countCalls, out, flags)}`;
      case "output":
        return type === 27
          ? `${this.call("ringbuf_output", handle, value, length, flags)}`
          : `${this.call("perf_event_output", 0, handle, flags, value, length)}`;
      case "submit":
      case "discard":
      case "leave": {
        const at = this.call("ringbuf_reserve", handle, length, flags);
        if (at === 0) return "0";
        this.memory.copyWithin(at - base, scratch.value, scratch.value + length);
        if (op !== "leave") this.call(`ringbuf_${op}`, at, 0);
        return "1";
      }
      case "consume": {
        const size = this.call("ringbuf_peek", handle, out);
        if (size < 0) return `${size}`;
        const text = this.bytesAt(Number(this.view.getBigUint64(scratch.out, true)), size);
        this.call("ringbuf_release", handle);
        return text;
      }
      case "lost":
        return `${this.call("ringbuf_lost", handle)}`;
    }
    throw new Error(`what is ${op}?`);
  }
}
