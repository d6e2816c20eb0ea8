/** The command table: parsing, help, completion and docs/cli.md all derive from these rows. */

import { ARCHES } from "../formats/container.ts";
import type { Args } from "./args.ts";
import type { Io } from "./io.ts";

export interface OptionRow {
  /** As help shows it: "-o, --output <file>", "--json". The long name is the option's name. */
  flags: string;
  doc: string;
  /** The only values that it takes. */
  values?: readonly string[];
  /** It may be given more than once. */
  repeat?: true;
}

/** Runs a command and returns the exit status; wrong usage and refused input are thrown. */
export type Run = (args: Args, io: Io) => number | Promise<number>;

export interface CommandRow {
  name: string;
  /** What follows the name in the usage line; options are listed below it. */
  usage: string;
  summary: string;
  /** How many arguments it takes. */
  least: number;
  most: number;
  arguments: readonly (readonly [name: string, doc: string])[];
  options: readonly OptionRow[];
  /** Command lines behind "runbpf", and what they are for. */
  examples: readonly (readonly [line: string, purpose: string])[];
  /** Imports the command: only the one that runs is loaded. */
  load(): Promise<Run>;
}

const RAW: OptionRow = {
  flags: "--raw",
  doc: "the file is bytecode, not an object; context mem unless --ctx",
};
const CTX: OptionRow = {
  flags: "--ctx <kind[:n]>",
  doc: "what r1 … r5 are: args, mem, cmd, xdp or skb; n = bytes that r1 points to at least",
};
const PROGRAM: OptionRow = { flags: "--program <name>", doc: "the program, by function or section name" };
const OPTIMIZE: OptionRow = {
  flags: "-O, --optimize <level>",
  doc: "0, 1, 2 or s (size); 2 unless given",
  values: ["0", "1", "2", "s"],
};
const TARGET: OptionRow = {
  flags: "-t, --target <arch>",
  doc: "processor that the code is for; unless given, the one at hand",
  values: Object.keys(ARCHES),
};
const CPU: OptionRow = {
  flags: "--cpu <list>",
  doc: "what that processor has beyond the least of its kind, with commas",
};
const EXTERN: OptionRow = {
  flags: "--extern <name[=id]>",
  doc: "an undefined function is helper id of the host, or (spf) one that the host knows by name",
  repeat: true,
};
const VERIFY: OptionRow = {
  flags: "--no-verify",
  doc: "do not prove that the program is safe; the container says so",
};
const STACK: OptionRow = {
  flags: "--stack <bytes>",
  doc: "stack that a chain of calls may use in the program's own frames; 512 unless given",
};
const CONTEXTS_FILE: OptionRow = {
  flags: "--contexts <file.json>",
  doc: "contexts that the host declares; --ctx knows them by name",
};
const BUDGET: OptionRow = {
  flags: "--verify-budget <n>",
  doc: "instructions that the verifier follows before it gives up; 1000000 unless given",
};
const TIMEOUT: OptionRow = { flags: "--timeout <ms>", doc: "stop a run after so many milliseconds" };
const ALLOW: OptionRow = {
  flags: "--allow <list>",
  doc: "only these imports: helper ids, names, or base, sys, user, temp; with commas",
};
const DENY: OptionRow = { flags: "--deny <list>", doc: "never these imports, whatever --allow says" };
const FUEL: OptionRow = {
  flags: "--max-instructions <n>",
  doc: "stop an interpreted run after so many instructions",
};
const ENGINE: OptionRow = {
  flags: "--engine <name>",
  doc: "native, or interpret (bytecode over checked memory); otherwise as the file asks",
  values: ["native", "interpret"],
};
const SET: OptionRow = {
  flags: "--set <name=value>",
  doc: "value of a global variable before the program runs, those of const volatile ones too",
  repeat: true,
};
const PIN: OptionRow = {
  flags: "--pin <file>",
  doc: "maps live in this file, which other processes share; made where there is none",
};
const CPUS: OptionRow = {
  flags: "--cpus <n>",
  doc: "threads that may share new maps, each with values of its own in per-cpu maps; 1 … 64",
};
const JSON_OBJECT: OptionRow = { flags: "--json", doc: "print one JSON object" };

