/**
 * x86-64 machine code of the native engine: entry, unwinding, signal handler, thunks and memory routines.
 * System V calling convention; register offsets of the signal frame are those of Linux's struct ucontext.
 */

import { NO_INDEX, X64, X64Assembler, x64 } from "../../formats/isa/x64.ts";
import { helperByName } from "../../helpers/table.ts";
import { GUARD, HANDLER_MAGIC, type Stubs, type Support, THREAD, TIMER_SIGNAL } from "./guard-layout.ts";

const { rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15 } = X64;
const SAVED = [rbx, rbp, r12, r13, r14, r15];

/** Offsets in ucontext_t: uc_mcontext.gregs begins at 40. */
const CONTEXT = { r11: 40 + 8 * 3, rsp: 40 + 8 * 15, rip: 40 + 8 * 16, flags: 40 + 8 * 17 } as const;
const SIGINFO_ADDRESS = 16;
/** Direction, trap and alignment-check flags: not to be inherited from the guest. */
const FLAGS_CLEARED = ~0x40500;
const SYSCALL = { gettid: 186, rt_sigaction: 13 } as const;

/** The assembler with labels; forward jumps are short, which these routines fit. */
class Code extends X64Assembler {
  private readonly labels = new Map<string, number>();
  private readonly jumps: { at: number; label: string }[] = [];

  label(name: string): void {
    this.labels.set(name, this.size);
  }

  jump(instruction: string, label: string): void {
    this.op(x64(`${instruction} rel8`));
    this.jumps.push({ at: this.size - 1, label });
  }

  at(name: string): number {
    return this.labels.get(name)!;
  }

  /** reg, [base + disp] */
  memory(syntax: string, reg: number, base: number, disp: number, imm = 0): void {
    this.rm(x64(syntax), reg, base, NO_INDEX, 1, disp, imm);
  }

  registers(syntax: string, reg: number, rm: number, imm = 0): void {
    this.rr(x64(syntax), reg, rm, imm);
  }

  plain(...syntaxes: string[]): void {
    for (const syntax of syntaxes) this.op(x64(syntax));
  }

  /** mov reg, value; value is an address below 2^53. */
  constant(reg: number, value: number): void {
    this.r(x64("mov r64, imm64"), reg, value | 0, Math.floor(value / 2 ** 32));
  }

  link(): Uint8Array {
    for (const { at, label } of this.jumps) this.patch8(at, this.at(label) - (at + 1));
    return this.finish();
  }
}

/** Runs the function in rax with got in r9; guest state is gone when it returns, whichever way that is. */
function enter(c: Code, thread: number): void {
  c.label("enter");
  for (const r of SAVED) c.r(x64("push r64"), r);
  c.constant(r10, thread);
  // Two words: rsp is a multiple of 16 at the call.
  c.memory("push r/m64", 0, r10, THREAD.active);
  c.memory("mov r32, r/m32", rbx, r10, THREAD.inHelper);
  c.r(x64("push r64"), rbx);
  c.r(x64("push r64"), rbx);
  c.memory("mov r/m32, imm32", 0, r10, THREAD.inHelper, 0);
  c.memory("mov r/m64, r64", rsp, r10, THREAD.active);
  c.registers("call r/m64", 0, rax);
  c.label("leave");
  c.constant(r10, thread);
  c.r(x64("pop r64"), rbx);
  c.r(x64("pop r64"), rbx);
  c.memory("mov r/m32, r32", rbx, r10, THREAD.inHelper);
  c.memory("pop r/m64", 0, r10, THREAD.active);
  for (const r of [...SAVED].reverse()) c.r(x64("pop r64"), r);
  c.plain("ret");
  c.label("unwind");
  c.constant(r10, thread);
  c.memory("mov r64, r/m64", rsp, r10, THREAD.active);
  c.jump("jmp", "leave");
}

