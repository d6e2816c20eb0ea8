/** What a bare and an spf file hold, in memory: the writers take it and the readers return it. */

/** Architecture ids of both containers. Bytecode is eBPF itself, run by the interpreter. */
export const ARCHES = { bytecode: 0, x64: 1, arm64: 2, riscv64: 3, "armv7-m": 4, "armv6-m": 5 } as const;
export type Arch = keyof typeof ARCHES;

/** Context kinds: what r1 … r5 are at the entry. An embedder's own kinds are numbered from 128. */
export const CONTEXTS = { args: 0, mem: 1, cmd: 2, xdp: 3, skb: 4 } as const;
export type ContextName = keyof typeof CONTEXTS;

/** Linux's enum bpf_map_type: what the type of a map definition means. */
export const MAP_TYPE = {
  hash: 1,
  array: 2,
  prog_array: 3,
  perf_event_array: 4,
  percpu_hash: 5,
  percpu_array: 6,
  stack_trace: 7,
  cgroup_array: 8,
  lru_hash: 9,
  lru_percpu_hash: 10,
  lpm_trie: 11,
  array_of_maps: 12,
  hash_of_maps: 13,
  devmap: 14,
  sockmap: 15,
  cpumap: 16,
  xskmap: 17,
  sockhash: 18,
  cgroup_storage: 19,
  reuseport_sockarray: 20,
  percpu_cgroup_storage: 21,
  queue: 22,
  stack: 23,
  sk_storage: 24,
  devmap_hash: 25,
  struct_ops: 26,
  ringbuf: 27,
  inode_storage: 28,
  task_storage: 29,
  bloom_filter: 30,
  user_ringbuf: 31,
} as const;

/**
 * What compiled code reads of a map: offsets of words from the address in the map's slot. `values` is the address of
 * element 0 of an array (of this thread's, where each has its own), whose elements lie `stride` bytes apart. The others
 * are addresses of functions and of the table of a prog array's entries; the word in front of that table counts the
 * tail calls that are under way.
 */
export const MAP_HANDLE = { values: 0, lookup: 8, update: 16, remove: 24, targets: 48 } as const;

/** Distance of an array's elements for values of so many bytes. */
export const arrayStride = (valueSize: number): number => Math.ceil(valueSize / 8) * 8;

/** Tail calls that may be under way at once (Linux's MAX_TAIL_CALL_CNT). */
export const MAX_TAIL_CALLS = 33;

/** Types whose values a program may read and not write. */
export const READ_ONLY_MAPS: readonly number[] = [MAP_TYPE.devmap, MAP_TYPE.devmap_hash, MAP_TYPE.xskmap];

/** What verification assumed and the loader enforces. */
export interface Contract {
  verified: boolean;
  /** Every loop has a proven bound. */
  bounded: boolean;
  /** A number of CONTEXTS, or an embedder's (128 … 255). */
  context: number;
  /** Bytes that r1 must at least point to, 0 … 65535. */
  memory: number;
  /** Bytes of native stack that the deepest call chain takes, a multiple of 16; 0 = no bound is known. */
  stack: number;
}

/**
 * One slot of the import table (got), in the order of the container.
 * `hash` is the 10-bit hash of the prototype that the code was compiled against, 0 = no claim.
 */
export type Import =
  | { kind: "helper"; id: number; hash: number }
  | { kind: "named"; name: string; hash: number } // spf only: a helper by its name
  | { kind: "data" } // the instance's writable block: .data and .bss
  | { kind: "map"; index: number } // spf only
  | { kind: "function"; offset: number }; // a function of this container, by its offset in the code

/** A pointer inside the initial data: the 8-byte word at `at` holds an offset from the start of `block`. */
export interface Relocation {
  at: number;
  block: "code" | "data";
}

/** One program: its offset in the code, its name and the section it came from, and its contract. */
export interface ProgramEntry {
  name: string;
  hook: string;
  offset: number;
  contract: Contract;
}

/** A map as its definition says. `type`, sizes and flags have Linux's meaning (enum bpf_map_type). */
export interface MapDefinition {
  name: string;
  type: number;
  keySize: number;
  valueSize: number;
  maxEntries: number;
  flags: number;
  /** Inner map for map-in-map types: an index into the same list, or -1. */
  inner: number;
  /** Initial entries of prog arrays and maps of maps: index → function (program entry) or map. */
  initial: { index: number; kind: "map" | "program"; target: number }[];
}

/** A name for a piece of writable or read-only data, for hosts that show globals. */
export interface DataSymbol {
  name: string;
  /** Where it is: writable data, or the read-only data behind the code. */
  block: "code" | "data";
  /** Offset in the block. */
  offset: number;
  size: number;
}

/** Where code came from; optional in spf (`convert -g`), and handed on in memory by `run elf`. */
export interface DebugInfo {
  /** Sorted by start; [start, end) are code offsets. */
  functions: { name: string; start: number; end: number }[];
  files: string[];
  /** Sorted by offset; a row holds until the next one. `file` indexes `files`; line 0 = unknown. */
  lines: { offset: number; file: number; line: number }[];
}

export interface Container {
  format: "bare" | "spf";
  arch: Arch;
  /** Machine code and, behind it, the read-only data that it reaches PC-relative. */
  code: Uint8Array;
  imports: Import[];
  /** Initial contents of the data block; the rest up to `dataSize` is zero. */
  data: Uint8Array;
  dataSize: number;
  relocations: Relocation[];
  /** bare: exactly one, at code offset 0, without a name. */
  programs: ProgramEntry[];
  maps: MapDefinition[];
  symbols: DataSymbol[];
  debug?: DebugInfo;
  /** BTF of the object that it was made from: types for hosts that show data. Optional in spf (`convert -g`). */
  btf?: Uint8Array;
}
