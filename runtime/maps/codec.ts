/** Bytes to JavaScript's values and back, by type: numbers, bigints, booleans, strings, arrays and objects. */

import { InputError } from "../../formats/error.ts";
import type { ValueType } from "../../formats/value-types.ts";

export type Data = number | bigint | boolean | string | Uint8Array | Data[] | { [name: string]: Data };

/** How bytes are shown where no type is known: words as numbers, all else as they are. */
export type Form = "auto" | "bytes" | "number" | "bigint";

function refuse(where: string, expected: string, got: unknown): never {
  const text = typeof got === "object" ? (got === null ? "null" : got.constructor.name) : String(got);
  throw new InputError("ERR_RUNBPF_ARGUMENT", { where, expected, got: text });
}

/** What stands for `size` bytes without a type. */
export const plainType = (size: number): ValueType =>
  size === 1 || size === 2 || size === 4 || size === 8
    ? { kind: "int", size, signed: false, name: "" }
    : { kind: "bytes", size };

const TEXT = new TextDecoder();

function readInt(bytes: Uint8Array, size: number, signed: boolean): bigint {
  let value = 0n;
  for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]);
  return signed ? BigInt.asIntN(8 * size, value) : value;
}

function decodeInt(type: Extract<ValueType, { kind: "int" }>, bytes: Uint8Array): Data {
  const value = readInt(bytes, type.size, type.signed);
  if (type.name === "bool") return value !== 0n;
  return type.size <= 4 ? Number(value) : value;
}

/** What bytes of a type mean; `bytes` has at least the type's size. */
export function decode(type: ValueType, bytes: Uint8Array): Data {
  switch (type.kind) {
    case "int":
      return decodeInt(type, bytes);
    case "float": {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      return type.size === 4 ? view.getFloat32(0, true) : view.getFloat64(0, true);
    }
    case "array":
      return decodeArray(type, bytes);
    case "struct":
      return decodeStruct(type, bytes);
    default:
      return bytes.slice(0, type.size);
  }
}

const isChar = (type: ValueType): boolean => type.kind === "int" && type.size === 1 && type.name === "char";
const isByte = (type: ValueType): boolean => type.kind === "int" && type.size === 1 && type.name !== "bool";

function decodeArray({ of, count }: Extract<ValueType, { kind: "array" }>, bytes: Uint8Array): Data {
  if (isChar(of)) {
    const end = bytes.subarray(0, count).indexOf(0);
    return TEXT.decode(bytes.slice(0, end < 0 ? count : end));
  }
  if (isByte(of)) return bytes.slice(0, count);
  return Array.from({ length: count }, (_, i) => decode(of, bytes.subarray(i * of.size)));
}

function decodeStruct({ members }: Extract<ValueType, { kind: "struct" }>, bytes: Uint8Array): Data {
  const object: { [name: string]: Data } = {};
  for (const { name, offset, bits, type } of members) {
    if (bits === 0) object[name] = decode(type, bytes.subarray(offset / 8));
    else {
      const field =
        readInt(bytes.subarray(offset >> 3), (bits + (offset & 7) + 7) >> 3, false) >> BigInt(offset & 7);
      const signed = type.kind === "int" && type.signed;
      const value = signed ? BigInt.asIntN(bits, field) : BigInt.asUintN(bits, field);
      object[name] = bits <= 32 ? Number(value) : value;
    }
  }
  return object;
}

/** The bytes that stand for `data`; bytes of the right length are taken as they are. Throws ERR_RUNBPF_ARGUMENT. */
export function encode(type: ValueType, data: Data, where: string): Uint8Array {
  const bytes = new Uint8Array(type.size);
  put(type, data, bytes, where);
  return bytes;
}

function putInt(size: number, data: Data, bytes: Uint8Array, where: string): void {
  if (typeof data !== "bigint" && typeof data !== "boolean" && !Number.isSafeInteger(data))
    refuse(where, `a whole number of ${size} bytes`, data);
  let value = BigInt(data as number | bigint | boolean);
  const [low, high] = [-(1n << BigInt(8 * size - 1)), 1n << BigInt(8 * size)];
  if (value < low || value >= high) refuse(where, `a number of ${size} bytes`, data);
  for (let i = 0; i < size; i++) {
    bytes[i] = Number(value & 0xffn);
    value >>= 8n;
  }
}

function put(type: ValueType, data: Data, bytes: Uint8Array, where: string): void {
  if (data instanceof Uint8Array) {
    if (data.length !== type.size) refuse(where, `${type.size} bytes`, `${data.length} bytes`);
    bytes.set(data);
    return;
  }
  switch (type.kind) {
    case "int":
      putInt(type.size, data, bytes, where);
      return;
    case "float": {
      if (typeof data !== "number") refuse(where, "a number", data);
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      if (type.size === 4) view.setFloat32(0, data as number, true);
      else view.setFloat64(0, data as number, true);
      return;
    }
    case "array":
      putArray(type, data, bytes, where);
      return;
    case "struct":
      putStruct(type, data, bytes, where);
      return;
    default:
      refuse(where, `${type.size} bytes`, data);
  }
}

function putArray(
  { of, count }: Extract<ValueType, { kind: "array" }>,
  data: Data,
  bytes: Uint8Array,
  where: string,
): void {
  if (typeof data === "string" && isByte(of)) {
    const text = new TextEncoder().encode(data);
    if (text.length > count) refuse(where, `at most ${count} bytes of text`, `${text.length}`);
    bytes.set(text);
    return;
  }
  const list =
    Array.isArray(data) && data.length === count ? data : refuse(where, `an array of ${count}`, data);
  for (const [i, item] of list.entries())
    put(of, item, bytes.subarray(i * of.size, (i + 1) * of.size), `${where}[${i}]`);
}

function putStruct(
  { members }: Extract<ValueType, { kind: "struct" }>,
  data: Data,
  bytes: Uint8Array,
  where: string,
): void {
  if (typeof data !== "object" || Array.isArray(data)) refuse(where, "an object", data);
  const object = data as { [name: string]: Data };
  for (const name of Object.keys(object))
    if (!members.some((member) => member.name === name))
      refuse(where, `members ${members.map((member) => member.name).join(", ")}`, name);
  for (const { name, offset, bits, type } of members) {
    const value = object[name];
    if (value === undefined) continue;
    if (bits === 0) put(type, value, bytes.subarray(offset / 8, offset / 8 + type.size), `${where}.${name}`);
    else putBits(value, offset, bits, bytes, `${where}.${name}`);
  }
}

function putBits(data: Data, offset: number, bits: number, bytes: Uint8Array, where: string): void {
  if (typeof data !== "bigint" && typeof data !== "boolean" && !Number.isSafeInteger(data))
    refuse(where, `a whole number of ${bits} bits`, data);
  const value = BigInt(data as number | bigint);
  if (value < -(1n << BigInt(bits - 1)) || value >= 1n << BigInt(bits))
    refuse(where, `a number of ${bits} bits`, data);
  for (let i = 0; i < bits; i++) {
    const at = offset + i;
    if ((value >> BigInt(i)) & 1n) bytes[at >> 3] |= 1 << (at & 7);
  }
}