/** sigaction handler: edi = signal, rsi = siginfo, rdx = ucontext. */
function handler(c: Code, guard: number): void {
  const magic = new Uint8Array(new BigUint64Array([HANDLER_MAGIC, BigInt(guard)]).buffer);
  for (const byte of magic) c.bytes[c.size++] = byte;
  c.label("handler");
  c.constant(r8, guard);
  c.r(x64("mov r32, imm32"), rax, SYSCALL.gettid);
  c.plain("syscall");
  c.memory("mov r64, r/m64", r9, r8, GUARD.head);
  c.label("search");
  c.registers("test r/m64, r64", r9, r9);
  c.jump("je", "chain");
  c.memory("cmp r/m32, r32", rax, r9, THREAD.tid);
  c.jump("je", "found");
  c.memory("mov r64, r/m64", r9, r9, THREAD.next);
  c.jump("jmp", "search");
  c.label("found");
  c.memory("cmp r/m64, imm8", 0, r9, THREAD.active, 0);
  c.jump("je", "chain");
  c.memory("cmp r/m32, imm8", 0, r9, THREAD.inHelper, 0);
  c.jump("jne", "chain");
  c.memory("mov r64, r/m64", rax, rdx, CONTEXT.rip);
  c.registers("cmp r/m32, imm8", 0, rdi, TIMER_SIGNAL);
  c.jump("jne", "recover");
  c.memory("cmp r64, r/m64", rax, r9, THREAD.low);
  c.jump("jb", "chain");
  c.memory("cmp r64, r/m64", rax, r9, THREAD.high);
  c.jump("jae", "chain");
  c.label("recover");
  c.memory("mov r/m32, r32", rdi, r9, THREAD.status);
  c.memory("mov r/m64, r64", rax, r9, THREAD.pc);
  c.memory("mov r64, r/m64", rcx, rdx, CONTEXT.r11);
  c.memory("mov r/m64, r64", rcx, r9, THREAD.caller);
  c.memory("mov r64, r/m64", rcx, rsi, SIGINFO_ADDRESS);
  c.memory("mov r/m64, r64", rcx, r9, THREAD.address);
  c.memory("mov r64, r/m64", rcx, rdx, CONTEXT.rsp);
  c.memory("mov r/m64, r64", rcx, r9, THREAD.stack);
  c.memory("mov r64, r/m64", rcx, r9, THREAD.active);
  c.memory("mov r/m64, r64", rcx, rdx, CONTEXT.rsp);
  c.memory("mov r64, r/m64", rcx, r9, THREAD.leave);
  c.memory("mov r/m64, r64", rcx, rdx, CONTEXT.rip);
  c.memory("and r/m32, imm32", 0, rdx, CONTEXT.flags, FLAGS_CLEARED);
  c.label("return");
  c.plain("ret");
  c.label("chain");
  c.registers("cmp r/m32, imm8", 0, rdi, TIMER_SIGNAL);
  c.jump("je", "return");
  c.registers("movsxd r64, r/m32", rax, rdi);
  c.rm(x64("mov r64, r/m64"), rax, r8, rax, 8, GUARD.previous);
  c.registers("cmp r/m64, imm8", 0, rax, 1);
  c.jump("je", "return");
  c.registers("test r/m64, r64", rax, rax);
  c.jump("je", "default");
  c.registers("jmp r/m64", 0, rax);
  c.label("default");
  c.memory("lea r64, m", rsi, r8, GUARD.defaultAction);
  c.registers("xor r/m32, r32", rdx, rdx);
  c.r(x64("mov r32, imm32"), r10, 8);
  c.r(x64("mov r32, imm32"), rax, SYSCALL.rt_sigaction);
  c.plain("syscall", "ret");
}

/** pushThread(guard, thread): puts a context in front of the list, atomically. */
function pushThread(c: Code): void {
  c.label("pushThread");
  c.memory("mov r64, r/m64", rax, rdi, GUARD.head);
  c.label("again");
  c.memory("mov r/m64, r64", rax, rsi, THREAD.next);
  c.memory("lock cmpxchg r/m64, r64", rsi, rdi, GUARD.head);
  c.jump("jne", "again");
  c.plain("ret");
}

/** C's memory and string functions, and two copies that the host uses to look at guest memory. */
const ROUTINES: Record<string, (c: Code) => void> = {
  memcpy: (c) => {
    c.registers("mov r64, r/m64", rax, rdi);
    c.registers("mov r64, r/m64", rcx, rdx);
    c.plain("rep movsb", "ret");
  },
  memset: (c) => {
    c.registers("mov r64, r/m64", r8, rdi);
    c.registers("mov r32, r/m32", rax, rsi);
    c.registers("mov r64, r/m64", rcx, rdx);
    c.plain("rep stosb");
    c.registers("mov r64, r/m64", rax, r8);
    c.plain("ret");
  },
  memmove: (c) => {
    c.registers("mov r64, r/m64", rax, rdi);
    c.registers("mov r64, r/m64", rcx, rdx);
    c.registers("mov r64, r/m64", r8, rdi);
    c.registers("sub r64, r/m64", r8, rsi);
    c.registers("cmp r64, r/m64", r8, rdx);
    c.jump("jb", "backwards");
    c.plain("rep movsb", "ret");
    c.label("backwards");
    c.rm(x64("lea r64, m"), rsi, rsi, rdx, 1, -1);
    c.rm(x64("lea r64, m"), rdi, rdi, rdx, 1, -1);
    c.plain("std", "rep movsb", "cld", "ret");
  },
  memcmp: (c) => compareBytes(c, "memcmp", true, false),
  strlen: (c) => {
    c.registers("mov r64, r/m64", rax, rdi);
    c.label("strlen.next");
    c.memory("movzx r32, r/m8", rcx, rax, 0);
    c.registers("test r/m32, r32", rcx, rcx);
    c.jump("je", "strlen.end");
    c.registers("inc r/m64", 0, rax);
    c.jump("jmp", "strlen.next");
    c.label("strlen.end");
    c.registers("sub r64, r/m64", rax, rdi);
    c.plain("ret");
  },
  strcmp: (c) => compareBytes(c, "strcmp", false, true),
  strncmp: (c) => compareBytes(c, "strncmp", true, true),
  copy: (c) => {
    c.registers("mov r64, r/m64", rcx, rdx);
    c.plain("rep movsb", "ret");
  },
  // copyString(to, from, max) → bytes before the NUL, or max.
  copyString: (c) => {
    c.registers("xor r/m32, r32", rax, rax);
    c.label("copyString.next");
    c.registers("cmp r64, r/m64", rax, rdx);
    c.jump("je", "copyString.end");
    c.rm(x64("movzx r32, r/m8"), rcx, rsi, rax, 1, 0);
    c.rm(x64("mov r/m8, r8"), rcx, rdi, rax, 1, 0);
    c.registers("test r/m32, r32", rcx, rcx);
    c.jump("je", "copyString.end");
    c.registers("inc r/m64", 0, rax);
    c.jump("jmp", "copyString.next");
    c.label("copyString.end");
    c.plain("ret");
  },
};

