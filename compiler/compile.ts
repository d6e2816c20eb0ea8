/**
 * From an object's bytes to a container's: the table of contents of the compiler. Each step is one call; the
 * passes between are listed in passes.ts.
 */

import { writeBare } from "../formats/bare.ts";
import type { Arch, Container, DebugInfo, Import, ProgramEntry } from "../formats/container.ts";
import { InputError } from "../formats/error.ts";
import { writeSpf } from "../formats/spf.ts";
import { helperByName, helperNames } from "../helpers/table.ts";
import { adapt } from "./adapt.ts";
import { build } from "./build/build.ts";
import { blocksOf, parameters } from "./build/flow.ts";
import { measureFrame } from "./build/frame.ts";
import { Imports } from "./build/imports.ts";
import { contextOf } from "./context.ts";
import { withoutDecided } from "./decided.ts";
import { explain, explanationText } from "./explain.ts";
import { checkFn } from "./ir/check.ts";
import type { Fn } from "./ir/ir.ts";
import { op } from "./ir/ops.ts";
import { printFn } from "./ir/print.ts";
import { link, linkRaw } from "./link.ts";
import { load } from "./load.ts";
import { debugInfo, layOut, makeContainer } from "./pack.ts";
import { type Level, PASSES } from "./passes.ts";
import type { Func, Program } from "./program.ts";
import { provenNumbers } from "./proven.ts";
import { assignSlots } from "./slots.ts";
import { stackNeeds } from "./stack-need.ts";
import { encodeBytecode, patchBytecode } from "./target/bytecode.ts";
import type { FunctionCode } from "./target/code.ts";
import { splitCriticalEdges } from "./target/critical-edges.ts";
import { Lowering } from "./target/lower.ts";
import { type Allocated, allocateAroundFrame } from "./target/split-frame.ts";
import type { Target } from "./target/target.ts";
import { targetFor } from "./target/targets.ts";
import { type Verdict, type VerifyOptions, verify } from "./verify/verify.ts";

export interface CompileOptions {
  /** Name of the file, for messages. */
  name?: string;
  format?: "bare" | "spf";
  target?: Arch;
  /** Features beyond the target's baseline: see TARGETS. */
  cpu?: readonly string[];
  optimize?: Level;
  /** The bytes are instructions, not an object. */
  raw?: boolean;
  /** "KIND" or "KIND:BYTES"; by default the section name decides. */
  ctx?: string;
  /** The context of programs whose section stands for none; args unless given. */
  otherwise?: string;
  /** The program, by function or section name. */
  program?: string;
  /** Undefined functions that the host provides: an id, or "name" (spf). */
  externs?: Record<string, number | "name">;
  /** Puts function names and line numbers into an spf. */
  debug?: boolean;
  /** Prove that the program is safe; what cannot be proven is refused. True unless given. */
  verify?: boolean;
  /** Limits of the verifier, contexts and helpers of the host. */
  limits?: Omit<VerifyOptions, "ctx" | "trace">;
  /** Passes of the optimiser to leave out, by name: to measure what they are worth. */
  without?: readonly string[];
  /** Checks the IR's invariants after each pass. */
  check?: boolean;
  /** Called with the IR after building ("build") and after each pass. */
  onPass?(pass: string, fn: Fn, text: () => string): void;
}

/** What compile tells of its work. */
export interface Report {
  format: "bare" | "spf";
  target: Arch;
  programs: { name: string; hook: string; stack: number; verification: Verification | undefined }[];
  /** Bytes: of the file, of the code without and of the read-only and writable data. */
  bytes: { file: number; code: number; rodata: number; data: number };
  instructions: number;
  imports: Import[];
  verified: boolean;
  /** Milliseconds by step, in the order of the steps. */
  times: [step: string, milliseconds: number][];
}

/** What the verifier found out about a program. */
export interface Verification {
  bounded: boolean;
  loops: number;
  /** Bytes of BPF stack of the deepest call chain. */
  stack: number;
  /** Instructions followed, and milliseconds. */
  instructions: number;
  milliseconds: number;
}

