/**
 * AArch64 machine code of the native engine: entry, unwinding, signal handler, thunks and memory routines. AAPCS64;
 * offsets in the signal frame are those of Linux's struct ucontext for arm64.
 */

import { ARM_CC, Arm64Assembler, arm64, SP, ZR } from "../../formats/isa/arm64.ts";
import { helperByName } from "../../helpers/table.ts";
import { GUARD, HANDLER_MAGIC, type Stubs, type Support, THREAD, TIMER_SIGNAL } from "./guard-layout.ts";

/** uc_mcontext begins at 176: the fault's address, x0 … x30, sp, pc, pstate. */
const CONTEXT = { x30: 184 + 8 * 30, sp: 184 + 8 * 31, pc: 184 + 8 * 32 } as const;
const SIGINFO_ADDRESS = 16;
const SYSCALL = { gettid: 178, rt_sigaction: 134 } as const;
const LINK = 30;
/** Callee-saved registers in pairs, from sp + 16 up; behind them two words of the context. */
const PAIRS = [19, 21, 23, 25, 27];
const FRAME = 112;

const R = {
  ldrX: arm64("ldr X<d>, [X<n>~, #i*8]"),
  strX: arm64("str X<d>, [X<n>~, #i*8]"),
  ldrW: arm64("ldr W<d>, [X<n>~, #i*4]"),
  strW: arm64("str W<d>, [X<n>~, #i*4]"),
  ldrXIndexed: arm64("ldr X<d>, [X<n>~, X<m>, lsl #j*3]"),
  strXIndexed: arm64("str X<d>, [X<n>~, X<m>, lsl #j*3]"),
  ldrb: arm64("ldrb W<d>, [X<n>~, X<m>]"),
  strb: arm64("strb W<d>, [X<n>~, X<m>]"),
  stpPre: arm64("stp X<d>, X<a>, [X<n>~, #+i*8]!"),
  ldpPost: arm64("ldp X<d>, X<a>, [X<n>~], #+i*8"),
  stp: arm64("stp X<d>, X<a>, [X<n>~, #+i*8]"),
  ldp: arm64("ldp X<d>, X<a>, [X<n>~, #+i*8]"),
  addImm: arm64("add X<d>~, X<n>~, #i"),
  subImm: arm64("sub X<d>~, X<n>~, #i"),
  add: arm64("add X<d>, X<n>, X<m>, lsl #j"),
  sub: arm64("sub X<d>, X<n>, X<m>, lsl #j"),
  subW: arm64("sub W<d>, W<n>, W<m>, lsl #j"),
  and: arm64("and X<d>, X<n>, X<m>, lsl #j"),
  orr: arm64("orr X<d>, X<n>, X<m>, lsl #j"),
  mul: arm64("madd X<d>, X<n>, X<m>, X<a>"),
  mov: arm64("mov X<d>, X<m>"),
  movW: arm64("mov W<d>, W<m>"),
  cmp: arm64("cmp X<n>, X<m>"),
  cmpW: arm64("cmp W<n>, W<m>"),
  cmpImm: arm64("cmp X<n>~, #i"),
  cmpImmW: arm64("cmp W<n>~, #i"),
  csel: arm64("csel X<d>, X<n>, X<m>, cond j"),
  movz: arm64("movz X<d>, #i, lsl #j*16"),
  movn: arm64("movn X<d>, #i, lsl #j*16"),
  movk: arm64("movk X<d>, #i, lsl #j*16"),
  b: arm64("b #branch"),
  bcond: arm64("b.cond j #branch"),
  cbzX: arm64("cbz X<d>, #branch"),
  cbzW: arm64("cbz W<d>, #branch"),
  cbnzW: arm64("cbnz W<d>, #branch"),
  br: arm64("br X<n>"),
  blr: arm64("blr X<n>"),
  ret: arm64("ret X<n>"),
  svc: arm64("svc #i"),
  ldaxr: arm64("ldaxr X<d>, [X<n>~]"),
  stlxr: arm64("stlxr W<m>, X<d>, [X<n>~]"),
  dcCvau: arm64("dc cvau, X<d>"),
  icIvau: arm64("ic ivau, X<d>"),
  dsb: arm64("dsb ish"),
  isb: arm64("isb"),
};

