/** The C programs of this folder, built once a run, and the library's native code as a file. */

import { execFileSync } from "node:child_process";
import { scratchFile } from "../device-tools.ts";
import { LIBRARY } from "./machine.ts";
import { writeNativeCode } from "./native-code.ts";

const HERE = new URL("./", import.meta.url).pathname;
const WARNINGS = ["-std=gnu11", "-g", "-Wall", "-Wextra", "-Werror"];
export const SANITIZE = ["-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];

const built = new Map<string, string>();

/** The path of a program from its source and the library's. */
export function program(name: string, flags: string[]): string {
  const key = [name, ...flags].join(" ");
  let out = built.get(key);
  if (out === undefined) {
    out = scratchFile(name.replace(".c", ""), "");
    built.set(key, out);
    execFileSync(
      "gcc",
      [...WARNINGS, ...flags, `${HERE}${name}`, `${LIBRARY}maps.c`, "-pthread", "-o", out],
      {
        stdio: "pipe",
      },
    );
  }
  return out;
}

let native: string | undefined;

/** maps.o in native code, as load.h reads it. */
export function nativeCode(): string {
  if (native === undefined) {
    native = scratchFile("maps.native", "");
    writeNativeCode(native);
  }
  return native;
}
