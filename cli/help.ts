/** Help texts, made from the command table: for the terminal, and as docs/cli.md. */

import { COMMANDS, type CommandRow } from "./commands.ts";
import { list, styleOf } from "./table.ts";

export const usageLine = ({ name, usage }: CommandRow): string => `usage: runbpf ${name} ${usage}`;

export function mainHelp(version: string, color: boolean): string {
  const { bold } = styleOf(color);
  const commands = COMMANDS.map(({ name, summary }) => [name, summary] as const);
  return [
    `runbpf ${version}: compiles eBPF programs ahead of time and runs them anywhere\n`,
    `${bold("usage:")} runbpf <command> [arguments] [options]\n`,
    `${bold("commands")}\n${list(commands)}`,
    `${bold("options")}\n${list([
      ["-h, --help", "this page, or that of a command"],
      ["-v, --version", "the version"],
    ])}`,
    `${bold("exit status")}\n${list(STATUS)}`,
    `runbpf <command> --help tells more.\n`,
  ].join("\n");
}

/** What the process ends with. */
const STATUS: readonly (readonly [string, string])[] = [
  ["0", "it ran"],
  ["1", "the input was refused: one line says where, what was expected, what was found"],
  ["2", "wrong usage"],
  ["3", "the program failed while it ran: a fault, or the time was up"],
];

export function commandHelp(row: CommandRow, color: boolean): string {
  const { bold } = styleOf(color);
  const options = row.options.map(({ flags, doc }) => [flags, doc] as const);
  const examples = row.examples.map(([line, purpose]) => [`runbpf ${line}`, purpose] as const);
  return [
    `runbpf ${row.name}: ${row.summary}\n`,
    `${bold("usage:")} ${usageLine(row).slice(7)}\n`,
    `${bold("arguments")}\n${list(row.arguments)}`,
    `${bold("options")}\n${list([...options, ["-h, --help", "this page"]])}`,
    `${bold("examples")}\n${list(examples)}`,
  ].join("\n");
}

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("<", "&lt;");
const rows = (titles: [string, string], pairs: readonly (readonly [string, string])[]): string =>
  [
    `| ${titles.join(" | ")} |`,
    "|---|---|",
    ...pairs.map(([name, text]) => `| \`${name.replaceAll("|", "\\|")}\` | ${cell(text)} |`),
  ].join("\n");

/** docs/cli.md: every command of the table, then those of the shell. */
export function cliDocs(shell: readonly { usage: string; doc: string }[]): string {
  const commands = COMMANDS.map(
    (row) => `## ${row.name}

${row.summary[0].toUpperCase()}${row.summary.slice(1)}.

    runbpf ${row.name} ${row.usage}

${rows(["argument", "is"], row.arguments)}

${rows(
  ["option", "does"],
  row.options.map(({ flags, doc }) => [flags, doc]),
)}

${row.examples.map(([line, purpose]) => `    runbpf ${line}    # ${purpose}`).join("\n")}
`,
  );
  return `# The command line

Made from the tables in \`cli/commands.ts\` and \`cli/shell-commands.ts\`; \`npx vitest run test/cli -u\` writes this page.

${rows(["exit status", "means"], STATUS)}

${commands.join("\n")}
## Commands of the shell

${rows(
  ["command", "does"],
  shell.map(({ usage, doc }) => [usage, doc]),
)}
`;
}