type Row = (typeof R)[keyof typeof R];

/** The assembler with labels. */
class Code extends Arm64Assembler {
  private readonly labels = new Map<string, number>();
  private readonly jumps: { at: number; label: string; emit: (distance: number) => void }[] = [];

  label(name: string): void {
    this.labels.set(name, this.size);
  }

  at(name: string): number {
    return this.labels.get(name)!;
  }

  /** A branch row; `register` or `condition` as the row wants. */
  jump(row: Row, label: string, register = 0, condition = 0): void {
    const { count } = this;
    this.emit(row);
    this.jumps.push({
      at: this.size - 4,
      label,
      emit: (distance) => {
        const end = this.count;
        this.count = count;
        this.emit(row, register, 0, 0, distance / 4, condition);
        this.count = end;
      },
    });
  }

  when(condition: number, label: string): void {
    this.jump(R.bcond, label, 0, condition);
  }

  load(to: number, base: number, offset: number): void {
    this.emit(R.ldrX, to, base, 0, offset / 8);
  }

  store(from: number, base: number, offset: number): void {
    this.emit(R.strX, from, base, 0, offset / 8);
  }

  /** An address below 2^48, in three instructions. */
  constant(to: number, value: number): void {
    this.emit(R.movz, to, 0, 0, value % 65536, 0);
    this.emit(R.movk, to, 0, 0, Math.floor(value / 2 ** 16) % 65536, 1);
    this.emit(R.movk, to, 0, 0, Math.floor(value / 2 ** 32) % 65536, 2);
  }

  link(): Uint8Array {
    for (const { at, label, emit } of this.jumps) emit(this.at(label) - at);
    return this.finish();
  }
}

/** Runs the function in x16 with got in x5; guest state is gone when it returns, whichever way that is. */
function enter(c: Code, thread: number): void {
  c.label("enter");
  c.emit(R.stpPre, 29, SP, 0, -FRAME / 8, 0, LINK);
  for (const [k, r] of PAIRS.entries()) c.emit(R.stp, r, SP, 0, 2 + 2 * k, 0, r + 1);
  c.constant(17, thread);
  c.load(19, 17, THREAD.active);
  c.emit(R.ldrW, 20, 17, 0, THREAD.inHelper / 4);
  c.emit(R.stp, 19, SP, 0, 12, 0, 20);
  c.emit(R.strW, ZR, 17, 0, THREAD.inHelper / 4);
  c.emit(R.addImm, 19, SP);
  c.store(19, 17, THREAD.active);
  c.emit(R.blr, 0, 16);
  c.label("leave");
  c.constant(17, thread);
  c.emit(R.ldp, 19, SP, 0, 12, 0, 20);
  c.emit(R.strW, 20, 17, 0, THREAD.inHelper / 4);
  c.store(19, 17, THREAD.active);
  for (const [k, r] of PAIRS.entries()) c.emit(R.ldp, r, SP, 0, 2 + 2 * k, 0, r + 1);
  c.emit(R.ldpPost, 29, SP, 0, FRAME / 8, 0, LINK);
  c.emit(R.ret, 0, LINK);
  c.label("unwind");
  c.constant(17, thread);
  c.load(16, 17, THREAD.active);
  c.emit(R.addImm, SP, 16);
  c.jump(R.b, "leave");
}

