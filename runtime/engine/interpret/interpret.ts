/**
 * The interpreting engine: bytecode containers over checked memory. Everything that code refers to is resolved
 * when it is loaded; a program that refers to what is not there is refused before it runs.
 */

import { hex } from "../../../formats/bytes.ts";
import type { Container } from "../../../formats/container.ts";
import { InputError } from "../../../formats/error.ts";
import { decodeAt, type Insn, SLOT, slots, targetSlot } from "../../../formats/isa/bpf.ts";
import type { Helper, HelperContext, Word } from "../../../helpers/host.ts";
import { RunError } from "../../../helpers/host.ts";
import { helperByName } from "../../../helpers/table.ts";
import type {
  Argument,
  Engine,
  EngineImage,
  EngineInstance,
  GuestMemory,
  InstanceOptions,
} from "../engine.ts";
import { Machine, REGISTER_WORDS } from "./machine.ts";
import { Region } from "./memory.ts";
import { makeStep } from "./steps.ts";

/** Instructions that a run may execute, unless the caller says otherwise. */
export const DEFAULT_FUEL = 2 ** 53;

export const interpretingEngine = (maxInstructions = DEFAULT_FUEL): Engine => ({
  name: "interpret",
  arch: "bytecode",
  load: (container) => new BytecodeImage(container, maxInstructions),
});

/** Code that can be reached from programs and pointers, decoded; shared by the instances of an image. */
class BytecodeImage implements EngineImage {
  readonly container: Container;
  readonly fuel: number;
  readonly insns: Insn[] = [];
  /** Index in `insns` by slot. */
  readonly indexOf = new Map<number, number>();
  /** Slots at which functions begin. */
  readonly functions = new Set<number>();

  constructor(container: Container, fuel: number) {
    this.container = container;
    this.fuel = fuel;
    this.decode();
  }

  private decode(): void {
    const { code, programs, relocations, data } = this.container;
    const where = "code";
    const work: number[] = [];
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    const addFunction = (slot: number) => {
      this.functions.add(slot);
      work.push(slot);
    };
    for (const { offset } of programs) addFunction(offset / SLOT);
    const pointers = relocations
      .filter(({ block }) => block === "code")
      .map(({ at }) => view.getUint32(at, true));
    const seen = new Map<number, Insn>();
    const follow = () => {
      for (let slot = work.pop(); slot !== undefined; slot = work.pop()) {
        // Straight on until a jump, an exit or known code.
        for (let at = slot; !seen.has(at); ) {
          const insn = { ...decodeAt(code, at * SLOT, where), slot: at };
          seen.set(at, insn);
          if (insn.row.op === "local" || insn.row.op === "func") addFunction(at + 1 + insn.imm);
          const target = insn.row.kind === "jump" ? targetSlot(insn) : -1;
          if (target >= 0) work.push(target);
          if (insn.row.kind === "exit" || insn.row.op === "ja") break;
          at += slots(insn);
        }
      }
    };
    follow();
    // Pointers in data lead to functions or to read-only data; only what decodes can be called.
    for (const offset of pointers) {
      if (offset % SLOT !== 0 || seen.has(offset / SLOT)) continue;
      try {
        decodeAt(code, offset, where);
      } catch {
        continue;
      }
      this.tryFunction(offset / SLOT, addFunction, follow, seen);
    }
    for (const offset of pointers) if (seen.has(offset / SLOT)) this.functions.add(offset / SLOT);
    for (const [slot, insn] of [...seen].sort((a, b) => a[0] - b[0])) {
      this.indexOf.set(slot, this.insns.length);
      this.insns.push(insn);
    }
  }

  /** Code behind a data pointer; where it does not decode to its end it was data. */
  private tryFunction(
    slot: number,
    add: (slot: number) => void,
    follow: () => void,
    seen: Map<number, Insn>,
  ): void {
    const before = new Map(seen);
    try {
      add(slot);
      follow();
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      this.functions.delete(slot);
      for (const at of [...seen.keys()]) if (!before.has(at)) seen.delete(at);
    }
  }

  instantiate(options: InstanceOptions): EngineInstance {
    return new InterpretedInstance(this, options);
  }

