/** Reads a container of either kind: looks at the magic, then everything is checked. */

import { BARE_MAGIC, readBare } from "./bare.ts";
import { describeMagic, magicNumber, refuse } from "./common.ts";
import type { Arch, Container } from "./container.ts";
import { readSpf, SPF_MAGIC } from "./spf.ts";

/** Which container `bytes` start like, if any. */
export function containerFormat(bytes: Uint8Array): Container["format"] | undefined {
  if (bytes.length < 4) return undefined;
  const magic = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  if (magic === magicNumber(BARE_MAGIC)) return "bare";
  return magic === magicNumber(SPF_MAGIC) ? "spf" : undefined;
}

/** Reads a bare or an spf file; `arch` chooses among an spf file's targets. */
export function readContainer(bytes: Uint8Array, where: string, arch?: Arch): Container {
  const format = containerFormat(bytes);
  if (format === "bare") return readBare(bytes, where);
  if (format === "spf") return readSpf(bytes, where, arch);
  return refuse("ERR_RUNBPF_CONTAINER", `${where}+0x0`, "a bare or an spf file", describeMagic(bytes));
}
