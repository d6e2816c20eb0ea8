/** String and format arguments: that they end, and that a call passes what its format asks for. */

import { FRAME_SIZE } from "../../formats/isa/bpf.ts";
import type { Env } from "./env.ts";
import { roomOf } from "./rooms.ts";
import { refuse } from "./rules.ts";
import { byteAt } from "./stack.ts";
import type { State } from "./state.ts";
import { constOf, describe, isConst, isPointer, type Value } from "./value.ts";

const HINT = "use a string literal, or a buffer on the stack that bpf_snprintf filled";

/** Requires that a NUL follows the pointer inside its memory. */
export function checkString(env: Env, state: State, v: Value): void {
  if (v.nullable !== 0) refuse("null-pointer", "a string", describe(v), "compare it with 0 first");
  if (v.kind === "string" && Number(v.num.smin) >= 0 && roomOf(state, v.of, v) >= 1) return;
  if (v.kind === "rodata") {
    const { rodata } = env.program;
    const [low, high] = [Number(v.num.smin), Number(v.num.smax)];
    if (low >= 0 && high < rodata.length && rodata.indexOf(0, high) >= 0) return;
    refuse("string", "a string that ends inside .rodata", describe(v));
  }
  if (v.kind === "stack" && isConst(v)) {
    if (endsOnStack(state, v)) return;
    refuse(
      "string",
      "a string on the stack that ends with NUL",
      `${describe(v)}, where no NUL is known to follow`,
      HINT,
    );
  }
  if (!isPointer(v)) refuse("helper-argument", "a string", describe(v));
  refuse("string", "a string that is known to end with NUL", describe(v), HINT);
}

function endsOnStack(state: State, v: Value): boolean {
  const frame = state.frames[v.of];
  for (let at = constOf(v); at >= 0 && at < FRAME_SIZE; at++) {
    if (frame.strings.some(([from]) => from === at)) return true;
    const byte = byteAt(frame, at);
    if (byte === "unwritten") return false;
    if (byte === 0) return true;
  }
  return false;
}

/** The text of a format, which must be known. */
function textOf(env: Env, state: State, v: Value): string {
  checkString(env, state, v);
  const bytes: number[] = [];
  if (isConst(v))
    for (let at = constOf(v); ; at++) {
      const byte =
        v.kind === "rodata"
          ? env.program.rodata[at]
          : v.kind === "stack"
            ? byteAt(state.frames[v.of], at)
            : undefined;
      if (byte === undefined || byte === "unwritten") break;
      if (byte === 0) return String.fromCharCode(...bytes);
      bytes.push(byte);
      if (bytes.length > 4096) break;
    }
  return refuse("string", "a format whose text is known", describe(v), "use a string literal");
}

const CONVERSION = /%[-+ #0']*(\*|\d+)?(?:\.(\*|\d+)?)?(?:hh|h|ll|l|j|z|t|q|L)?([a-zA-Z%])/g;

type Wanted = "number" | "string" | "pointer";

/** What a format asks for, in order. */
function conversions(text: string): Wanted[] {
  const wanted: Wanted[] = [];
  for (const [, width, precision, letter] of text.matchAll(CONVERSION)) {
    if (letter === "%") continue;
    if (width === "*") wanted.push("number");
    if (precision === "*") wanted.push("number");
    wanted.push(letter === "s" ? "string" : letter === "p" ? "pointer" : "number");
  }
  return wanted;
}

function checkOne(env: Env, state: State, wanted: Wanted, v: Value): void {
  if (wanted === "string") checkString(env, state, v);
  else if (wanted === "number" && isPointer(v))
    refuse("helper-argument", "a number, as the format says", describe(v), "print pointers with %p");
}

/** A format in register `at` with its arguments in the registers from `first` on. */
export function checkFormat(env: Env, state: State, at: number, first: number): void {
  const wanted = conversions(textOf(env, state, state.regs[at]));
  const room = 6 - first;
  if (wanted.length > room)
    refuse(
      "string",
      `a format for ${room} arguments`,
      `one for ${wanted.length}`,
      "a call passes at most five arguments in all",
    );
  for (const [k, what] of wanted.entries()) {
    const v = state.regs[first + k];
    env.subject = `r${first + k}`;
    if (v.kind === "none") refuse("uninitialised-register", `a ${what}, as the format says`, "nothing");
    checkOne(env, state, what, v);
  }
}

/** A format whose arguments are an array of 64-bit words, `bytes` long or more. */
export function checkFormatArray(env: Env, state: State, at: number, array: Value, bytes: number): void {
  const wanted = conversions(textOf(env, state, state.regs[at]));
  if (wanted.length * 8 > bytes)
    refuse("string", `a format for ${bytes / 8} arguments`, `one for ${wanted.length}`);
  for (const [k, what] of wanted.entries()) {
    if (what !== "string") continue;
    const from = constOf(array) + 8 * k;
    const slot =
      array.kind === "stack" && isConst(array) && from % 8 === 0
        ? state.frames[array.of].slots[from >> 3]
        : undefined;
    const part = slot?.parts.find((p) => p.bytes === 8);
    if (!part)
      refuse("string", `a string as argument ${k + 1} of the format`, "a word that nothing is known of");
    checkOne(env, state, what, part.value);
  }
}