  release(): void {}
}

class InterpretedInstance implements EngineInstance {
  readonly data: Uint8Array;
  readonly memory: GuestMemory;
  private readonly image: BytecodeImage;
  private readonly options: InstanceOptions;
  private readonly machine: Machine;
  private readonly codeRegion: Region;
  private readonly dataRegion: Region;
  private readonly heap = new Map<number, Region>();
  private made: HelperContext | undefined;
  private depth = 0;

  constructor(image: BytecodeImage, options: InstanceOptions) {
    this.image = image;
    this.options = options;
    const { container, insns } = image;
    this.machine = new Machine(options.name, options.debug ?? container.debug, insns.length, insns.length);
    const { space } = this.machine;
    this.data = new Uint8Array(container.dataSize);
    this.data.set(container.data);
    this.codeRegion = space.add(new Region("read-only data", container.code, false));
    this.dataRegion = space.add(new Region("data", this.data, true));
    this.relocate();
    this.memory = this.makeMemory();
    for (const [k, insn] of insns.entries()) this.link(k, insn);
  }

  private relocate(): void {
    const { view } = this.dataRegion;
    for (const { at, block } of this.image.container.relocations)
      view.setUint32(at + 4, (block === "code" ? this.codeRegion : this.dataRegion).high, true);
  }

  private link(k: number, insn: Insn): void {
    const { machine, image } = this;
    machine.offsets[k] = insn.slot * SLOT;
    const constant = 2 * k;
    const at = REGISTER_WORDS + constant;
    machine.words[at] = insn.imm;
    machine.words[at + 1] = insn.row.kind === "lddw" ? insn.hi : insn.imm >> 31;
    if (insn.row.kind === "lddw") this.address(insn, at);
    const target = insn.row.op === "local" ? insn.slot + 1 + insn.imm : targetSlot(insn);
    machine.steps[k] = makeStep(machine, insn, {
      next: image.indexOf.get(insn.slot + slots(insn)) ?? -2,
      target: image.indexOf.get(target) ?? -2,
      constant,
      helper: this.helperOf(insn),
      context: () => (this.made ??= this.options.context(this.memory)),
      functionAt: (index) => this.functionAt(index),
    });
  }

  /** The constant of a 64-bit load that stands for an address. */
  private address(insn: Insn, at: number): void {
    const { words } = this.machine;
    const set = (region: Region, offset: number) => {
      words[at] = offset;
      words[at + 1] = region.high + (offset < 0 ? -1 : 0);
    };
    const place = `code+${hex(insn.slot * SLOT)}`;
    if (insn.row.op === "func") set(this.codeRegion, (insn.slot + 1 + insn.imm) * SLOT);
    else if (insn.row.op === "var") set(this.codeRegion, insn.imm);
    else if (insn.row.op === "map_idx_value") {
      if (this.image.container.imports[insn.imm]?.kind !== "data")
        throw new InputError("ERR_RUNBPF_CONTAINER", {
          where: place,
          expected: "the slot of the data block",
          got: `slot ${insn.imm}`,
        });
      set(this.dataRegion, insn.hi);
    } else if (insn.row.op !== "imm")
      throw new InputError("ERR_RUNBPF_UNSUPPORTED", {
        where: place,
        expected: "a constant, data or a function",
        got: insn.row.name,
      });
  }

  /** The implementation that a call means; calls of what is not imported are refused. */
  private helperOf(insn: Insn): Helper | undefined {
    const { imports } = this.image.container;
    const isNamed = insn.row.op === "kfunc";
    const id = insn.row.kind === "packet" ? helperByName("packet_load")! : insn.imm;
    if (insn.row.op !== "helper" && !isNamed && insn.row.kind !== "packet") return undefined;
    const slot = isNamed
      ? imports[id]?.kind === "named"
        ? id
        : -1
      : imports.findIndex((target) => target.kind === "helper" && target.id === id);
    const helper = this.options.helpers[slot];
    if (helper === undefined)
      throw new InputError("ERR_RUNBPF_CONTAINER", {
        where: `code+${hex(insn.slot * SLOT)}`,
        expected: "a call of a helper of the import list",
        got: `helper ${id}`,
      });
    return helper;
  }

