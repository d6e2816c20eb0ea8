/** Machine code of one function before linking: bytes, what they still lack, and where they came from. */

export interface FunctionCode {
  bytes: Uint8Array;
  /** Bytes of instructions, the first of them; jump tables follow. */
  size: number;
  /** The code starts at a multiple of this, a power of two. */
  alignment: number;
  /** PC-relative fields to fill in: of a function, a byte of the read-only data, or a byte of these bytes. */
  fixups: { at: number; kind: "function" | "rodata" | "table"; target: number }[];
  /** BPF instruction by code offset, ascending. */
  lines: { offset: number; insn: number }[];
  /** Bytes of native stack that a call takes, its return address included, and what it calls. */
  stack: number;
}
