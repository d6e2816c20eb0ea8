/** The C programs of this folder, built once a run, and the library's native code as a file. */

import { execFileSync } from "node:child_process";
import type { Arch } from "../../formats/container.ts";
import { scratchFile } from "../device-tools.ts";
import { LIBRARY } from "./machine.ts";
import { writeNativeCode } from "./native-code.ts";

const HERE = new URL("./", import.meta.url).pathname;
const WARNINGS = ["-std=gnu11", "-g", "-Wall", "-Wextra", "-Werror"];
export const SANITIZE = ["-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];

const built = new Map<string, string>();

/** The path of a program from its source and the library's. */
export function program(name: string, flags: string[], cc = "gcc"): string {
  const key = [cc, name, ...flags].join(" ");
  let out = built.get(key);
  if (out === undefined) {
    out = scratchFile(name.replace(".c", ""), "");
    built.set(key, out);
    const args = [...WARNINGS, ...flags, `${HERE}${name}`, `${LIBRARY}maps.c`, "-pthread", "-o", out];
    execFileSync(cc, args, { stdio: "pipe" });
  }
  return out;
}

/** maps.o in native code, as load.h reads it. */
export function nativeCode(arch = process.arch as Arch): string {
  let path = built.get(arch);
  if (path === undefined) {
    path = scratchFile(`maps.${arch}`, "");
    built.set(arch, path);
    writeNativeCode(path, arch);
  }
  return path;
}
