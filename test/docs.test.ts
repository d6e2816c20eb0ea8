/** Pages say what is so: links lead somewhere, folders have their page, console blocks of README.md print what they show. */

import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { contextOfHook } from "../compiler/context.ts";
import { RULES } from "../compiler/verify/rules.ts";
import { CONTEXTS, type ContextName } from "../formats/container.ts";
import { parseLayout } from "../formats/contexts.ts";
import { buildCli, ROOT } from "./cli/process.ts";
import { skip } from "./device-tools.ts";

const SKIP = new Set(["node_modules", "dist", "coverage", ".git", "build"]);

function files(folder: string, wanted: RegExp): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return SKIP.has(entry.name) ? [] : files(path, wanted);
    return wanted.test(entry.name) ? [path] : [];
  });
}

const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");
const PAGES = files("", /\.md$/);

/** GitHub's name of a heading. */
const anchor = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, "")
    .trim()
    .replaceAll(" ", "-");

const headings = (path: string): string[] =>
  [...read(path).matchAll(/^#+ (.*)$/gm)].map(([, text]) => anchor(text));

/** Text outside of code: a link inside of it is none. */
const prose = (text: string): string => text.replace(/^```[\s\S]*?^```/gm, "").replace(/`[^`\n]*`/g, "`");

describe("links", () => {
  test("pages are found", () => {
    for (const page of ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "docs/cli.md"])
      expect(PAGES).toContain(page);
  });

  test.each(PAGES)("%s", (page) => {
    for (const [, link] of prose(read(page)).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^(https?|mailto):/.test(link)) continue;
      const [path, part] = link.split("#");
      const target = path === "" ? page : join(dirname(page), path);
      expect(existsSync(join(ROOT, target)), `${page}: ${link}`).toBe(true);
      if (part !== undefined) expect(headings(target), `${page}: ${link}`).toContain(part);
    }
  });
});

test("every folder with source has a README.md, and README.md leads to it", () => {
  const folders = new Set(files("", /\.(ts|mjs|c|h)$/).map((path) => path.split("/")[0]));
  const top = [...folders].filter((folder) => !/\.(ts|mjs)$/.test(folder));
  expect(top).toContain("compiler");
  for (const folder of top) {
    expect(existsSync(join(ROOT, folder, "README.md")), folder).toBe(true);
    expect(read("README.md")).toContain(`](${folder}/README.md)`);
  }
});

/** Writes what commands print now into the pages. */
const UPDATE = process.env.RUNBPF_UPDATE === "1";

