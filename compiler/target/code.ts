/** Machine code of one function before linking: bytes, what they still lack, and where they came from. */

export interface FunctionCode {
  bytes: Uint8Array;
  /** The code starts at a multiple of this, a power of two. */
  alignment: number;
  /** 32-bit PC-relative fields (from their own end) to fill in: of a function, or of a byte of the read-only data. */
  fixups: { at: number; kind: "function" | "rodata"; target: number }[];
  /** BPF instruction by code offset, ascending. */
  lines: { offset: number; insn: number }[];
  /** Bytes of native stack that a call takes, its return address included, and what it calls. */
  stack: number;
}
