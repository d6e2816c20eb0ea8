/**
 * Random programs that are valid and end: every register is set before it is read, memory is touched inside its
 * bounds, loops count down. What they compute ends in r0 and in 64 bytes of memory at r1.
 */

import { BPF, type BpfRow, encode, type Insn, slots } from "../../formats/isa/bpf.ts";
import { helperByName } from "../../helpers/table.ts";

/** An instruction before offsets: jumps and calls name the item that they lead to. */
export interface Item {
  insn: Insn;
  /** Jumps, local calls, function addresses: the target. */
  to?: Item;
  /** May the shrinker take it away? */
  fixed?: boolean;
}

export const MEMORY = 64;
const STACK = 160;
/** Counters of loops lie below the slots that the rest of the program uses. */
const COUNTERS = 4;

const rows = new Map(BPF.map((row) => [row.name, row]));
const ALU = BPF.filter((row) => row.kind === "alu" || row.kind === "end");
const JUMPS = BPF.filter((row) => row.kind === "jump" && row.op !== "ja");
const LOADS = BPF.filter((row) => row.kind === "load");
const STORES = BPF.filter((row) => row.kind === "store");
const ATOMICS = BPF.filter((row) => row.kind === "atomic");
const INTERESTING = [
  0, 1, 2, 7, 8, 31, 32, 63, 64, 255, 256, 4095, 4096, 65535, 65536, 0x7fffffff, -1, -2, -128, -4096,
  -2147483648, 0x55555555, 0xff00ff,
]; // prettier-ignore

/** xorshift32: the same programs for the same seed, everywhere. */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = (Math.imul(seed + 1, 0x9e3779b1) ^ 0x85ebca6b) | 1;
    for (let i = 0; i < 8; i++) this.next();
  }

  next(): number {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    return this.state >>> 0;
  }

  below(n: number): number {
    return this.next() % n;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  immediate(): number {
    return this.chance(60) ? this.pick(INTERESTING) : this.next() | 0;
  }
}

/** Registers that hold numbers; r6 is the memory's address and r10 the frame. */
const NUMBERS = [0, 1, 2, 3, 4, 5, 7, 8, 9];

class Generator {
  readonly items: Item[] = [];
  private readonly random: Random;
  private readonly functions: Item[] = [];
  private defined = new Set<number>();
  private budget: number;
  private loops = 0;
  /** The stack is used in whole slots alone: the compiler makes values of them, more than there are registers. */
  private wholeSlots = false;

  constructor(random: Random, size: number) {
    this.random = random;
    this.budget = size;
  }

  private add(name: string | BpfRow, fields: Partial<Insn> = {}, more: Partial<Item> = {}): Item {
    const row = typeof name === "string" ? rows.get(name) : name;
    if (row === undefined) throw new Error(`no row ${name}`);
    const item: Item = { insn: { row, dst: 0, src: 0, off: 0, imm: 0, hi: 0, slot: 0, ...fields }, ...more };
    this.items.push(item);
    return item;
  }

  private number(): number {
    return this.random.pick(NUMBERS);
  }

  /** A register that may be read: one that a call destroyed gets a value first. */
  private read(): number {
    const register = this.number();
    if (!this.defined.has(register)) this.set(register);
    return register;
  }

  private set(register: number, fixed = false): void {
    this.defined.add(register);
    const more = { fixed };
    if (this.random.chance(30)) {
      this.add("lddw", { dst: register, imm: this.random.immediate(), hi: this.random.immediate() }, more);
    } else if (this.random.chance(50))
      this.add("mov64.imm", { dst: register, imm: this.random.immediate() }, more);
    else this.add("ldxdw", { dst: register, src: 6, off: 8 * this.random.below(MEMORY / 8) }, more);
  }

