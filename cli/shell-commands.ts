/** The shell's command table, and what each command does to a session. */

import { CONTEXTS } from "../formats/container.ts";
import { InputError } from "../formats/error.ts";
import { readContainer } from "../formats/read.ts";
import type { GuestMap, Instance, MapStore, ReplaceOptions, Runtime } from "../runtime/index.ts";
import { call, findPacketProgram, readMemory } from "./call.ts";
import { runCapture } from "./capture.ts";
import { importText, programNames } from "./describe.ts";
import type { Io } from "./io.ts";
import { definitionLine, MAP_ACTIONS } from "./map-text.ts";
import { duration, resultText } from "./numbers.ts";
import { type EngineName, type Kind, openProgram } from "./open.ts";
import { parseSetting } from "./settings.ts";
import { list, styleOf, table } from "./table.ts";
import { UsageError } from "./usage.ts";

/** A shell at work. */
export interface Session {
  io: Io;
  runtime: Runtime;
  engine: EngineName;
  /** Objects are verified before they are compiled. */
  verify: boolean;
  /** Their context, otherwise as their sections say. */
  ctx: string | undefined;
  /** What each instance was loaded from. */
  kinds: WeakMap<Instance, Kind>;
  /** Where maps live, what variables hold, and whether replace keeps maps. */
  options: ReplaceOptions;
  /** Opens the file of pinned maps again, for each instance. */
  pins: () => MapStore | undefined;
  /** A person reads along: commands say what they did. */
  interactive: boolean;
  over: boolean;
}

/** What an argument can be completed with. */
export type Completion = "instance" | "file" | "none";

export interface ShellCommand {
  /** As help shows it; words in lower case are typed as they are. */
  usage: string;
  doc: string;
  completes: readonly Completion[];
  most: number;
  run(session: Session, words: string[]): void | Promise<void>;
}

const say = ({ io, interactive }: Session, text: string): void => {
  if (interactive) io.out(`${text}\n`);
};

function get({ runtime }: Session, name: string): Instance {
  const found = runtime.instances.get(name);
  if (found !== undefined) return found;
  const names = [...runtime.instances.keys()].join(", ");
  throw new InputError("ERR_RUNBPF_ARGUMENT", {
    where: name,
    expected: names === "" ? "a loaded instance" : `one of the instances ${names}`,
    got: "a name that nothing is loaded under",
  });
}

const introduce = ({ name, bytes }: Instance, kind: Kind): string => `${name}: ${kind}, ${bytes} bytes`;

/** The settings of --set that a program has variables for. */
function settingsFor({ options }: Session, container: Uint8Array, where: string): ReplaceOptions["globals"] {
  if (options.globals === undefined) return undefined;
  const { symbols } = readContainer(container, where);
  const mine = Object.entries(options.globals).filter(([name]) =>
    symbols.some((symbol) => symbol.name === name),
  );
  return mine.length === 0 ? undefined : Object.fromEntries(mine);
}

async function place(
  session: Session,
  how: "load" | "replace",
  [name, file, ...settings]: string[],
): Promise<void> {
  const { kind, where, container, debug, btf } = await openProgram(
    file,
    undefined,
    { verify: session.verify, ctx: session.ctx },
    session.engine,
  );
  const own = settings.length > 0 ? Object.fromEntries(settings.map(parseSetting)) : undefined;
  const general = settingsFor(session, container, where);
  const globals = own || general ? { ...general, ...own } : undefined;
  const maps = how === "load" ? session.pins() : undefined;
  const instance = session.runtime[how](name, container, {
    ...session.options,
    globals,
    maps,
    where,
    debug,
    btf,
  });
  session.kinds.set(instance, kind);
  say(session, introduce(instance, kind));
}

/** Options of run stand between its name and the program's arguments. */
function runInstance(session: Session, [name, ...words]: string[]): void {
  const options: Record<string, string> = {};
  while (["--program", "--mem", "--pcap", "--out"].includes(words[0])) {
    const [flag, value] = words.splice(0, 2);
    if (value === undefined) throw new UsageError(`${flag} needs a value`);
    options[flag] = value;
  }
  if (words[0] === "--") words.shift();
  const memory = options["--mem"] === undefined ? undefined : readMemory(options["--mem"]);
  const instance = get(session, name);
  if (options["--pcap"] !== undefined) {
    const program = findPacketProgram(instance, options["--program"]);
    runCapture(session.io, instance, {
      ...{ input: options["--pcap"], output: options["--out"], program, json: false },
    });
    return;
  }
  const { r0 } = call(instance, { program: options["--program"], file: name, arguments: words, memory });
  session.io.out(`${resultText(r0)}\n`);
}

/** Runs all programs of context cmd, in the order in which they were loaded. */
function testCommands({ runtime, io }: Session, words: string[]): void {
  let ran = 0;
  for (const instance of [...runtime.instances.values()])
    for (const [index, { name, contract }] of instance.programs.entries()) {
      if (contract.context !== CONTEXTS.cmd) continue;
      const { r0 } = call(instance, { program: index, file: instance.name, arguments: words });
      io.out(`${instance.name}${name === "" ? "" : ` ${name}`}: ${resultText(r0)}\n`);
      ran++;
    }
  if (ran === 0)
    throw new InputError("ERR_RUNBPF_ARGUMENT", {
      where: "testcmd",
      expected: "a loaded program of context cmd",
      got: "none",
    });
}