export interface Compiled {
  container: Uint8Array;
  report: Report;
  /** Where the code came from; in the container only if asked for. */
  debug: DebugInfo;
  /** Types of the object, for hosts that show data; in the container only with `debug`. */
  btf: Uint8Array | undefined;
}

/** Adds up the time of each step. */
class Clock {
  readonly times = new Map<string, number>();
  private last = performance.now();

  done(step: string): void {
    const now = performance.now();
    this.times.set(step, (this.times.get(step) ?? 0) + now - this.last);
    this.last = now;
  }
}

/** Loads and links an object, or raw bytecode. Throws InputError. */
export function readProgram(bytes: Uint8Array, options: CompileOptions): Program {
  const name = options.name ?? "program";
  if (options.raw) return linkRaw(bytes, name);
  return link(load(bytes, name), {
    program: options.program,
    externs: options.externs,
    allMaps: options.format !== "bare" && options.program === undefined,
    helperByName,
    helperNames: helperNames(),
  });
}

/** Where instruction `insn` of `func` stands, for messages. */
function place(program: Program, func: Func, insn: number): string {
  const line = func.lines.findLast((row) => row.insn <= insn);
  if (line !== undefined && line.line > 0) return `${line.file}:${line.line}`;
  return `${program.name}: ${func.name} instruction ${func.insns[Math.max(insn, 0)]?.slot ?? 0}`;
}

/** Code cannot hold the address of a map's value: it exists only once the map does. */
function checkReferences(program: Program): void {
  for (const func of program.functions)
    for (const [insn, reference] of func.references.entries())
      if (reference?.kind === "map-value")
        throw new InputError("ERR_RUNBPF_UNSUPPORTED", {
          where: place(program, func, insn),
          expected: "the address of a map",
          got: `an address inside the value of map ${program.maps[reference.index].name}`,
          hint: "look the value up",
        });
}

/** Functions that are reached from outside of the code. */
function rootsOf({ entries, pointers }: Program): Set<number> {
  const roots = new Set(entries.map(({ func }) => func));
  for (const { to } of pointers) if (to.kind === "function") roots.add(to.index);
  return roots;
}

/** BPF to optimised SSA, for every function of a program. */
function buildAll(
  program: Program,
  options: CompileOptions,
  features: ReadonlySet<string>,
  clock: Clock,
  verdicts: readonly Verdict[] | undefined,
): { fns: Fn[]; imports: Imports } {
  const imports = new Imports();
  const flows = program.functions.map(blocksOf);
  const params = parameters(program, flows);
  const level = options.optimize ?? 2;
  const proven = (f: number) => (verdicts && level !== 0 ? provenNumbers(f, verdicts) : undefined);
  const fns = program.functions.map((func, f) => build(func, f, flows[f], params, imports, proven(f)));
  const seen = (pass: string, fn: Fn) => {
    if (options.check) checkFn(fn, pass);
    options.onPass?.(pass, fn, () => printFn(fn));
  };
  for (const fn of fns) seen("build", fn);
  clock.done("build");
  const { maps, rodata } = program;
  const context = { imports, params, maps, rodata, features, level, fns, roots: rootsOf(program) };
  for (const { name, run, runAll, skip, inlined, promised } of PASSES) {
    if (skip?.includes(level) || options.without?.includes(name)) continue;
    runAll?.(context);
    for (const fn of fns) {
      if ((inlined && !fn.inlined) || (promised && fn.promised.size === 0)) continue;
      run?.(fn, context);
      seen(name, fn);
    }
    clock.done(name);
  }
  for (const [f, fn] of fns.entries()) {
    const used = verdicts?.reduce((most, { frames }) => Math.max(most, frames[f] ?? 0), 0);
    measureFrame(fn, (insn) => place(program, program.functions[f], insn), used);
  }
  return { fns, imports };
}

