/**
 * Random programs for the verifier, in context mem: most are safe, some have a check that is off by one, of the wrong
 * sign or width, or missing. Every register is written before it is read; not every loop ends.
 */

import { BPF, type BpfRow, type Insn } from "../../formats/isa/bpf.ts";
import { type Item, Random } from "../diff/generate.ts";

/** Bytes of memory that are promised: "mem:N". */
export const PROMISES = [0, 8, 64];

const rows = new Map(BPF.map((row) => [row.name, row]));
const ALU = BPF.filter((row) => row.kind === "alu" || row.kind === "end");
const NARROWING = ["and64.imm", "and32.imm", "rsh64.imm", "rsh32.imm", "mod64.imm", "mod32.imm"];
const JUMPS = BPF.filter((row) => row.kind === "jump" && row.op !== "ja");
const LOADS = BPF.filter((row) => row.kind === "load");
const STORES = BPF.filter((row) => row.kind === "store");
const ATOMICS = BPF.filter((row) => row.kind === "atomic");

/** r6 is the memory, r7 its length, r10 the frame; the rest are numbers. */
const NUMBERS = [0, 1, 2, 3, 4, 5, 8, 9];
/** Bytes of stack for numbers below r10; below them a slot for a pointer, and the counters of loops. */
const STACK = 32;
const POINTER = -STACK - 8;
const COUNTERS = 3;

class Generator {
  readonly items: Item[] = [];
  private readonly random: Random;
  private readonly promise: number;
  private readonly wrong: number;
  private readonly functions: readonly Item[];
  private defined = new Set<number>();
  private reserved = new Set<number>();
  private hasPointer = false;
  private loops = 0;
  private budget: number;

  constructor(random: Random, size: number, promise: number, wrong: number, functions: readonly Item[]) {
    this.random = random;
    this.budget = size;
    this.promise = promise;
    this.wrong = wrong;
    this.functions = functions;
  }

  private add(name: string | BpfRow, fields: Partial<Insn> = {}, more: Partial<Item> = {}): Item {
    const row = typeof name === "string" ? rows.get(name) : name;
    if (row === undefined) throw new Error(`no row ${name}`);
    const item: Item = { insn: { row, dst: 0, src: 0, off: 0, imm: 0, hi: 0, slot: 0, ...fields }, ...more };
    this.items.push(item);
    return item;
  }

  /** A place to jump to. */
  private label(): Item {
    return this.add("mov64.reg", { dst: 6, src: 6 });
  }

  private bad(): boolean {
    return this.random.below(1000) < this.wrong;
  }

  private free(but: number[] = []): number {
    return this.random.pick(NUMBERS.filter((r) => !this.reserved.has(r) && !but.includes(r)));
  }

  private set(r: number): number {
    this.defined.add(r);
    const kind = this.random.below(100);
    if (kind < 15)
      this.add("lddw", {
        dst: r,
        imm: this.random.immediate(),
        hi: this.random.pick([0, 0, -1, this.random.immediate()]),
      });
    else if (kind < 40) this.add("mov64.imm", { dst: r, imm: this.random.immediate() });
    else if (kind < 50) this.add("mov64.imm", { dst: r, imm: this.random.below(70) });
    else if (kind < 60) this.add("mov64.reg", { dst: r, src: 7 });
    else this.loadConstant(r);
    return r;
  }

  /** A register that may be read. */
  private read(but: number[] = []): number {
    const known = NUMBERS.filter((r) => this.defined.has(r) && !but.includes(r));
    if (known.length > 0 && this.random.chance(85)) return this.random.pick(known);
    const r = this.free(but);
    return this.defined.has(r) ? r : this.set(r);
  }

  /** A register that may be written. */
  private write(but: number[] = []): number {
    const r = this.free(but);
    this.defined.add(r);
    return r;
  }

  /** Loads what is promised, or a slot of the stack. */
  private loadConstant(dst: number): void {
    const row = this.random.pick(LOADS);
    if (row.bytes > this.promise || this.random.chance(30)) {
      const at = row.bytes * this.random.below(STACK / row.bytes);
      this.add(row, { dst, src: 10, off: at - STACK });
    } else {
      const room = this.promise - row.bytes + 1;
      this.add(row, { dst, src: 6, off: this.bad() ? room : this.random.below(room) });
    }
  }

