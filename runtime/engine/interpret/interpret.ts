/**
 * The interpreting engine: bytecode containers over checked memory. Everything that code refers to is resolved
 * when it is loaded; a program that refers to what is not there is refused before it runs.
 */

import { hex } from "../../../formats/bytes.ts";
import { type Container, MAP_HANDLE } from "../../../formats/container.ts";
import { bug, InputError } from "../../../formats/error.ts";
import { type Insn, SLOT, slots, targetSlot } from "../../../formats/isa/bpf.ts";
import { readSpf } from "../../../formats/spf.ts";
import type { Helper, HelperContext, Word } from "../../../helpers/host.ts";
import { RunError } from "../../../helpers/host.ts";
import { LIBRARY_HELPERS } from "../../../helpers/library.ts";
import { helperByName } from "../../../helpers/table.ts";
import { LIBRARY } from "../../library/bytecode.ts";
import type { Binding } from "../../maps/bind.ts";
import { type LibraryFunction, type MapMachine, sectionOf } from "../../maps/library.ts";
import type {
  Argument,
  Engine,
  EngineImage,
  EngineInstance,
  GuestMemory,
  InstanceOptions,
} from "../engine.ts";
import { Bytecode } from "./code.ts";
import { Machine, REGISTER_WORDS } from "./machine.ts";
import { Region } from "./memory.ts";
import { makeStep } from "./steps.ts";

const TAIL_CALL = helperByName("bpf_tail_call");

/** The library's bytecode, decoded when the first map is made. */
let decoded: Bytecode | undefined;
function mapLibrary(): Bytecode {
  if (decoded === undefined) {
    const bytes = Uint8Array.from(atob(LIBRARY), (char) => char.charCodeAt(0));
    decoded = new Bytecode(readSpf(bytes, "map library", "bytecode"));
  }
  return decoded;
}

/** The step at which a program of a section begins. */
function entryOf({ code, base }: Part, section: string): number {
  const program = code.container.programs.find(({ hook }) => hook === section);
  const index = program && code.indexOf.get(program.offset / SLOT);
  return index === undefined ? bug(`no ${section} in the map library`) : base + index;
}

/** Instructions that a run may execute, unless the caller says otherwise. */
export const DEFAULT_FUEL = 2 ** 53;

export const interpretingEngine = (maxInstructions = DEFAULT_FUEL): Engine => ({
  name: "interpret",
  arch: "bytecode",
  load: (container) => new BytecodeImage(container, maxInstructions),
});

/** Code, and how much of it a run may execute. */
class BytecodeImage extends Bytecode implements EngineImage {
  readonly fuel: number;

  constructor(container: Container, fuel: number) {
    super(container);
    this.fuel = fuel;
  }

  instantiate(options: InstanceOptions): EngineInstance {
    return new InterpretedInstance(this, options);
  }

  release(): void {}
}

/** Code in the machine: the program's own, or the map library's. Its first step is number `base`. */
interface Part {
  code: Bytecode;
  base: number;
  region: Region;
}

class InterpretedInstance implements EngineInstance {
  readonly data: Uint8Array;
  readonly memory: GuestMemory;
  private readonly image: BytecodeImage;
  private readonly options: InstanceOptions;
  private readonly machine: Machine;
  private readonly codeRegion: Region;
  private readonly dataRegion: Region;
  private readonly parts: Part[] = [];
  private readonly maps: Binding | undefined;
  private readonly heap = new Map<number, Region>();
  private made: HelperContext | undefined;
  private depth = 0;

  constructor(image: BytecodeImage, options: InstanceOptions) {
    this.image = image;
    this.options = options;
    const { container } = image;
    const library = options.maps && mapLibrary();
    const steps = image.insns.length + (library?.insns.length ?? 0);
    this.machine = new Machine(options.name, options.debug ?? container.debug, steps, steps);
    const { space } = this.machine;
    this.data = new Uint8Array(container.dataSize);
    this.data.set(container.data);
    this.codeRegion = space.add(new Region("read-only data", container.code, false));
    this.dataRegion = space.add(new Region("data", this.data, true));
    this.relocate();
    this.memory = this.makeMemory();
    this.parts.push({ code: image, base: 0, region: this.codeRegion });
    if (library !== undefined) {
      const region = space.add(new Region("map library", library.container.code, false));
      this.parts.push({ code: library, base: image.insns.length, region });
      this.linkPart(this.parts[1]);
      this.maps = options.maps?.(this.mapMachine());
    }
    this.linkPart(this.parts[0]);
  }

  private linkPart(part: Part): void {
    for (const [k, insn] of part.code.insns.entries()) this.link(part, k, insn);
  }

  private relocate(): void {
    const { view } = this.dataRegion;
    for (const { at, block } of this.image.container.relocations)
      view.setUint32(at + 4, (block === "code" ? this.codeRegion : this.dataRegion).high, true);
  }

  private link(part: Part, index: number, insn: Insn): void {
    const { machine } = this;
    const { code, base } = part;
    const k = base + index;
    const stepAt = (slot: number) => base + (code.indexOf.get(slot) ?? -2 - base);
    // Faults in the library are told of its caller.
    machine.offsets[k] = base === 0 ? insn.slot * SLOT : -1;
    const constant = 2 * k;
    const at = REGISTER_WORDS + constant;
    machine.words[at] = insn.imm;
    machine.words[at + 1] = insn.row.kind === "lddw" ? insn.hi : insn.imm >> 31;
    if (insn.row.kind === "lddw") this.address(part, insn, at);
    const target = insn.row.op === "local" ? insn.slot + 1 + insn.imm : targetSlot(insn);
    const library = part === this.parts[0] ? this.libraryStep(insn) : -1;
    machine.steps[k] = makeStep(machine, insn, {
      next: stepAt(insn.slot + slots(insn)),
      target: library >= 0 ? library : stepAt(target),
      constant,
      helper: library >= 0 ? undefined : this.helperOf(insn),
      ends: insn.row.op === "helper" && insn.imm === TAIL_CALL ? this.hasLeft : undefined,
      context: () => (this.made ??= this.options.context(this.memory)),
      functionAt: (index) => this.functionAt(index),
    });
  }