describe("docs/verifier.md", () => {
  const page = read("docs/verifier.md");
  /** Rows of the table below a heading whose first cell is code. */
  const rowsBelow = (heading: string) =>
    page
      .split(/^## /m)
      .find((part) => part.startsWith(`${heading}\n`))!
      .split("\n")
      .filter((line) => line.startsWith("| `"));

  test("has every rule of the verifier", () => {
    const rows = Object.entries(RULES).map(([rule, text]) => `| \`${rule}\` | ${text} |`);
    const found = rowsBelow("Rules");
    if (UPDATE)
      writeFileSync(join(ROOT, "docs/verifier.md"), page.replace(found.join("\n"), rows.join("\n")));
    else expect(found).toEqual(rows);
  });

  test("has every context, with section names that stand for it", () => {
    const rows = rowsBelow("Contexts").map((row) => row.split("|").map((cell) => cell.trim()));
    expect(rows.map(([, name]) => name)).toEqual(Object.keys(CONTEXTS).map((name) => `\`${name}\``));
    for (const [, name, sections] of rows)
      for (const [, section] of sections.matchAll(/`([a-z_.]+(?:\/…|\.…)?)`/g))
        expect(contextOfHook(section.replace("…", "x")).kind, section).toBe(
          CONTEXTS[name.slice(1, -1) as ContextName],
        );
  });

  test("declares a context that is one", () => {
    const [, json] = /^```json\n([\s\S]*?)^```/m.exec(page)!;
    expect(parseLayout(JSON.parse(json), "page").name).toBe("sensor");
  });
});

test("ARCHITECTURE.md is one page", () => {
  expect(read("ARCHITECTURE.md").split("\n").length).toBeLessThanOrEqual(90);
});

/** "$ command" and what it prints. */
interface Step {
  command: string;
  prints: string;
}

function steps(block: string): Step[] {
  return block
    .split(/^\$ /m)
    .slice(1)
    .map((text) => {
      const [command, ...lines] = text.split("\n");
      return { command, prints: lines.join("\n") };
    });
}

/** Times, and how long things take to build, are never the same twice. */
const normal = (text: string): string =>
  text
    .replace(/^(installing|building) .*\n/gm, "")
    .replace(/\d+(\.\d+)? (ns|µs|ms|s)\b/g, "T")
    .replace(/ +/g, " ")
    .replace(/ $/gm, "")
    .trim();

/** Pages whose console blocks are run. */
const WITH_COMMANDS = ["README.md", "docs/verifier.md", "docs/maps.md"];

describe("pages with commands", () => {
  let folder: string;
  let path: string;
  beforeAll(() => {
    const main = buildCli();
    // A package may import itself by its name: scripts of this folder find "runbpf".
    folder = dirname(dirname(dirname(main)));
    const filter = (path: string) => !path.endsWith("/build");
    for (const name of ["examples", "runtime", "helpers/lib"])
      cpSync(join(ROOT, name), join(folder, name), { recursive: true, filter });
    const bin = mkdtempSync(join(tmpdir(), "runbpf-bin-"));
    const script = (name: string, text: string) =>
      writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    script("npx", `shift; exec "${process.execPath}" "${main}" "$@"`);
    script("npm", `shift; exec "${process.execPath}" "${ROOT}scripts/$1.mjs"`);
    path = `${bin}:${process.env.PATH}`;
  });

  const blocksOf = (page: string) =>
    [...read(page).matchAll(/^```console\n([\s\S]*?)^```/gm)].map(([, block]) => ({
      page,
      block: steps(block),
    }));
  const blocks = WITH_COMMANDS.flatMap(blocksOf);

  test.each(WITH_COMMANDS)("%s has commands to try", (page) => {
    expect(blocks.filter((b) => b.page === page).flatMap(({ block }) => block).length).toBeGreaterThanOrEqual(
      3,
    );
  });

  const refresh = (page: string, command: string, old: string, now: string) =>
    writeFileSync(
      join(ROOT, page),
      read(page).replace(`$ ${command}\n${old}`, () => `$ ${command}\n${now}`),
    );

  const usesMake = (block: Step[]) => block.some(({ command }) => command.startsWith("make"));
  // What it shows was printed on x86-64.
  for (const { page, block } of blocks)
    test.skipIf(process.arch !== "x64" || (usesMake(block) && skip("gcc", "make")))(
      `${page}: ${block.map(({ command }) => command).join("; ")}`,
      () => {
        for (const { command, prints } of block) {
          const env = { ...process.env, PATH: path };
          const { stdout, stderr } = spawnSync("sh", ["-c", command], { cwd: folder, env, encoding: "utf8" });
          const printed = (stdout + stderr).replace(/^(installing|building) .*\n+/gm, "");
          if (UPDATE) refresh(page, command, prints, printed);
          else expect(normal(printed), command).toBe(normal(prints));
          // What was refreshed where something was missing shows just that.
          expect(printed, command).not.toMatch(/^make: \*\*\*|: not found$/m);
        }
      },
    );

  const scripts = WITH_COMMANDS.flatMap((page) =>
    [...read(page).matchAll(/^```js\n([\s\S]*?)^```/gm)].map(([, code]) => code),
  );

  test("has JavaScript to try", () => {
    expect(scripts.join()).toMatch(/^import .* from "runbpf\/compiler";$/m);
    expect(scripts.join()).toMatch(/^import .* from "runbpf\/runtime";$/m);
  });

  test.each(scripts)("JavaScript prints what its comments say: %#", (code) => {
    const script = join(folder, "readme.mjs");
    writeFileSync(script, code);
    const { stdout, stderr } = spawnSync(process.execPath, [script], { cwd: folder, encoding: "utf8" });
    expect(stderr).toBe("");
    const promised = [...code.matchAll(/console\.log\(.*\/\/ (.*)$/gm)].map(([, text]) => `${text}\n`);
    expect(stdout).toBe(promised.join(""));
  });
});