/** -1, 0 or 1 for the bytes at rdi and rsi, up to rdx of them if `counted`, up to a NUL if `strings`. */
function compareBytes(c: Code, name: string, counted: boolean, strings: boolean): void {
  c.registers("xor r/m32, r32", r8, r8);
  c.registers("xor r/m32, r32", rax, rax);
  c.label(`${name}.next`);
  if (counted) {
    c.registers("cmp r64, r/m64", r8, rdx);
    c.jump("je", `${name}.end`);
  }
  c.rm(x64("movzx r32, r/m8"), rax, rdi, r8, 1, 0);
  c.rm(x64("movzx r32, r/m8"), rcx, rsi, r8, 1, 0);
  c.registers("sub r32, r/m32", rax, rcx);
  c.jump("jne", `${name}.differ`);
  if (strings) {
    c.registers("test r/m32, r32", rcx, rcx);
    c.jump("je", `${name}.end`);
  }
  c.registers("inc r/m64", 0, r8);
  c.jump("jmp", `${name}.next`);
  c.label(`${name}.differ`);
  c.registers("sar r/m32, imm8", 0, rax, 31);
  c.registers("or r/m32, imm8", 0, rax, 1);
  c.label(`${name}.end`);
  c.registers("movsxd r64, r/m32", rax, rax);
  c.plain("ret");
}

/** Those that programs import as helpers. */
const HELPERS = ["memcpy", "memset", "memmove", "memcmp", "strlen", "strcmp", "strncmp"];

export const x64Stubs: Stubs = {
  support(thread, guard): Support {
    const c = new Code();
    enter(c, thread);
    handler(c, guard);
    pushThread(c);
    for (const [name, make] of Object.entries(ROUTINES)) {
      c.label(name);
      // For the report of a fault: where the guest called the routine.
      c.memory("mov r64, r/m64", r11, rsp, 0);
      make(c);
    }
    return {
      code: c.link(),
      enter: c.at("enter"),
      unwind: c.at("unwind"),
      handler: c.at("handler"),
      pushThread: c.at("pushThread"),
      leave: c.at("leave"),
      routines: new Map(HELPERS.map((name) => [helperByName(name)!, c.at(name)])),
      copy: c.at("copy"),
      copyString: c.at("copyString"),
      flush: -1,
    };
  },

  entryOffsets: [0, 2, 4, 6, 8, 11],

  entryThunk(enterAt, at, entry, got) {
    const c = new Code();
    for (const r of [rdi, rsi, rdx, rcx, r8]) c.registers("xor r/m32, r32", r, r);
    c.constant(r9, got);
    c.constant(rax, entry);
    c.op(x64("jmp rel32"), enterAt - (at + c.size + 5));
    return c.finish();
  },

  helperThunk(unwindAt, at, thread, callback) {
    const c = new Code();
    c.constant(r10, thread);
    c.memory("mov r/m32, imm32", 0, r10, THREAD.inHelper, 1);
    c.constant(rax, callback);
    c.r(x64("push r64"), r10);
    c.registers("call r/m64", 0, rax);
    c.r(x64("pop r64"), r10);
    c.memory("mov r/m32, imm32", 0, r10, THREAD.inHelper, 0);
    c.memory("cmp r/m32, imm8", 0, r10, THREAD.thrown, 0);
    c.op(x64("jne rel32"), unwindAt - (at + c.size + 6));
    c.plain("ret");
    return c.finish();
  },
};