  /** The step of the map library that serves a call, or -1. A tail call is a helper of our own. */
  private libraryStep(insn: Insn): number {
    const library = this.parts[1];
    if (insn.row.op !== "helper" || insn.imm === TAIL_CALL || !LIBRARY_HELPERS.has(insn.imm)) return -1;
    this.checkImported(insn);
    return library === undefined ? -1 : entryOf(library, `helper/${insn.imm}`);
  }

  /** Ends in the program that the library finds. What it returns is what the program returns. */
  private readonly tailCall: Helper = (_context, context, map, index) => {
    const target = this.callLibrary("tail_target", [map, index]);
    if (target === 0n) return 0;
    const { memory } = this;
    const result = memory.call(target, context, 0, 0, 0, 0);
    const table = new DataView(memory.read(BigInt(map) + BigInt(MAP_HANDLE.targets), 8).buffer);
    const counter = table.getBigUint64(0, true) - 8n;
    const under = new DataView(memory.read(counter, 8).buffer);
    under.setBigUint64(0, under.getBigUint64(0, true) - 1n, true);
    memory.write(counter, new Uint8Array(under.buffer));
    this.left = true;
    return result;
  };

  /** A tail call was taken: its function ends. */
  private left = false;
  private readonly hasLeft = (): boolean => {
    const { left } = this;
    this.left = false;
    return left;
  };

  private callLibrary(name: LibraryFunction, args: Word[]): bigint {
    return this.call(entryOf(this.parts[1], sectionOf(name)), args);
  }

  private mapMachine(): MapMachine {
    return {
      alive: 0,
      expose: (bytes, name, shared) => (bytes.length === 0 ? 0 : this.expose(bytes, name, shared)),
      call: (name, a1, a2 = 0, a3 = 0, a4 = 0, a5 = 0) =>
        Number(BigInt.asIntN(64, this.callLibrary(name, [a1, a2, a3, a4, a5]))),
      entry: (program) => this.codeRegion.address + this.image.container.programs[program].offset,
    };
  }

  /** The constant of a 64-bit load that stands for an address. */
  private address({ region: code }: Part, insn: Insn, at: number): void {
    const { words } = this.machine;
    const set = (region: Region, offset: number) => {
      words[at] = offset;
      words[at + 1] = region.high + (offset < 0 ? -1 : 0);
    };
    const place = `code+${hex(insn.slot * SLOT)}`;
    const wrongSlot = (expected: string): never => {
      throw new InputError("ERR_RUNBPF_CONTAINER", { where: place, expected, got: `slot ${insn.imm}` });
    };
    if (insn.row.op === "func") set(code, (insn.slot + 1 + insn.imm) * SLOT);
    else if (insn.row.op === "var") set(code, insn.imm);
    else if (insn.row.op === "map_idx_value") {
      if (this.image.container.imports[insn.imm]?.kind !== "data") wrongSlot("the slot of the data block");
      set(this.dataRegion, insn.hi);
    } else if (insn.row.op === "map_idx") {
      const slot = this.image.container.imports[insn.imm];
      const address = slot?.kind === "map" ? this.maps?.slots[slot.index] : undefined;
      this.machine.setWord(at, address ?? wrongSlot("the slot of a map"));
    } else if (insn.row.op !== "imm")
      throw new InputError("ERR_RUNBPF_UNSUPPORTED", {
        where: place,
        expected: "a constant, data, a map or a function",
        got: insn.row.name,
      });
  }

  /** Slot of the import that a call means; calls of what is not imported are refused. */
  private checkImported(insn: Insn): number {
    const { imports } = this.image.container;
    const isNamed = insn.row.op === "kfunc";
    const id = insn.row.kind === "packet" ? helperByName("packet_load")! : insn.imm;
    const slot = isNamed
      ? imports[id]?.kind === "named"
        ? id
        : -1
      : imports.findIndex((target) => target.kind === "helper" && target.id === id);
    if (slot >= 0) return slot;
    throw new InputError("ERR_RUNBPF_CONTAINER", {
      where: `code+${hex(insn.slot * SLOT)}`,
      expected: "a call of a helper of the import list",
      got: `helper ${id}`,
    });
  }

  private helperOf(insn: Insn): Helper | undefined {
    if (insn.row.op !== "helper" && insn.row.op !== "kfunc" && insn.row.kind !== "packet") return undefined;
    const slot = this.checkImported(insn);
    if (insn.row.op === "helper" && insn.imm === TAIL_CALL && this.maps !== undefined) return this.tailCall;
    return this.options.helpers[slot] ?? bug(`no helper in slot ${slot}`);
  }

  private functionAt(index: number): number {
    const { machine } = this;
    const slot = (machine.words[index] >>> 0) / SLOT;
    for (const { code, base, region } of this.parts)
      if (machine.words[index + 1] === region.high && code.functions.has(slot))
        return base + code.indexOf.get(slot)!;
    return machine.fail(
      `a call of address 0x${machine.word(index).toString(16)}, where no function begins`,
      "ERR_RUNBPF_FAULT",
    );
  }

  expose(bytes: Uint8Array, name: string, shared = false): Word {
    return this.machine.space.add(new Region(name, bytes, true, shared)).address;
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
    } catch (error) {
      if (this.depth === 1) this.maps?.reset();
      throw error;
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