/** sigaction handler: x0 = signal, x1 = siginfo, x2 = ucontext. */
function handler(c: Code, guard: number): void {
  const head = new Uint32Array(new BigUint64Array([HANDLER_MAGIC, BigInt(guard)]).buffer);
  // Reached by address alone: what stands in front of it is data.
  for (const word of head) c.words[c.count++] = word;
  c.label("handler");
  c.constant(9, guard);
  c.emit(R.mov, 10, 0, 0);
  c.emit(R.movz, 8, 0, 0, SYSCALL.gettid);
  c.emit(R.svc);
  c.emit(R.movW, 11, 0, 0);
  c.emit(R.mov, 0, 0, 10);
  c.load(12, 9, GUARD.head);
  c.label("search");
  c.jump(R.cbzX, "chain", 12);
  c.emit(R.ldrW, 13, 12, 0, THREAD.tid / 4);
  c.emit(R.cmpW, 0, 13, 11);
  c.when(ARM_CC.eq, "found");
  c.load(12, 12, THREAD.next);
  c.jump(R.b, "search");
  c.label("found");
  c.load(13, 12, THREAD.active);
  c.jump(R.cbzX, "chain", 13);
  c.emit(R.ldrW, 14, 12, 0, THREAD.inHelper / 4);
  c.jump(R.cbnzW, "chain", 14);
  c.load(14, 2, CONTEXT.pc);
  c.emit(R.cmpImmW, 0, 0, 0, TIMER_SIGNAL);
  c.when(ARM_CC.ne, "recover");
  c.load(15, 12, THREAD.low);
  c.emit(R.cmp, 0, 14, 15);
  c.when(ARM_CC.lo, "chain");
  c.load(15, 12, THREAD.high);
  c.emit(R.cmp, 0, 14, 15);
  c.when(ARM_CC.hs, "chain");
  c.label("recover");
  c.emit(R.strW, 0, 12, 0, THREAD.status / 4);
  c.store(14, 12, THREAD.pc);
  const copy = (from: number, base: number, to: number) => {
    c.load(15, base, from);
    c.store(15, 12, to);
  };
  copy(CONTEXT.x30, 2, THREAD.caller);
  copy(SIGINFO_ADDRESS, 1, THREAD.address);
  copy(CONTEXT.sp, 2, THREAD.stack);
  c.store(13, 2, CONTEXT.sp);
  c.load(15, 12, THREAD.leave);
  c.store(15, 2, CONTEXT.pc);
  c.label("return");
  c.emit(R.ret, 0, LINK);
  c.label("chain");
  c.emit(R.cmpImmW, 0, 0, 0, TIMER_SIGNAL);
  c.when(ARM_CC.eq, "return");
  c.emit(R.addImm, 15, 9, 0, GUARD.previous);
  c.emit(R.ldrXIndexed, 15, 15, 0, 0, 1);
  c.emit(R.cmpImm, 0, 15, 0, 1);
  c.when(ARM_CC.eq, "return");
  c.jump(R.cbzX, "default", 15);
  c.emit(R.br, 0, 15);
  c.label("default");
  c.emit(R.addImm, 1, 9, 0, GUARD.defaultAction);
  c.emit(R.movz, 2);
  c.emit(R.movz, 3, 0, 0, 8);
  c.emit(R.movz, 8, 0, 0, SYSCALL.rt_sigaction);
  c.emit(R.svc);
  c.emit(R.ret, 0, LINK);
}

/** pushThread(guard, thread): puts a context in front of the list, atomically. */
function pushThread(c: Code): void {
  c.label("pushThread");
  c.load(2, 0, GUARD.head);
  c.store(2, 1, THREAD.next);
  c.emit(R.ldaxr, 4, 0);
  c.emit(R.cmp, 0, 4, 2);
  c.when(ARM_CC.ne, "pushThread");
  c.emit(R.stlxr, 1, 0, 3);
  c.jump(R.cbnzW, "pushThread", 3);
  c.emit(R.ret, 0, LINK);
}