  function(statements: number, isEntry: boolean): Item {
    const start = this.add("mov64.reg", { dst: 6, src: 1 }, { fixed: true });
    this.add("mov64.reg", { dst: 7, src: 2 }, { fixed: true });
    if (!isEntry) this.defined.add(3);
    for (let at = 8; at <= STACK; at += 8)
      this.add(
        "stdw",
        { dst: 10, off: -at, imm: this.random.pick([0, 1, -1, this.random.immediate()]) },
        { fixed: true },
      );
    const count = 1 + this.random.below(4);
    for (let i = 0; i < count; i++) this.set(this.free());
    this.statements(statements);
    const result = this.read();
    if (result !== 0) this.add("mov64.reg", { dst: 0, src: result }, { fixed: true });
    this.add("exit", {}, { fixed: true });
    return start;
  }

  private statements(count: number): void {
    for (let i = 0; i < count && this.budget > 0; i++) this.statement();
  }

  private statement(): void {
    this.budget--;
    const kind = this.random.below(100);
    if (kind < 24) this.alu();
    else if (kind < 32) this.narrow();
    else if (kind < 35) this.copies();
    else if (kind < 40) this.loadConstant(this.write());
    else if (kind < 47) this.indexed();
    else if (kind < 54) this.related();
    else if (kind < 63) this.stack();
    else if (kind < 66) this.variableStack();
    else if (kind < 70) this.atomic();
    else if (kind < 73) this.pointer();
    else if (kind < 88) this.branch();
    else if (kind < 95) this.loop();
    else this.call();
  }

  private alu(): void {
    const row = this.random.pick(ALU);
    const moves = row.op === "mov" || row.op === "movsx";
    const src = row.operand === "reg" ? (this.random.chance(8) ? 7 : this.read()) : 0;
    const dst = moves ? this.write() : this.readFree();
    const imm = row.uses.includes("imm")
      ? this.random.chance(50)
        ? this.random.below(70)
        : this.random.immediate()
      : 0;
    this.add(row, { dst, src, imm });
  }

  /** A register that may be read and written. */
  private readFree(but: number[] = []): number {
    const r = this.free(but);
    return this.defined.has(r) ? r : this.set(r);
  }

  private narrow(): void {
    const dst = this.readFree();
    const name = this.random.pick(NARROWING);
    const shift = name.startsWith("rsh");
    const most = name.includes("64") ? 64 : 32;
    const imm = shift
      ? most - 1 - this.random.below(8)
      : this.random.pick([1, 3, 7, 8, 15, 31, 56, 63, 64, 255]);
    this.add(name, { dst, imm });
  }

  /** Code that `jump` leads around; what it sets is not known to be set. */
  private around(jumps: Item[], body: () => void): void {
    const before = new Set(this.defined);
    const had = this.hasPointer;
    body();
    const end = this.label();
    for (const jump of jumps) jump.to = end;
    this.defined = new Set([...before].filter((r) => this.defined.has(r)));
    this.hasPointer &&= had;
  }

  private access(pointer: number, off: number, most: number): void {
    const row = this.random.chance(60)
      ? this.random.pick(LOADS.filter(({ bytes }) => bytes <= most))
      : this.random.pick(STORES.filter(({ bytes }) => bytes <= most));
    const slack = most - row.bytes;
    const at = off + (this.bad() ? slack + 1 : slack === 0 ? 0 : this.random.below(slack + 1));
    if (row.kind === "load") {
      const dst = this.write(this.reserved.has(pointer) ? [] : [pointer]);
      this.add(row, { dst, src: pointer, off: at });
    } else {
      const src = row.operand === "reg" ? this.read([pointer]) : 0;
      this.add(row, { dst: pointer, src, off: at, imm: row.operand === "imm" ? this.random.immediate() : 0 });
    }
  }

