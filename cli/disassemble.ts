/** One instruction of machine code at a time, as text with what it refers to: a record for each architecture. */

import type { Arch } from "../formats/container.ts";
import { decode, print, SLOT, targetSlot } from "../formats/isa/bpf.ts";

export interface Line {
  at: number;
  bytes: Uint8Array;
  text: string;
  /** Where a direct jump or call leads; the code offset of an address that is loaded. */
  target?: number;
  kind: "plain" | "jump" | "call" | "address";
  /** Slot of the import table that is called. */
  slot?: number;
  /** Id of the helper that is called without a slot. */
  helper?: number;
  /** Nothing runs on behind it. */
  ends: boolean;
  /** Part of a jump by table: the greatest index, the load of an entry of so many bytes, the jump itself. */
  most?: number;
  entryBytes?: number;
  isIndirect: boolean;
}

/** The instruction at `at`, or undefined when the bytes are none. */
export type Disassembler = (code: Uint8Array, at: number) => Line | undefined;

export interface Processor {
  /** Bytes of a usual instruction: room for them in a listing. */
  bytes: number;
  /** Entries of jump tables count so many bytes. */
  unit: number;
  open(): Promise<Disassembler>;
}

/** How the text that capstone writes for a processor tells what an instruction does. */
interface Patterns {
  arch: "CS_ARCH_X86" | "CS_ARCH_ARM64";
  mode: "CS_MODE_64" | "CS_MODE_ARM";
  jump: RegExp;
  call: RegExp;
  ends: RegExp;
  /** Group 1: the offset of an import's slot. A helper is called with got in its register (DESIGN, ABI version 1). */
  slot: RegExp;
  /** Group 1: a number with which a register is compared. */
  bound: RegExp;
  /** Loads of an entry of 2 and of 4 bytes of a jump table; the jump to a register. */
  entries: Readonly<Record<2 | 4, RegExp>>;
  indirect: RegExp;
  /** Group 1: an address, from the start or from the next instruction. */
  address: RegExp;
  relative: boolean;
}

const LONGEST = 16;
const number = (text: string | undefined): number => Number(text ?? 0);

async function openCapstone(patterns: Patterns): Promise<Disassembler> {
  const { Capstone, Const, loadCapstone } = await import("capstone-wasm");
  await loadCapstone();
  const capstone = new Capstone(Const[patterns.arch], Const[patterns.mode]);
  return (code, at) => {
    try {
      const [insn] = capstone.disasm(code.subarray(at, at + LONGEST), { address: at, count: 1 });
      return insn && describe(patterns, at, insn.bytes, `${insn.mnemonic} ${insn.opStr}`.trimEnd());
    } catch {
      return undefined; // not an instruction: the listing shows the bytes
    }
  };
}

function describe(patterns: Patterns, at: number, bytes: Uint8Array, text: string): Line {
  const { ends, indirect, bound, entries } = patterns;
  const line: Line = {
    at,
    bytes,
    text,
    kind: "plain",
    ends: ends.test(text),
    isIndirect: indirect.test(text),
  };
  const most = bound.exec(text);
  if (most !== null) line.most = number(most[1]);
  for (const size of [2, 4] as const) if (entries[size].test(text)) line.entryBytes = size;
  const slot = patterns.slot.exec(text);
  const address = patterns.address.exec(text);
  const direct = patterns.jump.test(text) ? /(?:^\S+ |, )#?(0x[0-9a-f]+|[0-9]+)$/.exec(text) : null;
  if (slot !== null) line.slot = number(slot[1]) / 8;
  else if (direct !== null) {
    line.kind = patterns.call.test(text) ? "call" : "jump";
    line.target = number(direct[1]);
  } else if (address !== null) {
    line.kind = "address";
    line.target = number(address[1]) + (patterns.relative ? at + bytes.length : 0);
  }
  return line;
}

function openBytecode(): Disassembler {
  return (code, at) => {
    const size = code[at] === 0x18 ? 2 * SLOT : SLOT;
    const bytes = code.subarray(at, at + size);
    try {
      const [insn] = decode(bytes, "code", at);
      const { kind, op } = insn.row;
      const line: Line = {
        at,
        bytes,
        text: print(insn),
        kind: "plain",
        ends: kind === "exit" || op === "ja",
        isIndirect: false,
      };
      const slot = targetSlot({ ...insn, slot: at / SLOT });
      if (slot >= 0) return { ...line, kind: op === "local" ? "call" : "jump", target: slot * SLOT };
      if (op === "helper") return { ...line, helper: insn.imm };
      if (op === "kfunc" || op.startsWith("map_idx")) return { ...line, slot: insn.imm };
      if (op === "var") return { ...line, kind: "address", target: insn.imm };
      // The address of a function: it is called later.
      if (op === "func") return { ...line, kind: "call", target: at + (insn.imm + 1) * SLOT };
      return line;
    } catch {
      return undefined; // not an instruction: the listing shows the bytes
    }
  };
}

export const PROCESSORS: Partial<Record<Arch, Processor>> = {
  bytecode: { bytes: 8, unit: 1, open: async () => openBytecode() },
  x64: {
    bytes: 8,
    unit: 1,
    open: () =>
      openCapstone({
        arch: "CS_ARCH_X86",
        mode: "CS_MODE_64",
        jump: /^(j|call)/,
        call: /^call/,
        ends: /^(ret|jmp|ud2|hlt)/,
        slot: /^(?:call|jmp) qword ptr \[r9(?: \+ (0x[0-9a-f]+|[0-9]+))?\]$/,
        bound: /^cmp [^[]*, (0x[0-9a-f]+|[0-9]+)$/,
        entries: {
          2: /^movsx r\w+, word ptr \[r\w+ \+ r\w+\*2\]$/,
          4: /^movsxd r\w+, dword ptr \[r\w+ \+ r\w+\*4\]$/,
        },
        indirect: /^jmp r\w+$/,
        address: /\[rip \+ (0x[0-9a-f]+|[0-9]+)\]/,
        relative: true,
      }),
  },
  arm64: {
    bytes: 4,
    unit: 4,
    open: () =>
      openCapstone({
        arch: "CS_ARCH_ARM64",
        mode: "CS_MODE_ARM",
        jump: /^(b|bl|b\.\w+|cbn?z|tbn?z) /,
        call: /^bl /,
        ends: /^(ret|b|br|brk|udf)( |$)/,
        slot: /^ldr x16, \[x5(?:, #(0x[0-9a-f]+|[0-9]+))?\]$/,
        bound: /^cmp [wx][0-9]+, #(0x[0-9a-f]+|[0-9]+)$/,
        entries: { 2: /^ldrsh x\w+, \[x\w+, x\w+, lsl #1\]$/, 4: /^ldrsw x\w+, \[x\w+, x\w+, lsl #2\]$/ },
        indirect: /^br x[0-9]+$/,
        address: /^adrp? x[0-9]+, #(0x[0-9a-f]+|[0-9]+)$/,
        relative: false,
      }),
  },
};