  /** One function: its frame and registers are set, then statements, then everything is mixed into r0. */
  function(statements: number, isEntry: boolean): Item {
    this.defined = new Set();
    this.wholeSlots = this.random.chance(50);
    const start = this.add("mov64.reg", { dst: 6, src: 1 }, { fixed: true });
    // A callee's second to fifth arguments are numbers; at entry r2 is the memory's size.
    if (!isEntry) for (const register of [2, 3, 4, 5]) this.defined.add(register);
    for (let at = 8; at <= STACK; at += 8)
      this.add("stdw", { dst: 10, off: -at, imm: this.random.immediate() }, { fixed: true });
    for (const register of NUMBERS) if (!this.defined.has(register)) this.set(register, true);
    this.statements(statements);
    for (const register of NUMBERS) {
      if (!this.defined.has(register)) continue;
      if (register === 0) continue;
      this.add("mul64.imm", { dst: 0, imm: 31 });
      this.add("add64.reg", { dst: 0, src: register });
    }
    this.add("exit", {}, { fixed: true });
    return start;
  }

  callee(): void {
    this.functions.push(this.function(4 + this.random.below(10), false));
  }

  private statements(count: number): void {
    for (let i = 0; i < count && this.budget > 0; i++) this.statement();
  }

  private statement(): void {
    this.budget--;
    const kind = this.random.below(100);
    if (kind < 42) this.alu();
    else if (kind < 44) this.idiom();
    else if (kind < 45) this.selection();
    else if (kind < 57) this.wholeSlots && this.random.chance(60) ? this.slot() : this.load();
    else if (kind < 67) this.store();
    else if (kind < 72) this.atomic();
    else if (kind < 76) this.indexed();
    else if (kind < 84) this.branch();
    else if (kind < 86) this.early();
    else if (kind < 88) this.meeting();
    else if (kind < 92) this.loop();
    else if (kind < 93) this.random.chance(70) ? this.rotation() : this.bits();
    else if (kind < 95) this.array();
    else if (kind < 97) this.call();
    else this.helper();
  }

  private alu(): void {
    const row = this.random.pick(ALU);
    const src = row.operand === "reg" ? this.read() : 0;
    const dst = row.op === "mov" || row.op === "movsx" ? this.number() : this.read();
    this.add(row, { dst, src, imm: row.uses.includes("imm") ? this.random.immediate() : 0 });
    this.defined.add(dst);
  }

  /** What processors have one instruction for and C writes in several. */
  private idiom(): void {
    const { random } = this;
    const bits = random.pick([64, 32]);
    const [x, y] = [this.read(), this.read()];
    const [t, u] = random.pick([
      [0, 1],
      [4, 2],
      [8, 9],
    ]);
    if ([x, y].some((register) => register === t || register === u)) return;
    const alu = (name: string, dst: number, from: number | { src: number }) =>
      typeof from === "number"
        ? this.add(`${name}${bits}.imm`, { dst, imm: from })
        : this.add(`${name}${bits}.reg`, { dst, ...from });
    const copy = (dst: number, src: number) => this.add(`mov${bits}.reg`, { dst, src }, { fixed: true });
    this.defined.add(t);
    copy(t, x);
    const kind = random.below(7);
    if (kind < 2) {
      // Two shifts that meet: one of two values, or of the same one, by a constant or by a register.
      this.defined.add(u);
      const by = 1 + random.below(bits - 1);
      if (kind === 0) {
        copy(u, random.chance(60) ? y : x);
        alu("lsh", t, by);
        alu("rsh", u, random.chance(90) ? bits - by : random.below(bits));
      } else {
        copy(u, y);
        alu("lsh", t, { src: u });
        this.add(`neg${bits}`, { dst: u });
        alu("rsh", x, { src: u });
        copy(u, x);
      }
      alu(random.pick(["or", "add", "xor"]), t, { src: u });
    } else if (kind === 2) {
      alu("xor", t, -1);
      alu(random.pick(["and", "or", "xor"]), t, { src: y });
    } else if (kind === 3) {
      if (random.chance(30)) this.add(`neg${bits}`, { dst: t });
      else alu("add", t, -1);
      alu(random.pick(["and", "xor"]), t, { src: x });
    } else if (kind === 4) {
      // Whether a small number lies in a range.
      const { base, off } = this.place(2);
      this.add(random.pick(["ldxb", "ldxb", "ldxh"]), { dst: t, src: base, off });
      alu("add", t, -random.below(256));
      alu("and", t, random.pick([255, 255, 65535, 127]));
      const compared = random.pick(["jlt", "jge", "jgt", "jle", "jslt"]);
      const jump = this.add(`${compared}${bits}.imm`, { dst: t, imm: random.below(256) }, { fixed: true });
      alu(random.pick(["xor", "add"]), t, { src: y });
      jump.to = this.label();
    } else if (kind === 5) {
      // What is not zero divides, or what may be.
      const jump = this.add(`${random.pick(["jeq", "jeq", "jsgt"])}${bits}.imm`, { dst: y }, { fixed: true });
      alu(random.pick(["div", "mod", "sdiv", "smod"]), t, { src: y });
      jump.to = this.label();
    } else {
      const bytes = random.pick([2, 4, 8]);
      const width = { 2: "h", 4: "w", 8: "dw" }[bytes]!;
      const { base, off } = this.place(8);
      if (random.chance(50)) this.add(`ldx${width}`, { dst: t, src: base, off });
      this.add(random.pick([`be${8 * bytes}`, `bswap${8 * bytes}`]), { dst: t });
      if (random.chance(50)) this.add(`stx${width}`, { dst: base, src: t, off });
    }
  }