  /** An access at a variable offset, checked in one of the ways that programs check. */
  private indexed(): void {
    const index = this.read();
    const p = this.free([index]);
    const has = this.promise;
    const way = this.random.below(has === 0 ? 2 : 6);
    this.defined.delete(p);
    const target = () => {
      this.add("mov64.reg", { dst: p, src: 6 });
      this.add("add64.reg", { dst: p, src: index });
    };
    if (way === 0) this.belowLength(index, p, target);
    else if (way === 1) this.belowEnd(index, p);
    else if (way === 2) {
      // A mask.
      const mask = this.random.pick([0, 1, 3, 7].filter((m) => m < has));
      this.add(this.random.pick(["mov64.reg", "mov32.reg"]), { dst: p, src: index });
      this.add(this.random.pick(["and64.imm", "and32.imm"]), { dst: p, imm: mask });
      this.add("add64.reg", { dst: p, src: 6 });
      this.access(p, 0, has - mask);
    } else {
      // A comparison with a constant, perhaps of a copy, perhaps signed or in 32 bits.
      const most = this.random.below(has);
      const copied = this.random.chance(30);
      const checked = copied ? p : index;
      if (copied) this.add("mov64.reg", { dst: p, src: index });
      const jumps: Item[] = [];
      const limit = { dst: checked, imm: most + (this.bad() ? 1 : 0) };
      if (way === 3) jumps.push(this.add("jgt64.imm", limit));
      else if (way === 4) {
        jumps.push(this.add("jsgt64.imm", limit));
        if (!this.bad()) jumps.push(this.add("jslt64.imm", { dst: checked, imm: 0 }));
      } else {
        jumps.push(this.add("jgt32.imm", limit));
        if (!this.bad() && !this.reserved.has(index)) this.add("mov32.reg", { dst: index, src: index });
        else if (this.reserved.has(index)) jumps.push(this.add("jgt64.imm", { dst: index, imm: most }));
      }
      this.around(jumps, () => {
        target();
        this.access(p, 0, has - most);
      });
    }
    this.defined.delete(p);
  }

  private belowLength(index: number, p: number, target: () => void): void {
    const bytes = this.random.pick([1, 1, 2, 4, 8]);
    if (bytes === 1) {
      const name = this.bad() ? this.random.pick(["jgt64.reg", "jsge64.reg", "jge32.reg"]) : "jge64.reg";
      this.around([this.add(name, { dst: index, src: 7 })], () => {
        target();
        this.access(p, 0, 1);
      });
      return;
    }
    const first = this.bad() ? [] : [this.add("jgt64.imm", { dst: index, imm: 4096 })];
    this.add("mov64.reg", { dst: p, src: index });
    this.add("add64.imm", { dst: p, imm: bytes });
    this.around([...first, this.add(this.bad() ? "jge64.reg" : "jgt64.reg", { dst: p, src: 7 })], () => {
      target();
      this.access(p, 0, bytes);
    });
  }

  /** if (p + bytes > end) goto out. */
  private belowEnd(index: number, p: number): void {
    const q = this.free([index, p]);
    const end = this.free([index, p, q]);
    const bytes = this.random.pick([1, 2, 4, 8]);
    this.defined.delete(q);
    this.defined.delete(end);
    this.add("mov64.reg", { dst: p, src: index });
    if (!this.bad()) this.add("and64.imm", { dst: p, imm: this.random.pick([0, 7, 63, 255]) });
    this.add("add64.reg", { dst: p, src: 6 });
    this.add("mov64.reg", { dst: q, src: p });
    this.add("add64.imm", { dst: q, imm: bytes });
    this.add("mov64.reg", { dst: end, src: 6 });
    this.add("add64.reg", { dst: end, src: 7 });
    const name = this.bad() ? "jlt64.reg" : this.random.pick(["jgt64.reg", "jge64.reg"]);
    this.around([this.add(name, { dst: q, src: end })], () => {
      this.reserved.add(p);
      this.access(p, 0, bytes);
      this.reserved.delete(p);
    });
  }

  /** Copies, and pairs of shifts that extend a number. */
  private copies(): void {
    const src = this.read();
    const dst = this.random.chance(60) ? this.write([src]) : this.readFree();
    if (dst !== src)
      this.add(this.random.pick(["mov64.reg", "mov64.reg", "mov32.reg", "movsx64.32"]), { dst, src });
    if (this.random.chance(50)) return;
    const places = this.random.pick([32, 32, 48, 56, 58]);
    this.add("lsh64.imm", { dst, imm: places });
    this.add(this.random.pick(["rsh64.imm", "arsh64.imm"]), { dst, imm: places });
  }