/** flush(address, size): cleans and invalidates in steps of the least line there can be, 16 bytes. */
function flush(c: Code): void {
  c.label("flush");
  c.emit(R.add, 1, 0, 1);
  for (const [name, row] of [
    ["data", R.dcCvau],
    ["code", R.icIvau],
  ] as const) {
    c.emit(R.mov, 2, 0, 0);
    c.label(`flush.${name}`);
    c.emit(R.cmp, 0, 2, 1);
    c.when(ARM_CC.hs, `flush.${name}.end`);
    c.emit(row, 2);
    c.emit(R.addImm, 2, 2, 0, 16);
    c.jump(R.b, `flush.${name}`);
    c.label(`flush.${name}.end`);
    c.emit(R.dsb);
  }
  c.emit(R.isb);
  c.emit(R.ret, 0, LINK);
}

/** Copies x2 bytes from x1 to x0 upwards, eight at a time; leaves x0 alone. */
function copyUp(c: Code, name: string): void {
  c.emit(R.movz, 5);
  c.label(`${name}.words`);
  c.emit(R.sub, 6, 2, 5);
  c.emit(R.cmpImm, 0, 6, 0, 8);
  c.when(ARM_CC.lo, `${name}.bytes`);
  c.emit(R.ldrXIndexed, 4, 1, 5);
  c.emit(R.strXIndexed, 4, 0, 5);
  c.emit(R.addImm, 5, 5, 0, 8);
  c.jump(R.b, `${name}.words`);
  c.label(`${name}.bytes`);
  c.emit(R.cmp, 0, 5, 2);
  c.when(ARM_CC.eq, `${name}.end`);
  c.emit(R.ldrb, 4, 1, 5);
  c.emit(R.strb, 4, 0, 5);
  c.emit(R.addImm, 5, 5, 0, 1);
  c.jump(R.b, `${name}.bytes`);
  c.label(`${name}.end`);
  c.emit(R.ret, 0, LINK);
}

/** -1, 0 or 1 for the bytes at x0 and x1, up to x2 of them if `counted`, up to a NUL if `strings`. */
function compareBytes(c: Code, name: string, counted: boolean, strings: boolean): void {
  c.emit(R.movz, 5);
  c.label(`${name}.next`);
  if (counted) {
    c.emit(R.cmp, 0, 5, 2);
    c.when(ARM_CC.eq, `${name}.same`);
  }
  c.emit(R.ldrb, 3, 0, 5);
  c.emit(R.ldrb, 4, 1, 5);
  c.emit(R.cmpW, 0, 3, 4);
  c.when(ARM_CC.ne, `${name}.differ`);
  if (strings) c.jump(R.cbzW, `${name}.same`, 3);
  c.emit(R.addImm, 5, 5, 0, 1);
  c.jump(R.b, `${name}.next`);
  c.label(`${name}.differ`);
  c.emit(R.movz, 0, 0, 0, 1);
  c.emit(R.movn, 1);
  c.emit(R.csel, 0, 0, 1, 0, ARM_CC.hi);
  c.emit(R.ret, 0, LINK);
  c.label(`${name}.same`);
  c.emit(R.movz, 0);
  c.emit(R.ret, 0, LINK);
}

