/** Global variables by name: typed properties over an instance's data. */

import type { Container, DataSymbol } from "../formats/container.ts";
import { InputError } from "../formats/error.ts";
import type { Types, ValueType } from "../formats/value-types.ts";
import { type Data, decode, encode, plainType } from "./maps/codec.ts";

/** Throws ERR_RUNBPF_ARGUMENT where the container has no such variable. */
export function findSymbol({ symbols }: Container, name: string, where: string): DataSymbol {
  const found = symbols.find((symbol) => symbol.name === name);
  if (found !== undefined) return found;
  throw new InputError("ERR_RUNBPF_ARGUMENT", {
    where,
    expected:
      symbols.length === 0
        ? "a program with named variables"
        : `a variable of ${symbols.map((s) => s.name).join(", ")}`,
    got: name,
  });
}

function typeOf({ name, size }: DataSymbol, types: Types): ValueType {
  const known = types.ofVariable(name);
  return known?.size === size ? known : plainType(size);
}

export const encodeVariable = (symbol: DataSymbol, types: Types, value: Data, where: string): Uint8Array =>
  encode(typeOf(symbol, types), value, `${where}: ${symbol.name}`);

/** An object with a property for each variable; `data` gives the live data block. */
export function globalsOf(container: Container, types: Types, data: () => Uint8Array): Record<string, Data> {
  const globals: Record<string, Data> = Object.create(null);
  for (const symbol of container.symbols) {
    const { name, block, offset, size } = symbol;
    let type: ValueType | undefined;
    const known = () => (type ??= typeOf(symbol, types));
    const bytes = () => (block === "data" ? data() : container.code).subarray(offset, offset + size);
    Object.defineProperty(globals, name, {
      enumerable: true,
      get: () => decode(known(), bytes()),
      set: (value: Data) => {
        if (block === "code")
          throw new InputError("ERR_RUNBPF_ARGUMENT", {
            where: name,
            expected: "a variable that is not constant",
            got: "one that is",
            hint: "set it with load (globals)",
          });
        bytes().set(encode(known(), value, name));
      },
    });
  }
  return globals;
}