  /** [r6 + off] or [r10 + off], any alignment. */
  private place(bytes: number): { base: number; off: number } {
    const inMemory = this.wholeSlots ? bytes < 8 : this.random.chance(50);
    if (inMemory) return { base: 6, off: this.random.below(MEMORY - bytes + 1) };
    if (this.wholeSlots) return { base: 10, off: -8 * (1 + this.random.below(STACK / 8)) };
    const aligned = this.random.chance(70);
    const at = this.random.below(STACK - bytes + 1);
    return { base: 10, off: -STACK + (aligned ? at - (at % bytes) : at) };
  }

  private load(): void {
    const row = this.random.pick(LOADS);
    const { base, off } = this.place(row.bytes);
    const dst = this.number();
    this.add(row, { dst, src: base, off });
    this.defined.add(dst);
  }

  /** A load or a store of a whole slot. */
  private slot(): void {
    const off = -8 * (1 + this.random.below(STACK / 8));
    const register = this.read();
    if (this.random.chance(40)) this.add("stxdw", { dst: 10, src: register, off });
    else this.add("ldxdw", { dst: register, src: 10, off });
  }

  private store(): void {
    const row = this.random.pick(STORES);
    const src = row.operand === "reg" ? this.read() : 0;
    const { base, off } = this.place(row.bytes);
    this.add(row, { dst: base, src, off, imm: row.operand === "imm" ? this.random.immediate() : 0 });
  }

  private atomic(): void {
    const row = this.random.pick(ATOMICS);
    const src = this.read();
    if (row.op === "cmpxchg" && !this.defined.has(0)) this.set(0);
    const inMemory = this.random.chance(60);
    const off =
      row.bytes * this.random.below((inMemory ? MEMORY : STACK) / row.bytes) - (inMemory ? 0 : STACK);
    this.add(row, { dst: inMemory ? 6 : 10, src, off });
  }

  /** An access at a variable place inside the memory. */
  private indexed(): void {
    const index = this.read();
    const pointer = this.random.pick(NUMBERS.filter((r) => r !== index));
    const row = this.random.pick(this.random.chance(50) ? LOADS : STORES);
    const value = row.kind === "store" && row.operand === "reg" ? this.random.pick([index, 8]) : 0;
    if (value === 8 && !this.defined.has(8)) this.set(8);
    this.add("mov64.reg", { dst: pointer, src: index });
    this.add("and64.imm", { dst: pointer, imm: this.random.pick([0, 7, 31]) });
    if (this.random.chance(40)) {
      this.add("and64.imm", { dst: pointer, imm: 7 });
      this.add("lsh64.imm", { dst: pointer, imm: this.random.below(3) });
    }
    this.add("add64.reg", { dst: pointer, src: 6 });
    const off = this.random.below(MEMORY - 32 - row.bytes);
    if (row.kind === "load") {
      const dst = this.random.chance(30) ? pointer : this.number();
      this.add(row, { dst, src: pointer, off });
      this.defined.add(dst);
      if (dst === pointer) return;
    } else
      this.add(row, {
        dst: pointer,
        src: row.operand !== "reg" ? 0 : value === pointer ? index : value,
        off,
        imm: row.operand === "imm" ? this.random.immediate() : 0,
      });
    // Addresses differ between engines: none may reach the result.
    this.add("mov64.imm", { dst: pointer, imm: this.random.immediate() }, { fixed: true });
    this.defined.add(pointer);
  }

