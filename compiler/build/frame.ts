/**
 * How much of its 512 bytes of BPF stack a function touches: requires folded addresses. An access at a constant
 * place outside the frame is refused, verified or not: it would overwrite the caller's.
 */

import { InputError } from "../../formats/error.ts";
import type { Fn, Value } from "../ir/ir.ts";
import { op } from "../ir/ops.ts";

/** Bytes of a frame (RFC 9669 leaves it open; Linux's number, which clang enforces too). */
export const FRAME_SIZE = 512;

/** Sets fn.stack. `where(insn)` names an instruction for the message. */
export function measureFrame(fn: Fn, where: (insn: number) => string): void {
  const frame = fn.leaf(op.frame, 64, 0);
  let low = 0;
  const touch = (v: Value, from: number, bytes: number) => {
    if (from < -FRAME_SIZE || from + bytes > 0)
      throw new InputError("ERR_RUNBPF_INSN", {
        where: where(v.at),
        expected: `an access within the ${FRAME_SIZE} bytes below r10`,
        got: `${bytes} bytes at r10${from < 0 ? " - " : " + "}${Math.abs(from)}`,
      });
    low = Math.min(low, from);
  };
  for (const block of fn.blocks) {
    if (block.control === frame) low = -FRAME_SIZE;
    for (const v of block.phis) if (v.args.includes(frame)) low = -FRAME_SIZE;
    for (const v of block.body) {
      if (!v.args.includes(frame)) continue;
      const [base, other] = v.args;
      if (v.op.bytes > 0 && base === frame) touch(v, v.aux, v.op.bytes);
      else if (v.op.writes && v.op.reads && base === frame && v.op.arity > 0) touch(v, v.aux, other.type / 8);
      else if (v.op === op.add && base === frame && other.op === op.const && other.hi === other.lo >> 31)
        low = Math.min(low, Math.max(other.lo, -FRAME_SIZE));
      else low = -FRAME_SIZE;
      if (v.op.bytes > 0 && other === frame) low = -FRAME_SIZE;
    }
  }
  fn.stack = -low;
}