export const COMMANDS: readonly CommandRow[] = [
  {
    name: "convert",
    usage: "bare|spf <file.o> [options]",
    summary: "compile an eBPF object to a container of native code",
    least: 2,
    most: 2,
    arguments: [
      ["bare", "one program, no maps: the smallest file"],
      ["spf", "several programs, names, maps"],
      ["file.o", "an object that clang made for BPF; - is standard input"],
    ],
    options: [
      {
        flags: "-o, --output <file>",
        doc: "where to write; otherwise beside the object, ending in .bare or .spf; - is standard output",
      },
      TARGET,
      CPU,
      OPTIMIZE,
      PROGRAM,
      CTX,
      RAW,
      EXTERN,
      VERIFY,
      STACK,
      CONTEXTS_FILE,
      BUDGET,
      { flags: "-g, --debug", doc: "spf: keep function names and line numbers for messages" },
      {
        flags: "--dump-pass <name>",
        doc: "print the IR after a pass, or after all; build is the IR as built",
      },
      { flags: "--time", doc: "print how long each step took" },
      JSON_OBJECT,
    ],
    examples: [
      ["convert bare prog.o", "writes prog.bare"],
      ["convert spf prog.o -o filter.spf -g", "keeps line numbers for messages"],
      ["convert bare prog.o --program parse", "one of several programs"],
      ["convert bare prog.o --dump-pass all | less", "shows what each pass did"],
    ],
    load: async () => (await import("./convert.ts")).convert,
  },
  {
    name: "run",
    usage: "[bare|spf|elf] <file> [r1 … r5 | argv …] [options]",
    summary: "run a container, or an object compiled on the spot",
    least: 1,
    most: Number.POSITIVE_INFINITY,
    arguments: [
      ["bare|spf|elf", "what the file must be; otherwise its first bytes tell"],
      ["file", "a container or an object; - is standard input"],
      ["r1 … r5", "context args: numbers of 64 bits, decimal or 0x…, also negative"],
      ["argv …", "context cmd: arguments of the program; those with a dash stand behind --"],
    ],
    options: [
      PROGRAM,
      { flags: "--mem <file|hex:…>", doc: "memory for the program: r1 = its address, r2 = its length" },
      {
        flags: "--pcap <file>",
        doc: "run an xdp or skb program over the packets of a capture file (pcap, pcapng)",
      },
      { flags: "--out <file>", doc: "with --pcap: write the packets that pass, in the format of the input" },
      SET,
      PIN,
      CPUS,
      ENGINE,
      FUEL,
      TIMEOUT,
      ALLOW,
      DENY,
      RAW,
      CTX,
      OPTIMIZE,
      EXTERN,
      VERIFY,
      STACK,
      CONTEXTS_FILE,
      BUDGET,
      JSON_OBJECT,
    ],
    examples: [
      ["run prog.bare 50", "argv[1] or r1 is 50"],
      ["run elf prog.o --mem packet.bin --ctx mem", "a program over the bytes of a file"],
      ["run prog.spf --timeout 100 --deny sys", "at most 100 ms, and none of the sys helpers"],
      ["run prog.bare -- -n 5", "arguments with a dash"],
      ["run filter.spf --pcap in.pcap --out out.pcap", "counts verdicts, writes what passes"],
      ["run prog.spf --set limit=100 --pin /tmp/maps", "a setting; maps that outlive the run"],
    ],
    load: async () => (await import("./run.ts")).run,
  },
  {
    name: "verify",
    usage: "<file.o> [options]",
    summary: "prove that programs are safe, or say why they are not",
    least: 1,
    most: 1,
    arguments: [["file.o", "an object that clang made for BPF; - is standard input"]],
    options: [
      PROGRAM,
      CTX,
      RAW,
      EXTERN,
      STACK,
      CONTEXTS_FILE,
      BUDGET,
      { flags: "--verbose", doc: "print what is known before every instruction that is followed" },
      OPTIMIZE,
      VERIFY,
      { flags: "--json", doc: "print one JSON object a program" },
    ],
    examples: [
      ["verify prog.o", "verdict, loops, stack and helpers of every program"],
      ["verify prog.o --program parse --ctx mem:64", "r1 points to at least 64 bytes"],
      ["verify prog.o --verbose | less", "what is known, step by step"],
    ],
    load: async () => (await import("./verify.ts")).verify,
  },
  {
    name: "dump",
    usage: "<file> [options]",
    summary: "show what an object or a container holds",
    least: 1,
    most: 1,
    arguments: [["file", "a container or an object; - is standard input"]],
    options: [
      { flags: "--header", doc: "fields, programs, functions, maps, imports" },
      { flags: "--bytecode", doc: "object: its instructions, as llvm-objdump -Sr prints them" },
      { flags: "--ir", doc: "object: the optimised SSA form" },
      { flags: "--native", doc: "machine code, with the helpers that it calls and source lines" },
      PROGRAM,
      OPTIMIZE,
      TARGET,
      CPU,
      CTX,
      RAW,
      EXTERN,
    ],
    examples: [
      ["dump prog.o", "header and bytecode, between the source lines"],
      ["dump prog.bare", "header and machine code"],
      ["dump prog.o --native -O s", "the machine code that convert would make"],
    ],
    load: async () => (await import("./dump.ts")).dump,
  },
  {
    name: "shell",
    usage: "[script] [options]",
    summary: "load, run and replace programs at a prompt, from a script or a pipe",
    least: 0,
    most: 1,
    arguments: [["script", "commands, one a line; the first that fails ends it"]],
    options: [
      ENGINE,
      TIMEOUT,
      ALLOW,
      DENY,
      CTX,
      VERIFY,
      SET,
      PIN,
      CPUS,
      {
        flags: "--keep-maps <when>",
        doc: "replace: same keeps maps whose definitions agree and refuses others, never makes new ones; same unless given",
        values: ["same", "never"],
      },
    ],
    examples: [
      ["shell", "type help for its commands"],
      ["shell deploy.txt", "runs a script"],
      ["shell --pin /tmp/maps", "maps that other processes see, and that stay"],
      ["shell < deploy.txt", "the same through a pipe"],
    ],
    load: async () => (await import("./shell.ts")).shell,
  },
  {
    name: "map",
    usage: "list|dump|lookup|update|delete|pop|events [map] [key] [value] --pin <file>",
    summary: "read and change the maps of a file that running programs share",
    least: 1,
    most: Number.POSITIVE_INFINITY,
    arguments: [
      ["map", "its name; list needs none"],
      ["key", "a number, hex:…, or bpftool's key [hex] BYTES"],
      ["value", "a number, hex:…, or bpftool's value [hex] BYTES; behind it any, noexist or exist"],
    ],
    options: [PIN, { flags: "--json", doc: "print JSON, as bpftool does" }],
    examples: [
      ["map dump counts --pin /tmp/maps", "all elements of a map"],
      ["map update limits 3 100 exist --pin /tmp/maps", "only where the key is there"],
      ["map lookup counts key hex 01 00 00 00 --pin /tmp/maps", "bytes, as bpftool takes them"],
    ],
    load: async () => (await import("./map.ts")).map,
  },
  {
    name: "conformance-plugin",
    usage: "[memory] [options]",
    summary: "run one test of the bpf_conformance project",
    least: 0,
    most: 1,
    arguments: [["memory", "hexadecimal bytes: r1 is their address, r2 their number"]],
    options: [
      {
        flags: "--elf",
        doc: "standard input is an object with a program main, not hexadecimal instructions",
      },
      ENGINE,
      FUEL,
    ],
    examples: [
      ["conformance-plugin < add.hex", "prints r0 in hexadecimal; 1 is the exit status of a refused program"],
      ["conformance-plugin --engine interpret 0102 < sum.hex", "the same over two bytes, interpreted"],
    ],
    load: async () => (await import("./conformance-plugin.ts")).conformancePlugin,
  },
];
