/** Maps on a command line: keys and values as they are typed, elements as bpftool prints them. */

import { InputError } from "../formats/error.ts";
import type { Data, GuestMap, MapValue, When } from "../runtime/index.ts";
import { parseHex, parseSigned } from "./numbers.ts";
import { UsageError } from "./usage.ts";

const WHENS: readonly string[] = ["any", "noexist", "exist"] satisfies When[];

/** A number, hex:…, JSON ({"x": 1}, [1, 2], "text"), or a plain word. Throws UsageError. */
export function parseData(text: string, what: string): Data {
  if (text.startsWith("hex:")) return parseHex(text.slice(4), what);
  const number = parseSigned(text);
  if (number !== undefined) return number;
  if (!/^[[{"]/.test(text)) return text;
  try {
    return JSON.parse(text) as Data;
  } catch (error) {
    throw new UsageError(`${what}: expected JSON, got "${text}" (${(error as Error).message})`);
  }
}

/** bpftool's "hex 01 00 00 00", or decimal and 0x bytes. Throws UsageError. */
function parseBytes(words: string[], what: string): Uint8Array {
  const hex = words[0] === "hex";
  const bytes = (hex ? words.slice(1) : words).map((word) =>
    hex ? Number.parseInt(word, 16) : Number(word),
  );
  if (bytes.some((byte) => !(Number.isInteger(byte) && byte >= 0 && byte <= 255)))
    throw new UsageError(`${what}: expected bytes, got "${words.join(" ")}"`);
  return new Uint8Array(bytes);
}

export interface Element {
  key?: Data;
  value?: Data;
  when?: When;
}

/** "KEY [VALUE [any|noexist|exist]]", or bpftool's "key BYTES value BYTES [any|…]". Throws UsageError. */
export function parseElement(words: readonly string[]): Element {
  const rest = [...words];
  if (rest[0] !== "key" && rest[0] !== "value") {
    const [key, value, when, more] = rest;
    if (more !== undefined || (when !== undefined && !WHENS.includes(when)))
      throw new UsageError(`expected KEY VALUE [any|noexist|exist], got "${words.join(" ")}"`);
    return {
      key: parseData(key, "key"),
      value: value === undefined ? undefined : parseData(value, "value"),
      when: when as When | undefined,
    };
  }
  const last = rest[rest.length - 1];
  const when = WHENS.includes(last) ? (rest.pop() as When) : undefined;
  const at = rest.indexOf("value");
  const key = rest[0] === "key" ? rest.slice(1, at < 0 ? undefined : at) : [];
  return {
    key: key.length > 0 ? parseBytes(key, "key") : undefined,
    value: at < 0 ? undefined : parseBytes(rest.slice(at + 1), "value"),
    when,
  };
}

const hexBytes = (bytes: Uint8Array): string =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
const quoted = (bytes: Uint8Array): string[] =>
  [...bytes].map((byte) => `0x${byte.toString(16).padStart(2, "0")}`);

/** Bigints as numbers where those are exact, else as text; bytes as numbers. */
export const jsonText = (value: unknown): string =>
  JSON.stringify(value, (_, item) => {
    if (typeof item === "bigint") return Number.isSafeInteger(Number(item)) ? Number(item) : item.toString();
    return item instanceof Uint8Array ? [...item] : item;
  });

/** What maps and programs in maps are shown as: by name. */
const named = (value: MapValue): Data => (isMap(value) ? value.name : (value as Data));
const isMap = (value: MapValue): value is GuestMap => typeof value === "object" && "definition" in value;

const isBytes = (value: MapValue | undefined): value is Uint8Array => value instanceof Uint8Array;

/** One element as bpftool shows it. */
function elementText(map: GuestMap, key: Data, value: MapValue): string {
  const raw = map.as({ key: "bytes", value: "bytes" });
  const bytes = raw.get(map.keyBytes(key));
  const keyText = hexBytes(map.keyBytes(key));
  if (Array.isArray(bytes)) {
    const each = bytes.map(
      (one, cpu) => `value (CPU ${String(cpu).padStart(2, "0")}): ${hexBytes(one as Uint8Array)}`,
    );
    return `key:\n${keyText}\n${each.join("\n")}\n`;
  }
  return `key: ${keyText}  value: ${isBytes(bytes) ? hexBytes(bytes) : named(value)}\n`;
}

function elementJson(map: GuestMap, key: Data, value: MapValue): object {
  const bytes = map.as({ key: "bytes", value: "bytes" }).get(map.keyBytes(key));
  const values = Array.isArray(bytes)
    ? { values: bytes.map((one, cpu) => ({ cpu, value: quoted(one as Uint8Array) })) }
    : isBytes(bytes)
      ? { value: quoted(bytes) }
      : {};
  return { key: quoted(map.keyBytes(key)), ...values, formatted: { key, value: named(value) } };
}

/** Elements with their types, as bpftool shows what it has BTF for. */
const typedText = (elements: readonly (readonly [Data, MapValue])[]): string =>
  `[${elements.map(([key, value]) => jsonText({ key, value: named(value) })).join(",\n ")}]\n`;

/** All elements. */
export function dumpText(map: GuestMap, json: boolean): string {
  const elements = [...map.entries()];
  if (json) return `${jsonText(elements.map(([key, value]) => elementJson(map, key, value)))}\n`;
  if (map.isTyped) return typedText(elements);
  const count = `Found ${elements.length} element${elements.length === 1 ? "" : "s"}\n`;
  return elements.map(([key, value]) => elementText(map, key, value)).join("") + count;
}

/** One element. Throws InputError where there is no such key. */
export function lookupText(map: GuestMap, { key }: Element, json: boolean): string {
  if (key === undefined) throw new UsageError("expected a key");
  const value = map.get(key);
  if (value === undefined)
    throw new InputError("ERR_RUNBPF_MAP", {
      where: `map ${map.name}`,
      expected: "a key that is in it",
      got: jsonText(key),
    });
  const shown = map.decodeKey(map.keyBytes(key));
  if (json) return `${jsonText(elementJson(map, shown, value))}\n`;
  return map.isTyped ? `${jsonText({ key: shown, value: named(value) })}\n` : elementText(map, shown, value);
}

/** "counts: hash, key 8 B, value 8 B, max_entries 1024", as `bpftool map show` has it. */
export function definitionLine(map: GuestMap): string {
  const { keySize, valueSize, maxEntries, flags, cpus } = map.definition;
  const more = cpus > 1 ? `, ${cpus} cpus` : "";
  return `${map.name}: ${map.type}  flags 0x${flags.toString(16)}\n\tkey ${keySize}B  value ${valueSize}B  max_entries ${maxEntries}${more}\n`;
}

export const definitionJson = (map: GuestMap): object => {
  const { keySize, valueSize, maxEntries, flags, cpus } = map.definition;
  return {
    name: map.name,
    type: map.type,
    flags,
    bytes_key: keySize,
    bytes_value: valueSize,
    max_entries: maxEntries,
    cpus,
  };
};

/** What the map commands do, in the shell and on a file. */
export const MAP_ACTIONS: Record<
  string,
  { words: string; doc: string; least: number; run(map: GuestMap, words: string[], json: boolean): string }
> = {
  dump: { words: "", doc: "print all elements", least: 0, run: (map, _, json) => dumpText(map, json) },
  lookup: {
    words: " KEY",
    doc: "print one element",
    least: 1,
    run: (map, words, json) => lookupText(map, parseElement(words), json),
  },
  update: {
    words: " KEY VALUE [any|noexist|exist]",
    doc: "set an element; queues and stacks: push VALUE",
    least: 1,
    run: (map, words) => {
      const element = parseElement(words);
      if (element.value === undefined) {
        const only = element.key;
        if (only === undefined) throw new UsageError("expected a value");
        map.push(only);
      } else if (element.key === undefined) map.push(element.value);
      else map.set(element.key, element.value, element.when);
      return "";
    },
  },
  delete: {
    words: " KEY",
    doc: "delete an element",
    least: 1,
    run: (map, words) => {
      const { key } = parseElement(words);
      if (key === undefined) throw new UsageError("expected a key");
      if (!map.delete(key))
        throw new InputError("ERR_RUNBPF_MAP", {
          where: `map ${map.name}`,
          expected: "a key that is in it",
          got: jsonText(key),
        });
      return "";
    },
  },
  pop: {
    words: "",
    doc: "take the next value out of a queue or a stack",
    least: 0,
    run: (map) => {
      const value = map.pop();
      if (value === undefined)
        throw new InputError("ERR_RUNBPF_MAP", {
          where: `map ${map.name}`,
          expected: "a value",
          got: "an empty map",
        });
      return `${isBytes(value) ? hexBytes(value) : jsonText(named(value))}\n`;
    },
  },
  events: {
    words: " [STRUCT]",
    doc: "take the records that wait in a ring buffer; STRUCT is the name of their type",
    least: 0,
    run: (map, [as], json) => {
      const lines: string[] = [];
      for (let record = map.next(as); record !== undefined; record = map.next(as))
        lines.push(isBytes(record) && !json ? hexBytes(record) : jsonText(record));
      return lines.map((line) => `${line}\n`).join("");
    },
  },
}; // prettier-ignore