  /** A check of a sum, a product or a difference, and an access through its parts. */
  private related(): void {
    const index = this.readFree();
    const p = this.free([index]);
    const q = this.free([index, p]);
    this.defined.delete(p);
    this.defined.delete(q);
    if (!this.bad()) this.add("and64.imm", { dst: index, imm: this.random.pick([7, 63, 255]) });
    const bytes = this.random.pick([1, 2, 4, 8]);
    const way = this.random.below(4);
    const both = (...more: number[]) => {
      this.add("mov64.reg", { dst: p, src: 6 });
      for (const r of [index, ...more]) this.add("add64.reg", { dst: p, src: r });
    };
    const jumps: Item[] = [];
    let room = bytes;
    this.add("mov64.reg", { dst: q, src: 7 });
    if (way === 0) {
      // What remains behind the index.
      this.add("sub64.reg", { dst: q, src: index });
      jumps.push(this.add(this.bad() ? "jlt64.imm" : "jslt64.imm", { dst: q, imm: bytes }));
      this.around(jumps, () => {
        both();
        this.access(p, 0, room);
      });
    } else if (way === 1) {
      // The length less the bytes of the access.
      if (!this.bad()) jumps.push(this.add("jlt64.imm", { dst: 7, imm: bytes }));
      this.add("sub64.imm", { dst: q, imm: bytes });
      jumps.push(this.add("jgt64.reg", { dst: index, src: q }));
      this.around(jumps, () => {
        both();
        this.access(p, 0, room);
      });
    } else if (way === 2) {
      // A part of the length, and as many bytes for each.
      const places = this.random.below(4);
      room = 1 << (this.bad() ? places + 1 : places);
      this.add(this.random.pick(["rsh64.imm", "rsh32.imm"]), { dst: q, imm: places });
      this.around([this.add(this.random.pick(["jge64.reg", "jge32.reg"]), { dst: index, src: q })], () => {
        this.add("mov64.reg", { dst: p, src: index });
        this.add("lsh64.imm", { dst: p, imm: places });
        this.add("add64.reg", { dst: p, src: 6 });
        this.access(p, 0, Math.min(room, 8));
      });
    } else {
      // Two indexes.
      this.loadConstant(q);
      this.add("and64.imm", { dst: q, imm: this.random.pick([1, 15, 255]) });
      this.add("mov64.reg", { dst: p, src: index });
      this.add("add64.reg", { dst: p, src: q });
      this.around([this.add(this.bad() ? "jgt64.reg" : "jge64.reg", { dst: p, src: 7 })], () => {
        both(q);
        this.access(p, 0, 1);
      });
    }
    this.defined.delete(p);
    this.defined.delete(q);
  }

  private stack(): void {
    if (this.random.chance(45)) {
      const row = this.random.pick(STORES);
      const off = row.bytes * this.random.below(STACK / row.bytes) - STACK;
      const src = row.operand === "reg" ? this.read() : 0;
      this.add(row, { dst: 10, off, src, imm: row.operand === "imm" ? this.random.immediate() : 0 });
    } else {
      const row = this.random.pick(LOADS);
      const off = row.bytes * this.random.below(STACK / row.bytes) - STACK;
      this.add(row, { dst: this.write(), src: 10, off });
    }
  }

  private variableStack(): void {
    const index = this.read();
    const p = this.free([index]);
    this.defined.delete(p);
    const row = this.random.pick([...LOADS, ...STORES]);
    const mask = this.random.pick([8, 16, 24, 31, 7]) & ~(row.bytes - 1);
    this.add("mov64.reg", { dst: p, src: index });
    this.add("and64.imm", { dst: p, imm: this.bad() ? 63 : mask & (STACK - row.bytes) });
    this.add("add64.reg", { dst: p, src: 10 });
    this.reserved.add(p);
    if (row.kind === "load") this.add(row, { dst: this.write(), src: p, off: -STACK });
    else {
      const src = row.operand === "reg" ? this.read([p]) : 0;
      this.add(row, { dst: p, src, off: -STACK, imm: row.operand === "imm" ? this.random.immediate() : 0 });
    }
    this.reserved.delete(p);
  }

  private atomic(): void {
    const row = this.random.pick(ATOMICS);
    const src = row.fetch && row.op !== "cmpxchg" ? this.readFree() : this.read();
    if (row.op === "cmpxchg") {
      if (this.reserved.has(0)) return;
      if (!this.defined.has(0)) this.set(0);
    }
    this.add(row, { dst: 10, src, off: row.bytes * this.random.below(STACK / row.bytes) - STACK });
  }