  private condition(): Item {
    const dst = this.read();
    if (this.random.chance(25))
      return this.add(this.random.pick(["jeq64.imm", "jne64.imm", "jeq32.imm", "jne32.imm"]), { dst });
    const row = this.random.pick(JUMPS);
    const src = row.operand === "reg" ? this.read() : 0;
    return this.add(row, { dst, src, imm: row.operand === "imm" ? this.random.immediate() : 0 });
  }

  /** After code that may not run, what it set is not known to be set. */
  private branch(): void {
    const jump = this.condition();
    const before = new Set(this.defined);
    this.statements(1 + this.random.below(4));
    const after = this.defined;
    if (this.random.chance(50)) {
      const over = this.add(this.random.chance(80) ? "ja" : "ja32");
      jump.to = this.label();
      this.defined = new Set(before);
      this.statements(1 + this.random.below(4));
      over.to = this.label();
    } else {
      jump.to = this.label();
      this.defined = before;
    }
    this.defined = new Set([...this.defined].filter((register) => after.has(register)));
  }

  /** A return on one of two ways. */
  private early(): void {
    const jump = this.condition();
    const before = new Set(this.defined);
    this.statements(this.random.below(3));
    const src = this.read();
    const mixes = this.defined.has(0) && this.random.chance(50);
    this.add(mixes ? "xor64.reg" : "mov64.reg", { dst: 0, src }, { fixed: !mixes });
    this.add("exit", {}, { fixed: true });
    jump.to = this.label();
    this.defined = before;
  }

  /** A value that one of two ways changes last is compared with zero where they meet. */
  private meeting(): void {
    const register = this.read();
    this.add("and64.imm", { dst: register, imm: this.random.pick([1, 3, 255]) });
    const jump = this.condition();
    const name = this.random.pick(["add64.imm", "and64.imm", "xor32.imm", "sub64.imm", "rsh64.imm"]);
    this.add(name, { dst: register, imm: this.random.pick([1, 2, 3]) });
    jump.to = this.label();
    const row = this.random.pick(["jeq64.imm", "jne64.imm", "jeq32.imm", "jne32.imm"]);
    const second = this.add(row, { dst: register });
    const before = new Set(this.defined);
    this.statements(1);
    second.to = this.label();
    this.defined = new Set([...before].filter((r) => this.defined.has(r)));
  }

  /** One of several ways by a number's value: a tree of comparisons, as compilers make of a switch. */
  private selection(): void {
    const { random } = this;
    const x = this.read();
    const register = random.pick(NUMBERS.filter((r) => r !== x && this.defined.has(r)));
    if (register === undefined) return;
    if (random.chance(80)) this.add("and64.imm", { dst: x, imm: random.pick([7, 15, 31, 63]) });
    const first = random.pick([-3, -1, 0, 0, 1, 4, 9]);
    if (random.chance(50)) this.add("add64.imm", { dst: x, imm: first });
    const bits = random.pick(["64", "32"]);
    const above = random.pick(["jgt", "jsgt"]);
    const ways = Array.from({ length: 4 + random.below(6) }, () => [] as Item[]);
    const other: Item[] = [];
    const among = (from: number, to: number): void => {
      if (to - from > 3) {
        const middle = (from + to) >> 1;
        const jump = this.add(`${above}${bits}.imm`, { dst: x, imm: middle });
        among(from, middle);
        jump.to = this.label();
        among(middle + 1, to);
        return;
      }
      for (let value = from; value <= to; value++)
        if (random.chance(90)) random.pick(ways).push(this.add(`jeq${bits}.imm`, { dst: x, imm: value }));
      other.push(this.add("ja"));
    };
    among(first, first + 8 + random.below(24));
    for (const way of ways) {
      const label = this.label();
      for (const jump of way) jump.to = label;
      const row = random.pick(ALU.filter(({ operand }) => operand !== "reg"));
      this.add(row, { dst: register, imm: row.uses.includes("imm") ? random.immediate() : 0 });
      if (random.chance(70)) other.push(this.add("ja"));
    }
    const end = this.label();
    for (const jump of other) jump.to = end;
  }