/** C's memory and string functions, and two copies that the host uses to look at guest memory. */
const ROUTINES: Record<string, (c: Code) => void> = {
  memcpy: (c) => copyUp(c, "memcpy"),
  memset: (c) => {
    c.emit(R.movz, 3, 0, 0, 255);
    c.emit(R.and, 1, 1, 3);
    c.emit(R.movz, 5);
    c.label("memset.next");
    c.emit(R.cmp, 0, 5, 2);
    c.when(ARM_CC.eq, "memset.end");
    c.emit(R.strb, 1, 0, 5);
    c.emit(R.addImm, 5, 5, 0, 1);
    c.jump(R.b, "memset.next");
    c.label("memset.end");
    c.emit(R.ret, 0, LINK);
  },
  memmove: (c) => {
    c.emit(R.sub, 3, 0, 1);
    c.emit(R.cmp, 0, 3, 2);
    c.when(ARM_CC.lo, "memmove.down");
    copyUp(c, "memmove");
    c.label("memmove.down");
    c.jump(R.cbzX, "memmove.end", 2);
    c.emit(R.subImm, 2, 2, 0, 1);
    c.emit(R.ldrb, 4, 1, 2);
    c.emit(R.strb, 4, 0, 2);
    c.jump(R.b, "memmove.down");
  },
  memcmp: (c) => compareBytes(c, "memcmp", true, false),
  strlen: (c) => {
    c.emit(R.movz, 5);
    c.label("strlen.next");
    c.emit(R.ldrb, 3, 0, 5);
    c.jump(R.cbzW, "strlen.end", 3);
    c.emit(R.addImm, 5, 5, 0, 1);
    c.jump(R.b, "strlen.next");
    c.label("strlen.end");
    c.emit(R.mov, 0, 0, 5);
    c.emit(R.ret, 0, LINK);
  },
  strcmp: (c) => compareBytes(c, "strcmp", false, true),
  strncmp: (c) => compareBytes(c, "strncmp", true, true),
  copy: (c) => copyUp(c, "copy"),
  // copyString(to, from, max) → bytes before the NUL, or max.
  copyString: (c) => {
    c.emit(R.movz, 5);
    c.label("copyString.next");
    c.emit(R.cmp, 0, 5, 2);
    c.when(ARM_CC.eq, "copyString.end");
    c.emit(R.ldrb, 3, 1, 5);
    c.emit(R.strb, 3, 0, 5);
    c.jump(R.cbzW, "copyString.end", 3);
    c.emit(R.addImm, 5, 5, 0, 1);
    c.jump(R.b, "copyString.next");
    c.label("copyString.end");
    c.emit(R.mov, 0, 0, 5);
    c.emit(R.ret, 0, LINK);
  },
};

/** Those that programs import as helpers. */
const HELPERS = ["memcpy", "memset", "memmove", "memcmp", "strlen", "strcmp", "strncmp"];

export const arm64Stubs: Stubs = {
  support(thread, guard): Support {
    const c = new Code();
    enter(c, thread);
    // The two words in front of the handler start at a multiple of 8.
    if (c.size % 8 !== 0) c.emit(R.isb);
    handler(c, guard);
    pushThread(c);
    flush(c);
    for (const [name, make] of Object.entries(ROUTINES)) {
      c.label(name);
      make(c);
    }
    return {
      code: c.link(),
      enter: c.at("enter"),
      leave: c.at("leave"),
      unwind: c.at("unwind"),
      handler: c.at("handler"),
      pushThread: c.at("pushThread"),
      routines: new Map(HELPERS.map((name) => [helperByName(name)!, c.at(name)])),
      copy: c.at("copy"),
      copyString: c.at("copyString"),
      flush: c.at("flush"),
    };
  },

  entryOffsets: [0, 4, 8, 12, 16, 20],

  entryThunk(enterAt, _, entry, got) {
    const c = new Code();
    for (let r = 0; r < 5; r++) c.emit(R.movz, r);
    c.constant(5, got);
    c.constant(16, entry);
    c.constant(17, enterAt);
    c.emit(R.br, 0, 17);
    return c.finish();
  },

  helperThunk(unwindAt, _, thread, callback) {
    const c = new Code();
    c.emit(R.stpPre, 29, SP, 0, -2, 0, LINK);
    c.constant(17, thread);
    c.emit(R.movz, 16, 0, 0, 1);
    c.emit(R.strW, 16, 17, 0, THREAD.inHelper / 4);
    c.constant(16, callback);
    c.emit(R.blr, 0, 16);
    c.constant(17, thread);
    c.emit(R.strW, ZR, 17, 0, THREAD.inHelper / 4);
    c.emit(R.ldrW, 16, 17, 0, THREAD.thrown / 4);
    c.emit(R.ldpPost, 29, SP, 0, 2, 0, LINK);
    c.jump(R.cbnzW, "thrown", 16);
    c.emit(R.ret, 0, LINK);
    c.label("thrown");
    c.constant(17, unwindAt);
    c.emit(R.br, 0, 17);
    return c.link();
  },
};
