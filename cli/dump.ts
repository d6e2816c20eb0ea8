/** runbpf dump: shows an object or a container; what is shown of which is the table of views below. */

import { InputError } from "../formats/error.ts";
import { type Args, flag } from "./args.ts";
import type { Io } from "./io.ts";
import { readInput } from "./io.ts";
import { type Kind, kindOf } from "./open.ts";
import { type Style, styleOf } from "./table.ts";

/** What every view gets. */
export interface Subject {
  kind: Kind;
  where: string;
  bytes: Uint8Array;
  args: Args;
  style: Style;
}

type Show = (subject: Subject) => string | Promise<string>;
const object = () => import("./dump-object.ts");
const container = () => import("./dump-container.ts");
const native = () => import("./dump-native.ts");

interface View {
  /** Absent where that kind of file has nothing to show. */
  object?: Show;
  container?: Show;
  /** Shown when no view is named. */
  usual: readonly ("object" | "container")[];
}

const VIEWS: Record<string, View> = {
  header: {
    object: async (subject) => (await object()).dumpHeader(subject),
    container: async (subject) => (await container()).dumpHeader(subject),
    usual: ["object", "container"],
  },
  bytecode: { object: async (subject) => (await object()).dumpBytecode(subject), usual: ["object"] },
  ir: { object: async (subject) => (await object()).dumpIr(subject), usual: [] },
  native: {
    object: async (subject) => (await native()).dumpObject(subject),
    container: async (subject) => (await native()).dumpContainer(subject),
    usual: ["container"],
  },
};

export async function dump(args: Args, io: Io): Promise<number> {
  const [file] = args.positionals;
  const where = file === "-" ? "standard input" : file;
  const bytes = readInput(file);
  const kind = kindOf(bytes, where, flag(args, "raw") ? "raw" : undefined);
  const side = kind === "elf" || kind === "raw" ? "object" : "container";
  const named = Object.keys(VIEWS).filter((name) => flag(args, name));
  const chosen =
    named.length > 0 ? named : Object.keys(VIEWS).filter((name) => VIEWS[name].usual.includes(side));
  const subject = { kind, where, bytes, args, style: styleOf(io.color) };
  for (const [i, name] of chosen.entries()) {
    const show = VIEWS[name][side];
    if (show === undefined)
      throw new InputError("ERR_RUNBPF_UNSUPPORTED", {
        where,
        expected: `an object for --${name}`,
        got: `${kind === "spf" ? "an spf" : "a bare"} file, which holds machine code alone`,
        hint: "--native shows that",
      });
    const text = await show(subject);
    io.out((i > 0 ? "\n" : "") + text);
  }
  return 0;
}
