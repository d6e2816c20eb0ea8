/** The two ways in which anything here fails: the user's input is at fault, or we are. */

/** Codes that a caller can switch on; each stands for one kind of refusal. */
export type ErrorCode =
  | "ERR_RUNBPF_ELF" // not an object that clang makes for BPF, or a damaged one
  | "ERR_RUNBPF_BTF" // damaged type or line information
  | "ERR_RUNBPF_LINK" // a reference that cannot be resolved
  | "ERR_RUNBPF_INSN" // an instruction that is not one, or a jump that leads nowhere
  | "ERR_RUNBPF_VERIFY" // a program that could not be proven safe
  | "ERR_RUNBPF_UNSUPPORTED" // valid, but not possible in this container or on this target
  | "ERR_RUNBPF_CONTAINER" // a damaged bare or spf file
  | "ERR_RUNBPF_VERSION" // a container of a format version that this runtime does not know
  | "ERR_RUNBPF_ARCH" // a container for another architecture
  | "ERR_RUNBPF_HELPER" // an import that the host does not have
  | "ERR_RUNBPF_DENIED" // an import that the host does not allow
  | "ERR_RUNBPF_CONTRACT" // what verification assumed is not what this host offers
  | "ERR_RUNBPF_MAP" // a map that does not agree with the one that is there, or cannot be had
  | "ERR_RUNBPF_FILE" // a file that cannot be read or written
  | "ERR_RUNBPF_ARGUMENT"; // a call of the API or a command with an argument it cannot take

/** The user's input is at fault: where, what was expected, what was found, and what to do about it. */
export class InputError extends Error {
  readonly code: ErrorCode;
  readonly where: string;
  readonly expected: string;
  readonly got: string;
  readonly hint: string | undefined;
  /** More than fits into a line, for people. */
  readonly details: string | undefined;

  constructor(
    code: ErrorCode,
    about: { where: string; expected: string; got: string; hint?: string; details?: string },
  ) {
    const hint = about.hint === undefined ? "" : ` (${about.hint})`;
    super(`${about.where}: expected ${about.expected}, got ${about.got}${hint}`);
    this.name = "InputError";
    this.code = code;
    this.where = about.where;
    this.expected = about.expected;
    this.got = about.got;
    this.hint = about.hint;
    this.details = about.details;
  }
}

/** We are at fault: an invariant of our own does not hold. */
export function bug(what: string): never {
  throw new Error(`runbpf: internal error: ${what}; please report it with the file that led here`);
}
