/** A linked program: what link.ts hands to the verifier and to the code generator. */

import type { DataSymbol, MapDefinition } from "../formats/container.ts";
import type { Insn } from "../formats/isa/bpf.ts";

/** What a `call` or a 64-bit immediate load refers to, once linked. */
export type Reference =
  | { kind: "helper"; id: number }
  | { kind: "named"; name: string } // a helper that the host resolves by name
  | { kind: "function"; index: number } // Program.functions
  | { kind: "data"; offset: number } // the address of a byte of the writable block
  | { kind: "rodata"; offset: number } // the address of a byte of the read-only block
  | { kind: "map"; index: number } // the map itself
  | { kind: "map-value"; index: number; offset: number }; // an address inside an array map's only value

/** Source position of the instructions from `insn` (an index into Func.insns) on. */
export interface LineInfo {
  insn: number;
  file: string;
  line: number;
  column: number;
  /** The source line itself; "" when the object does not carry it. */
  text: string;
}

/**
 * A function: its instructions are `insns`, one entry an instruction (a 16-byte lddw is one entry).
 * Jump targets are already indexes into `insns` (see `targets`); nothing jumps out of the function.
 */
export interface Func {
  name: string;
  /** Section and byte offset in the object, for messages: `where` = "prog.o: xdp+0x18" style prefix. */
  section: string;
  offset: number;
  insns: Insn[];
  /** targets[i] = index of the instruction that jump i leads to, or -1 when i is not a jump. */
  targets: Int32Array;
  /** references[i], for calls and lddw with a relocation or a pseudo source register. */
  references: (Reference | undefined)[];
  /** Sorted by insn; empty without BTF. */
  lines: LineInfo[];
}

/** A pointer inside the initial data: the word at `at` (offset in the writable block). */
export interface DataPointer {
  at: number;
  to:
    | { kind: "function"; index: number }
    | { kind: "data"; offset: number }
    | { kind: "rodata"; offset: number };
}

/** A program that can be started: its function, and the section name that names its hook. */
export interface Entry {
  name: string;
  hook: string;
  func: number;
}

export interface Program {
  /** File name, for messages. */
  name: string;
  /** Every function that an entry can reach, entries first. */
  functions: Func[];
  entries: Entry[];
  rodata: Uint8Array;
  /** Alignment that the read-only block needs, a power of two. */
  rodataAlign: number;
  /** Initial contents of the writable block; bytes from data.length to dataSize are zero. */
  data: Uint8Array;
  dataSize: number;
  pointers: DataPointer[];
  maps: MapDefinition[];
  /** Named variables; block "code" stands for the read-only block here, offsets are in that. */
  symbols: DataSymbol[];
  license: string;
  /** The object's types as they stand in it. */
  btf: Uint8Array | undefined;
}