  private label(): Item {
    return this.add("mov64.reg", { dst: 6, src: 6 });
  }

  private loop(): void {
    if (this.loops >= COUNTERS || this.budget < 4) return;
    const off = -STACK - 8 * (this.loops + 1);
    this.loops++;
    this.add("stdw", { dst: 10, off, imm: 1 + this.random.below(6) }, { fixed: true });
    const start = this.label();
    const before = new Set(this.defined);
    this.statements(2 + this.random.below(5));
    // The second time round only what was set before the loop, and still is, counts.
    const lost = [...before].filter((register) => !this.defined.has(register));
    for (const register of lost) this.set(register, true);
    const counter = this.random.pick([7, 8, 9]);
    this.add("ldxdw", { dst: counter, src: 10, off }, { fixed: true });
    this.add("add64.imm", { dst: counter, imm: -1 }, { fixed: true });
    this.add("stxdw", { dst: 10, src: counter, off }, { fixed: true });
    this.add("jne64.imm", { dst: counter, imm: 0 }, { fixed: true, to: start });
    this.defined.add(counter);
    this.loops--;
  }

  /** A loop whose registers hand their values on, with its counter in a register. */
  private rotation(): void {
    const length = 2 + this.random.below(3);
    const first = this.random.below(8);
    const ring = Array.from({ length: length + 1 }, (_, k) => NUMBERS[(first + k) % 8]);
    const [scratch, ...registers] = ring;
    for (const register of registers) if (!this.defined.has(register)) this.set(register);
    const up = this.random.chance(50);
    const rounds = 1 + this.random.below(12);
    this.add("mov64.imm", { dst: 9, imm: up ? 0 : rounds }, { fixed: true });
    const start = this.label();
    this.add("mov64.reg", { dst: scratch, src: registers[0] });
    const mix = this.random.pick(["add64.reg", "xor64.reg", "add32.reg", "sub64.reg"]);
    this.add(mix, { dst: scratch, src: registers[this.random.below(length)] });
    for (let k = 0; k + 1 < length; k++) this.add("mov64.reg", { dst: registers[k], src: registers[k + 1] });
    this.add("mov64.reg", { dst: registers[length - 1], src: scratch });
    this.add("add64.imm", { dst: 9, imm: up ? 1 : -1 }, { fixed: true });
    const jump = up ? this.random.pick(["jlt64.imm", "jne32.imm", "jslt64.imm"]) : "jne64.imm";
    this.add(jump, { dst: 9, imm: up ? rounds : 0 }, { fixed: true, to: start });
    this.defined.add(scratch);
    this.defined.add(9);
  }

  /** A loop that takes away a number's bits, the lowest one first. */
  private bits(): void {
    const { random } = this;
    const [x, less, sum] = random.pick([
      [1, 2, 3],
      [7, 0, 8],
      [4, 9, 0],
    ]);
    for (const register of [x, sum]) if (!this.defined.has(register)) this.set(register, true);
    const bits = random.pick(["64", "32"]);
    const fixed = { fixed: true };
    if (random.chance(50)) this.add(`and${bits}.imm`, { dst: x, imm: random.immediate() });
    const start = this.label();
    this.add(`mov${bits}.reg`, { dst: less, src: x }, fixed);
    this.add(`add${bits}.imm`, { dst: less, imm: -1 }, fixed);
    this.add(`and${bits}.reg`, { dst: x, src: less }, fixed);
    this.add(random.pick(["add64.imm", "add32.imm"]), { dst: sum, imm: random.pick([1, 1, -5, 4096]) });
    this.add(`jne${bits}.imm`, { dst: x, imm: 0 }, { fixed: true, to: start });
    this.defined.add(less);
  }

