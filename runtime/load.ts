/**
 * From a container's bytes to a running instance: the table of contents of the runtime. Everything that can be
 * refused is refused here, before any of the code runs.
 */

import type { Arch, Container } from "../formats/container.ts";
import { InputError } from "../formats/error.ts";
import { readContainer } from "../formats/read.ts";

/** What a host asks of every program. */
export interface Required {
  requireVerified?: boolean;
  requireBounded?: boolean;
}

/** Reads and checks a container for an engine of architecture `arch`. Throws InputError. */
export function readImage(bytes: Uint8Array, where: string, arch: Arch, required: Required): Container {
  const container = readContainer(bytes, where, arch);
  if (container.arch !== arch)
    throw new InputError("ERR_RUNBPF_ARCH", {
      where,
      expected: `code for ${arch}`,
      got: `code for ${container.arch}`,
      hint: `convert it with -t ${arch}`,
    });
  for (const { name, contract } of container.programs) {
    const refuse = (expected: string, got: string): never => {
      throw new InputError("ERR_RUNBPF_CONTRACT", {
        where: name === "" ? where : `${where}: ${name}`,
        expected,
        got,
      });
    };
    if (required.requireVerified && !contract.verified)
      refuse("a verified program", "one that was not verified");
    if (required.requireBounded && !contract.bounded)
      refuse("a program whose loops all have a bound", "one that may run on");
  }
  return container;
}