/** needsGot[f]: function f, or one that it calls, uses the import table. */
function findGotUsers(fns: Fn[]): boolean[] {
  const needs = fns.map(() => false);
  const callers: number[][] = fns.map(() => []);
  const work: number[] = [];
  const uses = new Set<unknown>([op.helper, op.calli]);
  for (const [f, fn] of fns.entries()) {
    const leaf = (v: { op: unknown } | null) => v?.op === op.data || v?.op === op.map;
    for (const block of fn.blocks) {
      let direct = leaf(block.control);
      for (const v of [...block.phis, ...block.body]) {
        if (v.op === op.call) callers[v.aux].push(f);
        direct ||= uses.has(v.op) || v.args.some(leaf);
      }
      if (direct && !needs[f]) {
        needs[f] = true;
        work.push(f);
      }
    }
  }
  while (work.length > 0)
    for (const f of callers[work.pop()!]) {
      if (needs[f]) continue;
      needs[f] = true;
      work.push(f);
    }
  return needs;
}

interface Generated {
  codes: FunctionCode[];
  imports: Import[];
  /** Native stack by function. */
  stack: number[];
  patch: Target["patch"];
}

function keepBytecode(program: Program): Generated {
  return { ...encodeBytecode(program), stack: program.functions.map(() => 0), patch: patchBytecode };
}

function generateNative(
  program: Program,
  arch: Arch,
  options: CompileOptions,
  clock: Clock,
  verdicts: readonly Verdict[] | undefined,
): Generated {
  const target = targetFor(arch, options.cpu ?? []);
  const built = buildAll(program, options, target.features, clock, verdicts);
  const imports = assignSlots(built.fns, built.imports);
  const codes = generate(built.fns, target, options.optimize ?? 2, clock);
  const stack = stackNeeds(built.fns, codes, imports, program);
  return { codes, imports, stack, patch: target.patch };
}

/** A function to which nothing leads keeps its index. */
const NO_CODE: FunctionCode = {
  bytes: new Uint8Array(0),
  size: 0,
  alignment: 1,
  fixups: [],
  lines: [],
  stack: 0,
};

const shorter = (a: FunctionCode, b: FunctionCode): FunctionCode => (b.bytes.length < a.bytes.length ? b : a);

/** SSA to machine code, for every function. */
function generate(
  fns: Fn[],
  target: Target,
  level: CompileOptions["optimize"],
  clock: Clock,
): FunctionCode[] {
  const alignment = level === 2 ? target.loopAlignment : 1;
  const small = level === "s";
  const context = { needsGot: findGotUsers(fns), small, features: target.features };
  const machine = fns.map((fn) => {
    splitCriticalEdges(fn, small);
    return { ...new Lowering(fn, context, target.selection).run(), alignment };
  });
  clock.done("select");
  const allocated = machine.map((fn) => allocateAroundFrame(fn, target.registers));
  clock.done("allocate");
  const encoded = (ways: Allocated[], f: number) =>
    ways.map(({ fn, allocation }) => target.encode(fn, allocation, fns[f].stack)).reduce(shorter);
  const codes = allocated.map((ways, f) => (fns[f].dead ? NO_CODE : encoded(ways, f)));
  clock.done("encode");
  return codes;
}

/** The first of the context kinds that embedders number themselves. */
const EMBEDDERS = 128;

function entries(
  program: Program,
  offsets: number[],
  stack: number[],
  verdicts: readonly Verdict[] | undefined,
  options: CompileOptions,
): ProgramEntry[] {
  return program.entries.map(({ name, hook, func }, e) => {
    const { kind, memory, layout } = contextOf(
      hook,
      contextText(options),
      options.limits?.layouts,
      options.otherwise,
    );
    const [verified, bounded] = [verdicts !== undefined, verdicts?.[e].bounded ?? false];
    // Loaders know the sizes of our own contexts, and not of an embedder's.
    const least = kind < EMBEDDERS ? memory : Math.max(memory, layout?.size ?? 0);
    const contract = { verified, bounded, context: kind, memory: least, stack: stack[func] };
    return { name, hook, offset: offsets[func], contract };
  });
}

/** Raw bytecode has no section whose name could tell. */
const contextText = ({ ctx, raw }: CompileOptions): string | undefined => ctx ?? (raw ? "mem" : undefined);

/** Verdicts of a linked program, as the options of compile ask for them. */
export const verifyLinked = (
  program: Program,
  options: CompileOptions,
  trace?: VerifyOptions["trace"],
): Verdict[] =>
  verify(program, { ...options.limits, ctx: contextText(options), otherwise: options.otherwise, trace });

