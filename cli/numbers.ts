/** Numbers of a command line: 64-bit values never pass through doubles. */

import { UsageError } from "./usage.ts";

const WORD = /^(-?)(0[xX][0-9a-fA-F]+|[0-9]+)$/;

/** A register's value as an unsigned 64-bit number, from -2^63 … 2^64 - 1; undefined for anything else. */
export function parseWord(text: string): bigint | undefined {
  const [, sign, digits] = WORD.exec(text) ?? [];
  if (digits === undefined || digits.length > 80) return undefined;
  const value = sign === "-" ? -BigInt(digits) : BigInt(digits);
  if (value >= 1n << 64n || value < -(1n << 63n)) return undefined;
  return BigInt.asUintN(64, value);
}

/** A number from -2^63 … 2^64 - 1 with its sign, true or false; undefined for anything else. */
export function parseSigned(text: string): bigint | boolean | undefined {
  if (text === "true" || text === "false") return text === "true";
  const word = parseWord(text);
  return word !== undefined && text.startsWith("-") ? BigInt.asIntN(64, word) : word;
}

/** A count up to `max`, as a number. Throws UsageError. */
export function parseCount(text: string, what: string, max: number): number {
  const value = /^[0-9]{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value <= max)) throw new UsageError(`${what}: expected a number from 0 to ${max}, got "${text}"`);
  return value;
}

/** The bytes of "hex:…"; spaces between them do no harm. Throws UsageError. */
export function parseHex(text: string, what: string): Uint8Array {
  const digits = text.replace(/\s+/g, "");
  if (!/^([0-9a-fA-F]{2})*$/.test(digits))
    throw new UsageError(`${what}: expected pairs of hexadecimal digits, got "${text}"`);
  return new Uint8Array(Buffer.from(digits, "hex"));
}

/** "r0 = 6 (0x6)". */
export const resultText = (r0: bigint): string => `r0 = ${r0} (0x${r0.toString(16)})`;

/** Nanoseconds in the unit that reads best. */
export function duration(nanoseconds: number): string {
  if (nanoseconds < 1e3) return `${nanoseconds} ns`;
  if (nanoseconds < 1e6) return `${(nanoseconds / 1e3).toFixed(1)} µs`;
  if (nanoseconds < 1e9) return `${(nanoseconds / 1e6).toFixed(1)} ms`;
  return `${(nanoseconds / 1e9).toFixed(2)} s`;
}