  /** A pointer on the stack, and back. */
  private pointer(): void {
    if (!this.hasPointer) {
      this.add("stxdw", { dst: 10, src: 6, off: POINTER });
      this.hasPointer = true;
      return;
    }
    if (this.bad()) this.add("stb", { dst: 10, off: POINTER + this.random.below(8), imm: 0 });
    if (this.promise === 0) return;
    const p = this.free();
    this.defined.delete(p);
    this.add("ldxdw", { dst: p, src: 10, off: POINTER });
    this.reserved.add(p);
    this.access(p, 0, this.promise);
    this.reserved.delete(p);
    this.defined.delete(p);
  }

  private condition(): Item {
    const row = this.random.pick(JUMPS);
    const dst = this.random.chance(10) ? 7 : this.read();
    const src = row.operand === "reg" ? (this.random.chance(10) ? 7 : this.read()) : 0;
    const imm = this.random.chance(50) ? this.random.below(70) : this.random.immediate();
    return this.add(row, { dst, src, imm: row.operand === "imm" ? imm : 0 });
  }

  private branch(): void {
    const jump = this.condition();
    const before = new Set(this.defined);
    const had = this.hasPointer;
    this.statements(1 + this.random.below(4));
    if (this.random.chance(50)) {
      jump.to = this.label();
      this.defined = new Set([...before].filter((r) => this.defined.has(r)));
      this.hasPointer &&= had;
      return;
    }
    const [first, pointer] = [this.defined, this.hasPointer];
    const over = this.add(this.random.chance(80) ? "ja" : "ja32");
    jump.to = this.label();
    this.defined = new Set(before);
    this.hasPointer = had;
    this.statements(1 + this.random.below(4));
    over.to = this.label();
    this.defined = new Set([...this.defined].filter((r) => first.has(r)));
    this.hasPointer &&= pointer;
  }

  /** The body of a loop: what was set before it is set after it. */
  private body(statements: number): void {
    const before = new Set(this.defined);
    const had = this.hasPointer;
    this.statements(statements);
    for (const r of before) if (!this.defined.has(r) && !this.reserved.has(r)) this.set(r);
    if (had && !this.hasPointer) this.pointer();
    this.defined = before;
    this.hasPointer = had;
  }

  private loop(): void {
    if (this.budget < 3 || this.loops >= COUNTERS) return;
    const way = this.random.below(5);
    this.loops++;
    if (way === 0) this.counted();
    else if (way === 1) this.overMemory();
    else if (way === 2) this.overPointers();
    else this.register(way === 3);
    this.loops--;
  }

  /** The counter lies on the stack. */
  private counted(): void {
    const off = POINTER - 8 * this.loops;
    this.add("stdw", { dst: 10, off, imm: 1 + this.random.below(8) }, { fixed: true });
    const start = this.label();
    this.body(1 + this.random.below(4));
    const r = this.free();
    this.add("ldxdw", { dst: r, src: 10, off }, { fixed: true });
    this.add("add64.imm", { dst: r, imm: -1 }, { fixed: true });
    this.add("stxdw", { dst: 10, src: r, off }, { fixed: true });
    this.add("jne64.imm", { dst: r, imm: 0 }, { fixed: true, to: start });
    this.defined.add(r);
  }

  /** for (i = 0; i < length; i++) p[i]. */
  private overMemory(): void {
    const i = this.free();
    const p = this.free([i]);
    this.reserved.add(i);
    this.defined.delete(p);
    this.add("mov64.imm", { dst: i, imm: 0 });
    this.defined.add(i);
    const over = this.add("ja");
    const start = this.label();
    this.add("mov64.reg", { dst: p, src: 6 });
    this.add("add64.reg", { dst: p, src: i });
    const before = new Set(this.defined);
    this.reserved.add(p);
    this.access(p, 0, 1);
    this.reserved.delete(p);
    // A first round that is skipped sets nothing.
    this.defined = before;
    this.body(this.random.below(3));
    this.add("add64.imm", { dst: i, imm: 1 }, { fixed: true });
    over.to = this.label();
    const name = this.bad()
      ? this.random.pick(["jle64.reg", "jne64.reg"])
      : this.random.pick(["jlt64.reg", "jslt64.reg", "jlt32.reg"]);
    this.add(name, { dst: i, src: 7 }, { fixed: true, to: start });
    this.reserved.delete(i);
    this.defined.delete(p);
  }