  /** A loop over elements of the memory, from r7 and r8 on up or down: gathered in a register or two, or written back. */
  private array(): void {
    const { random } = this;
    const bytes = random.pick([1, 2, 4, 8]);
    const most = Math.floor(MEMORY / bytes);
    const rounds = Math.max(1, most - random.below(random.chance(50) ? most : 6));
    const gathers = random.chance(50);
    const way = random.chance(40);
    const down = { 7: way, 8: way !== random.chance(20) };
    /** The counter. */
    const falls = random.chance(30);
    const sum = random.pick([0, 1, 2, 3]);
    const fixed = { fixed: true };
    for (const register of [0, 1, 2, 3, 4]) if (!this.defined.has(register)) this.set(register, true);
    for (const pointer of [7, 8] as const) {
      this.add("mov64.reg", { dst: pointer, src: 6 }, fixed);
      const first = random.below(MEMORY - rounds * bytes + 1);
      this.add("add64.imm", { dst: pointer, imm: first + (down[pointer] ? (rounds - 1) * bytes : 0) }, fixed);
    }
    const from = LOADS.filter((row) => row.bytes === bytes);
    const to = STORES.filter((row) => row.bytes === bytes);
    this.add("mov64.imm", { dst: 9, imm: falls ? rounds : 0 }, fixed);
    const start = this.label();
    this.add(random.pick(from), { dst: 4, src: 7 }, fixed);
    if (random.chance(50)) this.add(random.pick(from), { dst: 5, src: 8 }, fixed);
    else this.add("mov64.reg", { dst: 5, src: random.pick([(sum + 1) & 3, 9]) }, fixed);
    for (let k = random.below(4); k > 0; k--) {
      const row = random.pick(ALU.filter(({ op }) => op !== "div" && op !== "mod"));
      const imm = row.uses.includes("imm") ? random.immediate() : 0;
      this.add(row, { dst: random.pick([4, 5]), src: row.operand === "reg" ? random.pick([4, 5]) : 0, imm });
    }
    if (gathers) {
      const name = random.pick([
        "add64",
        "add32",
        "xor64",
        "or32",
        "and64",
        "xor32",
        "jgt32",
        "jslt32",
        "jle32",
      ]);
      if (name[0] === "j") {
        const jump = this.add(`${name}.reg`, { dst: sum, src: 4 }, fixed);
        this.add("mov32.reg", { dst: sum, src: 4 }, fixed);
        jump.to = this.label();
      } else this.add(`${name}.reg`, { dst: sum, src: random.pick([4, 4, 5]) }, fixed);
      if (random.chance(30)) {
        const second = random.pick(["add64.reg", "xor32.reg", "or64.reg"]);
        this.add(second, { dst: (sum + 2) & 3, src: random.pick([4, 5]) }, fixed);
      }
    } else {
      const row = random.pick(to);
      const imm = row.operand === "imm" ? random.immediate() : 0;
      this.add(
        row,
        { dst: random.pick([7, 8]), src: row.operand === "reg" ? random.pick([4, 4, 5, sum, 9]) : 0, imm },
        fixed,
      );
    }
    for (const pointer of [7, 8] as const)
      this.add("add64.imm", { dst: pointer, imm: down[pointer] ? -bytes : bytes }, fixed);
    this.add("add64.imm", { dst: 9, imm: falls ? -1 : 1 }, fixed);
    const name = random.pick(
      falls
        ? ["jgt64.imm", "jsgt32.imm", "jne64.imm"]
        : ["jlt64.imm", "jne64.imm", "jlt32.imm", "jslt64.imm"],
    );
    this.add(name, { dst: 9, imm: falls ? 0 : rounds }, { fixed: true, to: start });
    // Addresses differ between engines: none may reach the result.
    for (const pointer of [7, 8]) this.add("mov64.imm", { dst: pointer, imm: random.immediate() }, fixed);
    for (const register of [4, 5, 7, 8, 9]) this.defined.add(register);
  }

