/** Who may import whom: the house rules of ARCHITECTURE.md, checked over every import of every source file. */

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { expect, test } from "vitest";

const ROOT = new URL("../", import.meta.url).pathname;
const SKIP = new Set(["node_modules", "dist", "coverage", ".git"]);

function sources(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return SKIP.has(entry.name) ? [] : sources(path);
    return /\.(ts|mjs)$/.test(entry.name) ? [path] : [];
  });
}

interface Import {
  /** Erased by the compiler: it ties no modules together. */
  type: boolean;
  from: string;
  /** A path from the root, "node:fs", or the name of a package. */
  to: string;
}

const STATEMENT = /^\s*(?:import|export)\s+(type\s)?(?:[^;"']*?\sfrom\s+)?"([^"]+)"|\bimport\("([^"]+)"\)/gm;

function importsOf(from: string): Import[] {
  const text = readFileSync(join(ROOT, from), "utf8");
  return [...text.matchAll(STATEMENT)].map(([, type, fixed, lazy]) => {
    const target = fixed ?? lazy;
    const to = target.startsWith(".") ? normalize(join(dirname(from), target)) : target;
    return { type: type !== undefined, from, to };
  });
}

const FILES = sources("");
const IMPORTS = FILES.flatMap(importsOf);
const inside = (path: string, folder: string): boolean => path.startsWith(`${folder}/`);

/** Every import of `folder` that is none of `allowed`: paths, folders that end in "/", packages. */
function strangers(
  folder: string,
  allowed: readonly string[],
  more: (item: Import) => boolean = () => true,
): string[] {
  return IMPORTS.filter((item) => inside(item.from, folder) && more(item))
    .filter(
      ({ to }) =>
        !allowed.some((place) =>
          place.endsWith("/") || place === "node:" ? to.startsWith(place) : to === place,
        ),
    )
    .map(({ from, to }) => `${from} imports ${to}`);
}

test("imports are found at all", () => {
  expect(FILES.length).toBeGreaterThan(100);
  const found = (from: string, to: string) => IMPORTS.some((item) => item.from === from && item.to === to);
  expect(found("compiler/compile.ts", "formats/bare.ts")).toBe(true);
  expect(found("cli/commands.ts", "cli/run.ts")).toBe(true);
  expect(found("runtime/engine/host.ts", "node:fs")).toBe(true);
  for (const { from, to } of IMPORTS)
    if (!to.includes(":") && to.endsWith(".ts")) expect(FILES, `${from} imports ${to}`).toContain(to);
});

test.each<[folder: string, allowed: string[]]>([
  ["formats", ["formats/"]],
  ["helpers", ["helpers/", "formats/"]],
  ["compiler", ["compiler/", "formats/", "helpers/table.ts"]],
  ["runtime/engine", ["runtime/", "formats/", "helpers/", "koffi", "node:"]],
  ["cli", ["cli/", "compiler/", "runtime/", "formats/", "helpers/", "cac", "capstone-wasm", "node:"]],
])("%s imports only what it may", (folder, allowed) => {
  expect(strangers(folder, allowed)).toEqual([]);
});

test("runtime imports formats and helpers, and nothing of Node outside of engine", () => {
  const outside = ({ from }: Import) => !inside(from, "runtime/engine") && from.endsWith(".ts");
  expect(strangers("runtime", ["runtime/", "formats/", "helpers/"], outside)).toEqual([]);
});

test.each<[folder: string, allowed: string[]]>([
  ["compiler/ir", ["compiler/ir/", "compiler/program.ts", "formats/"]],
  ["compiler/opt", ["compiler/ir/", "compiler/build/", "compiler/passes.ts", "helpers/table.ts", "formats/"]],
])("%s knows neither targets nor passes", (folder, allowed) => {
  expect(strangers(folder, allowed)).toEqual([]);
});

test("only the list of passes imports passes, and only compile.ts and the command line import the list", () => {
  const real = IMPORTS.filter(({ type, from }) => !type && !inside(from, "test") && !inside(from, "bench"));
  const importers = (path: (to: string) => boolean) => [
    ...new Set(real.filter(({ to }) => path(to)).map(({ from }) => from)),
  ];
  expect(importers((to) => inside(to, "compiler/opt"))).toEqual(["compiler/passes.ts"]);
  expect(importers((to) => to === "compiler/passes.ts").filter((from) => !inside(from, "cli"))).toEqual([
    "compiler/compile.ts",
  ]);
});

test("only the list of targets imports targets", () => {
  const targets = readdirSync(join(ROOT, "compiler/target"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => `compiler/target/${entry.name}`);
  expect(targets.length).toBeGreaterThan(0);
  for (const { from, to } of IMPORTS) {
    const target = targets.find((folder) => inside(to, folder));
    if (target === undefined || inside(from, target) || !inside(from, "compiler")) continue;
    expect([from, to]).toEqual(["compiler/target/targets.ts", to]);
  }
  const users = IMPORTS.filter(({ type, to }) => !type && to === "compiler/target/targets.ts");
  const inCompiler = users.map(({ from }) => from).filter((from) => inside(from, "compiler"));
  expect(inCompiler).toEqual(["compiler/compile.ts"]);
});

test("an index.ts is a public entry, and nothing behind it imports it", () => {
  const entries = ["index.ts", "compiler/index.ts", "formats/index.ts", "runtime/index.ts"];
  expect(FILES.filter((file) => /(^|\/)index\.ts$/.test(file)).sort()).toEqual([...entries].sort());
  for (const { from, to } of IMPORTS)
    if (entries.includes(to) && from !== "index.ts")
      expect(from, `imports ${to}`).toMatch(/^(cli|test|bench|examples|scripts)\//);
});

test("no module imports itself through others", () => {
  const next = new Map<string, string[]>();
  for (const { type, from, to } of IMPORTS)
    if (!type && to.endsWith(".ts")) next.set(from, [...(next.get(from) ?? []), to]);
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    expect(path, "a cycle").not.toContain(file);
    if (done.has(file)) return;
    for (const to of next.get(file) ?? []) visit(to, [...path, file]);
    done.add(file);
  };
  for (const file of next.keys()) visit(file, []);
});

test("sources import by relative path with extension", () => {
  for (const { from, to } of IMPORTS)
    if (!to.includes(":") && inside(to, "") === false && /^(compiler|formats|helpers|runtime|cli)\//.test(to))
      expect(to, `${from} imports it`).toMatch(/\.ts$/);
});