const helpersOf = ({ container }: Instance): string => {
  const names = container.imports.filter(({ kind }) => kind === "helper" || kind === "named");
  const shown = names
    .map((item) => importText(item))
    .sort()
    .slice(0, 4);
  return shown.join(", ") + (names.length > 4 ? ` + ${names.length - 4}` : "") || "-";
};

/** The section names that hook programs up; bare files do not keep theirs. */
const hooksOf = ({ programs }: Instance): string => programs.map(({ hook }) => hook || "-").join(", ");

function show({ runtime, kinds, io }: Session): void {
  const rows = [...runtime.instances.values()].map((instance) => [
    instance.name,
    kinds.get(instance) ?? instance.container.format,
    programNames(instance.container),
    hooksOf(instance),
    helpersOf(instance),
    Object.keys(instance.maps).join(", ") || "-",
    String(instance.runs),
    duration(Math.round(instance.runTime * 1e6)),
    String(instance.bytes),
  ]);
  if (rows.length === 0) {
    io.out("nothing is loaded\n");
    return;
  }
  const columns = ["name", "kind", "programs", "hooks", "helpers", "maps", "runs", "time", "bytes"];
  io.out(
    table(
      columns.map((title, i) => ({ title, right: i > 5 })),
      rows,
      styleOf(io.color),
    ),
  );
}

const ANY = Number.POSITIVE_INFINITY;

function getMap(session: Session, name: string, map: string): GuestMap {
  const { maps } = get(session, name);
  if (maps[map] !== undefined) return maps[map];
  const names = Object.keys(maps).join(", ");
  throw new InputError("ERR_RUNBPF_ARGUMENT", {
    where: name,
    expected: names === "" ? "an instance with maps" : `one of the maps ${names}`,
    got: `"${map}"`,
  });
}

/** map dump, lookup, update, …: the same as the command's, on the maps of an instance. */
const MAP_COMMANDS: ShellCommand[] = Object.entries(MAP_ACTIONS).map(
  ([action, { words, doc, least, run }]) => ({
    usage: `map ${action} NAME MAP${words.replace(" KEY", " [key] KEY").replace(" VALUE", " [value] VALUE")}`,
    doc,
    completes: ["instance"],
    most: ANY,
    run: (session, [name, map, ...rest]) => {
      const json = rest.at(-1) === "--json";
      if (json) rest.pop();
      if (rest.length < least) throw new UsageError(`usage: map ${action} NAME MAP${words}`);
      session.io.out(run(getMap(session, name, map), rest, json));
    },
  }),
);

export const SHELL_COMMANDS: readonly ShellCommand[] = [
  {
    usage: "load file NAME FILE [VARIABLE=VALUE …]",
    doc: "load a container or an object as instance NAME, with these settings",
    completes: ["none", "file"],
    most: ANY,
    run: (session, words) => place(session, "load", words),
  },
  {
    usage: "unload instance NAME",
    doc: "forget an instance",
    completes: ["instance"],
    most: 1,
    run: (session, [name]) => {
      get(session, name);
      session.runtime.unload(name);
    },
  },
  {
    usage: "unload all",
    doc: "forget all instances",
    completes: [],
    most: 0,
    run: ({ runtime }) => runtime.unloadAll(),
  },
  {
    usage: "replace NAME FILE [VARIABLE=VALUE …]",
    doc: "put another version in its place; if that is refused the old one stays",
    completes: ["instance", "file"],
    most: ANY,
    run: async (session, words) => {
      get(session, words[0]);
      await place(session, "replace", words);
    },
  },
  { usage: "show", doc: "list what is loaded", completes: [], most: 0, run: show },
  {
    usage: "run NAME [--program P] [--mem hex:…|FILE] [--pcap FILE [--out FILE]] [arguments]",
    doc: "run a program of an instance, with --pcap over the packets of a capture file",
    completes: ["instance"],
    most: ANY,
    run: runInstance,
  },
  {
    usage: "testcmd [arguments]",
    doc: "run all loaded programs of context cmd, in the order of loading",
    completes: [],
    most: ANY,
    run: testCommands,
  },
  {
    usage: "map list NAME",
    doc: "list the maps of an instance",
    completes: ["instance"],
    most: 1,
    run: (session, [name]) => {
      const maps = Object.values(get(session, name).maps);
      session.io.out(maps.map(definitionLine).join("") || `${name} has no maps\n`);
    },
  },
  ...MAP_COMMANDS,
  {
    usage: "help",
    doc: "this list",
    completes: [],
    most: 0,
    run: ({ io }) => io.out(list(SHELL_COMMANDS.map(({ usage, doc }) => [usage, doc]))),
  },
  {
    usage: "quit",
    doc: "end",
    completes: [],
    most: 0,
    run: (session) => {
      session.over = true;
    },
  },
];

/** The words of a command that are typed as they are: ["load", "file"]. */
export const fixedWords = ({ usage }: ShellCommand): string[] => {
  const words = usage.split(" ");
  const end = words.findIndex((word) => !/^[a-z]+$/.test(word));
  return end < 0 ? words : words.slice(0, end);
};

/** How many arguments a command needs: the words of its usage in capitals. */
export const leastArguments = ({ usage }: ShellCommand): number =>
  usage
    .replace(/\[.*/, "")
    .split(" ")
    .filter((word) => /^[A-Z]+$/.test(word)).length;