  private functionAt(index: number): number {
    const { machine, image } = this;
    const slot = (machine.words[index] >>> 0) / SLOT;
    if (machine.words[index + 1] === this.codeRegion.high && image.functions.has(slot))
      return image.indexOf.get(slot)!;
    return machine.fail(
      `a call of address 0x${machine.word(index).toString(16)}, where no function begins`,
      "ERR_RUNBPF_FAULT",
    );
  }

  run(
    program: number,
    _count: number,
    a1: Argument,
    a2: Argument,
    a3: Argument,
    a4: Argument,
    a5: Argument,
  ): bigint {
    const { machine, image } = this;
    const regions: Region[] = [];
    const words = [a1, a2, a3, a4, a5].map((arg) => {
      if (typeof arg !== "object") return arg;
      const region = machine.space.add(new Region("memory", arg, true));
      regions.push(region);
      return region.address;
    });
    try {
      return this.call(image.indexOf.get(image.container.programs[program].offset / SLOT)!, words);
    } finally {
      for (const region of regions) machine.space.remove(region);
    }
  }

  private call(step: number, args: Word[]): bigint {
    const { machine } = this;
    const before = machine.words.slice(0, 12);
    if (this.depth === 0) {
      machine.fuel = this.image.fuel;
      machine.deadline =
        this.options.timeout > 0 ? performance.now() + this.options.timeout : Number.POSITIVE_INFINITY;
    }
    this.depth++;
    try {
      machine.words.fill(0, 0, 12);
      for (const [k, arg] of args.entries()) machine.setWord(2 * (k + 1), arg);
      machine.run(step);
      return BigInt(machine.word(0));
    } finally {
      this.depth--;
      machine.words.set(before, 0);
    }
  }

  private makeMemory(): GuestMemory {
    const { space } = this.machine;
    return {
      read: (address, size) => {
        const { region, offset } = space.range(address, size, false);
        return region.bytes.slice(offset, offset + size);
      },
      write: (address, bytes) => {
        const { region, offset } = space.range(address, bytes.length, true);
        region.bytes.set(bytes, offset);
      },
      cstring: (address, max = Number.MAX_SAFE_INTEGER) => {
        const { region, offset } = space.range(address, 0, false);
        const limit = Math.min(region.size, offset + max);
        const end = region.bytes.indexOf(0, offset);
        if (end < 0 || end >= limit) {
          if (offset + max <= region.size) return region.bytes.slice(offset, limit);
          throw new RunError(
            "ERR_RUNBPF_FAULT",
            `a string at ${region.name} + ${offset} that does not end in its ${region.size} bytes`,
          );
        }
        return region.bytes.slice(offset, end);
      },
      alloc: (size) => {
        if (!(size >= 0 && size < 2 ** 31)) return 0;
        const region = space.add(new Region("allocated memory", new Uint8Array(size), true));
        this.heap.set(region.address, region);
        return region.address;
      },
      free: (address) => {
        if (Number(address) === 0) return;
        space.remove(this.allocated(address, "free"));
        this.heap.delete(Number(address));
      },
      realloc: (address, size) => {
        if (Number(address) === 0) return this.memory.alloc(size);
        const old = this.allocated(address, "realloc");
        const made = this.memory.alloc(size);
        if (Number(made) === 0) return 0;
        this.memory.write(made, old.bytes.subarray(0, Math.min(old.size, size)));
        this.memory.free(address);
        return made;
      },
      call: (fn, ...args) => {
        const { machine } = this;
        const scratch = machine.words.slice(0, 2);
        machine.setWord(0, fn);
        const step = this.functionAt(0);
        machine.words.set(scratch, 0);
        return this.call(step, args);
      },
    };
  }

  private allocated(address: Word, what: string): Region {
    const region = this.heap.get(Number(address));
    if (region === undefined)
      throw new RunError(
        "ERR_RUNBPF_FAULT",
        `${what} of 0x${address.toString(16)}, which malloc did not return`,
      );
    return region;
  }

  release(): void {
    this.heap.clear();
  }
}