/** Verdicts of a program that is safe. Throws ERR_RUNBPF_VERIFY for any other. */
function prove(program: Program, options: CompileOptions): Verdict[] {
  const verdicts = verifyLinked(program, options);
  for (const verdict of verdicts) {
    const explanation = explain(program, verdict);
    if (explanation === undefined) continue;
    const { where, register, expected, got, hint } = explanation;
    throw new InputError("ERR_RUNBPF_VERIFY", {
      ...{ where: register === "" ? where : `${where}: ${register}`, expected, got, hint },
      details: explanationText(program, explanation),
    });
  }
  return verdicts;
}

/** A bare file has one entry and no maps: says so before any work is done. */
function checkFormat(program: Program, format: "bare" | "spf"): void {
  if (program.entries.length === 0)
    throw new InputError("ERR_RUNBPF_LINK", {
      where: program.name,
      expected: "a program",
      got: "an object without executable code",
    });
  if (format === "bare" && program.entries.length > 1)
    throw new InputError("ERR_RUNBPF_UNSUPPORTED", {
      where: program.name,
      expected: "one program for a bare file",
      got: program.entries.map((entry) => entry.name).join(", "),
      hint: "choose one with --program NAME, or convert to spf",
    });
  if (format === "bare" && program.maps.length > 0)
    throw new InputError("ERR_RUNBPF_UNSUPPORTED", {
      where: program.name,
      expected: "a program without maps for a bare file",
      got: `map ${program.maps[0].name}`,
      hint: "convert to spf",
    });
}

/**
 * Compiles an eBPF object (or raw bytecode) to a container. The same input gives the same bytes. Throws InputError
 * where the input is at fault.
 */
export function compile(bytes: Uint8Array, options: CompileOptions = {}): Compiled {
  const clock = new Clock();
  const format = options.format ?? "spf";
  const arch = options.target ?? "x64";
  const linked = readProgram(bytes, options);
  checkFormat(linked, format);
  checkReferences(linked);
  clock.done("load and link");
  const verdicts = options.verify === false ? undefined : prove(linked, options);
  const program = verdicts === undefined ? linked : adapt(linked, verdicts);
  clock.done("verify");
  const seen = verdicts === undefined || options.optimize === 0 ? program : withoutDecided(program, verdicts);
  const { codes, imports, stack, patch } =
    arch === "bytecode" ? keepBytecode(program) : generateNative(seen, arch, options, clock, verdicts);
  const packed = layOut(program, codes, patch);
  const debug = debugInfo(program, codes, packed);
  const programs = entries(program, packed.offsets, stack, verdicts, options);
  const inFile = options.debug && format === "spf" ? debug : undefined;
  const container = makeContainer(
    format,
    program,
    packed,
    imports,
    programs,
    arch,
    inFile,
    inFile && program.btf,
  );
  const file = format === "bare" ? writeBare(container, program.name) : writeSpf(container, program.name);
  clock.done("pack");
  return {
    container: file,
    report: report(container, program, file, packed.rodataAt, clock, verdicts),
    debug,
    btf: linked.btf,
  };
}

function report(
  c: Container,
  program: Program,
  file: Uint8Array,
  code: number,
  clock: Clock,
  verdicts: readonly Verdict[] | undefined,
): Report {
  return {
    format: c.format,
    target: c.arch,
    programs: c.programs.map(({ name, hook, contract }, e) => ({
      ...{ name, hook, stack: contract.stack },
      verification: verdicts && verificationOf(verdicts[e]),
    })),
    bytes: { file: file.length, code, rodata: program.rodata.length, data: c.dataSize },
    instructions: program.functions.reduce((sum, func) => sum + func.insns.length, 0),
    imports: c.imports,
    verified: verdicts !== undefined,
    times: [...clock.times],
  };
}

const verificationOf = ({ bounded, loops, stack, instructions, milliseconds }: Verdict): Verification => ({
  ...{ bounded, loops: loops.length, stack, instructions, milliseconds },
});
