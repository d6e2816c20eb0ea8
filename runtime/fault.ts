/** How a program's run ends other than by returning: a fault, a time-out, or exit(). */

import { RunError } from "../helpers/host.ts";

export { RunError } from "../helpers/host.ts";

/** Where in a program something happened. */
export interface Place {
  /** Offset in the container's code, or -1 outside of it. */
  offset: number;
  /** Undefined without debug information. */
  function?: string;
  file?: string;
  line?: number;
}

/** The program did what it must not, or ran too long. */
export class Fault extends RunError {
  readonly place: Place;
  /** The address that was accessed; undefined where that says nothing. */
  readonly address: bigint | undefined;
  /** "SIGSEGV", …: what the processor reported; undefined for a time-out. */
  readonly signal: string | undefined;

  constructor(
    code: "ERR_RUNBPF_FAULT" | "ERR_RUNBPF_STACK" | "ERR_RUNBPF_TIMEOUT",
    what: string,
    program: string,
    place: Place,
    more: { address?: bigint; signal?: string } = {},
  ) {
    super(code, `${describePlace(program, place)}: ${what}`);
    this.name = "Fault";
    this.place = place;
    this.address = more.address;
    this.signal = more.signal;
  }
}

function describePlace(program: string, { offset, function: name, file, line }: Place): string {
  const at = offset < 0 ? "" : ` at code+0x${offset.toString(16)}`;
  const where = file === undefined ? "" : `${file}:${line}: `;
  return `${where}${program}${name === undefined ? "" : ` in ${name}()`}${at}`;
}

/** Thrown by the exit helper through all frames of the program; run() turns it into a result. */
export class Exit extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`exit(${status})`);
    this.status = status;
  }
}
