/** Wrong usage: a command line that cannot be meant. Exit status 2, with the command's usage behind the message. */

export class UsageError extends Error {
  /** The command that it is about; undefined for the program itself. */
  readonly command: string | undefined;

  constructor(message: string, command?: string) {
    super(message);
    this.name = "UsageError";
    this.command = command;
  }
}

/** " (did you mean --json?)", or nothing. */
export const suggest = (near: string | undefined): string =>
  near === undefined ? "" : ` (did you mean ${near}?)`;
