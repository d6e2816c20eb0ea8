/**
 * How much of its 512 bytes of BPF stack a function touches: requires folded addresses. An access at a constant
 * place outside the frame is refused, verified or not: it would overwrite the caller's.
 */

import { InputError } from "../../formats/error.ts";
import { FRAME_SIZE } from "../../formats/isa/bpf.ts";
import { FrameAddresses } from "../ir/frame-addresses.ts";
import type { Fn, Value } from "../ir/ir.ts";
import { bytesOf, isAccess, usesFrame } from "../ir/memory.ts";
import { op } from "../ir/ops.ts";

/**
 * Sets fn.stack. `where(insn)` names an instruction for the message. `used`: what the verifier saw accessed, in bytes;
 * without it, what is handed to others is taken to begin where its address points to.
 */
export function measureFrame(fn: Fn, where: (insn: number) => string, used?: number): void {
  fn.stack = 0;
  if (!usesFrame(fn)) return;
  checkPlaces(fn, where);
  const { low, isExact } = new Lowest(fn);
  const own = Math.abs(low);
  fn.stack = used === undefined ? own : isExact ? Math.min(own, used) : used;
}

function checkPlaces(fn: Fn, where: (insn: number) => string): void {
  for (const { body } of fn.blocks)
    for (const v of body) {
      if (v.args[0]?.op !== op.frame || !isAccess(v)) continue;
      const [from, bytes] = [v.aux, bytesOf(v)];
      if (from >= -FRAME_SIZE && from + bytes <= 0) continue;
      throw new InputError("ERR_RUNBPF_INSN", {
        where: where(v.at),
        expected: `an access within the ${FRAME_SIZE} bytes below r10`,
        got: `${bytes} bytes at r10${from < 0 ? " - " : " + "}${Math.abs(from)}`,
      });
    }
}

/** The lowest byte that is touched, counted from the frame's end. */
class Lowest {
  low = 0;
  /** All accesses through the frame's address are this function's own. */
  isExact = true;
  private readonly addresses: FrameAddresses;

  constructor(fn: Fn) {
    this.addresses = new FrameAddresses(fn);
    for (const { body, control } of fn.blocks) {
      for (const v of body) this.touch(v);
      if (control !== null) this.handOut(control);
    }
  }

  private touch(v: Value): void {
    const [base, ...others] = v.args;
    if (isAccess(v)) {
      const from = this.addresses.lowest(base);
      if (from !== undefined) this.low = Math.max(Math.min(this.low, from + v.aux), -FRAME_SIZE);
      for (const arg of others) this.handOut(arg);
    } else if (v.op === op.kernel) {
      if (v.args.some((arg) => this.addresses.lowest(arg) !== undefined)) this.low = -FRAME_SIZE;
    } else if (!v.op.pure) for (const arg of v.args) this.handOut(arg);
  }

  private handOut(v: Value): void {
    const from = this.addresses.lowest(v);
    if (from === undefined) return;
    this.isExact = false;
    this.low = Math.min(this.low, from);
  }
}