  private call(): void {
    if (this.functions.length === 0) return;
    const target = this.random.pick(this.functions);
    for (const register of [2, 3, 4, 5]) {
      const src = this.random.pick([0, 7, 8, 9].filter((r) => this.defined.has(r)));
      if (src !== undefined && this.random.chance(70)) this.add("mov64.reg", { dst: register, src });
      else this.add("mov64.imm", { dst: register, imm: this.random.immediate() });
    }
    this.add("mov64.reg", { dst: 1, src: 6 }, { fixed: true });
    if (this.random.chance(30)) {
      this.add("lddw.func", { dst: 0 }, { to: target, fixed: true });
      this.add("callx", { dst: 0 }, { fixed: true });
    } else this.add("call.local", {}, { to: target, fixed: true });
    this.destroyed();
  }

  private destroyed(): void {
    for (const register of [1, 2, 3, 4, 5]) this.defined.delete(register);
    this.defined.add(0);
  }

  /** memcpy, memmove, memset and memcmp within the memory, sizes constant or not. */
  private helper(): void {
    const name = this.random.pick(["memcpy", "memmove", "memset", "memcmp"]);
    const size = this.random.below(25);
    const variable = this.random.chance(30);
    if (variable) {
      const src = this.read();
      this.add("mov64.reg", { dst: 3, src });
      this.add("and64.imm", { dst: 3, imm: 15 }, { fixed: true });
    } else this.add("mov64.imm", { dst: 3, imm: size }, { fixed: true });
    const half = MEMORY / 2;
    const room = variable ? 17 : half - size;
    const to = this.random.below(room);
    // memcpy's areas must not overlap.
    const from = (name === "memmove" ? 0 : half) + this.random.below(room);
    this.add("mov64.reg", { dst: 1, src: 6 }, { fixed: true });
    this.add("add64.imm", { dst: 1, imm: to }, { fixed: true });
    if (name === "memset") this.add("mov64.imm", { dst: 2, imm: this.random.immediate() }, { fixed: true });
    else {
      this.add("mov64.reg", { dst: 2, src: 6 }, { fixed: true });
      this.add("add64.imm", { dst: 2, imm: from }, { fixed: true });
    }
    this.add("call", { imm: helperByName(name)! }, { fixed: true });
    this.destroyed();
    // All but memcmp return an address.
    if (name !== "memcmp") this.add("mov64.imm", { dst: 0, imm: size }, { fixed: true });
  }
}

/** A program of about `size` statements. */
export function generate(seed: number, size = 40): Item[] {
  const random = new Random(seed);
  const callees = new Generator(random, size);
  const count = random.below(3);
  for (let i = 0; i < count; i++) callees.callee();
  const entry = new Generator(random, size);
  // The entry comes first in the code but knows the functions behind it.
  (entry as unknown as { functions: Item[] }).functions.push(
    ...(callees as unknown as { functions: Item[] }).functions,
  );
  entry.function(size, true);
  return [...entry.items, ...callees.items];
}

/** Bytecode of the items: every jump and call gets its distance. */
export function assembleItems(items: readonly Item[]): Uint8Array {
  const slotOf = new Map<Item, number>();
  let slot = 0;
  for (const item of items) {
    slotOf.set(item, slot);
    slot += slots(item.insn);
  }
  return encode(
    items.map((item) => {
      if (item.to === undefined) return item.insn;
      const distance = slotOf.get(item.to)! - (slotOf.get(item)! + 1);
      const inImm =
        item.insn.row.uses.includes("imm") && !(item.insn.row.kind === "jump" && item.insn.row.op !== "ja");
      if (item.insn.row.name === "ja" || (item.insn.row.kind === "jump" && item.insn.row.op !== "ja"))
        return { ...item.insn, off: distance };
      return inImm ? { ...item.insn, imm: distance } : item.insn;
    }),
  );
}

/** The memory that a program starts with. */
export function memoryOf(seed: number): Uint8Array {
  const random = new Random(seed ^ 0x5eed);
  return Uint8Array.from({ length: MEMORY }, () =>
    random.chance(20) ? random.pick([0, 255, 128]) : random.below(256),
  );
}