  /** for (p = start; p < end; p++) *p, or with a count of what remains. */
  private overPointers(): void {
    const p = this.free();
    const end = this.free([p]);
    for (const r of [p, end]) {
      this.reserved.add(r);
      this.defined.delete(r);
    }
    const counted = this.random.chance(40);
    const step = this.random.pick([1, 1, 2, 4, 8]);
    this.add("mov64.reg", { dst: p, src: 6 });
    this.add("mov64.reg", { dst: end, src: 7 });
    if (!counted) this.add("add64.reg", { dst: end, src: 6 });
    const start = this.label();
    const jumps: Item[] = [];
    if (counted) jumps.push(this.add("jlt64.imm", { dst: end, imm: step }));
    else if (step === 1)
      jumps.push(this.add(this.random.pick(["jge64.reg", "jeq64.reg"]), { dst: p, src: end }));
    else {
      const q = this.free([p, end]);
      this.defined.delete(q);
      this.add("mov64.reg", { dst: q, src: p });
      this.add("add64.imm", { dst: q, imm: step });
      jumps.push(this.add("jgt64.reg", { dst: q, src: end }));
    }
    const before = new Set(this.defined);
    this.access(p, 0, step);
    this.defined = before;
    this.body(this.random.below(3));
    this.add("add64.imm", { dst: p, imm: this.bad() ? step + 1 : step });
    if (counted) this.add("sub64.imm", { dst: end, imm: step });
    this.add("ja", {}, { fixed: true, to: start });
    const out = this.label();
    for (const jump of jumps) jump.to = out;
    for (const r of [p, end]) this.reserved.delete(r);
  }

  /** A counter in a register: up or down by a constant, or shifted until it is 0. */
  private register(constant: boolean): void {
    const i = this.free();
    if (constant) {
      this.add("mov64.imm", { dst: i, imm: this.random.pick([0, 1, 7, 60]) });
      this.defined.add(i);
    } else if (!this.defined.has(i)) this.set(i);
    this.reserved.add(i);
    const start = this.label();
    this.body(1 + this.random.below(3));
    const way = this.random.below(3);
    if (way === 0 || constant) {
      this.add(
        this.random.pick(["add64.imm", "add32.imm"]),
        { dst: i, imm: this.random.pick([1, 1, 2, 3]) },
        { fixed: true },
      );
      const name = this.random.pick(["jlt64.imm", "jlt32.imm", "jslt64.imm", "jle64.imm"]);
      this.add(name, { dst: i, imm: 8 + this.random.below(60) }, { fixed: true, to: start });
    } else {
      this.add(
        way === 1 ? "rsh64.imm" : "rsh32.imm",
        { dst: i, imm: 1 + this.random.below(4) },
        { fixed: true },
      );
      this.add("jne64.imm", { dst: i, imm: 0 }, { fixed: true, to: start });
    }
    this.reserved.delete(i);
  }

  private call(): void {
    if (this.functions.length === 0 || [1, 2, 3, 4, 5, 0].some((r) => this.reserved.has(r))) return;
    const argument = this.read();
    this.add("mov64.reg", { dst: 3, src: argument }, { fixed: true });
    this.add("mov64.reg", { dst: 1, src: 6 }, { fixed: true });
    this.add("mov64.reg", { dst: 2, src: 7 }, { fixed: true });
    this.add("call.local", {}, { to: this.random.pick(this.functions), fixed: true });
    for (const r of [1, 2, 3, 4, 5]) this.defined.delete(r);
    this.defined.add(0);
  }
}

export interface Generated {
  items: Item[];
  promise: number;
}

/** A program of about `size` statements; its entry comes first. */
export function generateChecked(seed: number, size: number): Generated {
  const random = new Random(seed);
  const promise = random.pick(PROMISES);
  // Of 1000 checks this many are wrong.
  const wrong = random.pick([0, 10, 40, 100]);
  const functions: Item[][] = [];
  const starts: Item[] = [];
  for (let i = random.below(3); i > 0; i--) {
    const callee = new Generator(random, 1 + random.below(size / 3), promise, wrong, [...starts]);
    starts.push(callee.function(100, false));
    functions.push(callee.items);
  }
  const entry = new Generator(random, size, promise, wrong, starts);
  entry.function(1000, true);
  // Functions call those before them; what nothing calls would be code that cannot be reached.
  const items = [...entry.items];
  for (const callee of functions.reverse())
    if (items.some(({ to }) => to === callee[0])) items.push(...callee);
  return { items, promise };
}
